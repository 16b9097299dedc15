"""Things that are not what is looked for, laid over training pictures: shapes, letters, pieces of other renders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float64]
Draw = np.random.Generator

COVERED = (
    0.6  # share of a box that things laid over it may hide, in COVERING of the samples; else 0.3
)
COVERING = 0.35


class Boxed(Protocol):
    """A render of which is known where it shows what is looked for."""

    @property
    def pixels(self) -> Pixels:
        """(H, W, 3) BGR."""

    @property
    def boxes(self) -> Boxes:
        """(n, 4) in its pixels."""


def distracted(pixels: Pixels, boxes: Boxes, scenes: Sequence[Boxed], draw: Draw) -> Pixels:
    """With shapes, and pieces of other renders without any box, laid where enough of every box can still be seen."""
    pixels = pixels.copy()
    size = len(pixels)
    most = COVERED if draw.random() < COVERING else 0.3
    hidden = np.zeros(len(boxes))
    for _ in range(int(draw.integers(1, 7))):
        wide, high = (int(v) for v in np.exp(draw.uniform(np.log(6), np.log(0.6 * size), 2)))
        x, y = int(draw.integers(-wide // 2, size)), int(draw.integers(-high // 2, size))
        more = hidden + _covered(np.array([x, y, x + wide, y + high], np.float64), boxes)
        if (more > most).any():
            continue
        hidden = more
        if draw.random() < 0.5:
            _shape(pixels, x, y, wide, high, draw)
        else:
            _piece(pixels, x, y, wide, high, scenes[int(draw.integers(len(scenes)))], draw)
    return pixels


def _covered(patch: NDArray[np.float64], boxes: Boxes) -> NDArray[np.float64]:
    """(n,) share of each box that a patch lies on."""
    sides = np.minimum(patch[2:], boxes[:, 2:]) - np.maximum(patch[:2], boxes[:, :2])
    shared = np.prod(np.clip(sides, 0, None), axis=1)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.asarray(shared / np.maximum(area, 1e-9))


def _shape(pixels: Pixels, x: int, y: int, wide: int, high: int, draw: Draw) -> None:
    """An ellipse, a polygon, a grid of lines or letters, of any colour: round and skin-coloured things are not heads."""
    colour = tuple(int(v) for v in draw.integers(0, 256, 3))
    if draw.random() < 0.3:  # near the colours of skin and hair, BGR
        colour = tuple(
            int(v)
            for v in np.array([110, 150, 200]) * draw.uniform(0.15, 1.2) + draw.normal(0, 12, 3)
        )
        colour = tuple(min(max(v, 0), 255) for v in colour)
    kind = int(draw.integers(4))
    if kind == 0:
        middle, axes = (x + wide // 2, y + high // 2), (wide // 2, high // 2)
        cv2.ellipse(
            pixels, middle, axes, float(draw.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA
        )
    elif kind == 1:
        corners = draw.uniform(0, 1, (int(draw.integers(3, 7)), 2)) * (wide, high) + (x, y)
        cv2.fillPoly(pixels, [corners.astype(np.int32)], colour, cv2.LINE_AA)
    elif kind == 2:
        step = int(draw.integers(3, 16))
        for k in range(0, wide, step):
            cv2.line(pixels, (x + k, y), (x + k, y + high), colour, max(1, step // 3), cv2.LINE_AA)
        if draw.random() < 0.5:
            for k in range(0, high, step):
                cv2.line(
                    pixels, (x, y + k), (x + wide, y + k), colour, max(1, step // 3), cv2.LINE_AA
                )
    else:
        word = "".join(chr(int(c)) for c in draw.integers(48, 91, int(draw.integers(2, 9))))
        font = int(draw.integers(0, 5))
        cv2.putText(
            pixels,
            word,
            (x, y + high),
            font,
            max(high, 8) / 30,
            colour,
            max(1, high // 12),
            cv2.LINE_AA,
        )


def _piece(pixels: Pixels, x: int, y: int, wide: int, high: int, scene: Boxed, draw: Draw) -> None:
    """A part of another render without any box, turned by quarters and resized."""
    source = scene.pixels
    rows, columns = source.shape[:2]
    for _ in range(4):
        w, h = int(columns * draw.uniform(0.1, 0.5)), int(rows * draw.uniform(0.1, 0.5))
        left, top = int(draw.integers(0, columns - w)), int(draw.integers(0, rows - h))
        sides = np.minimum([left + w, top + h], scene.boxes[:, 2:]) - np.maximum(
            [left, top], scene.boxes[:, :2]
        )
        if not (sides > 0).all(axis=1).any():
            break
    else:
        return
    part = np.rot90(source[top : top + h, left : left + w], int(draw.integers(4)))
    patch = cv2.resize(np.ascontiguousarray(part), (wide, high), interpolation=cv2.INTER_AREA)
    size = len(pixels)
    x1, y1, x2, y2 = max(x, 0), max(y, 0), min(x + wide, size), min(y + high, size)
    if x1 < x2 and y1 < y2:
        pixels[y1:y2, x1:x2] = patch[y1 - y : y2 - y, x1 - x : x2 - x]
