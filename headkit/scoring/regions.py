"""Heads of a record as boxes and as parts of its picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headkit.fitting.request import array
from headkit.scoring.score import Subject
from headkit.tool import Record

Array = NDArray[np.float64]
Grey = NDArray[np.uint8]  # (H, W) grey levels


def boxes(heads: Sequence[Record]) -> list[Array | None]:
    """(4,) [x1, y1, x2, y2] of each head; None where it has none with an area."""
    found = [array(head.get("box"), (4,)) for head in heads]
    return [None if box is None or box[0] >= box[2] or box[1] >= box[3] else box for box in found]


def counting(heads: Sequence[Record]) -> list[bool]:
    """Which heads count in the scores of the picture: those that nothing says to ignore."""
    return [not head.get("ignore") for head in heads]


def crop(pixels: NDArray[np.uint8], box: Array) -> NDArray[np.uint8] | None:
    """(h, w[, 3]) what a box shows of a picture; None where less than a pixel of it lies inside."""
    height, width = pixels.shape[:2]
    x1, y1 = (max(0, round(float(value))) for value in box[:2])
    x2, y2 = min(width, round(float(box[2]))), min(height, round(float(box[3])))
    return pixels[y1:y2, x1:x2] if x1 < x2 and y1 < y2 else None


def shrunk(box: Array, share: float) -> Array:
    """A box without so much of its sides on each side."""
    margin = share * (box[2:] - box[:2])
    return np.concatenate([box[:2] + margin, box[2:] - margin])


def grey(subject: Subject) -> Grey:
    """(H, W) uint8 grey levels of the picture (ITU-R 601-2), made once."""
    if "grey" not in subject.seen:
        subject.seen["grey"] = np.asarray(Image.fromarray(subject.pixels).convert("L"))
    found: Grey = subject.seen["grey"]
    return found


def grey_heads(subject: Subject) -> list[Grey | None]:
    """(h, w) what each head's box shows of them."""
    levels = grey(subject)
    return [None if box is None else crop(levels, box) for box in boxes(subject.heads)]


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
