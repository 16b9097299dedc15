"""Which triangle is seen at each sample: a z-buffer on 1/z, in one serial kernel.

Rasterisation in homogeneous coordinates (Olano and Greer 1997): for a triangle a, b, c in the camera
frame and a ray r = (x, y, 1), the numbers r.(b x c), r.(c x a), r.(a x b) are linear in the sample's
coordinates, have the same sign inside the triangle, are in the proportion of the barycentric
coordinates *in space*, and sum to det(a, b, c) / z. So nothing is clipped and nothing divided by z, and
triangles may cross the camera's plane. Two triangles that share an edge compute negatives of the same
number for it, bit by bit: no gaps.

Samples lie at integer coordinates; `camera` (fx, fy, cx, cy) maps to them. In one sample the nearer
fragment wins, and of equally near ones the triangle that was drawn first.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import CUT, STRAND, TWO_SIDED, Mesh
from headkit.render.drawing.noise import strand_noise
from headkit.render.jit import compiled, lean

NEAR: Final = 0.05  # metres: nothing nearer to the camera is drawn
TILE: Final = 3  # tiles have 2^3 samples on an edge
_STALE: Final = 6.0  # faces drawn into a tile after which its depth is looked up again
_LARGE: Final = 32  # samples in the box of a face from which it pays to ask the tiles
_BINS: Final = 512  # of depth, in ordering faces


@lean
def span(
    corners: NDArray[np.float64], camera: NDArray[np.float64], near: float, axis: int
) -> tuple[float, float]:
    """Least and greatest sample coordinate on one axis of the part of a triangle beyond `near`."""
    low, high = np.inf, -np.inf
    focal, centre = camera[axis], camera[axis + 2]
    for k in range(3):
        z, z_next = corners[k, 2], corners[(k + 1) % 3, 2]
        if z >= near:
            place = corners[k, axis] / z * focal + centre
            low, high = min(low, place), max(high, place)
        if (z < near) != (z_next < near):  # where the edge meets the near plane
            share = (near - z) / (z_next - z)
            value = corners[k, axis] * (1.0 - share) + corners[(k + 1) % 3, axis] * share
            place = value / near * focal + centre
            low, high = min(low, place), max(high, place)
    return low, high


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
    height, width = face_at.shape
    corners = np.empty((3, 3))
    edge = np.empty((3, 3))
    strand = np.empty((3, 2))
    margin = np.empty(3)  # density over threshold: what the noise must make up to 1
    step = np.empty(3)
    nearest = 1.0 / near
    base, places = project(vertices, faces, camera, near)
    order = front_to_back(faces, base, places, flags)
    for number in range(len(faces)):
        face = order[number]
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        closest = max(places[i - base, 2], places[j - base, 2], places[k - base, 2])
        if closest == 0.0:
            continue
        whole = min(places[i - base, 2], places[j - base, 2], places[k - base, 2]) > 0.0
        if whole:
            left = min(places[i - base, 0], places[j - base, 0], places[k - base, 0])
            right = max(places[i - base, 0], places[j - base, 0], places[k - base, 0])
            top = min(places[i - base, 1], places[j - base, 1], places[k - base, 1])
            bottom = max(places[i - base, 1], places[j - base, 1], places[k - base, 1])
        else:
            _fetch(vertices, faces, face, corners)
            left, right = span(corners, camera, near, 0)
            top, bottom = span(corners, camera, near, 1)
        x_first, x_last = max(0, ceil(max(left, -1.0))), min(width - 1, floor(min(right, 1e9)))
        y_first, y_last = max(0, ceil(max(top, -1.0))), min(height - 1, floor(min(bottom, 1e9)))
        if x_first > x_last or y_first > y_last:
            continue
        large = (x_last - x_first + 1) * (y_last - y_first + 1) >= _LARGE
        if (
            large
            and whole
            and _behind(tiles, inverse_at, x_first, x_last, y_first, y_last, closest)
        ):
            continue
        if (
            whole and not flags & TWO_SIDED
        ):  # sign as of the determinant below; unsure where it is small
            turn = (places[j - base, 0] - places[i - base, 0]) * (
                places[k - base, 1] - places[i - base, 1]
            ) - (places[k - base, 0] - places[i - base, 0]) * (
                places[j - base, 1] - places[i - base, 1]
            )
            if turn > 1e-6:
                continue
        _fetch(vertices, faces, face, corners)
        determinant = edge_functions(corners, camera, edge)
        # above 0 the inner side is seen: faces are counter-clockwise from outside
        if determinant == 0.0 or (determinant > 0.0 and not flags & TWO_SIDED):
            continue
        size = abs(determinant)
        a0, a1, a2 = edge[0, 0], edge[1, 0], edge[2, 0]
        slope_x = (edge[0, 0] + edge[1, 0] + edge[2, 0]) / size
        slope_y = (edge[0, 1] + edge[1, 1] + edge[2, 1]) / size
        inverse_first = (edge[0, 2] + edge[1, 2] + edge[2, 2]) / size
        for k in range(3):
            step[k] = 1.0 / edge[k, 0]
        if flags & CUT:
            for k in range(3):
                vertex = faces[face, k]
                strand[k, 0] = attributes[vertex, STRAND]
                strand[k, 1] = attributes[vertex, STRAND + 1]
                margin[k] = attributes[vertex, STRAND + 2] - attributes[vertex, STRAND + 3]
        for y in range(y_first, y_last + 1):
            row0 = edge[0, 1] * y + edge[0, 2]
            row1 = edge[1, 1] * y + edge[1, 2]
            row2 = edge[2, 1] * y + edge[2, 2]
            inverse_row = slope_y * y + inverse_first
            x_low, x_high = float(x_first), float(x_last)
            for k, row in enumerate((row0, row1, row2)):
                if abs(edge[k, 0]) > 1e-20:  # where the row crosses the edge's line
                    crossing = -row * step[k]
                    if edge[k, 0] > 0.0:
                        x_low = max(x_low, crossing - 1.0)
                    else:
                        x_high = min(x_high, crossing + 1.0)
            if x_low > x_high:
                continue
            begin, end = int(x_low), int(x_high) + 1
            # Rounded products and sums still grow with x: the samples inside are one run.
            while begin < end and (
                (a0 * begin + row0 < 0.0) | (a1 * begin + row1 < 0.0) | (a2 * begin + row2 < 0.0)
            ):
                begin += 1
            while end > begin and (
                (a0 * (end - 1) + row0 < 0.0)
                | (a1 * (end - 1) + row1 < 0.0)
                | (a2 * (end - 1) + row2 < 0.0)
            ):
                end -= 1
            for x in range(begin, end):
                inverse = slope_x * x + inverse_row
                if inverse <= inverse_at[y, x] or inverse > nearest:
                    continue
                if flags & CUT:
                    e0, e1, e2 = a0 * x + row0, a1 * x + row1, a2 * x + row2
                    total = e0 + e1 + e2
                    over = e0 * margin[0] + e1 * margin[1] + e2 * margin[2]
                    if over < 0.0:
                        continue
                    if over < total:  # else any noise is enough
                        share = 1.0 / total
                        over *= share
                        s = share * (e0 * strand[0, 0] + e1 * strand[1, 0] + e2 * strand[2, 0])
                        t = share * (e0 * strand[0, 1] + e1 * strand[1, 1] + e2 * strand[2, 1])
                        if strand_noise(s, t) + over < 1.0:
                            continue
                inverse_at[y, x] = inverse
                face_at[y, x] = first + face
        for row in range(y_first >> TILE, (y_last >> TILE) + 1 if large else 0):
            for column in range(x_first >> TILE, (x_last >> TILE) + 1):
                tiles[row, column, 1] += 1.0


@lean
def _fetch(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], face: int, corners: NDArray[np.float64]
) -> None:
    for k in range(3):
        for axis in range(3):
            corners[k, axis] = vertices[faces[face, k], axis]


@compiled
def front_to_back(
    faces: NDArray[np.int32], base: int, places: NDArray[np.float64], flags: int
) -> NDArray[np.int32]:
    """The numbers of faces; of hair about from the nearest to the farthest, else as they are.

    Whatever is drawn later is then rejected by its depth, before its strands are looked at.
    """
    order = np.arange(len(faces)).astype(np.int32)
    low, high = np.inf, 0.0
    for n in range(len(places) if flags & CUT else 0):
        if places[n, 2] > 0.0:
            low, high = min(low, places[n, 2]), max(high, places[n, 2])
    if not flags & CUT or len(faces) < 256 or not high > low:
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


@lean
def edge_functions(
    corners: NDArray[np.float64], camera: NDArray[np.float64], edge: NDArray[np.float64]
) -> float:
    """Fill the three edge functions: edge[k] = (a, b, c), at sample (x, y) a x + b y + c, above 0 inside.

    Returns det(a, b, c), below 0 for a face that is seen from outside.
    """
    determinant = 0.0
    fx, fy, cx, cy = camera[0], camera[1], camera[2], camera[3]
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        x = corners[i, 1] * corners[j, 2] - corners[i, 2] * corners[j, 1]
        y = corners[i, 2] * corners[j, 0] - corners[i, 0] * corners[j, 2]
        z = corners[i, 0] * corners[j, 1] - corners[i, 1] * corners[j, 0]
        edge[k, 0] = x / fx
        edge[k, 1] = y / fy
        edge[k, 2] = z - edge[k, 0] * cx - edge[k, 1] * cy
        if k == 0:
            determinant = corners[0, 0] * x + corners[0, 1] * y + corners[0, 2] * z
    if determinant < 0.0:
        for k in range(3):
            for column in range(3):
                edge[k, column] = -edge[k, column]
    return determinant


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
