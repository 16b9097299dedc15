"""Hats, caps, beanies and headscarves, built on the scalp grid.

The lower edge of a hat lies in a plane about the head; hair above it is tucked in (brim()). Everything is
built in the rest frame of the head and moved with it; only a headscarf's neck is cut from the suit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from headkit.render.surface import RIB, Material, Part, Surface
from headkit.render.wardrobe.drape import wobble
from headkit.render.wardrobe.scalp import COLUMNS, ROWS, Scalp, sample
from headkit.render.wardrobe.tailoring import Floats, grid_faces, unit, vertex_normals
from headkit.render.wardrobe.tubes import Shape, joined, sheet, tube
from headkit.render.wardrobe.wearer import Wearer

# Height of the edge above the eyes at the middle of the head, and how much higher it is per metre forward.
_EDGE: dict[str, tuple[float, float]] = {
    "hat": (0.030, 0.20),
    "cap": (0.030, 0.26),
    "beanie": (0.012, 0.30),
}
_THICK_HAIR = {"curly": 0.010, "afro": 0.012, "long": 0.005, "bob": 0.005, "buzz": 0.0, "bald": 0.0}
_LEVELS = 13
_TAPED, _STITCHED = (
    60,
    170,
)  # pixels of a head from which a cap's seams, and its sweatband's, are wide enough to show

Color = tuple[float, float, float]


def brim(scalp: Scalp, wearer: Wearer) -> Floats | None:
    """Height (ROWS, COLUMNS) of the scalp above the edge of what is worn, head coordinates; None without."""
    look = wearer.look.headwear
    if look.kind not in _EDGE:
        return None
    height, slope = _EDGE[look.kind]
    pitch, roll = np.radians(look.tilt)
    x, y, z = scalp.grid.template.T
    edge = height + (slope - np.tan(pitch)) * z - 0.6 * np.tan(roll) * x
    return (y - edge).reshape(ROWS, COLUMNS).astype(np.float32)


def headwear(scalp: Scalp, wearer: Wearer) -> list[Surface]:
    """What is worn on the head, camera frame; a headscarf is made by scarf.py."""
    build: dict[str, Callable[[Scalp, Wearer], list[Surface]]] = {
        "hat": _hat,
        "cap": _cap,
        "beanie": _beanie,
    }
    kind = wearer.look.headwear.kind
    return build[kind](scalp, wearer) if kind in build else []


class Crown:
    """Rings about the head above the edge: a grid (levels, COLUMNS, 3) from the edge (level 0) to the top."""

    def __init__(self, scalp: Scalp, wearer: Wearer, levels: int = _LEVELS) -> None:
        above = brim(scalp, wearer)
        assert above is not None
        rows = np.array([_crossing(above[:, column]) for column in range(COLUMNS)], np.float32)
        for _ in range(3):
            rows = 0.25 * np.roll(rows, 1) + 0.5 * rows + 0.25 * np.roll(rows, -1)
        share = np.linspace(1.0, 0.0, levels)[:, None] * np.ones((1, COLUMNS))
        row = (share * rows[None]).ravel().astype(np.float32)
        column = np.tile(np.arange(COLUMNS, dtype=np.float32), levels)
        self.points = sample(scalp.points, row, column).reshape(levels, COLUMNS, 3)
        self.normals = unit(sample(scalp.normals, row, column)).reshape(levels, COLUMNS, 3)
        self.size = scalp.scale
        self.middle = self.points[0].mean(axis=0)
        across = np.linalg.svd(self.points[0] - self.middle, full_matrices=False)[2]
        self.up = across[2] * np.sign(across[2][1])
        ahead = np.array([0.0, 0.0, 1.0]) - self.up[2] * self.up
        self.ahead = ahead / np.linalg.norm(ahead)
        self.out = unit(
            self.points[0]
            - self.middle
            - ((self.points[0] - self.middle) @ self.up)[:, None] * self.up
        )
        self.hair = 0.004 + _THICK_HAIR.get(wearer.look.hair.style, 0.003)
        self.azimuth = np.arange(COLUMNS) * (2 * np.pi / COLUMNS)


def _crossing(above: Floats) -> float:
    """The fractional row at which a column of the grid meets the edge."""
    row = int(np.argmax(above < 0))
    if row == 0:
        return float(ROWS - 2)
    share = above[row - 1] / max(above[row - 1] - above[row], 1e-6)
    return float(row - 1 + share)


def _beanie(scalp: Scalp, wearer: Wearer) -> list[Surface]:
    """A knitted cap with a turned-up cuff and a soft top."""
    crown, look = Crown(scalp, wearer), wearer.look.headwear
    rng = wearer.rng("beanie")
    slouch = rng.uniform(0.004, 0.030)
    level = np.linspace(0.0, 1.0, len(crown.points))[:, None, None]
    ribs = 0.0009 * np.cos(crown.azimuth * 16)[None, :, None]
    bumps = wobble(crown.points.reshape(-1, 3), 22.0, wearer.look.seed).reshape(
        *crown.points.shape[:2], 1
    )
    offset = (crown.hair + 0.003 + ribs + 0.0025 * bumps * level) * crown.size
    dome = crown.points + crown.normals * offset
    dome = (
        dome
        + (slouch * level**2 * crown.size) * crown.up
        - (0.5 * slouch * level**2 * crown.size) * crown.ahead
    )
    turned = _LEVELS // 3 + 1
    thick = crown.hair + 0.0085 + ribs + 0.0012 * bumps[:turned]
    cuff = crown.points[:turned] + crown.normals[:turned] * (thick * crown.size)
    inner = crown.points[:1] - crown.normals[:1] * 0.001
    round_edge = cuff[:1] - (0.003 * crown.normals[:1] + 0.0018 * crown.up) * crown.size
    cuff = np.concatenate([inner, round_edge, cuff, dome[turned - 1 : turned]])
    surfaces = [
        _knitted(wearer, dome, look.color),
        _knitted(wearer, cuff, look.color if rng.random() < 0.6 else look.accent),
    ]
    if rng.random() < 0.3:
        surfaces.append(
            _pompom(dome[-1].mean(axis=0) + crown.up * 0.016 * crown.size, wearer, crown.size)
        )
    return surfaces


def _cap(scalp: Scalp, wearer: Wearer) -> list[Surface]:
    """A baseball cap: a dome of panels, a curved visor, a button."""
    crown, look = Crown(scalp, wearer), wearer.look.headwear
    rng = wearer.rng("cap")
    level = np.linspace(0.0, 1.0, len(crown.points))[:, None, None]
    front = np.clip(np.cos(crown.azimuth), 0.0, 1.0)[None, :, None]
    seams = (
        -0.0008 * np.exp(-((((crown.azimuth * 3 / np.pi) % 1.0) - 0.5) ** 2) * 200)[None, :, None]
    )
    rise = (0.006 + 0.010 * front * (1 - level)) * np.sin(np.pi * np.clip(level * 0.9 + 0.1, 0, 1))
    offset = (crown.hair + 0.003 + rise + seams) * crown.size
    dome = crown.points + crown.normals * offset
    dome = dome + crown.up * (0.006 * level**2 * crown.size)
    edge = crown.points[:1] - crown.normals[:1] * 0.001
    shell = np.concatenate([edge, dome])
    surfaces = [_surface(wearer, _dome(shell), look.color)]
    surfaces.append(
        _surface(
            wearer, _visor(crown, dome[0], rng), look.color if rng.random() < 0.7 else look.accent
        )
    )
    if wearer.detail > _TAPED:
        dark = (look.color[0] * 0.8, look.color[1] * 0.8, look.color[2] * 0.8)
        tapes = _stitches(dome, crown.size, whole=wearer.detail > _STITCHED)
        # Shaded as the dome under them: a glint on every other pixel would read as dots.
        tapes = replace(tapes, normals=unit(tapes.vertices - scalp.center))
        surfaces.append(_surface(wearer, tapes, dark))
    button = _ball(dome[-1].mean(axis=0), 0.007 * crown.size)
    surfaces.append(_surface(wearer, button, look.accent))
    return surfaces


def _stitches(dome: Floats, size: float, *, whole: bool) -> Shape:
    """Tape over the seams between a cap's six panels; where `whole`, the seam of its sweatband too."""
    lines = []
    for panel in range(6):
        column = (panel + 0.5) / 6 * COLUMNS
        low, share = int(column), column % 1.0
        meridian = dome[:, low] * (1 - share) + dome[:, (low + 1) % COLUMNS] * share
        lines.append(tube(meridian.astype(np.float32), 0.0013 * size, sides=5))
    if not whole:
        return joined(lines)
    band = (0.3 * dome[0] + 0.7 * dome[1]).astype(np.float32)
    lines.append(tube(band, 0.0007 * size, sides=4, closed=True))
    return joined(lines)


