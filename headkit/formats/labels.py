"""What formats of boxes and key points say of a head: its box in the picture, its 68 landmarks, whether to ignore it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

from headkit.formats.sample import LeftOutError, Sample

POINTS = 68
HIDDEN, SEEN = (
    1,
    2,
)  # visibility of a point, as COCO has it; 0: not labelled, or outside the picture

# Standard deviations of points as people mark them, in square roots of the area: those of COCO-WholeBody (Jin et al.
# 2020) for its 68 points of the face, which are the iBUG ones. What object key point similarity is measured with.
# fmt: off
OKS_SIGMAS = (
    .042, .043, .044, .043, .040, .035, .031, .025, .020, .023, .029, .032, .037, .038, .043, .041, .045,
    .013, .012, .011, .011, .012, .012, .011, .011, .013, .015, .009, .007, .007, .007, .012, .009, .008, .016, .010,
    .017, .011, .009, .011, .009, .007, .013, .008, .011, .012, .010, .034,
    .008, .008, .009, .008, .008, .007, .010, .008, .009, .009, .009, .007,
    .007, .008, .011, .008, .008, .008, .010, .008,
)
# fmt: on


@dataclass(frozen=True)
class Head:
    """A head that can be seen in the picture.

    index    in the label's `heads`
    box      x1, y1, x2, y2 inside the picture
    ignored  neither a head to find nor background
    points   68 x (x, y, visibility), pixels with centres at .5; none where the head has no such landmarks
    """

    index: int
    box: tuple[float, float, float, float]
    ignored: bool
    points: tuple[tuple[float, float, int], ...]


def heads_in(sample: Sample) -> Iterator[Head]:
    """The heads of a sample. One that lies outside, or of which nothing is seen, is none here; LeftOutError without a box."""
    size = sample.image.width, sample.image.height
    for index, head in enumerate(sample.heads):
        ignored = isinstance(head, dict) and bool(head.get("ignore"))
        box = _box(head, *size)
        if box is None and not ignored:
            raise LeftOutError("box", f"heads[{index}] has no box in the picture, and no ignore")
        if box is None or (ignored and head.get("visibility") == 0):
            continue
        yield Head(index, box, ignored, _points(head, *size))


def _box(head: Any, width: int, height: int) -> tuple[float, float, float, float] | None:
    """The part of the head's box inside the picture; None where there is none."""
    box = head.get("box") if isinstance(head, dict) else None
    if not (isinstance(box, list) and len(box) == 4 and all(map(_is_finite, box))):
        return None
    x1, y1 = max(box[0], 0.0), max(box[1], 0.0)
    x2, y2 = min(box[2], float(width)), min(box[3], float(height))
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def _points(head: Any, width: int, height: int) -> tuple[tuple[float, float, int], ...]:
    marks = head.get("landmarks")
    if not isinstance(marks, dict) or marks.get("scheme") not in ("ibug68", "dense"):
        return ()
    points = marks.get("points")
    if not isinstance(points, list) or len(points) < POINTS:
        return ()
    shown = marks.get("visible")
    seen = shown if isinstance(shown, str) and len(shown) >= POINTS else "1" * POINTS
    found: list[tuple[float, float, int]] = []
    for point, mark in zip(points[:POINTS], seen, strict=False):
        place: list[Any] = point[:2] if isinstance(point, list) and len(point) >= 2 else [-1, -1]
        x, y = place
        # What lies outside the picture is not labelled.
        inside = all(map(_is_finite, place)) and 0 <= x <= width and 0 <= y <= height
        found.append((x, y, SEEN if mark == "1" else HIDDEN) if inside else (0.0, 0.0, 0))
    return tuple(found)


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value)
