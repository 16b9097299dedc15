"""Scores that a decision needs and a record lacks, measured before it decides."""

from __future__ import annotations

from typing import Any

from headkit import __version__
from headkit.tool import Context, Failure, Process, Record


class Measuring:
    """Measures the named scores where they are missing. Nothing is loaded before a record lacks one."""

    def __init__(self, names: tuple[str, ...], context: Context) -> None:
        self.names = names
        self.context = context
        self.process: Process | None = None
        self.made: Record = {}

    def fields(self, records: list[Record]) -> list[Record | Failure]:
        """For each record the fields that measuring sets, none where it has all scores or an error, or a Failure."""
        lacking = [number for number, record in enumerate(records) if self._lacks(record)]
        found: list[Record | Failure] = [{} for _ in records]
        if lacking:
            measured = self._started()([records[number] for number in lacking])
            for number, result in zip(lacking, measured, strict=True):
                if isinstance(result, dict):
                    found[number] = {**result, "made": {"score": self.made}} if result else {}
                elif isinstance(result, Failure):
                    found[number] = result
        return found

    def _lacks(self, record: Record) -> bool:
        if "error" in record:
            return False
        scores: Any = record.get("scores")
        return type(scores) is not dict or any(name not in scores for name in self.names)

    def _started(self) -> Process:
        """The scores with what they need loaded; Stop where weights are missing."""
        if self.process is None:
            from headkit.scoring import ScoreOptions, start

            names = ",".join(self.names)
            self.process = start(ScoreOptions(score=names, missing=True), self.context)
            options = {"score": names, "missing": True}
            made = getattr(self.process, "made", {})
            self.made = {"headkit": __version__, **made, "options": options}
        return self.process
