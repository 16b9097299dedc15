"""Hair averaged along its strands, so that they run through the picture as lines and not as dots.

Strands are about as thin as pixels, and each pixel of hair is shaded once: a strand that leans would be seen where it
happens to meet a pixel's centre. What is known is its direction; an average along that takes the dots out and
leaves differences between strands (line integral convolution: Cabral and Leedom 1993, with the shaded picture in
place of noise).
"""

from __future__ import annotations

from math import floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import AXIS
from headkit.render.drawing.samples import Window
from headkit.render.jit import lean
from headkit.render.shading.shade import Scene, recall, vector
from headkit.render.surface import Material

_HAIR: Final = int(Material.HAIR)
_REACH: Final = 2  # pixels to both sides, along the axis that the strand runs along most
_WEIGHTS: Final = (1.0, 0.85, 0.5)  # of a strand's pixels by their distance
_NEAR: Final = 0.04  # metres: what lies farther behind is another part of the hair
_STEEP: Final = (
    0.04  # square of the share of a strand that is seen at all, below which it points at the viewer
)


@lean
def comb(
    scene: Scene,
    at: NDArray[np.int64],
    shares: NDArray[np.float64],
    rows: NDArray[np.int64],
    materials: NDArray[np.int32],
    owners: NDArray[np.int32],
    points: NDArray[np.float32],
    row_at: NDArray[np.int32],
    window: Window,
    color: NDArray[np.float32],
    combed: NDArray[np.float32],
) -> None:
    """The colours of some rows of samples, which are hair at pixel centres, averaged along their strands.

    at, shares, materials, owners, points, row_at, window  as Visible has them
    color, combed  (N, 3) of all samples; (rows, 3) to fill
    """
    for number in range(len(rows)):
        row = rows[number]
        hit = recall(scene, at, shares, row)
        along = vector(scene.attributes, hit, AXIS)
        right = along[0] * hit.z - hit.x * along[2]
        down = along[1] * hit.z - hit.y * along[2]
        seen = right * right + down * down
        whole = along[0] * along[0] + along[1] * along[1] + along[2] * along[2]
        red, green, blue, total = color[row, 0], color[row, 1], color[row, 2], np.float32(1.0)
        level = abs(right) >= abs(down)
        if seen > _STEEP * whole * hit.z * hit.z:
            slope = down / right if level else right / down
            y, x = at[row] >> 17, (at[row] & 0xFFFF) >> 1
            for step in range(-_REACH, _REACH + 1):
                if step == 0:
                    continue
                aside = floor(step * slope)
                share = step * slope - aside
                for side in range(2):
                    j = y + aside + side if level else y + step
                    i = x + step if level else x + aside + side
                    if j < window[0] or i < window[1] or j >= window[2] or i >= window[3]:
                        continue
                    other = row_at[2 * j + 1, 2 * i + 1]
                    if other < 0 or materials[other] != _HAIR or owners[other] != owners[row]:
                        continue
                    if abs(points[other, 2] - points[row, 2]) > _NEAR:
                        continue
                    weight = np.float32(_WEIGHTS[abs(step)] * (share if side else 1.0 - share))
                    red += weight * color[other, 0]
                    green += weight * color[other, 1]
                    blue += weight * color[other, 2]
                    total += weight
        combed[number, 0], combed[number, 1], combed[number, 2] = (
            red / total,
            green / total,
            blue / total,
        )
