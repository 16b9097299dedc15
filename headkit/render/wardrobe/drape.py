"""How cloth stands off the body: how it hangs from the chest, and its folds."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, exp, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.noise import value_noise
from headkit.render.human.body import load_body
from headkit.render.jit import compiled, lean
from headkit.render.wardrobe.cut_lines import Figure, armhole
from headkit.render.wardrobe.tailoring import (
    Floats,
    Ints,
    accumulate_normals,
    compact,
)
from headkit.render.wardrobe.wearer import Wearer

_ANGLES, _HEIGHTS = 40, 36
_SPAN = 5  # angles to either side that cloth spans: 45 degrees
_TOP, _BOTTOM = 0.45, -0.06  # figure heights between which cloth hangs


@compiled
def _widest(angle: Floats, height: Floats, radius: Floats, grid: Floats) -> None:
    """The largest radius per cell of (height, angle); angle wraps."""
    for n in range(len(angle)):
        if height[n] < 0.0 or height[n] > _HEIGHTS - 1:
            continue
        row, column = int(height[n] + 0.5), int(angle[n] + 0.5) % _ANGLES
        grid[row, column] = max(grid[row, column], radius[n])


def _spanned(radius: Floats) -> Floats:
    """Radii (rows, _ANGLES) with hollows bridged by straight chords: cloth spans them, it does not line them."""
    taut = radius
    for away in range(1, _SPAN + 1):
        one, two = np.roll(radius, away, axis=1), np.roll(radius, -away, axis=1)
        chord = 2 * one * two / np.maximum(one + two, 1e-6) * np.cos(2 * np.pi * away / _ANGLES)
        taut = np.maximum(taut, chord)
    return taut.astype(np.float32)


def hang(body: Figure, trunk: Floats, points: Floats, scale: float, slope: float) -> Floats:
    """How far (N,) cloth falls clear of the trunk below its widest place, metres.

    trunk   (N,) above 0 on the trunk, off the arms
    points  (N, 3) of this person's trunk, rest frame, horizontally about its axis
    slope   how fast cloth may draw in below the widest place: 1 tight, 0.1 loose
    """
    height = (_TOP - body.points[:, 1]) / (_TOP - _BOTTOM) * (_HEIGHTS - 1)
    used = (trunk > 0) & (height > -0.5) & (height < _HEIGHTS - 0.5)
    x, z = points[:, 0], points[:, 2]
    angle = (np.arctan2(x, z) / (2 * np.pi) * _ANGLES) % _ANGLES
    radius = np.hypot(x, z)
    grid: Floats = np.zeros((_HEIGHTS, _ANGLES), np.float32)
    _widest(
        angle[used].astype(np.float32),
        height[used].astype(np.float32),
        radius[used].astype(np.float32),
        grid,
    )
    empty = grid <= 0
    for _ in range(3):
        near = np.maximum(np.roll(grid, 1, axis=1), np.roll(grid, -1, axis=1))
        grid = np.where(empty & (grid <= 0), near, grid).astype(np.float32)
    grid = _spanned(grid)
    step = scale * (_TOP - _BOTTOM) / (_HEIGHTS - 1) * slope
    hung: Floats = grid.copy()
    for row in range(1, _HEIGHTS):
        hung[row] = np.maximum(grid[row], hung[row - 1] - step)
    hung = ((np.roll(hung, 1, axis=1) + 2 * hung + np.roll(hung, -1, axis=1)) / 4).astype(
        np.float32
    )
    hung[1:-1] = (hung[:-2] + 2 * hung[1:-1] + hung[2:]) / 4
    row = np.clip(height, 0, _HEIGHTS - 1.001)
    r, c = row.astype(np.int64), angle.astype(np.int64) % _ANGLES
    u, v = row - r, angle - np.floor(angle)
    c2 = (c + 1) % _ANGLES
    wanted = (hung[r, c] * (1 - v) + hung[r, c2] * v) * (1 - u) + (
        hung[r + 1, c] * (1 - v) + hung[r + 1, c2] * v
    ) * u
    begins = np.clip(height / 4, 0.0, 1.0)  # gently from the chest down
    return np.where(used, begins * np.maximum(wanted - radius, 0.0), 0.0).astype(np.float32)


_EVENED = 8  # rounds


@compiled
def _even(normals: Floats, faces: Ints, total: Floats) -> None:
    for _ in range(_EVENED):
        total[:] = 0.0
        for f in range(len(faces)):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            for k in range(3):
                mean = normals[a, k] + normals[b, k] + normals[c, k]
                total[a, k] += mean
                total[b, k] += mean
                total[c, k] += mean
        for v in range(len(normals)):
            x, y, z = total[v, 0], total[v, 1], total[v, 2]
            length = sqrt(x * x + y * y + z * z)
            if length > 1e-6:
                normals[v, 0], normals[v, 1], normals[v, 2] = x / length, y / length, z / length


def evened(normals: Floats, faces: Ints, hollow: NDArray[np.bool_]) -> Floats:
    """Normals (N, 3) averaged with their neighbours' where cloth spans a `hollow` (N,) of the body.

    Along the body's own normals the two sides of a hollow would meet, and cloth would cross itself.
    """
    near = faces[hollow[faces].any(axis=1)]
    if not len(near):
        return normals
    ids, local = compact(near, len(normals))
    smooth = np.ascontiguousarray(normals[ids])
    _even(smooth, local, np.empty_like(smooth))
    result = normals.copy()
    result[ids[hollow[ids]]] = smooth[hollow[ids]]
    return result


_CRUMPLED = (
    0.65  # cosine between a triangle's normal and those at its corners, below which it is crumpled
)
_RELAXED = 12  # rounds at most
_RINGS = 2  # of triangles about a crumpled one that may give way


def relaxed(
    points: Floats, normals: Floats, faces: Ints, twins: Ints
) -> tuple[NDArray[np.int64], Floats]:
    """Cloth with what the pose has crumpled, as in an armpit, smoothed out: ids (K,) and their shift (K, 3).

    points, normals (N, 3), of the cloth or of what it lies on; twins (T, 2) lie in one place, and still do;
    faces (F, 3) use the first of two. A crumpled triangle lies across or against the cloth about it: it
    would be lit from the wrong side, and the seam beside it gape.
    """
    near, free = np.zeros(len(faces), np.bool_), np.zeros(len(points), np.bool_)
    if not _mark_crumpled(points, faces, normals, near, free):
        return np.zeros(0, np.int64), np.zeros((0, 3), np.float32)
    ids, local = compact(faces[near], len(points))
    moved = np.ascontiguousarray(points[ids])
    _relax(moved, local, free[ids])
    shift = np.zeros(points.shape, np.float32)
    shift[ids] = moved - points[ids]
    shift[twins[:, 1]] = shift[twins[:, 0]]
    chosen = np.flatnonzero((shift != 0.0).any(axis=1))
    return chosen, shift[chosen]


@lean
def _crumpled(points: Floats, faces: Ints, normals: Floats, face: int) -> bool:
    """Whether a triangle does not lie as the cloth about it does."""
    a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
    ux, uy, uz = (
        points[b, 0] - points[a, 0],
        points[b, 1] - points[a, 1],
        points[b, 2] - points[a, 2],
    )
    wx, wy, wz = (
        points[c, 0] - points[a, 0],
        points[c, 1] - points[a, 1],
        points[c, 2] - points[a, 2],
    )
    x, y, z = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
    mx = normals[a, 0] + normals[b, 0] + normals[c, 0]
    my = normals[a, 1] + normals[b, 1] + normals[c, 1]
    mz = normals[a, 2] + normals[b, 2] + normals[c, 2]
    lengths = sqrt((x * x + y * y + z * z) * (mx * mx + my * my + mz * mz))
    return bool(x * mx + y * my + z * mz < _CRUMPLED * lengths)


@compiled
def _mark_crumpled(
    points: Floats, faces: Ints, normals: Floats, near: NDArray[np.bool_], free: NDArray[np.bool_]
) -> bool:
    """Mark vertices within rings of crumpled triangles as `free` (N,), and as `near` (F,) all triangles at these.

    Returns whether there are any.
    """
    found = False
    for face in range(len(faces)):
        if _crumpled(points, faces, normals, face):
            found = near[face] = True
            for k in range(3):
                free[faces[face, k]] = True
    if not found:
        return False
    for ring in range(_RINGS):
        for face in range(len(faces)):
            if not near[face]:
                near[face] = free[faces[face, 0]] or free[faces[face, 1]] or free[faces[face, 2]]
        if ring == _RINGS - 1:
            break
        for face in range(len(faces)):
            if near[face]:
                for k in range(3):
                    free[faces[face, k]] = True
    return True


@compiled
def _relax(points: Floats, faces: Ints, free: NDArray[np.bool_]) -> None:
    """Move free vertices at crumpled triangles to the mean of their neighbours, until none is; in place."""
    count = len(points)
    for _ in range(_RELAXED):
        normals, total = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
        uses, moves = np.zeros(count), np.zeros(count, np.bool_)
        accumulate_normals(points, faces, normals)
        tangled = False
        for face in range(len(faces)):
            crumpled = _crumpled(points, faces, normals, face)
            tangled = tangled or crumpled
            for k in range(3):
                i, j, m = faces[face, k], faces[face, (k + 1) % 3], faces[face, (k + 2) % 3]
                moves[i] = moves[i] or crumpled
                uses[i] += 2.0
                for axis in range(3):
                    total[i, axis] += points[j, axis] + points[m, axis]
        if not tangled:
            return
        for i in range(count):
            if free[i] and moves[i]:
                for axis in range(3):
                    points[i, axis] = total[i, axis] / uses[i]


_INTO_SLEEVE = 0.03  # figure metres over which the folds of the trunk turn into those of a sleeve


@compiled
def _folds(
    points: Floats, arm: Floats, limb: Floats, amount: Floats, seed: float, out: Floats
) -> None:
    for n in range(len(points)):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        warp = 5.0 * value_noise(x * 9.0 + seed, y * 6.0, z * 9.0)
        # Upright folds that wander, drawn towards the armpits at the chest.
        lean = 14.0 * abs(x) * max(0.0, y - 0.25)
        upright = sin(46.0 * x + 18.0 * z * (1.0 if x > 0.0 else -1.0) + warp + lean + seed)
        broad = value_noise(x * 13.0 + seed, y * 7.0, z * 13.0) - 0.5
        fine = value_noise(x * 34.0, y * 20.0 + seed, z * 34.0) - 0.5
        value = (
            0.30 * upright * value_noise(x * 7.0, y * 7.0 + seed, z * 7.0)
            + 0.9 * broad
            + 0.45 * fine
        )
        # Where cloth is pulled into the armpit, folds fan out from there, round above and sharp below.
        beside, above = abs(x) - 0.165, y - 0.40
        near = sqrt(beside * beside + above * above)
        pull = exp(-((near / 0.14) ** 2)) * min(1.0, near / 0.04)
        fan = abs(sin(3.6 * atan2(above, beside) + 0.5 * warp + seed)) - 0.64
        # At the waist it piles up, in creases that lean to the middle.
        pile = exp(-(((y - 0.17) / 0.07) ** 2))
        crease = abs(sin(34.0 * y + 9.0 * abs(x) + 0.6 * warp + 2.0 * seed)) - 0.64
        value += 2.0 * pull * fan + 1.1 * pile * crease
        # Folds that wind about a sleeve, and crowd at the elbow and at its end.
        if limb[n] > 0.0:
            close = max(0.0, 1.0 - abs(arm[n] - 1.0) * 1.8) + max(0.0, arm[n] - 1.6) * 1.6
            rings = sin(30.0 * arm[n] + 44.0 * z + 2.0 * warp)
            rings *= (0.15 + 0.55 * close) * value_noise(x * 21.0, y * 21.0, z * 21.0 + seed)
            value += limb[n] * (rings - 0.2 * value)
        out[n] = amount[n] * value


def folds(body: Figure, amount: Floats, seed: int) -> Floats:
    """Displacement (N,) of cloth along its normal, metres: folds of about `amount` (N,)."""
    out = np.empty(len(body.points), np.float32)
    limb = np.clip(-armhole(body) / _INTO_SLEEVE, 0.0, 1.0)
    _folds(body.points, body.arm, limb, amount.astype(np.float32), float(seed % 997), out)
    return out


@dataclass(frozen=True)
class Neck:
    """The posed skin about the neck, that necklines and collars lie on: points and unit normals (M, 3)."""

    points: Floats
    normals: Floats

    def settle(self, points: Floats, gap: float) -> Floats:
        """Shift (N, 3) that brings points to `gap` metres off the skin, along the skin's normal."""
        shift = np.empty(points.shape, np.float32)
        _settle(points, self.points, self.normals, gap, shift)
        return shift


