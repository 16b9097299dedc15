"""What is read off 2D key points before a pose is fitted: hints, distance, and where descents start."""

from __future__ import annotations

from typing import Any

import numpy as np

from headkit.head.camera import camera_rotation
from headkit.head.rotation import FRONTAL as FACE_ON
from headkit.head.rotation import rodrigues, rotation_from_euler
from headkit.render.pose import posing_cost as term
from headkit.render.pose.kinematics import Rig, transforms_of, unknowns_of
from headkit.render.pose.skeleton import (
    ANGLE,
    INDEX,
    LENGTH_SIGMA,
    MEAN,
    SIDES,
    Array,
    Skeleton,
    key_points,
)

LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 5, 6, 11, 12
EYES, EARS = (1, 2), (3, 4)

ACCURACY = 0.006  # of the box height: one standard deviation of a key point
FINEST = 0.35  # pixels: no annotation is better
# How much better than ACCURACY each point is placed: eyes three times, hips worse (the standard
# deviations of COCO's object key point similarity, against that of a knee).
PRECISION = 0.087 / np.array(
    [
        0.026,
        0.025,
        0.025,
        0.035,
        0.035,
        0.079,
        0.079,
        0.072,
        0.072,
        0.062,
        0.062,
        0.107,
        0.107,
        0.087,
        0.087,
        0.089,
        0.089,
    ]
)
YAWS = np.pi / 4.0 * np.array([0, 1, -1, 2, -2, 3, -3, 4])  # starts: facing the camera first

# Segments whose length in the picture tells the distance: foreshortening only shortens them.
SEGMENTS = np.array(
    [
        *((5, 6), (11, 12), (5, 11), (6, 12), (5, 7), (7, 9), (6, 8), (8, 10)),
        *((11, 13), (13, 15), (12, 14), (14, 16)),
        *((1, 2), (3, 4), (1, 3), (2, 4), (0, 3), (0, 4)),
    ]
)


def extent(known: Array, box: Any, K: Array) -> Array:
    """The person's box [x1, y1, x2, y2]: as given where it is one, else around the known points."""
    if box is not None:
        given = np.array(box, np.float64)
        if given.shape != (4,) or not np.isfinite(given).all():
            raise ValueError("box: give four finite numbers x1, y1, x2, y2")
        if given[2] > given[0] and given[3] > given[1]:
            return given
    seen = known[known[:, 2] > 0.0, :2]
    low, high = seen.min(0), seen.max(0)
    margin = max(2.0, 0.15 * float((high - low).max()))
    if len(seen) < 3:  # says nothing about size: half of the picture
        margin = max(margin, 0.5 * float(K[1, 2]))
    return np.concatenate([low - margin, high + margin])


def body_points(skeleton: Skeleton, coco: Array) -> Array:
    """The 17 key points and the points of `posing_cost` beside them, (POINTS, B, 4)."""
    points = np.zeros((term.POINTS, len(skeleton.joints), 4))
    points[:17] = coco

    def fix(point: int, bone: str, at: Array) -> None:
        points[point, INDEX[bone]] = [*at, 1.0]

    joint = {name: skeleton.joints[number] for name, number in INDEX.items()}
    fix(term.NECK, "spine_5", joint["neck_1"])
    fix(term.HIPS, "pelvis", (joint["thigh_left"] + joint["thigh_right"]) / 2.0)
    fix(term.HEAD_CENTRE, "head", joint["head"])
    for axis, point in enumerate((term.HEAD_LEFT, term.HEAD_UP, term.HEAD_FRONT)):
        fix(point, "head", joint["head"] + np.eye(3)[axis])
    points[term.MIDDLE] = (points[term.NECK] + points[term.HIPS]) / 2.0
    points[term.ANKLES] = (points[term.LEFT_ANKLE] + points[term.RIGHT_ANKLE]) / 2.0
    return points


def head_rotation(known: Array, box: Array, K: Array, head: dict[str, float] | None) -> Array:
    """The rotation of the head in the camera frame that yaw, pitch and roll (degrees) ask for."""
    if head is None:
        return np.eye(3)
    face = known[:5][known[:5, 2] > 0.0]
    at = face[:, :2].mean(0) if len(face) else np.array([(box[0] + box[2]) / 2.0, box[1]])
    return asked_rotation(head, np.linalg.solve(K, np.array([*at, 1.0])))


def asked_rotation(head: dict[str, float], ray: Array) -> Array:
    """The rotation in the camera frame of a head that shows yaw, pitch, roll (degrees) along `ray`."""
    angles = [float(head.get(name) or 0.0) for name in ("yaw", "pitch", "roll")]
    if not np.isfinite(angles).all():
        raise ValueError("head: yaw, pitch and roll must be finite; leave out what is not known")
    return camera_rotation(rotation_from_euler(*angles), ray)


def facing(known: Array) -> float:
    """Weight of 'looks towards the camera' (> 0) or away (< 0), from which points of the face are seen."""
    front = int((known[:3, 2] > 0.0).sum())
    ears = int((known[3:5, 2] > 0.0).sum())
    if front >= 2:
        return 6.0
    if front == 1:
        return 3.0
    return -6.0 if ears else 0.0


