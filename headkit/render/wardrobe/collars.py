"""Collars and hoods: strips that rise from the neckline of a garment."""

from __future__ import annotations

from dataclasses import dataclass

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
    Ints,
    Piece,
    grid_faces,
    resample,
    unit,
    vertex_normals,
)
from headkit.render.wardrobe.wearer import Wearer

_FURROW = (
    0.0062,
    0.0050,
    0.0038,
)  # metres from a collar's edge: where its seam begins, lies and ends

Color = tuple[float, float, float]

_AROUND = 56
_COLUMNS = 60  # of a shirt collar, from one end to the other
_STITCHED_FROM = (
    170  # pixels of a head from which the seam along a collar's edge is wide enough to show
)
_BRINK = 0.010  # metres that a collar's edge may lie off the garment and still be drawn down to it
_SMOOTHINGS = 10  # rounds
_OPEN = 0.012  # figure metres below the neckline at which an open front begins, and the collar ends


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
    line = _about_the_neck(max(lines, key=len), piece.attributes[:, FIGURE])
    rows = resample(piece.attributes[line][:, _ORDER], _COLUMNS, closed=False)[:, _BACK]
    return [_fall(wearer, neck, _cloth(piece), np.ascontiguousarray(rows), axis, size)]


def _about_the_neck(line: Ints, places: Floats) -> Ints:
    """The part of a neckline that a collar stands on: all but the open front, from one side to the other.

    line  vertex ids; a closed line repeats its first vertex at the end
    places (V, 3) in figure coordinates
    """
    if line[0] == line[-1]:
        _, y, z = places[line[:-1]].T
        line = np.roll(line[:-1], -int(np.argmin(np.where(z > 0.0, y, np.inf))))
    _, y, z = places[line].T
    shut = np.flatnonzero(0.611 - 0.40 * (z + 0.02) - y < _OPEN)
    return line[shut[0] : shut[-1] + 1] if len(shut) > 8 else line


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
    wearer: Wearer, rows: list[Floats], values: Floats, color: Color, shade: list[float], *, wrap: bool,
    flip: bool = False, edged: bool = True, uv: Floats | None = None,
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
        uv=uv,
        two_sided=True,
    )


@dataclass(frozen=True)
class _Line:
    """A neckline of P points from one end of the collar to the other, camera frame.

    edge, out   (P, 3) points, and unit vectors away from the neck, across its `axis` (3,)
    towards     (P, 3) unit vectors along the line to the nearer end
    off_end     (P,) metres along the line from that end
    front       (P,) 1 at the throat, 0 from the sides of the neck on
    """

    edge: Floats
    out: Floats
    axis: Floats
    towards: Floats
    off_end: Floats
    front: Floats


def _line(values: Floats, axis: Floats) -> _Line:
    """The neckline through rows of attributes (P, COLUMNS)."""
    edge = values[:, BASE] + values[:, NORMAL] * values[:, OFFSET : OFFSET + 1]
    out = unit(values[:, NORMAL])
    out = unit(_smoothed(out - 0.7 * (out @ axis)[:, None] * axis))
    steps = np.linalg.norm(np.diff(edge, axis=0), axis=1)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    ahead = unit(np.gradient(edge, axis=0).astype(np.float32))
    towards = ahead * np.where(way < way[-1] / 2, -1.0, 1.0)[:, None]
    front = np.clip((values[:, FIGURE][:, 2] - 0.02) / 0.05, 0.0, 1.0)
    return _Line(edge, out, axis, towards, np.minimum(way, way[-1] - way), front)


def _fall(
    wearer: Wearer, neck: Neck, cloth: Neck, values: Floats, axis: Floats, size: float
) -> Surface:
    """A stand along the neck, and a leaf that folds over it and runs out in points at the throat."""
    line = _line(values, axis)
    worn_over = wearer.look.clothes.kind == "jacket"
    stand = _stand(line, neck, (0.0075 if worn_over else 0.0035) * size, size)
    rows = stand + _leaf(line, cloth, stand[-1], size)
    shade = [0.4, 0.65, 0.85, 0.92, 0.95, 0.95, 0.95]
    seamed = wearer.detail > _STITCHED_FROM
    if seamed:  # sewn along the edge: a fine dark line, half a centimetre inside it
        middle, end = rows[-2], rows[-1]
        wide = np.maximum(np.linalg.norm(end - middle, axis=1), 1e-6)[:, None]
        inside = [np.clip(1.0 - away * size / wide, 0.05, 0.97) for away in _FURROW]
        rows[-1:] = [*(middle + share * (end - middle) for share in inside), end]
        shade += [0.95, 0.72, 0.95]
    # The edge runs out onto the garment where that is near: a slit under it, narrower than a pixel, would be dashes.
    brink = rows[-1] + unit(rows[-1] - rows[-2]) * 0.003 * size
    down = cloth.settle(brink, 0.0)
    far = np.maximum(np.linalg.norm(down, axis=1) / (_BRINK * size), 1.0)
    rows.append(brink + down / far[:, None])
    shade += [0.92, 0.6]
    rows = _closed_ends(rows)
    values = np.concatenate([values[:1], values, values[-1:]])
    look = wearer.look.clothes
    uv = _grain(rows) if look.pattern != "plain" else None
    return _strip(wearer, rows, values, look.color, shade, wrap=False, flip=True, uv=uv)


