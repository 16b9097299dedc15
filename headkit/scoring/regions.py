"""Heads of a record as boxes and as parts of its picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headkit.fitting.request import array
from headkit.image import Pixels
from headkit.scoring.score import Subject
from headkit.tool import Record

Array = NDArray[np.float64]

# ITU-R BT.709, of values as they are stored: lightness as an eye, or a network, is given it.
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def boxes(heads: Sequence[Record]) -> list[Array | None]:
    """(4,) [x1, y1, x2, y2] of each head; None where it has none with an area."""
    found = [array(head.get("box"), (4,)) for head in heads]
    return [None if box is None or box[0] >= box[2] or box[1] >= box[3] else box for box in found]


def counting(heads: Sequence[Record]) -> list[bool]:
    """Which heads count in the scores of the picture: those that nothing says to ignore."""
    return [not head.get("ignore") for head in heads]


def crop(pixels: Pixels, box: Array) -> Pixels | None:
    """(h, w, 3) what a box shows of a picture; None where less than a pixel of it lies inside."""
    height, width = pixels.shape[:2]
    x1, y1 = (max(0, round(float(value))) for value in box[:2])
    x2, y2 = min(width, round(float(box[2]))), min(height, round(float(box[3])))
    return pixels[y1:y2, x1:x2] if x1 < x2 and y1 < y2 else None


def crops(subject: Subject) -> list[Pixels | None]:
    """What each head's box shows of the picture."""
    return [None if box is None else crop(subject.pixels, box) for box in boxes(subject.heads)]


def luma(pixels: Pixels) -> NDArray[np.float32]:
    """(H, W) 0 to 255."""
    return np.asarray(pixels.astype(np.float32) @ _LUMA)


def least(subject: Subject, values: Sequence[float | None]) -> float | None:
    """The least value of a head that counts; None where no such head has one."""
    counted = [
        value
        for value, counts in zip(values, counting(subject.heads), strict=True)
        if counts and value is not None
    ]
    return min(counted, default=None)


def with_least(
    name: str, subject: Subject, scores: dict[str, float], values: Sequence[float | None]
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """The scores with NAME_head, the least of the heads that count, and for each head its own as NAME."""
    smallest = least(subject, values)
    if smallest is not None:
        scores = {**scores, f"{name}_head": smallest}
    return scores, [{} if value is None else {name: value} for value in values]
