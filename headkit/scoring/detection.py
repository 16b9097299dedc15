"""The heads that a detector finds in a picture, in its mirror image, and in parts of it: made once for all scores.

The detector is that of detect, with the options that it had there, so that what differs is the picture alone. Where a
record's heads are its own, they are taken, not looked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headkit.image import Pixels
from headkit.scoring import regions
from headkit.scoring.score import Study, Subject
from headkit.status import USAGE, Stop
from headkit.tool import Failure, Record

if TYPE_CHECKING:
    from headkit.backends.boxes import Candidates
    from headkit.backends.detectors import Detector
    from headkit.backends.finding import Search
    from headkit.scoring.options import ScoreOptions

Array = NDArray[np.float64]
Part = tuple[int, int, int, int]  # [x1, y1, x2, y2] of a picture, pixels

OURS = "headkit"  # what --detector calls our own
_DIGEST = 16  # letters of a digest in `made`


@dataclass(frozen=True, eq=False)
class Found:
    """Heads of a picture: boxes (n, 4) pixels, scores (n,), and which are not to count (n,).

    own  whether they are the heads of the record, all of them and in their order
    """

    boxes: Array
    scores: Array
    ignored: NDArray[np.bool_]
    own: bool = False


class HeadPass:
    """The detector, opened, and what it finds."""

    def __init__(self, study: Study) -> None:
        self.options = study.options
        self.device = study.context.device
        self._opened: dict[int | None, Detector] = {}
        self.detector = self._detector(None)
        study.made["detector"] = {
            "model": self.detector.name,
            "sha256": self.detector.sha256[:_DIGEST],
        }

    def whole(self, subjects: list[Subject]) -> list[Found | Failure]:
        """The record's own heads where this detector found them; else what it finds."""
        fresh = []
        for subject in subjects:
            if "heads" not in subject.seen:
                subject.seen["heads"] = self._own(subject)
                if subject.seen["heads"] is None:
                    fresh.append(subject)
        found = self._find(fresh, [subject.pixels for subject in fresh])
        for subject, one in zip(fresh, found, strict=True):
            subject.seen["heads"] = one
        return [subject.seen["heads"] for subject in subjects]

    def mirrored(self, subjects: list[Subject]) -> list[Found]:
        """What it finds in the pictures turned left to right, in pixels of the pictures as they are."""
        fresh = [subject for subject in subjects if "mirrored" not in subject.seen]
        pictures = [subject.pixels for subject in fresh]
        for subject, one in zip(fresh, self._find(fresh, pictures, _mirrored), strict=True):
            subject.seen["mirrored"] = one
        return [subject.seen["mirrored"] for subject in subjects]

    def within(self, subjects: list[Subject], parts: Sequence[Part]) -> list[Found]:
        """What it finds in a part of each picture, in pixels of the whole."""
        pictures = [
            subject.pixels[y1:y2, x1:x2]
            for subject, (x1, y1, x2, y2) in zip(subjects, parts, strict=True)
        ]
        return [
            replace(found, boxes=found.boxes + np.tile(part[:2], 2))
            for found, part in zip(self._find(subjects, pictures), parts, strict=True)
        ]

    def _own(self, subject: Subject) -> Found | Failure | None:
        """The heads of a record, if they are of this detector; a Failure where another one's are not expected."""
        other = _other(self.options, subject.record, self.detector.sha256)
        if other is not None:
            return Failure("other-detector", f"heads are of the detector {other}; {_REMEDY}")
        boxes = regions.boxes(subject.heads)
        known = [box for box in boxes if box is not None]
        if not self._found_here(subject.record) or len(known) < len(boxes):
            return None
        return Found(
            np.array(known).reshape(-1, 4),
            np.array([_number(head.get("score")) for head in subject.heads]),
            ~np.array(regions.counting(subject.heads), dtype=bool),
            own=True,
        )

    def _found_here(self, record: Record) -> bool:
        digest = _made(record).get("sha256")
        return "heads" in record and digest == self.detector.sha256[:_DIGEST]

    def _detector(self, imgsz: int | None) -> Detector:
        if imgsz not in self._opened:
            from headkit.backends.detectors import open_detector

            named = self.options.detector
            model = None if named == OURS else named
            self._opened[imgsz] = open_detector(model, imgsz, self.device, "--detector")
        return self._opened[imgsz]

    def _find(
        self,
        subjects: Sequence[Subject],
        pictures: Sequence[Pixels],
        changed: Callable[[Search], Search] = lambda search: search,
    ) -> list[Found]:
        """The heads of each picture, looked for as detect looked in its record's; pictures of one manner together."""
        from headkit.backends.finding import find

        manners = [self._manner(subject.record) for subject in subjects]
        results: dict[int, Found] = {}
        for imgsz, search in dict.fromkeys(manners):
            places = [at for at, manner in enumerate(manners) if manner == (imgsz, search)]
            network = self._detector(imgsz).network
            looked = find(network, [pictures[at] for at in places], changed(search))
            results |= {
                at: found_heads(found, pictures[at])
                for at, found in zip(places, looked, strict=True)
            }
        return [results[at] for at in range(len(pictures))]

    def _manner(self, record: Record) -> tuple[int | None, Search]:
        """Side of the square and search that detect used for a record of this detector; else its own."""
        given = _made(record).get("options") if self._found_here(record) else None
        given = given if isinstance(given, dict) else {}
        numbers = {
            name: given[name]
            for name in ("conf", "iou", "tile", "imgsz")
            if isinstance(given.get(name), int | float)
        }
        imgsz = numbers.pop("imgsz", None)
        search = replace(self.detector.search, **numbers, flip=given.get("flip") is True)
        return None if imgsz is None else int(imgsz), search


