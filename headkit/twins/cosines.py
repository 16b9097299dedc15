"""The cosine of two stored vectors, to the last bit, and how far a product in float32 can be from it.

Vectors are stored as float16 of length 1, nearly. A float16 is a multiple of 2**-24 with 11 significant bits, so the
product of two is a multiple of 2**-48 with 22, and while two vectors are no longer than 4 (LONGEST) every partial sum
of their products stays below 2**4: 52 bits, which float64 holds. So the float64 scalar product of two stored vectors
is exact, whatever the order of the sum, the library or the machine; their squared lengths are as well. The cosine is
then defined by three operations that IEEE 754 rounds in one way only: product / sqrt(square * square).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float16]  # (N, D)
Squares = NDArray[np.float64]  # (N,)

LONGEST = 4.0
_UNIT = 2.0**-24  # unit roundoff of float32
_AT_ONCE = 1024  # rows converted together


def stored(vectors: NDArray[np.floating]) -> Vectors:
    """(N, D) rows as they are stored: of length 1, in float16. Rows of zeros stay so, and are nobody's twins.

    Raises ValueError where a number is not finite.
    """
    wide = np.asarray(vectors, np.float64)
    if not np.isfinite(wide).all():
        raise ValueError("a vector has a number that is not finite")
    # Scaled by the largest number first, so that no square leaves the range.
    wide = wide / np.maximum(np.abs(wide).max(axis=1, keepdims=True, initial=0), 1e-300)
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]
    rows: Vectors = (wide / np.maximum(lengths, 1e-300)).astype(np.float16)
    return rows


def squares(vectors: Vectors) -> Squares:
    """Squared lengths, exact. Raises ValueError where one is longer than LONGEST, or not finite."""
    found = np.empty(len(vectors))
    for start in range(0, len(vectors), _AT_ONCE):
        rows = vectors[start : start + _AT_ONCE].astype(np.float64)
        found[start : start + _AT_ONCE] = np.einsum("ij,ij->i", rows, rows)
    if not (found <= LONGEST**2).all():
        raise ValueError(
            f"a vector is longer than {LONGEST:g}, or not finite; store them of length 1"
        )
    return found


def cosines(
    left: Vectors, right: Vectors, left_squares: Squares, right_squares: Squares
) -> NDArray[np.float64]:
    """(P,) of each pair of rows; 0 where one is of length 0."""
    found = np.zeros(len(left))
    for start in range(0, len(left), 256):  # two blocks of float64 that stay in the cache
        part = slice(start, start + 256)
        product = np.einsum(
            "ij,ij->i", left[part].astype(np.float64), right[part].astype(np.float64)
        )
        lengths = np.sqrt(left_squares[part] * right_squares[part])
        np.divide(product, lengths, out=found[part], where=lengths > 0)
    return found


def directions(vectors: Vectors, row_squares: Squares) -> NDArray[np.float32]:
    """(N, D) rows of length 1 in float32, as float32 tiles are computed from them; rows of length 0 stay so."""
    inverse = np.zeros(len(vectors))
    np.divide(1, np.sqrt(row_squares), out=inverse, where=row_squares > 0)
    rows: NDArray[np.float32] = vectors.astype(np.float32)
    rows *= inverse.astype(np.float32)[:, None]
    return rows


def margin(columns: int) -> float:
    """How far the float32 product of two rows of `columns` numbers, as directions() gives them, is from the cosine at most.

    Each number of a row is off by two roundings (the inverse length, the product with it), so that the products of
    two rows are off by 4, and their sum by `columns` more in any order, fused or not (Higham, Accuracy and Stability
    of Numerical Algorithms, 3.1: gamma_n = n u / (1 - n u)), each relative to sums of |x y|, at most 1. Four more
    cover second-order terms and the roundings of float64.
    """
    roundings = (columns + 8) * _UNIT
    return roundings / (1 - roundings)
