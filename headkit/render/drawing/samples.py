"""The sample grid of a picture: which samples are shaded, and how samples become pixels.

Samples lie every half pixel, (2 H + 1) x (2 W + 1) of them, so that sample (2 y + 1, 2 x + 1) is the
centre of pixel (x, y): labels are read there. A pixel's colour is the average of the 3 x 3 samples about
its centre, weighted 1-2-1 both ways, a tent of one pixel's radius. Centres are always shaded; of the
others only those that show something which no centre beside them shows, as thin hair and edges.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled, lean

Window = tuple[int, int, int, int]  # first row and column, and those behind the last; pixels

# Depth may differ so much between samples of one smooth surface: metres, and metres per metre away.
_SAME: Final = 0.005
_SLOPE: Final = 0.002
_UNKNOWN: Final = -2  # a sample of which nobody has asked yet whose colour it has


def camera_of(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """The intrinsic matrix as (fx, fy, cx, cy) of the sample grid. Skew is not supported."""
    return np.array([2.0 * K[0, 0], 2.0 * K[1, 1], 2.0 * K[0, 2], 2.0 * K[1, 2]])


@lean
def agree(
    surface_at: NDArray[np.int16], inverse_at: NDArray[np.float64], y: int, x: int, j: int, i: int
) -> bool:
    """Whether two samples show the same piece of surface, or the background."""
    if surface_at[y, x] != surface_at[j, i]:
        return False
    one, two = inverse_at[y, x], inverse_at[j, i]
    # the difference in depth is |one - two| / (one two)
    return bool(abs(one - two) <= _SAME * one * two + _SLOPE * two)


@compiled
def grouped(kinds: NDArray[np.int32], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows in the order of their kind: those of kind k, below `count`, are order[begin[k] : begin[k + 1]]."""
    begin = np.zeros(count + 1, np.int64)
    for row in range(len(kinds)):
        begin[kinds[row] + 1] += 1
    for kind in range(count):
        begin[kind + 1] += begin[kind]
    order, free = np.empty(len(kinds), np.int64), begin.copy()
    for row in range(len(kinds)):
        order[free[kinds[row]]] = row
        free[kinds[row]] += 1
    return order, begin


@lean
def _centre_beside(
    surface_at: NDArray[np.int16], inverse_at: NDArray[np.float64], window: Window, y: int, x: int
) -> tuple[int, int]:
    """A pixel centre beside sample (y, x) that shows the same; (-1, -1) where there is none."""
    first_row, first_column = 2 * window[0], 2 * window[1]
    end_row, end_column = 2 * window[2] + 1, 2 * window[3] + 1
    up, left = 1 - y % 2, 1 - x % 2  # no step along an axis on which it is a centre itself
    if y - up > first_row:
        if x - left > first_column and agree(surface_at, inverse_at, y, x, y - up, x - left):
            return y - up, x - left
        if left and x + 1 < end_column and agree(surface_at, inverse_at, y, x, y - up, x + 1):
            return y - up, x + 1
    if up and y + 1 < end_row:
        if x - left > first_column and agree(surface_at, inverse_at, y, x, y + 1, x - left):
            return y + 1, x - left
        if left and x + 1 < end_column and agree(surface_at, inverse_at, y, x, y + 1, x + 1):
            return y + 1, x + 1
    return -1, -1


@lean
def place(y: int, x: int) -> int:
    """A sample's row and column in one number: y << 16 | x, which come apart without a division."""
    return y << 16 | x


@lean
def choose(
    face_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
    window: Window,
    surface: NDArray[np.int16],
    surface_at: NDArray[np.int16],
    row_at: NDArray[np.int32],
    plain: NDArray[np.bool_],
    at: NDArray[np.int64],
    pixels: NDArray[np.int64],
) -> tuple[int, int]:
    """List the samples to shade: first pixel centres, then others. Returns how many there are of each.

    window      of the pixels that anything but background may be seen in; elsewhere nothing is filled
    surface_at  filled for every sample: its surface, -1 the background
    row_at      filled for every pixel centre, and for every sample of a pixel that is not plain, with its colour:
                a row of `at`, that of a centre beside it or its own; -1 the background
    plain       (H, W) filled for every pixel: whether all its samples agree with its centre
    at          filled with places in the grid; must be long enough for all samples
    pixels      filled with flat pixels of the centres; must be long enough for all pixels
    """
    width = plain.shape[1]
    top, left, bottom, right = window
    begin, end = 2 * left, 2 * right + 1
    centres = 0
    for v in range(2 * top, 2 * bottom + 1):
        _name(face_at[v, begin:end], surface, surface_at[v, begin:end])
        if v % 2 == 1 or v == 2 * top:
            continue
        y = v // 2 - 1
        _compare(surface_at[:, begin:end], inverse_at[:, begin:end], v - 1, plain[y, left:right])
        for x in range(left, right):
            if not plain[y, x]:
                _forget(row_at, v - 2, 2 * x)
            if surface_at[v - 1, 2 * x + 1] >= 0:
                row_at[v - 1, 2 * x + 1] = centres
                at[centres], pixels[centres] = place(v - 1, 2 * x + 1), y * width + x
                centres += 1
            else:
                row_at[v - 1, 2 * x + 1] = -1
    count = centres
    for y in range(top, bottom):
        for x in range(left, right):
            if not plain[y, x]:
                count = _list(surface_at, inverse_at, window, 2 * y, 2 * x, row_at, at, count)
    return centres, count - centres


