"""The JSON Schema (draft 2020-12) of what a tool reads and writes, from the record's table."""

from __future__ import annotations

import json
from typing import Any

from headkit import __version__
from headkit.record import FIELDS, Field
from headkit.tool import Tool

TYPES = {
    "string": "string",
    "int": "integer",
    "number": "number",
    "bool": "boolean",
    "list": "array",
    "object": "object",
}
EVERYWHERE = ("schema", "id", "made", "error")  # fields that any record may have


def text(tool: Tool) -> str:
    """The schema as `headkit TOOL --schema` prints it."""
    return json.dumps(schema(tool), indent=2, ensure_ascii=False)


def schema(tool: Tool) -> dict[str, Any]:
    """Validates a record that the tool writes; `$defs/input` validates one that it reads.

    Fields that it names no type for pass through, so every object is open.
    """
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"headkit {tool.name}",
        "description": f"Records that headkit {tool.name} {__version__} writes; $defs/input has those that it reads.",
        "$ref": "#/$defs/output",
        "$defs": {
            "input": record(tool.reads, required=("id", *tool.reads)),
            "output": record((*tool.reads, *tool.writes), required=("id",)),
        },
    }
    if tool.kind == "report":
        del document["$ref"], document["$defs"]["output"]
        document["description"] = (
            f"headkit {tool.name} {__version__} reads $defs/input and writes no records."
        )
    return document


def record(names: tuple[str, ...], required: tuple[str, ...]) -> dict[str, Any]:
    """The schema of a record, in which these fields and those of EVERYWHERE have their types."""
    wanted = {*names, *EVERYWHERE}
    rows = [field for field in FIELDS if _parts(field.path)[0].removesuffix("[]") in wanted]
    document = _object(rows, depth=0)
    document["required"] = list(required)
    return document


def _object(rows: list[Field], depth: int) -> dict[str, Any]:
    """An object whose members are the parts of the rows' paths at this depth."""
    members: dict[str, list[Field]] = {}
    for row in rows:
        members.setdefault(_parts(row.path)[depth].removesuffix("[]"), []).append(row)
    return {
        "type": "object",
        "properties": {name: _member(rows, depth) for name, rows in members.items()},
    }


def _member(rows: list[Field], depth: int) -> dict[str, Any]:
    """One member: its own row, if it has one, and the rows of what lies inside it."""
    itself = next((row for row in rows if len(_parts(row.path)) == depth + 1), None)
    inside = [row for row in rows if len(_parts(row.path)) > depth + 1]
    document: dict[str, Any] = {}
    if itself is not None:
        kind = TYPES[itself.type]
        document["type"] = [kind, "null"] if itself.nullable else kind
        document["description"] = itself.meaning + (f" ({itself.unit})" if itself.unit else "")
    if not inside:
        return document
    if _parts(inside[0].path)[depth].endswith("[]"):
        return {"type": "array"} | document | {"items": _object(inside, depth + 1)}
    return _object(inside, depth + 1) | document


def _parts(path: str) -> list[str]:
    """`truth.heads[].box` as [truth, heads[], box]."""
    return path.split(".")
