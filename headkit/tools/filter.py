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

Presets. --preset basic, which is meant where neither --keep nor --preset is given: there is a picture, and somebody in
it to learn from. --preset sources, of what pose-extract wrote, by the rules of published pipelines: neither side more
than twice the other, not marked NSFW or UNSURE by the source, at least one person found with confidence 0.5, one whose
head is seen, and one of a tenth of the picture's shorter side. With --keep, both must hold.

A dropped record goes whole to the ledger, with the first condition (of those joined by `and` at the top) that was
not true, and its numbers where it compares numbers. Records with an error are dropped too, unless --keep-errors.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from headkit.expression import Expression, ExpressionError, WrongTypeError
from headkit.status import USAGE, Stop
from headkit.tool import Context, Drop, Example, Failure, Opt, Process, Record, Result

Preset = Literal["basic", "sources"]
PRESETS: dict[Preset, str] = {
    "basic": "exists(image) and any(heads ?? truth.heads, not exists(ignore))",
    "sources": "scores.aspect <= 2 and scores.source_unsafe ?? 0 < 0.5 and scores.person_confidence >= 0.5"
    " and scores.visible_heads > 0 and scores.person_height >= 0.1",
}


@dataclass(frozen=True)
class Options:
    """The options of headkit filter."""

    keep: Annotated[
        str | None,
        Opt("Keep the records for which EXPR is true.", "EXPR"),
    ] = None
    preset: Annotated[
        Preset | None,
        Opt(
            "Keep the records that meet a named set of conditions (default without --keep: basic)."
        ),
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
    Example(
        "headkit filter --preset sources",
        '{"id":"a","scores":{"aspect":1.5,"person_confidence":0.9,"visible_heads":1,"person_height":0.8}}\n'
        '{"id":"b","scores":{"aspect":3,"person_confidence":0.9,"visible_heads":1,"person_height":0.8}}\n',
        '{"id":"a","scores":{"aspect":1.5,"person_confidence":0.9,"visible_heads":1,"person_height":0.8},"schema":1}\n',
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
    asked = options.keep is not None or options.preset is not None
    if not asked and (context.verbose or sys.stderr.isatty()):
        basic = PRESETS["basic"]
        sys.stderr.write(f"headkit filter: no --keep, so the preset basic: {basic}\n")


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
    preset = PRESETS[options.preset or "basic"]
    try:
        if options.keep is None:
            return Expression(preset)
        asked = Expression(options.keep)  # alone, so that a caret points into what was typed
        return asked if options.preset is None else Expression(f"{preset} and ({options.keep})")
    except ExpressionError as error:
        raise Stop(USAGE, f"--keep: {error}") from None


def _error_reason(error: Any) -> str:
    """The reason in the ledger for a record that failed in an earlier tool."""
    if not isinstance(error, dict):
        return "error"
    return f"error in {error.get('tool', '?')}: {error.get('message', '?')}"
