"""Locks of hair: narrow ribbons that grow from roots, follow a combing, hang by gravity and rest on the body.

A ribbon carries several strands, which the alpha test of the rasteriser cuts out (surface.py). All is
computed in the wearer's rest frame of the head, and placed by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled, lean
from headkit.render.wardrobe.obstacles import Obstacles, nearest, wrap_radius
from headkit.render.wardrobe.scalp import COLUMNS, FIRST_ROW_ANGLE, LAST_ROW_ANGLE, ROWS, pole_frame
from headkit.render.wardrobe.tailoring import Floats, Ints, unit


class Comb(IntEnum):
    """The way hair is combed: the direction in which a lock lies on the head."""

    WHORL = 0  # away from the whorl, all around
    PARTED = 1  # from a parting to both sides, then down
    BACK = 2  # from the forehead to the nape
    TIED = 3  # towards a tie
    DOWN = 4  # along gravity from the root on: beards


@dataclass(frozen=True)
class Growth:
    """What all locks of one style share. Lengths in metres of this person's head.

    reach        locks longer than this are cut at the height `cut` (rest frame), where cut is finite
    stiffness    0 follows combing and gravity at once .. 1 keeps the direction of the root
    hang         0 combed all the way .. 1 hangs as soon as it leaves the head
    curl         radius of the coil, `wave` its length along the lock
    """

    comb: Comb
    segments: int
    substeps: int
    stiffness: float
    hang: float
    parting: float = 0.0  # x of the parting, rest frame against the centre
    backward: float = 0.3  # how much a parted lock is combed back; how fast a whorl turns
    whorl: tuple[float, float, float] = (0.0, 1.0, 0.0)  # unit direction of it from the centre
    tie: tuple[float, float, float] = (0.0, 0.0, 0.0)  # rest frame
    cut: float = -np.inf
    curl: float = 0.0
    wave: float = 0.05
    ragged: float = 0.010  # metres by which groups of locks end higher or lower than the cut
    sides: float = 0.03  # by which the sides are shorter
    layered: float = 0.0  # by which hair from high on the head ends above the rest, at most
    front: float = (
        0.02  # metres before the centre from which hair slides off a shoulder to the front
    )


@lean
def _radius(grid: Floats, frame: Floats, x: float, y: float, z: float) -> float:
    """The head's radius in the direction of (x, y, z) from its centre."""
    a = frame[0, 0] * x + frame[1, 0] * y + frame[2, 0] * z
    b = frame[0, 1] * x + frame[1, 1] * y + frame[2, 1] * z
    c = frame[0, 2] * x + frame[1, 2] * y + frame[2, 2] * z
    polar = np.arctan2(np.sqrt(a * a + c * c), b)
    row = (polar - FIRST_ROW_ANGLE) / (LAST_ROW_ANGLE - FIRST_ROW_ANGLE) * (ROWS - 1)
    row = max(row, 0.0)
    if not row <= ROWS - 1.001:
        return 0.0  # below the chin: neck and trunk are obstacles of their own
    column = np.arctan2(a, c) / (2 * np.pi) * COLUMNS
    if column < 0.0:
        column += COLUMNS
    r, k = int(row), int(column)
    u, v = row - r, column - k
    k = k % COLUMNS
    k2 = (k + 1) % COLUMNS
    upper = grid[r, k] * (1 - v) + grid[r, k2] * v
    lower = grid[r + 1, k] * (1 - v) + grid[r + 1, k2] * v
    return upper * (1 - u) + lower * u


@lean
def _combing(
    kind: int, q: NDArray[Any], side: float, backward: float, tie: NDArray[Any], pole: NDArray[Any],
    size: float, out: NDArray[Any],
) -> None:  # fmt: skip
    """The combed direction (not yet tangent) at q, against the centre of the head."""
    x, y, z = q[0], q[1], q[2]
    if kind == 0:
        turn = backward
        length = np.sqrt(x * x + y * y + z * z)
        out[0] = -pole[0] + turn * (pole[1] * z - pole[2] * y) / length
        out[1] = -pole[1] + turn * (pole[2] * x - pole[0] * z) / length
        out[2] = -pole[2] + turn * (pole[0] * y - pole[1] * x) / length
    elif kind == 1:
        sideways = min(1.0, max(0.0, 1.0 + (z + 0.02 * size) / (0.06 * size)))
        out[0], out[1], out[2] = side * sideways, -0.8, -backward
    elif kind == 2:
        out[0], out[1], out[2] = 0.0, -0.3, -1.0
    elif kind == 3:
        out[0], out[1], out[2] = tie[0] - x, tie[1] - y, tie[2] - z
    else:
        out[0], out[1], out[2] = 0.0, -1.0, 0.15


