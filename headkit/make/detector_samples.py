"""Training pictures of the head detector, cut from renders and changed at random.

A sample is a square of any size in which heads are between some pixels and larger than the square: one scene around
one of its heads, a scene as a whole, or four of either. Then come things that are not heads, colour, blur, noise and
JPEG. Sample number N of a seed is always the same.
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

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float64]
Draw = np.random.Generator

GREY = 114  # the letterbox of the tool
PLAIN = 0.3  # share of samples that are whole scenes, changed little
FOUR = 0.2  # share of samples that are four views
SMALLEST = 6  # pixels of the network's input: smaller heads are neither heads nor background
CUT = 0.25  # share of a box that must be left in the sample, else it is neither
LARGEST_ZOOM = 3.0  # a render is not magnified more


@dataclass(frozen=True)
class Scene:
    """One render: the bytes of its image file, boxes (n, 4) in its pixels, which to leave out (n,), yaw (n,) degrees."""

    file: bytes
    boxes: Boxes
    ignore: NDArray[np.bool_]
    yaw: NDArray[np.float64]

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
    )


@dataclass(frozen=True)
class Sample:
    """pixels (S, S, 3) uint8 BGR; boxes (n, 4) and ignored (m, 4), cut at the sample."""

    pixels: Pixels
    boxes: Boxes
    ignored: Boxes


def sample(scenes: list[Scene], size: int, seed: int, number: int) -> Sample:
    """Sample `number` of a seed, as a square of `size` pixels."""
    draw = np.random.default_rng([seed, number])
    kind = draw.random()
    if kind < PLAIN:
        plain = _fitted(_chosen(scenes, draw), size, draw)
        return replace(plain, pixels=_recoloured(plain.pixels, draw, 0.4))
    if kind < PLAIN + FOUR:
        whole = _four(scenes, size, draw)
    else:
        whole = _view(_chosen(scenes, draw), size, size, draw)
    pixels = whole.pixels
    if draw.random() < 0.5:
        pixels = _distracted(pixels, np.concatenate([whole.boxes, whole.ignored]), scenes, draw)
    return replace(whole, pixels=_photographed(_recoloured(pixels, draw), draw))


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
    if draw.random() < 0.5:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
        boxes[:, [0, 2]] = size - boxes[:, [2, 0]]
    return _labelled(pixels, boxes, scene.ignore)


def _chosen(scenes: list[Scene], draw: Draw) -> Scene:
    return scenes[int(draw.integers(len(scenes)))]


def _four(scenes: list[Scene], size: int, draw: Draw) -> Sample:
    """Four views side by side, as YOLO's mosaic: smaller heads, and hard edges that are no heads."""
    x, y = (int(value) for value in draw.uniform(0.3, 0.7, 2) * size)
    pixels = np.empty((size, size, 3), np.uint8)
    boxes, ignored = [], []
    for left, top, right, bottom in (
        (0, 0, x, y),
        (x, 0, size, y),
        (0, y, x, size),
        (x, y, size, size),
    ):
        view = _view(_chosen(scenes, draw), right - left, bottom - top, draw)
        pixels[top:bottom, left:right] = view.pixels
        corner = np.array([left, top, left, top], np.float64)
        boxes.append(view.boxes + corner)
        ignored.append(view.ignored + corner)
    return Sample(pixels, np.concatenate(boxes), np.concatenate(ignored))


def _view(scene: Scene, width: int, height: int, draw: Draw) -> Sample:
    """A scene turned a little, mirrored half of the time, and cut: around one head, or as a whole."""
    source = scene.pixels
    rows, columns = source.shape[:2]
    wanted = np.flatnonzero(~scene.ignore)
    short, long = min(width, height), max(width, height)
    if len(wanted) and draw.random() < 0.6:
        box = scene.boxes[wanted[int(draw.integers(len(wanted)))]]
        side = max(box[2] - box[0], box[3] - box[1])
        scale = np.exp(draw.uniform(np.log(9), np.log(1.4 * short))) / side
        scale = float(np.clip(scale, 0.5 * long / max(rows, columns), LARGEST_ZOOM))
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
    matrix = np.column_stack([linear / kept, offset])
    # OpenCV's pixel centres are at whole numbers, ours at .5.
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    fill = GREY if draw.random() < 0.5 else tuple(int(v) for v in draw.integers(0, 256, 3))
    border = (fill, fill, fill) if isinstance(fill, int) else fill
    pixels = cv2.warpAffine(
        source, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=border
    )
    return _labelled(np.asarray(pixels), _turned(scene.boxes, linear, offset), scene.ignore)


