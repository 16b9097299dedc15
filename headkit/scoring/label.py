"""Whether the heads are those that the picture was asked to show: `label` of fit3dmm --check as numbers.

A head that is missing, that is too many, or whose fit failed counts as not agreeing at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from headkit.fitting.request import array
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure, Record


def start(study: Study) -> Measure:  # noqa: ARG001 - the interface of every score
    """Read labels; needs nothing."""

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return [_marks(subject.record) for subject in subjects]

    return measure


def _marks(record: Record) -> Marks | Failure:
    label = record["label"]
    rows, counts = label.get("heads"), array(label.get("head_count"), (2,))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return Failure("bad-label", "label.heads: not a list; run fit3dmm --check")
    if counts is None:
        return Failure("bad-label", "label.head_count: not [asked, found]; run fit3dmm --check")
    wanted, found = (int(count) for count in counts)
    larger = max(wanted, found)
    scores = {
        "label_accepted": float(label.get("accepted") is True),
        "label_count": min(wanted, found) / larger if larger else 1.0,
    }
    quality = _quality(rows, found)
    if quality is not None:
        scores["label"] = quality
    degrees = _numbers(rows, "delta_deg")
    if degrees:
        scores["label_degrees"] = float(np.mean(degrees))
    landmarks = _landmarks(record, rows)
    if landmarks:
        scores["label_landmarks"] = float(np.mean(landmarks))
    return Marks(scores)


def _quality(rows: list[Record], found: int) -> float | None:
    """As matching.agreement, with the overlap of silhouettes; None where there are no silhouettes to compare."""
    pairs = [row for row in rows if row.get("found") is not None]
    surplus, missed = max(0, found - len(pairs)), len(rows) - len(pairs)
    overlaps = _numbers(pairs, "silhouette_iou")
    compared = _numbers(pairs, "delta_deg")  # None with a silhouette of None: the fit failed
    if len(overlaps) < len(compared):
        return None
    weight = len(pairs) + (surplus + missed) / 2
    return sum(overlaps) / weight if weight else 1.0


def _landmarks(record: Record, rows: list[Record]) -> list[float]:
    """1 less the distance of each asked head's landmarks, in sizes of its box."""
    source = record.get("target", record.get("truth"))
    asked: Any = source.get("heads") if isinstance(source, dict) else None
    values = []
    for row in rows:
        place, pixels = row.get("asked"), row.get("delta_px")
        if (
            not isinstance(asked, list)
            or type(place) is not int
            or not isinstance(pixels, int | float)
        ):
            continue
        head = asked[place] if 0 <= place < len(asked) else None
        box = array(head.get("box"), (4,)) if isinstance(head, dict) else None
        if box is None or (box[2:] <= box[:2]).any():
            continue
        size = float(np.sqrt((box[2:] - box[:2]).prod()))
        values.append(max(0.0, 1 - pixels / size))
    return values


def _numbers(rows: list[Record], name: str) -> list[float]:
    return [float(row[name]) for row in rows if isinstance(row.get(name), int | float)]


SCORE = Score(
    "label",
    start,
    fields=("label", "label_accepted", "label_count", "label_landmarks", "label_degrees"),
    reads=("label",),
)
