"""Poses a body so that its joints project onto 2D key points, lifted to 3D plausibly.

What 2D key points leave open is decided by priors, each with its reason where it is defined: joint
ranges and resting angles (`skeleton`), an upright trunk, level feet, faces that look where the flags of
nose, eyes and ears say (`posing_cost`, `pose_starts`). Depth flips of a limb cannot be told from 2D, only
made plausible; labels stay exact, since they come from what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headkit.head.rotation import rodrigues, rotation_vector
from headkit.render.pose import pose_starts as read
from headkit.render.pose import posing_cost as term
from headkit.render.pose.attitudes import ATTITUDES, draw_angles
from headkit.render.pose.coco import checked
from headkit.render.pose.gravity import LEVEL
from headkit.render.pose.kinematics import BODY, Rig, rig_of, transforms_of, unknowns_of
from headkit.render.pose.lifting import Goal, lift
from headkit.render.pose.rigging import build
from headkit.render.pose.skeleton import (
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
    key_points,
)

NECK_GIVES = 0.25  # radians that the head may turn beyond where the fit left it
PINNED = 0.004  # spread of the logarithm of a distance that is decided
EQUAL = 0.05  # of the cost: says nothing about which pose is right
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
    up              (3,) unit, against gravity: as given, or as the people of the picture suggest
    error_px        (17,) distance of each projected point from its key point; NaN where unknown
    cost            in squared standard deviations
    """

    bone_transforms: Array
    angles: Array
    lengths: Array
    rotation: Array
    joints: Array
    up: Array
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
    up: Array = LEVEL,
) -> Posed:
    """The pose of `body` at `rest` whose joints project onto `keypoints`.

    keypoints (17, 3) x, y, confidence in COCO order, pixels; confidence 0 is unknown. `box` [x1, y1,
    x2, y2] of the person, or None. `head` asks for yaw, pitch, roll in degrees, relative to the ray
    through the head. `up` is the direction against gravity in the camera frame. `rng` draws only
    posture that no key point shows. ValueError where no key point is known or a number is not finite.
    """
    problem = posing_problem(body, rest, keypoints, box, K, head, up)
    return finished(problem, solved(problem), rng)


@dataclass(frozen=True, eq=False)
class Problem:
    """One body and what it is fitted to."""

    rest: Any
    rig: Rig
    points: Array  # (POINTS, B, 4)
    known: Array  # (17, 3) x, y, square root of the confidence; 0 is unknown
    goal: Goal
    camera: Array  # K
    head: dict[str, float] | None
    guess: float  # metres, from the lengths of what is seen

    @property
    def up(self) -> Array:
        """Against gravity, camera frame, unit."""
        return self.goal.settings[term.UP_X : term.UP_Z + 1]

    def with_goal(self, **changed: Array) -> Problem:
        """The same with parts of its goal replaced."""
        return replace(self, goal=self.goal._replace(**changed))


@dataclass(frozen=True, eq=False)
class Solution:
    """Where a descent ended: the unknowns of `kinematics`, the pelvis rotation, and the cost."""

    unknowns: Array
    root: Array
    cost: float


def posing_problem(
    body: Any,
    rest: Any,
    keypoints: Any,
    box: Any,
    K: Array,
    head: dict[str, float] | None,
    up: Array,
) -> Problem:
    """What `fit_pose` solves; its arguments, checked and read."""
    camera = np.asarray(K, np.float64)
    known = checked(keypoints)
    frame = read.extent(known, box, camera)
    skeleton = build(np.asarray(rest.joints))
    points = read.body_points(skeleton, body.key_points(rest))
    rig = rig_of(skeleton)
    resting = read.resting_points(rig, points, MEAN)
    trunk = float(np.linalg.norm(resting[term.NECK] - resting[term.HIPS]))
    distance = read.guess_distance(known, frame, camera, resting[:17])
    skull = float(np.linalg.norm(resting[3] - resting[4])) / 0.155
    settings = read.settings_of(known, frame, camera, distance, trunk, skull, head, up)
    goal = Goal(
        read.weighted(known, frame), settings, PRIOR, read.head_rotation(known, frame, camera, head)
    )
    return Problem(rest, rig, points, known, goal, camera, head, distance[0])


def solved(problem: Problem) -> Solution:
    """The best of several descents; of nearly equal ones, that which began facing the camera most."""
    starts, roots = read.starts_of(
        problem.rig, problem.points, problem.known, problem.camera, problem.guess
    )
    costs = lift(starts, roots, problem.rig, problem.points, problem.goal, FIRST, KEPT, ROUNDS)
    best = int(np.flatnonzero(costs <= costs.min() + EQUAL)[0])
    found = Solution(starts[best], roots[best], float(costs[best]))
    prior = _prior_of_hidden_legs(problem, found)
    if prior is None:
        return found
    return _descended(problem.with_goal(prior=prior), found.unknowns, found.root)


