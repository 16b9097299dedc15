"""Why a record was not kept: the condition that did not hold, and the values it had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from headkit.expression.check import paths
from headkit.expression.compile import compiled
from headkit.expression.syntax import ITERATING, ORDER
from headkit.expression.tree import Call, Comparison, Constant, Node, children

MOST_VALUES = 8  # fields that a reason shows
MOST_ITEMS = 16  # of a list
LONGEST = 80  # characters of a string

Value = Callable[..., Any]  # of a record, or of an item and the whole record


@dataclass(frozen=True)
class Verdict:
    """Why a record was not kept: the first part that is not true, and its numbers where it compares some.

    `values` are those of the fields that the part reads, by their paths: of a long list or an object its length,
    of the items that any(), all() or count() ask a list. Empty where score and threshold say it all.
    """

    reason: str
    score: float | None = None
    threshold: float | None = None
    values: dict[str, Any] = field(default_factory=dict)


class Conjunct:
    """One of the conditions that `and` joins at the top."""

    def __init__(self, node: Node, source: str) -> None:
        self.source = source
        self.text = self.words(node)
        self.evaluate = compiled(node, source)
        self.fields = {self.words(path): compiled(path, source) for path in paths(node)}
        self.asked = dict(self.of_items(node))
        self.sides: list[tuple[bool, Value]] = []  # of a comparison: is it a constant, its closure
        if isinstance(node, Comparison) and all(operator in ORDER for operator in node.operators):
            self.sides = [
                (not paths(side) or isinstance(side, Constant), compiled(side, source))
                for side in node.operands
            ]
            self.links = [compiled(link, source) for link in _links(node)]

    def words(self, node: Node) -> str:
        return " ".join(self.source[node.start : node.end].split())

    def of_items(self, node: Node) -> Iterator[tuple[str, tuple[Value, Value]]]:
        """Of each list that is asked item by item, the fields of the items that the condition reads."""
        if isinstance(node, Call) and node.name in ITERATING and len(node.arguments) == 2:
            items, condition = node.arguments
            text = self.words(items)
            text = text if " " not in text or text.startswith("(") else f"({text})"
            for path in paths(condition):
                if not path.whole_record:
                    name = f"{text}[].{self.words(path).removeprefix('.')}"
                    yield name, (compiled(items, self.source), compiled(path, self.source))
            return
        for part in children(node):
            yield from self.of_items(part)

    def verdict(self, record: Any, whole: Any = None) -> Verdict | None:
        value = self.evaluate(record, whole)
        if value is True:
            return None
        reason = self.text
        if value is None:
            missing = [name for name, read in self.fields.items() if read(record, whole) is None]
            why = f"{missing[0]} is missing" if missing else "a value in it is missing"
            reason = f"{self.text} ({why})"
        score, threshold = self.numbers(record, whole) if value is False else (None, None)
        values = self.values(record, whole)
        alone = len(values) == 1 and (score is not None or None in values.values())
        return Verdict(reason, score, threshold, {} if alone else values)

    def values(self, record: Any, whole: Any) -> dict[str, Any]:
        """What the fields of the condition hold, as far as it can be shown in a line."""
        found: dict[str, Any] = {}
        for name, read in self.fields.items():
            value = read(record, whole)
            if type(value) is dict or (type(value) is list and not _short(value)):
                found[f"len({name})"] = len(value)
            else:
                found[name] = _shown(value)
        for name, (items, read) in self.asked.items():
            listed = items(record, whole)
            if type(listed) is list:
                held = [_shown(read(item, record)) for item in listed[:MOST_ITEMS]]
                found[name] = [value if _scalar(value) else len(value) for value in held]
        return dict(list(found.items())[:MOST_VALUES])

    def numbers(self, record: Any, whole: Any) -> tuple[float | None, float | None]:
        """What was compared with what, in the first link that does not hold."""
        for number, _ in enumerate(self.sides[1:]):
            if self.links[number](record, whole) is not False:
                continue
            (fixed, left), (_, right) = self.sides[number], self.sides[number + 1]
            pair = left(record, whole), right(record, whole)
            if all(type(value) in (int, float) for value in pair):
                return (pair[1], pair[0]) if fixed else pair
        return None, None


def _links(node: Comparison) -> list[Comparison]:
    pairs = zip(node.operands, node.operands[1:], node.operators, strict=False)
    return [
        Comparison(left.start, right.end, (left, right), (operator,))
        for left, right, operator in pairs
    ]


def _scalar(value: Any) -> bool:
    return type(value) is not list and type(value) is not dict


def _short(value: list[Any]) -> bool:
    return len(value) <= MOST_ITEMS and all(map(_scalar, value))


def _shown(value: Any) -> Any:
    """A value as a reason shows it: a long string is cut."""
    if type(value) is list:
        return [_shown(item) for item in value] if _short(value) else value
    return f"{value[:LONGEST]}..." if type(value) is str and len(value) > LONGEST else value
