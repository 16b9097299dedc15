"""A street: fronts of houses with rows of windows, shops and signs with letters, vehicles, poles."""

from __future__ import annotations

from typing import Final

import numpy as np

from headkit.render.shading.canvas import Canvas, Color, gray
from headkit.render.shading.scenery import bokeh, plant, sky

# Capitals in three columns of five rows, row by row from the top, the left column first.
_LETTERS: Final = (
    "010101111101101", "110101110101110", "011100100100011", "110101101101110", "111100110100111",
    "111100110100100", "101101111101101", "111010010010111", "100100100100111", "101111111101101",
    "010101101101010", "110101110100100", "110101110110101", "011100010001110", "111010010010010",
    "101101101101111", "101101010101101", "111001010100111",
)  # fmt: skip


def street(canvas: Canvas) -> None:
    """Houses to both sides of a road or one front all along it, vehicles, lamps, signs."""
    sky(canvas)
    horizon = canvas.horizon_or(0.5, 0.62)
    dark = 0.10 if canvas.night else 1.0
    near = canvas.rng.random() < 0.5  # one front all along, close behind the people
    foot = horizon + (canvas.uniform(0.04, 0.16) if near else 0.02)
    x = canvas.uniform(-0.5, -0.05) if near else -0.1
    while x < 1.0:
        wide = canvas.uniform(0.3, 0.9) if near else canvas.uniform(0.1, 0.28)
        high = canvas.uniform(0.9, 1.8) if near else canvas.uniform(0.25, 0.7)
        if not near and abs(x - 0.4) < 0.15:
            high -= 0.2
        _house(canvas, x, foot - high, wide, foot, dark)
        x += wide
    canvas.box(0, foot, 1, 1, dark * canvas.color(0.17, 0.04))
    if near or canvas.rng.random() < 0.4:  # the pavement
        canvas.box(0, foot, 1, foot + canvas.uniform(0.02, 0.08), dark * canvas.color(0.3, 0.04))
    if canvas.rng.random() < 0.5:
        _markings(canvas, foot, dark)
    canvas.pixels *= (1.0 + 0.04 * canvas.cloud(24))[..., None]
    for _ in range(canvas.rng.integers(1, 4)):
        _vehicle(canvas, foot, 1.8 if near else 1.0, dark)
    for _ in range(canvas.rng.integers(0, 4)):
        _pole(canvas, foot, dark)
    if canvas.rng.random() < 0.5:
        plant(canvas, canvas.uniform(0, 1), horizon - 0.25, canvas.uniform(0.12, 0.25))
    lamps = canvas.rng.integers(12, 30) if canvas.night else canvas.rng.integers(0, 6)
    bokeh(canvas, horizon, int(lamps))


def _markings(canvas: Canvas, foot: float, dark: float) -> None:
    """Lines on the road, or a crossing."""
    white = dark * canvas.color(0.5, 0.04)
    y, high = foot + canvas.uniform(0.06, 0.2), canvas.uniform(0.006, 0.03)
    step = canvas.uniform(0.05, 0.2)
    for k in range(int(1 / step) + 1):
        canvas.box(k * step, y, (k + canvas.uniform(0.4, 0.6)) * step, y + high, white)


def _house(canvas: Canvas, x: float, top: float, wide: float, foot: float, dark: float) -> None:
    """A front with windows in rows, some lit at night, and at times a shop."""
    wall = dark * canvas.color(canvas.uniform(0.12, 0.5), 0.11)
    canvas.box(x, top, x + wide, foot, wall)
    storey = canvas.uniform(0.09, 0.16) * (1.6 if wide > 0.3 else 0.7)
    pitch = storey * canvas.uniform(0.6, 1.1) / canvas.aspect
    size = canvas.uniform(0.4, 0.65), canvas.uniform(0.45, 0.7)
    frame = dark * canvas.color(canvas.uniform(0.05, 0.7), 0.06)
    bar = 0.5 if canvas.rng.random() < 0.6 else 0.0
    shop = canvas.rng.random() < 0.5
    y = foot - storey * (1.25 if shop else 1.0)
    while y + storey > max(top, 0.0):
        if y > top:
            _row(canvas, (x, y, wide, storey), pitch, size, frame, bar, dark)
        y -= storey
    if canvas.rng.random() < 0.4:  # a cornice
        canvas.box(x, top, x + wide, top + 0.1 * storey, 0.7 * wall)
    if shop:
        _shop(canvas, x, wide, foot, storey, dark)


def _row(
    canvas: Canvas,
    storey: tuple[float, float, float, float],
    pitch: float,
    size: tuple[float, float],
    frame: Color,
    bar: float,
    dark: float,
) -> None:
    """The windows of a storey (x, y, width, height); size is that of a window as shares of pitch and height; bar is half of its middle bar."""
    x, y, wide, high = storey
    glass_wide, glass_high = size[0] * pitch, size[1] * high
    top = y + 0.25 * high
    for k in range(int(wide / pitch)):
        left = x + (k + 0.5) * pitch - 0.5 * glass_wide
        lit = canvas.night and canvas.rng.random() < 0.35
        glass = (
            gray(0.6, (1.3, 1.0, 0.6))
            if lit
            else dark * canvas.color(canvas.uniform(0.05, 0.14), 0.13)
        )
        edge = 0.08 * glass_wide
        canvas.box(
            left - edge, top - edge, left + glass_wide + edge, top + glass_high + edge, frame
        )
        canvas.box(left, top, left + glass_wide, top + glass_high, glass)
        middle = left + 0.5 * glass_wide
        canvas.box(middle - bar * edge, top, middle + bar * edge, top + glass_high, frame)