def guess_distance(known: Array, box: Array, K: Array, resting: Array) -> tuple[float, float]:
    """Metres to the person, and the spread of its logarithm, from the lengths of what is seen.

    `resting` (17, 3): the body's points in a resting pose. The longest segments, in their ratio to the
    body's own, are the least foreshortened.
    """
    a, b = SEGMENTS.T
    both = (known[a, 2] > 0.0) & (known[b, 2] > 0.0)
    focal = float(np.sqrt(K[0, 0] * K[1, 1]))
    pixels = np.linalg.norm(known[a, :2] - known[b, :2], axis=1)[both]
    metres = np.linalg.norm(resting[a] - resting[b], axis=1)[both]
    if len(metres) and pixels.max() > 0.0:
        ratio = float(np.quantile(pixels / metres, 0.8))
        if ratio > 0.0:
            return focal / ratio, 0.8 if len(metres) >= 4 else 0.35
    tall = float(np.ptp(resting[:, 1])) * 1.1
    return focal * tall / float(box[3] - box[1]), 0.3


def settings_of(
    known: Array,
    box: Array,
    K: Array,
    distance: tuple[float, float],
    trunk: float,
    skull: float,
    head: dict[str, float] | None,
    up: Array,
) -> Array:
    """The settings vector of `posing_cost` for one person."""
    settings = np.zeros(term.SETTINGS)
    settings[[term.FX, term.FY, term.CX, term.CY]] = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    settings[term.SIGMA] = max(ACCURACY * float(box[3] - box[1]), FINEST)
    settings[term.HUBER] = 5.0
    settings[term.DEPTH] = np.log(distance[0])
    settings[term.DEPTH_WEIGHT] = 1.0 / distance[1]
    settings[term.LEAN_DEPTH] = 1.0 / 0.1  # 6 degrees: people stand and sit upright
    settings[term.LEAN_SIDE] = 1.0 / 0.5  # sideways the picture shows it
    settings[term.TRUNK] = trunk
    settings[term.SKULL] = skull
    settings[term.FEET] = 1.0 / (0.3 * trunk)
    settings[term.BACKWARD] = 1.0 / 0.12
    settings[term.BALANCE] = 1.0 / (0.2 * trunk)
    settings[term.FACING] = facing(known)
    settings[term.HEAD] = 0.0 if head is None else 1.0 / 0.025
    settings[[term.UP_X, term.UP_Y, term.UP_Z]] = up / np.linalg.norm(up)
    settings[term.LIMIT] = 15.0
    settings[term.LENGTH] = 1.0 / LENGTH_SIGMA
    return settings


def weighted(known: Array, box: Array) -> Array:
    """(17, 3) x, y and weight: confidence by precision, in units of the settings' SIGMA."""
    usual = ACCURACY * float(box[3] - box[1])
    precision = max(usual, FINEST) / np.maximum(usual / PRECISION, FINEST)
    return np.column_stack([known[:, :2], known[:, 2] * precision])


def roll_of(known: Array) -> float:
    """How far the person is turned in the picture, radians, clockwise: from trunk, else shoulders."""

    def middle(pair: tuple[int, int]) -> Array | None:
        seen = [known[k, :2] for k in pair if known[k, 2] > 0.0]
        return np.mean(seen, 0) if seen else None

    hips = middle((LEFT_HIP, RIGHT_HIP))
    shoulders = middle((LEFT_SHOULDER, RIGHT_SHOULDER))
    for low, high in ((hips, shoulders), (shoulders, _face(known))):
        if low is not None and high is not None:
            x, y = high - low
            if np.hypot(x, y) > 1e-6:
                return float(np.arctan2(x, -y))
    return 0.0


def _face(known: Array) -> Array | None:
    seen = known[:5][known[:5, 2] > 0.0, :2]
    return seen.mean(0) if len(seen) else None


def starts_of(
    rig: Rig, points: Array, known: Array, K: Array, distance: float
) -> tuple[Array, Array]:
    """Where descents start: unknowns (S, EVERY) and rotations of the pelvis (S, 3, 3).

    Yaws around the circle, standing; and seated ones where a thigh is seen short or level.
    """
    postures = [MEAN]
    if _folded(known):
        seated = MEAN.copy()
        for side in SIDES:
            seated[ANGLE[f"hip_forward_{side}"]] = 1.2
            seated[ANGLE[f"knee_{side}"]] = 1.3
        postures.append(seated)
    seen = known[:, 2] > 0.0
    ray = np.linalg.solve(K, np.array([*known[seen, :2].mean(0), 1.0]))
    rolled = rodrigues(np.array([0.0, 0.0, roll_of(known)]))
    upright = camera_rotation(rolled @ FACE_ON, ray)
    starts, roots = [], []
    for angles in postures:
        middle = resting_points(rig, points, angles)[:17][seen].mean(0)
        for yaw in YAWS:
            root = upright @ rodrigues(np.array([0.0, yaw, 0.0]))
            at = ray * distance - root @ middle
            at[2] = max(at[2], 0.2)
            starts.append(unknowns_of(angles, at))
            roots.append(root)
    return np.array(starts), np.array(roots)


def resting_points(rig: Rig, points: Array, angles: Array) -> Array:
    """Points (P, 3) of a posture in the canonical frame, from the pelvis joint."""
    ahead = np.array([0.0, 0.0, 1.0])
    placed: Array = (
        key_points(transforms_of(unknowns_of(angles, ahead), np.eye(3), rig), points) - ahead
    )
    return placed


def _folded(known: Array) -> bool:
    """Whether a thigh is seen clearly shorter than the trunk, or pointing sideways or up."""
    trunk = [
        np.linalg.norm(known[s, :2] - known[h, :2])
        for s, h in ((5, 11), (6, 12))
        if known[s, 2] > 0.0 and known[h, 2] > 0.0
    ]
    down = np.array([-np.sin(roll_of(known)), np.cos(roll_of(known))])
    for hip, knee in ((11, 13), (12, 14)):
        if known[hip, 2] > 0.0 and known[knee, 2] > 0.0:
            drop = float((known[knee, :2] - known[hip, :2]) @ down)
            if not trunk or drop < 0.6 * max(trunk):
                return True
    return False
