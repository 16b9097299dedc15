"""Key points in COCO order, read and checked: nose, eyes, ears, then shoulders down to ankles, left first."""

from __future__ import annotations

from typing import Any

import numpy as np

from headkit.render.pose.skeleton import Array

FAINT = 0.05  # confidence below this is a guess of a network, not a point


def checked(keypoints: Any) -> Array:
    """(17, 3) x, y, confidence as floats; ValueError in words where that cannot be."""
    try:
        known = np.array(keypoints, np.float64)
    except (TypeError, ValueError):
        raise ValueError("keypoints: not numbers; give 17 x [x, y, confidence]") from None
    if known.shape != (17, 3):
        raise ValueError(f"keypoints: shape {known.shape}; give 17 x [x, y, confidence]")
    if not np.isfinite(known).all():
        raise ValueError("keypoints: a number is not finite; give confidence 0 to an unknown point")
    if np.abs(known).max() > 1e6:
        raise ValueError("keypoints: a coordinate is beyond a million pixels")
    known[known[:, 2] < FAINT] = 0.0
    known[:, 2] = np.sqrt(np.minimum(known[:, 2], 1.0))  # a weight: the square is the confidence
    if not known[:, 2].any():
        raise ValueError("keypoints: none is known; give at least one a confidence above 0.05")
    return known
