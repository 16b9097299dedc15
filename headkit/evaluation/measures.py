"""Errors of one head against its truth. Every function says whose definition it is.

R is a rotation (3, 3) from the head's frame to the camera's, points are pixels, vertices metres unless said.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headkit.head.alignment import similarity
from headkit.head.rotation import euler_from_rotation, rotation_vector, vggheads_angles, wrapped

Array = NDArray[Any]

OUTER_EYES = (36, 45)  # of the 68
INNER_EYES = (39, 42)
SEVEN = (
    36,
    39,
    42,
    45,
    33,
    48,
    54,
)  # eye corners, nose base, mouth corners: the rigid points of DAD-3DHeads and NoW
NEIGHBOURS = 5  # n of Z_n
EYE_UNITS = 20.0  # DAD-3DHeads: the inner eye corners of the truth are this far apart
_BLOCK = 256


def mean_distance(points: ArrayLike, truth: ArrayLike) -> float:
    """Mean distance of points (N, 2 or more) from true ones (N, 2 or more), by x and y."""
    a, b = np.asarray(points, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    return float(np.linalg.norm(a[:, :2] - b[:, :2], axis=1).mean())


def box_size(box: ArrayLike) -> float:
    """sqrt(width * height) of [x1, y1, x2, y2]: what DAD-3DHeads and AFLW2000-3D divide by.

    (A published evaluation multiplies x2 by y2 instead, and understates its error.)
    """
    x1, y1, x2, y2 = np.asarray(box, dtype=np.float64)
    return float(np.sqrt(max(x2 - x1, 0) * max(y2 - y1, 0)))


def eye_distance(landmarks: ArrayLike) -> float:
    """Between the outer corners of the eyes of 68 points, pixels: 300W's inter-ocular distance."""
    p = np.asarray(landmarks, dtype=np.float64)
    return float(np.linalg.norm(p[OUTER_EYES[0], :2] - p[OUTER_EYES[1], :2]))


def column_vectors(rotation: ArrayLike, truth: ArrayLike) -> float:
    """Mean angle in degrees between the columns of two rotations (MAEV; Cao et al. 2021, "A vector-based representation")."""
    a, b = np.asarray(rotation, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    chord = np.linalg.norm(a - b, axis=0)  # exact for small angles, where arccos is not
    return float(np.rad2deg(2 * np.arcsin(np.clip(chord / 2, 0, 1))).mean())


def angle_errors(rotation: ArrayLike, truth: ArrayLike, convention: str = "headkit") -> Array:
    """(3,) absolute errors of yaw, pitch, roll in degrees, wrapped at the seam.

    Never over 180, and not folded at 90 or 180 as one published test is, where a head turned round counts as right.
    """
    if convention == "vggheads":
        a, b = (vggheads_angles(r)[..., [2, 1, 0]] for r in (rotation, truth))
    else:
        a, b = euler_from_rotation(rotation), euler_from_rotation(truth)
    return np.abs(wrapped(a - b))


def frobenius(rotation: ArrayLike, truth: ArrayLike) -> float:
    """||I - R R_true^T||_F = 2 sqrt(2) sin(angle / 2): the pose error of DAD-3DHeads."""
    a, b = np.asarray(rotation, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    return float(np.linalg.norm(np.eye(3) - a @ b.T))


def within_interval(rotation: ArrayLike, truth: ArrayLike, deviation: ArrayLike) -> Array:
    """(3,) bool: whether the error about each axis lies in the stated 95% interval.

    deviation (3,): degrees, of d in R_true = exp(d) R.
    """
    turn = np.asarray(truth, dtype=np.float64) @ np.asarray(rotation, dtype=np.float64).T
    error = np.rad2deg(rotation_vector(turn))
    return np.asarray(np.abs(error) <= 1.959964 * np.asarray(deviation, dtype=np.float64))


def vertex_error(
    vertices: ArrayLike, truth: ArrayLike, landmarks: ArrayLike, chosen: ArrayLike
) -> float:
    """Mean distance in millimetres of the `chosen` vertices of one mesh from those of another of the same topology.

    Moved and turned, not scaled, by the seven rigid points among the 68 vertices `landmarks`: size counts. Exact
    correspondence, since nearest-point errors follow true ones loosely (M3DFB 2025 measures a correlation of .41).
    """
    a, b = np.asarray(vertices, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    seven = np.asarray(landmarks)[list(SEVEN)]
    _, turn, shift = similarity(a[seven], b[seven], scaled=False)
    chosen = np.asarray(chosen)
    return float(1000 * np.linalg.norm(a[chosen] @ turn.T + shift - b[chosen], axis=1).mean())


def z_order(vertices: ArrayLike, truth: ArrayLike) -> float:
    """Z_5 of DAD-3DHeads: share of (vertex, one of its 5 nearest true neighbours) whose order in depth is the true one.

    Both (K, 3), the same vertices, in the camera frame. As the paper defines it; the published script sorts its
    table of distances along the other axis, so that its "neighbours" are not near, and its figures are others.
    """
    a, b = np.asarray(vertices, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    size = (b**2).sum(axis=1)
    right = 0
    for start in range(0, len(b), _BLOCK):
        rows = slice(start, start + _BLOCK)
        distance = size - 2 * b[rows] @ b.T
        near = np.argpartition(distance, NEIGHBOURS, axis=1)[:, : NEIGHBOURS + 1]
        own = np.arange(len(b))[rows, None]
        ours = a[rows, None, 2] >= a[near, 2]
        theirs = b[rows, None, 2] >= b[near, 2]
        right += int(((ours == theirs) & (near != own)).sum())
    return right / (len(b) * NEIGHBOURS)


def chamfer(
    vertices: ArrayLike, seven: ArrayLike, truth: ArrayLike, true_seven: ArrayLike, eyes: ArrayLike
) -> float:
    """One-sided Chamfer distance of DAD-3DHeads: mean squared distance of true face vertices from the nearest found one.

    vertices (V, 3) with their `seven` points (7, 3) are laid over the truth (F, 3), `true_seven` (7, 3), by a
    similarity; the unit is a twentieth of the distance between the true inner eye corners, `eyes` (2, 3).
    """
    b, sevens = np.asarray(truth, dtype=np.float64), np.asarray(true_seven, dtype=np.float64)
    corners = np.asarray(eyes, dtype=np.float64)
    unit = EYE_UNITS / float(np.linalg.norm(corners[0] - corners[1]))
    scale, turn, shift = similarity(seven, sevens * unit)
    a = scale * np.asarray(vertices, dtype=np.float64) @ turn.T + shift
    return float((_nearest(b * unit, a) ** 2).mean())


def _nearest(points: Array, goal: Array) -> Array:
    """(N,) distance of each of `points` from the nearest of `goal`."""
    size = (goal**2).sum(axis=1)
    out = [
        (size - 2 * rows @ goal.T + (rows**2).sum(axis=1)[:, None]).min(axis=1)
        for rows in np.array_split(points, max(1, len(points) // _BLOCK))
    ]
    return np.asarray(np.sqrt(np.maximum(np.concatenate(out), 0)))