def _visor(crown: Crown, ring: Floats, rng: np.random.Generator) -> Shape:
    """A curved plate before the forehead."""
    half = np.radians(62.0)
    angle = np.linspace(-half, half, 21)
    column = (angle / (2 * np.pi) * COLUMNS) % COLUMNS
    low = np.floor(column).astype(int)
    share = (column - low)[:, None]
    start = ring[low % COLUMNS] * (1 - share) + ring[(low + 1) % COLUMNS] * share
    start = start - (start - crown.middle) * 0.02
    reach = 0.068 * crown.size * rng.uniform(0.9, 1.08) * np.cos(angle / half * np.pi / 2) ** 0.55
    side = np.cross(crown.up, crown.ahead)
    lateral = (start - crown.middle) @ side
    bend = rng.uniform(1.0, 3.2) / crown.size
    rows = []
    for t in np.linspace(0.0, 1.0, 6):
        point = start + crown.ahead * (reach * t)[:, None]
        drop = 0.20 * reach * t + bend * lateral**2 * min(1.0, t * 1.5 + 0.1)
        rows.append(point - crown.up * drop[:, None])
    return sheet(np.stack(rows).astype(np.float32)[:, ::-1], 0.0025 * crown.size)


def _hat(scalp: Scalp, wearer: Wearer) -> list[Surface]:
    """A felt hat: a crown with a dent, a band, a brim."""
    crown, look = Crown(scalp, wearer), wearer.look.headwear
    rng = wearer.rng("hat")
    size, hair = crown.size, crown.hair
    base = crown.points[0] + crown.out * (hair + 0.002) * size
    top = max(
        0.092 * size,
        float((crown.points[-1].mean(axis=0) - base.mean(axis=0)) @ crown.up) + 0.018 * size,
    ) * rng.uniform(1.0, 1.10)
    taper = rng.uniform(0.10, 0.22)
    middle = base.mean(axis=0)
    side = np.cross(crown.up, crown.ahead)
    rows = []
    soft = 0.008 * size  # radius of the edge between side and top
    inset = soft / float(np.linalg.norm(base - middle, axis=1).mean())
    for t in np.linspace(0.0, 1.0, 6):
        ring = middle + (base - middle) * (1 - taper * t)
        rows.append(ring + crown.up * ((top - soft) * t))
    for angle in (0.55, 1.05, 1.57):
        ring = middle + (base - middle) * (1 - taper - inset * (1 - np.cos(angle)))
        rows.append(ring + crown.up * (top - soft + soft * np.sin(angle)))
    for t in (0.14, 0.28, 0.5, 0.75, 1.0):
        ring = middle + (base - middle) * ((1 - taper - inset) * (1 - t))
        lateral = np.abs((ring - middle) @ side) / (0.07 * size)
        dent = 0.012 * size * min(1.0, t * 2.5) * np.clip(1.1 - lateral, 0.0, 1.0)
        ring = (
            ring + crown.up * (top + 0.001 * size * np.sin(np.pi * min(1.0, 4 * t)) - dent)[:, None]
        )
        rows.append(ring)
    body = np.stack(rows)
    front = np.clip(crown.ahead @ (base - middle).T / (0.09 * size), -1, 1)[None]
    pinch = 0.010 * size * np.exp(-((np.abs(np.abs(crown.azimuth) - 0.5)[None, :]) ** 2) / 0.06)
    level = np.linspace(0, 1, len(rows))[:, None]
    body = (
        body - crown.out[None] * (pinch * (level > 0.2) * level * np.clip(front, 0, 1))[..., None]
    )
    width = rng.uniform(0.048, 0.075) * size
    curl = rng.uniform(0.10, 0.45)
    lateral = ((base - middle) @ side) / (0.08 * size)
    rims = []
    for t in np.linspace(0.0, 1.0, 7):
        rise = width * (curl * t**2 * (lateral**2 - 0.35) - 0.10 * t)
        rims.append(base + crown.out * (width * t) + crown.up * rise[:, None])
    inner = crown.points[0] - crown.out * 0.001
    bandrows = [  # it lies on the crown, which narrows upwards
        middle + (base - middle) * (1 - taper * height * size / (top - soft))
        + crown.out * 0.0012 * size + crown.up * height * size
        for height in (0.001, 0.013, 0.026)
    ]  # fmt: skip
    return [
        _surface(wearer, _dome(body), look.color),
        _surface(
            wearer,
            sheet(np.stack(rims).astype(np.float32)[::-1], 0.0028 * size, wrap=True),
            look.color,
        ),
        _surface(wearer, _closed(np.stack(bandrows)), look.accent),
        _surface(wearer, _closed(np.stack([inner, base])), look.color),
    ]


