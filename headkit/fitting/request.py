"""What a record asks `fit3dmm` to fit, checked and as arrays.

What is wrong with one head is that head's; what is wrong with the record is a RequestError with words for a person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.head.camera import intrinsics
from headkit.image import Pixels
from headkit.picture import picture_of
from headkit.tool import Failure, Record

Array = NDArray[np.float64]

GIVEN, FOUND = "given", "network"  # where landmarks come from: fit.landmarks
SCHEMES = {"ibug68": 68, "dense": 160, "mediapipe468": 468, "mediapipe478": 478}
VERTICES = "vertices"  # a scheme of any number of points, which says itself what they mark
DEVIATION = 0.012  # of given landmarks that state none, in longer sides of the box
LEAST_DEVIATION = 0.002  # of given landmarks, in the same: nobody annotates better


class RequestError(ValueError):
    """What is wrong with a record, in words for a person; `kind` names it for programs."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, eq=False)
class Camera:
    """K (3, 3) of a picture; `known` is False where the focal length is guessed."""

    K: Array
    known: bool


@dataclass(frozen=True, eq=False)
class Given:
    """Landmarks that a record brings, NaN where not known.

    scheme     one of SCHEMES, or VERTICES
    points     (L, 2) pixels; deviation (L,) pixels
    vertices   (L,) vertices of the head model that they mark, where the scheme is VERTICES
    """

    scheme: str
    points: Array
    deviation: Array
    vertices: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Head:
    """One of a record's heads. box (4,), None where it has no area; given: landmarks to use, None: to be looked for."""

    record: Record
    box: Array | None
    given: Given | None

    @property
    def wanted(self) -> bool:
        """Whether landmarks are looked for in the image."""
        return self.given is None and self.box is not None


@dataclass(frozen=True, eq=False)
class Request:
    """A record to fit.

    pixels  (H, W, 3) of its image, None where nothing is looked for in it
    asked   heads that the image was asked to show, where that is compared
    """

    record: Record
    heads: list[Head]
    pixels: Pixels | None
    camera: Camera
    asked: list[Record] | None = None


@dataclass(frozen=True)
class Reader:
    """Reads records.

    focal     in longer sides of the image, where no camera is known
    given     whether landmarks of the record are taken
    model     the head model's name and number of vertices
    check     whether `target` or `truth` is needed
    """

    root: Path
    focal: float
    given: bool
    model: tuple[str, int]
    check: bool = False

    def read(self, record: Record) -> Request:
        """What the record asks for. Raises RequestError."""
        heads = record.get("heads")
        if not isinstance(heads, list) or not all(isinstance(head, dict) for head in heads):
            raise RequestError(
                "bad-heads", "heads: a list of objects is needed; see headkit detect"
            )
        asked = [self._head(head, number) for number, head in enumerate(heads)]
        pixels = self._pixels(record) if any(head.wanted for head in asked) else None
        wanted = self._asked(record) if self.check else None
        return Request(record, asked, pixels, self._camera(record, pixels), wanted)

    @staticmethod
    def _asked(record: Record) -> list[Record]:
        """The heads of `target`, else of `truth`."""
        source = record.get("target", record.get("truth"))
        heads = source.get("heads") if isinstance(source, dict) else None
        if not isinstance(heads, list) or not all(isinstance(head, dict) for head in heads):
            raise RequestError(
                "no-target", "no target and no truth to compare with; leave out --check"
            )
        if any(array(head.get("box"), (4,)) is None for head in heads):
            raise RequestError("no-target", "heads of target or truth need boxes")
        return heads

    def _head(self, head: Record, number: int) -> Head:
        box = array(head.get("box"), (4,))
        if box is not None and (box[2:] <= box[:2]).any():
            box = None
        landmarks = head.get("landmarks")
        fit = head.get("fit")
        ours = isinstance(fit, dict) and fit.get("landmarks") == FOUND  # by an earlier run
        if landmarks is None or ours or not self.given:
            return Head(head, box, None)
        try:
            read = read_landmarks(landmarks, box)
            self._check_vertices(read)
            return Head(head, box, read)
        except ValueError as error:
            raise RequestError("bad-landmarks", f"head {number}: {error}") from None

    def _check_vertices(self, given: Given) -> None:
        name, count = self.model
        if given.vertices is not None and given.vertices.max() >= count:
            raise ValueError(
                f"landmarks.vertices: up to {given.vertices.max()}, but the head model {name} has {count}; "
                "name the model that they are of with --head"
            )

    def _pixels(self, record: Record) -> Pixels:
        if not isinstance(record.get("image"), str):
            raise RequestError("image", "no image to find landmarks in, and no landmarks given")
        picture = picture_of(record, self.root)
        if isinstance(picture, Failure):
            raise RequestError("image", picture.message)
        return picture

    def _camera(self, record: Record, pixels: Pixels | None) -> Camera:
        camera = record.get("camera")
        known = camera if isinstance(camera, dict) and camera.get("estimated") is not True else {}
        if known.get("K") is None:
            width, height = _size(record, pixels)
            return Camera(intrinsics(width, height, self.focal * max(width, height)), known=False)
        K = array(known["K"], (3, 3))
        if K is None or not (K[0, 0] > 0 and K[1, 1] > 0 and np.array_equal(K[2], (0, 0, 1))):
            raise RequestError(
                "bad-camera", "camera.K: 3 x 3 numbers with focal lengths above 0 are needed"
            )
        return Camera(K, known=True)


