"""The 413-vector that users of VGGHeads have, in its three frames, and to and from a head in a camera.

Layout (FlameParams.from_3dmm of the VGGHeads code; its own serialiser swaps jaw and rotation, and is not followed):

    0:300  shape    300:400  expression    400:403  jaw    403:409  rotation, 6D    409:412  translation    412  scale

A vertex V of the head (flame.ORIGIN is its origin) is first turned, X = R V, then seen by a scaled orthographic
camera. The frames differ in what the last four numbers mean:

    image     u = scale X_x + T_x,  v = scale X_y + T_y                       pixels of the picture
    network   the same, in pixels of the picture letterboxed to 640           what the published network gives
    crop      u = ((s' X_x + t_x) + 1) / 2 * 256 + left, s' = scale + 1       what the published data set stores;
              `left, top` is the corner of extended_bbox                      the 256 is constant, whatever the crop

Weak perspective is an approximation: `from_camera` says how many pixels it is off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headkit.head.camera import camera_rotation, project, view_rotation
from headkit.head.rotation import rotation_from_six_d, six_d

Array = NDArray[np.float64]

LENGTH = 413
NETWORK = 640  # pixels of the network's square input
CROP = 256  # pixels, in the formula of the crop frame
SMALLEST_SCALE = 1e-8  # the published decoders clamp at it


@dataclass(frozen=True)
class Vector413:
    """One head's vector by name: shape (300,), expression (100,), jaw (3,), six_d (6,), translation (3,), scale."""

    shape: Array
    expression: Array
    jaw: Array
    six_d: Array
    translation: Array
    scale: float

    @property
    def rotation(self) -> Array:
        """(3, 3) R; the published construction by way of the third column gives the same matrix."""
        return rotation_from_six_d(self.six_d)


@dataclass(frozen=True)
class Letterbox:
    """How a picture lies in the network's square: longest side to 640, centred, padding rounded down."""

    ratio: float
    left: int
    top: int


def letterbox(width: int, height: int) -> Letterbox:
    """The letterbox of a picture of that many pixels."""
    ratio = NETWORK / max(width, height)
    return Letterbox(
        ratio, (NETWORK - round(width * ratio)) // 2, (NETWORK - round(height * ratio)) // 2
    )


def read(vector: ArrayLike) -> Vector413:
    """The named parts of a (413,) vector. Raises ValueError on another length or on what is not finite."""
    v = np.asarray(vector, dtype=np.float64)
    if v.shape != (LENGTH,):
        raise ValueError(f"vector: shape {v.shape}, not ({LENGTH},)")
    if not np.isfinite(v).all():
        raise ValueError("vector: not finite")
    return Vector413(v[:300], v[300:400], v[400:403], v[403:409], v[409:412], float(v[412]))


def write(parts: Vector413) -> Array:
    """The (413,) vector of its parts; read(write(p)) == p. Raises ValueError on parts of other lengths."""
    joined = np.concatenate(
        [parts.shape, parts.expression, parts.jaw, parts.six_d, parts.translation, [parts.scale]]
    )
    if joined.shape != (LENGTH,) or len(parts.shape) != 300 or len(parts.expression) != 100:
        raise ValueError(f"vector: {len(joined)} numbers, not {LENGTH}")
    return joined


def image_from_network(parts: Vector413, box: Letterbox) -> Vector413:
    """Network frame to image frame. The published code leaves the translation behind; this does not."""
    corner = np.array([box.left, box.top, 0.0])
    return replace(
        parts,
        scale=max(parts.scale, SMALLEST_SCALE) / box.ratio,
        translation=(parts.translation - corner) / box.ratio,
    )


def network_from_image(parts: Vector413, box: Letterbox) -> Vector413:
    """Image frame to network frame."""
    corner = np.array([box.left, box.top, 0.0])
    return replace(
        parts, scale=parts.scale * box.ratio, translation=parts.translation * box.ratio + corner
    )


