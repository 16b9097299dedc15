"""From radiance to a picture as a camera gives it: exposure, film curve, vignette, sensor noise, sRGB."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.noise import mix
from headkit.render.jit import compiled, lean

_LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722])  # of linear sRGB
_FACE: Final = 0.24  # luminance that a metered face should have
_BURNT: Final = 0.85  # luminance beyond which folds in white cloth are lost
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
    code = np.append(code, code[-1])  # so that every place has a next one
    return (255.0 * code).astype(np.float32)


def metered(film: Film, faces: NDArray[np.float32], people: NDArray[np.float32]) -> Film:
    """The film exposed as cameras do that look for faces, and that keep white clothes from burning out.

    faces, people  (N, 3) radiance of skin, and of all that belongs to people
    """
    if film.metering == 0.0 or not len(people):
        return film
    factor = 1.0
    if len(faces):
        light = float(np.mean(faces.astype(np.float64) @ _LUMINANCE)) * film.exposure
        factor = min(max((_FACE / max(light, 1e-3)) ** film.metering, 0.75), 1.5)
    bright = float(np.quantile(people.astype(np.float64) @ _LUMINANCE, 0.96)) * film.exposure
    return replace(film, exposure=film.exposure * min(factor, max(_BURNT / max(bright, 1e-3), 0.6)))


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
    """Row by row, in plain loops over float32 that the compiler turns into vectors."""
    height, width = picture.shape[:2]
    half = 0.25 * (height * height + width * width)
    scale, top = np.float32((_TABLE - 1) / sqrt(_BRIGHTEST)), np.float32(_BRIGHTEST)
    zero, round_up, white = np.float32(0.0), np.float32(0.5), np.float32(255.0)
    slope, start = np.float32(-0.0024 * film[4]), np.float32(1.25 * film[4])
    away, balance = np.empty(3 * width, np.float32), np.empty(3 * width, np.float32)
    for x in range(width):
        for channel in range(3):
            away[3 * x + channel] = film[3] * (x + 0.5 - 0.5 * width) ** 2 / half
            balance[3 * x + channel] = film[channel]
    place, grain = np.empty(3 * width, np.float32), np.empty(3 * width, np.float32)
    states = np.empty((2, width), np.uint32)
    for y in range(height):
        light, code = picture[y].reshape(-1), result[y].reshape(-1)
        lit = np.float32(1.0 - film[3] * (y + 0.5 - 0.5 * height) ** 2 / half)
        for n in range(3 * width):
            value = light[n] * balance[n] * (lit - away[n])
            value = max(zero, value)  # also for nan
            place[n] = np.sqrt(min(top, value)) * scale
        _grain(seed, y, states, grain)
        for n in range(3 * width):
            low = np.int32(place[n])
            plain = table[low] + (table[low + 1] - table[low]) * (place[n] - np.float32(low))
            # photon noise: less in code values where it is bright, for codes are a root already
            noisy = plain + (start + slope * plain) * grain[n] + round_up
            noisy = max(zero, noisy)
            code[n] = np.uint8(min(white, noisy))


@lean
def _grain(seed: int, y: int, states: NDArray[np.uint32], grain: NDArray[np.float32]) -> None:
    """One row of noise of standard deviation 0.9, most of it shared by the channels."""
    width = states.shape[1]
    begin = mix(seed + mix(y))
    for x in range(width):
        states[0, x] = mix(begin + x)
    for x in range(width):
        states[1, x] = mix(states[0, x] + 1)
    shared, own = (
        np.float32(0.75 / 147.8),
        np.float32(0.5 / 18918.6),
    )  # deviations of the sums below
    middle_shared, middle_own = np.float32(510.0), np.float32(32767.5)
    for x in range(width):
        number = states[0, x]
        # near normal: four bytes summed
        total = (number & 255) + (number >> 8 & 255) + (number >> 16 & 255) + (number >> 24)
        common = shared * (np.float32(np.int32(total)) - middle_shared)
        number = states[1, x]
        for channel in range(3):  # even numbers of 16 bits, overlapping by a byte
            even = np.float32(np.int32((number >> 8 * channel) & 0xFFFF)) - middle_own
            grain[3 * x + channel] = common + own * even
