"""Outlines rounded off: edges of triangles halved, the new corners on a curved surface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled, lean
from headkit.render.surface import Surface
from headkit.render.wardrobe.tailoring import Floats, Ints, unit

_BULGE = 0.75  # share of the way from the flat triangle to the tangent planes
_MOST = 0.13  # of an edge's length that its middle moves: that of an arc of 60 degrees; what turns more is a fold


def rounded_off(surface: Surface, chosen: NDArray[np.bool_]) -> Surface:
    """The surface with the edges within its `chosen` faces (F,) halved (Phong tessellation, Boubekeur and Alexa 2008).

    Edges to other faces stay whole, so that no gap opens there. A surface with strands is not for this.
    """
    return _halved(surface, chosen, np.ones(len(surface.vertices), np.bool_))


def rounded_outline(surface: Surface) -> Surface:
    """The surface (camera frame) with the edges halved along which it turns away from the camera."""
    near = np.zeros(len(surface.vertices), np.bool_)
    chosen = np.zeros(len(surface.faces), np.bool_)
    _mark_outline(surface.vertices, surface.faces, near, chosen)
    return _halved(surface, chosen, near)


@compiled
def _mark_outline(
    vertices: Floats, faces: Ints, near: NDArray[np.bool_], chosen: NDArray[np.bool_]
) -> None:
    """Mark vertices (V,) where triangles that face the camera meet others, and faces (F,) with an edge of two such."""
    sides = np.zeros(len(vertices), np.uint8)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        away = x * vertices[a, 0] + y * vertices[a, 1] + z * vertices[a, 2] > 0.0
        side = np.uint8(1) if away else np.uint8(2)
        for k in range(3):
            sides[faces[f, k]] |= side
    for v in range(len(vertices)):
        near[v] = sides[v] == 3
    for f in range(len(faces)):
        total = int(near[faces[f, 0]]) + int(near[faces[f, 1]]) + int(near[faces[f, 2]])
        chosen[f] = total >= 2


def _halved(surface: Surface, chosen: NDArray[np.bool_], near: NDArray[np.bool_]) -> Surface:
    """The surface with the edges halved that two `chosen` faces (F,) share and whose ends are both `near` (V,)."""
    cut = surface.faces[chosen]
    middles, ends = np.empty_like(cut), np.empty((3 * len(cut), 2), np.int32)
    ends = ends[: _number_middles(cut, near, len(surface.vertices), middles, ends)]
    if not len(ends):
        return surface
    halves, origin = np.empty((4 * len(cut), 3), np.int32), np.empty(4 * len(cut), np.int32)
    count = _divide(cut, middles, halves, origin)
    parts = surface.parts
    return replace(
        surface,
        vertices=np.concatenate([surface.vertices, _bulged(surface, ends)]),
        normals=_with_middles(surface.normals, ends, unit),
        faces=np.concatenate([surface.faces[~chosen], halves[:count]]),
        parts=np.concatenate([parts[~chosen], parts[chosen][origin[:count]]]),
        rest=_with_middles(surface.rest, ends),
        occlusion=_with_middles(surface.occlusion, ends),
        color=None if surface.color is None else _with_middles(surface.color, ends),
        uv=None if surface.uv is None else _with_middles(surface.uv, ends),
    )


@compiled
def _number_middles(
    faces: Ints, near: NDArray[np.bool_], first: int, middles: Ints, ends: Ints
) -> int:
    """Number the edges to halve from `first` on: in `middles` (F, 3) of the sides 01, 12, 20, -1 where whole.

    Fills `ends` (3F, 2); returns how many there are.
    """
    size = 16
    while size < 6 * len(faces):
        size *= 2
    low, high = np.full(size, -1, np.int32), np.empty(size, np.int32)
    uses, numbers = np.zeros(size, np.int32), np.full(size, -1, np.int32)
    for f in range(len(faces)):
        for k in range(3):
            a, b = faces[f, k], faces[f, (k + 1) % 3]
            if not (near[a] and near[b]):
                middles[f, k] = -1
                continue
            if a > b:
                a, b = b, a
            slot = (a * 73856093 ^ b * 19349663) & (size - 1)
            while low[slot] >= 0 and not (low[slot] == a and high[slot] == b):
                slot = (slot + 1) & (size - 1)
            low[slot], high[slot] = a, b
            uses[slot] += 1
            middles[f, k] = slot
    count = 0
    for f in range(len(faces)):
        for k in range(3):
            slot = middles[f, k]
            if slot < 0:
                continue
            if uses[slot] != 2:
                middles[f, k] = -1
                continue
            if numbers[slot] < 0:
                numbers[slot] = first + count
                ends[count, 0], ends[count, 1] = low[slot], high[slot]
                count += 1
            middles[f, k] = numbers[slot]
    return count


@compiled
def _divide(faces: Ints, middles: Ints, halves: Ints, origin: Ints) -> int:
    """Fill `halves` with the faces divided at the middles of their sides, `origin` with the face that each comes of."""
    count = 0
    for f in range(len(faces)):
        halved = 0
        for k in range(3):
            halved += int(middles[f, k] >= 0)
        # The odd side comes first: the only one that is halved, or the only one that is whole.
        turn = 0
        for k in range(3):
            if halved in (1, 2) and (middles[f, k] >= 0) == (halved == 1):
                turn = k
        a, b, c = faces[f, turn], faces[f, (turn + 1) % 3], faces[f, (turn + 2) % 3]
        ab, bc, ca = middles[f, turn], middles[f, (turn + 1) % 3], middles[f, (turn + 2) % 3]
        begin = count
        if halved == 0:
            count = _put(halves, count, a, b, c)
        elif halved == 1:
            count = _put(halves, count, a, ab, c)
            count = _put(halves, count, ab, b, c)
        elif halved == 2:
            count = _put(halves, count, c, ca, bc)
            count = _put(halves, count, a, b, bc)
            count = _put(halves, count, a, bc, ca)
        else:
            count = _put(halves, count, a, ab, ca)
            count = _put(halves, count, ab, b, bc)
            count = _put(halves, count, ca, bc, c)
            count = _put(halves, count, ab, bc, ca)
        origin[begin:count] = f
    return count


@lean
def _put(halves: Ints, row: int, a: int, b: int, c: int) -> int:
    """Write one face; the next row."""
    halves[row, 0], halves[row, 1], halves[row, 2] = a, b, c
    return row + 1


def _with_middles(
    values: Floats, ends: Ints, finish: Callable[[Floats], Floats] | None = None
) -> Floats:
    """Values of vertices, and after them those of the middles of edges (E, 2)."""
    middles = 0.5 * (values[ends[:, 0]] + values[ends[:, 1]])
    return np.concatenate([values, finish(middles) if finish else middles])


def _bulged(surface: Surface, ends: Ints) -> Floats:
    """Middles (E, 3) of edges, moved towards the tangent planes at both ends."""
    corners, normals = surface.vertices[ends], surface.normals[ends]
    flat = corners.mean(axis=1, keepdims=True)
    depth = ((flat - corners) * normals).sum(axis=2, keepdims=True)
    bulge = np.float32(_BULGE) * ((flat - depth * normals).mean(axis=1) - flat[:, 0])
    edges = corners[:, 1] - corners[:, 0]
    room = _MOST * np.sqrt((edges * edges).sum(axis=1) / ((bulge * bulge).sum(axis=1) + 1e-20))
    return (flat[:, 0] + bulge * np.minimum(1.0, room)[:, None]).astype(np.float32)
