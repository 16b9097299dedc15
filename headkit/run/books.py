"""Writes what is done, in input order, and keeps the account of it: ledger first, then rows, then the counts."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from headkit import jsonl
from headkit.run.ids import Chain
from headkit.run.inputs import Place
from headkit.run.outputs import Output
from headkit.run.records import Row
from headkit.run.rows import Outcome, with_schema
from headkit.run.runfile import Checkpoint, Counts, RunFile
from headkit.status import BUG, USAGE, WRITE_FAILED, Stop
from headkit.tool import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECONDS_BETWEEN_CHECKPOINTS = 2.0


@dataclass
class Sifted:
    """Records of one shard that were decided about together, in their order."""

    keys: NDArray[np.uint64]  # of their ids
    place: Place  # of the last
    rows: list[bytes] = field(default_factory=list)  # whole lines, each with its newline
    ledger: list[bytes] = field(default_factory=list)  # lines without
    counts: Counts = field(default_factory=Counts)
    last: str = ""  # id of the last row


class Books:
    """The outputs of one run and its state."""

    def __init__(
        self,
        output: Output,
        ledger: Output | None,
        tee: Output | None,
        run_file: RunFile,
        *,
        tool: str,
        max_failures: int,
        inputs: list[Record | None],
        limit: int | None,
        tallied: Callable[[Record], Iterable[str]] | None = None,
    ) -> None:
        self.output = output
        self.ledger = ledger
        self.tee = tee
        self.run_file = run_file
        self.tool = tool
        self.max_failures = max_failures
        self.tallied = tallied
        self.state = Checkpoint(inputs=inputs, limit=limit)
        self.counts = self.state.counts
        self.chain = Chain()
        self.expected: Checkpoint | None = None  # of an earlier run: its digest must come by again
        self.keys: array[int] | None = None  # not yet in the key file; None keeps none
        self.key_file: Path | None = None
        self.journaled = (
            False  # once it is known what a journal holds: only then may checkpoints describe it
        )
        self.in_a_row = 0  # failures of the model
        self._untouched = False
        self._writing = False  # of a batch, files may hold a part
        self.fresh = 0  # records done by this run, not restored
        self._saved = time.monotonic()

    # ---- doing ----

    def commit(self, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
        """Write what became of a batch. Stop 70 at the failure that is one too many, after what precedes it."""
        if len(rows) != len(outcomes):
            raise Stop(BUG, f"{len(outcomes)} outcomes for {len(rows)} records; report it")
        fault: Stop | None = None
        done: list[tuple[Row, Outcome]] = []
        for row, outcome in zip(rows, outcomes, strict=True):
            fault = self._one_too_many(row, outcome)
            if fault:
                break
            done.append((row, outcome))
        self._write([outcome for _, outcome in done])
        for row, outcome in done:  # only what has been written is in the account
            self._count(row, outcome)
        self.fresh += len(done)
        if fault:
            raise fault
        if self.journaled and time.monotonic() - self._saved > SECONDS_BETWEEN_CHECKPOINTS:
            self.checkpoint()

    def commit_many(self, sifted: Sifted) -> None:
        """As commit(), of many records of which most go on as they are, or are dropped."""
        rows = b"".join(sifted.rows)
        if rows and not self.counts.rows:
            first, _, rest = rows.partition(b"\n")
            rows = with_schema(first) + b"\n" + rest
        self._put(sifted.ledger, rows)
        counts, new = self.counts, sifted.counts
        counts.read += new.read
        counts.out += new.out
        counts.dropped += new.dropped
        counts.failed += new.failed
        counts.passed += new.passed
        counts.skipped = sifted.place.skipped
        self.state.place = sifted.place
        self.state.last = sifted.last or self.state.last
        if self.run_file.path is not None:
            self.chain.add_all(sifted.keys)
        if self.keys is not None:
            self.keys.frombytes(sifted.keys.tobytes())
        self.fresh += new.read

    def _write(self, outcomes: list[Outcome]) -> None:
        dropped = [outcome.ledger for outcome in outcomes if outcome.ledger is not None]
        rows = [outcome.row for outcome in outcomes if outcome.row is not None]
        if rows and not self.counts.rows:
            rows[0] = with_schema(rows[0])
        self._put(dropped, b"\n".join(rows) + b"\n" if rows else b"")

    def _put(self, dropped: list[bytes], data: bytes) -> None:
        """Write lines of the ledger, and then rows with their newlines."""
        self._writing = True
        if dropped and self.ledger is not None:
            self.ledger.write(b"\n".join(dropped) + b"\n")
        if data:
            self.output.write(data)
            if self.tee is not None:
                self.tee.write(data)
        self._writing = False

    def restore(self, row: Row, outcome: Outcome) -> None:
        """Count a record that an earlier run did."""
        self._count(row, outcome)
        expected = self.expected
        if (
            expected
            and expected.counts.read == self.counts.read
            and expected.ids != self.chain.hex()
        ):
            raise Stop(
                USAGE,
                f"{row.where}: the input is not the one that {self.output.name} was made from; run anew",
            )

    def _count(self, row: Row, outcome: Outcome) -> None:
        counts = self.counts
        counts.read += 1
        if outcome.row is None:
            counts.dropped += 1
        else:
            counts.failed += outcome.failed
            counts.out += not outcome.failed
            counts.passed += not outcome.failed and "error" in row.record
            self.state.last = row.id
            self._tally(outcome)
        self.chain.add(row.key)
        if self.keys is not None:
            self.keys.append(row.key)
        counts.skipped = row.place.skipped
        self.state.place = row.place

    def _tally(self, outcome: Outcome) -> None:
        """Count what the row says, for the summary."""
        if self.tallied is None or outcome.row is None or outcome.failed:
            return
        tally = self.state.tally
        for label in self.tallied(jsonl.parse(outcome.row)):
            tally[label] = tally.get(label, 0) + 1

    def _one_too_many(self, row: Row, outcome: Outcome) -> Stop | None:
        if outcome.model:
            self.in_a_row += 1
        elif not outcome.failed:  # a bad image says nothing about the model
            self.in_a_row = 0
        if self.in_a_row <= self.max_failures:
            return None
        return Stop(
            BUG,
            f"{row.where}: {outcome.message}; {self.in_a_row} failures of the model in a row, "
            "more than --max-failures; see to it and run again",
        )

    # ---- keeping ----

    def keep_keys(self, path: Path) -> None:
        """Keep the keys of the ids done in `path`, so that a resumed run knows them without reading."""
        self.key_file, self.keys = path, array("Q")

    def leave_alone(self) -> None:
        """Write nothing at the end: the files hold more than this run has looked at."""
        self._untouched = True

    def checkpoint(self, *, finished: bool = False) -> None:
        """Make all that was written last, and say so in the run file."""
        if self._untouched:
            return
        if self.ledger is not None:
            self.ledger.sync()
        self.output.sync()
        self.state.output = self.output.offset
        self.state.ledger = self.ledger.offset if self.ledger is not None else 0
        self.state.ids = self.chain.hex()
        self._save_keys()
        self.run_file.save(self.state, finished=finished)
        self._saved = time.monotonic()

    def _save_keys(self) -> None:
        if self.key_file is None or self.keys is None:
            return
        before = 8 * (self.counts.read - len(self.keys))
        try:
            with open(self.key_file, "r+b" if before else "wb") as file:
                file.truncate(before)
                file.seek(before)
                self.keys.tofile(file)
        except OSError as error:
            raise Stop(WRITE_FAILED, f"{self.key_file}: {error.strerror}") from None
        del self.keys[:]

    def finish(self) -> None:
        """Check the account and put everything in its place. Stop 70 where a record is missing."""
        if self._untouched:
            self.release()
            return
        counts = self.counts
        if counts.read != counts.out + counts.dropped + counts.failed:
            raise Stop(BUG, f"{counts.read} records read, but {counts} in the account; report it")
        if self.journaled:
            self.checkpoint(finished=True)
        else:
            self.run_file.remove()
        offsets = self.output.offset, self.ledger.offset if self.ledger else 0
        for output in (self.ledger, self.output, self.tee):
            if output is not None:
                output.commit()
        if not self.journaled:
            self.state.output, self.state.ledger = offsets
            self.state.ids = self.chain.hex()
            self._save_keys()
            self.run_file.save(self.state, finished=True)

    def abort(self) -> None:
        """After a fault: keep what is done where it can be taken up again, remove what is half written.

        Where the fault came amid writing, the files are found out again from the last checkpoint.
        """
        if self.journaled and not self._writing:
            with suppress(Stop, OSError):  # the fault itself is what is reported
                self.checkpoint()
        self.release()

    def release(self) -> None:
        for output in (self.ledger, self.output, self.tee):
            if output is not None:
                output.abort()
