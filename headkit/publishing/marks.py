"""Marks in image files: a statement in XMP, put into the container; the coded pixels stay the bytes that they are.

PNG    a chunk iTXt `XML:com.adobe.xmp` behind IHDR and before the pixels (XMP part 3, 1.1.5)
JPEG   a segment APP1 behind SOI, JFIF and EXIF (XMP part 3, 1.1.3)
WebP   a chunk `XMP ` at the end, and VP8X, which announces it, in front (RFC 9649, 2.7)
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache

from headkit.formats.sample import LeftOutError
from headkit.privacy.image_metadata import pieces
from headkit.publishing.xmp import ALGORITHM, COMPOSITE, TRAINED, MarkError, packet, states, stating
from headkit.tool import Record

RENDERER = "render"  # what `generated.model` is called where nothing was trained on pictures

_PNG_HEAD = 33  # bytes of the signature and IHDR
_PNG_KEYWORD = b"XML:com.adobe.xmp"
_JPEG_KEYWORD = b"http://ns.adobe.com/xap/1.0/\0"
_JPEG_LONGEST = 65535 - 2  # bytes of a segment, without its length
_APP0, _APP1, _SOS = 0xE0, 0xE1, 0xDA
_VP8X_XMP, _VP8X_ALPHA = 0x04, 0x10


def mark(data: bytes, suffix: str, record: Record) -> bytes:
    """The image with its source type; the same bytes where the record does not say that it was generated.

    `suffix` is png, jpg or webp. Raises LeftOutError where the file says that it is a photo, or cannot be marked.
    """
    generated = record.get("generated")
    if not isinstance(generated, dict):
        return data
    try:
        packets = [content for _, kind, content in pieces(data, behind=False) if kind == "xmp"]
        # All are read before one is believed: an image may hold several, and readers choose.
        if any([states(each) for each in packets]):  # noqa: C419
            return data
        return _WRITERS[suffix](data, source_type(generated, record))
    except (MarkError, IndexError) as error:
        raise LeftOutError(
            "mark", f"the image cannot be marked as synthetic: {error}; see --no-marks"
        ) from None


def source_type(generated: Record, record: Record) -> str:
    """The concept of IPTC for an image: a render before a photo of the user's (`--background`) is a composite."""
    if generated.get("model") != RENDERER:
        return TRAINED
    made = record.get("made")
    options = made.get("generate", {}).get("options", {}) if isinstance(made, dict) else {}
    return COMPOSITE if "background" in options else ALGORITHM


# ---- PNG -----------------------------------------------------------------------------------------


def _png(data: bytes, source_type: str) -> bytes:
    for start, end, kind in _png_chunks(data):
        if kind == b"iTXt" and data.startswith(_PNG_KEYWORD + b"\0", start + 8):
            existing = _png_text(data[start + 8 : end - 4])
            made = stating(existing, source_type)
            return data if made == existing else data[:start] + _png_chunk(made) + data[end:]
    return b"".join((data[:_PNG_HEAD], _png_fresh(source_type), data[_PNG_HEAD:]))


def _png_chunks(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield at, end, data[at + 4 : at + 8]
        at = end


def _png_text(chunk: bytes) -> bytes:
    """The text of an iTXt chunk: keyword, 0, compressed, method, language, 0, keyword, 0, text."""
    compressed = chunk[len(_PNG_KEYWORD) + 1]
    rest = chunk[len(_PNG_KEYWORD) + 3 :].split(b"\0", 2)
    if len(rest) != 3:
        raise MarkError("its XMP is not to be read")
    if not compressed:
        return rest[2]
    try:
        return zlib.decompress(rest[2])
    except zlib.error:
        raise MarkError("its XMP is not to be read") from None


@lru_cache(maxsize=8)
def _png_fresh(source_type: str) -> bytes:
    return _png_chunk(packet(source_type))


def _png_chunk(text: bytes) -> bytes:
    content = b"iTXt" + _PNG_KEYWORD + b"\0\0\0\0\0" + text
    return b"".join(
        (
            (len(content) - 4).to_bytes(4, "big"),
            content,
            zlib.crc32(content).to_bytes(4, "big"),
        )
    )


# ---- JPEG ----------------------------------------------------------------------------------------


def _jpeg(data: bytes, source_type: str) -> bytes:
    place = 2
    for start, end, marker in _jpeg_segments(data):
        if marker == _APP1 and data.startswith(_JPEG_KEYWORD, start + 4):
            existing = data[start + 4 + len(_JPEG_KEYWORD) : end]
            made = stating(existing, source_type)
            return data if made == existing else data[:start] + _segment(made) + data[end:]
        if marker in (_APP0, _APP1) and place == start:
            place = end  # JFIF and EXIF must come first
    return b"".join((data[:place], _segment(packet(source_type)), data[place:]))


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _SOS:
        if data[at + 1] == 0xFF:  # padding
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield at, end, data[at + 1]
        at = end


def _segment(text: bytes) -> bytes:
    length = 2 + len(_JPEG_KEYWORD) + len(text)
    if length > _JPEG_LONGEST:
        raise MarkError("its XMP leaves no room in a segment of JPEG")
    return b"\xff\xe1" + length.to_bytes(2, "big") + _JPEG_KEYWORD + text


# ---- WebP ----------------------------------------------------------------------------------------


def _webp(data: bytes, source_type: str) -> bytes:
    chunks = list(_webp_chunks(data))
    if not chunks:
        raise MarkError("it holds no picture")
    kinds = [kind for kind, _ in chunks]
    if kinds[0] != b"VP8X":
        chunks.insert(0, (b"VP8X", _vp8x(*chunks[0])))
    elif b"XMP " in kinds:
        at = kinds.index(b"XMP ")
        existing = chunks[at][1]
        made = stating(existing, source_type)
        if made == existing:
            return data
        chunks[at] = (b"XMP ", made)
    if b"XMP " not in kinds:
        header = chunks[0][1]
        chunks[0] = (b"VP8X", bytes([header[0] | _VP8X_XMP]) + header[1:])
        chunks.append((b"XMP ", packet(source_type)))
    body = b"".join(
        kind + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)
        for kind, content in chunks
    )
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _vp8x(kind: bytes, content: bytes) -> bytes:
    """The extended header of a simple file: flags, three bytes of nothing, width - 1 and height - 1 of 24 bits."""
    if kind == b"VP8 ":  # RFC 6386, 9.1: a key frame's size is behind its tag and start code
        flags = 0
        width = int.from_bytes(content[6:8], "little") & 0x3FFF
        height = int.from_bytes(content[8:10], "little") & 0x3FFF
    elif kind == b"VP8L":  # RFC 9649, 3.4: 14 bits each, less 1, then whether there is alpha
        bits = int.from_bytes(content[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags = _VP8X_ALPHA if bits >> 28 & 1 else 0
    else:
        raise MarkError("it is a WebP of an unknown kind")
    return (
        bytes([flags, 0, 0, 0])
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )


_WRITERS: dict[str, Callable[[bytes, str], bytes]] = {"png": _png, "jpg": _jpeg, "webp": _webp}
