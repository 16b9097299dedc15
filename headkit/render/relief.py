"""Relief too fine for the mesh: pores and wrinkles of skin, folds and weave of cloth, as heights."""

from __future__ import annotations

from math import exp, sin

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled
from headkit.render.noise import value_noise
from headkit.render.paint import Paint


@compiled
def fade(cell: float, footprint: float) -> float:
    """1 where a cell of this size spans 3 pixels, 0 where it is under 1: finer detail is noise."""
    return min(1.0, max(0.0, 0.5 * (cell / footprint - 1.0)))


@compiled
def skin_height(
    x: float,
    y: float,
    z: float,
    row: NDArray[np.float32],
    landmarks: NDArray[np.float64],
    footprint: float,
) -> float:
    """Height in metres at a rest position of the skin."""
    height = 0.0
    coarse = fade(0.0024, footprint)
    if coarse > 0.0:
        height += 0.00006 * coarse * value_noise(x * 420.0, y * 420.0, z * 420.0)
    fine = fade(0.0010, footprint)
    if fine > 0.0:
        height += 0.000045 * fine * value_noise(x * 1000.0, y * 1000.0, z * 1000.0)
    age = row[Paint.AGE]
    if age > 32.0:
        height += min(1.0, (age - 32.0) / 45.0) * _wrinkles(x, y, z, landmarks)
    return height


@compiled
def _wrinkles(x: float, y: float, z: float, landmarks: NDArray[np.float64]) -> float:
    """Lines across the forehead and fans beside the eyes."""
    height = 0.0
    brow = 0.25 * (landmarks[19, 1] + landmarks[24, 1]) * 2.0
    above = y - brow
    if 0.004 < above < 0.05 and z > landmarks[17, 2]:
        wave = value_noise(x * 40.0, y * 18.0, 3.0) * 9.0
        mask = exp(-((above - 0.026) ** 2) / 0.00025) * exp(-(x * x) / 0.0016)
        height += 0.00042 * mask * sin(above * 780.0 + wave)
    for corner in (36, 45):
        dx, dy = abs(x) - abs(landmarks[corner, 0]), y - landmarks[corner, 1]
        if 0.0 < dx < 0.03 and abs(dy) < 0.02:
            mask = exp(-((dx - 0.011) ** 2) / 0.00009) * exp(-(dy * dy) / 0.00016)
            fan = dy / (dx + 0.012)
            height += (
                0.5 * 0.0004 * mask * sin(fan * 16.0 + 2.0 * value_noise(x * 90.0, y * 90.0, z))
            )
    return height


@compiled
def cloth_height(x: float, y: float, z: float, footprint: float) -> float:
    """Height in metres at a rest position on cloth: soft folds, and weave where it can be seen."""
    folds = 0.0026 * value_noise(x * 22.0, y * 9.0, z * 22.0 + 5.0)
    folds += 0.0011 * value_noise(x * 55.0 + 9.0, y * 30.0, z * 55.0)
    weave = fade(0.0016, footprint)
    if weave > 0.0:
        folds += 0.00012 * weave * sin(x * 3900.0 + z * 1300.0) * sin(y * 3900.0)
    return folds
