"""`--jobs N`, `--timeout` and `--ray`: batches in worker processes, results in input order.

A worker has one batch at a time; of a tool that begins work on a batch before its turn, one more. It always reads:
the runner never waits to hand over a batch while the worker waits to hand over a result. One that dies, or is killed
because a record takes too long, is replaced, and the records in its hand are looked into (quarantine).
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from math import inf
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from headkit.run.plan import Plan
from headkit.run.quarantine import Death, killed_for_memory, of_status, overdue
from headkit.run.records import Row
from headkit.run.rows import Outcome, Writer
from headkit.run.signals import Interrupted
from headkit.run.streams import Wait, reader_gone
from headkit.run.worker import Assignment, Ready, Reply
from headkit.status import UNAVAILABLE, Stop

if TYPE_CHECKING:
    from headkit.run.actors import Cluster

DEATHS = 3  # of workers that have not even started, one after the other, before the run stops
DEPTH = 2  # batches that a worker has of a tool that begins work on the next one
START = "from headkit.run.worker import main; main()"
PATIENCE = 0.5  # seconds that workers have to leave by themselves
WARM_UP = 60.0  # seconds more than --timeout for a worker's first batch, until one has shown what it takes


class Batch:
    """A batch handed in: the ticket for its outcomes."""

    def __init__(self, pool: Workers, rows: list[Row], *, alone: bool = False) -> None:
        self.pool = pool
        self.rows = rows
        self.alone = alone  # one record that is suspected
        self.deaths = 0  # of workers, while it was alone
        self.reply: Reply | None = None
        self.parts: list[Batch] = []  # its records, each alone

    @property
    def done(self) -> bool:
        return self.reply is not None or (
            bool(self.parts) and all(part.reply is not None for part in self.parts)
        )

    def ready(self) -> bool:
        self.pool.pump(block=False)
        return self.done or self.pool.fault is not None

    def result(self) -> list[Outcome]:
        while not self.done:
            if self.pool.fault is not None:
                raise self.pool.fault
            self.pool.pump(block=True)
        outcomes: list[Outcome] = []
        for reply in [self.reply, *(part.reply for part in self.parts)]:
            if reply is not None and reply.stop is not None:
                raise reply.stop
            outcomes += reply.outcomes if reply is not None else []
        return outcomes


class Worker:
    """One process and the socket to it. `batches` are what it has, the first one in hand."""

    def __init__(self, assignment: Assignment) -> None:
        self.killed_before = killed_for_memory()
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
        self.started = False  # its models are loaded: what happens now happens over its batch
        self.warm = False  # has done a batch
        self.since = 0.0  # when it took up the batch in hand
        with suppress(OSError):  # dead already: noticed when its batch is sent
            self.connection.send(assignment)

    @property
    def expected(self) -> bool:
        """Whether it owes a message."""
        return bool(self.batches) or not self.started

    def send(self, batch: Batch) -> bool:
        """False where the worker is dead."""
        try:
            self.connection.send([(row.raw, row.photo) for row in batch.rows])
        except OSError:
            return False
        if not self.batches:
            self.since = time.monotonic()
        self.batches.append(batch)
        return True

    def end(self) -> Death:
        """Reap a worker that has died; how it died."""
        self.connection.close()
        status = self.process.wait()
        return of_status(status, memory_ran_out=killed_for_memory() > self.killed_before)

    def leave(self) -> None:
        """Its connection is closed: let it go by itself, or kill it."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once. One that hangs in the kernel is left behind: it dies when that lets go of it."""
        self.connection.close()
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)


def _cluster(plan: Plan) -> Cluster | None:
    """The cluster of --ray."""
    if plan.flags.ray is None:
        return None
    from headkit.run.actors import Cluster

    return Cluster(plan.flags.ray, plan.flags.device, verbose=plan.flags.verbose)


