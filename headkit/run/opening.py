"""The outputs that a plan names, opened and locked."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from headkit import locks
from headkit.run.inputs import is_file
from headkit.run.outputs import CLOSED, Journal, Output, Replacement, Through, is_device
from headkit.run.plan import Plan
from headkit.run.streams import Streams
from headkit.status import TRY_LATER, USAGE, WRITE_FAILED, Stop


@dataclass
class Outputs:
    """What is written: rows, dropped records, and the rows once more on standard output."""

    rows: Output
    ledger: Output | None = None
    tee: Output | None = None

    @property
    def watched(self) -> int | None:
        """The descriptor whose reader may go away."""
        for output in (self.rows, self.tee):
            if isinstance(output, Through) and output.descriptor != CLOSED:
                return output.descriptor
        return None


NOWHERE = Outputs(Through(CLOSED, "nothing"))  # of a dry run


# A job that is started once more (SLURM --requeue) may find its former self still listed, or dying on a lost node.
FORMER_SELF = 180.0  # seconds that it waits for that one's lock


def open_patiently(
    plan: Plan, streams: Streams, say: Callable[[str], None], check: Callable[[], None]
) -> Outputs:
    """As open_outputs; a job that was started once more waits for the locks of its former self.

    `check` raises what has happened meanwhile.
    """
    end = time.monotonic() + (FORMER_SELF if locks.myself().get("restarts") else 0.0)
    waited = False
    while True:
        try:
            return open_outputs(plan, streams, say)
        except Stop as stop:
            if stop.status != TRY_LATER or time.monotonic() > end:
                raise
            if not waited:
                say(f"{stop.message.rpartition('; ')[0]}; waiting, since this job was requeued")
            waited = True
        check()
        time.sleep(1.0)


def open_outputs(plan: Plan, streams: Streams, say: Callable[[str], None]) -> Outputs:
    """Stop 74 where one cannot be written, 75 where another run holds it, 2 where it is an input."""
    _check_names(plan, streams)
    needs_stdout = plan.flags.tee or (plan.to_stdout and plan.tool.kind != "report")
    if needs_stdout and streams.output is None:
        raise Stop(WRITE_FAILED, "standard output is closed; open it, or write to -o FILE")
    stdout = Through(CLOSED if streams.output is None else streams.output, "standard output")
    if plan.output is None:
        rows: Output = (
            stdout if plan.device is None else Through(_open_device(plan.device), plan.device)
        )
    elif plan.flags.resume and plan.tool.kind != "whole":
        rows = Journal(plan.output, say)
    else:
        rows = Replacement(plan.output, say)
    _check_not_input(plan, streams, rows)
    outputs = Outputs(rows, tee=stdout if plan.flags.tee else None)
    if plan.ledger is not None:
        try:
            outputs.ledger = _open_ledger(plan, rows, say)
        except BaseException:
            rows.abort()
            raise
    return outputs


def _check_names(plan: Plan, streams: Streams) -> None:
    """Refuse what would replace a file that the run reads, or one output by another.

    A map may replace its own input (as `sort -o` does): it is read whole before it is replaced. A
    source and a report read what they were given by other ways than the runner's.
    """
    ledger, output = plan.ledger, plan.output
    if ledger is not None and output is not None and ledger == output:
        raise Stop(USAGE, f"--ledger {ledger}: is the output as well; write to another file")
    ours = [] if ledger is None else [str(ledger)]
    inputs = [file.path for file in plan.files if file.path is not None]
    if plan.tool.kind in ("source", "report"):
        options = dict(vars(plan.options))
        named = options.pop("output", None)
        ours += [str(path) for path in (output, named) if path is not None]
        inputs += plan.context.operands
        inputs += [text for text in options.values() if isinstance(text, str)]
    read = [os.fstat(streams.input)] if any(file.path is None for file in plan.files) else []
    for path in inputs:
        with suppress(OSError, ValueError):  # another word than the name of a file
            read.append(os.stat(path))
    for path in ours:
        with suppress(OSError):
            written = os.stat(path)
            if stat.S_ISREG(written.st_mode) and any(
                os.path.samestat(written, state) for state in read
            ):
                raise Stop(USAGE, f"{path}: is read as well; write to another file")


def _check_not_input(plan: Plan, streams: Streams, rows: Output) -> None:
    """Refuse to append to a file that is being read: it would have no end."""
    if rows.descriptor == CLOSED or not is_file(rows.descriptor):
        return
    output = os.fstat(rows.descriptor)
    for file in plan.files:
        state = os.fstat(streams.input) if file.path is None else os.stat(file.path)
        if os.path.samestat(output, state):
            rows.abort()
            raise Stop(USAGE, f"{file.name}: is the output as well; write to another file")


def _open_ledger(plan: Plan, rows: Output, say: Callable[[str], None]) -> Output:
    assert plan.ledger is not None
    if is_device(str(plan.ledger)):
        if plan.flags.resume:
            raise Stop(USAGE, f"--ledger {plan.ledger}: a device cannot be resumed; name a file")
        return Through(_open_device(str(plan.ledger)), str(plan.ledger))
    if isinstance(rows, Replacement):
        return Replacement(plan.ledger, say)
    ledger = Journal(plan.ledger, say)
    if not isinstance(rows, Journal):
        ledger.truncate(0)  # of an earlier pipe
    return ledger


def _open_device(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Stop(WRITE_FAILED, f"{path}: {error.strerror}") from None
