"""The records that wait on disk to be packed: what a format holds and where it ends depends on all of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self


class Waiting:
    """Lines in a file, found by their number; 16 bytes of memory each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self._starts = array("q")
        self._heads = array("q")  # heads of all lines before
        self._total_heads = 0
        self._file: BinaryIO | None = None

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def heads(self) -> int:
        """Of all lines."""
        return self._total_heads

    def __enter__(self) -> Self:
        self._file = self.path.open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._file is not None
        self._file.close()

    def add(self, line: bytes, heads: int) -> None:
        """Append a line, without its newline, of a record with that many heads."""
        assert self._file is not None
        self._file.write(line + b"\n")
        self._starts.append(self.bytes)
        self._heads.append(self._total_heads)
        self.bytes += len(line) + 1
        self._total_heads += heads

    def first_head(self, number: int) -> int:
        """How many heads the lines before have."""
        return self._heads[number]

    def lines(self, numbers: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Each number, and its line with the newline."""
        with self.path.open("rb") as file:
            at = -1
            for number in numbers:
                if self._starts[number] != at:
                    file.seek(self._starts[number])
                line = file.readline()
                at = self._starts[number] + len(line)
                yield number, line
