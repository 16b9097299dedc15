"""The picture that a record names, for tools that look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headkit.image import ImageError, Pixels, decode, load
from headkit.paths import PathError, resolve
from headkit.photos.reading import PhotoError, photo_bytes
from headkit.tool import Failure, Record


def picture_of(record: Record, root: Path) -> Pixels | Failure:
    """(H, W, 3) of `image`, upright, of the size that the record says; a Failure where it cannot be read or has another."""
    pixels = _read(record["image"], root)
    if isinstance(pixels, Failure):
        return pixels
    height, width = pixels.shape[:2]
    said = record.get("width", width), record.get("height", height)
    if said != (width, height):
        return Failure(
            "wrong-size",
            f"the image has {width} x {height} pixels, but width and height say {said[0]} x {said[1]};"
            " coordinates of the record would not fit",
        )
    return pixels


def photo_of(record: Record, root: Path) -> Pixels | Failure:
    """(H, W, 3) of `image` or, where there is none, of the photo that its poses came from, whatever its size."""
    if "image" in record:
        return _read(record["image"], root)
    source = record.get("source")
    if not isinstance(source, dict) or "path" not in source:
        return Failure(
            "no-image", "no image, and no source.path; run pose-extract --keep-path, or generate"
        )
    try:
        return decode(photo_bytes(root, source)).pixels
    except (PhotoError, ImageError) as error:
        return Failure("bad-image", str(error))


def _read(path: Any, root: Path) -> Pixels | Failure:
    if not isinstance(path, str):
        return Failure("bad-image", "image: not a path; see headkit-record(5)")
    try:
        return load(resolve(root, path)).pixels
    except (PathError, ImageError) as error:
        return Failure("bad-image", str(error))
