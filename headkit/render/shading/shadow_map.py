"""Depth maps of the key light: how far it comes before something stops it, texel by texel.

The light stands so far away that all it meets lies well before it: triangles are projected once and drawn
with linear depth, without a near plane and without the exactness that labels need (raster.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import CUT, STRAND, TWO_SIDED, Mesh
from headkit.render.drawing.noise import strand_noise
from headkit.render.jit import lean
from headkit.render.shading.light import KEY
from headkit.render.surface import Material

FAR: Final = 40.0  # metres from the camera to the light: rays are parallel to 1 degree in a metre


@dataclass(frozen=True)
class Casters:
    """A mesh as the light sees it.

    rotation, translation  from the camera frame to the light's, which looks along its +z
    places                 (V, 3) float32: x / z, y / z, z of the vertices in the light's frame
    boxes                  (S, 2, 3) float64: least and greatest place of each surface
    """

    mesh: Mesh
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    places: NDArray[np.float32]
    boxes: NDArray[np.float64]


def casters(mesh: Mesh, light: NDArray[np.float64]) -> Casters:
    """The mesh from the key light of a row of Lighting."""
    forward = -light[KEY : KEY + 3]
    side = np.cross(forward, [0.0, 0.0, 1.0] if abs(forward[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    rotation = np.stack([side, np.cross(forward, side), forward])
    translation = np.array([0.0, 0.0, FAR])
    places = np.empty((len(mesh.vertices), 3), np.float32)
    boxes = np.zeros((len(mesh.material), 2, 3))
    for number, box in enumerate(boxes):
        rows = slice(mesh.starts[number], mesh.starts[number + 1])
        _project(mesh.vertices[rows], rotation, translation, places[rows], box)
    return Casters(mesh, rotation, translation, places, boxes)


@lean
def _project(
    points: NDArray[np.float32],
    rotation: NDArray[np.float64],
    translation: NDArray[np.float64],
    places: NDArray[np.float32],
    box: NDArray[np.float64],
) -> None:
    """Fill places (N, 3) and their bounds (2, 3)."""
    box[0], box[1] = np.inf, -np.inf
    for n in range(len(points)):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        u = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z + translation[0]
        v = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z + translation[1]
        w = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z + translation[2]
        u, v = u / w, v / w
        places[n, 0], places[n, 1], places[n, 2] = u, v, w
        box[0, 0], box[1, 0] = min(box[0, 0], u), max(box[1, 0], u)
        box[0, 1], box[1, 1] = min(box[0, 1], v), max(box[1, 1], v)
        box[0, 2], box[1, 2] = min(box[0, 2], w), max(box[1, 2], w)


def fitted(
    seen: Casters, points: NDArray[np.float32], size: int
) -> tuple[NDArray[np.float64], float]:
    """The light's camera (f, f, cx, cy) whose picture just holds (N, 3) points, and metres per texel."""
    box = np.empty((2, 3))
    _project(points, seen.rotation, seen.translation, np.empty_like(points), box)
    low, high = box[0, :2], box[1, :2]
    focal = (size - 9) / max(float((high - low).max()), 1e-4)
    centre = (size - 1) / 2 - focal * (low + high) / 2
    return np.array([focal, focal, centre[0], centre[1]]), FAR / focal


