"""Put the shards of a run together, row for row as they are.

    headkit merge --order poses.jsonl part*.jsonl > images.jsonl

With --order, rows come in the order of the file that the shards were made from, and the result is the bytes that
one run without shards would have written. Every id of that file must be there exactly once: in a part, or among
the records that a part's run dropped (PART.dropped, of filter). Without --order, the parts follow each other as
they are named, and ids are only checked to be there once.

A part must be whole: its last line ends, and where its run file (PART.run.json) is beside it, that says that the
run has finished, with the same tool, version and options as the other parts, and every shard of N is there.

Memory does not grow with the rows: one row of each part is looked at, whatever their number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from headkit.status import BAD_INPUT, NO_INPUT, USAGE, Stop
from headkit.tool import Context, Example, Opt, Record

SCHEMA_MARK = b',"schema":1}'  # the runner ends the first row of a manifest with it


@dataclass(frozen=True)
class Options:
    """What the user may ask for."""

    order: Annotated[
        str | None,
        Opt("The manifest that the shards were made from: its order is that of the rows.", "INPUT"),
    ] = None


EXAMPLES = (
    Example(
        "headkit filter --keep 'width > 9' --shard 0/2 -o part0.jsonl in.jsonl\n"
        "headkit filter --keep 'width > 9' --shard 1/2 -o part1.jsonl in.jsonl\n"
        "headkit merge --order in.jsonl part0.jsonl part1.jsonl",
        '{"id":"a","width":10}\n{"id":"b","width":30}\n{"id":"c","width":5}\n{"id":"d","width":20}\n',
        '{"id":"a","width":10,"schema":1}\n{"id":"b","width":30}\n{"id":"d","width":20}\n',
    ),
)


def draw(
    options: Options,
    context: Context,
    records: Iterator[Record],  # noqa: ARG001 - the parts are read here, as bytes
    skip: int,
) -> Iterator[bytes]:
    """The rows of all parts as bytes, from number `skip` on; Stop 65 where a part is missing or not whole."""
    if not context.operands:
        raise Stop(USAGE, "no part is named; name the outputs of all shards")
    parts = [Part(path) for path in context.operands]
    _check_run_files(parts)
    rows = _one_after_the_other(parts) if options.order is None else _in_order(options.order, parts)
    return islice(rows, skip, None)


class Part:
    """The output of one shard, read row by row: `id` and `row` are those of the row that comes next."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.run = _run_file(path)
        _check_last_line(path)
        self._rows = _lines(path)
        self._dropped = _lines(path + ".dropped") if Path(path + ".dropped").exists() else iter(())
        self.row = b""
        self.id: str | None = None
        self.dropped: str | None = None  # id of the next record that this shard's run dropped
        self._first = True
        self.advance()
        self.advance_dropped()

    def advance(self) -> None:
        where, self.row = next(self._rows, ("", b""))
        self.id = _id(where, self.row) if where else None

    def advance_dropped(self) -> None:
        where, row = next(self._dropped, ("", b""))
        self.dropped = _id(where, row) if where else None

    def take(self, *, first: bool) -> bytes:
        """The next row. What marks it as the first of its part goes, unless it is the `first` of all."""
        row = self.row
        if self._first and not first and row.endswith(SCHEMA_MARK):
            row = row[: -len(SCHEMA_MARK)] + b"}"
        self._first = False
        self.advance()
        return row


def _one_after_the_other(parts: list[Part]) -> Iterator[bytes]:
    first = True
    for part in parts:
        while part.id is not None:
            yield part.take(first=first)
            first = False


