"""The head as a polar grid: where hair roots sit, what hats rest on, and the hairline.

Rays from the skull's middle meet the mean human's skin once (ears left out); every grid point is then a
fixed blend of three skin vertices, so the grid follows any identity without casting again. Rows run from
the whorl (the pole, a little behind the top of the head) down, columns around it from the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headkit.render.jit import compiled
from headkit.render.wardrobe.tailoring import Floats, Ints, unit
from headkit.render.wardrobe.wearer import Wearer

ROWS, COLUMNS = 30, 64
FIRST_ROW_ANGLE = np.radians(1.5)  # from the pole: a point would have no direction around it
LAST_ROW_ANGLE = np.radians(145.0)  # from the pole: below chin and nape
POLE_TILT = np.radians(18.0)  # the whorl lies behind the top
# Head coordinates: metres of an adult's head whose eyes are EYE_DISTANCE apart; the origin lies at the
# height of the eyes, EYE_DEPTH behind their centres. CENTER is where the rays start.
EYE_DISTANCE, EYE_DEPTH = 0.059, 0.0743
CENTER = np.array([0.0, -0.004, 0.008])

# Hairline of an adult: azimuth from the face in degrees -> height above the eyes in metres; a dent over
# the ear, sideburn before it, nape behind.
AZIMUTH = (0, 25, 40, 55, 68, 78, 90, 115, 140, 180)
HAIRLINE = (0.072, 0.071, 0.066, 0.048, 0.012, -0.014, 0.012, -0.035, -0.070, -0.076)
# How far the hairline draws back where hair is thinning: temples most.
RECESSION = (0.036, 0.048, 0.058, 0.050, 0.020, 0.0, 0.0, 0.0, 0.0, 0.0)


@compiled
def _cast(origin: Floats, directions: Floats, a: Floats, b: Floats, c: Floats, out: Floats) -> None:
    """Möller and Trumbore (1997), farthest hit: out (D, 3) = face, barycentric b, c; face -1 for none."""
    for d in range(directions.shape[0]):
        dx, dy, dz = directions[d, 0], directions[d, 1], directions[d, 2]
        best = 0.0
        out[d, 0] = -1.0
        for f in range(a.shape[0]):
            e1x, e1y, e1z = b[f, 0] - a[f, 0], b[f, 1] - a[f, 1], b[f, 2] - a[f, 2]
            e2x, e2y, e2z = c[f, 0] - a[f, 0], c[f, 1] - a[f, 1], c[f, 2] - a[f, 2]
            px, py, pz = dy * e2z - dz * e2y, dz * e2x - dx * e2z, dx * e2y - dy * e2x
            determinant = e1x * px + e1y * py + e1z * pz
            if abs(determinant) < 1e-14:
                continue
            tx, ty, tz = origin[0] - a[f, 0], origin[1] - a[f, 1], origin[2] - a[f, 2]
            u = (tx * px + ty * py + tz * pz) / determinant
            if u < -1e-5 or u > 1.00001:
                continue
            qx, qy, qz = ty * e1z - tz * e1y, tz * e1x - tx * e1z, tx * e1y - ty * e1x
            v = (dx * qx + dy * qy + dz * qz) / determinant
            if v < -1e-5 or u + v > 1.00001:
                continue
            distance = (e2x * qx + e2y * qy + e2z * qz) / determinant
            if distance > best:
                best = distance
                out[d, 0], out[d, 1], out[d, 2] = f, u, v


@dataclass(frozen=True)
class ScalpGrid:
    """The grid on the mean human: the same for everybody, made once per process.

    corners (N, 3) skin vertices of each grid point, blend (N, 3) their weights, N = ROWS * COLUMNS
    template (N, 3) head coordinates of the mean human; crown (N,) closeness to the crown, 0 to 1
    origin (3,), unit: mean human = origin + unit * head coordinates
    """

    corners: Ints
    blend: Floats
    template: Floats
    crown: Floats
    origin: Floats
    unit: float

    def on(self, values: Floats) -> Floats:
        """Per-vertex body values (V, C) carried to the grid points (N, C)."""
        return np.einsum("nk,nkc->nc", self.blend, values[self.corners]).astype(np.float32)

    def absolute(self, points: Floats) -> Floats:
        """Head coordinates (N, 3) as positions on the mean human."""
        return (self.origin + self.unit * points).astype(np.float32)


def head_coordinates(eyes: Floats) -> tuple[Floats, float]:
    """Origin (3,) and unit of head coordinates, from the centres (2, 3) of the mean human's eyes."""
    unit_length = float(np.linalg.norm(eyes[0] - eyes[1]) / EYE_DISTANCE)
    origin = eyes.mean(axis=0) - np.array([0.0, 0.0, EYE_DEPTH * unit_length])
    return origin.astype(np.float32), unit_length