def _prior_of_hidden_legs(problem: Problem, found: Solution) -> Array | None:
    """The prior with what nobody sees of one leg expected as the other one has it; None where that is nothing.

    Who sits, sits on both. A thigh is hidden without knee and ankle, a shin without its ankle.
    """
    seen = problem.known[:, 2] > 0.0
    prior = problem.goal.prior.copy()
    changed = False
    for side, other, knee, ankle, other_ankle in (
        ("left", "right", 13, 15, 16),
        ("right", "left", 14, 16, 15),
    ):
        if seen[ankle] or not seen[other_ankle]:
            continue
        changed = True
        names = ("knee",) if seen[knee] else ("knee", "hip_forward", "hip_out", "hip_twist")
        for name in names:
            number = ANGLE[f"{name}_{side}"]
            expected = found.unknowns[BODY + ANGLE[f"{name}_{other}"]]
            prior[number] = (
                np.clip(expected, LOW[number], HIGH[number]),
                1.0 / 0.25,
                *PRIOR[number, 2:4],
                10.0,
            )
    return prior if changed else None


def _descended(problem: Problem, unknowns: Array, root: Array) -> Solution:
    """The end of one descent from there."""
    starts, roots = unknowns[None].copy(), root[None].copy()
    cost = lift(starts, roots, problem.rig, problem.points, problem.goal, ROUNDS, 0, 0)
    return Solution(starts[0], roots[0], float(cost[0]))


def again(
    problem: Problem, found: Solution, *, up: Array, distance: float | None = None
) -> tuple[Problem, Solution]:
    """`found`, descended again under another `up`, or with the pelvis pinned at `distance` metres."""
    settings = problem.goal.settings.copy()
    settings[term.UP_X : term.UP_Z + 1] = up
    unknowns = found.unknowns.copy()
    if distance is not None:
        unknowns[5] = np.log(distance)
        settings[term.DEPTH], settings[term.DEPTH_WEIGHT] = np.log(distance), 1.0 / PINNED
    prior = _prior_of_hidden_legs(problem, found)
    changed = problem.with_goal(
        settings=settings, prior=problem.goal.prior if prior is None else prior
    )
    return changed, _descended(changed, unknowns, found.root)


def finished(problem: Problem, found: Solution, rng: np.random.Generator) -> Posed:
    """The body as `found`: draws what no key point shows, sets feet and head, measures the errors."""
    unknowns = found.unknowns.copy()
    for number in range(FITTED, len(ANGLES)):
        drawn = rng.normal(MEAN[number], 0.5 * SIGMA[number])
        unknowns[BODY + number] = np.clip(drawn, LOW[number], HIGH[number])
    level_feet(problem.rig, unknowns, found.root, problem.up)
    transforms = transforms_of(unknowns, found.root, problem.rig)
    if problem.head is not None:
        _turn_head(transforms[INDEX["head"]], problem)
    joints = key_points(transforms, problem.points[:17])
    pixels = joints @ problem.camera.T
    pixels = pixels[:, :2] / np.maximum(pixels[:, 2:], term.NEAREST)
    known = problem.known
    error = np.linalg.norm(pixels - known[:, :2], axis=1)
    error[known[:, 2] <= 0.0] = np.nan
    return Posed(
        transforms,
        unknowns[BODY:],
        unknowns[6:BODY],
        found.root,
        joints,
        problem.up.copy(),
        error,
        found.cost,
    )


def _turn_head(transform: Array, problem: Problem) -> None:
    """Turns the head bone about its joint to the very angles asked for, where the neck came close; in place."""
    assert problem.head is not None
    joint = problem.rig.joints[INDEX["head"]]
    pivot = transform[:, :3] @ joint + transform[:, 3]
    for _ in range(3):  # the turn moves the head's origin, and with it the ray that angles refer to
        origin = transform[:, :3] @ problem.rest.head_translation + transform[:, 3]
        wanted = read.asked_rotation(problem.head, origin)
        missing = rotation_vector(wanted @ transform[:, :3].T)
        most = min(1.0, NECK_GIVES / max(float(np.linalg.norm(missing)), 1e-9))
        transform[:, :3] = rodrigues(most * missing) @ transform[:, :3]
        transform[:, 3] = pivot - transform[:, :3] @ joint


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
    up: Array = LEVEL,
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
    unknown = np.full(17, np.nan)
    angles, lengths = unknowns[BODY:], unknowns[6:BODY]
    return Posed(transforms, angles, lengths, root, joints, up, unknown, 0.0)


def _balancing(rig: Rig, points: Array, unknowns: Array) -> Array:
    """The turn of the pelvis, nodding only, that brings the middle of the trunk over the feet."""
    placed = read.resting_points(rig, points, unknowns[BODY:])
    feet = (placed[term.LEFT_ANKLE] + placed[term.RIGHT_ANKLE]) / 2.0
    _, rise, ahead = (placed[term.NECK] + placed[term.HIPS]) / 2.0 - feet
    return rodrigues(np.array([-np.arctan2(ahead, rise), 0.0, 0.0]))