_REMEDY = (
    "name its weights with score --detector, or look anew with ours by score --detector headkit"
)


def check(options: ScoreOptions, record: Record) -> None:
    """Refuse a manifest whose heads another detector found, while none was named. Raises Stop (2)."""
    from headkit.backends.detectors import own_weights
    from headkit.backends.weights import digest_of

    if options.detector is not None:
        return
    other = _other(options, record, digest_of(own_weights()))
    if other is not None:
        raise Stop(USAGE, f"heads are of the detector {other}; {_REMEDY}")


def found_heads(found: Candidates, pixels: Pixels) -> Found:
    """What a network found in a picture (H, W, 3), as boxes of heads: of people, where their key points show one."""
    boxes, scores = found.boxes.astype(np.float64), found.scores.astype(np.float64)
    if found.points is not None:
        from headkit.head.body_points import head_of

        height, width = pixels.shape[:2]
        heads = [head_of(points) for points in found.points]
        there = np.array([head is not None for head in heads], dtype=bool)
        boxes = np.array([head.box for head in heads if head is not None]).reshape(-1, 4)
        boxes = np.clip(boxes, 0, [width, height, width, height])
        inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        boxes, scores = boxes[inside], scores[there][inside]
    return Found(boxes, scores, np.zeros(len(boxes), dtype=bool))


def _mirrored(search: Search) -> Search:
    """Looks at the mirror image alone; a detector that always looks at both does so."""
    return search if search.flip else replace(search, flip=True, plain=False)


def _other(options: ScoreOptions, record: Record, ours: str) -> str | None:
    """The name of the network that found a record's heads, where it is not ours and none was named."""
    made = _made(record)
    digest = made.get("sha256")
    if options.detector is not None or "heads" not in record or not isinstance(digest, str):
        return None
    return None if digest == ours[:_DIGEST] else str(made.get("model", digest))


def _made(record: Record) -> Record:
    """What detect left of itself."""
    made = record.get("made")
    detect: Any = made.get("detect") if isinstance(made, dict) else None
    return detect if isinstance(detect, dict) else {}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 1.0
