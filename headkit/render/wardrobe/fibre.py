"""Hair: two highlights along each strand, strands that differ, darker roots."""

from __future__ import annotations

from math import floor, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import AXIS, COLOR, COLORED, CUT, NORMAL, OCCLUSION, STRAND
from headkit.render.drawing.noise import hash2
from headkit.render.jit import lean
from headkit.render.shading.combing import way
from headkit.render.shading.grain import value_noise
from headkit.render.shading.light import FILL, KEY, RIM
from headkit.render.shading.paint import Paint
from headkit.render.shading.shade import (
    ALBEDO,
    GLOSS,
    IRRADIANCE,
    Scene,
    environment,
    facing,
    lambert,
    recall,
    unit,
    value,
    vector,
)

_SHIFT: Final = (-0.10, 0.16)  # of the two highlights along the strand: to the root, to the tip
_POWER: Final = (35, 7)  # their sharpness: of the square of a sine


@lean
def shade_hair(
    scene: Scene,
    at: NDArray[np.int64],
    shares: NDArray[np.float64],
    rows: NDArray[np.int64],
    lit: NDArray[np.float32],
    shaded: NDArray[np.float32],
    ways: NDArray[np.float32],
) -> None:
    """Shade some rows of the samples `at` (Kajiya and Kay 1989; two lobes after Marschner 2003).

    ways  (N, 2), filled at the same rows with the course of strands in the picture (combing.py)
    """
    for number in rows:
        hit = recall(scene, at, shares, number)
        surface = scene.surface[hit.face]
        row = scene.paint[scene.owner[surface]]
        view = unit(-hit.x, -hit.y, -hit.z)
        normal = _towards(unit(*vector(scene.attributes, hit, NORMAL)), view)
        s, t = value(scene.attributes, hit, STRAND), value(scene.attributes, hit, STRAND + 1)
        strand = floor(s)
        seed = int(row[Paint.SEED])
        differs = hash2(strand, seed) - 0.5
        across = s - strand - 0.5  # a strand is round
        along = unit(*vector(scene.attributes, hit, AXIS))
        ways[number, 0], ways[number, 1] = way(hit, along, normal)
        if scene.flags[surface] & CUT == 0 or s < 0.0:
            differs, across = 0.0, 0.0
        side = (
            normal[1] * along[2] - normal[2] * along[1],
            normal[2] * along[0] - normal[0] * along[2],
            normal[0] * along[1] - normal[1] * along[0],
        )
        bend = 0.36 * across + 0.14 * (hash2(strand, seed + 5) - 0.5)
        bent = unit(
            normal[0] + bend * side[0], normal[1] + bend * side[1], normal[2] + bend * side[2]
        )
        tilt = 0.14 * (hash2(strand, seed + 9) - 0.5)
        strand_axis = unit(
            along[0] + tilt * normal[0], along[1] + tilt * normal[1], along[2] + tilt * normal[2]
        )
        occlusion = value(scene.attributes, hit, OCCLUSION)
        tone = 1.0 + 0.24 * differs + 0.24 * (value_noise(s * 0.13, t * 0.25, seed + 31) - 0.5)
        color = vector(scene.attributes, hit, COLOR)
        if scene.flags[surface] & COLORED == 0:
            color = (row[Paint.SCALP], row[Paint.SCALP + 1], row[Paint.SCALP + 2])
        _write(
            scene.light, bent, strand_axis, view, float(lit[number]), occlusion, tone, color,
            shaded[number],
        )  # fmt: skip


@lean
def _write(
    light: NDArray[np.float64],
    normal: tuple[float, float, float],
    axis: tuple[float, float, float],
    view: tuple[float, float, float],
    lit: float,
    occlusion: float,
    tone: float,
    color: tuple[float, float, float],
    out: NDArray[np.float32],
) -> None:
    """One row of `shaded`."""
    brightest = max(color[0], color[1], color[2]) + 1e-4
    key = _strand(light, KEY, normal, axis, view)
    fill = _strand(light, FILL, normal, axis, view)
    rim = _strand(light, RIM, normal, axis, view)
    for channel in range(3):
        one = lit * light[KEY + 3 + channel]
        two = occlusion * light[FILL + 3 + channel]
        three = occlusion * light[RIM + 3 + channel]
        around = environment(light, normal[0], normal[1], normal[2], channel)
        # the second highlight has passed through the strand and has its colour; of dark hair little comes through
        through = 0.025 + 0.03 * color[channel] / brightest + 0.33 * color[channel]
        white = 0.055 * (one * key[1] + two * fill[1] + three * rim[1])
        tinted = through * (one * key[2] + two * fill[2] + three * rim[2])
        out[IRRADIANCE + channel] = (
            one * key[0] + two * fill[0] + three * rim[0] + 0.85 * around * occlusion
        )
        out[ALBEDO + channel] = min(0.9, color[channel] * tone)
        out[GLOSS + channel] = (
            (white + tinted) * (0.35 + 0.65 * tone) + 0.022 * around
        ) * occlusion


@lean
def _strand(
    light: NDArray[np.float64],
    lamp: int,
    normal: tuple[float, float, float],
    axis: tuple[float, float, float],
    view: tuple[float, float, float],
) -> tuple[float, float, float]:
    """Diffuse light, first and second highlight of one light on a strand."""
    towards = (light[lamp], light[lamp + 1], light[lamp + 2])
    cosine = facing(light, lamp, normal[0], normal[1], normal[2])
    diffuse = 0.45 * _sine(axis, towards) * lambert(cosine, 0.7) + 0.55 * lambert(cosine, 0.35)
    gate = min(1.0, max(0.0, cosine * 2.0 + 0.5))  # strands behind are in the others' shade
    first = _lobe(axis, normal, view, towards, _SHIFT[0], _POWER[0])
    second = _lobe(axis, normal, view, towards, _SHIFT[1], _POWER[1])
    return diffuse, gate * first, gate * second


@lean
def _towards(
    normal: tuple[float, float, float], view: tuple[float, float, float]
) -> tuple[float, float, float]:
    """A normal that turns away, mirrored at the outline: strands just beyond it shade as those before it."""
    away = normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2]
    if away >= 0.0:
        return normal
    twice = 2.0 * away
    return normal[0] - twice * view[0], normal[1] - twice * view[1], normal[2] - twice * view[2]


@lean
def _sine(axis: tuple[float, float, float], towards: tuple[float, float, float]) -> float:
    """Sine of the angle between a strand and a direction: how much of its side faces it."""
    cosine = axis[0] * towards[0] + axis[1] * towards[1] + axis[2] * towards[2]
    return sqrt(max(0.0, 1.0 - cosine * cosine))


@lean
def _lobe(
    axis: tuple[float, float, float],
    normal: tuple[float, float, float],
    view: tuple[float, float, float],
    towards: tuple[float, float, float],
    shift: float,
    power: int,
) -> float:
    """A highlight ring of a strand, shifted along it."""
    x, y, z = unit(
        axis[0] + shift * normal[0], axis[1] + shift * normal[1], axis[2] + shift * normal[2]
    )
    hx, hy, hz = unit(view[0] + towards[0], view[1] + towards[1], view[2] + towards[2])
    cosine = x * hx + y * hy + z * hz
    square = max(0.0, 1.0 - cosine * cosine)  # of the sine
    result = 1.0
    while power > 0:
        if power & 1:
            result *= square
        square *= square
        power >>= 1
    return float(result)
