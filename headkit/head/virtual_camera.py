"""A camera that looks straight at one head, upright, at a fixed size: what an aligned crop shows.

The virtual camera stands where the real one stands and is turned, so that the crop is exact perspective, for any yaw and
anywhere in the picture: a pixel x of the crop and the pixel K turn^-1 K'^-1 x of the picture lie on one ray. Cutting a
square and turning it, as crops by eyes and mouth do, is this only for a face that looks at the camera from the middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headkit.head.rotation import rotation_between

Array = NDArray[np.float64]

STEEPEST = 0.2  # share of the head's up that must be seen across the view for it to say what is up: 78 degrees of pitch


@dataclass(frozen=True)
class VirtualCamera:
    """K (3, 3) of the crop, and turn (3, 3): a point X of the real camera's frame is turn @ X in this one's."""

    K: Array
    turn: Array

    def from_picture(self, K: ArrayLike) -> Array:
        """(3, 3) homography of the picture's pixels, by its camera K, to those of the crop."""
        found: Array = self.K @ self.turn @ np.linalg.inv(np.asarray(K, np.float64))
        return found


def looking_at(
    rotation: ArrayLike, translation: ArrayLike, size: int, extent: float
) -> VirtualCamera:
    """The camera of a crop of `size` pixels that shows `extent` metres at the head's distance, the head's origin amid.

    rotation (3, 3), translation (3,): the head in the real camera's frame. The head stands upright: its up (+y of the
    model) lies in the vertical plane of the view. Seen from nearly above or below, where that says nothing, the picture's
    own up is kept. Raises ValueError for a head that is not before the camera.
    """
    place = np.asarray(translation, np.float64)
    distance = float(np.linalg.norm(place))
    if not np.isfinite(place).all() or place[2] <= 0:
        raise ValueError("head is not before the camera")
    aim = rotation_between(place, np.array([0.0, 0.0, 1.0]))
    across, down = (aim @ np.asarray(rotation, np.float64)[:, 1])[:2]
    upright = np.eye(3)
    length = float(np.hypot(across, down))
    if length >= STEEPEST:
        c, s = -down / length, -across / length  # takes (across, down) to (0, -length)
        upright[:2, :2] = [[c, -s], [s, c]]
    focal = size * distance / extent
    K = np.array([[focal, 0.0, size / 2], [0.0, focal, size / 2], [0.0, 0.0, 1.0]])
    return VirtualCamera(K, upright @ aim)


def moved(points: ArrayLike, homography: ArrayLike) -> Array:
    """(N, 2) pixels of (N, 2) pixels by a (3, 3) homography."""
    given = np.asarray(points, np.float64)
    out = np.c_[given, np.ones(len(given))] @ np.asarray(homography, np.float64).T
    return np.asarray(out[:, :2] / out[:, 2:])
