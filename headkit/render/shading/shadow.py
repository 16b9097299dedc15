"""Shadow of the key light: one map per person, fitted to what the picture shows of that person.

A map is what the light meets first between it and the person (shadow_map.py). Penumbras widen with the distance to what casts them (percentage-closer
soft shadows, Fernando 2005).
"""

from __future__ import annotations

import functools
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import Mesh
from headkit.render.drawing.noise import hash2
from headkit.render.drawing.samples import grouped
from headkit.render.jit import lean
from headkit.render.shading.light import KEY
from headkit.render.shading.shadow_map import casters, depth_map, fitted
from headkit.render.shading.sheet import Sheet, lay

_LARGEST: Final = 256  # texels on an edge of a map
_REACH: Final = 0.35  # metres: how far off blockers are looked for in estimating a penumbra
_TAPS: Final = 9
_TURNS: Final = 64  # of the pattern of taps, so that its grain does not repeat
_WIDEST: Final = 24.0  # texels: radius of the widest filter


def sunlit(
    mesh: Mesh,
    light: NDArray[np.float64],
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    owners: NDArray[np.int32],
    grain: NDArray[np.int64],
    width: int,
) -> NDArray[np.float32]:
    """(N,) share of the key light that reaches each of N points, 0 to 1.

    points, normals  (N, 3) camera frame
    owners           (N,) whose surface the point is on
    grain            (N,) numbers that turn the pattern of taps; neighbours should differ
    width            of the picture in pixels: the size of a map follows what it serves
    """
    result = np.ones(len(points), np.float32)
    seen = casters(mesh, light)
    order, begin = grouped(owners, int(owners.max()) + 1 if len(owners) else 0)
    for owner in np.flatnonzero(np.diff(begin)):
        rows = order[begin[owner] : begin[owner + 1]]
        own = points if len(rows) == len(points) else points[rows]
        size = int(np.clip(1.15 * sqrt(len(rows)), 40, min(_LARGEST, width)))
        camera, texel = fitted(seen, own, size)
        depth_at = depth_map(seen, camera, size)
        _sample(
            points, normals, grain, rows, seen.rotation, seen.translation, camera, depth_at, texel,
            float(light[KEY + 6]), _discs(), result,
        )  # fmt: skip
    return result


@functools.lru_cache(maxsize=1)
def _discs() -> NDArray[np.float64]:
    """(_TURNS, _TAPS, 2) the pattern of taps in a disc of radius 1, turned."""
    turn, tap = np.arange(_TURNS)[:, None], np.arange(_TAPS)
    radius = np.sqrt((tap + 0.5) / _TAPS)
    angle = 2.399963 * tap + 2.0 * np.pi * turn / _TURNS  # the golden angle: an even disc
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)


@lean
def _sample(
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    grain: NDArray[np.int64],
    rows: NDArray[np.int64],
    rotation: NDArray[np.float64],
    translation: NDArray[np.float64],
    camera: NDArray[np.float64],
    depth_at: NDArray[np.float32],
    texel: float,
    size: float,
    discs: NDArray[np.float64],
    result: NDArray[np.float32],
) -> None:
    """Fill `result` at `rows` from one map; `size` is the light's angular radius."""
    search = min(_WIDEST, max(2.0, 0.5 * _REACH * size / texel))
    offset = 0.0006 + 1.4 * texel  # off the surface, so that it does not shade itself
    for row in rows:
        away = rotation[2, 0] * normals[row, 0] + rotation[2, 1] * normals[row, 1]
        if away + rotation[2, 2] * normals[row, 2] > 0.4:  # too far round for light to wrap
            result[row] = 0.0
            continue
        x = points[row, 0] + normals[row, 0] * offset
        y = points[row, 1] + normals[row, 1] * offset
        z = points[row, 2] + normals[row, 2] * offset
        u = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z + translation[0]
        v = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z + translation[1]
        w = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z + translation[2]
        slope_u, slope_v = _slopes(rotation, normals[row])
        slope_u *= texel
        slope_v *= texel
        u = u / w * camera[0] + camera[2]
        v = v / w * camera[1] + camera[3]
        disc = discs[int(_TURNS * hash2(grain[row], 77))]
        blocked, depth = 0, 0.0
        for tap in range(0, _TAPS, 2):  # spread over the whole disc, too
            du, dv = search * disc[tap, 0], search * disc[tap, 1]
            found = _nearest(depth_at, u + du, v + dv)
            hides = found < w + du * slope_u + dv * slope_v - texel
            blocked += hides
            depth += found if hides else 0.0
        if blocked == 0:
            continue
        spread = min(max((w - depth / blocked) * size / texel, 1.2), search)
        lit = 0
        for tap in range(_TAPS):
            du, dv = spread * disc[tap, 0], spread * disc[tap, 1]
            found = _nearest(depth_at, u + du, v + dv)
            lit += not found < w + du * slope_u + dv * slope_v - 0.5 * texel
        result[row] = lit / _TAPS


