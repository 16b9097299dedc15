"""Rotations: Euler angles of a head, geodesic distance, rotation vectors, the 6D form.

A head's rotation R takes the model frame (x the subject's left, y up, z out of the face) to the camera frame
(x right, y down, z forward). A face that looks straight into the camera has R = diag(1, -1, -1).
The angles are those of F = diag(1, -1, -1) R, intrinsic Y X Z: F = Ry(yaw) Rx(-pitch) Rz(-roll).

    yaw   > 0  the nose turns to the image's right; full circle, 180 is seen from behind
    pitch > 0  the nose goes up
    roll  > 0  the head turns clockwise in the image

Pitch lies in [-90, 90]; at its ends only yaw +- roll is defined, and roll is set to 0.
All functions take leading batch axes, and compute in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

FRONTAL = np.diag([1.0, -1.0, -1.0])  # model frame to camera frame of a head that faces the camera
_POLE = 1 - 1e-12  # sine of pitch beyond which yaw and roll cannot be told apart


def rotation_from_euler(yaw: ArrayLike, pitch: ArrayLike, roll: ArrayLike) -> Array:
    """(..., 3, 3) rotation of a head with these angles in degrees; see the module for the signs."""
    angles = np.broadcast_arrays(
        *(np.deg2rad(np.asarray(a, dtype=np.float64)) for a in (yaw, pitch, roll))
    )
    y, p, r = angles
    turned = _about(1, y) @ _about(0, -p) @ _about(2, -r)
    return np.asarray(FRONTAL @ turned)


def euler_from_rotation(rotation: ArrayLike) -> Array:
    """(..., 3) yaw, pitch, roll in degrees of (..., 3, 3) rotations; yaw and roll in (-180, 180]."""
    f = FRONTAL @ np.asarray(rotation, dtype=np.float64)
    # F = Ry(a) Rx(b) Rz(c): F[1, 2] = -sin b, F[0, 2] = sin a cos b, F[2, 2] = cos a cos b,
    # F[1, 0] = cos b sin c, F[1, 1] = cos b cos c
    sine = np.clip(f[..., 1, 2], -1, 1)  # of pitch = -b
    pole = np.abs(sine) > _POLE
    yaw = np.where(
        pole, np.arctan2(-f[..., 2, 0], f[..., 0, 0]), np.arctan2(f[..., 0, 2], f[..., 2, 2])
    )
    roll = np.where(pole, 0.0, -np.arctan2(f[..., 1, 0], f[..., 1, 1]))
    degrees = np.rad2deg(np.stack([yaw, np.arcsin(sine), roll], axis=-1))
    degrees[..., ::2][degrees[..., ::2] <= -180] += 360
    return np.asarray(degrees + 0.0)  # no -0


def vggheads_angles(rotation: ArrayLike) -> Array:
    """(..., 3) roll, pitch, yaw in degrees by the convention of the VGGHeads code, for its published numbers only.

    scipy's Rotation.from_matrix(R^T).as_euler("xyz"), extrinsic, with 180 taken from the first angle: yaw is below 0
    with the nose to the image's right and never beyond 90, so that a head from behind has roll and pitch near 180.
    The code then sets all three to 0 where one is beyond 135; this does not.
    """
    m = np.swapaxes(np.asarray(rotation, dtype=np.float64), -1, -2)
    # R^T = Rz(c) Ry(b) Rx(a)
    a = np.arctan2(m[..., 2, 1], m[..., 2, 2])
    b = np.arcsin(np.clip(-m[..., 2, 0], -1, 1))
    c = np.arctan2(m[..., 1, 0], m[..., 0, 0])
    return np.asarray(wrapped(np.rad2deg(np.stack([c, a - np.pi, b], axis=-1))))


def rotation_from_vggheads(roll: ArrayLike, pitch: ArrayLike, yaw: ArrayLike) -> Array:
    """(..., 3, 3) rotation of `vggheads_angles`, in degrees; AFLW2000-3D and 300W-LP publish the same angles."""
    c, a, b = (
        np.deg2rad(np.asarray(angle, dtype=np.float64) + shift)
        for angle, shift in ((roll, 0), (pitch, 180), (yaw, 0))
    )
    turned = _about(2, c) @ _about(1, b) @ _about(0, a)
    return np.asarray(np.swapaxes(turned, -1, -2))


def wrapped(degrees: ArrayLike) -> Array:
    """(...) the same angles in (-180, 180]."""
    return np.asarray(180 - (180 - np.asarray(degrees, dtype=np.float64)) % 360)


def geodesic(first: ArrayLike, second: ArrayLike) -> Array:
    """(...) angle in degrees of the rotation that takes one (..., 3, 3) rotation to the other, 0 to 180.

    From the chord |A - B| = 2 sqrt(2) sin(angle / 2), which, unlike the trace, is exact for small angles.
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    chord = np.sqrt((difference**2).sum(axis=(-2, -1)))
    return np.asarray(np.rad2deg(2 * np.arcsin(np.clip(chord / np.sqrt(8), 0, 1))))


