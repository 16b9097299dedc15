"""A small picture to paint places on: flat shapes, soft light, smooth noise; blurred and enlarged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled

Color = NDArray[np.float64]
Pixels = NDArray[np.float32]


def gray(value: float, tint: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Color:
    """A gray of this linear value, or a tint of it."""
    return value * np.array(tint)


@dataclass
class Canvas:
    """A small picture in the making. Places are shares of its width and height, y down.

    horizon, floor  rows of the horizon and of the floor's far edge, where known; also outside of 0 to 1
    sharp           nearly in focus: what is small can be seen
    """

    width: int
    height: int
    night: bool
    rng: np.random.Generator
    horizon: float | None = None
    floor: float | None = None
    sharp: bool = False

    def __post_init__(self) -> None:
        self.pixels = np.zeros((self.height, self.width, 3))
        self.x = ((np.arange(self.width) + 0.5) / self.width)[None, :]
        self.y = ((np.arange(self.height) + 0.5) / self.height)[:, None]
        self.aspect = self.width / self.height

    def horizon_or(self, low: float, high: float) -> float:
        """The row of the horizon, drawn between these where it is not known."""
        drawn = self.uniform(low, high)
        return drawn if self.horizon is None else self.horizon

    def floor_or(self, low: float, high: float) -> float:
        """The row of the floor's far edge, drawn between these where it is not known."""
        drawn = self.uniform(low, high)
        return drawn if self.floor is None else self.floor

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def color(self, value: float, hue: float = 0.12) -> Color:
        """A muted colour of about this brightness."""
        return value * np.exp(self.rng.normal(0.0, hue, 3))

    def fill(self, top: Color, bottom: Color, power: float = 1.0) -> None:
        share = (self.y**power)[..., None]
        self.pixels[:] = top * (1.0 - share) + bottom * share

    def cover(self, mask: NDArray[Any], color: Color) -> None:
        self.pixels += mask[..., None] * (color - self.pixels)

    def box(
        self, x1: float, y1: float, x2: float, y2: float, color: Color, share: float = 1.0
    ) -> None:
        """A rectangle: the cells whose middle lies in it."""
        rows, columns = _cells(y1, y2, self.height), _cells(x1, x2, self.width)
        part = self.pixels[rows, columns]
        part += share * (color - part)

    def disc(self, x: float, y: float, radius: float, color: Color, share: float = 1.0) -> None:
        """radius in heights of the canvas."""
        across = radius / self.aspect
        rows = _cells(y - radius, y + radius, self.height)
        columns = _cells(x - across, x + across, self.width)
        away = ((self.x[:, columns] - x) * self.aspect) ** 2 + (self.y[rows] - y) ** 2
        part = self.pixels[rows, columns]
        part += (share * (away < radius**2))[..., None] * (color - part)

    def shine(self, x: float, y: float, radius: float, color: Color) -> None:
        """Light added softly about a place."""
        square = (((self.x - x) * self.aspect) ** 2 + (self.y - y) ** 2) / radius**2
        self.pixels += np.exp(-square)[..., None] * color

    def cloud(self, cells: float) -> NDArray[np.float64]:
        """Smooth noise of mean 0 and deviation about 1, `cells` bumps across the height."""
        across, down = max(2, int(cells * self.aspect)), max(2, int(cells))
        coarse = self.rng.normal(0.0, 1.0, (down + 3, across + 3, 1)).repeat(3, axis=2)
        return 1.6 * enlarged(coarse.astype(np.float32), self.width, self.height)[..., 0].astype(
            float
        )


def _cells(first: float, end: float, count: int) -> slice:
    """The cells of `count` whose middle lies from `first` up to `end`, as shares."""
    ends = np.ceil(np.array([first, end]) * count - 0.5).clip(0, count).astype(int)
    return slice(int(ends[0]), int(ends[1]))


def blurred(pixels: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Three passes of a box, nearly the disc of a lens out of focus; radius in cells."""
    reach = max(1, round(radius))
    for axis in (0, 1):
        for _ in range(2):
            padded = np.concatenate(
                [
                    np.repeat(pixels.take([0], axis), reach + 1, axis),
                    pixels,
                    np.repeat(pixels.take([-1], axis), reach, axis),
                ],
                axis,
            )
            total = np.cumsum(padded, axis)
            count = 2 * reach + 1
            size = pixels.shape[axis]
            upper = total.take(range(count, count + size), axis)
            pixels = (upper - total.take(range(size), axis)) / count
    return pixels


@compiled
def enlarged(coarse: Pixels, width: int, height: int) -> Pixels:
    """(height, width, 3) by uniform cubic B-splines of the cells' values."""
    rows, columns = coarse.shape[:2]
    half = np.empty((rows, width, 3), np.float32)
    for x in range(width):
        place = (x + 0.5) / width * columns - 0.5
        first = int(place + 1.0) - 1
        a, b, c, d = _spline(place - first)
        i0, i1 = max(0, first - 1), min(columns - 1, max(0, first))
        i2, i3 = min(columns - 1, first + 1), min(columns - 1, first + 2)
        for y in range(rows):
            for k in range(3):
                half[y, x, k] = (
                    a * coarse[y, i0, k]
                    + b * coarse[y, i1, k]
                    + c * coarse[y, i2, k]
                    + d * coarse[y, i3, k]
                )
    result = np.empty((height, width, 3), np.float32)
    for y in range(height):
        place = (y + 0.5) / height * rows - 0.5
        first = int(place + 1.0) - 1
        a, b, c, d = _spline(place - first)
        j0, j1 = max(0, first - 1), min(rows - 1, max(0, first))
        j2, j3 = min(rows - 1, first + 1), min(rows - 1, first + 2)
        for x in range(width):
            for k in range(3):
                result[y, x, k] = (
                    a * half[j0, x, k]
                    + b * half[j1, x, k]
                    + c * half[j2, x, k]
                    + d * half[j3, x, k]
                )
    return result


@compiled
def _spline(t: float) -> tuple[float, float, float, float]:
    """Weights of the four cells about a place; t from the second, 0 to 1."""
    s = 1.0 - t
    return (
        s * s * s / 6.0,
        (4.0 - 6.0 * t * t + 3.0 * t * t * t) / 6.0,
        (4.0 - 6.0 * s * s + 3.0 * s * s * s) / 6.0,
        t * t * t / 6.0,
    )
