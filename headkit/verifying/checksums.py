"""Every file of a folder against its SHA256SUMS: changed, missing, foreign.

Names and sums of a million files take 40 MB: a hash of 8 bytes for each name, beside the 32 of its sum.
"""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np

from headkit.formats.folder import SUMS
from headkit.verifying.findings import Finding

LINK = "a link"  # in the place of a digest
_LINE = re.compile(rb"([0-9a-f]{64})  (.+)")


class Checksums:
    """The sums that a folder lists, and which of its files have been looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[Finding] = []  # of the list itself
        hashes, digests = array("Q"), bytearray()
        for number, line in self._lines():
            match = _LINE.fullmatch(line)
            if match is None:
                self.faults.append(
                    Finding(SUMS, f"line {number}", "checksum", "not a line of sha256sum")
                )
                continue
            hashes.append(_hash(match[2]))
            digests += bytes.fromhex(match[1].decode())
        unsorted = np.frombuffer(hashes, np.uint64) if hashes else np.empty(0, np.uint64)
        order = np.argsort(unsorted, kind="stable")
        self._hashes = unsorted[order]
        self._digests = np.frombuffer(bytes(digests), np.uint8).reshape(-1, 32)[order]
        self._seen = np.zeros(len(order), bool)
        self._changed: set[str] = set()
        self._linked: dict[tuple[int, int], str] = {}  # file of several names -> its digest

    def has_changed(self, name: str) -> bool:
        """Whether the file was found to be another than is listed."""
        return name in self._changed

    def digest(self, name: str) -> str:
        """The sha256 of a file in hexadecimal, or LINK; of files with several names it is taken once, until `forget`."""
        path = self.folder / name
        if path.is_symlink():
            return LINK
        state = path.stat()
        key = state.st_dev, state.st_ino
        found = self._linked.get(key)
        if found is None:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if state.st_nlink > 1:
                self._linked[key] = found
        return found

    def forget(self) -> None:
        """Let go of what was taken once: a shard is done."""
        self._linked.clear()

    def compare(self, name: str, digest: str) -> Iterator[Finding]:
        """The file has this digest: is it listed so?"""
        at = self._at(os.fsencode(name))
        if digest == LINK:
            self._changed.add(name)
            yield Finding(name, "", "foreign", "a symbolic link, which pack does not make")
        elif at is None:
            self._changed.add(name)
            yield Finding(name, "", "foreign", f"a file that {SUMS} does not list")
        else:
            self._seen[at] = True
            if self._digests[at].tobytes().hex() != digest:
                self._changed.add(name)
                yield Finding(
                    name, "", "checksum", f"its bytes are not those whose sum {SUMS} lists"
                )

    def is_seen(self, name: str) -> bool:
        """Whether the file was compared."""
        at = self._at(os.fsencode(name))
        return name in self._changed if at is None else bool(self._seen[at])

    def missing(self) -> Iterator[Finding]:
        """Files that are listed and were not there, once all were compared."""
        if self._seen.all():
            return
        for _, line in self._lines():
            match = _LINE.fullmatch(line)
            at = self._at(match[2]) if match is not None else None
            if match is not None and at is not None and not self._seen[at]:
                name = os.fsdecode(match[2])
                yield Finding(name, "", "missing", f"{SUMS} lists it, and it is not there")

    def _at(self, name: bytes) -> int | None:
        """The row of a name; None where it is not listed."""
        wanted = np.uint64(_hash(name))
        at = int(np.searchsorted(self._hashes, wanted))
        return at if at < len(self._hashes) and self._hashes[at] == wanted else None

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        try:
            with (self.folder / SUMS).open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    yield number, line.rstrip(b"\n")
        except FileNotFoundError:
            if not self.faults:
                self.faults.append(Finding(SUMS, "", "missing", "the list of checksums is missing"))


def files_of(folder: Path, below: str = "") -> Iterator[str]:
    """Names of all files of a folder below one of its folders, in order; but what readers leave there."""
    for parent, folders, names in os.walk(folder / below):
        folders.sort()
        prefix = Path(parent).relative_to(folder)
        # A link to a folder is no file that was packed: it is named like one.
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in sorted([*names, *links]):
            at = prefix / name
            if at.suffix == ".cache" and "labels" in at.parts:
                continue  # ultralytics keeps what it read of labels there
            yield at.as_posix()


def _hash(name: bytes) -> int:
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big")
