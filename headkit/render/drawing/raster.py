"""Which triangle is seen at each sample: a z-buffer on 1/z, in one serial kernel.

Which samples a triangle covers is what edges.py says. Samples lie at integer coordinates; `camera`
(fx, fy, cx, cy) maps to them. In one sample the nearer
fragment wins, and of equally near ones the triangle that was drawn first.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.edges import Edges, crossings, edge_functions, inside, span
from headkit.render.drawing.mesh import CUT, STRAND, TWO_SIDED, Mesh
from headkit.render.drawing.noise import strand_noise
from headkit.render.jit import compiled, lean

NEAR: Final = 0.05  # metres: nothing nearer to the camera is drawn
TILE: Final = 3  # tiles have 2^3 samples on an edge
_STALE: Final = 6.0  # faces drawn into a tile after which its depth is looked up again
# Samples in the box of a face from which it pays to ask the tiles: of hair, most of which is hidden, and of others.
_LARGE_HAIR: Final = 12
_LARGE: Final = 32
_BINS: Final = 512  # of depth, in ordering faces


@compiled
def project(
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    camera: NDArray[np.float64],
    near: float,
) -> tuple[int, NDArray[np.float64]]:
    """The first vertex that faces use, and (N, 3) of it and all up to the last: sample x, sample y, 1/z.

    Where a vertex is nearer than `near` all three are 0.
    """
    first, last = len(vertices), -1
    for face in range(len(faces)):
        for k in range(3):
            first, last = min(first, faces[face, k]), max(last, faces[face, k])
    places = np.zeros((max(0, last - first + 1), 3))
    for n in range(len(places)):
        z = float(vertices[first + n, 2])
        if z >= near:
            places[n, 0] = vertices[first + n, 0] / z * camera[0] + camera[2]
            places[n, 1] = vertices[first + n, 1] / z * camera[1] + camera[3]
            places[n, 2] = 1.0 / z
    return first, places


@compiled
def draw_faces(
    vertices: NDArray[np.float32],
    attributes: NDArray[np.float32],
    faces: NDArray[np.int32],
    first: int,
    flags: int,
    camera: NDArray[np.float64],
    near: float,
    face_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
    tiles: NDArray[np.float64],
) -> None:
    """Draw faces into the buffers.

    face_at     (H, W) number of the face that is seen; `first` is the number of row 0 of `faces`
    inverse_at  (H, W) its 1/z; 0 where nothing is
    tiles       as `tile_buffer` makes it and earlier calls left it: what is drawn already, coarsely
    """
    base, places = project(vertices, faces, camera, near)
    order = front_to_back(faces, base, places, flags)
    strand = np.empty((3, 3))
    _draw_ordered(
        vertices, attributes, faces, first, flags, camera, near, face_at, inverse_at, tiles, base, places, order,
        strand,
    )  # fmt: skip


@lean
def _draw_ordered(
    vertices: NDArray[np.float32],
    attributes: NDArray[np.float32],
    faces: NDArray[np.int32],
    first: int,
    flags: int,
    camera: NDArray[np.float64],
    near: float,
    face_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
    tiles: NDArray[np.float64],
    base: int,
    places: NDArray[np.float64],
    order: NDArray[np.int64],
    strand: NDArray[np.float64],
) -> None:
    """`draw_faces` in the given order, of vertices projected beforehand; strand (3, 3) is overwritten."""
    height, width = face_at.shape
    nearest = 1.0 / near
    large_from = _LARGE_HAIR if flags & CUT else _LARGE
    for face in order:
        i, j, k = faces[face, 0] - base, faces[face, 1] - base, faces[face, 2] - base
        closest = max(places[i, 2], places[j, 2], places[k, 2])
        if closest == 0.0:
            continue
        whole = min(places[i, 2], places[j, 2], places[k, 2]) > 0.0
        if whole:
            left = min(places[i, 0], places[j, 0], places[k, 0])
            right = max(places[i, 0], places[j, 0], places[k, 0])
            top = min(places[i, 1], places[j, 1], places[k, 1])
            bottom = max(places[i, 1], places[j, 1], places[k, 1])
        else:
            left, right = span(vertices, faces, face, camera, near, 0)
            top, bottom = span(vertices, faces, face, camera, near, 1)
        x_first, x_last = max(0, ceil(max(left, -1.0))), min(width - 1, floor(min(right, 1e9)))
        y_first, y_last = max(0, ceil(max(top, -1.0))), min(height - 1, floor(min(bottom, 1e9)))
        if x_first > x_last or y_first > y_last:
            continue
        large = (x_last - x_first + 1) * (y_last - y_first + 1) >= large_from
        if (
            large
            and whole
            and _behind(tiles, inverse_at, x_first, x_last, y_first, y_last, closest)
        ):
            continue
        if whole and not flags & TWO_SIDED:
            # sign as of the determinant below; unsure where it is small
            turn = (places[j, 0] - places[i, 0]) * (places[k, 1] - places[i, 1])
            turn -= (places[k, 0] - places[i, 0]) * (places[j, 1] - places[i, 1])
            if turn > 1e-6:
                continue
        edges = edge_functions(vertices, faces, face, camera)
        # above 0 the inner side is seen: faces are counter-clockwise from outside
        if edges.determinant == 0.0 or (edges.determinant > 0.0 and not flags & TWO_SIDED):
            continue
        size = abs(edges.determinant)
        slope_x = (edges.a0 + edges.a1 + edges.a2) / size
        slope_y = (edges.b0 + edges.b1 + edges.b2) / size
        inverse_first = (edges.c0 + edges.c1 + edges.c2) / size
        lines = crossings(edges)
        fetched = False
        for y in range(y_first, y_last + 1):
            begin, end = inside(edges, lines, y, x_first, x_last, 1, 0)
            inverse_row = slope_y * y + inverse_first
            depths, seen = inverse_at[y], face_at[y]
            for x in range(begin, end):
                inverse = slope_x * x + inverse_row
                if inverse <= depths[x] or inverse > nearest:
                    continue
                if flags & CUT:
                    if not fetched:  # most faces of hair are hidden by other hair
                        fetch_strand(attributes, faces, face, strand)
                        fetched = True
                    if not drawn(edges, strand, x, y):
                        continue
                depths[x] = inverse
                seen[x] = first + face
        for row in range(y_first >> TILE, (y_last >> TILE) + 1 if large else 0):
            for column in range(x_first >> TILE, (x_last >> TILE) + 1):
                tiles[row, column, 1] += 1.0


@lean
def fetch_strand(
    attributes: NDArray[np.float32],
    faces: NDArray[np.int32],
    face: int,
    strand: NDArray[np.float64],
) -> None:
    """Fill (3, 3) for `drawn`: s and t of each corner, and density less threshold, which the noise makes up to 1."""
    for k in range(3):
        corner = attributes[faces[face, k]]
        strand[k, 0], strand[k, 1] = corner[STRAND], corner[STRAND + 1]
        strand[k, 2] = corner[STRAND + 2] - corner[STRAND + 3]


@lean
def drawn(edges: Edges, strand: NDArray[np.float64], x: float, y: float) -> bool:
    """The strand test of Surface.strand at a sample inside of a face."""
    e0 = edges.a0 * x + (edges.b0 * y + edges.c0)
    e1 = edges.a1 * x + (edges.b1 * y + edges.c1)
    e2 = edges.a2 * x + (edges.b2 * y + edges.c2)
    total = e0 + e1 + e2
    over = e0 * strand[0, 2] + e1 * strand[1, 2] + e2 * strand[2, 2]
    if over < 0.0 or over >= total:  # else any noise is enough
        return bool(over >= 0.0)
    share = 1.0 / total
    s = share * (e0 * strand[0, 0] + e1 * strand[1, 0] + e2 * strand[2, 0])
    t = share * (e0 * strand[0, 1] + e1 * strand[1, 1] + e2 * strand[2, 1])
    return bool(strand_noise(s, t) + over * share >= 1.0)


@compiled
def front_to_back(
    faces: NDArray[np.int32], base: int, places: NDArray[np.float64], flags: int
) -> NDArray[np.int64]:
    """The numbers of faces; of hair and cloth about from the nearest to the farthest, else as they are.

    Whatever is drawn later is then rejected by its depth, before its strands are looked at, as the far side of a
    sleeve.
    """
    order = np.arange(len(faces))
    low, high = np.inf, 0.0
    for n in range(len(places) if flags & TWO_SIDED else 0):
        if places[n, 2] > 0.0:
            low, high = min(low, places[n, 2]), max(high, places[n, 2])
    if not flags & TWO_SIDED or len(faces) < 256 or not high > low:
        return order
    scale = (_BINS - 1) / (high - low)
    begin = np.zeros(_BINS + 1, np.int64)
    bins = np.empty(len(faces), np.int64)
    for face in range(len(faces)):
        near = places[faces[face, 0] - base, 2]
        bins[face] = 0 if near == 0.0 else min(_BINS - 1, int((high - near) * scale))
        begin[bins[face] + 1] += 1
    for n in range(_BINS):
        begin[n + 1] += begin[n]
    for face in range(len(faces)):
        order[begin[bins[face]]] = face
        begin[bins[face]] += 1
    return order


@lean
def _behind(
    tiles: NDArray[np.float64],
    inverse_at: NDArray[np.float64],
    x_first: int,
    x_last: int,
    y_first: int,
    y_last: int,
    closest: float,
) -> bool:
    """Whether all samples of a box are covered nearer than 1/z `closest` already; False where unsure."""
    limit = closest * (1.0 + 1e-9)  # rounding of what is drawn
    for row in range(y_first >> TILE, (y_last >> TILE) + 1):
        for column in range(x_first >> TILE, (x_last >> TILE) + 1):
            if tiles[row, column, 0] > limit:
                continue
            if tiles[row, column, 1] < _STALE:
                return False
            tiles[row, column, 1] = 0.0
            farthest = np.inf
            for y in range(row << TILE, min((row + 1) << TILE, inverse_at.shape[0])):
                for x in range(column << TILE, min((column + 1) << TILE, inverse_at.shape[1])):
                    farthest = min(farthest, inverse_at[y, x])
                if not farthest > limit:
                    return False
            tiles[row, column, 0] = farthest
    return True


def buffers(height: int, width: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Empty buffers for `draw`: face numbers, all -1, and 1/z, all 0."""
    return np.full((height, width), -1, np.int32), np.zeros((height, width))


