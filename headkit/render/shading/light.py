"""Light: a key with a soft shadow, fill, rim and a sky over a ground; named set-ups with variation.

Directions are unit vectors of the camera frame (x right, y down, z forward) from the scene towards the
light. Intensities are irradiance over pi, linear RGB: a white matt surface that faces a light of 1 has
the radiance 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, radians, sin
from typing import Final

import numpy as np
from numpy.typing import NDArray

Color = tuple[float, float, float]
Direction = tuple[float, float, float]

# Where the parts of Lighting lie in the row that kernels read.
KEY: Final = 0  # direction 3, colour 3, angular radius 1
FILL: Final = 7  # direction 3, colour 3
RIM: Final = 13  # direction 3, colour 3
UP: Final = 19  # 3
SKY: Final = 22  # 3
GROUND: Final = 25  # 3
ROW: Final = 28


@dataclass(frozen=True)
class Lighting:
    """The light of one picture.

    key_size   angular radius of the key light in radians: 0.005 the sun, 0.1 a lamp, 0.4 a window
    up         of the scene, which a pitched camera turns
    exposure   factor on radiance before the film
    warmth     white balance that the camera missed: above 0 too yellow, below too blue, about +-0.1
    """

    name: str
    key: Direction
    key_color: Color
    key_size: float
    fill: Direction
    fill_color: Color
    rim: Direction
    rim_color: Color
    sky: Color
    ground: Color
    up: Direction = (0.0, -1.0, 0.0)
    exposure: float = 1.0
    warmth: float = 0.0

    def row(self) -> NDArray[np.float64]:
        """(ROW,) float64 as the kernels read it."""
        values = (
            *_unit(self.key), *self.key_color, self.key_size, *_unit(self.fill), *self.fill_color,
            *_unit(self.rim), *self.rim_color, *_unit(self.up), *self.sky, *self.ground,
        )  # fmt: skip
        return np.array(values, np.float64)


def _unit(direction: Direction) -> tuple[float, ...]:
    vector = np.array(direction)
    return tuple((vector / np.linalg.norm(vector)).tolist())


def toward(azimuth: float, elevation: float) -> Direction:
    """The direction to a light.

    azimuth    degrees: 0 behind the camera, 90 at the right, 180 behind the people
    elevation  degrees: 0 at the horizon, 90 overhead
    """
    a, e = radians(azimuth), radians(elevation)
    return sin(a) * cos(e), -sin(e), -cos(a) * cos(e)


def _blackbody(kelvin: float) -> NDArray[np.float64]:
    """Linear RGB of a black body against 6500 K, mean 1; a fit good enough for lamps and skies."""
    x = np.log(kelvin / 6500.0)
    color = np.exp(np.array([-0.62, 0.0, 0.78]) * x + np.array([-0.05, -0.12, -0.18]) * x * x)
    return np.asarray(color / color.mean())


# name: share in the wild, key (intensity, kelvin, radius, azimuth range, elevation range),
# fill, rim (intensity, kelvin), sky (intensity, kelvin), ground (intensity, kelvin)
_SETUPS: Final = {
    "studio": (14, (1.05, 5600, 0.24, (20, 60), (22, 50)), (0.14, 5600), (0.55, 5600), (0.24, 5600), (0.12, 5000)),
    "window": (14, (1.15, 6300, 0.36, (45, 80), (10, 35)), (0.08, 4600), (0.12, 5000), (0.22, 6000), (0.13, 4000)),
    "indoor": (24, (0.75, 4300, 0.22, (10, 60), (32, 62)), (0.14, 4500), (0.22, 4400), (0.30, 4600), (0.17, 4000)),
    "daylight": (16, (1.15, 5600, 0.035, (15, 75), (32, 62)), (0.06, 6500), (0.10, 5600), (0.32, 8200), (0.20, 4800)),
    "overcast": (18, (0.50, 6600, 0.45, (0, 60), (45, 75)), (0.06, 6500), (0.12, 6500), (0.60, 6800), (0.20, 5600)),
    "sunset": (9, (1.10, 3900, 0.05, (40, 80), (7, 20)), (0.08, 6500), (0.45, 3500), (0.34, 8000), (0.18, 4200)),
    "night": (5, (0.85, 3600, 0.12, (20, 70), (25, 60)), (0.25, 9000), (0.70, 3000), (0.14, 9500), (0.10, 3400)),
}  # fmt: skip
_AGAINST: Final = 0.12  # of pictures outdoors are taken against the light

SETUPS: Final = tuple(_SETUPS)


def lighting(name: str, rng: np.random.Generator) -> Lighting:
    """A named set-up (one of SETUPS), varied. Raises KeyError for another name."""
    _, key, fill, rim, sky, ground = _SETUPS[name]
    side = float(rng.choice([-1.0, 1.0]))

    def tint(intensity: float, kelvin: float) -> Color:
        color = intensity * _blackbody(kelvin * np.exp(rng.normal(0.0, 0.07)))
        red, green, blue = (color * np.exp(rng.normal(0.0, 0.10))).tolist()
        return red, green, blue

    azimuth = side * rng.uniform(*key[3])
    if name in ("daylight", "sunset") and rng.random() < _AGAINST:
        azimuth = side * rng.uniform(110, 150)
    light = Lighting(
        name=name,
        key=toward(azimuth, rng.uniform(*key[4])),
        key_color=tint(key[0], key[1]),
        key_size=key[2] * float(np.exp(rng.normal(0.0, 0.2))),
        fill=toward(-azimuth * rng.uniform(0.7, 1.3), rng.uniform(0, 25)),
        fill_color=tint(*fill),
        rim=toward(-side * rng.uniform(115, 165), rng.uniform(15, 55)),
        rim_color=tint(*rim),
        sky=tint(*sky),
        ground=tint(*ground),
        warmth=float(rng.normal(0.0, 0.03)),
    )
    light = _balanced(light)
    return replace(light, exposure=_exposure(light) * float(np.exp(rng.normal(0.0, 0.12))))


def any_lighting(rng: np.random.Generator) -> Lighting:
    """A set-up drawn by how common it is."""
    odds = np.array([setup[0] for setup in _SETUPS.values()], float)
    return lighting(SETUPS[int(rng.choice(len(SETUPS), p=odds / odds.sum()))], rng)


def _balanced(light: Lighting) -> Lighting:
    """The light as a camera's automatic white balance leaves it: three quarters of its cast are gone."""
    whole = np.array(light.key_color) * max(0.4, -light.key[2]) + 0.5 * np.add(
        light.sky, light.ground
    )
    balance = (whole / whole.mean()) ** -0.75

    def corrected(color: Color) -> Color:
        red, green, blue = (np.array(color) * balance).tolist()
        return red, green, blue

    return replace(
        light,
        key_color=corrected(light.key_color),
        fill_color=corrected(light.fill_color),
        rim_color=corrected(light.rim_color),
        sky=corrected(light.sky),
        ground=corrected(light.ground),
    )


def _exposure(light: Lighting) -> float:
    """What a camera's meter would choose: a gray surface facing the camera comes out alike everywhere.

    Of a light from behind it sees the rims that it makes.
    """
    key = max(0.42, -light.key[2]) * np.mean(light.key_color)
    fill = max(0.0, -light.fill[2]) * np.mean(light.fill_color)
    ambient = 0.5 * (np.mean(light.sky) + np.mean(light.ground))
    return float(0.86 / (0.75 * key + fill + ambient + 0.08))
