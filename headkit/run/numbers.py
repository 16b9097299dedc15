"""Numbers on their way into a record: rounded as record.py says, and finite or refused."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from headkit.record import FIELDS


class NotFiniteError(ValueError):
    """A number that is infinite or not a number; the message is the path of its field."""


@cache
def _tree() -> dict[str, Any]:
    """The decimals of FIELDS as a tree: name -> subtree; "" -> decimals. Lists have no level of their own."""
    tree: dict[str, Any] = {}
    for field in FIELDS:
        node = tree
        for name in field.path.replace("[]", "").split("."):
            node = node.setdefault(name, {})
        if field.decimals is not None:
            node[""] = field.decimals
    return tree


def rounded(name: str, value: Any) -> Any:
    """`value` of the field `name` with its numbers rounded; lists, objects and arrays, never in place."""
    return _rounded(value, _tree().get(name, {}), None, name)


def _rounded(value: Any, node: dict[str, Any], decimals: int | None, path: str) -> Any:
    decimals = node.get("", decimals)
    kind = type(value)
    if kind is float:
        return _number(value, decimals, path)
    if kind is dict:
        return {
            name: _rounded(item, node.get(name, {}), decimals, f"{path}.{name}")
            for name, item in value.items()
        }
    if kind is list or kind is tuple:
        return _list(value, node, decimals, path)
    if hasattr(value, "dtype"):  # an array or a scalar of numpy; not imported here
        if value.dtype.kind == "f":
            # 32-bit arithmetic would round to a neighbour of the number that is meant.
            return _rounded(value.astype("float64").tolist(), node, decimals, path)
        return value.tolist()
    return value


def _list(
    value: list[Any] | tuple[Any, ...], node: dict[str, Any], decimals: int | None, path: str
) -> Any:
    kinds = set(map(type, value))
    if kinds <= {float, int} and float in kinds:
        # The sum is finite in one step where all are; a sum of large numbers may overflow, so that each is asked then.
        if not math.isfinite(sum(value)) and not all(map(math.isfinite, value)):
            raise NotFiniteError(path)
        if decimals is None:
            return value
        # A float that was whole stays a float: the type of a number does not depend on its value.
        return [round(item, decimals) if type(item) is float else item for item in value]
    if kinds <= {int, str, bool, type(None)}:
        return value
    return [_rounded(item, node, decimals, f"{path}[]") for item in value]


def _number(value: float, decimals: int | None, path: str) -> float:
    if not math.isfinite(value):
        raise NotFiniteError(path)
    return value if decimals is None else round(value, decimals)
