"""Paths in records, names of side files, and writing a file whole or not at all.

A record stores paths relative to the root, with slashes. JSON is UTF-8 and file names are bytes: a byte
that is not UTF-8 is stored as %XX, and so that this can be reversed, a percent sign as %25.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

LONGEST_NAME = 200  # bytes of an id as a file name: leaves room for suffixes below the usual 255

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
# What cannot be, or had better not be, in a file name; "=" is the escape, so that "%" needs no second one.
_AWKWARD = re.compile(r'[\x00-\x1f\x7f/\\=%:*?"<>|]|^[.-]')


class PathError(ValueError):
    """A path that leaves the root, or that cannot name a file."""


def resolve(root: Path, stored: str) -> Path:
    """The absolute path of what a record stores; PathError where it is absolute or leaves `root`.

    Only the words of the path are looked at: a symbolic link below the root may lead elsewhere,
    as when a folder of images lies on another disk.
    """
    return root / inside(stored)


def inside(stored: str) -> str:
    """What a record stores as the file system spells it, relative to the root; PathError as `resolve`."""
    path = stored
    if not stored.isascii() or "%" in stored:
        raw = _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), stored.encode())
        path = os.fsdecode(raw)
    if "\0" in path:
        raise PathError(f"path {stored!r} holds a NUL byte")
    if path.startswith("/"):
        raise PathError(f"path {stored!r} is absolute; paths in records are relative to --root")
    path = os.path.normpath(path)
    if path in {".", ".."} or path.startswith("../"):
        raise PathError(f"path {stored!r} leaves the root, or is the root; see --root")
    return path


def stored(root: Path, path: Path) -> str:
    """What a record stores for `path`: relative to `root`; PathError where it lies outside.

    `root` is resolved; `path` may be relative to the current directory and go through symbolic links.
    """
    absolute = Path(os.path.abspath(path))
    if not absolute.is_relative_to(root):
        absolute = absolute.parent.resolve() / absolute.name
    if not absolute.is_relative_to(root) or absolute == root:
        raise PathError(f"path {str(path)!r} is outside the root {str(root)!r}; see --root")
    text = os.fsencode(absolute.relative_to(root)).decode("utf-8", "surrogateescape")
    return "".join(
        f"%{ord(letter) & 0xFF:02X}" if letter == "%" or "\udc80" <= letter <= "\udcff" else letter
        for letter in text
    )


def image_path(directory: Path, id: str, suffix: str) -> Path:
    """`directory/ab/ID.suffix`, ab from a hash of the id, so that a million files spread over 256 folders.

    Characters that are special in a file name become =XX of their UTF-8 bytes.
    """
    name = _AWKWARD.sub(lambda found: "".join(f"={byte:02X}" for byte in found[0].encode()), id)
    if not 0 < len(name.encode()) <= LONGEST_NAME:
        raise PathError(
            f"id of {len(id)} characters cannot name a file; 1 to {LONGEST_NAME} bytes can"
        )
    spread = blake2b(id.encode(), digest_size=1).hexdigest()
    return directory / spread / f"{name}.{suffix.lstrip('.')}"


@dataclass
class Written:
    """Side files of this process."""

    files: int = 0
    bytes: int = 0


written = Written()


def write_atomic(path: Path, data: bytes, tag: str | None) -> None:
    """Write `path` whole or not at all, making its folder; OSError passes. A tag of None only counts.

    The temporary name follows from `path` and `tag` alone: what a killed run left behind is
    overwritten when the same record is done again, so nothing has to be searched for and swept.
    `tag` must be of this run alone (`Context.tag`); it is None in a dry run.
    """
    written.files += 1
    written.bytes += len(data)
    if tag is None:
        return
    temporary = path.with_name(f".{path.name}.{tag}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        descriptor = os.open(temporary, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, flags, 0o666)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
