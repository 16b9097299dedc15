"""Finds every person in a photo and keeps their 17 key points: no pixels, no path, no words about the photo.

    headkit pose-extract photos/ -o poses.jsonl --resume
    find photos -name '*.jpg' -print0 | headkit pose-extract -0
    headkit pose-extract --layout img2dataset shards/*.tar | headkit filter --preset sources

A PATH is a folder, whose pictures are taken in the order of their names, with those of the folders in it; a picture; a
tar, read in place and in one pass; or a file of records that have `image`. With --layout img2dataset, tars and folders
are as img2dataset and WebDataset write them, the JSON beside each photo says more of it, and standard input is a tar.

`poses` are in pixels of a canvas, `width` and `height`: the upright photo scaled to a shorter side of 1024. A key point
has [x, y, confidence]; one whose confidence is below --point-conf is unknown, confidence 0. By default our own small
network looks, trained on renders alone, so that nothing has to be fetched; networks trained on photos find more: --model
takes any pose network of ultralytics, a file or one of the names under which ultralytics offers them, which is then
fetched once. What is found depends on the photo alone.

The `id` is a hash of the photo's bytes with a key, so that it confirms to nobody who holds a photo that it was used. The
key is made once, in headkit.key, and whoever has it can tell: keep it with the photos. A second copy of a photo is ID-2,
and `source.copy_of` names the first. `source` has the photo's size, its SHA-256 (private: pack does not publish it), and
license and author where the metadata has them. A record that comes with an `image` loses it, unless generate made it.
--keep-path keeps where the photo lay, so that caption can look at it.

`scores` say how good a source the photo is, and filter --preset sources decides: aspect, longer side by shorter;
source_unsafe, 1 where the metadata say NSFW, 0.5 where they say UNSURE, or their own share (punsafe); people, how many;
person_confidence, of the surest; visible_heads, the share of people of whose head a point is known; person_height, of
the largest by the canvas' shorter side.

--allow-license and --opt-out keep photos out: such a photo is a record without poses, whose error says license or opt-out.
Photos are turned as their EXIF says, brought to sRGB, and the first frame of an animation is taken; HEIC and camera raw
files are refused by name. On --resume, photos of a folder are read again, to know their ids, but not looked at again.
"""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from headkit import licenses
from headkit.status import NO_INPUT, USAGE, Stop
from headkit.tool import Context, Example, Failure, Gathering, Opt, Photo, Process, Record, Result

if TYPE_CHECKING:
    from headkit.backends.boxes import Candidates
    from headkit.backends.detectors import Detector
    from headkit.backends.finding import Prepared

Pair = tuple[Record, Photo]

_KEY = "headkit.key"  # in the root
_MOST_THREADS = 8  # that decode
_HEAD_POINTS = 5  # of COCO's 17, from the first: nose, eyes, ears
_UNSAFE = {"nsfw": 1.0, "unsure": 0.5}  # as LAION says it; anything else is 0


@dataclass(frozen=True)
class Options:
    """The options of pose-extract."""

    layout: Annotated[
        Literal["photos", "img2dataset"],
        Opt("Photos alone, or tars and folders with a JSON file beside each photo."),
    ] = "photos"
    model: Annotated[
        str | None,
        Opt("Weights: a pose network of ultralytics by path or name, or .npz of ours.", "MODEL"),
    ] = None
    conf: Annotated[
        float | None,
        Opt("Least score of a person (default: the network's).", "SHARE", minimum=0, maximum=1),
    ] = None
    point_conf: Annotated[
        float,
        Opt(
            "Least confidence of a key point; below, it is unknown.",
            "SHARE",
            minimum=0,
            maximum=1,
        ),
    ] = 0.3
    iou: Annotated[
        float | None,
        Opt(
            "Overlap from which two boxes are one person (default: the network's).",
            "SHARE",
            minimum=0,
            maximum=1,
        ),
    ] = None
    imgsz: Annotated[
        int | None,
        Opt(
            "Side of the square that the network sees, a multiple of 32 (default: the network's).",
            "N",
            minimum=32,
            maximum=8192,
        ),
    ] = None
    shorter_side: Annotated[
        int,
        Opt("Shorter side of the canvas in pixels; 0 for the photo's own size.", "N", minimum=0),
    ] = 1024
    key: Annotated[
        str | None,
        Opt(f"The key of ids (default: {_KEY} in the root).", "FILE", decides=False),
    ] = None
    keep_path: Annotated[bool, Opt("Keep in `source` where the photo lies.")] = False
    allow_license: Annotated[
        str | None,
        Opt("Only photos of these licenses, as cc0,cc-by-4.0; an unknown one is none.", "NAMES"),
    ] = None
    opt_out: Annotated[
        str | None,
        Opt("No photo whose id, SHA-256 or author is a line of FILE.", "FILE", decides=False),
    ] = None


