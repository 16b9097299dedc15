"""Whether parameters belong to their picture.

The landmarks of the head that they describe, seen by the camera, lie on the landmarks of the label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from headkit.head import vector413
from headkit.head.camera import project
from headkit.head.landmarks import IBUG68_PARTS
from headkit.head.model import HeadModel
from headkit.tool import Record
from headkit.verifying.labels import Fault, numbers

# Labels of a renderer are its own projection, rounded: positions to 0.01 px, coefficients and metres to 1e-5.
EXACT_PX, EXACT_SHARE = (
    0.25,
    0.001,
)  # at most, of a landmark: pixels (crops magnify), and shares of the face
# A fit stands between all landmarks and what heads look like: the median of its distances.
FITTED_PX, FITTED_SHARE = 3.0, 0.15
SHAPE = 300  # coefficients of a FLAME model
_INNER = slice(len(IBUG68_PARTS["jaw"]), None)  # of other detectors the jaw is the outline


class Reprojection:
    """Head models by their digest, cut down to the vertices of landmarks."""

    def __init__(self, *models: HeadModel) -> None:
        self._models = {model.sha256: _cut(model) for model in models}
        flame = [model for model in models if model.n_shape == SHAPE]
        self._flame = _cut(flame[0]) if flame else None
        self.unknown: Counter[str] = Counter()  # name of a model that is not at hand -> heads

    def faults(self, label: Record, *, exact: bool) -> Iterator[Fault]:
        """Heads whose parameters lie elsewhere; `exact` where the labels are the truth of a renderer."""
        camera = label.get("camera")
        K = numbers(camera.get("K"), (3, 3)) if isinstance(camera, dict) else None
        if K is None:
            return
        for number, head in enumerate(label["heads"]):
            if isinstance(head, dict) and not head.get("ignore"):
                what = self._head(head, K, exact=exact)
                if what:
                    yield f"heads[{number}].params", "reprojection", what

    def vector_faults(self, label: Record) -> Iterator[Fault]:
        """Heads of VGGHeads whose 413-vector shows them elsewhere than in their box."""
        for number, head in enumerate(label["heads"]):
            if self._flame is None:
                self.unknown["FLAME"] += 1
            elif np.isfinite(head["vector"]).all():
                what = _away(head, self._flame)
                if what:
                    yield f"3dmm_params[{number}]", "reprojection", what

    def _head(self, head: Record, K: Any, *, exact: bool) -> str:
        params, pose, marks = (head.get(name) for name in ("params", "pose", "landmarks"))
        if not (isinstance(params, dict) and isinstance(pose, dict) and isinstance(marks, dict)):
            return ""
        rotation, place = (
            numbers(pose.get("rotation"), (3, 3)),
            numbers(params.get("translation"), (3,)),
        )
        points = numbers(marks.get("points"), (None, None))
        if rotation is None or place is None or points is None or points.shape[1] < 2:
            return ""
        if len(points) < 68 or marks.get("scheme") not in ("ibug68", "dense"):
            return ""
        model = self._models.get(params.get("sha256") or "")
        if model is None:
            self.unknown[str(params.get("model"))] += 1
            return ""
        try:
            found = model.vertices(
                *(params.get(name) or None for name in ("shape", "expression", "jaw"))
            )
        except (ValueError, TypeError) as error:
            return str(error)
        seen = project(found @ rotation.T + place, K)
        away = np.linalg.norm(seen - points[:68, :2], axis=1)
        size = float(np.nanmax(np.ptp(points[:68, :2], axis=0)))
        if exact:
            worst, most = float(away.max()), EXACT_PX + EXACT_SHARE * size
        else:
            worst, most = float(np.median(away[_INNER])), FITTED_PX + FITTED_SHARE * size
        if worst <= most:
            return ""
        return f"its landmarks would lie {worst:.1f} px from where they are labelled; {most:.1f} may be"


def _away(head: Record, model: HeadModel) -> str:
    """How the landmarks of a 413-vector miss the box that its crop is cut with; empty where they do not."""
    parts = vector413.read(head["vector"])
    left, top, width, height = head["extended_box"]
    try:
        vertices = model.vertices(parts.shape, parts.expression, parts.jaw)
    except ValueError as error:
        return str(error)
    seen = vector413.project_crop(parts, vertices, (left, top))
    inside = (seen >= (left, top)).all(axis=1) & (seen <= (left + width, top + height)).all(axis=1)
    missed = int((~inside).sum())
    return (
        f"{missed} of its landmarks would lie outside extended_bbox"
        if missed > len(seen) // 2
        else ""
    )


def _cut(model: HeadModel) -> HeadModel:
    """The model of its 68 landmarks alone; its digest is another."""
    at = model.landmarks68
    return replace(
        model,
        template=model.template[at],
        # In one piece: else every head would copy them.
        shape_basis=np.ascontiguousarray(model.shape_basis[:, at]),
        expression_basis=np.ascontiguousarray(model.expression_basis[:, at]),
        jaw_weights=model.jaw_weights[at],
        pose_basis=None
        if model.pose_basis is None
        else np.ascontiguousarray(model.pose_basis[:, at]),
        head_mask=model.head_mask[at],
        landmarks68=np.arange(len(at), dtype=np.int32),
        dense=np.arange(len(at), dtype=np.int32),
    )
