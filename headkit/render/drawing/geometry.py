"""Where samples lie, and on whom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import NORMAL
from headkit.render.jit import lean
from headkit.render.shading.shade import Scene, locate, seen_side, unit, vector


@lean
def describe(
    scene: Scene,
    at: NDArray[np.int64],
    material: NDArray[np.int32],
    faces: NDArray[np.int32],
    owners: NDArray[np.int32],
    materials: NDArray[np.int32],
    shares: NDArray[np.float64],
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
) -> None:
    """Fill rows for the samples `at`, as Visible has them. material (S,) of the scene's surfaces."""
    for number in range(len(at)):
        hit = locate(scene, at[number] >> 16, at[number] & 0xFFFF)
        surface = scene.surface[hit.face]
        faces[number], owners[number] = hit.face, scene.owner[surface]
        materials[number] = material[surface]
        shares[number, 0], shares[number, 1], shares[number, 2] = hit.a, hit.b, hit.c
        normal = seen_side(scene, hit, unit(*vector(scene.attributes, hit, NORMAL)))
        points[number, 0], points[number, 1], points[number, 2] = hit.x, hit.y, hit.z
        normals[number, 0], normals[number, 1], normals[number, 2] = normal
