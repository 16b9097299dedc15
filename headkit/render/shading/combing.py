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
from headkit.render.shading.sheet import NOBODY, Sheet, lay

_REACH: Final = 3  # pixels to both sides, along the axis of the picture that a strand follows most
_WEIGHTS: Final = (0.9, 0.65, 0.35)  # of pixels at one, two and three steps; a strand's own: 1
_NEAR: Final = 0.04  # metres: what lies farther off in depth is another part of the hair
_BEFORE: Final = 0.001  # metres that what is seen between the ends of hair may lie before it
_FAR: Final = 1e6  # metres: depth of the background
_END: Final = -2.0  # owner in a sheet of a pixel beyond the end of a strand
_SEEN: Final = (
    0.08  # square of the share of a strand's length that is seen: less, and it points at the viewer
)
_OUTLINE: Final = 0.6  # square of the sine between normal and viewer beside an outline


class Strip(NamedTuple):
    """The pixels about some hair, in the places of its sheet.

    before      (P, 3) their colours; 0 outside of the picture
    inverse_at  as Visible has it, of which only `window` is filled
    top, left   pixel of place 0; height, width of the picture
    """

    before: NDArray[np.float32]
    inverse_at: NDArray[np.float64]
    window: Window
    top: int
    left: int
    height: int
    width: int


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
    line, column = divmod(int(sheet.places[0]), sheet.wide)
    top, left = int(at[rows[0]] >> 17) - line, int((at[rows[0]] & 0xFFFF) >> 1) - column
    high, (height, width) = len(sheet.deep) // sheet.wide, picture.shape[:2]
    before = np.zeros((high, sheet.wide, 3), np.float32)
    y, x = max(0, top), max(0, left)
    part = picture[y : top + high, x : left + sheet.wide]
    before[y - top : y - top + len(part), x - left : x - left + part.shape[1]] = part
    strip = Strip(before.reshape(-1, 3), inverse_at, window, top, left, height, width)
    ends, courses = np.empty(2 * len(rows), np.int32), np.empty((2 * len(rows), 2), np.float32)
    count = _find_ends(sheet, strip, ways, ends, courses)
    _average(sheet, strip, sheet.places, ways, sheet.rows, picture)
    _average(sheet, strip, ends[:count], courses, np.arange(count), picture)


@lean
def way(hit: Hit, along: Triple, normal: Triple) -> tuple[float, float]:
    """How far the unit direction of a strand leads to the right and down in the picture.

    Where it points at the viewer: along the outline that it turns over there, by the unit normal of the hair, and
    0, 0 where there is none.
    """
    right = along[0] - hit.x / hit.z * along[2]
    down = along[1] - hit.y / hit.z * along[2]
    if right * right + down * down > _SEEN:
        return right, down
    if normal[0] * normal[0] + normal[1] * normal[1] > _OUTLINE:
        return -normal[1], normal[0]
    return 0.0, 0.0


@lean
def _depth(sheet: Sheet, strip: Strip, place: int) -> float:
    """Of what a place shows, metres; 0 outside of the picture."""
    if sheet.owner[place] >= 0.0:
        return float(sheet.deep[place])
    y, x = strip.top + place // sheet.wide, strip.left + place % sheet.wide
    if y < 0 or x < 0 or y >= strip.height or x >= strip.width:
        return 0.0
    window = strip.window
    if y < window[0] or x < window[1] or y >= window[2] or x >= window[3]:
        return _FAR
    inverse = strip.inverse_at[2 * y + 1, 2 * x + 1]
    return 1.0 / inverse if inverse > 0.0 else _FAR


@lean
def _find_ends(
    sheet: Sheet,
    strip: Strip,
    ways: NDArray[np.float32],
    ends: NDArray[np.int32],
    courses: NDArray[np.float32],
) -> int:
    """List the pixels beyond hair that its strands lead to and that lie behind it, with the course of these.

    Returns how many there are; marks them in sheet.owner.
    """
    count = 0
    for number in range(len(sheet.rows)):
        right, down = ways[sheet.rows[number], 0], ways[sheet.rows[number], 1]
        longest = max(abs(right), abs(down))
        if longest == 0.0:
            continue
        step = floor(down / longest + 0.5) * sheet.wide + floor(right / longest + 0.5)
        place = sheet.places[number]
        for other in (place - step, place + step):
            if sheet.owner[other] != NOBODY:
                continue
            if _depth(sheet, strip, other) > sheet.deep[place] - _BEFORE:
                sheet.owner[other] = _END
                ends[count], courses[count, 0], courses[count, 1] = other, right, down
                count += 1
    return count


@lean
def _average(
    sheet: Sheet,
    strip: Strip,
    places: NDArray[np.int32],
    ways: NDArray[np.float32],
    rows: NDArray[np.int64],
    picture: NDArray[np.float32],
) -> None:
    """Average some places of the strip, each along its row of `ways`, into the picture."""
    before = strip.before
    for number in range(len(places)):
        place = places[number]
        right, down = float(ways[rows[number], 0]), float(ways[rows[number], 1])
        if right == 0.0 and down == 0.0:
            continue
        if abs(right) >= abs(down):
            slope, ahead, aside = down / right, 1, sheet.wide
        else:
            slope, ahead, aside = right / down, sheet.wide, 1
        red, green, blue, total = before[place, 0], before[place, 1], before[place, 2], 1.0
        own, deep = sheet.owner[place], _depth(sheet, strip, place)
        for step in range(-_REACH, _REACH + 1):
            if step == 0:
                continue
            off = floor(step * slope)
            share = step * slope - off
            first = place + step * ahead + off * aside
            for side in range(2):
                other = first + side * aside
                whose = sheet.owner[other]
                if own >= 0.0 and whose == own:
                    taken = abs(sheet.deep[other] - deep) < _NEAR
                elif own >= 0.0:  # what is seen between the ends of strands
                    taken = _depth(sheet, strip, other) > deep - _BEFORE
                else:  # beyond an end: what lies as deep, and the hair before it
                    taken = whose >= 0.0 or abs(_depth(sheet, strip, other) - deep) < _NEAR
                if taken:
                    weight = _WEIGHTS[abs(step) - 1] * (share if side else 1.0 - share)
                    red += weight * before[other, 0]
                    green += weight * before[other, 1]
                    blue += weight * before[other, 2]
                    total += weight
        pixel = picture[strip.top + place // sheet.wide, strip.left + place % sheet.wide]
        pixel[0], pixel[1], pixel[2] = red / total, green / total, blue / total
