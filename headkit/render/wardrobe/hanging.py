"""What makes grown locks hang as one body: no gaps between them, none alone across the forehead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import lean
from headkit.render.wardrobe.obstacles import Wrap
from headkit.render.wardrobe.scalp import COLUMNS, ROWS, Scalp, places_towards, sample
from headkit.render.wardrobe.tailoring import Floats, unit

_GAP = 0.006  # metres between neighbouring ends that still read as one body of hair
_LINK = 0.016  # metres between ends that hang together
_LINKS = 24
_FARTHEST = 0.06  # metres by which a lock may be drawn to the others
_OVER = 0.45  # share of its length on which a lock that hangs apart goes over to another


def closed_up(line: Floats, wrap: Wrap, size: float) -> Floats:
    """Locks (N, S + 1, 3) of which those on the back are drawn together where they fell apart.

    Collar and hood part the hair that slides off them; through the gap their edges would show. Rest frame,
    metres; size of the head against the mean human.
    """
    left, up, ahead = np.moveaxis((line - wrap.base) @ wrap.axes.T, -1, 0)
    chosen = np.flatnonzero((ahead[:, -1] < 0.0) & (up[:, -1] < -0.06 * size))
    if len(chosen) < 60:
        return line
    left, up = left[chosen], np.minimum.accumulate(up[chosen], axis=1)
    # From 10 cm above the base of the neck, where nothing moves, down to the lowest end.
    levels = np.linspace(0.10 * size, float(up.min()), 12)
    shift = np.zeros((len(levels), len(chosen)))
    at = np.empty(len(chosen))
    for number, level in enumerate(levels[1:], 1):
        _at_level(up, left, float(level), at)
        shift[number] = _towards_the_middle(at, size) * min(1.0, number / 4)
    result = line.copy()
    _move(result, chosen, up, levels, shift, wrap.axes[0])
    return result


@lean
def _at_level(up: Floats, left: Floats, level: float, at: NDArray[np.float64]) -> None:
    """Where each lock, of heights (N, S + 1) that never rise, passes a level; its ends where it does not."""
    for lock in range(len(up)):
        at[lock] = _interpolated(level, up[lock], left[lock])


@lean
def _move(
    line: Floats,
    chosen: NDArray[np.int64],
    up: Floats,
    levels: NDArray[np.float64],
    shift: NDArray[np.float64],
    axis: Floats,
) -> None:
    """Move the chosen locks along an axis by their shift (levels, N), between levels linearly, in place."""
    for number in range(len(chosen)):
        for point in range(line.shape[1]):
            along = np.float32(_interpolated(up[number, point], levels, shift[:, number]))
            for i in range(3):
                line[chosen[number], point, i] += along * axis[i]


@lean
def _interpolated(
    height: float, heights: NDArray[np.floating], values: NDArray[np.floating]
) -> float:
    """The value at a height, linear between heights, which never rise; constant beyond."""
    if height > heights[0]:
        return np.float64(values[0])
    last = len(heights) - 1
    k = 0
    while k < last and heights[k + 1] >= height:
        k += 1
    low, here = np.float64(heights[k]), np.float64(values[k])
    if k == last or low == height:
        return here
    return (values[k + 1] - here) / (low - heights[k + 1]) * (low - height) + here


def _towards_the_middle(places: NDArray[np.float64], size: float) -> Floats:
    """By how much places (N,) on a line move so that no gap between neighbours is wide."""
    order = np.argsort(places, kind="stable")
    outer = np.abs(np.linspace(-1.0, 1.0, len(places) - 1))  # the border is looser
    excess = np.maximum(np.diff(places[order]) - _GAP * size * (1.0 + 2.0 * outer**4), 0.0)
    moved = np.concatenate([[0.0], -np.cumsum(excess)])
    moved -= moved[len(moved) // 2]  # the middle stays
    shift = np.empty(len(places), np.float32)
    shift[order] = np.clip(moved, -_FARTHEST * size, _FARTHEST * size)
    return shift


def in_company(line: Floats, size: float, alone: float = 0.06) -> NDArray[np.bool_]:
    """Locks (N,) that end in a large part of the hair: a rope that hangs alone before a shoulder is a loose string.

    line  (N, S + 1, 3) metres; ends nearer than a finger's breadth are of one part, farther where there are few
    alone share of the locks that is too little to hang apart from the rest
    """
    count = len(line)
    if count < 120:
        return np.ones(count, np.bool_)
    ends = line[:, -1] / (_LINK * size * max(1.0, 900 / count) ** 0.5)
    square = (ends * ends).sum(axis=1)
    near = square[:, None] + square[None] - 2.0 * (ends @ ends.T) < 1.0
    part = np.arange(count)
    for _ in range(_LINKS):  # the least number of all that a lock is linked with
        least = np.where(near, part[None], count).min(axis=1)
        if (least == part).all():
            break
        part = least
    share = np.bincount(part, minlength=count) / count
    return np.asarray(share[part] > alone)


def over_forehead(line: Floats, scalp: Scalp) -> NDArray[np.bool_]:
    """Locks (N,) of a parting that stray onto the bare forehead, where single strands read as scratches."""
    count, points = line.shape[:2]
    row, column = places_towards(unit((line - scalp.center).reshape(-1, 3)))
    height = sample(scalp.height[..., None], row, column)[:, 0]
    x, y, z = sample(scalp.grid.template.reshape(ROWS, COLUMNS, 3), row, column).T
    bare = (height < -0.002) & (z > 0.05) & (np.abs(x) < 0.048) & (y > 0.015)
    return bare.reshape(count, points).any(axis=1)


def rejoined(
    line: Floats, outward: Floats, among: NDArray[np.bool_], center: Floats
) -> tuple[Floats, Floats]:
    """Locks that hang apart led over to their neighbours, so that no scalp is left bare; all (N, S + 1, 3).

    among   (N,) locks that hang among others
    center  (3,) of the head, about which the way over keeps its distance
    """
    lost, kept = np.flatnonzero(~among), np.flatnonzero(among)
    if not len(lost) or len(kept) < 2:
        return line[among], outward[among]
    start = 2 if line.shape[1] > 4 else 1
    own = line[lost, :start].reshape(len(lost), -1)
    theirs = line[kept, :start].reshape(len(kept), -1)
    square = (own * own).sum(axis=1)[:, None] + (theirs * theirs).sum(axis=1)[None]
    guide = kept[(square - 2.0 * (own @ theirs.T)).argmin(axis=1)]
    t = np.clip(np.linspace(0.0, 1.0, line.shape[1]) / _OVER, 0.0, 1.0)
    share = (t * t * (3.0 - 2.0 * t)).astype(np.float32)[None, :, None]
    here, there = line[lost] - center, line[guide] - center
    way = here + share * (there - here)
    near, far, cut = (np.linalg.norm(each, axis=2, keepdims=True) for each in (here, there, way))
    moved, turned = line.copy(), outward.copy()
    moved[lost] = center + way * ((near + share * (far - near)) / np.maximum(cut, 1e-6))
    sides = outward[lost] + share * (outward[guide] - outward[lost])
    turned[lost] = unit(sides.reshape(-1, 3)).reshape(sides.shape)
    return moved, turned
