"""Where the search begins: rotation and place of the mean head that fit the observed points best.

A scaled orthographic camera has a closed solution (POS, DeMenthon and Davis 1995), made robust here by
reweighting; a few Gauss-Newton steps then bring in perspective. Heads with few points, or that are badly
explained, are tried from several yaws as well. All in the frame of the ray through the points' middle, with K taken out.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from headkit.head.jacobian import turned

HUBER = 2.0  # standard deviations beyond which a point's pull stays the same
SURE_SHARE = 0.6  # of the points: where fewer lie near, other yaws are tried
NEAR = 4.5  # standard deviations within which a point belongs to the head, for all that is known of its shape
RAYLEIGH_MEDIAN = 1.1774  # of the distance of two Gaussian coordinates
YAWS = (0, 60, 120, 180, 240, 300)
REWEIGHTINGS = 4
STEPS = 5
MANY_STEPS = 8
LEAST_POINTS_OF_POS = 6


class RigidStart:
    """The rigid problem of B heads. Solutions are rotation (B, 3, 3), translation (B, 3) and mean cost of a point (B,)."""

    def __init__(
        self, points: Tensor, spread: Tensor, rays: Tensor, inverse_deviation: Tensor
    ) -> None:
        """points (L, 3) of the mean head and their spread (L,) over heads, metres.

        rays (B, L, 2) = K^-1 u; inverse_deviation (B, L) of rays, 0 = left out.
        """
        self.points = points
        used = inverse_deviation > 0
        middle = torch.where(used[..., None], rays, torch.nan).nanmedian(dim=1).values
        middle = torch.nan_to_num(middle)
        self.view = _to_axis(middle)  # (B, 3, 3) camera frame to view frame
        lifted = torch.cat([rays, torch.ones_like(rays[..., :1])], dim=2) @ self.view.transpose(
            1, 2
        )
        ahead = lifted[..., 2] > 0.1
        self.rays = lifted[..., :2] / lifted[..., 2:].clamp(min=0.1)
        used = used & ahead
        self.count = used.sum(dim=1)
        radius = torch.where(used, self.rays.norm(dim=2), torch.nan).nanmedian(dim=1).values
        radius = torch.nan_to_num(radius, nan=1.0).clamp(min=1e-6)
        # Half of the model's points lie within this distance from the middle, seen from any side.
        span = (points - points.median(dim=0).values)[:, :2].norm(dim=1).median()
        self.depth = span / radius
        unknown = spread / self.depth[:, None]
        inverse = 1 / torch.sqrt(unknown**2 + (1 / inverse_deviation.clamp(min=1e-30)) ** 2)
        self.inverse = torch.where(used, inverse, torch.zeros_like(inverse))

    def solve(self) -> tuple[Tensor, Tensor, Tensor]:
        """Rotation (B, 3, 3), translation (B, 3) and mean cost per point (B,) from the closed solution, refined."""
        rotation, translation = self._closed()
        return self._refined(rotation, translation, STEPS)

    def search(self) -> tuple[Tensor, Tensor, Tensor]:
        """The same from every yaw, the best kept."""
        best: tuple[Tensor, Tensor, Tensor] | None = None
        middle = self.points.mean(dim=0)
        for yaw in YAWS:
            angle = math.radians(yaw)
            start = self.points.new_tensor(
                [
                    [math.cos(angle), 0.0, math.sin(angle)],
                    [0.0, -1.0, 0.0],
                    [math.sin(angle), 0.0, -math.cos(angle)],
                ]
            )
            rotation = start.expand(len(self.rays), 3, 3)
            axis = self.rays.new_tensor([0.0, 0.0, 1.0])
            translation = self.depth[:, None] * axis - start @ middle
            found = self._refined(rotation, translation, MANY_STEPS)
            best = found if best is None else _better(best, found)
        assert best is not None
        return best

    def with_start(
        self, rotation: Tensor, translation: Tensor, other: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The better one of `other` and what a given start of the view frame leads to."""
        usable = torch.isfinite(rotation).all(dim=2).all(dim=1) & torch.isfinite(translation).all(
            dim=1
        )
        usable = usable & (translation[:, 2] > 0)
        rotation = torch.where(usable[:, None, None], rotation, other[0])
        translation = torch.where(usable[:, None], translation, other[1])
        refined = self._refined(rotation, translation, STEPS)
        cost = torch.where(usable, refined[2], torch.inf)
        return _better(other, (refined[0], refined[1], cost))

    def near(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """(B, L) whether points lie where a head at that place may have them, or are not there at all."""
        camera = self.points @ rotation.transpose(1, 2) + translation[:, None]
        error = camera[..., :2] / camera[..., 2:].clamp(min=0.02) - self.rays
        distance = error.norm(dim=2) * self.inverse
        used = self.inverse > 0
        scale = (_median(distance, used) / RAYLEIGH_MEDIAN).clamp(min=1.0)
        return ~used | (distance < NEAR * scale[:, None])

    def to_camera(self, rotation: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
        """Rotation and translation of the view frame in the camera frame."""
        back = self.view.transpose(1, 2)
        return back @ rotation, (back @ translation[..., None])[..., 0]

    def to_view(self, rotation: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
        """The inverse of `to_camera`."""
        return self.view @ rotation, (self.view @ translation[..., None])[..., 0]

    def _closed(self) -> tuple[Tensor, Tensor]:
        """Robust POS: rays = M p + b by least squares, M made two rows of a scaled rotation."""
        design = torch.cat([self.points, torch.ones_like(self.points[:, :1])], dim=1)
        weight = self.inverse**2
        solution = self.rays.new_zeros((len(self.rays), 4, 2))
        for _ in range(REWEIGHTINGS):
            weighted = weight[..., None] * design
            normal = weighted.transpose(1, 2) @ design
            ridge = 1e-8 * normal.diagonal(dim1=1, dim2=2).sum(dim=1) + 1e-12
            normal = normal + ridge[:, None, None] * torch.eye(
                4, dtype=normal.dtype, device=normal.device
            )
            factor = torch.linalg.cholesky_ex(normal).L
            solution = torch.cholesky_solve(weighted.transpose(1, 2) @ self.rays, factor)
            distance = (design @ solution - self.rays).norm(dim=2) * self.inverse
            scale = (_median(distance, self.inverse > 0) / RAYLEIGH_MEDIAN).clamp(min=1.0)
            weight = self.inverse**2 / (1 + (distance / (HUBER * scale[:, None])) ** 2)
        affine, offset = solution[:, :3].transpose(1, 2), solution[:, 3]
        first, second = affine.unbind(dim=1)
        # Nearest matrix with orthogonal rows of one length: the polar factor of a 2 x 2 Gram matrix in closed form.
        a, b, d = (first * first).sum(1), (first * second).sum(1), (second * second).sum(1)
        root = torch.sqrt((a * d - b * b).clamp(min=1e-24))
        trace = torch.sqrt(a + d + 2 * root)
        first, second = (
            ((d + root) / (root * trace))[:, None] * first - (b / (root * trace))[:, None] * second,
            ((a + root) / (root * trace))[:, None] * second - (b / (root * trace))[:, None] * first,
        )
        rotation = torch.stack([first, second, torch.linalg.cross(first, second)], dim=1)
        fine = torch.isfinite(rotation).all(dim=2).all(dim=1)
        frontal = torch.diag(rotation.new_tensor([1.0, -1.0, -1.0])).expand_as(rotation)
        rotation = torch.where(fine[:, None, None], _orthonormal(rotation), frontal)
        scale = 0.5 * trace
        depth = 1 / scale.clamp(min=1e-6)
        depth = torch.where(fine & torch.isfinite(depth), depth, self.depth)
        depth = torch.minimum(torch.maximum(depth, self.depth / 3), self.depth * 3)
        offset = torch.nan_to_num(offset)
        return rotation, torch.cat([offset * depth[:, None], depth[:, None]], dim=1)

    def _refined(
        self, rotation: Tensor, translation: Tensor, steps: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Gauss-Newton steps of the six unknowns, damped where one makes things worse."""
        damping = torch.full_like(self.depth, 1e-3)
        cost, system = self._linearised(rotation, translation)
        eye = torch.eye(6, dtype=rotation.dtype, device=rotation.device)
        for _ in range(steps):
            normal, gradient = system
            diagonal = normal.diagonal(dim1=1, dim2=2)
            damped = normal + torch.diag_embed(damping[:, None] * diagonal) + 1e-9 * eye
            factor, info = torch.linalg.cholesky_ex(damped)
            step = -torch.cholesky_solve(gradient[..., None], factor)[..., 0]
            step = torch.where((info == 0)[:, None], step, torch.zeros_like(step))
            step = torch.nan_to_num(step)
            # A turn of more than 0.6 radians leaves the region where the linear model holds.
            long = (step[:, :3].norm(dim=1) / 0.6).clamp(min=1.0)
            step = step / long[:, None]
            depth = translation[:, 2:]
            ray = torch.cat(
                [translation[:, :2] / depth + step[:, 3:5], torch.ones_like(depth)], dim=1
            )
            new_rotation = turned(step[:, :3]) @ rotation
            new_translation = ray * depth * torch.exp(step[:, 5:].clamp(-0.7, 0.7))
            new_cost, new_system = self._linearised(new_rotation, new_translation)
            better = new_cost <= cost
            cost = torch.where(better, new_cost, cost)
            rotation = torch.where(better[:, None, None], new_rotation, rotation)
            translation = torch.where(better[:, None], new_translation, translation)
            system = (
                torch.where(better[:, None, None], new_system[0], system[0]),
                torch.where(better[:, None], new_system[1], system[1]),
            )
            damping = torch.where(better, damping * 0.1, damping * 10)
        return rotation, translation, cost

    def _linearised(
        self, rotation: Tensor, translation: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Mean Huber cost per point (B,), and the normal equations (B, 6, 6), (B, 6)."""
        arm = self.points @ rotation.transpose(1, 2)
        x, y, z = (arm + translation[:, None]).unbind(dim=2)
        front = (z > 0.02) | (self.inverse == 0)
        inverse = 1 / z.clamp(min=0.02)
        u, v = x * inverse, y * inverse
        error = torch.stack([u, v], dim=2) - self.rays
        distance = error.norm(dim=2) * self.inverse
        near = distance.clamp(max=HUBER)
        cost = (near * (2 * distance - near)).sum(dim=1) / self.count.clamp(min=1)
        cost = torch.where(front.all(dim=1), cost, torch.full_like(cost, torch.inf))
        weight = torch.sqrt(near / distance.clamp(min=1e-12)) * self.inverse
        weight = torch.where(distance > 1e-12, weight, self.inverse)
        ax, ay, az = arm.unbind(dim=2)
        tx, ty, tz = (translation[:, None, k] for k in range(3))
        zero = torch.zeros_like(u)
        # du = (dX - u dZ) / Z with dX = d x a for a turn d
        rows = torch.stack(
            [
                torch.stack([-u * ay, az + u * ax, -ay, tz + zero, zero, tx - u * tz], dim=2),
                torch.stack([-az - v * ay, v * ax, ax, zero, tz + zero, ty - v * tz], dim=2),
            ],
            dim=3,
        )  # (B, L, 6, 2)
        rows = rows * (weight * inverse)[..., None, None]
        flat = rows.permute(0, 2, 1, 3).reshape(len(rows), 6, -1)
        residual = (error * weight[..., None]).reshape(len(rows), -1, 1)
        return cost, (flat @ flat.transpose(1, 2), (flat @ residual)[..., 0])


def _better(
    first: tuple[Tensor, Tensor, Tensor], second: tuple[Tensor, Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Head by head the one with the lower cost."""
    take = second[2] < first[2]
    return (
        torch.where(take[:, None, None], second[0], first[0]),
        torch.where(take[:, None], second[1], first[1]),
        torch.where(take, second[2], first[2]),
    )


def _median(values: Tensor, mask: Tensor) -> Tensor:
    """(B,) lower median of the masked values (B, L), 0 where there are none."""
    ordered = torch.where(mask, values, torch.inf).sort(dim=1).values
    place = ((mask.sum(dim=1) - 1) // 2).clamp(min=0)
    found = ordered.gather(1, place[:, None])[:, 0]
    return torch.where(torch.isfinite(found), found, torch.zeros_like(found))


def _orthonormal(rotation: Tensor) -> Tensor:
    """Rotations whose rows are made exactly orthonormal (Gram-Schmidt)."""
    first = rotation[:, 0] / rotation[:, 0].norm(dim=1, keepdim=True).clamp(min=1e-12)
    second = rotation[:, 1] - (rotation[:, 1] * first).sum(dim=1, keepdim=True) * first
    second = second / second.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=1)


def _to_axis(ray: Tensor) -> Tensor:
    """(B, 3, 3) smallest rotations that take the directions (x, y, 1) of (B, 2) to the optical axis."""
    x, y = ray.unbind(dim=1)
    length = torch.sqrt(x * x + y * y + 1)
    axis = torch.stack([y, -x, torch.zeros_like(x)], dim=1) / length[:, None]
    sine = axis.norm(dim=1)
    angle = torch.atan2(sine, 1 / length)
    return turned(axis * (angle / sine.clamp(min=1e-12))[:, None])