def pole_frame() -> Floats:
    """Columns: subject's left, whorl, and the face's side at right angles to it."""
    c, s = np.cos(POLE_TILT), np.sin(POLE_TILT)
    return np.array([[1, 0, 0], [0, c, s], [0, -s, c]], np.float32)


def grid_directions() -> Floats:
    """Unit rays (N, 3) of the grid in canonical axes, row by row from the pole."""
    polar = np.linspace(FIRST_ROW_ANGLE, LAST_ROW_ANGLE, ROWS)[:, None]
    azimuth = (np.arange(COLUMNS) * (2 * np.pi / COLUMNS))[None, :]
    local = np.stack(
        np.broadcast_arrays(
            np.sin(polar) * np.sin(azimuth), np.cos(polar), np.sin(polar) * np.cos(azimuth)
        ),
        axis=-1,
    ).reshape(-1, 3)
    return (local @ pole_frame().T).astype(np.float32)


def crown_share(template: Floats) -> Floats:
    """Closeness (N,) to the crown, 0 to 1; template in head coordinates."""
    x, y, z = template.T
    crown = np.exp(-((x / 0.05) ** 2) - ((z + 0.02) / 0.055) ** 2) * (y > 0.03)
    return crown.astype(np.float32)


def above_hairline(template: Floats, thinning: float) -> Floats:
    """Distance (N,) to the hairline in metres, below 0 on the bare side; head coordinates.

    The line is the broken one of AZIMUTH and HAIRLINE, drawn back by `thinning` of RECESSION, on a
    cylinder about the head's axis as wide as the head is at each place.
    """
    x, y, z = template.T
    turn = np.degrees(np.abs(np.arctan2(x, z)))
    arc = np.radians(np.maximum(0.02, np.hypot(x, z)))  # metres around the head in a degree
    heights = np.asarray(HAIRLINE) + thinning * np.asarray(RECESSION)
    square = np.full(len(template), np.inf)
    for k in range(len(AZIMUTH) - 1):
        run, rise = (AZIMUTH[k + 1] - AZIMUTH[k]) * arc, heights[k + 1] - heights[k]
        right, up = (turn - AZIMUTH[k]) * arc, y - heights[k]
        share = np.clip((right * run + up * rise) / (run * run + rise * rise), 0.0, 1.0)
        square = np.minimum(square, (right - share * run) ** 2 + (up - share * rise) ** 2)
    inside = y > np.interp(turn, AZIMUTH, heights)
    return np.where(inside, np.sqrt(square), -np.sqrt(square)).astype(np.float32)


def cast_grid(template: Floats, skin: Ints, eyes: Floats) -> ScalpGrid:
    """The grid on the mean human. `skin` holds the faces of head and neck without ears and mouth cavity.

    eyes  (2, 3) centres of the mean human's eyeballs
    """
    origin, unit_length = head_coordinates(eyes)
    directions = grid_directions()
    a, b, c = (template[skin[:, k]].astype(np.float32) for k in range(3))
    hits = np.empty((len(directions), 3), np.float32)
    _cast((origin + unit_length * CENTER).astype(np.float32), directions, a, b, c, hits)
    hit = hits[:, 0] >= 0
    # A ray through the hole of an ear takes the nearest hit of its row.
    for n in np.flatnonzero(~hit):
        row = n // COLUMNS * COLUMNS
        others = row + np.flatnonzero(hit[row : row + COLUMNS])
        if len(others):
            away = np.abs(others - n)
            hits[n] = hits[others[np.argmin(np.minimum(away, COLUMNS - away))]]
        else:
            hits[n] = hits[n - COLUMNS]
    corners = skin[hits[:, 0].astype(np.int64)]
    blend = np.stack([1 - hits[:, 1] - hits[:, 2], hits[:, 1], hits[:, 2]], axis=1)
    points = np.einsum("nk,nkc->nc", blend, template[corners])
    relative = ((points - origin) / unit_length).astype(np.float32)
    return ScalpGrid(
        corners.astype(np.int32),
        blend.astype(np.float32),
        relative,
        crown_share(relative),
        origin,
        unit_length,
    )


