"""Lifts 2D key points to the 3D pose of a body: Levenberg-Marquardt from several starts. Compiled."""

# ruff: noqa: FBT001 - compiled functions have no keyword-only arguments
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from headkit.render.jit import compiled
from headkit.render.kinematics import UNKNOWNS, Placed, Rig, exponential, move, place, unplaced
from headkit.render.posing_cost import POINTS, beside, prior_cost, project
from headkit.render.skeleton import Array

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
    derive: bool,
    normal: Array,
    gradient: Array,
) -> float:
    """The cost at `unknowns`; with `derive` also the normal equations (lower triangle) and gradient."""
    if derive:
        normal[:] = 0.0
        gradient[:] = 0.0
    place(unknowns, root, rig, placed)
    move(points, rig, placed, moved, change, derive)
    cost = project(goal.keypoints, goal.settings, moved, change, derive, normal, gradient)
    cost += beside(unknowns, goal.settings, goal.head, moved, change, derive, normal, gradient)
    cost += prior_cost(unknowns, goal.settings, goal.prior, derive, normal, gradient)
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
    normal = np.zeros((UNKNOWNS, UNKNOWNS))
    factor = np.zeros((UNKNOWNS, UNKNOWNS))
    gradient = np.zeros(UNKNOWNS)
    step = np.zeros(UNKNOWNS)
    turn = np.zeros((3, 3))
    unused = np.zeros((3, 3))
    damping = 1e-3
    cost = _evaluate(
        unknowns, root, rig, points, goal, placed, moved, change, True, normal, gradient
    )
    for _ in range(rounds):
        if not _solve(normal, damping, gradient, factor, step):
            damping *= 10.0
            continue
        _clamp(step)
        trial = unknowns.copy()
        for i in range(3, UNKNOWNS):
            trial[i] += step[i]
        exponential(step[:3], turn, unused)
        trial_root = np.zeros((3, 3))
        for i in range(3):
            for j in range(3):
                for k in range(3):
                    trial_root[i, j] += turn[i, k] * root[k, j]
        found = _evaluate(
            trial, trial_root, rig, points, goal, placed, moved, change, False, normal, gradient
        )
        if found < cost:
            small = cost - found < 1e-4 * cost
            unknowns[:] = trial
            root[:] = trial_root
            cost = found
            if small:
                break
            damping = max(damping * 0.2, 1e-7)
            _evaluate(
                unknowns, root, rig, points, goal, placed, moved, change, True, normal, gradient
            )
        else:
            if damping > 1e6:
                break
            damping *= 6.0
    return cost


@compiled
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

    starts (S, EVERY) and roots (S, 3, 3) are worked on in place; returns their costs (S,).
    """
    count = starts.shape[0]
    costs = np.empty(count)
    for s in range(count):
        costs[s] = _descend(starts[s], roots[s], rig, points, goal, first)
    order = np.argsort(costs, kind="mergesort")
    for s in order[:kept]:
        costs[s] = _descend(starts[s], roots[s], rig, points, goal, rounds)
    return costs
