"""Shares of matches, and how sure they are: comparisons of one person depend on each other, so people are counted.

An interval is that of Clopper and Pearson (1934) for an effective number of comparisons, as Korn and Graubard (1998,
Survey Methodology 24) have it for samples whose members depend on each other: the number of independent comparisons
that would have the variance of the share, p (1 - p) / variance, and never more than there were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

LEVEL = 0.95
LEAST_EXPECTED = (
    3.0  # the rule of three: none among N says, at 95%, no more than a rate below 3 / N
)


@dataclass(frozen=True)
class Rate:
    """A share of comparisons, with its 95% interval.

    people       whose faces were compared
    comparisons  pairs of two people for false matches, photos for true ones
    """

    share: float
    low: float
    high: float
    people: int
    comparisons: int

    def __str__(self) -> str:
        return f"{self.share:.3g} (95%: {self.low:.3g} to {self.high:.3g}; {self.comparisons} comparisons of {self.people} people)"

    def numbers(self) -> list[float]:
        """Share, low, high, three significant digits each."""
        return [float(f"{value:.3g}") for value in (self.share, self.low, self.high)]


def clopper_pearson(share: float, trials: float) -> tuple[float, float]:
    """The 95% interval of a share of `trials` independent trials; both may be fractions of a count."""
    from scipy.special import betaincinv

    hits, misses, tail = share * trials, (1 - share) * trials, (1 - LEVEL) / 2
    low = float(betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return low, high


def _effective(share: float, variance: float, most: float) -> float:
    independent = share * (1 - share)
    return min(independent / variance, most) if variance > 0 else most


def false_matches(partners: Counts) -> Rate:
    """The share of pairs of different people that match.

    partners  (n,) of each person, how many of the n - 1 others match: each person has one face here

    The variance of the share is the sum of the covariances of all pairs of pairs that have a person in common. With
    e = 1 - p or -p of a pair, and S the sum of e over the pairs of a person, that sum is estimated by the sum of S^2
    less the sum of e^2, which it holds twice.
    """
    people = len(partners)
    pairs = people * (people - 1) // 2
    matches = int(partners.sum()) // 2
    share = matches / pairs
    sums = partners - (people - 1) * share
    squares = matches * (1 - 2 * share) + pairs * share**2
    variance = (float((sums**2).sum()) - squares) / pairs**2
    low, high = clopper_pearson(share, _effective(share, variance, pairs))
    return Rate(share, low, high, people, pairs)


def true_matches(found: Counts, photos: Counts) -> Rate:
    """The share of photos that match a gallery photo of the same person.

    found, photos  (n,) of each person, photos that match, of so many (at least 1)

    Where all match or none does, nothing is known of how much the photos of one person agree, and people are counted.
    """
    people, total = len(photos), int(photos.sum())
    share = float(found.sum()) / total
    if 0 < share < 1 and people > 1:
        away = found - share * photos
        variance = people / (people - 1) * float((away**2).sum()) / total**2
        effective = _effective(share, variance, total)
    else:
        effective = people
    low, high = clopper_pearson(share, effective)
    return Rate(share, low, high, people, total)
