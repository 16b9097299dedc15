"""How much there is to see: the entropy of the grey levels, of the picture and of its parts.

A network that fails gives black or flat pictures: numbers that were not finite are 0 by the time they are pixels.
"""

from __future__ import annotations

import numpy as np

from headkit.scoring import regions
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure

PARTS = 4  # along each side
SOMETHING = 0.15  # entropy above which there is something in a part


def entropy(grey: regions.Grey) -> float:
    """Shannon entropy of 256 grey levels, as a share of its maximum, 8 bits: 0 to 1."""
    counts = np.bincount(grey.reshape(-1), minlength=256)
    shares = counts[counts > 0] / grey.size
    return float(-(shares * np.log2(shares)).sum() / 8) + 0.0


def start(study: Study) -> Measure:  # noqa: ARG001 - the interface of every score
    """Measure entropy; needs nothing."""

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return [_marks(subject) for subject in subjects]

    return measure


def _marks(subject: Subject) -> Marks:
    grey = regions.grey(subject)
    parts = [
        part
        for row in np.array_split(grey, PARTS, axis=0)
        for part in np.array_split(row, PARTS, axis=1)
        if part.size
    ]
    something = np.mean([entropy(part) > SOMETHING for part in parts])
    return Marks({"entropy": entropy(grey), "entropy_blocks": float(something)})


SCORE = Score("entropy", start, fields=("entropy", "entropy_blocks"))
