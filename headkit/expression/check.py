"""What can be known of an expression before it runs: its names and its types.

Names come from the record's schema (record.FIELDS) and from the first record. A name in neither is
a typing error more often than not, and would drop every record without a word.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from headkit.attributes import VOCABULARY
from headkit.expression.syntax import ITERATING
from headkit.expression.tree import (
    Arithmetic,
    Call,
    Comparison,
    Constant,
    ExpressionError,
    Fallback,
    Junction,
    Listing,
    Minus,
    Negation,
    Node,
    Path,
    Step,
    children,
)
from headkit.expression.values import DERIVED
from headkit.record import FIELDS

# Parts that the meanings in FIELDS name in words, and that one record may lack and the next one have.
_PARTS = {
    "poses[].attributes": (*VOCABULARY, "age", "tone"),
    "truth.heads[].attributes": (*VOCABULARY, "age", "tone"),
    "poses[].head": ("yaw", "pitch", "roll"),
    "truth.heads[].pose": ("rotation", "view"),
    "truth.heads[].landmarks": ("scheme", "points", "visible"),
    "truth.heads[].params": ("model", "sha256", "shape", "expression", "jaw", "translation"),
    "heads[].pose": ("rotation", "view"),
    "heads[].landmarks": ("scheme", "points", "visible"),
    "heads[].params": ("model", "sha256", "shape", "expression", "jaw", "translation"),
    "heads[].fit": ("landmarks", "converged", "flags"),
    "label": ("head_count", "accepted", "heads"),
    "label.head_count": ("asked", "found"),
    "prompt": ("text", "negative", "edits"),
    "error": ("tool", "kind", "message"),
}
_TYPES = {
    "int": "number",
    "number": "number",
    "string": "string",
    "bool": "bool",
    "list": "list",
    "object": "object",
}
_JSON_TYPES = {
    int: "number",
    float: "number",
    str: "string",
    bool: "bool",
    list: "list",
    dict: "object",
}
_WORDS = {
    "number": "a number",
    "string": "a string",
    "bool": "true or false",
    "list": "a list",
    "object": "an object",
    "null": "null",
}

Type = str | None  # number, string, bool, list, object, null; None where it is not known


@dataclass
class _Schema:
    """What FIELDS says of one field, and of its parts."""

    type: Type = None
    parts: dict[str, _Schema] = field(default_factory=dict)
    item: _Schema | None = None

    def part(self, name: str) -> _Schema:
        return self.parts.setdefault(name, _Schema())

    def each(self) -> _Schema:
        self.type = "list"
        self.item = self.item or _Schema("object")
        return self.item


def _schema() -> _Schema:
    root = _Schema("object")
    rows = [(row.path, _TYPES[row.type]) for row in FIELDS]
    rows += [(f"{path}.{name}", "") for path, names in _PARTS.items() for name in names]
    for path, kind in rows:
        at = root
        for name in path.split("."):
            at = at.part(name.removesuffix("[]"))
            at = at.each() if name.endswith("[]") else at
        at.type = kind or at.type
    return root


_ROOT = _schema()


@dataclass(frozen=True)
class _Scope:
    """What names mean: the schema, and values of the first record to look into."""

    schema: _Schema | None
    samples: tuple[Any, ...]


def check(node: Node, source: str, record: dict[str, Any] | None = None) -> Type:
    """The type of the whole; ExpressionError where types can never fit or, given a record, a name is unknown."""
    whole = _Scope(_ROOT, () if record is None else (record,))
    return _Checker(source, whole, strict=record is not None).type(node, whole)


def check_items(node: Node, source: str, items: Node, record: dict[str, Any] | None = None) -> Type:
    """As check(), of an expression that is asked of each item of the list `items`."""
    whole = _Scope(_ROOT, () if record is None else (record,))
    checker = _Checker(source, whole, strict=record is not None)
    return checker.type(node, checker.items(items, whole))


@dataclass(frozen=True)
class _Checker:
    source: str
    record: _Scope
    strict: bool  # names must be known

    def type(self, node: Node, scope: _Scope) -> Type:
        match node:
            case Constant(value=value):
                return "null" if value is None else _JSON_TYPES[type(value)]
            case Listing():
                for item in node.items:
                    self.type(item, scope)
                return "list"
            case Path():
                found = self.follow(node, scope)
                return (
                    "list"
                    if any(step.key is None for step in node.steps)
                    else found.schema.type
                    if found.schema
                    else None
                )
            case Negation():
                self.want("bool", node.operand, scope, "`not`")
                return "bool"
            case Junction():
                for part in node.operands:
                    self.want("bool", part, scope, f"`{node.operator}`")
                return "bool"
            case Minus():
                self.want("number", node.operand, scope, "`-`")
                return "number"
            case Arithmetic():
                for part in (node.left, node.right):
                    self.want("number", part, scope, f"`{node.operator}`")
                return "number"
            case Fallback():
                left, right = self.lenient.type(node.left, scope), self.type(node.right, scope)
                return left if left == right else None
            case Comparison():
                self.comparison(node, scope)
                return "bool"
            case Call():
                return self.call(node, scope)
        raise AssertionError(node)

    @property
    def lenient(self) -> _Checker:
        """For exists(x) and x ?? default, which say themselves that x may be missing."""
        return replace(self, strict=False)

    def fault(self, message: str, column: int) -> ExpressionError:
        return ExpressionError(message, self.source, column)

    def want(self, wanted: str, node: Node, scope: _Scope, operation: str) -> None:
        found = self.type(node, scope)
        if found not in (wanted, None, "null"):
            raise self.fault(
                f"{operation} wants {_WORDS[wanted]}, and this is {_WORDS[found]}", node.start
            )

    def comparison(self, node: Comparison, scope: _Scope) -> None:
        types = [self.type(operand, scope) for operand in node.operands]
        for operator, left, right, operand in zip(
            node.operators, types, types[1:], node.operands[1:], strict=False
        ):
            if operator in ("in", "not in"):
                if right in ("number", "bool", "null"):
                    raise self.fault(
                        f"`in` looks into a list, a string or an object, and this is {_WORDS[right]}",
                        operand.start,
                    )
                if right == "string" and left not in ("string", None):
                    raise self.fault(
                        f"only a string is in a string, not {_WORDS[left or 'null']}", node.start
                    )
                continue
            known = [kind for kind in (left, right) if kind not in (None, "null")]
            if operator not in ("==", "!="):
                for kind in known:
                    if kind in ("bool", "list", "object"):
                        hint = "; ask any(list, condition)" if kind == "list" else ""
                        raise self.fault(
                            f"`{operator}` cannot order {_WORDS[kind]}{hint}", node.start
                        )
            if len(set(known)) == 2:
                raise self.fault(
                    f"{_WORDS[known[0]]} and {_WORDS[known[1]]} are never compared", operand.start
                )

    def call(self, node: Call, scope: _Scope) -> Type:
        first = node.arguments[0]
        if node.name in ITERATING:
            self.want("list", first, scope, f"{node.name}()")
            if len(node.arguments) == 2:
                self.want("bool", node.arguments[1], self.items(first, scope), f"{node.name}()")
            return "number" if node.name == "count" else "bool"
        if node.name == "exists":
            self.lenient.type(first, scope)
            return "bool"
        types = [self.type(argument, scope) for argument in node.arguments]
        if node.name == "len":
            if types[0] in ("number", "bool"):
                raise self.fault(
                    f"len() wants a list, a string or an object, and this is {_WORDS[types[0]]}",
                    first.start,
                )
            return "number"
        wanted = (
            "list"
            if node.name == "sum" or (node.name in ("min", "max") and len(types) == 1)
            else "number"
        )
        for argument in node.arguments:
            self.want(wanted, argument, scope, f"{node.name}()")
        return "number"

    def items(self, node: Node, scope: _Scope) -> _Scope:
        """What names mean inside any(list, here)."""
        if isinstance(node, Fallback):
            left, right = self.items(node.left, scope), self.items(node.right, scope)
            parts = {**(right.schema or _Schema()).parts, **(left.schema or _Schema()).parts}
            return _Scope(_Schema("object", parts), (*left.samples, *right.samples))
        if not isinstance(node, Path):
            return _Scope(None, ())
        found = self.follow(node, scope)
        if any(step.key is None for step in node.steps):
            return found
        return self.into(found, Step(None, node.end), node)

    def follow(self, node: Path, scope: _Scope) -> _Scope:
        found = self.record if node.whole_record else scope
        for step in node.steps:
            found = self.into(found, step, node)
        return found

    def into(self, scope: _Scope, step: Step, node: Path) -> _Scope:
        """One step further; ExpressionError where nothing has a part of that name."""
        key, schema, samples = step.key, scope.schema, scope.samples
        if key is None:
            parts = tuple(part for sample in samples if type(sample) is list for part in sample)
            return _Scope(schema and schema.item, parts)
        if isinstance(key, int):
            lists = [sample for sample in samples if type(sample) is list]
            return _Scope(
                schema and schema.item, tuple(part for sample in lists for part in sample)
            )
        objects = [sample for sample in samples if type(sample) is dict]
        known = schema.parts if schema else {}
        parts = tuple(sample[key] for sample in objects if key in sample)
        if key in known:
            return _Scope(known[key], parts)
        if (
            key in DERIVED
            and not parts
            and ("box" in known or any("box" in sample for sample in objects))
        ):
            return _Scope(_Schema("number"), ())
        if self.strict and not parts and (known or objects):
            raise self.unknown(
                key, {*known, *(name for sample in objects for name in sample)}, step, node
            )
        return _Scope(None, parts)

    def unknown(self, key: str, known: set[str], step: Step, node: Path) -> ExpressionError:
        close = get_close_matches(key, sorted(known), 1)
        where = " ".join(self.source[node.start : step.column].split()).rstrip(".")
        hint = f'; did you mean "{close[0]}"?' if close else ""
        inside = f" in {where}" if where else ""
        return self.fault(
            f'no field "{key}"{inside}, neither in the format nor in the first record{hint}',
            step.column,
        )


def paths(node: Node) -> list[Path]:
    """The fields that the expression reads, apart from those of items."""
    if isinstance(node, Path):
        return [node]
    parts = children(node)
    if isinstance(node, Call) and node.name in ITERATING:
        parts = parts[:1]
    return [path for part in parts for path in paths(part)]


def names(node: Node) -> set[tuple[str, ...]]:
    """The names that paths of the record begin with, up to the first index: ("scores", "flip").

    Those that may be missing, in exists(x) and before ??, are not among them.
    """
    if isinstance(node, Fallback):
        return names(node.right)
    if isinstance(node, Call) and node.name == "exists":
        return set()
    if isinstance(node, Path):
        keys = [step.key for step in node.steps]
        at = next((at for at, key in enumerate(keys) if type(key) is not str), len(keys))
        return {tuple(str(key) for key in keys[:at])}
    parts = children(node)
    if isinstance(node, Call) and node.name in ITERATING:
        parts = parts[:1]
    return {name for part in parts for name in names(part)}
