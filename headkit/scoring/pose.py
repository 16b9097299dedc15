"""Whether people stand as they were asked to: joints found in the picture against `poses`.

Object key-point similarity as COCO has it (evaluation.people), over the points that the record knows and that lie in
the picture. Pairs are chosen so that their similarities are the largest together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from headkit.evaluation.people import similarity
from headkit.fitting.request import array
from headkit.scoring.people import People, PeoplePass
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure

Array = NDArray[np.float64]

HEAD_POINTS = 5  # nose, eyes, ears: the first of COCO's


def start(study: Study) -> Measure:
    """Open the pose network."""
    people = study.shared(PeoplePass)

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return [
            _marks(subject, found)
            for subject, found in zip(subjects, people.people(subjects), strict=True)
        ]

    return measure


def _marks(subject: Subject, found: People) -> Marks | Failure:
    try:
        points, boxes = asked(subject)
    except ValueError as error:
        return Failure("bad-pose", str(error))
    larger = max(len(points), len(found.points))
    count = min(len(points), len(found.points)) / larger if larger else 1.0
    if not len(points):
        return Marks({"pose_count": count})
    alike = similarity(found.points, points, boxes)
    rows, columns = linear_sum_assignment(alike, maximize=True)
    scores = {"pose": float(alike[rows, columns].sum() / len(points)), "pose_count": count}
    heads = points.copy()
    heads[:, HEAD_POINTS:, 2] = 0
    faced = np.asarray((heads[:, :, 2] > 0).any(axis=1))
    if faced.any():
        near = similarity(found.points, heads, boxes)[rows, columns] * faced[columns]
        scores["pose_head"] = float(near.sum() / faced.sum())
    return Marks(scores)


def asked(subject: Subject) -> tuple[Array, Array]:
    """(n, 17, 3) points and (n, 4) boxes of the people of `poses` who have a point in the picture. Raises ValueError.

    Points outside of the picture are not known.
    """
    height, width = subject.pixels.shape[:2]
    points, boxes = [], []
    for number, pose in enumerate(subject.record["poses"]):
        person: Any = array(pose.get("keypoints") if isinstance(pose, dict) else None, (17, 3))
        if person is None:
            raise ValueError(f"person {number}: keypoints: give 17 x [x, y, confidence]")
        inside = (person[:, :2] >= 0).all(axis=1) & (person[:, :2] <= (width, height)).all(axis=1)
        known = person[:, 2] > 0
        if not (known & inside).any():
            continue
        box = array(pose.get("box"), (4,))
        if box is None:  # about what is known of the person
            box = np.concatenate([person[known, :2].min(axis=0), person[known, :2].max(axis=0)])
        points.append(np.where((known & inside)[:, None], person, person * (1, 1, 0)))
        boxes.append(box)
    return np.array(points).reshape(-1, 17, 3), np.array(boxes).reshape(-1, 4)


SCORE = Score(
    "pose",
    start,
    fields=("pose", "pose_head", "pose_count"),
    reads=("image", "poses"),
    options=("bodies",),
)
