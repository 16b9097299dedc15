"""From radiance to a picture as a camera gives it: exposure, film curve, vignette, sensor noise, sRGB."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.noise import mix
from headkit.render.jit import compiled

_LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722])  # of linear sRGB
_FACE: Final = 0.24  # luminance that a metered face should have
_TABLE: Final = 4096
_BRIGHTEST: Final = 8.0  # light above is white


@dataclass(frozen=True)
class Film:
    """How the camera answers.

    exposure  factor on radiance
    warmth    red over blue that the white balance missed, about +-0.1
    contrast  exponent about middle gray, 1 plain
    vignette  loss of light in the corners, 0 to 0.4
    noise     standard deviation at middle gray, in steps of 8 bits
    metering  how far exposure follows the light of faces: 0 not at all, 1 until they are middle bright
    """

    exposure: float = 1.0
    warmth: float = 0.0
    contrast: float = 1.18
    vignette: float = 0.12
    noise: float = 1.2
    metering: float = 0.45


def film(exposure: float, warmth: float, rng: np.random.Generator) -> Film:
    """A camera, varied."""
    return Film(
        exposure=exposure,
        warmth=warmth,
        contrast=float(rng.uniform(1.1, 1.3)),
        vignette=float(rng.uniform(0.0, 0.25)),
        noise=float(np.exp(rng.normal(0.1, 0.5))),
    )


def _curve(contrast: float) -> NDArray[np.float32]:
    """Code values of sRGB, 0 to 255, by the square root of light from 0 to _BRIGHTEST.

    The film's answer is straight up to 0.5 and then ever slower towards 1.
    """
    light = np.linspace(0.0, 1.0, _TABLE) ** 2 * _BRIGHTEST
    light = 0.18 * (light / 0.18) ** contrast
    light = np.where(light <= 0.5, light, 1.0 - 0.5 * np.exp(-(light - 0.5) / 0.5))
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (255.0 * code).astype(np.float32)


def metered(film: Film, faces: NDArray[np.float32]) -> Film:
    """The film exposed for the (N, 3) radiance of skin, as cameras do that look for faces."""
    if not len(faces) or film.metering == 0.0:
        return film
    light = float(np.mean(faces.astype(np.float64) @ _LUMINANCE)) * film.exposure
    factor = (_FACE / max(light, 1e-3)) ** film.metering
    return replace(film, exposure=film.exposure * min(max(factor, 0.75), 1.5))


def develop(picture: NDArray[np.float32], film: Film, seed: int) -> NDArray[np.uint8]:
    """(H, W, 3) sRGB of (H, W, 3) linear radiance; the noise follows from `seed`."""
    result = np.empty(picture.shape, np.uint8)
    balance = film.exposure * np.array([1.0 + film.warmth, 1.0, 1.0 - film.warmth])
    numbers = np.array([*balance, film.vignette, film.noise], np.float64)
    _develop(picture, numbers, seed & 0xFFFFFFFF, _curve(film.contrast), result)
    return result


@compiled
def _develop(
    picture: NDArray[np.float32],
    film: NDArray[np.float64],
    seed: int,
    table: NDArray[np.float32],
    result: NDArray[np.uint8],
) -> None:
    height, width = picture.shape[:2]
    half = 0.25 * (height * height + width * width)
    own = 0.5 / 18918.6  # deviation 0.5 of numbers even over 0 to 65535
    scale = (len(table) - 1) / sqrt(_BRIGHTEST)
    for y in range(height):
        for x in range(width):
            dx, dy = x + 0.5 - 0.5 * width, y + 0.5 - 0.5 * height
            fall = 1.0 - film[3] * (dx * dx + dy * dy) / half
            number = mix(seed + mix(y * 65536 + x))
            shared = 0.75 * _gauss(number)
            number = mix(number + 1)  # three overlapping pairs of bytes: one for each channel
            for channel in range(3):
                light = picture[y, x, channel] * film[channel] * fall
                place = sqrt(min(light, _BRIGHTEST)) * scale if light > 0.0 else 0.0  # also for nan
                low = min(len(table) - 2, int(place))
                code = table[low] + (table[low + 1] - table[low]) * (place - low)
                # photon noise: less in code values where it is bright, for codes are a root already
                grain = film[4] * (1.25 - 0.0024 * code)
                code += (
                    grain * (shared + own * ((number >> 8 * channel) & 0xFFFF) - own * 32767.5)
                    + 0.5
                )
                result[y, x, channel] = np.uint8(min(255.0, max(0.0, code)))


@compiled
def _gauss(number: int) -> float:
    """A number of standard deviation 1, near normal, from 32 random bits: four bytes summed."""
    total = (number & 255) + (number >> 8 & 255) + (number >> 16 & 255) + (number >> 24 & 255)
    return (total - 510.0) / 147.8
