"""What is painted on a person: the row of numbers that shaders read, and the paint of skin.

Skin is painted as a function of the rest position (Surface.rest), so that paint follows shape and
expression without a texture: redness, mottling, freckles, lips, brows, stubble.
"""

from __future__ import annotations

from enum import IntEnum
from math import exp, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.noise import hash3
from headkit.render.jit import lean
from headkit.render.look import Look
from headkit.render.shading.face_paint import EyeFrame, brow_cover, scalp_cover, stubble_cover
from headkit.render.shading.grain import value_noise
from headkit.render.surface import Part


class Paint(IntEnum):
    """Columns of a person's row of paint, float32. Colours take three columns, linear RGB albedo."""

    SKIN = 0
    ROUGHNESS = 3
    REDNESS = 4
    FRECKLES = 5
    AGE = 6  # years
    LIPS = 7  # factor on the skin's albedo
    IRIS = 10
    BROW = 13
    BROW_DENSITY = 16
    BROW_WIDTH = 17  # factor
    BROW_ARCH = 18  # factor
    BEARD = 19  # colour of stubble
    STUBBLE = 22  # density, 0 to 1
    SCALP = 23  # colour of the hair's roots
    SCALP_DENSITY = 26  # of roots on the scalp, 0 to 1
    PATTERN = 27  # of CLOTH with uv (metres): 0 plain, 1 stripes, 2 checks, 3 dots
    PATTERN_SIZE = 28  # metres
    SECOND = 29  # colour of the pattern
    SHEEN = 32  # of cloth, 0 matt cotton, 1 satin
    LENS = 33  # colour of the lenses
    LENS_OPACITY = 36
    SEX = 37  # 0 female, 1 male
    SEED = 38  # an integer below 65536, offset of noise
    BEARD_ZONE = 39  # of stubble: 0 the whole beard, 1 the moustache, 2 moustache and chin
    THINNING = 40  # of the hair of the scalp, 0 to 1
    COUNT = 41


_MOUTH: Final = (0.34, 0.10, 0.09)  # albedo of the flesh of the mouth
_PATTERNS: Final = ("plain", "stripes", "checks", "dots")


def row(look: Look) -> NDArray[np.float32]:
    """The row of paint of one person, (Paint.COUNT,) float32."""
    values = np.zeros(Paint.COUNT, np.float32)
    colors = {
        Paint.SKIN: look.skin, Paint.LIPS: look.lips, Paint.IRIS: look.iris, Paint.BROW: look.brow,
        Paint.BEARD: look.beard.color, Paint.SCALP: _grayed(look),
        Paint.SECOND: look.clothes.second, Paint.LENS: look.glasses.tint,
    }  # fmt: skip
    if look.beard.style != "stubble":  # the ground under a beard lies in its shade
        red, green, blue = _mixed(look.beard.color, 0.6 * look.beard.gray)
        colors[Paint.BEARD] = (0.55 * red, 0.55 * green, 0.55 * blue)
    for column, color in colors.items():
        values[column : column + 3] = color
    numbers = {
        Paint.ROUGHNESS: look.skin_roughness, Paint.REDNESS: look.redness,
        Paint.FRECKLES: look.freckles, Paint.AGE: look.age,
        Paint.BROW_DENSITY: look.brow_density,
        Paint.BROW_WIDTH: 0.85 + 0.4 * look.sex, Paint.BROW_ARCH: 1.25 - 0.5 * look.sex,
        Paint.STUBBLE: _stubble(look), Paint.SCALP_DENSITY: _roots(look),
        Paint.BEARD_ZONE: {"moustache": 1, "goatee": 2}.get(look.beard.style, 0),
        Paint.THINNING: look.hair.thinning,
        Paint.PATTERN: _PATTERNS.index(look.clothes.pattern),
        Paint.PATTERN_SIZE: look.clothes.pattern_size,
        Paint.LENS_OPACITY: look.glasses.opacity, Paint.SEX: look.sex,
        Paint.SEED: look.seed % 65536,
    }  # fmt: skip
    for column, number in numbers.items():
        values[column] = number
    return values