_BLEND = 0.008  # metres: the skin's mesh is coarse, so tangent planes that far off are blended


@compiled
def _settle(points: Floats, skin: Floats, normals: Floats, gap: float, shift: Floats) -> None:
    squared = np.empty(len(skin))
    for n in range(len(points)):
        least = np.inf
        for m in range(len(skin)):
            x = points[n, 0] - skin[m, 0]
            y = points[n, 1] - skin[m, 1]
            z = points[n, 2] - skin[m, 2]
            squared[m] = x * x + y * y + z * z
            least = min(least, squared[m])
        total, height, nx, ny, nz = 0.0, 0.0, 0.0, 0.0, 0.0
        for m in range(len(skin)):
            farther = (squared[m] - least) / (_BLEND * _BLEND)
            if farther < 16.0:
                weight = exp(-farther)
                total += weight
                height += weight * (
                    (points[n, 0] - skin[m, 0]) * normals[m, 0]
                    + (points[n, 1] - skin[m, 1]) * normals[m, 1]
                    + (points[n, 2] - skin[m, 2]) * normals[m, 2]
                )
                nx += weight * normals[m, 0]
                ny += weight * normals[m, 1]
                nz += weight * normals[m, 2]
        move = (gap - height / total) / max(sqrt(nx * nx + ny * ny + nz * nz), 1e-12)
        shift[n, 0], shift[n, 1], shift[n, 2] = move * nx, move * ny, move * nz


