"""Whether the halves of a picture have the heads that the whole has: a detector sees them there larger, and without the rest.

The picture is cut from top to bottom, as near to its middle as no head is cut. Where there is no such line, there is
no score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headkit.scoring.detection import Found, HeadPass, check
from headkit.scoring.matching import agreement
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure

Array = NDArray[np.float64]

MARGIN = 0.1  # of a head's width: so far the line stays away from it
LEAST = 32  # pixels: width of the narrower half


def start(study: Study) -> Measure:
    """Open the detector."""
    heads = study.shared(HeadPass)

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        results: dict[int, Marks | Failure] = {}
        cut: list[tuple[int, Found, int]] = []
        for at, (subject, found) in enumerate(zip(subjects, heads.whole(subjects), strict=True)):
            if isinstance(found, Failure):
                results[at] = found
                continue
            line = line_between(found.boxes, subject.pixels.shape[1])
            if line is None:
                results[at] = Marks({})
            else:
                cut.append((at, found, line))
        results |= _halved(subjects, cut, heads)
        return [results[at] for at in range(len(subjects))]

    return measure


def line_between(boxes: Array, width: int) -> int | None:
    """x of the line nearest to the middle that stays away from all boxes (n, 4); None where there is none."""
    margins = MARGIN * (boxes[:, 2] - boxes[:, 0])
    starts, ends = boxes[:, 0] - margins, boxes[:, 2] + margins
    # The nearest free place is the middle, or beside a head.
    places = np.round(np.concatenate([[width / 2], np.floor(starts), np.ceil(ends)])).astype(int)
    free = (places >= LEAST) & (places <= width - LEAST)
    free &= ~((places[:, None] > starts) & (places[:, None] < ends)).any(axis=1)
    if not free.any():
        return None
    return int(min(places[free], key=lambda x: (abs(x - width / 2), x)))


def _halved(
    subjects: list[Subject], cut: list[tuple[int, Found, int]], heads: HeadPass
) -> dict[int, Marks]:
    """The marks of the subjects that can be cut, by their place: (place, heads of the whole, line)."""
    halves, parts = [], []
    for at, _, line in cut:
        height, width = subjects[at].pixels.shape[:2]
        halves += [subjects[at], subjects[at]]
        parts += [(0, 0, line, height), (line, 0, width, height)]
    found = iter(heads.within(halves, parts))
    marks = {}
    for at, whole, _ in cut:
        left, right = next(found), next(found)
        boxes = np.concatenate([left.boxes, right.boxes])
        scores = np.concatenate([left.scores, right.scores])
        same = agreement(whole.boxes, boxes, scores, whole.ignored)
        values = {"cut": same.quality, "cut_count": same.count}
        if same.iou is not None:
            values["cut_iou"] = same.iou
        each = [{"cut": float(one)} for one in same.overlaps] if whole.own else []
        marks[at] = Marks(values, each)
    return marks


SCORE = Score(
    "cut",
    start,
    fields=("cut", "cut_iou", "cut_count"),
    heads=("cut",),
    options=("detector",),
    check=check,
)
