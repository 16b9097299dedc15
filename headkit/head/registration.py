"""Lays headkit's own head over a foreign template, so that landmarks and parts of ours name vertices of theirs.

Both templates are of one kind (a neutral head with a neck, x the subject's left, y up, z out of the face, metres),
so a similarity and a few dozen shape coefficients bring them together: iterated closest points (Besl and McKay
1992) with the statistical prior of our basis, points whose normals disagree left out.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.head.alignment import similarity
from headkit.head.model import HeadModel

Array = NDArray[Any]
Points = NDArray[np.float64]

MODES = 60  # shape coefficients that may move
STEPS = 12
PRIOR = 0.002  # metres: a coefficient of 1 costs as much as one point that is this far off
AGREE = 0.3  # cosine between normals below which two points are not the same place
THIN = 4  # every fourth vertex of the head is enough to lay it over
_BLOCK = 512  # rows of a distance table computed at once


def nearest_vertices(own: HeadModel, template: Array, faces: Array) -> NDArray[np.int32]:
    """(D,) int32 vertices of `template` (V, 3) for the dense points of `own`, the 68 landmarks first."""
    points, normals = _registered(own, template, faces)
    theirs = vertex_normals(template, faces)
    return _closest(points[own.dense], normals[own.dense], template, theirs)[0].astype(np.int32)


def nearest_parts(own: HeadModel, template: Array, faces: Array) -> NDArray[np.uint8]:
    """(F,) uint8 parts of the faces of `template`: of the face of ours that is nearest."""
    points, _ = _registered(own, template, faces)
    ours = points[own.faces].mean(axis=1)
    theirs = template[faces].mean(axis=1)
    found = _closest(
        theirs, _face_normals(template, faces), ours, _face_normals(points, own.faces)
    )[0]
    return np.asarray(own.parts[found], dtype=np.uint8)


def projected_uv(template: Array, faces: Array) -> NDArray[np.float32]:
    """(3 F, 2) float32 texture coordinates of the faces' corners: a cylinder about the head, face in the middle.

    Published files hold none; the corners of a face stay on one side of the seam at the back of the head. But for the
    faces there, a vertex has the same coordinates in all of its faces, to the bit.
    """
    x, y, z = np.asarray(template, dtype=np.float64).T
    around = (np.arctan2(x, z) / (2 * np.pi) + 0.5)[faces]
    around += np.rint(around[:, :1] - around)
    height = ((y - y.min()) / (y.max() - y.min()))[faces]
    return np.stack([around, height], axis=-1).reshape(-1, 2).astype(np.float32)


def vertex_normals(vertices: Array, faces: Array) -> Points:
    """(V, 3) unit normals, the faces' normals weighted by area; zero where a vertex has no face."""
    around = _face_normals(vertices, faces, unit=False)
    out = np.zeros((len(vertices), 3))
    for corner in range(3):
        np.add.at(out, faces[:, corner], around)
    return _unit(out)


def _face_normals(vertices: Array, faces: Array, *, unit: bool = True) -> Points:
    a, b, c = np.moveaxis(np.asarray(vertices, dtype=np.float64)[faces], 1, 0)
    normals = np.cross(b - a, c - a)
    return _unit(normals) if unit else normals


def _unit(vectors: Points) -> Points:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1))


@functools.lru_cache(maxsize=1)
def _registered_once(own: HeadModel, template: bytes, faces: bytes) -> tuple[Points, Points]:
    goal = np.frombuffer(template, dtype=np.float64).reshape(-1, 3)
    triangles = np.frombuffer(faces, dtype=np.int64).reshape(-1, 3)
    goal_normals = vertex_normals(goal, triangles)
    basis = own.shape_basis[:MODES].astype(np.float64)
    points = own.template.astype(np.float64)
    rigid = own.jaw_weights < 0.5  # mouths rest anyhow
    some = np.flatnonzero(own.head_mask)[::THIN]  # necks end anywhere
    scale, turn, shift = 1.0, np.eye(3), _middle(goal) - _middle(points)
    weights = np.zeros(len(basis))
    for step in range(STEPS):
        early = step < STEPS // 3
        shaped = points + np.tensordot(weights, basis, axes=1)
        moved = scale * shaped @ turn.T + shift
        normals = vertex_normals(moved, own.faces)
        found, distance, agree = _closest(moved[some], normals[some], goal, goal_normals)
        near = distance < max(0.04 * 0.7**step, 0.006)
        pairs = np.flatnonzero(agree & near & (rigid[some] if early else True))
        chosen, theirs = some[pairs], goal[found[pairs]]
        scale, turn, shift = similarity(shaped[chosen], theirs)
        if not early:
            wanted = (theirs - shift) @ turn / scale - points[chosen]
            weights = _ridge(basis[:, chosen], wanted)
    shaped = points + np.tensordot(weights, basis, axes=1)
    moved = scale * shaped @ turn.T + shift
    return moved, vertex_normals(moved, own.faces)


def _registered(own: HeadModel, template: Array, faces: Array) -> tuple[Points, Points]:
    """Vertices (V, 3) of our head laid over `template`, and their normals."""
    goal = np.ascontiguousarray(template, dtype=np.float64)
    return _registered_once(own, goal.tobytes(), np.ascontiguousarray(faces, np.int64).tobytes())


def _middle(points: Points) -> Points:
    """(3,) a point that heads with any length of neck have in common: under the crown, behind the nose's tip."""
    top, front = points[:, 1].max(), points[:, 2].max()
    return np.array([0.0, top - 0.13, front - 0.11])


def _ridge(basis: Points, wanted: Points) -> Points:
    """(K,) coefficients that move the points (N, 3) as wanted, at their statistical price."""
    rows = basis.reshape(len(basis), -1)
    normal = rows @ rows.T + PRIOR**2 * len(wanted) * np.eye(len(rows)) / 100
    return np.asarray(np.linalg.solve(normal, rows @ wanted.ravel()))


def _closest(
    points: Array, normals: Array, goal: Array, goal_normals: Array
) -> tuple[NDArray[np.int64], Points, NDArray[np.bool_]]:
    """Of each of `points` (N, 3): the vertex of `goal` nearest among those that face the same way.

    Returns its number (N,), how far it is in metres (N,), and whether there was one (N,).
    """
    found = np.zeros(len(points), np.int64)
    distance = np.zeros(len(points))
    agree = np.zeros(len(points), np.bool_)
    size = (goal**2).sum(axis=1)
    for start in range(0, len(points), _BLOCK):
        rows = slice(start, start + _BLOCK)
        squared = size - 2 * points[rows] @ goal.T + (points[rows] ** 2).sum(axis=1)[:, None]
        facing = normals[rows] @ goal_normals.T > AGREE
        squared = np.where(
            facing, squared, squared + 1.0
        )  # a metre: only where nothing faces that way
        found[rows] = squared.argmin(axis=1)
        best = squared[np.arange(len(squared)), found[rows]]
        agree[rows] = best < 1
        distance[rows] = np.sqrt(np.maximum(best, 0))
    return found, distance, agree
