"""Files of weights: their digest, and what a library says when it cannot use one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from headkit.status import NO_INPUT, Stop


def digest_of(path: Path, option: str = "--model") -> str:
    """SHA-256 of a file of weights; Stop 66, naming `option`, where it cannot be opened."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Stop(NO_INPUT, f"{option} {path}: {error.strerror}; name a file of weights") from None


def first_line(error: BaseException) -> str:
    """What a library says of an error, on one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].strip().rstrip(".")[:200]
