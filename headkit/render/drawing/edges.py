"""The edges of a triangle on a grid of samples: which samples of a row lie inside.

Rasterisation in homogeneous coordinates (Olano and Greer 1997): for a triangle a, b, c in the camera
frame and a ray r = (x, y, 1), the numbers r.(b x c), r.(c x a), r.(a x b) are linear in the sample's
coordinates, have the same sign inside the triangle, are in the proportion of the barycentric
coordinates *in space*, and sum to det(a, b, c) / z. So nothing is clipped and nothing divided by z, and
triangles may cross the camera's plane. Two triangles that share an edge compute negatives of the same
number for it, bit by bit: no gaps.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import lean

_UNSURE: Final = (
    1e-3  # samples about a computed crossing in which the edge functions themselves are asked
)
_FLAT: Final = 0.5  # more than this: an edge along a row, of which no crossing can be computed
_NOWHERE: Final = 1e9  # a column beyond every grid


class Edges(NamedTuple):
    """Three edge functions, at sample (x, y) a x + b y + c, none below 0 inside; they sum to |determinant| / z.

    determinant  below 0 for a face that is seen from outside
    """

    a0: float
    b0: float
    c0: float
    a1: float
    b1: float
    c1: float
    a2: float
    b2: float
    c2: float
    determinant: float


class Crossings(NamedTuple):
    """Where rows meet the three edges' lines: at column -(b y + c) * step, sure to so many samples."""

    step0: float
    step1: float
    step2: float
    unsure: float


@lean
def edge_functions(
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    face: int,
    camera: NDArray[np.float64],
) -> Edges:
    """The edges of a face; camera (4,) fx, fy, cx, cy to the coordinates of samples."""
    i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
    px, py, pz = _point(vertices, i)
    qx, qy, qz = _point(vertices, j)
    rx, ry, rz = _point(vertices, k)
    x0, y0, z0 = qy * rz - qz * ry, qz * rx - qx * rz, qx * ry - qy * rx
    x1, y1, z1 = ry * pz - rz * py, rz * px - rx * pz, rx * py - ry * px
    x2, y2, z2 = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
    determinant = px * x0 + py * y0 + pz * z0
    fx, fy, cx, cy = camera[0], camera[1], camera[2], camera[3]
    a0, a1, a2 = x0 / fx, x1 / fx, x2 / fx
    b0, b1, b2 = y0 / fy, y1 / fy, y2 / fy
    c0, c1, c2 = z0 - a0 * cx - b0 * cy, z1 - a1 * cx - b1 * cy, z2 - a2 * cx - b2 * cy
    s = -1.0 if determinant < 0.0 else 1.0
    return Edges(s * a0, s * b0, s * c0, s * a1, s * b1, s * c1, s * a2, s * b2, s * c2, determinant)  # fmt: skip


@lean
def _point(vertices: NDArray[np.float32], vertex: int) -> tuple[float, float, float]:
    """In double precision, which `float` is not in a kernel."""
    return (
        np.float64(vertices[vertex, 0]),
        np.float64(vertices[vertex, 1]),
        np.float64(vertices[vertex, 2]),
    )


@lean
def crossings(edges: Edges) -> Crossings:
    """What `inside` wants, once for all rows."""
    step0, step1, step2 = 1.0 / edges.a0, 1.0 / edges.a1, 1.0 / edges.a2
    # Rounding moves a crossing by some 1e-12 of the columns that the edge runs along in a row.
    run = abs(edges.b0 * step0) + abs(edges.b1 * step1) + abs(edges.b2 * step2)
    return Crossings(step0, step1, step2, _UNSURE + 1e-9 * run)


@lean
def inside(
    edges: Edges, lines: Crossings, y: int, first: int, last: int, stride: int, offset: int
) -> tuple[int, int]:
    """First of the columns from `first` to `last` that lie inside on row y, and the one behind the last of them.

    Column n is at x = n * stride + offset. What is inside is where no edge function, as it is rounded, is
    below 0: one run, since rounded products and sums still grow with x.
    """
    row0 = edges.b0 * y + edges.c0
    row1 = edges.b1 * y + edges.c1
    row2 = edges.b2 * y + edges.c2
    if not lines.unsure < _FLAT:
        return _shrunk(edges, row0, row1, row2, first, last + 1, stride, offset)
    at0 = (-row0 * lines.step0 - offset) / stride
    at1 = (-row1 * lines.step1 - offset) / stride
    at2 = (-row2 * lines.step2 - offset) / stride
    low = max(
        at0 if edges.a0 > 0.0 else -_NOWHERE,
        at1 if edges.a1 > 0.0 else -_NOWHERE,
        at2 if edges.a2 > 0.0 else -_NOWHERE,
    )
    high = min(
        at0 if edges.a0 < 0.0 else _NOWHERE,
        at1 if edges.a1 < 0.0 else _NOWHERE,
        at2 if edges.a2 < 0.0 else _NOWHERE,
    )
    low, high = min(low, _NOWHERE), max(high, -_NOWHERE)
    begin = max(first, ceil(low - lines.unsure))
    end = min(last, floor(high + lines.unsure)) + 1
    if begin < end and (begin < low + lines.unsure or end - 1 > high - lines.unsure):
        return _shrunk(edges, row0, row1, row2, begin, end, stride, offset)
    return begin, end


@lean
def _shrunk(
    edges: Edges,
    row0: float,
    row1: float,
    row2: float,
    begin: int,
    end: int,
    stride: int,
    offset: int,
) -> tuple[int, int]:
    """What of a run is inside, asked from its ends."""
    while begin < end and _outside(edges, row0, row1, row2, begin * stride + offset):
        begin += 1
    while end > begin and _outside(edges, row0, row1, row2, (end - 1) * stride + offset):
        end -= 1
    return begin, end


@lean
def _outside(edges: Edges, row0: float, row1: float, row2: float, x: int) -> bool:
    return bool(
        (edges.a0 * x + row0 < 0.0) | (edges.a1 * x + row1 < 0.0) | (edges.a2 * x + row2 < 0.0)
    )


@lean
def span(
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    face: int,
    camera: NDArray[np.float64],
    near: float,
    axis: int,
) -> tuple[float, float]:
    """Least and greatest sample coordinate on one axis of the part of a face beyond `near`."""
    low, high = np.inf, -np.inf
    focal, centre = camera[axis], camera[axis + 2]
    for k in range(3):
        one, two = faces[face, k], faces[face, (k + 1) % 3]
        z, z_next = np.float64(vertices[one, 2]), np.float64(vertices[two, 2])
        here = np.float64(vertices[one, axis])
        if z >= near:
            place = here / z * focal + centre
            low, high = min(low, place), max(high, place)
        if (z < near) != (z_next < near):  # where the edge meets the near plane
            share = (near - z) / (z_next - z)
            place = (here * (1.0 - share) + vertices[two, axis] * share) / near * focal + centre
            low, high = min(low, place), max(high, place)
    return low, high
