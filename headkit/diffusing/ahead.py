"""Work that is begun before its turn: pictures of coming records, and images that fill chunks which would be short."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headkit.diffusing.asking import Asked
from headkit.diffusing.controls import Conditions
from headkit.tool import Failure, Record

if TYPE_CHECKING:
    from headkit.backends.diffusion.network import Drawn

Shape = tuple[tuple[int, int], int]  # width and height, and pieces of the prompt
Wanted = tuple[Asked, Conditions]


@dataclass(frozen=True, eq=False)
class Job:
    """One record on its way to an image: where it will lie, as a path and as rows name it."""

    asked: Asked
    path: Path
    place: str
    pieces: int
    conditions: Conditions

    @property
    def id(self) -> str:
        """The record's."""
        return str(self.asked.mapped["id"])

    @property
    def shape(self) -> Shape:
        """What images must have in common to go through the network together."""
        return self.asked.size, self.pieces


@dataclass(frozen=True, eq=False)
class Done:
    """An image, drawn among `size`; `nsfw` where somebody looked at it."""

    drawn: Drawn
    nsfw: float | None
    size: int
    attempt: int


class Ahead:
    """What is known and done of records whose batches come later. For one thread.

    wanted  what a record asks for and its pictures: made in a thread, while others are painted
    job     where that is to go
    """

    def __init__(
        self,
        wanted: Callable[[Record], Wanted | Failure],
        job: Callable[[Wanted | Failure], Job | Failure],
    ) -> None:
        self._wanted, self._job = wanted, job
        self._thread = ThreadPoolExecutor(1)
        self._begun: dict[str, Future[Wanted | Failure]] = {}
        self._jobs: dict[str, Job | Failure] = {}
        self._done: dict[str, Done] = {}

    def begin(self, records: Iterable[Record]) -> None:
        """Have the pictures of these records made."""
        for record in records:
            self._begun[record["id"]] = self._thread.submit(self._wanted, record)

    def take(self, record: Record) -> Job | Failure:
        """The job of a record whose turn has come, begun or not."""
        begun = self._begun.pop(record["id"], None)
        known = self._jobs.pop(record["id"], None)
        if known is not None:
            return known
        return self._job(begun.result() if begun is not None else self._wanted(record))

    def done(self, id: str) -> Done | None:
        """The image of a record, where it was painted before its turn."""
        return self._done.pop(id, None)

    def keep(self, job: Job, done: Done) -> None:
        """An image that was painted before its turn."""
        self._done[job.id] = done

    def some(self, shape: Shape, most: int) -> list[Job]:
        """Jobs of one shape, at most so many, whose turn will come and whose pictures are there."""
        found: list[Job] = []
        for id, begun in self._begun.items():
            if len(found) == most:
                break
            if id in self._done or not begun.done() or begun.exception() is not None:
                continue
            if id not in self._jobs:
                self._jobs[id] = self._job(begun.result())
            job = self._jobs[id]
            if isinstance(job, Job) and job.shape == shape:
                found.append(job)
        return found
