"""Sleeves at a bent elbow: the two halves press against each other, they do not pass through each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headkit.render.wardrobe.cut_lines import Figure, armhole
from headkit.render.wardrobe.tailoring import Floats
from headkit.render.wardrobe.wearer import Wearer

# Length of the sum of the unit vectors along both limbs, below which nothing touches: 127 degrees between them.
_STRAIGHT = 0.9
_ROUND = 0.005  # metres by which each half stands off the plane between them where they press most
_INSIDE = 0.02  # metres inside the bend over which the plane comes to bear


def pressed(wearer: Wearer, body: Figure, points: Floats, size: float) -> Floats:
    """Shift (N, 3) of cloth points that keeps each half of a sleeve on its side of the bend.

    body    figure of the N points
    points  (N, 3) camera frame, metres
    size    of the wearer against an adult
    Upper arm and forearm are mirror images at the plane through the elbow that halves the bend: what presses
    on what meets there.
    """
    shift = np.zeros(points.shape, np.float32)
    sleeve = (body.arm > 0.2) & (body.arm < 1.95) & (armhole(body) < 0.0)  # not the trunk beside it
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder, elbow, wrist = (
            _joint(wearer, f"{n}_{side}") for n in ("upper_arm", "forearm", "hand")
        )
        up, down = _unit(shoulder - elbow), _unit(wrist - elbow)
        if np.linalg.norm(up + down) < _STRAIGHT:
            continue
        across, inside = _unit(up - down), _unit(up + down)
        ids = np.flatnonzero(sleeve & (body.points[:, 0] * sign > 0.0))
        half = np.where(body.arm[ids] < 1.0, 1.0, -1.0)
        off = points[ids] - elbow
        distance = half * (off @ across)
        share = np.clip(off @ inside / (_INSIDE * size), 0.0, 1.0)
        share = share * share * (3.0 - 2.0 * share)
        # A hyperbola: far from the plane nothing moves, at it both halves are rounded.
        wanted = 0.5 * (distance + np.sqrt(distance * distance + (2.0 * _ROUND * size) ** 2))
        shift[ids] = (half * share * (wanted - distance))[:, None] * across
    return shift


def _joint(wearer: Wearer, bone: str) -> NDArray[np.float64]:
    return wearer.place(bone, wearer.joints[bone][None].astype(np.float32))[0].astype(np.float64)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))
