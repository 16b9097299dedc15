"""How the pixels of a head's points move with its unknowns, in batches.

Unknowns, in this order: C coefficients, jaw (rotation vector, 3), log of the focal length f (1), rotation (left
perturbation, radians, 3), translation (3) as (x / z, y / z, log z) of the head's origin, which leaves depth hardly
correlated with the place in the picture. A step of log f takes the head along, so that it stays where it is in the
picture, as large and seen from the same side: x / z and y / z shrink, z grows, and the head turns with its ray. Only
the perspective changes then, where f and z by themselves make a narrow curved valley. Pose comes last, so that its
marginal covariance is the inverse of the last block of the Cholesky factor.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor

from headkit.head.restricted import RestrictedHead

NEAREST = 0.02  # metres: a point nearer to the camera than this makes a candidate invalid


class Rows:
    """A dataclass of tensors with a common first axis, whose rows can be taken and put back."""

    def take(self, rows: Tensor) -> Self:
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})  # type: ignore[arg-type]

    def put(self, rows: Tensor, other: Self) -> None:
        for f in fields(self):  # type: ignore[arg-type]
            getattr(self, f.name)[rows] = getattr(other, f.name)

    def where(self, mask: Tensor, other: Self) -> Self:
        """These rows where `mask` (B,) holds, and those of `other` elsewhere."""
        chosen: dict[str, Any] = {}
        for f in fields(self):  # type: ignore[arg-type]
            mine = getattr(self, f.name)
            shaped = mask.reshape(-1, *[1] * (mine.ndim - 1))
            chosen[f.name] = torch.where(shaped, mine, getattr(other, f.name))
        return type(self)(**chosen)


@dataclass
class Views(Rows):
    """What was seen. points (B, L, 2) pixels; inverse_deviation (B, L), 0 = left out; matrix (B, 2, 2) and centre (B, 2) of K."""

    points: Tensor
    inverse_deviation: Tensor
    matrix: Tensor
    centre: Tensor


@dataclass
class State(Rows):
    """Unknowns: coefficients (B, C), jaw (B, 3), log_focal (B,), rotation (B, 3, 3), translation (B, 3)."""

    coefficients: Tensor
    jaw: Tensor
    log_focal: Tensor
    rotation: Tensor
    translation: Tensor

    def moved(self, step: Tensor) -> State:
        """The state after a step (B, C + 10) of the unknowns in their order."""
        count = self.coefficients.shape[1]
        parts = torch.split(step, [count, 3, 1, 3, 3], dim=1)
        zoom = parts[2]
        depth = self.translation[:, 2:]
        ray = self.translation[:, :2] / depth
        turn = parts[3] + zoom * self.turn_of_ray()
        ray = ray * torch.exp(-zoom) + parts[4][:, :2]
        growth = torch.exp((parts[4][:, 2:] + zoom).clamp(-0.7, 0.7))
        return State(
            self.coefficients + parts[0],
            self.jaw + parts[1],
            self.log_focal + zoom[:, 0],
            turned(turn) @ self.rotation,
            torch.cat([ray, torch.ones_like(depth)], dim=1) * depth * growth,
        )

    def turn_of_ray(self) -> Tensor:
        """(B, 3) turn of the ray through the head per unit of log f, where the head stays in its place in the picture."""
        x, y = (self.translation[:, :2] / self.translation[:, 2:]).unbind(dim=1)
        square = x * x + y * y + 1
        return torch.stack([y / square, -x / square, torch.zeros_like(x)], dim=1)

    def pose_by_unknowns(self, *, free_focal: bool) -> Tensor:
        """(B, 6, 7) derivative of rotation and translation (metres) by log f, rotation, and the translation's unknowns."""
        out = self.translation.new_zeros((len(self.translation), 6, 7))
        depth = self.translation[:, 2]
        for k in range(3):
            out[:, k, 1 + k] = 1.0
        out[:, 3, 4] = out[:, 4, 5] = depth
        out[:, 3:, 6] = self.translation
        if free_focal:
            out[:, :3, 0] = self.turn_of_ray()
            out[:, 5, 0] = depth
        return out


@dataclass
class Posed:
    """Points on their way to pixels; see `posed` and `seen`.

    arm (B, L, 3) jaw joint to point, turned with the jaw; turned (B, L, 3) R p; camera (B, L, 3) R p + t;
    jaw_turn (B, 3, 3) jaw rotation - 1.
    """

    arm: Tensor
    turned: Tensor
    camera: Tensor
    jaw_turn: Tensor


def posed(head: RestrictedHead, state: State) -> Posed:
    """The head's points in the camera frame (linear blend skinning with one joint, then R p + t)."""
    batch = len(state.coefficients)
    flat = state.coefficients @ head.modes.reshape(head.n_coefficients, -1)
    points = head.points + flat.reshape(batch, -1, 3)
    jaw_turn = turned(state.jaw) - torch.eye(3, dtype=points.dtype, device=points.device)
    if head.pose_modes is not None:
        points = points + (jaw_turn.reshape(batch, 9) @ head.pose_modes).reshape(batch, -1, 3)
    joint = head.jaw_joint + state.coefficients @ head.jaw_joint_modes
    arm = points - joint[:, None]
    moved = arm @ jaw_turn.transpose(1, 2)
    points = points + head.jaw_weights[:, None] * moved
    rotated = points @ state.rotation.transpose(1, 2)
    return Posed(arm + moved, rotated, rotated + state.translation[:, None], jaw_turn)


