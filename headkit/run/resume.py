"""Taking up a run where it stopped: which records of the input are done already.

The output and the ledger are the truth: input is read again and compared with them, id by id. The run file
only saves work: where input files have not changed since its checkpoint, reading begins there.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headkit import jsonl
from headkit.jsonl import LineError
from headkit.run.books import Books
from headkit.run.ids import Chain, KeySet
from headkit.run.inputs import CHUNK
from headkit.run.outputs import Journal, Output
from headkit.run.plan import Plan
from headkit.run.records import Row
from headkit.run.rows import Outcome
from headkit.run.runfile import Checkpoint
from headkit.status import BAD_INPUT, USAGE, Stop
from headkit.tool import Record


@dataclass(slots=True)
class Kept:
    """A row of an earlier run."""

    raw: bytes
    record: Record
    start: int  # offset in its file

    def failed_in(self, tool: str) -> bool:
        error = self.record.get("error")
        return isinstance(error, dict) and error.get("tool") == tool


def kept_rows(journal: Journal, offset: int) -> Iterator[Kept]:
    """The rows of a journal from `offset` to where it ended when it was opened."""
    tail = b""
    start, end, at = offset, journal.offset, offset
    while at < end:
        data = os.pread(journal.descriptor, min(CHUNK, end - at), at)
        at += len(data)
        *lines, tail = (tail + data).split(b"\n")
        for raw in lines:
            try:
                yield Kept(raw, jsonl.parse(raw), start)
            except LineError as error:
                raise Stop(
                    BAD_INPUT,
                    f"{journal.name}: row at byte {start} is damaged ({error}); cut it there, or run anew",
                ) from None
            start += len(raw) + 1


def usable(checkpoint: Checkpoint, now: list[Record | None], books: Books) -> bool:
    """Whether reading may begin at the checkpoint: nothing before it has changed."""
    place = checkpoint.place
    before, after = checkpoint.inputs[: place.file + 1], now[: place.file + 1]
    unchanged = [stamp(file) for file in before] == [
        stamp(file) for file in after
    ] and None not in after
    ledger = books.ledger.offset if books.ledger is not None else 0
    if not unchanged or checkpoint.output > books.output.offset or checkpoint.ledger > ledger:
        return False
    assert books.key_file is not None
    assert isinstance(books.output, Journal)
    if not books.key_file.exists() or books.key_file.stat().st_size < 8 * checkpoint.counts.read:
        return False
    return checkpoint.output == 0 or _last_id(books.output, checkpoint.output) == checkpoint.last


def stamp(file: Record | None) -> Any:
    """What a file that has not changed still has."""
    return file and (file["size"], file["mtime_ns"])


def _last_id(journal: Journal, end: int) -> Any:
    """The id of the row that ends at `end`; None where none does."""
    begin = end - 1
    block = b""
    while begin > 0 and b"\n" not in block:
        begin = max(0, begin - (1 << 16))
        block = os.pread(journal.descriptor, end - 1 - begin, begin)
    try:
        return jsonl.parse(block[block.rfind(b"\n") + 1 :]).get("id")
    except LineError:
        return None


def load_keys(path: Path, count: int) -> KeySet:
    """The keys of the first `count` records done."""
    keys: array[int] = array("Q")
    with open(path, "rb") as file:
        keys.fromfile(file, count)
    found = KeySet()
    found.fill(keys)
    return found


def begin_at(books: Books, checkpoint: Checkpoint) -> KeySet:
    """Carry on the account from the checkpoint; the keys done so far."""
    checkpoint.inputs, checkpoint.limit = books.state.inputs, books.state.limit
    books.state = checkpoint
    books.counts = checkpoint.counts
    books.chain = Chain(checkpoint.ids)
    assert books.key_file is not None
    return load_keys(books.key_file, checkpoint.counts.read)


def replay(books: Books, rows: Iterator[Row], limited: Callable[[], bool]) -> Row | None:
    """Count the records that are done; the first that is not, None where none is left.

    The ledger is written before the output, so it may be ahead: what it says about records behind the
    output's end is cut, and decided again. Stop 2 where the outputs were made from another input.
    """
    journal, ledger = books.output, books.ledger
    assert isinstance(journal, Journal)
    state = books.state
    outs = kept_rows(journal, state.output)
    drops = kept_rows(ledger, state.ledger) if isinstance(ledger, Journal) else iter(())
    out, drop = next(outs, None), next(drops, None)
    undone = None
    for row in rows:
        if out is not None and out.record.get("id") == row.id:
            books.restore(row, Outcome(row=out.raw, failed=out.failed_in(books.tool)))
            out = next(outs, None)
        elif drop is not None and drop.record.get("id") == row.id:
            books.restore(row, Outcome(ledger=drop.raw))
            drop = next(drops, None)
        else:
            undone = row
            break
    surplus = out or (drop if undone is None else None)
    if surplus is not None and undone is None and limited():
        books.leave_alone()  # more is done than --limit asks for
    elif surplus is not None:
        raise other_input(journal, books, surplus, undone)
    elif drop is not None and isinstance(ledger, Journal):
        ledger.truncate(drop.start)
    return undone


def other_input(journal: Journal, books: Books, kept: Kept, row: Row | None) -> Stop:
    """The Stop that refuses to go on: the output was made from an input that was another then."""
    here = f'{row.where} is "{row.id}"' if row else "the input ends"
    return Stop(
        USAGE,
        f'{journal.name}: row {books.counts.rows + 1} is "{kept.record.get("id")}", where {here}; '
        "it was made from another input: run anew",
    )


def copy(journal: Journal, output: Output) -> None:
    """Every row of the journal once more (--tee)."""
    at = 0
    while at < journal.offset:
        data = os.pread(journal.descriptor, min(CHUNK, journal.offset - at), at)
        output.write(data)
        at += len(data)


def nothing_new(plan: Plan, books: Books) -> bool:
    """Whether a finished output of the same input is there already (whole with --resume)."""
    if not plan.flags.resume or plan.output is None or not plan.output.exists():
        return False
    checkpoint = books.run_file.load()
    same = (
        checkpoint is not None
        and (plan.ledger is None or plan.ledger.exists())
        and checkpoint.limit == plan.flags.limit
        and None not in checkpoint.inputs
        and [stamp(file) for file in checkpoint.inputs]
        == [stamp(file) for file in books.state.inputs]
        and plan.output.stat().st_size == checkpoint.output
    )
    if same:
        if books.tee is not None:
            with plan.output.open("rb") as done:
                while block := done.read(CHUNK):
                    books.tee.write(block)
        books.leave_alone()
    return same
