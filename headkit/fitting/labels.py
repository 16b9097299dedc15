"""What `fit3dmm` writes about a head."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headkit.fitting.request import FOUND, GIVEN
from headkit.head.model import HeadModel
from headkit.tool import Record

if TYPE_CHECKING:
    from headkit.backends.landmarks import Found
    from headkit.fitting.heads import Fitted

FAILED = "fit failed"  # what `ignore` says of a head that could not be fitted
OURS = ("params", "pose", "fit", "mesh")  # fields of a head that an earlier run may have left
_SEEN = 0.5  # probability from which on a point is called visible


def label(
    head: Record,
    model: HeadModel,
    one: Fitted | None,
    box: NDArray[np.float64] | None,
    *,
    given: bool,
) -> Record:
    """The head with what was fitted; `one` is None where there was nothing to fit to.

    given  whether the landmarks were the record's, so that a later run does not take found ones for such
    """
    kept = {name: value for name, value in head.items() if name not in OURS}
    if kept.get("ignore") == FAILED:
        del kept["ignore"]
    if one is None or not one.sound:
        kept.setdefault("ignore", FAILED)
        flags = ["no_box"] if one is None else one.flags
        fit: Record = {"converged": False, "flags": flags}
    else:
        kept |= {"params": _params(model, one), "pose": _pose(one)}
        fit = _quality(one, box)
    return {**kept, "fit": {"landmarks": GIVEN if given else FOUND, **fit}}


def landmarks(found: Found, width: int, height: int) -> Record:
    """The 68 in rows [x, y, deviation]; what is outside of the picture is not visible."""
    points, deviation, seen = (v[:68] for v in (found.points, found.deviation, found.seen))
    visible = (seen > _SEEN) & (points >= 0).all(axis=1) & (points < (width, height)).all(axis=1)
    return {
        "scheme": "ibug68",
        "points": np.column_stack([points, deviation]).tolist(),
        "visible": "".join("1" if one else "0" for one in visible),
    }


def _params(model: HeadModel, one: Fitted) -> Record:
    return {
        "model": model.name,
        "sha256": model.sha256,
        "shape": one.shape.tolist(),
        "expression": one.expression.tolist(),
        "jaw": one.jaw.tolist(),
        "translation": one.translation.tolist(),
    }


def _pose(one: Fitted) -> Record:
    yaw, pitch, roll = one.angles.tolist()
    return {
        "rotation": one.rotation.tolist(),
        "view": one.view.tolist(),
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
    }


def _quality(one: Fitted, box: NDArray[np.float64] | None) -> Record:
    quality: Record = {
        "residual_px": one.residual_px,
        "converged": one.converged,
        "rotation_deviation": one.rotation_deviation.tolist(),
        "translation_deviation": one.translation_deviation.tolist(),
        "flags": one.flags,
    }
    if box is not None:
        quality["residual_share"] = one.residual_px / float((box[2:] - box[:2]).max())
    if math.isfinite(one.mirror):
        quality["mirror"] = one.mirror
    return quality
