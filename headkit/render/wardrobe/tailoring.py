"""Mesh operations that clothes, hair and headwear are cut and sewn with.

Arrays only: vertices (V, 3) float32, faces (F, 3) int32, attributes (V, C) float32 whose columns are
whatever has to be interpolated along a cut (template position, posed position, normal, ...).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@compiled
def accumulate_normals(vertices: Floats, faces: Ints, normals: Floats) -> None:
    """Turn zeros (V, 3) into unit normals, area-weighted over the faces around each vertex."""
    for face in range(faces.shape[0]):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in range(3):
            i = faces[face, corner]
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
    for i in range(normals.shape[0]):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2)
        if length > 1e-12:
            normals[i] /= length
        else:
            normals[i, 2] = -1.0  # an unused or collapsed vertex: any unit vector


def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """Unit normals (V, 3), area-weighted over the faces around each vertex."""
    normals = np.zeros(vertices.shape, np.float32)
    accumulate_normals(vertices, faces, normals)
    return normals


@dataclass(frozen=True)
class Refinement:
    """A fixed sparse matrix from old vertices to new ones, in compressed rows, and the new faces."""

    starts: Ints
    indices: Ints
    weights: Floats
    faces: Ints

    def apply(self, values: Floats) -> Floats:
        """New values (N, C) of old ones (V, C)."""
        result = np.empty((len(self.starts) - 1, values.shape[1]), np.float32)
        _apply_rows(self.starts, self.indices, self.weights, values, result)
        return result


@compiled
def _apply_rows(
    starts: Ints, indices: Ints, weights: Floats, values: Floats, result: Floats
) -> None:
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            total = np.float32(0.0)
            for k in range(starts[row], starts[row + 1]):
                total += weights[k] * values[indices[k], column]
            result[row, column] = total


def loop_subdivision(faces: Ints) -> tuple[Refinement, Ints]:
    """One step of Loop's scheme (Loop 1987) on the vertices that `faces` use.

    Returns the refinement, whose columns count the used vertices, and those vertices' ids. Boundary
    vertices follow the cubic B-spline rule, so that a neck or sleeve end stays a smooth curve.
    """
    used, local = np.unique(faces, return_inverse=True)
    local = local.reshape(-1, 3)
    count = len(used)
    ends = np.sort(np.concatenate([local[:, [0, 1]], local[:, [1, 2]], local[:, [2, 0]]]), axis=1)
    opposite = np.concatenate([local[:, 2], local[:, 0], local[:, 1]])
    edges, edge_of, uses = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    edge_of = edge_of.ravel()
    neighbours: list[set[int]] = [set() for _ in range(count)]
    rim: list[list[int]] = [[] for _ in range(count)]
    for (a, b), use in zip(edges.tolist(), uses.tolist(), strict=True):
        neighbours[a].add(b)
        neighbours[b].add(a)
        if use == 1:
            rim[a].append(b)
            rim[b].append(a)
    rows: list[dict[int, float]] = []
    for i in range(count):
        if len(rim[i]) == 2:
            rows.append({i: 0.75, rim[i][0]: 0.125, rim[i][1]: 0.125})
        elif rim[i] or not neighbours[i]:
            rows.append({i: 1.0})
        else:
            n = len(neighbours[i])
            beta = (0.625 - (0.375 + 0.25 * np.cos(2 * np.pi / n)) ** 2) / n
            rows.append({i: 1 - n * beta, **dict.fromkeys(sorted(neighbours[i]), beta)})
    across: list[list[int]] = [[] for _ in range(len(edges))]
    for edge, corner in zip(edge_of.tolist(), opposite.tolist(), strict=True):
        across[edge].append(corner)
    for (a, b), corners in zip(edges.tolist(), across, strict=True):
        if len(corners) == 2:
            rows.append({a: 0.375, b: 0.375, corners[0]: 0.125, corners[1]: 0.125})
        else:
            rows.append({a: 0.5, b: 0.5})
    middle = count + edge_of.reshape(3, -1)  # of corners 01, 12, 20
    ab, bc, ca = middle
    a, b, c = local.T
    fine = np.concatenate(
        [np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    )
    starts = np.cumsum([0] + [len(row) for row in rows])
    indices = np.fromiter((j for row in rows for j in row), np.int32)
    weights = np.fromiter((w for row in rows for w in row.values()), np.float32)
    refinement = Refinement(starts.astype(np.int32), indices, weights, fine.astype(np.int32))
    return refinement, used.astype(np.int32)


@dataclass(frozen=True)
class Piece:
    """Cloth under the scissors: attributes per vertex, faces, and the edges that cuts have made.

    `twins` (T, 2) are vertices that lie in one place, where two parts were sewn together before.
    """

    attributes: Floats  # (V, C)
    faces: Ints
    seams: dict[str, list[Ints]]  # name of a cut -> its lines, as ordered vertex ids
    twins: Ints = field(default_factory=lambda: np.zeros((0, 2), np.int32))

    def cut(self, name: str, field: Floats) -> Piece:
        """The part where `field` (V,) is above 0, with straight new edges along 0.

        The edge is exact, not a stair of triangles; its ordered lines are kept as seams[name].
        A closed line repeats its first vertex at the end.
        """
        made = divide(self.faces, field)
        share = made.share[:, None]
        fresh = self.attributes[made.low] * (1 - share) + self.attributes[made.high] * share
        seams = {**self.seams, name: _chain(made.segments)}
        return Piece(np.concatenate([self.attributes, fresh]), made.faces, seams, self.twins)


@dataclass(frozen=True)
class Division:
    """The faces on one side of a line, with new vertices on the mesh's edges where the line meets them.

    low, high  (N,) ends of the edge that new vertex N lies on, share (N,) how far from low to high: the
               same for both sides of a line
    faces      (F, 3); new vertices are numbered on from the old ones
    segments   (S, 2) pieces of the line, directed
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    share: Floats
    faces: Ints
    segments: NDArray[np.int64]


