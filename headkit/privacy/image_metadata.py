"""What image files say beside their picture: text, EXIF, XMP, IPTC, and bytes behind their end.

Chunks and segments that decide how the picture looks (sizes, palettes, color profiles) are passed by; of all others the text
is read as other texts are. Fields that name an author or owner, and coordinates, are findings whatever they say.
"""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from headkit.privacy.scan import Scan

AN_OWNER, COORDINATES, BEHIND = "an author or owner", "GPS coordinates", "bytes behind the end"
# What an ordinary picture is made of. A chunk of another kind is read.
PNG_PICTURE = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT tIME acTL fcTL fdAT".split()
)
_WEBP_PICTURE = frozenset([b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"])
_LONGEST = 1 << 20  # bytes of a compressed text that are read
_REMEMBERED = 10_000  # harmless pieces; the marks of `pack` are one of three
_SHORT = 4096
_PROFILE = (
    "Raw profile type "  # how ImageMagick keeps what PNG had no chunk for: length and hex digits
)
_RUN = re.compile(r"[\w/~\\.](?:[\w .,:;@/\\~%+&=?()'<>-]){5,}", re.ASCII)  # text among other bytes
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_OWNER_KEYWORDS = frozenset(["author", "artist", "creator", "copyright", "owner", "credit", "by-line"])  # fmt: skip
# EXIF 2.32: Artist, Copyright, CameraOwnerName, serial numbers of body and lens, XPAuthor.
_OWNER_TAGS = frozenset([0x013B, 0x8298, 0xA430, 0xA431, 0xA435, 0x9C9D])
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_UTF_16_TAGS = range(0x9C9B, 0x9CA0)  # XPTitle to XPSubject
_XMP_OWNER = (
    r"(?:dc:creator|dc:rights|xmpRights:Owner|tiff:Artist|tiff:Copyright|exifEX:CameraOwnerName|aux:OwnerName|aux:SerialNumber"
    r"|exifEX:BodySerialNumber|photoshop:Credit|plus:CopyrightOwnerName|plus:ImageCreatorName|pdf:Author)"
)
_XMP_OWNED = re.compile(
    rf"<({_XMP_OWNER})\b[^>]*>(.*?)</\1\s*>|\b{_XMP_OWNER}\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.DOTALL
)  # fmt: skip
_XMP_PLACE = re.compile(r"\bexif:GPSL(?:at|ong)itude\b")
_TAG = re.compile(r"<[^>]*>")
_ATTRIBUTE = re.compile(r"\b(?!xmlns\b)[\w-]+(?::[\w-]+)?\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_IPTC_OWNER = re.compile(
    rb"\x1c\x02[\x50\x6e\x74](..)", re.DOTALL
)  # By-line, Credit, CopyrightNotice

Piece = tuple[str, str, bytes]  # name for people; exif, xmp, iptc, text, behind; content


class ImageMetadata:
    """Looks into image files, and notes in `scan` what must not be published."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._harmless: set[tuple[str, bytes]] = set()

    def look(self, id: str, data: bytes) -> None:
        """Look into the file of a record's image. One that is damaged is read as far as it goes."""
        for name, kind, content in pieces(data):
            if (name, content) in self._harmless:
                continue
            self._scan.in_images, before = True, self._scan.kinds.total()
            self._look_at(id, name, kind, content)
            if before == self._scan.kinds.total() and len(content) <= _SHORT:
                if len(self._harmless) >= _REMEMBERED:
                    self._harmless.clear()
                self._harmless.add((name, content))

    def _look_at(self, id: str, name: str, kind: str, content: bytes) -> None:
        place = f"the image's {name}"
        if kind == "behind":
            self._scan.note(f"{place} of {id!r}", BEHIND, BEHIND)
            return
        for what, found in _READERS[kind](name, content):
            text = " ".join(found.replace("\0", " ").split())
            if what and text:
                self._scan.note(f"{place} of {id!r}", what, text)
            elif text:
                self._scan.read(id, place, text)


def pieces(data: bytes, *, behind: bool = True) -> Iterator[Piece]:
    """All that is in a PNG, JPEG or WebP file and is not the picture.

    Without `behind`, a JPEG is read up to its coded picture only: XMP, by its standard, stands before that.
    """
    if data.startswith(b"\x89PNG"):
        return _png(data)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data, read_on=behind)
    return _webp(data) if data.startswith(b"RIFF") else iter(())


def _png(data: bytes) -> Iterator[Piece]:
    at, kind = 8, b""
    while at + 12 <= len(data) and kind != b"IEND":
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind not in PNG_PICTURE:
            yield from _png_piece(kind, data[at + 8 : at + 8 + length])
        at += 12 + length
    if kind == b"IEND" and at < len(data):
        yield "end", "behind", data[at:]


def _png_piece(kind: bytes, content: bytes) -> Iterator[Piece]:
    chunk = f"chunk {kind.decode('latin-1')}"
    if kind == b"eXIf":
        yield chunk, "exif", content
        return
    if kind not in (b"tEXt", b"zTXt", b"iTXt"):
        yield chunk, "opaque", content
        return
    keyword, _, text = content.partition(b"\0")
    if kind == b"iTXt":  # compressed, method, language, 0, translated keyword, 0, text
        compressed, text = text[:1] == b"\1", text[2:].split(b"\0", 2)[-1]
    else:
        compressed = kind == b"zTXt"
        text = text[1:] if compressed else text
    if compressed:
        with suppress(zlib.error):
            text = zlib.decompressobj().decompress(text, _LONGEST)
    if kind != b"iTXt":
        text = text.decode("latin-1").encode()
    word = keyword.decode("latin-1")
    name = f"{chunk} {word}"
    if word.startswith(_PROFILE):
        with suppress(ValueError):
            text = bytes.fromhex("".join(text.decode().split()[2:]))
        of = word.removeprefix(_PROFILE)
        exif = of == "exif" or text.startswith(b"Exif\0")
        yield name, "exif" if exif else {"xmp": "xmp", "iptc": "iptc"}.get(of, "opaque"), text
    else:
        yield name, "xmp" if word == "XML:com.adobe.xmp" else "text", text


def _jpeg(data: bytes, *, read_on: bool) -> Iterator[Piece]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == 0xD9:
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:
            yield from _jpeg_piece(marker, data[at + 4 : end])
        at = end
        if marker == 0xDA:  # the coded picture goes on to the next marker
            found = _NEXT_MARKER.search(data, at) if read_on else None
            if found is None:
                return
            at = found.start()
    behind = data[at + 2 :].rstrip(b"\0\r\n") if data[at : at + 2] == b"\xff\xd9" else b""
    if behind:
        yield "end", "behind", behind


def _jpeg_piece(marker: int, content: bytes) -> Iterator[Piece]:
    if marker == 0xFE:
        yield "comment", "opaque", content
        return
    name = f"segment APP{marker - 0xE0}"
    if content.startswith(b"Exif\0"):
        yield f"{name} Exif", "exif", content
    elif content.startswith(b"http://ns.adobe.com/"):  # XMP, and what of it needs more segments
        yield f"{name} XMP", "xmp", content.partition(b"\0")[2]
    elif content.startswith(b"Photoshop 3.0\0"):
        yield f"{name} IPTC", "iptc", content
    elif not content.startswith((b"JFIF\0", b"JFXX\0", b"ICC_PROFILE\0", b"Adobe")):
        yield name, "opaque", content


def _webp(data: bytes) -> Iterator[Piece]:
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    at = 12
    while at + 8 <= end:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind not in _WEBP_PICTURE:
            name = {b"EXIF": "exif", b"XMP ": "xmp"}.get(kind, "opaque")
            yield f"chunk {kind.decode('latin-1').strip()}", name, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    if data[end:].strip(b"\0"):
        yield "end", "behind", data[end:]


# ---- what the pieces say: (kind of finding, or empty where it is to be read; text) ------------------

Said = Iterator[tuple[str, str]]


def _text(name: str, content: bytes) -> Said:
    owner = name.rpartition(" ")[2].lower() in _OWNER_KEYWORDS
    text = content.decode("utf-8", "replace")
    if owner:
        yield AN_OWNER, text
    yield "", text


def _opaque(_name: str, content: bytes) -> Said:
    for run in _RUN.finditer(content.decode("latin-1")):
        yield "", run[0]


def _iptc(name: str, content: bytes) -> Said:
    for found in _IPTC_OWNER.finditer(content):
        length = int.from_bytes(found[1], "big")
        yield AN_OWNER, content[found.end() : found.end() + length].decode("utf-8", "replace")
    yield from _opaque(name, content)


def _xmp(_name: str, content: bytes) -> Said:
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = content.decode("utf-16" if wide else "utf-8", "replace")
    for found in _XMP_OWNED.finditer(text):
        yield AN_OWNER, html.unescape(_TAG.sub(" ", found[2] or found[3] or found[4] or ""))
    if place := _XMP_PLACE.search(text):
        yield COORDINATES, place[0]
    for found in _ATTRIBUTE.finditer(text):
        yield "", html.unescape(found[1] or found[2] or "")
    for part in _TAG.split(text):
        yield "", html.unescape(part)


def _exif(name: str, content: bytes) -> Said:
    from PIL import Image

    exif, tables = Image.Exif(), []
    try:
        exif.load(content)
        tables = [dict(exif), exif.get_ifd(_EXIF_IFD), exif.get_ifd(1)]
        coordinates = exif.get_ifd(_GPS_IFD)
    except Exception:  # noqa: BLE001 - Pillow raises many kinds for a damaged table
        yield from _opaque(name, content)
        return
    if any(tag in coordinates for tag in (2, 4, 20, 22)):  # latitude, longitude; of the destination
        yield COORDINATES, COORDINATES
    for tag, value in ((tag, value) for table in tables for tag, value in table.items()):
        for text in _exif_texts(tag, value):
            yield "", text
            if tag in _OWNER_TAGS:
                yield AN_OWNER, text


def _exif_texts(tag: int, value: Any) -> Iterator[str]:
    """The text of a field of EXIF; ASCII fields are Latin-1 in Pillow, and UTF-8 mostly."""
    if isinstance(value, str):
        with suppress(UnicodeError):
            value = value.encode("latin-1").decode()
        yield value
    elif isinstance(value, bytes) and tag in _UTF_16_TAGS:
        yield value.decode("utf-16-le", "replace")
    elif isinstance(value, bytes) and value.startswith(b"UNICODE\0"):  # UserComment
        order = "utf-16-le" if value[9:10] == b"\0" else "utf-16-be"
        yield value[8:].decode(order, "replace")
    elif isinstance(value, bytes):
        yield from (run[0] for run in _RUN.finditer(value.decode("latin-1")))


_READERS: dict[str, Callable[[str, bytes], Said]] = {
    "text": _text,
    "opaque": _opaque,
    "iptc": _iptc,
    "xmp": _xmp,
    "exif": _exif,
}
