"""What each sample of a picture shows, and which samples are shaded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing import raster, samples
from headkit.render.drawing.geometry import describe
from headkit.render.drawing.mesh import Mesh
from headkit.render.drawing.window import clear, window_of
from headkit.render.shading.shade import Scene
from headkit.render.surface import Material


@dataclass(frozen=True)
class Visible:
    """The sample grid of a W x H picture, and the N samples that are shaded: first pixel centres.

    inverse_at  (2 H + 1, 2 W + 1) 1/z, 0 the background
    surface_at  (2 H + 1, 2 W + 1) int16, -1 the background
    row_at      (2 H + 1, 2 W + 1) int32, which of the N samples has the colour, -1 the background: of pixel
                centres, and of all samples of pixels that are not plain
    plain       (H, W) whether all samples of a pixel agree with its centre
    window      of the pixels in which anything may be seen; the four grids are filled only there
    at          (N,) places in the grid (samples.place); the first `len(pixels)` are pixel centres
    pixels      flat places of these in the picture
    faces, owners, materials  (N,) int32 of each
    shares  (N, 3) float64 barycentric coordinates in space
    points, normals  (N, 3) float32 position and normal in the camera frame; normals point to the side that is seen
    """

    inverse_at: NDArray[np.float64]
    surface_at: NDArray[np.int16]
    row_at: NDArray[np.int32]
    plain: NDArray[np.bool_]
    window: samples.Window
    at: NDArray[np.int64]
    pixels: NDArray[np.int64]
    faces: NDArray[np.int32]
    owners: NDArray[np.int32]
    materials: NDArray[np.int32]
    shares: NDArray[np.float64]
    points: NDArray[np.float32]
    normals: NDArray[np.float32]


def see(mesh: Mesh, scene: Scene) -> Visible:
    """Draw the solid surfaces into scene.face_at and choose the samples to shade.

    What scene.face_at holds before does not matter; it is filled only in the window.
    """
    face_at, inverse_at = scene.face_at, np.empty(scene.face_at.shape)
    height, width = face_at.shape[0] // 2, face_at.shape[1] // 2
    window = window_of(mesh, scene.camera / 2, width, height)
    clear(face_at, inverse_at, window)
    raster.draw(
        mesh, np.flatnonzero(mesh.material != Material.LENS), scene.camera, face_at, inverse_at
    )
    surface_at = np.empty(face_at.shape, np.int16)
    row_at = np.empty(face_at.shape, np.int32)
    plain = np.empty((height, width), np.bool_)
    at = np.empty(face_at.size, np.int64)
    pixels = np.empty(height * width, np.int64)
    centres, others = samples.choose(
        face_at, inverse_at, window, mesh.surface, surface_at, row_at, plain, at, pixels
    )
    at = at[: centres + others].copy()
    faces, owners, materials = (np.empty(len(at), np.int32) for _ in range(3))
    points, normals = (np.empty((len(at), 3), np.float32) for _ in range(2))
    shares = np.empty((len(at), 3))
    describe(scene, at, mesh.material, faces, owners, materials, shares, points, normals)
    return Visible(
        inverse_at=inverse_at,
        surface_at=surface_at,
        row_at=row_at,
        plain=plain,
        window=window,
        at=at,
        pixels=pixels[:centres].copy(),
        faces=faces,
        owners=owners,
        materials=materials,
        shares=shares,
        points=points,
        normals=normals,
    )