def divide(faces: Ints, field: Floats) -> Division:
    """The part of a mesh where `field` (V,) is above 0, cut exactly along 0."""
    field = np.where(np.abs(field) < 1e-6, np.float32(1e-6), field).astype(np.float32)
    sorted_faces = np.empty_like(faces)
    first, last = _sort_faces(faces, field, sorted_faces)
    whole, one, two = sorted_faces[:first], sorted_faces[first:last], sorted_faces[last:]
    two = two[two[:, 0] >= 0]
    crossing = np.concatenate([one[:, [0, 1]], one[:, [0, 2]], two[:, [0, 1]], two[:, [0, 2]]])
    crossing.sort(axis=1)
    keys, where = np.unique(
        crossing[:, 0].astype(np.int64) * len(field) + crossing[:, 1], return_inverse=True
    )
    low, high = keys // len(field), keys % len(field)
    share = (field[low] / (field[low] - field[high])).astype(np.float32)
    where = where.ravel() + len(field)
    p, q = where[: len(one)], where[len(one) : 2 * len(one)]
    r, s = where[2 * len(one) : 2 * len(one) + len(two)], where[2 * len(one) + len(two) :]
    kept = np.concatenate(
        [
            whole,
            np.stack([one[:, 0], p, q], axis=1),
            np.stack([r, two[:, 1], two[:, 2]], axis=1),
            np.stack([r, two[:, 2], s], axis=1),
        ]
    ).astype(np.int32)
    segments = np.concatenate([np.stack([p, q], axis=1), np.stack([s, r], axis=1)])
    return Division(low, high, share, kept, segments)


