"""What a record asks `generate` to draw, checked and in pixels of the image.

A fault is a RequestError with words for a person: it becomes the record's `error`, never the run's end.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from headkit import attributes
from headkit.prompt import Scene as Said
from headkit.prompt import read
from headkit.tool import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from headkit.render.scene import Scene, Wanted

MOST_PEOPLE = 64
SIDES = (16, 8192)  # pixels of an image


class RequestError(ValueError):
    """What is wrong with a record, in words for a person; `kind` names it for programs."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Canvas:
    """The size of an image, and the scale from the record's pixels to its own."""

    width: int
    height: int
    scale_x: float
    scale_y: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        return x * self.scale_x, y * self.scale_y


def canvas_of(record: Record, longer: int | None) -> Canvas:
    """The image for a record: its own size, or scaled so that the longer side has `longer` pixels."""
    sides = (record.get("width"), record.get("height"))
    for name, side in zip(("width", "height"), sides, strict=True):
        if type(side) is not int or side < 1:
            raise RequestError("bad-size", f"{name} {side!r}: a number of pixels above 0 is needed")
    width, height = (int(side or 0) for side in sides)
    new = (width, height)
    if longer is not None:
        scale = longer / max(width, height)
        new = (max(1, round(width * scale)), max(1, round(height * scale)))
    if min(new) < SIDES[0] or max(new) > SIDES[1]:
        raise RequestError(
            "bad-size",
            f"image of {new[0]} x {new[1]} pixels: sides must be {SIDES[0]} to {SIDES[1]}; see --size",
        )
    return Canvas(*new, new[0] / width, new[1] / height)


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be drawn.

    people        of whom at least one key point is known; `drawn` are their numbers among `poses`
    poses         all of the record's, in pixels of the image
    seed          of all that is not about one person
    K, up         the camera and the direction against gravity, where the record knows them
    light, place  words of attributes.LIGHT and attributes.BACKGROUND, where the prompt has them
    """

    people: list[Wanted]
    drawn: list[int]
    poses: list[Record]
    seed: int
    K: NDArray[np.float64] | None
    up: NDArray[np.float64] | None
    light: str | None
    place: str | None


def request(record: Record, canvas: Canvas, seed: int) -> Request:
    """What the record asks for; RequestError says what is wrong with it."""
    id = str(record["id"])
    said = _said(record, attributes.seeded(seed, id, "generate", "prompt"))
    people: list[Wanted] = []
    drawn: list[int] = []
    poses: list[Record] = []
    for index, pose in enumerate(_poses(record)):
        number = attributes.seeded(seed, id, "generate", str(index)).getrandbits(63)
        moved, wanted = _person(pose, index, canvas, said.of(index), number)
        poses.append(moved)
        if wanted is not None:
            people.append(wanted)
            drawn.append(index)
    return Request(
        people=people,
        drawn=drawn,
        poses=poses,
        seed=attributes.seeded(seed, id, "generate", "scene").getrandbits(63),
        K=_camera(record, canvas),
        up=_up(record),
        light=said.light,
        place=said.background,
    )


def composed(
    record: Record, canvas: Canvas, seed: int, photo: NDArray[np.uint8] | None = None
) -> tuple[Scene, Request]:
    """The scene that the record asks for, and what it asks for. Raises RequestError.

    photo  (height, width, 3) sRGB of the canvas's size, behind the people; None: a place is drawn. People, and so all
           that is known of their heads, do not depend on it.
    """
    from headkit.render.scene import PoseError, compose

    asked = request(record, canvas, seed)
    try:
        scene = compose(
            asked.people,
            canvas.width,
            canvas.height,
            seed=asked.seed,
            K=asked.K,
            up=asked.up,
            light_name=asked.light,
            place=asked.place if photo is None else photo,
        )
    except PoseError as error:
        raise RequestError("bad-pose", str(error)) from None
    return scene, asked


def _poses(record: Record) -> list[Any]:
    poses = record.get("poses")
    if not isinstance(poses, list):
        raise RequestError("bad-pose", f"poses: a list is needed, found {type(poses).__name__}")
    if len(poses) > MOST_PEOPLE:
        raise RequestError(
            "too-many-people", f"poses: {len(poses)} people, but at most {MOST_PEOPLE} are drawn"
        )
    return poses


def _said(record: Record, draw: random.Random) -> Said:
    prompt = record.get("prompt")
    text = prompt.get("text") if isinstance(prompt, dict) else None
    if not isinstance(text, str):
        text = record.get("caption")
    return read(text, draw) if isinstance(text, str) else Said()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _numbers(values: Any, count: int) -> bool:
    return isinstance(values, list) and len(values) == count and all(_is_number(v) for v in values)


def _person(
    pose: Any, index: int, canvas: Canvas, said: Record, seed: int
) -> tuple[Record, Wanted | None]:
    """The pose in pixels of the image, and who is wanted there; None where nothing says where he is."""
    import numpy as np

    from headkit.render.scene import Wanted

    points = pose.get("keypoints") if isinstance(pose, dict) else None
    if not isinstance(points, list) or len(points) != 17 or not all(_numbers(p, 3) for p in points):
        raise RequestError(
            "bad-pose",
            f"person {index}: 17 key points [x, y, confidence] of finite numbers are needed",
        )
    moved = [[*canvas.point(x, y), c] if c > 0 else [0.0, 0.0, 0.0] for x, y, c in points]
    mapped = {**pose, "keypoints": moved}
    box = pose.get("box")
    if box is not None:
        if not _numbers(box, 4):
            raise RequestError("bad-pose", f"person {index}: box needs four finite numbers")
        box = [*canvas.point(*box[:2]), *canvas.point(*box[2:])]
        mapped["box"] = box
    try:
        given = {**said, **attributes.check(pose.get("attributes") or {})}
    except ValueError as error:
        raise RequestError("bad-attributes", f"person {index}: {error}") from None
    if not any(point[2] > 0 for point in moved):
        return mapped, None
    head = pose.get("head")
    known = isinstance(head, dict) and all(
        _is_number(head.get(k)) for k in ("yaw", "pitch", "roll")
    )
    return mapped, Wanted(np.array(moved, float), box, head if known else None, given, seed)


def _camera(record: Record, canvas: Canvas) -> NDArray[np.float64] | None:
    """K of the image, where the record knows its camera."""
    import numpy as np

    camera = record.get("camera")
    rows = camera.get("K") if isinstance(camera, dict) else None
    if rows is None:
        return None
    if not isinstance(rows, list) or len(rows) != 3 or not all(_numbers(row, 3) for row in rows):
        raise RequestError("bad-camera", "camera.K: 3 x 3 finite numbers are needed")
    scale = np.diag([canvas.scale_x, canvas.scale_y, 1.0])
    matrix = np.asarray(scale @ np.array(rows, float))
    if not (matrix[0, 0] > 0 and matrix[1, 1] > 0):
        raise RequestError("bad-camera", "camera.K: focal lengths above 0 are needed")
    return matrix


def _up(record: Record) -> NDArray[np.float64] | None:
    """The direction against gravity in the camera frame, where the record knows it."""
    import numpy as np

    camera = record.get("camera")
    up = camera.get("up") if isinstance(camera, dict) else None
    if up is None:
        return None
    if not _numbers(up, 3) or not any(up):
        raise RequestError("bad-camera", "camera.up: three finite numbers, not all 0, are needed")
    return np.array(up, float)
