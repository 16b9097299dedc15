"""Eyes: sclera, iris with limbus and pupil under a bulging cornea, the window in it, shade of the lid."""

from __future__ import annotations

from math import atan2, exp, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import NORMAL, OCCLUSION, UV
from headkit.render.jit import lean
from headkit.render.shading.grain import value_noise
from headkit.render.shading.light import KEY
from headkit.render.shading.paint import Paint
from headkit.render.shading.shade import (
    ALBEDO,
    GLOSS,
    IRRADIANCE,
    Hit,
    Scene,
    environment,
    fresnel,
    gradient,
    irradiance,
    recall,
    same,
    unit,
    value,
    vector,
)

_IRIS: Final = 0.40  # radians from the eye's axis to the edge of the iris
_RADIUS: Final = 0.0164  # metres, of the eyeball


@lean
def shade_eye(
    scene: Scene,
    at: NDArray[np.int64],
    shares: NDArray[np.float64],
    rows: NDArray[np.int64],
    lit: NDArray[np.float32],
    shaded: NDArray[np.float32],
) -> None:
    """Shade some rows of the samples `at` into the same of `shaded`. Surface.uv: angles from the eye's axis, (left, up)."""
    for number in rows:
        hit = recall(scene, at, shares, number)
        row = scene.paint[scene.owner[scene.surface[hit.face]]]
        view = unit(-hit.x, -hit.y, -hit.z)
        normal = unit(*vector(scene.attributes, hit, NORMAL))
        left, up = value(scene.attributes, hit, UV), value(scene.attributes, hit, UV + 1)
        angle = sqrt(left * left + up * up)
        blur = max(0.02, 2.0 * hit.z / scene.camera[0] / _RADIUS)
        inside = _step(_IRIS, angle, blur)
        occlusion = value(scene.attributes, hit, OCCLUSION) ** 0.65  # white walls light each other
        # lashes and the lid's edge shade the upper part
        shade = occlusion * (1.0 - 0.62 * (1.0 - _step(0.26, up, 0.44)))
        tilt_x, tilt_y, tilt_z = _outward(scene.vertices, scene.attributes, hit, normal, left, up)
        bowl = unit(normal[0] - tilt_x, normal[1] - tilt_y, normal[2] - tilt_z)
        cornea = normal
        if angle < _IRIS * 1.25:
            bulge = 0.9 * _step(_IRIS * 1.1, angle, 0.12)
            cornea = unit(
                normal[0] + bulge * tilt_x, normal[1] + bulge * tilt_y, normal[2] + bulge * tilt_z
            )
        arrives = lit[number] * (1.0 - 0.7 * (1.0 - _step(0.30, up, 0.36)))
        mirror = _mirror(normal=cornea, view=view)
        nv = cornea[0] * view[0] + cornea[1] * view[1] + cornea[2] * view[2]
        window = _window(scene.light, mirror) * min(1.0, 0.25 + lit[number]) * occlusion
        iris = _iris(row, left, up, angle, blur)
        white = _sclera(left, up, angle, row[Paint.SEED])
        on_white = irradiance(scene.light, normal, same(arrives), same(shade), same(0.35))
        on_iris = irradiance(scene.light, bowl, same(arrives), same(shade), same(0.2))
        for channel in range(3):
            albedo = white[channel] * (1.0 - inside) + iris[channel] * inside
            light = on_white[channel] * (1.0 - inside) + on_iris[channel] * inside
            reflected = fresnel(nv, 0.03) * environment(
                scene.light, mirror[0], mirror[1], mirror[2], channel
            )
            shaded[number, IRRADIANCE + channel] = light
            shaded[number, ALBEDO + channel] = albedo
            shaded[number, GLOSS + channel] = reflected * shade + (
                window * scene.light[KEY + 3 + channel]
            )


@lean
def _step(edge: float, x: float, width: float) -> float:
    """1 below the edge, 0 above it, smooth over `width`."""
    t = min(1.0, max(0.0, 0.5 + (edge - x) / width))
    return t * t * (3.0 - 2.0 * t)


