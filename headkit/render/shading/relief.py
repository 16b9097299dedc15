"""Relief too fine for the mesh: pores and wrinkles of skin, folds and weave of cloth.

Each function gives the slope of a height (metres per metre, three components) at a rest position. Detail
finer than a pixel fades: `footprint` is the size of a pixel in metres.
"""

from __future__ import annotations

from math import cos, exp, floor, sin
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import lean
from headkit.render.shading.grain import noise_and_slope, noise_slope, value_noise
from headkit.render.shading.paint import Paint
from headkit.render.surface import RIB

Slope = tuple[float, float, float]
_FAINT: Final = 0.004  # a slope below what the sensor's noise leaves to be seen


@lean
def fade(cell: float, footprint: float) -> float:
    """1 where a cell of this size spans 3 pixels, 0 where it is under 1: finer detail is noise."""
    return min(1.0, max(0.0, 0.5 * (cell / footprint - 1.0)))


@lean
def skin_slope(
    x: float,
    y: float,
    z: float,
    row: NDArray[np.float32],
    landmarks: NDArray[np.float64],
    footprint: float,
) -> Slope:
    """Pores, and wrinkles with age. landmarks: (68, 3) of the rest human."""
    coarse, fine = 0.020 * fade(0.0020, footprint), 0.050 * fade(0.0009, footprint)
    ax, ay, az = noise_slope(x * 520.0, y * 520.0, z * 520.0)
    sx, sy, sz = coarse * ax, coarse * ay, coarse * az
    if fine > _FAINT:
        bx, by, bz = noise_slope(x * 1300.0, y * 1300.0, z * 1300.0)
        sx, sy, sz = sx + fine * bx, sy + fine * by, sz + fine * bz
    age = row[Paint.AGE]
    if age > 30.0 and z > landmarks[36, 2] - 0.03:
        strength, step = min(1.0, (age - 30.0) / 45.0), 0.00015
        here = _wrinkles(x, y, z, landmarks)
        sx += strength * (_wrinkles(x + step, y, z, landmarks) - here) / step
        sy += strength * (_wrinkles(x, y + step, z, landmarks) - here) / step
    return sx, sy, sz


@lean
def _wrinkles(x: float, y: float, z: float, landmarks: NDArray[np.float64]) -> float:
    """Height of lines across the forehead and fans beside the eyes, metres."""
    height = 0.0
    above = y - 0.5 * (landmarks[19, 1] + landmarks[24, 1])
    if 0.006 < above < 0.05:
        wave = value_noise(x * 30.0, y * 30.0, 3.0) * 4.5
        mask = exp(-((above - 0.026) ** 2) / 0.00025) * exp(-(x * x) / 0.0016)
        height += 0.00034 * mask * sin(above * 720.0 + wave)
    dx, dy = abs(x) - abs(landmarks[36, 0]), y - landmarks[36, 1]
    if 0.0 < dx < 0.03 and abs(dy) < 0.02:
        mask = exp(-((dx - 0.011) ** 2) / 0.00009) * exp(-(dy * dy) / 0.00016)
        fan = dy / (dx + 0.012)
        height += 0.0002 * mask * sin(fan * 16.0 + 2.0 * value_noise(x * 90.0, y * 90.0, z))
    return height


_BROAD: Final = 0.0055  # metres of height of the soft folds of cloth
_FINE: Final = 0.0018  # and of the wrinkles on them
_STITCH: Final = 0.0042  # metres of one stitch along a rib
_MEAN_DEEP: Final = 0.375  # of (1 - crest) squared over a rib: the mean of sin^4


@lean
def knit(u: float, v: float, footprint: float) -> tuple[float, float, float]:
    """Ribs of a knitted cloth along v: slope along u and along v, and how deep in a furrow, 0 to 1.

    u, v  metres on the cloth
    """
    ribs, stitches = fade(0.5 * RIB, footprint), fade(0.5 * _STITCH, footprint)
    across = 6.283185307 * u / RIB
    # Stitches lean to the middle of a rib from both sides.
    along = 6.283185307 * (v + 0.35 * RIB * abs(sin(0.5 * across))) / _STITCH
    crest = 0.5 + 0.5 * cos(across)
    # Ribs too fine to be seen leave the mean of their shade, so that no triangle stands out that fades them.
    deep = _MEAN_DEEP + ((1.0 - crest) * (1.0 - crest) - _MEAN_DEEP) * ribs
    return -0.95 * ribs * sin(across), 0.40 * stitches * crest * cos(along), deep


@lean
def _wave(turns: float) -> float:
    """About sin(2 pi turns), to 0.06: two parabolas."""
    t = turns - floor(turns) - 0.5
    return -8.0 * t * (1.0 - 2.0 * abs(t))


@lean
def _side(x: float) -> float:
    """-1 or 1 on either side of 0, smoothly from one to the other between."""
    x = min(1.0, max(-1.0, x))
    return x * (1.5 - 0.5 * x * x)


@lean
def cloth_slope(x: float, y: float, z: float, footprint: float) -> Slope:
    """Soft folds with creases where two of them meet, and the weave where it can be seen."""
    broad, ax, ay, az = noise_and_slope(x * 22.0, y * 9.0, z * 22.0 + 5.0)
    fine, bx, by, bz = noise_and_slope(x * 52.0 + 9.0, y * 30.0 + 6.0 * broad, z * 52.0)
    # Ridges of |noise - 1/2|, rounded: a height that rises to both sides of a line.
    crease = _BROAD * (0.5 + 1.3 * _side(16.0 * broad - 8.0))
    wrinkle = _FINE * (0.35 + 1.6 * broad * _side(10.0 * fine - 5.0))
    across, along = 22.0 * crease, 52.0 * wrinkle
    sx, sy, sz = (
        across * ax + along * bx,
        9.0 * crease * ay + 30.0 * wrinkle * by,
        across * az + along * bz,
    )
    weave = 0.35 * fade(0.0007, footprint)  # a third of its period, and children are small
    if weave > 0.0:
        across, along = x * 620.7 + z * 206.9, y * 620.7  # turns
        sx += weave * _wave(across + 0.25) * _wave(along)
        sy += weave * _wave(across) * _wave(along + 0.25)
    return sx, sy, sz