def rodrigues(vector: ArrayLike) -> Array:
    """(..., 3, 3) rotation by |vector| radians about a (..., 3) rotation vector."""
    vector = np.asarray(vector, dtype=np.float64)
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    cross = _cross_matrix(vector)
    # sinc keeps both factors exact near 0: sin(a) / a and (1 - cos a) / a^2 = sinc(a / 2)^2 / 2
    first = np.sinc(angle / np.pi)
    second = np.sinc(angle / (2 * np.pi)) ** 2 / 2
    return np.asarray(np.eye(3) + first * cross + second * (cross @ cross))


def rotation_vector(rotation: ArrayLike) -> Array:
    """(..., 3) rotation vector in radians, of length at most pi, of (..., 3, 3) rotations; inverse of `rodrigues`.

    By way of the unit quaternion (Shepperd 1978), which is stable at every angle.
    """
    r = np.asarray(rotation, dtype=np.float64)
    trace = np.trace(r, axis1=-2, axis2=-1)
    diagonal = np.diagonal(r, axis1=-2, axis2=-1)
    four = np.concatenate([trace[..., None], diagonal], axis=-1)  # which component is largest
    w, x, y, z = (
        (
            1 + trace,
            r[..., 2, 1] - r[..., 1, 2],
            r[..., 0, 2] - r[..., 2, 0],
            r[..., 1, 0] - r[..., 0, 1],
        ),
        (
            r[..., 2, 1] - r[..., 1, 2],
            1 + 2 * diagonal[..., 0] - trace,
            r[..., 0, 1] + r[..., 1, 0],
            r[..., 0, 2] + r[..., 2, 0],
        ),
        (
            r[..., 0, 2] - r[..., 2, 0],
            r[..., 0, 1] + r[..., 1, 0],
            1 + 2 * diagonal[..., 1] - trace,
            r[..., 1, 2] + r[..., 2, 1],
        ),
        (
            r[..., 1, 0] - r[..., 0, 1],
            r[..., 0, 2] + r[..., 2, 0],
            r[..., 1, 2] + r[..., 2, 1],
            1 + 2 * diagonal[..., 2] - trace,
        ),
    )
    rows = np.stack([np.stack(row, axis=-1) for row in (w, x, y, z)], axis=-2)
    best = four.argmax(axis=-1)[..., None, None]
    q = np.take_along_axis(rows, np.broadcast_to(best, (*best.shape[:-1], 4)), axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    q = np.where(q[..., :1] < 0, -q, q)
    length = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(length, q[..., :1])
    scale = np.where(length > 1e-12, angle / np.maximum(length, 1e-300), 2.0)
    return np.asarray(q[..., 1:] * scale)


def six_d(rotation: ArrayLike) -> Array:
    """(..., 6) first two columns of (..., 3, 3) rotations, one after the other (Zhou et al. 2019)."""
    r = np.asarray(rotation, dtype=np.float64)
    return np.concatenate([r[..., :, 0], r[..., :, 1]], axis=-1)


def rotation_from_six_d(vector: ArrayLike) -> Array:
    """(..., 3, 3) rotation whose first two columns are the (..., 6) vector, made orthonormal (Gram-Schmidt)."""
    v = np.asarray(vector, dtype=np.float64)
    first = v[..., :3] / np.linalg.norm(v[..., :3], axis=-1, keepdims=True)
    second = v[..., 3:] - (first * v[..., 3:]).sum(axis=-1, keepdims=True) * first
    second = second / np.linalg.norm(second, axis=-1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def rotation_between(start: ArrayLike, end: ArrayLike) -> Array:
    """(..., 3, 3) smallest rotation that takes direction `start` (..., 3) to direction `end`.

    Directions need not be unit vectors; opposite directions have no smallest rotation: ValueError.
    """
    a = np.asarray(start, dtype=np.float64)
    b = np.asarray(end, dtype=np.float64)
    a = a / np.linalg.norm(a, axis=-1, keepdims=True)
    b = b / np.linalg.norm(b, axis=-1, keepdims=True)
    cosine = (a * b).sum(axis=-1)
    if np.any(cosine < -1 + 1e-12):
        raise ValueError(
            "directions: opposite to one another, so that no smallest rotation joins them"
        )
    cross = _cross_matrix(np.cross(a, b))
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + cosine)[..., None, None])


def _about(axis: int, angle: NDArray[Any]) -> Array:
    """(..., 3, 3) rotation by `angle` radians about a coordinate axis, right-handed."""
    one, two = (axis + 1) % 3, (axis + 2) % 3
    out = np.zeros((*np.shape(angle), 3, 3))
    out[..., axis, axis] = 1
    out[..., one, one] = out[..., two, two] = np.cos(angle)
    out[..., two, one] = np.sin(angle)
    out[..., one, two] = -np.sin(angle)
    return out


def _cross_matrix(vector: Array) -> Array:
    """(..., 3, 3) matrix M with M u = vector x u."""
    zero = np.zeros(vector.shape[:-1])
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(
        *vector.shape[:-1], 3, 3
    )
