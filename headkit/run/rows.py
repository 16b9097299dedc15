"""What becomes of one record: the row that goes out, or its place in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import Any, get_type_hints

from headkit import __version__, jsonl
from headkit.record import FIELDS, SCHEMA
from headkit.run.numbers import NotFiniteError, rounded
from headkit.status import BUG, Stop
from headkit.tool import TOOLS, Context, Drop, Failure, Opt, Record, Result, Tool

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "int": int,
    "number": (int, float),
    "bool": bool,
    "object": dict,
    "list": list,
}
_FIELDS = {field.path: field for field in FIELDS}
MADE = "made"
DROPPED = "dropped"  # the field of a ledger's row that says why
# Tools that write into fields which are there already: no help to a record that lacks them.
_ADDED = {
    tool.name: {*tool.reads, *(tool.writes if tool.kind == "choose" else ())} for tool in TOOLS
} | {"score": {"heads"}}


@dataclass(slots=True)
class Outcome:
    """One record, done. Exactly one of `row` and `ledger` is set; both are lines without their newline."""

    row: bytes | None = None
    ledger: bytes | None = None
    failed: bool = False  # got its error here
    model: bool = False  # ... by a fault of the model: counts towards --max-failures
    message: str = ""


def deciding(options: Any, *, given_only: bool) -> Record:
    """The options that change results, as JSON values; `given_only` leaves out those at their defaults."""
    found: Record = {}
    hints = get_type_hints(type(options), include_extras=True)
    for option in dataclass_fields(options):
        notes = getattr(hints[option.name], "__metadata__", ())
        if any(isinstance(note, Opt) and not note.decides for note in notes):
            continue
        value = getattr(options, option.name)
        if not (given_only and value == option.default):
            found[option.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)  # a path


def made_by(tool: Tool, options: Any, context: Context, process: object) -> Record:
    """What the tool leaves in `made`: only what decides the result."""
    made: Record = {"headkit": __version__, **getattr(process, "made", {})}
    chosen = deciding(options, given_only=True)
    if tool.seeded and context.seed:
        chosen["seed"] = context.seed
    if chosen:
        made["options"] = chosen
    return made


def missing(names: tuple[str, ...], record: Record) -> str | None:
    """Why the record does not have the fields `names`; None where it has them."""
    for name in names:
        field = _FIELDS.get(name)
        if name not in record:
            makers = [t for t in field.tools if name not in _ADDED[t]] if field else []
            tools = ", ".join(makers)
            return f'no field "{name}"' + (f" (written by: {tools})" if tools else "")
        value = record[name]
        if field and (
            not isinstance(value, _TYPES[field.type])
            or (field.type != "bool" and type(value) is bool)
        ):
            return f'field "{name}" is not of type {field.type}'
    return None


class Writer:
    """Turns the results of one tool into outcomes."""

    def __init__(self, tool: Tool, made: Record, *, adds: bool = False) -> None:
        """`adds`: what an earlier run of the tool left in `made` stays, but for its options and what is replaced."""
        self.tool = tool
        self.made = made
        self.adds = adds

    def outcome(self, raw: bytes, record: Record, result: Result) -> Outcome:
        """What `result` makes of the record. A result that breaks the tool's promise is a Stop 70."""
        if DROPPED in record and self.tool.kind in ("choose", "whole"):
            # Of a ledger: a row that is kept goes out as it once came in, one dropped again gets its new reason.
            raw, record = jsonl.without(raw, record, DROPPED)
        if isinstance(result, Failure):
            return self.failed(raw, record, result)
        if isinstance(result, Drop):
            return self._dropped(raw, record, result)
        if type(result) is not dict:
            raise Stop(
                BUG, f"result of type {type(result).__name__} for id {record['id']!r}; report it"
            )
        if not result:
            return Outcome(row=raw)
        fields = self._rounded(result)
        if isinstance(fields, Failure):
            return self.failed(raw, record, fields)
        others = fields.pop(MADE, {})  # what another tool would have left, whose work this one did
        before = _object(record.get(MADE))
        fields[MADE] = {**before, **others, self.tool.name: self._made(before)}
        return Outcome(row=self._extend(raw, record, fields))

    def _made(self, before: Record) -> Record:
        """What the tool leaves of itself in a record, in whose `made` this was before."""
        if not self.adds:
            return self.made
        earlier = _object(before.get(self.tool.name))
        return {name: value for name, value in earlier.items() if name != "options"} | self.made

    def _dropped(self, raw: bytes, record: Record, drop: Drop) -> Outcome:
        fields = self._rounded(drop.fields)
        if isinstance(fields, Failure):
            return self.failed(raw, record, fields)
        if MADE in fields:
            fields[MADE] = {**_object(record.get(MADE)), **fields[MADE]}
        return Outcome(ledger=self._ledger_row(raw, record, replace(drop, fields=fields)))

    def _rounded(self, fields: Record) -> Record | Failure:
        """The fields with their numbers rounded; Stop 70 where the tool may not set one."""
        undeclared = fields.keys() - {*self.tool.writes, MADE}
        if undeclared:
            raise Stop(
                BUG, f"field {min(undeclared)!r} is set, but not declared in Tool.writes; report it"
            )
        try:
            return {name: rounded(name, value) for name, value in fields.items()}
        except NotFiniteError as fault:
            message = f"field {fault} holds a number that is not finite"
            return Failure("not finite", message, model=True)

    def failed(self, raw: bytes, record: Record, failure: Failure) -> Outcome:
        error = {"tool": self.tool.name, "kind": failure.kind, "message": failure.message}
        row = self._extend(raw, record, {"error": error})
        return Outcome(row=row, failed=True, model=failure.model, message=failure.message)

    def drawn(self, record: Record) -> bytes:
        """The row of a record that a source made from nothing."""
        try:
            fields = {name: rounded(name, value) for name, value in record.items()}
        except NotFiniteError as fault:
            raise Stop(
                BUG, f"field {fault} of id {record.get('id')!r} is not finite; report it"
            ) from None
        return self._extend(
            b"{}",
            {},
            {**fields, MADE: {**_object(record.get(MADE)), self.tool.name: self.made}},
        )

    def _ledger_row(self, raw: bytes, record: Record, drop: Drop) -> bytes:
        reason: Record = {"tool": self.tool.name, "reason": drop.reason}
        if drop.score is not None:
            reason["score"] = rounded("", drop.score)
        if drop.threshold is not None:
            reason["threshold"] = drop.threshold
        if drop.values:
            reason["values"] = drop.values
        return self._extend(raw, record, {**drop.fields, DROPPED: reason})

    def _extend(self, raw: bytes, record: Record, fields: Record) -> bytes:
        try:
            return jsonl.extend(raw, record, fields)
        except (TypeError, ValueError) as error:
            raise Stop(
                BUG, f"result for id {record.get('id')!r} is not JSON: {error}; report it"
            ) from None


def with_schema(row: bytes) -> bytes:
    """The first row of a manifest says which version of the format it is in."""
    record = jsonl.parse(row)
    return row if "schema" in record else jsonl.extend(row, record, {"schema": SCHEMA})


def _object(value: Any) -> Record:
    return value if type(value) is dict else {}
