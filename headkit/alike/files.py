"""The bytes of image files, for comparing."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from headkit.alike.rows import CannotCompareError
from headkit.paths import PathError, resolve
from headkit.tool import Record

_DIGEST = re.compile("[0-9a-fA-F]{64}")


def image_bytes(root: Path, record: Record) -> bytes:
    """Of the file of `image`. Raises CannotCompareError; a failing disk is the machine's fault, and passes."""
    image = record.get("image")
    if not isinstance(image, str):
        raise CannotCompareError("field", "no image; run headkit generate first")
    try:
        return resolve(root, image).read_bytes()
    except PathError as error:
        raise CannotCompareError("path", str(error)) from None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise CannotCompareError(
            "missing", f"{image}: {error.strerror}; check the path and --root"
        ) from None


def known_digest(record: Record) -> bytes | None:
    """(32 bytes) `image_sha256`, where the record has one that can be."""
    known = record.get("image_sha256")
    return bytes.fromhex(known) if isinstance(known, str) and _DIGEST.fullmatch(known) else None


def checked_digest(record: Record, data: bytes) -> bytes:
    """SHA-256 of a file. Raises CannotCompareError where the record says another one."""
    found = sha256(data)
    known = record.get("image_sha256")
    if isinstance(known, str) and known.lower() != found.hexdigest():
        raise CannotCompareError(
            "changed", f"{record.get('image')}: the image has changed; see image_sha256"
        )
    return found.digest()
