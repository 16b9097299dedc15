"""Boxes against boxes: intersection over union, matching, average precision.

COCO's protocol (Lin et al. 2014, and its published evaluation): 10 thresholds of intersection over union from .5
to .95, found boxes taken by falling score, each matched to the free true box it overlaps most, precision made
monotonous and read at 101 recalls. Two differences: no limit on boxes in an image (theirs is 100, and our crowds
have 400), and a true box to be ignored takes any number of found ones, as COCO's crowd regions do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)


def overlap(first: Array, second: Array) -> NDArray[np.float64]:
    """(N, M) intersection over union of boxes (N, 4) and (M, 4), [x1, y1, x2, y2]; 0 where both are empty."""
    a, b = (np.asarray(boxes, dtype=np.float64).reshape(-1, 4) for boxes in (first, second))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    union = areas(a)[:, None] + areas(b)[None] - shared
    return np.asarray(shared / np.where(union > 0, union, 1))


def areas(boxes: Array) -> NDArray[np.float64]:
    """(N,) areas of boxes (N, 4)."""
    return np.asarray(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1))


def match(
    overlaps: NDArray[np.float64], scores: Array, ignored: Array, threshold: float
) -> NDArray[np.int64]:
    """(N,) the true box of each found one, -1 where none: greedy, by falling score.

    overlaps (N, M), scores (N,), ignored (M,) bool. A box that counts is preferred to one to be ignored.
    """
    found = np.full(len(scores), -1)
    if overlaps.shape[1] == 0:
        return found
    free = np.ones(overlaps.shape[1], dtype=bool)
    for n in np.argsort(-np.asarray(scores), kind="stable"):
        for kind in (~ignored & free, ignored):
            best = np.where(kind, overlaps[n], -1.0)
            m = int(best.argmax())
            if best[m] >= threshold:
                found[n] = m
                free[m] = False
                break
    return found


@dataclass
class Detections:
    """What is found in a set of images, kept for average precision at every threshold."""

    scores: list[Array] = field(default_factory=list)
    hits: list[Array] = field(default_factory=list)  # (thresholds, N) bool
    skipped: list[Array] = field(
        default_factory=list
    )  # (thresholds, N) bool: neither right nor wrong
    count: int = 0

    def add(
        self,
        boxes: Array,
        scores: Array,
        true_boxes: Array,
        ignored: Array,
        areas_between: tuple[float, float] = (0.0, np.inf),
    ) -> None:
        """One image: found boxes (N, 4) with scores (N,), true ones (M, 4), which of them to ignore (M,).

        areas_between: square pixels; true boxes outside are ignored, and so are found ones outside that match none.
        """
        low, high = areas_between
        true_areas = areas(true_boxes)
        ignored = ignored | (true_areas < low) | (true_areas >= high)
        outside = (areas(boxes) < low) | (areas(boxes) >= high)
        overlaps = overlap(boxes, true_boxes)
        hits, skipped = [], []
        for threshold in THRESHOLDS:
            matched = match(overlaps, scores, ignored, float(threshold))
            on_ignored = (matched >= 0) & ignored[matched] if len(ignored) else matched >= 0
            hits.append((matched >= 0) & ~on_ignored)
            skipped.append(on_ignored | ((matched < 0) & outside))
        self.scores.append(np.asarray(scores, dtype=np.float64))
        self.hits.append(np.array(hits))
        self.skipped.append(np.array(skipped))
        self.count += int((~ignored).sum())

    def average_precision(self) -> NDArray[np.float64] | None:
        """(10,) average precision at each of THRESHOLDS; None where there is no true box."""
        if not self.count:
            return None
        scores = np.concatenate(self.scores)
        order = np.argsort(-scores, kind="stable")
        hits = np.concatenate(self.hits, axis=1)[:, order]
        kept = ~np.concatenate(self.skipped, axis=1)[:, order]
        return np.array([_precision(h[k], self.count) for h, k in zip(hits, kept, strict=True)])


def _precision(hits: NDArray[np.bool_], count: int) -> float:
    right = np.cumsum(hits)
    recall = right / count
    precision = right / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(recall, RECALLS, side="left")
    return float(
        np.where(place < len(best), np.append(best, 0.0)[np.minimum(place, len(best))], 0).mean()
    )
