"""Landmarks and pose of heads, looked for again in the mirror image as fit3dmm does, and how far they are off."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headkit.fitting.request import FOUND, Camera, array
from headkit.scoring.score import Study, Subject
from headkit.tool import Record

if TYPE_CHECKING:
    from headkit.backends.landmarks import LandmarkFinder, Sight
    from headkit.fitting.heads import Fitted
    from headkit.head.model import HeadModel

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Asked:
    """A head of a record, its place there, and its box (4,) in the mirror image, in pixels of the picture as it is."""

    subject: Subject
    place: int
    box: Array

    @property
    def head(self) -> Record:
        return self.subject.heads[self.place]


@dataclass(frozen=True)
class Apart:
    """How far a head is from its mirror image; None where there is nothing to compare.

    landmarks  1 less the mean distance of the 68, in sizes of the box: the root of its area
    degrees    between the views
    """

    landmarks: float | None
    degrees: float | None


class MirrorFits:
    """The landmark network and the solver; loaded when the first head needs them."""

    def __init__(self, study: Study) -> None:
        self.device = study.context.device

    @functools.cached_property
    def finder(self) -> LandmarkFinder:
        """The network of fit3dmm."""
        from headkit.backends.devices import torch_device
        from headkit.backends.landmark_weights import read_weights
        from headkit.backends.landmarks import LandmarkFinder

        return LandmarkFinder(read_weights(), torch_device(self.device))

    @functools.cached_property
    def model(self) -> HeadModel:
        """The head that it fits."""
        from headkit.head.loading import load_head

        return load_head()

    def apart(self, asked: Sequence[Asked]) -> list[Apart | None]:
        """Of each head whose landmarks were found by the network; None for others."""
        ours = [one for one in asked if _ours(one.head)]
        if not ours:
            return [None] * len(asked)
        sights = self._look(ours)
        fitted = self._fit(ours, sights)
        found = {
            id(one): self._compare(one, sight, fit)
            for one, sight, fit in zip(ours, sights, fitted, strict=True)
        }
        return [found.get(id(one)) for one in asked]

    def _look(self, asked: Sequence[Asked]) -> list[tuple[Array, Array]]:
        """(L, 2) dense points and (L,) deviations of each head, looked for in the mirror image alone."""
        heads = []
        for one in asked:
            width = one.subject.pixels.shape[1]
            x1, y1, x2, y2 = one.box
            heads.append((one.subject.pixels[:, ::-1], np.array([width - x2, y1, width - x1, y2])))
        sights: list[Sight] = self.finder.find(heads)
        mirror = self.model.dense_mirror
        found = []
        for one, sight in zip(asked, sights, strict=True):
            points = sight.plain.points[mirror]
            points[:, 0] = one.subject.pixels.shape[1] - points[:, 0]
            found.append((points, sight.plain.deviation[mirror]))
        return found

    def _fit(
        self, asked: Sequence[Asked], sights: Sequence[tuple[Array, Array]]
    ) -> list[Fitted | None]:
        """The heads fitted to those points, in the camera of the record; None where it has none."""
        from headkit.fitting import heads as fitting

        cameras = [_camera(one.subject.record) for one in asked]
        known = [at for at, camera in enumerate(cameras) if camera is not None]
        if not known:
            return [None] * len(asked)
        spread = self.finder.calibration.correlation
        wanted = [
            fitting.Asked(
                number,
                self.model.dense,
                fitting.Points(sights[at][0], sights[at][1] * spread),
            )
            for number, at in enumerate(known)
        ]
        used = [camera for camera in cameras if camera is not None]
        fitted, _ = fitting.fit_heads(self.model, wanted, used, self.device)
        results: list[Fitted | None] = [None] * len(asked)
        for at, fit in zip(known, fitted, strict=True):
            results[at] = fit
        return results

    def _compare(self, one: Asked, sight: tuple[Array, Array], fit: Fitted | None) -> Apart:
        from headkit.head.rotation import geodesic

        landmarks = degrees = None
        points = _landmarks(one.head)
        if points is not None:
            x1, y1, x2, y2 = one.box
            size = float(np.sqrt((x2 - x1) * (y2 - y1)))
            apart = float(np.linalg.norm(points - sight[0][:68], axis=1).mean())
            landmarks = max(0.0, 1 - apart / size)
        params, pose = (_object(one.head.get(name)) for name in ("params", "pose"))
        view = array(pose.get("view"), (3, 3))
        same = params.get("sha256") == self.model.sha256
        if same and view is not None and fit is not None and fit.sound:
            degrees = float(geodesic(view, fit.view))
        return Apart(landmarks, degrees)


def _ours(head: Record) -> bool:
    return _object(head.get("fit")).get("landmarks") == FOUND


def _camera(record: Record) -> Camera | None:
    K = array(_object(record.get("camera")).get("K"), (3, 3))
    return None if K is None else Camera(K, known=True)


def _landmarks(head: Record) -> Array | None:
    """(68, 2) pixels; None where the head has none of that scheme."""
    landmarks = _object(head.get("landmarks"))
    rows = landmarks.get("points")
    if landmarks.get("scheme") != "ibug68" or not isinstance(rows, list):
        return None
    return array([row[:2] if isinstance(row, list) else row for row in rows], (68, 2))


def _object(value: Any) -> Record:
    return value if isinstance(value, dict) else {}