def _stubble(look: Look) -> float:
    """Density of painted beard hair: the ground of a beard, or a shadow on a shaved man's face."""
    if look.beard.style == "none":
        return 0.10 * look.sex if look.age >= 18 and look.sex > 0.5 else 0.0
    if look.beard.style != "stubble":
        # Between gray hairs skin shows: painted all over it would be chalk.
        return 0.9 * look.beard.density * (1.0 - 0.45 * look.beard.gray)
    # Hairs lighter than the skin do not darken it: only their small area shows, as no chalk does.
    lighter = look.beard.color[1] - look.skin[1]
    return 0.45 * look.beard.density * float(np.interp(lighter, (0.0, 0.12), (1.0, 0.22)))


def _grayed(look: Look) -> tuple[float, float, float]:
    """Of the roots of hair, those without pigment among them."""
    return _mixed(look.hair.color, 0.8 * look.hair.gray)


def _mixed(color: tuple[float, float, float], gray: float) -> tuple[float, float, float]:
    """A colour of hair among which a share of hairs has no pigment."""
    red, green, blue = color
    return red + gray * (0.30 - red), green + gray * (0.29 - green), blue + gray * (0.28 - blue)


def _roots(look: Look) -> float:
    """Density of painted roots of the scalp; a shaved head keeps a shadow of them."""
    full = {"bald": 0.16 if look.age < 60 else 0.05, "buzz": 0.85}.get(look.hair.style, 0.82)
    # Skin shows between hairs that are lighter than it.
    lighter = max(look.hair.color[1], 0.35 * look.hair.gray) - look.skin[1]
    return full * float(np.interp(lighter, (0.0, 0.12), (1.0, 0.5)))


# Spots of blood under the skin: about which of the 68 landmarks, offset (metres), radius, strength.
_RED: Final = (
    ((31, 41, 2), (-0.018, -0.004, 0.0), 0.023, 0.62),  # right cheek
    ((35, 46, 14), (0.018, -0.004, 0.0), 0.023, 0.62),
    ((30,), (0.0, 0.0, 0.0), 0.012, 0.55),  # tip of the nose
    ((31,), (-0.002, 0.0, 0.0), 0.007, 0.50),  # wings
    ((35,), (0.002, 0.0, 0.0), 0.007, 0.50),
    ((8,), (0.0, 0.012, 0.01), 0.014, 0.30),  # chin
    ((27,), (0.0, 0.012, 0.0), 0.012, 0.18),  # between the brows
)
# Darker skin: about the eyes and beside the mouth; radius, strength.
_BROWN: Final = (
    ((36, 39, 40, 41), (0.0, -0.004, 0.0), 0.015, 0.55),
    ((42, 45, 46, 47), (0.0, -0.004, 0.0), 0.015, 0.55),
    ((37, 38), (0.0, 0.004, 0.0), 0.012, 0.45),
    ((43, 44), (0.0, 0.004, 0.0), 0.012, 0.45),
    ((48,), (-0.004, 0.0, 0.0), 0.009, 0.25),
    ((54,), (0.004, 0.0, 0.0), 0.009, 0.25),
)
# kernels do not turn members of an enumeration into numbers
_FACE, _EAR, _LIP = int(Part.FACE), int(Part.EAR), int(Part.LIP)
_NECK, _BROW = int(Part.NECK), int(Part.BROW)
_SCALP_COLOR, _BEARD_COLOR, _BROW_COLOR = int(Paint.SCALP), int(Paint.BEARD), int(Paint.BROW)
_HAND, _FOOT = int(Part.HAND), int(Part.FOOT)
RED_SPOTS: Final = len(_RED)


