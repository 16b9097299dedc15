"""The runner's own descriptors: what is read, what is written, and nothing between that a library can touch."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, inf

from headkit.run.signals import Interrupted, Signals
from headkit.status import WRITE_FAILED, Stop

STDIN_NAMES = {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}
STDOUT_NAMES = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}


@dataclass
class Streams:
    """Standard input and output on private descriptors; `output` is None where it was closed on entry."""

    input: int
    output: int | None


def claim() -> Streams:
    """Take 0 and 1 away from everybody else; to be called once, before a model library loads.

    Afterwards 0 reads /dev/null and 1 goes to 2: one `print` in a library must not corrupt a manifest,
    nor a child process eat records. Descriptors that were closed are opened on /dev/null, lest the next
    file that is opened gets the number 2 and the messages.
    """
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    closed = [number for number in (0, 1, 2) if not _is_open(number) or null == number]
    for number in closed:
        os.dup2(null, number)
    streams = Streams(os.dup(0), None if 1 in closed else os.dup(1))
    os.dup2(null, 0)
    os.dup2(2, 1)
    if null > 2:
        os.close(null)
    return streams


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def say(text: str) -> None:
    """A line to standard error, whatever has become of `sys.stderr`; one that cannot be written is lost."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
    with suppress(OSError):
        os.write(2, (text + "\n").encode(errors="backslashreplace"))


def write_all(descriptor: int, data: bytes, name: str) -> None:
    """Write every byte; Stop 74 where that fails, Interrupted where the reader has gone."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BrokenPipeError:
            raise Interrupted.pipe() from None
        except BlockingIOError:  # whoever shares the pipe made it non-blocking
            select.select([], [descriptor], [])
        except OSError as error:
            raise Stop(
                WRITE_FAILED, f"{name}: {error.strerror}; free the disk and run again"
            ) from None


def reader_gone(descriptor: int) -> bool:
    """Whether nobody is left to read what is written to `descriptor`."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


class Wait:
    """Blocks until input is there, and meanwhile takes whatever else happens.

    A signal or a reader of our output who has gone raises Interrupted; `collect` takes what is done: before there is
    anything to wait for, and whenever a descriptor in `others` becomes readable (a worker with a result).
    """

    def __init__(self, signals: Signals, output: int | None) -> None:
        self.signals = signals
        self.output = output
        self.others: Callable[[], list[int]] = list
        self.collect: Callable[[], None] = lambda: None
        self.room: Callable[[], None] = lambda: None  # waits where a disk is all but full
        self.deadline: Callable[[], float] = lambda: (
            inf
        )  # when to collect at the latest (monotonic)

    @staticmethod
    def until(moment: float) -> int | None:
        """Milliseconds to a moment of the monotonic clock, as poll takes them; None where it never comes."""
        return None if moment == inf else max(0, ceil(1000 * (moment - time.monotonic())))

    def check(self) -> None:
        """Raise what has happened already; blocks only as long as a disk has no room."""
        self._raise()
        self.room()

    def _raise(self) -> None:
        self.signals.check()
        if self.output is not None and reader_gone(self.output):
            raise Interrupted.pipe()

    def pause(self, seconds: float) -> None:
        """Let time pass, unless something happens."""
        poll = select.poll()
        poll.register(self.signals.wake, select.POLLIN)
        if self.output is not None:
            poll.register(self.output, 0)
        poll.poll(ceil(1000 * seconds))
        self._raise()

    def __call__(self, descriptor: int) -> None:
        self.check()
        patience: int | None = 0
        while True:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.register(self.signals.wake, select.POLLIN)
            if self.output is not None:
                poll.register(self.output, 0)
            for other in self.others():
                poll.register(other, select.POLLIN)
            ready = {number for number, _ in poll.poll(patience)}
            self.check()
            if descriptor in ready:
                return
            self.collect()
            patience = self.until(self.deadline())
