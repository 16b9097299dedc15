"""Collars and hoods: strips that rise from the neckline of a garment."""

from __future__ import annotations

import numpy as np

from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe.drape import Neck, wobble
from headkit.render.wardrobe.suit import BASE, FIGURE, NORMAL, OFFSET, REST
from headkit.render.wardrobe.tailoring import (
    Floats,
    Piece,
    grid_faces,
    resample,
    unit,
    vertex_normals,
)
from headkit.render.wardrobe.wearer import Wearer

_AROUND = 56


def collar(wearer: Wearer, piece: Piece, neck: Neck, neckline: str, size: float) -> list[Surface]:
    """What stands on the neckline of `piece`: a shirt collar or a hood; nothing for the rest."""
    if neckline not in ("collar", "hood") or wearer.look.headwear.kind == "headscarf":
        return []
    lines = [line for line in piece.seams["neck"] if len(line) > 8]
    if not lines:
        return []
    line = max(lines, key=len)
    closed = bool(line[0] == line[-1])
    rows = resample(piece.attributes[line][:, _ORDER], _AROUND, closed=closed)[:, _BACK]
    values = np.ascontiguousarray(rows)
    edge = values[:, BASE] + values[:, NORMAL] * values[:, OFFSET : OFFSET + 1]
    out = unit(values[:, NORMAL])
    axis = wearer.turn("neck_1", np.array([[0.0, 1.0, 0.12]], np.float32))[0]
    out = unit(out - 0.7 * (out @ axis)[:, None] * axis)
    if neckline == "hood":
        return [_hood(wearer, values, edge, out, axis, size)]
    return [_fall(wearer, neck, values, edge, out, axis, size, wrap=closed)]


# resample() measures along the first three columns: put the posed base there, and back.
_ORDER = [3, 4, 5, 0, 1, 2, *range(6, 17)]
_BACK = [3, 4, 5, 0, 1, 2, *range(6, 17)]


def _strip(
    wearer: Wearer, rows: list[Floats], values: Floats, color: tuple[float, float, float], shade: list[float], *, wrap: bool,
) -> Surface:  # fmt: skip
    """Rows of points (P, 3) joined to a surface."""
    points = np.concatenate(rows).astype(np.float32)
    faces = grid_faces(len(rows), len(rows[0]), wrap=wrap)
    return Surface(
        material=Material.CLOTH,
        owner=wearer.owner,
        vertices=points,
        faces=faces,
        normals=vertex_normals(points, faces),
        rest=np.concatenate([values[:, REST] + 0.004 * k for k in range(len(rows))]).astype(
            np.float32
        ),
        parts=np.full(len(faces), Part.CLOTHES, np.uint8),
        occlusion=np.repeat(np.array(shade, np.float32), len(rows[0])),
        color=np.tile(np.asarray(color, np.float32), (len(points), 1)),
        two_sided=True,
    )


def _fall(
    wearer: Wearer,
    neck: Neck,
    values: Floats,
    edge: Floats,
    out: Floats,
    axis: Floats,
    size: float,
    *,
    wrap: bool,
) -> Surface:
    """A stand along the neck that folds over; both die away down the open front."""
    _, y, z = values[:, FIGURE].T
    crew = 0.611 - 0.40 * (z + 0.02)
    full = np.clip(1.0 - (crew - y) / 0.05, 0.10, 1.0)[:, None] * size
    front = np.clip((z - 0.02) / 0.05, 0.0, 1.0)[:, None]
    top = edge + axis * 0.026 * full - out * 0.004 * full
    top += neck.settle(top, 0.003 * size) * (1.0 - 0.7 * front)  # an open front stands free
    over = top + axis * 0.003 * full + out * 0.005 * full
    middle = edge + axis * 0.008 * full + out * (0.011 + 0.006 * front) * full
    end = edge - axis * (0.012 + 0.014 * front) * full + out * (0.017 + 0.006 * front) * full
    inner = edge - axis * 0.004 * full - out * 0.002 * full
    look = wearer.look.clothes
    rows = [inner, top, over, middle, end, end - out * 0.003 * full]
    color = (
        min(0.9, look.color[0] * 1.04),
        min(0.9, look.color[1] * 1.04),
        min(0.9, look.color[2] * 1.04),
    )
    return _strip(wearer, rows, values, color, [0.25, 0.6, 0.95, 0.95, 0.9, 0.3], wrap=wrap)


def _hood(
    wearer: Wearer, values: Floats, edge: Floats, out: Floats, axis: Floats, size: float
) -> Surface:
    """A hood that lies on the shoulders: a soft roll, thick at the back."""
    z = values[:, FIGURE][:, 2]
    back = np.clip((0.055 - z) / 0.085, 0.0, 1.0)
    back = (back * back * (3 - 2 * back))[:, None]
    radius = (0.008 + 0.022 * back) * size
    bumps = 1.0 + 0.22 * wobble(values[:, FIGURE] * 2.0, 40.0, wearer.look.seed)[:, None]
    center = edge + axis * radius * 0.55 + out * radius * (0.30 + 0.55 * back)
    rows, turns = [], 10
    for k in range(turns + 1):
        angle = np.pi * 1.15 - 2 * np.pi * k / turns
        squash = 1.0 - 0.25 * back * max(0.0, np.sin(angle))
        rows.append(center + bumps * radius * (np.cos(angle) * out + squash * np.sin(angle) * axis))
    rows.append(edge - axis * 0.004 - out * 0.002)  # its lining, down to the neckline
    shade = [0.3 + 0.65 * (0.5 - 0.5 * np.cos(2 * np.pi * k / turns)) for k in range(turns + 1)]
    shade.append(0.5)
    return _strip(wearer, rows, values, wearer.look.clothes.color, shade, wrap=True)
