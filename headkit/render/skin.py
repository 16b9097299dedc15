"""Skin: paint, pores, diffuse light with a sub-surface look, two lobes of gloss."""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled
from headkit.render.mesh import NORMAL, OCCLUSION, REST, UV
from headkit.render.paint import paint_skin
from headkit.render.relief import skin_height
from headkit.render.shade import (
    ALBEDO,
    GLOSS,
    IRRADIANCE,
    Hit,
    Scene,
    gloss,
    gradient,
    irradiance,
    locate,
    unit,
    value,
    vector,
)

# How far light wraps around the edge of its shadow under skin, by channel: blood lets red through.
_WRAP: Final = (0.30, 0.14, 0.09)
_F0: Final = 0.028  # refractive index 1.4


@compiled
def shade_skin(
    scene: Scene,
    at: NDArray[np.int64],
    to: NDArray[np.int64],
    lit: NDArray[np.float32],
    shaded: NDArray[np.float32],
    part_to: NDArray[np.uint8],
) -> None:
    """Shade the samples `at` into the rows `to` of `shaded`, and their parts into `part_to`.

    lit  share of the key light that reaches each sample
    """
    for number in range(len(at)):
        hit = locate(scene, at[number])
        row = scene.paint[scene.owner[scene.surface[hit.face]]]
        rest = vector(scene, hit, REST)
        view = unit(-hit.x, -hit.y, -hit.z)
        normal = unit(*vector(scene, hit, NORMAL))
        footprint = 2.0 * hit.z / scene.camera[0]
        red, green, blue, roughness, part = paint_skin(
            rest[0], rest[1], rest[2], row, scene.spots, scene.landmarks,
            int(scene.parts[hit.face]), value(scene, hit, UV), footprint,
        )  # fmt: skip
        part_to[to[number]] = part
        bumped = _bumped(scene, hit, normal, rest, row, footprint)
        occlusion = value(scene, hit, OCCLUSION)
        albedo = (red, green, blue)
        wide = gloss(scene.light, bumped, view, lit[number], occlusion, roughness, _F0)
        oily = gloss(scene.light, bumped, view, lit[number], occlusion, 0.55 * roughness, _F0)
        for channel in range(3):
            # light that bounces in a fold of bright skin fills it (Jimenez 2016)
            bounced = occlusion ** (1.0 - 0.45 * min(1.0, albedo[channel]))
            soft = lit[number] ** (1.0 - 0.6 * _WRAP[channel])
            # under the skin light forgets the fine relief by half
            light = 0.5 * (
                irradiance(scene.light, normal, soft, bounced, _WRAP[channel], channel)
                + irradiance(scene.light, bumped, soft, bounced, _WRAP[channel], channel)
            )
            shaded[to[number], IRRADIANCE + channel] = light
            shaded[to[number], ALBEDO + channel] = albedo[channel]
            shaded[to[number], GLOSS + channel] = 0.8 * wide[channel] + 0.2 * oily[channel]


@compiled
def _bumped(
    scene: Scene,
    hit: Hit,
    normal: tuple[float, float, float],
    rest: tuple[float, float, float],
    row: NDArray[np.float32],
    footprint: float,
) -> tuple[float, float, float]:
    """The normal with pores and wrinkles, where pixels are fine enough to show them."""
    if footprint > 0.0012:
        return normal
    table, step = scene.attributes, 0.00012
    x, y, z = rest
    here = skin_height(x, y, z, row, scene.landmarks, footprint)
    ux, uy, uz = (
        table[hit.j, REST] - table[hit.i, REST],
        table[hit.j, REST + 1] - table[hit.i, REST + 1],
        table[hit.j, REST + 2] - table[hit.i, REST + 2],
    )
    wx, wy, wz = (
        table[hit.k, REST] - table[hit.i, REST],
        table[hit.k, REST + 1] - table[hit.i, REST + 1],
        table[hit.k, REST + 2] - table[hit.i, REST + 2],
    )
    u, w = sqrt(ux * ux + uy * uy + uz * uz) + 1e-9, sqrt(wx * wx + wy * wy + wz * wz) + 1e-9
    a, b = step / u, step / w
    rise_j = skin_height(x + ux * a, y + uy * a, z + uz * a, row, scene.landmarks, footprint) - here
    rise_k = skin_height(x + wx * b, y + wy * b, z + wz * b, row, scene.landmarks, footprint) - here
    gx, gy, gz = gradient(scene, hit, normal, rise_j / a, rise_k / b)
    return unit(normal[0] - gx, normal[1] - gy, normal[2] - gz)


@compiled
def scatter(
    light: NDArray[np.float32],
    is_skin: NDArray[np.bool_],
    inverse: NDArray[np.float64],
    owner: NDArray[np.int16],
    focal: float,
    result: NDArray[np.float32],
) -> None:
    """Spread (H, W, 3) irradiance under the skin: a blur in each channel as wide as it goes in tissue.

    The blur runs along rows, then along columns, only over skin of the same person and near depth
    (separable sub-surface scattering, Jimenez 2015, with one Gaussian and a share per channel).
    """
    passed = np.empty_like(light)
    _scatter_along(light, is_skin, inverse, owner, focal, 0, passed)
    _scatter_along(passed, is_skin, inverse, owner, focal, 1, result)


_SIGMA: Final = 0.0026  # metres, of red; green goes a half as far, blue a third
_SHARE: Final = (0.75, 0.5, 0.4)  # of the light that goes under the surface
_REACH: Final = 9  # pixels


@compiled
def _scatter_along(
    light: NDArray[np.float32],
    is_skin: NDArray[np.bool_],
    inverse: NDArray[np.float64],
    owner: NDArray[np.int16],
    focal: float,
    axis: int,
    result: NDArray[np.float32],
) -> None:
    height, width = is_skin.shape
    for y in range(height):
        for x in range(width):
            if not is_skin[y, x]:
                continue
            per_metre = focal * inverse[y, x]  # pixels
            reach = min(_REACH, int(2.2 * _SIGMA * per_metre))
            if reach < 1:
                for channel in range(3):
                    result[y, x, channel] = light[y, x, channel]
                continue
            red, green, blue, total_r, total_g, total_b = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for step in range(-reach, reach + 1):
                j = y + step if axis == 1 else y
                i = x + step if axis == 0 else x
                if j < 0 or i < 0 or j >= height or i >= width or not is_skin[j, i]:
                    continue
                if owner[j, i] != owner[y, x]:
                    continue
                away = step / per_metre
                deep = (1.0 / inverse[j, i] - 1.0 / inverse[y, x]) * 0.7
                # (1 - q/8)^8 for exp(-q); a fourth and an eighth of the variance by powers of it
                weight_r = max(0.0, 1.0 - (away * away + deep * deep) / (16.0 * _SIGMA * _SIGMA))
                weight_r *= weight_r
                weight_r *= weight_r
                weight_r *= weight_r
                weight_g = weight_r * weight_r
                weight_g *= weight_g
                weight_b = weight_g * weight_g
                red += weight_r * light[j, i, 0]
                green += weight_g * light[j, i, 1]
                blue += weight_b * light[j, i, 2]
                total_r += weight_r
                total_g += weight_g
                total_b += weight_b
            result[y, x, 0] = light[y, x, 0] + _SHARE[0] * (red / total_r - light[y, x, 0])
            result[y, x, 1] = light[y, x, 1] + _SHARE[1] * (green / total_g - light[y, x, 1])
            result[y, x, 2] = light[y, x, 2] + _SHARE[2] * (blue / total_b - light[y, x, 2])
