"""Skin: paint, pores, diffuse light with a sub-surface look, two lobes of gloss."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import OCCLUSION, REST, UV
from headkit.render.jit import compiled, lean
from headkit.render.shading.face_paint import EyeFrame, eye_frame
from headkit.render.shading.light import KEY
from headkit.render.shading.paint import paint_skin, undertone
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
    recall,
    unit,
    value,
    vector,
)
from headkit.render.surface import Part

# How far light wraps around the edge of its shadow under skin, by channel: blood lets red through.
_WRAP: Final = (0.30, 0.14, 0.09)
_EAR: Final = int(Part.EAR)  # kernels do not turn members of an enumeration into numbers
_F0: Final = 0.028  # refractive index 1.4
_OIL: Final = 0.22  # of a sharper lobe
_FINE: Final = 0.0013  # metres: pixels smaller than this show pores


def shade_skin(
    scene: Scene,
    at: NDArray[np.int64],
    shares: NDArray[np.float64],
    normals: NDArray[np.float32],
    rows: NDArray[np.int64],
    lit: NDArray[np.float32],
    shaded: NDArray[np.float32],
    pixels: NDArray[np.int64],
    parts: NDArray[np.uint8],
) -> None:
    """Shade some rows of the samples `at` into the same of `shaded`, and parts of pixels.

    normals        (N, 3) of all samples, as Visible has them
    lit            share of the key light that reaches each sample
    pixels, parts  flat pixels of the first samples, their centres; (H * W,) their Part
    """
    eyes, tones = eye_frame(scene.landmarks), _tones(scene, at, rows)
    shade_samples(scene, at, shares, normals, rows, lit, shaded, pixels, parts, eyes, tones)


@lean
def shade_samples(
    scene: Scene,
    at: NDArray[np.int64],
    shares: NDArray[np.float64],
    normals: NDArray[np.float32],
    rows: NDArray[np.int64],
    lit: NDArray[np.float32],
    shaded: NDArray[np.float32],
    pixels: NDArray[np.int64],
    parts: NDArray[np.uint8],
    eyes: EyeFrame,
    tones: NDArray[np.float32],
) -> None:
    """`shade_skin`, with the paint's frame of the eyes and the undertones of vertices."""
    for number in rows:
        hit = recall(scene, at, shares, number)
        row = scene.paint[scene.owner[scene.surface[hit.face]]]
        rest = vector(scene.attributes, hit, REST)
        view = unit(-hit.x, -hit.y, -hit.z)
        normal = float(normals[number, 0]), float(normals[number, 1]), float(normals[number, 2])
        footprint = 2.0 * hit.z / scene.camera[0]
        mouth = value(scene.attributes, hit, UV + 1)
        red, green, blue, roughness, part = paint_skin(
            rest[0], rest[1], rest[2], row, (value(tones, hit, 0), value(tones, hit, 1)), scene.landmarks, eyes,
            int(scene.parts[hit.face]), value(scene.attributes, hit, UV), mouth, footprint,
        )  # fmt: skip
        if number < len(pixels):
            parts[pixels[number]] = part
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
        if scene.parts[hit.face] == _EAR:  # what its rims reflect is mostly head and hair
            occlusion *= 0.65
        shine = gloss(scene.light, fine, view, arrives, occlusion, roughness, _F0, _OIL)
        out = shaded[number]
        for channel, albedo in enumerate((red, green, blue)):
            lamp = scene.light[KEY + 3 + channel]
            out[IRRADIANCE + channel] = max(0.0, light[channel] + relief * lamp)
            out[ALBEDO + channel] = albedo
            out[GLOSS + channel] = 0.75 * shine[channel]


@compiled
def _tones(scene: Scene, at: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(V, 2) undertones at the vertices of the faces that some rows of samples lie on."""
    tones = np.empty((len(scene.vertices), 2), np.float32)
    known = np.zeros(len(scene.vertices), np.bool_)
    last = -1
    for number in rows:
        face = scene.face_at[at[number] >> 16, at[number] & 0xFFFF]
        if face == last:
            continue
        last = face
        for k in range(3):
            vertex = scene.faces[face, k]
            if not known[vertex]:
                known[vertex] = True
                _tone(scene, face, vertex, tones)
    return tones


@lean
def _tone(scene: Scene, face: int, vertex: int, tones: NDArray[np.float32]) -> None:
    """Fill one row of the undertones."""
    row = scene.paint[scene.owner[scene.surface[face]]]
    place = scene.attributes[vertex]
    blood, melanin = undertone(place[REST], place[REST + 1], place[REST + 2], row, scene.spots)
    tones[vertex, 0], tones[vertex, 1] = blood, melanin
