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
    partners = match(shared, scores, ignored, same)
    overlaps, places = np.zeros(len(first)), np.full(len(first), -1)
    for place, partner in enumerate(partners.tolist()):
        # Several may be of one ignored head.
        if partner >= 0 and (places[partner] < 0 or shared[place, partner] > overlaps[partner]):
            places[partner] = place
            close = np.abs(second[place] - first[partner]).max() <= _PRECISION
            overlaps[partner] = 1.0 if close else shared[place, partner]
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
