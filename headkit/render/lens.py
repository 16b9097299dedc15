"""Lenses of glasses: thin, over what is seen through them; they hide nothing from the labels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render import raster
from headkit.render.jit import compiled
from headkit.render.light import KEY
from headkit.render.mesh import NORMAL, OCCLUSION, Mesh
from headkit.render.paint import Paint
from headkit.render.shade import (
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
    face_at, nearer = raster.buffers(*inverse_at.shape)
    raster.draw(mesh, lenses, scene.camera, face_at, nearer)
    rows, columns = np.nonzero(nearer > inverse_at)
    if len(rows):
        window = (
            max(0, int(rows.min()) // 2 - 1), max(0, int(columns.min()) // 2 - 1),
            min(picture.shape[0], int(rows.max()) // 2 + 1),
            min(picture.shape[1], int(columns.max()) // 2 + 1),
        )  # fmt: skip
        _blend(scene._replace(face_at=face_at), nearer, inverse_at, window, picture)


@compiled
def _blend(
    scene: Scene,
    nearer: NDArray[np.float64],
    inverse_at: NDArray[np.float64],
    window: tuple[int, int, int, int],
    picture: NDArray[np.float32],
) -> None:
    """Every pixel of the window (top, left, bottom, right) by the share of its samples on a lens."""
    width = nearer.shape[1]
    for y in range(window[0], window[2]):
        for x in range(window[1], window[3]):
            cover, sample = 0.0, -1
            for j in range(2 * y, 2 * y + 3):
                for i in range(2 * x, 2 * x + 3):
                    if nearer[j, i] > inverse_at[j, i]:
                        weight = (2.0 if j == 2 * y + 1 else 1.0) * (2.0 if i == 2 * x + 1 else 1.0)
                        cover += weight / 16.0
                        if sample < 0 or (j == 2 * y + 1 and i == 2 * x + 1):
                            sample = j * width + i
            if sample >= 0:
                _glaze(scene, sample, cover, picture[y, x])


@compiled
def _glaze(scene: Scene, sample: int, cover: float, pixel: NDArray[np.float32]) -> None:
    """One pixel with a lens over a share of it."""
    hit = locate(scene, sample)
    row = scene.paint[scene.owner[scene.surface[hit.face]]]
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
    opacity, occlusion = row[Paint.LENS_OPACITY], value(scene.attributes, hit, OCCLUSION)
    mirrored = fresnel(nv, _F0)
    lamp = reflected(scene.light, KEY, 0.0, normal, view, 0.08, _F0)
    light = irradiance(scene.light, normal, same(1.0), same(occlusion), same(0.0))
    for channel in range(3):
        seen = pixel[channel] * (1.0 - mirrored)
        body = 0.6 * row[Paint.LENS + channel] * light[channel]
        shine = mirrored * environment(scene.light, mirror[0], mirror[1], mirror[2], channel)
        shine += min(lamp, 0.5) * scene.light[KEY + 3 + channel]
        glazed = seen * (1.0 - opacity) + body * opacity + shine
        pixel[channel] += cover * (glazed - pixel[channel])