EXAMPLES = (
    Example("find . -name '*.jpg' -print0 | headkit pose-extract -0 > poses-of-photos.jsonl"),
    Example(
        "headkit pose-extract",
        input='{"id":"a","error":{"tool":"x","kind":"k","message":"passes"}}\n',
        output='{"id":"a","error":{"tool":"x","kind":"k","message":"passes"},"schema":1}\n',
    ),
)


def reads(options: Options) -> tuple[str, ...]:  # noqa: ARG001 - the interface of every tool
    """Nothing of the record itself: its photo comes beside it."""
    return ()


def gathering(options: Options, context: Context) -> Gathering:
    """How photos are read and named."""
    key = Path(options.key).absolute() if options.key else context.root / _KEY
    return Gathering(key, options.layout == "img2dataset", options.keep_path)


def start(options: Options, context: Context) -> Process:
    """The tool with its network loaded."""
    if options.imgsz is not None and options.imgsz % 32:
        raise Stop(USAGE, f"--imgsz {options.imgsz}: not a multiple of 32")
    admission = Admission.of(options)
    from headkit.backends.bodies import open_bodies

    detector = open_bodies(options.model, options.imgsz, context.device)
    wanted = {name: getattr(options, name) for name in ("conf", "iou")}
    given = {name: value for name, value in wanted.items() if value is not None}
    return Extraction(
        replace(detector, search=replace(detector.search, **given)), admission, options
    )


# ---- which photos may be used --------------------------------------------------------------------


