"""Captions that were made elsewhere, joined by id: rows of `id` and `caption`, in any order.

Only where each line begins is held in memory, 16 bytes a caption: a million of them cost 16 MB.
"""

from __future__ import annotations

import hashlib
import weakref
from array import array
from pathlib import Path

import numpy as np

from headkit.jsonl import BOM, LineError, parse
from headkit.status import BAD_INPUT, NO_INPUT, Stop
from headkit.tool import Failure, Record


class Captions:
    """The captions of a file, by id.

    Raises Stop: 66 where the file cannot be opened, 65 where a line is no row with `id` and `caption`, or an id stands
    twice; OSError passes where the disk fails later.
    """

    def __init__(self, path: Path) -> None:
        keys, places, numbers, place = array("Q"), array("Q"), array("Q"), 0
        try:
            self.file = path.open("rb")
        except OSError as error:
            raise Stop(NO_INPUT, f"--merge {path}: {error.strerror}; check the path") from None
        weakref.finalize(self, self.file.close)
        digest = hashlib.sha256()
        for number, line in enumerate(self.file, 1):
            digest.update(line)
            if line.strip() and line.strip() != BOM:
                keys.append(_key(_row(line, f"--merge {path}:{number}")["id"]))
                places.append(place)
                numbers.append(number)
            place += len(line)
        order = np.argsort(np.asarray(keys), kind="stable")
        self.keys, self.places = np.asarray(keys)[order], np.asarray(places)[order]
        self.sha256 = digest.hexdigest()
        twice = np.flatnonzero(self.keys[1:] == self.keys[:-1])
        if len(twice):
            first, second = (numbers[order[twice[0] + k]] for k in (0, 1))
            raise Stop(
                BAD_INPUT,
                f"--merge {path}:{second}: the id of line {first} again; keep one of them",
            )

    def of(self, record: Record) -> str | Failure:
        """The caption of a record."""
        name = str(record["id"])
        at = int(np.searchsorted(self.keys, np.uint64(_key(name))))
        if at < len(self.keys) and self.keys[at] == _key(name):
            self.file.seek(int(self.places[at]))
            row = _row(self.file.readline(), "--merge")
            if row["id"] == name:
                return str(row["caption"])
        return Failure("no-caption", "the file of --merge has no caption for this id; add one")


def _key(name: str) -> int:
    data = name.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _row(line: bytes, where: str) -> Record:
    try:
        row = parse(line.removeprefix(BOM).strip())
    except LineError as error:
        raise Stop(BAD_INPUT, f"{where}: {error}") from None
    for name in ("id", "caption"):
        if not isinstance(row.get(name), str):
            raise Stop(BAD_INPUT, f"{where}: no {name}; rows need id and caption, both text")
    return row
