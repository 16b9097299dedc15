"""How large a picture and its heads are."""

from __future__ import annotations

from headkit.scoring import regions
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure


def start(study: Study) -> Measure:  # noqa: ARG001 - the interface of every score
    """Measure sizes; needs nothing."""

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return [_marks(subject) for subject in subjects]

    return measure


def _marks(subject: Subject) -> Marks:
    shorter = float(min(subject.pixels.shape[:2]))
    heads = [
        None if box is None else float(min(box[2] - box[0], box[3] - box[1]))
        for box in regions.boxes(subject.heads)
    ]
    scores, each = regions.with_least("size", subject, {"size": shorter}, heads)
    largest = regions.least(subject, [None if side is None else -side for side in heads])
    if largest is not None:
        scores["size_head_share"] = -largest / shorter
    return Marks(scores, each)


SCORE = Score("size", start, fields=("size", "size_head", "size_head_share"), heads=("size",))
