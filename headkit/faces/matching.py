"""Cosines of faces: the nearest of a gallery, the threshold of a rate of false matches, and true matches there.

The measure is the cosine, not the angle and not Annoy's "angular" distance sqrt(2 (1 - cosine)): thresholds of one mean
nothing to another. Cosines are those of twins/cosines.py, exact for the stored vectors, so that neither batch, threads nor
machine change them. Galleries may lie in a file: memory does not grow with them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from headkit.faces.rates import LEAST_EXPECTED, Rate, false_matches, true_matches
from headkit.twins.cosines import Vectors, cosines, directions, margin, squares

DECIMALS = 5  # of a threshold, as of scores in a record
_TILE = 2048
_ENOUGH = 100_000  # false matches: more make the threshold no surer
_MOST_PEOPLE = 30_000  # 450 million pairs, seconds; more where a rate needs them
_NEEDED = 10  # false matches for which more people are taken


class UnsupportedRateError(ValueError):
    """The people at hand are too few for a rate, or cannot be told apart at it."""


@dataclass(frozen=True)
class Threshold:
    """The least cosine of a match, a multiple of 1e-5, and the share of false matches there."""

    cosine: float
    false: Rate


def nobody() -> None:
    """What `check` does where nobody watches."""


def closest(
    vectors: Vectors, gallery: Vectors, check: Callable[[], None] = nobody
) -> NDArray[np.float64]:
    """(n,) of each of (n, D) rows the highest cosine with any of the (G, D) of a gallery, G at least 1."""
    own = squares(vectors)
    left = directions(vectors, own)
    near = 2 * margin(vectors.shape[1])
    best = np.full(len(vectors), -np.inf)
    for start in range(0, len(gallery), _TILE):
        check()
        others = np.ascontiguousarray(gallery[start : start + _TILE])
        theirs = squares(others)
        tile = left @ directions(others, theirs).T
        # Whatever may be the highest is looked at exactly.
        rows, columns = np.nonzero(tile >= tile.max(axis=1, keepdims=True) - np.float32(near))
        exact = cosines(vectors[rows], others[columns], own[rows], theirs[columns])
        np.maximum.at(best, rows, exact)
    return best


def one_each(ids: list[str], rate: float, seed: int = 0) -> list[int]:
    """Rows of a gallery, in order: the first of each person, of people drawn where there are more than are needed."""
    first: dict[str, int] = {}
    for row, id in enumerate(ids):
        first.setdefault(id, row)
    pairs = min(_ENOUGH / rate, math.comb(_MOST_PEOPLE, 2))
    people = _people_for(max(pairs, _NEEDED / rate))
    drawn = sorted(
        first, key=lambda name: blake2b(f"{seed} impostors {name}".encode(), digest_size=8).digest()
    )
    return sorted(first[id] for id in drawn[:people])


def _people_for(pairs: float) -> int:
    """The fewest people of whom there are so many pairs."""
    return math.ceil((1 + math.sqrt(1 + 8 * pairs)) / 2 - 1e-9)


def threshold_at(vectors: Vectors, rate: float, check: Callable[[], None] = nobody) -> Threshold:
    """The lowest threshold at which at most `rate` of the pairs of different people match.

    vectors  (n, D), one of each person

    Raises UnsupportedRateError where fewer than three false matches are to be expected among the pairs (the rule of
    three), or where so many pairs are equal that no threshold has the rate.
    """
    people = len(vectors)
    pairs = people * (people - 1) // 2
    if rate * pairs < LEAST_EXPECTED:
        least = f"{LEAST_EXPECTED / pairs:.2g}" if pairs > LEAST_EXPECTED else "1"
        needed = _people_for(LEAST_EXPECTED / rate)
        raise UnsupportedRateError(
            f"{people} people make {pairs} pairs, which support no rate below {least} (3 / pairs); {needed} people would"
        )
    allowed = int(rate * pairs)
    rows, columns, cosine = _highest(vectors, allowed + 1, check)
    # Above the first that must not match.
    lowest = (math.floor(cosine[allowed] * 10**DECIMALS) + 1) / 10**DECIMALS
    if lowest > 1:
        raise UnsupportedRateError(
            f"more than {allowed} pairs of different people have the same face; is somebody there under several names?"
        )
    matched = cosine >= lowest
    partners = np.bincount(
        np.concatenate([rows[matched], columns[matched]]), minlength=people
    ).astype(np.int64)
    return Threshold(lowest, false_matches(partners))


def _highest(
    vectors: Vectors, count: int, check: Callable[[], None]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The `count` pairs of rows with the highest cosines, highest first: rows, columns, cosines."""
    own = squares(vectors)
    points = directions(vectors, own)
    near = np.float32(2 * margin(vectors.shape[1]))
    rows = columns = np.empty(0, np.int64)
    values = np.empty(0, np.float32)
    floor = np.float32(-np.inf)
    for top in range(0, len(points), _TILE):
        for left in range(top, len(points), _TILE):
            check()
            tile = points[top : top + _TILE] @ points[left : left + _TILE].T
            down, across = np.nonzero(tile >= floor)
            if top == left:
                upper = across > down
                down, across = down[upper], across[upper]
            values = np.concatenate([values, tile[down, across]])
            rows = np.concatenate([rows, down + top])
            columns = np.concatenate([columns, across + left])
            if len(values) > count:
                floor = np.partition(values, len(values) - count)[len(values) - count] - near
                kept = values >= floor
                values, rows, columns = values[kept], rows[kept], columns[kept]
    exact = cosines(vectors[rows], vectors[columns], own[rows], own[columns])
    order = np.lexsort((columns, rows, -exact))[:count]
    return rows[order], columns[order], exact[order]


def true_match_rate(
    probes: Vectors, probe_ids: list[str], gallery: Vectors, ids: list[str], threshold: float
) -> Rate | None:
    """The share of photos whose nearest gallery photo of the same person is at the threshold or nearer.

    probes (m, D) and whose they are; gallery (G, D) and whose. A photo that is in the gallery itself says nothing, and
    does not count. None where there is no other photo of anybody.
    """
    places: dict[str, list[int]] = {}
    for row, id in enumerate(ids):
        places.setdefault(id, []).append(row)
    people: dict[str, list[int]] = {}
    for row, id in enumerate(probe_ids):
        if id in places and not (gallery[places[id]] == probes[row]).all(axis=1).any():
            people.setdefault(id, []).append(row)
    if not people:
        return None
    found = [
        int((closest(probes[rows], gallery[places[id]]) >= threshold).sum())
        for id, rows in people.items()
    ]
    photos = [len(rows) for rows in people.values()]
    return true_matches(np.array(found, np.int64), np.array(photos, np.int64))
