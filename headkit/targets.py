"""The shares that a dataset is to have: `--targets FILE`, a TOML table for each thing, a share for each value.

    [sex]
    female = 0.5
    [age]
    "0..17" = 0.2
    "60..90" = 0.3
    [hair]
    afro = 0.15

Numbers are given singly or as spans "LOW..HIGH", both ends included (yaw: the higher one not). Values that are not
listed share what is left as they would without targets. The words are those of headkit.attributes; beside them
`people`, how many are in a picture, and `yaw`, where the head turns, in degrees.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headkit import attributes
from headkit.status import NO_INPUT, USAGE, Stop

SCENE = ("people", "yaw")  # what poses decide, and no words
MOST_PEOPLE = 12
_SPANS: dict[str, tuple[float, float]] = {
    **attributes.RANGES,
    "people": (1, MOST_PEOPLE),
    "yaw": (-180, 180),
}
_NUMBER = r"-?\d+(?:\.\d+)?"
_SPAN = re.compile(rf"({_NUMBER})(?:\.\.({_NUMBER}))?")


@dataclass(frozen=True)
class Group:
    """Values with a share of their own: words, or numbers from `low` to `high`."""

    label: str
    share: float
    words: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0

    def holds(self, value: Any, *, half_open: bool = False) -> bool:
        """Whether a value is one of the group."""
        if self.words:
            return str(value) in self.words
        number = float(value)
        return self.low <= number < self.high if half_open else self.low <= number <= self.high


@dataclass(frozen=True)
class Targets:
    """For each thing its groups, disjoint, whose shares add up to at most 1."""

    groups: Mapping[str, tuple[Group, ...]]

    @property
    def digest(self) -> str:
        """16 digits that other targets do not have."""
        return hashlib.sha256(repr(dict(self.groups)).encode()).hexdigest()[:16]

    def number(self, name: str, value: Any) -> int:
        """Which group of `name` a value is in; the number of groups where it is in none."""
        groups = self.groups[name]
        for number, group in enumerate(groups):
            if group.holds(value, half_open=name == "yaw"):
                return number
        return len(groups)

    def shares(self, name: str) -> list[float]:
        """The shares of the groups, and last of the values that are in none."""
        shares = [group.share for group in self.groups[name]]
        return [*shares, max(0.0, 1.0 - sum(shares))]

    def spread(self, name: str, likely: Mapping[Any, float]) -> dict[Any, float]:
        """Shares of the values of `name`: likely weights, scaled group by group to what is asked for.

        Raises ValueError where a group with a share has no value that is likely at all.
        """
        if name not in self.groups:
            total = sum(likely.values())
            return {value: weight / total for value, weight in likely.items()}
        shares = self.shares(name)
        numbers = {value: self.number(name, value) for value in likely}
        sums = [0.0] * len(shares)
        for value, weight in likely.items():
            sums[numbers[value]] += weight
        for group, share, total in zip([*self.groups[name], None], shares, sums, strict=True):
            if share > 1e-9 and not total:
                label = group.label if group is not None else "the values not listed"
                raise ValueError(f"[{name}] {label} = {share:g} cannot be had with these options")
        return {
            value: weight * shares[number] / sums[number] if sums[number] else 0.0
            for (value, weight), number in zip(likely.items(), numbers.values(), strict=True)
        }

    def pieces(self, name: str, low: float, high: float) -> list[tuple[float, float, float]]:
        """(from, to, share) of the whole span from `low` to `high`, in order: the groups, and what is between them."""
        groups = sorted(self.groups[name], key=lambda group: group.low)
        edges = [low, *(edge for group in groups for edge in (group.low, group.high)), high]
        gaps = [(edges[k], edges[k + 1]) for k in range(0, len(edges), 2)]
        empty = sum(end - begin for begin, end in gaps)
        rest = self.shares(name)[-1]
        found = [(begin, end, rest * (end - begin) / empty) for begin, end in gaps if end > begin]
        return sorted([*found, *((group.low, group.high, group.share) for group in groups)])


def read(typed: str) -> Targets:
    """The targets in a file. Raises Stop: 66 where it cannot be opened, 2 where it says what cannot be."""
    try:
        tables = tomllib.loads(Path(typed).read_text(encoding="utf-8"))
    except OSError as error:
        raise Stop(NO_INPUT, f"--targets {typed}: {error.strerror}; check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Stop(USAGE, f"--targets {typed}: not TOML: {error}") from None
    groups: dict[str, tuple[Group, ...]] = {}
    for name, table in tables.items():
        try:
            groups[name] = _groups(name, table)
        except ValueError as error:
            raise Stop(USAGE, f"--targets {typed}: [{name}] {error}") from None
    return Targets(groups)


def _groups(name: str, table: Any) -> tuple[Group, ...]:
    known = (*attributes.NAMES, *SCENE)
    if name not in known:
        raise ValueError(f"is nothing that can be asked for; choose from {', '.join(known)}")
    if not isinstance(table, dict) or not table:
        raise ValueError("is no table of shares, as female = 0.5")
    groups = [_group(name, str(value), share) for value, share in table.items()]
    total = sum(group.share for group in groups)
    if total > 1 + 1e-6:
        raise ValueError(f"has shares that add up to {total:g}, more than 1")
    if name in _SPANS:
        _check_apart(groups, half_open=name == "yaw")
    if total < 1 - 1e-6 and _covered(name, groups):
        raise ValueError(f"has shares that add up to {total:g}, and no value is left for the rest")
    return tuple(groups)


def _group(name: str, value: str, share: Any) -> Group:
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise ValueError(f"{value} = {share!r}: a share from 0 to 1 is needed")
    if name not in _SPANS:
        if value not in attributes.VOCABULARY[name]:
            choice = ", ".join(attributes.VOCABULARY[name])
            raise ValueError(f"{value} is not known; choose from {choice}")
        return Group(value, float(share), words=(value,))
    least, most = _SPANS[name]
    match = _SPAN.fullmatch(value.replace(" ", ""))
    low = float(match[1]) if match else 0.0
    high = float(match[2] if match[2] is not None else match[1]) if match else 0.0
    if match is None or not least <= low <= high <= most:
        raise ValueError(
            f"{value!r}: a number or LOW..HIGH within {least:g} and {most:g} is needed"
        )
    return Group(value, float(share), low=low, high=high)


def _check_apart(groups: Sequence[Group], *, half_open: bool) -> None:
    ordered = sorted(groups, key=lambda group: group.low)
    for one, two in itertools.pairwise(ordered):
        if two.low < one.high or (two.low == one.high and not half_open):
            raise ValueError(f"{one.label} and {two.label} overlap")


def _covered(name: str, groups: Sequence[Group]) -> bool:
    """Whether every value is in a group."""
    if name not in _SPANS:
        listed = {word for group in groups for word in group.words}
        return listed >= set(attributes.VOCABULARY[name])
    least, most = attributes.DRAWN_AGES if name == "age" else _SPANS[name]
    if name == "yaw":
        return sum(group.high - group.low for group in groups) >= most - least
    numbers = range(int(least), int(most) + 1)
    return all(any(group.holds(number) for group in groups) for number in numbers)
