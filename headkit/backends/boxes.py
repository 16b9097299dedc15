"""Boxes between picture and network: square letterbox, tiles, mirror, and non-maximum suppression.

Boxes are (n, 4) float32 [x1, y1, x2, y2] in pixels, scores (n,) float32. Every picture is put alone into a square of
one size, so that nothing about it depends on its neighbours in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.image import Pixels, resize

Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]

GREY = 114  # what ultralytics fills the border with; networks trained there know it
CANDIDATES = 30_000  # most boxes that suppression looks at, best first, as in ultralytics


@dataclass(frozen=True)
class Letterbox:
    """Where a picture lies in its square: u = scale * x + left, v = scale * y + top."""

    scale_x: float
    scale_y: float
    left: int
    top: int

    def to_picture(self, boxes: Boxes) -> Boxes:
        """Boxes of the square in pixels of the picture."""
        moved = np.array(boxes, dtype=np.float32)
        moved[:, 0::2] = (moved[:, 0::2] - self.left) / self.scale_x
        moved[:, 1::2] = (moved[:, 1::2] - self.top) / self.scale_y
        return moved


def letterbox(pixels: Pixels, size: int, fill: int = GREY) -> tuple[Pixels, Letterbox]:
    """The picture in the middle of a (size, size, 3) square, as large as it fits, and where it lies there.

    The two scales differ by the rounding to whole pixels, which matters in a picture of 20,000 x 200.
    """
    height, width = pixels.shape[:2]
    ratio = size / max(height, width)
    wide, high = max(1, round(width * ratio)), max(1, round(height * ratio))
    left, top = (size - wide) // 2, (size - high) // 2
    square = np.full((size, size, 3), fill, dtype=np.uint8)
    fitted = pixels if (wide, high) == (width, height) else resize(pixels, wide, high)
    square[top : top + high, left : left + wide] = fitted
    return square, Letterbox(wide / width, high / height, left, top)


def mirrored(boxes: Boxes, width: float) -> Boxes:
    """The boxes of a picture `width` pixels wide, turned left to right."""
    moved = np.array(boxes, dtype=np.float32)
    moved[:, 0], moved[:, 2] = width - boxes[:, 2], width - boxes[:, 0]
    return moved


def overlaps(box: NDArray[np.floating], boxes: NDArray[np.floating]) -> NDArray[np.float32]:
    """(n,) intersection over union of one box with others; 0 where both are empty."""
    shared, areas = _shared(box, boxes)
    union = np.prod(np.clip(box[2:] - box[:2], 0, None)) + areas - shared
    return np.asarray(shared / np.maximum(union, 1e-9), dtype=np.float32)


def _shared(box: NDArray[Any], boxes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(n,) area that others share with a box, and (n,) area of the others."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    return shared, np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)


def suppress(
    boxes: Boxes, scores: Scores, iou: float, most: int, inside: float = 1.0
) -> NDArray[np.intp]:
    """Which boxes stay, best first, at most `most`: none overlaps a better one that stays by more than `iou`.

    inside  share of its own area above which a box that lies in a better one goes too: an eye of a face, half of a
            head. A whole head cannot lie there, since what is behind a head is hidden by it; 1 for none
    Equal scores are taken in the order given.
    """
    order = np.argsort(-scores, kind="stable")[:CANDIDATES]
    kept: list[int] = []
    while len(order) and len(kept) < most:
        best, order = order[0], order[1:]
        kept.append(int(best))
        stays = overlaps(boxes[best], boxes[order]) <= iou
        if inside < 1:
            shared, areas = _shared(boxes[best], boxes[order])
            stays &= shared <= inside * areas
        order = order[stays]
    return np.array(kept, dtype=np.intp)


def voted(
    boxes: Boxes, scores: Scores, kept: NDArray[np.intp], least: float
) -> NDArray[np.float32]:
    """The kept boxes, each the mean of all that overlap it by at least `least`, weighted by score times overlap.

    Box voting (Gidaris and Komodakis 2015, section 4): neighbours and other scales saw the same head.
    """
    moved = boxes[kept].copy()
    for place, best in enumerate(kept):
        shared = overlaps(boxes[best], boxes)
        weights = np.where(shared >= least, scores * shared, 0)
        weights[best] = max(weights[best], 1e-9)  # a box without area overlaps nothing
        moved[place] = weights @ boxes / weights.sum()
    return moved


@dataclass(frozen=True)
class Candidates:
    """What a network proposes in one square or picture, in its pixels.

    boxes (n, 4) and scores (n,) float32; points (n, 17, 3) float32 [x, y, confidence] of a pose network, in the same
    pixels; params (n, 413) float32 of a VGGHeads network, translation and scale in the same pixels
    """

    boxes: Boxes
    scores: Scores
    points: NDArray[np.float32] | None = None
    params: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def chosen(self, which: NDArray[Any]) -> Candidates:
        """Those of an index or mask."""
        return Candidates(
            self.boxes[which],
            self.scores[which],
            None if self.points is None else self.points[which],
            None if self.params is None else self.params[which],
        )
