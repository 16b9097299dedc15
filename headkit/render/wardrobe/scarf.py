"""A headscarf: one cloth from the crown about the face, under the chin and down to the shoulders.

Over the head it is the scalp grid with the face cut out; from a ring under the jaw it falls to a ring on
the shoulders, which is cut from the suit, so that it follows head and trunk in any pose.
"""

from __future__ import annotations

import numpy as np

from headkit.render.look import Look
from headkit.render.surface import Part, Surface
from headkit.render.wardrobe import cut_lines, suit
from headkit.render.wardrobe.drape import wobble
from headkit.render.wardrobe.scalp import CENTER, COLUMNS, ROWS, Scalp, radius_towards
from headkit.render.wardrobe.suit import BASE, FIGURE, NORMAL, OFFSET, Trim, at, sew, with_offset
from headkit.render.wardrobe.tailoring import Floats, Piece, grid_faces, unit, vertex_normals
from headkit.render.wardrobe.wearer import Wearer

_HEAD_ROWS = 25  # rows of the scalp grid that the cloth follows
_FALL_ROWS = 9  # from the jaw to the shoulders
_CHEEK = 0.028  # depth in head coordinates behind which all is covered
_JOIN = (
    0.018  # of the neckline's field, where what falls from the head meets the part on the shoulders
)


def scarf(scalp: Scalp, wearer: Wearer) -> list[Surface]:
    """The surfaces of a headscarf in the camera frame; nothing where none is worn."""
    if wearer.look.headwear.kind != "headscarf":
        return []
    trim = Trim(wearer.look.headwear.color, hem=0.003 * scalp.scale, part=Part.HEADWEAR)
    cloth = _shoulders(scalp, wearer)
    height = cut_lines.neckline(at(cloth), "crew", 0.0)
    hood = _hood(scalp, wearer, _ring(cloth.cut("top", height - _JOIN)))
    # Their edges differ in detail: end to end, gaps would open; so one goes on under the other.
    under = np.clip((_JOIN - height) / 0.002, 0.0, 1.0) * 0.0035 * scalp.scale
    cloth = with_offset(cloth, cloth.attributes[:, OFFSET] - under)
    shoulders = cloth.cut("top", height - _JOIN + 0.008)
    return [
        sew(hood, trim, wearer, closed=("face",)),
        sew(shoulders, trim, wearer, closed=("edge",)),
    ]


def face_opening(head: Floats, wide: float = 0.060) -> Floats:
    """Above 0 outside the oval of the face, of points (N, 3) in head coordinates; about metres.

    wide  half the width of the oval
    """
    x, y, z = head.T
    tall = np.where(y > -0.02, 0.078, 0.101)
    oval = np.sqrt((x / wide) ** 2 + ((y + 0.020) / tall) ** 2)
    # However wide the oval: a narrow jaw lies within it as far back as the ear.
    behind = np.minimum(0.6 * (_CHEEK - z), 0.03)
    return np.maximum(np.where(z > 0.0, 0.07 * (oval - 1.0), -1.0), behind).astype(np.float32)


def _wide(look: Look) -> float:
    """Glasses are put on first: the oval leaves their frame free, their temples go under the cloth."""
    return 0.060 if look.glasses.kind == "none" else 0.0655


def _shoulders(scalp: Scalp, wearer: Wearer) -> Piece:
    """The part that lies on the shoulders, over any collar, and goes on up the neck."""
    fitted = suit.fit(wearer, "upper")
    end = 0.050 + 0.05 * float(wearer.rng("scarf end").random())
    body = fitted.mold.body
    folds = wobble(body.points, 30.0, wearer.look.seed)
    to_edge = np.maximum(end - cut_lines.neckline(body, "crew", 0.0), 0.0)
    # It lies down towards its edge, as far as the garment below lets it.
    offset = np.minimum(0.021 + 0.005 * folds, 0.0145 + 0.3 * to_edge)
    piece = fitted.piece((offset * scalp.scale).astype(np.float32))
    return piece.cut("edge", end - cut_lines.neckline(at(piece), "crew", 0.0))


