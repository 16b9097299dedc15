"""Tools that take the stream of records in their own hands: whole (dedupe) and report (pack, view)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from typing import IO, Any

from headkit import jsonl
from headkit.run import ids
from headkit.run.batches import refusal, stop_if_machine
from headkit.run.books import Books
from headkit.run.inputs import Place
from headkit.run.outputs import Output
from headkit.run.records import Row
from headkit.run.rows import Outcome, Writer
from headkit.status import BUG, Stop
from headkit.tool import Context, Failure, Finding, Record, Tool

IN_MEMORY = 64 << 20  # bytes of rows; more wait in a file
AT_ONCE = 256  # rows written together
FOR_TOOL, PASSES = b"t", b"p"


def guarded(results: Iterator[Any]) -> Iterator[Any]:
    """The results of a tool's generator; faults of the machine become a Stop."""
    try:
        yield from results
    except Stop:
        raise
    except Exception as error:
        stop_if_machine(error)
        raise


class Whole:
    """A tool that decides once it has seen all records. The rows wait in a spool, not in memory."""

    def __init__(self, tool: Tool, reads: tuple[str, ...], context: Context) -> None:
        self.tool = tool
        self.reads = reads
        self.context = context
        self.writer = Writer(tool, {})
        self.spool: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - lives as long as this
            IN_MEMORY, prefix="headkit-"
        )
        self.all_read = False

    def records(self, rows: Iterator[Row]) -> Iterator[Record]:
        """What the tool sees: records without an error that have what it reads."""
        for row in rows:
            raw, passes = row.raw, "error" in row.record
            refused = (
                None
                if passes
                else refusal(self.tool, self.reads, row.record, overwrite=self.context.overwrite)
            )
            if refused:
                outcome = self.writer.failed(raw, row.record, refused)
                raw, passes = outcome.row or raw, True
            self.spool.write((PASSES if passes else FOR_TOOL) + raw + b"\n")
            if not passes:
                yield row.record
        self.all_read = True

    def write(
        self,
        results: Iterator[Any],
        made: Callable[[], Record],
        books: Books,
        show: Callable[[int], None],
    ) -> None:
        """Rows and results together again, in the order of the input. What was `made` is known by then."""
        first = next(results, None)
        self.writer.made = made()
        if first is not None and not self.all_read:
            raise Stop(BUG, "result before all records were read; report it")
        results = iter(()) if first is None else chain([first], results)
        self.spool.seek(0)
        batch: list[Row] = []
        for number, line in enumerate(self.spool, 1):
            result = None
            if line[:1] == FOR_TOOL:
                result = next(results, None)
                if result is None:
                    raise Stop(BUG, f"no result for record {number}; report it")
            batch.append(self._row(line[1:-1], number, result))
            if len(batch) == AT_ONCE:
                self.context.check()
                self._commit(batch, books, show)
        self._commit(batch, books, show)
        if next(results, None) is not None:
            raise Stop(BUG, "more results than records; report it")

    def _row(self, raw: bytes, number: int, result: Any) -> Row:
        record = jsonl.parse(raw)
        row = Row(raw, record, ids.key(record["id"]), Place(read=number), f"record {number}")
        if result is not None:
            row.done = self.writer.outcome(raw, record, result)
        else:
            error = record["error"]
            row.done = Outcome(
                row=raw, failed=isinstance(error, dict) and error.get("tool") == self.tool.name
            )
        return row

    def _commit(self, batch: list[Row], books: Books, show: Callable[[int], None]) -> None:
        books.commit(batch, [row.done for row in batch if row.done is not None])
        show(len(batch))
        batch.clear()


def report(
    results: Iterator[Any],
    output: Output,
    failed: Callable[[Failure], None],
    found: Callable[[], None],
    check: Callable[[], None],
) -> None:
    """Write what a report yields: rows, text, bytes; a Failure is a record that it left out.

    found  is called for every Finding
    """
    for result in results:
        check()
        if isinstance(result, Failure):
            failed(result)
        elif isinstance(result, Finding):
            found()
            output.write(jsonl.dump(result.row) + b"\n")
        elif isinstance(result, bytes):
            output.write(result)
        elif isinstance(result, str):
            output.write(result.removesuffix("\n").encode() + b"\n")
        else:
            output.write(jsonl.dump(result) + b"\n")
