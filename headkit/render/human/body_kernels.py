"""The inner loops of the human: every sum runs in a fixed order, so the same input gives the same bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import compiled

Array = NDArray[Any]


@compiled
def add_modes(out: Array, rows: Array, coefficients: Array) -> None:
    """Sums as head.model.add_modes does, on flat arrays: float32, in the order of the rows, one rounding for each step."""
    for k in range(rows.shape[0]):
        share = coefficients[k]
        if share != 0:
            for i in range(out.shape[0]):
                out[i] += share * rows[k, i]


def weighted_rows(weights: Array, rows: Array) -> Array:
    """Sum of rows by weight, float64, in order; most weights are 0."""
    total = np.zeros(rows.shape[1])
    _add_rows(weights, rows, total)
    return total


@compiled
def _add_rows(weights: Array, rows: Array, out: Array) -> None:
    for k in range(rows.shape[0]):
        if weights[k] != 0:
            for i in range(rows.shape[1]):
                out[i] += weights[k] * rows[k, i]


@compiled
def skin(rest: Array, bones: Array, weights: Array, transforms: Array, out: Array) -> None:
    """Linear blend skinning, influences summed in order in float64."""
    for v in range(rest.shape[0]):
        x, y, z = float(rest[v, 0]), float(rest[v, 1]), float(rest[v, 2])
        for row in range(3):
            total = 0.0
            for k in range(bones.shape[1]):
                share = float(weights[v, k])
                if share > 0.0:
                    t = transforms[bones[v, k], row]
                    total += share * (t[0] * x + t[1] * y + t[2] * z + t[3])
            out[v, row] = total


@compiled
def gather(
    rest: Array, pair: Array, vertex: Array, weight: Array, pairs: Array, out: Array
) -> None:
    """Adds each entry's weighted vertex to its (key point, bone) row."""
    for e in range(pair.shape[0]):
        row = out[pairs[pair[e], 0], pairs[pair[e], 1]]
        share = float(weight[e])
        row[0] += share * rest[vertex[e], 0]
        row[1] += share * rest[vertex[e], 1]
        row[2] += share * rest[vertex[e], 2]
        row[3] += share


def refine(values: Array, start: Array, index: Array, weight: Array) -> Array:
    """The old rows (V, D), then the weighted sums of the new ones."""
    out = np.empty((len(values) + len(start) - 1, values.shape[1]), dtype=values.dtype)
    out[: len(values)] = values
    _add_refined(out, len(values), start, index, weight)
    return out


@compiled
def _add_refined(out: Array, count: int, start: Array, index: Array, weight: Array) -> None:
    """The rows from `count` on, from those before it; summed in order in float64. Slices compile slowly."""
    for row in range(start.shape[0] - 1):
        for d in range(out.shape[1]):
            total = 0.0
            for e in range(start[row], start[row + 1]):
                total += float(weight[e]) * out[index[e], d]
            out[count + row, d] = total
