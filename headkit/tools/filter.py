"""Keep the records for which an expression is true; write nothing into them.

    headkit filter --keep 'width >= 512 and any(truth.heads, box_height > 40 and visibility > 0.5)'

Fields. A path names a field: width, truth.heads[0].box[3], scores["odd name"], heads[-1].score. jq's leading dot is accepted. heads[].score is
the list of every head's score. box_width, box_height and box_area follow from a `box`. A name that is neither in
headkit-record(5) nor in the first record is a usage error, except in exists(x) and before ??.

Operators, loosest first: or; and; not; < <= > >= == != in, not in; ??; + -; * / %; unary minus. Comparisons chain:
0.2 < visibility <= 0.8. `in` looks for a value in a list, a part in a string, or a name in an object. Strings stand
in single or double quotes, with the escapes of JSON.

Functions. any(list, condition), all(list, condition) and count(list, condition) ask the condition of each item:
in it, names are fields of the item, `item` is the item and `record` the whole record. min, max and sum take a
list; min and max also take several numbers. len(x), abs(x), round(x, digits), exists(x).

Missing values. A field that is not there, or null, is unknown. A comparison with the unknown is unknown, and so is
its negation; what is unknown is not kept, and the reason names the field. Ask exists(x), or say what to take
instead: scores.sharpness ?? 0 > 0.3. Types are not mixed: a record in which `<` meets a string and a number fails.

A dropped record goes whole to the ledger, with the first condition (of those joined by `and` at the top) that was
not true, and its numbers where it compares numbers. Records with an error are dropped too, unless --keep-errors.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any

from headkit.expression import Expression, ExpressionError, WrongTypeError
from headkit.status import USAGE, Stop
from headkit.tool import Context, Drop, Example, Failure, Opt, Process, Record, Result

# Without --keep: there is a picture, and somebody in it to learn from.
BASIC = "exists(image) and any(heads ?? truth.heads, not exists(ignore))"


@dataclass(frozen=True)
class Options:
    """The options of headkit filter."""

    keep: Annotated[
        str | None,
        Opt(f"Keep the records for which EXPR is true (default: {BASIC}).", "EXPR"),
    ] = None
    keep_errors: Annotated[bool, Opt("Keep records that have an error, unasked.")] = False


EXAMPLES = (
    Example(
        "headkit filter --keep 'width >= 512'",
        '{"id":"a","width":640}\n{"id":"b","width":320}\n',
        '{"id":"a","width":640,"schema":1}\n',
    ),
    Example(
        "headkit filter --keep 'any(heads, box_height > 40 and score > 0.5)'",
        '{"id":"a","heads":[{"box":[0,0,30,50],"score":0.9}]}\n{"id":"b","heads":[]}\n',
        '{"id":"a","heads":[{"box":[0,0,30,50],"score":0.9}],"schema":1}\n',
    ),
    Example(
        "headkit filter --keep 'scores.sharpness ?? 0 > 0.3'",
        '{"id":"a","scores":{"sharpness":0.2}}\n{"id":"b","scores":{"sharpness":0.4}}\n',
        '{"id":"b","scores":{"sharpness":0.4},"schema":1}\n',
    ),
    Example("headkit filter --keep 'widht > 3'", '{"id":"a","width":640}\n', status=USAGE),
)


def check(options: Options, context: Context, record: Record) -> None:
    """Names must mean something in the first record or in the format; Stop(USAGE) where one does not."""
    expression = _expression(options)
    try:
        expression.check(record)
    except ExpressionError as error:
        raise Stop(USAGE, f"--keep: {error}") from None
    if options.keep is None and (context.verbose or sys.stderr.isatty()):
        sys.stderr.write(f"headkit filter: no --keep, so the preset basic: {BASIC}\n")


def start(options: Options, context: Context) -> Process:  # noqa: ARG001 - the interface of every tool
    """Compile the expression; Stop(USAGE) with a caret under what is wrong in it."""
    expression = _expression(options)
    evaluate = expression.evaluate

    def decide(record: Record) -> Result:
        if "error" in record:
            return {} if options.keep_errors else Drop(_error_reason(record["error"]))
        try:
            if evaluate(record) is True:
                return {}
            verdict = expression.explain(record)
        except WrongTypeError as error:
            return Failure("type", str(error))
        assert verdict is not None  # explain() agrees with evaluate()
        return Drop(verdict.reason, verdict.score, verdict.threshold)

    return lambda records: [decide(record) for record in records]


def _expression(options: Options) -> Expression:
    try:
        return Expression(BASIC if options.keep is None else options.keep)
    except ExpressionError as error:
        raise Stop(USAGE, f"--keep: {error}") from None


def _error_reason(error: Any) -> str:
    """The reason in the ledger for a record that failed in an earlier tool."""
    if not isinstance(error, dict):
        return "error"
    return f"error in {error.get('tool', '?')}: {error.get('message', '?')}"
