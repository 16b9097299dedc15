"""Where samples lie: position, normal and rest position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import NORMAL, REST
from headkit.render.jit import lean
from headkit.render.shading.shade import Scene, locate, seen_side, unit, vector


@lean
def describe(
    scene: Scene,
    at: NDArray[np.int64],
    faces: NDArray[np.int32],
    shares: NDArray[np.float64],
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    rest: NDArray[np.float32],
) -> None:
    """Fill (N, 3) rows for the samples `at`. Normals point to the side that is seen; shares as for recall."""
    for number in range(len(at)):
        hit = locate(scene, at[number] >> 16, at[number] & 0xFFFF)
        faces[number] = hit.face
        shares[number, 0], shares[number, 1], shares[number, 2] = hit.a, hit.b, hit.c
        normal = seen_side(scene, hit, unit(*vector(scene.attributes, hit, NORMAL)))
        points[number, 0], points[number, 1], points[number, 2] = hit.x, hit.y, hit.z
        normals[number, 0], normals[number, 1], normals[number, 2] = normal
        x, y, z = vector(scene.attributes, hit, REST)
        rest[number, 0], rest[number, 1], rest[number, 2] = x, y, z
