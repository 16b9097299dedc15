"""Where anything is drawn at all: the silhouette of some faces, without depth.

The samples of a face and its strand test are those of raster.py, to the last bit; what is nearer does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import CUT, STRAND, TWO_SIDED, Mesh
from headkit.render.drawing.noise import strand_noise
from headkit.render.drawing.raster import NEAR, edge_functions, project, span
from headkit.render.jit import compiled, lean
from headkit.render.surface import Material, Part


@dataclass(frozen=True)
class Shape:
    """Some faces of a mesh, that are drawn alone.

    faces      (F, 3) int32 vertices of the mesh; surfaces (F,) int16 rows of its tables, in their order
    low, high  (F, 2) float64 least and greatest pixel coordinates of every face; those at the camera are everywhere
    """

    mesh: Mesh
    faces: NDArray[np.int32]
    surfaces: NDArray[np.int16]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def shape_of(mesh: Mesh, chosen: NDArray[np.bool_], K: NDArray[np.float64]) -> Shape:
    """The chosen faces (F,) of a mesh before a camera."""
    faces = mesh.faces[chosen]
    low, high = np.empty((len(faces), 2)), np.empty((len(faces), 2))
    _spans(mesh.vertices, faces, np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]]), NEAR, low, high)
    return Shape(mesh, faces, mesh.surface[chosen], low, high)


def person_shape(mesh: Mesh, owner: int, parts: NDArray[np.bool_], K: NDArray[np.float64]) -> Shape:
    """What is drawn of some parts of one person; lenses do not count. parts (len(Part),) whether each is wanted."""
    table = (mesh.owner == owner) & (mesh.material != Material.LENS)
    return shape_of(mesh, parts[mesh.parts] & table[mesh.surface], K)


def parts_table(parts: tuple[Part, ...]) -> NDArray[np.bool_]:
    """(256,) whether each value of Part is one of these."""
    return np.isin(np.arange(256), [int(part) for part in parts])


def cover(
    shape: Shape,
    chosen: NDArray[np.bool_] | None,
    camera: NDArray[np.float64],
    covered: NDArray[np.uint8],
    stride: int = 1,
) -> None:
    """Set to 1 the (H, W) samples on which some of the chosen faces (F,), default all, are drawn.

    camera  (4,) fx, fy, cx, cy to coordinates of which sample n lies at n * stride + stride - 1
    """
    mesh = shape.mesh
    bounds = np.searchsorted(shape.surfaces, np.arange(len(mesh.material) + 1))
    for number in np.flatnonzero(np.diff(bounds)):
        begin, end = bounds[number], bounds[number + 1]
        faces = shape.faces[begin:end]
        if chosen is not None:
            faces = np.ascontiguousarray(faces[chosen[begin:end]])
        if len(faces):
            _cover_faces(
                mesh.vertices, mesh.attributes, faces, int(mesh.flags[number]), camera, NEAR, covered, stride
            )  # fmt: skip


@lean
def count_rows(covered: NDArray[np.uint8], totals: NDArray[np.int64], axis: int) -> None:
    """Add the covered samples of each column (axis 0) or row (axis 1) to totals."""
    for y in range(covered.shape[0]):
        row = covered[y]
        if axis == 0:
            for x in range(len(row)):
                totals[x] += row[x]
        else:
            total = 0
            for x in range(len(row)):
                total += row[x]
            totals[y] += total


@lean
def _spans(
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    camera: NDArray[np.float64],
    near: float,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> None:
    """Fill Shape.low and Shape.high."""
    for face in range(len(faces)):
        low[face], high[face] = np.inf, -np.inf
        for k in range(3):
            vertex = faces[face, k]
            z = np.float64(vertices[vertex, 2])
            if not z >= near:
                low[face], high[face] = -np.inf, np.inf
                break
            for axis in range(2):
                place = vertices[vertex, axis] / z * camera[axis] + camera[axis + 2]
                low[face, axis] = min(low[face, axis], place)
                high[face, axis] = max(high[face, axis], place)


@compiled
def _cover_faces(
    vertices: NDArray[np.float32],
    attributes: NDArray[np.float32],
    faces: NDArray[np.int32],
    flags: int,
    camera: NDArray[np.float64],
    near: float,
    covered: NDArray[np.uint8],
    stride: int,
) -> None:
    """`cover` of faces of one surface."""
    height, width = covered.shape
    offset = stride - 1
    corners, edge = np.empty((3, 3)), np.empty((3, 3))
    strand, margin, step = np.empty((3, 2)), np.empty(3), np.empty(3)
    nearest = 1.0 / near
    base, places = project(vertices, faces, camera, near)
    for face in range(len(faces)):
        i, j, k = faces[face, 0] - base, faces[face, 1] - base, faces[face, 2] - base
        if max(places[i, 2], places[j, 2], places[k, 2]) == 0.0:
            continue
        whole = min(places[i, 2], places[j, 2], places[k, 2]) > 0.0
        for n in range(3):
            for axis in range(3):
                corners[n, axis] = vertices[faces[face, n], axis]
        if whole:
            left = min(places[i, 0], places[j, 0], places[k, 0])
            right = max(places[i, 0], places[j, 0], places[k, 0])
            top = min(places[i, 1], places[j, 1], places[k, 1])
            bottom = max(places[i, 1], places[j, 1], places[k, 1])
        else:
            left, right = span(corners, camera, near, 0)
            top, bottom = span(corners, camera, near, 1)
        left, right = (left - offset) / stride, (right - offset) / stride
        top, bottom = (top - offset) / stride, (bottom - offset) / stride
        x_first, x_last = max(0, ceil(max(left, -1.0))), min(width - 1, floor(min(right, 1e9)))
        y_first, y_last = max(0, ceil(max(top, -1.0))), min(height - 1, floor(min(bottom, 1e9)))
        if x_first > x_last or y_first > y_last:
            continue
        determinant = edge_functions(corners, camera, edge)
        if determinant == 0.0 or (determinant > 0.0 and not flags & TWO_SIDED):
            continue
        size = abs(determinant)
        a0, a1, a2 = edge[0, 0], edge[1, 0], edge[2, 0]
        slope_x = (edge[0, 0] + edge[1, 0] + edge[2, 0]) / size
        slope_y = (edge[0, 1] + edge[1, 1] + edge[2, 1]) / size
        inverse_first = (edge[0, 2] + edge[1, 2] + edge[2, 2]) / size
        for n in range(3):
            step[n] = 1.0 / edge[n, 0]
        if flags & CUT:
            for n in range(3):
                vertex = faces[face, n]
                strand[n, 0] = attributes[vertex, STRAND]
                strand[n, 1] = attributes[vertex, STRAND + 1]
                margin[n] = attributes[vertex, STRAND + 2] - attributes[vertex, STRAND + 3]
        for row in range(y_first, y_last + 1):
            y = row * stride + offset
            row0 = edge[0, 1] * y + edge[0, 2]
            row1 = edge[1, 1] * y + edge[1, 2]
            row2 = edge[2, 1] * y + edge[2, 2]
            inverse_row = slope_y * y + inverse_first
            x_low, x_high = float(x_first), float(x_last)
            for n, value in enumerate((row0, row1, row2)):
                if abs(edge[n, 0]) > 1e-20:  # where the row crosses the edge's line
                    crossing = (-value * step[n] - offset) / stride
                    if edge[n, 0] > 0.0:
                        x_low = max(x_low, crossing - 1.0)
                    else:
                        x_high = min(x_high, crossing + 1.0)
            if x_low > x_high:
                continue
            begin, end = int(x_low), int(x_high) + 1
            while begin < end:
                x = begin * stride + offset
                if (a0 * x + row0 < 0.0) | (a1 * x + row1 < 0.0) | (a2 * x + row2 < 0.0):
                    begin += 1
                else:
                    break
            while end > begin:
                x = (end - 1) * stride + offset
                if (a0 * x + row0 < 0.0) | (a1 * x + row1 < 0.0) | (a2 * x + row2 < 0.0):
                    end -= 1
                else:
                    break
            for column in range(begin, end):
                if covered[row, column]:
                    continue
                x = column * stride + offset
                if not 0.0 < slope_x * x + inverse_row <= nearest:
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
                covered[row, column] = 1
