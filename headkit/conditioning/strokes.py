"""Filled limbs and joints on whole pixels, as in the pictures that pose conditioners were trained on.

Those were drawn without smoothing: a limb is the polygon of 360 corners about an ellipse, each corner rounded to a
pixel, filled with its border; a joint is a disc of whole pixels. A point of a record lies in the pixel of its whole
parts. Coordinates may lie anywhere: what is outside of the picture is not drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
Point = tuple[float, float]
Color = tuple[int, int, int]

_TURN = np.radians(np.arange(361.0))  # a corner for each degree, the last one the first again


@dataclass(frozen=True, eq=False)
class Stroke:
    """Pixels of a picture: those of `inside` in the block of `rows` and `columns`."""

    rows: slice
    columns: slice
    inside: NDArray[np.bool_]

    def paint(self, picture: Pixels, color: Color) -> None:
        """Lay an opaque colour on them."""
        picture[self.rows, self.columns][self.inside] = color

    def mix(self, picture: Pixels, color: Color, share: float) -> None:
        """Lay a colour on them of which `share`, 0 to 1, is taken, and the rest of what was there."""
        block = picture[self.rows, self.columns]
        mixed = (1.0 - share) * block[self.inside] + share * np.array(color, np.float64)
        block[self.inside] = np.rint(mixed).astype(np.uint8)


def limb(start: Point, end: Point, half_width: int, width: int, height: int) -> Stroke:
    """The ellipse from `start` to `end`, `half_width` pixels to each side in its middle, in a picture of that size.

    Middle, half length and angle in degrees are cut to whole numbers, as in the originals.
    """
    (x1, y1), (x2, y2) = start, end
    middle = int((x1 + x2) / 2), int((y1 + y2) / 2)
    half_length = int(math.hypot(x1 - x2, y1 - y2) / 2)
    angle = math.radians(int(math.degrees(math.atan2(y1 - y2, x1 - x2))))
    along, across = half_length * np.cos(_TURN), half_width * np.sin(_TURN)
    columns = np.rint(middle[0] + along * math.cos(angle) - across * math.sin(angle))
    rows = np.rint(middle[1] + along * math.sin(angle) + across * math.cos(angle))
    return _filled(*_outline(columns, rows), width, height)


def joint(center: Point, radius: int, width: int, height: int) -> Stroke:
    """The disc about the pixel of `center`, `radius` pixels to each side of it, in a picture of that size."""
    column, row = math.floor(center[0]), math.floor(center[1])
    rows = np.arange(max(row - radius, 0), min(row + radius + 1, height))
    columns = np.arange(max(column - radius, 0), min(column + radius + 1, width))
    squared = (rows[:, None] - row) ** 2 + (columns[None] - column) ** 2
    return _stroke(rows, columns, squared <= radius * radius)


def _outline(columns: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Columns and rows of the pixels on the lines from corner to corner, the last corner the first again.

    Lines go to the right, a pixel a step (Bresenham 1965). Half-way between two pixels they take that of their start, and
    what they enclose is filled up to the right one: both are taken here.
    """
    swapped = columns[1:] < columns[:-1]
    left = np.where(swapped, columns[1:], columns[:-1])
    start = np.where(swapped, rows[1:], rows[:-1])
    across = np.where(swapped, columns[:-1], columns[1:]) - left
    down = np.where(swapped, rows[:-1], rows[1:]) - start
    steps = np.maximum(across, np.abs(down)).astype(np.int64)
    line = np.repeat(np.arange(len(steps)), steps)
    step = np.arange(len(line)) - np.repeat(np.cumsum(steps) - steps, steps)
    column = left[line] + across[line] * step / steps[line]
    fallen = np.ceil(np.abs(down)[line] * step / steps[line] - 0.5)
    row = start[line] + np.sign(down)[line] * fallen
    return (
        np.concatenate([np.ceil(column - 0.5), np.floor(column + 0.5), columns]),
        np.concatenate([row, row, rows]),
    )


def _filled(columns: Floats, rows: Floats, width: int, height: int) -> Stroke:
    """What an outline encloses: in each row all from its first to its last pixel."""
    kept = (rows >= 0) & (rows < height)
    if not kept.any():
        return _stroke(np.arange(0), np.arange(0), np.zeros((0, 0), np.bool_))
    columns, lines = columns[kept], rows[kept].astype(np.int64)
    top, bottom = int(lines.min()), int(lines.max())
    first, last = np.full(bottom - top + 1, np.inf), np.full(bottom - top + 1, -np.inf)
    np.minimum.at(first, lines - top, columns)
    np.maximum.at(last, lines - top, columns)
    across = np.arange(max(int(columns.min()), 0), min(int(columns.max()), width - 1) + 1)
    inside = (across >= first[:, None]) & (across <= last[:, None])
    return _stroke(np.arange(top, bottom + 1), across, inside)


def _stroke(rows: NDArray[Any], columns: NDArray[Any], inside: NDArray[np.bool_]) -> Stroke:
    if not rows.size or not columns.size:
        return Stroke(slice(0, 0), slice(0, 0), np.zeros((0, 0), np.bool_))
    block = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    return Stroke(*block, inside)
