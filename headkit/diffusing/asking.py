"""What a record asks of a diffusion model: its words, its size, and its poses in pixels of the image."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log
from typing import Any

from headkit import attributes
from headkit.recipes.recipe import Recipe
from headkit.request import MOST_PEOPLE, SIDES, RequestError
from headkit.tool import Record

Affine = tuple[float, float, float]  # scale, and where the record's corner comes to lie: x, y

# Digits that a row keeps. What conditions an image is made of what the row says, so that it can be made again from it.
_POINTS, _CAMERA = 2, 6


@dataclass(frozen=True)
class Asked:
    """One image that is asked for.

    mapped    the record with width, height, poses and camera in pixels of the image
    words     of the record, or said for it where it has none; `given` whether they are the prompt's
    affine    from the record's pixels to the image's
    """

    mapped: Record
    text: str
    negative: str
    given: bool
    affine: Affine

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.mapped["width"], self.mapped["height"]

    def seed(self, seed: int, attempt: int) -> int:
        """Of the noise: of --seed, the id and the attempt, and nothing else."""
        draw = attributes.seeded(
            seed, str(self.mapped["id"]), "generate", "diffusion", str(attempt)
        )
        return draw.getrandbits(63)


def asked(record: Record, recipe: Recipe, longer: int | None) -> Asked:
    """What the record asks for. RequestError says what is wrong with it.

    longer  pixels of the longer side, instead of the recipe's sizes
    """
    if "truth" in record:
        raise RequestError(
            "truth exists",
            "truth is of another image, and would be wrong of this one; take image and truth out of the record",
        )
    width, height = _sides(record)
    size = image_size(width, height, recipe, longer)
    scale = max(size[0] / width, size[1] / height)
    affine = (scale, (size[0] - scale * width) / 2, (size[1] - scale * height) / 2)
    mapped = {
        **record,
        "width": size[0],
        "height": size[1],
        "poses": _poses(record, affine),
    }
    camera = _camera(record, affine)
    if camera is not None:
        mapped["camera"] = camera
    text, negative, given = _words(record)
    return Asked(mapped, text, negative, given, affine)


def image_size(width: int, height: int, recipe: Recipe, longer: int | None) -> tuple[int, int]:
    """The recipe's size whose aspect is nearest to that of width x height; scaled, where `longer` is given."""
    aspect = log(width / height)
    chosen = min(recipe.sizes, key=lambda size: (abs(log(size[0] / size[1]) - aspect), size))
    if longer is None:
        return chosen
    scale, step = longer / max(chosen), recipe.stride
    sides = [max(step, round(side * scale / step) * step) for side in chosen]
    return sides[0], sides[1]


def _sides(record: Record) -> tuple[int, int]:
    sides = record.get("width"), record.get("height")
    for name, side in zip(("width", "height"), sides, strict=True):
        if type(side) is not int or not 1 <= side <= 8 * SIDES[1]:
            raise RequestError("bad-size", f"{name} {side!r}: a number of pixels above 0 is needed")
    return int(sides[0] or 0), int(sides[1] or 0)


def _poses(record: Record, affine: Affine) -> list[Record]:
    poses = record.get("poses")
    if not isinstance(poses, list):
        raise RequestError("bad-pose", f"poses: a list is needed, found {type(poses).__name__}")
    if len(poses) > MOST_PEOPLE:
        raise RequestError(
            "too-many-people", f"poses: {len(poses)} people, but at most {MOST_PEOPLE} are drawn"
        )
    return [_pose(pose, index, affine) for index, pose in enumerate(poses)]


def _pose(pose: Any, index: int, affine: Affine) -> Record:
    points = pose.get("keypoints") if isinstance(pose, dict) else None
    if not isinstance(points, list) or len(points) != 17 or not all(_numbers(p, 3) for p in points):
        raise RequestError(
            "bad-pose",
            f"person {index}: 17 key points [x, y, confidence] of finite numbers are needed",
        )
    moved = [
        [*_point(affine, x, y), round(float(c), _POINTS)] if c > 0 else [0.0, 0.0, 0.0]
        for x, y, c in points
    ]
    mapped = {**pose, "keypoints": moved}
    box = pose.get("box")
    if box is not None:
        if not _numbers(box, 4):
            raise RequestError("bad-pose", f"person {index}: box needs four finite numbers")
        mapped["box"] = [*_point(affine, *box[:2]), *_point(affine, *box[2:])]
    head = pose.get("head")
    if isinstance(head, dict):
        mapped["head"] = {name: _rounded(value, _POINTS) for name, value in head.items()}
    return mapped


def _rounded(value: Any, decimals: int) -> Any:
    """A number, or numbers in lists, as a row keeps them; anything else as it is."""
    if isinstance(value, list):
        return [_rounded(one, decimals) for one in value]
    return round(value, decimals) if isinstance(value, float) else value


def _point(affine: Affine, x: float, y: float) -> list[float]:
    scale, left, top = affine
    return [round(scale * x + left, _POINTS), round(scale * y + top, _POINTS)]


def _camera(record: Record, affine: Affine) -> Record | None:
    """The record's camera, its K in pixels of the image; None where it has none."""
    camera = record.get("camera")
    if not isinstance(camera, dict):
        return None
    camera = {
        name: value if name == "K" else _rounded(value, _CAMERA) for name, value in camera.items()
    }
    if "K" not in camera:
        return camera
    K = camera["K"]
    if not isinstance(K, list) or len(K) != 3 or not all(_numbers(row, 3) for row in K):
        raise RequestError("bad-camera", "camera.K: 3 x 3 finite numbers are needed")
    scale, left, top = affine
    rows = [
        [scale * a + left * c for a, c in zip(K[0], K[2], strict=True)],
        [scale * b + top * c for b, c in zip(K[1], K[2], strict=True)],
        K[2],
    ]
    return {**camera, "K": [[round(float(value), _CAMERA) for value in row] for row in rows]}


def _words(record: Record) -> tuple[str, str, bool]:
    """The prompt and its negative; the caption, or neutral words, where there is no prompt."""
    prompt = record.get("prompt")
    if isinstance(prompt, dict) and isinstance(prompt.get("text"), str) and prompt["text"].strip():
        negative = prompt.get("negative")
        return prompt["text"], negative if isinstance(negative, str) else "", True
    caption = record.get("caption")
    if isinstance(caption, str) and caption.strip():
        return caption, "", False
    number = len(record["poses"])
    who = {0: "a place without people", 1: "a person"}.get(number, f"{number} people")
    return f"a photo of {who}", "", False


def _numbers(values: Any, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(
            isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
            for value in values
        )
    )
