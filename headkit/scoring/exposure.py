"""Whether a picture is too dark or too bright, by its brightest and darkest pixels.

The brightest twentieth of a picture that is well exposed reaches beyond middle grey, whatever it shows, and the
darkest twentieth lies below: a dark skin or a white studio is neither under- nor overexposed. (Means of brightness
confuse the two.) Of a head its inner part counts, where no background is, and no more of it than is not blown out.
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


INNER = 0.2  # of a head's box, on each side: what lies further in is head


def exposure(grey: regions.Grey) -> float:
    """0 to 1 of the grey levels (h, w) of a picture or head."""
    up_to = np.cumsum(np.bincount(grey.reshape(-1), minlength=256)) / grey.size
    dark, bright = np.searchsorted(up_to, [SHARE, 1 - SHARE])
    return float(np.clip(min(bright / MIDDLE, (255 - dark) / (255 - MIDDLE)), 0, 1))


def blown(pixels: Pixels) -> float:
    """Share of the pixels (h, w, 3) that are white in at least two channels: a saturated colour is in one."""
    white = pixels >= WHITE
    red, green, blue = (white[:, :, channel] for channel in range(3))
    return float(((red & green) | (red & blue) | (green & blue)).mean())


def unclipped(pixels: Pixels) -> float:
    """Share of the pixels (h, w, 3) that are neither black nor blown out."""
    dark = pixels <= BLACK
    black = dark[:, :, 0] & dark[:, :, 1] & dark[:, :, 2]
    return float(max(0.0, 1 - black.mean() - blown(pixels)))


def exposure_of_heads(subject: Subject) -> list[float | None]:
    """0 to 1 of each head; None where it has no box in the picture."""
    levels = regions.grey(subject)
    values: list[float | None] = []
    for box in regions.boxes(subject.heads):
        inner = None if box is None else regions.shrunk(box, INNER)
        grey = None if inner is None else regions.crop(levels, inner)
        pixels = None if inner is None else regions.crop(subject.pixels, inner)
        if grey is None or pixels is None:
            values.append(None)
        else:
            values.append(min(exposure(grey), 1 - blown(pixels)))
    return values


def start(study: Study) -> Measure:  # noqa: ARG001 - the interface of every score
    """Measure exposure; needs nothing."""

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return [_marks(subject) for subject in subjects]

    return measure


def _marks(subject: Subject) -> Marks:
    heads = exposure_of_heads(subject)
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
