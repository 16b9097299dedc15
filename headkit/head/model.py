"""The 3D head: a linear shape and expression model with a jaw, and where its landmarks lie.

The class holds the head of headkit's own human (head.own) and any model of the FLAME family (head.flame: 5,023
vertices, a jaw joint with linear blend skinning, pose correctives), whose neck and eye joints stay at rest.
head.loading knows them by name.

Canonical frame: x the subject's left, y up, z out of the face, metres. The origin lies inside the head, half-way
between the centres of the eyes, moved back to the middle between nasion and occiput: it does not move with shape,
expression or jaw, and the head is seen at X = R v + t about it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headkit.head.rotation import rodrigues

Floats = NDArray[np.float32]
Array = NDArray[Any]

SCHEMES = ("ibug68", "dense")


@dataclass(frozen=True, eq=False)
class HeadModel:
    """V vertices, F faces, S shape and E expression coefficients. Arrays are read-only.

    name, sha256      the model and the digest of all that decides `vertices`; kept with every parameter set,
                      since nothing else would notice parameters decoded with another basis
    template          (V, 3) float32 mean head, canonical frame, metres
    shape_basis       (S, V, 3) float32, scaled so that coefficients have mean 0 and variance 1 over people
    expression_basis  (E, V, 3) float32 of the named facial actions, 0 at rest and 1 at full strength
    expression_names  (E,) ARKit names, where the model has them
    jaw_joint         (3,) float32 of the mean head
    jaw_joint_basis   (S + E, 3) float32: how the joint moves with shape, then expression
    jaw_weights       (V,) float32 share of each vertex that turns with the jaw
    pose_basis        (9, V, 3) float32 correctives of the row-major entries of (jaw rotation - 1), or None
    faces             (F, 3) int32, counter-clockwise from outside
    uv, uv_faces      (U, 2) float32 in 0..1 and (F, 3) int32 into it
    parts             (F,) uint8, the values of render.surface.Part
    head_mask         (V,) bool: skull, face and ears as far as they are rigid, so that no bend of the neck moves them;
                      holds all of `dense`
    landmarks68       (68,) int32 vertices in the iBUG order; 0 to 16 are fixed points of the jaw, not the contour
    dense             (D,) int32 vertices over the whole rigid head; the first 68 are `landmarks68`
    dense_mirror      (D,) int32: dense point k of a mirrored picture is point dense_mirror[k]; the first 68
                      entries serve `landmarks68`
    """

    name: str
    template: Floats
    shape_basis: Floats
    expression_basis: Floats
    expression_names: tuple[str, ...]
    jaw_joint: Floats
    jaw_joint_basis: Floats
    jaw_weights: Floats
    faces: NDArray[np.int32]
    uv: Floats
    uv_faces: NDArray[np.int32]
    parts: NDArray[np.uint8]
    head_mask: NDArray[np.bool_]
    landmarks68: NDArray[np.int32]
    dense: NDArray[np.int32]
    dense_mirror: NDArray[np.int32]
    pose_basis: Floats | None = None
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256()
        for array in (
            self.template,
            self.shape_basis,
            self.expression_basis,
            self.jaw_joint,
            self.jaw_joint_basis,
            self.jaw_weights,
            self.pose_basis,
        ):
            if array is not None:
                digest.update(str(array.shape).encode())
                digest.update(np.ascontiguousarray(array).data)
        object.__setattr__(self, "sha256", digest.hexdigest())
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def n_shape(self) -> int:
        return len(self.shape_basis)

    @property
    def n_expression(self) -> int:
        return len(self.expression_basis)

    def vertices(
        self,
        shape: ArrayLike | None = None,
        expression: ArrayLike | None = None,
        jaw: ArrayLike | None = None,
    ) -> Floats:
        """(V, 3) float32 vertices in the canonical frame, metres.

        shape (<= S,), expression (<= E,): coefficients, missing ones are 0; jaw (3,): rotation vector in radians
        about the jaw joint (x > 0 opens). Sums run in a fixed order, so the same numbers give the same bytes.
        Raises ValueError on coefficients that are too many or not finite.
        """
        weights = self.coefficients(shape, expression)
        out = self.template.copy()
        count = self.n_shape
        add_modes(out, self.shape_basis, weights[:count])
        add_modes(out, self.expression_basis, weights[count:])
        if jaw is not None:
            self.turn_jaw(out, weights, jaw)
        return out

    def coefficients(
        self, shape: ArrayLike | None = None, expression: ArrayLike | None = None
    ) -> Floats:
        """(S + E,) float32 of both kinds, padded with zeros. Raises ValueError as `vertices` does."""
        joined = np.zeros(self.n_shape + self.n_expression, dtype=np.float32)
        for name, values, start, room in (
            ("shape", shape, 0, self.n_shape),
            ("expression", expression, self.n_shape, self.n_expression),
        ):
            given = (
                np.zeros(0, np.float32) if values is None else np.asarray(values, dtype=np.float32)
            )
            if given.ndim != 1 or len(given) > room:
                raise ValueError(
                    f"{name}: shape {given.shape}, but {self.name} takes at most {room} coefficients"
                )
            if not np.isfinite(given).all():
                raise ValueError(f"{name}: not finite")
            joined[start : start + len(given)] = given
        return joined

    def expression(self, **actions: float) -> Floats:
        """Coefficients (E,) float32 of named actions, as in `expression(jawOpen=0.3, mouthSmileLeft=1)`.

        Raises KeyError on a name that the model does not have.
        """
        values = np.zeros(self.n_expression, dtype=np.float32)
        place = {name: k for k, name in enumerate(self.expression_names)}
        for name, strength in actions.items():
            values[place[name]] = strength
        return values

    def jaw_joint_of(self, coefficients: Floats) -> Array:
        """(3,) float64 jaw joint for (S + E,) coefficients."""
        moved = coefficients.astype(np.float64)[:, None] * self.jaw_joint_basis
        return np.asarray(self.jaw_joint + moved.sum(axis=0))

    def turn_jaw(self, out: Floats, coefficients: Floats, jaw: ArrayLike) -> None:
        """Turns the jaw of blended vertices (V, 3) in place: pose correctives, then v + w (R - 1)(v - J).

        Linear blend skinning with one joint; `coefficients` (S + E,) say where the joint J is.
        Raises ValueError on a jaw that is not three finite numbers.
        """
        vector = np.asarray(jaw, dtype=np.float64)
        if vector.shape != (3,) or not np.isfinite(vector).all():
            raise ValueError(f"jaw {vector}: must be a rotation vector of three finite numbers")
        turn = rodrigues(vector) - np.eye(3)
        if self.pose_basis is not None:
            add_modes(out, self.pose_basis, turn.ravel().astype(np.float32))
        arm = out - self.jaw_joint_of(coefficients)
        # Written out: a matrix product may sum in another order on another machine.
        moved = arm[:, :1] * turn[:, 0] + arm[:, 1:2] * turn[:, 1] + arm[:, 2:] * turn[:, 2]
        out += (self.jaw_weights[:, None] * moved).astype(np.float32)

    def landmarks(self, vertices: Array, scheme: str = "ibug68") -> Array:
        """The landmarks of (..., V, 3) vertices: (..., 68, 3) for "ibug68", (..., D, 3) for "dense"."""
        if scheme not in SCHEMES:
            raise ValueError(f"landmark scheme {scheme!r}: not one of {', '.join(SCHEMES)}")
        return vertices[..., self.landmarks68 if scheme == "ibug68" else self.dense, :]


def add_modes(out: Floats, basis: Floats, coefficients: Floats) -> None:
    """out (V, 3) += sum over k of coefficients[k] * basis[k], in the order of k, in float32."""
    flat = out.reshape(-1)
    rows = basis.reshape(len(basis), -1)
    term = np.empty_like(flat)
    for k in np.flatnonzero(coefficients):
        np.multiply(rows[k], coefficients[k], out=term)
        flat += term
