"""WebDataset shards: tar files of KEY.png, KEY.json pairs, the same bytes on every machine and at any time.

The rules are the reader's (webdataset 1.0, tariterators): the key of a member is its name up to the first
dot; the members of a sample lie side by side; names that begin with an underscore are metadata. Owner,
mode and time of every member are fixed, so that equal samples make equal shards.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from errno import EIO
from pathlib import Path
from typing import Any

from headkit import jsonl

LONGEST_KEY = 80  # bytes: with a suffix it stays under the 100 of a plain USTAR name
_OUTSIDE_KEY = re.compile(rb"[^A-Za-z0-9_-]|^[_-]")
_BLOCK, _RECORD = 512, 10240  # tar's units: members fill blocks, files fill records


def key(id: str) -> str:
    """The sample's key: the id, with every byte but letters, digits, - and _ as =XX.

    Different ids have different keys. A long one is cut and ends in == and 32 digits of its hash.
    """
    escaped = _OUTSIDE_KEY.sub(lambda found: b"=%02X" % found[0][0], id.encode()).decode()
    if len(escaped) <= LONGEST_KEY:
        return escaped
    digest = hashlib.blake2b(id.encode(), digest_size=16).hexdigest()
    return f"{escaped[: LONGEST_KEY - 34]}=={digest}"


@dataclass(frozen=True)
class Member:
    """One file of a sample. `suffix` without the dot."""

    suffix: str
    data: bytes
    sha256: str

    @classmethod
    def of(cls, suffix: str, data: bytes) -> Member:
        """The member with its checksum."""
        return cls(suffix, data, hashlib.sha256(data).hexdigest())


class Writer:
    """Writes shards into a folder; shards and sums are those of an earlier run that it goes on from."""

    def __init__(
        self,
        folder: Path,
        most_samples: int,
        most_bytes: int,
        shards: list[dict[str, Any]],
        sums: dict[str, str],
    ) -> None:
        self.folder = folder
        self.most_samples, self.most_bytes = most_samples, most_bytes
        self.shards = list(shards)  # name, count, bytes, sha256
        self.sums = dict(sums)  # name of a file -> sha256
        self._shard: _Shard | None = None
        for path in folder.iterdir():
            if path.name not in self.sums:  # a shard that was cut short
                path.unlink()
        for shard in shards:
            if (folder / shard["name"]).stat().st_size != shard["bytes"]:
                raise OSError(EIO, "a shard of the run before is damaged; remove it", str(folder))

    def is_full(self, members: list[Member]) -> bool:
        """Whether the shard in hand would have more samples or bytes than it may."""
        shard = self._shard
        if shard is None:
            return False
        size = sum(_BLOCK + _padded(len(member.data), _BLOCK) for member in members)
        return shard.count >= self.most_samples or _tar_size(shard.bytes + size) > self.most_bytes

    def add(self, key: str, members: list[Member]) -> None:
        """Append one sample to the shard in hand; OSError passes."""
        if self._shard is None:
            self._shard = _Shard(self.folder / f"heads-{len(self.shards):06d}.tar")
        self._shard.add(key, members)

    def close(self) -> list[dict[str, Any]]:
        """End the last shard; the rows of all."""
        self.finish()
        return self.shards

    def abandon(self) -> None:
        """Let go of the shard in hand, where a run ends early."""
        shard, self._shard = self._shard, None
        if shard is not None:
            with suppress(
                OSError
            ):  # what is buffered may not fit on the disk; the shard is cut short anyway
                shard.file.close()

    def put(self, name: str, data: bytes) -> None:
        """Write a file beside the shards."""
        with (self.folder / name).open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self.sums[name] = hashlib.sha256(data).hexdigest()

    def put_sums(self) -> None:
        """Write SHA256SUMS over every other file, as sha256sum(1) reads it."""
        lines = [f"{digest}  {name}\n" for name, digest in sorted(self.sums.items())]
        self.put("SHA256SUMS", "".join(lines).encode())

    def finish(self) -> None:
        """End the shard in hand and write its index."""
        shard = self._shard
        if shard is None:
            return
        digest, name = shard.close(), shard.path.name
        self._shard = None
        self.sums[name] = digest
        self.shards.append(
            {"name": name, "count": shard.count, "bytes": shard.bytes, "sha256": digest}
        )
        index = b"".join(jsonl.dump(member) + b"\n" for member in shard.members)
        self.put(name.removesuffix(".tar") + ".index.jsonl", index)


class _Shard:
    """A tar file that is being written, and what is known of it so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.bytes = 0
        self.members: list[dict[str, Any]] = []  # name, offset of the data, bytes, sha256
        self.file = path.open("xb")
        self._sha256 = hashlib.sha256()

    def add(self, key: str, members: list[Member]) -> None:
        for member in members:
            name = f"{key}.{member.suffix}"
            self._write(_header(name, len(member.data)))
            self.members.append(
                {
                    "name": name,
                    "offset": self.bytes,
                    "bytes": len(member.data),
                    "sha256": member.sha256,
                }
            )
            self._write(member.data)
            self._write(bytes(_padded(len(member.data), _BLOCK) - len(member.data)))
        self.count += 1

    def close(self) -> str:
        """End the tar file; its sha256 in hexadecimal."""
        self._write(bytes(_tar_size(self.bytes) - self.bytes))
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        return self._sha256.hexdigest()

    def _write(self, data: bytes) -> None:
        self.file.write(data)
        self._sha256.update(data)
        self.bytes += len(data)


def _padded(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _tar_size(content: int) -> int:
    """The size of a tar file with `content` bytes of members: two empty blocks end it, and it fills records."""
    return _padded(content + 2 * _BLOCK, _RECORD)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o644  # mtime, uid and gid are 0 and the owner's names empty from the start
    return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
