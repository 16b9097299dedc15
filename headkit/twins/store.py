"""Vectors on disk, by the digest of what they describe: written once, found again by any later run.

An entry is the digest (32 bytes), the vector as float16, and a checksum; all are of one length, and are only ever
appended, under a lock, so that several runs may share a file and a torn entry at its end is cut.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.twins.cosines import Vectors

KEY = 32  # bytes of a digest


class Store:
    """The vectors of one network, or of one descriptor."""

    def __init__(self, path: Path, width: int) -> None:
        """Open or begin the file of vectors of `width` numbers; OSError passes."""
        self._entry = np.dtype([("key", "V32"), ("vector", "<f2", (width,)), ("check", "<u4")])
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self._path = path
        self._seen: dict[bytes, int] = {}
        self._count = 0
        self._lock()
        try:
            size = os.fstat(self._file).st_size
            os.ftruncate(self._file, size - size % self._entry.itemsize)
        finally:
            self._unlock()
        self._read()

    def close(self) -> None:
        os.close(self._file)

    def find(self, key: bytes) -> int | None:
        """The place of a digest's vector; None where it has none."""
        return self._seen.get(key)

    def add(self, keys: Sequence[bytes], vectors: Vectors) -> list[int]:
        """Append vectors; their places."""
        entries = np.zeros(len(keys), self._entry)
        entries["key"] = np.frombuffer(b"".join(keys), "V32")
        entries["vector"] = vectors
        entries["check"] = [_check(entry) for entry in entries]
        self._lock()
        try:
            data = memoryview(entries.tobytes())
            while data:
                data = data[os.write(self._file, data) :]
        finally:
            self._unlock()
        self._read()
        return [self._seen[key] for key in keys]

    def gather(self, places: NDArray[np.int64]) -> Vectors:
        """(n, width) the vectors at places."""
        found: Vectors = self._entries()["vector"][places]
        return found

    def _entries(self) -> Any:
        if not self._count:
            return np.empty(0, self._entry)
        return np.memmap(self._path, self._entry, "r", shape=(self._count,))

    def _read(self) -> None:
        """Learn what was appended, by whomever. A damaged entry is passed over: its vector is made again."""
        count = os.fstat(self._file).st_size // self._entry.itemsize
        begin, self._count = self._count, count
        if begin == count:
            return
        entries = self._entries()
        for start in range(begin, count, 4096):
            part = np.array(entries[start : min(start + 4096, count)])
            for place, entry in enumerate(part, start):
                if _check(entry) == entry["check"]:
                    self._seen.setdefault(entry["key"].tobytes(), place)

    def _lock(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def _unlock(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)


def _check(entry: Any) -> int:
    return zlib.crc32(entry["vector"].tobytes(), zlib.crc32(entry["key"].tobytes()))