def image_from_crop(parts: Vector413, corner: ArrayLike) -> Vector413:
    """Crop frame to image frame; corner (2,): left and top of extended_bbox, pixels. The depth offset is 0."""
    left, top = np.asarray(corner, dtype=np.float64)
    half = CROP / 2
    x, y, _ = parts.translation
    return replace(
        parts,
        scale=max(parts.scale + 1, SMALLEST_SCALE) * half,
        translation=np.array([left + half * (x + 1), top + half * (y + 1), 0.0]),
    )


def crop_from_image(parts: Vector413, corner: ArrayLike) -> Vector413:
    """Image frame to crop frame: the inverse, but for the depth offset, which the crop frame does not have."""
    left, top = np.asarray(corner, dtype=np.float64)
    half = CROP / 2
    x, y, _ = parts.translation
    return replace(
        parts,
        scale=parts.scale / half - 1,
        translation=np.array([(x - left) / half - 1, (y - top) / half - 1, 0.0]),
    )


def project_image(parts: Vector413, vertices: ArrayLike) -> Array:
    """(V, 3) of vertices (V, 3) metres, by a vector in the image or network frame: x, y in its pixels, z in its scale."""
    turned = np.asarray(vertices, dtype=np.float64) @ parts.rotation.T
    return np.asarray(max(parts.scale, SMALLEST_SCALE) * turned + parts.translation)


def project_crop(parts: Vector413, vertices: ArrayLike, corner: ArrayLike = (0.0, 0.0)) -> Array:
    """(V, 2) pixels by a vector in the crop frame, as the data set's authors project it."""
    turned = np.asarray(vertices, dtype=np.float64) @ parts.rotation.T
    flat = max(parts.scale + 1, SMALLEST_SCALE) * turned[:, :2] + parts.translation[:2]
    return np.asarray((flat + 1) / 2 * CROP + np.asarray(corner, dtype=np.float64))


def from_camera(
    shape: ArrayLike,
    expression: ArrayLike,
    jaw: ArrayLike,
    rotation: ArrayLike,
    translation: ArrayLike,
    K: ArrayLike,
    vertices: ArrayLike,
) -> tuple[Vector413, float]:
    """A head in a camera as a vector in the image frame, and the largest error of it over `vertices`, pixels.

    rotation (3, 3) and translation (3,) metres place the head in the camera K (3, 3); vertices (V, 3) metres are
    the head's own, unturned. Among scaled orthographic cameras that keep the head's origin where it is: turned by
    what the crop shows (the rotation about the ray, camera.view_rotation), at the scale f / Z.
    """
    k = np.asarray(K, dtype=np.float64)
    place = np.asarray(translation, dtype=np.float64)
    view = view_rotation(rotation, place)
    centre = project(place, k)
    focal = np.sqrt(k[0, 0] * k[1, 1])
    distance = np.linalg.norm(place)
    # A ray at angle a meets the picture 1 / cos^2 further out per radian along its direction and 1 / cos across it;
    # one scale cannot be both: their geometric mean.
    scale = focal / distance / (place[2] / distance) ** 1.5
    found = Vector413(
        _padded(shape, 300, "shape"),
        _padded(expression, 100, "expression"),
        np.asarray(jaw, dtype=np.float64),
        six_d(view),
        np.array([*centre, 0.0]),
        float(scale),
    )
    exact = project(np.asarray(vertices, dtype=np.float64) @ np.asarray(rotation).T + place, k)
    apart = np.linalg.norm(project_image(found, vertices)[:, :2] - exact, axis=1)
    return found, float(apart.max())


def to_camera(parts: Vector413, K: ArrayLike) -> tuple[Array, Array]:
    """rotation (3, 3) and translation (3,) metres of a vector in the image frame, in the camera K: the inverse."""
    k = np.asarray(K, dtype=np.float64)
    u, v = parts.translation[:2]
    ray = np.array([(u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1], 1.0])
    length = float(np.linalg.norm(ray))
    focal = np.sqrt(k[0, 0] * k[1, 1])
    distance = focal / parts.scale * length**1.5
    place = ray / length * distance
    return camera_rotation(parts.rotation, place), place


def _padded(values: Any, length: int, name: str) -> Array:
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or len(given) > length:
        raise ValueError(f"{name}: shape {given.shape}, but the vector takes {length} numbers")
    return np.pad(given, (0, length - len(given)))
