"""Where anything is drawn at all: the silhouette of some faces, without depth.

The samples of a face and its strand test are those of raster.py; what is nearer does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.edges import crossings, edge_functions, inside, span
from headkit.render.drawing.mesh import CUT, TWO_SIDED, Mesh
from headkit.render.drawing.raster import NEAR, drawn, fetch_strand, project
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
    base, places = project(vertices, faces, camera, near)
    strand = np.empty((3, 3))
    _cover(vertices, attributes, faces, flags, camera, near, covered, stride, base, places, strand)


@lean
def _cover(
    vertices: NDArray[np.float32],
    attributes: NDArray[np.float32],
    faces: NDArray[np.int32],
    flags: int,
    camera: NDArray[np.float64],
    near: float,
    covered: NDArray[np.uint8],
    stride: int,
    base: int,
    places: NDArray[np.float64],
    strand: NDArray[np.float64],
) -> None:
    """`_cover_faces`, of vertices projected beforehand; strand (3, 3) is overwritten."""
    height, width = covered.shape
    offset = stride - 1
    nearest = 1.0 / near
    for face in range(len(faces)):
        i, j, k = faces[face, 0] - base, faces[face, 1] - base, faces[face, 2] - base
        if max(places[i, 2], places[j, 2], places[k, 2]) == 0.0:
            continue
        if min(places[i, 2], places[j, 2], places[k, 2]) > 0.0:
            left = min(places[i, 0], places[j, 0], places[k, 0])
            right = max(places[i, 0], places[j, 0], places[k, 0])
            top = min(places[i, 1], places[j, 1], places[k, 1])
            bottom = max(places[i, 1], places[j, 1], places[k, 1])
        else:
            left, right = span(vertices, faces, face, camera, near, 0)
            top, bottom = span(vertices, faces, face, camera, near, 1)
        left, right = (left - offset) / stride, (right - offset) / stride
        top, bottom = (top - offset) / stride, (bottom - offset) / stride
        x_first, x_last = max(0, ceil(max(left, -1.0))), min(width - 1, floor(min(right, 1e9)))
        y_first, y_last = max(0, ceil(max(top, -1.0))), min(height - 1, floor(min(bottom, 1e9)))
        if x_first > x_last or y_first > y_last:
            continue
        edges = edge_functions(vertices, faces, face, camera)
        if edges.determinant == 0.0 or (edges.determinant > 0.0 and not flags & TWO_SIDED):
            continue
        size = abs(edges.determinant)
        slope_x = (edges.a0 + edges.a1 + edges.a2) / size
        slope_y = (edges.b0 + edges.b1 + edges.b2) / size
        inverse_first = (edges.c0 + edges.c1 + edges.c2) / size
        lines = crossings(edges)
        fetched = False
        for row in range(y_first, y_last + 1):
            y = row * stride + offset
            begin, end = inside(edges, lines, y, x_first, x_last, stride, offset)
            inverse_row = slope_y * y + inverse_first
            line = covered[row]
            for column in range(begin, end):
                x = column * stride + offset
                if line[column] or not 0.0 < slope_x * x + inverse_row <= nearest:
                    continue
                if flags & CUT:
                    if not fetched:
                        fetch_strand(attributes, faces, face, strand)
                        fetched = True
                    if not drawn(edges, strand, x, y):
                        continue
                line[column] = 1
