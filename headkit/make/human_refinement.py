"""A finer head: one interpolating subdivision of the artists' quads, as a fixed sparse matrix.

Silhouettes of the plain mesh are polygons above 400 pixels. Loop's and Catmull and Clark's schemes would move
the vertices that labels are read from (by up to 1 mm at nose and ears); the interpolating scheme of Kobbelt (1996)
keeps every old vertex, and puts new ones on smooth curves through them: on an edge by the four-point rule
(-1, 9, 9, -1) / 16 along the line of quads, in a quad by the same rule across the new edge points.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.make.human_parts import NAMES
from headkit.make.human_source import Source

Array = NDArray[Any]
Combination = dict[int, float]  # vertex -> weight
Edge = tuple[int, int]


def refinement(source: Source, weights: Array, parts: Array) -> dict[str, Array]:
    """Arrays of the refined skin.

    fine_start, fine_index, fine_weight   rows of the sparse matrix of new vertices (compressed sparse rows);
                                          the new vertices follow the V old ones
    fine_faces, fine_parts                the whole skin, head refined: replaces the faces of the group body
    """
    refined = _refined_quads(source, weights)
    mesh = _Mesh(source.quads)
    edge_points = {
        edge: mesh.edge_point(edge)
        for edge in sorted({e for q in refined for e in mesh.edges_of(q)})
    }
    combinations = list(edge_points.values())
    number = {edge: len(source.template) + k for k, edge in enumerate(edge_points)}
    centre = {}
    for quad in refined:
        centre[quad] = len(source.template) + len(combinations)
        combinations.append(mesh.face_point(quad))
    faces, fine_parts = _faces(source, parts, mesh, set(refined), number, centre)
    rows = [sorted(c.items()) for c in combinations]
    return {
        "fine_start": np.cumsum([0] + [len(row) for row in rows]).astype(np.int32),
        "fine_index": np.array([v for row in rows for v, _ in row], dtype=np.uint16),
        "fine_weight": np.array([w for row in rows for _, w in row], dtype=np.float32),
        "fine_faces": np.array(faces, dtype=np.uint16),
        "fine_parts": np.array(fine_parts, dtype=np.uint8),
    }


def _refined_quads(source: Source, weights: Array) -> list[int]:
    """Quads of head and upper neck that are seen from outside."""
    above = [NAMES.index(n) for n in ("neck_2", "neck_3", "head")]
    share = weights[:, above].sum(axis=1)
    inside = source.masks["inside-mouth"]
    corners = source.quads
    chosen = (share[corners] > 0.5).all(axis=1) & (inside[corners].mean(axis=1) < 0.75)
    return [int(q) for q in np.flatnonzero(chosen)]


class _Mesh:
    """Neighbourhoods of the quads."""

    def __init__(self, quads: Array) -> None:
        self.quads = quads
        self.faces_of: dict[Edge, list[int]] = defaultdict(list)
        self.edges_at: dict[int, set[Edge]] = defaultdict(set)
        for q in range(len(quads)):
            for edge in self.edges_of(q):
                self.faces_of[edge].append(q)
                for vertex in edge:
                    self.edges_at[vertex].add(edge)

    def edges_of(self, quad: int) -> list[Edge]:
        a, b, c, d = (int(v) for v in self.quads[quad])
        return [(min(p, q), max(p, q)) for p, q in ((a, b), (b, c), (c, d), (d, a))]

    def edge_point(self, edge: Edge) -> Combination:
        """The four-point rule; where a line of quads ends or forks, the missing point is a reflection."""
        a, b = edge
        out: Combination = defaultdict(float)
        for vertex in edge:
            out[vertex] += 9 / 16
        for near, far in ((a, b), (b, a)):
            beyond = self._beyond(edge, near)
            if beyond is None:
                out[near] -= 2 / 16
                out[far] += 1 / 16
            else:
                out[beyond] -= 1 / 16
        return dict(out)

    def _beyond(self, edge: Edge, vertex: int) -> int | None:
        """The vertex that goes on from `edge` through a regular `vertex`, else None."""
        around = self.edges_at[vertex]
        if len(around) != 4 or any(len(self.faces_of[e]) != 2 for e in around):
            return None
        beside = {e for face in self.faces_of[edge] for e in self.edges_of(face)}
        opposite = [e for e in around if e not in beside]
        if len(opposite) != 1:
            return None
        p, q = opposite[0]
        return q if p == vertex else p

    def face_point(self, quad: int) -> Combination:
        """The mean of the four-point rule across the quad in both directions."""
        edges = self.edges_of(quad)
        out: Combination = defaultdict(float)
        for first, second in ((edges[0], edges[2]), (edges[1], edges[3])):
            for edge, other in ((first, second), (second, first)):
                _add(out, self.edge_point(edge), 9 / 32)
                across = self._across(quad, edge)
                if across is None:
                    _add(out, self.edge_point(edge), -2 / 32)
                    _add(out, self.edge_point(other), 1 / 32)
                else:
                    _add(out, self.edge_point(across), -1 / 32)
        return dict(out)

    def _across(self, quad: int, edge: Edge) -> Edge | None:
        """The far edge of the neighbour over `edge`; None at a border or beside an irregular vertex."""
        if any(len(self.edges_at[vertex]) != 4 for vertex in edge):
            return None
        others = [face for face in self.faces_of[edge] if face != quad]
        if len(others) != 1:
            return None
        ring = self.edges_of(others[0])
        return ring[(ring.index(edge) + 2) % 4]


def _add(total: Combination, other: Combination, factor: float) -> None:
    for vertex, weight in other.items():
        total[vertex] += factor * weight


def _faces(
    source: Source,
    parts: Array,
    mesh: _Mesh,
    refined: set[int],
    number: dict[Edge, int],
    centre: dict[int, int],
) -> tuple[list[list[int]], list[int]]:
    """Triangles of the skin: four small quads for a refined one, fans where a neighbour's edge was split."""
    end = source.groups["body"][1]
    plain = np.flatnonzero((source.faces < end).all(axis=1))
    triangles_at: dict[Edge, list[int]] = defaultdict(list)
    for f in plain:
        a, b, c = (int(v) for v in source.faces[f])
        for p, q in ((a, b), (b, c), (c, a)):
            triangles_at[min(p, q), max(p, q)].append(int(f))
    owner: dict[int, int] = {}  # triangle -> its quad, where that is known
    for q in range(len(mesh.quads)):
        corners = {int(v) for v in mesh.quads[q]}
        for edge in mesh.edges_of(q):
            for f in triangles_at[edge]:
                if corners.issuperset(int(v) for v in source.faces[f]):
                    owner[f] = q
    triangles_of: dict[int, list[int]] = defaultdict(list)
    for f, q in owner.items():
        triangles_of[q].append(f)

    faces: list[list[int]] = []
    fine_parts: list[int] = []
    for f in plain:
        if owner.get(int(f)) in refined:
            continue
        corners = [int(v) for v in source.faces[f]]
        for triangle in _split(corners, number):
            faces.append(triangle)
            fine_parts.append(int(parts[f]))
    for q in sorted(refined):
        ring = [int(v) for v in mesh.quads[q]]
        middle = [
            number[min(p, n), max(p, n)] for p, n in zip(ring, ring[1:] + ring[:1], strict=True)
        ]
        for k in range(4):
            part = next(int(parts[f]) for f in triangles_of[q] if ring[k] in source.faces[f])
            small = [ring[k], middle[k], centre[q], middle[k - 1]]
            faces += [[small[0], small[1], small[2]], [small[0], small[2], small[3]]]
            fine_parts += [part, part]
    return faces, fine_parts


def _split(corners: list[int], number: dict[Edge, int]) -> list[list[int]]:
    """A triangle with new points on some edges, as triangles that use them."""
    polygon: list[int] = []
    fresh: list[int] = []
    for p, q in zip(corners, corners[1:] + corners[:1], strict=True):
        polygon.append(p)
        point = number.get((min(p, q), max(p, q)))
        if point is not None:
            fresh.append(len(polygon))
            polygon.append(point)
    if not fresh:
        return [corners]
    start = fresh[0]
    turned = polygon[start:] + polygon[:start]
    return [[turned[0], turned[k], turned[k + 1]] for k in range(1, len(turned) - 1)]
