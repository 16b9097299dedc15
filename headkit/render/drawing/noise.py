"""Noise from integer hashes: the same bits on every machine, without state.

All values are in [0, 1). Lattice cells have a size of 1: scale the argument.
"""

from __future__ import annotations

from math import floor

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


@compiled
def value_noise(x: float, y: float, z: float) -> float:
    """Smooth noise in space: lattice values, blended by smoothstep."""
    i, j, k = floor(x), floor(y), floor(z)
    u, v, w = x - i, y - j, z - k
    u = u * u * (3.0 - 2.0 * u)
    v = v * v * (3.0 - 2.0 * v)
    w = w * w * (3.0 - 2.0 * w)
    near = (hash3(i, j, k) * (1.0 - u) + hash3(i + 1, j, k) * u) * (1.0 - v) + (
        hash3(i, j + 1, k) * (1.0 - u) + hash3(i + 1, j + 1, k) * u
    ) * v
    far = (hash3(i, j, k + 1) * (1.0 - u) + hash3(i + 1, j, k + 1) * u) * (1.0 - v) + (
        hash3(i, j + 1, k + 1) * (1.0 - u) + hash3(i + 1, j + 1, k + 1) * u
    ) * v
    return near * (1.0 - w) + far * w


@compiled
def noise_slope(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Gradient of value_noise, per unit of its arguments."""
    i, j, k = floor(x), floor(y), floor(z)
    u, v, w = x - i, y - j, z - k
    du, dv, dw = 6.0 * u * (1.0 - u), 6.0 * v * (1.0 - v), 6.0 * w * (1.0 - w)
    u = u * u * (3.0 - 2.0 * u)
    v = v * v * (3.0 - 2.0 * v)
    w = w * w * (3.0 - 2.0 * w)
    a, b = hash3(i, j, k), hash3(i + 1, j, k)
    c, d = hash3(i, j + 1, k), hash3(i + 1, j + 1, k)
    e, f = hash3(i, j, k + 1), hash3(i + 1, j, k + 1)
    g, h = hash3(i, j + 1, k + 1), hash3(i + 1, j + 1, k + 1)
    along_x = ((b - a) * (1.0 - v) + (d - c) * v) * (1.0 - w) + (
        (f - e) * (1.0 - v) + (h - g) * v
    ) * w
    along_y = ((c - a) * (1.0 - u) + (d - b) * u) * (1.0 - w) + (
        (g - e) * (1.0 - u) + (h - f) * u
    ) * w
    along_z = ((e - a) * (1.0 - u) + (f - b) * u) * (1.0 - v) + (
        (g - c) * (1.0 - u) + (h - d) * u
    ) * v
    return along_x * du, along_y * dv, along_z * dw
