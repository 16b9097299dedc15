"""Everything that is not skin, eye or hair: cloth, plastic, shoes, teeth, the inside of the mouth."""

from __future__ import annotations

from math import atan2, floor, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import (
    COLOR,
    COLORED,
    OCCLUSION,
    REST,
    TEXTURED,
    UV,
)
from headkit.render.jit import lean
from headkit.render.shading.grain import value_noise
from headkit.render.shading.paint import Paint
from headkit.render.shading.relief import cloth_slope, knit
from headkit.render.shading.shade import (
    ALBEDO,
    GLOSS,
    IRRADIANCE,
    Hit,
    Scene,
    Triple,
    bumped,
    gloss,
    gradient,
    irradiance,
    recall,
    same,
    unit,
    value,
    vector,
)
from headkit.render.surface import Material

_MOUTH: Final = (0.34, 0.10, 0.09)  # wet flesh
_TEETH: Final = (0.90, 0.82, 0.67)
_TOOTH: Final = 0.0074  # metres along the arch, of a front tooth
_ARCH: Final = 0.034  # metres: radius of the arch
_BEHIND: Final = 0.045  # of its middle behind the lips
_GUMS: Final = (0.50, 0.17, 0.15)
_SHOE: Final = (0.05, 0.05, 0.05)


@lean
def shade_matter(
    scene: Scene,
    at: NDArray[np.int64],
    shares: NDArray[np.float64],
    normals: NDArray[np.float32],
    rows: NDArray[np.int64],
    lit: NDArray[np.float32],
    material: int,
    shaded: NDArray[np.float32],
) -> None:
    """Shade some rows of the samples `at`, all of one material, into the same of `shaded`.

    normals  (N, 3) of all samples, as Visible has them
    """
    for number in rows:
        hit = recall(scene, at, shares, number)
        surface = scene.surface[hit.face]
        row = scene.paint[scene.owner[surface]]
        flags = scene.flags[surface]
        view = unit(-hit.x, -hit.y, -hit.z)
        # Before the relief: a rib that leans away from the camera is still seen from its front.
        normal = float(normals[number, 0]), float(normals[number, 1]), float(normals[number, 2])
        rest = vector(scene.attributes, hit, REST)
        footprint = 2.0 * hit.z / scene.camera[0]
        occlusion = value(scene.attributes, hit, OCCLUSION)
        color = (_SHOE[0], _SHOE[1], _SHOE[2])
        arrives = float(lit[number])
        roughness, f0, wrap, sheen, wet = 0.45, 0.04, 0.0, 0.0, 1.0
        if flags & COLORED:
            color = vector(scene.attributes, hit, COLOR)
        elif material == Material.MOUTH:
            color = _MOUTH
        elif material == Material.TEETH:
            color = _TEETH
        if material == Material.KNIT:
            roughness, wrap, sheen = 0.9, 0.2, 0.16
            normal, deep = _knitted(scene, hit, normal, view, footprint)
            shadow = 1.0 - 0.5 * deep
            color = (color[0] * shadow, color[1] * shadow, color[2] * shadow)
        elif material == Material.CLOTH:
            roughness, wrap, sheen = 0.85 - 0.4 * row[Paint.SHEEN], 0.15, 0.10
            slope = cloth_slope(rest[0], rest[1], rest[2], footprint)
            normal = bumped(scene.vertices, scene.attributes, hit, normal, slope)
            if flags & TEXTURED:
                color = _patterned(
                    color,
                    value(scene.attributes, hit, UV),
                    value(scene.attributes, hit, UV + 1),
                    row,
                    footprint,
                )
            tone = 0.97 + 0.06 * value_noise(rest[0] * 420.0, rest[1] * 420.0, rest[2] * 420.0)
            color = (color[0] * tone, color[1] * tone, color[2] * tone)
        elif material == Material.MOUTH:
            roughness, wrap = 0.3, 0.3
            color = _reddened(color, 1.0 - arrives * occlusion)
            wet = occlusion * occlusion  # within the mouth no sky is reflected
            occlusion *= 0.25 + 0.75 * occlusion
            arrives *= occlusion
        elif material == Material.TEETH:
            roughness, wrap, wet = 0.35, 0.4, occlusion * occlusion
            color = _reddened(_teeth(rest, scene.landmarks, footprint), 1.0 - arrives * occlusion)
            arrives *= occlusion
        elif material == Material.PLASTIC:
            roughness = 0.28
        _write(
            scene.light, normal, view, arrives, occlusion, color, roughness, f0, wrap, sheen,
            wet, shaded[number],
        )  # fmt: skip


@lean
def _reddened(color: Triple, shade: float) -> Triple:
    """An albedo within the mouth: what light is in its shade has come off lips and tongue."""
    return (
        color[0] * (1.0 + 0.08 * shade),
        color[1] * (1.0 - 0.08 * shade),
        color[2] * (1.0 - 0.20 * shade),
    )


