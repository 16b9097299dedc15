"""What is said of the whole: the index and the card against what was counted, and what the datasheet leaves open."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from headkit import __version__
from headkit.formats.reading import INDEX, Packed
from headkit.formats.yolo import DATA, data_yaml
from headkit.verifying.findings import Finding

CARD = "README.md"
DOCUMENTS = (CARD, "DATASHEET.md", "LICENSES.md")
OPEN = "**TO ANSWER**"
NOT_SCREENED = re.compile(r"\*\*([A-Za-z ]+): not screened")
_COUNT = re.compile(r"\| (images|heads) \| ([\d,]+) \|")


def totals(packed: Packed, images: Counter[str], heads: int | None) -> Iterator[Finding]:
    """The index against the samples that were read: `images` of each part, `heads` where a format has them all."""
    index = packed.index
    splits, subsets = index.get("splits") or {}, index.get("subsets") or {}
    for kind, said in (("splits", splits), ("subsets", subsets)):
        for name, count in said.items():
            if images[name] != count:
                text = f"says {count} images, there are {images[name]}"
                yield Finding(INDEX, f"{kind}.{name}", "count", text)
    every = sum(images[part] for part in packed.parts if part not in subsets)
    if index.get("images") != every:
        yield Finding(INDEX, "images", "count", f"says {index.get('images')}, there are {every}")
    if heads is not None and index.get("heads") != heads:
        yield Finding(INDEX, "heads", "count", f"says {index.get('heads')}, there are {heads}")
    yield from _card(packed, {"images": every, "heads": heads})


def _card(packed: Packed, counted: dict[str, int | None]) -> Iterator[Finding]:
    text = _read(packed.folder / CARD)
    for what, number in _COUNT.findall(text):
        count = counted[what]
        if count is not None and int(number.replace(",", "")) != count:
            yield Finding(CARD, what, "count", f"says {number} {what}, there are {count:,}")


def said_of_formats(packed: Packed) -> Iterator[Finding]:
    """What speaks of all shards of a format, and other documents that programs read."""
    for format in packed.formats:
        name = f"{packed.prefix(format)}{DATA}"
        same = packed.index.get("made_with") == f"headkit {__version__}"
        if format in ("yolo", "yolo-pose") and same and (packed.folder / name).is_file():
            wanted = data_yaml(packed.parts, points=format == "yolo-pose")
            if _read(packed.folder / name) != wanted:
                yield Finding(
                    name, "", "document", "it does not say of this dataset what it should"
                )
    for path in sorted(packed.folder.glob("*.json")):
        try:
            json.loads(path.read_bytes())
        except ValueError as error:
            yield Finding(path.name, "", "document", f"not JSON: {error}")


def open_questions(folder: Path) -> Iterator[Finding]:
    """Questions that wait for the maker's answer, and screens that were not run. For --strict."""
    for name in DOCUMENTS:
        for number, line in enumerate(_read(folder / name).splitlines(), 1):
            bare = line.lstrip("-*> ") if not line.startswith("**") else line
            if bare.startswith(OPEN):
                yield Finding(name, f"line {number}", "open", "a question without an answer")
            screened = NOT_SCREENED.search(line)
            if screened is not None:
                yield Finding(name, f"line {number}", "screen", f"{screened[1]}: not screened")


def _read(path: Path) -> str:
    """Of a document; empty where it is not there, which the checksums tell."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