@compiled
def _sort_faces(faces: Ints, field: Floats, out: Ints) -> tuple[int, int]:
    """Sort faces by how many of their corners lie inside: three, one, two; none is left out.

    The odd corner comes first in a face of the second and third kind. Returns where these begin; rows
    left over are -1.
    """
    counts = np.zeros(4, np.int64)
    for f in range(len(faces)):
        inside = 0
        for k in range(3):
            if field[faces[f, k]] > 0.0:
                inside += 1
        counts[inside] += 1
    whole, one, two = 0, counts[3], counts[3] + counts[1]
    first, last = one, two
    out[counts[3] + counts[1] + counts[2] :] = -1
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        p, q, r = field[a] > 0.0, field[b] > 0.0, field[c] > 0.0
        inside = int(p) + int(q) + int(r)
        if inside == 0:
            continue
        if inside == 3:
            out[whole, 0], out[whole, 1], out[whole, 2] = a, b, c
            whole += 1
            continue
        odd = inside == 1
        if q == odd:
            a, b, c = b, c, a
        elif r == odd:
            a, b, c = c, a, b
        row = one if inside == 1 else two
        out[row, 0], out[row, 1], out[row, 2] = a, b, c
        if inside == 1:
            one += 1
        else:
            two += 1
    return first, last


def _chain(segments: NDArray[Any]) -> list[Ints]:
    """Directed segments (S, 2) joined to lines; a closed line repeats its first vertex."""
    if not len(segments):
        return []
    ids, ends = np.empty(2 * len(segments), np.int32), np.empty(len(segments), np.int64)
    count = _walk(segments, int(segments.max()) + 1, ids, ends)
    return [line for line in np.split(ids[: ends[count - 1]], ends[: count - 1]) if len(line) > 2]


@compiled
def _walk(segments: NDArray[Any], count: int, ids: Ints, ends: NDArray[np.int64]) -> int:
    """Fill the vertices of lines (those that begin somewhere, then closed ones), and where each ends; how many."""
    following, begun = np.full(count, -1), np.ones(count, np.bool_)
    for number in range(len(segments)):
        following[segments[number, 0]] = segments[number, 1]
    for vertex in range(count):
        if following[vertex] >= 0:
            begun[following[vertex]] = False
    lines, end = 0, 0
    for closed in range(2):
        for start in range(count):
            if following[start] < 0 or not (closed or begun[start]):
                continue
            vertex = start
            while True:
                ids[end] = vertex
                end += 1
                if following[vertex] < 0:
                    break
                following[vertex], vertex = -1, following[vertex]
            ends[lines] = end
            lines += 1
    return lines


def resample(points: Floats, count: int, *, closed: bool = True) -> Floats:
    """`count` rows evenly spaced along the first three columns of a line (P, C); C columns kept.

    A closed line comes with its first point repeated at the end and returns without the repetition.
    """
    lengths = np.linalg.norm(np.diff(points[:, :3].astype(np.float64), axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.linspace(0.0, along[-1], count, endpoint=not closed)
    columns = [np.interp(wanted, along, points[:, k]) for k in range(points.shape[1])]
    return np.stack(columns, axis=1).astype(np.float32)


def compact(faces: Ints, count: int) -> tuple[Ints, Ints]:
    """The ids in use among `count` vertices, ascending, and the faces by place in that list."""
    used = np.zeros(count, np.bool_)
    used[faces] = True
    ids = np.flatnonzero(used).astype(np.int32)
    place = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return ids, place[faces]


def grid_faces(rows: int, columns: int, *, wrap: bool = False, flip: bool = False) -> Ints:
    """Triangles of a grid of vertices numbered row by row; `wrap` joins the last column to the first."""
    across = columns if wrap else columns - 1
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(across), indexing="ij")
    a = (row * columns + column).ravel()
    b = (row * columns + (column + 1) % columns).ravel()
    c, d = a + columns, b + columns
    faces = np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])
    return (faces[:, ::-1] if flip else faces).astype(np.int32)


def unit(vectors: Floats) -> Floats:
    """Rows divided by their length; a zero row stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.maximum(length, 1e-12)).astype(np.float32)
