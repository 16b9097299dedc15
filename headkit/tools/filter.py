r"""Keep the records for which an expression is true, and set aside single heads; drop nothing without a word.

    headkit filter < heads.jsonl > kept.jsonl
    headkit filter --keep 'width >= 512 and any(truth.heads, box_height > 40 and visibility > 0.5)'
    headkit filter --keep-heads 'box_height >= 24 and fit.converged' < heads.jsonl
    headkit filter --preset vggheads < heads.jsonl
    headkit filter --calibrate labels.jsonl --recall 0.99 < scored.jsonl

Fields. A path names a field: width, truth.heads[0].box[3], scores["odd name"], heads[-1].score. jq's leading dot is accepted. heads[].score is
the list of every head's score. box_width, box_height and box_area follow from a `box`. A name that is neither in
headkit-record(5) nor in the first record is a usage error, except in exists(x) and before ??.

Operators, loosest first: or; and; not; < <= > >= == != in, not in; ??; + -; * / %; unary minus. Comparisons chain:
0.2 < visibility <= 0.8. `in` looks for a value in a list, a part in a string, or a name in an object. Strings stand
in single or double quotes, with the escapes of JSON.

Functions. any(list, condition), all(list, condition) and count(list, condition) ask the condition of each item:
in it, names are fields of the item, `item` is the item and `record` the whole record. any() and all() end at the
item that decides. min, max and sum take a list; min and max also take several numbers. len(x), abs(x),
round(x, digits), exists(x).

Missing values. A field that is not there, or null, is unknown. A comparison with the unknown is unknown, and so is
its negation; what is unknown is not kept, and the reason names the field. Ask exists(x), or say what to take
instead: scores.sharpness ?? 0 > 0.3. Types are not mixed: a record in which `<` meets a string and a number fails.

Heads. --keep-heads asks its condition of every head found (of those of truth where none were looked for): names are
fields of the head, `record` is the whole record. One that does not meet it stays, so that its place in the picture
is known, and its `ignore` says why: pack, eval and basic leave it out. --keep and presets see the heads so marked.

Presets. `basic` is meant where neither --keep nor --preset is given: there is a picture, and a head in it that is not
ignored. `sources`, of what pose-extract wrote, by the rules of published pipelines: neither side more
than twice the other, not marked NSFW or UNSURE by the source, at least one person found with confidence 0.5, one whose
head is seen, and one of a tenth of the picture's shorter side. `vggheads`, the filters that VGGHeads was made with,
mended: a head is there; the mirrored picture has as many, in the same places; as many are in the two halves as in the
whole; every face that a second detector finds is on a head. `strict`: the same with boxes that agree closely, and
heads that are fitted, large, sharp, well lit and not cut by the border, with labels that agree where fit3dmm --check
compared them. Both drop what scores.nsfw says is unsafe where a record has it: --score nsfw measures it. With --keep,
both must hold. Which conditions a preset has is said on a terminal and with -v.

Scores. What --score names, and what vggheads and strict need, is measured where a record lacks it, as headkit-score(1)
does, and kept in the record; nothing is measured twice.

Ledger. A dropped record goes there whole, heads as they came, with the scores that were measured. Its `dropped` says
the first condition (of those joined by `and` at the top) that was not true, its numbers where it compares numbers,
and the values of the fields in it. Records with an error are dropped too, unless --keep-errors. Another filter brings
back what it keeps of a ledger, without `dropped`:

    headkit filter --keep 'scores.flip > 0.8' < kept.jsonl.dropped >> kept.jsonl

This deletes the pictures of dropped records, in the folder that paths are relative to, whatever they are called.
Where one picture has several records, as copies have, look first whether another record still needs it:

    jq -j '.image // empty | . + "\u0000"' kept.jsonl.dropped | perl -0pe 's/%(..)/chr hex $1/ge' | xargs -0 rm -f --

Calibration. --calibrate FILE drops nothing and says what each threshold of a score would do, measured on records that
people have labelled: FILE has lines {"id": "a", "keep": true}, standard input the records, with their scores. Precision
is the share of what is kept that people would keep, recall the share of what people would keep that is kept, drop
precision and drop recall the same of dropping; each with its 95% interval (Wilson). --recall and --drop-recall find the
threshold for a wanted share, and print it as an expression for --keep. --score chooses scores, and measures them where
they are missing; else all that the records have are looked at. --json gives every threshold, a row each.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from headkit.choosing.decision import Decision
from headkit.choosing.presets import PRESETS, PresetName
from headkit.selection import Selection
from headkit.status import USAGE, Stop
from headkit.tool import Context, Example, Failure, Opt, Process, Record, Result

if TYPE_CHECKING:
    from headkit.choosing.calibration import Curve, Sample

BATCH = 16  # records that are measured together


@dataclass(frozen=True)
class Options:
    """The options of headkit filter."""

    keep: Annotated[
        str | None,
        Opt("Keep the records for which EXPR is true.", "EXPR"),
    ] = None
    keep_heads: Annotated[
        str | None,
        Opt("Set `ignore` on the heads for which EXPR is not true; keep their records.", "EXPR"),
    ] = None
    preset: Annotated[
        PresetName | None,
        Opt(
            "Keep the records that meet a named set of conditions (default without --keep: basic)."
        ),
    ] = None
    score: Annotated[
        str | None,
        Opt(
            "Measure these scores first where a record lacks them, with commas between them.",
            "NAMES",
        ),
    ] = None
    keep_errors: Annotated[bool, Opt("Keep records that have an error, unasked.")] = False
    calibrate: Annotated[
        str | None,
        Opt(
            "Drop nothing: say what each threshold does to the records labelled in FILE.",
            "FILE",
            decides=False,
        ),
    ] = None
    recall: Annotated[
        float | None,
        Opt(
            "With --calibrate: the threshold that keeps this share of what people would keep.",
            "SHARE",
            minimum=0,
            maximum=1,
            decides=False,
        ),
    ] = None
    drop_recall: Annotated[
        float | None,
        Opt(
            "With --calibrate: the threshold that drops this share of what people would drop.",
            "SHARE",
            minimum=0,
            maximum=1,
            decides=False,
        ),
    ] = None
    json: Annotated[
        bool,
        Opt("With --calibrate: one JSON row for each threshold instead of a table.", decides=False),
    ] = False


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
        "headkit filter --keep-heads 'box_height >= 24'",
        '{"id":"a","image":"a.png","heads":[{"box":[0,0,30,50]},{"box":[60,0,72,15]}]}\n',
    ),
    Example(
        "headkit filter --preset sources",
        '{"id":"a","scores":{"aspect":1.5,"person_confidence":0.9,"visible_heads":1,"person_height":0.8}}\n'
        '{"id":"b","scores":{"aspect":3,"person_confidence":0.9,"visible_heads":1,"person_height":0.8}}\n',
        '{"id":"a","scores":{"aspect":1.5,"person_confidence":0.9,"visible_heads":1,"person_height":0.8},"schema":1}\n',
    ),
    Example("headkit filter --keep 'widht > 3'", '{"id":"a","width":640}\n', status=USAGE),
)


def reports(options: Options) -> bool:
    """Whether these options make a report of it: what thresholds would do, instead of records."""
    return options.calibrate is not None


def before(options: Options, context: Context) -> None:  # noqa: ARG001 - the interface of every tool
    """What is wrong with the options alone: Stop(USAGE), before a record is read."""
    _refuse_mixtures(options)
    _decision(options)
    _scores(options)


def selection(options: Options) -> Selection | None:
    """The parts of a record that decide; None where all of it may have to be written anew."""
    if options.keep_heads is not None or _scores(options):
        return None
    return _decision(options).selection()


def check(options: Options, context: Context, record: Record) -> None:
    """Names must mean something in the first record or in the format; Stop(USAGE) where one does not."""
    if reports(options):
        return
    decision = _decision(options)
    decision.check(record)
    if decision.preset is not None and (context.verbose or sys.stderr.isatty()):
        name = options.preset or "basic"
        sys.stderr.write(f"headkit filter: preset {name}: {decision.preset.keep}\n")
    measured = _scores(options)
    if measured:
        from headkit.choosing.measuring import Measuring

        Measuring(measured, context).check(record)
    present = record.get("scores")
    for name in sorted(decision.scores - set(present if type(present) is dict else ())):
        if name in _measurable() and name not in measured:
            sys.stderr.write(
                f"headkit filter: scores.{name} is not in the first record; --score {name} measures it\n"
            )


def start(options: Options, context: Context) -> Process:
    """Compile the expressions; Stop(USAGE) with a caret under what is wrong in one."""
    decision = _decision(options, explains=context.ledger)
    scores = _scores(options)
    if not scores:
        return decision.process
    from headkit.choosing.measuring import Measuring

    measuring = Measuring(scores, context)

    def measured(records: list[Record]) -> list[Result]:
        return [
            fields if isinstance(fields, Failure) else decision.of(record, fields)
            for record, fields in zip(records, measuring.fields(records), strict=True)
        ]

    return measured


def stream(options: Options, context: Context, records: Iterator[Record]) -> Iterator[Any]:
    """What each threshold does to the labelled records; a Failure for each that could not be looked at."""
    from headkit.choosing.calibration import Sample, labels

    _refuse_mixtures(options)
    assert options.calibrate is not None
    sample = Sample(labels(Path(options.calibrate)))
    yield from _sampled(options, context, records, sample)
    for name in sample.left:
        yield Failure("missing", f'id "{name}" is labelled, but not in the input')
    for name in _scores(options) or tuple(sample.scores):
        yield from _said(options, sample.curve(name))


def _decision(options: Options, *, explains: bool = True) -> Decision:
    """What the options come to; Stop(USAGE) where an expression is wrong."""
    return Decision(
        options.keep,
        options.keep_heads,
        options.preset,
        keep_errors=options.keep_errors,
        explains=explains,
    )


def _refuse_mixtures(options: Options) -> None:
    """Stop(USAGE) for options that make no sense together."""
    calibrating = options.calibrate is not None
    for given, name, wants in (
        (options.keep is not None, "--keep", False),
        (options.keep_heads is not None, "--keep-heads", False),
        (options.preset is not None, "--preset", False),
        (options.keep_errors, "--keep-errors", False),
        (options.recall is not None, "--recall", True),
        (options.drop_recall is not None, "--drop-recall", True),
        (options.json, "--json", True),
    ):
        if given and wants is not calibrating:
            goes = "goes only with" if wants else "does not go with"
            raise Stop(USAGE, f"{name} {goes} --calibrate; see headkit filter --help")


def _scores(options: Options) -> tuple[str, ...]:
    """The scores to measure where they are missing: what --score names, and what the preset needs."""
    asked = [] if options.score is None else [name.strip() for name in options.score.split(",")]
    for name in asked:
        if name not in _measurable():
            there_are = ", ".join(_measurable())
            raise Stop(USAGE, f"--score {name}: no such score; there are {there_are}")
    preset = PRESETS[options.preset].scores if options.preset is not None else ()
    return tuple(dict.fromkeys([*asked, *preset]))


def _measurable() -> tuple[str, ...]:
    """The names of all scores."""
    from headkit.scoring.table import SCORES

    return tuple(SCORES)


# ---- calibration ---------------------------------------------------------------------------------


def _sampled(
    options: Options, context: Context, records: Iterator[Record], sample: Sample
) -> Iterator[Failure]:
    """Put the labelled records into the sample; a Failure for one whose scores cannot be measured."""
    from headkit.choosing.measuring import Measuring

    names = _scores(options)
    measuring = Measuring(names, context) if names else None
    labelled = (record for record in records if record["id"] in sample.left)
    while batch := list(islice(labelled, BATCH)):
        fields = [{} for _ in batch] if measuring is None else measuring.fields(batch)
        for record, found in zip(batch, fields, strict=True):
            if isinstance(found, Failure):
                yield Failure(found.kind, f'id "{record["id"]}": {found.message}')
                found = {}
            sample.add({**record, **found})


def _said(options: Options, curve: Curve) -> Iterator[Any]:
    """A curve as text, or as rows; at the end the thresholds that were wanted."""
    from headkit.choosing.calibration import cell, table

    if options.json:
        yield from (found.row() for found in curve.thresholds)
        return
    if not curve.thresholds:
        yield f"{curve.score}: no labelled record has it\n"
        return
    yield table(curve)
    for share, words, name in (
        (options.recall, "keeps", "recall"),
        (options.drop_recall, "drops", "drop_recall"),
    ):
        if share is None:
            continue
        found = curve.at_recall(share) if name == "recall" else curve.at_drop_recall(share)
        if found is None:
            yield f"no threshold {words} {100 * share:g}%\n"
        else:
            yield f"--keep '{found.rule}' {words} {cell(found.shares[name])}\n"
    yield "\n"
