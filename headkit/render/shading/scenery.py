"""What places are painted with: sky, trees, plants, windows, shelves, lamps out of focus."""

from __future__ import annotations

import numpy as np

from headkit.render.shading.canvas import Canvas, gray


def dim(canvas: Canvas) -> float:
    """How bright things outdoors are."""
    return 0.08 if canvas.night else 1.0


def sky(canvas: Canvas) -> None:
    """Blue, with clouds; or dark."""
    if canvas.night:
        canvas.fill(gray(0.012, (0.8, 0.9, 1.5)), gray(0.03, (1.2, 1.0, 0.9)))
        return
    blue = canvas.uniform(0.0, 1.0)
    top = gray(0.75, (1 - 0.45 * blue, 1 - 0.18 * blue, 1 + 0.15 * blue))
    canvas.fill(top, gray(0.95, (1.0, 1.0, 0.98)), 0.7)
    clouds = np.clip(0.5 * canvas.cloud(5) + 0.1, 0, 1) * (1.0 - canvas.y)
    canvas.cover(0.7 * clouds, gray(1.05))


def trees(canvas: Canvas, horizon: float, top: float, height: float) -> None:
    """A line of crowns, in two layers."""
    for layer, value in ((0, 0.16), (1, 0.09)):
        edge = top + 0.12 * layer + height * canvas.cloud(5)[:1]
        leaves = (canvas.y > edge + 0.05 * canvas.cloud(20)) & (canvas.y < horizon)
        color = dim(canvas) * canvas.color(value, 0.08) * (0.8, 1.05, 0.45)
        shade = np.clip(1.0 + 0.3 * canvas.cloud(15), 0.4, 2.0)[..., None]
        canvas.pixels = np.where(leaves[..., None], color * shade, canvas.pixels)


def plant(canvas: Canvas, x: float, y: float, size: float) -> None:
    """Leaves about a place, in heights of the canvas: discs, many and small ones where they are seen sharply."""
    count, leaf, share = (60, 0.22, 0.9) if canvas.sharp else (14, 0.4, 0.8)
    for _ in range(count):
        color = dim(canvas) * canvas.color(0.11, 0.12) * (0.75, 1.1, 0.5)
        across, up = (size * canvas.rng.uniform(-1, 1, 2)).tolist()
        if canvas.sharp:  # round, and denser inside
            turn, away = np.pi * across / size, 0.5 * abs(up) + 0.5 * size * canvas.uniform(0, 1)
            across, up = away * np.cos(turn), away * np.sin(turn)
        canvas.disc(x + across / canvas.aspect, y + up, leaf * size, color, share)


def window(canvas: Canvas, x: float, y: float, wide: float, high: float) -> None:
    """Seen from inside."""
    bright = gray(0.02, (0.7, 0.8, 1.3)) if canvas.night else canvas.color(1.3, 0.05)
    canvas.box(x, y, x + wide, y + high, bright)
    if not canvas.night:
        canvas.box(
            x, y + 0.7 * high, x + wide, y + high, canvas.color(0.45, 0.1) * (0.85, 1.0, 0.7)
        )
    for k in range(4):
        canvas.box(
            x + k * wide / 3 - 0.008, y, x + k * wide / 3 + 0.008, y + high, canvas.color(0.3, 0.04)
        )


def shelves(canvas: Canvas, x: float, wide: float) -> None:
    """Full of books."""
    rows = canvas.rng.integers(3, 6)
    canvas.box(x, 0.05, x + wide, 0.75, canvas.color(0.1, 0.1) * (1.2, 1.0, 0.8))
    for row in range(rows):
        bottom = 0.05 + 0.7 * (row + 1) / rows
        book = x + 0.012
        while book < x + wide - 0.02:
            thick = canvas.uniform(0.01, 0.03)
            canvas.box(
                book,
                bottom - canvas.uniform(0.06, 0.6 / rows),
                book + thick,
                bottom - 0.012,
                canvas.color(canvas.uniform(0.04, 0.4), 0.3),
            )
            book += thick


def bokeh(canvas: Canvas, horizon: float, count: int) -> None:
    """Lamps out of focus."""
    tints = ((1.3, 1.0, 0.55), (1.3, 0.75, 0.4), (1.0, 1.0, 1.0), (1.4, 0.4, 0.3), (0.5, 1.1, 0.7))
    radius = canvas.uniform(0.012, 0.035) * (0.3 if canvas.sharp else 1.0)
    for _ in range(count):
        tint = tints[int(canvas.rng.choice(5, p=[0.35, 0.25, 0.2, 0.12, 0.08]))]
        x, y = canvas.uniform(0, 1), horizon + canvas.rng.normal(-0.15, 0.14)
        canvas.disc(
            x,
            float(y),
            radius * canvas.uniform(0.7, 1.3),
            gray(canvas.uniform(0.4, 1.4), tint),
            canvas.uniform(0.3, 0.8),
        )
