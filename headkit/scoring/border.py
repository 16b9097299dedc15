"""How far heads are from the edge of the picture, and whether the picture has a frame of one colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headkit.image import Pixels
from headkit.scoring import regions
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure

_EVEN = 6  # grey levels: what compression leaves of one colour


def start(study: Study) -> Measure:  # noqa: ARG001 - the interface of every score
    """Measure distances; needs nothing."""

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return [_marks(subject) for subject in subjects]

    return measure


def _marks(subject: Subject) -> Marks:
    height, width = subject.pixels.shape[:2]
    heads = [
        None if box is None else distance(box, width, height)
        for box in regions.boxes(subject.heads)
    ]
    scores = {"border_filled": filled(subject.pixels)}
    nearest = regions.least(subject, heads)
    if nearest is not None:
        scores = {"border": nearest, **scores}
    return Marks(scores, [{} if one is None else {"border": one} for one in heads])


def distance(box: NDArray[np.float64], width: int, height: int) -> float:
    """From a box to the nearest edge of the picture, in the box's shorter sides, 0 to 1."""
    x1, y1, x2, y2 = (float(value) for value in box)
    gap = min(x1, y1, width - x2, height - y2)
    return min(1.0, max(0.0, gap / min(x2 - x1, y2 - y1)))


def filled(pixels: Pixels) -> float:
    """Share of the picture (H, W, 3) inside bars of one colour along its edges; 0 where all of it has one colour."""
    inside = 1.0
    for turned in (pixels, pixels.transpose(1, 0, 2)):
        bars = _bar(turned) + _bar(turned[::-1])
        inside *= max(0, len(turned) - bars) / len(turned)
    return inside


def _bar(pixels: Pixels) -> int:
    """How many rows from the first on have the colour of the first, wholly."""
    first = pixels[0, 0].astype(np.int16)
    for row, colours in enumerate(pixels):
        if np.abs(colours - first).max() > _EVEN:
            return row
    return len(pixels)


SCORE = Score("border", start, fields=("border", "border_filled"), heads=("border",))
