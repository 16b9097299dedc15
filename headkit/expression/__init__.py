"""A small, safe language of expressions over a record, for --keep and --prefer.

    width >= 512 and any(truth.heads, box_height > 40 and visibility > 0.5)
    scores.sharpness ?? 0 > 0.3 and not ("mirror" in caption)

Comparisons (< <= > >= == !=, chained as 0.2 < x <= 0.8; in, not in), and, or, not, + - * / %, strings, numbers,
lists, `x ?? default`, and the functions any, all, count, min, max, sum, len, abs, round, exists. A path names a
field: truth.heads[0].box, scores["odd name"], heads[].score (each item's, as a list); jq's leading dot is
accepted. any(list, condition), all() and count() ask the condition of each item, where names are the item's
fields, `item` is the item itself and `record` the record. box_width, box_height and box_area follow from `box`.

Text is parsed by our own parser into closures; nothing is ever handed to Python's eval. Any text gives an
Expression or an ExpressionError, and any record a value or a WrongTypeError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headkit.expression.check import check, paths
from headkit.expression.compile import compiled
from headkit.expression.syntax import ORDER, parse
from headkit.expression.tree import Comparison, Constant, ExpressionError, Junction, Node
from headkit.expression.values import WrongTypeError, kind

__all__ = ["Expression", "ExpressionError", "Verdict", "WrongTypeError"]


@dataclass(frozen=True)
class Verdict:
    """Why a record was not kept: the first part that is not true, and its numbers where it compares some."""

    reason: str
    score: float | None = None
    threshold: float | None = None


class Expression:
    """A compiled expression. `wants` is the type that it must have: "bool" or "number"; ExpressionError else."""

    def __init__(self, source: str, wants: str = "bool") -> None:
        self.source = source
        self.wants = wants
        self._tree = parse(source)
        found = check(self._tree, source)
        if found not in (wants, None):
            words = {"bool": "true or false", "number": "a number"}
            raise ExpressionError(
                f"the expression must give {words[wants]}", source, self._tree.start
            )
        self._evaluate = compiled(self._tree, source)
        both = isinstance(self._tree, Junction) and self._tree.operator == "and"
        parts = self._tree.operands if both and isinstance(self._tree, Junction) else (self._tree,)
        self._conjuncts = [_Conjunct(part, source) for part in parts]

    def check(self, record: dict[str, Any]) -> None:
        """ExpressionError where a name is neither in the schema nor in `record`, the first one."""
        check(self._tree, self.source, record)

    def evaluate(self, record: dict[str, Any]) -> Any:
        """The value for one record, None where it is unknown; WrongTypeError."""
        value = self._evaluate(record)
        if (
            value is None or type(value) is bool
            if self.wants == "bool"
            else type(value) in (int, float, type(None))
        ):
            return value
        raise WrongTypeError(
            f"the expression must give {'true or false' if self.wants == 'bool' else 'a number'}, not {kind(value)}"
        )

    def explain(self, record: dict[str, Any]) -> Verdict | None:
        """Why the value is not true for the record; None where it is."""
        for conjunct in self._conjuncts:
            verdict = conjunct.verdict(record)
            if verdict is not None:
                return verdict
        return None


class _Conjunct:
    """One of the conditions that `and` joins at the top."""

    def __init__(self, node: Node, source: str) -> None:
        self.text = " ".join(source[node.start : node.end].split())
        self.evaluate = compiled(node, source)
        self.fields = [
            (" ".join(source[path.start : path.end].split()), compiled(path, source))
            for path in paths(node)
        ]
        self.sides: list[
            tuple[bool, Any]
        ] = []  # of a comparison: is it a constant, and its closure
        if isinstance(node, Comparison) and all(operator in ORDER for operator in node.operators):
            self.sides = [
                (not paths(side) or isinstance(side, Constant), compiled(side, source))
                for side in node.operands
            ]
            self.links = [compiled(link, source) for link in _links(node)]

    def verdict(self, record: dict[str, Any]) -> Verdict | None:
        value = self.evaluate(record)
        if value is True:
            return None
        if value is None:
            missing = [name for name, field in self.fields if field(record) is None]
            why = f"{missing[0]} is missing" if missing else "a value in it is missing"
            return Verdict(f"{self.text} ({why})")
        return Verdict(self.text, *self.numbers(record))

    def numbers(self, record: dict[str, Any]) -> tuple[float | None, float | None]:
        """What was compared with what, in the first link that does not hold."""
        for number, _ in enumerate(self.sides[1:]):
            if self.links[number](record) is not False:
                continue
            (fixed, left), (_, right) = self.sides[number], self.sides[number + 1]
            values = (right(record), left(record)) if fixed else (left(record), right(record))
            if all(type(value) in (int, float) for value in values):
                return values
        return None, None


def _links(node: Comparison) -> list[Comparison]:
    pairs = zip(node.operands, node.operands[1:], node.operators, strict=False)
    return [
        Comparison(left.start, right.end, (left, right), (operator,))
        for left, right, operator in pairs
    ]
