"""Two sets of boxes of the same heads: which are the same, and one number for how far they agree.

The number is the panoptic quality of Kirillov et al. (CVPR 2019): the mean overlap of the pairs times the F1 of
finding them, so that it falls with boxes that differ, heads that are missing, and heads that are too many, each once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.evaluation.boxes import match, overlap

Array = NDArray[np.float64]

SAME = 0.5  # overlap from which two boxes are of one head
# Pixels: boxes no further apart are the same, since records keep hundredths.
_PRECISION = 0.011


@dataclass(frozen=True, eq=False)
class Agreement:
    """How a second set agrees with a first.

    quality   0 to 1; 1 where both are empty
    iou       mean overlap of the pairs; None where there is none
    count     the smaller number of heads by the larger, 1 where both are 0
    partners  (n,) for each of the first its place in the second, -1 where it has none
    overlaps  (n,) with that partner, 0 where there is none
    """

    quality: float
    iou: float | None
    count: float
    partners: NDArray[np.int64]
    overlaps: Array


def agreement(
    first: Array, second: Array, scores: Array, ignored: NDArray[np.bool_], same: float = SAME
) -> Agreement:
    """Boxes (n, 4) against boxes (m, 4) with scores (m,). Those of the first that are `ignored` (n,) may be found or not."""
    shared = overlap(second, first)
    close = (np.abs(second[:, None] - first[None]) <= _PRECISION).all(axis=2)
    return _agreement(np.where(close, 1.0, shared), scores, ignored, same)


def agreement_of_points(
    first: Array, points: Array, scores: Array, ignored: NDArray[np.bool_]
) -> Agreement:
    """As agreement(), of boxes (n, 4) and points (m, 2): a pair is a point in a box, the smallest where it lies in several.

    Overlaps are 1, and the quality is the F1 alone.
    """
    inside = (points[:, None] >= first[None, :, :2]) & (points[:, None] <= first[None, :, 2:])
    order = np.argsort(np.argsort((first[:, 2:] - first[:, :2]).prod(axis=1), kind="stable"))
    smaller = 1 - order / (2 * max(len(first), 1))  # above a half
    return _agreement(inside.all(axis=2) * smaller, scores, ignored, SAME, graded=False)


def _agreement(
    shared: Array, scores: Array, ignored: NDArray[np.bool_], same: float, *, graded: bool = True
) -> Agreement:
    """From overlaps (m, n) of the second with the first; without `graded`, those of pairs are taken for 1."""
    partners = match(shared, scores, ignored, same)
    overlaps, places = np.zeros(len(ignored)), np.full(len(ignored), -1)
    for place, partner in enumerate(partners.tolist()):
        # Several may be of one ignored head.
        if partner >= 0 and shared[place, partner] > overlaps[partner]:
            places[partner], overlaps[partner] = place, shared[place, partner]
    if not graded:
        overlaps = (places >= 0).astype(np.float64)
    pairs = (places >= 0) & ~ignored
    surplus = int((partners < 0).sum())
    missed = int((~ignored & ~pairs).sum())
    found = int(pairs.sum())
    total = float(overlaps[pairs].sum())
    weight = found + (missed + surplus) / 2
    counts = found + missed, found + surplus
    return Agreement(
        quality=total / weight if weight else 1.0,
        iou=total / found if found else None,
        count=min(counts) / max(counts) if max(counts) else 1.0,
        partners=places,
        overlaps=overlaps,
    )