def _size(record: Record, pixels: Pixels | None) -> tuple[int, int]:
    """Width and height, in whose middle the camera's axis is taken to be."""
    if pixels is not None:
        return pixels.shape[1], pixels.shape[0]
    width, height = record.get("width"), record.get("height")
    if type(width) is int and type(height) is int and min(width, height) > 0:
        return width, height
    if record["heads"]:
        raise RequestError(
            "bad-size", "no width and height, and no camera.K; one of them is needed"
        )
    return 1, 1


def read_landmarks(landmarks: Any, box: Array | None) -> Given:
    """What a head's `landmarks` say. Raises ValueError with words for a person."""
    scheme = landmarks.get("scheme") if isinstance(landmarks, dict) else None
    if scheme != VERTICES and scheme not in SCHEMES:
        known = ", ".join([*SCHEMES, VERTICES])
        raise ValueError(f"landmarks of scheme {scheme!r}; known are {known}")
    rows, visible = landmarks.get("points"), landmarks.get("visible")
    vertices = _vertices(landmarks.get("vertices")) if scheme == VERTICES else None
    count = SCHEMES[scheme] if vertices is None else len(vertices)
    if not isinstance(rows, list) or len(rows) != count:
        raise ValueError(f"landmarks: {scheme} has {count} points")
    if visible is not None and not (isinstance(visible, str) and len(visible) == len(rows)):
        raise ValueError("landmarks.visible: a string of 0 and 1, one for each point, is needed")
    table = np.array([_point(row) for row in rows])
    if visible is not None:
        table[[letter == "0" for letter in visible]] = np.nan
    points, deviation = table[:, :2], table[:, 2]
    size = _longer(points if box is None else box.reshape(2, 2))
    deviation = np.where(deviation > 0, deviation, DEVIATION * size)
    known = np.isfinite(points).all(axis=1)
    deviation = np.where(known, np.maximum(deviation, LEAST_DEVIATION * size), np.nan)
    return Given(scheme, points, deviation, vertices)


def _vertices(value: Any) -> NDArray[np.int64]:
    """The `vertices` of landmarks of that scheme. Raises ValueError."""
    if not (isinstance(value, list) and value and all(type(v) is int and v >= 0 for v in value)):
        raise ValueError("landmarks.vertices: a list of vertices of --head is needed")
    if len(set(value)) < len(value):
        raise ValueError("landmarks.vertices: a vertex is listed twice")
    return np.array(value)


def _longer(points: Array) -> float:
    """The longer side of what the points span; 1 where none is known."""
    known = points[np.isfinite(points).all(axis=1)]
    return max(float(np.ptp(known, axis=0).max()), 1e-3) if len(known) else 1.0


def _point(row: Any) -> tuple[float, float, float]:
    """x, y, deviation of a row; NaN where they are not known, deviation 0 where none is stated."""
    values = row if isinstance(row, list) and len(row) in (2, 3) else [None, None]
    x, y, deviation = (_number(value) for value in (*values, 0.0)[:3])
    return x, y, deviation


def _number(value: Any) -> float:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else math.nan


def array(value: Any, shape: tuple[int, ...]) -> Array | None:
    """Finite numbers of a shape, None for anything else."""
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if numbers.shape == shape and np.isfinite(numbers).all() else None
