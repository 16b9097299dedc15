"""A head model cut down to the vertices that are observed, with as few coefficients as they can tell apart.

Of S shape modes with N(0, 1) coefficients, L points can see at most 3 L directions, and of those only a few move
them by more than a fraction of a millimetre. The singular value decomposition of the modes at the observed vertices
gives those directions in order; since it turns the coefficients orthogonally, they are N(0, 1) again, and the ones
left out are at their mean. What they would have moved is kept as the points' `rest_deviation`.
Named facial actions (0 at rest, 1 at full strength) are not turned, because their limits hold for each by itself.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headkit.head.model import HeadModel

Array = NDArray[Any]

REST_TOLERANCE = 1.5e-4  # metres rms that the modes left out may move a point
LEAST_INFLUENCE = 3e-4  # metres: an action that moves no observed point as far stays at rest
LEAST_JAW_WEIGHT = 1e-3  # a point that turns less with the jaw counts as one of the skull
ALIGNMENT = 8  # columns: rows of the Jacobian then begin at multiples of 64 bytes, wherever a head lies in a batch
POSE_COLUMNS = (
    10  # unknowns beside the coefficients: jaw 3, log focal length 1, rotation 3, translation 3
)

LEAST_SPREAD = 1e-3  # metres

# The jaw turns about x (opens) by up to 16 degrees in speech and laughter, hardly about the others; radians.
JAW_MEAN = (0.03, 0.0, 0.0)
JAW_DEVIATION = (0.12, 0.03, 0.03)
JAW_LOWER = (-0.03, -0.1, -0.1)
JAW_UPPER = (0.5, 0.1, 0.1)
JAW_SLACK = 0.02

# Prior of a named action's coefficient, and how softly it stops at 0 and 1.
ACTION_MEAN = 0.1
ACTION_DEVIATION = 0.25
ACTION_SLACK = 0.1


@dataclass(frozen=True, eq=False)
class RestrictedHead:
    """L points, C active coefficients (shape first, then expression, then idle ones that fill up a row).

    order             (L,) place of each point among those asked for: points that move with the jaw come first
    n_jaw_points      how many of them
    points            (L, 3) of the mean head, canonical frame, metres
    modes             (C, L, 3) metres per coefficient
    mode_axes         three of (L, C): the same by coordinate, in single precision and that of the rest
    spread            (L,) metres: standard deviation of a coordinate over heads of one size, placed alike
    rest_deviation    (L,) metres: standard deviation of a coordinate by the modes left out
    jaw_weights       (L,); jaw_joint (3,); jaw_joint_modes (C, 3)
    pose_modes        (9, L * 3) correctives of the jaw's rotation, or None
    mean, precision   (C,) of the coefficients' Gaussian prior
    lower, upper      (C,) soft limits, infinite where there are none
    shape_lift        (S, C) shape coefficients of active ones; expression_lift (E, C) the same for expression
    """

    order: Tensor
    n_jaw_points: int
    points: Tensor
    modes: Tensor
    mode_axes: dict[torch.dtype, list[Tensor]]
    spread: Tensor
    rest_deviation: Tensor
    jaw_weights: Tensor
    jaw_joint: Tensor
    jaw_joint_modes: Tensor
    pose_modes: Tensor | None
    mean: Tensor
    precision: Tensor
    lower: Tensor
    upper: Tensor
    shape_lift: Tensor
    expression_lift: Tensor

    @property
    def n_points(self) -> int:
        return len(self.points)

    @property
    def n_coefficients(self) -> int:
        return len(self.modes)

    @property
    def n_unknowns(self) -> int:
        return self.n_coefficients + POSE_COLUMNS

    @property
    def has_jaw(self) -> bool:
        return bool(self.n_jaw_points)


def restricted(
    model: HeadModel,
    vertices: Array,
    shape_count: int | None,
    expression_count: int | None,
    device: str,
    dtype: torch.dtype,
) -> RestrictedHead:
    """The part of `model` that `vertices` (L,) see, made once for each set of them.

    shape_count, expression_count: at most so many active modes; None is as many as REST_TOLERANCE asks for.
    """
    return _restricted(
        model,
        tuple(int(v) for v in vertices),
        shape_count,
        expression_count,
        device,
        dtype,
    )


@functools.lru_cache(maxsize=8)
def _restricted(
    model: HeadModel,
    vertices: tuple[int, ...],
    shape_count: int | None,
    expression_count: int | None,
    device: str,
    dtype: torch.dtype,
) -> RestrictedHead:
    asked = np.array(vertices, dtype=np.int64)
    weights = model.jaw_weights[asked]
    order = np.argsort(weights <= LEAST_JAW_WEIGHT, kind="stable")
    ids = asked[order]
    shape = _turned(model.shape_basis[:, ids], shape_count)
    named = bool(model.expression_names)
    choose = _chosen if named else _turned
    expression = choose(model.expression_basis[:, ids], expression_count)
    counts = len(shape.lift), len(expression.lift)
    idle = -(sum(counts) + POSE_COLUMNS) % ALIGNMENT
    size = sum(counts) + idle

    modes = np.zeros((size, len(ids), 3))
    modes[: counts[0]] = shape.modes
    modes[counts[0] : sum(counts)] = expression.modes
    shape_lift = np.zeros((model.n_shape, size))
    shape_lift[:, : counts[0]] = shape.lift.T
    expression_lift = np.zeros((model.n_expression, size))
    expression_lift[:, counts[0] : sum(counts)] = expression.lift.T
    joint = model.jaw_joint_basis.astype(np.float64)
    joint_modes = shape_lift.T @ joint[: model.n_shape] + expression_lift.T @ joint[model.n_shape :]

    mean, precision = np.zeros(size), np.ones(size)
    lower, upper = np.full(size, -np.inf), np.full(size, np.inf)
    if named:
        actions = slice(counts[0], sum(counts))
        mean[actions], precision[actions] = ACTION_MEAN, ACTION_DEVIATION**-2
        lower[actions], upper[actions] = 0.0, 1.0
    rest = shape.rest + (expression.rest * ACTION_DEVIATION**2 if named else expression.rest)

    def tensor(array: Array) -> Tensor:
        return torch.as_tensor(np.array(array, dtype=np.float64), dtype=dtype, device=device)

    pose = model.pose_basis
    axes = [tensor(modes[:, :, axis].T) for axis in range(3)]
    moving = np.where(weights[order] > LEAST_JAW_WEIGHT, weights[order], 0.0)
    return RestrictedHead(
        order=torch.as_tensor(order, device=device),
        n_jaw_points=int((moving > 0).sum()),
        points=tensor(model.template[ids]),
        modes=tensor(modes),
        mode_axes={kind: [axis.to(kind) for axis in axes] for kind in (torch.float32, dtype)},
        spread=tensor(_spread(model, ids, modes / np.sqrt(precision)[:, None, None], moving)),
        rest_deviation=tensor(np.sqrt(rest)),
        jaw_weights=tensor(moving),
        jaw_joint=tensor(model.jaw_joint),
        jaw_joint_modes=tensor(joint_modes),
        pose_modes=None if pose is None else tensor(pose[:, ids].reshape(9, -1)),
        mean=tensor(mean),
        precision=tensor(precision),
        lower=tensor(lower),
        upper=tensor(upper),
        shape_lift=tensor(shape_lift),
        expression_lift=tensor(expression_lift),
    )


def _spread(model: HeadModel, ids: Array, modes: Array, jaw_weights: Array) -> Array:
    """(L,) metres: deviation of points by scaled modes (C, L, 3) and jaw that no turn, shift or growth explains."""
    points = model.template[ids].astype(np.float64)
    opening = np.cross([1.0, 0.0, 0.0], points - model.jaw_joint) * jaw_weights[:, None]
    every = np.concatenate([modes, JAW_DEVIATION[0] * opening[None]])
    axes = np.eye(3)
    alike = [np.broadcast_to(axis, points.shape) for axis in axes]
    alike += [np.cross(axis, points) for axis in axes] + [points]
    basis = np.linalg.qr(np.stack([motion.ravel() for motion in alike], axis=1))[0]
    flat = every.reshape(len(every), -1)
    flat = flat - (flat @ basis) @ basis.T
    return np.sqrt((flat**2).sum(axis=0).reshape(-1, 3).mean(axis=1) + LEAST_SPREAD**2)


@dataclass(frozen=True)
class _Modes:
    """Active modes (C, L, 3), their coefficients in terms of the model's (C, M), and the variance left out (L,)."""

    modes: Array
    lift: Array
    rest: Array


