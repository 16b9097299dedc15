"""Poses several people before one camera: on one ground, in a depth order that fits, not in each other.

A person alone may stand at any distance that limb lengths allow, some eight percent either way, since
scaling a body about the camera moves no pixel. That freedom is spent here: first on a common ground,
then on keeping people apart. Shifts go along the ray, and every shifted body is fitted again, so that
its joints stay on their key points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headkit.render.pose import posing_cost as term
from headkit.render.pose.gravity import LEVEL, likely_up
from headkit.render.pose.kinematics import transforms_of
from headkit.render.pose.posing import (
    Posed,
    Problem,
    Solution,
    again,
    finished,
    posing_problem,
    solved,
)
from headkit.render.pose.skeleton import Array, key_points

NEARER, FARTHER = 0.92, 1.1  # factors of distance that limb lengths can take up
GROUND_SPREAD = 0.25  # of the camera's height over feet: beyond, people do not share a floor
STEP = 0.01
PITCHED = 3  # times that the camera's pitch is estimated
SLACK = 0.03  # metres that flesh may give

# The body as spheres: (from, to, radius at a trunk of half a metre, spheres). Points as in posing_cost.
_HEAD_TOP = term.POINTS  # made here: the middle of the skull
_LIMBS = (
    (_HEAD_TOP, _HEAD_TOP, 0.115, 1),
    (term.NECK, term.HIPS, 0.125, 5),
    (5, 6, 0.085, 3),
    (11, 12, 0.11, 2),
    *((a, b, 0.055, 4) for a, b in ((5, 7), (6, 8), (7, 9), (8, 10))),
    *((a, b, 0.075, 5) for a, b in ((11, 13), (12, 14))),
    *((a, b, 0.055, 4) for a, b in ((13, 15), (14, 16))),
)


@dataclass(frozen=True, eq=False)
class Person:
    """One of the people of a picture; see `posing.fit_pose` for what each field means."""

    rest: Any
    keypoints: Any
    box: Any
    rng: np.random.Generator
    head: dict[str, float] | None = None


@dataclass(eq=False)
class _Placed:
    """A person fitted alone, and by which factor the distance is to change."""

    problem: Problem
    found: Solution
    points: Array  # (POINTS + 1, 3) camera frame, at factor 1
    factor: float = 1.0

    @property
    def spheres(self) -> tuple[Array, Array]:
        """Centres (S, 3), moved by the factor, and radii (S,)."""
        size = float(self.problem.goal.settings[term.TRUNK]) / 0.5
        centres, radii = [], []
        for start, end, radius, count in _LIMBS:
            along = (np.arange(count)[:, None] + 0.5) / count
            centres.append(self.points[start] * (1.0 - along) + self.points[end] * along)
            radii.append(np.full(count, radius * size))
        return np.concatenate(centres) * self.factor, np.concatenate(radii)


def fit_people(
    body: Any, people: Sequence[Person], K: Array, *, up: Array | None = None
) -> list[Posed]:
    """Poses everybody in one picture; ValueError begins with the number of the person that cannot be.

    `up`, the direction against gravity in the camera frame, is estimated from the people where it is
    None; each `Posed` has it.
    """
    placed = []
    for number, person in enumerate(people):
        try:
            problem = posing_problem(
                body, person.rest, person.keypoints, person.box, K, person.head, LEVEL
            )
        except ValueError as error:
            raise ValueError(f"person {number}: {error}") from None
        placed.append(_placed(problem, solved(problem)))
    if not placed:
        return []
    # Bodies lifted for a level camera hide some of its pitch: ask again once they are not.
    for _ in range(1 if up is not None else PITCHED):
        new = _likely_up(placed) if up is None else up / np.linalg.norm(up)
        if np.allclose(new, placed[0].problem.up):
            break
        placed = [_placed(*again(one.problem, one.found, up=new)) for one in placed]
    _share_ground(placed)
    _keep_apart(placed)
    posed = []
    for person, one in zip(people, placed, strict=True):
        problem, found = one.problem, one.found
        if abs(one.factor - 1.0) > 0.003:
            distance = float(np.exp(found.unknowns[5]) * one.factor)
            problem, found = again(problem, found, up=problem.up, distance=distance)
        posed.append(finished(problem, found, person.rng))
    return posed


def _likely_up(placed: list[_Placed]) -> Array:
    trunks = np.array([one.points[term.NECK] - one.points[term.HIPS] for one in placed])
    feet = [one.points[[15, 16]] for one in placed if _stands(one)]
    lowest = [pair[np.argmax(pair[:, 1])] for pair in feet]
    return likely_up(trunks, np.array(lowest).reshape(-1, 3))


def _placed(problem: Problem, found: Solution) -> _Placed:
    points = key_points(transforms_of(found.unknowns, found.root, problem.rig), problem.points)
    size = float(problem.goal.settings[term.TRUNK]) / 0.5
    upward, ahead = points[[term.HEAD_UP, term.HEAD_FRONT]] - points[term.HEAD_CENTRE]
    skull = points[term.HEAD_CENTRE] + size * (0.07 * upward + 0.03 * ahead)
    return _Placed(problem, found, np.concatenate([points, skull[None]]))


def _share_ground(placed: list[_Placed]) -> None:
    """Moves people who stand to where their feet are at one height under the camera, if they nearly are."""
    standing = [one for one in placed if _stands(one)]
    if len(standing) < 2:
        return
    below = np.array([max(-(one.points[[15, 16]] @ one.problem.up)) for one in standing])
    if below.min() < 0.3:  # feet near the horizon say nothing about distance
        return
    height = float(np.median(below))
    for one, drop in zip(standing, below, strict=True):
        if abs(np.log(height / drop)) < GROUND_SPREAD:
            one.factor = float(np.clip(height / drop, NEARER, FARTHER))


def _stands(one: _Placed) -> bool:
    """An ankle is seen, and the trunk is clearly higher than the feet."""
    known = one.problem.known
    up = one.problem.up
    rise = (one.points[term.HIPS] - one.points[[15, 16]].mean(0)) @ up
    return bool(known[[15, 16], 2].any() and rise > 0.9 * one.problem.goal.settings[term.TRUNK])


def _keep_apart(placed: list[_Placed]) -> None:
    """Moves people along their rays, the farther back and then the nearer forward, until none touch."""
    for _ in range(3):
        moved = False
        order = sorted(range(len(placed)), key=lambda n: _depth(placed[n]))
        for rank, i in enumerate(order):
            for j in order[rank + 1 :]:
                near, far = placed[i], placed[j]
                if _hides(far, near) > _hides(near, far) + 1:  # the flags say otherwise
                    near, far = far, near
                moved |= _separate(near, far)
        if not moved:
            return


def _separate(near: _Placed, far: _Placed) -> bool:
    """Moves the farther one back, then the nearer one forward; whether anybody moved.

    Where that does not suffice from the common ground, it is tried from where they stood alone: two
    people may stand at different heights, but not in each other. What then still touches is an embrace.
    """
    if not _touch(near, far):
        return False
    if not _pull(near, far) and near.factor * far.factor != 1.0:
        near.factor = far.factor = 1.0
        if _depth(near) > _depth(far):
            near, far = far, near
        _pull(near, far)
    return True


def _pull(near: _Placed, far: _Placed) -> bool:
    """Increases the distance between two until they do not touch; False where limb lengths forbid it."""
    while _touch(near, far):
        if far.factor * (1.0 + STEP) <= FARTHER:
            far.factor *= 1.0 + STEP
        elif near.factor * (1.0 - STEP) >= NEARER:
            near.factor *= 1.0 - STEP
        else:
            return False
    return True


def _depth(one: _Placed) -> float:
    return float(one.points[[term.NECK, term.HIPS], 2].mean() * one.factor)


def _touch(a: _Placed, b: _Placed) -> bool:
    centres_a, radii_a = a.spheres
    centres_b, radii_b = b.spheres
    apart = np.linalg.norm(centres_a[:, None] - centres_b[None], axis=2)
    return bool((apart < radii_a[:, None] + radii_b[None] - SLACK).any())


def _hides(front: _Placed, back: _Placed) -> int:
    """How many points that are not seen of `back` lie within the outline of `front`."""
    unseen = back.problem.known[:, 2] < 0.9
    unseen[:5] = False  # of a face, mostly hidden by the head itself
    centres, radii = front.spheres
    ahead = centres[:, 2] > term.NEAREST  # of the camera
    centres, radii = centres[ahead], radii[ahead]
    points = back.points[:17][unseen & (back.points[:17, 2] > term.NEAREST)]
    seen_at = points[:, :2] / points[:, 2:]
    outline = centres[:, :2] / centres[:, 2:]
    apart = np.linalg.norm(seen_at[:, None] - outline[None], axis=2)
    return int((apart < radii / centres[:, 2]).any(1).sum())
