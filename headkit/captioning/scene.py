"""Scenes told from poses and seed alone: a plausible place and light, and people with attributes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from headkit import attributes
from headkit.tool import Failure, Record
from headkit.wording import Framing, Person, Posture, View, describe

Complete = Callable[[Mapping[str, Any], random.Random], dict[str, Any]]


def tell(
    record: Record, seed: int, complete: Complete = attributes.complete
) -> tuple[str, list[Record]] | Failure:
    """The caption of a record, and its poses with every person's attributes; those given are kept.

    complete  draws the attributes that are not given
    """
    poses = record.get("poses")
    if not isinstance(poses, list) or not all(isinstance(pose, dict) for pose in poses):
        return Failure("bad-poses", "poses: a list of objects is needed; see headkit-record(5)")
    draw = attributes.seeded(seed, str(record["id"]), "caption")
    people: list[Person] = []
    attributed: list[Record] = []
    for index, pose in enumerate(poses):
        own = attributes.seeded(seed, str(record["id"]), "caption", str(index))
        try:
            given = attributes.check(pose.get("attributes", {}))
        except ValueError as error:
            return Failure("bad-attributes", f"person {index}: {error}")
        words = complete(given, own)
        points = _points(pose.get("keypoints"))
        people.append(Person(words, _view(pose, points), _posture(points)))
        kept = dict(pose.get("attributes") or {})
        drawn = {name: words[name] for name in words if name not in kept}
        attributed.append({**pose, "attributes": {**kept, **drawn}})
    background = draw.choice(attributes.BACKGROUND)
    light = draw.choice(attributes.LIGHTS_OF[background])
    return describe(people, _framing(record, poses), light, background, draw), attributed


# ---- what the poses tell -------------------------------------------------------------------------

_NOSE, _EYES, _EARS, _SHOULDERS = 0, (1, 2), (3, 4), (5, 6)
_HIPS, _KNEES, _ANKLES = (11, 12), (13, 14), (15, 16)
Points = dict[int, tuple[float, float]]


def _points(keypoints: Any) -> Points:
    """The known key points by number; nothing where they are malformed, since words need no exact pose."""
    if not isinstance(keypoints, list) or len(keypoints) != 17:
        return {}
    known: Points = {}
    for number, point in enumerate(keypoints):
        whole = isinstance(point, list) and len(point) == 3 and all(map(_is_number, point))
        if whole and point[2] > 0:
            known[number] = (float(point[0]), float(point[1]))
    return known


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _middle(points: Points, pair: tuple[int, int]) -> tuple[float, float] | None:
    found = [points[number] for number in pair if number in points]
    if not found:
        return None
    return sum(x for x, _ in found) / len(found), sum(y for _, y in found) / len(found)


def _view(pose: Record, points: Points) -> View:
    head = pose.get("head")
    yaw = head.get("yaw") if isinstance(head, dict) else None
    if yaw is not None and _is_number(yaw):
        turned = abs((float(yaw) + 180) % 360 - 180)
        return "behind" if turned > 115 else "profile" if turned > 55 else "front"
    if _NOSE in points:
        return "front"
    return "behind" if points and not any(eye in points for eye in _EYES) else "front"


def _posture(points: Points) -> Posture:
    """What the legs say; nothing where they are not in the picture."""
    shoulder, hip = _middle(points, _SHOULDERS), _middle(points, _HIPS)
    knee, ankle = _middle(points, _KNEES), _middle(points, _ANKLES)
    if shoulder is None or hip is None or knee is None or ankle is None:
        return ""
    trunk = hip[1] - shoulder[1]
    across = abs(hip[0] - shoulder[0])
    if trunk < 0.6 * across:
        return "lying"
    thigh, shin = knee[1] - hip[1], ankle[1] - knee[1]
    if thigh < 0.35 * trunk:
        return "crouching" if shin < 0.45 * trunk else "sitting"
    stride = abs(points.get(15, ankle)[0] - points.get(16, ankle)[0])
    if thigh + shin > 0 and stride > 0.55 * (thigh + shin):
        return "walking"
    return "standing"


def _framing(record: Record, poses: list[Record]) -> Framing:
    """How near the camera is, by the nearest person."""
    height = record.get("height")
    if not _is_number(height) or not poses:
        return "wide"
    largest: Framing = "wide"
    order: list[Framing] = ["wide", "full", "half", "portrait", "close-up"]
    for pose in poses:
        framing = _framing_of(_points(pose.get("keypoints")), float(height or 1))
        if order.index(framing) > order.index(largest):
            largest = framing
    return largest


def _framing_of(points: Points, height: float) -> Framing:
    shoulder, hip, knee = (_middle(points, pair) for pair in (_SHOULDERS, _HIPS, _KNEES))
    if hip is None:
        ears = [points[number] for number in _EARS if number in points]
        wide = abs(ears[0][0] - ears[1][0]) / height if len(ears) == 2 else 0.0
        return "close-up" if shoulder is None or wide > 0.28 else "portrait"
    if shoulder is not None and abs(hip[1] - shoulder[1]) < 0.13 * height:
        return "wide"
    return "half" if knee is None else "full"
