"""The members of a tar, read in place and in one pass, and the samples of a WebDataset.

A tar may be a file, plain or compressed, or a pipe. One that is cut short or damaged is an ArchiveError: `tarfile`
itself takes a damaged header for the end.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from headkit.photos.folders import is_picture


class ArchiveError(Exception):
    """What is wrong with a tar, in words."""


class Stream(Protocol):
    """What a tar is read from, front to back."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Member:
    """A file in a tar.

    data   None where it is longer than it may be
    begin  offset of its bytes in the tar, of what is in it where it is compressed
    end    offset of what follows
    """

    name: str
    data: bytes | None
    begin: int
    end: int


@dataclass
class Sample:
    """What belongs together in a WebDataset: its members by extension, and the offset of what follows."""

    members: dict[str, Member] = field(default_factory=dict)
    end: int = 0

    @property
    def picture(self) -> Member | None:
        """The photo of the sample: with a plain extension (jpg) rather than one of several words (mask.png)."""
        pictures = [name for name, member in self.members.items() if is_picture(member.name)]
        best = min(pictures, key=lambda name: name.count("."), default=None)
        return self.members[best] if best is not None else None


class _Header(tarfile.TarInfo):
    """A header that is damaged or missing is an error, and not an end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _Header:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":  # the block of zeros that ends a tar
                raise
            raise tarfile.ReadError(str(error)) from None


def _headers(
    file: Any, begin: int, *, seekable: bool
) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """Every header of a tar; a file that cannot be moved in is read from where it is."""
    if seekable:
        file.seek(begin)
    archive = tarfile.open(fileobj=file, mode="r:" if seekable else "r|*", tarinfo=_Header)  # noqa: SIM115 - not ours to close
    kept: Any = archive
    while (header := archive.next()) is not None:
        kept.members.clear()  # it would hold all of them
        yield header, archive


def members(
    file: Stream | IO[bytes],
    *,
    begin: int,
    seekable: bool,
    wanted: Callable[[str], bool],
    longest: int,
) -> Iterator[Member]:
    """The wanted plain files of a tar from offset `begin` on (of what is in it, where it is compressed).

    Raises ArchiveError; OSError passes.
    """
    try:
        for header, archive in _headers(file, begin, seekable=seekable):
            if header.offset < begin or not header.isfile() or not wanted(header.name):
                continue
            data = None
            if header.size <= longest:
                content = archive.extractfile(header)
                assert content is not None  # of a plain file there is one
                data = content.read()
            # The next header begins on a block of 512 bytes.
            end = header.offset_data + -(-header.size // 512) * 512
            yield Member(header.name, data, header.offset_data, end)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ArchiveError(str(error) or type(error).__name__) from None
    except OSError as error:
        if error.errno is None:  # gzip's: not compressed as it says
            raise ArchiveError(str(error)) from None
        raise


def samples(found: Iterator[Member]) -> Iterator[Sample]:
    """Neighbours whose names are equal up to the first dot after the last slash, as WebDataset has it."""
    current, sample = None, Sample()
    for member in found:
        folder, _, name = member.name.rpartition("/")
        key, _, extension = name.partition(".")
        if current is not None and (folder, key) != current:
            yield sample
            sample = Sample()
        current = folder, key
        sample.members[extension.lower()] = member
        sample.end = member.end
    if current is not None:
        yield sample
