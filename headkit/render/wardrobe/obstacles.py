"""What long hair rests on: points of the clothed body, sorted so that the nearest is found fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled
from headkit.render.wardrobe.tailoring import Floats, Ints


@dataclass(frozen=True)
class Obstacles:
    """Points of the clothed body with outward normals, sorted into cells of a grid for fast search."""

    points: Floats
    normals: Floats
    starts: Ints
    corner: Floats
    shape: tuple[int, int, int]
    cell: float


NO_OBSTACLES = Obstacles(
    np.zeros((0, 3), np.float32),
    np.zeros((0, 3), np.float32),
    np.zeros(2, np.int32),
    np.zeros(3, np.float32),
    (0, 0, 0),
    1.0,
)


def sort_obstacles(points: Floats, normals: Floats, cell: float) -> Obstacles:
    """Points (N, 3) and their normals by cell, x-major."""
    if len(points) == 0:
        return NO_OBSTACLES
    corner = points.min(axis=0)
    index = np.floor((points - corner) / cell).astype(np.int64)
    shape = index.max(axis=0) + 1
    key = (index[:, 0] * shape[1] + index[:, 1]) * shape[2] + index[:, 2]
    order = np.argsort(key, kind="stable")
    starts = np.searchsorted(key[order], np.arange(int(np.prod(shape)) + 1)).astype(np.int32)
    x, y, z = (int(n) for n in shape)
    return Obstacles(
        np.ascontiguousarray(points[order]),
        np.ascontiguousarray(normals[order]),
        starts,
        corner.astype(np.float32),
        (x, y, z),
        cell,
    )


@compiled
def nearest(
    points: Floats,
    starts: Ints,
    corner: Floats,
    nx: int,
    ny: int,
    nz: int,
    cell: float,
    p: NDArray[Any],
) -> int:
    """The id of the obstacle nearest to p within about one cell, else -1."""
    cx = int(np.floor((p[0] - corner[0]) / cell))
    cy = int(np.floor((p[1] - corner[1]) / cell))
    cz = int(np.floor((p[2] - corner[2]) / cell))
    best, found = cell * cell, -1
    for i in range(max(cx - 1, 0), min(cx + 2, nx)):
        for j in range(max(cy - 1, 0), min(cy + 2, ny)):
            for k in range(max(cz - 1, 0), min(cz + 2, nz)):
                key = (i * ny + j) * nz + k
                for n in range(starts[key], starts[key + 1]):
                    dx = p[0] - points[n, 0]
                    dy = p[1] - points[n, 1]
                    dz = p[2] - points[n, 2]
                    distance = dx * dx + dy * dy + dz * dz
                    if distance < best:
                        best, found = distance, n
    return found
