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
from headkit.render.attitudes import ATTITUDES, draw_angles
from headkit.render.kinematics import BODY, Rig, rig_of, transforms_of, unknowns_of
from headkit.render.lifting import Goal, lift
from headkit.render.skeleton import (
    ANGLE,
    ANGLES,
    FITTED,
    HIGH,
    INDEX,
    LOW,
    MEAN,
    PRIOR,
    SIDES,
    SIGMA,
    Array,
    build,
    key_points,
    rotation_of,
)

UP = np.array([0.0, -1.0, 0.0])  # against gravity, of a level camera
HANGING = -0.35  # radians: a foot that bears nothing points down
FIRST, KEPT, ROUNDS = 5, 3, 25  # iterations from every start; how many go on; iterations of those


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
    rig = rig_of(skeleton)
    resting = read.resting_points(rig, points, MEAN)
    trunk = float(np.linalg.norm(resting[term.NECK] - resting[term.HIPS]))
    guess, spread = read.guess_distance(known, frame, camera, resting[:17])
    goal = Goal(
        known,
        read.settings_of(known, frame, camera, distance or (guess, spread), trunk, head, up),
        PRIOR,
        read.head_rotation(known, frame, camera, head),
    )
    starts, roots = read.starts_of(rig, points, known, camera, guess)
    costs = lift(starts, roots, rig, points, goal, FIRST, KEPT, ROUNDS)
    best = int(np.argmin(costs))
    return _posed(rig, points, starts[best], roots[best], goal, float(costs[best]), up, rng)


def _posed(
    rig: Rig,
    points: Array,
    unknowns: Array,
    root: Array,
    goal: Goal,
    cost: float,
    up: Array,
    rng: np.random.Generator,
) -> Posed:
    """Draws what no key point shows, sets the feet, and measures what came out."""
    for number in range(FITTED, len(ANGLES)):
        drawn = rng.normal(MEAN[number], 0.5 * SIGMA[number])
        unknowns[BODY + number] = np.clip(drawn, LOW[number], HIGH[number])
    level_feet(rig, unknowns, root, up)
    transforms = transforms_of(unknowns, root, rig)
    joints = key_points(transforms, points[:17])
    deep = np.maximum(joints[:, 2:], term.NEAREST)
    focal, centre = goal.settings[[term.FX, term.FY]], goal.settings[[term.CX, term.CY]]
    apart = focal * joints[:, :2] / deep + centre - goal.keypoints[:, :2]
    error = np.where(goal.keypoints[:, 2] > 0.0, np.hypot(apart[:, 0], apart[:, 1]), np.nan)
    return Posed(transforms, unknowns[BODY:], unknowns[6:BODY], root, joints, error, cost)


def level_feet(rig: Rig, unknowns: Array, root: Array, up: Array) -> None:
    """Sets the ankles so that soles that stand are level and lifted feet hang; in place."""
    ankles = [BODY + ANGLE[f"ankle_{side}"] for side in SIDES]
    feet = [INDEX[f"foot_{side}"] for side in SIDES]
    unknowns[ankles] = 0.0
    transforms = transforms_of(unknowns, root, rig)
    heights = [float((transforms[foot] @ [*rig.joints[foot], 1.0]) @ up) for foot in feet]
    for number, foot, height in zip(ankles, feet, heights, strict=True):
        ahead, above = float(transforms[foot, :, 2] @ up), float(transforms[foot, :, 1] @ up)
        wanted = HANGING
        if above > 0.2 * abs(ahead):  # not lying, nor kneeling with the sole turned up
            level = float(np.arctan2(-ahead, above))
            lifted = np.clip((height - min(heights) - 0.08) / 0.2, 0.0, 1.0)
            wanted = (1.0 - lifted) * level + lifted * 0.5 * (level + HANGING)
        unknowns[number] = np.clip(wanted, LOW[number - BODY], HIGH[number - BODY])


def draw_pose(
    body: Any,
    rest: Any,
    attitude: str,
    rng: np.random.Generator,
    root: Array,
    position: Array,
    *,
    up: Array = UP,
) -> Posed:
    """The body in one of `attitudes.ATTITUDES`, the pelvis turned by `root` (3, 3) at `position` (3,).

    Both take the canonical frame to the camera's; z of `position` is above 0. Nothing is fitted: the
    errors are NaN and the cost 0.
    """
    skeleton = build(np.asarray(rest.joints))
    rig = rig_of(skeleton)
    unknowns = unknowns_of(draw_angles(attitude, rng), np.asarray(position, np.float64))
    if ATTITUDES[attitude].stands:
        root = root @ _balancing(rig, read.body_points(skeleton, body.key_points(rest)), unknowns)
    level_feet(rig, unknowns, root, up)
    transforms = transforms_of(unknowns, root, rig)
    joints = key_points(transforms, body.key_points(rest))
    return Posed(
        transforms, unknowns[BODY:], unknowns[6:BODY], root, joints, np.full(17, np.nan), 0.0
    )


def _balancing(rig: Rig, points: Array, unknowns: Array) -> Array:
    """The turn of the pelvis, nodding only, that brings the middle of the trunk over the feet."""
    placed = read.resting_points(rig, points, unknowns[BODY:])
    feet = (placed[term.LEFT_ANKLE] + placed[term.RIGHT_ANKLE]) / 2.0
    _, rise, ahead = (placed[term.NECK] + placed[term.HIPS]) / 2.0 - feet
    return rotation_of(np.array([-np.arctan2(ahead, rise), 0.0, 0.0]))
