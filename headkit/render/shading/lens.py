"""Lenses of glasses: thin, over what is seen through them; they hide nothing from the labels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing import raster
from headkit.render.drawing.mesh import NORMAL, OCCLUSION, Mesh
from headkit.render.jit import lean
from headkit.render.shading.light import KEY
from headkit.render.shading.paint import Paint
from headkit.render.shading.shade import (
    Scene,
    environment,
    fresnel,
    irradiance,
    locate,
    reflected,
    same,
    unit,
    value,
    vector,
)
from headkit.render.surface import Material

_F0: Final = 0.035  # coated glass


def lay_lenses(
    mesh: Mesh, scene: Scene, inverse_at: NDArray[np.float64], picture: NDArray[np.float32]
) -> None:
    """Blend the lenses that nothing hides over the (H, W, 3) picture, in place.

    inverse_at  1/z of the solid surfaces on the sample grid
    """
    lenses = np.flatnonzero(mesh.material == Material.LENS)
    if not len(lenses):
        return
    window = _window(mesh, lenses, scene.camera, picture.shape[0], picture.shape[1])
    if window is None:
        return
    top, left, bottom, right = window
    camera = scene.camera - np.array([0.0, 0.0, 2.0 * left, 2.0 * top])
    face_at, nearer = raster.buffers(2 * (bottom - top) + 1, 2 * (right - left) + 1)
    raster.draw(mesh, lenses, camera, face_at, nearer)
    solid = np.ascontiguousarray(inverse_at[2 * top : 2 * bottom + 1, 2 * left : 2 * right + 1])
    part = np.ascontiguousarray(picture[top:bottom, left:right])
    _blend(scene._replace(camera=camera, face_at=face_at), nearer, solid, part)
    picture[top:bottom, left:right] = part


def _window(
    mesh: Mesh, lenses: NDArray[np.intp], camera: NDArray[np.float64], height: int, width: int
) -> tuple[int, int, int, int] | None:
    """top, left, bottom, right of the pixels that the lenses may cover."""
    points = np.concatenate(
        [mesh.vertices[mesh.starts[n] : mesh.starts[n + 1]] for n in lenses]
    ).astype(np.float64)
    if points[:, 2].min() < raster.NEAR:
        return 0, 0, height, width
    places = points[:, :2] / points[:, 2:] * camera[:2] + camera[2:]
    left, top = np.clip(places.min(axis=0) // 2 - 1, 0, (width, height)).astype(int).tolist()
    right, bottom = np.clip(places.max(axis=0) // 2 + 2, 0, (width, height)).astype(int).tolist()
    return (top, left, bottom, right) if top < bottom and left < right else None


@lean
def _blend(
    scene: Scene,
    nearer: NDArray[np.float64],
    inverse_at: NDArray[np.float64],
    picture: NDArray[np.float32],
) -> None:
    """Every pixel by the share of its samples on a lens."""
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            cover, row, column = 0.0, -1, -1
            for j in range(2 * y, 2 * y + 3):
                for i in range(2 * x, 2 * x + 3):
                    if nearer[j, i] > inverse_at[j, i]:
                        weight = (2.0 if j == 2 * y + 1 else 1.0) * (2.0 if i == 2 * x + 1 else 1.0)
                        cover += weight / 16.0
                        if row < 0 or (j == 2 * y + 1 and i == 2 * x + 1):
                            row, column = j, i
            if row >= 0:
                _glaze(scene, row, column, cover, picture[y, x])


@lean
def _glaze(scene: Scene, row: int, column: int, cover: float, pixel: NDArray[np.float32]) -> None:
    """One pixel with a lens over a share of it."""
    hit = locate(scene, row, column)
    paint = scene.paint[scene.owner[scene.surface[hit.face]]]
    view = unit(-hit.x, -hit.y, -hit.z)
    normal = unit(*vector(scene.attributes, hit, NORMAL))
    nv = normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2]
    if nv < 0.0:
        normal, nv = (-normal[0], -normal[1], -normal[2]), -nv
    mirror = unit(
        2.0 * nv * normal[0] - view[0],
        2.0 * nv * normal[1] - view[1],
        2.0 * nv * normal[2] - view[2],
    )
    opacity, occlusion = paint[Paint.LENS_OPACITY], value(scene.attributes, hit, OCCLUSION)
    mirrored = fresnel(nv, _F0)
    lamp = reflected(scene.light, KEY, 0.0, normal, view, 0.08, _F0, 0.0)
    light = irradiance(scene.light, normal, same(1.0), same(occlusion), same(0.0))
    for channel in range(3):
        seen = pixel[channel] * (1.0 - mirrored)
        body = 0.6 * paint[Paint.LENS + channel] * light[channel]
        shine = mirrored * environment(scene.light, mirror[0], mirror[1], mirror[2], channel)
        shine += min(lamp, 0.15) * scene.light[KEY + 3 + channel]
        glazed = seen * (1.0 - opacity) + body * opacity + shine
        pixel[channel] += cover * (glazed - pixel[channel])
