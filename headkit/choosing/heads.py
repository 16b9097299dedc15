"""`filter --keep-heads`: heads that do not meet a condition stay in the record, with `ignore` saying why."""

from __future__ import annotations

import json
from typing import Any

from headkit.expression import Expression, WrongTypeError
from headkit.tool import Record

LISTED = "heads ?? truth.heads"  # the heads found, or those of the truth where none were looked for


class Heads:
    """The condition, asked of every head that is not ignored already."""

    def __init__(self, source: str) -> None:
        """Raises ExpressionError."""
        self.expression = Expression(source, items=LISTED)

    def check(self, record: Record) -> None:
        """ExpressionError where a name is neither in the schema nor in the heads of `record`, the first one."""
        self.expression.check(record)

    def judged(self, record: Record) -> Record:
        """The fields of the record in which heads are newly ignored: `heads`, `truth` or none; WrongTypeError."""
        found = record.get("heads")
        if found is not None:
            judged = self._judge(found, record)
            return {} if judged is found else {"heads": judged}
        truth = record.get("truth")
        if type(truth) is not dict:
            return {}
        judged = self._judge(truth.get("heads"), record)
        return {} if judged is truth.get("heads") else {"truth": {**truth, "heads": judged}}

    def _judge(self, heads: Any, record: Record) -> Any:
        if type(heads) is not list:
            return heads
        judged = [self._head(head, record) for head in heads]
        return heads if all(map(lambda a, b: a is b, judged, heads)) else judged

    def _head(self, head: Any, record: Record) -> Any:
        if type(head) is not dict:
            raise WrongTypeError("a head is not an object")
        if head.get("ignore") is not None or self.expression.evaluate(head, record) is True:
            return head
        verdict = self.expression.explain(head, record)
        assert verdict is not None  # explain() agrees with evaluate()
        values = {"": verdict.score} if verdict.score is not None else verdict.values
        shown = ", ".join(f"{name} {json.dumps(value)}".strip() for name, value in values.items())
        return {**head, "ignore": f"{verdict.reason}: {shown}" if shown else verdict.reason}
