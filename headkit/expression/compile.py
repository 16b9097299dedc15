"""From the tree of an expression to a closure that evaluates it.

A closure takes the record and the item at hand (the record itself, outside any(), all() and count()).
JSON's null and a field that is not there are one value, None: unknown. An ordering or an arithmetic
operation on the unknown is unknown; `and`, `or` and `not` follow Kleene's three-valued logic. What is
unknown is not kept. Types are never mixed silently: `"9" < 10` is a WrongTypeError, and true is not 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headkit.expression.calls import CALLS
from headkit.expression.tree import (
    Arithmetic,
    Call,
    Comparison,
    Constant,
    Fallback,
    Junction,
    Listing,
    Minus,
    Negation,
    Node,
    Path,
    decides,
)
from headkit.expression.values import (
    DERIVED,
    OPERATIONS,
    ORDERS,
    WrongTypeError,
    finite,
    kind,
    same,
    step_into,
)

Closure = Callable[[Any, Any], Any]

COSTLIEST = 100_000_000  # items that one record may make an expression look at, times the condition's length


def compiled(node: Node, source: str) -> Callable[..., Any]:
    """The function of a record, or of an item and the whole record, that evaluates the tree; it raises WrongTypeError."""
    compiler = _Compiler(source)
    closure, spent = compiler.closure(node), compiler.spent

    def evaluate(item: Any, whole: Any = None) -> Any:
        spent[0] = 0
        return closure(item if whole is None else whole, item)

    return evaluate


def fields(first: str, second: str | None = None) -> Closure:
    """A field of the item at hand, or a field of a field: the common paths, and the fast ones."""

    def one(_record: Any, item: Any) -> Any:
        return item.get(first) if type(item) is dict else None

    def deep(_record: Any, item: Any) -> Any:
        if type(item) is dict:
            inner = item.get(first)
            if type(inner) is dict:
                return inner.get(second)
        return None

    return one if second is None else deep


def two(first: Closure, second: Closure, *, decisive: bool) -> Closure:
    """`and` or `or` of two conditions; a value that is `decisive` decides."""

    def join(record: Any, item: Any) -> bool | None:
        a: bool | None = first(record, item)
        if a is decisive:
            return decisive
        b: bool | None = second(record, item)
        if b is decisive:
            return decisive
        return None if a is None or b is None else not decisive

    return join


class _Compiler:
    def __init__(self, source: str) -> None:
        self.source = source
        self.spent = [
            0
        ]  # against COSTLIEST, for the record at hand; a list, so that closures share it

    def closure(self, node: Node) -> Closure:
        make: dict[type[Node], Callable[[Any], Closure]] = {
            Constant: self.constant,
            Listing: self.listing,
            Path: self.path,
            Negation: self.negation,
            Minus: self.minus,
            Arithmetic: self.arithmetic,
            Fallback: self.fallback,
            Comparison: self.comparison,
            Junction: self.junction,
            Call: self.call,
        }
        return make[type(node)](node)

    def text(self, node: Node) -> str:
        return " ".join(self.source[node.start : node.end].split())

    def refused(self, node: Node, operation: str, value: Any) -> WrongTypeError:
        return WrongTypeError(f"{operation} cannot work with {kind(value)}: {self.text(node)}")

    def constant(self, node: Constant) -> Closure:
        value = node.value
        return lambda _record, _item: value

    def listing(self, node: Listing) -> Closure:
        items = [self.closure(item) for item in node.items]
        return lambda record, item: [part(record, item) for part in items]

    # ---- paths ------------------------------------------------------------------------------------

    def path(self, node: Path) -> Closure:
        steps = [step_into(step) for step in node.steps]
        if any(step.key is None for step in node.steps):
            return self.projection(node)
        whole = node.whole_record
        if not steps:
            return (lambda record, _item: record) if whole else (lambda _record, item: item)
        names = [step.key for step in node.steps if isinstance(step.key, str)]
        if len(names) == len(node.steps) <= 2 and not whole and not {*names} & {*DERIVED}:
            return fields(*names)
        if len(node.steps) == 1 and not whole:
            first = steps[0]
            return lambda _record, item: first(item)

        def follow(record: Any, item: Any) -> Any:
            value = record if whole else item
            for step in steps:
                value = step(value)
            return value

        return follow

    def projection(self, node: Path) -> Closure:
        """heads[].box: the list of what each item has, unknown where one lacks it."""
        whole, spend = node.whole_record, self.spend
        steps = [None if step.key is None else step_into(step) for step in node.steps]
        first = steps.index(None)

        def project(record: Any, item: Any) -> Any:
            values = [record if whole else item]
            for number, step in enumerate(steps):
                if step is not None:
                    values = [step(value) for value in values]
                    continue
                if number == first and type(values[0]) is not list:
                    return None  # no list there: unknown, not empty
                values = [
                    part for value in values for part in (value if type(value) is list else [None])
                ]
                spend(len(values))
            return values

        return project

    def spend(self, steps: int) -> None:
        self.spent[0] += steps
        if self.spent[0] > COSTLIEST:
            raise WrongTypeError("the record has too many items for this expression")

    # ---- operators --------------------------------------------------------------------------------

    def negation(self, node: Negation) -> Closure:
        operand = self.truth(node.operand, "not")

        def negate(record: Any, item: Any) -> bool | None:
            value = operand(record, item)
            return None if value is None else not value

        return negate

    def truth(self, node: Node, operation: str) -> Closure:
        """The closure of a part that must be true, false or unknown."""
        inner = self.closure(node)
        if decides(node):
            return inner

        def checked(record: Any, item: Any) -> bool | None:
            value: bool | None = inner(record, item)
            if value is None or value is True or value is False:
                return value
            raise self.refused(node, operation, value)

        return checked

    def junction(self, node: Junction) -> Closure:
        parts = [self.truth(part, node.operator) for part in node.operands]
        decisive = node.operator == "or"
        if len(parts) == 2:
            return two(*parts, decisive=decisive)

        def join(record: Any, item: Any) -> bool | None:
            result: bool | None = not decisive
            for part in parts:
                value: bool | None = part(record, item)
                if value is decisive:
                    return decisive
                if value is None:
                    result = None
            return result

        return join

    def fallback(self, node: Fallback) -> Closure:
        left, right = self.closure(node.left), self.closure(node.right)

        def choose(record: Any, item: Any) -> Any:
            value = left(record, item)
            return right(record, item) if value is None else value

        return choose

    def number(self, node: Node, operation: str) -> Closure:
        """The closure of a part that must be a number or unknown."""
        inner = self.closure(node)

        def checked(record: Any, item: Any) -> Any:
            value = inner(record, item)
            if type(value) is float or type(value) is int or value is None:
                return value
            raise self.refused(node, operation, value)

        return checked

    def minus(self, node: Minus) -> Closure:
        operand = self.number(node.operand, "-")

        def negate(record: Any, item: Any) -> Any:
            value = operand(record, item)
            return None if value is None else -value

        return negate

    def arithmetic(self, node: Arithmetic) -> Closure:
        left, right = self.number(node.left, node.operator), self.number(node.right, node.operator)
        operate = OPERATIONS[node.operator]

        def calculate(record: Any, item: Any) -> Any:
            a, b = left(record, item), right(record, item)
            if a is None or b is None:
                return None
            return finite(operate, a, b)

        return calculate

    def comparison(self, node: Comparison) -> Closure:
        if len(node.operators) > 1:
            return self.chain(node)
        left, right = node.operands
        operator = node.operators[0]
        if operator in ("in", "not in"):
            return self.membership(node)
        if operator in ("==", "!="):
            return self.equality(left, right, wanted=operator == "==")
        if isinstance(right, Constant) and type(right.value) in (int, float):
            return self.against(left, operator, right.value, node)
        return self.ordering(left, operator, right, node)

    def equality(self, left: Node, right: Node, *, wanted: bool) -> Closure:
        first, second = self.closure(left), self.closure(right)
        for constant, other in ((left, second), (right, first)):
            if (
                isinstance(constant, Constant) and constant.value is None
            ):  # asks whether it is there
                return lambda record, item: (other(record, item) is None) is wanted

        def equal(record: Any, item: Any) -> bool | None:
            a, b = first(record, item), second(record, item)
            return None if a is None or b is None else same(a, b) is wanted

        return equal

    def against(self, node: Node, operator: str, limit: Any, whole: Node) -> Closure:
        """A value against a constant number: the common case, and the fast one."""
        inner, compare = self.closure(node), ORDERS[operator]

        def against(record: Any, item: Any) -> bool | None:
            value = inner(record, item)
            if type(value) is float or type(value) is int:
                return compare(value, limit)
            if value is None:
                return None
            raise self.refused(whole, operator, value)

        return against

    def ordering(self, left: Node, operator: str, right: Node, whole: Node) -> Closure:
        first, second, compare = self.closure(left), self.closure(right), ORDERS[operator]
        return lambda record, item: self.ordered(
            first(record, item), second(record, item), compare, operator, whole
        )

    def ordered(
        self, a: Any, b: Any, compare: Callable[[Any, Any], bool], operator: str, whole: Node
    ) -> bool | None:
        """Whether a < b, for two numbers or two strings; unknown where one is."""
        kinds = {type(a), type(b)}
        if kinds <= {int, float} or kinds == {str}:
            return compare(a, b)
        for value in (a, b):
            if type(value) in (bool, list, dict):
                raise self.refused(whole, operator, value)
        if a is None or b is None:
            return None
        raise WrongTypeError(
            f"{operator} cannot compare {kind(a)} with {kind(b)}: {self.text(whole)}"
        )

    def chain(self, node: Comparison) -> Closure:
        """The chain a < b <= c: every operand once, and all links true."""
        operands = [self.closure(operand) for operand in node.operands]
        operators = node.operators

        def linked(record: Any, item: Any) -> bool | None:
            result: bool | None = True
            a = operands[0](record, item)
            for operator, operand in zip(operators, operands[1:], strict=True):
                b = operand(record, item)
                if operator == "==":
                    link: bool | None = None if a is None or b is None else same(a, b)
                else:
                    link = self.ordered(a, b, ORDERS[operator], operator, node)
                if link is False:
                    return False
                if link is None:
                    result = None
                a = b
            return result

        return linked

    def membership(self, node: Comparison) -> Closure:
        """A value in a list, a part in a string, a name in an object."""
        left, right = (self.closure(operand) for operand in node.operands)
        wanted, spend = node.operators[0] == "in", self.spend

        def member(record: Any, item: Any) -> bool | None:
            value, whole = left(record, item), right(record, item)
            if value is None or whole is None:
                return None
            if type(whole) is list:
                spend(len(whole))
                return any(same(value, part) for part in whole) is wanted
            if type(whole) in (str, dict):
                if type(value) is str:
                    return (value in whole) is wanted
                raise self.refused(node, "in", value)
            raise self.refused(node, "in", whole)

        return member

    def items(self, node: Node, operation: str, weight: int = 1) -> Closure:
        """The closure of a part that must be a list or unknown."""
        inner, spend, spent = self.closure(node), self.spend, self.spent

        def checked(record: Any, item: Any) -> Any:
            value = inner(record, item)
            if type(value) is list:
                spent[0] += len(value) * weight
                if spent[0] > COSTLIEST:
                    spend(0)
                return value
            if value is None:
                return None
            raise self.refused(node, operation, value)

        return checked

    def call(self, node: Call) -> Closure:
        return CALLS[node.name](self, node)
