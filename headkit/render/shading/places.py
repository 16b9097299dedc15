"""Places to stand in front of, painted on a Canvas as layers of flat shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from headkit.render.shading.canvas import Canvas, gray
from headkit.render.shading.scenery import bokeh, dim, plant, shelves, sky, trees, window
from headkit.render.shading.street import street


def _plain(canvas: Canvas) -> None:
    """Paper or cloth of a studio."""
    value = float(canvas.rng.choice([0.04, 0.12, 0.25, 0.45, 0.8], p=[0.12, 0.2, 0.25, 0.25, 0.18]))
    color = canvas.color(value, 0.10)
    canvas.fill(color, color)
    glow = canvas.uniform(0.0, 0.6)
    canvas.shine(
        canvas.uniform(0.2, 0.8), canvas.uniform(0.2, 0.7), canvas.uniform(0.4, 0.9), glow * color
    )
    canvas.pixels *= (1.0 + 0.02 * canvas.cloud(3))[..., None]
    bend = np.clip(
        (canvas.y - canvas.floor_or(1.2, 1.3)) / 0.12, 0.0, 1.0
    )  # the sweep to the floor
    canvas.pixels *= (1.0 + canvas.uniform(-0.15, 0.2) * bend * np.ones_like(canvas.x))[..., None]


def _wall(canvas: Canvas) -> None:
    """A painted wall, lit from one side, with something on or beside it."""
    color = canvas.color(canvas.uniform(0.18, 0.55), 0.11)
    canvas.fill(color, 0.85 * color)
    slope = canvas.uniform(-0.5, 0.5)
    canvas.pixels *= (1.0 + slope * (canvas.x - 0.5) + 0.03 * canvas.cloud(4))[..., None]
    kind = canvas.rng.integers(5)
    x = canvas.uniform(0.02, 0.85)
    if kind == 0:  # a picture
        wide, high, top = (
            canvas.uniform(0.12, 0.3),
            canvas.uniform(0.15, 0.35),
            canvas.uniform(0.03, 0.2),
        )
        canvas.box(x, top, x + wide, top + high, canvas.color(0.06))
        canvas.box(
            x + 0.012, top + 0.012, x + wide - 0.012, top + high - 0.012, canvas.color(0.4, 0.2)
        )
    elif kind == 1:  # a door frame
        canvas.box(x, 0.0, x + 0.3, 1.0, 0.6 * color)
        canvas.box(x, 0.0, x + 0.025, 1.0, canvas.color(0.6, 0.04))
    elif kind == 2:  # the corner of the room
        canvas.box(x, 0.0, 1.0, 1.0, 0.7 * color)
    elif kind == 3:  # bricks
        rows = canvas.uniform(14, 26)
        joint = (canvas.y * rows) % 1.0 < 0.14
        shift = 0.5 * (np.floor(canvas.y * rows) % 2)
        joint = joint | (((canvas.x * rows * canvas.aspect / 2.6 + shift) % 1.0) < 0.06)
        canvas.pixels *= (1.0 - 0.16 * joint + 0.05 * canvas.cloud(18))[..., None]
    floor = canvas.floor_or(1.2, 1.3)
    canvas.box(0, floor - 0.02, 1, floor, canvas.color(0.5, 0.05))  # the skirting board
    canvas.box(0, floor, 1, 1, canvas.color(canvas.uniform(0.08, 0.3), 0.1) * (1.1, 1.0, 0.85))


def _room(canvas: Canvas) -> None:
    """A living room: floor, window or lamp, furniture, shelves, a plant."""
    wall = canvas.color(canvas.uniform(0.2, 0.5), 0.09)
    canvas.fill(wall, 0.85 * wall)
    canvas.pixels *= (1.0 + 0.35 * canvas.uniform(-1, 1) * (canvas.x - 0.5))[..., None]
    floor = canvas.floor_or(0.66, 0.85)
    if canvas.rng.random() < 0.55:
        window(
            canvas,
            canvas.uniform(-0.1, 0.8),
            0.05,
            canvas.uniform(0.2, 0.34),
            canvas.uniform(0.35, 0.55),
        )
    if canvas.rng.random() < 0.6:
        shelves(canvas, canvas.uniform(-0.1, 0.75), canvas.uniform(0.2, 0.4))
    canvas.box(0, floor, 1, 1, canvas.color(0.12, 0.1) * (1.2, 1.0, 0.8))
    for _ in range(canvas.rng.integers(1, 4)):  # sofa, cupboard, table
        x, top = canvas.uniform(-0.2, 0.85), floor - canvas.uniform(0.05, 0.28)
        canvas.box(
            x,
            top,
            x + canvas.uniform(0.15, 0.5),
            floor + 0.08,
            canvas.color(canvas.uniform(0.04, 0.3), 0.16),
        )
    if canvas.rng.random() < 0.5:
        plant(canvas, canvas.uniform(0, 1), floor - 0.15, canvas.uniform(0.08, 0.2))
    if canvas.rng.random() < 0.6:
        lamp = gray(1.2, (1.25, 1.0, 0.65))
        x, y = canvas.uniform(0, 1), canvas.uniform(0.15, 0.5)
        canvas.disc(x, y, 0.035, 1.6 * lamp)
        canvas.shine(x, y, 0.2, 0.35 * lamp)


def _office(canvas: Canvas) -> None:
    """Strips of light above, glass at the side, desks and screens below."""
    floor = canvas.floor_or(0.72, 0.8)
    canvas.fill(canvas.color(0.5, 0.05), canvas.color(0.28, 0.06))
    for k in range(canvas.rng.integers(2, 5)):
        y = 0.02 + 0.075 * k + canvas.uniform(0, 0.02)
        x = canvas.uniform(-0.1, 0.6)
        canvas.box(x, y, x + canvas.uniform(0.25, 0.5), y + 0.022, gray(1.6, (1.0, 1.0, 0.96)))
    if canvas.rng.random() < 0.6:
        window(
            canvas,
            canvas.uniform(-0.1, 0.6),
            0.18,
            canvas.uniform(0.3, 0.6),
            canvas.uniform(0.3, 0.45),
        )
    for _ in range(canvas.rng.integers(2, 6)):
        x, top = canvas.uniform(-0.1, 0.95), floor - canvas.uniform(0.06, 0.24)
        canvas.box(
            x,
            top,
            x + canvas.uniform(0.08, 0.16),
            top + canvas.uniform(0.07, 0.12),
            canvas.color(0.03, 0.1),
        )
    canvas.box(0, floor, 1, 1, canvas.color(canvas.uniform(0.12, 0.4), 0.08))
    if canvas.rng.random() < 0.5:
        plant(canvas, canvas.uniform(0, 1), floor - 0.14, canvas.uniform(0.07, 0.14))


def _park(canvas: Canvas) -> None:
    """Grass, a path, trees against the sky."""
    sky(canvas)
    horizon = canvas.horizon_or(0.5, 0.65)
    trees(canvas, horizon, horizon - canvas.uniform(0.2, 0.6), canvas.uniform(0.06, 0.15))
    canvas.box(0, horizon, 1, 1, dim(canvas) * canvas.color(0.22, 0.08) * (0.85, 1.05, 0.42))
    if canvas.rng.random() < 0.5:
        x = canvas.uniform(0.1, 0.9)
        path = np.abs(canvas.x - x) < 0.04 + 0.5 * np.maximum(canvas.y - horizon, 0)
        canvas.cover(0.8 * (path & (canvas.y > horizon)), dim(canvas) * canvas.color(0.35, 0.05))
    canvas.pixels *= (1.0 + 0.07 * canvas.cloud(16))[..., None]


def _forest(canvas: Canvas) -> None:
    """Trunks, leaves, light through gaps."""
    canvas.fill(
        dim(canvas) * gray(0.22, (0.8, 1.05, 0.5)), dim(canvas) * gray(0.10, (1.0, 1.0, 0.6))
    )
    horizon = canvas.horizon_or(0.6, 0.8)
    canvas.box(0, horizon, 1, 1, dim(canvas) * canvas.color(0.10, 0.08) * (1.1, 1.0, 0.6))
    gaps = np.clip(canvas.cloud(9) - 0.4 - canvas.y, 0, 2)
    canvas.pixels += gaps[..., None] * dim(canvas) * gray(0.45, (0.95, 1.05, 0.75))
    for _ in range(canvas.rng.integers(4, 10)):
        x, wide = canvas.uniform(0, 1), canvas.uniform(0.012, 0.06)
        canvas.box(
            x,
            0,
            x + wide,
            horizon + canvas.uniform(0.0, 0.12),
            dim(canvas) * canvas.color(0.05, 0.1) * (1.2, 1.0, 0.8),
        )
    canvas.pixels *= (1.0 + 0.18 * canvas.cloud(22))[..., None].clip(0.4, 2.0)


def _beach(canvas: Canvas) -> None:
    """Sky, sea, sand."""
    sky(canvas)
    horizon = canvas.horizon_or(0.4, 0.52)
    shore = horizon + max(0.3, 1.0 - horizon) * canvas.uniform(0.2, 0.4)
    canvas.box(0, horizon, 1, 1, dim(canvas) * canvas.color(0.28, 0.06) * (0.6, 0.95, 1.15))
    line = shore + 0.012 * np.sin(canvas.x * canvas.uniform(6, 14)) + 0.0 * canvas.y
    canvas.cover((np.abs(canvas.y - line) < 0.012).astype(float), dim(canvas) * gray(0.75))
    canvas.cover(
        (canvas.y > line + 0.01).astype(float),
        dim(canvas) * canvas.color(0.5, 0.04) * (1.15, 1.0, 0.78),
    )


def _field(canvas: Canvas) -> None:
    """Hills far away, grass or wheat."""
    sky(canvas)
    horizon = canvas.horizon_or(0.48, 0.6)
    hills = horizon - 0.05 - 0.035 * np.sin(canvas.x * canvas.uniform(3, 8) + canvas.uniform(0, 6))
    canvas.cover(
        (canvas.y > hills).astype(float), dim(canvas) * canvas.color(0.24, 0.05) * (0.8, 0.98, 1.0)
    )
    tint = (1.2, 1.0, 0.5) if canvas.rng.random() < 0.4 else (0.8, 1.05, 0.45)
    ground = dim(canvas) * canvas.color(0.27, 0.06) * tint
    canvas.cover(np.broadcast_to(canvas.y > horizon, canvas.pixels.shape[:2]).astype(float), ground)
    canvas.pixels *= (1.0 + 0.06 * canvas.cloud(14))[..., None]


def _stage(canvas: Canvas) -> None:
    """Darkness with coloured lamps."""
    canvas.fill(gray(0.012), gray(0.03))
    canvas.box(0, canvas.floor_or(0.8, 0.95), 1, 1, canvas.color(0.05, 0.1))
    for _ in range(canvas.rng.integers(2, 5)):
        glow = canvas.color(canvas.uniform(0.1, 0.3), 0.7)
        canvas.shine(canvas.uniform(0, 1), canvas.uniform(0, 0.6), canvas.uniform(0.2, 0.5), glow)
    bokeh(canvas, 0.6, int(canvas.rng.integers(3, 12)))


PLACES: Final[dict[str, Callable[[Canvas], None]]] = {
    "plain": _plain,
    "wall": _wall,
    "room": _room,
    "office": _office,
    "street": street,
    "park": _park,
    "forest": _forest,
    "beach": _beach,
    "field": _field,
    "stage": _stage,
}
