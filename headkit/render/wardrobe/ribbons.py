"""Ribbons about the centre lines of locks, which the alpha test cuts into strands (surface.py)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headkit.render.jit import compiled
from headkit.render.wardrobe.strands import Roots
from headkit.render.wardrobe.tailoring import Floats, Ints, grid_faces


@dataclass(frozen=True)
class Lock:
    """How a ribbon looks: its width in metres, strands across it, and how thinly it ends.

    `root` and `tip` are the thresholds of the alpha test at both ends, `curve` the exponent between;
    `round` tilts the normals at the ribbon's edges, `twist` turns ribbons about their own line (radians);
    `whole` strands that are missing at the root are missing to the tip: a coil is not covered by its
    neighbours, and its end alone would be a crumb.
    """

    width: float
    strands: int
    root: float = 0.12
    tip: float = 0.8
    curve: float = 1.5
    taper: float = 0.5
    round: float = 0.55
    twist: float = 0.35
    whole: bool = False


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
    line: Floats, outward: Floats, phases: Floats, thin: Floats, width: float, taper: float, twist: float, bulge: float,
    strands: int, root: float, tip: float, curve: float, whole: int,
    first: int,
    vertices: Floats, normals: Floats, strand: Floats,
) -> None:  # fmt: skip
    """A ribbon about every line; outputs (N, S + 1, 2, 3 or 4)."""
    last = line.shape[1] - 1
    d, a, f = np.empty(3), np.empty(3), np.empty(3)
    for n in range(line.shape[0]):
        angle = ((phases[n] * 7.13) % 1.0 - 0.5) * 2.0 * twist
        cosine, sine = np.cos(angle), np.sin(angle)
        a[0], a[1], a[2] = 1.0, 0.0, 0.0
        for k in range(last + 1):
            before, after = max(k - 1, 0), min(k + 1, last)
            for i in range(3):
                d[i] = line[n, after, i] - line[n, before, i]
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
            if k == 0:  # at the hairline no row of blunt ends
                half *= 1.0 - 0.6 * thin[n]
            for side in range(2):
                sign = 2.0 * side - 1.0
                total = 0.0
                for i in range(3):
                    w = a[i] * cosine + f[i] / length * sine
                    vertices[n, k, side, i] = line[n, k, i] + sign * half * w
                    # Most of it is the head's own roundness, so that the locks shade as one.
                    value = 0.28 * f[i] / length + 0.72 * outward[n, k, i] + sign * bulge * w
                    normals[n, k, side, i] = value
                    total += value * value
                total = np.sqrt(total)
                for i in range(3):
                    normals[n, k, side, i] /= total
                strand[n, k, side, 0] = 2.0 + first + n * (strands + 1.0) + side * (strands - 1e-3)
                # One value of noise for all of a strand: it ends once and never goes on beyond a gap.
                strand[n, k, side, 1] = np.floor(phases[n] * 50.0) + 1e-3 * t
                strand[n, k, side, 2] = 1.0
                threshold = root + (tip - root) * t**curve
                if k == 0:
                    threshold += 0.5 * thin[n]
                strand[n, k, side, 3] = min(
                    0.95, threshold + 0.6 * thin[n] * (1.0 if whole else 1.0 - t)
                )


def ribbons(line: Floats, outward: Floats, lock: Lock, roots: Roots, first: int) -> Ribbons:
    """Ribbons about centre lines (N, S + 1, 3). `first` is the number of strands already used."""
    count, points = line.shape[:2]
    vertices = np.empty((count, points, 2, 3), np.float32)
    normals = np.empty_like(vertices)
    strand = np.empty((count, points, 2, 4), np.float32)
    _sweep(
        line, outward, roots.phases, roots.thin, lock.width, lock.taper, lock.twist, lock.round, lock.strands,
        lock.root, lock.tip, lock.curve, int(lock.whole), first, vertices, normals, strand,
    )  # fmt: skip
    t = np.linspace(0.0, 1.0, points, dtype=np.float32)
    rows = points * 2
    faces = grid_faces(points, 2, flip=True)
    faces = (faces[None] + (np.arange(count) * rows)[:, None, None]).reshape(-1, 3)
    return Ribbons(
        vertices.reshape(-1, 3),
        normals.reshape(-1, 3),
        strand.reshape(-1, 4),
        np.broadcast_to(t[None, :, None], (count, points, 2)).reshape(-1).copy(),
        faces.astype(np.int32),
        rows,
    )