def spots(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Where skin is redder (the first RED_SPOTS rows) and browner: (N, 5) x, y, z, 1 / radius^2, strength.

    landmarks  (68, 3) of the rest human, iBUG order
    """
    rows = []
    for ids, offset, radius, strength in _RED + _BROWN:
        centre = np.mean([landmarks[i] for i in ids], axis=0) + offset
        rows.append([*centre, radius**-2, strength])
    return np.array(rows, np.float64)


@lean
def paint_skin(
    x: float,
    y: float,
    z: float,
    row: NDArray[np.float32],
    tone: tuple[float, float],
    landmarks: NDArray[np.float64],
    eyes: EyeFrame,
    part: int,
    lip: float,
    mouth: float,
    footprint: float,
) -> tuple[float, float, float, float, int]:
    """Albedo r, g, b, roughness and Part at a rest position of the skin.

    row        the owner's row of paint
    tone       blood and melanin, as `undertone` gives them
    landmarks  (68, 3) of the rest human; eyes their eye_frame
    part       of the face; what is painted may make it Part.LIP or Part.BROW
    lip        share of lip, 0 to 1, from the surface's mask
    mouth      share of the inside of the mouth, 0 to 1
    footprint  size of a pixel on the skin, metres: finer detail than this must fade
    """
    seed = row[Paint.SEED]
    blood, melanin = tone
    middle = value_noise(x * 210.0, y * 210.0, z * 210.0 + seed) - 0.5
    fine = value_noise(x * 560.0, y * 560.0 + seed, z * 560.0) - 0.5
    blood += 0.32 * middle + 0.27 * fine
    melanin += 0.26 * fine - 0.25 * middle
    if part == _EAR:
        blood += 0.35 * row[Paint.REDNESS] + 0.10
    elif part in (_HAND, _FOOT):
        blood += 0.15
    roughness = row[Paint.ROUGHNESS] * (1.0 + 0.24 * middle + 0.15 * fine)  # oil lies unevenly
    if footprint < 0.002 and row[Paint.FRECKLES] > 0.0:
        melanin += row[Paint.FRECKLES] * _freckle(x, y, z, seed)
    # absorption of haemoglobin and melanin by channel, relative (after Donner and Jensen 2006)
    red = row[Paint.SKIN] * _absorbed(0.10 * blood + 0.30 * melanin)
    green = row[Paint.SKIN + 1] * _absorbed(0.42 * blood + 0.45 * melanin)
    blue = row[Paint.SKIN + 2] * _absorbed(0.38 * blood + 0.60 * melanin)
    if lip > 0.02:
        share = min(1.0, max(0.0, (lip - 0.25) * 2.0))
        share = share * share * (3.0 - 2.0 * share)
        crease = 0.93 + 0.14 * value_noise(x * 900.0, y * 120.0 + seed, z * 120.0)
        red *= 1.0 + share * (row[Paint.LIPS] * crease - 1.0)
        green *= 1.0 + share * (row[Paint.LIPS + 1] * crease - 1.0)
        blue *= 1.0 + share * (row[Paint.LIPS + 2] * crease - 1.0)
        roughness += share * (0.38 - roughness)
        if lip > 0.5 and part == _FACE:
            part = _LIP
    if mouth > 0.3:  # wet flesh behind the lips
        share = min(1.0, (mouth - 0.3) * 2.5)
        red += share * (_MOUTH[0] - red)
        green += share * (_MOUTH[1] - green)
        blue += share * (_MOUTH[2] - blue)
        roughness += share * (0.3 - roughness)
    if part in (_FACE, _NECK):
        red, green, blue, matt, part = _hairy(
            x, y, z, row, landmarks, eyes, part, footprint, lip, (red, green, blue)
        )
        roughness += matt * (0.95 - roughness)
    return red, green, blue, roughness, part


@lean
def _hairy(
    x: float,
    y: float,
    z: float,
    row: NDArray[np.float32],
    landmarks: NDArray[np.float64],
    eyes: EyeFrame,
    part: int,
    footprint: float,
    lip: float,
    skin: tuple[float, float, float],
) -> tuple[float, float, float, float, int]:
    """Skin with brows, stubble and the roots of the scalp; the share of hair, which does not shine, and the part."""
    red, green, blue = skin
    matt = 0.0
    seed = row[Paint.SEED]
    for layer in range(3):
        share, column = 0.0, _SCALP_COLOR
        if layer == 0 and row[Paint.SCALP_DENSITY] > 0.0:
            cover = scalp_cover(x, y, z, eyes, row[Paint.THINNING], footprint, seed)
            share = min(0.97, row[Paint.SCALP_DENSITY] * cover)
            column = _SCALP_COLOR
        elif layer == 1 and row[Paint.STUBBLE] > 0.0:
            share = stubble_cover(
                x, y, z, landmarks, int(row[Paint.BEARD_ZONE]), row[Paint.STUBBLE], footprint, seed
            )
            share *= min(
                1.0, max(0.0, 3.2 - 4.8 * lip)
            )  # hangs over the edge of the lip, or bare skin would be seen between
            column = _BEARD_COLOR
        elif layer == 2:
            share = brow_cover(
                x, y, z, landmarks, row[Paint.BROW_WIDTH], row[Paint.BROW_ARCH],
                row[Paint.BROW_DENSITY], footprint,
            )  # fmt: skip
            column = _BROW_COLOR
            if share > 0.4:
                part = _BROW
        if share > 0.0:
            matt = max(matt, share)
            red += share * (row[column] - red)
            green += share * (row[column + 1] - green)
            blue += share * (row[column + 2] - blue)
    return red, green, blue, matt, part


@lean
def undertone(
    x: float, y: float, z: float, row: NDArray[np.float32], spots: NDArray[np.float64]
) -> tuple[float, float]:
    """How much more blood and melanin than the mean lie at a rest position, about -0.5 to 1.5.

    What changes slowly over the skin, so that vertices are enough; paint_skin adds the finer grain.
    spots: as `spots` gives them
    """
    seed = row[Paint.SEED]
    coarse = value_noise(x * 70.0 + seed, y * 70.0, z * 70.0) - 0.5
    blood, melanin = 0.28 * coarse, 0.22 * coarse
    for k in range(len(spots)):
        dx, dy, dz = x - spots[k, 0], y - spots[k, 1], z - spots[k, 2]
        distance = (dx * dx + dy * dy + dz * dz) * spots[k, 3]
        if distance < 6.0:
            amount = spots[k, 4] * exp(-0.5 * distance)
            if k < RED_SPOTS:
                blood += amount * (0.25 + 1.1 * row[Paint.REDNESS]) * (1.0 + 0.8 * coarse)
            else:
                melanin += amount * 0.55
    return blood, melanin


@lean
def _absorbed(depth: float) -> float:
    """exp(-depth) to 1e-4 for depths of -0.8 to 0.8, and positive for all."""
    t = max(0.0, 1.0 - 0.125 * depth + 0.0078125 * depth * depth * (1.0 - depth / 24.0))
    t *= t
    t *= t
    return t * t


@lean
def _freckle(x: float, y: float, z: float, seed: float) -> float:
    """Cells of 2.6 mm, in some of which lies a round spot, densest about the nose."""
    cell = 380.0
    i, j, k = floor(x * cell), floor(y * cell), floor(z * cell + seed)
    if hash3(i, j, k) > 0.45:
        return 0.0
    dx = x * cell - i - 0.3 - 0.4 * hash3(i, j + 31, k)
    dy = y * cell - j - 0.3 - 0.4 * hash3(i + 57, j, k)
    dz = z * cell + seed - k - 0.5
    radius = 0.12 + 0.16 * hash3(i, j, k + 13)
    distance = (dx * dx + dy * dy + 0.3 * dz * dz) / (radius * radius)
    return 0.8 * max(0.0, 1.0 - distance)
