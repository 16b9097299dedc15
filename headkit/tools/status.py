"""Say how far runs are: rows done, how fast, what went wrong, and whether a run is at work now.

Each FILE is the output of a run with -o, or a run file, which is beside the output as FILE.run.json
or in the folder of --log. Nothing is changed, and it may be asked at any time:

    watch headkit status part*.jsonl

One line stands for each FILE:

- STATE: running; finished; or stopped, and then the same command with --resume goes on with it.
- ROWS: rows written. DONE: the part of the input that was read, where the input is a file.
- FAILED, DROPPED, SKIPPED: records that got an error, records in the ledger, malformed lines.
- RATE: records a second, of all runs together. LEFT: how long the rest takes at that rate.

A run keeps its account about every two seconds. A run without --resume shows nothing until it ends,
as its file is replaced then.
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
HEAD = ("FILE", "TOOL", "STATE", "ROWS", "DONE", "FAILED", "DROPPED", "SKIPPED", "RATE", "LEFT")


@dataclass(frozen=True)
class Options:
    """None beside the files."""


EXAMPLES = (
    Example(
        "headkit filter --keep 'width > 500' -o wide.jsonl --resume in.jsonl && headkit status wide.jsonl",
        '{"id":"a","width":640}\n{"id":"b","width":320}\n',
    ),
)


def text(options: Options, operands: list[str]) -> Iterator[str]:  # noqa: ARG001 - the interface of every command
    """A table with one line for each file; Stop(NO_INPUT) for one that no run wrote."""
    rows = [HEAD, *(_row(operand) for operand in operands)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, tool, state, *numbers in rows:
        words = (name.ljust(widths[0]), tool.ljust(widths[1]), state.ljust(widths[2]))
        figures = (number.rjust(width) for number, width in zip(numbers, widths[3:], strict=True))
        yield "  ".join((*words, *figures)).rstrip()


def _row(operand: str) -> tuple[str, ...]:
    account, output = _account(operand)
    try:
        counts, seconds = account["checkpoint"]["counts"], account["seconds"]
        part = _part_read(account["checkpoint"])
        read = counts["read"]
        rate = read / seconds if seconds else 0.0
        running = output is not None and locks.is_held(output)
        state = "running" if running else "finished" if account["finished"] else "stopped"
        left = ""
        if part and state != "finished":
            left = str(timedelta(seconds=round(seconds * (1 - part) / part)))
        return (
            operand,
            account["tool"],
            state,
            str(counts["out"] + counts["failed"]),
            "" if part is None else f"{100 * part:.0f}%",
            *(str(counts[name]) for name in ("failed", "dropped", "skipped")),
            f"{rate:.1f}/s",
            left,
        )
    except (KeyError, TypeError):
        raise Stop(BAD_INPUT, f"{operand}: not the run file of this version of headkit") from None


def _account(operand: str) -> tuple[dict[str, Any], Path | None]:
    """What the run file says, and the output that it is about, if that is known."""
    typed = Path(operand)
    if operand.endswith(SUFFIX):
        path, output = typed, typed.with_name(typed.name.removesuffix(SUFFIX))
    else:
        path, output = typed.with_name(typed.name + SUFFIX), typed
    try:
        account = json.loads(path.read_bytes())
    except FileNotFoundError:
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
