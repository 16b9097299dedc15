"""Smooth noise in space for what is painted: from a table of lattice values, which costs half of what a hash does.

No label depends on it; what geometry is made of (folds of cloth) comes from drawing/noise.py. Values are in [0, 1),
lattice cells have a size of 1: scale the argument.
"""

from __future__ import annotations

from math import floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import lean

_MASK: Final = 0xFFFFFFFF


def _scrambled(count: int) -> NDArray[np.float32]:
    """(count,) float32 in [0, 1): noise.mix of 0, 1, 2, ..."""
    values = np.arange(count, dtype=np.uint64)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        values = ((values ^ (values >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(_MASK)
    return ((values >> np.uint64(8)) / 16777216.0).astype(np.float32)


# The lattice point (i, j, k) has the value number i + j _UPWARD + k _INWARD: equal ones lie more than 24 cells apart, and askew.
_VALUES: Final = _scrambled(16384)
_LAST: Final = 16383
_UPWARD: Final = 6458
_INWARD: Final = 14047


@lean
def value_noise(x: float, y: float, z: float) -> float:
    """Smooth noise in space: lattice values, blended by smoothstep."""
    floor_x, floor_y, floor_z = floor(x), floor(y), floor(z)
    u, v, w = x - floor_x, y - floor_y, z - floor_z
    u = u * u * (3.0 - 2.0 * u)
    v = v * v * (3.0 - 2.0 * v)
    w = w * w * (3.0 - 2.0 * w)
    near = floor_x + floor_y * _UPWARD + floor_z * _INWARD
    far = near + _INWARD
    a, b = _VALUES[near & _LAST], _VALUES[near + 1 & _LAST]
    c, d = _VALUES[near + _UPWARD & _LAST], _VALUES[near + _UPWARD + 1 & _LAST]
    e, f = _VALUES[far & _LAST], _VALUES[far + 1 & _LAST]
    g, h = _VALUES[far + _UPWARD & _LAST], _VALUES[far + _UPWARD + 1 & _LAST]
    a, c, e, g = a + (b - a) * u, c + (d - c) * u, e + (f - e) * u, g + (h - g) * u
    a, e = a + (c - a) * v, e + (g - e) * v
    return float(a + (e - a) * w)


@lean
def noise_slope(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Gradient of value_noise, per unit of its arguments."""
    _, along_x, along_y, along_z = noise_and_slope(x, y, z)
    return along_x, along_y, along_z


@lean
def noise_and_slope(x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """value_noise and its gradient, per unit of its arguments."""
    floor_x, floor_y, floor_z = floor(x), floor(y), floor(z)
    u, v, w = x - floor_x, y - floor_y, z - floor_z
    du, dv, dw = 6.0 * u * (1.0 - u), 6.0 * v * (1.0 - v), 6.0 * w * (1.0 - w)
    u = u * u * (3.0 - 2.0 * u)
    v = v * v * (3.0 - 2.0 * v)
    w = w * w * (3.0 - 2.0 * w)
    near = floor_x + floor_y * _UPWARD + floor_z * _INWARD
    far = near + _INWARD
    a, b = _VALUES[near & _LAST], _VALUES[near + 1 & _LAST]
    c, d = _VALUES[near + _UPWARD & _LAST], _VALUES[near + _UPWARD + 1 & _LAST]
    e, f = _VALUES[far & _LAST], _VALUES[far + 1 & _LAST]
    g, h = _VALUES[far + _UPWARD & _LAST], _VALUES[far + _UPWARD + 1 & _LAST]
    front, back = (b - a) + (d - c - b + a) * v, (f - e) + (h - g - f + e) * v
    along_x = front + (back - front) * w
    a, c, e, g = a + (b - a) * u, c + (d - c) * u, e + (f - e) * u, g + (h - g) * u
    along_y = (c - a) + (g - e - c + a) * w
    a, e = a + (c - a) * v, e + (g - e) * v
    return float(a + (e - a) * w), along_x * du, along_y * dv, (e - a) * dw