def _pompom(center: Floats, wearer: Wearer, size: float) -> Surface:
    """A woollen ball."""
    shape = _ball(center, 0.022 * size)
    bumps = 1.0 + 0.12 * wobble(shape.vertices, 260.0, wearer.look.seed)[:, None]
    fuzzy = Shape(
        (center + (shape.vertices - center) * bumps).astype(np.float32), shape.faces, shape.normals
    )
    return _surface(wearer, fuzzy, wearer.look.headwear.accent)


def _ball(center: Floats, radius: float) -> Shape:
    polar = np.linspace(0.0, np.pi, 9)[:, None]
    turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)[None]
    sphere = np.stack(
        np.broadcast_arrays(
            np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)
        ),
        axis=-1,
    )
    return _closed((center + radius * sphere).astype(np.float32)[::-1])


def _dome(rows: Floats) -> Shape:
    """Rings closed at the top by their last ring, which is nearly a point."""
    return _closed(
        np.concatenate([rows, np.repeat(rows[-1:].mean(axis=1, keepdims=True), COLUMNS, axis=1)])
    )


def _closed(rows: Floats) -> Shape:
    """Rings (R, C, 3), from below up, as one skin whose normals point out."""
    count, columns = rows.shape[:2]
    points = rows.reshape(-1, 3).astype(np.float32)
    faces = grid_faces(count, columns, wrap=True, flip=True)
    return Shape(points, faces, vertex_normals(points, faces))


