"""What is kept of a record while the others are read."""

from __future__ import annotations

from headkit.expression import Expression, ExpressionError, WrongTypeError
from headkit.status import BAD_INPUT, USAGE, Stop
from headkit.tool import Failure, Record

LEAST = float("-inf")  # the rank of a record of which the preference is not known


class CannotCompareError(ValueError):
    """What is wrong with one record."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(kind, message)


class Preference:
    """The number by which --prefer ranks records, the highest first; without it all are equal."""

    def __init__(self, source: str | None) -> None:
        """Raises Stop (2) where the expression cannot be."""
        try:
            self._expression = None if source is None else Expression(source, "number")
        except ExpressionError as error:
            raise Stop(USAGE, f"--prefer: {error}") from None

    def rank(self, record: Record) -> float:
        """Raises CannotCompareError where a value has the wrong type."""
        if self._expression is None:
            return 0.0
        try:
            found = self._expression.evaluate(record)
        except WrongTypeError as error:
            raise CannotCompareError("type", f"--prefer: {error}") from None
        return LEAST if found is None else float(found)

    def check_first(self, record: Record, of: str, wanted: tuple[str, ...]) -> None:
        """Raises Stop where the first record shows that the options make no sense: one of `wanted` must be in it."""
        if not any(name in record for name in wanted):
            raise Stop(
                BAD_INPUT, f"record {record['id']!r} has no {wanted[0]}, which --of {of} compares"
            )
        try:
            if self._expression is not None:
                self._expression.check(record)
        except ExpressionError as error:
            raise Stop(USAGE, f"--prefer: {error}") from None
