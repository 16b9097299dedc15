"""The people that a pose network finds in a picture: made once for all scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.scoring.score import Study, Subject

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class People:
    """People in a picture: points (n, 17, 3) [x, y, confidence] in COCO order, pixels; boxes (n, 4); scores (n,)."""

    points: Array
    boxes: Array
    scores: Array


class PeoplePass:
    """The pose network, opened, and whom it finds."""

    def __init__(self, study: Study) -> None:
        from headkit.backends.bodies import open_bodies

        device = study.context.device
        self.detector = open_bodies(study.options.bodies, None, device, "--bodies")
        digest = self.detector.sha256[:16]
        study.made["bodies"] = {"model": self.detector.name, "sha256": digest}

    def people(self, subjects: list[Subject]) -> list[People]:
        """Everybody in each picture."""
        from headkit.backends.finding import find

        fresh = [subject for subject in subjects if "people" not in subject.seen]
        pictures = [subject.pixels for subject in fresh]
        looked = find(self.detector.network, pictures, self.detector.search)
        for subject, found in zip(fresh, looked, strict=True):
            assert found.points is not None  # open_bodies sees to it
            subject.seen["people"] = People(
                found.points.astype(np.float64),
                found.boxes.astype(np.float64),
                found.scores.astype(np.float64),
            )
        return [subject.seen["people"] for subject in subjects]
