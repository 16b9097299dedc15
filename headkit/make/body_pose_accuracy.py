"""How good a body-pose network is on renders: average precision, and the share of points that are near.

Precision is by object key-point similarity (evaluation.people). Points that are hidden but in the picture count, as
COCO's hidden ones do; those outside of it do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.backends.boxes import overlaps
from headkit.evaluation.people import similarity
from headkit.make.detector_accuracy import LEVELS, matched, precision_area

Array = NDArray[np.float64]

NEAR = 0.05  # of the longer side of the box: a point so far off is still near (PCK)
SIZES = ((24, 48), (48, 96), (96, 192), (192, 100_000))  # pixels of the longer side


@dataclass(frozen=True)
class People:
    """People in one picture: boxes (n, 4); points (n, 17, 3) [x, y, confidence]; and scores, or in truth which count (n,)."""

    boxes: Array
    points: Array
    scores: Array


def precision(
    pairs: list[tuple[People, People]], least: float, sides: tuple[float, float] = (0, np.inf)
) -> tuple[float, int]:
    """Average precision at a similarity, of people whose box's longer side is in a range; and how many there are.

    pairs  truth and what was found, picture by picture
    """
    scores: list[float] = []
    hits: list[bool] = []
    count = 0
    for truth, found in pairs:
        side = _side(truth.boxes)
        counts = (truth.scores > 0) & (side >= sides[0]) & (side < sides[1])
        count += int(counts.sum())
        alike = similarity(found.points, truth.points, truth.boxes)
        shared = np.array([overlaps(box, truth.boxes) for box in found.boxes]).reshape(alike.shape)
        for k, hit in matched(found.scores, alike, counts, least, (shared >= 0.3) | (alike >= 0.3)):
            if hit or sides[0] <= _side(found.boxes[k : k + 1])[0] < sides[1]:
                scores.append(float(found.scores[k]))
                hits.append(hit)
    return (precision_area(scores, hits, count) if count else float("nan")), count


def near_points(
    pairs: list[tuple[People, People]], confidence: float, sides: tuple[float, float]
) -> float:
    """Share of the true points of a confidence (1 seen, 0.5 hidden) that the person found has within NEAR.

    A person who is not found has none.
    """
    near: list[bool] = []
    for truth, found in pairs:
        side = _side(truth.boxes)
        for k in np.flatnonzero((truth.scores > 0) & (side >= sides[0]) & (side < sides[1])):
            which = truth.points[k, :, 2] == confidence
            shared = overlaps(truth.boxes[k], found.boxes)
            if not shared.size or shared.max() < 0.5:
                near += [False] * int(which.sum())
                continue
            apart = found.points[int(shared.argmax()), :, :2] - truth.points[k, :, :2]
            near += (np.hypot(*apart.T) <= NEAR * side[k])[which].tolist()
    return float(np.mean(near)) if near else float("nan")


def table(pairs: list[tuple[People, People]]) -> str:
    """A table in Markdown: all people, and by size."""
    head = "| people | count | OKS AP50 | OKS AP | seen points near | hidden points near |"
    lines = [head, "|---|---|---|---|---|---|"]
    for low, high in ((0, 1e9), *SIZES):
        levels = [precision(pairs, level, (low, high)) for level in LEVELS]
        name = "all" if not low else f"{low} to {high} px" if high < 10_000 else f"from {low} px"
        near = [near_points(pairs, confidence, (low, high)) for confidence in (1.0, 0.5)]
        mean = np.mean([value for value, _ in levels])
        cells = [f"{value:.3f}" for value in (levels[0][0], mean, *near)]
        lines.append(f"| {name} | {levels[0][1]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _side(boxes: Array) -> Array:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0))
