"""Say how far runs are: rows done, how fast, what went wrong, and whether a run is at work now.

Each FILE is the output of a run with -o, or a run file, which is beside the output as FILE.run.json
or in the folder of --log. Nothing is changed, and it may be asked at any time:

    watch headkit status part*.jsonl

One line stands for each FILE, and where there are more, one for all of them:

- STATE: running; starting; finished; or stopped, and then the same command with --resume goes on with it.
- ROWS: rows written. DONE: the part of the input that was read, where the input is a file.
- FAILED, DROPPED, SKIPPED: records that got an error, records in the ledger, malformed lines.
- RATE: records a second, of all runs together. LEFT: how long the rest takes at that rate.
- WHERE, with jobs of a cluster: the job that wrote last, and on which host.

In the last line, RATE is that of what runs now, and LEFT that of the shard that takes longest. Shards of
which no FILE is named are said to be missing.

A run keeps its account about every two seconds. A run without --resume shows nothing until it ends,
as its file is replaced then. A run that is asked itself, by `kill -USR1`, says one line on its standard error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from headkit import locks
from headkit.status import BAD_INPUT, NO_INPUT, Stop
from headkit.tool import Example

SUFFIX = ".run.json"
HEAD = (
    "FILE",
    "TOOL",
    "STATE",
    "ROWS",
    "DONE",
    "FAILED",
    "DROPPED",
    "SKIPPED",
    "RATE",
    "LEFT",
    "WHERE",
)
FIGURES = range(3, 10)  # columns of numbers
SOME = 12  # shards that a message names


@dataclass(frozen=True)
class Options:
    """None beside the files."""


EXAMPLES = (
    Example(
        "headkit filter --keep 'width > 500' -o wide.jsonl --resume in.jsonl && headkit status wide.jsonl",
        '{"id":"a","width":640}\n{"id":"b","width":320}\n',
    ),
)


@dataclass(frozen=True)
class Line:
    """What the table says of one run; None is not known."""

    name: str
    tool: str = ""
    state: str = "starting"
    rows: int = 0
    part: float | None = None  # of the input
    failed: int = 0
    dropped: int = 0
    skipped: int = 0
    rate: float = 0.0
    left: float | None = None  # seconds
    where: str = ""
    shard: str = ""

    def cells(self) -> tuple[str, ...]:
        return (
            self.name,
            self.tool,
            self.state,
            str(self.rows),
            "" if self.part is None else f"{100 * self.part:.0f}%",
            str(self.failed),
            str(self.dropped),
            str(self.skipped),
            f"{self.rate:.1f}/s",
            "" if self.left is None else str(timedelta(seconds=round(self.left))),
            self.where,
        )


def text(options: Options, operands: list[str]) -> Iterator[str]:  # noqa: ARG001 - the interface of every command
    """A table with one line for each file; Stop(NO_INPUT) for one that no run wrote."""
    runs = [_line(operand) for operand in operands]
    lines = [*runs, _all(runs)] if len(runs) > 1 else runs
    rows = [HEAD, *(line.cells() for line in lines)]
    if not any(run.where for run in runs):
        rows = [row[:-1] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(
            cell.rjust(width) if at in FIGURES else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
    yield from _missing({run.shard for run in runs})


def _line(operand: str) -> Line:
    account, output = _account(operand)
    if account is None:
        return Line(operand)
    try:
        counts, seconds = account["checkpoint"]["counts"], account["seconds"]
        part = _part_read(account["checkpoint"])
        running = output is not None and locks.is_held(output)
        state = "running" if running else "finished" if account["finished"] else "stopped"
        return Line(
            operand,
            account["tool"],
            state,
            rows=counts["out"] + counts["failed"],
            part=part,
            failed=counts["failed"],
            dropped=counts["dropped"],
            skipped=counts["skipped"],
            rate=counts["read"] / seconds if seconds else 0.0,
            left=seconds * (1 - part) / part if part and state != "finished" else None,
            where=_where(account.get("runs", [])),
            shard=account.get("shard", ""),
        )
    except (KeyError, TypeError):
        raise Stop(BAD_INPUT, f"{operand}: not the run file of this version of headkit") from None


def _where(runs: list[dict[str, Any]]) -> str:
    """The last job that wrote, and its host."""
    job = runs[-1].get("job") if runs else None
    return f"{job} on {runs[-1]['host']}" if job else ""


def _all(runs: list[Line]) -> Line:
    """What the runs come to together."""
    at_work = [run for run in runs if run.state in ("running", "starting")]
    finished = sum(run.state == "finished" for run in runs)
    state = f"{len(at_work)} running" if at_work else f"{finished} finished"
    parts = [run.part for run in runs if run.part is not None]
    return Line(
        f"all {len(runs)}",
        state=state,
        rows=sum(run.rows for run in runs),
        part=sum(parts) / len(parts) if len(parts) == len(runs) else None,
        failed=sum(run.failed for run in runs),
        dropped=sum(run.dropped for run in runs),
        skipped=sum(run.skipped for run in runs),
        rate=sum(run.rate for run in at_work),
        left=max((run.left for run in runs if run.left is not None), default=None),
    )


def _missing(shards: set[str]) -> Iterator[str]:
    """Shards of a run of many that have no file here."""
    counts = {shard.partition("/")[2] for shard in shards if shard}
    if len(counts) != 1:
        return
    count = int(counts.pop())
    missing = [str(index) for index in range(count) if f"{index}/{count}" not in shards]
    if missing:
        more = ", ..." if len(missing) > SOME else ""
        yield f"of {count} shards, no file is named of {', '.join(missing[:SOME])}{more}"


def _account(operand: str) -> tuple[dict[str, Any] | None, Path | None]:
    """What the run file says, None where a run is about to write it; the output that it is about, if that is known."""
    typed = Path(operand)
    if operand.endswith(SUFFIX):
        path, output = typed, typed.with_name(typed.name.removesuffix(SUFFIX))
    else:
        path, output = typed.with_name(typed.name + SUFFIX), typed
    try:
        account = json.loads(path.read_bytes())
    except FileNotFoundError:
        if output.exists() and locks.is_held(output):
            return None, output
        raise Stop(
            NO_INPUT, f"{path}: no such file; name the FILE of a run's -o, or a run file"
        ) from None
    except OSError as error:
        raise Stop(NO_INPUT, f"{path}: {error.strerror}") from None
    except ValueError:
        raise Stop(BAD_INPUT, f"{path}: not JSON; is it a run file?") from None
    if not isinstance(account, dict):
        raise Stop(BAD_INPUT, f"{path}: not a run file")
    return account, output if output.exists() else None


def _part_read(checkpoint: dict[str, Any]) -> float | None:
    """The share of the input's bytes that were read; None where the input's size is not known."""
    inputs, place = checkpoint["inputs"], checkpoint["place"]
    if not inputs or None in inputs:
        return None
    sizes = [file["size"] for file in inputs]
    total = sum(sizes)
    return min(1.0, (sum(sizes[: place["file"]]) + place["offset"]) / total) if total else 1.0
