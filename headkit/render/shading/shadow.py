"""Shadow of the key light: one map per person, fitted to what the picture shows of that person.

The key light stands far away; a map is a picture that it takes of everything between it and the person,
drawn by the same rasteriser. Penumbras widen with the distance to what casts them (percentage-closer
soft shadows, Fernando 2005).
"""

from __future__ import annotations

from dataclasses import replace
from math import cos, pi, sin, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing import raster
from headkit.render.drawing.mesh import Mesh, bounds
from headkit.render.drawing.noise import hash2
from headkit.render.jit import compiled
from headkit.render.shading.light import KEY
from headkit.render.surface import Material

_FAR: Final = 40.0  # metres from the camera to the light: rays are parallel to 1 degree in a metre
_LARGEST: Final = 320  # texels on an edge of a map
_REACH: Final = 0.35  # metres: how far off blockers are looked for in estimating a penumbra
_TAPS: Final = 9
_TURNS: Final = 64  # of the pattern of taps, so that its grain does not repeat
_WIDEST: Final = 24.0  # texels: radius of the widest filter


def light_frame(light: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(R, t) from the camera frame to that of the key light, which looks along its +z."""
    forward = -light[KEY : KEY + 3]
    side = np.cross(forward, [0.0, 0.0, 1.0] if abs(forward[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    rotation = np.stack([side, np.cross(forward, side), forward])
    return rotation, np.array([0.0, 0.0, _FAR])


def seen_from_light(mesh: Mesh, light: NDArray[np.float64]) -> Mesh:
    """The mesh with its vertices in the key light's frame."""
    rotation, translation = light_frame(light)
    vertices = np.empty_like(mesh.vertices)
    _move(mesh.vertices, rotation, translation, vertices)
    boxes = np.zeros((len(mesh.material), 2, 3))
    for number, box in enumerate(boxes):
        bounds(vertices[mesh.starts[number] : mesh.starts[number + 1]], box)
    return replace(mesh, vertices=vertices, low=boxes[:, 0], high=boxes[:, 1])


@compiled
def _move(
    points: NDArray[np.float32],
    rotation: NDArray[np.float64],
    translation: NDArray[np.float64],
    moved: NDArray[np.float32],
) -> None:
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for axis in range(3):
            turn = rotation[axis]
            moved[i, axis] = turn[0] * x + turn[1] * y + turn[2] * z + translation[axis]


def sunlit(
    mesh: Mesh,
    light: NDArray[np.float64],
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    owners: NDArray[np.int32],
    grain: NDArray[np.int64],
    width: int,
) -> NDArray[np.float32]:
    """(N,) share of the key light that reaches each of N points, 0 to 1.

    points, normals  (N, 3) camera frame
    owners           (N,) whose surface the point is on
    grain            (N,) numbers that turn the pattern of taps; neighbours should differ
    width            of the picture in pixels: the size of a map follows what it serves
    """
    result = np.ones(len(points), np.float32)
    casters = seen_from_light(mesh, light)
    rotation, translation = light_frame(light)
    opaque = np.flatnonzero(mesh.material != Material.LENS)
    for owner in np.flatnonzero(np.bincount(owners)):
        rows = np.flatnonzero(owners == owner)
        own = points if len(rows) == len(points) else points[rows]
        size = int(np.clip(1.15 * sqrt(len(rows)), 40, min(_LARGEST, width)))
        camera, texel = _fit(own, rotation, translation, size)
        face_at, inverse_at = raster.buffers(size, size)
        raster.draw(casters, opaque, camera, face_at, inverse_at)
        depth_at = _depths(inverse_at)
        _sample(
            points, normals, grain, rows, rotation, translation, camera, depth_at, texel,
            float(light[KEY + 6]), result,
        )  # fmt: skip
    return result


def _fit(
    points: NDArray[np.float32],
    rotation: NDArray[np.float64],
    translation: NDArray[np.float64],
    size: int,
) -> tuple[NDArray[np.float64], float]:
    """The light's camera whose size x size picture just holds the points, and metres per texel."""
    seen, box = np.empty_like(points), np.empty((2, 3))
    _move(points, rotation, translation, seen)
    seen[:, :2] /= seen[:, 2:]
    bounds(seen, box)
    low, high = box[0, :2], box[1, :2]
    focal = (size - 9) / max(float((high - low).max()), 1e-4)
    centre = (size - 1) / 2 - focal * (low + high) / 2
    return np.array([focal, focal, centre[0], centre[1]]), _FAR / focal


@compiled
def _sample(
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    grain: NDArray[np.int64],
    rows: NDArray[np.int64],
    rotation: NDArray[np.float64],
    translation: NDArray[np.float64],
    camera: NDArray[np.float64],
    depth_at: NDArray[np.float32],
    texel: float,
    size: float,
    result: NDArray[np.float32],
) -> None:
    """Fill `result` at `rows` from one map; `size` is the light's angular radius."""
    discs = np.empty((_TURNS, _TAPS, 2))
    for number in range(_TURNS):
        for tap in range(_TAPS):
            radius = sqrt((tap + 0.5) / _TAPS)
            angle = 2.399963 * tap + 2.0 * pi * number / _TURNS  # the golden angle: an even disc
            discs[number, tap, 0], discs[number, tap, 1] = radius * cos(angle), radius * sin(angle)
    search = min(_WIDEST, max(2.0, 0.5 * _REACH * size / texel))
    offset = 0.0006 + 1.4 * texel  # off the surface, so that it does not shade itself
    for row in rows:
        away = rotation[2, 0] * normals[row, 0] + rotation[2, 1] * normals[row, 1]
        if away + rotation[2, 2] * normals[row, 2] > 0.4:  # too far round for light to wrap
            result[row] = 0.0
            continue
        x = points[row, 0] + normals[row, 0] * offset
        y = points[row, 1] + normals[row, 1] * offset
        z = points[row, 2] + normals[row, 2] * offset
        u = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z + translation[0]
        v = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z + translation[1]
        w = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z + translation[2]
        slope_u, slope_v = _slopes(rotation, normals[row])
        slope_u *= texel
        slope_v *= texel
        u = u / w * camera[0] + camera[2]
        v = v / w * camera[1] + camera[3]
        disc = int(_TURNS * hash2(grain[row], 77))
        blocked, depth = 0, 0.0
        for tap in range(0, _TAPS, 2):  # spread over the whole disc, too
            du, dv = search * discs[disc, tap, 0], search * discs[disc, tap, 1]
            found = _nearest(depth_at, u + du, v + dv)
            if found < w + du * slope_u + dv * slope_v - texel:
                blocked += 1
                depth += found
        if blocked == 0:
            continue
        spread = min(max((w - depth / blocked) * size / texel, 1.2), search)
        lit = 0
        for tap in range(_TAPS):
            du, dv = spread * discs[disc, tap, 0], spread * discs[disc, tap, 1]
            found = _nearest(depth_at, u + du, v + dv)
            if not found < w + du * slope_u + dv * slope_v - 0.5 * texel:
                lit += 1
        result[row] = lit / _TAPS


@compiled
def _slopes(rotation: NDArray[np.float64], normal: NDArray[np.float32]) -> tuple[float, float]:
    """How fast the depth of the surface's plane grows over the map, metres per metre, at most 2."""
    x = rotation[0, 0] * normal[0] + rotation[0, 1] * normal[1] + rotation[0, 2] * normal[2]
    y = rotation[1, 0] * normal[0] + rotation[1, 1] * normal[1] + rotation[1, 2] * normal[2]
    z = rotation[2, 0] * normal[0] + rotation[2, 1] * normal[1] + rotation[2, 2] * normal[2]
    z = min(z, -0.2)  # a surface that turns away from the light is dark anyway
    return min(max(-x / z, -2.0), 2.0), min(max(-y / z, -2.0), 2.0)


@compiled
def _nearest(depth_at: NDArray[np.float32], u: float, v: float) -> float:
    """Depth of the map at the nearest texel, from the light; infinity where nothing casts."""
    height, width = depth_at.shape
    column, row = int(u + 0.5), int(v + 0.5)
    if column < 0 or row < 0 or column >= width or row >= height:
        return np.inf
    return float(depth_at[row, column])


def _depths(inverse_at: NDArray[np.float64]) -> NDArray[np.float32]:
    """Depths of a map, infinity where nothing casts."""
    with np.errstate(divide="ignore"):
        return (1.0 / inverse_at).astype(np.float32)


@compiled
def smooth(
    lit: NDArray[np.float32],
    pixels: NDArray[np.int64],
    row_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
    owners: NDArray[np.int32],
    result: NDArray[np.float32],
) -> None:
    """Average light over 3 x 3 pixels of the same person and depth: takes out the taps' grain.

    lit, result  (N,) of samples, of which the first are those of pixel centres at `pixels`
    row_at, inverse_at  (2 H + 1, 2 W + 1) row of each sample, and its 1/z
    """
    height, width = row_at.shape[0] // 2, row_at.shape[1] // 2
    for row in range(len(pixels)):
        y, x = pixels[row] // width, pixels[row] % width
        here = inverse_at[2 * y + 1, 2 * x + 1]
        total, weight = 0.0, 0.0
        for j in range(max(0, y - 1), min(height, y + 2)):
            for i in range(max(0, x - 1), min(width, x + 2)):
                other = row_at[2 * j + 1, 2 * i + 1]
                if other < 0 or owners[other] != owners[row]:
                    continue
                if abs(inverse_at[2 * j + 1, 2 * i + 1] - here) < 0.012 * here:
                    total += lit[other]
                    weight += 1.0
        result[row] = total / weight