def neck(wearer: Wearer, skin: Figure) -> Neck:
    """The neck of one person; `skin` is the figure of the body's V vertices."""
    x, y, _ = skin.points.T
    near = (y > 0.50) & (y < 0.70) & (np.abs(x) < 0.13)
    body = np.zeros(len(near), np.bool_)
    body[load_body().vertex_groups["body"]] = True
    return Neck(wearer.posed[near & body], wearer.normals[near & body])


def shoulders(wearer: Wearer, skin: Figure) -> Neck:
    """The skin about both armholes, that the edges of sleeveless garments lie on."""
    x, y, _ = np.abs(skin.points).T
    near = (y > 0.28) & (y < 0.62) & (x > 0.09) & (x < 0.25)
    body = np.zeros(len(near), np.bool_)
    body[load_body().vertex_groups["body"]] = True
    return Neck(wearer.posed[near & body], wearer.normals[near & body])


@compiled
def _wobble(points: Floats, frequency: float, seed: float, out: Floats) -> None:
    for n in range(len(points)):
        x, y, z = points[n, 0] * frequency, points[n, 1] * frequency, points[n, 2] * frequency
        out[n] = 2.0 * value_noise(x + seed, y, z) - 1.0


def wobble(points: Floats, frequency: float, seed: int) -> Floats:
    """Smooth noise (N,) from -1 to 1 at points (N, 3), `frequency` cells per metre."""
    out = np.empty(len(points), np.float32)
    _wobble(np.ascontiguousarray(points, np.float32), frequency, float(seed % 997), out)
    return out
