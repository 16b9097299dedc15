"""Hair averaged along its strands, so that they run through the picture as lines and not as dots.

Strands are about as thin as pixels, and each pixel of hair is shaded once: a strand that leans would be seen where it
happens to meet a pixel's centre. What is known is its direction; an average along that takes the dots out and
leaves the differences between strands (line integral convolution: Cabral and Leedom 1993, with the picture in place
of noise). At the ends of strands what lies behind them is part of the average, and they fade instead of breaking
off; labels are of the samples, and stay as they are.
"""

from __future__ import annotations

from math import floor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.samples import Window
from headkit.render.jit import lean
from headkit.render.shading.shade import Hit, Triple
from headkit.render.shading.sheet import Sheet, lay

_REACH: Final = 3  # pixels to both sides, along the axis of the picture that a strand follows most
_WEIGHTS: Final = (0.9, 0.65, 0.35)  # of pixels at one, two and three steps; a strand's own: 1
_NEAR: Final = 0.04  # metres: what lies farther off in depth is another part of the hair
_BEHIND: Final = (
    0.003  # metres by which something other than hair lies behind it, and is seen between its ends
)
_FAR: Final = 1e6  # metres: depth of the background
_SEEN: Final = (
    0.04  # square of the share of a strand's length that is seen: less, and it points at the viewer
)


class Strip(NamedTuple):
    """The pixels about some hair, in the places of a sheet.

    before  (P, 3) their colours; deep (P,) depth in metres, 0 outside of the picture
    ways    (P, 2) course of the strands of hair, and of its ends in the pixels beyond them
    """

    before: NDArray[np.float32]
    deep: NDArray[np.float32]
    ways: NDArray[np.float32]


def comb(
    rows: NDArray[np.int64],
    at: NDArray[np.int64],
    owners: NDArray[np.int32],
    points: NDArray[np.float32],
    ways: NDArray[np.float32],
    inverse_at: NDArray[np.float64],
    window: Window,
    picture: NDArray[np.float32],
) -> None:
    """Average the pixels of hair, and those just beyond the ends of its strands, in place.

    rows                of the samples that show hair at pixel centres
    at, owners, points, inverse_at, window  as Visible has them
    ways                (N, 2) filled at `rows`: how far strands lead to the right and down, as `way` gives it
    picture             (H, W, 3) linear radiance
    """
    if not len(rows):
        return
    sheet = lay(rows, at, owners, points, _REACH + 2)
    count = len(sheet.deep)
    strip = Strip(
        np.zeros((count, 3), np.float32),
        np.zeros(count, np.float32),
        np.zeros((count, 2), np.float32),
    )
    corner = int(at[rows[0]] >> 17), int((at[rows[0]] & 0xFFFF) >> 1)
    line, column = divmod(int(sheet.places[0]), sheet.wide)
    top, left = corner[0] - line, corner[1] - column
    _copy(sheet, ways, inverse_at, window, picture, top, left, strip)
    ends = np.empty(2 * len(rows), np.int32)
    ends = ends[: _find_ends(sheet, strip, ends)]
    for places in (sheet.places, ends):
        _average(sheet, strip, places, top, left, picture)


@lean
def way(hit: Hit, along: Triple) -> tuple[float, float]:
    """How far the unit direction of a strand leads to the right and down in the picture; 0, 0 if to the viewer."""
    right = along[0] - hit.x / hit.z * along[2]
    down = along[1] - hit.y / hit.z * along[2]
    if right * right + down * down < _SEEN:
        return 0.0, 0.0
    return right, down


@lean
def _copy(
    sheet: Sheet,
    ways: NDArray[np.float32],
    inverse_at: NDArray[np.float64],
    window: Window,
    picture: NDArray[np.float32],
    top: int,
    left: int,
    strip: Strip,
) -> None:
    """Fill the strip; its place 0 is pixel (top, left)."""
    height, width = picture.shape[0], picture.shape[1]
    for line in range(len(sheet.deep) // sheet.wide):
        y = top + line
        if y < 0 or y >= height:
            continue
        for column in range(max(0, -left), min(sheet.wide, width - left)):
            x, place = left + column, line * sheet.wide + column
            for channel in range(3):
                strip.before[place, channel] = picture[y, x, channel]
            strip.deep[place] = _FAR
            if window[0] <= y < window[2] and window[1] <= x < window[3]:
                inverse = inverse_at[2 * y + 1, 2 * x + 1]
                if inverse > 0.0:
                    strip.deep[place] = 1.0 / inverse
    for number in range(len(sheet.rows)):
        for axis in range(2):
            strip.ways[sheet.places[number], axis] = ways[sheet.rows[number], axis]


@lean
def _find_ends(sheet: Sheet, strip: Strip, ends: NDArray[np.int32]) -> int:
    """List the pixels beyond hair that its strands lead to and that lie behind it; returns how many there are."""
    count = 0
    for place in sheet.places:
        right, down = strip.ways[place, 0], strip.ways[place, 1]
        if right == 0.0 and down == 0.0:
            continue
        longest = max(abs(right), abs(down))
        step = floor(down / longest + 0.5) * sheet.wide + floor(right / longest + 0.5)
        for other in (place - step, place + step):
            # nobody's, and not found yet
            if (
                sheet.owner[other] >= 0.0
                or strip.ways[other, 0] != 0.0
                or strip.ways[other, 1] != 0.0
            ):
                continue
            if strip.deep[other] > strip.deep[place] + _BEHIND:
                strip.ways[other, 0], strip.ways[other, 1] = right, down
                ends[count] = other
                count += 1
    return count


@lean
def _average(
    sheet: Sheet,
    strip: Strip,
    places: NDArray[np.int32],
    top: int,
    left: int,
    picture: NDArray[np.float32],
) -> None:
    """Average some places of the strip along their ways, into the picture."""
    before = strip.before
    for place in places:
        right, down = float(strip.ways[place, 0]), float(strip.ways[place, 1])
        if right == 0.0 and down == 0.0:
            continue
        if abs(right) >= abs(down):
            slope, ahead, aside = down / right, 1, sheet.wide
        else:
            slope, ahead, aside = right / down, sheet.wide, 1
        red, green, blue, total = before[place, 0], before[place, 1], before[place, 2], 1.0
        own, deep = sheet.owner[place], strip.deep[place]
        for step in range(-_REACH, _REACH + 1):
            if step == 0:
                continue
            off = floor(step * slope)
            share = step * slope - off
            first = place + step * ahead + off * aside
            for side in range(2):
                other = first + side * aside
                away = strip.deep[other] - deep
                if own < 0.0:  # beyond an end: all that lies as deep, and any hair before it
                    taken = abs(away) < _NEAR or sheet.owner[other] >= 0.0
                elif sheet.owner[other] == own:
                    taken = abs(away) < _NEAR
                else:
                    taken = away > _BEHIND
                if taken:
                    weight = _WEIGHTS[abs(step) - 1] * (share if side else 1.0 - share)
                    red += weight * before[other, 0]
                    green += weight * before[other, 1]
                    blue += weight * before[other, 2]
                    total += weight
        pixel = picture[top + place // sheet.wide, left + place % sheet.wide]
        pixel[0], pixel[1], pixel[2] = red / total, green / total, blue / total
