"""Noise from integer hashes: the same bits on every machine, without state.

All values are in [0, 1). Lattice cells have a size of 1: scale the argument.
"""

from __future__ import annotations

from math import floor
from typing import Final

from headkit.render.jit import compiled

_MASK = 0xFFFFFFFF
_UNIT = 1.0 / 4294967296.0


@compiled
def mix(value: int) -> int:
    """A 32-bit integer scrambled (lowbias32 by Chris Wellons: every input bit reaches every output bit)."""
    value &= _MASK
    value = ((value ^ (value >> 16)) * 0x7FEB352D) & _MASK
    value = ((value ^ (value >> 15)) * 0x846CA68B) & _MASK
    return value ^ (value >> 16)


@compiled
def hash2(x: int, y: int) -> float:
    """The value at a point of the plane's integer lattice."""
    return mix(x * 0x9E3779B1 + y * 0x85EBCA77 + 0x9E3779B9) * _UNIT


@compiled
def hash3(x: int, y: int, z: int) -> float:
    """The value at a point of the integer lattice in space."""
    return mix(x * 0x9E3779B1 + y * 0x85EBCA77 + z * 0xC2B2AE3D + 0x3C6EF372) * _UNIT


@compiled
def strand_noise(s: float, t: float) -> float:
    """The noise of Surface.strand: one value per strand floor(s), changing linearly between integers of t.

    1 for s < 0: there the test `noise + density - 1 >= threshold` is `density >= threshold`, a smooth cut.
    """
    if s < 0.0:
        return 1.0
    strand, along = floor(s), floor(t)
    share = t - along
    return hash2(strand, along) * (1.0 - share) + hash2(strand, along + 1) * share


# Odd 64-bit multipliers for lattice points in space, as signed integers wrap.
_ACROSS: Final = 0x1E3779B97F4A7C15
_UPWARD: Final = 0x42B2AE3D27D4EB4F
_INWARD: Final = 0x165667B19E3779F9
_STIR: Final = 0x7A73B2F4C6D1E6B5
_UNIT_24: Final = 1.0 / 16777216.0


@compiled
def _corner(x: int, y: int, z: int) -> float:
    """The value at a lattice point, from its coordinates each times its multiplier.

    One multiplication of 64 bits where hash3 takes five: a noise reads eight points, and no label
    depends on them.
    """
    number = x ^ y ^ z
    number = (number ^ (number >> 32)) * _STIR
    return ((number >> 40) & 0xFFFFFF) * _UNIT_24


@compiled
def value_noise(x: float, y: float, z: float) -> float:
    """Smooth noise in space: lattice values, blended by smoothstep."""
    floor_x, floor_y, floor_z = floor(x), floor(y), floor(z)
    u, v, w = x - floor_x, y - floor_y, z - floor_z
    u = u * u * (3.0 - 2.0 * u)
    v = v * v * (3.0 - 2.0 * v)
    w = w * w * (3.0 - 2.0 * w)
    i, j, k = floor_x * _ACROSS, floor_y * _UPWARD, floor_z * _INWARD
    right, above, behind = i + _ACROSS, j + _UPWARD, k + _INWARD
    a, b = _corner(i, j, k), _corner(right, j, k)
    c, d = _corner(i, above, k), _corner(right, above, k)
    e, f = _corner(i, j, behind), _corner(right, j, behind)
    g, h = _corner(i, above, behind), _corner(right, above, behind)
    a, c, e, g = a + (b - a) * u, c + (d - c) * u, e + (f - e) * u, g + (h - g) * u
    a, e = a + (c - a) * v, e + (g - e) * v
    return a + (e - a) * w