def _turned(basis: Array, count: int | None) -> _Modes:
    """The strongest orthogonal combinations of N(0, 1) modes (M, L, 3)."""
    flat = basis.reshape(len(basis), -1).astype(np.float64)
    left, strength, right = np.linalg.svd(flat, full_matrices=False)
    # Variance of a coordinate, mean over points, that the modes from k on carry.
    tail = np.append(np.cumsum(strength[::-1] ** 2)[::-1], 0.0) / max(flat.shape[1] / 3, 1)
    needed = int(np.argmax(tail <= REST_TOLERANCE**2))
    kept = needed if count is None else min(count, needed)
    rest = (strength[kept:, None] ** 2 * right[kept:] ** 2).sum(axis=0).reshape(-1, 3).mean(axis=1)
    modes = (strength[:kept, None] * right[:kept]).reshape(kept, basis.shape[1], 3)
    return _Modes(modes, left[:, :kept].T, rest)


def _chosen(basis: Array, count: int | None) -> _Modes:
    """The named modes (M, L, 3) that move an observed point, the strongest `count` of them."""
    reach = np.sqrt((basis.astype(np.float64) ** 2).sum(axis=2)).max(axis=1, initial=0.0)
    order = np.argsort(-reach, kind="stable")
    order = order[reach[order] > LEAST_INFLUENCE]
    kept = np.sort(order if count is None else order[:count])
    idle = np.setdiff1d(np.arange(len(basis)), kept)
    rest = (basis[idle].astype(np.float64) ** 2).sum(axis=0).mean(axis=1)
    return _Modes(basis[kept].astype(np.float64), np.eye(len(basis))[kept], rest)
