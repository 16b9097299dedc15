"""Ids of photos: a keyed hash of the photo's bytes.

A plain hash would confirm to everybody who holds a photo that it was used; without the key an id says nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from hashlib import blake2b
from pathlib import Path

from headkit.status import NO_INPUT, TRY_LATER, USAGE, WRITE_FAILED, Stop

LEAST = 16  # bytes of a key
_BYTES = 12  # of an id: among ten million photos two share one with a probability of 1e-15


def load_key(path: Path, *, make: bool) -> bytes:
    """The key in a file; where there is none it is made once, readable by its owner alone, unless `make` is False.

    Runs that begin together wait for each other at a lock. Stop 2, 66, 74 or 75 where that cannot be.
    """
    if not make and not path.exists():
        return secrets.token_bytes(32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDONLY if path.exists() and path.stat().st_size else os.O_RDWR | os.O_CREAT
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    except OSError as error:
        status = NO_INPUT if error.errno == errno.EACCES and path.exists() else WRITE_FAILED
        raise Stop(status, f"--key {path}: {error.strerror}; name another file") from None
    with os.fdopen(descriptor, "rb" if flags == os.O_RDONLY else "r+b") as file:
        if flags != os.O_RDONLY:
            _lock(descriptor, path)
        words = file.read(4096)
        if not words and flags != os.O_RDONLY:
            words = secrets.token_hex(32).encode() + b"\n"
            try:
                file.write(words)
                file.flush()
                os.fsync(descriptor)
            except OSError as error:
                raise Stop(WRITE_FAILED, f"--key {path}: {error.strerror}") from None
    if len(words.strip()) < LEAST:
        raise Stop(USAGE, f"--key {path}: holds less than {LEAST} bytes; name another file")
    return blake2b(words.strip(), digest_size=64, person=b"headkit id").digest()


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        raise Stop(
            TRY_LATER,
            f"--key {path}: locks are not supported there ({error.strerror}); name a file on a local disk",
        ) from None


def photo_id(key: bytes, digest: bytes) -> str:
    """The id of a photo by the SHA-256 of its bytes."""
    return blake2b(b"photo" + digest, key=key, digest_size=_BYTES).hexdigest()


def place_id(key: bytes, place: str) -> str:
    """The id of a photo that cannot be read, by its place."""
    words = place.encode("utf-8", "surrogateescape")
    return blake2b(b"place" + words, key=key, digest_size=_BYTES).hexdigest()
