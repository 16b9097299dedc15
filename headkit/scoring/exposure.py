"""Whether a picture is too dark or too bright, by its brightest and darkest pixels.

The brightest twentieth of a picture that is well exposed reaches beyond middle grey, whatever it shows, and the
darkest twentieth lies below: a dark skin or a white studio is neither under- nor overexposed. (Means of brightness
confuse the two.)
"""

from __future__ import annotations

import numpy as np

from headkit.image import Pixels
from headkit.scoring import regions
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure

MIDDLE = 119.0  # L* of 50 as a grey level of sRGB
SHARE = 0.05  # of the pixels that are the brightest, or the darkest
BLACK, WHITE = 4, 251  # grey levels up to which, and from which on, nothing is to be told apart


def exposure(grey: regions.Grey) -> float:
    """0 to 1 of the grey levels (h, w) of a picture or head."""
    up_to = np.cumsum(np.bincount(grey.reshape(-1), minlength=256)) / grey.size
    dark, bright = np.searchsorted(up_to, [SHARE, 1 - SHARE])
    return float(np.clip(min(bright / MIDDLE, (255 - dark) / (255 - MIDDLE)), 0, 1))


def unclipped(pixels: Pixels) -> float:
    """Share of the pixels (h, w, 3) that are neither black nor white."""
    red, green, blue = (pixels[:, :, channel] for channel in range(3))
    black = (red <= BLACK) & (green <= BLACK) & (blue <= BLACK)
    white = (red >= WHITE) & (green >= WHITE) & (blue >= WHITE)
    return float(1 - (black | white).mean())


def start(study: Study) -> Measure:  # noqa: ARG001 - the interface of every score
    """Measure exposure; needs nothing."""

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return [_marks(subject) for subject in subjects]

    return measure


def _marks(subject: Subject) -> Marks:
    heads = [None if part is None else exposure(part) for part in regions.grey_heads(subject)]
    whole = {
        "exposure": exposure(regions.grey(subject)),
        "exposure_unclipped": unclipped(subject.pixels),
    }
    return Marks(*regions.with_least("exposure", subject, whole, heads))


SCORE = Score(
    "exposure",
    start,
    fields=("exposure", "exposure_head", "exposure_unclipped"),
    heads=("exposure",),
)
