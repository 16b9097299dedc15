"""The loop of a run: records in, batches through the tool, rows out in the same order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from headkit.run.batches import Batches
from headkit.run.books import Books
from headkit.run.records import Row
from headkit.run.rows import Outcome
from headkit.run.signals import Interrupted
from headkit.run.streams import Wait
from headkit.status import Stop

AHEAD = 2  # batches that are prepared while one is worked on


class Ticket(Protocol):
    """A batch handed in; `result` blocks until its outcomes are there."""

    def ready(self) -> bool: ...

    def result(self) -> list[Outcome]: ...


class Pool(Protocol):
    """Whoever works on batches: this process, or workers. `window` batches may be under way."""

    window: int

    def submit(self, batch: list[Row]) -> Ticket: ...

    def descriptors(self) -> list[int]: ...

    def close(self) -> None: ...


class Done:
    """The ticket of a batch that was worked on at once."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self.outcomes = outcomes

    def ready(self) -> bool:
        return True

    def result(self) -> list[Outcome]:
        return self.outcomes


class Later:
    """The ticket of a batch that is worked on when its outcomes are asked for."""

    def __init__(self, work: Callable[[], list[Outcome]]) -> None:
        self.work = work

    def ready(self) -> bool:
        return True

    def result(self) -> list[Outcome]:
        return self.work()


class Inline:
    """The pool of one: this process. A tool that prepares batches has the next ones under way meanwhile."""

    def __init__(self, batches: Batches, shrunk: Callable[[int], None]) -> None:
        self.batches = batches
        self.shrunk = shrunk
        self.window = AHEAD if batches.prepares else 0

    def submit(self, batch: list[Row]) -> Ticket:
        if self.window:
            self.batches.prepare(batch)
            return Later(lambda: self._outcomes(batch))
        return Done(self._outcomes(batch))

    def _outcomes(self, batch: list[Row]) -> list[Outcome]:
        outcomes = self.batches.outcomes(batch)
        if self.batches.chunk is not None:
            self.shrunk(self.batches.chunk)
        return outcomes

    def descriptors(self) -> list[int]:
        return []

    def close(self) -> None:
        """Nothing to stop."""


def batched(rows: Iterator[Row], size: int, first: int | None = None) -> Iterator[list[Row]]:
    """Rows in lists of `size`, the first of `first`. What precedes a bad line is handed over before the Stop goes on."""
    batch: list[Row] = []
    wanted = first or size
    try:
        for row in rows:
            batch.append(row)
            if len(batch) == wanted:
                yield batch
                batch, wanted = [], size
    except Stop:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


class Flow:
    """Batches under way, in order."""

    def __init__(
        self, make_pool: Callable[[], Pool], books: Books, wait: Wait, show: Callable[[int], None]
    ) -> None:
        self.make_pool = (
            make_pool  # called when the first record needs it: only then do models load
        )
        self.pool: Pool | None = None
        self.books = books
        self.wait = wait
        self.show = show
        self.pending: deque[tuple[list[Row], Ticket | None]] = deque()

    def run(self, batches: Iterator[list[Row]]) -> None:
        """Work until the input ends, or until a fault; what was read before a fault of the input is written."""
        fault: Stop | Interrupted | None = None
        self.wait.others = lambda: self.pool.descriptors() if self.pool and self.pending else []
        self.wait.collect = self._commit_ready
        while fault is None:
            try:
                self.wait.check()
                batch = next(batches, None)
            except (Stop, Interrupted) as error:
                fault = error
                break
            if batch is None:
                break
            self._submit(batch)
            while len(self.pending) > (self.pool.window if self.pool else 0):
                self._commit_first()
        if isinstance(fault, Interrupted):
            self._forget_later()
        if not (isinstance(fault, Interrupted) and fault.by_pipe):
            while self.pending:
                self._commit_first()
        if fault is not None:
            raise fault

    def close(self) -> None:
        if self.pool is not None:
            self.pool.close()

    def _submit(self, batch: list[Row]) -> None:
        todo = [row for row in batch if row.done is None]
        if todo and self.pool is None:
            self.pool = self.make_pool()
        self.pending.append((batch, self.pool.submit(todo) if todo and self.pool else None))

    def _forget_later(self) -> None:
        """An interrupted run finishes what is in hand, and begins no other batch."""
        while any(isinstance(ticket, Later) for _, ticket in self.pending):
            self.pending.pop()

    def _commit_ready(self) -> None:
        while self.pending and (self.pending[0][1] is None or self.pending[0][1].ready()):
            self._commit_first()

    def _commit_first(self) -> None:
        batch, ticket = self.pending.popleft()
        made = iter(ticket.result() if ticket else ())
        self.books.commit(batch, [next(made) if row.done is None else row.done for row in batch])
        self.show(len(batch))
