"""What becomes of a record by --keep, --keep-heads and --preset together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headkit.choosing.heads import Heads
from headkit.choosing.presets import PRESETS, Preset, PresetName
from headkit.expression import Expression, ExpressionError, WrongTypeError
from headkit.selection import Selection
from headkit.status import USAGE, Stop
from headkit.tool import Drop, Failure, Record, Result

_UNEXPLAINED = Drop("")


class Decision:
    """What --keep, --keep-heads and --preset come to. Raises Stop(USAGE)."""

    def __init__(
        self,
        keep: str | None,
        keep_heads: str | None,
        preset: PresetName | None,
        *,
        keep_errors: bool,
        explains: bool,  # somebody reads why records are dropped
    ) -> None:
        self.explains = explains
        self.keep_errors = keep_errors
        named = "basic" if keep is None and preset is None else preset
        self.preset: Preset | None = None if named is None else PRESETS[named]
        self.heads = None if keep_heads is None else _typed("--keep-heads", Heads, keep_heads)
        source = keep
        if source is not None:
            _typed(
                "--keep", Expression, source
            )  # alone, so that a caret points into what was typed
        if self.preset is not None:
            source = self.preset.keep + ("" if source is None else f" and ({source})")
        self.expression = _typed("--keep", Expression, source)
        self.evaluate = self.expression.evaluate
        self.scores = {
            name[1] for name in self.expression.names if len(name) == 2 and name[0] == "scores"
        }

    def check(self, record: Record) -> None:
        _typed("--keep", self.expression.check, record)
        if self.heads is not None:
            _typed("--keep-heads", self.heads.check, record)

    def selection(self) -> Selection:
        """The parts of a record that it reads."""
        found = Selection()
        self.expression.select(found)
        found.part("error").whole = True
        return found

    def process(self, records: list[Record]) -> list[Result]:
        """What becomes of each record."""
        if self.heads is not None:
            return [self.of(record) for record in records]
        evaluate, of = self.evaluate, self.of
        results: list[Result] = []
        for record in records:
            if self.explains or "error" in record:
                results.append(of(record))
                continue
            try:  # a million times: where nobody reads the reason, this is all
                results.append({} if evaluate(record) is True else _UNEXPLAINED)
            except WrongTypeError as error:
                results.append(Failure("type", str(error)))
        return results

    def of(self, record: Record, measured: Record | None = None) -> Result:
        """What becomes of the record, of which the fields `measured` are new."""
        if "error" in record:
            return {} if self.keep_errors else Drop(_error_reason(record["error"]))
        fields = measured or {}
        whole = {**record, **fields} if fields else record
        try:
            if self.heads is not None:
                judged = self.heads.judged(whole)
                whole, fields = {**whole, **judged}, {**fields, **judged}
            if self.evaluate(whole) is True:
                return fields
            if not self.explains:
                return _UNEXPLAINED
            verdict = self.expression.explain(whole)
        except WrongTypeError as error:
            return Failure("type", str(error))
        assert verdict is not None  # explain() agrees with evaluate()
        return Drop(
            verdict.reason,
            verdict.score,
            verdict.threshold,
            fields=measured or {},  # heads go to the ledger as they came, to be judged again
            values=verdict.values,
        )


def _typed(flag: str, make: Callable[[Any], Any], source: Any) -> Any:
    try:
        return make(source)
    except ExpressionError as error:
        raise Stop(USAGE, f"{flag}: {error}") from None


def _error_reason(error: Any) -> str:
    """The reason in the ledger for a record that failed in an earlier tool."""
    if not isinstance(error, dict):
        return "error"
    return f"error in {error.get('tool', '?')}: {error.get('message', '?')}"
