"""Scores that a decision needs and a record lacks, measured before it decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headkit import __version__
from headkit.record import FIELDS
from headkit.tool import Context, Failure, Process, Record

if TYPE_CHECKING:
    from headkit.scoring import ScoreOptions


_DECIMALS = {field.path: field.decimals for field in FIELDS if field.decimals is not None}


def _rounded(fields: Record) -> Record:
    """Scores as they are written, so that the same is decided on them when they are read again."""

    def rounded(scores: Record, path: str) -> Record:
        return {
            name: round(value, _DECIMALS.get(f"{path}.{name}", _DECIMALS[path]))
            if type(value) is float
            else value
            for name, value in scores.items()
        }

    found = dict(fields)
    if "scores" in found:
        found["scores"] = rounded(found["scores"], "scores")
    if "heads" in found:
        found["heads"] = [
            {**head, "scores": rounded(head["scores"], "heads[].scores")}
            if isinstance(head.get("scores"), dict)
            else head
            for head in found["heads"]
        ]
    return found


class Measuring:
    """Measures the named scores where they are missing. Nothing is loaded before a record lacks one."""

    def __init__(self, names: tuple[str, ...], context: Context) -> None:
        self.names = names
        self.context = context
        self.process: Process | None = None
        self.made: Record = {}

    def check(self, record: Record) -> None:
        """Ask the scores whether they can be had of the first record, where it lacks one. Raises Stop."""
        if self._lacks(record):
            from headkit.scoring import check

            check(self._options(), self.context, record)

    def fields(self, records: list[Record]) -> list[Record | Failure]:
        """For each record the fields that measuring sets, none where it has all scores or an error, or a Failure."""
        found: list[Record | Failure] = [{} for _ in records]
        measured: list[int] = []
        for number, record in enumerate(records):
            if self._lacks(record):
                absent = self._absent(record)
                if absent is None:
                    measured.append(number)
                else:
                    found[number] = Failure(
                        "missing field", f'no field "{absent}", which scores are measured from'
                    )
        if measured:
            results = self._started()([records[number] for number in measured])
            for number, result in zip(measured, results, strict=True):
                if isinstance(result, dict):
                    made = {"made": {"score": self.made}} if result else {}
                    found[number] = {**_rounded(result), **made}
                elif isinstance(result, Failure):
                    found[number] = result
        return found

    def _absent(self, record: Record) -> str | None:
        """A field that the scores need and the record does not have."""
        from headkit.scoring import reads

        return next((name for name in reads(self._options()) if name not in record), None)

    def _options(self) -> ScoreOptions:
        from headkit.scoring import ScoreOptions

        return ScoreOptions(score=",".join(self.names), missing=True)

    def _lacks(self, record: Record) -> bool:
        if "error" in record:
            return False
        scores: Any = record.get("scores")
        return type(scores) is not dict or any(name not in scores for name in self.names)

    def _started(self) -> Process:
        """The scores with what they need loaded; Stop where weights are missing."""
        if self.process is None:
            from headkit.scoring import start

            self.process = start(self._options(), self.context)
            options = {"score": ",".join(self.names), "missing": True}
            made = getattr(self.process, "made", {})
            self.made = {"headkit": __version__, **made, "options": options}
        return self.process
