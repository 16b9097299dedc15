"""Of each row the nearest row: of another set, exactly, where it reaches a threshold; or of the same set, for a look.

Memory does not grow with the other set: it is read a block at a time, and may lie in a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.twins.cosines import Vectors, cosines, directions, margin, squares
from headkit.twins.products import Products, products

NOBODY = -1


@dataclass(frozen=True, eq=False)
class Nearest:
    """rows (N,) the nearest row, of equally near ones the first, or NOBODY; cosine (N,), nan where there is none."""

    rows: NDArray[np.int64]
    cosine: NDArray[np.float64]


def nearest_over(
    vectors: Vectors,
    reference: Vectors,
    threshold: float,
    *,
    device: str = "cpu",
    check: Callable[[], None] = lambda: None,
) -> Nearest:
    """Of each of (N, D) rows the nearest of (M, D), where their cosine is at least the threshold. Exact."""
    engine = products(device)
    floor = threshold - margin(vectors.shape[1])
    own = squares(vectors)
    found = Nearest(np.full(len(vectors), NOBODY), np.full(len(vectors), np.nan))
    for start in range(0, len(reference), engine.tile):
        others = np.ascontiguousarray(reference[start : start + engine.tile])
        theirs = squares(others)
        right = engine.load(directions(others, theirs))
        for begin in range(0, len(vectors), engine.tile):
            check()
            part = slice(begin, begin + engine.tile)
            left = engine.load(directions(vectors[part], own[part]))
            rows, columns = engine.reaching(left, right, floor)
            exact = cosines(vectors[part][rows], others[columns], own[part][rows], theirs[columns])
            near = exact >= threshold
            _keep(found, rows[near] + begin, columns[near] + start, exact[near])
    return found


def _keep(
    found: Nearest,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    cosine: NDArray[np.float64],
) -> None:
    """Enter what is nearer than what is there."""
    order = np.lexsort((columns, -cosine, rows))
    rows, columns, cosine = rows[order], columns[order], cosine[order]
    first = np.ones(len(rows), bool)
    first[1:] = rows[1:] != rows[:-1]
    rows, columns, cosine = rows[first], columns[first], cosine[first]
    nearer = ~(found.cosine[rows] >= cosine)
    found.rows[rows[nearer]], found.cosine[rows[nearer]] = columns[nearer], cosine[nearer]


def nearer(first: Nearest, second: Nearest) -> tuple[Nearest, NDArray[np.bool_]]:
    """Of two findings for the same rows the nearer one, and where it is the second; of equally near ones the first."""
    better = (second.cosine > first.cosine) | (np.isnan(first.cosine) & ~np.isnan(second.cosine))
    found = Nearest(
        np.where(better, second.rows, first.rows), np.where(better, second.cosine, first.cosine)
    )
    return found, better


@dataclass(frozen=True, eq=False)
class Neighborhood:
    """What a sample of rows sees of the whole set.

    sample   (S,) the rows asked
    nearest  the nearest other row of each, as float32 products have it, with its cosine
    counts   (B,) ordered pairs of a sampled row and another one by cosine, between edges[k] and edges[k + 1], and over
             the last edge in the last
    """

    sample: NDArray[np.int64]
    nearest: Nearest
    counts: NDArray[np.int64]


def neighborhood(
    vectors: Vectors,
    sample: NDArray[np.int64],
    edges: NDArray[np.float64],
    check: Callable[[], None] = lambda: None,
) -> Neighborhood:
    """How near the rows of a set lie to each other: of a sample of rows, against all rows."""
    engine: Products = products()
    asked = np.ascontiguousarray(vectors[sample])
    asked_squares = squares(asked)
    best = np.full(len(sample), -2, np.float32)
    rows = np.full(len(sample), NOBODY)
    counts = np.zeros(len(edges), np.int64)
    for start in range(0, len(vectors), engine.tile):
        others = np.ascontiguousarray(vectors[start : start + engine.tile])
        right = directions(others, squares(others))
        for begin in range(0, len(sample), engine.tile):
            check()
            part = slice(begin, begin + engine.tile)
            tile = directions(asked[part], asked_squares[part]) @ right.T
            itself = sample[part] - start
            inside = (itself >= 0) & (itself < len(others))
            tile[np.flatnonzero(inside), itself[inside]] = -2
            places = tile.argmax(axis=1)
            largest = tile[np.arange(len(tile)), places]
            nearer = largest > best[part]
            best[part][nearer], rows[part][nearer] = largest[nearer], places[nearer] + start
            counts += np.histogram(tile[tile >= edges[0]], [*edges, np.inf])[0]
    there = rows != NOBODY
    exact = np.full(len(sample), np.nan)
    twins = vectors[rows[there]]
    exact[there] = cosines(asked[there], twins, asked_squares[there], squares(twins))
    return Neighborhood(sample, Nearest(rows, exact), counts)
