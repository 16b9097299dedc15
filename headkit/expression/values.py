"""JSON values as expressions see them: types, equality, the parts of a value, arithmetic."""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import add, ge, gt, le, lt, mod, mul, sub, truediv
from typing import Any

from headkit.expression.tree import Step

DERIVED = ("box_width", "box_height", "box_area")  # from the `box` of the same object
_NUMBERS = frozenset((int, float))
_LARGEST_FLOAT = sys.float_info.max
_KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


class WrongTypeError(ValueError):
    """A value of one record has a type that the expression cannot work with, or it costs too much."""


def kind(value: Any) -> str:
    """What a person calls the type of a JSON value."""
    return _KINDS.get(type(value), "null")


def same(a: Any, b: Any) -> bool:
    """Equality of JSON values: 1 equals 1.0, true does not equal 1."""
    kinds = type(a), type(b)
    if kinds[0] is not kinds[1]:
        return kinds in ((int, float), (float, int)) and bool(a == b)
    if kinds[0] is list:
        return len(a) == len(b) and all(map(same, a, b))
    if kinds[0] is dict:
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    return bool(a == b)


def step_into(step: Step) -> Callable[[Any], Any]:
    """One step into a value; unknown where there is no such part."""
    key = step.key
    if isinstance(key, int):
        return lambda value: (
            value[key] if type(value) is list and -len(value) <= key < len(value) else None
        )
    if key in DERIVED:
        return _derived(key)
    return lambda value: value.get(key) if type(value) is dict else None


def _derived(name: str) -> Callable[[Any], Any]:
    """Width, height or area of the object's box [x1, y1, x2, y2], unless it has a field of that name."""
    of_height = name == "box_height"

    def measure(value: Any) -> Any:
        if type(value) is not dict:
            return None
        if name in value:
            return value[name]
        box = value.get("box")
        if type(box) is not list or len(box) != 4:
            return None
        x1, y1, x2, y2 = box
        if of_height and type(x1) is type(y1) is type(x2) is type(y2) is float:
            height = y2 - y1  # the common case, and the fast one
            return height if -_LARGEST_FLOAT <= height <= _LARGEST_FLOAT else None
        if not (
            type(x1) in _NUMBERS
            and type(y1) in _NUMBERS
            and type(x2) in _NUMBERS
            and type(y2) in _NUMBERS
        ):
            return None
        if of_height:
            return finite(sub, y2, y1)
        width = finite(sub, x2, x1)
        if name == "box_width" or width is None:
            return width
        height = finite(sub, y2, y1)
        return None if height is None else finite(mul, width, height)

    return measure


def finite(operate: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """The result, or unknown where there is none: x / 0, and what no float can hold."""
    try:
        result = operate(a, b)
    except (ZeroDivisionError, OverflowError):
        return None
    return result if -_LARGEST_FLOAT <= result <= _LARGEST_FLOAT else None


ORDERS: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": truediv,
    "%": mod,
}
