"""Stick figures of people who stand, walk, sit and gesture: 17 COCO key points each, many at once.

A prior for `pose-sample`, not a simulation: angles come from a few kinds of posture with normal
variation. Body frame: +x the subject's left, +y up, +z where the trunk faces, metres, lowest ankle at
its height over the floor y = 0. Numpy only; every array has one row per person, P rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Stature in metres by age (WHO growth standards to 19 years, medians of both sexes; then shrinking).
_AGES = np.array([0, 1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 60, 90], float)
_STATURE = np.array([0.5, 0.75, 0.87, 1.03, 1.16, 1.28, 1.39, 1.5, 1.62, 1.7, 1.73, 1.71, 1.66])
_HEAD = np.array(
    [0.13, 0.17, 0.185, 0.2, 0.207, 0.212, 0.216, 0.22, 0.224, 0.226, 0.228, 0.228, 0.226]
)

# Points of the head in heights of a head (chin to crown), from the pivot below the skull: nose, left and
# right eye, left and right ear; and the middle of the head.
FACE = np.array(
    [
        [0, 0.08, 0.52],
        [0.137, 0.255, 0.42],
        [-0.137, 0.255, 0.42],
        [0.335, 0.18, 0],
        [-0.335, 0.18, 0],
    ]
)
CENTER = np.array([0.0, 0.22, 0.1])

# Segment lengths in statures between COCO key points rather than joints, as measured on the baked human
# (a test compares them): where they differ, every body that is posed to them shrugs or stretches.
_HALF_SHOULDERS, _HALF_HIPS, _TRUNK = 0.095, 0.056, 0.288
_UPPER_ARM, _FOREARM, _THIGH, _SHIN, _ANKLE = 0.158, 0.144, 0.228, 0.232, 0.056
_NECK = (0.0, 0.098, 0.019)  # from between the shoulders to the head's pivot

# Leg postures: share, then mean and sigma in degrees of hip flexion, hip abduction, knee flexion, and of
# the trunk's bend forward. Walking swings the legs in opposite directions.
_LEGS = {
    "standing": (0.52, (2, 4), (4, 3), (4, 4), (3, 5)),
    "walking": (0.2, (18, 6), (2, 2), (10, 6), (5, 4)),
    "sitting": (0.17, (86, 8), (11, 8), (84, 14), (6, 10)),
    "crouching": (0.04, (112, 10), (16, 8), (126, 9), (34, 9)),
    "bending": (0.07, (6, 6), (7, 4), (12, 10), (38, 14)),
}
LEG_KINDS = tuple(_LEGS)
# Arm postures: share, then mean and sigma of shoulder flexion, abduction, elbow flexion, and the turn
# inward of the plane in which the elbow bends.
_ARMS = {
    "hanging": (0.34, (3, 8), (9, 4), (15, 10), (20, 15)),
    "on hip": (0.09, (-14, 7), (40, 6), (92, 8), (62, 9)),
    "in front": (0.14, (20, 7), (9, 5), (95, 9), (68, 9)),
    "holding": (0.17, (16, 10), (11, 6), (84, 16), (18, 14)),
    "gesturing": (0.13, (30, 18), (26, 12), (76, 24), (0, 22)),
    "raised": (0.06, (148, 15), (25, 12), (28, 18), (25, 25)),
    "at the face": (0.07, (46, 10), (20, 7), (134, 7), (34, 9)),
}
UPRIGHT = 0.52  # the share of standing: a first uniform below it makes a person stand
NORMALS = 30  # numbers that one person takes
UNIFORMS = 8


@dataclass(frozen=True)
class Figures:
    """P people in their body frames, still without heads: FACE goes on the pivot, turned and scaled.

    points    (P, 17, 3) COCO order, the first five unset
    pivot     (P, 3) where the head sits on the neck
    head      (P,) head height, chin to crown, metres
    stature   (P,) metres
    kind      (P,) index into LEG_KINDS
    """

    points: Array
    pivot: Array
    head: Array
    stature: Array
    kind: NDArray[np.int64]


def stature(age: Array, male: NDArray[np.bool_], deviation: Array) -> Array:
    """Metres; `deviation` in sigmas of 4 percent."""
    grown = np.clip((age - 12) / 6, 0, 1)
    sex = np.where(male, 1 + 0.02 * grown, 1 - 0.05 * grown)
    return np.asarray(
        np.interp(age, _AGES, _STATURE) * sex * (1 + 0.04 * np.clip(deviation, -2.5, 2.5))
    )


def figures(age: Array, male: NDArray[np.bool_], normals: Array, uniforms: Array) -> Figures:
    """People of the given ages (years) and sexes.

    normals (P, NORMALS) standard normal, uniforms (P, UNIFORMS) in 0..1: what makes each their own.
    """
    height = stature(age, male, normals[:, 0])
    head = np.interp(age, _AGES, _HEAD) * (1 + 0.03 * np.clip(normals[:, 1], -2, 2))
    broad = height * np.where(male & (age > 15), 1.05, 0.97)
    kind = _choose(np.array([row[0] for row in _LEGS.values()]), uniforms[:, 0])
    legs = np.array([row[1:] for row in _LEGS.values()], float)[kind]  # (P, 4, 2)
    points = np.zeros((len(age), 17, 3))

    bend = legs[:, 3, 0] + legs[:, 3, 1] * normals[:, 2]
    trunk = _tilt(np.radians(bend), np.radians(3.5 * normals[:, 3]))
    twist = np.radians(8 * normals[:, 4])
    chest = trunk @ _turn(twist)
    up = trunk[:, :, 1]
    shoulders = (_TRUNK * height)[:, None] * up
    for side, sign in ((0, 1.0), (1, -1.0)):
        points[:, 11 + side] = sign * (_HALF_HIPS * height)[:, None] * np.array([1.0, 0, 0])
        points[:, 5 + side] = shoulders + sign * (_HALF_SHOULDERS * broad)[:, None] * chest[:, :, 0]
        points[:, 5 + side, 1] += 0.008 * height * normals[:, 5 + side]
    _place_legs(points, height, kind, legs, normals, uniforms)
    _place_arms(points, height, chest, normals, uniforms)

    pivot = shoulders + np.einsum("pij,j->pi", trunk, np.array(_NECK)) * height[:, None]
    lift = _ANKLE * height - points[:, 15:17, 1].min(axis=1)
    points[:, :, 1] += lift[:, None]
    pivot[:, 1] += lift
    return Figures(points, pivot, head, height, kind)


def _choose(shares: Array, uniform: Array) -> NDArray[np.int64]:
    edges = np.cumsum(shares / shares.sum())[:-1]
    return np.searchsorted(edges, uniform, side="right")


def _tilt(forward: Array, sideways: Array) -> Array:
    """(P, 3, 3): bent forward about +x, then to the side about +z."""
    c, s = np.cos(forward), np.sin(forward)
    d, t = np.cos(sideways), np.sin(sideways)
    zero = np.zeros_like(c)
    rows = [[d, -t * c, t * s], [t, d * c, -d * s], [zero, s, c]]
    return np.moveaxis(np.array(rows), -1, 0)


def _turn(angle: Array) -> Array:
    """(P, 3, 3): about +y, the nose to the subject's left above 0."""
    c, s = np.cos(angle), np.sin(angle)
    zero, one = np.zeros_like(c), np.ones_like(c)
    return np.moveaxis(np.array([[c, zero, s], [zero, one, zero], [-s, zero, c]]), -1, 0)


