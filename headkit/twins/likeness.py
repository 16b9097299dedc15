"""A descriptor of pictures with no weights: two copies of a picture have nearly the same, two pictures do not.

Three views of the picture, squeezed to a square of 64 pixels, go into one vector:

    structure  the 12 x 12 lowest frequencies of its light without the mean, as a perceptual hash has them, but with
               their sizes: each is weighted by its frequency, since light falls off as 1/f in pictures (Field 1987),
               and by a bell, since high ones suffer from moves and codecs
    edges      how gradients are oriented, 8 directions in each of 6 x 6 cells (Dalal and Triggs 2005), less the mean
               of the picture
    colour     the 7 x 7 lowest frequencies of the two differences of colour, with the mean

Each is of length 1 before it is weighted, so that light and contrast of the whole picture do not count. The cosine of
two descriptors is a weighted mean of the three cosines.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from headkit.image import Pixels, resize

WIDTH = 529
_SIDE = 64
_LOWEST, _LOWEST_COLOUR = 12, 7
_CELLS, _DIRECTIONS = 6, 8
_BELL = 6.0  # half-waves across the picture at which the bell has fallen to 1/e
_SHARES = (0.5, 0.4, 0.1)  # of structure, edges and colour in the cosine


def describe(pixels: Pixels) -> NDArray[np.float64]:
    """(WIDTH,) of a picture (H, W, 3): of length 1, or zeros for a picture of nothing."""
    small = resize(pixels, _SIDE, _SIDE).astype(np.float64)
    red, green, blue = small.transpose(2, 0, 1)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    colours = (red - green, 0.5 * (red + green) - blue)
    parts = (_structure(light), _edges(light), _colour(*colours))
    return np.concatenate(
        [np.sqrt(share) * _unit(part) for share, part in zip(_SHARES, parts, strict=True)]
    )


def _unit(part: NDArray[np.float64]) -> NDArray[np.float64]:
    length = float(np.linalg.norm(part))
    return part / length if length > 1e-9 else np.zeros_like(part)


@cache
def _waves(count: int) -> NDArray[np.float64]:
    """(count, _SIDE) rows of the cosine transform (DCT-II), orthonormal."""
    places = (np.arange(_SIDE) + 0.5) * np.pi / _SIDE
    rows = np.cos(np.arange(count)[:, None] * places) * np.sqrt(2 / _SIDE)
    rows[0] /= np.sqrt(2)
    return np.asarray(rows, np.float64)


@cache
def _weights(count: int) -> NDArray[np.float64]:
    """(count, count) by frequency."""
    frequency = np.hypot(*np.mgrid[:count, :count])
    return np.asarray((0.5 + frequency) * np.exp(-((frequency / _BELL) ** 2)), np.float64)


def _structure(light: NDArray[np.float64]) -> NDArray[np.float64]:
    waves = _waves(_LOWEST)
    return ((waves @ light @ waves.T) * _weights(_LOWEST)).ravel()[1:]


def _colour(*colours: NDArray[np.float64]) -> NDArray[np.float64]:
    waves = _waves(_LOWEST_COLOUR)
    return np.concatenate(
        [((waves @ colour @ waves.T) * _weights(_LOWEST_COLOUR)).ravel() for colour in colours]
    )


@cache
def _cells() -> NDArray[np.float64]:
    """(_CELLS, _SIDE) how much each row of pixels belongs to each row of cells: tents, half overlapping."""
    centres = (np.arange(_CELLS) + 0.5) * _SIDE / _CELLS
    away = np.abs(np.arange(_SIDE) + 0.5 - centres[:, None]) * _CELLS / _SIDE
    return np.maximum(0, 1 - away)


def _edges(light: NDArray[np.float64]) -> NDArray[np.float64]:
    down, across = np.gradient(light)
    size = np.hypot(down, across)
    turn = (np.arctan2(down, across) % np.pi) * (_DIRECTIONS / np.pi)
    cells = _cells()
    found = np.empty((_DIRECTIONS, _CELLS, _CELLS))
    for direction in range(_DIRECTIONS):
        away = np.abs(turn - direction)
        share = np.maximum(0, 1 - np.minimum(away, _DIRECTIONS - away))
        found[direction] = cells @ (size * share) @ cells.T
    found = np.sqrt(found)  # a strong edge is one edge
    return np.asarray(found - found.mean(axis=(1, 2), keepdims=True), np.float64).ravel()
