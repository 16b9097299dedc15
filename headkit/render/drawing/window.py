"""The part of a picture in which anybody can be seen: the rest of it need not be looked at."""

from __future__ import annotations

from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import Mesh
from headkit.render.drawing.raster import NEAR, TILE, in_view
from headkit.render.drawing.samples import Window
from headkit.render.jit import lean

_MARGIN: Final = 3  # pixels about what is seen: some look that far beside it


def window_of(mesh: Mesh, camera: NDArray[np.float64], width: int, height: int) -> Window:
    """The pixels that the mesh's surfaces may cover, and some about them; camera (4,) fx, fy, cx, cy in pixels."""
    top, left, bottom, right = _covered(mesh.low, mesh.high, camera, width, height)
    return (
        max(0, top - _MARGIN),
        max(0, left - _MARGIN),
        min(height, bottom + _MARGIN),
        min(width, right + _MARGIN),
    )


@lean
def _covered(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    camera: NDArray[np.float64],
    width: int,
    height: int,
) -> tuple[int, int, int, int]:
    """First row and column, and those behind the last, of the pixels that any of some boxes (S, 3) may cover."""
    top, left, bottom, right = height, width, 0, 0
    for number in range(len(low)):
        if not in_view(low[number], high[number], camera, width, height):
            continue
        if low[number, 2] < NEAR:
            return 0, 0, height, width
        for depth in (low[number, 2], high[number, 2]):
            for x in (low[number, 0], high[number, 0]):
                place = x / depth * camera[0] + camera[2]
                left = min(left, max(0, floor(max(place, 0.0))))
                right = max(right, ceil(min(place, float(width))))
            for y in (low[number, 1], high[number, 1]):
                place = y / depth * camera[1] + camera[3]
                top = min(top, max(0, floor(max(place, 0.0))))
                bottom = max(bottom, ceil(min(place, float(height))))
    return min(top, bottom), min(left, right), min(height, bottom), min(width, right)


@lean
def clear(
    face_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
    window: Window,
) -> None:
    """Empty buffers of the sample grid in a window, and to the borders of the tiles about it."""
    top, left, bottom, right = window
    first, last = (2 * left >> TILE) << TILE, ((2 * right >> TILE) + 1) << TILE
    for y in range(
        (2 * top >> TILE) << TILE, min(len(face_at), ((2 * bottom >> TILE) + 1) << TILE)
    ):
        for x in range(first, min(face_at.shape[1], last)):
            face_at[y, x] = -1
        for x in range(first, min(face_at.shape[1], last)):
            inverse_at[y, x] = 0.0
