"""Training pictures of the head detector and of the body-pose network, cut from renders and changed at random.

A sample is a square of any size in which heads (or people) are between some pixels and larger than the square: one
scene around one of them, a scene as a whole, or four of either. Then come things that are neither, colour, blur, noise
and JPEG. Sample number N of a seed is always the same.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from headkit.backends.finding import COCO_MIRROR
from headkit.make.clutter import distracted
from headkit.make.photographing import photographed, recoloured

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float64]
Draw = np.random.Generator

GREY = 114  # the letterbox of the tool
SMALLEST = 6  # pixels of the network's input: smaller heads are neither heads nor background
CUT = 0.25  # share of a box that must be left in the sample, else it is neither
LARGEST_ZOOM = 3.0  # a render is not magnified more
SMALLEST_VIEW = 0.7  # of the longer side of a view: a whole scene is not made smaller
FILLING = 0.85  # share of the views that are moved so that as little as possible of them is empty
# Heads of which much is hidden, and hair that hangs below the chin, were what the first network missed: they come
# more often, as do scenes that show one.
MOSTLY_SEEN = 0.8  # visibility
HANGING = {"long", "ponytail"}
OFTEN = 3.0  # how many times as often as another head
EASY = 0.4  # share of the scenes without such a head that are taken when they are drawn


@dataclass(frozen=True)
class Scene:
    """One render.

    file    the bytes of its image file
    boxes   (n, 4) of its heads, in its pixels; or of its people
    ignore  (n,) which to leave out
    yaw     (n,) of the head, degrees
    shown   (n,) share of the head that is seen
    hard    (n,) which are hard to box
    points  (n, 17, 3) COCO's key points of people [x, y, confidence]; (n, 0, 3) of heads
    """

    file: bytes
    boxes: Boxes
    ignore: NDArray[np.bool_]
    yaw: NDArray[np.float64]
    shown: NDArray[np.float64]
    hard: NDArray[np.bool_]
    points: NDArray[np.float64]

    @functools.cached_property
    def pixels(self) -> Pixels:
        """(H, W, 3) BGR, as OpenCV has it. Kept: half a megabyte a scene, and a third of the time of a sample."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.file, np.uint8), cv2.IMREAD_COLOR))


def load_scenes(manifests: Iterable[Path]) -> list[Scene]:
    """The scenes of manifests with `image` (relative to the manifest's folder) and `truth`; rows with an error are left out."""
    scenes = []
    for manifest in manifests:
        for line in manifest.read_text().splitlines():
            row = json.loads(line)
            if "error" not in row:
                scenes.append(_scene(row, manifest.parent))
    return scenes


def _scene(row: dict[str, Any], root: Path) -> Scene:
    heads = row["truth"]["heads"]
    return Scene(
        (root / row["image"]).read_bytes(),
        np.array([head["box"] for head in heads], np.float64).reshape(-1, 4),
        np.array(["ignore" in head for head in heads], bool),
        np.array([head["pose"]["yaw"] for head in heads], np.float64),
        np.array([head.get("visibility", 1.0) for head in heads], np.float64),
        np.array([_hard(head) for head in heads], bool),
        np.zeros((len(heads), 0, 3)),
    )


def _hard(head: dict[str, Any]) -> bool:
    hair = head.get("attributes", {}).get("hair")
    return "ignore" not in head and (head.get("visibility", 1.0) < MOSTLY_SEEN or hair in HANGING)


@dataclass(frozen=True)
class Sample:
    """pixels (S, S, 3) uint8 BGR; boxes (n, 4) and ignored (m, 4), cut at the sample; points (n, 17 or 0, 3)."""

    pixels: Pixels
    boxes: Boxes
    ignored: Boxes
    points: NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    """Shares of the samples: whole scenes changed little, and four views; the others are one view."""

    plain: float = 0.3
    four: float = 0.2


def sample(scenes: list[Scene], size: int, seed: int, number: int, mixture: Mixture) -> Sample:
    """Sample `number` of a seed, as a square of `size` pixels."""
    draw = np.random.default_rng([seed, number])
    kind = draw.random()
    if kind < mixture.plain:
        plain = _fitted(_chosen(scenes, draw), size, draw)
        return replace(plain, pixels=recoloured(plain.pixels, draw, 0.4))
    if kind < mixture.plain + mixture.four:
        whole = _four(scenes, size, draw)
    else:
        whole = _view(_chosen(scenes, draw), size, size, draw)
    pixels = whole.pixels
    if draw.random() < 0.5:
        pixels = distracted(pixels, np.concatenate([whole.boxes, whole.ignored]), scenes, draw)
    return replace(whole, pixels=photographed(recoloured(pixels, draw), draw))


def _fitted(scene: Scene, size: int, draw: Draw) -> Sample:
    """A whole scene in its letterbox, as the tool shows it to the network; mirrored half of the time."""
    source = scene.pixels
    rows, columns = source.shape[:2]
    scale = size / max(rows, columns)
    wide, high = max(1, round(columns * scale)), max(1, round(rows * scale))
    left, top = (size - wide) // 2, (size - high) // 2
    pixels = np.full((size, size, 3), GREY, np.uint8)
    pixels[top : top + high, left : left + wide] = cv2.resize(
        source, (wide, high), interpolation=cv2.INTER_AREA
    )
    boxes = scene.boxes * ([wide / columns, high / rows] * 2) + [left, top, left, top]
    points = scene.points * [wide / columns, high / rows, 1] + [left, top, 0]
    if draw.random() < 0.5:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
        boxes[:, [0, 2]] = size - boxes[:, [2, 0]]
        points = _swapped(points)
        points[:, :, 0] = size - points[:, :, 0]
    return _labelled(pixels, boxes, points, scene.ignore)


