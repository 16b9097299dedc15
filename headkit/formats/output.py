"""The folder of one format while it is written: every file with its checksum, images of all formats stored once.

Formats that keep images as files (coco, yolo) share them by hard links: each folder is whole by itself, can be
copied, moved or packed up alone, and costs no second copy of the bytes. On a disk without hard links they are copies.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from headkit.formats.sample import Sample

_BLOCK = 2 << 20  # bytes
_SYNC_EVERY = 64 << 20  # bytes


@dataclass(frozen=True)
class Written:
    """A finished file of a dataset: its name below the dataset's folder, with slashes, its size and checksum."""

    name: str
    bytes: int
    sha256: str


@dataclass
class Stored:
    """The image that was stored last, and where: what the next format links to."""

    sha256: str = ""
    path: Path | None = None


class Stream:
    """A file that is written from front to end; its checksum grows with it.

    What is appended gathers to a block, and a thread hashes and writes it while the caller goes on: both let other
    threads run. Only one block is under way, and `write` or `close` raises what went wrong with it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self._file = path.open("xb", buffering=0)
        self._sha256 = hashlib.sha256()
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._unsynced = 0
        self._thread: ThreadPoolExecutor | None = None
        self._under_way: Future[None] | None = None

    def write(self, data: bytes) -> None:
        """Append; OSError passes."""
        self._gathered.append(data)
        self._gathered_bytes += len(data)
        self.bytes += len(data)
        if self._gathered_bytes >= _BLOCK:
            self._hand_over()

    def close(self) -> str:
        """Put the file on the disk; its sha256 in hexadecimal."""
        self._end_thread()
        self._append(self._gathered)
        os.fsync(self._file.fileno())
        self._file.close()
        return self._sha256.hexdigest()

    def abandon(self) -> None:
        """Let go of the file, where a run ends early."""
        # What is under way may not fit on the disk; the shard is cut short anyway.
        with suppress(OSError):
            self._end_thread()
        self._file.close()

    def _hand_over(self) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1)
        if self._under_way is not None:
            self._under_way.result()
        self._under_way = self._thread.submit(self._append, self._gathered)
        self._gathered, self._gathered_bytes = [], 0

    def _append(self, pieces: list[bytes]) -> None:
        block = memoryview(b"".join(pieces))
        self._sha256.update(block)
        self._unsynced += len(block)
        while block:
            block = block[self._file.write(block) :]
        if (
            self._unsynced >= _SYNC_EVERY
        ):  # so that little is left to be waited for when it is closed
            os.fdatasync(self._file.fileno())
            self._unsynced = 0

    def _end_thread(self) -> None:
        if self._thread is not None:
            self._thread.shutdown()
        if self._under_way is not None:
            self._under_way.result()


@dataclass
class Output:
    """Where one format writes.

    root     the folder of the whole dataset
    folder   of this format in it; empty where it is the only one
    scratch  a folder of its own for what is not published
    stored   shared by all formats of a run
    """

    root: Path
    folder: str
    scratch: Path
    stored: Stored
    written: list[Written] = field(default_factory=list)  # since the last shard ended
    loose: bool = False  # whether some of them are not on the disk yet

    @property
    def prefix(self) -> str:
        return f"{self.folder}/" if self.folder else ""

    def path(self, name: str) -> Path:
        """Of a file of this format; its folder is made."""
        path = self.root / self.prefix / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def stream(self, name: str) -> Stream:
        """A new file, to be closed with `close`."""
        return Stream(self.path(name))

    def close(self, stream: Stream, name: str) -> Written:
        """End a stream; it is then one of the written."""
        done = Written(self.prefix + name, stream.bytes, stream.close())
        self.written.append(done)
        return done

    def put(self, name: str, data: bytes) -> Written:
        """Write a whole file and see it onto the disk."""
        stream = self.stream(name)
        stream.write(data)
        return self.close(stream, name)

    def put_small(self, name: str, data: bytes) -> None:
        """Write one of many small files; a shard ends with all of them on the disk at once."""
        with self.path(name).open("xb") as file:
            file.write(data)
        self.written.append(
            Written(self.prefix + name, len(data), hashlib.sha256(data).hexdigest())
        )
        self.loose = True

    def put_image(self, name: str, sample: Sample) -> None:
        """Store the image of a sample under this name, or a link to where another format stored it."""
        path, stored = self.path(name), self.stored
        if stored.path is None or stored.sha256 != sample.sha256 or not _linked(stored.path, path):
            with path.open("xb") as file:
                file.write(sample.data)
            stored.sha256, stored.path = sample.sha256, path
        self.written.append(Written(self.prefix + name, len(sample.data), sample.sha256))
        self.loose = True


def _linked(source: Path, path: Path) -> bool:
    """Whether `path` could be made a second name of `source`."""
    try:
        os.link(source, path)
    except OSError:
        return False  # no hard links here, or no more of this file; what is truly wrong, writing meets again
    return True
