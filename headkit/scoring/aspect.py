"""The longer side of a picture by its shorter, as pose-extract says of photos."""

from __future__ import annotations

from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure


def start(study: Study) -> Measure:  # noqa: ARG001 - the interface of every score
    """Measure the sides; needs nothing."""

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return [Marks({"aspect": _aspect(subject)}) for subject in subjects]

    return measure


def _aspect(subject: Subject) -> float:
    height, width = subject.pixels.shape[:2]
    return float(max(height, width) / min(height, width))


SCORE = Score("aspect", start, fields=("aspect",))
