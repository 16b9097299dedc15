"""Lifts 2D key points to the 3D pose of a body: Levenberg-Marquardt from several starts. Compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from headkit.render.jit import compiled
from headkit.render.pose.clearance import clear
from headkit.render.pose.kinematics import (
    UNKNOWNS,
    Placed,
    Rig,
    copy,
    exponential,
    move,
    place,
    product,
    unplaced,
)
from headkit.render.pose.posing_cost import POINTS, beside, prior_cost, project
from headkit.render.pose.skeleton import Array

STEP = 0.6  # radians: the longest step of one angle in one iteration


class Goal(NamedTuple):
    """What one body is fitted to: see `posing_cost` for the settings and the prior."""

    keypoints: Array  # (17, 3) x, y in pixels, weight (0: unknown)
    settings: Array  # (SETTINGS,)
    prior: Array  # (FITTED, 5) skeleton.PRIOR
    head: Array  # (3, 3) rotation wanted of the head, camera frame


@compiled
def _solve(normal: Array, damping: float, gradient: Array, factor: Array, step: Array) -> bool:
    """Sets step to -(normal + damping diag(normal))^-1 gradient by Cholesky; False where it is not definite."""
    size = UNKNOWNS
    for i in range(size):
        for j in range(i + 1):
            total = normal[i, j]
            if i == j:
                total += damping * normal[i, i] + 1e-9
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                if total <= 0.0:
                    return False
                factor[i, i] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    for i in range(size):
        total = -gradient[i]
        for k in range(i):
            total -= factor[i, k] * step[k]
        step[i] = total / factor[i, i]
    for i in range(size - 1, -1, -1):
        total = step[i]
        for k in range(i + 1, size):
            total -= factor[k, i] * step[k]
        step[i] = total / factor[i, i]
    return True


@compiled
def _evaluate(
    unknowns: Array,
    root: Array,
    rig: Rig,
    points: Array,
    goal: Goal,
    placed: Placed,
    moved: Array,
    change: Array,
    normal: Array,
    gradient: Array,
) -> float:
    """The cost at `unknowns`; sets the normal equations (lower triangle) and the gradient."""
    normal[:] = 0.0
    gradient[:] = 0.0
    place(unknowns, root, rig, placed)
    move(points, rig, placed, moved, change)
    cost = project(goal.keypoints, goal.settings, moved, change, normal, gradient)
    cost += beside(unknowns, root, goal.settings, goal.head, moved, change, normal, gradient)
    cost += clear(goal.settings, moved, change, normal, gradient)
    cost += prior_cost(unknowns, goal.settings, goal.prior, normal, gradient)
    return cost


@compiled
def _clamp(step: Array) -> None:
    """Shortens a step so that no angle, and not the distance, jumps over its valley."""
    longest = 0.0
    for i in range(UNKNOWNS):
        longest = max(longest, abs(step[i]))
    if longest > STEP:
        for i in range(UNKNOWNS):
            step[i] *= STEP / longest


@compiled
def _descend(
    unknowns: Array, root: Array, rig: Rig, points: Array, goal: Goal, rounds: int
) -> float:
    """Levenberg-Marquardt in place, at most `rounds` solved systems; returns the cost."""
    placed = unplaced(rig)
    moved = np.zeros((POINTS, 3))
    change = np.zeros((POINTS, 3, UNKNOWNS))
    normal, trial_normal = np.zeros((UNKNOWNS, UNKNOWNS)), np.zeros((UNKNOWNS, UNKNOWNS))
    gradient, trial_gradient = np.zeros(UNKNOWNS), np.zeros(UNKNOWNS)
    factor = np.zeros((UNKNOWNS, UNKNOWNS))
    step = np.zeros(UNKNOWNS)
    turn, trial_root, unused = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    trial = unknowns.copy()
    damping = 1e-3
    cost = np.inf
    # Round 0 evaluates the start; its step is 0.
    for number in range(rounds + 1):
        if number > 0:
            if not _solve(normal, damping, gradient, factor, step):
                damping *= 10.0
                continue
            _clamp(step)
        for i in range(3, UNKNOWNS):
            trial[i] = unknowns[i] + step[i]
        exponential(step, turn, unused)
        product(turn, root, trial_root)
        found = _evaluate(
            trial,
            trial_root,
            rig,
            points,
            goal,
            placed,
            moved,
            change,
            trial_normal,
            trial_gradient,
        )
        if found < cost:
            small = cost - found < 1e-4 * cost
            for i in range(3, UNKNOWNS):
                unknowns[i] = trial[i]
            copy(trial_root, root)
            normal, trial_normal = trial_normal, normal
            gradient, trial_gradient = trial_gradient, gradient
            cost = found
            if small:
                break
            damping = max(damping * 0.2, 1e-7)
        else:
            if damping > 1e6:
                break
            damping *= 6.0
    return cost


def lift(
    starts: Array,
    roots: Array,
    rig: Rig,
    points: Array,
    goal: Goal,
    first: int,
    kept: int,
    rounds: int,
) -> Array:
    """Descends from every start for `first` rounds, then from the `kept` cheapest for `rounds` more.

    starts (S, EVERY) and roots (S, 3, 3) are worked on in place; returns their costs (S,). Not
    compiled: the compiler would optimise all that it calls once more.
    """
    costs = np.array(
        [
            _descend(start, root, rig, points, goal, first)
            for start, root in zip(starts, roots, strict=True)
        ]
    )
    for best in np.argsort(costs, kind="stable")[:kept]:
        costs[best] = _descend(starts[best], roots[best], rig, points, goal, rounds)
    return costs
