"""Light that goes under the skin and comes out beside."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled, lean

_SIGMA: Final = 0.0026  # metres, of red; green goes a half as far, blue a third
_SHARE: Final = (0.75, 0.5, 0.4)  # of the light that goes under the surface
_REACH: Final = 14  # pixels


@compiled
def scatter(
    light: NDArray[np.float32],
    skin: NDArray[np.int64],
    pixels: NDArray[np.int64],
    owner: NDArray[np.int16],
    depth: NDArray[np.float32],
    focal: float,
) -> None:
    """Spread light under the skin, in place: a blur, in each channel as wide as it goes in tissue.

    light   (N, 3) irradiance of samples
    skin    rows of those that are skin at the centres of `pixels`
    owner, depth  (H, W) labels
    focal   pixels

    The blur runs along rows, then along columns, only over skin of the same person and near depth
    (separable sub-surface scattering, Jimenez 2015, with one Gaussian and a share per channel).
    """
    height, width = owner.shape
    rows = np.full((height, width), -1, np.int32)
    for row in skin:
        rows.reshape(-1)[pixels[row]] = row
    spans = np.full((height, 2), -1)  # columns of a row from the first skin to behind the last
    nearest = np.full(height, np.inf)  # metres
    for y in range(height):
        for x in range(width):
            if rows[y, x] >= 0:
                spans[y, 0] = x if spans[y, 0] < 0 else spans[y, 0]
                spans[y, 1] = x + 1
                nearest[y] = min(nearest[y], depth[y, x])
    top, bottom, left, right = height, 0, width, 0
    for y in range(height):
        if spans[y, 1] > 0:
            top, bottom = min(top, y), y + 1
            left, right = min(left, spans[y, 0]), max(right, spans[y, 1])
    if bottom == 0:
        return
    rows, spans, nearest = (
        rows[top:bottom, left:right],
        spans[top:bottom] - left,
        nearest[top:bottom],
    )
    depth = depth[top:bottom, left:right]
    mine = np.full(rows.shape, -1.0, np.float32)
    sheet = np.zeros((3, *rows.shape), np.float32)
    for y in range(bottom - top):
        for x in range(right - left):
            if rows[y, x] >= 0:
                mine[y, x] = owner[top + y, left + x]
                for channel in range(3):
                    sheet[channel, y, x] = light[rows[y, x], channel]
    between = _pass(sheet, mine, depth, spans, nearest, focal, 0)
    after = _pass(between, mine, depth, spans, nearest, focal, 1)
    for y in range(bottom - top):
        for x in range(right - left):
            if rows[y, x] >= 0:
                for channel in range(3):
                    light[rows[y, x], channel] = after[channel, y, x]


@compiled
def _pass(
    sheet: NDArray[np.float32],
    mine: NDArray[np.float32],
    depth: NDArray[np.float32],
    spans: NDArray[np.int64],
    nearest: NDArray[np.float64],
    focal: float,
    axis: int,
) -> NDArray[np.float32]:
    """The (3, H, W) sheet blurred along rows (axis 0) or columns (1), a row of pixels at a time."""
    height, width = mine.shape
    result = np.zeros(sheet.shape, np.float32)
    weight = np.empty(width, np.float32)
    sums, totals = np.empty((3, width), np.float32), np.empty((3, width), np.float32)
    for y in range(height):
        begin, end = spans[y]
        reach = min(_REACH, int(2.2 * _SIGMA * focal / nearest[y]))
        if begin < 0 or reach < 1:
            result[:, y] = sheet[:, y]
            continue
        stride = 1 + reach // 6  # light under skin is smooth: some 9 taps are enough
        sums[:], totals[:] = 0.0, 0.0
        for step in range(-(reach // stride) * stride, reach + 1, stride):
            j, shift = (y + step, 0) if axis == 1 else (y, step)
            low, high = max(begin, -shift), min(end, width - shift)
            if j < 0 or j >= height or low >= high:
                continue
            here, there = weight[: high - low], slice(low + shift, high + shift)
            _weigh(
                mine[y, low:high], mine[j, there], depth[y, low:high], depth[j, there],
                abs(step) / focal, here,
            )  # fmt: skip
            _add(here, sheet[0, j, there], sums[0, low:high], totals[0, low:high], 2)
            _add(here, sheet[1, j, there], sums[1, low:high], totals[1, low:high], 1)
            _add(here, sheet[2, j, there], sums[2, low:high], totals[2, low:high], 0)
        for channel in range(3):
            share = np.float32(_SHARE[channel])
            for x in range(begin, end):
                plain = sheet[channel, y, x]
                mean = sums[channel, x] / totals[channel, x]
                result[channel, y, x] = plain + share * (mean - plain)
    return result


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
