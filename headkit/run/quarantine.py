"""What the death of a worker says about the records that it held.

They are done again, each alone: in a batch of its own, while no other worker works, so that memory is there. One
over which a worker dies once more is the culprit. It gets an error, and the run goes on.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from headkit.tool import Failure


@dataclass(frozen=True)
class Death:
    """How a worker ended, and what a record is told that was alone with it."""

    how: str
    kind: str  # of the record's error
    chances: int = 1  # of a record alone, before it is given up
    innocent: bool = False  # are its records: its whole machine was lost

    def failure(self) -> Failure:
        return Failure(self.kind, f"{self.how}, in its batch and alone", model=True)


def overdue(seconds: float) -> Death:
    """Of a worker that was killed because a record took longer than --timeout."""
    return Death(f"took more than {seconds:g} s (--timeout)", "timeout")


def of_status(status: int, *, memory_ran_out: bool) -> Death:
    """Of a worker that ended by itself or by somebody else, with the status as Popen gives it."""
    if status >= 0:
        return Death(f"worker ended with status {status}", "crash")
    how = f"worker was killed by {signal.Signals(-status).name}"
    if status != -signal.SIGKILL:
        return Death(how, "crash")
    if memory_ran_out:
        return Death(f"{how} as memory ran out", "out of memory")
    # Somebody's `kill -9` strikes a worker whatever it does: a record is to blame only where it happens again.
    return Death(how, "crash", chances=2)


def killed_for_memory() -> int:
    """How many processes the kernel of this machine has killed since it started because memory ran out."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