@lean
def _teeth(rest: Triple, landmarks: NDArray[np.float64], footprint: float) -> Triple:
    """Albedo at a rest position: enamel, darker between two teeth, and the gums above and below."""
    along = _ARCH / _TOOTH * atan2(rest[0], rest[2] - landmarks[62, 2] + _BEHIND)
    off = along - floor(along + 0.5)  # from the nearest gap, in teeth
    gap = max(0.0, 1.0 - abs(off) * _TOOTH / max(0.0009, footprint))
    shadow = 1.0 - 0.28 * gap * min(1.0, max(0.0, 2.0 - footprint / 0.0011))
    scallop = 0.0048 + 0.006 * off * off
    upper = rest[1] - landmarks[62, 1] - scallop
    lower = landmarks[66, 1] - 0.0008 - rest[1] - scallop
    gum = min(1.0, max(0.0, 0.5 + max(upper, lower) / max(0.0012, footprint)))
    return (
        _TEETH[0] * shadow + gum * (_GUMS[0] - _TEETH[0] * shadow),
        _TEETH[1] * shadow * shadow + gum * (_GUMS[1] - _TEETH[1] * shadow * shadow),
        _TEETH[2] * shadow * shadow + gum * (_GUMS[2] - _TEETH[2] * shadow * shadow),
    )


@lean
def _knitted(
    scene: Scene, hit: Hit, normal: Triple, view: Triple, footprint: float
) -> tuple[Triple, float]:
    """The normal under the ribs of knitted cloth, and how deep in a furrow, 0 to 1."""
    facing = normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2]
    footprint /= max(0.25, facing)  # a pixel sees more of cloth that is seen edge-on
    ux, uy, uz = _along(scene, hit, normal, UV)
    vx, vy, vz = _along(scene, hit, normal, UV + 1)
    # Towards the top of a cap ribs crowd: no steeper, only finer.
    crowded = max(1e-3, sqrt(ux * ux + uy * uy + uz * uz))
    u, v = value(scene.attributes, hit, UV), value(scene.attributes, hit, UV + 1)
    su, sv, deep = knit(u, v, footprint * max(1.0, crowded))
    su /= crowded
    x, y, z = su * ux + sv * vx, su * uy + sv * vy, su * uz + sv * vz
    return unit(normal[0] - x, normal[1] - y, normal[2] - z), deep


@lean
def _along(scene: Scene, hit: Hit, normal: Triple, column: int) -> Triple:
    """Gradient along the surface of a column of Scene.attributes, per metre."""
    table = scene.attributes
    rise_j = table[hit.j, column] - table[hit.i, column]
    rise_k = table[hit.k, column] - table[hit.i, column]
    return gradient(scene.vertices, hit, normal, rise_j, rise_k)


@lean
def _write(
    light: NDArray[np.float64],
    normal: tuple[float, float, float],
    view: tuple[float, float, float],
    lit: float,
    occlusion: float,
    color: tuple[float, float, float],
    roughness: float,
    f0: float,
    wrap: float,
    sheen: float,
    wet: float,
    out: NDArray[np.float32],
) -> None:
    """One row of `shaded`. sheen: light caught by fuzz where the surface turns away; wet: factor on gloss."""
    nv = abs(normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2])
    away = 1.0 - min(1.0, nv)
    edge = sheen * away * away * away
    shine = (0.0, 0.0, 0.0)
    if roughness < 0.8:  # plain cloth only has its sheen
        shine = gloss(light, normal, view, lit, occlusion, roughness, f0, 0.0)
    arriving = irradiance(light, normal, same(lit), same(occlusion), same(wrap))
    for channel in range(3):
        out[IRRADIANCE + channel] = arriving[channel]
        out[ALBEDO + channel] = color[channel] + edge * (0.2 + color[channel])
        out[GLOSS + channel] = shine[channel] * (0.5 if sheen > 0.0 else wet)


@lean
def _patterned(
    color: tuple[float, float, float],
    u: float,
    v: float,
    row: NDArray[np.float32],
    footprint: float,
) -> tuple[float, float, float]:
    """Cloth with the owner's pattern; u, v in metres. Faded where a pixel covers half a repeat."""
    size = max(0.002, row[Paint.PATTERN_SIZE])
    kind = int(row[Paint.PATTERN])
    soft = min(0.5, footprint / size)
    share = 0.0
    if kind == 1:
        share = _band(v / size, soft)
    elif kind == 2:
        share = 0.5 * _band(u / size, soft) + 0.5 * _band(v / size, soft)
    elif kind == 3:
        x, y = u / size, v / size
        x += 0.5 * (floor(y) % 2)
        x, y = x - floor(x) - 0.5, y - floor(y) - 0.5
        edge = (0.24 - sqrt(x * x + y * y)) / max(soft, 0.02)
        share = min(1.0, max(0.0, 0.5 + edge))
    return (
        color[0] + share * (row[Paint.SECOND] - color[0]),
        color[1] + share * (row[Paint.SECOND + 1] - color[1]),
        color[2] + share * (row[Paint.SECOND + 2] - color[2]),
    )


@lean
def _band(x: float, soft: float) -> float:
    """1 in the second half of every unit, with edges as wide as `soft`."""
    x = x - floor(x)
    edge = 0.25 - abs(x - 0.75)
    return min(1.0, max(0.0, 0.5 + edge / max(soft, 0.01)))
