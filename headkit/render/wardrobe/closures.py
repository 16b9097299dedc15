"""What closes a shirt: the doubled strip down its front, and buttons on it."""

from __future__ import annotations

import numpy as np

from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe.cut_lines import Figure, minimum
from headkit.render.wardrobe.suit import BASE, FIGURE, NORMAL, OFFSET, Trim, at, sew, with_offset
from headkit.render.wardrobe.tailoring import Floats, Ints, Piece, unit
from headkit.render.wardrobe.wearer import Wearer

_HALF_WIDTH, _THICK = 0.016, 0.0018  # of the strip, metres
_BUTTON, _EVERY, _SIDES = 0.0056, 0.085, 10  # radius and distance of buttons, metres; corners
_CLEAR = 0.016  # metres between the middle of a button and a collar's leaves
_FROM = 60  # heads of fewer pixels wear shirts without buttons

Color = tuple[float, float, float]


def front(body: Figure) -> Floats:
    """Above 0 on the strip down the middle of the front."""
    x, _, z = body.points.T
    return minimum((_HALF_WIDTH - np.abs(x)).astype(np.float32), (z - 0.02).astype(np.float32))


def placket(
    wearer: Wearer, piece: Piece, collar: list[Surface], color: Color, size: float
) -> list[Surface]:
    """The strip over a shirt's front, a little lighter where it stands off, and its buttons below the collar."""
    if wearer.detail < _FROM:
        return []
    strip = piece.cut("placket", front(at(piece)))
    if len(strip.faces) == 0:
        return []
    strip = with_offset(strip, strip.attributes[:, OFFSET] + _THICK * size)
    trim = Trim(color, hem=0.0, patterned=wearer.look.clothes.pattern != "plain")
    rows = strip.attributes[np.unique(strip.faces)]
    leaves = np.concatenate([np.zeros((0, 3), np.float32), *[_dense(part) for part in collar]])
    buttons = _buttons(wearer, rows, leaves, size)
    return [sew(strip, trim, wearer, closed=("placket",)), *buttons]


def _dense(surface: Surface) -> Floats:
    """Points (N, 3) of a surface: its vertices, and the middles of its triangles' edges."""
    corners = surface.vertices[surface.faces]
    middles = 0.5 * (corners + np.roll(corners, 1, axis=1))
    return np.concatenate([surface.vertices, middles.reshape(-1, 3)]).astype(np.float32)


def _places(rows: Floats, leaves: Floats, size: float) -> Ints:
    """Rows of the strip that bear a button: evenly down its middle from the first clear of the collar's leaves."""
    x, y, _ = rows[:, FIGURE].T
    lowest = float(y.min()) + 0.02
    outer = rows[:, BASE] + rows[:, NORMAL] * rows[:, OFFSET : OFFSET + 1]
    for top in np.arange(float(y.max()) - 0.02, lowest, -0.005):
        first = outer[int(np.argmin(np.abs(y - top) + np.abs(x)))]
        if not (np.linalg.norm(leaves - first, axis=1) < _CLEAR * size).any():
            heights = np.arange(top, lowest, -_EVERY / max(size, 0.3))
            places = [int(np.argmin(np.abs(y - height) + np.abs(x))) for height in heights]
            return np.array(places, np.int32)
    return np.zeros(0, np.int32)


def _buttons(wearer: Wearer, rows: Floats, leaves: Floats, size: float) -> list[Surface]:
    """Discs along the middle of the strip's `rows`, below the `leaves` (N, 3) of a collar; all as one surface."""
    chosen = rows[_places(rows, leaves, size)]
    if not len(chosen):
        return []
    normal = unit(chosen[:, NORMAL])
    middle = chosen[:, BASE] + normal * (chosen[:, OFFSET : OFFSET + 1] + 0.0012 * size)
    side = unit(np.cross(normal, np.array([0.31, 0.9, 0.3], np.float32)).astype(np.float32))
    up = np.cross(normal, side)
    turn = 2 * np.pi * np.arange(_SIDES) / _SIDES
    ring = np.cos(turn)[None, :, None] * side[:, None] + np.sin(turn)[None, :, None] * up[:, None]
    radius = _BUTTON * size
    top = middle[:, None] + radius * ring
    rim = top - (normal * 0.0022 * size)[:, None] + 0.12 * radius * ring
    points = np.concatenate([middle[:, None], top, rim], axis=1)
    normals = np.concatenate(
        [normal[:, None], unit((ring + 2.0 * normal[:, None]).astype(np.float32)), ring], axis=1
    )
    a = 1 + np.arange(_SIDES)
    b = 1 + (np.arange(_SIDES) + 1) % _SIDES
    fan = np.stack([np.zeros(_SIDES, np.int64), a, b], axis=1)
    wall = [np.stack([a, a + _SIDES, b], axis=1), np.stack([b, a + _SIDES, b + _SIDES], axis=1)]
    one = np.concatenate([fan, *wall])
    each = 1 + 2 * _SIDES
    faces = (one[None] + each * np.arange(len(middle))[:, None, None]).reshape(-1, 3)
    vertices = points.reshape(-1, 3).astype(np.float32)
    dark = sum(wearer.look.clothes.color) > 0.9  # buttons stand out a little
    color = (0.12, 0.11, 0.10) if dark and wearer.look.seed % 3 == 0 else (0.62, 0.60, 0.55)
    return [
        Surface(
            material=Material.PLASTIC,
            owner=wearer.owner,
            vertices=vertices,
            faces=faces.astype(np.int32),
            normals=unit(normals.reshape(-1, 3).astype(np.float32)),
            rest=vertices,
            parts=np.full(len(faces), Part.CLOTHES, np.uint8),
            occlusion=np.full(len(vertices), 0.9, np.float32),
            color=np.tile(np.asarray(color, np.float32), (len(vertices), 1)),
            two_sided=True,
        )
    ]
