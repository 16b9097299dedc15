"""The skeletons of a record's people, drawn as a conditioner was taught to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.conditioning.conventions import (
    COLORS,
    LIMBS,
    POINTS,
    SHOULDERS,
    PoseConvention,
)
from headkit.conditioning.strokes import Color, Pixels, Point, joint, limb

Skeleton = dict[int, Point]  # the points of OpenPose that count, by number


def drawn(
    poses: Sequence[Mapping[str, Any]], width: int, height: int, convention: PoseConvention
) -> Pixels:
    """(height, width, 3) uint8: the skeletons of `poses` on black.

    poses       of a record: `keypoints`, 17 x [x, y, confidence] in COCO order, in pixels of the picture
    convention  how they are drawn; the channels are in its order
    Nobody, or nobody of whom anything counts, is a black picture. Raises ValueError for other numbers of points.
    """
    picture = np.zeros((height, width, 3), np.uint8)
    people = [skeleton(pose["keypoints"], width, height, convention) for pose in poses]
    if convention.order == "mixed":
        _mixed(picture, people, convention)
    elif convention.order == "layer":
        _layered(picture, people, convention)
    else:
        for person in people:
            _layered(picture, [person], convention)
    return np.ascontiguousarray(picture[..., ::-1]) if convention.channels == "bgr" else picture


def skeleton(keypoints: Any, width: int, height: int, convention: PoseConvention) -> Skeleton:
    """The points of one person that count for a convention, by their number in OpenPose's 18.

    keypoints  17 x [x, y, confidence] in COCO order; a confidence of 0 is not known, wherever it lies
    """
    points = np.asarray(keypoints, np.float64)
    if points.shape != (17, 3):
        raise ValueError(f"keypoints: 17 x [x, y, confidence] are needed, found {points.shape}")
    placed = np.array([_neck(points, convention) if k is None else points[k] for k in POINTS])
    size = np.array([width, height])
    room = convention.outside * size
    near = ((placed[:, :2] >= -room) & (placed[:, :2] < size + room)).all(axis=1)
    counts = near & (placed[:, 2] > 0) & (placed[:, 2] >= convention.cut)
    return {
        number: (float(placed[number, 0]), float(placed[number, 1]))
        for number in np.flatnonzero(counts).tolist()
    }


def _neck(points: NDArray[np.float64], convention: PoseConvention) -> NDArray[np.float64]:
    """(3,) half-way between the shoulders, of a confidence by which it counts or not."""
    shoulders = points[list(SHOULDERS)]
    confidence = shoulders[:, 2].min()
    if convention.neck == "mean" and confidence > 0:
        confidence = shoulders[:, 2].mean()
    return np.array([*shoulders[:, :2].mean(axis=0), confidence])


def _layered(picture: Pixels, people: list[Skeleton], convention: PoseConvention) -> None:
    """Limbs, darkened, and joints over them."""
    height, width = picture.shape[:2]
    size = convention.width_in(width, height)
    for number, (start, end) in enumerate(LIMBS):
        for person in people:
            if start in person and end in person:
                stroke = limb(person[start], person[end], size, width, height)
                stroke.paint(picture, _darkened(COLORS[number], convention.limb_share))
    for number, color in enumerate(COLORS):
        for person in people:
            if number in person and (convention.lone_joints or _joined(person, number)):
                joint(person[number], size, width, height).paint(picture, color)


def _mixed(picture: Pixels, people: list[Skeleton], convention: PoseConvention) -> None:
    """Joints, and limbs over them that let them shine through."""
    height, width = picture.shape[:2]
    size = convention.width_in(width, height)
    for number, color in enumerate(COLORS):
        for person in people:
            if number in person:
                joint(person[number], size, width, height).paint(picture, color)
    for number, (start, end) in enumerate(LIMBS):
        for person in people:
            if start in person and end in person:
                stroke = limb(person[start], person[end], size, width, height)
                stroke.mix(picture, COLORS[number], convention.limb_share)


def _darkened(color: Color, share: float) -> Color:
    red, green, blue = (int(level * share) for level in color)
    return red, green, blue


def _joined(person: Skeleton, number: int) -> bool:
    """Whether a limb is drawn that ends in a point."""
    return any(number in ends and ends[0] in person and ends[1] in person for ends in LIMBS)
