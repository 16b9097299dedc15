"""How pictures are put into words, whatever the network that does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W, 3) sRGB


@dataclass(frozen=True)
class Manner:
    """How words are chosen.

    tokens  at most so many new ones
    top_p   draw each from the likeliest that make up this share (nucleus sampling, Holtzman et al. 2020); None: always
            the likeliest
    ask     what a model that takes questions is asked; None: its usual question
    """

    tokens: int = 60
    top_p: float | None = None
    ask: str | None = None


class Network(Protocol):
    """What describes pictures."""

    def describe(self, pictures: Sequence[Pixels], seeds: Sequence[int]) -> list[str]:
        """Words for each picture (H, W, 3); they depend on it, and its seed where drawn, and on no other picture."""
        ...


class CaptionerError(Exception):
    """Why a captioner cannot be had, with the remedy."""
