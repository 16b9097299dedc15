"""The far end of a worker: takes batches from the runner over a socket until it closes.

A new process, never a fork: a fork would keep the runner's locks and pipes open after a `kill -9` of the
runner.
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from headkit import jsonl
from headkit.run import environment
from headkit.run.batches import Batches
from headkit.run.rows import Outcome
from headkit.run.signals import ENDING
from headkit.status import BUG, Stop
from headkit.tool import Context, Photo, Record, Tool

PR_SET_PDEATHSIG = 1  # prctl(2)
SOON = 0.05  # seconds
Found = TypeVar("Found")


@dataclass(frozen=True)
class Assignment:
    """What a worker is told once."""

    tool: Tool
    options: Any
    context: Context
    parent: int


@dataclass(frozen=True)
class Ready:
    """The models are loaded, or cannot be: then every batch gets the Stop that says why."""

    prepares: bool = False  # whether the tool begins work on a batch before its turn


@dataclass(frozen=True)
class Reply:
    """What came of a batch: its outcomes, or the Stop that ends the run."""

    outcomes: list[Outcome]
    stop: Stop | None = None
    shrunk: int | None = None  # batch size, after memory ran out


@dataclass(frozen=True, slots=True)
class Item:
    """A record and its own bytes."""

    raw: bytes
    record: Record
    photo: Photo | None = None


def main() -> None:
    """Work for the runner at the other end of the socket whose number is the first argument."""
    connection: Connection = Connection(int(sys.argv[1]))
    _step_aside()
    environment.tune()
    with suppress(EOFError, OSError):  # the runner has gone, or needs us no more
        assignment: Assignment = connection.recv()
        _die_with(assignment.parent)
        inbox = Inbox(connection)
        loaded = Loaded(assignment)
        connection.send(loaded.ready)
        while True:
            batch = inbox.take()
            connection.send(loaded.reply(batch, inbox.ahead))


class Loaded:
    """The tool with its models, or the Stop that says why they cannot be loaded: then every batch gets that."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.batches = _attempt(
            assignment,
            lambda: Batches(assignment.tool, assignment.options, assignment.context),
        )

    @property
    def ready(self) -> Ready:
        return Ready(isinstance(self.batches, Batches) and self.batches.prepares)

    def reply(self, batch: list[Item], ahead: Callable[[], list[Item]]) -> Reply:
        """What comes of a batch; `ahead` gives the one after it, where one is there."""
        batches = self.batches
        if isinstance(batches, Stop):
            return Reply([], batches)

        def work() -> Reply:
            if batches.prepares:
                batches.prepare(ahead())
            return Reply(batches.outcomes(batch), shrunk=batches.chunk)

        reply = _attempt(self.assignment, work)
        return Reply([], reply) if isinstance(reply, Stop) else reply


def _attempt(assignment: Assignment, work: Callable[[], Found]) -> Found | Stop:
    """What `work` gives, or the Stop that ends the run."""
    try:
        return work()
    except Stop as stop:
        return stop
    except Exception as error:  # noqa: BLE001 - a bug of ours: the runner reports it
        if assignment.context.verbose:
            traceback.print_exc()
        return Stop(
            BUG, f"bug: {type(error).__name__}: {error}; run with -v to see where, and report it"
        )


class Inbox:
    """Batches that have come. A thread takes them in, so that runner and worker never wait for each other to read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._come: queue.SimpleQueue[list[tuple[bytes, Photo | None]]] = queue.SimpleQueue()
        self._next: list[Item] = []
        self._replied = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._come.put(self._connection.recv())
        self._come.put([])  # the runner has gone: it sends no empty batch

    def take(self) -> list[Item]:
        """The next batch. Raises EOFError where the runner has gone."""
        items, self._next = self._next or items_of(self._come.get()), []
        if not items:
            raise EOFError
        return items

    def ahead(self) -> list[Item]:
        """The batch after the one that was taken; empty where none is there, or soon: the runner sends it for a reply."""
        with suppress(queue.Empty):
            rows = self._come.get(timeout=SOON if self._replied else 0)
            self._next = items_of(rows)
            if not rows:
                self._come.put(rows)
        self._replied = True
        return self._next


def items_of(rows: list[tuple[bytes, Photo | None]]) -> list[Item]:
    """The records of a batch as it is sent."""
    return [Item(raw, jsonl.parse(raw), photo) for raw, photo in rows]


def _step_aside() -> None:
    """Leave the terminal's signals to the runner, and standard input and output to nobody."""
    for number in (*ENDING, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.dup2(2, 1)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when the runner dies, however it dies (Linux).

    Elsewhere a worker notices between two batches, when the socket is closed.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
