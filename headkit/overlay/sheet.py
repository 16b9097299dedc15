"""Contact sheets: tiles of one size with a line or two of text, row by row."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from headkit.overlay import BACKGROUND

GAP = 6  # pixels between tiles and around them
PAPER = (20, 21, 24)
INK, FAINT, ALARM = (240, 240, 240), (165, 168, 175), (255, 150, 130)
LONGEST = 600  # characters of a message
LARGEST = 60_000_000  # pixels of a sheet: with many more, image viewers refuse it
_TEXT = 12  # points


@dataclass(frozen=True)
class Tile:
    """A picture of the tiles' size, or None for a message in its place, and what stands below it."""

    picture: NDArray[np.uint8] | None  # (size, size, 3)
    title: str
    detail: str = ""
    message: str = ""


def strip_height() -> int:
    """Height in pixels of the text below a tile: two lines."""
    return 2 * (_TEXT + 4) + 4


def capacity(columns: int, size: int) -> int:
    """How many tiles a sheet may have."""
    width = GAP + columns * (size + GAP)
    rows = max(1, LARGEST // width - GAP) // (size + strip_height() + GAP)
    return columns * rows


class Sheet:
    """Tiles in the order in which they are added; `columns` of them side by side."""

    def __init__(self, columns: int, size: int) -> None:
        self.columns = columns
        self.size = size
        self.tiles: list[NDArray[np.uint8]] = []

    def add(self, tile: Tile) -> None:
        """Set one more tile."""
        self.tiles.append(_set(tile, self.size))

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) the sheet; a single empty cell where there is no tile."""
        columns = max(1, min(self.columns, len(self.tiles)))
        rows = max(1, -(-len(self.tiles) // columns))
        height, width = self.size + strip_height(), self.size
        sheet = np.full(
            (GAP + rows * (height + GAP), GAP + columns * (width + GAP), 3), PAPER, np.uint8
        )
        for number, tile in enumerate(self.tiles):
            row, column = divmod(number, columns)
            top, left = GAP + row * (height + GAP), GAP + column * (width + GAP)
            sheet[top : top + height, left : left + width] = tile
        return sheet


def _set(tile: Tile, size: int) -> NDArray[np.uint8]:
    image = Image.new("RGB", (size, size + strip_height()), BACKGROUND)
    pen = ImageDraw.Draw(image)
    if tile.picture is not None:
        image.paste(Image.fromarray(tile.picture), (0, 0))
    if tile.message:
        _message(pen, tile.message, size, over_picture=tile.picture is not None)
    pen.rectangle([0, size, size, size + strip_height()], PAPER)
    line = _TEXT + 4
    pen.text((3, size + 2), _fitted(tile.title, size - 6), INK, _font())
    pen.text(
        (3, size + 2 + line),
        plain(tile.detail)[: _longest(plain(tile.detail), size - 6)],
        FAINT,
        _font(),
    )
    return np.asarray(image)


def _message(pen: ImageDraw.ImageDraw, message: str, size: int, *, over_picture: bool) -> None:
    """A message in the place of the picture, or at the foot of it."""
    lines = _wrapped(plain(message), size - 16)[: max(1, (size - 12) // (_TEXT + 4))]
    height = len(lines) * (_TEXT + 4)
    top = size - height - 6 if over_picture else (size - height) // 2
    if over_picture:
        pen.rectangle([0, top - 4, size, size], PAPER)
    for number, line in enumerate(lines):
        pen.text((8, top + number * (_TEXT + 4)), line, ALARM, _font())


def plain(text: str) -> str:
    """Text of a record without what would break lines or is not seen."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:LONGEST])


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(
        _TEXT
    )  # a face that Pillow brings along: the same on every machine


def _fitted(text: str, width: int) -> str:
    """The text, its middle left out where it is too long: ends are what tells ids apart."""
    text = plain(text)
    if _font().getlength(text) <= width:
        return text

    def shortened(keep: int) -> str:
        return text[: keep - keep // 2] + "..." + text[len(text) - keep // 2 :]

    lengths = range(len(text))
    keep = (
        bisect_right(lengths, width, key=lambda keep: ceil(_font().getlength(shortened(keep)))) - 1
    )
    return shortened(max(keep, 0))


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines of that width; a word as long as a path is cut."""
    lines: list[str] = []
    rest = text.strip()
    while rest:
        most = _longest(rest, width)
        if most < len(rest) and " " in rest[: most + 1].strip():
            most = rest.rindex(" ", 0, most + 1)
        lines.append(rest[:most].rstrip())
        rest = rest[most:].lstrip()
    return lines


def _longest(text: str, width: int) -> int:
    """How many characters of the text fit into the width; one at least."""
    most = min(len(text), width)  # no letter is narrower than a pixel
    fitting = bisect_right(
        range(1, most + 1), width, key=lambda end: ceil(_font().getlength(text[:end]))
    )
    return max(1, fitting)