def depth_map(seen: Casters, camera: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """(size, size) metres from the light to what it meets first; infinity where nothing is."""
    depth_at = np.full((size, size), np.inf, np.float32)
    mesh = seen.mesh
    for number in np.flatnonzero(mesh.material != Material.LENS):
        box = seen.boxes[number, :, :2] * camera[:2] + camera[2:]
        if (box[0] <= size - 1).all() and (box[1] >= 0).all():
            faces = mesh.faces[mesh.first[number] : mesh.first[number + 1]]
            _draw(
                seen.places, mesh.attributes, faces, int(mesh.flags[number]), camera, depth_at
            )  # fmt: skip
    return depth_at


@lean
def _draw(
    places: NDArray[np.float32],
    attributes: NDArray[np.float32],
    faces: NDArray[np.int32],
    flags: int,
    camera: NDArray[np.float64],
    depth_at: NDArray[np.float32],
) -> None:
    """Draw the faces of one surface."""
    size = depth_at.shape[0]
    focal, centre_x, centre_y = camera[0], camera[2], camera[3]
    for face in range(len(faces)):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        ax, ay = places[i, 0] * focal + centre_x, places[i, 1] * focal + centre_y
        bx, by = places[j, 0] * focal + centre_x, places[j, 1] * focal + centre_y
        cx, cy = places[k, 0] * focal + centre_x, places[k, 1] * focal + centre_y
        x_first, x_last = ceil(min(ax, bx, cx)), floor(max(ax, bx, cx))
        y_first, y_last = ceil(min(ay, by, cy)), floor(max(ay, by, cy))
        x_first, x_last = max(0, x_first), min(size - 1, x_last)
        y_first, y_last = max(0, y_first), min(size - 1, y_last)
        if x_first > x_last or y_first > y_last:
            continue
        bx, by, cx, cy = bx - ax, by - ay, cx - ax, cy - ay
        turn = bx * cy - cx * by  # below 0 where the outer side is lit, as faces are wound
        if turn == 0.0 or (turn > 0.0 and not flags & TWO_SIDED):
            continue
        depth, rise_b, rise_c = places[i, 2], places[j, 2], places[k, 2]
        rise_b, rise_c = rise_b - depth, rise_c - depth
        # shares of vertices b and c in a texel, and of a, which is the rest
        b_x, b_y, c_x, c_y = cy / turn, -cx / turn, -by / turn, bx / turn
        a_x, a_y = -b_x - c_x, -b_y - c_y
        step_a, step_b, step_c = 1.0 / a_x, 1.0 / b_x, 1.0 / c_x
        for y in range(y_first, y_last + 1):
            down = y - ay
            in_a, in_b, in_c = 1.0 + down * a_y, down * b_y, down * c_y
            at_a, at_b, at_c = ax - in_a * step_a, ax - in_b * step_b, ax - in_c * step_c
            left = max(
                at_a if a_x > 0.0 else 0.0, at_b if b_x > 0.0 else 0.0, at_c if c_x > 0.0 else 0.0
            )
            right = min(
                at_a if a_x < 0.0 else size,
                at_b if b_x < 0.0 else size,
                at_c if c_x < 0.0 else size,
            )
            line = depth_at[y]
            for x in range(
                max(x_first, ceil(min(left, size))), min(x_last, floor(max(right, -1.0))) + 1
            ):
                b, c = in_b + (x - ax) * b_x, in_c + (x - ax) * c_x
                here = depth + b * rise_b + c * rise_c
                if here >= line[x] or (flags & CUT and _cut(attributes, i, j, k, b, c)):
                    continue
                line[x] = here


@lean
def _cut(attributes: NDArray[np.float32], i: int, j: int, k: int, b: float, c: float) -> bool:
    """Whether light passes between strands at the shares b and c of vertices j and k."""
    a = 1.0 - b - c
    at_i, at_j, at_k = attributes[i], attributes[j], attributes[k]
    over = a * (at_i[STRAND + 2] - at_i[STRAND + 3])
    over += b * (at_j[STRAND + 2] - at_j[STRAND + 3]) + c * (at_k[STRAND + 2] - at_k[STRAND + 3])
    if over < 0.0 or over >= 1.0:
        return bool(over < 0.0)
    s = a * at_i[STRAND] + b * at_j[STRAND] + c * at_k[STRAND]
    t = a * at_i[STRAND + 1] + b * at_j[STRAND + 1] + c * at_k[STRAND + 1]
    return bool(strand_noise(s, t) + over < 1.0)
