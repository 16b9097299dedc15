"""What still holds removed samples outside of the dataset: manifests, ledgers and images of the user's, and how to clean them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from headkit.paths import PathError, resolve
from headkit.publishing.release import Base
from headkit.tool import Record

_MANIFESTS, _LEDGERS = (".jsonl",), (".dropped",)
_NAMED = re.compile(rb'"(?:id|cluster|from|copy_of)":\s*"((?:[^"\\]|\\.)*)"')


def rows(base: Base, root: Path, logs: Path | None) -> Iterator[Record]:
    """A row for each file that still holds a removed sample: its name, the lines, and the command that cleans it."""
    folder, private = base.packed.folder, base.private.path
    gone = base.removed
    if not gone:
        return
    yield {"left": str(folder), "clean": f"rm -r {shlex.quote(str(folder))}"}
    if private.exists():
        yield {"left": str(private), "clean": f"rm {shlex.quote(str(private))}"}
    ids = [entry.id for entry in gone]
    words = {json.dumps(id, ensure_ascii=False)[1:-1].encode() for id in ids}
    seen = {private.resolve()}
    for path in _manifests((root, folder.parent, *((logs,) if logs is not None else ()))):
        if path.resolve() not in seen:
            seen.add(path.resolve())
            lines = _lines_with(path, words)
            if lines:
                yield {"left": str(path), "lines": lines, "clean": _command(path, ids)}
    images: set[Path] = set()
    for entry in gone:
        image = entry.rest.get("image")
        if isinstance(image, str):
            try:
                file = resolve(root, image)
            except PathError:
                continue
            if file.is_file() and file not in images:
                images.add(file)
                yield {"left": str(file), "clean": f"rm {shlex.quote(str(file))}"}


def _manifests(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in dict.fromkeys(folders):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name.endswith(_MANIFESTS + _LEDGERS) and path.is_file():
                yield path


def _lines_with(path: Path, words: set[bytes]) -> int:
    """How many lines name one of the ids, as their own or as what they were made from."""
    with path.open("rb") as file:
        return sum(not words.isdisjoint(_NAMED.findall(line)) for line in file)


def _command(path: Path, ids: list[str]) -> str:
    """What writes the file anew without these records."""
    old, new = shlex.quote(str(path)), shlex.quote(f"{path}.clean")
    quoted = [json.dumps(id, ensure_ascii=False) for id in ids]
    if path.name.endswith(_LEDGERS):  # filter would take back what a ledger says of each row
        words = " ".join(f"-e {shlex.quote(word)}" for word in quoted)
        clean = f"grep -vF {words} < {old} > {new} || [ $? -eq 1 ]"  # 1: no line is left
    else:
        keep = shlex.quote(f"not (id in [{', '.join(quoted)}])")
        clean = f"headkit filter --keep-errors --keep {keep} < {old} > {new}"
    return f"{clean} && mv {new} {old}"
