"""Precision and recall of a score at each of its thresholds, from a sample that people have labelled."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from headkit.status import BAD_INPUT, Stop
from headkit.tool import Record

NORMAL_95 = 1.959963984540054  # of the standard normal distribution, 95% lie within
SHOWN = (1.0, 0.999, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.5, 0.3, 0.1)  # recalls of a table


class Share(NamedTuple):
    """A proportion with its 95% interval; of nothing, no value and the interval 0 to 1."""

    value: float | None
    low: float
    high: float


def share(part: int, whole: int) -> Share:
    """part / whole with the interval of Wilson (1927), which holds for small numbers and near 0 and 1."""
    if not whole:
        return Share(None, 0.0, 1.0)
    value, square = part / whole, NORMAL_95**2
    middle = (value + square / (2 * whole)) / (1 + square / whole)
    spread = math.sqrt(value * (1 - value) / whole + square / (4 * whole**2))
    reach = NORMAL_95 / (1 + square / whole) * spread
    low = 0.0 if not part else max(0.0, middle - reach)
    return Share(value, low, 1.0 if part == whole else min(1.0, middle + reach))


@dataclass(frozen=True)
class Threshold:
    """One threshold: what is kept by it, of those that people would keep and of the others."""

    score: str
    operator: str
    value: float
    kept_good: int
    kept_bad: int
    good: int
    bad: int

    @property
    def rule(self) -> str:
        """The expression that keeps by this threshold."""
        return f"{self.score} {self.operator} {self.value!r}"

    @property
    def shares(self) -> dict[str, Share]:
        """Of keeping: how much of what is kept is right, how much of the good is kept. Of dropping likewise."""
        dropped_bad = self.bad - self.kept_bad
        dropped = self.good - self.kept_good + dropped_bad
        return {
            "precision": share(self.kept_good, self.kept_good + self.kept_bad),
            "recall": share(self.kept_good, self.good),
            "drop_precision": share(dropped_bad, dropped),
            "drop_recall": share(dropped_bad, self.bad),
        }

    def row(self) -> Record:
        """The threshold as a row of JSON, shares with their intervals."""
        row: Record = {
            "score": self.score,
            "keep": self.rule,
            "threshold": self.value,
            "kept": self.kept_good + self.kept_bad,
            "dropped": self.good + self.bad - self.kept_good - self.kept_bad,
        }
        for name, found in self.shares.items():
            row[name] = None if found.value is None else round(found.value, 6)
            row[f"{name}_95"] = [round(found.low, 6), round(found.high, 6)]
        return row


def labels(path: Path) -> dict[str, bool]:
    """id -> whether a person would keep it, of lines {"id": ..., "keep": true or false}; Stop 65 or 66."""
    from headkit.jsonl import LineError, named_lines, parse

    found: dict[str, bool] = {}
    for where, line in named_lines(path):
        try:
            row = parse(line)
        except LineError as error:
            raise Stop(BAD_INPUT, f"{where}: {error}") from None
        name, keep = row.get("id"), row.get("keep")
        if type(name) is not str or type(keep) is not bool:
            raise Stop(BAD_INPUT, f'{where}: a label is {{"id": "...", "keep": true or false}}')
        if found.setdefault(name, keep) is not keep:
            raise Stop(BAD_INPUT, f'{where}: id "{name}" has two labels that contradict each other')
    if len(set(found.values())) < 2:
        raise Stop(
            BAD_INPUT,
            f"{path}: a sample has records to keep and records to drop; this one has not both",
        )
    return found


class Sample:
    """The scores of labelled records, as they come by."""

    def __init__(self, wanted: Mapping[str, bool]) -> None:
        self.left = dict(wanted)  # labelled, but not seen yet
        self.keeps: list[bool] = []
        self.scores: dict[str, dict[int, float]] = {}  # name -> number of the record -> score

    def add(self, record: Record) -> None:
        """Take a labelled record; any other is passed over. One without a score is dropped by every threshold of it."""
        keep = self.left.pop(record["id"], None)
        if keep is None:
            return
        scores: Any = record.get("scores")
        for name, value in (scores if type(scores) is dict else {}).items():
            if type(value) in (int, float):
                self.scores.setdefault(name, {})[len(self.keeps)] = value
        self.keeps.append(keep)

    def curve(self, name: str) -> Curve:
        """Precision and recall of one score."""
        values = self.scores.get(name, {})
        pairs = [(value, self.keeps[number]) for number, value in values.items()]
        return Curve(_spelled(name), pairs, self.keeps.count(True), self.keeps.count(False))


def _spelled(name: str) -> str:
    plain = name.isidentifier() and name.isascii()
    return f"scores.{name}" if plain else f'scores["{name}"]'


class Curve:
    """One score over the sample. It keeps what is high, or what is low where good records have the lower numbers."""

    def __init__(self, score: str, pairs: list[tuple[float, bool]], good: int, bad: int) -> None:
        self.score, self.good, self.bad = score, good, bad
        self.missing = good + bad - len(pairs)
        self.area = _area(pairs)
        self.high = self.area >= 0.5
        self.thresholds = list(self._thresholds(pairs))

    def _thresholds(self, pairs: list[tuple[float, bool]]) -> Iterator[Threshold]:
        """Every number that occurs, the strictest first."""
        operator = ">=" if self.high else "<="
        kept = [0, 0]
        ordered = sorted(pairs, key=lambda pair: pair[0], reverse=self.high)
        for number, (value, keep) in enumerate(ordered):
            kept[keep] += 1
            if number + 1 == len(ordered) or ordered[number + 1][0] != value:
                yield Threshold(
                    self.score, operator, value, kept[True], kept[False], self.good, self.bad
                )

    def at_recall(self, least: float) -> Threshold | None:
        """The strictest threshold that keeps this share of the good ones; None where none does."""
        return next(
            (found for found in self.thresholds if found.kept_good >= least * self.good), None
        )

    def at_drop_recall(self, least: float) -> Threshold | None:
        """The loosest threshold that drops this share of the others; None where none does."""
        enough = (
            found
            for found in reversed(self.thresholds)
            if self.bad - found.kept_bad >= least * self.bad
        )
        return next(enough, None)

    def shown(self) -> list[Threshold]:
        """The thresholds of a table: one for each of the recalls SHOWN, the strictest first."""
        picked = {
            id(found): found
            for recall in reversed(SHOWN)
            if (found := self.at_recall(recall)) is not None
        }
        return list(picked.values())


def _area(pairs: list[tuple[float, bool]]) -> float:
    """The area under the ROC curve: how often a good record has the higher number (Mann and Whitney); ties count half."""
    ordered = sorted(pairs, key=lambda pair: pair[0])
    good = sum(keep for _, keep in ordered)
    bad = len(ordered) - good
    if not good or not bad:
        return 0.5
    wins, below, at = 0.0, 0, 0
    while at < len(ordered):
        end = at
        tied = [0, 0]
        while end < len(ordered) and ordered[end][0] == ordered[at][0]:
            tied[ordered[end][1]] += 1
            end += 1
        wins += tied[True] * (below + tied[False] / 2)
        below += tied[False]
        at = end
    return wins / (good * bad)


def table(curve: Curve) -> str:
    """The curve for people: a head line, and a row for each threshold shown."""
    way = "high" if curve.high else "low"
    lines = [
        f"{curve.score}: {curve.good} to keep, {curve.bad} to drop; good ones are {way}, AUC "
        f"{max(curve.area, 1 - curve.area):.4f}"
        + (f"; {curve.missing} without it, always dropped" if curve.missing else "")
    ]
    rules = [found.rule for found in curve.shown()]
    width = max(map(len, [*rules, "keep where"]))
    titles = ("precision", "recall", "drop precision", "drop recall")
    lines.append(
        "  ".join(
            [f"{'keep where':{width}}", f"{'kept':>7}", *(f"{t:<20}" for t in titles)]
        ).rstrip()
    )
    for found, rule in zip(curve.shown(), rules, strict=True):
        cells = [f"{cell(one):<20}" for one in found.shares.values()]
        kept = found.kept_good + found.kept_bad
        lines.append("  ".join([f"{rule:{width}}", f"{kept:7}", *cells]).rstrip())
    return "\n".join(lines) + "\n"


def cell(found: Share) -> str:
    """A share in per cent with its interval."""
    if found.value is None:
        return "-"
    return f"{100 * found.value:.2f}% ({100 * found.low:.1f}-{100 * found.high:.1f})"
