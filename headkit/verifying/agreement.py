"""Formats against each other: the same images, the same heads, and only those left out that a format cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from types import SimpleNamespace
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from headkit.formats.labels import POINTS, heads_in
from headkit.formats.reading import Item
from headkit.formats.sample import LeftOutError, Sample
from headkit.tool import Record
from headkit.verifying.findings import Finding, several

WHOLE: Final = ("webdataset", "parquet")  # formats that hold all that is published
PRECISION: Final = ("webdataset", "parquet", "coco", "yolo-pose", "yolo", "vggheads", "crops")
NEAR_PX: Final = 0.03  # what rounding to 0.01 px, or to a millionth of a picture, may move
WHOLE_PX: Final = 1.01  # of boxes in whole pixels
NO_IGNORED: Final = ("yolo", "yolo-pose", "vggheads")  # images with a head to ignore are left out
UNLABELLED: Final = np.zeros((POINTS, 3), np.float32)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Heads:
    """The heads of an image that can be seen: boxes (N, 4), ignored (N,), points (N, 68, 3), place in the label (N,)."""

    boxes: Floats
    ignored: NDArray[np.bool_]
    points: Floats
    index: NDArray[np.int32]


@dataclass(frozen=True)
class Facts:
    """What is compared of a sample: the sha256 of its image, None where it has none; and its heads, where they can be told."""

    image: bytes | None
    heads: Heads | None
    label: bytes | None = None  # digest of all that is said, where several formats say all


def heads_of(item: Item, size: tuple[int, int] | None) -> Heads | None:
    """The heads of an item as formats of boxes see them."""
    if item.label is None or size is None or item.format == "crops":
        return None
    return all_heads(item.label, size) if item.format in WHOLE else _seen_heads(item.label)


def all_heads(label: Record, size: tuple[int, int]) -> Heads | None:
    """The heads of a whole label that formats of boxes would have; None where it has none to go by."""
    image = SimpleNamespace(width=size[0], height=size[1])
    try:
        found = list(heads_in(cast(Sample, SimpleNamespace(image=image, heads=label["heads"]))))
    except (LeftOutError, KeyError, TypeError, AttributeError):
        return None
    return _heads(
        [
            (head.box, head.ignored, np.array(head.points) if head.points else None, head.index)
            for head in found
        ]
    )


def _seen_heads(label: Record) -> Heads | None:
    rows = []
    for number, head in enumerate(label["heads"]):
        points = None
        marks = head.get("landmarks")
        if marks is not None:
            points = np.zeros((POINTS, 3))
            for at, (place, mark) in enumerate(zip(marks["points"], marks["visible"], strict=True)):
                if place is not None:
                    points[at] = *place, 2 if mark == "1" else 1
        if len(head.get("box") or ()) != 4:
            return None
        rows.append((head["box"], "ignore" in head, points, head.get("index", number)))
    return _heads(rows)


def _heads(rows: list[tuple[Any, bool, Any, int]]) -> Heads:
    return Heads(
        np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[1] for row in rows], bool),
        np.array([UNLABELLED if row[2] is None else row[2] for row in rows], np.float32).reshape(
            -1, POINTS, 3
        ),
        np.array([row[3] for row in rows], np.int32),
    )


def digest_of(value: Any) -> bytes:
    """The same for labels that differ in nulls, in the order of fields, and in what 32-bit floats cannot tell."""
    found = blake2b(digest_size=16)
    with np.errstate(over="ignore"):
        for piece in _pieces(value):
            found.update(piece)
    return found.digest()


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        yield b"{"
        for name in sorted(name for name, each in value.items() if each is not None):
            yield name.encode()
            yield from _pieces(value[name])
    elif isinstance(value, list):
        yield b"[%d" % len(value)
        table = _numbers(value)
        if table is not None:
            yield table
        else:
            for each in value:
                yield from _pieces(each)
    elif isinstance(value, float) or (type(value) is int and abs(value) < 1 << 64):
        yield np.float32(value).tobytes()
    else:
        yield repr(value).encode("utf-8", "surrogatepass")


def _numbers(value: list[Any]) -> bytes | None:
    """A list of numbers, or of equally long lists of them, at once; None where it is another."""
    first = value[0] if value else None
    first = first[0] if isinstance(first, list) and first else first
    if not isinstance(first, int | float) or isinstance(first, bool):
        return None
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    return array.astype(np.float32).tobytes() if array.dtype.kind in "if" else None


def differences(reference: Facts, found: Facts, format: str) -> Iterator[str]:
    """How a sample of a format differs from the same one in the format that is compared with."""
    images = reference.image, found.image
    if format != "crops" and None not in images and images[0] != images[1]:
        yield "its image is another"
    one, two = reference.heads, found.heads
    if one is None or two is None:
        return
    if len(one.boxes) != len(two.boxes):
        yield f"{len(two.boxes)} heads, not {len(one.boxes)}"
        return
    if format == "vggheads" and (one.index != two.index).any():
        yield "its heads are others"
    if format == "coco" and (one.ignored != two.ignored).any():
        yield "other heads are to be ignored"
    near = WHOLE_PX if format == "vggheads" else NEAR_PX
    if len(one.boxes) and np.abs(one.boxes - two.boxes).max() > near:
        yield "a box is another"
    if format not in ("yolo", "vggheads") and len(one.points):
        labelled = one.points[..., 2] == two.points[..., 2]
        if not labelled.all() or np.abs(one.points - two.points)[..., :2].max() > near:
            yield "landmarks are others"
    if reference.label is not None and found.label not in (None, reference.label):
        yield "its label says something else"


class Shard:
    """One shard in several formats. The most precise comes first, and the others are held against it."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self.facts: dict[str, Facts] = {}

    def add(self, item: Item, facts: Facts) -> Iterator[Finding]:
        """Take a sample of the reference, or compare one of another format."""
        if item.format == self.reference:
            self.facts[item.key] = facts
            return
        known = self.facts.get(item.key)
        if known is not None:
            for what in differences(known, facts, item.format):
                at = item.image if what == "its image is another" else item.label_at
                place = at.member or item.key
                yield Finding(at.file, place, "formats", f"{what} in {self.reference}")

    def absent(self, format: str, row: Record, seen: set[str]) -> Iterator[Finding]:
        """Samples that a format has not, though it could hold them; and those that are in no other."""
        strange = sorted(seen - self.facts.keys())
        if strange:
            yield Finding(
                row["path"], several(strange), "formats", f"samples that {self.reference} has not"
            )
        missing = self.facts.keys() - seen
        unlike = sorted(key for key in missing if not self._may_be_out(key, format))
        if unlike:
            yield Finding(
                row["path"],
                several(unlike),
                "formats",
                f"{len(unlike)} samples of {self.reference} are missing",
            )

    def _may_be_out(self, key: str, format: str) -> bool:
        """Whether a format cannot hold the sample: readers of some know no head to ignore, or want parameters."""
        heads = self.facts[key].heads
        if format in ("vggheads", "crops") or heads is None:
            return format in NO_IGNORED or format == "crops"
        return format in NO_IGNORED and bool(heads.ignored.any())
