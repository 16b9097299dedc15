"""WebDataset shards: tar files of KEY.png, KEY.json pairs, the same bytes on every machine and at any time.

The rules are the reader's (webdataset 1.0, tariterators): the key of a member is its name up to the first
dot; the members of a sample lie side by side; names that begin with an underscore are metadata. Owner,
mode and time of every member are fixed, so that equal samples make equal shards.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from headkit import jsonl
from headkit.formats.layout import Layout, Part, stem
from headkit.formats.output import Stream
from headkit.formats.sample import Sample, line_of
from headkit.tool import Record

LONGEST_KEY = 80  # bytes: with a suffix it stays under the 100 of a plain USTAR name
_OUTSIDE_KEY = re.compile(rb"[^A-Za-z0-9_-]|^[_-]")
_BLOCK, _RECORD = 512, 10240  # tar's units: members fill blocks, files fill records
_ZEROS = bytes(_BLOCK)


def key(id: str) -> str:
    """The sample's key: the id, with every byte but letters, digits, - and _ as =XX.

    Different ids have different keys. A long one is cut and ends in == and 32 digits of its hash.
    """
    escaped = _OUTSIDE_KEY.sub(lambda found: b"=%02X" % found[0][0], id.encode()).decode()
    if len(escaped) <= LONGEST_KEY:
        return escaped
    digest = hashlib.blake2b(id.encode(), digest_size=16).hexdigest()
    return f"{escaped[: LONGEST_KEY - 34]}=={digest}"


@dataclass(slots=True)
class Member:
    """One file of a sample. `suffix` without the dot."""

    suffix: str
    data: bytes
    sha256: str


@dataclass
class WebDataset(Layout):
    """PART-NNNNNN.tar, and beside each an index of its members."""

    name = "webdataset"
    container = True
    whole = True
    hub = "{part}-*.tar"
    part: str = ""
    number: int = 0
    stream: Stream | None = None
    members: list[Record] = field(default_factory=list)  # name, offset of the data, bytes, sha256

    def prepare(self, sample: Sample) -> list[Member]:
        """Image and label, side by side."""
        text = line_of(sample)
        return [
            Member(sample.image.suffix, sample.data, sample.sha256),
            Member("json", text, hashlib.sha256(text).hexdigest()),
        ]

    def size(self, prepared: Any) -> int:
        """Of the tar file, with what ends it."""
        image, label = prepared
        members = 2 * _BLOCK + _padded(len(image.data), _BLOCK) + _padded(len(label.data), _BLOCK)
        return _tar_size(self.bytes + members)

    def begin(self, part: str, number: int) -> None:
        self.start_shard()
        self.part, self.number, self.members = part, number, []
        self.stream = self.output.stream(f"{stem(part, number)}.tar")

    def add(self, sample: Sample, prepared: Any) -> None:
        for member in prepared:
            name, size = f"{sample.key}.{member.suffix}", len(member.data)
            at = self.bytes + _BLOCK
            self.members.append(
                {"name": name, "offset": at, "bytes": size, "sha256": member.sha256}
            )
            self._write(_header(name, size))
            self._write(member.data)
            self._write(_ZEROS[: -size % _BLOCK])
        self.count += 1

    def end(self) -> Record:
        assert self.stream is not None
        self._write(bytes(_tar_size(self.bytes) - self.bytes))
        shard = stem(self.part, self.number)
        index = b"".join(jsonl.dump(member) + b"\n" for member in self.members)
        self.output.put(f"{shard}.index.jsonl", index)
        done = self.output.close(self.stream, f"{shard}.tar")
        self.stream = None
        return self.row(done.name, done.sha256)

    def abandon(self) -> None:
        if self.stream is not None:
            self.stream.abandon()

    def about(self, parts: Sequence[Part]) -> Iterator[str]:
        prefix = self.output.prefix
        for part in parts:
            count = len(part.shards[self.name])
            what = f"{count} WebDataset shard{'' if count == 1 else 's'}"
            yield f"- `{prefix}{part.name}-NNNNNN.tar`: {what}; every sample is `KEY.png` (or jpg, webp) and `KEY.json`."
        yield f"- `{prefix}*.index.jsonl`: name, offset, bytes and sha256 of every member of a shard."
        yield ""
        yield "      import webdataset"
        first = f"{prefix}{parts[0].name if parts else 'heads'}-000000.tar"
        yield f'      samples = webdataset.WebDataset("{first}", shardshuffle=False).decode("pil")'

    def _write(self, data: bytes) -> None:
        assert self.stream is not None
        self.stream.write(data)
        self.bytes += len(data)


def _padded(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _tar_size(content: int) -> int:
    """The size of a tar file with `content` bytes of members: two empty blocks end it, and it fills records."""
    return _padded(content + 2 * _BLOCK, _RECORD)


def _header(name: str, size: int) -> bytes:
    """A USTAR header as tarfile makes it (20 times as long): mtime, uid and gid 0, the owner's names empty."""
    word, digits = name.encode("ascii"), b"%011o" % size
    assert len(word) < 100
    assert len(digits) == 11
    checksum = b"%06o" % (_BARE_SUM + sum(word) + sum(digits))
    return b"".join((word.ljust(100, b"\0"), _MODE, digits, _TIME, checksum, _REST))


def _bare() -> bytes:
    """A header without name and size, and with spaces for its checksum."""
    info = tarfile.TarInfo("")
    info.mode = 0o644
    made = info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
    return made[:124] + bytes(11) + made[135:148] + b" " * 6 + made[154:]


_BARE = _bare()
_MODE, _TIME, _REST = _BARE[100:124], _BARE[135:148], _BARE[154:]
_BARE_SUM = sum(_BARE) - sum(_BARE[154:156]) + 2 * ord(" ")  # the whole field counts as spaces