@lean
def _name(
    faces: NDArray[np.int32], surface: NDArray[np.int16], surfaces: NDArray[np.int16]
) -> None:
    """The surfaces of a row of samples."""
    for x in range(len(faces)):
        surfaces[x] = surface[faces[x]] if faces[x] >= 0 else -1


@lean
def _forget(row_at: NDArray[np.int32], top: int, left: int) -> None:
    """That nothing is known of the colours of the 3 x 3 samples from (top, left)."""
    for y in range(top, top + 3):
        for x in range(left, left + 3):
            row_at[y, x] = _UNKNOWN


@lean
def _compare(
    surface_at: NDArray[np.int16],
    inverse_at: NDArray[np.float64],
    v: int,
    plain: NDArray[np.bool_],
) -> None:
    """Of a row of pixels, centres in row v of the grid, whether each is of one surface, and hardly slopes."""
    above, row, below = surface_at[v - 1], surface_at[v], surface_at[v + 1]
    for x in range(len(plain)):
        u = 2 * x + 1
        kind = row[u]
        same = (row[u - 1] == kind) & (row[u + 1] == kind)
        same &= (above[u - 1] == kind) & (above[u] == kind) & (above[u + 1] == kind)
        same &= (below[u - 1] == kind) & (below[u] == kind) & (below[u + 1] == kind)
        plain[x] = same
    for x in range(len(plain)):
        if plain[x] and row[2 * x + 1] >= 0:
            low, high = np.inf, 0.0
            for j in range(v - 1, v + 2):
                for i in range(2 * x, 2 * x + 3):
                    low, high = min(low, inverse_at[j, i]), max(high, inverse_at[j, i])
            # no two can differ more than the least of tolerances, less rounding
            plain[x] = high - low <= 0.999 * low * (_SAME * low + _SLOPE)


@lean
def _list(
    surface_at: NDArray[np.int16],
    inverse_at: NDArray[np.float64],
    window: Window,
    top: int,
    left: int,
    row_at: NDArray[np.int32],
    at: NDArray[np.int64],
    count: int,
) -> int:
    """Give the 3 x 3 samples from (top, left) their rows, new ones from `count`; returns the new count."""
    for y in range(top, top + 3):
        for x in range(left, left + 3):
            if row_at[y, x] != _UNKNOWN:
                continue
            row_at[y, x] = -1
            if surface_at[y, x] < 0:
                continue
            j, i = y - 1 + y % 2, x - 1 + x % 2  # what _centre_beside asks first, and mostly finds
            inside = j > 2 * window[0] and i > 2 * window[1]
            if not (inside and agree(surface_at, inverse_at, y, x, j, i)):
                j, i = _centre_beside(surface_at, inverse_at, window, y, x)
            if j >= 0:
                row_at[y, x] = row_at[j, i]
            else:
                row_at[y, x] = count
                at[count] = place(y, x)
                count += 1
    return count


@lean
def resolve(
    surface_at: NDArray[np.int16],
    inverse_at: NDArray[np.float64],
    row_at: NDArray[np.int32],
    plain: NDArray[np.bool_],
    window: Window,
    color: NDArray[np.float32],
    background: NDArray[np.float32],
    picture: NDArray[np.float32],
) -> None:
    """Average samples into (H, W, 3) pixels: a sample that agrees with the centre has its colour.

    background  is what `picture` holds already
    """
    top, left, bottom, right = window
    for y in range(top, bottom):
        for x in range(left, right):
            v, u = 2 * y + 1, 2 * x + 1
            centre = row_at[v, u]
            if plain[y, x]:
                if centre >= 0:
                    for channel in range(3):
                        picture[y, x, channel] = color[centre, channel]
                continue
            red, green, blue = 0.0, 0.0, 0.0
            own = 0.25
            for j in range(-1, 2):
                for i in range(-1, 2):
                    if i == 0 and j == 0:
                        continue
                    weight = 0.0625 if i != 0 and j != 0 else 0.125
                    if agree(surface_at, inverse_at, v + j, u + i, v, u):
                        own += weight
                        continue
                    row = row_at[v + j, u + i]
                    if row < 0:
                        red += weight * background[y, x, 0]
                        green += weight * background[y, x, 1]
                        blue += weight * background[y, x, 2]
                    else:
                        red += weight * color[row, 0]
                        green += weight * color[row, 1]
                        blue += weight * color[row, 2]
            if centre < 0:
                picture[y, x, 0] = red + own * background[y, x, 0]
                picture[y, x, 1] = green + own * background[y, x, 1]
                picture[y, x, 2] = blue + own * background[y, x, 2]
            else:
                picture[y, x, 0] = red + own * color[centre, 0]
                picture[y, x, 1] = green + own * color[centre, 1]
                picture[y, x, 2] = blue + own * color[centre, 2]
