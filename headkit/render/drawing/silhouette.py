"""The outline of one head, drawn alone: for boxes, and for the share of a head that is seen."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.coverage import Shape, cover
from headkit.render.drawing.samples import camera_of

_FINE = 48  # pixels of a window, below which an outline is looked for between pixel centres, too


@dataclass(frozen=True)
class Silhouette:
    """One head drawn alone: as if nothing hid it, and as if the picture had no border.

    mask       (h, w) bool, at pixel centres
    left, top  picture column and row of mask[0, 0]; below 0 left of and above the picture
    box        x1, y1, x2, y2 of the outline in pixels, from samples every pixel, of what is small or at the
               camera every half pixel; None: not seen
    """

    mask: NDArray[np.bool_]
    left: int
    top: int
    box: tuple[float, float, float, float] | None


def silhouette(
    shape: Shape, K: NDArray[np.float64], width: int, height: int, *, margin: float = 1.0
) -> Silhouette:
    """The outline of the faces of a shape, with the strand test of the picture.

    margin  how far beyond the picture's borders it is followed, in widths and heights of the picture
    """
    window = _window(shape, width, height, margin)
    if window is None:
        return Silhouette(np.zeros((0, 0), np.bool_), 0, 0, None)
    left, top, right, bottom = window
    moved = np.array(K, np.float64)
    moved[:2, 2] -= (left, top)
    fine = min(right - left, bottom - top) < _FINE or not np.isfinite(shape.low).all()
    if fine:
        seen = np.zeros((2 * (bottom - top) + 1, 2 * (right - left) + 1), np.uint8)
        cover(shape, None, camera_of(moved), seen)
    else:
        seen = np.zeros((bottom - top, right - left), np.uint8)
        cover(shape, None, camera_of(moved), seen, stride=2)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return Silhouette(np.zeros((0, 0), np.bool_), left, top, None)
    first = np.array([columns[0], rows[0]]) / (2 if fine else 1)
    last = np.array([columns[-1], rows[-1]]) / (2 if fine else 1)
    around = 0.25 if fine else 0.0  # to half a sample beyond the outermost
    x1, y1 = (first - around + (left, top)).tolist()
    x2, y2 = (last + (around if fine else 1.0) + (left, top)).tolist()
    mask = np.ascontiguousarray(seen[1::2, 1::2] if fine else seen).view(np.bool_)
    return Silhouette(mask, left, top, (x1, y1, x2, y2))


def _window(
    shape: Shape, width: int, height: int, margin: float
) -> tuple[int, int, int, int] | None:
    """left, top, right, bottom of the pixels that a shape may cover; None where there are none."""
    if not len(shape.faces):
        return None
    borders = (-margin * width, -margin * height, (1 + margin) * width, (1 + margin) * height)
    low, high = shape.low.min(axis=0), shape.high.max(axis=0)
    left, top = (floor(max(a, b)) for a, b in zip(low, borders[:2], strict=True))
    right, bottom = (ceil(min(a, b)) for a, b in zip(high, borders[2:], strict=True))
    if left >= right or top >= bottom:
        return None
    return left, top, right, bottom
