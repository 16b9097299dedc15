"""The parts of an expression: what the parser makes, the checker names and the compiler closes over."""

from __future__ import annotations

from dataclasses import dataclass


class ExpressionError(ValueError):
    """A fault in the text of an expression, with the column (from 0) where it lies."""

    def __init__(self, message: str, source: str, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.column = min(column, len(source))

    def __str__(self) -> str:
        """The message, and below it the line of the source with a caret under the column."""
        first = self.source.rfind("\n", 0, self.column) + 1
        line = self.source[first:].split("\n", 1)[0]
        # A long line is cut around the column; what does not print cannot reach the terminal.
        cut = max(0, self.column - first - 60)
        shown = "".join(c if c.isprintable() else " " for c in line[cut : cut + 100])
        return f"{self.message} (column {self.column + 1})\n  {shown}\n  {' ' * (self.column - first - cut)}^"


@dataclass(frozen=True)
class Node:
    """A part of the tree, from source[start] up to source[end]."""

    start: int
    end: int


@dataclass(frozen=True)
class Constant(Node):
    """A number, a string, true, false or null."""

    value: float | int | str | bool | None


@dataclass(frozen=True)
class Listing(Node):
    """[a, b, c]"""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Step:
    """One step of a path: a name, an index, or each item of a list (key None)."""

    key: str | int | None
    column: int


@dataclass(frozen=True)
class Path(Node):
    """truth.heads[0].box; of `record` where that word leads, else of the item or record at hand."""

    steps: tuple[Step, ...]
    whole_record: bool = False


@dataclass(frozen=True)
class Negation(Node):
    """not x"""

    operand: Node


@dataclass(frozen=True)
class Minus(Node):
    """-x"""

    operand: Node


@dataclass(frozen=True)
class Arithmetic(Node):
    """left operator right, with + - * / %"""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Fallback(Node):
    """left ?? right"""

    left: Node
    right: Node


@dataclass(frozen=True)
class Comparison(Node):
    """a < b <= c: one operator fewer than operands; each operand is evaluated once."""

    operands: tuple[Node, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Junction(Node):
    """a and b and c, or the same with or."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True)
class Call(Node):
    """name(argument, ...)"""

    name: str
    arguments: tuple[Node, ...]


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node, in the order of the source."""
    match node:
        case (
            Listing(items=parts)
            | Comparison(operands=parts)
            | Junction(operands=parts)
            | Call(arguments=parts)
        ):
            return parts
        case Negation(operand=part) | Minus(operand=part):
            return (part,)
        case Arithmetic(left=left, right=right) | Fallback(left=left, right=right):
            return left, right
    return ()


def decides(node: Node) -> bool:
    """Whether the node is true, false or unknown, whatever it reads."""
    if isinstance(node, Call):
        return node.name in ("any", "all", "exists")
    return isinstance(node, Comparison | Junction | Negation)
