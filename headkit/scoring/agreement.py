"""Whether a second detector, of another kind, finds the same heads, and whether each face lies in one of them.

The second is a body-pose network by default: it was trained for something else, and errs elsewhere. Its joints say
where a head is, and hardly how large, so that a head is found by both where its middle by the joints lies in the box;
two detectors of heads are compared by their boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.scoring.detection import Found, HeadPass, check, found_heads
from headkit.scoring.matching import agreement, agreement_of_points
from headkit.scoring.people import People, PeoplePass
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure

Array = NDArray[np.float64]

SAME = 0.4  # overlap from which two detectors mean one head, as in fit3dmm --check
HEAD_POINTS = 5  # nose, eyes, ears: the first of COCO's
SEEN = 0.3  # confidence from which one of them shows where the head is
FACE_POINTS = 3  # nose and eyes
SURE = 0.5  # confidence from which they are a face,
FACE_LEAST = 2  # if there are so many


@dataclass(frozen=True, eq=False)
class _Bodies:
    """The second detector is a pose network."""

    people: PeoplePass

    def marks(self, subjects: list[Subject], whole: list[Found]) -> list[Marks]:
        """What they agree on, picture by picture."""
        everybody = self.people.people(subjects)
        return [_by_joints(found, people) for found, people in zip(whole, everybody, strict=True)]


class _Heads:
    """The second detector finds heads."""

    def __init__(self, study: Study) -> None:
        from headkit.backends.detectors import open_detector

        second = open_detector(study.options.second, None, study.context.device, "--second")
        self.detector = second
        study.made["second"] = {"model": second.name, "sha256": second.sha256[:16]}

    def marks(self, subjects: list[Subject], whole: list[Found]) -> list[Marks]:
        """What they agree on, picture by picture."""
        from headkit.backends.finding import find

        pictures = [subject.pixels for subject in subjects]
        looked = find(self.detector.network, pictures, self.detector.search)
        return [
            _by_boxes(found, found_heads(other, pixels))
            for found, other, pixels in zip(whole, looked, pictures, strict=True)
        ]


def start(study: Study) -> Measure:
    """Open both detectors."""
    bodies = study.options.second is None
    second = _Bodies(study.shared(PeoplePass)) if bodies else _Heads(study)
    first = study.shared(HeadPass)

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        whole = first.whole(subjects)
        heads = [found for found in whole if isinstance(found, Found)]
        wanted = [
            subject
            for subject, found in zip(subjects, whole, strict=True)
            if isinstance(found, Found)
        ]
        marks = iter(second.marks(wanted, heads))
        return [found if isinstance(found, Failure) else next(marks) for found in whole]

    return measure


def _by_boxes(found: Found, other: Found) -> Marks:
    same = agreement(found.boxes, other.boxes, other.scores, found.ignored, SAME)
    scores = {"agreement": same.quality, "agreement_count": same.count}
    if same.iou is not None:
        scores["agreement_iou"] = same.iou
    return Marks(scores, _each(found, same.overlaps))


def _by_joints(found: Found, people: People) -> Marks:
    middles, there = middles_of(people)
    same = agreement_of_points(found.boxes, middles, people.scores[there], found.ignored)
    scores = {"agreement": same.quality, "agreement_count": same.count}
    faces = faces_of(people)
    if faces:
        scores["agreement_faces"] = in_heads(faces, found.boxes) / len(faces)
    return Marks(scores, _each(found, same.overlaps))


def _each(found: Found, overlaps: Array) -> list[dict[str, float]]:
    return [{"agreement": float(one)} for one in overlaps] if found.own else []


def middles_of(people: People) -> tuple[Array, NDArray[np.intp]]:
    """(k, 2) the mean of nose, eyes and ears that are seen of each person of whom one is, and who that is (k,)."""
    points = people.points[:, :HEAD_POINTS]
    seen = points[:, :, 2] >= SEEN
    there = np.flatnonzero(seen.any(axis=1))
    weights = seen[there][:, :, None]
    middles = (points[there, :, :2] * weights).sum(axis=1) / weights.sum(axis=1)
    return np.asarray(middles), there


def faces_of(people: People) -> list[Array]:
    """(k, 2) nose and eyes that are seen of each person with a face."""
    seen = [person[:FACE_POINTS][person[:FACE_POINTS, 2] >= SURE, :2] for person in people.points]
    return [points for points in seen if len(points) >= FACE_LEAST]


def in_heads(faces: list[Array], boxes: Array) -> int:
    """How many faces, (k, 2) points each, lie wholly in one of the boxes (n, 4)."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    return sum(
        bool(((points >= low) & (points <= high)).all(axis=(1, 2)).any()) for points in faces
    )


SCORE = Score(
    "agreement",
    start,
    fields=("agreement", "agreement_iou", "agreement_count", "agreement_faces"),
    heads=("agreement",),
    options=("detector", "second", "bodies"),
    check=check,
)
