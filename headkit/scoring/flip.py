"""Whether the mirror image has the same heads, mirrored: a detector that is sure of a head finds it there too.

Where the heads were fitted by fit3dmm from landmarks that it found, landmarks and pose are looked for in the mirror
image as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headkit.scoring.detection import Found, HeadPass, check
from headkit.scoring.matching import Agreement, agreement
from headkit.scoring.mirror_fits import Asked, MirrorFits
from headkit.scoring.score import Marks, Measure, Score, Study, Subject
from headkit.tool import Failure

if TYPE_CHECKING:
    from headkit.scoring.mirror_fits import Apart


def start(study: Study) -> Measure:
    """Open the detector."""
    heads, fits = study.shared(HeadPass), study.shared(MirrorFits)

    def measure(subjects: list[Subject]) -> list[Marks | Failure]:
        return _measured(subjects, heads, fits)

    return measure


def _measured(subjects: list[Subject], heads: HeadPass, fits: MirrorFits) -> list[Marks | Failure]:
    results: list[Marks | Failure | None] = []
    compared: list[tuple[Subject, Found, Found, Agreement]] = []
    whole = heads.whole(subjects)
    wanted = [
        subject
        for subject, found in zip(subjects, whole, strict=True)
        if not isinstance(found, Failure)
    ]
    mirrored = iter(heads.mirrored(wanted))
    for subject, first in zip(subjects, whole, strict=True):
        if isinstance(first, Failure):
            results.append(first)
            continue
        second = next(mirrored)
        same = agreement(first.boxes, second.boxes, second.scores, first.ignored)
        compared.append((subject, first, second, same))
        results.append(None)
    asked = [
        Asked(subject, place, second.boxes[partner])
        for subject, first, second, same in compared
        if first.own
        for place, partner in enumerate(same.partners.tolist())
        if partner >= 0
    ]
    apart = {
        (id(one.subject), one.place): found
        for one, found in zip(asked, fits.apart(asked), strict=True)
    }
    marks = iter(
        _marks(first, same, [apart.get((id(subject), k)) for k in range(len(first.boxes))])
        for subject, first, _, same in compared
    )
    return [next(marks) if one is None else one for one in results]


def _marks(found: Found, same: Agreement, apart: list[Apart | None]) -> Marks:
    scores = {"flip": same.quality, "flip_count": same.count}
    if same.iou is not None:
        scores["flip_iou"] = same.iou
    heads: list[dict[str, float]] = [{"flip": float(one)} for one in same.overlaps]
    for head, one in zip(heads, apart, strict=True):
        if one is not None and one.landmarks is not None:
            head["flip_landmarks"] = one.landmarks
        if one is not None and one.degrees is not None:
            head["flip_degrees"] = one.degrees
    for name in ("flip_landmarks", "flip_degrees"):
        counted = [
            head[name]
            for head, ignored in zip(heads, found.ignored, strict=True)
            if name in head and not ignored
        ]
        if counted:
            scores[name] = float(np.mean(counted))
    return Marks(scores, heads if found.own else ())


SCORE = Score(
    "flip",
    start,
    fields=("flip", "flip_iou", "flip_count", "flip_landmarks", "flip_degrees"),
    heads=("flip", "flip_landmarks", "flip_degrees"),
    options=("detector",),
    check=check,
)
