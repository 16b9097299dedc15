"""Skin: paint, pores, diffuse light with a sub-surface look, two lobes of gloss."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import NORMAL, OCCLUSION, REST, UV
from headkit.render.jit import compiled
from headkit.render.shading.face_paint import eye_frame
from headkit.render.shading.light import KEY
from headkit.render.shading.paint import paint_skin
from headkit.render.shading.relief import skin_slope
from headkit.render.shading.shade import (
    ALBEDO,
    GLOSS,
    IRRADIANCE,
    Scene,
    bumped,
    facing,
    gloss,
    irradiance,
    locate,
    unit,
    value,
    vector,
)

# How far light wraps around the edge of its shadow under skin, by channel: blood lets red through.
_WRAP: Final = (0.30, 0.14, 0.09)
_F0: Final = 0.028  # refractive index 1.4
_OIL: Final = 0.3  # of a sharper lobe
_FINE: Final = 0.0013  # metres: pixels smaller than this show pores


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
    eyes = eye_frame(scene.landmarks)
    for number in range(len(at)):
        hit = locate(scene, at[number])
        row = scene.paint[scene.owner[scene.surface[hit.face]]]
        rest = vector(scene.attributes, hit, REST)
        view = unit(-hit.x, -hit.y, -hit.z)
        normal = unit(*vector(scene.attributes, hit, NORMAL))
        footprint = 2.0 * hit.z / scene.camera[0]
        mouth = value(scene.attributes, hit, UV + 1)
        red, green, blue, roughness, part = paint_skin(
            rest[0], rest[1], rest[2], row, scene.spots, scene.landmarks, eyes,
            int(scene.parts[hit.face]), value(scene.attributes, hit, UV), mouth, footprint,
        )  # fmt: skip
        part_to[to[number]] = part
        fine = normal
        if footprint < _FINE:
            slope = skin_slope(rest[0], rest[1], rest[2], row, scene.landmarks, footprint)
            fine = bumped(scene.vertices, scene.attributes, hit, normal, slope)
        occlusion, arrives = value(scene.attributes, hit, OCCLUSION), float(lit[number])
        if mouth > 0.5:  # little light finds its way in
            occlusion *= 0.3 + 0.7 * occlusion
            arrives *= occlusion
        # light that bounces in a fold of bright skin fills it, and leaks red into shadows
        gap, edge = occlusion * (1.0 - occlusion), arrives * (1.0 - arrives)
        around = (
            occlusion + 0.4 * red * gap,
            occlusion + 0.4 * green * gap,
            occlusion + 0.4 * blue * gap,
        )
        soft = (arrives + 0.25 * edge, arrives + 0.05 * edge, arrives - 0.05 * edge)
        light = irradiance(scene.light, normal, soft, around, _WRAP)
        # under the skin light forgets the relief by half
        relief = (
            0.5
            * arrives
            * (
                facing(scene.light, KEY, fine[0], fine[1], fine[2])
                - facing(scene.light, KEY, normal[0], normal[1], normal[2])
            )
        )
        shine = gloss(scene.light, fine, view, arrives, occlusion, roughness, _F0, _OIL)
        out = shaded[to[number]]
        for channel, albedo in enumerate((red, green, blue)):
            lamp = scene.light[KEY + 3 + channel]
            out[IRRADIANCE + channel] = max(0.0, light[channel] + relief * lamp)
            out[ALBEDO + channel] = albedo
            out[GLOSS + channel] = 0.8 * shine[channel]


_SIGMA: Final = 0.0026  # metres, of red; green goes a half as far, blue a third
_SHARE: Final = (0.75, 0.5, 0.4)  # of the light that goes under the surface
_REACH: Final = 14  # pixels


@compiled
def scatter(
    light: NDArray[np.float32],
    skin: NDArray[np.int64],
    pixels: NDArray[np.int64],
    row_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
    owners: NDArray[np.int32],
    focal: float,
    result: NDArray[np.float32],
) -> None:
    """Spread light under the skin: a blur of irradiance, in each channel as wide as it goes in tissue.

    light, result  (N, 3) irradiance of samples
    skin           those of them that are skin at the centres of `pixels`
    row_at, inverse_at  (2 H + 1, 2 W + 1) row of each sample of the grid, and its 1/z
    owners         (N,) whose skin it is; -1 other materials
    focal          pixels

    The blur runs along rows, then along columns, only over skin of the same person and near depth
    (separable sub-surface scattering, Jimenez 2015, with one Gaussian and a share per channel).
    """
    passed = light.copy()
    _scatter_along(light, skin, pixels, row_at, inverse_at, owners, focal, 0, passed)
    _scatter_along(passed, skin, pixels, row_at, inverse_at, owners, focal, 1, result)


@compiled
def _scatter_along(
    light: NDArray[np.float32],
    skin: NDArray[np.int64],
    pixels: NDArray[np.int64],
    row_at: NDArray[np.int32],
    inverse_at: NDArray[np.float64],
    owners: NDArray[np.int32],
    focal: float,
    axis: int,
    result: NDArray[np.float32],
) -> None:
    """One pass over the pixels: along rows (axis 0) or columns (1)."""
    height, width = row_at.shape[0] // 2, row_at.shape[1] // 2
    for row in skin:
        y, x = pixels[row] // width, pixels[row] % width
        here = inverse_at[2 * y + 1, 2 * x + 1]
        per_metre = focal * here  # pixels
        reach = min(_REACH, int(2.2 * _SIGMA * per_metre))
        if reach < 1:
            for channel in range(3):
                result[row, channel] = light[row, channel]
            continue
        red, green, blue, total_r, total_g, total_b = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        slant, spread = 0.7 / (here * here), 1.0 / (16.0 * _SIGMA * _SIGMA)
        stride = 1 + reach // 6  # light under skin is smooth: some 9 taps are enough
        for step in range(-(reach // stride) * stride, reach + 1, stride):
            j = y + step if axis == 1 else y
            i = x + step if axis == 0 else x
            if j < 0 or i < 0 or j >= height or i >= width:
                continue
            other = row_at[2 * j + 1, 2 * i + 1]
            if other < 0 or owners[other] != owners[row]:
                continue
            away = step / per_metre
            there = inverse_at[2 * j + 1, 2 * i + 1]
            deep = slant * (here - there)
            # (1 - q/8)^8 for exp(-q); a fourth and an eighth of the variance by powers of it
            weight_r = max(0.0, 1.0 - (away * away + deep * deep) * spread)
            weight_r *= weight_r
            weight_r *= weight_r
            weight_r *= weight_r
            weight_g = weight_r * weight_r
            weight_g *= weight_g
            weight_b = weight_g * weight_g
            red += weight_r * light[other, 0]
            green += weight_g * light[other, 1]
            blue += weight_b * light[other, 2]
            total_r += weight_r
            total_g += weight_g
            total_b += weight_b
        result[row, 0] = light[row, 0] + _SHARE[0] * (red / total_r - light[row, 0])
        result[row, 1] = light[row, 1] + _SHARE[1] * (green / total_g - light[row, 1])
        result[row, 2] = light[row, 2] + _SHARE[2] * (blue / total_b - light[row, 2])