def _in_order(order: str, parts: list[Part]) -> Iterator[bytes]:
    """Rows in the order of the ids in the file `order`; Stop 65 unless every id is there exactly once."""
    first = True
    for where, line in _lines(order):
        id = _id(where, line)
        holders = [part for part in parts if part.id == id]
        droppers = [part for part in parts if part.dropped == id]
        if len(holders) + len(droppers) > 1:
            names = " and ".join(part.path for part in (*holders, *droppers))
            raise Stop(BAD_INPUT, f'{where}: "{id}" is in {names}; name every part once')
        if droppers:
            droppers[0].advance_dropped()
        elif holders:
            yield holders[0].take(first=first)
            first = False
        else:
            raise Stop(
                BAD_INPUT, f'{where}: "{id}" is not the next row of any part: {_next_rows(parts)}'
            )
    for part in parts:
        if part.id is not None:
            raise Stop(
                BAD_INPUT,
                f'{part.path}: "{part.id}" is not in {order}, or stands there twice; name the file that the parts were made from',
            )


def _next_rows(parts: list[Part]) -> str:
    """For the message: where each part stands, of many only some."""
    heads = [
        f'{part.path} goes on with "{part.id}"' if part.id else f"{part.path} has ended"
        for part in parts
    ]
    return ", ".join(heads[:4]) + (", ..." if len(heads) > 4 else "") + "; make that shard again"


def _lines(path: str) -> Iterator[tuple[str, bytes]]:
    from headkit.jsonl import named_lines

    return named_lines(path)


def _id(where: str, line: bytes) -> str:
    from headkit.jsonl import LineError, parse

    try:
        id = parse(line).get("id")
    except LineError as error:
        raise Stop(BAD_INPUT, f"{where}: {error}") from None
    if not isinstance(id, str):
        raise Stop(BAD_INPUT, f'{where}: no string "id"')
    return id


def _check_last_line(path: str) -> None:
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size and Path(path).is_file():
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    raise Stop(
                        BAD_INPUT,
                        f"{path}: last line is cut short; run that shard again with --resume",
                    )
    except OSError as error:
        raise Stop(NO_INPUT, f"{path}: {error.strerror}") from None


def _run_file(path: str) -> Record | None:
    try:
        kept: Record = json.loads(Path(path + ".run.json").read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Stop(
            BAD_INPUT, f"{path}.run.json: cannot be read ({error}); run that shard again"
        ) from None
    return kept


def _check_run_files(parts: list[Part]) -> None:
    """What the run files say: all finished, of one run, and every shard there once."""
    known = [(part, part.run) for part in parts if part.run is not None]
    for part, run in known:
        if not run.get("finished"):
            raise Stop(
                BAD_INPUT,
                f"{part.path}: its run has not finished; run that shard again with --resume",
            )
        if run.get("checkpoint", {}).get("output") != Path(part.path).stat().st_size:
            raise Stop(
                BAD_INPUT, f"{part.path}: is not as long as its run file says; run that shard again"
            )
        for name in ("tool", "version", "options"):
            if run.get(name) != known[0][1].get(name):
                raise Stop(
                    BAD_INPUT,
                    f"{part.path}: was made with another {name} than {known[0][0].path}; make all shards alike",
                )
    if known:
        _check_shards([(part, str(run.get("shard"))) for part, run in known], len(parts))


def _check_shards(shards: list[tuple[Part, Any]], parts: int) -> None:
    """Each shard is there once; of `parts`, some may have lost their run files."""
    counts = {shard.partition("/")[2] for _, shard in shards}
    if len(counts) > 1:
        raise Stop(
            BAD_INPUT,
            f"parts are of different numbers of shards: {', '.join(sorted(counts))}; name those of one run",
        )
    if counts == {"1"}:
        return  # runs that were not sharded, of parts of the input
    number = int(counts.pop())
    seen: dict[str, Part] = {}
    for part, shard in shards:
        if shard in seen:
            raise Stop(
                BAD_INPUT,
                f"{part.path}: is shard {shard}, as {seen[shard].path} is; name each once",
            )
        seen[shard] = part
    missing = [str(index) for index in range(number) if f"{index}/{number}" not in seen]
    if len(missing) > parts - len(shards):  # parts without a run file may be the others
        raise Stop(
            BAD_INPUT,
            f"of {number} shards, {', '.join(missing)} is missing; name the outputs of all",
        )
