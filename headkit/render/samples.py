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

from headkit.render.jit import compiled

_SAME: Final = 0.005  # metres of depth between samples of one smooth surface


def camera_of(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """The intrinsic matrix as (fx, fy, cx, cy) of the sample grid. Skew is not supported."""
    return np.array([2.0 * K[0, 0], 2.0 * K[1, 1], 2.0 * K[0, 2], 2.0 * K[1, 2]])


@compiled
def agree(
    face_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
    surface: NDArray[np.int16],
    y: int,
    x: int,
    j: int,
    i: int,
) -> bool:
    """Whether two samples show the same piece of surface."""
    one, two = face_at[y, x], face_at[j, i]
    if one < 0 or two < 0:
        return bool(one < 0 and two < 0)
    if one == two:
        return True
    if surface[one] != surface[two]:
        return False
    depth, other = 1.0 / inverse_at[y, x], 1.0 / inverse_at[j, i]
    return bool(abs(depth - other) < _SAME + 0.002 * depth)


@compiled
def centre_beside(
    face_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
    surface: NDArray[np.int16],
    y: int,
    x: int,
) -> int:
    """A pixel (flat) whose centre is beside sample (y, x) and shows the same; -1 where there is none."""
    height, width = face_at.shape
    for j in range(y - 1 + y % 2, y + 2 - y % 2, 2):
        for i in range(x - 1 + x % 2, x + 2 - x % 2, 2):
            inside = 0 < j < height - 1 and 0 < i < width - 1
            if inside and agree(face_at, inverse_at, surface, y, x, j, i):
                return int((j // 2) * (width // 2) + i // 2)
    return -1


@compiled
def choose(
    face_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
    surface: NDArray[np.int16],
    at: NDArray[np.int64],
    row_at: NDArray[np.int32],
) -> tuple[int, int]:
    """List the samples to shade: first pixel centres, then others. Returns how many there are of each.

    at      filled with flat places in the grid; must be long enough for all samples
    row_at  (2 H + 1, 2 W + 1), filled for every sample with its colour: a row of `at`, that of a centre
            beside it or its own; -1 for the background
    """
    height, width = face_at.shape
    count = 0
    for y in range(1, height, 2):
        for x in range(1, width, 2):
            row_at[y, x] = -1
            if face_at[y, x] >= 0:
                row_at[y, x] = count
                at[count] = y * width + x
                count += 1
    centres = count
    for y in range(height):
        for x in range(width):
            if y % 2 == 1 and x % 2 == 1:
                continue
            row_at[y, x] = -1
            if face_at[y, x] < 0:
                continue
            pixel = centre_beside(face_at, inverse_at, surface, y, x)
            if pixel >= 0:
                columns = width // 2
                row_at[y, x] = row_at[2 * (pixel // columns) + 1, 2 * (pixel % columns) + 1]
            else:
                row_at[y, x] = count
                at[count] = y * width + x
                count += 1
    return centres, count - centres


@compiled
def resolve(
    face_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
    surface: NDArray[np.int16],
    row_at: NDArray[np.int32],
    color: NDArray[np.float32],
    background: NDArray[np.float32],
    picture: NDArray[np.float32],
) -> None:
    """Average samples into (H, W, 3) pixels: a sample that agrees with the centre has its colour."""
    height, width = picture.shape[:2]
    for y in range(height):
        for x in range(width):
            centre = row_at[2 * y + 1, 2 * x + 1]
            red, green, blue = 0.0, 0.0, 0.0
            own = 0.0
            for j in range(3):
                for i in range(3):
                    weight = (0.5 if j == 1 else 0.25) * (0.5 if i == 1 else 0.25)
                    v, u = 2 * y + j, 2 * x + i
                    if agree(face_at, inverse_at, surface, v, u, 2 * y + 1, 2 * x + 1):
                        own += weight
                        continue
                    row = row_at[v, u]
                    if row < 0:
                        red += weight * background[y, x, 0]
                        green += weight * background[y, x, 1]
                        blue += weight * background[y, x, 2]
                    else:
                        red += weight * color[row, 0]
                        green += weight * color[row, 1]
                        blue += weight * color[row, 2]
            for channel in range(3):
                base = background[y, x, channel] if centre < 0 else color[centre, channel]
                rest = red if channel == 0 else (green if channel == 1 else blue)
                picture[y, x, channel] = rest + own * base
