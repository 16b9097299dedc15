"""Attributes drawn so that a whole manifest meets its targets, while what goes together in life still does.

What is likely (headkit.attributes) is scaled until the marginals are those asked for, by iterative proportional fitting
(Deming and Stephan 1940), which of all distributions with these marginals gives the one nearest to the likely one
(Csiszar 1975). Sex, age, origin and tone are drawn together; every other attribute given sex, age and origin. A person
is then drawn from seed and id alone, so that no memory of other rows is needed and shards agree.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit import attributes
from headkit.status import USAGE, Stop
from headkit.targets import SCENE, Targets

Array = NDArray[np.float64]

AGES = tuple(range(attributes.DRAWN_AGES[0], attributes.DRAWN_AGES[1] + 1))
TONES = tuple(range(attributes.TONE[0], attributes.TONE[1] + 1))
TOGETHER: dict[str, tuple[Any, ...]] = {
    "sex": attributes.SEX,
    "age": AGES,
    "origin": attributes.ORIGIN,
    "tone": TONES,
}
_KEPT = 4096  # running sums, by what is known of a person
_ROUNDS = 2000
_CLOSE = 1e-4  # share by which a marginal may miss its target


class Balance:
    """Draws of people. Raises Stop (2) where targets cannot be met together."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets
        self.people = self._together()
        self.sums: dict[tuple[int | None, ...], tuple[tuple[int, ...], Array]] = {}
        cells = self.people.sum(axis=3)
        self.given: dict[str, Array] = {}
        for name in targets.groups:
            if name not in TOGETHER and name not in SCENE:
                self.given[name] = self._after(name, cells)

    def complete(self, given: Mapping[str, Any], draw: random.Random) -> dict[str, Any]:
        """All attributes of a person: those given, and draws of the rest; as attributes.complete."""
        together = draw.random()
        numbers = {name: draw.random() for name in attributes.NAMES}
        known = tuple(
            None if given.get(name) is None else _place(values, given[name])
            for name, values in TOGETHER.items()
        )
        at = self._cell(known, together)
        person = {
            **{name: values[k] for (name, values), k in zip(TOGETHER.items(), at, strict=True)},
            **{name: value for name, value in given.items() if value is not None},
        }
        for name, table in self.given.items():
            if name not in person:
                words = attributes.VOCABULARY[name]
                person[name] = words[_drawn(np.cumsum(table[at[:3]]), numbers[name])]
        return attributes.complete(person, draw)

    def _cell(self, known: tuple[int | None, ...], number: float) -> tuple[int, ...]:
        """Places of sex, age, origin and tone: those known, and a draw of the others."""
        if known not in self.sums:
            if len(self.sums) >= _KEPT:
                self.sums.clear()
            part = self.people[tuple(slice(None) if k is None else slice(k, k + 1) for k in known)]
            self.sums[known] = part.shape, np.cumsum(part)
        shape, total = self.sums[known]
        drawn = np.unravel_index(_drawn(total, number), shape)
        return tuple(int(d) if k is None else k for k, d in zip(known, drawn, strict=True))

    def _together(self) -> Array:
        """(sexes, ages, origins, tones) shares."""
        likely = attributes.likely_tones()
        table = np.array([[likely[origin][k] for k in range(len(TONES))] for origin in likely])
        joint = np.ones((len(attributes.SEX), len(AGES), 1, 1)) * table
        joint /= joint.sum()
        names = [name for name in TOGETHER if name in self.targets.groups]
        for _ in range(_ROUNDS):
            missed = max(
                (self._scale(joint, list(TOGETHER).index(name), name) for name in names),
                default=0.0,
            )
            if missed < 1e-9:
                break
        for name in names:
            self._check(name, joint.sum(axis=_others(joint, list(TOGETHER).index(name))))
        return np.asarray(joint)

    def _after(self, name: str, cells: Array) -> Array:
        """(sexes, ages, origins, values) shares within each cell, whose whole meets the target of `name`."""
        rows = [
            list(attributes.likely(name, sex, age, origin).values())
            for sex in attributes.SEX
            for age in AGES
            for origin in attributes.ORIGIN
        ]
        table = np.array(rows).reshape(*cells.shape, -1)
        table *= (cells / table.sum(axis=3))[..., None]
        for _ in range(_ROUNDS):
            missed = self._scale(table, 3, name)
            table *= (cells / np.maximum(table.sum(axis=3), 1e-300))[..., None]
            if missed < 1e-9:
                break
        self._check(name, table.sum(axis=(0, 1, 2)))
        return np.asarray(table)

    def _scale(self, table: Array, axis: int, name: str) -> float:
        """Scale a table along an axis, in place, to the target of `name`; by how much it missed."""
        members, shares = self._members(name)
        found = np.bincount(members, table.sum(axis=_others(table, axis)), minlength=len(shares))
        factor = np.divide(shares, found, out=np.zeros(len(shares)), where=found > 0)
        shape = [1] * table.ndim
        shape[axis] = -1
        table *= factor[members].reshape(shape)
        return float(np.abs(found - shares).max())

    def _members(self, name: str) -> tuple[NDArray[np.int64], Array]:
        """For each value the number of its group, and the groups' shares, that of the rest last."""
        values = TOGETHER.get(name) or attributes.VOCABULARY[name]
        members = np.array([self.targets.number(name, value) for value in values])
        return members, np.array(self.targets.shares(name))

    def _check(self, name: str, marginal: Array) -> None:
        members, shares = self._members(name)
        found = np.bincount(members, marginal, minlength=len(shares))
        missed = np.abs(found - shares)
        if missed.max() > _CLOSE:
            groups = self.targets.groups[name]
            worst = int(missed[:-1].argmax()) if missed[:-1].max() > _CLOSE else len(groups)
            label = groups[worst].label if worst < len(groups) else "the values not listed"
            raise Stop(
                USAGE,
                f"--targets: [{name}] {label} = {shares[worst]:g} cannot be had with the other targets; "
                f"the nearest is {found[worst]:.3f}",
            )


def _others(table: Array, axis: int) -> tuple[int, ...]:
    return tuple(k for k in range(table.ndim) if k != axis)


def _place(values: tuple[Any, ...], value: Any) -> int:
    """Where a value stands; of a number the nearest."""
    if isinstance(value, str):
        return values.index(value)
    return int(np.abs(np.array(values, float) - float(value)).argmin())


def _drawn(total: Array, number: float) -> int:
    """The index that a number from 0 to 1 picks, by running sums of weights."""
    place = int(np.searchsorted(total, number * total[-1], side="right"))
    return min(place, int(np.searchsorted(total, total[-1])))