def _swapped(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Left for right: what is the left eye of a person is the right one in the mirror."""
    return points[:, COCO_MIRROR].copy() if points.shape[1] else points.copy()


def _chosen(scenes: list[Scene], draw: Draw) -> Scene:
    """Any scene; one without a hard head is put back at times, but not for ever."""
    for _ in range(8):
        scene = scenes[int(draw.integers(len(scenes)))]
        if scene.hard.any() or draw.random() < EASY:
            break
    return scene


def _four(scenes: list[Scene], size: int, draw: Draw) -> Sample:
    """Four views side by side, as YOLO's mosaic: smaller heads, and hard edges that are no heads."""
    x, y = (int(value) for value in draw.uniform(0.3, 0.7, 2) * size)
    pixels = np.empty((size, size, 3), np.uint8)
    views = []
    for left, top, right, bottom in (
        (0, 0, x, y),
        (x, 0, size, y),
        (0, y, x, size),
        (x, y, size, size),
    ):
        view = _view(_chosen(scenes, draw), right - left, bottom - top, draw)
        pixels[top:bottom, left:right] = view.pixels
        corner = np.array([left, top, left, top], np.float64)
        moved = view.boxes + corner, view.ignored + corner, view.points + np.array([left, top, 0])
        views.append(moved)
    boxes, ignored, points = (np.concatenate(parts) for parts in zip(*views, strict=True))
    return Sample(pixels, boxes, ignored, points)


def _view(scene: Scene, width: int, height: int, draw: Draw) -> Sample:
    """A scene turned a little, mirrored half of the time, and cut: around one head, or as a whole."""
    source = scene.pixels
    rows, columns = source.shape[:2]
    wanted = np.flatnonzero(~scene.ignore)
    short, long = min(width, height), max(width, height)
    if len(wanted) and draw.random() < 0.6:
        shares = np.where(scene.hard[wanted], OFTEN, 1.0)
        box = scene.boxes[int(draw.choice(wanted, p=shares / shares.sum()))]
        side = max(box[2] - box[0], box[3] - box[1])
        scale = np.exp(draw.uniform(np.log(9), np.log(1.4 * short))) / side
        scale = float(np.clip(scale, SMALLEST_VIEW * long / max(rows, columns), LARGEST_ZOOM))
        centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2
        place = draw.uniform(0.1, 0.9, 2) * (width, height)
    else:
        scale = float(max(width / columns, height / rows) * draw.uniform(0.7, 1.3))
        centre = np.array([columns, rows]) / 2
        place = np.array([width, height]) / 2 + draw.uniform(-0.25, 0.25, 2) * (width, height)
    if scale < 0.7:  # warping alone would alias
        shrunk = scale / 0.95
        source = cv2.resize(source, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA)
        kept = np.array([source.shape[1] / columns, source.shape[0] / rows])
    else:
        kept = np.ones(2)
    angle = float(np.radians(draw.normal(0, 8))) if draw.random() < 0.5 else 0.0
    stretch = float(np.exp(draw.normal(0, 0.05)))
    mirror = -1.0 if draw.random() < 0.5 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * scale * stretch, scale / stretch])
    offset = place - linear @ centre
    if draw.random() < FILLING:
        offset += _filling(linear, offset, (columns, rows), (width, height))
    matrix = np.column_stack([linear / kept, offset])
    # OpenCV's pixel centres are at whole numbers, ours at .5.
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    fill = GREY if draw.random() < 0.5 else tuple(int(v) for v in draw.integers(0, 256, 3))
    border = (fill, fill, fill) if isinstance(fill, int) else fill
    pixels = cv2.warpAffine(
        source, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=border
    )
    boxes = _turned(scene.boxes, linear, offset)
    points = _swapped(scene.points) if mirror < 0 else scene.points.copy()
    points[:, :, :2] = points[:, :, :2] @ linear.T + offset
    return _labelled(np.asarray(pixels), boxes, points, scene.ignore)


def _filling(
    linear: NDArray[np.float64],
    offset: NDArray[np.float64],
    size: tuple[int, int],
    view: tuple[int, int],
) -> NDArray[np.float64]:
    """How to move x -> linear x + offset so that a scene of a size fills the view, or lies within it where it is smaller."""
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * size @ linear.T + offset
    ends = np.sort([-corners.min(axis=0), np.array(view) - corners.max(axis=0)], axis=0)
    return np.asarray(np.clip(0.0, ends[0], ends[1]))


def _turned(boxes: Boxes, linear: NDArray[np.float64], offset: NDArray[np.float64]) -> Boxes:
    """Boxes of the ellipses that fill the boxes, after x -> linear x + offset: closer to a turned head than its box's box."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 @ linear.T + offset
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = np.sqrt(half**2 @ (linear**2).T)
    return np.concatenate([centres - reach, centres + reach], axis=1)


def _labelled(
    pixels: Pixels, boxes: Boxes, points: NDArray[np.float64], ignore: NDArray[np.bool_]
) -> Sample:
    height, width = pixels.shape[:2]
    outside = ((points[:, :, :2] < 0) | (points[:, :, :2] >= (width, height))).any(axis=2)
    points[outside, 2] = 0
    cut = np.clip(boxes, 0, [width, height, width, height])
    sides = cut[:, 2:] - cut[:, :2]
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    left = np.prod(sides, axis=1)
    there = (sides > 0).all(axis=1)
    unclear = (
        ignore
        | (left < CUT * area)
        | (sides.max(axis=1, initial=0) < SMALLEST)
        | (sides.min(axis=1, initial=9e9) < 3)
    )
    return Sample(pixels, cut[there & ~unclear], cut[there & unclear], points[there & ~unclear])
