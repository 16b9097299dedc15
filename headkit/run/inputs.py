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


class Chunk(NamedTuple):
    """`lines` lines of file number `file`, each with its newline, from the offset `begin` on; `number` lines precede it."""

    data: bytes
    file: int
    number: int
    begin: int
    lines: int


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


def total_size(files: list[Input], stdin: int) -> int | None:
    """Bytes in all the inputs, None where one has no size, as a pipe."""
    sizes = [os.fstat(stdin) if file.path is None else os.stat(file.path) for file in files]
    if not all(stat.S_ISREG(size.st_mode) for size in sizes):
        return None
    return sum(size.st_size for size in sizes)


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

    def chunks(self) -> Iterator[Chunk | Line]:
        """The same lines as they are read, many at once; alone come one that is too long, and a last one that is cut."""
        for index in range(self.place.file, len(self.files)):
            descriptor = self.files[index].open(self.stdin)
            try:
                first = index == self.place.file
                yield from self._chunks(descriptor, index, self.place if first else Place(index))
            finally:
                os.close(descriptor)

    def lines(self, chunk: Chunk) -> Iterator[Line]:
        """The lines of a chunk."""
        number, end = chunk.number, chunk.begin
        for raw in chunk.data[:-1].split(b"\n"):
            number += 1
            end += len(raw) + 1
            yield Line(self.clean(raw, number), chunk.file, number, end, cut=False)

    def _chunks(self, descriptor: int, file: int, place: Place) -> Iterator[Chunk | Line]:
        waits = not is_file(descriptor)
        number, end = place.line, self._begin(descriptor, place, waits=waits)
        pieces: list[bytes] = []  # of the line whose newline has not come
        length = 0  # of that line; more than the pieces hold once it is too long
        while data := self._read(descriptor, file, waits=waits):
            whole = data.rfind(b"\n") + 1
            known = length > MAX_LINE
            if not whole:
                length += len(data)
                if not known:
                    pieces.append(data)
                    if length > MAX_LINE:
                        yield Line(b"".join(pieces), file, number + 1, end, cut=False)
                        pieces.clear()
                continue
            if known:  # the end of a line that was too long
                over = data.find(b"\n") + 1
                number, end = number + 1, end + length + over
                data, whole = data[over:], whole - over
            lines = b"".join([*pieces, memoryview(data)[:whole]])  # copied once
            if lines:
                count = lines.count(b"\n")
                yield Chunk(lines, file, number, end, count)
                number, end = number + count, end + len(lines)
            pieces, length = [data[whole:]], len(data) - whole
        if 0 < length <= MAX_LINE:
            raw = self.clean(b"".join(pieces), number + 1)
            yield Line(raw, file, number + 1, end + length, cut=True)

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
        number, end = place.line, self._begin(descriptor, place, waits=waits)
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
                yield Line(self.clean(b"".join(pieces), number), file, number, end, cut=False)
            *whole, tail = rest
            for raw in whole:
                number += 1
                end += len(raw) + 1
                yield Line(self.clean(raw, number), file, number, end, cut=False)
            pieces, length = [tail], len(tail)
        if 0 < length <= MAX_LINE:
            raw = self.clean(b"".join(pieces), number + 1)
            yield Line(raw, file, number + 1, end + length, cut=True)

    def _begin(self, descriptor: int, place: Place, *, waits: bool) -> int:
        """Go to the place; its offset."""
        if place.offset:
            os.lseek(descriptor, place.offset, os.SEEK_SET)
        elif not waits:  # of standard input, somebody may have read a part
            return os.lseek(descriptor, 0, os.SEEK_CUR)
        return place.offset

    def _read(self, descriptor: int, file: int, *, waits: bool) -> bytes:
        if waits:
            self.wait(descriptor)
        try:
            return os.read(descriptor, CHUNK)
        except OSError as error:
            raise Stop(NO_INPUT, f"{self.files[file].name}: {error.strerror}") from None

    def clean(self, raw: bytes, number: int) -> bytes:
        """Line `number` of a file without byte order mark and carriage return."""
        if self.separator == b"\0":
            return raw
        if number == 1 and raw.startswith(BOM):
            raw = raw[len(BOM) :]
        return raw[:-1] if raw.endswith(b"\r") else raw
