"""How sharp a picture is: what a further blur takes from it.

Crete, Dolmiere, Ladret and Nicolas, The Blur Effect (SPIE 6492, 2007): the differences of neighbouring pixels, and
those that are left after a strong blur. A sharp picture loses most of them, one that is blurred already loses few. The
ratio hardly depends on contrast. Since it does on scale, every picture is seen at one area, and every head at
another: a small one, made larger, is not sharp. Noise is: no measure of one picture tells fine grain from detail.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter1d

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


def sharpness(grey: regions.Grey, side: int) -> float:
    """0 to 1: of the grey levels (h, w) of a picture or head, seen at an area of side x side."""
    height, width = grey.shape
    scale = side / math.sqrt(height * width)
    size = max(_BLUR, round(width * scale)), max(_BLUR, round(height * scale))
    image = Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC)
    seen = np.asarray(image, dtype=np.float32)
    return min(_lost(seen, 0), _lost(seen, 1))


def _lost(grey: NDArray[np.float32], axis: int) -> float:
    """Share of the differences along an axis of (H, W) grey levels that a blur along it takes away."""
    blurred = uniform_filter1d(grey, _BLUR, axis=axis, mode="nearest")
    before = np.sqrt(np.maximum(np.diff(grey, axis=axis) ** 2 - _STEP**2, 0))
    after = np.abs(np.diff(blurred, axis=axis))
    lost = np.maximum(before - after, 0).sum(dtype=np.float64)
    there = max(before.sum(dtype=np.float64), _FLAT * before.size)  # else noise alone is sharp
    return float(lost / there)


def start(study: Study) -> Measure:  # noqa: ARG001 - the interface of every score
    """Measure sharpness; needs nothing."""

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return [_marks(subject) for subject in subjects]

    return measure


def _marks(subject: Subject) -> Marks:
    heads = [
        None if part is None else sharpness(part, HEAD_SIDE) for part in regions.grey_heads(subject)
    ]
    whole = {"sharpness": sharpness(regions.grey(subject), SIDE)}
    return Marks(*regions.with_least("sharpness", subject, whole, heads))


SCORE = Score("sharpness", start, fields=("sharpness", "sharpness_head"), heads=("sharpness",))
