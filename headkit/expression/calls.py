"""The functions of expressions: from a call in the tree to its closure."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, Protocol

from headkit.expression.tree import Call, Constant, ExpressionError, Node, Path
from headkit.expression.values import OPERATIONS, WrongTypeError, finite

Closure = Callable[[Any, Any], Any]


class Parts(Protocol):
    """What the compiler makes of the arguments."""

    source: str

    def closure(self, node: Node) -> Closure: ...
    def truth(self, node: Node, operation: str) -> Closure: ...
    def number(self, node: Node, operation: str) -> Closure: ...
    def items(self, node: Node, operation: str, weight: int = 1) -> Closure: ...
    def refused(self, node: Node, operation: str, value: Any) -> WrongTypeError: ...


def _asked(parts: Parts, node: Call) -> tuple[Closure, Closure]:
    """The list, and the condition that its items are asked: the second argument, or the item itself."""
    weight = node.end - node.arguments[0].end  # a longer condition costs more per item
    listed = parts.items(node.arguments[0], f"{node.name}()", weight)
    if len(node.arguments) == 1:
        return listed, parts.truth(Path(node.start, node.end, ()), f"{node.name}()")
    return listed, parts.truth(node.arguments[1], f"{node.name}()")


def _any(parts: Parts, node: Call) -> Closure:
    return _deciding(parts, node, decisive=True)


def _all(parts: Parts, node: Call) -> Closure:
    return _deciding(parts, node, decisive=False)


def _deciding(parts: Parts, node: Call, *, decisive: bool) -> Closure:
    """any() or all(): the first item for which the condition is `decisive` ends it."""
    listed, condition = _asked(parts, node)

    def decide(record: Any, item: Any) -> bool | None:
        found = listed(record, item)
        if found is None:
            return None
        result: bool | None = not decisive
        for part in found:
            value: bool | None = condition(record, part)
            if value is decisive:
                return decisive
            if value is None:
                result = None
        return result

    return decide


def _count(parts: Parts, node: Call) -> Closure:
    if len(node.arguments) == 1:
        return _len(parts, node)
    listed, condition = _asked(parts, node)

    def count(record: Any, item: Any) -> int | None:
        found = listed(record, item)
        verdicts = [None] if found is None else [condition(record, part) for part in found]
        return None if None in verdicts else verdicts.count(True)

    return count


def _len(parts: Parts, node: Call) -> Closure:
    inner = parts.closure(node.arguments[0])

    def length(record: Any, item: Any) -> int | None:
        value = inner(record, item)
        if type(value) in (list, str, dict):
            return len(value)
        if value is None:
            return None
        raise parts.refused(node, f"{node.name}()", value)

    return length


def _exists(parts: Parts, node: Call) -> Closure:
    inner = parts.closure(node.arguments[0])
    return lambda record, item: inner(record, item) is not None


def _abs(parts: Parts, node: Call) -> Closure:
    inner = parts.number(node.arguments[0], "abs()")

    def absolute(record: Any, item: Any) -> Any:
        value = inner(record, item)
        return None if value is None else abs(value)

    return absolute


def _round(parts: Parts, node: Call) -> Closure:
    inner = parts.number(node.arguments[0], "round()")
    digits = None
    if len(node.arguments) == 2:
        second = node.arguments[1]
        if not isinstance(second, Constant) or type(second.value) is not int or second.value > 15:
            raise ExpressionError(
                "round() takes its digits as a whole number up to 15", parts.source, second.start
            )
        digits = second.value

    def rounded(record: Any, item: Any) -> Any:
        value = inner(record, item)
        return None if value is None else round(value, digits)

    return rounded


def _numbers(parts: Parts, node: Call) -> Callable[[Any, Any], list[Any] | None]:
    """The numbers of a list, or of several arguments; unknown where one is."""
    if len(node.arguments) == 1:
        listed = parts.items(node.arguments[0], f"{node.name}()")
    else:
        several = [parts.closure(argument) for argument in node.arguments]
        listed = lambda record, item: [part(record, item) for part in several]  # noqa: E731

    def checked(record: Any, item: Any) -> list[Any] | None:
        found: list[Any] | None = listed(record, item)
        if found is None or None in found:
            return None
        for value in found:
            if type(value) not in (int, float):
                raise parts.refused(node, f"{node.name}()", value)
        return found

    return checked


def _min(parts: Parts, node: Call) -> Closure:
    numbers = _numbers(parts, node)
    return lambda record, item: min(numbers(record, item) or (), default=None)


def _max(parts: Parts, node: Call) -> Closure:
    numbers = _numbers(parts, node)
    return lambda record, item: max(numbers(record, item) or (), default=None)


def _sum(parts: Parts, node: Call) -> Closure:
    numbers = _numbers(parts, node)

    def total(record: Any, item: Any) -> Any:
        found = numbers(record, item)
        return (
            None
            if found is None
            else reduce(lambda a, b: None if a is None else finite(OPERATIONS["+"], a, b), found, 0)
        )

    return total


CALLS: dict[str, Callable[[Parts, Call], Closure]] = {
    "any": _any,
    "all": _all,
    "count": _count,
    "min": _min,
    "max": _max,
    "sum": _sum,
    "len": _len,
    "abs": _abs,
    "round": _round,
    "exists": _exists,
}
