"""What it costs that arms and hands lie in the head, in the trunk or in each other. Compiled.

Key points fix where an arm is seen, not how far away it is: an arm that crosses the head in the picture
passes before it far more often than behind, and never through. The flesh is a ball for the skull and
capsules for trunk and arms, sized for the body that is posed.
"""

from __future__ import annotations

import numpy as np

from headkit.render.jit import compiled
from headkit.render.pose.kinematics import UNKNOWNS
from headkit.render.pose.posing_cost import (
    HEAD_CENTRE,
    HEAD_FRONT,
    HEAD_UP,
    HIPS,
    NECK,
    SKULL,
    TAIL,
    TRUNK,
    add,
    tailed,
)
from headkit.render.pose.skeleton import Array

_ARMS = ((7, 9), (8, 10))  # elbow and wrist
_UPPER_ARMS = ((5, 7), (6, 8))  # shoulder and elbow
# Where an arm is looked at: shares of the way from elbow to wrist; beyond 1 lies the hand, to 1.8.
_ALONG = (0.4, 0.75, 1.05, 1.4, 1.7)
_TIP = 1.5
# Where an upper arm is looked at beside the head: nearer to the shoulder it belongs there.
_ALONG_UPPER = (0.5, 0.8)
# Radii in metres for a trunk of half a metre, and ears 155 mm apart.
_FOREARM, _UPPER_ARM, _BELLY, _SKULL = 0.038, 0.05, 0.115, 0.105
_MIDDLE_UP, _MIDDLE_FRONT = 0.07, 0.03  # of the skull, from the head's joint, metres
_SPREAD = 0.02  # metres of overlap that count as one
_BEFORE = (
    0.35  # of the radius: how far back obstacles are thought, so that arms come out before them
)


@compiled
def clear(settings: Array, moved: Array, change: Array, normal: Array, gradient: Array) -> float:
    """The cost of overlaps; adds their residuals to the normal equations as `posing_cost` does."""
    size, skull = settings[TRUNK] / 0.5, settings[SKULL]
    cost = 0.0
    shares = np.zeros(moved.shape[0])  # of the points: what is to be apart, as a sum of them
    for shoulder, elbow in _UPPER_ARMS:
        for along in _ALONG_UPPER:
            _from_head(shoulder, elbow, along, skull, shares)
            reach = _SKULL * skull + _UPPER_ARM * size
            cost += _overlap(reach, 0.0, shares, moved, change, normal, gradient)
    for elbow, wrist in _ARMS:
        for along in _ALONG:
            _from_head(elbow, wrist, along, skull, shares)
            reach = _SKULL * skull + _FOREARM * size
            cost += _overlap(reach, _BEFORE, shares, moved, change, normal, gradient)
            shares[HEAD_CENTRE], shares[HEAD_UP], shares[HEAD_FRONT] = 0.0, 0.0, 0.0
            place = _foot(moved, elbow, wrist, along)
            shares[NECK] = -place
            shares[HIPS] = -(1.0 - place)
            reach = (_BELLY + _FOREARM) * size
            cost += _overlap(reach, _BEFORE, shares, moved, change, normal, gradient)
    left, right = _nearest(moved)
    shares[:] = 0.0
    shares[7], shares[9] = 1.0 - left, left
    shares[8], shares[10] = right - 1.0, -right
    return cost + _overlap(2.0 * _FOREARM * size, 0.0, shares, moved, change, normal, gradient)


@compiled
def _from_head(start: int, end: int, along: float, skull: float, shares: Array) -> None:
    """Sets `shares` so that a point of a limb is told from the middle of the skull."""
    shares[:] = 0.0
    shares[start] = 1.0 - along
    shares[end] = along
    up, front = _MIDDLE_UP * skull, _MIDDLE_FRONT * skull
    shares[HEAD_CENTRE] = -(1.0 - up - front)
    shares[HEAD_UP] = -up
    shares[HEAD_FRONT] = -front


@compiled
def _overlap(
    reach: float,
    before: float,
    shares: Array,
    moved: Array,
    change: Array,
    normal: Array,
    gradient: Array,
) -> float:
    """The cost of two points that are nearer than `reach`; `shares` of the points is their difference."""
    x, y, z, far_x, far_y, far_z = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for p in range(shares.shape[0]):
        share = shares[p]
        if share != 0.0:
            x += share * moved[p, 0]
            y += share * moved[p, 1]
            z += share * moved[p, 2]
            if share > 0.0:
                far_x += share * moved[p, 0]
                far_y += share * moved[p, 1]
                far_z += share * moved[p, 2]
    if x * x + y * y + z * z >= reach * reach:
        return 0.0
    far = before * reach / max(np.sqrt(far_x * far_x + far_y * far_y + far_z * far_z), 1e-6)
    x, y, z = x - far * far_x, y - far * far_y, z - far * far_z
    distance = np.sqrt(x * x + y * y + z * z)
    if distance >= reach or distance < 1e-6:
        return 0.0
    weight = 1.0 / _SPREAD
    residual = weight * (reach - distance)
    x, y, z = -weight * x / distance, -weight * y / distance, -weight * z / distance
    row = np.zeros(UNKNOWNS)
    for p in range(shares.shape[0]):
        share = shares[p]
        if share != 0.0:
            for n in range(UNKNOWNS):
                row[n] += share * (x * change[p, 0, n] + y * change[p, 1, n] + z * change[p, 2, n])
    cost, share = tailed(residual, TAIL)
    add(row, residual, share, normal, gradient)
    return cost


@compiled
def _foot(moved: Array, elbow: int, wrist: int, along: float) -> float:
    """Where on the way from hips (0) to neck (1) the trunk's axis is nearest to a point of an arm."""
    across, length = 0.0, 1e-9
    for i in range(3):
        axis = moved[NECK, i] - moved[HIPS, i]
        point = (1.0 - along) * moved[elbow, i] + along * moved[wrist, i]
        across += axis * (point - moved[HIPS, i])
        length += axis * axis
    return min(max(across / length, 0.0), 0.9)


@compiled
def _nearest(moved: Array) -> tuple[float, float]:
    """Shares of the way from elbow to wrist at which the two forearms are nearest (Ericson 2004, 5.1.9)."""
    a, b, c, d, e = 1e-9, 0.0, 1e-9, 0.0, 0.0
    for i in range(3):
        left, right = moved[9, i] - moved[7, i], moved[10, i] - moved[8, i]
        between = moved[7, i] - moved[8, i]
        a += left * left
        b += left * right
        c += right * right
        d += left * between
        e += right * between
    parallel = a * c - b * b
    s = 0.5 * _TIP
    if parallel > 1e-6 * a * c:
        s = min(max((b * e - c * d) / parallel, 0.0), _TIP)
    t = min(max((b * s + e) / c, 0.0), _TIP)
    return min(max((b * t - d) / a, 0.0), _TIP), t
