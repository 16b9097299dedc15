"""Input files as lines, with the place of each, so that a message can name it and a resumed run find it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from headkit.jsonl import BOM, MAX_LINE
from headkit.run.streams import STDIN_NAMES
from headkit.status import NO_INPUT, Stop
from headkit.tool import Photo

CHUNK = 1 << 20


class Line(NamedTuple):
    """Bytes without the newline, of file number `file`; `end` is the offset of what follows it."""

    raw: bytes
    file: int
    number: int
    end: int
    cut: bool  # the last line of a file, without a newline
    photo: Photo | None = None  # of a tool that takes photos (photo_lines)


@dataclass(frozen=True)
class Place:
    """How far input was read: file number, offset in it, lines of it; records in all, and bad lines skipped."""

    file: int = 0
    offset: int = 0
    line: int = 0
    read: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Input:
    """One operand: what messages call it, and its path; None is standard input."""

    name: str
    path: str | None

    def open(self, stdin: int) -> int:
        """A descriptor to read from; Stop 66 where the file cannot be opened."""
        if self.path is None:
            return os.dup(stdin)
        try:
            return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Stop(NO_INPUT, f"{self.name}: {error.strerror}") from None


def inputs(operands: list[str], *, folders: bool = False) -> list[Input]:
    """The operands, or standard input where there is none; Stop 66 for one that cannot be read.

    All are looked at before work begins, none is opened: opening a pipe would disturb it.
    """
    found = []
    for operand in operands or ["-"]:
        if operand in STDIN_NAMES:
            found.append(Input("stdin", None))
            continue
        try:
            mode = os.stat(operand).st_mode
        except OSError as error:
            raise Stop(NO_INPUT, f"{operand}: {error.strerror}") from None
        if stat.S_ISDIR(mode) and not folders:
            raise Stop(NO_INPUT, f"{operand}: is a folder; name the files in it")
        if not os.access(operand, os.R_OK):
            raise Stop(NO_INPUT, f"{operand}: permission denied")
        found.append(Input(operand, operand))
    return found


def is_file(descriptor: int) -> bool:
    """Whether reading never waits, and can begin anywhere."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


class Lines:
    """Iterates over the lines of all inputs, from `place` on."""

    def __init__(
        self,
        files: list[Input],
        stdin: int,
        wait: Callable[[int], None],
        *,
        separator: bytes = b"\n",
        place: Place = Place(),
    ) -> None:
        self.files = files
        self.stdin = stdin
        self.wait = wait
        self.separator = separator
        self.place = place

    def where(self, file: int, number: int) -> str:
        return f"{self.files[file].name}:{number}"

    def __iter__(self) -> Iterator[Line]:
        for index in range(self.place.file, len(self.files)):
            yield from self.of(index)

    def of(self, index: int) -> Iterator[Line]:
        """The lines of one file, from `place` on where that lies in it."""
        descriptor = self.files[index].open(self.stdin)
        try:
            first = index == self.place.file
            yield from self._lines(descriptor, index, self.place if first else Place(index))
        finally:
            os.close(descriptor)

    def _lines(self, descriptor: int, file: int, place: Place) -> Iterator[Line]:
        """Lines of one file. A line that is too long comes as its first bytes, too many to be parsed."""
        waits = not is_file(descriptor)
        end, number = place.offset, place.line
        if end:
            os.lseek(descriptor, end, os.SEEK_SET)
        elif not waits:
            end = os.lseek(
                descriptor, 0, os.SEEK_CUR
            )  # of standard input, somebody may have read a part
        pieces: list[bytes] = []  # of the line whose newline has not come
        length = 0  # of that line; more than the pieces hold once it is too long
        while data := self._read(descriptor, file, waits=waits):
            head, *rest = data.split(self.separator)
            known = length > MAX_LINE
            length += len(head)
            if not known:
                pieces.append(head)
                if length > MAX_LINE:
                    yield Line(b"".join(pieces), file, number + 1, end, cut=False)
                    pieces.clear()
            if not rest:
                continue
            number += 1
            end += length + 1
            if length <= MAX_LINE:
                yield Line(self._clean(b"".join(pieces), number), file, number, end, cut=False)
            *whole, tail = rest
            for raw in whole:
                number += 1
                end += len(raw) + 1
                yield Line(self._clean(raw, number), file, number, end, cut=False)
            pieces, length = [tail], len(tail)
        if 0 < length <= MAX_LINE:
            raw = self._clean(b"".join(pieces), number + 1)
            yield Line(raw, file, number + 1, end + length, cut=True)

    def _read(self, descriptor: int, file: int, *, waits: bool) -> bytes:
        if waits:
            self.wait(descriptor)
        try:
            return os.read(descriptor, CHUNK)
        except OSError as error:
            raise Stop(NO_INPUT, f"{self.files[file].name}: {error.strerror}") from None

    def _clean(self, raw: bytes, number: int) -> bytes:
        if self.separator == b"\0":
            return raw
        if number == 1 and raw.startswith(BOM):
            raw = raw[len(BOM) :]
        return raw[:-1] if raw.endswith(b"\r") else raw
