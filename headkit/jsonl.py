"""Bytes to records and back: one JSON object per line, read strictly, written without loss.

orjson does the work. What it lets pass silently and we refuse (a key twice, nesting that no record has)
is found by tests that cost little on a line of 30 KB; a line that fails one is read again by the exact,
slower parser. So is a line with an integer over 64 bits, which orjson turns into a float, when it has to be
written anew: tools see a float there, the row keeps its digits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from headkit.status import NO_INPUT, Stop
from headkit.tool import Record

MAX_LINE = 64 << 20  # bytes
MAX_DEPTH = 200
LAST = "made"  # every tool adds to it
BOM = b"\xef\xbb\xbf"

_DIGITS_TO_ZERO = bytes(ord("0") if byte in b"0123456789" else byte for byte in range(256))
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b"[]{}:")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
# The smallest integer that orjson harms has 19 digits, -9223372036854775809.
_LONG_RUN = b"0" * 19
_LONG_INTEGER = re.compile(rb"[:\[,\s]-?\d{19,}[\s,\]}]")


class LineError(ValueError):
    """Why a line is not a record."""


def named_lines(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """The lines of a file that are not blank, without BOM and line end, each with file:line; Stop 66 if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            for number, line in enumerate(file, 1):
                line = line.removesuffix(b"\n").removesuffix(b"\r")
                if number == 1:
                    line = line.removeprefix(BOM)
                if line and not line.isspace():
                    yield f"{path}:{number}", line
    except OSError as error:
        raise Stop(NO_INPUT, f"{path}: {error.strerror}") from None


def parse(line: bytes) -> Record:
    """The object on a line (without its newline); LineError says what is wrong with it."""
    if len(line) > MAX_LINE:
        raise LineError(f"line is longer than {MAX_LINE >> 20} MiB")
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise LineError(f"not JSON: {_explain(line, error)}") from None
    if type(record) is not dict:
        raise LineError("not a JSON object")
    structure = _structure(line)
    if _too_deep(structure):
        raise LineError(f"nested deeper than {MAX_DEPTH} levels")
    # A colon for every key: as many found as colons means that none was lost to its double.
    if _count_keys(record) != structure.count(b":"):
        _parse_exactly(line)
    return record


def parse_own(line: bytes) -> Record:
    """The record on a line that `dump` has written: nothing has to be checked a second time."""
    record: Record = orjson.loads(line)
    return record


def dump(record: Record) -> bytes:
    """A record as one line, without its newline; TypeError or ValueError where JSON cannot hold it."""
    try:
        return orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY)
    except (
        orjson.JSONEncodeError
    ):  # an integer over 64 bits, or a true fault, which json names as well
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()


def extend(line: bytes, record: Record, fields: Record) -> bytes:
    """The line of `record` with `fields` set: replaced where they stand, new ones appended.

    Where all are new, the line keeps its own bytes, down to the spelling of its numbers. So it does where only
    `made` is replaced and stands last, as every tool leaves it: it stands last again.
    """
    if not fields:
        return line
    if record and fields.keys().isdisjoint(record):
        return line.rstrip()[:-1].rstrip() + b"," + dump(fields)[1:]
    if fields.keys() & record.keys() == {LAST} and next(reversed(record)) == LAST:
        rest = _without_last(line, record[LAST])
        if rest is not None:
            others = {name: value for name, value in fields.items() if name != LAST}
            return rest + b"," + dump({**others, LAST: fields[LAST]})[1:]
    if _has_long_integer(line):
        record = _parse_exactly(line)
    return dump({**record, **fields})


def without(line: bytes, record: Record, name: str) -> tuple[bytes, Record]:
    """The line and the record without the field `name`; all else keeps its bytes where the field stands last."""
    rest = None
    if len(record) > 1 and next(reversed(record)) == name:
        rest = _without_last(line, record[name], name)
    if rest is None and _has_long_integer(line):
        record = _parse_exactly(line)
    others = {key: value for key, value in record.items() if key != name}
    return (dump(others) if rest is None else rest + b"}"), others


def _without_last(line: bytes, value: Any, name: str = LAST) -> bytes | None:
    """The line up to the comma before its last key, `name`, None where that is not found at once.

    What follows `,"made":` is a whole value and the brace that ends the line: it belongs to the outermost object.
    """
    start = b',"' + name.encode() + b'":'
    at = line.rfind(start)
    try:
        tail = line[at + len(start) :].rstrip()[:-1]
        return line[:at] if at > 0 and orjson.loads(tail) == value else None
    except orjson.JSONDecodeError:
        return None


def _explain(line: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as fault:
        return f"byte {fault.start + 1} is not UTF-8"
    return f"{error.msg} (column {error.colno})"


def _structure(line: bytes) -> bytes:
    """The brackets and colons of valid JSON, without those in its strings."""
    bare = _STRING.sub(b"", line) if b"\\" in line else b"".join(line.split(b'"')[::2])
    return bare.translate(None, _NOT_STRUCTURE)


def _count_keys(value: Any) -> int:
    """The keys of all objects in `value`, at least those a quick look finds.

    A list whose first item is not an object, or a list of such, is taken to hold none.
    """
    found = 0
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            found += len(value)
            inside = value.values()
        elif value and _may_hold_objects(value[0]):
            inside = value
        else:
            continue
        waiting += [item for item in inside if type(item) is dict or type(item) is list]
    return found


def _may_hold_objects(first: Any) -> bool:
    if type(first) is list:
        return bool(first) and type(first[0]) in (dict, list)
    return type(first) is dict


def _too_deep(structure: bytes) -> bool:
    opened = structure.count(b"[") + structure.count(b"{")
    # "][" closes and opens on one level: what is left bounds the depth, in rows of many small lists too.
    if opened - structure.count(b"][") - structure.count(b"}{") <= MAX_DEPTH:
        return False
    depth = deepest = 0
    for bracket in structure.replace(b":", b""):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest > MAX_DEPTH


def _has_long_integer(line: bytes) -> bool:
    return _LONG_RUN in line.translate(_DIGITS_TO_ZERO) and _LONG_INTEGER.search(line) is not None


def _parse_exactly(line: bytes) -> Record:
    try:
        record: Record = json.loads(line, object_pairs_hook=_unique)
    except LineError:
        raise
    except ValueError as error:  # an integer of thousands of digits
        raise LineError(f"not JSON that we read: {error}") from None
    return record


def _unique(pairs: list[tuple[str, Any]]) -> Record:
    record = dict(pairs)
    if len(record) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise LineError(f'key "{twice}" stands twice in one object')
    return record
