"""What still holds removed samples outside of the dataset: manifests, ledgers and images of the user's, and how to clean them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from headkit.paths import PathError, resolve
from headkit.publishing.catalog import Entry
from headkit.tool import Record

_MANIFESTS, _LEDGERS = (".jsonl",), (".dropped",)
_MANY = 500  # ids of one expression
_NAMED = re.compile(rb'"(?:id|cluster|from|copy_of)":\s*"((?:[^"\\]|\\.)*)"')


def leftovers(base: Path, private: Path, root: Path, logs: Path | None, gone: list[Entry]) -> Iterator[Record]:
    """A row for each file that still holds a removed sample: its name, the lines, and the command that cleans it."""
    if not gone:
        return
    yield {"left": str(base), "clean": f"rm -r {shlex.quote(str(base))}"}
    if private.exists():
        yield {"left": str(private), "clean": f"rm {shlex.quote(str(private))}"}
    ids = [entry.id for entry in gone]
    words = {json.dumps(id, ensure_ascii=False)[1:-1].encode() for id in ids}
    seen = {private.resolve()}
    for path in _manifests((root, base.parent, *((logs,) if logs is not None else ()))):
        if path.resolve() not in seen:
            seen.add(path.resolve())
            lines = _lines_with(path, words)
            if lines:
                yield {"left": str(path), "lines": lines, "clean": _command(path, ids)}
    for entry in gone:
        image = entry.rest.get("image")
        if isinstance(image, str):
            try:
                file = resolve(root, image)
            except PathError:
                continue
            if file.is_file():
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
    parts = [ids[at : at + _MANY] for at in range(0, len(ids), _MANY)]
    if path.name.endswith(_LEDGERS):  # filter would take back what a ledger says of each row
        words = [[f"-e {shlex.quote(json.dumps(id, ensure_ascii=False))}" for id in part] for part in parts]  # fmt: skip
        steps = [f"grep -vF {' '.join(part)}" for part in words]
    else:
        lists = (", ".join(json.dumps(id, ensure_ascii=False) for id in part) for part in parts)
        steps = [
            f"headkit filter --keep-errors --keep {shlex.quote(f'not (id in [{part}])')}"
            for part in lists
        ]
    return f"{' | '.join(steps)} < {old} > {new}; mv {new} {old}"
