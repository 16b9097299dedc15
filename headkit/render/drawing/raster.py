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

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import CUT, STRAND, TWO_SIDED, Mesh
from headkit.render.drawing.noise import strand_noise
from headkit.render.jit import compiled

NEAR = 0.05  # metres: nothing nearer to the camera is drawn


@compiled
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
) -> None:
    """Draw faces into the buffers.

    face_at     (H, W) number of the face that is seen; `first` is the number of row 0 of `faces`
    inverse_at  (H, W) its 1/z; 0 where nothing is
    """
    height, width = face_at.shape
    corners = np.empty((3, 3))
    edge = np.empty((3, 3))
    strand = np.empty((3, 2))
    margin = np.empty(3)  # density over threshold: what the noise must make up to 1
    step = np.empty(3)
    nearest = 1.0 / near
    for face in range(len(faces)):
        for k in range(3):
            for axis in range(3):
                corners[k, axis] = vertices[faces[face, k], axis]
        if corners[0, 2] < near and corners[1, 2] < near and corners[2, 2] < near:
            continue
        left, right = span(corners, camera, near, 0)
        x_first, x_last = max(0, ceil(max(left, -1.0))), min(width - 1, floor(min(right, 1e9)))
        if x_first > x_last:
            continue
        top, bottom = span(corners, camera, near, 1)
        y_first, y_last = max(0, ceil(max(top, -1.0))), min(height - 1, floor(min(bottom, 1e9)))
        if y_first > y_last:
            continue
        determinant = edge_functions(corners, camera, edge)
        # above 0 the inner side is seen: faces are counter-clockwise from outside
        if determinant == 0.0 or (determinant > 0.0 and not flags & TWO_SIDED):
            continue
        size = abs(determinant)
        slope_x = (edge[0, 0] + edge[1, 0] + edge[2, 0]) / size
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
            inverse_row = (row0 + row1 + row2) / size
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
            for x in range(int(x_low), int(x_high) + 1):
                e0 = edge[0, 0] * x + row0
                e1 = edge[1, 0] * x + row1
                e2 = edge[2, 0] * x + row2
                if e0 < 0.0 or e1 < 0.0 or e2 < 0.0:
                    continue
                inverse = slope_x * x + inverse_row
                if inverse <= inverse_at[y, x] or inverse > nearest:
                    continue
                if flags & CUT:
                    share = 1.0 / (e0 + e1 + e2)
                    over = share * (e0 * margin[0] + e1 * margin[1] + e2 * margin[2])
                    if over < 0.0:
                        continue
                    if over < 1.0:  # else any noise is enough
                        s = share * (e0 * strand[0, 0] + e1 * strand[1, 0] + e2 * strand[2, 0])
                        t = share * (e0 * strand[0, 1] + e1 * strand[1, 1] + e2 * strand[2, 1])
                        if strand_noise(s, t) + over < 1.0:
                            continue
                inverse_at[y, x] = inverse
                face_at[y, x] = first + face


@compiled
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


def draw(
    mesh: Mesh,
    surfaces: NDArray[np.intp],
    camera: NDArray[np.float64],
    face_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
) -> None:
    """Draw the numbered surfaces of a mesh, those that can be in the picture at all."""
    height, width = face_at.shape
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
            )


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
    for axis, size in ((0, width), (1, height)):
        places = np.array([low[axis], high[axis]])[:, None] / np.array([low[2], high[2]])
        places = places * camera[axis] + camera[axis + 2]
        if places.max() < -1.0 or places.min() > size:
            return False
    return True
