"""Light that goes under the skin and comes out beside."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import lean
from headkit.render.shading.sheet import Sheet, lay

_SIGMA: Final = 0.0026  # metres, of red; green goes a half as far, blue a third
_SHARE: Final = (0.75, 0.5, 0.4)  # of the light that goes under the surface
_REACH: Final = 14  # pixels
_RUN: Final = (
    2048  # about so many places are blurred together: what they need stays near the processor
)


def scatter(
    shaded: NDArray[np.float32],
    first: int,
    skin: NDArray[np.int64],
    at: NDArray[np.int64],
    owners: NDArray[np.int32],
    points: NDArray[np.float32],
    focal: float,
) -> None:
    """Spread light under the skin, in place: a blur, in each channel as wide as it goes in tissue.

    shaded  (N, columns) of samples; their irradiance, in columns `first` and the next two, is changed
    skin    rows of those that are skin at pixel centres
    at, owners, points  of samples, as Visible has them
    focal   pixels

    The blur runs along lines, then along columns, only over skin of the same person and near depth
    (separable sub-surface scattering, Jimenez 2015, with one Gaussian and a share per channel).
    """
    if not len(skin):
        return
    margin = _reach(focal, float(points[skin, 2].min()))
    if margin < 1:
        return
    sheet = lay(skin, at, owners, points, margin)
    light = np.zeros((3, len(sheet.deep)), np.float32)
    between = np.zeros_like(light)
    work = np.empty((7, _RUN + sheet.wide), np.float32)
    _gather(sheet, shaded, first, light)
    _pass(sheet, light, focal, 1, work, between)
    _pass(sheet, between, focal, sheet.wide, work, light)
    _give_back(sheet, light, shaded, first)


@lean
def _reach(focal: float, depth: float) -> int:
    """How many pixels light goes at a depth."""
    return min(_REACH, int(2.2 * _SIGMA * focal / depth))


@lean
def _gather(
    sheet: Sheet, shaded: NDArray[np.float32], first: int, light: NDArray[np.float32]
) -> None:
    for number in range(len(sheet.rows)):
        for channel in range(3):
            light[channel, sheet.places[number]] = shaded[sheet.rows[number], first + channel]


@lean
def _give_back(
    sheet: Sheet, light: NDArray[np.float32], shaded: NDArray[np.float32], first: int
) -> None:
    for number in range(len(sheet.rows)):
        for channel in range(3):
            shaded[sheet.rows[number], first + channel] = light[channel, sheet.places[number]]


@lean
def _pass(
    sheet: Sheet,
    light: NDArray[np.float32],
    focal: float,
    along: int,
    work: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    """The light (3, P) blurred over neighbours `along` places away, into result, some lines at a time.

    work  (7, at least a line more than _RUN) overwritten: weights, sums and totals of three channels
    """
    step = max(1, _RUN // sheet.wide)
    for line in range(0, sheet.lines, step):
        begin = (sheet.margin + line) * sheet.wide + sheet.margin
        end = (sheet.margin + min(sheet.lines, line + step)) * sheet.wide - sheet.margin
        mine, deep = sheet.owner[begin:end], sheet.deep[begin:end]
        reach = min(sheet.margin, _reach(focal, _nearest(deep)))
        if reach < 1:
            for channel in range(3):
                for x in range(begin, end):
                    result[channel, x] = light[channel, x]
            continue
        count = end - begin
        for row in range(1, 7):
            for x in range(count):
                work[row, x] = 0.0
        stride = 1 + reach // 6  # light under skin is smooth: some 9 taps are enough
        for tap in range(-(reach // stride) * stride, reach + 1, stride):
            low, high = begin + tap * along, end + tap * along
            weight = work[0, :count]
            _weigh(
                mine, sheet.owner[low:high], deep, sheet.deep[low:high], abs(tap) / focal, weight
            )
            _add(weight, light[0, low:high], work[1, :count], work[4, :count], 2)
            _add(weight, light[1, low:high], work[2, :count], work[5, :count], 1)
            _add(weight, light[2, low:high], work[3, :count], work[6, :count], 0)
        for channel in range(3):
            _mix(
                light[channel, begin:end], work[1 + channel, :count], work[4 + channel, :count],
                _SHARE[channel], result[channel, begin:end],
            )  # fmt: skip


@lean
def _weigh(
    mine: NDArray[np.float32],
    other: NDArray[np.float32],
    here: NDArray[np.float32],
    there: NDArray[np.float32],
    step: float,
    weight: NDArray[np.float32],
) -> None:
    """Weights of red for one tap, over a run of pixels: 0 where somebody else's skin or none is.

    step  of the tap, metres in a depth of 1
    """
    unit, slant = np.float32(step / (4.0 * _SIGMA)), np.float32(0.7 / (4.0 * _SIGMA))
    zero, one, least = np.float32(0.0), np.float32(1.0), np.float32(0.3)
    for x in range(len(weight)):
        away, deep = here[x] * unit, (there[x] - here[x]) * slant
        part = one - away * away - deep * deep
        # (1 - q/8)^8 for exp(-q)
        part = part if (part > least) & (mine[x] == other[x]) else zero
        part *= part
        part *= part
        weight[x] = part * part


@lean
def _add(
    weight: NDArray[np.float32],
    light: NDArray[np.float32],
    total_light: NDArray[np.float32],
    total: NDArray[np.float32],
    squares: int,
) -> None:
    """Add one tap of a channel; then square the weights, for the narrower channel that follows."""
    if squares == 2:
        for x in range(len(weight)):
            share = weight[x]
            total_light[x] += share * light[x]
            total[x] += share
            share *= share
            weight[x] = share * share
        return
    for x in range(len(weight)):
        share = weight[x]
        total_light[x] += share * light[x]
        total[x] += share
        weight[x] = share * share


@lean
def _nearest(deep: NDArray[np.float32]) -> float:
    """The least depth of skin; infinity where none is."""
    nearest = np.inf
    for x in range(len(deep)):
        if deep[x] > 0.0:
            nearest = min(nearest, deep[x])
    return nearest


@lean
def _mix(
    plain: NDArray[np.float32],
    sums: NDArray[np.float32],
    totals: NDArray[np.float32],
    share: float,
    result: NDArray[np.float32],
) -> None:
    """Light of which a share went under the skin; where nobody's skin is, what is not looked at."""
    part = np.float32(share)
    for x in range(len(plain)):
        result[x] = plain[x] + part * (sums[x] / totals[x] - plain[x])
