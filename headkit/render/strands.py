"""Locks of hair: narrow ribbons that grow from roots, follow a combing, hang by gravity and rest on the body.

A ribbon carries several strands, which the alpha test of the rasteriser cuts out (surface.py). All is
computed in the wearer's rest frame of the head, and placed by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from headkit.render.jit import compiled
from headkit.render.scalp import COLUMNS, LAST_ROW_ANGLE, ROWS, pole_frame
from headkit.render.tailoring import Floats, Ints, grid_faces, unit

_FIRST_ANGLE = np.radians(1.5)


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
    backward: float = 0.3  # how much a parted lock is combed back
    tie: tuple[float, float, float] = (0.0, 0.0, 0.0)  # rest frame
    cut: float = -np.inf
    curl: float = 0.0
    wave: float = 0.05


@dataclass(frozen=True)
class Obstacles:
    """Points of the clothed body with outward normals, sorted into cells of a grid for fast search."""

    points: Floats
    normals: Floats
    starts: Ints
    corner: Floats
    shape: tuple[int, int, int]
    cell: float


NO_OBSTACLES = Obstacles(
    np.zeros((0, 3), np.float32),
    np.zeros((0, 3), np.float32),
    np.zeros(2, np.int32),
    np.zeros(3, np.float32),
    (0, 0, 0),
    1.0,
)


def sort_obstacles(points: Floats, normals: Floats, cell: float) -> Obstacles:
    """Points (N, 3) and their normals by cell, x-major."""
    if len(points) == 0:
        return NO_OBSTACLES
    corner = points.min(axis=0)
    index = np.floor((points - corner) / cell).astype(np.int64)
    shape = index.max(axis=0) + 1
    key = (index[:, 0] * shape[1] + index[:, 1]) * shape[2] + index[:, 2]
    order = np.argsort(key, kind="stable")
    starts = np.searchsorted(key[order], np.arange(int(np.prod(shape)) + 1)).astype(np.int32)
    x, y, z = (int(n) for n in shape)
    return Obstacles(
        np.ascontiguousarray(points[order]),
        np.ascontiguousarray(normals[order]),
        starts,
        corner.astype(np.float32),
        (x, y, z),
        cell,
    )


@compiled
def _radius(grid: Floats, frame: Floats, x: float, y: float, z: float) -> float:
    """The head's radius in the direction of (x, y, z) from its centre."""
    a = frame[0, 0] * x + frame[1, 0] * y + frame[2, 0] * z
    b = frame[0, 1] * x + frame[1, 1] * y + frame[2, 1] * z
    c = frame[0, 2] * x + frame[1, 2] * y + frame[2, 2] * z
    polar = np.arctan2(np.sqrt(a * a + c * c), b)
    row = (polar - _FIRST_ANGLE) / (LAST_ROW_ANGLE - _FIRST_ANGLE) * (ROWS - 1)
    if row < 0.0:
        row = 0.0
    if row > ROWS - 1.001:
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


@compiled
def _nearest(
    points: Floats, starts: Ints, corner: Floats, nx: int, ny: int, nz: int, cell: float, p: Floats
) -> int:
    """The id of the obstacle nearest to p within about one cell, else -1."""
    cx = int(np.floor((p[0] - corner[0]) / cell))
    cy = int(np.floor((p[1] - corner[1]) / cell))
    cz = int(np.floor((p[2] - corner[2]) / cell))
    best, found = cell * cell, -1
    for i in range(max(cx - 1, 0), min(cx + 2, nx)):
        for j in range(max(cy - 1, 0), min(cy + 2, ny)):
            for k in range(max(cz - 1, 0), min(cz + 2, nz)):
                key = (i * ny + j) * nz + k
                for n in range(starts[key], starts[key + 1]):
                    dx = p[0] - points[n, 0]
                    dy = p[1] - points[n, 1]
                    dz = p[2] - points[n, 2]
                    distance = dx * dx + dy * dy + dz * dz
                    if distance < best:
                        best, found = distance, n
    return found


