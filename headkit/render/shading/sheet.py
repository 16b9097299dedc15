"""Pixels of people laid out so that neighbours are looked at in long runs, for filters that keep to one person.

All lines of a picture's part that holds the pixels lie one behind the other, with a margin of nobody about each:
a neighbour is always the same number of places away, and no border needs to be asked for.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import lean

NOBODY: Final = -1.0


class Sheet(NamedTuple):
    """N pixels in a sheet of P places; what is not one of them is nobody's.

    rows    (N,) samples, at pixel centres
    places  (N,) int32 of each in the sheet
    owner   (P,) float32 person, -1 nobody's; deep (P,) float32 depth in metres, 0 nobody's
    lines   how many there are without the margin; wide places in a line; margin lines and places about them
    """

    rows: NDArray[np.int64]
    places: NDArray[np.int32]
    owner: NDArray[np.float32]
    deep: NDArray[np.float32]
    lines: int
    wide: int
    margin: int


def lay(
    rows: NDArray[np.int64],
    at: NDArray[np.int64],
    owners: NDArray[np.int32],
    points: NDArray[np.float32],
    margin: int,
) -> Sheet:
    """The sheet of some rows, at least one, of the samples `at`, which are pixel centres."""
    box = np.empty(4, np.int64)
    _bounds(rows, at, box)
    top, left, bottom, right = box.tolist()
    lines, wide = bottom - top, right - left + 2 * margin
    count = (lines + 2 * margin) * wide
    places = np.empty(len(rows), np.int32)
    owner, deep = np.full(count, NOBODY, np.float32), np.zeros(count, np.float32)
    _fill(rows, at, owners, points, top - margin, left - margin, wide, places, owner, deep)
    return Sheet(rows, places, owner, deep, lines, wide, margin)


@lean
def _bounds(rows: NDArray[np.int64], at: NDArray[np.int64], box: NDArray[np.int64]) -> None:
    """First line and column of pixels, and those behind the last."""
    top, left, bottom, right = 1 << 16, 1 << 16, 0, 0
    for row in rows:
        y, x = at[row] >> 17, (at[row] & 0xFFFF) >> 1
        top, bottom = min(top, y), max(bottom, y + 1)
        left, right = min(left, x), max(right, x + 1)
    box[0], box[1], box[2], box[3] = top, left, bottom, right


@lean
def _fill(
    rows: NDArray[np.int64],
    at: NDArray[np.int64],
    owners: NDArray[np.int32],
    points: NDArray[np.float32],
    top: int,
    left: int,
    wide: int,
    places: NDArray[np.int32],
    owner: NDArray[np.float32],
    deep: NDArray[np.float32],
) -> None:
    for number in range(len(rows)):
        row = rows[number]
        place = ((at[row] >> 17) - top) * wide + ((at[row] & 0xFFFF) >> 1) - left
        places[number] = place
        owner[place] = owners[row]
        deep[place] = points[row, 2]