@lean
def _slopes(rotation: NDArray[np.float64], normal: NDArray[np.float32]) -> tuple[float, float]:
    """How fast the depth of the surface's plane grows over the map, metres per metre, at most 2."""
    x = rotation[0, 0] * normal[0] + rotation[0, 1] * normal[1] + rotation[0, 2] * normal[2]
    y = rotation[1, 0] * normal[0] + rotation[1, 1] * normal[1] + rotation[1, 2] * normal[2]
    z = rotation[2, 0] * normal[0] + rotation[2, 1] * normal[1] + rotation[2, 2] * normal[2]
    z = min(z, -0.2)  # a surface that turns away from the light is dark anyway
    return min(max(-x / z, -2.0), 2.0), min(max(-y / z, -2.0), 2.0)


@lean
def _nearest(depth_at: NDArray[np.float32], u: float, v: float) -> float:
    """Depth of the map at the nearest texel, from the light; infinity where nothing casts."""
    height, width = depth_at.shape
    column, row = int(u + 0.5), int(v + 0.5)
    if column < 0 or row < 0 or column >= width or row >= height:
        return np.inf
    return float(depth_at[row, column])


def smooth(
    lit: NDArray[np.float32],
    count: int,
    at: NDArray[np.int64],
    owners: NDArray[np.int32],
    points: NDArray[np.float32],
) -> None:
    """Average light over 3 x 3 pixels of the same person and depth, in place: takes out the taps' grain.

    lit     (N,) of samples, of which the first `count` are at pixel centres
    at, owners, points  of the samples, as Visible has them
    """
    if not count:
        return
    sheet = lay(np.arange(count), at, owners, points, 1)
    _average(sheet, lit, np.zeros((3, len(sheet.deep)), np.float32))


@lean
def _average(sheet: Sheet, lit: NDArray[np.float32], work: NDArray[np.float32]) -> None:
    """`smooth` of a sheet; work (3, P) zeros: light, sums of what is near, and how much that is."""
    light, sums, totals = work[0], work[1], work[2]
    for number in range(len(sheet.rows)):
        light[sheet.places[number]] = lit[sheet.rows[number]]
    for line in range(1, 1 + sheet.lines):
        begin, end = line * sheet.wide + 1, (line + 1) * sheet.wide - 1
        for down in range(-1, 2):
            for step in range(-1, 2):
                low, high = begin + down * sheet.wide + step, end + down * sheet.wide + step
                _add_near(
                    sheet.owner[begin:end], sheet.owner[low:high], sheet.deep[begin:end], sheet.deep[low:high],
                    light[low:high], sums[begin:end], totals[begin:end],
                )  # fmt: skip
    for number in range(len(sheet.rows)):
        place = sheet.places[number]
        lit[sheet.rows[number]] = sums[place] / totals[place]


@lean
def _add_near(
    mine: NDArray[np.float32],
    other: NDArray[np.float32],
    here: NDArray[np.float32],
    there: NDArray[np.float32],
    light: NDArray[np.float32],
    sums: NDArray[np.float32],
    totals: NDArray[np.float32],
) -> None:
    """Add the light of a run of pixels' neighbours that show the same person at about the same depth."""
    close, one, zero = np.float32(0.012), np.float32(1.0), np.float32(0.0)
    for x in range(len(sums)):
        same = mine[x] == other[x] and abs(there[x] - here[x]) <= close * here[x]
        weight = one if same else zero
        sums[x] += weight * light[x]
        totals[x] += weight
