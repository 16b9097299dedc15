"""`--jobs N`: batches in N worker processes, results in input order.

A worker has one batch at a time; of a tool that begins work on a batch before its turn, one more. It always reads:
the runner never waits to hand over a batch while the worker waits to hand over a result. One that is killed is
replaced and its batches done again; a batch that kills three is a fault that no retry will mend.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection

from headkit.run.plan import Plan
from headkit.run.records import Row
from headkit.run.rows import Outcome
from headkit.run.signals import Interrupted
from headkit.run.streams import Wait, reader_gone
from headkit.run.worker import Assignment, Reply
from headkit.status import BUG, Stop

DEATHS = 3  # of workers over one batch, before the run stops
DEPTH = 2  # batches that a worker has of a tool that begins work on the next one
START = "from headkit.run.worker import main; main()"
PATIENCE = 0.5  # seconds that workers have to leave by themselves


class Batch:
    """A batch handed in: the ticket for its outcomes."""

    def __init__(self, pool: Workers, rows: list[Row]) -> None:
        self.pool = pool
        self.rows = rows
        self.deaths = 0
        self.reply: Reply | None = None

    def ready(self) -> bool:
        self.pool.pump(block=False)
        return self.reply is not None

    def result(self) -> list[Outcome]:
        while self.reply is None:
            self.pool.pump(block=True)
        if self.reply.stop is not None:
            raise self.reply.stop
        return self.reply.outcomes


class Worker:
    """One process and the socket to it. `batches` are what it has, the first one in hand."""

    def __init__(self, assignment: Assignment) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
                [sys.executable, "-P", "-c", START, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=2,  # nothing that a library prints may reach the manifest
                pass_fds=[theirs.fileno()],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
                },
            )
        self.connection: Connection = Connection(ours.detach())
        self.batches: deque[Batch] = deque()
        with suppress(OSError):  # dead already: noticed when its batch is sent
            self.connection.send(assignment)

    def send(self, batch: Batch) -> bool:
        """False where the worker is dead."""
        try:
            self.connection.send([(row.raw, row.photo) for row in batch.rows])
        except OSError:
            return False
        self.batches.append(batch)
        return True

    def end(self) -> str:
        """Reap a worker that has died; how it died."""
        self.connection.close()
        status = self.process.wait()
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        return f"ended with status {status}"


class Workers:
    """A pool of worker processes, to be used from the thread that made it (they die with that thread)."""

    def __init__(self, plan: Plan, wait: Wait, shrunk: Callable[[int], None]) -> None:
        self.plan = plan
        self.wait = wait
        self.shrunk = shrunk
        self.window = 2 * plan.workers
        self.depth = 1  # batches that a worker has
        self.queue: deque[Batch] = deque()
        self.workers = [self._start(number) for number in range(plan.workers)]

    def _start(self, number: int) -> Worker:
        devices = self.plan.devices
        context = replace(self.plan.context, device=devices[number % len(devices)])
        return Worker(Assignment(self.plan.tool, self.plan.options, context, os.getpid()))

    def submit(self, batch: list[Row]) -> Batch:
        ticket = Batch(self, batch)
        self.queue.append(ticket)
        self._hand_out()
        return ticket

    def descriptors(self) -> list[int]:
        return [worker.connection.fileno() for worker in self.workers if worker.batches]

    def close(self) -> None:
        """Let the workers go; those that do not go at once are killed: their rows are not written."""
        for worker in self.workers:
            worker.connection.close()
        for worker in self.workers:
            try:
                worker.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()

    def pump(self, *, block: bool) -> None:
        """Take in what workers have done, at least one thing if `block`, and hand out what waits."""
        busy = {
            worker.connection.fileno(): at
            for at, worker in enumerate(self.workers)
            if worker.batches
        }
        poll = select.poll()
        for descriptor in busy:
            poll.register(descriptor, select.POLLIN)
        if self.wait.output is not None:
            poll.register(self.wait.output, 0)
        for descriptor, _ in poll.poll(None if block else 0):
            if descriptor in busy:
                self._receive(busy[descriptor])
            elif self.wait.output is not None and reader_gone(self.wait.output):
                raise Interrupted.pipe()
        self._hand_out()

    def _receive(self, at: int) -> None:
        worker = self.workers[at]
        try:
            reply: Reply = worker.connection.recv()
        except (EOFError, OSError):  # also in the middle of a reply
            self._bury(at)
            return
        worker.batches.popleft().reply = reply
        if reply.shrunk is not None:
            self.shrunk(reply.shrunk)
        if reply.prepares:
            self.depth = DEPTH

    def _hand_out(self) -> None:
        """Give batches to the workers in turn, so that none has two while another has none."""
        for depth in range(1, self.depth + 1):
            for at in range(len(self.workers)):
                while len(self.workers[at].batches) < depth and self.queue:
                    batch = self.queue.popleft()
                    if not self.workers[at].send(batch):
                        self.workers[at].batches.append(batch)
                        self._bury(at)

    def _bury(self, at: int) -> None:
        """Replace a dead worker; its batches come first in the queue, but one that has killed too many is given up."""
        worker = self.workers[at]
        how = worker.end()
        batch = worker.batches[0]
        batch.deaths += 1
        self.queue.extendleft(reversed(worker.batches))
        if batch.deaths >= DEATHS:
            self.queue.remove(batch)
            first, last = batch.rows[0].where, batch.rows[-1].where
            batch.reply = Reply(
                [],
                Stop(
                    BUG,
                    f"{first} to {last}: worker was {how}, {DEATHS} times over these records; "
                    "see whether memory runs out (fewer --jobs), or leave them out, and run again",
                ),
            )
        self.workers[at] = self._start(at)
