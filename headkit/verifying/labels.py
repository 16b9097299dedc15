"""One label by itself: its boxes and landmarks lie in or about the picture, its numbers are finite, its rotations turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.tool import Record
from headkit.verifying.findings import short

Array = NDArray[np.float64]
Fault = tuple[str, str, str]  # place in the label, kind, what

# A box may reach over the border, since a head may: by as much as it is wide or high.
REACH = 1.0
# The mean of the landmarks lies in the box, made wider by half on each side: hair can hide most of a face.
WANDER = 0.5
ORTHONORMAL = 1e-3
PARAMS = ("shape", "expression", "jaw", "translation")
CUT = 0.02  # pixels: what rounding may put outside a box that was cut at the border


def faults(label: Record, size: tuple[int, int] | None, *, cut: bool) -> Iterator[Fault]:
    """What is wrong with a label.

    size  of the picture, where boxes are in its pixels; None for crops
    cut   boxes were cut at the border, and points outside taken away: formats of boxes
    """
    camera = label.get("camera")
    if camera is not None:
        yield from _camera(camera)
    heads = label.get("heads")
    if not isinstance(heads, list):
        yield "heads", "label", "no list of heads"
        return
    for number, head in enumerate(heads):
        place = f"heads[{number}]"
        if not isinstance(head, dict):
            yield place, "label", "not an object"
            continue
        box = numbers(head.get("box"), (4,))
        if "box" in head and box is None:
            yield f"{place}.box", "box", f"not four finite numbers: {short(head['box'])}"
        elif box is not None and size is not None and not head.get("ignore"):
            yield from _box(f"{place}.box", box, size, cut=cut)
        elif box is not None and size is not None and cut:
            yield from _box(f"{place}.box", box, size, cut=True)
        yield from _landmarks(f"{place}.landmarks", head, box, size, cut=cut)
        yield from _params(place, head)


def numbers(value: Any, shape: tuple[int | None, ...]) -> Array | None:
    """A finite array of that shape, None standing for any length; None where it is none."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if array.ndim != len(shape) or not np.isfinite(array).all():
        return None
    fits = all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    return array if fits else None


def _box(place: str, box: Array, size: tuple[int, int], *, cut: bool) -> Iterator[Fault]:
    x1, y1, x2, y2 = box.tolist()
    width, height = size
    text = f"[{x1:g}, {y1:g}, {x2:g}, {y2:g}] in a picture of {width} x {height}"
    if x1 >= x2 or y1 >= y2:
        yield place, "box", f"{text}: empty"
        return
    slack = (CUT, CUT) if cut else (REACH * (x2 - x1), REACH * (y2 - y1))
    within = (
        x1 >= -slack[0]
        and y1 >= -slack[1]
        and x2 <= width + slack[0]
        and y2 <= height + slack[1]
        and x1 < width
        and y1 < height
        and x2 > 0
        and y2 > 0
    )
    if not within:
        yield place, "box", f"{text}: outside"


def _landmarks(
    place: str, head: Record, box: Array | None, size: tuple[int, int] | None, *, cut: bool
) -> Iterator[Fault]:
    marks = head.get("landmarks")
    if marks is None:
        return
    points = marks.get("points") if isinstance(marks, dict) else None
    if not isinstance(points, list):
        yield place, "landmarks", "no list of points"
        return
    given = [point for point in points if point is not None] if cut else points
    found = numbers(given, (None, None)) if given else None
    if found is None or found.shape[1] < 2:
        if given:
            yield place, "landmarks", "not rows of finite numbers"
        return
    xy = found[:, :2]
    if size is not None and cut:
        outside = (xy < -CUT).any(axis=1) | (xy > np.array(size) + CUT).any(axis=1)
        if outside.any():
            yield place, "landmarks", f"{int(outside.sum())} labelled points outside the picture"
    if box is None or head.get("ignore") or (cut and len(xy) < len(points)):
        return  # of a head that is cut off, the points that are left may lie anywhere in it
    wander = WANDER * (box[2:] - box[:2])
    middle = xy.mean(axis=0)
    if (middle < box[:2] - wander).any() or (middle > box[2:] + wander).any():
        text = f"their middle ({middle[0]:.1f}, {middle[1]:.1f}) is away from the box of the head"
        yield place, "landmarks", text


def _params(place: str, head: Record) -> Iterator[Fault]:
    params, pose, vector = head.get("params"), head.get("pose"), head.get("vector")
    if isinstance(params, dict):
        for name in PARAMS:
            length = 3 if name in ("jaw", "translation") else None
            if params.get(name) and numbers(params[name], (length,)) is None:
                yield f"{place}.params.{name}", "params", "not finite numbers of the right count"
    elif params is not None:
        yield f"{place}.params", "params", "not an object"
    if isinstance(pose, dict):
        for name in ("rotation", "view"):
            if pose.get(name) is not None and not is_rotation(pose[name]):
                yield f"{place}.pose.{name}", "params", "not a rotation"
        angles = [pose[name] for name in ("yaw", "pitch", "roll") if pose.get(name) is not None]
        if numbers(angles, (len(angles),)) is None:
            yield f"{place}.pose", "params", "yaw, pitch or roll is not a finite number"
    elif pose is not None:
        yield f"{place}.pose", "params", "not an object"
    if vector is not None and not np.isfinite(vector).all():
        yield f"{place}.3dmm_params", "params", "not finite"
    if "residual_px" in head and not np.isfinite(head["residual_px"]):
        yield f"{place}.residual_px", "params", "not finite"


def is_rotation(value: Any) -> bool:
    """Whether it is 3 x 3, orthonormal, and no mirror."""
    found = numbers(value, (3, 3))
    if found is None:
        return False
    return bool(
        np.abs(found @ found.T - np.eye(3)).max() < ORTHONORMAL and np.linalg.det(found) > 0
    )


def _camera(camera: Any) -> Iterator[Fault]:
    K = camera.get("K") if isinstance(camera, dict) else None
    if K is None:
        return
    found = numbers(K, (3, 3))
    if found is None or found[0, 0] <= 0 or found[1, 1] <= 0:
        yield "camera.K", "camera", "not a 3 x 3 matrix of finite numbers with a focal length"