def _knitted(wearer: Wearer, rows: Floats, color: Color) -> Surface:
    """Rings (R, COLUMNS, 3), from below up, as ribbed wool whose ribs run up; closed where they end narrow."""
    step = np.linalg.norm(np.diff(rows, axis=0), axis=2).mean(axis=1)
    height = np.concatenate([[0.0], np.cumsum(step)])
    turn = np.abs((np.arange(COLUMNS) + COLUMNS // 2) % COLUMNS - COLUMNS // 2)
    around = turn * (104 * RIB / COLUMNS)  # even about front and back, so that nothing jumps
    uv = np.stack(np.broadcast_arrays(around, height[:, None]), axis=-1)
    narrow = np.ptp(rows[-1], axis=0).max() < 0.6 * np.ptp(rows[0], axis=0).max()
    if narrow:
        uv = np.concatenate([uv, uv[-1:]])
    made = _surface(wearer, _dome(rows) if narrow else _closed(rows), color)
    return replace(made, material=Material.KNIT, uv=uv.reshape(-1, 2).astype(np.float32))


def _surface(wearer: Wearer, shape: Shape, color: Color) -> Surface:
    """A shape of the rest frame, worn on the head."""
    return Surface(
        material=Material.CLOTH,
        owner=wearer.owner,
        vertices=wearer.place("head", shape.vertices),
        faces=shape.faces,
        normals=wearer.turn("head", shape.normals),
        rest=shape.vertices,
        parts=np.full(len(shape.faces), Part.HEADWEAR, np.uint8),
        occlusion=np.full(len(shape.vertices), 0.9, np.float32),
        color=np.tile(np.asarray(color, np.float32), (len(shape.vertices), 1)),
        two_sided=True,
    )
