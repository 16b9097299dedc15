"""Hair and beard kept on their side of the clothes: what rests on cloth neither enters it nor comes through.

Triangles of cloth and bare skin near the head lie in the cells of a grid. Every lock is walked once from its
root: a place too near a triangle moves off it, to the side on which it is; one that a triangle parts from
the place before moves back to that side; a lock that cannot ends there. So each lock stays on the side
of its root, and no order or orientation of collars, hoods and lapels has to be known. All in one rigid frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled, lean
from headkit.render.surface import Surface
from headkit.render.wardrobe.tailoring import Floats, Ints

_CELL: Final = 0.016  # metres; also how far off a triangle is felt
_FARTHEST: Final = (
    0.02  # metres that a place may move: a lock that would have to go farther ends there
)
_WIDEST: Final = 0.02  # metres: no ribbon is half as wide
_TRIES: Final = 4  # sheets of cloth that one step may meet, as at a collar's edge


@dataclass(frozen=True)
class Cloth:
    """Triangles sorted into the cells of a grid, x-major; a triangle is listed in every cell that its box meets.

    corners (F, 3, 3) metres; members[starts[c] : starts[c + 1]] are the triangles of cell c;
    corner (3,) lowest place of the grid, shape its cells along x, y, z
    """

    corners: Floats
    starts: Ints
    members: Ints
    corner: Floats
    shape: tuple[int, int, int]


NO_CLOTH = Cloth(
    np.zeros((0, 3, 3), np.float32),
    np.zeros(1, np.int32),
    np.zeros(0, np.int32),
    np.zeros(3, np.float32),
    (0, 0, 0),
)


def sort_cloth(
    surfaces: Sequence[Surface], frame: NDArray[np.float64], center: Floats, reach: float
) -> Cloth:
    """The triangles of surfaces (camera frame) within `reach` metres of `center`, in the frame of a bone.

    frame (3, 4) from the bone's rest frame to the camera's; center (3,) in the rest frame
    """
    turn, offset = frame[:, :3], frame[:, 3]
    corners = []
    for surface in surfaces:
        points = ((surface.vertices - offset) @ turn).astype(np.float32)
        near = ((points - center) ** 2).sum(axis=1) < reach * reach
        corners.append(points[surface.faces[near[surface.faces].any(axis=1)]])
    if not corners or sum(map(len, corners)) == 0:
        return NO_CLOTH
    triangles = np.concatenate(corners)
    low = triangles.min(axis=(0, 1))
    x, y, z = (int(n) for n in (triangles.max(axis=(0, 1)) - low) / _CELL + 1)
    starts = np.zeros(x * y * z + 1, np.int32)
    members = _sort(triangles, low, y, z, starts)
    return Cloth(triangles, starts, members, low, (x, y, z))


@compiled
def _sort(triangles: Floats, low: Floats, ny: int, nz: int, starts: Ints) -> Ints:
    """The members of the cells; fills `starts`."""
    members = np.empty(0, np.int32)
    for filling in range(2):
        for f in range(len(triangles)):
            first, last = np.empty(3, np.int64), np.empty(3, np.int64)
            for i in range(3):
                one, two, three = triangles[f, 0, i], triangles[f, 1, i], triangles[f, 2, i]
                first[i] = int((min(one, two, three) - low[i]) / _CELL)
                last[i] = int((max(one, two, three) - low[i]) / _CELL)
            for a in range(first[0], last[0] + 1):
                for b in range(first[1], last[1] + 1):
                    for c in range(first[2], last[2] + 1):
                        cell = (a * ny + b) * nz + c
                        if filling:
                            starts[cell] -= 1
                            members[starts[cell]] = f
                        else:
                            starts[cell] += 1
        if not filling:  # counts to the ends of the cells, which filling turns into their starts
            for cell in range(1, len(starts)):
                starts[cell] += starts[cell - 1]
            members = np.empty(starts[-1], np.int32)
    return members


def laid(
    line: Floats, outward: Floats, margins: Floats, cloth: Cloth, first: int = 1
) -> tuple[Floats, Floats]:
    """Centre lines (N, S + 1, 3) and outward directions of locks that keep off the cloth.

    margins  (N,) metres between a lock and the cloth
    first    the first place of a line that may move: its root stays
    """
    if not len(cloth.corners):
        return line, outward
    line, outward = line.copy(), outward.copy()
    _lay(
        line, outward, margins, cloth.corners, cloth.starts, cloth.members, cloth.corner,
        *cloth.shape, first,
    )  # fmt: skip
    return line, outward


def narrowed(line: Floats, vertices: Floats, cloth: Cloth) -> None:
    """Draw the edges of ribbons (N, S + 1, 2, 3) that reach through the cloth in, in place."""
    if len(cloth.corners):
        _narrow(
            line, vertices, cloth.corners, cloth.starts, cloth.members, cloth.corner, *cloth.shape
        )


@compiled
def _lay(
    line: Floats, outward: Floats, margins: Floats, corners: Floats, starts: Ints, members: Ints,
    low: Floats, nx: int, ny: int, nz: int, first: int,
) -> None:  # fmt: skip
    """`laid`, in place."""
    place, hit, away = np.empty(3), np.empty(3), np.empty(3)
    before, nearest = np.empty(3), np.empty(3)
    points = line.shape[1]
    for n in range(line.shape[0]):
        margin = margins[n]
        if _clear(line, n, low, nx, ny, nz, _FARTHEST + margin):
            continue
        for k in range(first, points):
            for i in range(3):
                before[i], place[i] = line[n, k - 1, i], line[n, k, i]
            moved = 0.0
            distance = _nearest(
                corners, starts, members, low, nx, ny, nz, place, margin, nearest, hit
            )
            if 1e-6 < distance < margin:
                moved = margin - distance
                for i in range(3):
                    away[i] = (place[i] - hit[i]) / distance
                    place[i] += moved * away[i]
            free = False
            for _ in range(_TRIES):
                if not _parted(corners, starts, members, low, nx, ny, nz, before, place, hit, away):
                    free = True
                    break
                depth = 0.0
                for i in range(3):
                    depth += (place[i] - hit[i]) * away[i]
                moved = margin - depth
                for i in range(3):
                    place[i] += moved * away[i]
            square = 0.0
            for i in range(3):
                square += (place[i] - line[n, k, i]) ** 2
            if not free or square > _FARTHEST * _FARTHEST:
                for rest in range(k, points):
                    for i in range(3):
                        line[n, rest, i] = before[i]
                break
            if moved > 0.0:
                share = min(1.0, moved / 0.004)
                length = 0.0
                for i in range(3):
                    value = outward[n, k, i] * (1.0 - share) + away[i] * share
                    outward[n, k, i] = value
                    line[n, k, i] = place[i]
                    length += value * value
                length = sqrt(length) + 1e-9
                for i in range(3):
                    outward[n, k, i] /= length


@compiled
def _narrow(
    line: Floats, vertices: Floats, corners: Floats, starts: Ints, members: Ints, low: Floats,
    nx: int, ny: int, nz: int,
) -> None:  # fmt: skip
    """`narrowed`."""
    middle, edge, hit, away = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for n in range(line.shape[0]):
        if _clear(line, n, low, nx, ny, nz, _WIDEST):
            continue
        for k in range(line.shape[1]):
            for side in range(2):
                for i in range(3):
                    middle[i], edge[i] = line[n, k, i], vertices[n, k, side, i]
                if _parted(corners, starts, members, low, nx, ny, nz, middle, edge, hit, away):
                    for i in range(3):
                        vertices[n, k, side, i] = middle[i] + 0.9 * (hit[i] - middle[i])


@lean
def _clear(line: Floats, n: int, low: Floats, nx: int, ny: int, nz: int, reach: float) -> bool:
    """Whether all of lock n lies farther than `reach` from the grid."""
    for i in range(3):
        size = nx if i == 0 else ny if i == 1 else nz
        least, most = line[n, 0, i], line[n, 0, i]
        for k in range(1, line.shape[1]):
            least, most = min(least, line[n, k, i]), max(most, line[n, k, i])
        if most < low[i] - reach or least > low[i] + size * _CELL + reach:
            return True
    return False


@lean
def _nearest(
    corners: Floats, starts: Ints, members: Ints, low: Floats, nx: int, ny: int, nz: int,
    p: NDArray[Any], reach: float, q: NDArray[Any], hit: NDArray[Any],
) -> float:  # fmt: skip
    """Distance to the nearest triangle, and the place on it; `reach` or more where none is so near. q: to write in."""
    best = reach
    a0 = max(0, floor((p[0] - reach - low[0]) / _CELL))
    a1 = min(nx - 1, floor((p[0] + reach - low[0]) / _CELL))
    b0 = max(0, floor((p[1] - reach - low[1]) / _CELL))
    b1 = min(ny - 1, floor((p[1] + reach - low[1]) / _CELL))
    c0 = max(0, floor((p[2] - reach - low[2]) / _CELL))
    c1 = min(nz - 1, floor((p[2] + reach - low[2]) / _CELL))
    for a in range(a0, a1 + 1):
        for b in range(b0, b1 + 1):
            for c in range(c0, c1 + 1):
                cell = (a * ny + b) * nz + c
                for m in range(starts[cell], starts[cell + 1]):
                    f = members[m]
                    if _beside(corners, f, p, best):
                        continue
                    distance = _to_triangle(corners, f, p, q)
                    if distance < best:
                        best = distance
                        hit[0], hit[1], hit[2] = q[0], q[1], q[2]
    return best


@lean
def _beside(corners: Floats, f: int, p: NDArray[Any], reach: float) -> bool:
    """Whether a place lies farther than `reach` from the box of a triangle."""
    for i in range(3):
        one, two, three = corners[f, 0, i], corners[f, 1, i], corners[f, 2, i]
        if p[i] < min(one, two, three) - reach or p[i] > max(one, two, three) + reach:
            return True
    return False


@lean
def _to_triangle(corners: Floats, f: int, p: NDArray[Any], q: NDArray[Any]) -> float:
    """Distance of a place to a triangle, and its nearest point q (Ericson, Real-Time Collision Detection, 5.1.5)."""
    d1 = d2 = d3 = d4 = d5 = d6 = 0.0
    for i in range(3):
        ab, ac = corners[f, 1, i] - corners[f, 0, i], corners[f, 2, i] - corners[f, 0, i]
        d1 += ab * (p[i] - corners[f, 0, i])
        d2 += ac * (p[i] - corners[f, 0, i])
        d3 += ab * (p[i] - corners[f, 1, i])
        d4 += ac * (p[i] - corners[f, 1, i])
        d5 += ab * (p[i] - corners[f, 2, i])
        d6 += ac * (p[i] - corners[f, 2, i])
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0.0 and d2 <= 0.0:
        v, w = 0.0, 0.0
    elif d3 >= 0.0 and d4 <= d3:
        v, w = 1.0, 0.0
    elif vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        v, w = d1 / (d1 - d3), 0.0
    elif d6 >= 0.0 and d5 <= d6:
        v, w = 0.0, 1.0
    elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        v, w = 0.0, d2 / (d2 - d6)
    elif va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        v = 1.0 - w
    else:
        total = va + vb + vc
        v, w = (vb / total, vc / total) if total > 0.0 else (0.0, 0.0)
    square = 0.0
    for i in range(3):
        q[i] = corners[f, 0, i] + v * (corners[f, 1, i] - corners[f, 0, i])
        q[i] += w * (corners[f, 2, i] - corners[f, 0, i])
        square += (p[i] - q[i]) ** 2
    return sqrt(square)


@lean
def _parted(
    corners: Floats, starts: Ints, members: Ints, low: Floats, nx: int, ny: int, nz: int,
    p: NDArray[Any], q: NDArray[Any], hit: NDArray[Any], away: NDArray[Any],
) -> bool:  # fmt: skip
    """Whether a triangle lies between p and q (Möller and Trumbore 1997).

    Of several the one first met: `hit` is where, `away` its unit normal on the side of p.
    """
    a0, a1 = _cells(p[0], q[0], low[0], nx)
    b0, b1 = _cells(p[1], q[1], low[1], ny)
    c0, c1 = _cells(p[2], q[2], low[2], nz)
    dx, dy, dz = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    nearest = 2.0
    for a in range(a0, a1):
        for b in range(b0, b1):
            for c in range(c0, c1):
                cell = (a * ny + b) * nz + c
                for m in range(starts[cell], starts[cell + 1]):
                    t = _crossing(corners, members[m], p, dx, dy, dz, away, nearest)
                    nearest = min(nearest, t)
    if nearest > 1.0:
        return False
    hit[0], hit[1], hit[2] = p[0] + nearest * dx, p[1] + nearest * dy, p[2] + nearest * dz
    return True


@lean
def _cells(one: float, two: float, low: float, size: int) -> tuple[int, int]:
    """The first cell of the grid on one axis between two places, and the one behind the last."""
    first, last = floor((min(one, two) - low) / _CELL), floor((max(one, two) - low) / _CELL)
    return max(0, first), min(size, last + 1)


@lean
def _crossing(
    corners: Floats, f: int, p: NDArray[Any], dx: float, dy: float, dz: float,
    away: NDArray[Any], nearest: float,
) -> float:  # fmt: skip
    """Share of the way from p at which triangle f is met, 2 where it is not before `nearest`; then fills `away`."""
    ax, ay, az = corners[f, 0, 0], corners[f, 0, 1], corners[f, 0, 2]
    ux, uy, uz = corners[f, 1, 0] - ax, corners[f, 1, 1] - ay, corners[f, 1, 2] - az
    vx, vy, vz = corners[f, 2, 0] - ax, corners[f, 2, 1] - ay, corners[f, 2, 2] - az
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    along = x * dx + y * dy + z * dz
    sx, sy, sz = p[0] - ax, p[1] - ay, p[2] - az
    height = x * sx + y * sy + z * sz
    if along == 0.0 or height * along > 0.0 or abs(height) > nearest * abs(along):
        return 2.0
    cx, cy, cz = sy * dz - sz * dy, sz * dx - sx * dz, sx * dy - sy * dx
    u = -(vx * cx + vy * cy + vz * cz) / along
    v = (ux * cx + uy * cy + uz * cz) / along
    if not (u > -1e-4 and v > -1e-4 and u + v < 1.0001):
        return 2.0
    length = sqrt(x * x + y * y + z * z)
    sign = 1.0 if along < 0.0 else -1.0
    away[0], away[1], away[2] = sign * x / length, sign * y / length, sign * z / length
    return float(-height / along)
