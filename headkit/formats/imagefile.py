"""What an image file is, from its first bytes: kind, size, and whether it asks to be turned.

`pack` copies files as they are, a million at a time, so pictures are not decoded where the header says
all there is to know. A file with EXIF or XMP inside, or of a rarer build, is decoded by headkit.image,
which knows what a turn is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from headkit.image import ImageError, decode
from headkit.privacy.image_metadata import PNG_PICTURE

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_METADATA = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")  # each may hold an orientation
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {
    0xC4,
    0xC8,
    0xCC,
}  # SOF0 to SOF15; the rest are tables
_JPEG_METADATA = 0xE1  # APP1: EXIF or XMP
_JPEG_TEXT = frozenset(
    [0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE]
)  # all but JFIF, color profiles, Adobe's
_JPEG_SCAN = 0xDA
_JPEG_END = re.compile(rb"\xff\xd9")


@dataclass(frozen=True)
class ImageFile:
    """An image file as `pack` sees it. width and height are those of the upright picture."""

    suffix: str  # png, jpg, webp
    width: int
    height: int
    turned: bool  # EXIF asks for a turn: the stored pixels are not those that the labels speak of
    metadata: bool = False  # there may be more in the file than the picture


def inspect(data: bytes) -> ImageFile:
    """The kind and size of the image in `data`. Raises ImageError where it is cut short or of another kind."""
    if data.startswith(_PNG):
        suffix, (size, metadata) = "png", _png(data)
    elif data.startswith(b"\xff\xd8\xff"):
        suffix, (size, metadata) = "jpg", _jpeg(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        suffix, size, metadata = (
            "webp",
            None,
            True,
        )  # the renderer's own default is PNG: decoding these few is fine
    else:
        raise ImageError("neither PNG, JPEG nor WebP, which trainers read; convert it")
    if size is not None:
        return ImageFile(suffix, *size, turned=False, metadata=metadata)
    picture = decode(data)
    return ImageFile(suffix, picture.width, picture.height, picture.turned, metadata)


Size = tuple[int, int] | None


def _png(data: bytes) -> tuple[Size, bool]:
    """Width and height where no chunk can hold a turn, and whether there is metadata; the file must have its end chunk."""
    at, turn, metadata = len(_PNG), False, False
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IEND":
            size = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
            return None if turn else size, metadata or at + 12 + length < len(data)
        if kind not in PNG_PICTURE:
            metadata, turn = True, turn or kind in _PNG_METADATA
        at += 12 + length
    raise ImageError("the file is cut short; make it again")


def _jpeg(data: bytes) -> tuple[Size, bool]:
    """Width and height where no segment can hold a turn, and whether there is metadata; the file must end in its end marker."""
    length = len(data.rstrip(b"\0\r\n"))
    if not data.endswith(b"\xff\xd9", 0, length):
        raise ImageError("the file is cut short; make it again")
    size, metadata = None, False
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == _JPEG_METADATA:
            return None, True
        metadata = metadata or marker in _JPEG_TEXT
        if marker in _JPEG_SIZES:
            size = (
                int.from_bytes(data[at + 7 : at + 9], "big"),
                int.from_bytes(data[at + 5 : at + 7], "big"),
            )
        if marker == _JPEG_SCAN:
            # A picture's code holds no end marker, so that the first is the last where nothing is behind it.
            end = _JPEG_END.search(data, at)  # faster than find()
            return size, metadata or end is None or end.end() < length
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None, True
