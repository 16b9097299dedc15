"""What a picture of another head model's meshes was asked to show."""

from __future__ import annotations

from typing import Any

import numpy as np

from headkit.conditioning.mesh_fit import Fit
from headkit.head.camera import project, view_rotation
from headkit.head.model import HeadModel
from headkit.head.rotation import euler_from_rotation


def fitted_label(
    head: dict[str, Any], fit: Fit, model: HeadModel, K: np.ndarray[Any, Any]
) -> dict[str, Any]:
    """A head of our render as the fitted mesh shows it: `params`, `pose`, `landmarks` and `distance` of the mesh.

    `fit.residual_mm` says how far the mesh is from ours. Boxes, visibility, and which landmarks are seen, stay those of
    the render.
    """
    pixels = project(model.landmarks(fit.vertices), K)
    places = np.where(np.isfinite(pixels).all(axis=1, keepdims=True), pixels, 0.0)
    view = view_rotation(fit.rotation, fit.translation)
    yaw, pitch, roll = euler_from_rotation(view).tolist()
    return head | {
        "distance": float(np.linalg.norm(fit.translation)),
        "landmarks": {**head["landmarks"], "points": [[x, y, 0.0] for x, y in places.tolist()]},
        "params": {
            "model": model.name,
            "sha256": model.sha256,
            "shape": fit.shape.tolist(),
            "expression": fit.expression.tolist(),
            "jaw": fit.jaw.tolist(),
            "translation": fit.translation.tolist(),
        },
        "pose": {
            "rotation": fit.rotation.tolist(),
            "view": view.tolist(),
            "yaw": yaw,
            "pitch": pitch,
            "roll": roll,
        },
        "fit": {"residual_mm": fit.residual * 1e3},
    }
