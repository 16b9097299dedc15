"""Which parts of a record an expression reads, so that the rest need not be parsed.

Evaluated or explained on a record with these parts alone, an expression says what it says on the whole.
"""

from __future__ import annotations

from headkit.expression.syntax import ITERATING
from headkit.expression.tree import Call, Comparison, Constant, Fallback, Node, Path, children
from headkit.expression.values import DERIVED
from headkit.selection import Selection


def select(node: Node, record: Selection, item: Selection) -> None:
    """Add what the node reads, of the record and of the item at hand."""
    if isinstance(node, Path):
        _follow(node, record, item).whole = True
    elif isinstance(node, Call) and node.name in ITERATING:
        for listed in _sized(node.arguments[0], record, item):
            if len(node.arguments) == 2:
                select(node.arguments[1], record, listed.each())
            elif node.name != "count":
                listed.each().whole = True
    elif isinstance(node, Call) and node.name in ("len", "exists"):
        _sized(node.arguments[0], record, item)
    elif isinstance(node, Comparison) and _asks_for_null(node):
        for operand in node.operands:
            _sized(operand, record, item)
    else:
        for part in children(node):
            select(part, record, item)


def _follow(path: Path, record: Selection, item: Selection) -> Selection:
    """The selection that the path leads to."""
    at = record if path.whole_record else item
    for step in path.steps:
        if not isinstance(step.key, str):
            at = at.each()
            continue
        if step.key in DERIVED:
            at.part("box").whole = True
        at = at.part(step.key)
    return at


def _sized(node: Node, record: Selection, item: Selection) -> list[Selection]:
    """The lists or values of which only the size, the presence or the items matter."""
    if isinstance(node, Path):
        found = _follow(node, record, item)
        found.size = True
        return [found]
    if isinstance(node, Fallback):
        return [*_sized(node.left, record, item), *_sized(node.right, record, item)]
    select(node, record, item)
    if children(
        node
    ):  # a list made here, of parts of the record: a condition may look into all of them
        record.whole = True
    return []


def _asks_for_null(node: Comparison) -> bool:
    return node.operators in (("==",), ("!=",)) and any(
        isinstance(operand, Constant) and operand.value is None for operand in node.operands
    )
