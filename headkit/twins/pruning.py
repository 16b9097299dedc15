"""Fewer columns that prove most pairs to be no twins.

Let P have orthonormal columns, a few directions in which the vectors lie mostly, and let x and y be of length 1. What
P leaves out of them is at right angles to what it keeps, so by Cauchy and Schwarz

    x . y  <=  (P'x) . (P'y) + |x - PP'x| |y - PP'y|

and the right side is one scalar product of rows (P'x, |x - PP'x|) of few columns. Pairs for which it stays below the
threshold are no twins; the others, a handful, are compared in full. Nothing is approximate: P decides how many pairs
are left over, never which pairs are found. As directions serve the leading eigenvectors of the second moments of a
sample, and how many of them is decided by what the sample says would be fastest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.twins.cosines import Squares, Vectors, margin

FEWEST = 16_384  # rows of a set for which looking at a sample pays
_LEARN, _JUDGE = 2048, 1024  # rows that the directions come from, and others that judge them
_STEP = 32  # columns: what a vector unit does at once, times some
_AT_ONCE = 1024
# In columns of a tile, per element: what finding the largest of a row costs, and what comparing one pair in full does.
_LOOK, _PAIR = 8, 60_000
_SLACK = 1e-12  # what float64 and the columns of P, at right angles to 1e-14, are off at most; squared lengths


@dataclass(frozen=True, eq=False)
class Bound:
    """Makes rows of few columns, (P'x, |x - PP'x|), whose product is no less than the cosine, but for the margin.

    basis   (D, k) P
    margin  float32 products may be so much below the bound
    """

    basis: NDArray[np.float64]
    margin: float

    def rows(self, vectors: Vectors, squares: Squares) -> NDArray[np.float32]:
        """(N, k + 1) of vectors."""
        found = np.empty((len(vectors), self.basis.shape[1] + 1), np.float32)
        for start in range(0, len(vectors), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found[part] = _bounding(_unit(vectors[part], squares[part]), self.basis)
        return found


def bound(vectors: Vectors, squares: Squares, threshold: float) -> Bound | None:
    """The bound with which the search is fastest; None where it is so without."""
    count, width = vectors.shape
    if count < FEWEST or width < 4 * _STEP:
        return None
    places = np.random.default_rng(0).permutation(count)[: _LEARN + _JUDGE]
    basis = _directions(vectors, squares, np.sort(places[:_LEARN]))
    columns = _fewest(vectors, squares, np.sort(places[_LEARN:]), basis, threshold)
    if columns is None:
        return None
    return Bound(np.ascontiguousarray(basis[:, : columns - 1]), margin(columns) + 1e-9)


def in_vain(candidates: int, area: int, width: int) -> bool:
    """Whether comparing the candidates of a tile one by one takes longer than its products of all columns."""
    return candidates * _PAIR > area * width


def _unit(vectors: Vectors, squares: Squares) -> NDArray[np.float64]:
    rows: NDArray[np.float64] = vectors.astype(np.float64)
    return rows / np.sqrt(np.where(squares > 0, squares, 1))[:, None]


def _directions(
    vectors: Vectors, squares: Squares, places: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(D, D) orthonormal columns, those with most of the sample first."""
    rows = _unit(vectors[places], squares[places])
    _, basis = np.linalg.eigh(rows.T @ rows)
    basis = np.linalg.qr(basis[:, ::-1])[0]
    if np.abs(basis.T @ basis - np.eye(len(basis))).sum(axis=1).max() > _SLACK / 2:
        raise AssertionError("directions are not at right angles")
    return basis


def _bounding(rows: NDArray[np.float64], basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, k + 1): rows in k directions, and the length of what is left, never too short."""
    kept = rows @ basis
    left = 1 - np.einsum("ij,ij->i", kept, kept)
    return np.column_stack([kept, np.sqrt(np.maximum(left, 0) + _SLACK)])


def _fewest(
    vectors: Vectors,
    squares: Squares,
    places: NDArray[np.int64],
    basis: NDArray[np.float64],
    threshold: float,
) -> int | None:
    """Columns (directions and one more) with which the search takes the shortest time; None: all, without a bound."""
    rows = _unit(vectors[places], squares[places])
    width = rows.shape[1]
    other = np.triu_indices(len(rows), 1)
    best, fewest = 0.85 * (width + _LOOK), None
    # Half of the columns of float16 take as much memory as the vectors themselves.
    for columns in range(_STEP, width // 2 + 1, _STEP):
        if columns + _LOOK >= best:
            break
        bounds = _bounding(rows, basis[:, : columns - 1]).astype(np.float32)
        share = float((bounds @ bounds.T >= threshold)[other].mean())
        cost = columns + _LOOK + min(share * _PAIR, 2.0 * width)
        if cost < best:
            best, fewest = cost, columns
    return fewest
