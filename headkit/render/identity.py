"""Draws a plausible person for what one says about them: values of anny's phenotypes and local changes.

The bake draws its sample of people with this same code, so that coefficients have variance 1 over the people
that the generator draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.render import growth
from headkit.render.phenotype import local_weights, macro_weights, origin_shares

Array = NDArray[Any]

STATURE_LIMIT = 2.2  # standard deviations of stature that are drawn at most
HEAD_LIMIT = 2.0
HEAD_SPREAD = 0.022  # of head size, beside what stature, weight and local changes bring
SIDES_DIFFER = 0.15  # share of a sided change that is drawn for left and right apart


@dataclass(frozen=True)
class Tables:
    """What the bake measured on anny, for M macro shapes and L local changes.

    age_years, age_values  (T,) years and the age parameter of anny whose stature they have
    macro_factors          (M, 6) see phenotype.macro_weights
    stature_rows           (2, 1 + M) metres from sole to the head joint, and from there to the crown, per weight
    head_years, head_scale (A,), (A, 2) factor on the head's size for females and males
    local_spread           (L,) standard deviation of each local change
    local_partner          (L,) the same change on the other side, or itself
    """

    age_years: Array
    age_values: Array
    macro_factors: Array
    stature_rows: Array
    head_years: Array
    head_scale: Array
    local_spread: Array
    local_partner: Array


@dataclass(frozen=True)
class Phenotype:
    """One person: values in the order of phenotype.PHENOTYPES, signed local changes, factor on the head's size."""

    values: Array  # (11,)
    local: Array  # (L,)
    head_scale: float
    stature: float  # metres

    def weights(self, factors: Array) -> tuple[Array, Array]:
        """Weights of the macro shapes (M,) and of the local shapes (2 L,)."""
        return macro_weights(self.values[None], factors)[0], local_weights(self.local[None])[0]


def draw(
    tables: Tables,
    rng: np.random.Generator,
    *,
    sex: float,
    age: float,
    origin: str | Mapping[str, float],
    weight: float | None = None,
    muscle: float | None = None,
    height: float | None = None,
) -> Phenotype:
    """A person of that sex (0 female to 1 male), age (years) and origin.

    `weight` and `muscle` run from 0 (thin, slack) over 0.5 (average) to 1; `height` is a percentile of stature
    (0 to 1) for sex and age; None draws them. The same number of draws is made whatever is given.
    Raises ValueError on a value outside its range.
    """
    for name, value, top in (
        ("sex", sex, 1.0),
        ("age", age, 120.0),
        ("weight", weight, 1.0),
        ("muscle", muscle, 1.0),
        ("height", height, 1.0),
    ):
        if value is not None and not 0 <= value <= top:
            raise ValueError(f"{name} {value}: must be from 0 to {top:g}")
    normal = rng.standard_normal(8)
    shares = rng.dirichlet(0.25 + 12 * np.array(origin_shares(origin)))
    local = _local_changes(tables, rng)

    look = abs(float(normal[0])) * 0.10  # no face is all male or all female
    gender = sex + (look if sex < 0.5 else -look)
    build = 0.5 + 0.13 * float(np.clip(normal[1], -2.2, 2.2)) if weight is None else weight
    tone = 0.5 + 0.12 * float(np.clip(normal[2], -2.2, 2.2)) if muscle is None else muscle
    values = np.array(
        [
            min(max(gender, 0.0), 1.0),
            float(np.interp(age, tables.age_years, tables.age_values)),
            tone,
            build,
            0.5,
            0.5 + 0.12 * float(np.clip(normal[3], -2, 2)),
            0.45 + 0.12 * float(np.clip(normal[4], -2, 2)),
            0.5 + 0.12 * float(np.clip(normal[5], -2, 2)),
            *shares,
        ]
    )
    z = float(np.clip(normal[6], -STATURE_LIMIT, STATURE_LIMIT))
    if height is not None:
        z = float(np.clip(NormalDist().inv_cdf(min(max(height, 0.005), 0.995)), -2.6, 2.6))
    mean, spread = growth.stature(sex, age)
    target = mean + z * spread
    size = HEAD_SPREAD * float(np.clip(normal[7], -HEAD_LIMIT, HEAD_LIMIT))
    scale = head_scale(tables, sex, age) * float(np.exp(size))
    values[4] = _height_for(target, values, scale, tables)
    return Phenotype(values, local, scale, target)


def head_scale(tables: Tables, sex: float, age: float) -> float:
    """The factor that brings the head of the mean person of that sex and age to its published circumference."""
    female, male = (
        float(np.interp(age, tables.head_years, tables.head_scale[:, k])) for k in (0, 1)
    )
    return (1 - sex) * female + sex * male


def _height_for(target: float, values: Array, scale: float, tables: Tables) -> float:
    """anny's height parameter at which the person is `target` metres tall: stature is linear in it."""
    low, high = values.copy(), values.copy()
    low[4], high[4] = 0.0, 1.0
    weights = macro_weights(np.stack([low, high]), tables.macro_factors)
    rows = tables.stature_rows[0] + scale * tables.stature_rows[1]
    tall = rows[0] + weights @ rows[1:]
    return float(np.clip((target - tall[0]) / (tall[1] - tall[0]), -0.1, 1.1))


def _local_changes(tables: Tables, rng: np.random.Generator) -> Array:
    """(L,) signed local changes, cut at 2 standard deviations; left and right sides nearly agree."""
    shared, own = rng.standard_normal((2, len(tables.local_spread)))
    first = np.minimum(np.arange(len(shared)), tables.local_partner)
    mixed = np.where(
        tables.local_partner == np.arange(len(shared)),
        shared,
        np.sqrt(1 - SIDES_DIFFER**2) * shared[first] + SIDES_DIFFER * own,
    )
    return np.asarray(np.clip(mixed, -2, 2) * tables.local_spread)
