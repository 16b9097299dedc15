"""What a pose costs: distance from the key points, and what makes a pose plausible. Compiled.

The cost is a sum of squares, so that Gauss-Newton applies; two terms are robust (a wrong key point
and a lifted foot must not bend the whole body). Each function adds its residuals with their
derivatives to the normal equations (J^T J, lower triangle, and J^T r), and returns its cost.
"""

from __future__ import annotations

import numpy as np

from headkit.render.jit import compiled
from headkit.render.kinematics import BODY, UNKNOWNS
from headkit.render.skeleton import FITTED, LENGTH_LIMIT, Array

# Settings of one person's fit: a vector in this order.
FX, FY, CX, CY = range(4)  # the camera, pixels
SIGMA, HUBER = 4, 5  # pixels that count as one; how many of those before a point counts linearly
DEPTH, DEPTH_WEIGHT = 6, 7  # log of the expected distance in metres, 1 / spread
LEAN_DEPTH, LEAN_SIDE, TRUNK = 8, 9, 10  # 1 / spread of the trunk's tilt (sine); its length, metres
FEET, FACING, HEAD = 11, 12, 13  # 1 / spread of the ankles' heights (metres); hints, see `beside`
UP_X, UP_Y, UP_Z = 14, 15, 16  # against gravity, camera frame
LIMIT, LENGTH = 17, 18  # weight per radian beyond a limit; 1 / spread of the log lengths
BALANCE = 19  # 1 / spread of the trunk's middle before or behind the feet (metres)
BACKWARD = 20  # 1 / spread of the trunk's tilt to the subject's back (sine)
SETTINGS = 21

# Points: the 17 of COCO, then these; HEAD_LEFT, _UP, _FRONT lie 1 m from HEAD_CENTRE on its axes.
NECK, HIPS, HEAD_CENTRE, HEAD_LEFT, HEAD_UP, HEAD_FRONT = range(17, 23)
POINTS = 23
LEFT_ANKLE, RIGHT_ANKLE = 15, 16
TAIL = 4.0  # degrees of freedom of Student's t, of trunk and feet
NEAREST = 0.05  # metres: a point closer to the camera than this is projected as if it were there


@compiled
def _add(row: Array, residual: float, weight: float, normal: Array, gradient: Array) -> None:
    """Adds one residual with its derivative `row` to the normal equations (lower triangle)."""
    used = np.empty(UNKNOWNS, np.int64)  # a point depends on half of the unknowns
    count = 0
    for i in range(UNKNOWNS):
        if row[i] != 0.0:
            used[count] = i
            count += 1
    for a in range(count):
        i = used[a]
        scaled = weight * row[i]
        gradient[i] += scaled * residual
        for b in range(a + 1):
            normal[i, used[b]] += scaled * row[used[b]]


@compiled
def _tailed(residual: float, tail: float) -> tuple[float, float]:
    """Cost and weight of a residual under Student's t: near the mean as a normal one, far off let go.

    People mostly stand upright with arms down, and sometimes do anything: a normal prior wide enough
    for the second bends the knees of everybody who stands.
    """
    far = 1.0 + residual * residual / tail
    return tail * np.log(far), 1.0 / far


@compiled
def _add_tailed(row: Array, residual: float, normal: Array, gradient: Array) -> float:
    """Adds a residual under Student's t and clears its `row`; returns its cost."""
    cost, share = _tailed(residual, TAIL)
    _add(row, residual, share, normal, gradient)
    row[:] = 0.0
    return cost


@compiled
def project(
    keypoints: Array,
    settings: Array,
    moved: Array,
    change: Array,
    normal: Array,
    gradient: Array,
) -> float:
    """The cost of the key points (17, 3) with weights in the third column: Huber on the distance."""
    cost = 0.0
    row_x = np.zeros(UNKNOWNS)
    row_y = np.zeros(UNKNOWNS)
    for k in range(17):
        if keypoints[k, 2] <= 0.0:
            continue
        weight = keypoints[k, 2] / settings[SIGMA]
        x, y = moved[k, 0], moved[k, 1]
        z = max(moved[k, 2], NEAREST)
        across = weight * (settings[FX] * x / z + settings[CX] - keypoints[k, 0])
        down = weight * (settings[FY] * y / z + settings[CY] - keypoints[k, 1])
        distance = np.sqrt(across * across + down * down)
        share = 1.0
        if distance > settings[HUBER]:
            share = settings[HUBER] / distance
            cost += settings[HUBER] * (2.0 * distance - settings[HUBER])
        else:
            cost += distance * distance
        for n in range(UNKNOWNS):
            slope = change[k, 2, n] / z if moved[k, 2] > NEAREST else 0.0
            row_x[n] = weight * settings[FX] / z * (change[k, 0, n] - x * slope)
            row_y[n] = weight * settings[FY] / z * (change[k, 1, n] - y * slope)
        _add(row_x, across, share, normal, gradient)
        _add(row_y, down, share, normal, gradient)
    return cost