@compiled
def _grow(
    roots: Floats, directions: Floats, lengths: Floats, offsets: Floats, sides: Floats,
    radius: Floats, center: Floats, frame: Floats, size: float,
    points: Floats, normals: Floats, starts: Ints, corner: Floats, nx: int, ny: int, nz: int, cell: float,
    base: Floats, axes: Floats, wrap: Floats,
    kind: int, segments: int, substeps: int, stiffness: float, hang: float,
    backward: float, tie: Floats, pole: NDArray[Any], cuts: Floats, fronts: Floats, gravity: Floats,
    line: Floats, outward: Floats,
) -> None:  # fmt: skip
    """March every lock; line and outward (N, segments + 1, 3) receive its centre line and outside."""
    p, q, d, flow, o = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for n in range(roots.shape[0]):
        total_steps = segments * substeps
        even = lengths[n] / total_steps
        step = even
        travelled = 0.0
        for i in range(3):
            p[i], d[i] = roots[n, i], directions[n, i]
        stopped = False
        for k in range(segments * substeps + 1):
            for i in range(3):
                q[i] = p[i] - center[i]
            distance = np.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2])
            for i in range(3):
                o[i] = q[i] / distance
            surface = _radius(radius, frame, q[0], q[1], q[2])
            rise = min(1.0, travelled / (0.02 * size) + 0.08)
            wanted = surface + offsets[n] * rise
            free = 0.0
            if surface > 0.0:
                free = min(1.0, max(0.0, (distance - wanted) / (0.012 * size)))
                # At the nape rays run along the skin: there a long way out would be a way down.
                steep = q[1] < -0.04 * size and wanted - distance > 0.012 * size
                if distance < wanted and not steep:
                    for i in range(3):
                        p[i] = center[i] + o[i] * wanted
            else:
                free = 1.0
            touching = -1
            if p[1] < center[1] - 0.05 * size and points.shape[0] > 0 and k % 2 == 0:
                touching = nearest(points, starts, corner, nx, ny, nz, cell, p)
                if touching >= 0:
                    depth = 0.0
                    for i in range(3):
                        depth += (p[i] - points[touching, i]) * normals[touching, i]
                    margin = 0.006 + 0.35 * offsets[n]
                    if depth < margin - 0.05 * size:
                        touching = (
                            -1
                        )  # the nearest point is of another side: an arm, a collar's inside
                    elif depth < margin:
                        for i in range(3):
                            p[i] += (margin - depth) * normals[touching, i]
                            o[i] = normals[touching, i]
                    else:
                        touching = -1
            if wrap.shape[0] > 0 and q[1] < -0.02 * size:
                x, y, z = 0.0, 0.0, 0.0
                for i in range(3):
                    x += axes[0, i] * (p[i] - base[i])
                    y += axes[1, i] * (p[i] - base[i])
                    z += axes[2, i] * (p[i] - base[i])
                from_axis = np.sqrt(x * x + z * z) + 1e-6
                outside = wrap_radius(wrap, x, y, z)
                short = outside + 0.006 + 0.35 * offsets[n] - from_axis
                if outside > 0.0 and short > 0.0:
                    share = short * min(1.0, (-q[1] / size - 0.02) / 0.03) / from_axis
                    for i in range(3):
                        p[i] += share * (x * axes[0, i] + z * axes[2, i])
                        o[i] = (x * axes[0, i] + z * axes[2, i]) / from_axis
            if k % substeps == 0:
                for i in range(3):
                    line[n, k // substeps, i] = p[i]
                    outward[n, k // substeps, i] = o[i]
            if stopped:
                continue
            _combing(kind, q, sides[n], backward, tie, pole, size, flow)
            if kind == 3:
                away = np.sqrt(flow[0] * flow[0] + flow[1] * flow[1] + flow[2] * flow[2])
                if away < 0.016 * size:
                    stopped = True
                    continue
            inner = flow[0] * o[0] + flow[1] * o[1] + flow[2] * o[2]
            if kind == 3:
                # Straight to the tie through the air, around the skull where that is in the way.
                inner = min(inner, 0.0) * (1.0 - free)
            if kind != 4:
                for i in range(3):
                    flow[i] -= inner * o[i]
            length = np.sqrt(flow[0] ** 2 + flow[1] ** 2 + flow[2] ** 2) + 1e-9
            pull = hang * free
            if kind == 1 and q[1] < 0.0:
                pull = max(pull, hang * min(1.0, -q[1] / (0.03 * size)))
            for i in range(3):
                flow[i] = flow[i] / length * (1 - pull) + gravity[i] * pull
            if touching >= 0:
                inner = flow[0] * o[0] + flow[1] * o[1] + flow[2] * o[2]
                for i in range(3):
                    flow[i] -= inner * o[i]
                # On the shoulders hair slides to the front or the back rather than off their ends.
                flow[0] *= 0.35
                flow[2] += 0.35 * fronts[n]
            if kind == 1 and q[1] < -0.08 * size:
                # Long hair falls as one body: what hangs far out leans in.
                beyond = max(0.0, abs(q[0]) - 0.05 * size) / (0.25 * size)
                flow[0] -= np.sign(q[0]) * min(0.22, beyond)
            length = np.sqrt(flow[0] ** 2 + flow[1] ** 2 + flow[2] ** 2) + 1e-9
            # Short steps over the head, long ones where the lock hangs.
            step = even * (0.5 + (k + 0.5) / total_steps)
            keep = stiffness ** (step / (0.01 * size))
            for i in range(3):
                d[i] = d[i] * keep + flow[i] / length * (1 - keep)
            length = np.sqrt(d[0] ** 2 + d[1] ** 2 + d[2] ** 2) + 1e-9
            for i in range(3):
                d[i] /= length
            if d[1] < -0.2 and p[1] + d[1] * step < cuts[n]:  # the last step ends at the cut
                step = max(0.0, (cuts[n] - p[1]) / d[1])
            for i in range(3):
                p[i] += d[i] * step
            travelled += step
            if p[1] < cuts[n] + 1e-5:
                stopped = True


@dataclass(frozen=True)
class Roots:
    """Where locks start, N of them. Rest frame, metres.

    places, directions (unit), lengths, offsets (height of the lock above the scalp once it lies),
    layers (0 innermost .. 1 outermost), phases (0 to 1, random), template (N, 3) of each root,
    thin (0 full .. 1 most strands missing near the root, as at the hairline)
    """

    places: Floats
    directions: Floats
    lengths: Floats
    offsets: Floats
    layers: Floats
    phases: Floats
    template: Floats
    thin: Floats

    def ordered(self) -> Roots:
        """Outermost first, so that the rasteriser rejects what lies behind."""
        order = np.argsort(-self.layers, kind="stable")
        return Roots(*(getattr(self, name)[order] for name in self.__dataclass_fields__))


def grow(
    roots: Roots,
    growth: Growth,
    radius: Floats,
    center: Floats,
    size: float,
    obstacles: Obstacles,
    gravity: Floats,
) -> tuple[Floats, Floats]:
    """Centre lines (N, S + 1, 3) and unit outward directions of the locks, rest frame.

    radius   (ROWS, COLUMNS) of the scalp grid about `center`; size of the head against the mean human
    gravity  unit, rest frame of the head
    """
    count = len(roots.places)
    line = np.empty((count, growth.segments + 1, 3), np.float32)
    outward = np.empty_like(line)
    _grow(
        roots.places, roots.directions, roots.lengths, roots.offsets,
        np.where(roots.places[:, 0] > center[0] + growth.parting, 1.0, -1.0).astype(np.float32),
        radius, center, pole_frame(), size,
        obstacles.points, obstacles.normals, obstacles.starts, obstacles.corner, *obstacles.shape,
        obstacles.cell, obstacles.wrap.base, obstacles.wrap.axes, obstacles.wrap.radius, int(growth.comb), growth.segments, growth.substeps, growth.stiffness, growth.hang,
        growth.backward, np.asarray(growth.tie, np.float32) - center, np.asarray(growth.whorl), _cuts(roots, growth, center, size),
        _fronts(roots, center, size, growth.front),
        gravity.astype(np.float32), line, outward,
    )  # fmt: skip
    if len(obstacles.points):
        _smooth_below(line, center[1] - 0.05 * size)
    _level_below(line, outward, center[1], size)
    if growth.comb == Comb.PARTED:
        _tighten(line, outward, center[1] + 0.01 * size, 0.04 * size)
    loose = growth.comb in (Comb.WHORL, Comb.PARTED, Comb.BACK) and not np.isfinite(growth.cut)
    last = _last_places(line, roots.lengths, size) if loose else None
    if growth.curl > 0:
        step = (roots.lengths / growth.segments)[:, None] * np.arange(growth.segments + 1)
        across = unit(np.cross(np.gradient(line, axis=1), outward).astype(np.float32))
        shift = roots.phases
        if growth.wave > 0.04:  # waves run through neighbouring locks, coils do not
            shift = 0.10 * shift + 9.0 * (roots.template @ np.array([1.0, 0.6, 0.8], np.float32))
        angle = 2 * np.pi * (step / growth.wave + shift[:, None])
        amount = growth.curl * np.minimum(1.0, step / (2 * growth.wave) + 0.1)
        coil = (amount * np.cos(angle))[..., None] * across
        coil += (0.6 * amount * (np.sin(angle) + 0.7))[..., None] * outward
        line += coil.astype(np.float32)
    if last is not None:
        kept = np.minimum(np.arange(line.shape[1])[None], last[:, None])
        line = np.take_along_axis(line, kept[..., None], axis=1)
    return line, outward


def _last_places(line: Floats, lengths: Floats, size: float) -> NDArray[np.int64]:
    """The last place (N,) of each lock (N, S + 1, 3) before it is much longer than it should be.

    On a bent nape the way off the skin is a way down: short locks would be drawn out to tails over the collar.
    """
    run = np.cumsum(np.linalg.norm(np.diff(line, axis=1), axis=2), axis=1)
    over = run > 1.35 * lengths[:, None] + 0.006 * size
    return np.where(over.any(axis=1), np.maximum(over.argmax(axis=1), 1), line.shape[1] - 1)


def _fronts(roots: Roots, center: Floats, size: float, front: float) -> Floats:
    """1 for locks (N,) that slide off a shoulder to the front, -1 to the back: a little mixed at the sides."""
    border = center[2] + size * (front + 0.006 * (roots.phases - 0.5))
    return np.where(roots.places[:, 2] > border, 1.0, -1.0).astype(np.float32)


def _cuts(roots: Roots, growth: Growth, center: Floats, size: float) -> Floats:
    """Heights (N,) at which locks end, rest frame: ragged by groups of neighbours, shorter at the sides."""
    x, y, z = (roots.places - center).T / size
    turn = np.arctan2(x, z)
    groups = np.sin(13.0 * turn + 40.0 * roots.places[:, 1]) * np.sin(5.0 * turn)
    ragged = (0.015 + 1.2 * growth.ragged) * roots.phases + growth.ragged * groups
    ragged = ragged + growth.sides * np.minimum(1.0, np.abs(x) / 0.07) ** 2
    steps = 0.5 + 0.5 * np.sin(23.0 * turn + 60.0 * roots.places[:, 1])
    ragged = ragged + growth.layered * np.clip(y / 0.09, 0.0, 1.0) * (0.35 + 0.65 * steps)
    return (growth.cut + size * ragged).astype(np.float32)


def _level_below(line: Floats, outward: Floats, height: float, size: float) -> None:
    """Outsides of what hangs below a height, in place: level, and without jumps where it meets the body."""
    share = np.clip((height - line[..., 1:2]) / (0.06 * size), 0.0, 1.0)
    outward[..., 1:2] *= 1.0 - 0.75 * share
    for _ in range(3):
        middle = 0.5 * outward[:, 1:-1] + 0.25 * (outward[:, :-2] + outward[:, 2:])
        outward[:, 1:-1] += share[:, 1:-1] * (middle - outward[:, 1:-1])
    outward[:] = unit(outward.reshape(-1, 3)).reshape(outward.shape)


@compiled
def _tighten(line: Floats, outward: Floats, height: float, ramp: float) -> None:
    """Let what hangs below a height bridge hollows, as between the skull and a collar, in place.

    A lock is a string under tension: a point that lies inside the chord of its neighbours moves onto it;
    one that lies outside rests on something.
    """
    last = line.shape[1] - 1
    for n in range(line.shape[0]):
        for _ in range(14):
            for k in range(1, last):
                share = min(1.0, (height - line[n, k, 1]) / ramp)
                if share <= 0.0:
                    continue
                gain = 0.0
                for i in range(3):
                    chord = 0.5 * (line[n, k - 1, i] + line[n, k + 1, i])
                    gain += (chord - line[n, k, i]) * outward[n, k, i]
                if gain > 0.0:
                    for i in range(3):
                        chord = 0.5 * (line[n, k - 1, i] + line[n, k + 1, i])
                        line[n, k, i] += share * (chord - line[n, k, i])


def _smooth_below(line: Floats, height: float) -> None:
    """Round off the kinks that pushes off the clothes leave below a height (rest frame), in place."""
    for _ in range(2):
        middle = 0.5 * line[:, 1:-1] + 0.25 * (line[:, :-2] + line[:, 2:])
        line[:, 1:-1] = np.where(line[:, 1:-1, 1:2] < height, middle, line[:, 1:-1])
    # What still turns back on itself ends there: it would stand off as a stray piece.
    way = unit(np.diff(line, axis=1).reshape(-1, 3)).reshape(len(line), -1, 3)
    sharp = ((way[:, 1:] * way[:, :-1]).sum(axis=2) < 0.2) & (line[:, 1:-1, 1] < height)
    end = np.where(sharp.any(axis=1), sharp.argmax(axis=1) + 1, line.shape[1] - 1)
    kept = np.minimum(np.arange(line.shape[1])[None], end[:, None])
    line[:] = np.take_along_axis(line, kept[..., None], axis=1)