@dataclass(frozen=True)
class Admission:
    """Licenses that are allowed, None for any, and what has opted out, in small letters."""

    allowed: tuple[str, ...] | None
    opted_out: frozenset[str]
    digest: str = ""  # of the list of those who opted out

    @classmethod
    def of(cls, options: Options) -> Admission:
        """Stop 2 for a list of no license, 66 for an opt-out list that cannot be read."""
        allowed = None
        if options.allow_license is not None:
            allowed = tuple(name for name in options.allow_license.split(",") if name.strip())
            if not allowed:
                raise Stop(USAGE, "--allow-license: names no license; give some, as cc0,cc-by-4.0")
        if options.opt_out is None:
            return cls(allowed, frozenset())
        try:
            data = Path(options.opt_out).read_bytes()
            lines = data.decode("utf-8-sig").splitlines()
        except OSError as error:
            raise Stop(NO_INPUT, f"--opt-out {options.opt_out}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Stop(NO_INPUT, f"--opt-out {options.opt_out}: is not UTF-8; convert it") from None
        entries = frozenset(line.strip().casefold() for line in lines if line.strip())
        return cls(allowed, entries, hashlib.sha256(data).hexdigest()[:16])

    def refusal(self, record: Record, photo: Photo) -> Failure | None:
        """Why a photo is left alone."""
        author = said_author(record, photo)
        names = {str(record["id"]), photo.copy_of or "", photo.sha256, author or ""}
        if not self.opted_out.isdisjoint(name.casefold() for name in names if name):
            return Failure(
                "opt-out", "the photo, or its author, has opted out; its poses are not kept"
            )
        if self.allowed is not None:
            license = said_license(record, photo)
            if license is None:
                return Failure(
                    "license", "no license is known; only those of --allow-license are used"
                )
            if not licenses.allows(self.allowed, license):
                return Failure(
                    "license", f"license {license}: is not among those of --allow-license"
                )
        return None


def said_license(record: Record, photo: Photo) -> str | None:
    """The license by its one name, where metadata or record tell it; an address says more than a name."""
    text = _said(record, photo, "license_url", "licence_url", "license", "licence")
    return licenses.normal(text) or None if isinstance(text, str) else None


def said_author(record: Record, photo: Photo) -> str | None:
    """Who made the photo, where metadata or record tell it."""
    text = _said(record, photo, "author", "creator", "photographer", "artist")
    return text.strip() or None if isinstance(text, str) else None


def _said(record: Record, photo: Photo, *names: str) -> Any:
    """The first of these fields that anybody says, whatever its case; FFHQ has them one level down, in `metadata`."""
    inner = photo.metadata.get("metadata")
    for known in (photo.metadata, inner, record.get("source"), record):
        if isinstance(known, dict):
            lower = {name.lower(): value for name, value in known.items()}
            for name in names:
                if lower.get(name) not in (None, "", "?"):
                    return lower[name]
    return None


def unsafe(record: Record, photo: Photo) -> float | None:
    """How unsafe the source says the photo is, 0 to 1; None where it says nothing."""
    share = _said(record, photo, "punsafe")
    if isinstance(share, int | float) and 0 <= share <= 1:
        return float(share)
    flag = _said(record, photo, "nsfw")
    if isinstance(flag, bool):
        return float(flag)
    return _UNSAFE.get(flag.strip().lower(), 0.0) if isinstance(flag, str) else None


# ---- looking -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scene:
    """A photo, decoded and in the network's squares. size: of the upright photo; see image.Picture for `reduced`."""

    size: tuple[int, int]
    reduced: int
    prepared: Prepared


class Extraction:
    """The tool at work: photos are decoded in threads, some batches ahead of the network.

    waited  seconds that the network has waited for photos; worked, of all seconds in __call__
    """

    def __init__(self, detector: Detector, admission: Admission, options: Options) -> None:
        self.detector = detector
        self.admission = admission
        self.options = options
        self.made = {"model": detector.name, "sha256": detector.sha256[:16]}
        if admission.digest:
            self.made["opt_out"] = admission.digest
        self.threads = ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1))
        self.underway: dict[str, Future[Scene | Failure]] = {}
        self.waited = self.worked = 0.0

    def prepare(self, pairs: list[Pair]) -> None:
        """Begin to decode."""
        for record, photo in pairs:
            if record["id"] not in self.underway:
                self.underway[record["id"]] = self.threads.submit(self._decoded, record, photo)

    def __call__(self, pairs: list[Pair]) -> list[Result]:
        """The poses of each photo, in chunks of the network."""
        began = time.monotonic()
        self.prepare(pairs)
        chunk = self.detector.network.chunk
        results: list[Result] = []
        for at in range(0, len(pairs), chunk):
            results += self._looked(pairs[at : at + chunk])
        self.worked += time.monotonic() - began
        return results

    def _looked(self, pairs: list[Pair]) -> list[Result]:
        from headkit.backends.finding import find

        began = time.monotonic()
        scenes = [self.underway.pop(record["id"]).result() for record, _ in pairs]
        self.waited += time.monotonic() - began
        pictures = [scene.prepared for scene in scenes if isinstance(scene, Scene)]
        found = iter(find(self.detector.network, pictures, self.detector.search))
        return [
            scene if isinstance(scene, Failure) else self._result(record, photo, scene, next(found))
            for (record, photo), scene in zip(pairs, scenes, strict=True)
        ]

    def _decoded(self, record: Record, photo: Photo) -> Scene | Failure:
        """In a thread."""
        from headkit.backends.finding import prepare
        from headkit.image import ImageError, decode

        refused = photo.fault or self.admission.refusal(record, photo)
        if refused is not None:
            return refused
        network = self.detector.network
        try:
            picture = decode(photo.data, least=max(network.sides))
        except ImageError as error:
            return Failure("bad-image", str(error))
        squares = prepare(network, picture.pixels, self.detector.search)
        return Scene((picture.width, picture.height), picture.reduced, squares)

    def _result(self, record: Record, photo: Photo, scene: Scene, found: Candidates) -> Record:
        """The fields of a photo's record."""
        width, height = scene.size
        canvas = (width, height) if "image" in record else self._canvas(width, height)
        scales = [scene.reduced * side / own for side, own in zip(canvas, scene.size, strict=True)]
        poses = self._poses(found, scales, canvas)
        source = {"sha256": photo.sha256, "size": [width, height]}
        more = {
            "license": said_license(record, photo),
            "author": said_author(record, photo),
            "copy_of": photo.copy_of,
        }
        source |= {name: value for name, value in more.items() if value is not None}
        return {
            "width": canvas[0],
            "height": canvas[1],
            "source": {**_object(record.get("source")), **source},
            "poses": poses,
            "scores": {
                **_object(record.get("scores")),
                "aspect": max(scene.size) / min(scene.size),
                **_scores(record, photo, canvas, poses),
            },
        }

    def _canvas(self, width: int, height: int) -> tuple[int, int]:
        scale = (self.options.shorter_side or min(width, height)) / min(width, height)
        return round(width * scale), round(height * scale)

    def _poses(
        self, found: Candidates, scales: list[float], canvas: tuple[int, int]
    ) -> list[Record]:
        """People in pixels of the canvas, best first; boxes are cut at it, key points are where the network says."""
        import numpy as np

        assert found.points is not None
        boxes = np.clip(found.boxes * np.tile(scales, 2), 0, np.tile(canvas, 2))
        points = found.points.astype(np.float64)
        points[:, :, :2] *= scales
        known = points[:, :, 2] >= max(self.options.point_conf, 1e-9)
        points[:, :, 2] = np.where(known, np.clip(points[:, :, 2], 0, 1), 0)
        return [
            {"keypoints": points[k].tolist(), "box": boxes[k].tolist(), "score": float(score)}
            for k, score in enumerate(found.scores)
        ]


def _scores(
    record: Record, photo: Photo, canvas: tuple[int, int], poses: list[Record]
) -> dict[str, float]:
    """How good a source the photo is."""
    seen = [any(point[2] > 0 for point in pose["keypoints"][:_HEAD_POINTS]) for pose in poses]
    heights = [pose["box"][3] - pose["box"][1] for pose in poses]
    scores: dict[str, float] = {
        "people": len(poses),
        "person_confidence": max((pose["score"] for pose in poses), default=0.0),
        "visible_heads": sum(seen) / len(seen) if seen else 0.0,
        "person_height": max(heights, default=0.0) / min(canvas),
    }
    said = unsafe(record, photo)
    return scores if said is None else {**scores, "source_unsafe": said}


def _object(value: Any) -> Record:
    return value if isinstance(value, dict) else {}