@compiled
def _combing(
    kind: int, q: Floats, side: float, parting: float, backward: float, tie: Floats, pole: Floats,
    size: float, out: Floats,
) -> None:  # fmt: skip
    """The combed direction (not yet tangent) at q, against the centre of the head."""
    x, y, z = q[0], q[1], q[2]
    if kind == 0:
        turn = 0.3
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
    roots: Floats, directions: Floats, lengths: Floats, offsets: Floats, sides: Floats, phases: Floats,
    radius: Floats, center: Floats, frame: Floats, size: float,
    points: Floats, normals: Floats, starts: Ints, corner: Floats, nx: int, ny: int, nz: int, cell: float,
    kind: int, segments: int, substeps: int, stiffness: float, hang: float, parting: float,
    backward: float, tie: Floats, cut: float, gravity: Floats,
    line: Floats, outward: Floats,
) -> None:  # fmt: skip
    """March every lock; line and outward (N, segments + 1, 3) receive its centre line and outside."""
    p, q, d, flow, o = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    pole = np.empty(3)
    for i in range(3):
        pole[i] = frame[i, 1]
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
                if distance < wanted:
                    for i in range(3):
                        p[i] = center[i] + o[i] * wanted
            else:
                free = 1.0
            touching = -1
            if p[1] < center[1] - 0.05 * size and points.shape[0] > 0 and k % 2 == 0:
                touching = _nearest(points, starts, corner, nx, ny, nz, cell, p)
                if touching >= 0:
                    depth = 0.0
                    for i in range(3):
                        depth += (p[i] - points[touching, i]) * normals[touching, i]
                    margin = 0.006 + 0.35 * offsets[n]
                    if depth < margin:
                        for i in range(3):
                            p[i] += (margin - depth) * normals[touching, i]
                            o[i] = normals[touching, i]
                    else:
                        touching = -1
            if k % substeps == 0:
                for i in range(3):
                    line[n, k // substeps, i] = p[i]
                    outward[n, k // substeps, i] = o[i]
            if stopped:
                continue
            _combing(kind, q, sides[n], parting, backward, tie, pole, size, flow)
            if kind == 3:
                away = np.sqrt(flow[0] * flow[0] + flow[1] * flow[1] + flow[2] * flow[2])
                if away < 0.016 * size:
                    stopped = True
                    continue
            inner = flow[0] * o[0] + flow[1] * o[1] + flow[2] * o[2]
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
                flow[2] += 0.35 * (1.0 if roots[n, 2] > center[2] + 0.02 * size else -1.0)
            length = np.sqrt(flow[0] ** 2 + flow[1] ** 2 + flow[2] ** 2) + 1e-9
            # Short steps over the head, long ones where the lock hangs.
            step = even * (0.5 + (k + 0.5) / total_steps)
            keep = stiffness ** (step / (0.01 * size))
            for i in range(3):
                d[i] = d[i] * keep + flow[i] / length * (1 - keep)
            length = np.sqrt(d[0] ** 2 + d[1] ** 2 + d[2] ** 2) + 1e-9
            for i in range(3):
                d[i] /= length
                p[i] += d[i] * step
            travelled += step
            if p[1] < cut + 0.02 * size * phases[n]:
                stopped = True


@dataclass(frozen=True)
class Roots:
    """Where locks start, N of them. Rest frame, metres.

    places, directions (unit), lengths, offsets (height of the lock above the scalp once it lies),
    layers (0 innermost .. 1 outermost), phases (0 to 1, random), template (N, 3) of each root
    """

    places: Floats
    directions: Floats
    lengths: Floats
    offsets: Floats
    layers: Floats
    phases: Floats
    template: Floats

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
        roots.phases, radius, center, pole_frame(), size,
        obstacles.points, obstacles.normals, obstacles.starts, obstacles.corner, *obstacles.shape,
        obstacles.cell, int(growth.comb), growth.segments, growth.substeps, growth.stiffness, growth.hang,
        growth.parting, growth.backward, np.asarray(growth.tie, np.float32) - center, growth.cut,
        gravity.astype(np.float32), line, outward,
    )  # fmt: skip
    if growth.curl > 0:
        step = (roots.lengths / growth.segments)[:, None] * np.arange(growth.segments + 1)
        across = unit(np.cross(np.gradient(line, axis=1), outward).astype(np.float32))
        angle = 2 * np.pi * (step / growth.wave + roots.phases[:, None])
        amount = growth.curl * np.minimum(1.0, step / (2 * growth.wave) + 0.1)
        line = line + (amount * np.cos(angle))[..., None] * across
        line += (0.6 * amount * (np.sin(angle) + 0.7))[..., None] * outward
    return line.astype(np.float32), outward


@dataclass(frozen=True)
class Lock:
    """How a ribbon looks: its width in metres, strands across it, and how thinly it ends.

    `root` and `tip` are the thresholds of the alpha test at both ends, `curve` the exponent between;
    `round` tilts the normals at the ribbon's edges, `twist` turns ribbons about their own line (radians).
    """

    width: float
    strands: int
    root: float = 0.12
    tip: float = 0.8
    curve: float = 1.5
    taper: float = 0.5
    round: float = 0.55
    twist: float = 0.35


@dataclass(frozen=True)
class Ribbons:
    """Vertices, normals, strand coordinates, share of the way to the tip (all N * (S + 1) * 2 rows), faces."""

    vertices: Floats
    normals: Floats
    strand: Floats
    along: Floats
    faces: Ints
    rows: int  # vertices per lock


@compiled
def _sweep(
    line: Floats, outward: Floats, phases: Floats, width: float, taper: float, twist: float, bulge: float,
    strands: int, root: float, tip: float, curve: float, first: int,
    vertices: Floats, normals: Floats, strand: Floats,
) -> None:  # fmt: skip
    """A ribbon about every line; outputs (N, S + 1, 2, 3 or 4)."""
    last = line.shape[1] - 1
    d, a, f = np.empty(3), np.empty(3), np.empty(3)
    for n in range(line.shape[0]):
        angle = ((phases[n] * 7.13) % 1.0 - 0.5) * 2.0 * twist
        cosine, sine = np.cos(angle), np.sin(angle)
        travelled = 0.0
        a[0], a[1], a[2] = 1.0, 0.0, 0.0
        for k in range(last + 1):
            before, after = max(k - 1, 0), min(k + 1, last)
            step = 0.0
            for i in range(3):
                d[i] = line[n, after, i] - line[n, before, i]
                step += (line[n, k, i] - line[n, before, i]) ** 2
            travelled += np.sqrt(step)
            x = d[1] * outward[n, k, 2] - d[2] * outward[n, k, 1]
            y = d[2] * outward[n, k, 0] - d[0] * outward[n, k, 2]
            z = d[0] * outward[n, k, 1] - d[1] * outward[n, k, 0]
            length = np.sqrt(x * x + y * y + z * z)
            if length > 1e-9:  # else the lock stands still or straight out: as before
                a[0], a[1], a[2] = x / length, y / length, z / length
            f[0] = a[1] * d[2] - a[2] * d[1]
            f[1] = a[2] * d[0] - a[0] * d[2]
            f[2] = a[0] * d[1] - a[1] * d[0]
            length = np.sqrt(f[0] ** 2 + f[1] ** 2 + f[2] ** 2)
            if length < 1e-12:
                f[0], f[1], f[2] = outward[n, k, 0], outward[n, k, 1], outward[n, k, 2]
                length = 1.0
            t = k / last
            half = 0.5 * width * (1.0 - taper * t * t)
            for side in range(2):
                sign = 2.0 * side - 1.0
                total = 0.0
                for i in range(3):
                    w = a[i] * cosine + f[i] / length * sine
                    vertices[n, k, side, i] = line[n, k, i] + sign * half * w
                    # Half of it is the head's own roundness, so that the locks shade as one.
                    value = 0.5 * f[i] / length + 0.5 * outward[n, k, i] + sign * bulge * w
                    normals[n, k, side, i] = value
                    total += value * value
                total = np.sqrt(total)
                for i in range(3):
                    normals[n, k, side, i] /= total
                strand[n, k, side, 0] = 2.0 + first + n * (strands + 1.0) + side * (strands - 1e-3)
                strand[n, k, side, 1] = phases[n] * 50.0 + travelled / 0.12
                strand[n, k, side, 2] = 1.0
                strand[n, k, side, 3] = root + (tip - root) * t**curve


def ribbons(line: Floats, outward: Floats, lock: Lock, roots: Roots, first: int) -> Ribbons:
    """Ribbons about centre lines (N, S + 1, 3). `first` is the number of strands already used."""
    count, points = line.shape[:2]
    vertices = np.empty((count, points, 2, 3), np.float32)
    normals = np.empty_like(vertices)
    strand = np.empty((count, points, 2, 4), np.float32)
    _sweep(
        line, outward, roots.phases, lock.width, lock.taper, lock.twist, lock.round, lock.strands,
        lock.root, lock.tip, lock.curve, first, vertices, normals, strand,
    )  # fmt: skip
    t = np.linspace(0.0, 1.0, points, dtype=np.float32)
    rows = points * 2
    faces = grid_faces(points, 2)
    faces = (faces[None] + (np.arange(count) * rows)[:, None, None]).reshape(-1, 3)
    return Ribbons(
        vertices.reshape(-1, 3),
        normals.reshape(-1, 3),
        strand.reshape(-1, 4),
        np.broadcast_to(t[None, :, None], (count, points, 2)).reshape(-1).copy(),
        faces.astype(np.int32),
        rows,
    )