def _ring(shoulders: Piece) -> Floats:
    """The upper edge of the shoulder part (COLUMNS + 1, 3), by azimuth from the front, camera frame."""
    line = max(shoulders.seams["top"], key=len)
    values = shoulders.attributes[line[:-1]]
    azimuth = np.arctan2(values[:, 0], values[:, 2] - 0.02) % (2 * np.pi)
    order = np.argsort(azimuth, kind="stable")
    points = (values[:, BASE] + values[:, NORMAL] * values[:, OFFSET : OFFSET + 1])[order]
    wanted = np.arange(COLUMNS + 1) * (2 * np.pi / COLUMNS)
    columns = [np.interp(wanted, azimuth[order], points[:, k], period=2 * np.pi) for k in range(3)]
    return np.stack(columns, axis=1).astype(np.float32)


def _jaw_ring(scalp: Scalp, wearer: Wearer) -> tuple[Floats, Floats]:
    """A ring under chin, jaw and nape: rest frame and head coordinates, (COLUMNS + 1, 3) each."""
    azimuth = np.arange(COLUMNS + 1) * (2 * np.pi / COLUMNS)
    front = 0.5 + 0.5 * np.cos(azimuth)
    chin = (wearer.landmarks[8] - scalp.center) / scalp.scale + CENTER
    low = min(float(chin[1]), -0.105) - 0.006
    head = np.stack(
        [
            0.071 * np.sin(azimuth),
            -0.092 + (low + 0.092) * front**3,
            np.where(
                np.cos(azimuth) > 0, (chin[2] - 0.006) * np.cos(azimuth), 0.066 * np.cos(azimuth)
            ),
        ],
        axis=1,
    )
    rest = scalp.center + (head - CENTER) * scalp.scale
    out = rest - scalp.center
    distance = np.linalg.norm(out, axis=1, keepdims=True)
    least = radius_towards(scalp, out.astype(np.float32))[:, None] + 0.008 * scalp.scale
    # Outside the skin from the nape to the jaw; under the chin it only passes below.
    beside = np.clip((0.85 - np.cos(azimuth)) / 0.5, 0.0, 1.0)[:, None]
    missing = np.maximum(least - distance, 0.0) * beside * beside * (3.0 - 2.0 * beside)
    rest = rest + out / distance * missing
    return rest.astype(np.float32), head.astype(np.float32)


def _hood(scalp: Scalp, wearer: Wearer, ring: Floats) -> Piece:
    """Cloth over the head, without the face, that falls to `ring` on the shoulders."""
    columns = COLUMNS + 1
    over, head = _over(scalp, wearer)
    jaw, jaw_head = _jaw_ring(scalp, wearer)
    between = 0.5 * (over[-1] + jaw)
    between_head = 0.5 * (head[-1] + jaw_head)
    rest = np.concatenate([over, between[None], jaw[None]])
    posed = wearer.place("head", rest.reshape(-1, 3)).reshape(*rest.shape)
    heads = np.concatenate([head, between_head[None], jaw_head[None]])
    start, before = posed[-1], posed[-2]
    t = np.linspace(0.0, 1.0, _FALL_ROWS + 1)[1:, None, None]
    span = np.linalg.norm(ring - start, axis=1)[:, None]
    leave = unit(start - before) * span * 0.9
    lands = unit(ring - start.mean(axis=0)) * span * 0.8
    fall = (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * leave
        + (3 * t**2 - 2 * t**3) * ring
        + (t**3 - t**2) * lands
    )
    folds = wobble(fall.reshape(-1, 3) * np.array([1.4, 0.8, 1.4]), 26.0, wearer.look.seed)
    outward = unit((fall - fall.mean(axis=1, keepdims=True)).astype(np.float32))
    fall = (
        fall
        + outward * (0.010 * folds.reshape(_FALL_ROWS, columns, 1) * 4 * t * (1 - t)) * scalp.scale
    )
    points = np.concatenate([posed, fall]).astype(np.float32)
    down = np.concatenate([heads, jaw_head[None] - np.array([0.0, 0.08, 0.0]) * t]).astype(
        np.float32
    )
    return _cut_face(points, down, scalp, wearer.look, columns)


