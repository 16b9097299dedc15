"""One sample of one format: its image can be decoded and is the one that was labelled, and its label is right by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from headkit.formats.reading import Item
from headkit.formats.webdataset import key as key_of
from headkit.image import ImageError, decode
from headkit.tool import Record
from headkit.verifying import labels
from headkit.verifying.agreement import WHOLE, Facts, digest_of, heads_of
from headkit.verifying.findings import Finding
from headkit.verifying.reprojection import Reprojection

_EVERY = 4  # of the rows and columns of a picture: two that agree there are one


@dataclass(frozen=True)
class Look:
    """A decoded image: its size, a digest of its pixels; or what is wrong with it."""

    size: tuple[int, int] | None
    pixels: bytes
    fault: str = ""


@dataclass(frozen=True)
class Examined:
    """What was found of an item, and what others are compared with."""

    faults: list[Finding]
    facts: Facts
    size: tuple[int, int] | None
    pixels: bytes
    text_sha256: str = ""


@dataclass
class Examiner:
    """May be used by several threads. Images that several formats share are decoded once, until `forget`."""

    reprojection: Reprojection
    alone: bool = False  # no other format has the heads
    compared: bool = False  # whether several formats hold all of a label
    _looks: dict[bytes, Look] = field(default_factory=dict)

    def forget(self) -> None:
        """Let go of what was decoded: a shard is done."""
        self._looks.clear()

    def examine(self, item: Item) -> Examined:
        """Everything that one item shows by itself."""
        digest = hashlib.sha256(item.data).digest() if item.data is not None else None
        look = Look(None, b"")
        if digest is not None and item.data is not None:
            known = self._looks.get(digest)
            look = known or _look(item.data)
            self._looks[digest] = look
        found = [*self._image(item, look, digest), *self._label(item, look)]
        whole = self.compared and item.format in WHOLE and item.label is not None
        label = digest_of(item.label) if whole else None
        heads = None if self.alone else heads_of(item, look.size)
        facts = Facts(digest, heads, label)
        text = (
            hashlib.sha256(item.native).hexdigest()
            if item.format == "webdataset" and item.native is not None
            else ""
        )
        return Examined(found, facts, look.size, look.pixels, text)

    def _image(self, item: Item, look: Look, digest: bytes | None) -> Iterator[Finding]:
        def finding(kind: str, what: str) -> Finding:
            return Finding(item.image.file, item.image.member, kind, what)

        if look.fault:
            yield finding("image", look.fault)
        label = item.label or {}
        stored = label.get("published_sha256") or label.get("image_sha256")
        if item.format in WHOLE and digest is not None and stored not in (None, digest.hex()):
            yield finding("changed", "it is not the image whose sha256 its label has")
        if item.format == "crops":
            side = _side(label)
            if look.size is not None and side and look.size != (side, side):
                yield finding(
                    "size", f"a crop of {look.size[0]} x {look.size[1]}, not {side} x {side}"
                )
        elif look.size is not None and "width" in label:
            said = label["width"], label.get("height")
            if said != look.size:
                text = f"the image is {look.size[0]} x {look.size[1]}, its label says {said[0]} x {said[1]}"
                yield finding("size", text)

    def _label(self, item: Item, look: Look) -> Iterator[Finding]:
        where = item.label_at

        def finding(place: str, kind: str, what: str) -> Finding:
            return Finding(where.file, ": ".join(filter(None, (where.member, place))), kind, what)

        if item.label is None:
            return
        id = item.label.get("id")
        if not isinstance(id, str):
            if id is not None or item.id is not None:
                yield finding("", "id", "the label has no id")
        elif key_of(id) != item.key:
            yield finding("", "id", f"the label is of {id!r}, the file names say {item.key}")
        size = None if item.format == "crops" else look.size
        cut = item.format not in (*WHOLE, "crops")
        for fault in labels.faults(item.label, size, cut=cut):
            yield finding(*fault)
        if item.format == "vggheads":
            for fault in self.reprojection.vector_faults(item.label):
                yield finding(*fault)
        if item.format in (*WHOLE, "crops") and isinstance(item.label.get("heads"), list):
            exact = _is_truth(item.label)
            for fault in self.reprojection.faults(item.label, exact=exact):
                yield finding(*fault)


def _is_truth(label: Record) -> bool:
    return label.get("labels") == "truth"


def _side(label: Record) -> int:
    """Pixels of the side of a crop, of which its camera's axis meets the middle; 0 where it has none."""
    K = labels.numbers(label["camera"]["K"], (3, 3))
    return 0 if K is None else round(2 * float(K[0, 2]))


def _look(data: bytes) -> Look:
    try:
        picture = decode(data)
    except ImageError as error:
        return Look(None, b"", str(error))
    sample = picture.pixels[::_EVERY, ::_EVERY]
    digest = hashlib.blake2b(sample.tobytes(), digest_size=16)
    digest.update(f"{picture.width} x {picture.height}".encode())
    if picture.turned:
        return Look(None, b"", "EXIF asks for a turn: its labels speak of other pixels")
    return Look((picture.width, picture.height), digest.digest())
