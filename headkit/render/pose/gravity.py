"""Which way is up in a picture, from the people in it: how far the camera is pitched.

People stand upright on one floor. A camera that looks down sees them lean towards it, and farther feet
higher in the picture than a level floor allows. Only pitch is estimated: photographers hold the horizon.
"""

from __future__ import annotations

import numpy as np

from headkit.render.pose.skeleton import Array

LEVEL = np.array([0.0, -1.0, 0.0])  # against gravity in the frame of a level camera

_PITCHES = np.radians(np.arange(-30.0, 46.0))  # looking down above 0
_USUAL = 0.12  # radians: most photographs are taken within 7 degrees of level
_LEAN = 0.2  # spread of the sine of a trunk's lean: people bend
_UNEVEN = 0.12  # metres between feet on one floor
_SMALL = np.radians(3.0)  # pitches below are not worth another descent


def up_of(pitch: float) -> Array:
    """The direction against gravity, in the frame of a camera that looks down by `pitch` radians."""
    return np.array([0.0, -np.cos(pitch), -np.sin(pitch)])


def likely_up(trunks: Array, feet: Array) -> Array:
    """The likely direction against gravity, camera frame (3,); LEVEL where people say little else.

    trunks (N, 3) from the hips to the neck of everybody; feet (M, 3) the lowest ankle of each who
    stands, metres. All as lifted for a level camera.
    """
    upright = trunks / np.linalg.norm(trunks, axis=1, keepdims=True)
    costs = [_cost(pitch, upright, feet) for pitch in _PITCHES]
    pitch = float(_PITCHES[int(np.argmin(costs))])
    return LEVEL if abs(pitch) < _SMALL else up_of(pitch)


def _cost(pitch: float, trunks: Array, feet: Array) -> float:
    away = np.array([0.0, -np.sin(pitch), np.cos(pitch)])
    cost = (pitch / _USUAL) ** 2 + _robust(trunks @ away / _LEAN)
    if len(feet) > 1:
        heights = feet @ up_of(pitch)
        cost += _robust((heights - np.median(heights)) / _UNEVEN)
    return cost


def _robust(residuals: Array) -> float:
    """Student's t with 4 degrees of freedom: whoever bends or jumps is let go."""
    return float(4.0 * np.log1p(residuals**2 / 4.0).sum())
