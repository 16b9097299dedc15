"""What long hair rests on: points of the clothed body, sorted so that the nearest is found fast."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import lean
from headkit.render.wardrobe.tailoring import Floats, Ints, unit

_UP = (-0.14, 0.14)  # metres along the neck from its base that the wrap spans
_LEVELS, _AROUND = 57, 36
# metres from the neck's axis, to the sides and behind: collar, hood and upper back, not the arms
_WIDEST = (0.125, 0.15)
_LEAN = 0.9  # how fast hair moves out ahead of what it has to pass, per metre of height


@dataclass(frozen=True)
class Wrap:
    """How far collar, hood and back reach out from the neck's axis, rest frame of the head, metres.

    axes    (3, 3) rows: subject's left, up along the neck, front; all about `base` (3,)
    radius  (levels, around) of the outermost cloth, 0 where there is none
    """

    base: Floats
    axes: Floats
    radius: Floats


NO_WRAP = Wrap(np.zeros(3, np.float32), np.eye(3, dtype=np.float32), np.zeros((0, 1), np.float32))


@dataclass(frozen=True)
class Obstacles:
    """Points of the clothed body with outward normals, sorted into cells of a grid for fast search."""

    points: Floats
    normals: Floats
    starts: Ints
    corner: Floats
    shape: tuple[int, int, int]
    cell: float
    wrap: Wrap = field(default=NO_WRAP)


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


def wrapped(obstacles: Obstacles, base: Floats, up: Floats) -> Obstacles:
    """The obstacles with their wrap about the neck, whose base and direction are given.

    Between a collar and the neck the nearest point is as often the neck's as the collar's: there hair
    would slip inside and come out below. The wrap knows only what lies outermost.
    """
    front = unit((np.array([0, 0, 1], np.float32) - up[2] * up)[None].astype(np.float32))[0]
    axes = np.stack([np.cross(up, front), up, front]).astype(np.float32)
    x, y, z = ((obstacles.points - base) @ axes.T).T
    left, _, ahead = (obstacles.normals @ axes.T).T
    distance = np.hypot(x, z)
    facing = (left * x + ahead * z) / np.maximum(distance, 1e-6)
    behind = np.clip(-z / np.maximum(distance, 1e-6), 0.0, 1.0) ** 2
    widest = _WIDEST[0] + (_WIDEST[1] - _WIDEST[0]) * behind
    near = (distance < widest) & (y > _UP[0]) & (y < _UP[1])
    kept = near & (np.abs(facing) > 0.7)
    # The inside of a collar, too, pushes outwards: hair lies over it.
    outer = np.where((near & (facing < 0.0))[:, None], -obstacles.normals, obstacles.normals)
    level = ((y[kept] - _UP[0]) / (_UP[1] - _UP[0]) * (_LEVELS - 1)).astype(np.int64)
    turn = (np.arctan2(x[kept], z[kept]) / (2 * np.pi) * _AROUND).astype(np.int64) % _AROUND
    radius = np.zeros((_LEVELS, _AROUND), np.float32)
    np.maximum.at(radius, (level, turn), distance[kept])
    radius = np.maximum(radius, np.maximum(np.roll(radius, 1, axis=1), np.roll(radius, -1, axis=1)))
    step = np.float32(_LEAN * (_UP[1] - _UP[0]) / (_LEVELS - 1))
    for k in range(1, _LEVELS):
        radius[k] = np.maximum(radius[k], radius[k - 1] - step)
    radius = 0.5 * radius + 0.25 * (np.roll(radius, 1, axis=1) + np.roll(radius, -1, axis=1))
    wrap = Wrap(base, axes, radius.astype(np.float32))
    return replace(obstacles, normals=outer.astype(np.float32), wrap=wrap)


@lean
def wrap_radius(radius: Floats, x: float, y: float, z: float) -> float:
    """The wrap's radius at a place in the neck's axes (between turns linearly), 0 outside."""
    levels, around = radius.shape
    level = (y - _UP[0]) / (_UP[1] - _UP[0]) * (_LEVELS - 1)
    if not 0.0 <= level < levels - 1:
        return 0.0
    turn = np.arctan2(x, z) / (2 * np.pi) * around
    if turn < 0.0:
        turn += around
    i, j = int(level), int(turn)
    u, v = level - i, turn - j
    j = j % around
    k = (j + 1) % around
    lower = radius[i, j] * (1 - v) + radius[i, k] * v
    upper = radius[i + 1, j] * (1 - v) + radius[i + 1, k] * v
    return float(lower * (1 - u) + upper * u)


@lean
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