class Workers:
    """A pool of worker processes, to be used from the thread that made it (they die with that thread)."""

    def __init__(self, plan: Plan, wait: Wait, shrunk: Callable[[int], None]) -> None:
        self.plan = plan
        self.wait = wait
        self.shrunk = shrunk
        self.cluster = _cluster(plan)
        count = plan.workers if self.cluster is None else plan.actors or self.cluster.room
        self.window = 2 * count
        self.depth = 1  # batches that a worker has
        self.warm_up: float | None = None  # seconds that first batches took, once that is known
        # Seconds a record of the slowest batch; of a first one, until others are done.
        self.pace: float | None = None
        self.paced = False  # others are done
        self.writer = Writer(plan.tool, {})
        self.queue: deque[Batch] = deque()
        self.suspects: deque[Batch] = deque()
        self.stillborn = 0  # workers in a row that died before they had started
        self.fault: Stop | None = None
        self.workers = [self._start(number) for number in range(count)]
        wait.deadline = self.deadline

    def _start(self, number: int) -> Worker:
        devices = self.plan.devices
        context = replace(self.plan.context, device=devices[number % len(devices)])
        assignment = Assignment(self.plan.tool, self.plan.options, context, os.getpid())
        try:
            if self.cluster is not None:
                return self.cluster.worker(assignment)
            return Worker(assignment)
        except OSError as error:
            raise Stop(
                UNAVAILABLE,
                f"worker cannot be started: {error.strerror}; take fewer --jobs, and run again",
            ) from error

    def submit(self, batch: list[Row]) -> Batch:
        ticket = Batch(self, batch)
        self.queue.append(ticket)
        self._hand_out()
        return ticket

    def descriptors(self) -> list[int]:
        return [worker.connection.fileno() for worker in self.workers if worker.expected]

    def deadline(self) -> float:
        """The moment, by the monotonic clock, at which the next worker has taken too long; inf where none can."""
        return min(map(self._due, self.workers), default=inf)

    def _due(self, worker: Worker) -> float:
        """When the batch in hand is overdue: the limit is for a record, and what loads, loads before it begins.

        A batch may take what others take, and one record of it the limit beside; where that was too little, its
        records show so alone.
        """
        limit = self.plan.flags.timeout
        if limit is None or not (worker.batches and worker.started):
            return inf
        first = 0.0 if worker.warm else WARM_UP if self.warm_up is None else self.warm_up
        others = len(worker.batches[0].rows) - 1
        pace = limit if self.pace is None else min(limit, 2 * self.pace)
        return worker.since + first + limit + others * pace

    def close(self) -> None:
        """Let the workers go; those that do not go at once are killed: their rows are not written."""
        for worker in self.workers:
            worker.connection.close()
        for worker in self.workers:
            worker.leave()
        if self.cluster is not None:
            self.cluster.close()

    def pump(self, *, block: bool) -> None:
        """Take in what workers have done, at least one thing if `block`, and hand out what waits."""
        busy = {
            worker.connection.fileno(): at
            for at, worker in enumerate(self.workers)
            if worker.expected
        }
        poll = select.poll()
        for descriptor in busy:
            poll.register(descriptor, select.POLLIN)
        if self.wait.output is not None:
            poll.register(self.wait.output, 0)
        for descriptor, _ in poll.poll(self.wait.until(self.deadline()) if block else 0):
            if descriptor in busy:
                self._receive(busy[descriptor])
            elif self.wait.output is not None and reader_gone(self.wait.output):
                raise Interrupted.pipe()
        self._end_overdue()
        self._hand_out()

    def _receive(self, at: int) -> None:
        worker = self.workers[at]
        try:
            message: Ready | Reply = worker.connection.recv()
        except (EOFError, OSError):  # also in the middle of a reply
            self._bury(at, worker.end())
            return
        now = time.monotonic()
        if isinstance(message, Ready):
            worker.started, worker.since, self.stillborn = True, now, 0
            self.depth = DEPTH if message.prepares else 1
            return
        batch, took = worker.batches.popleft(), now - worker.since
        pace = took / len(batch.rows)
        if worker.warm:
            self.pace = max(self.pace or 0.0, pace) if self.paced else pace
            self.paced = True
        else:
            self.warm_up = max(self.warm_up or 0.0, took)
            self.pace = pace if self.pace is None else self.pace
        worker.warm, worker.since, batch.reply = True, now, message
        if message.shrunk is not None:
            self.shrunk(message.shrunk)

    def _hand_out(self) -> None:
        """Give batches to the workers in turn, so that none has two while another has none.

        What is suspected has all the machine to itself.
        """
        if self.suspects:
            started = [at for at, worker in enumerate(self.workers) if worker.started]
            if started and not any(worker.batches for worker in self.workers):
                self._give(started[0], self.suspects.popleft())
            return
        for depth in range(1, self.depth + 1):
            for at in range(len(self.workers)):
                worker = self.workers[at]
                if worker.started and len(worker.batches) < depth and self.queue:
                    self._give(at, self.queue.popleft())

    def _give(self, at: int, batch: Batch) -> None:
        if not self.workers[at].send(batch):  # it has died while it had nothing to do
            self._back(batch)
            self._bury(at, self.workers[at].end())

    def _back(self, batch: Batch) -> None:
        (self.suspects if batch.alone else self.queue).appendleft(batch)

    def _end_overdue(self) -> None:
        limit, now = self.plan.flags.timeout, time.monotonic()
        for at, worker in enumerate(self.workers):
            if limit is not None and now >= self._due(worker):
                worker.kill()
                self._bury(at, overdue(limit))

    def _bury(self, at: int, death: Death) -> None:
        """Replace a dead worker. What was in its hand is suspected, what it had not begun goes back."""
        worker = self.workers[at]
        if not worker.started and not death.innocent:
            self.stillborn += 1
        if worker.batches and not death.innocent:
            self._suspect(worker.batches.popleft(), death)
        for batch in reversed(worker.batches):
            self._back(batch)
        if self.stillborn >= DEATHS:
            self.fault = Stop(
                UNAVAILABLE,
                f"{death.how} as it started, {DEATHS} times in a row; see whether memory runs out (fewer --jobs), "
                "or a library or device is broken, and run again",
            )
        else:
            self.workers[at] = self._start(at)

    def _suspect(self, batch: Batch, death: Death) -> None:
        if not batch.alone:
            batch.parts = [Batch(self, [row], alone=True) for row in batch.rows]
            self.suspects.extend(batch.parts)
            return
        batch.deaths += 1
        if batch.deaths < death.chances:
            self.suspects.appendleft(batch)
            return
        row = batch.rows[0]
        batch.reply = Reply([self.writer.failed(row.raw, row.record, death.failure())])
