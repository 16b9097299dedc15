"""How sharp a picture is: what a further blur takes from it.

Crete, Dolmiere, Ladret and Nicolas, The Blur Effect (SPIE 6492, 2007): the differences of neighbouring pixels, and
those that are left after a strong blur. A sharp picture loses most of them, one that is blurred already loses few. The
ratio hardly depends on contrast. Since it does on scale, every picture is seen at one area, and every head at
another: a small one, made larger, is not sharp. Noise is: no measure of one picture tells fine grain from detail.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headkit.image import Pixels
from headkit.scoring import regions
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure

SIDE = 512  # square root of the area at which a picture is seen, pixels
HEAD_SIDE = 128
_BLUR = 9  # length of the further blur, as in the paper
_STEP = (
    1.5  # grey levels: what rounding makes of smooth slopes, taken from differences in quadrature
)
_FLAT = 0.5  # grey levels: mean difference of neighbours below which nothing is there to be sharp


def sharpness(pixels: Pixels, side: int) -> float:
    """0 to 1: of a picture or crop (h, w, 3), seen at an area of side x side."""
    height, width = pixels.shape[:2]
    scale = side / np.sqrt(height * width)
    size = max(_BLUR, round(width * scale)), max(_BLUR, round(height * scale))
    seen = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
    grey = regions.luma(np.asarray(seen))
    return min(_lost(grey), _lost(grey.T))


def _lost(grey: NDArray[np.float32]) -> float:
    """Share of the differences along the rows of (H, W) grey levels that a blur along the rows takes away."""
    sums = np.cumsum(np.pad(grey, ((0, 0), (_BLUR // 2 + 1, _BLUR // 2)), "edge"), axis=1)
    blurred = (sums[:, _BLUR:] - sums[:, :-_BLUR]) / _BLUR
    before = np.sqrt(np.maximum(np.diff(grey, axis=1) ** 2 - _STEP**2, 0))
    after = np.abs(np.diff(blurred, axis=1))
    total = float(before.sum(dtype=np.float64))
    total = max(total, _FLAT * before.size)  # else the noise of a flat picture is sharp
    return float(np.maximum(before - after, 0).sum(dtype=np.float64)) / total


def start(study: Study) -> Measure:  # noqa: ARG001 - the interface of every score
    """Measure sharpness; needs nothing."""

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return [_marks(subject) for subject in subjects]

    return measure


def _marks(subject: Subject) -> Marks:
    heads = [
        None if part is None else sharpness(part, HEAD_SIDE) for part in regions.crops(subject)
    ]
    whole = {"sharpness": sharpness(subject.pixels, SIDE)}
    return Marks(*regions.with_least("sharpness", subject, whole, heads))


SCORE = Score("sharpness", start, fields=("sharpness", "sharpness_head"), heads=("sharpness",))
