"""Depth and normals of a render as the pictures that conditioners read: RGB, 8 bit."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]

WALL = 1.0  # metres: how far behind the farthest point of anybody the background is taken to be
_PERCENTILES = (2.0, 85.0)  # of depth, between which ZoeDepth is shown


def depth_picture(depth: Floats, code: Literal["inverse", "metric"]) -> Pixels:
    """(H, W, 3) grey: near is white, the background black, and all of it where nobody is.

    depth  (H, W) metres along the camera's axis; 0 the background
    """
    shown = depth > 0
    if not shown.any():
        return np.zeros((*depth.shape, 3), np.uint8)
    behind = float(depth.max()) + WALL
    metres = np.where(shown, depth, behind).astype(np.float64)
    if code == "inverse":
        nearness = 1.0 / metres
        low, high = 1.0 / behind, float(nearness.max())
    else:
        nearness = -metres
        high, low = (-float(level) for level in np.percentile(metres, _PERCENTILES))
    share = (nearness - low) / max(high - low, 1e-9)
    grey = np.rint(np.clip(share, 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def normal_picture(normal: Floats) -> Pixels:
    """(H, W, 3): red grows to the left, green upwards, blue towards the camera; the background faces the camera.

    normal  (H, W, 3) unit, camera frame: x right, y down, z forward; 0 the background
    """
    shown = normal.any(axis=2, keepdims=True)
    facing = np.where(shown, normal, np.array([0.0, 0.0, -1.0]))
    return np.clip((1.0 - facing) * 127.5, 0.0, 255.0).astype(np.uint8)
