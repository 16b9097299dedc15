"""Puts the mesh of another head model on our rendered heads: FLAME, whose colours a published ControlNet knows.

Both are known in 3D, so that nothing is guessed from pixels. A first pose comes from the points whose meaning both
models know (HeadModel.dense); then shape, expression, jaw and pose move together by damped Gauss-Newton steps, with
coefficients at their statistical price, pulled by these points and by the nearest places of our surface (iterated closest
points, point to plane: Besl and McKay 1992, Chen and Medioni 1992). What is left is the fit's residual: no basis holds
all heads of another, and the label is of the fitted mesh, not of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.conditioning.mesh_colors import ColoredHead, largest_piece
from headkit.head.alignment import similarity
from headkit.head.loading import load_head
from headkit.head.model import HeadModel
from headkit.head.registration import vertex_normals
from headkit.head.rotation import rodrigues, rotation_vector

Array = NDArray[np.float64]

SHAPES, EXPRESSIONS = 100, 50  # coefficients that move
STEPS = 8
_MARK = 0.003  # metres: how well a known point of one model is that of the other
_SURFACE = 0.001  # metres: how well surfaces are to meet
_INDEPENDENT = 400  # of the places on the surface, which lie close together
_THIN = 3  # every third vertex is enough
_JAW = 0.2  # radians that a jaw turns as easily as a coefficient grows to 1
_REACH = (0.03, 0.006)  # metres within which places belong together, at first and at last
_AGREE = 0.5  # cosine between normals below which they do not
_DAMPING = 1e-6


@dataclass(frozen=True, eq=False)
class Fit:
    """A head of the other model, at X = rotation v + translation; numbers as rounded as records have them.

    shape, expression   (SHAPES,) and (EXPRESSIONS,), what follows is 0; jaw (3,) rotation vector
    rotation            (3, 3); translation (3,) metres
    vertices            (V, 3) float64 in the camera frame
    residual            metres, root mean square distance of the head's vertices from our surface
    """

    shape: Array
    expression: Array
    jaw: Array
    rotation: Array
    translation: Array
    vertices: Array
    residual: float


class MeshFitter:
    """Fits one head model to heads of our own."""

    def __init__(self, head: ColoredHead) -> None:
        self.head = head
        model = head.model
        self._own = load_head()
        self._skin = np.flatnonzero(largest_piece(self._own))
        marks = np.asarray(model.dense, np.int64)
        places = head.vertices[::_THIN]
        self._marks = len(marks)
        self._part = _Part(model, np.concatenate([marks, places]))
        self._normals = vertex_normals(model.template, model.faces)[places]

    @property
    def model(self) -> HeadModel:
        """The other model."""
        return self.head.model

    def fit(self, own: NDArray[Any], rotation: Array, translation: Array) -> Fit:
        """The other model's head on one of ours.

        own  (V, 3) vertices of our head model in its own frame, as shaped and moved as the head is
        rotation, translation  of our head, model frame to camera frame
        """
        goal = _Surface(own.astype(np.float64), self._own, self._skin)
        marks = own[self._own.dense].astype(np.float64)
        found = self._solved(goal, marks)
        turn, shift = rotation @ found.rotation, rotation @ found.shift + translation
        shape, expression = np.split(found.coefficients.round(5), [SHAPES])
        jaw, turn, shift = found.jaw.round(5), turn.round(6), shift.round(5)
        model = self.model
        mesh = model.vertices(shape[: model.n_shape], expression[: model.n_expression], jaw)
        vertices = mesh.astype(np.float64) @ turn.T + shift
        back = (vertices[self.head.vertices] - translation) @ rotation
        residual = float(np.sqrt((goal.distances(back) ** 2).mean()))
        return Fit(shape, expression, jaw, turn, shift, vertices, residual)

    def _solved(self, goal: _Surface, marks: Array) -> _State:
        part = self._part
        _, turn, shift = similarity(part.template[: self._marks], marks, scaled=False)
        state = _State(np.zeros(SHAPES + EXPRESSIONS), np.zeros(3), turn, shift)
        for step in range(STEPS):
            placed, slopes = part.linear(state)
            reach = _REACH[0] * (_REACH[1] / _REACH[0]) ** (step / (STEPS - 1))
            apart = placed[: self._marks] - marks
            rows = slopes[: self._marks].reshape(-1, slopes.shape[2]) / _MARK
            wanted = -apart.ravel() / _MARK
            if step > 1:
                facing = self._normals @ state.rotation.T  # the template's are near enough
                across, normals, kept = goal.gaps(placed[self._marks :], facing, reach)
                price = _SURFACE * np.sqrt(max(len(kept), 1) / _INDEPENDENT)
                slope = (normals[:, None] @ slopes[self._marks :][kept])[:, 0]
                rows = np.concatenate([rows, slope / price])
                wanted = np.concatenate([wanted, -across / price])
            state = state.moved(_ridge(rows, wanted, state))
        return state


@dataclass(frozen=True, eq=False)
class _State:
    """Where the search is: coefficients (K,), jaw (3,), rotation (3, 3), shift (3,)."""

    coefficients: Array
    jaw: Array
    rotation: Array
    shift: Array

    def moved(self, step: Array) -> _State:
        """After a step (K + 9,) of the coefficients, jaw, rotation and shift, rotations from the left."""
        count = len(self.coefficients)
        jaw, turn, shift = np.split(step[count:], 3)
        return _State(
            self.coefficients + step[:count],
            rotation_vector(rodrigues(jaw) @ rodrigues(self.jaw)),
            rodrigues(turn) @ self.rotation,
            self.shift + shift,
        )


def _ridge(rows: Array, wanted: Array, state: _State) -> Array:
    """(P,) the step of least squares, the coefficients at their statistical price."""
    count = len(state.coefficients)
    price = np.full(rows.shape[1], _DAMPING)
    price[:count] = 1.0
    price[count : count + 3] = 1.0 / _JAW**2
    held = np.zeros(rows.shape[1])
    held[:count], held[count : count + 3] = state.coefficients, state.jaw / _JAW**2
    normal = rows.T @ rows + np.diag(price)
    return np.asarray(np.linalg.solve(normal, rows.T @ wanted - held))


class _Part:
    """Some vertices of a head model, as a function of its parameters. N vertices, K coefficients."""

    def __init__(self, model: HeadModel, chosen: NDArray[np.int64]) -> None:
        self._model = model
        shapes, expressions = model.shape_basis[:SHAPES], model.expression_basis[:EXPRESSIONS]
        basis = np.zeros((len(chosen), 3, SHAPES + EXPRESSIONS))
        joint = np.zeros((SHAPES + EXPRESSIONS, 3))
        basis[..., : len(shapes)] = np.moveaxis(shapes[:, chosen], 0, 2)
        basis[..., SHAPES : SHAPES + len(expressions)] = np.moveaxis(expressions[:, chosen], 0, 2)
        joint[: len(shapes)] = model.jaw_joint_basis[: len(shapes)]
        behind = model.jaw_joint_basis[model.n_shape :]
        joint[SHAPES : SHAPES + len(expressions)] = behind[: len(expressions)]
        self._basis, self._joint = basis, joint
        self.template: Array = model.template[chosen].astype(np.float64)
        self._weights = model.jaw_weights[chosen].astype(np.float64)[:, None]
        poses = model.pose_basis
        self._poses = None if poses is None else poses[:, chosen].astype(np.float64)

    def linear(self, state: _State) -> tuple[Array, Array]:
        """(N, 3) vertices at rotation v + shift, and (N, 3, K + 9) how they move with a step of the state.

        How the jaw's joint moves with the coefficients, and pose correctives, are in the vertices but not the slopes.
        """
        blended = self.template + self._basis @ state.coefficients
        arm = blended - (self._model.jaw_joint + state.coefficients @ self._joint)
        jaw = rodrigues(state.jaw)
        opened = arm @ jaw.T
        vertices = blended + self._weights * (opened - arm)
        if self._poses is not None:
            vertices = vertices + np.tensordot((jaw - np.eye(3)).ravel(), self._poses, axes=1)
        turned = vertices @ state.rotation.T
        bend = np.eye(3) + self._weights[:, None] * (jaw - np.eye(3))  # (N, 3, 3)
        by_basis = (state.rotation @ bend) @ self._basis
        by_jaw = -self._weights[:, None] * (state.rotation @ _cross(opened))
        still = np.broadcast_to(np.eye(3), by_jaw.shape)
        slopes = np.concatenate([by_basis, by_jaw, -_cross(turned), still], axis=2)
        return turned + state.shift, slopes


class _Surface:
    """The skin of one of our heads."""

    def __init__(self, vertices: Array, own: HeadModel, skin: NDArray[np.intp]) -> None:
        from scipy.spatial import cKDTree

        self._points = vertices[skin]
        self._normals = vertex_normals(vertices, own.faces)[skin]
        self._tree = cKDTree(self._points)

    def gaps(
        self, places: Array, normals: Array, reach: float
    ) -> tuple[Array, Array, NDArray[np.intp]]:
        """Of the places (N, 3) that belong to the surface: how far outside (M,), its normals (M, 3), which (M,)."""
        distance, nearest = self._tree.query(places)
        ours = self._normals[nearest]
        kept = np.flatnonzero((distance < reach) & ((ours * normals).sum(axis=1) > _AGREE))
        apart = places[kept] - self._points[nearest[kept]]
        return (ours[kept] * apart).sum(axis=1), ours[kept], kept

    def distances(self, places: Array) -> Array:
        """(N,) metres from the places (N, 3) to the plane of the surface at its nearest vertex."""
        _, nearest = self._tree.query(places)
        return np.asarray(((places - self._points[nearest]) * self._normals[nearest]).sum(axis=1))


def _cross(vectors: Array) -> Array:
    """(N, 3, 3) matrices that take w to v x w."""
    out = np.zeros((len(vectors), 3, 3))
    x, y, z = vectors.T
    out[:, 0, 1], out[:, 0, 2], out[:, 1, 2] = -z, y, -x
    out[:, 1, 0], out[:, 2, 0], out[:, 2, 1] = z, -y, x
    return out
