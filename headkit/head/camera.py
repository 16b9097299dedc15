"""The pinhole camera: x right, y down, z forward, metres; pixel centres at .5, the picture's corner at 0, 0.

A head lies at X = R X_model + t about its own origin, and is seen at u = K X / X_z: full perspective, since
weak perspective costs about 5 degrees of rotation on near heads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headkit.head.rotation import rotation_between

Array = NDArray[np.float64]


def intrinsics(width: float, height: float, focal: float) -> Array:
    """(3, 3) K of a camera with square pixels and its axis through the picture's middle; focal in pixels."""
    return np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])


def project(points: ArrayLike, camera: ArrayLike) -> Array:
    """(..., 2) pixels of (..., 3) points in the camera frame; points at or behind the camera are not finite."""
    points = np.asarray(points, dtype=np.float64)
    k = np.asarray(camera, dtype=np.float64)
    depth = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
    return np.asarray((points / depth) @ k[:2].T)


def view_rotation(rotation: ArrayLike, translation: ArrayLike) -> Array:
    """(..., 3, 3) rotation of a head relative to the ray through its origin: what a crop of it shows.

    The smallest rotation V that takes the ray `translation` (..., 3) to the camera's axis, times `rotation`.
    At the edge of a 60-degree view the two are 30 degrees apart.
    """
    ray = np.asarray(translation, dtype=np.float64)
    axis = np.broadcast_to(np.array([0.0, 0.0, 1.0]), ray.shape)
    return np.asarray(rotation_between(ray, axis) @ np.asarray(rotation, dtype=np.float64))


def camera_rotation(view: ArrayLike, translation: ArrayLike) -> Array:
    """(..., 3, 3) rotation in the camera frame of a head that shows as `view` at `translation`: the inverse."""
    ray = np.asarray(translation, dtype=np.float64)
    axis = np.broadcast_to(np.array([0.0, 0.0, 1.0]), ray.shape)
    return np.asarray(rotation_between(axis, ray) @ np.asarray(view, dtype=np.float64))