def _shop(canvas: Canvas, x: float, wide: float, foot: float, storey: float, dark: float) -> None:
    """A large window, a door, and a board with letters above."""
    lit = 1.0 if not canvas.night else 4.0
    top = foot - 0.85 * storey
    canvas.box(
        x + 0.06 * wide,
        top,
        x + 0.7 * wide,
        foot - 0.1 * storey,
        lit * dark * canvas.color(0.14, 0.3),
    )
    canvas.box(x + 0.76 * wide, top, x + 0.92 * wide, foot, dark * canvas.color(0.08, 0.2))
    for _ in range(canvas.rng.integers(0, 5)):  # what is in the window
        left = x + canvas.uniform(0.08, 0.6) * wide
        goods = lit * dark * canvas.color(canvas.uniform(0.05, 0.5), 0.4)
        bottom = foot - 0.12 * storey
        if canvas.rng.random() < 0.4:
            radius = canvas.uniform(0.05, 0.15) * storey
            canvas.disc(left, bottom - radius, radius, goods)
        else:
            right = left + canvas.uniform(0.03, 0.12) * wide
            canvas.box(left, bottom - canvas.uniform(0.1, 0.5) * storey, right, bottom, goods)
    _board(canvas, x + 0.04 * wide, top - 0.3 * storey, 0.9 * wide, 0.24 * storey, lit * dark)


def _board(canvas: Canvas, x: float, y: float, wide: float, high: float, light: float) -> None:
    """A sign: letters on a board."""
    ground, ink = canvas.uniform(0.02, 0.15), canvas.uniform(0.5, 0.9)
    if canvas.rng.random() < 0.5:
        ground, ink = ink, ground
    canvas.box(x, y, x + wide, y + high, light * canvas.color(ground, 0.35))
    color = light * canvas.color(ink, 0.2)
    cell = 0.14 * high
    across = cell / canvas.aspect
    room = int((wide - 4 * across) / (4 * across))
    count = min(room, int(canvas.rng.integers(3, 12)))
    left = x + 0.5 * (wide - (4 * count - 1) * across)
    for k in range(max(count, 0)):
        letter = _LETTERS[int(canvas.rng.integers(len(_LETTERS)))]
        for n in np.flatnonzero([part == "1" for part in letter]).tolist():
            u, v = left + (4 * k + n % 3) * across, y + 0.15 * high + (n // 3) * cell
            canvas.box(u, v, u + across, v + cell, color)


def _vehicle(canvas: Canvas, foot: float, scale: float, dark: float) -> None:
    """A car, a van, or a bus, from the side."""
    kind = int(canvas.rng.choice(3, p=[0.6, 0.22, 0.18]))
    long = scale * canvas.uniform(*((0.1, 0.22), (0.14, 0.26), (0.35, 0.6))[kind])
    body_high = long * canvas.aspect * (0.16, 0.24, 0.3)[kind]
    x = canvas.uniform(-0.5 * long, 1.0)
    base = foot + canvas.uniform(0.02, 0.06) * scale
    top = base - body_high
    body = dark * canvas.color(canvas.uniform(0.05, 0.5), 0.35)
    glass = dark * canvas.color(0.05, 0.15)
    canvas.box(x, top, x + long, base, body)
    if kind == 0:
        canvas.box(x + 0.2 * long, top - 0.8 * body_high, x + 0.8 * long, top, 0.8 * body)
        canvas.box(x + 0.24 * long, top - 0.68 * body_high, x + 0.76 * long, top, glass)
        canvas.box(x + 0.49 * long, top - 0.7 * body_high, x + 0.51 * long, top, body)
    else:
        panes = (1, 6)[kind - 1]
        wide = (0.2, 0.9)[kind - 1] * long
        for k in range(panes):
            left = x + 0.05 * long + k * wide / panes
            right = left + 0.82 * wide / panes
            canvas.box(left, top + 0.12 * body_high, right, top + 0.5 * body_high, glass)
        if kind == 2 or canvas.rng.random() < 0.5:
            _board(
                canvas, x + 0.3 * long, top + 0.58 * body_high, 0.55 * long, 0.2 * body_high, dark
            )
    wheel = 0.28 * body_high if kind == 0 else 0.16 * body_high
    for place in (0.2, 0.8):
        canvas.disc(x + place * long, base, wheel, gray(0.015))
        canvas.disc(x + place * long, base, 0.5 * wheel, dark * gray(0.25))


def _pole(canvas: Canvas, foot: float, dark: float) -> None:
    """A lamp post, a round or square sign on a pole, or a board."""
    x, base = canvas.uniform(0, 1), foot + canvas.uniform(0.0, 0.08)
    top = base - canvas.uniform(0.25, 0.6)
    wide = canvas.uniform(0.006, 0.014)
    canvas.box(x, top, x + wide, base, dark * canvas.color(0.08, 0.1))
    kind, size = int(canvas.rng.integers(3)), canvas.uniform(0.02, 0.05)
    middle = x + 0.5 * wide
    if kind == 0:
        lamp = gray(1.2, (1.3, 1.1, 0.8)) if canvas.night else gray(0.6)
        canvas.disc(middle, top, 0.6 * size, lamp)
    elif kind == 1:
        red = canvas.rng.random() < 0.5
        rim = gray(0.3, (1.6, 0.2, 0.2)) if red else gray(0.2, (0.3, 0.6, 2.0))
        canvas.disc(middle, top, size, dark * rim)
        canvas.disc(middle, top, 0.7 * size, dark * (gray(0.8) if red else rim))
        canvas.box(
            middle - 0.5 * size / canvas.aspect,
            top - 0.01,
            middle + 0.5 * size / canvas.aspect,
            top + 0.01,
            dark * gray(0.7),
        )
    else:
        half = size / canvas.aspect
        _board(canvas, middle - 2 * half, top, 4 * half, 1.2 * size, dark)
