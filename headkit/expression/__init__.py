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

from collections.abc import Callable
from typing import Any

from headkit.expression.check import check, check_items, names
from headkit.expression.compile import compiled
from headkit.expression.reads import select
from headkit.expression.reasons import Conjunct, Verdict
from headkit.expression.syntax import parse
from headkit.expression.tree import ExpressionError, Junction, decides
from headkit.expression.values import WrongTypeError, kind
from headkit.selection import Selection

__all__ = ["Expression", "ExpressionError", "Verdict", "WrongTypeError"]


class Expression:
    """A compiled expression. `wants` is the type that it must have: "bool" or "number"; ExpressionError else.

    With `items`, the text of a list such as "heads", it is asked of each item of that list, as any(heads, ...) asks:
    names are fields of the item. Then evaluate() and explain() take an item, and the record as `whole`.
    """

    def __init__(self, source: str, wants: str = "bool", items: str | None = None) -> None:
        self.source = source
        self.wants = wants
        self._tree = parse(source)
        self._items = None if items is None else parse(items)
        found = self._type(None)
        if found not in (wants, None):
            words = {"bool": "true or false", "number": "a number"}
            raise ExpressionError(
                f"the expression must give {words[wants]}", source, self._tree.start
            )
        # evaluate(record), or (item, whole): the value, None where it is unknown; it raises WrongTypeError.
        evaluate = compiled(self._tree, source)
        sure = decides(self._tree) and wants == "bool"
        self.evaluate = evaluate if sure else _checked(evaluate, wants)
        both = isinstance(self._tree, Junction) and self._tree.operator == "and"
        parts = self._tree.operands if both and isinstance(self._tree, Junction) else (self._tree,)
        self._conjuncts = [Conjunct(part, source) for part in parts]

    def _type(self, record: dict[str, Any] | None) -> str | None:
        if self._items is None:
            return check(self._tree, self.source, record)
        return check_items(self._tree, self.source, self._items, record)

    def check(self, record: dict[str, Any]) -> None:
        """ExpressionError where a name is neither in the schema nor in `record`, the first one."""
        self._type(record)

    @property
    def names(self) -> set[tuple[str, ...]]:
        """The paths that it reads, up to their first index: ("scores", "flip"). Those of items are not among them."""
        return names(self._tree)

    def select(self, selection: Selection) -> None:
        """Add the parts of a record that it reads."""
        select(self._tree, selection, selection)

    def explain(self, record: Any, whole: dict[str, Any] | None = None) -> Verdict | None:
        """Why the value is not true for the record or item; None where it is."""
        for conjunct in self._conjuncts:
            verdict = conjunct.verdict(record, whole)
            if verdict is not None:
                return verdict
        return None


def _checked(evaluate: Callable[..., Any], wants: str) -> Callable[..., Any]:
    """The closure of a whole expression, with its type checked."""

    def value(record: Any, whole: Any = None) -> Any:
        found = evaluate(record, whole)
        if found is True or found is False:
            if wants == "bool":
                return found
        elif found is None or (wants == "number" and type(found) in (int, float)):
            return found
        wanted = "true or false" if wants == "bool" else "a number"
        raise WrongTypeError(f"the expression must give {wanted}, not {kind(found)}")

    return value
