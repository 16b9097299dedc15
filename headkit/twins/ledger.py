"""What was compared: one entry per tile with the pairs found in it, in memory or in a folder.

In a folder, band i has a file `band-00000i`: an entry per tile (i, i), (i, i + 1), ..., in this order, each with a
checksum. Whoever holds the lock of the file appends to it; so processes and machines that share the folder share the
work, one that dies leaves whole entries and a torn one that is cut, and the work goes on at that tile. All pairs of
rows were compared once and only once when every band has all its entries, and their counts add up: pairs() checks it.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

from headkit.twins.grid import Grid

PAIR = np.dtype([("first", "<u4"), ("second", "<u4"), ("cosine", "<f8")])
_HEAD = np.dtype(
    [("band", "<u4"), ("block", "<u4"), ("compared", "<u8"), ("found", "<u8"), ("check", "<u4")]
)

Pairs = NDArray[np.void]  # of PAIR: row numbers, first < second


class BusyError(OSError):
    """The folder serves another search that has not ended."""


@dataclass(frozen=True)
class Purpose:
    """What a search is of: a folder serves one, and begins anew for another."""

    vectors: str  # digest of the vectors
    count: int
    tile: int
    threshold: float


class Band(Protocol):
    """The entries of one band, being written."""

    done: int  # entries that are there

    def append(self, compared: int, found: Pairs) -> None:
        """The next tile is done."""
        ...


class Ledger(Protocol):
    """The entries of a search."""

    @contextmanager
    def band(self, number: int) -> Iterator[Band | None]:
        """A band to write to; None where somebody else writes to it."""
        ...

    def finished(self, number: int) -> bool:
        """Whether a band has all its entries."""
        ...

    def pairs(self) -> Pairs:
        """All pairs, in order of their rows. Raises AssertionError where not every pair of rows was compared once."""
        ...


@dataclass
class _Memory:
    done: int
    compared: int
    found: list[Pairs]

    def append(self, compared: int, found: Pairs) -> None:
        self.done += 1
        self.compared += compared
        self.found.append(found)


class MemoryLedger:
    """Of a search that nobody shares and nobody takes up."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._bands = [_Memory(0, 0, []) for _ in range(grid.blocks)]

    @contextmanager
    def band(self, number: int) -> Iterator[Band | None]:
        yield self._bands[number]

    def finished(self, number: int) -> bool:
        return self._bands[number].done == self.grid.blocks - number

    def pairs(self) -> Pairs:
        found = [pairs for band in self._bands for pairs in band.found]
        return _checked(self.grid, found, sum(band.compared for band in self._bands))


class _File:
    """A band in a folder, locked."""

    def __init__(self, file: IO[bytes], number: int) -> None:
        self.file, self.number = file, number
        entries = [(block, end) for block, _, _, end in _entries(file, number)]
        self.done = len(entries)
        file.seek(entries[-1][1] if entries else 0)
        file.truncate()

    def append(self, compared: int, found: Pairs) -> None:
        head = np.zeros((), _HEAD)
        head["band"], head["block"] = self.number, self.number + self.done
        head["compared"], head["found"] = compared, len(found)
        data = found.tobytes()
        head["check"] = zlib.crc32(data, zlib.crc32(head.tobytes()))
        self.file.write(head.tobytes() + data)
        self.file.flush()
        self.done += 1


class FolderLedger:
    """Of a search that may be shared and taken up."""

    def __init__(self, folder: Path, grid: Grid, purpose: Purpose) -> None:
        """Raises BusyError where another search works in the folder; OSError passes."""
        self.folder, self.grid = folder, grid
        folder.mkdir(parents=True, exist_ok=True)
        # Held, shared, as long as this search lives: nobody clears the folder meanwhile.
        self._lock = os.open(folder / "search.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_SH)
            if not self._serves(purpose):
                self._clear(purpose)
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Let others clear the folder."""
        os.close(self._lock)

    def _serves(self, purpose: Purpose) -> bool:
        try:
            return bool(json.loads((self.folder / "search.json").read_bytes()) == asdict(purpose))
        except (FileNotFoundError, ValueError):
            return False

    def _clear(self, purpose: Purpose) -> None:
        """Make the folder that of another search."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Several that begin together: one of them writes the purpose of all.
            fcntl.flock(self._lock, fcntl.LOCK_SH)
            if self._serves(purpose):
                return
            raise BusyError(f"{self.folder}: another search works there") from None
        if not self._serves(purpose):
            for path in self.folder.glob("band-*"):
                path.unlink()
            temporary = self.folder / ".search.json.tmp"
            temporary.write_text(json.dumps(asdict(purpose)) + "\n")
            temporary.replace(self.folder / "search.json")
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def _path(self, number: int) -> Path:
        return self.folder / f"band-{number:06}"

    @contextmanager
    def band(self, number: int) -> Iterator[Band | None]:
        with self._path(number).open("a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            yield _File(file, number)

    def finished(self, number: int) -> bool:
        return self._entries(number)[0] == self.grid.blocks - number

    def pairs(self) -> Pairs:
        bands = [self._entries(number) for number in range(self.grid.blocks)]
        if any(done != self.grid.blocks - number for number, (done, _, _) in enumerate(bands)):
            raise AssertionError("a tile is missing")
        found = [pairs for _, _, parts in bands for pairs in parts]
        return _checked(self.grid, found, sum(compared for _, compared, _ in bands))

    def _entries(self, number: int) -> tuple[int, int, list[Pairs]]:
        """How many entries a band has, the pairs of rows that they compared, and those that they found."""
        done, compared, found = 0, 0, []
        try:
            with self._path(number).open("rb") as file:
                for _, count, pairs, _ in _entries(file, number):
                    done, compared = done + 1, compared + count
                    found.append(pairs)
        except FileNotFoundError:
            pass
        return done, compared, found


def _entries(file: IO[bytes], number: int) -> Iterator[tuple[int, int, Pairs, int]]:
    """Block, pairs compared, pairs found and end of each whole entry of a band, up to one that is torn."""
    file.seek(0)
    block = number
    while len(data := file.read(_HEAD.itemsize)) == _HEAD.itemsize:
        head = np.frombuffer(data, _HEAD)[0].copy()
        check = int(head["check"])
        head["check"] = 0
        body = file.read(int(head["found"]) * PAIR.itemsize) if head["band"] == number else b""
        if head["block"] != block or zlib.crc32(body, zlib.crc32(head.tobytes())) != check:
            return
        yield block, int(head["compared"]), np.frombuffer(body, PAIR), file.tell()
        block += 1


def _checked(grid: Grid, found: list[Pairs], compared: int) -> Pairs:
    if compared != grid.all_pairs:
        raise AssertionError(f"{compared} of {grid.all_pairs} pairs of rows were compared")
    pairs = np.concatenate([np.empty(0, PAIR), *found])
    return pairs[np.lexsort((pairs["second"], pairs["first"]))]
