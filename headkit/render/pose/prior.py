"""What scenes are drawn from: how many people, of what age, how near, where their heads turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Framing = Literal["any", "close-up", "portrait", "half", "full", "small"]

MOST = 12  # people of a scene
PEOPLE = np.array([42, 20, 12, 8, 5, 4, 3, 2, 1.5, 1, 0.8, 0.7])  # odds of 1 to MOST people


@dataclass(frozen=True)
class Prior:
    """What scenes are drawn from. `ages` years from and to, `yaw_range` degrees, `sizes` of the pictures.

    people_shares  of 1 to MOST people; None: the usual ones, within `people`
    age_shares     of each year of `ages`; None: flat
    male           share of people
    yaw_pieces     (from, to, share) in order, degrees: head yaw flat within each; None: `yaw` within `yaw_range`
    """

    people: tuple[int, int] = (1, MOST)
    yaw: Literal["flat", "frontal"] = "flat"
    yaw_range: tuple[float, float] = (-180.0, 180.0)
    framing: Framing = "any"
    sizes: tuple[tuple[int, int], ...] = ((512, 512), (640, 480), (480, 640))
    ages: tuple[int, int] = (2, 90)
    people_shares: tuple[float, ...] | None = None
    age_shares: tuple[float, ...] | None = None
    male: float = 0.5
    yaw_pieces: tuple[tuple[float, float, float], ...] | None = None


def people_odds(span: tuple[int, int]) -> dict[int, float]:
    """How likely 1 to MOST people are, those outside of the span not at all."""
    low, high = span
    return {k + 1: float(odds) if low <= k + 1 <= high else 0.0 for k, odds in enumerate(PEOPLE)}