def _stand(line: _Line, neck: Neck, gap: float, size: float) -> list[Floats]:
    """Rows from inside the neckline up along the neck, `gap` metres off it, to the fold; lower towards the open front."""
    end = np.clip(line.off_end / (0.05 * size), 0.0, 1.0)
    height = ((0.016 + 0.012 * end) * size)[:, None]
    top = line.edge + line.axis * height - line.out * 0.003 * size
    rows = [line.edge - line.axis * 0.004 * size - line.out * 0.002 * size]
    for row in (0.5 * (line.edge + top) - line.out * 0.001 * size, top):
        lift = neck.settle(row, gap)
        lift -= (
            0.8 * (lift @ line.axis)[:, None] * line.axis
        )  # out, hardly up: the fold stays level
        # Off the skin everywhere; against it at the nape: an open front stands free.
        free = np.where((lift * line.out).sum(axis=1) < 0.0, 0.6 * line.front, 0.0)
        rows.append(row + _smoothed((lift * (1.0 - free)[:, None]).astype(np.float32)))
    return rows


def _smoothed(shift: Floats) -> Floats:
    """Shifts (P, 3) along a line without kinks: cloth is stiffer than the skin's mesh is fine."""
    for _ in range(_SMOOTHINGS):
        shift[1:-1] = 0.25 * (shift[:-2] + shift[2:]) + 0.5 * shift[1:-1]
    return shift


def _leaf(line: _Line, cloth: Neck, top: Floats, size: float) -> list[Floats]:
    """Rows from the fold, which is round, down to the edge, which lies on the garment."""
    over = top + (line.axis * 0.0022 + line.out * 0.0022) * size
    down = top + (line.out * 0.0048 - line.axis * 0.0008) * size
    corner = np.exp(-line.off_end / (0.022 * size))[:, None]
    front = line.front[:, None]
    end = (
        line.edge
        - line.axis * (0.015 + 0.010 * front + 0.012 * corner) * size
        + line.out * (0.012 + 0.008 * front) * size
        + line.towards * 0.012 * corner * size
    )
    end += _onto(cloth, end, line.out, 0.0040 * size, 0.008 * size)
    rows = [over, down]
    for share in (0.38, 0.72):
        row = down + share * (end - down) + line.out * (0.014 * share * (1.0 - share) * size)
        rows.append(row + _onto(cloth, row, line.out, 0.0050 * size, 0.0))
    return [*rows, end]


def _onto(cloth: Neck, row: Floats, out: Floats, gap: float, reach: float) -> Floats:
    """Shift (P, 3) of points to `gap` off the garment: out of it all the way, down to it by at most `reach`."""
    lift = cloth.settle(row, gap)
    length = np.linalg.norm(lift, axis=1)
    inwards = (lift * out).sum(axis=1) < 0.0
    share = np.where(inwards, np.minimum(1.0, reach / np.maximum(length, 1e-6)), 1.0)
    return _smoothed((lift * share[:, None]).astype(np.float32))


def _closed_ends(rows: list[Floats]) -> list[Floats]:
    """Rows of stand and leaf, joined to each other at both ends: one would look through between them."""
    below = [0, 1, 2, 2, 2, 1, *[0] * (len(rows) - 6)]  # the row of the stand that lies behind
    return [
        np.concatenate([rows[k][:1], row, rows[k][-1:]]) for row, k in zip(rows, below, strict=True)
    ]


def _grain(rows: list[Floats]) -> Floats:
    """Texture coordinates in metres: along a collar from the nape, and across it."""
    points = np.stack(rows)
    fold = points[2]
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(fold, axis=0), axis=1))])
    steps = np.linalg.norm(np.diff(points, axis=0), axis=2).mean(axis=1)
    across = np.concatenate([[0.0], np.cumsum(steps)])
    u, v = np.broadcast_arrays(np.abs(way - way[-1] / 2), across[:, None])
    return np.stack([u, v], axis=2).reshape(-1, 2).astype(np.float32)


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
    trim = Trim(look.color, hem=0.0, patterned=look.pattern != "plain")
    outer = sew(cloth, trim, wearer, closed=("hood",))
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
    # It begins under the cloth: end to end, gaps would open between edges that differ in detail.
    start = (top - (0.006 * inward + 0.004 * axis) * size).astype(np.float32)
    lining = [top + 0.42 * wide * step for step in roll]
    lining += [0.45 * lining[-1] + 0.55 * inner, inner - axis * 0.006 * size]
    shade = [0.95, 0.95, 0.95, 0.9, 0.8, 0.6, 0.45]
    return [outer, _strip(wearer, [start, *lining], values, look.color, shade, wrap=True)]


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
