"""Meshes to pixels: which triangle is seen at each pixel centre, and how far away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import COLUMNS, TWO_SIDED
from headkit.render.drawing.raster import NEAR, buffers, draw_faces, tile_buffer

Array = NDArray[np.float64]

_NO_STRANDS = np.zeros((1, COLUMNS), np.float32)


@dataclass(frozen=True, eq=False)
class Mesh:
    """vertices (V, 3) in the camera frame, metres; faces (F, 3) int32, counter-clockwise from outside."""

    vertices: NDArray[Any]
    faces: NDArray[np.int32]


def draw(
    meshes: Sequence[Mesh], K: Array, width: int, height: int, *, two_sided: bool = False
) -> tuple[NDArray[np.int32], Array]:
    """(height, width) numbers of the faces that are seen, and their 1/z; -1 and 0 in the background.

    Faces are counted through all meshes in turn. two_sided  whether they are seen from inside as well
    """
    face_at, inverse_at = buffers(height, width)
    tiles = tile_buffer(height, width)
    camera = np.array([K[0, 0], K[1, 1], K[0, 2] - 0.5, K[1, 2] - 0.5])  # samples at pixel centres
    first = 0
    for mesh in meshes:
        draw_faces(
            np.ascontiguousarray(mesh.vertices, np.float32),
            _NO_STRANDS,
            np.ascontiguousarray(mesh.faces, np.int32),
            first,
            TWO_SIDED if two_sided else 0,
            camera,
            NEAR,
            face_at,
            inverse_at,
            tiles,
        )
        first += len(mesh.faces)
    return face_at, inverse_at


def draw_depth(meshes: Sequence[Mesh], K: Array, width: int, height: int) -> Array:
    """(height, width) metres along the camera's axis to what is seen; 0 the background."""
    _, inverse_at = draw(meshes, K, width, height)
    return np.where(inverse_at > 0, 1.0 / np.maximum(inverse_at, 1e-12), 0.0)