@dataclass(frozen=True)
class Scalp:
    """The grid on one person, in the person's rest frame.

    points (ROWS, COLUMNS, 3), normals the same, radius (ROWS, COLUMNS) from `center` (3,);
    height (ROWS, COLUMNS) distance to this person's hairline, below 0 outside, in head coordinates;
    scale of the head against an adult's.
    """

    grid: ScalpGrid
    points: Floats
    normals: Floats
    radius: Floats
    center: Floats
    height: Floats
    scale: float


def fit(grid: ScalpGrid, wearer: Wearer) -> Scalp:
    """The grid on this person."""
    points = grid.on(wearer.rest)
    center = points[: ROWS * COLUMNS * 2 // 3].mean(axis=0)
    mean = grid.template[: ROWS * COLUMNS * 2 // 3].mean(axis=0)
    spread = np.linalg.norm(points[: ROWS * COLUMNS * 2 // 3] - center, axis=1).mean()
    scale = float(
        spread / np.linalg.norm(grid.template[: ROWS * COLUMNS * 2 // 3] - mean, axis=1).mean()
    )
    center = (center + (CENTER - mean) * scale).astype(np.float32)
    outward = points - center
    radius = np.linalg.norm(outward, axis=1)
    shaped = points.reshape(ROWS, COLUMNS, 3)
    along = np.empty_like(shaped)
    along[1:-1] = shaped[2:] - shaped[:-2]
    along[0], along[-1] = shaped[1] - shaped[0], shaped[-1] - shaped[-2]
    around = np.roll(shaped, -1, axis=1) - np.roll(shaped, 1, axis=1)
    rays = unit(outward).reshape(ROWS, COLUMNS, 3)
    normals = unit(np.cross(along, around).astype(np.float32))
    normals = unit(
        normals + 0.05 * rays
    )  # rows that meet in the hole of an ear have none of their own
    normals[0] = rays[0]
    thinning = wearer.look.hair.thinning
    height = above_hairline(grid.template, thinning)
    return Scalp(
        grid,
        shaped.astype(np.float32),
        normals,
        radius.reshape(ROWS, COLUMNS).astype(np.float32),
        center,
        height.reshape(ROWS, COLUMNS).astype(np.float32),
        scale,
    )


def spread_roots(count: int) -> tuple[Floats, Floats]:
    """`count` evenly spread places as (row, column) of the grid: an R2 sequence on the sphere."""
    n = np.arange(1, count + 1)
    u, v = (n * 0.7548776662466927) % 1.0, (n * 0.5698402909980532) % 1.0
    polar = np.arccos(1 - u * (1 - np.cos(LAST_ROW_ANGLE)))
    row = (polar - FIRST_ROW_ANGLE) / (LAST_ROW_ANGLE - FIRST_ROW_ANGLE) * (ROWS - 1)
    return np.clip(row, 0, ROWS - 1.001).astype(np.float32), (v * COLUMNS).astype(np.float32)


def sample(values: Floats, row: Floats, column: Floats) -> Floats:
    """Bilinear values (N, C) of a grid (ROWS, COLUMNS, C) at fractional places; columns wrap."""
    r, c = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    u, v = (row - r)[:, None], (column - c)[:, None]
    r2, c, c2 = np.minimum(r + 1, ROWS - 1), c % COLUMNS, (c + 1) % COLUMNS
    upper = values[r, c] * (1 - v) + values[r, c2] * v
    lower = values[r2, c] * (1 - v) + values[r2, c2] * v
    return (upper * (1 - u) + lower * u).astype(np.float32)


def places_towards(directions: Floats) -> tuple[Floats, Floats]:
    """(row, column) of the grid in directions (N, 3) from the centre, canonical axes."""
    local = directions @ pole_frame()
    polar = np.arctan2(np.hypot(local[:, 0], local[:, 2]), local[:, 1])
    row = (polar - FIRST_ROW_ANGLE) / (LAST_ROW_ANGLE - FIRST_ROW_ANGLE) * (ROWS - 1)
    column = np.arctan2(local[:, 0], local[:, 2]) / (2 * np.pi) * COLUMNS % COLUMNS
    return np.clip(row, 0, ROWS - 1.001).astype(np.float32), column.astype(np.float32)


def radius_towards(scalp: Scalp, directions: Floats) -> Floats:
    """The head's radius (N,) from its centre in directions (N, 3)."""
    return sample(scalp.radius[..., None], *places_towards(directions))[:, 0]