def tile_buffer(height: int, width: int) -> NDArray[np.float64]:
    """(rows, columns, 2) of tiles of empty buffers: the least 1/z of a tile's samples, and faces drawn since."""
    tiles = np.zeros(((height >> TILE) + 1, (width >> TILE) + 1, 2))
    tiles[:, :, 1] = _STALE
    return tiles


def draw(
    mesh: Mesh,
    surfaces: NDArray[np.intp],
    camera: NDArray[np.float64],
    face_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
) -> None:
    """Draw the numbered surfaces of a mesh, those that can be in the picture at all."""
    height, width = face_at.shape
    tiles = tile_buffer(height, width)
    for number in surfaces:
        if in_view(mesh.low[number], mesh.high[number], camera, width, height):
            begin, end = mesh.first[number], mesh.first[number + 1]
            draw_faces(
                mesh.vertices,
                mesh.attributes,
                mesh.faces[begin:end],
                int(begin),
                int(mesh.flags[number]),
                camera,
                NEAR,
                face_at,
                inverse_at,
                tiles,
            )


@lean
def in_view(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    camera: NDArray[np.float64],
    width: int,
    height: int,
) -> bool:
    """Whether any of an axis-aligned box (camera frame) may cover samples of a width x height picture."""
    if high[2] < NEAR:
        return False
    if low[2] < NEAR:
        return True
    for axis in range(2):
        least, most = np.inf, -np.inf
        for depth in (low[2], high[2]):
            for place in (low[axis], high[axis]):
                place = place / depth * camera[axis] + camera[axis + 2]
                least, most = min(least, place), max(most, place)
        if most < -1.0 or least > (width if axis == 0 else height):
            return False
    return True
