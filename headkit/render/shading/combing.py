"""Hair averaged along its strands, so that they run through the picture as lines and not as dots.

Strands are about as thin as pixels, and each pixel of hair is shaded once: a strand that leans would be seen where it
happens to meet a pixel's centre. What is known is its direction; an average along that takes the dots out and
leaves the differences between strands (line integral convolution: Cabral and Leedom 1993, with the shaded picture
in place of noise).
"""

from __future__ import annotations

from math import floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import lean
from headkit.render.shading.shade import Hit, Triple
from headkit.render.shading.sheet import Sheet, lay

_REACH: Final = 3  # pixels to both sides, along the axis of the picture that a strand follows most
_WEIGHTS: Final = (0.9, 0.65, 0.35)  # of pixels at one, two and three steps; a strand's own: 1
_NEAR: Final = 0.04  # metres: what lies farther off in depth is another part of the hair
_SEEN: Final = (
    0.04  # square of the share of a strand's length that is seen: less, and it points at the viewer
)


def comb(
    rows: NDArray[np.int64],
    at: NDArray[np.int64],
    owners: NDArray[np.int32],
    points: NDArray[np.float32],
    ways: NDArray[np.float32],
    color: NDArray[np.float32],
) -> None:
    """Average the colours of some samples, all pixel centres that show hair, in place.

    at, owners, points  of all N samples, as Visible has them; color (N, 3)
    ways                (N, 2) filled at `rows`: how far strands lead to the right and down, as `way` gives it
    """
    if len(rows):
        sheet = lay(rows, at, owners, points, _REACH + 1)
        _average(sheet, ways, np.zeros((len(sheet.deep), 3), np.float32), color)


@lean
def way(hit: Hit, along: Triple) -> tuple[float, float]:
    """How far the unit direction of a strand leads to the right and down in the picture; 0, 0 if to the viewer."""
    right = along[0] - hit.x / hit.z * along[2]
    down = along[1] - hit.y / hit.z * along[2]
    if right * right + down * down < _SEEN:
        return 0.0, 0.0
    return right, down


@lean
def _average(
    sheet: Sheet,
    ways: NDArray[np.float32],
    before: NDArray[np.float32],
    color: NDArray[np.float32],
) -> None:
    """`comb` of the rows of a sheet; before (P, 3) is overwritten."""
    for number in range(len(sheet.rows)):
        for channel in range(3):
            before[sheet.places[number], channel] = color[sheet.rows[number], channel]
    for number in range(len(sheet.rows)):
        row, place = sheet.rows[number], sheet.places[number]
        right, down = float(ways[row, 0]), float(ways[row, 1])
        if right == 0.0 and down == 0.0:
            continue
        if abs(right) >= abs(down):
            slope, ahead, aside = down / right, 1, sheet.wide
        else:
            slope, ahead, aside = right / down, sheet.wide, 1
        red, green, blue, total = before[place, 0], before[place, 1], before[place, 2], 1.0
        own, deep = sheet.owner[place], sheet.deep[place]
        for step in range(-_REACH, _REACH + 1):
            if step == 0:
                continue
            off = floor(step * slope)
            share = step * slope - off
            first = place + step * ahead + off * aside
            for side in range(2):
                other = first + side * aside
                if sheet.owner[other] == own and abs(sheet.deep[other] - deep) < _NEAR:
                    weight = _WEIGHTS[abs(step) - 1] * (share if side else 1.0 - share)
                    red += weight * before[other, 0]
                    green += weight * before[other, 1]
                    blue += weight * before[other, 2]
                    total += weight
        color[row, 0], color[row, 1], color[row, 2] = red / total, green / total, blue / total
