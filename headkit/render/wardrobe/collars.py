"""Collars and hoods: strips that rise from the neckline of a garment."""

from __future__ import annotations

import numpy as np

from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe import cut_lines
from headkit.render.wardrobe.cut_lines import Figure
from headkit.render.wardrobe.drape import Neck, wobble
from headkit.render.wardrobe.suit import (
    BASE,
    FIGURE,
    NORMAL,
    OFFSET,
    REST,
    Trim,
    at,
    sew,
    with_offset,
)
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
_THICK_FROM = 300  # heads of fewer pixels have collars without thickness: the edge would be a row of pale dots


def collar(wearer: Wearer, piece: Piece, neck: Neck, neckline: str, size: float) -> list[Surface]:
    """What stands on the neckline of `piece`: a shirt collar or a hood; nothing for the rest."""
    if neckline not in ("collar", "hood") or wearer.look.headwear.kind == "headscarf":
        return []
    lines = [line for line in piece.seams["neck"] if len(line) > 8]
    if not lines:
        return []
    axis = wearer.turn("neck_1", np.array([[0.0, 1.0, 0.12]], np.float32))[0]
    if neckline == "hood":
        return _hood(wearer, piece, axis, size)
    line = max(lines, key=len)
    closed = bool(line[0] == line[-1])
    rows = resample(piece.attributes[line][:, _ORDER], _AROUND, closed=closed)[:, _BACK]
    values = np.ascontiguousarray(rows)
    edge = values[:, BASE] + values[:, NORMAL] * values[:, OFFSET : OFFSET + 1]
    out = unit(values[:, NORMAL])
    out = unit(out - 0.7 * (out @ axis)[:, None] * axis)
    return [_fall(wearer, neck, _cloth(piece), values, edge, out, axis, size, wrap=closed)]


def _cloth(piece: Piece) -> Neck:
    """The garment about the neck, as what a collar comes to lie on."""
    used = np.unique(piece.faces)
    rows = piece.attributes[used]
    rows = rows[rows[:, FIGURE][:, 1] > 0.47]
    outer = rows[:, BASE] + rows[:, NORMAL] * rows[:, OFFSET : OFFSET + 1]
    return Neck(outer.astype(np.float32), np.ascontiguousarray(rows[:, NORMAL]))


# resample() measures along the first three columns: put the posed base there, and back.
_ORDER = [3, 4, 5, 0, 1, 2, *range(6, 17)]
_BACK = [3, 4, 5, 0, 1, 2, *range(6, 17)]


def _strip(
    wearer: Wearer, rows: list[Floats], values: Floats, color: tuple[float, float, float], shade: list[float], *, wrap: bool,
    flip: bool = False, edged: bool = True,
) -> Surface:  # fmt: skip
    """Rows of points (P, 3) joined to a surface; if `edged`, the last two are an edge, shaded as the cloth before it."""
    points = np.concatenate(rows).astype(np.float32)
    count = len(rows[0])
    faces = grid_faces(len(rows), count, wrap=wrap, flip=flip)
    # Light does not change across the edge: narrower than a pixel, it would be a row of dots.
    shaded = len(rows) - 1 if edged else len(rows)
    normals = vertex_normals(
        points[: shaded * count], grid_faces(shaded, count, wrap=wrap, flip=flip)
    )
    if edged:
        normals = np.concatenate([normals, normals[-count:]])
    return Surface(
        material=Material.CLOTH,
        owner=wearer.owner,
        vertices=points,
        faces=faces,
        normals=normals,
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
    cloth: Neck,
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
    for row, gap in ((middle, 0.006), (end, 0.007)):  # over the garment, not in it
        lift = cloth.settle(row, gap * size)
        row += lift * ((lift * out).sum(axis=1) > 0.0)[:, None]
    inner = edge - axis * 0.004 * full - out * 0.002 * full
    look = wearer.look.clothes
    rows = [inner, top, over, middle, end]
    thick = wearer.detail > _THICK_FROM
    if thick:
        rows.append(end - out * 0.0012 * full)
    color = (
        min(0.9, look.color[0] * 1.04),
        min(0.9, look.color[1] * 1.04),
        min(0.9, look.color[2] * 1.04),
    )
    shade = [0.25, 0.6, 0.95, 0.95, 0.9, 0.9][: len(rows)]
    return _strip(wearer, rows, values, color, shade, wrap=wrap, flip=True, edged=thick)


def _hood(wearer: Wearer, piece: Piece, axis: Floats, size: float) -> list[Surface]:
    """A hood that lies on back and shoulders: cloth over the garment, and its lining down to the neck."""
    look = wearer.look.clothes
    cloth = piece.cut("hood", hood_depth(at(piece)))
    x, _, z = cloth.attributes[:, FIGURE].T
    below, back = cut_lines.neckline(at(cloth), "hood", 0.0), _behind(z)
    share = np.clip(below / np.maximum(below + hood_depth(at(cloth)), 1e-4), 0.0, 1.0)
    # Folds run down from the neck; across the back the cloth sags in rounds.
    creases = wobble(
        cloth.attributes[:, FIGURE] * np.array([1.0, 0.3, 0.5]), 34.0, wearer.look.seed
    )
    sag = np.sin(below / 0.011 + 40.0 * x * x) * back
    full = (0.011 + 0.024 * back) * (1.0 + 0.28 * creases) + 0.0022 * sag
    lift = 0.003 + full * np.sqrt(1.0 - 0.97 * share**2.2) * (0.72 + 0.28 * np.sin(np.pi * share))
    cloth = with_offset(cloth, cloth.attributes[:, OFFSET] + (lift * size).astype(np.float32))
    outer = sew(cloth, Trim(look.color, hem=0.0), wearer, closed=("hood",))
    line = max(cloth.seams["neck"], key=len)
    rows = resample(cloth.attributes[line][:, _ORDER], _AROUND, closed=True)[:, _BACK]
    values = np.ascontiguousarray(rows)
    base, out = values[:, BASE], unit(values[:, NORMAL])
    top = base + out * values[:, OFFSET : OFFSET + 1]
    inner = base + out * 0.003 * size
    inward = unit(inner - top - ((inner - top) @ axis)[:, None] * axis)
    wide = np.linalg.norm(inner - top, axis=1)[:, None]
    # The rim rolls over: up and in.
    roll = [np.sin(turn) * axis + (1 - np.cos(turn)) * inward for turn in (0.0, 0.35, 0.8, 1.3)]
    lining = [top + 0.42 * wide * step for step in roll]
    lining += [0.45 * lining[-1] + 0.55 * inner, inner - axis * 0.006 * size]
    shade = [0.95, 0.95, 0.9, 0.8, 0.6, 0.45]
    return [outer, _strip(wearer, lining, values, look.color, shade, wrap=True)]


def _behind(z: Floats) -> Floats:
    """0 at the front of the neck, 1 behind it, of figure depths."""
    share = np.clip((0.030 - z) / 0.085, 0.0, 1.0)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def hood_depth(body: Figure) -> Floats:
    """Above 0 where a hood lies on the garment: a band at the front, a pointed bag on the back."""
    x, _, z = body.points.T
    back = _behind(z)
    reach = 0.020 + back * (0.088 - 0.30 * np.abs(x))
    return (reach - cut_lines.neckline(body, "hood", 0.0)).astype(np.float32)