def seen(views: Views, state: State, camera: Tensor) -> tuple[Tensor, Tensor]:
    """(B, L, 2) pixels relative to the camera's centre, and (B,) whether all points lie in front of it."""
    depth = camera[..., 2:]
    front = (depth > NEAREST).all(dim=2).all(dim=1)
    rays = camera[..., :2] / depth.clamp(min=NEAREST)
    matrix = views.matrix * torch.exp(state.log_focal)[:, None, None]
    return rays @ matrix.transpose(1, 2), front


def jacobian(
    head: RestrictedHead,
    views: Views,
    state: State,
    at: Posed,
    pixels: Tensor,
    weight: Tensor,
    out: Tensor,
    *,
    free_focal: bool,
) -> Tensor:
    """(B, 2 L, C + 10) derivative of pixels by the unknowns, rows times `weight` (B, L), in `out` (B, L, 2, C + 10).

    With D = du/dX, M = 1 + w (R_jaw - 1), modes S of points and J of the joint: du/dc = D R (M S - w (R_jaw - 1) J),
    du/d rotation = -D [R p]x, du/d jaw = -D R w [R_jaw a]x times the left Jacobian of the rotation vector.
    """
    batch, count = len(weight), head.n_coefficients
    depth = at.camera[..., 2]
    rays = at.camera[..., :2] / depth[..., None]
    matrix = views.matrix * torch.exp(state.log_focal)[:, None, None]
    scale = (weight / depth)[..., None, None]
    flat = scale * matrix[:, None]  # (B, L, 2, 2)
    by_point = torch.cat([flat, -(flat @ rays[..., None])], dim=3)  # (B, L, 2, 3)
    by_model = by_point @ state.rotation[:, None]
    jaw_weight = head.jaw_weights[:, None, None]
    by_arm = jaw_weight * (by_model @ at.jaw_turn[:, None])
    by_rest = by_model + by_arm

    part = out[..., :count]
    share = by_rest.to(out.dtype)
    axes = [axis[:, None, :] for axis in head.mode_axes[out.dtype]]
    torch.mul(share[..., 0:1], axes[0], out=part)
    part.addcmul_(share[..., 1:2], axes[1])
    part.addcmul_(share[..., 2:3], axes[2])
    jaw = head.n_jaw_points
    part[:, :jaw] -= (by_arm[:, :jaw] @ head.jaw_joint_modes.T).to(out.dtype)
    by_turn = torch.linalg.cross(at.arm[:, :, None].expand_as(by_model), by_model)
    by_jaw = jaw_weight * by_turn
    if head.pose_modes is not None:
        by_jaw = by_jaw + by_rest @ _corrections(head.pose_modes, at.jaw_turn)
    out[..., count : count + 3] = by_jaw @ _left_jacobian(state.jaw)[:, None]
    by_rotation = torch.linalg.cross(at.turned[:, :, None].expand_as(by_point), by_point)
    out[..., count + 3] = 0.0
    if free_focal:
        by_depth = by_point[..., 2] * state.translation[:, None, None, 2]
        with_ray = (by_rotation @ state.turn_of_ray()[:, None, :, None])[..., 0]
        out[..., count + 3] = weight[..., None] * pixels + by_depth + with_ray
    out[..., count + 4 : count + 7] = by_rotation
    out[..., count + 7 : count + 9] = by_point[..., :2] * state.translation[:, None, None, 2:]
    out[..., count + 9] = (by_point @ state.translation[:, None, :, None])[..., 0]
    return out.reshape(batch, -1, head.n_unknowns)


def _corrections(pose_modes: Tensor, jaw_turn: Tensor) -> Tensor:
    """(B, L, 3, 3) how the pose correctives (9, L * 3) move points by a further turn about the axes (last)."""
    axes = torch.eye(3, dtype=jaw_turn.dtype, device=jaw_turn.device)
    further = _cross_matrix(axes) @ (jaw_turn + axes)[:, None]  # (B, 3, 3, 3)
    moved = further.reshape(-1, 9) @ pose_modes
    return moved.reshape(len(jaw_turn), 3, -1, 3).permute(0, 2, 3, 1)


def turned(vector: Tensor) -> Tensor:
    """(B, 3, 3) rotations of rotation vectors (B, 3), radians (Rodrigues)."""
    angle = vector.norm(dim=1)[:, None, None]
    cross = _cross_matrix(vector)
    first = torch.sinc(angle / torch.pi)
    second = torch.sinc(angle / (2 * torch.pi)) ** 2 / 2
    eye = torch.eye(3, dtype=vector.dtype, device=vector.device)
    return eye + first * cross + second * (cross @ cross)


def _left_jacobian(vector: Tensor) -> Tensor:
    """(B, 3, 3) with exp(v + d) = exp(J d) exp(v) for small d; to third order in v, enough for a jaw."""
    cross = _cross_matrix(vector)
    eye = torch.eye(3, dtype=vector.dtype, device=vector.device)
    square = cross @ cross
    return eye + cross / 2 + square / 6 + cross @ square / 24


def _cross_matrix(vector: Tensor) -> Tensor:
    """(B, 3, 3) matrices M with M u = vector x u."""
    zero = torch.zeros_like(vector[:, 0])
    x, y, z = vector.unbind(dim=1)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)
