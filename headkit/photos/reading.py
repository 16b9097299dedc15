"""The bytes of a photo once more, where a record says in `source` where it lay (pose-extract --keep-path).

{"path": "photos/a.jpg"}
{"path": "shards/00000.tar", "member": "000000012.jpg", "offset": 98304, "bytes": 51234}
{"path": "shards/00000.tar.gz", "member": "000000012.jpg"}          found by reading the tar from its beginning
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from headkit.paths import PathError, resolve
from headkit.photos.archives import ArchiveError, members

LONGEST = 512 << 20  # bytes of a photo


class PhotoError(ValueError):
    """Why a photo cannot be read again, in words; the record's fault, never the machine's."""


def photo_bytes(root: Path, source: dict[str, Any]) -> bytes:
    """The file of the photo that `source` names. Raises PhotoError; OSError passes where disk or mount fails.

    Where `source` has its sha256, the bytes are those that it was taken from.
    """
    place, member = source.get("path"), source.get("member")
    if not isinstance(place, str):
        raise PhotoError("source: has no path; extract the poses with --keep-path")
    try:
        path = resolve(root, place)
        data = path.read_bytes() if member is None else _member(path, source)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise PhotoError(f"photo of source.path: {error.strerror}; check --root") from None
    except (PathError, ArchiveError) as error:
        raise PhotoError(f"photo of source.path: {error}") from None
    known = source.get("sha256")
    if isinstance(known, str) and sha256(data).hexdigest() != known:
        raise PhotoError(
            "photo of source.path: has changed since its poses were taken; extract again"
        )
    return data


def _member(path: Path, source: dict[str, Any]) -> bytes:
    """A member of a tar: at its offset where that is known."""
    name, offset, length = source["member"], source.get("offset"), source.get("bytes")
    with path.open("rb") as file:
        if type(offset) is int and type(length) is int and offset >= 0 and 0 < length <= LONGEST:
            file.seek(offset)
            data = file.read(length)
            if len(data) < length:
                raise PhotoError(
                    "photo of source.path: the tar is shorter than it was; extract again"
                )
            return data
        for member in members(
            file, begin=0, seekable=False, wanted=lambda found: found == name, longest=LONGEST
        ):
            if member.data is not None:
                return member.data
    raise PhotoError(f"photo of source.path: the tar has no member {name!r}; extract again")
