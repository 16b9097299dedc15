"""What a score is: a name, what it reads, the fields it writes, and the function that measures batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from headkit.tool import Context, Failure, Record

if TYPE_CHECKING:
    from headkit.image import Pixels
    from headkit.scoring.options import ScoreOptions

Pass = TypeVar("Pass")


@dataclass(eq=False)
class Subject:
    """A record being scored.

    heads  its heads, checked to be objects; empty where it has none
    seen   what passes found in it, by a name of their own: made once, used by all scores
    """

    record: Record
    heads: list[Record] = field(default_factory=list)
    picture: Pixels | None = None  # decoded where a score asked for reads `image`
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def pixels(self) -> Pixels:
        """(H, W, 3) uint8 sRGB, of a score that reads `image`."""
        assert self.picture is not None, "Score.reads lacks image"
        return self.picture


@dataclass(frozen=True)
class Marks:
    """What a score says of one record. A number that cannot be had is left out.

    scores  by their names in `scores`
    heads   one for each head of the record, by their names in `heads[].scores`; or none at all
    """

    scores: Mapping[str, float]
    heads: Sequence[Mapping[str, float]] = ()


Measure = Callable[[list[Subject]], list[Marks | Failure]]


class Study:
    """What the scores of a run have in common: options, context, and passes over the batch.

    made  what decides results beside the options, as digests of weights; kept in the record
    """

    def __init__(self, options: ScoreOptions, context: Context) -> None:
        self.options = options
        self.context = context
        self.made: Record = {}
        self._passes: dict[type, Any] = {}

    def shared(self, kind: Callable[[Study], Pass]) -> Pass:
        """The one instance of a class in this run, made from the study when first asked for."""
        if kind not in self._passes:
            self._passes[kind] = kind(self)  # type: ignore[index]
        found: Pass = self._passes[kind]  # type: ignore[index]
        return found


@dataclass(frozen=True)
class Score:
    """One score, as its file declares it in `SCORE`.

    start    loads what it needs and gives the function that measures a batch; raises Stop where weights are missing
    check    of the first record, before anything is loaded: raises Stop where the score cannot be had
    before   once, in the parent, before a record is read: looks whether weights are there, makes what workers share
    fields   what it may write in `scores`; each has a row in record.FIELDS
    heads    what it may write in `heads[].scores`
    reads    the fields of a record that it needs
    options  the options of the tool that it uses, by their names in ScoreOptions
    """

    name: str
    start: Callable[[Study], Measure]
    fields: tuple[str, ...]
    heads: tuple[str, ...] = ()
    reads: tuple[str, ...] = ("image",)
    options: tuple[str, ...] = ()
    check: Callable[[ScoreOptions, Record], None] | None = None
    before: Callable[[ScoreOptions, Context], None] | None = None