def _cut_face(points: Floats, head: Floats, scalp: Scalp, look: Look, columns: int) -> Piece:
    """The grid as cloth with the face cut out."""
    rows = len(points)
    faces = grid_faces(rows, columns)
    flat = np.ascontiguousarray(points.reshape(-1, 3))
    normals = vertex_normals(flat, faces)
    seam = np.arange(rows) * columns
    normals[seam] = normals[seam + columns - 1] = unit(normals[seam] + normals[seam + columns - 1])
    values = np.zeros((len(flat), suit.COLUMNS), np.float32)
    values[:, FIGURE] = head.reshape(-1, 3)
    values[:, BASE] = flat
    values[:, NORMAL] = normals
    values[:, suit.REST] = scalp.grid.absolute(head.reshape(-1, 3))
    values[:, suit.SHADE] = 0.95
    twins = np.stack([seam, seam + columns - 1], axis=1).astype(np.int32)
    piece = Piece(values, faces, {}, twins)
    return piece.cut("face", face_opening(values[:, FIGURE], _wide(look)))


def _over(scalp: Scalp, wearer: Wearer) -> tuple[Floats, Floats]:
    """Cloth over the head (rows, COLUMNS + 1, 3), rest frame, and its head coordinates."""
    size, rng = scalp.scale, wearer.rng("scarf")
    points = np.concatenate([scalp.points, scalp.points[:, :1]], axis=1)[:_HEAD_ROWS]
    out = points - scalp.center
    radius = np.linalg.norm(out, axis=2)
    head = scalp.grid.template.reshape(ROWS, COLUMNS, 3)
    head = np.concatenate([head, head[:, :1]], axis=1)[:_HEAD_ROWS]
    y, z = head[..., 1], head[..., 2]
    full = _bridged(radius)
    # Hair in a knot fills the back of the scarf.
    knot = (
        rng.uniform(0.0, 0.022) * np.exp(-(((y - 0.02) / 0.05) ** 2)) * np.clip(-z / 0.08, 0.0, 1.0)
    )
    folds = wobble((head * np.array([1.0, 0.45, 1.0])).reshape(-1, 3), 38.0, wearer.look.seed)
    fold = 0.005 * folds.reshape(radius.shape) * np.clip((0.10 - y) / 0.1, 0.2, 1.0)
    near = np.clip(
        face_opening(head.reshape(-1, 3), _wide(wearer.look)).reshape(radius.shape), 0.0, 1.0
    )
    ear = 0.012 * np.exp(-(((y - 0.01) / 0.035) ** 2) - ((z + 0.005) / 0.030) ** 2)
    thick = np.minimum(0.0095 + knot + ear + np.maximum(fold, -0.003), 0.0035 + 0.30 * near) * size
    radius = (
        radius + np.minimum(full - radius, near * size) + thick
    )  # drawn to the skin about the face
    shape = scalp.center + unit(out) * radius[..., None]
    return shape.astype(np.float32), head.astype(np.float32)


def _bridged(radius: Floats) -> Floats:
    """The radius with hollows bridged, as cloth would: no less than the mean of its surroundings."""
    wide = radius.copy()
    for _ in range(6):
        around = 0.25 * (np.roll(wide, 1, axis=1) + np.roll(wide, -1, axis=1)) + 0.5 * wide
        around[1:-1] = 0.25 * (around[:-2] + around[2:]) + 0.5 * around[1:-1]
        wide = np.maximum(around, radius)
    return wide


def cover(head: Floats, figure_height: Floats, look: Look) -> Floats:
    """How deep (V,) the body lies under a headscarf: scalp, ears and neck, but not the face. Metres.

    head  (V, 3) head coordinates of the mean human; figure_height (V,) as cut_lines.Figure has it
    """
    hood = np.where(head[:, 1] > -0.09, face_opening(head, _wide(look)), -1.0)
    x, y, z = head.T
    ear = (np.abs(x) > 0.062) & (z < _CHEEK - 0.004) & (y > -0.085)  # beside any opening
    hood = np.where(ear, np.maximum(hood, 0.03), hood)
    wrap = 0.605 - 0.45 * np.maximum(head[:, 2] - 0.01, 0.0) - figure_height
    return np.maximum(hood, np.where(figure_height > 0.55, wrap, -1.0)).astype(np.float32)
