"""Poses a body so that its joints project onto 2D key points, lifted to 3D plausibly.

What 2D key points leave open is decided by priors, each with its reason where it is defined: joint
ranges and resting angles (`skeleton`), an upright trunk, level feet, faces that look where the flags of
nose, eyes and ears say (`posing_cost`, `pose_starts`). Depth flips of a limb cannot be told from 2D, only
made plausible; labels stay exact, since they come from what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headkit.render import pose_starts as read
from headkit.render import posing_cost as term
from headkit.render.kinematics import BODY, rig_of
from headkit.render.lifting import Goal, lift
from headkit.render.skeleton import (
    ANGLE,
    ANGLES,
    FITTED,
    HIGH,
    INDEX,
    LOW,
    MEAN,
    SIDES,
    SIGMA,
    Array,
    Skeleton,
    build,
    key_points,
)

UP = np.array([0.0, -1.0, 0.0])  # against gravity, of a level camera
FIRST, KEPT, ROUNDS = 6, 3, 40  # iterations from every start; how many go on; iterations of those


@dataclass(frozen=True)
class Posed:
    """A posed body in the camera frame (x right, y down, z forward), metres.

    bone_transforms (B, 3, 4) from rest to camera, limb lengths included; the head bone is rigid
    angles          (len(ANGLES),) radians, of `skeleton.ANGLES`
    lengths         (3,) logarithms, of `skeleton.LENGTHS`
    rotation        (3, 3) of the pelvis, canonical to camera
    joints          (17, 3) the COCO points
    error_px        (17,) distance of each projected point from its key point; NaN where unknown
    cost            in squared standard deviations
    """

    bone_transforms: Array
    angles: Array
    lengths: Array
    rotation: Array
    joints: Array
    error_px: Array
    cost: float


def fit_pose(
    body: Any,
    rest: Any,
    keypoints: Any,
    box: Any,
    K: Array,
    width: int,
    height: int,
    rng: np.random.Generator,
    head: dict[str, float] | None = None,
    *,
    up: Array = UP,
    distance: tuple[float, float] | None = None,
) -> Posed:
    """The pose of `body` at `rest` whose joints project onto `keypoints`.

    keypoints (17, 3) x, y, confidence in COCO order, pixels; confidence 0 is unknown. `box` [x1, y1,
    x2, y2] of the person, or None. `head` asks for yaw, pitch, roll in degrees, relative to the ray
    through the head. `up` is the direction against gravity in the camera frame; `distance` (metres of
    the pelvis, spread of its logarithm) asks for a place along the ray. `rng` draws only posture that
    no key point shows. ValueError where no key point is known or a number is not finite.
    """
    known = read.checked(keypoints)
    frame = read.extent(known, box)
    camera = np.asarray(K, np.float64)
    skeleton = build(np.asarray(rest.joints))
    points = read.body_points(skeleton, body.key_points(rest))
    resting = key_points(skeleton.place(MEAN, np.eye(3), np.zeros(3)), points)
    trunk = float(np.linalg.norm(resting[term.NECK] - resting[term.HIPS]))
    guess, spread = read.guess_distance(known, frame, camera, resting[:17])
    goal = Goal(
        known,
        read.settings_of(
            known, frame, camera, distance or (guess, spread), trunk, head is not None, up
        ),
        np.stack([MEAN, 1.0 / SIGMA, LOW, HIGH], 1)[:FITTED],
        read.head_rotation(known, frame, camera, head),
    )
    starts, roots = read.starts_of(skeleton, points, known, camera, guess)
    costs = lift(starts, roots, rig_of(skeleton), points, goal, FIRST, KEPT, ROUNDS)
    best = int(np.argmin(costs))
    return _posed(skeleton, points, starts[best], roots[best], goal, float(costs[best]), up, rng)


def _posed(
    skeleton: Skeleton,
    points: Array,
    unknowns: Array,
    root: Array,
    goal: Goal,
    cost: float,
    up: Array,
    rng: np.random.Generator,
) -> Posed:
    angles = unknowns[BODY:].copy()
    for number in range(FITTED, len(ANGLES)):
        drawn = rng.normal(MEAN[number], 0.5 * SIGMA[number])
        angles[number] = np.clip(drawn, LOW[number], HIGH[number])
    lengths = unknowns[6:BODY].copy()
    depth = np.exp(unknowns[5])
    at = np.array([depth * unknowns[3], depth * unknowns[4], depth])
    rotation, _ = np.linalg.qr(root)  # rounds off what hundreds of products left
    rotation = rotation * np.sign(np.sum(rotation * root, 0))
    level_feet(skeleton, angles, rotation, up)
    transforms = skeleton.place(angles, rotation, at, lengths)
    joints = key_points(transforms, points[:17])
    deep = np.maximum(joints[:, 2], term.NEAREST)
    focal, centre = goal.settings[: term.FY + 1], goal.settings[term.CX : term.CY + 1]
    error = np.linalg.norm(
        focal * joints[:, :2] / deep[:, None] + centre - goal.keypoints[:, :2], axis=1
    )
    error[goal.keypoints[:, 2] <= 0.0] = np.nan
    return Posed(transforms, angles, lengths, rotation, joints, error, cost)


def level_feet(skeleton: Skeleton, angles: Array, rotation: Array, up: Array) -> None:
    """Sets the ankles so that soles that stand are level and lifted feet hang; in place."""
    for side in SIDES:
        angles[ANGLE[f"ankle_{side}"]] = 0.0
    transforms = skeleton.place(angles, rotation, np.zeros(3))
    heels = {
        side: float(
            transforms[INDEX[f"foot_{side}"]] @ [*skeleton.joints[INDEX[f"foot_{side}"]], 1.0] @ up
        )
        for side in SIDES
    }
    lowest = min(heels.values())
    for side in SIDES:
        foot = transforms[INDEX[f"foot_{side}"], :, :3]
        ahead, above = float(foot[:, 2] @ up), float(foot[:, 1] @ up)
        number = ANGLE[f"ankle_{side}"]
        hanging = -0.35
        if above > 0.2:
            level = float(np.arctan2(-ahead, above))
            lifted = np.clip((heels[side] - lowest - 0.08) / 0.2, 0.0, 1.0)
            wanted = (1.0 - lifted) * level + lifted * (0.5 * level + 0.5 * hanging)
        else:  # lying, or the sole turned up
            wanted = hanging
        angles[number] = np.clip(wanted, LOW[number], HIGH[number])
