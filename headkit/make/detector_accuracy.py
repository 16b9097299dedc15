"""How good a head detector is on renders: average precision, by head size and yaw.

The area under the interpolated precision-recall curve with all its points (Everingham et al. 2010), at an IoU of 0.5
(AP50), and its mean over ten levels of IoU (AP, as COCO; COCO samples the curve at 101 recalls). A detection of a head
that is left out (too small, hidden, outside) counts neither way.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.backends.boxes import overlaps

Array = NDArray[np.float64]

LEVELS = np.arange(0.5, 0.96, 0.05)  # of IoU, over which COCO's AP is the mean
SCORE = 0.3  # of the tool, unless --conf says otherwise
SIZES = ((12, 24), (24, 48), (48, 96), (96, 100_000))  # pixels of the longer side of the box
SEEN = ((0.8, 1.01), (0.5, 0.8), (0.2, 0.5))  # visibility of a head
YAWS = ((0, 45), (45, 90), (90, 135), (135, 181))  # degrees away from the camera


@dataclass(frozen=True)
class Truth:
    """What one picture shows: boxes (n, 4), which to leave out (n,), yaw (n,) in degrees, visibility (n,) 0 to 1."""

    boxes: Array
    ignore: NDArray[np.bool_]
    yaw: Array
    visibility: Array


@dataclass(frozen=True)
class Found:
    """What was found in it: boxes (m, 4) and scores (m,)."""

    boxes: Array
    scores: Array


def average_precision(
    pairs: Iterable[tuple[Truth, Found]],
    wanted: Callable[[Truth], NDArray[np.bool_]] | None = None,
    sides: tuple[float, float] | None = None,
    least: float = 0.5,
) -> tuple[float, float, int]:
    """Average precision, the recall at SCORE, and the number of heads.

    wanted  which heads count; the others are left out like those with `ignore`, and so are their detections
    sides   detections that meet no head count only if their longer side is in this range, as in COCO's sizes
    least   intersection over union of a hit
    """
    scores: list[float] = []
    hits: list[bool] = []
    count = 0
    for truth, found in pairs:
        counts = ~truth.ignore & (wanted(truth) if wanted else True)
        count += int(counts.sum())
        for k, hit in _matches(truth, found, counts, least):
            side = float((found.boxes[k, 2:] - found.boxes[k, :2]).max())
            if hit or sides is None or sides[0] <= side < sides[1]:
                scores.append(float(found.scores[k]))
                hits.append(hit)
    if not count:
        return float("nan"), float("nan"), 0
    recall = float(np.sum(np.array(hits, dtype=bool)[np.array(scores) > SCORE]) / count)
    return precision_area(scores, hits, count), recall, count


def precision_area(scores: list[float], hits: list[bool], count: int) -> float:
    """Area under the interpolated precision-recall curve of detections, `count` being what there was to find."""
    order = np.argsort(-np.array(scores), kind="stable")
    right = np.cumsum(np.array(hits, dtype=float)[order])
    if not len(right):
        return 0.0
    precision = right / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(right / count, prepend=0.0) * best))


def _matches(
    truth: Truth, found: Found, counts: NDArray[np.bool_], least: float
) -> list[tuple[int, bool]]:
    """Number and hit of every detection that counts."""
    shared = np.array([overlaps(box, truth.boxes) for box in found.boxes]).reshape(
        len(found.boxes), len(truth.boxes)
    )
    met = np.array(
        [_mostly(box, truth.boxes, one) for box, one in zip(found.boxes, shared, strict=True)]
    ).reshape(shared.shape)
    return matched(found.scores, shared, counts, least, met)


def matched(
    scores: Array,
    likeness: NDArray[np.floating],
    counts: NDArray[np.bool_],
    least: float,
    met: NDArray[np.bool_],
) -> list[tuple[int, bool]]:
    """Number and hit of every detection that counts; the best detections choose what they found first.

    likeness (m, n) of detections and truths, at least `least` in a hit; counts (n,); met (m, n) which truths that do
    not count excuse which detections
    """
    free = counts.copy()
    found: list[tuple[int, bool]] = []
    for k in np.argsort(-scores, kind="stable").tolist():
        candidates = np.where(free & (likeness[k] >= least), likeness[k], 0)
        if candidates.size and candidates.max() > 0:
            free[int(candidates.argmax())] = False
            found.append((k, True))
        elif not (~counts & met[k]).any():
            found.append((k, False))
    return found


def _mostly(box: Array, others: Array, shared: Array) -> NDArray[np.bool_]:
    """Which others are met by at least half of the box, or overlap it as a hit would (COCO's rule for crowds)."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    inside = np.prod(np.clip(high - low, 0, None), axis=1)
    own = max(float(np.prod(box[2:] - box[:2])), 1e-9)
    return np.asarray((inside / own >= 0.5) | (shared >= 0.5))


def table(pairs: list[tuple[Truth, Found]]) -> str:
    """A table in Markdown: all heads, by size, yaw and visibility; with the precision of all at SCORE."""
    lines = [f"| heads | count | AP50 | AP | recall at {SCORE} |", "|---|---|---|---|---|"]
    lines.append(_row("all", pairs))
    for low, high in SIZES:
        name = f"{low} to {high} px" if high < 10_000 else f"from {low} px"
        lines.append(_row(name, pairs, functools.partial(_sized, low=low, high=high), (low, high)))
    for low, high in YAWS:
        chosen = functools.partial(_faces, low=low, high=high)
        _ap, recall, count = average_precision(pairs, chosen)  # a false head has no yaw
        lines.append(f"| yaw {low} to {min(high, 180)} | {count} | | | {recall:.3f} |")
    for low, high in SEEN:
        chosen = functools.partial(_shows, low=low, high=high)
        _ap, recall, count = average_precision(pairs, chosen)
        lines.append(f"| visibility {low} to {min(high, 1.0)} | {count} | | | {recall:.3f} |")
    return "\n".join([*lines, "", f"Precision at {SCORE}: {_precision(pairs):.3f}."])


def _row(
    name: str,
    pairs: list[tuple[Truth, Found]],
    wanted: Callable[[Truth], NDArray[np.bool_]] | None = None,
    sides: tuple[float, float] | None = None,
) -> str:
    levels = [average_precision(pairs, wanted, sides, least)[0] for least in LEVELS]
    ap50, recall, count = average_precision(pairs, wanted, sides)
    return f"| {name} | {count} | {ap50:.3f} | {np.mean(levels):.3f} | {recall:.3f} |"


def _precision(pairs: list[tuple[Truth, Found]]) -> float:
    """Share of the detections above SCORE that are heads."""
    sure = [(truth, found, _matches(truth, found, ~truth.ignore, 0.5)) for truth, found in pairs]
    hits = [hit for _, found, matched in sure for k, hit in matched if found.scores[k] > SCORE]
    return float(np.mean(hits)) if hits else float("nan")


def _sized(truth: Truth, low: float, high: float) -> NDArray[np.bool_]:
    side = (truth.boxes[:, 2:] - truth.boxes[:, :2]).max(axis=1, initial=0)
    return np.asarray((side >= low) & (side < high))


def _faces(truth: Truth, low: float, high: float) -> NDArray[np.bool_]:
    return np.asarray((np.abs(truth.yaw) >= low) & (np.abs(truth.yaw) < high))


def _shows(truth: Truth, low: float, high: float) -> NDArray[np.bool_]:
    return np.asarray((truth.visibility >= low) & (truth.visibility < high))
