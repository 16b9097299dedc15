"""The contour of the face: 17 points that slide over jaw and cheeks as the head turns.

Detectors trained on pictures marked by hand put points 0 to 16 of the iBUG scheme where the face ends in the picture.
On the far side of a turned head that is no fixed place. Each iteration gives such a point the vertex, of those that
lie on the outline of the cheeks and the jaw on its side, that is nearest in the picture, or the fixed vertex of the
jaw where that is nearer still; within the iteration it is held (as iterated closest points are).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headkit.head.jacobian import Views
from headkit.head.model import Array, HeadModel

POINTS = 17
POOL = 160  # vertices that the contour may run through
OUTLINE = 0.25  # cosine between a normal and the way to the camera, up to which a vertex lies on the outline
FIXED_FACING = -0.1  # below this the fixed vertex is hidden behind the head
SLIDING_DEVIATION = 4e-3  # metres: where along the outline a point was marked is a matter of taste
LEAST_ASIDE = 0.012  # metres from the middle plane: vertices between belong to both sides
EYE_CORNERS = [36, 39, 42, 45]


@dataclass(frozen=True, eq=False)
class Contour:
    """Where contour points may lie, for heads restricted to the 68 points followed by `pool`.

    place    (17,) of the contour points among the restricted head's points
    choices  (17 + P,) places of the fixed vertices, then those of the pool
    allowed  (17, 17 + P) bool: its own fixed vertex, and the pool's on its side
    normals  (17 + P, 3) outward, of the mean head
    deviation (L,) metres, of a contour point along and across the outline; 0 for other points
    """

    place: Tensor
    choices: Tensor
    allowed: Tensor
    normals: Tensor
    deviation: Tensor

    def slid(self, views: Views, pixels: Tensor, camera: Tensor, rotation: Tensor) -> Tensor:
        """(B, 17) places of the points that the contour points stand for now.

        pixels (B, L, 2), camera (B, L, 3): where the head's points are, in the picture and before the camera.
        """
        points = camera[:, self.choices]
        way = -points / points.norm(dim=2, keepdim=True)
        facing = ((self.normals @ rotation.transpose(1, 2)) * way).sum(dim=2)
        usable = facing.abs() < OUTLINE
        usable[:, :POINTS] = facing[:, :POINTS] > FIXED_FACING
        seen = views.points[:, self.place]
        apart = torch.cdist(seen, pixels[:, self.choices])
        apart = torch.where(usable[:, None] & self.allowed, apart, torch.inf)
        nearest = apart.min(dim=2)
        own = torch.arange(POINTS, device=pixels.device)
        chosen = torch.where(torch.isfinite(nearest.values), nearest.indices, own)
        return self.choices[chosen]

    def applied(self, views: Views, chosen: Tensor) -> Views:
        """The views with the contour points moved to the places `chosen` (B, 17).

        Several at one place count as one point at their weighted mean.
        """
        precision = views.inverse_deviation[:, self.place] ** 2
        weight = torch.zeros_like(views.inverse_deviation).scatter_add(1, chosen, precision)
        index = chosen[..., None].expand(-1, -1, 2)
        moved = torch.zeros_like(views.points).scatter_add(
            1, index, precision[..., None] * views.points[:, self.place]
        )
        mean = moved / weight.clamp(min=1e-30)[..., None]
        taken = weight > 0
        inverse = views.inverse_deviation.clone()
        inverse[:, self.place] = 0.0
        return Views(
            torch.where(taken[..., None], mean, views.points),
            torch.where(taken, torch.sqrt(weight), inverse),
            views.matrix,
            views.centre,
        )


def contour_pool(model: HeadModel) -> NDArray[np.int32]:
    """(P,) vertices of cheeks and jaw below the eyes, spread evenly; those of the 68 are not among them."""
    template = model.template.astype(np.float64)
    jaw = template[model.landmarks68[:POINTS]]
    eyes = template[model.landmarks68[EYE_CORNERS]]
    normals = vertex_normals(model)
    touching = np.isin(model.faces, model.landmarks68[:POINTS]).any(axis=1)
    skin = np.bincount(model.parts[touching]).argmax()
    on_skin = np.zeros(len(template), dtype=bool)
    on_skin[model.faces[model.parts == skin]] = True
    outward = (normals * (template * [1, 0, 1])).sum(axis=1) > 0
    region = on_skin & outward
    region &= (template[:, 1] < eyes[:, 1].mean()) & (template[:, 1] > jaw[:, 1].min() - 0.01)
    region &= template[:, 2] > jaw[:, 2].min()
    region[model.landmarks68] = False
    ids = np.flatnonzero(region)
    chosen = [int(np.argmax(np.abs(template[ids, 0])))]
    apart = np.full(len(ids), np.inf)
    while len(chosen) < min(POOL, len(ids)):  # farthest first
        apart = np.minimum(apart, np.linalg.norm(template[ids] - template[ids[chosen[-1]]], axis=1))
        chosen.append(int(np.argmax(apart)))
    return np.sort(ids[chosen]).astype(np.int32)


def contour(model: HeadModel, vertices: Array, order: Tensor, dtype: torch.dtype) -> Contour:
    """The contour of a head restricted to `vertices` (68 + P,), the 68 first; `order` as in RestrictedHead."""
    device = order.device
    place = torch.argsort(order)  # of each vertex asked for
    listed = np.concatenate([vertices[:POINTS], vertices[68:]])
    aside = model.template[listed, 0]
    allowed = np.zeros((POINTS, len(listed)), dtype=bool)
    allowed[:8] = aside < LEAST_ASIDE  # the subject's right
    allowed[8] = np.abs(aside) < 3 * LEAST_ASIDE
    allowed[9:] = aside > -LEAST_ASIDE
    allowed[:, :POINTS] = np.eye(POINTS, dtype=bool)
    choices = torch.cat([place[:POINTS], place[68:]])
    deviation = torch.zeros(len(vertices), dtype=dtype, device=device)
    deviation[choices] = SLIDING_DEVIATION
    return Contour(
        place[:POINTS],
        choices,
        torch.as_tensor(allowed, device=device),
        torch.as_tensor(vertex_normals(model)[listed], dtype=dtype, device=device),
        deviation,
    )


def vertex_normals(model: HeadModel) -> NDArray[np.float64]:
    """(V, 3) unit normals of the mean head, outward: those of the faces around, weighted by area."""
    corners = model.template.astype(np.float64)[model.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros(model.template.shape)
    for k in range(3):
        np.add.at(total, model.faces[:, k], across)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
