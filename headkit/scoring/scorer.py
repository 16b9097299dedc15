"""Runs the scores asked for over batches of records.

A picture is decoded once for all of them. What a record says of other scores is left alone; the fields of a score that
is measured again are replaced, also by nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from headkit.scoring.options import ScoreOptions
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.scoring.table import SCORES, find
from headkit.status import BUG, USAGE, Stop
from headkit.tool import Context, Failure, Process, Record, Result

_OF_THE_TOOL = ("score", "missing")  # options that belong to no score


@dataclass(frozen=True)
class _Started:
    score: Score
    measure: Measure


def asked(options: ScoreOptions) -> list[Score]:
    """The scores that --score names. Raises Stop (2) for names that there are not, and options that nothing uses."""
    names = [name.strip() for name in options.score.split(",")]
    for name in names:
        if name not in SCORES:
            raise Stop(USAGE, f"--score {name}: no such score; there are {', '.join(SCORES)}")
    if len(set(names)) < len(names):
        raise Stop(USAGE, f"--score {options.score}: a score is named twice; name each once")
    scores = [find(name) for name in names]
    used = {*_OF_THE_TOOL, *(option for score in scores for option in score.options)}
    for option in fields(options):
        if option.name not in used and getattr(options, option.name) != option.default:
            flag = "--" + option.name.replace("_", "-")
            raise Stop(USAGE, f"{flag}: no score that was asked for uses it; leave it out")
    return scores


def reads(options: ScoreOptions) -> tuple[str, ...]:
    """The fields of a record that the scores need."""
    return tuple(dict.fromkeys(name for score in asked(options) for name in score.reads))


def before(options: ScoreOptions, context: Context) -> None:
    """What each score does once, before a record is read. Raises Stop where weights are missing."""
    for score in asked(options):
        if score.before is not None:
            score.before(options, context)


def check(options: ScoreOptions, context: Context, record: Record) -> None:  # noqa: ARG001 - the interface
    """Ask each score whether it can be had of the first record. Raises Stop."""
    for score in asked(options):
        if score.check is not None:
            score.check(options, record)


def start(options: ScoreOptions, context: Context) -> Process:
    """The scores with what they need loaded. `process` gives `scores` and `heads` of each record, or a Failure."""
    study = Study(options, context)
    started = [_Started(score, score.start(study)) for score in asked(options)]

    def process(records: list[Record]) -> list[Result]:
        return _scored(records, started, context.root, missing=options.missing)

    process.made = study.made  # type: ignore[attr-defined]
    process.adds = True  # type: ignore[attr-defined]
    return process


def _scored(
    records: list[Record], started: list[_Started], root: Path, *, missing: bool
) -> list[Result]:
    wanted = [_wanted(record, started, missing=missing) for record in records]
    subjects = [
        _subject(record, root, picture=any("image" in one.score.reads for one in scores))
        for record, scores in zip(records, wanted, strict=True)
    ]
    marks: list[dict[str, Marks]] = [{} for _ in records]
    failed: dict[int, Failure] = {}
    for one in started:
        places = [
            place
            for place, subject in enumerate(subjects)
            if one in wanted[place] and isinstance(subject, Subject) and place not in failed
        ]
        measured = one.measure([subjects[place] for place in places]) if places else []  # type: ignore[misc]
        for place, found in zip(places, measured, strict=True):
            if isinstance(found, Failure):
                failed[place] = found
            else:
                _check_declared(one.score, found)
                marks[place][one.score.name] = found
    results: list[Result] = []
    for place, subject in enumerate(subjects):
        if isinstance(subject, Failure) or place in failed:
            results.append(subject if isinstance(subject, Failure) else failed[place])
        else:
            scores = [one.score for one in wanted[place]]
            results.append(_fields(subject, scores, marks[place]))
    return results


def _wanted(record: Record, started: list[_Started], *, missing: bool) -> list[_Started]:
    """What is measured of a record: with --missing, what it does not have."""
    before = _object(record.get("scores"))
    return [one for one in started if not (missing and one.score.name in before)]


def _subject(record: Record, root: Path, *, picture: bool) -> Subject | Failure:
    heads = record.get("heads", [])
    if not isinstance(heads, list) or not all(isinstance(head, dict) for head in heads):
        return Failure("bad-heads", "heads: a list of objects is needed; see headkit-record(5)")
    if not picture:
        return Subject(record, heads)
    from headkit.picture import picture_of

    pixels = picture_of(record, root)
    return pixels if isinstance(pixels, Failure) else Subject(record, heads, pixels)


def _check_declared(score: Score, marks: Marks) -> None:
    strange = marks.scores.keys() - set(score.fields)
    strange |= {name for head in marks.heads for name in head} - set(score.heads)
    if strange:
        raise Stop(BUG, f"{score.name} writes {min(strange)!r}, but does not declare it; report it")


def _fields(subject: Subject, scores: list[Score], marks: dict[str, Marks]) -> Record:
    """`scores` and, where a head has some, `heads` of a record; nothing where nothing was asked."""
    if not scores:
        return {}
    old = {name for score in scores for name in score.fields}
    before = _object(subject.record.get("scores"))
    kept = {name: value for name, value in before.items() if name not in old}
    for found in marks.values():
        kept.update(found.scores)
    result: Record = {"scores": kept}
    heads = [_head(head, place, scores, marks) for place, head in enumerate(subject.heads)]
    if heads != subject.heads:
        result["heads"] = heads
    return result


def _head(head: Record, place: int, scores: list[Score], marks: dict[str, Marks]) -> Record:
    old = {name for score in scores for name in score.heads}
    before = _object(head.get("scores"))
    kept = {name: value for name, value in before.items() if name not in old}
    for found in marks.values():
        if found.heads:
            kept.update(found.heads[place])
    if not kept and "scores" not in head:
        return head
    return {**head, "scores": kept}


def _object(value: Any) -> Record:
    return value if isinstance(value, dict) else {}
