"""Whether a second detector, of another kind, finds the same heads, and whether each face lies in one of them.

The second is a body-pose network by default, whose people's heads follow from their key points: it was trained for
something else, and errs elsewhere. Their boxes follow from a mean head, so that they agree less closely than two
detectors of heads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headkit.scoring.detection import Found, HeadPass, check, found_heads
from headkit.scoring.matching import agreement
from headkit.scoring.people import People, PeoplePass
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure

Array = NDArray[np.float64]

SAME = 0.4  # overlap from which two detectors mean one head, as in fit3dmm --check
FACE_POINTS = 3  # nose and eyes, the first of COCO's
SURE = 0.5  # confidence from which one of them is seen
FACE_LEAST = 2  # so many are a face


class SecondPass:
    """What the second detector finds."""

    def __init__(self, study: Study) -> None:
        self.bodies = study.shared(PeoplePass) if study.options.second is None else None
        if study.options.second is not None:
            from headkit.backends.detectors import open_detector

            second = open_detector(study.options.second, None, study.context.device, "--second")
            self.detector = second
            study.made["second"] = {"model": second.name, "sha256": second.sha256[:16]}

    def heads(self, subjects: list[Subject]) -> list[tuple[Found, People | None]]:
        """The heads of each picture, and the people that they follow from."""
        from headkit.backends.boxes import Candidates
        from headkit.backends.finding import find

        if self.bodies is None:
            pictures = [subject.pixels for subject in subjects]
            looked = find(self.detector.network, pictures, self.detector.search)
            return [
                (found_heads(found, pixels), None)
                for found, pixels in zip(looked, pictures, strict=True)
            ]
        return [
            (
                found_heads(
                    Candidates(
                        people.boxes.astype(np.float32),
                        people.scores.astype(np.float32),
                        people.points.astype(np.float32),
                    ),
                    subject.pixels,
                ),
                people,
            )
            for subject, people in zip(subjects, self.bodies.people(subjects), strict=True)
        ]


def start(study: Study) -> Measure:
    """Open both detectors."""
    second, first = study.shared(SecondPass), study.shared(HeadPass)

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return [
            found if isinstance(found, Failure) else _marks(found, *other)
            for found, other in zip(first.whole(subjects), second.heads(subjects), strict=True)
        ]

    return measure


def _marks(found: Found, other: Found, people: People | None) -> Marks:
    same = agreement(found.boxes, other.boxes, other.scores, found.ignored, SAME)
    scores = {"agreement": same.quality, "agreement_count": same.count}
    if same.iou is not None:
        scores["agreement_iou"] = same.iou
    faces = [] if people is None else faces_of(people)
    if faces:
        scores["agreement_faces"] = in_heads(faces, found.boxes) / len(faces)
    each = [{"agreement": float(one)} for one in same.overlaps] if found.own else []
    return Marks(scores, each)


def faces_of(people: People) -> list[Array]:
    """(k, 2) nose and eyes that are seen of each person with a face."""
    seen = [person[:FACE_POINTS][person[:FACE_POINTS, 2] >= SURE, :2] for person in people.points]
    return [points for points in seen if len(points) >= FACE_LEAST]


def in_heads(faces: list[Array], boxes: Array) -> int:
    """How many faces lie wholly in a head, each head taken by one face: the smallest it lies in, faces in order."""
    order = np.argsort((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), kind="stable").tolist()
    count = 0
    for points in faces:
        for place in order:
            x1, y1, x2, y2 = boxes[place]
            inside = (points >= (x1, y1)).all() and (points <= (x2, y2)).all()
            if inside:
                order.remove(place)
                count += 1
                break
    return count


SCORE = Score(
    "agreement",
    start,
    fields=("agreement", "agreement_iou", "agreement_count", "agreement_faces"),
    heads=("agreement",),
    options=("detector", "second", "bodies"),
    check=check,
)