def _place_legs(
    points: Array,
    height: Array,
    kind: NDArray[np.int64],
    legs: Array,
    normals: Array,
    uniforms: Array,
) -> None:
    walking = kind == LEG_KINDS.index("walking")
    first = np.where(uniforms[:, 1] < 0.5, 1.0, -1.0)
    for side, sign in ((0, 1.0), (1, -1.0)):
        flexion = legs[:, 0, 0] + legs[:, 0, 1] * normals[:, 7 + side]
        knee = legs[:, 2, 0] + legs[:, 2, 1] * normals[:, 9 + side]
        forward = first * sign > 0
        flexion = np.where(walking & ~forward, -0.8 * flexion, flexion)
        knee = np.where(walking & ~forward, knee + 14, knee)
        out = legs[:, 1, 0] + legs[:, 1, 1] * normals[:, 11 + side]
        f, b, k = np.radians(flexion), np.radians(out), np.radians(np.clip(knee, 1, 140))
        thigh = np.stack([sign * np.sin(b), -np.cos(b) * np.cos(f), np.cos(b) * np.sin(f)], -1)
        g = f - k
        shin = np.stack([sign * np.sin(b) * 0.6, -np.cos(g), np.sin(g)], -1)
        shin /= np.linalg.norm(shin, axis=1, keepdims=True)
        points[:, 13 + side] = points[:, 11 + side] + (_THIGH * height)[:, None] * thigh
        points[:, 15 + side] = points[:, 13 + side] + (_SHIN * height)[:, None] * shin


def _place_arms(
    points: Array, height: Array, chest: Array, normals: Array, uniforms: Array
) -> None:
    shares = np.array([row[0] for row in _ARMS.values()])
    table = np.array([row[1:] for row in _ARMS.values()], float)
    left = _choose(shares, uniforms[:, 2])
    same = uniforms[:, 3] < 0.55  # both arms do the same more often than chance has it
    right = np.where(same, left, _choose(shares, uniforms[:, 4]))
    for side, sign, kind in ((0, 1.0, left), (1, -1.0, right)):
        row, base = table[kind], 13 + 5 * side
        angles = np.radians(
            row[:, :, 0] + row[:, :, 1] * np.clip(normals[:, base : base + 4], -2.2, 2.2)
        )
        f, b, e, t = angles.T
        e = np.clip(e, 0.05, 2.5)
        upper = np.stack([sign * np.sin(b), -np.cos(b) * np.cos(f), np.cos(b) * np.sin(f)], -1)
        plane = np.stack([-sign * np.sin(t), 0.15 * np.ones_like(t), np.cos(t)], -1)
        plane -= (plane * upper).sum(1, keepdims=True) * upper
        plane /= np.linalg.norm(plane, axis=1, keepdims=True)
        fore = np.cos(e)[:, None] * upper + np.sin(e)[:, None] * plane
        elbow = (_UPPER_ARM * height)[:, None] * np.einsum("pij,pj->pi", chest, upper)
        wrist = (_FOREARM * height)[:, None] * np.einsum("pij,pj->pi", chest, fore)
        points[:, 7 + side] = points[:, 5 + side] + elbow
        points[:, 9 + side] = points[:, 7 + side] + wrist