@compiled
def beside(
    unknowns: Array,
    root: Array,
    settings: Array,
    head: Array,
    moved: Array,
    change: Array,
    normal: Array,
    gradient: Array,
) -> float:
    """The cost of what key points do not say: gravity, feet, facing, a given head rotation, distance.

    FACING > 0: the face must look at the camera's half; < 0: away from it; its size is the weight.
    HEAD: weight of `head` (3, 3), the rotation wanted of the head in the camera frame.
    """
    cost = 0.0
    row = np.zeros(UNKNOWNS)
    up = settings[UP_X : UP_Z + 1]
    away, side = np.empty(3), np.empty(3)  # level axes: away from the camera, and across
    length = np.sqrt(max(1.0 - up[2] * up[2], 1e-6))  # a camera that looks straight down has none
    for i in range(3):
        away[i] = ((1.0 if i == 2 else 0.0) - up[2] * up[i]) / length
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        side[i] = up[j] * away[k] - up[k] * away[j]

    # The trunk upright, before and behind (strict: the picture hardly shows it) and sideways.
    scale = 1.0 / settings[TRUNK]
    residual = _along(away, scale * settings[LEAN_DEPTH], HIPS, NECK, moved, change, row)
    cost += _add_tailed(row, residual, normal, gradient)
    residual = _along(side, scale * settings[LEAN_SIDE], HIPS, NECK, moved, change, row)
    cost += _add_tailed(row, residual, normal, gradient)
    # People lean forward, hardly ever backward. The pelvis' front counts as if it stood still.
    ahead = np.empty(3)
    level = up[0] * root[0, 2] + up[1] * root[1, 2] + up[2] * root[2, 2]
    for i in range(3):
        ahead[i] = root[i, 2] - level * up[i]
    residual = _along(ahead, scale * settings[BACKWARD], HIPS, NECK, moved, change, row)
    if residual < 0.0:
        cost += _add_tailed(row, residual, normal, gradient)
    row[:] = 0.0
    # Balance: the middle of the trunk over the middle of the feet, as far as depth is concerned.
    half = 0.5 * settings[BALANCE]
    residual = _along(away, half, LEFT_ANKLE, NECK, moved, change, row)
    residual += _along(away, half, RIGHT_ANKLE, HIPS, moved, change, row)
    cost += _add_tailed(row, residual, normal, gradient)
    # Feet at one height.
    residual = _along(up, settings[FEET], LEFT_ANKLE, RIGHT_ANKLE, moved, change, row)
    cost += _add_tailed(row, residual, normal, gradient)

    if settings[FACING] != 0.0:
        axis = np.empty(3)  # to the camera, or away from it; as if it stood still
        weight = abs(settings[FACING])
        centre = moved[HEAD_CENTRE]
        length = np.sqrt(centre[0] * centre[0] + centre[1] * centre[1] + centre[2] * centre[2])
        for i in range(3):
            axis[i] = (-1.0 if settings[FACING] > 0.0 else 1.0) * centre[i] / length
        residual = _along(axis, weight, HEAD_CENTRE, HEAD_FRONT, moved, change, row) - 0.1 * weight
        if residual < 0.0:
            cost += residual * residual
            _add(row, residual, 1.0, normal, gradient)
        row[:] = 0.0

    if settings[HEAD] > 0.0:
        axis = np.zeros(3)
        for number in range(9):
            i, column = number // 3, number % 3
            axis[:] = 0.0
            axis[i] = 1.0
            point = HEAD_LEFT + column
            residual = _along(axis, settings[HEAD], HEAD_CENTRE, point, moved, change, row)
            residual -= settings[HEAD] * head[i, column]
            cost += residual * residual
            _add(row, residual, 1.0, normal, gradient)
            row[:] = 0.0

    residual = settings[DEPTH_WEIGHT] * (unknowns[5] - settings[DEPTH])
    cost += residual * residual
    gradient[5] += settings[DEPTH_WEIGHT] * residual
    normal[5, 5] += settings[DEPTH_WEIGHT] * settings[DEPTH_WEIGHT]
    return cost


@compiled
def _along(
    axis: Array, weight: float, start: int, end: int, moved: Array, change: Array, row: Array
) -> float:
    """Weight x how far `end` lies from `start` along `axis`; adds its derivative to `row`."""
    residual = 0.0
    for i in range(3):
        factor = weight * axis[i]
        residual += factor * (moved[end, i] - moved[start, i])
        for n in range(UNKNOWNS):
            row[n] += factor * (change[end, i, n] - change[start, i, n])
    return residual


@compiled
def prior_cost(
    unknowns: Array, settings: Array, prior: Array, normal: Array, gradient: Array
) -> float:
    """The cost of lengths (normal), angles (Student's t), and limits as one-sided springs.

    `prior` is `skeleton.PRIOR`.
    """
    cost = 0.0
    for g in range(6, BODY):
        residual = settings[LENGTH] * unknowns[g]
        beyond = (
            settings[LENGTH]
            * 3.0
            * (min(unknowns[g] + LENGTH_LIMIT, 0.0) + max(unknowns[g] - LENGTH_LIMIT, 0.0))
        )
        cost += residual * residual + beyond * beyond
        slope = settings[LENGTH] * (3.0 if beyond != 0.0 else 0.0)
        gradient[g] += settings[LENGTH] * residual + slope * beyond
        normal[g, g] += settings[LENGTH] * settings[LENGTH] + slope * slope
    for a in range(FITTED):
        n = BODY + a
        residual = (unknowns[n] - prior[a, 0]) * prior[a, 1]
        extra, share = _tailed(residual, prior[a, 4])
        cost += extra
        beyond = min(unknowns[n] - prior[a, 2], 0.0) + max(unknowns[n] - prior[a, 3], 0.0)
        cost += (settings[LIMIT] * beyond) ** 2
        gradient[n] += share * prior[a, 1] * residual
        normal[n, n] += share * prior[a, 1] * prior[a, 1]
        if beyond != 0.0:
            gradient[n] += settings[LIMIT] * settings[LIMIT] * beyond
            normal[n, n] += settings[LIMIT] * settings[LIMIT]
    return cost
