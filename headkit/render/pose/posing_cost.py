"""What a pose costs: distance from the key points, and what makes a pose plausible. Compiled.

The cost is a sum of squares, so that Gauss-Newton applies; two terms are robust (a wrong key point
and a lifted foot must not bend the whole body). Each function adds its residuals with their
derivatives to the normal equations (J^T J, lower triangle, and J^T r), and returns its cost.
"""

from __future__ import annotations

import numpy as np

from headkit.render.jit import compiled
from headkit.render.pose.kinematics import BODY, UNKNOWNS
from headkit.render.pose.skeleton import FITTED, LENGTH_LIMIT, Array

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
SKULL = 21  # size of the head, 1 with ears 155 mm apart
SETTINGS = 22

# Points: the 17 of COCO, then these; HEAD_LEFT, _UP, _FRONT lie 1 m from HEAD_CENTRE on its axes.
LEFT_ANKLE, RIGHT_ANKLE = 15, 16
NECK, HIPS, HEAD_CENTRE, HEAD_LEFT, HEAD_UP, HEAD_FRONT, MIDDLE, ANKLES = range(17, 25)
POINTS = 25

# The terms of `beside`: from which point to which, and what a difference costs: TAILED both ways,
# or only where it is negative (BELOW), or as a square (SQUARE_BELOW, SQUARE).
TAILED, BELOW, SQUARE_BELOW, SQUARE = range(4)
_TERMS = (
    (HIPS, NECK, TAILED),  # the trunk upright, before and behind: the picture hardly shows it
    (HIPS, NECK, TAILED),  # and sideways
    (HIPS, NECK, BELOW),  # people lean forward, hardly ever backward
    (ANKLES, MIDDLE, TAILED),  # balance: the trunk over the feet, as far as depth is concerned
    (LEFT_ANKLE, RIGHT_ANKLE, TAILED),  # feet at one height
    (HEAD_CENTRE, HEAD_FRONT, SQUARE_BELOW),  # the face towards the camera, or away from it
    *((HEAD_CENTRE, HEAD_LEFT + column, SQUARE) for _ in range(3) for column in range(3)),
)
_START, _END, _KIND = (np.array(column) for column in zip(*_TERMS, strict=True))
TAIL = 4.0  # degrees of freedom of Student's t, of trunk and feet
NEAREST = 0.05  # metres: a point closer to the camera than this is projected as if it were there


@compiled
def add(row: Array, residual: float, weight: float, normal: Array, gradient: Array) -> None:
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
def tailed(residual: float, tail: float) -> tuple[float, float]:
    """Cost and weight of a residual under Student's t: near the mean as a normal one, far off let go.

    People mostly stand upright with arms down, and sometimes do anything: a normal prior wide enough
    for the second bends the knees of everybody who stands.
    """
    far = 1.0 + residual * residual / tail
    return tail * np.log(far), 1.0 / far


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
        add(row_x, across, share, normal, gradient)
        add(row_y, down, share, normal, gradient)
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
    axes = np.zeros((_KIND.shape[0], 3))
    weights = np.zeros(_KIND.shape[0])
    offsets = np.zeros(_KIND.shape[0])
    weights[0] = settings[LEAN_DEPTH] / settings[TRUNK]
    weights[1] = settings[LEAN_SIDE] / settings[TRUNK]
    weights[2] = settings[BACKWARD] / settings[TRUNK]
    weights[3] = settings[BALANCE]
    weights[4] = settings[FEET]
    weights[5] = abs(settings[FACING])
    offsets[5] = 0.1
    look = -1.0 if settings[FACING] > 0.0 else 1.0
    centre = moved[HEAD_CENTRE]
    far = np.sqrt(centre[0] * centre[0] + centre[1] * centre[1] + centre[2] * centre[2])
    up = settings[UP_X : UP_Z + 1]
    level = np.sqrt(max(1.0 - up[2] * up[2], 1e-6))  # 0 for a camera that looks straight down
    rise = up[0] * root[0, 2] + up[1] * root[1, 2] + up[2] * root[2, 2]
    for i in range(3):
        axes[0, i] = ((1.0 if i == 2 else 0.0) - up[2] * up[i]) / level  # away from the camera
        axes[2, i] = root[i, 2] - rise * up[i]  # where the pelvis faces; as if it stood still
        axes[3, i] = axes[0, i]
        axes[4, i] = up[i]
        axes[5, i] = look * centre[i] / far  # as if the head stood still
        for column in range(3):
            term = 6 + 3 * i + column
            axes[term, i] = 1.0
            weights[term] = settings[HEAD]
            offsets[term] = head[i, column]
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        axes[1, i] = up[j] * axes[0, k] - up[k] * axes[0, j]

    residual = settings[DEPTH_WEIGHT] * (unknowns[5] - settings[DEPTH])
    cost = residual * residual
    gradient[5] += settings[DEPTH_WEIGHT] * residual
    normal[5, 5] += settings[DEPTH_WEIGHT] * settings[DEPTH_WEIGHT]
    row = np.zeros(UNKNOWNS)
    for term in range(_KIND.shape[0]):
        if weights[term] == 0.0:
            continue
        start, end, kind = _START[term], _END[term], _KIND[term]
        residual = -weights[term] * offsets[term]
        row[:] = 0.0
        for i in range(3):
            factor = weights[term] * axes[term, i]
            residual += factor * (moved[end, i] - moved[start, i])
            for n in range(UNKNOWNS):
                row[n] += factor * (change[end, i, n] - change[start, i, n])
        if residual >= 0.0 and kind in (BELOW, SQUARE_BELOW):
            continue
        extra, share = residual * residual, 1.0
        if kind in (TAILED, BELOW):
            extra, share = tailed(residual, TAIL)
        cost += extra
        add(row, residual, share, normal, gradient)
    return cost


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
        extra, share = tailed(residual, prior[a, 4])
        cost += extra
        beyond = min(unknowns[n] - prior[a, 2], 0.0) + max(unknowns[n] - prior[a, 3], 0.0)
        cost += (settings[LIMIT] * beyond) ** 2
        gradient[n] += share * prior[a, 1] * residual
        normal[n, n] += share * prior[a, 1] * prior[a, 1]
        if beyond != 0.0:
            gradient[n] += settings[LIMIT] * settings[LIMIT] * beyond
            normal[n, n] += settings[LIMIT] * settings[LIMIT]
    return cost