@lean
def _outward(
    v: NDArray[np.float32],
    table: NDArray[np.float32],
    hit: Hit,
    normal: tuple[float, float, float],
    left: float,
    up: float,
) -> tuple[float, float, float]:
    """Across the eyeball away from its axis, as long as the sine of the angle to it, about."""
    lx, ly, lz = gradient(v, hit, normal,
        table[hit.j, UV] - table[hit.i, UV], table[hit.k, UV] - table[hit.i, UV],
    )  # fmt: skip
    ux, uy, uz = gradient(v, hit, normal,
        table[hit.j, UV + 1] - table[hit.i, UV + 1], table[hit.k, UV + 1] - table[hit.i, UV + 1],
    )  # fmt: skip
    return (
        _RADIUS * (left * lx + up * ux),
        _RADIUS * (left * ly + up * uy),
        _RADIUS * (left * lz + up * uz),
    )


@lean
def _mirror(
    normal: tuple[float, float, float], view: tuple[float, float, float]
) -> tuple[float, float, float]:
    """The direction that is seen reflected."""
    nv = 2.0 * (normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2])
    return nv * normal[0] - view[0], nv * normal[1] - view[1], nv * normal[2] - view[2]


@lean
def _window(light: NDArray[np.float64], mirror: tuple[float, float, float]) -> float:
    """Reflection of the key light, a pane with soft edges: as the light's radius, at least 7 degrees."""
    kx, ky, kz = light[KEY], light[KEY + 1], light[KEY + 2]
    if mirror[0] * kx + mirror[1] * ky + mirror[2] * kz < 0.3:
        return 0.0
    sx, sy, sz = unit(-kz, 0.0, kx)  # level, across the light
    tx, ty, tz = ky * sz - kz * sy, kz * sx - kx * sz, kx * sy - ky * sx
    across = mirror[0] * sx + mirror[1] * sy + mirror[2] * sz
    along = mirror[0] * tx + mirror[1] * ty + mirror[2] * tz
    half = min(0.34, max(0.12, 0.8 * light[KEY + 6]))
    return 0.65 * _step(half, abs(across), 0.12) * _step(1.25 * half, abs(along), 0.12)


@lean
def _iris(
    row: NDArray[np.float32], left: float, up: float, angle: float, blur: float
) -> tuple[float, float, float]:
    """Albedo of the iris and pupil."""
    share = angle / _IRIS
    turn = atan2(up, left)
    seed = row[Paint.SEED]
    threads = value_noise(turn * 9.0 + 40.0, share * 2.5, seed) - 0.5
    threads += 0.6 * (value_noise(turn * 24.0 + 90.0, share * 4.0, seed + 7.0) - 0.5)
    brightness = 1.15 + 0.9 * threads * (1.0 - _step(0.5, share, 0.3) * 0.5)
    collar = exp(-((share - 0.50) ** 2) / 0.012)  # the brighter ring about the pupil
    brightness *= 1.0 + 0.35 * collar
    brightness *= 0.22 + 0.78 * _step(0.90, share, 0.22)  # limbus
    brightness *= 1.0 - 0.97 * _step(0.40, share, 0.08 + blur)  # pupil
    warm = 1.0 + 0.25 * collar
    return (
        min(0.8, row[Paint.IRIS] * brightness * warm) + 0.003,
        min(0.8, row[Paint.IRIS + 1] * brightness) + 0.003,
        min(0.8, row[Paint.IRIS + 2] * brightness / warm) + 0.003,
    )


@lean
def _sclera(left: float, up: float, angle: float, seed: float) -> tuple[float, float, float]:
    """Albedo of the white: redder towards the corners, with a few veins."""
    red = min(1.0, max(0.0, (angle - 0.45) / 0.6))
    vein = value_noise(left * 7.0 + seed, up * 26.0, 1.0 + seed)
    vein = max(0.0, 1.0 - 12.0 * abs(vein - 0.5)) * red
    return (
        0.47 - 0.06 * red - 0.04 * vein,
        0.43 - 0.12 * red - 0.11 * vein,
        0.40 - 0.13 * red - 0.10 * vein,
    )