def _turned(boxes: Boxes, linear: NDArray[np.float64], offset: NDArray[np.float64]) -> Boxes:
    """Boxes of the ellipses that fill the boxes, after x -> linear x + offset: closer to a turned head than its box's box."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 @ linear.T + offset
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = np.sqrt(half**2 @ (linear**2).T)
    return np.concatenate([centres - reach, centres + reach], axis=1)


def _labelled(pixels: Pixels, boxes: Boxes, ignore: NDArray[np.bool_]) -> Sample:
    height, width = pixels.shape[:2]
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
    return Sample(pixels, cut[there & ~unclear], cut[there & unclear])


def _distracted(pixels: Pixels, boxes: Boxes, scenes: list[Scene], draw: Draw) -> Pixels:
    """With shapes, and pieces of other renders without heads, laid where they hide little of any head."""
    pixels = pixels.copy()
    size = len(pixels)
    for _ in range(int(draw.integers(1, 7))):
        wide, high = (int(v) for v in np.exp(draw.uniform(np.log(6), np.log(0.6 * size), 2)))
        x, y = int(draw.integers(-wide // 2, size)), int(draw.integers(-high // 2, size))
        if _hides(np.array([x, y, x + wide, y + high], np.float64), boxes):
            continue
        if draw.random() < 0.5:
            _shape(pixels, x, y, wide, high, draw)
        else:
            _piece(pixels, x, y, wide, high, _chosen(scenes, draw), draw)
    return pixels


def _hides(patch: NDArray[np.float64], boxes: Boxes) -> bool:
    sides = np.minimum(patch[2:], boxes[:, 2:]) - np.maximum(patch[:2], boxes[:, :2])
    shared = np.prod(np.clip(sides, 0, None), axis=1)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return bool((shared > 0.3 * area).any())


def _shape(pixels: Pixels, x: int, y: int, wide: int, high: int, draw: Draw) -> None:
    """An ellipse, a polygon, a grid of lines or letters, of any colour: round and skin-coloured things are not heads."""
    colour = tuple(int(v) for v in draw.integers(0, 256, 3))
    if draw.random() < 0.3:  # near the colours of skin and hair, BGR
        colour = tuple(
            int(v)
            for v in np.array([110, 150, 200]) * draw.uniform(0.15, 1.2) + draw.normal(0, 12, 3)
        )
        colour = tuple(min(max(v, 0), 255) for v in colour)
    kind = int(draw.integers(4))
    if kind == 0:
        middle, axes = (x + wide // 2, y + high // 2), (wide // 2, high // 2)
        cv2.ellipse(
            pixels, middle, axes, float(draw.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA
        )
    elif kind == 1:
        corners = draw.uniform(0, 1, (int(draw.integers(3, 7)), 2)) * (wide, high) + (x, y)
        cv2.fillPoly(pixels, [corners.astype(np.int32)], colour, cv2.LINE_AA)
    elif kind == 2:
        step = int(draw.integers(3, 16))
        for k in range(0, wide, step):
            cv2.line(pixels, (x + k, y), (x + k, y + high), colour, max(1, step // 3), cv2.LINE_AA)
        if draw.random() < 0.5:
            for k in range(0, high, step):
                cv2.line(
                    pixels, (x, y + k), (x + wide, y + k), colour, max(1, step // 3), cv2.LINE_AA
                )
    else:
        word = "".join(chr(int(c)) for c in draw.integers(48, 91, int(draw.integers(2, 9))))
        font = int(draw.integers(0, 5))
        cv2.putText(
            pixels,
            word,
            (x, y + high),
            font,
            max(high, 8) / 30,
            colour,
            max(1, high // 12),
            cv2.LINE_AA,
        )


def _piece(pixels: Pixels, x: int, y: int, wide: int, high: int, scene: Scene, draw: Draw) -> None:
    """A part of another render that shows no head, turned by quarters and resized."""
    source = scene.pixels
    rows, columns = source.shape[:2]
    for _ in range(4):
        w, h = int(columns * draw.uniform(0.1, 0.5)), int(rows * draw.uniform(0.1, 0.5))
        left, top = int(draw.integers(0, columns - w)), int(draw.integers(0, rows - h))
        sides = np.minimum([left + w, top + h], scene.boxes[:, 2:]) - np.maximum(
            [left, top], scene.boxes[:, :2]
        )
        if not (sides > 0).all(axis=1).any():
            break
    else:
        return
    part = np.rot90(source[top : top + h, left : left + w], int(draw.integers(4)))
    patch = cv2.resize(np.ascontiguousarray(part), (wide, high), interpolation=cv2.INTER_AREA)
    size = len(pixels)
    x1, y1, x2, y2 = max(x, 0), max(y, 0), min(x + wide, size), min(y + high, size)
    if x1 < x2 and y1 < y2:
        pixels[y1:y2, x1:x2] = patch[y1 - y : y2 - y, x1 - x : x2 - x]


def _recoloured(pixels: Pixels, draw: Draw, often: float = 0.8) -> Pixels:
    """Another exposure, contrast, white balance, saturation; sometimes grey. `often`: chance of each."""
    colour = pixels.astype(np.float32) / 255
    if draw.random() < often:
        grey = colour.mean(axis=2, keepdims=True)
        saturation = 0.0 if draw.random() < 0.1 else float(draw.uniform(0.4, 1.6))
        colour = grey + (colour - grey) * saturation
        colour = colour * np.exp(draw.normal(0, 0.12, 3)).astype(np.float32) + draw.normal(
            0, 0.02, 3
        ).astype(np.float32)
    if draw.random() < often:
        gamma = float(np.exp(draw.normal(0, 0.35)))
        contrast = float(np.exp(draw.normal(0, 0.25)))
        colour = np.clip(colour, 0, 1) ** np.float32(gamma)
        colour = (colour - 0.5) * contrast + 0.5 + float(draw.normal(0, 0.08))
    if draw.random() < 0.03:
        colour = 1 - colour
    if draw.random() < 0.05:
        colour = colour[:, :, draw.permutation(3)]
    return (np.clip(colour, 0, 1) * 255 + 0.5).astype(np.uint8)


def _photographed(pixels: Pixels, draw: Draw) -> Pixels:
    """What a lens, a sensor and a file do: blur, coarser pixels, sharpening, noise, JPEG."""
    size = len(pixels)
    kind = draw.random()
    if kind < 0.15:
        pixels = cv2.GaussianBlur(pixels, (0, 0), float(draw.uniform(0.4, 2.0)))
    elif kind < 0.22:
        length = int(draw.integers(3, 9))
        kernel = np.zeros((length, length), np.float32)
        angle = draw.uniform(0, np.pi)
        reach = (length - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
        middle = np.array([(length - 1) / 2] * 2)
        start, end = (tuple(int(v) for v in np.round(middle + s * reach)) for s in (-1, 1))
        cv2.line(kernel, start, end, 1.0)
        pixels = cv2.filter2D(pixels, -1, kernel / kernel.sum())
    elif kind < 0.35:
        small = max(16, int(size * draw.uniform(0.4, 0.9)))
        way = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)[int(draw.integers(3))]
        pixels = cv2.resize(
            cv2.resize(pixels, (small, small), interpolation=way),
            (size, size),
            interpolation=cv2.INTER_LINEAR,
        )
    elif kind < 0.5:
        soft = cv2.GaussianBlur(pixels, (0, 0), 1.0)
        pixels = cv2.addWeighted(
            pixels, 1 + (gain := float(draw.uniform(0.3, 1.5))), soft, -gain, 0
        )
    if draw.random() < 0.4:
        noise = draw.standard_normal(pixels.shape, dtype=np.float32) * float(
            np.exp(draw.uniform(0, np.log(18)))
        )
        if draw.random() < 0.5:
            noise = noise.mean(axis=2, keepdims=True) * 1.7
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    if draw.random() < 0.35:
        quality = int(draw.integers(25, 95))
        file = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        pixels = cv2.imdecode(file, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(pixels)
