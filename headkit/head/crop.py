"""Square crops of heads: the pixels that a network sees, and the way from its coordinates to the picture's and back.

Coordinates are pixels with centres at .5 and the corner of the picture at 0, 0. Crop coordinates run from -1 to 1 over
the square, so that they mean the same at every size of the network's input:

    x = square.x + u * square.side / 2,    u = (x - square.x) * 2 / square.side
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

OUTSIDE = 128.0  # grey level where there is no picture


@dataclass(frozen=True)
class Square:
    """An upright square of a picture: its centre and its side, in pixels."""

    x: float
    y: float
    side: float

    def to_picture(self, points: ArrayLike) -> Array:
        """(..., 2) pixels of crop coordinates (..., 2)."""
        return np.asarray(points, np.float64) * (self.side / 2) + (self.x, self.y)

    def to_crop(self, points: ArrayLike) -> Array:
        """(..., 2) crop coordinates of pixels (..., 2)."""
        return (np.asarray(points, np.float64) - (self.x, self.y)) * (2 / self.side)

    def mirrored(self, width: float) -> Square:
        """The same square of the picture turned left to right."""
        return Square(width - self.x, self.y, self.side)


def square_about(box: ArrayLike, margin: float) -> Square:
    """The square about the middle of a box [x1, y1, x2, y2], `margin` times as wide as the box's longer side.

    Raises ValueError where the box is not finite or has no area.
    """
    x1, y1, x2, y2 = (float(value) for value in np.asarray(box, np.float64))
    longer = max(x2 - x1, y2 - y1)
    if not np.isfinite([x1, y1, x2, y2]).all() or min(x2 - x1, y2 - y1) <= 0:
        raise ValueError(f"box {[x1, y1, x2, y2]}: has no area")
    return Square((x1 + x2) / 2, (y1 + y2) / 2, margin * longer)


def cut(pixels: NDArray[np.uint8], square: Square, size: int) -> NDArray[np.uint8]:
    """(size, size, 3) the square of a picture (H, W, 3); OUTSIDE where it leaves the picture.

    Each pixel is the mean of the picture under a triangle of two pixels' width, of the crop or of the picture,
    whichever is wider: bilinear interpolation where the crop is finer, free of aliases where it is coarser.
    """
    across, columns = _filter(square.x - square.side / 2, square.side / size, size, pixels.shape[1])
    down, rows = _filter(square.y - square.side / 2, square.side / size, size, pixels.shape[0])
    region = pixels[rows, columns].astype(np.float32)
    narrow = np.tensordot(down, region, axes=(1, 0))  # (size, columns, 3)
    values = np.einsum("yxc,nx->ync", narrow, across, optimize=True)
    covered = down.sum(axis=1)[:, None, None] * across.sum(axis=1)[None, :, None]
    mixed = values + (1 - covered) * np.float32(OUTSIDE)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _filter(start: float, step: float, size: int, length: int) -> tuple[NDArray[np.float32], slice]:
    """(size, n) weights of n pixels of a line of `length`, and which they are; rows sum to 1 inside the line."""
    centres = start + (np.arange(size) + 0.5) * step
    half = max(step, 1.0)
    low = int(np.clip(np.floor(centres[0] - half), 0, length))
    high = int(np.clip(np.ceil(centres[-1] + half), low, length))
    first, last = int(np.floor(centres[0] - half)), int(np.ceil(centres[-1] + half))
    # Over the line as if it went on, so that a border takes its share.
    places = np.arange(first, last) + 0.5
    weights = np.maximum(0.0, 1.0 - np.abs(places[None, :] - centres[:, None]) / half)
    weights /= weights.sum(axis=1, keepdims=True)
    kept = weights[:, low - first : high - first] if high > low else weights[:, :0]
    return kept.astype(np.float32), slice(low, high)
