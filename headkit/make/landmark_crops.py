"""Crops of rendered heads to train the landmark network on: cut out once, warped and spoiled anew every time.

Coordinates of a cutout are pixels with centres at .5, of a crop those of head.crop.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from headkit.head.crop import OUTSIDE, Square, cut, square_about

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

BOX_MARGIN = 1.15  # the square about a box, in its longer sides
POINTS_MARGIN = 1.25  # the square about the first estimate of the landmarks
SMALLEST = 24  # pixels of a head's box below which it is not cut out; smaller ones are made from larger ones
LARGEST = 200  # pixels of a cutout's side: larger ones are reduced
LEAST_SEEN = 0.15


@dataclass(frozen=True, eq=False)
class Cutout:
    """One rendered head. pixels (H, W, 3); box (4,), points (L, 2) in its pixels; seen (L,); view (3, 3).

    yaw in degrees, full circle; size is the length that errors are measured in: sqrt(w h) of the box
    """

    pixels: Pixels
    box: Array
    points: Array
    seen: NDArray[np.bool_]
    view: Array
    yaw: float
    size: float
    name: str


def read_shard(folder: Path, name: str) -> Iterator[Cutout]:
    """The heads of a shard of training_scenes that show enough to learn from."""
    for line in (folder / f"{name}.jsonl").read_text().splitlines():
        row = json.loads(line)
        chosen = [
            (number, head) for number, head in enumerate(row["truth"]["heads"]) if _usable(head)
        ]
        if not chosen:
            continue
        with Image.open(folder / row["image"]) as image:
            pixels = np.array(image.convert("RGB"))
        for number, head in chosen:
            yield _cut_out(pixels, head, f"{row['id']}/{number}")


def _usable(head: dict[str, Any]) -> bool:
    x1, y1, x2, y2 = head["box"]
    large = max(x2 - x1, y2 - y1) >= SMALLEST and min(x2 - x1, y2 - y1) > 4
    return bool(large and head["visibility"] >= LEAST_SEEN and head.get("ignore") != "outside")


def _cut_out(pixels: Pixels, head: dict[str, Any], name: str) -> Cutout:
    box = np.array(head["box"])
    points = np.array(head["dense"]["points"])
    ends = np.concatenate([points.min(axis=0), points.max(axis=0)])
    squares = [square_about(box, 1.55 * BOX_MARGIN), square_about(ends, 1.4 * POINTS_MARGIN)]
    low = np.floor(np.min([(s.x - s.side / 2, s.y - s.side / 2) for s in squares], axis=0))
    high = np.ceil(np.max([(s.x + s.side / 2, s.y + s.side / 2) for s in squares], axis=0))
    side = int(min((high - low).max(), 6 * (box[2:] - box[:2]).max()))
    corner = np.floor((low + high - side) / 2)
    scale = min(1.0, LARGEST / side)
    square = Square(corner[0] + side / 2, corner[1] + side / 2, float(side))
    size = round(side * scale)
    scale = size / side
    return Cutout(
        pixels=cut(pixels, square, size),
        box=(box - np.tile(corner, 2)) * scale,
        points=(points - corner) * scale,
        seen=np.array([letter == "1" for letter in head["dense"]["visible"]]),
        view=np.array(head["pose"]["view"]),
        yaw=float(head["pose"]["yaw"]),
        size=float(np.sqrt(np.prod(box[2:] - box[:2]))) * scale,
        name=name,
    )


# ---- one crop ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sample:
    """A crop (S, S, 3) uint8 and what the network should say of it: see landmark_network.Landmarks."""

    pixels: Pixels
    points: Array
    seen: NDArray[np.bool_]
    view: Array


def plain(cutout: Cutout, size: int) -> tuple[Sample, Square]:
    """The crop as the tool makes it from the true box, nothing changed."""
    square = square_about(cutout.box, BOX_MARGIN)
    pixels = cut(cutout.pixels, square, size)
    return Sample(pixels, square.to_crop(cutout.points), cutout.seen, cutout.view), square


def varied(
    cutout: Cutout, size: int, mirror: NDArray[np.int32], rng: np.random.Generator
) -> Sample:
    """A crop from a box that is not quite right, turned, perhaps mirrored, and spoiled."""
    box, limits = _border(cutout, rng)
    if rng.random() < 0.5:
        square = square_about(box, BOX_MARGIN)
    else:
        ends = np.concatenate([cutout.points.min(axis=0), cutout.points.max(axis=0)])
        square = square_about(ends, POINTS_MARGIN)
    side = square.side * np.exp(rng.normal(0, 0.1))
    centre = np.array([square.x, square.y]) + rng.normal(0, 0.05, 2) * square.side
    angle = rng.normal(0, np.deg2rad(12))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # Crop coordinates u = turn @ diag(flip, 1) @ (p - centre) * 2 / side.
    forward = turn @ np.diag([flip, 1.0]) * (2 / side)
    backward = np.linalg.inv(forward)
    out = np.empty((size, size, 3), np.uint8)
    _warp(cutout.pixels, backward, centre, limits, out)
    points = (cutout.points - centre) @ forward.T
    inside = ((cutout.points >= limits[:2]) & (cutout.points < limits[2:])).all(axis=1)
    seen = cutout.seen & inside
    view = cutout.view
    if flip < 0:
        points, seen = points[mirror], seen[mirror]
        reflection = np.diag([-1.0, 1.0, 1.0])
        view = reflection @ view @ reflection
    whole = np.eye(3)
    whole[:2, :2] = turn
    pixels, covered = _occlude(_coarse(out, rng), points, rng)
    return Sample(_spoil(pixels, rng), points, seen & ~covered, whole @ view)


def _border(cutout: Cutout, rng: np.random.Generator) -> tuple[Array, Array]:
    """The box, and the edges of the picture [x1, y1, x2, y2]: at times one that cuts the head."""
    box = cutout.box.copy()
    limits = np.array([-1e9, -1e9, 1e9, 1e9])
    if rng.random() < 0.1:
        side = int(rng.integers(4))
        axis = side % 2
        share = rng.uniform(0.05, 0.45) * (box[axis + 2] - box[axis])
        limits[side] = box[side] = box[side] + (share if side < 2 else -share)
    return box, limits


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _warp(pixels: Any, backward: Any, centre: Any, limits: Any, out: Any) -> None:
    """Bilinear, with 2 x 2 samples a pixel where the crop is coarser than the cutout."""
    size, height, width = out.shape[0], pixels.shape[0], pixels.shape[1]
    step = (
        np.sqrt(abs(backward[0, 0] * backward[1, 1] - backward[0, 1] * backward[1, 0])) * 2 / size
    )
    taps = 1 if step < 1.35 else 2 if step < 2.7 else 3
    for row in range(size):
        for column in range(size):
            red, green, blue = 0.0, 0.0, 0.0
            for tap in range(taps * taps):
                u = (column + (tap % taps + 0.5) / taps) * 2 / size - 1
                v = (row + (tap // taps + 0.5) / taps) * 2 / size - 1
                x = backward[0, 0] * u + backward[0, 1] * v + centre[0]
                y = backward[1, 0] * u + backward[1, 1] * v + centre[1]
                if x < limits[0] or y < limits[1] or x >= limits[2] or y >= limits[3]:
                    red, green, blue = red + 128.0, green + 128.0, blue + 128.0
                    continue
                x, y = x - 0.5, y - 0.5
                i, j = int(np.floor(y)), int(np.floor(x))
                if i < 0 or j < 0 or i + 1 >= height or j + 1 >= width:
                    red, green, blue = red + 128.0, green + 128.0, blue + 128.0
                    continue
                b, a = y - i, x - j
                w0, w1, w2, w3 = (1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b
                p, q, r, s = pixels[i, j], pixels[i, j + 1], pixels[i + 1, j], pixels[i + 1, j + 1]
                red += w0 * p[0] + w1 * q[0] + w2 * r[0] + w3 * s[0]
                green += w0 * p[1] + w1 * q[1] + w2 * r[1] + w3 * s[1]
                blue += w0 * p[2] + w1 * q[2] + w2 * r[2] + w3 * s[2]
            count = taps * taps
            out[row, column, 0] = int(red / count + 0.5)
            out[row, column, 1] = int(green / count + 0.5)
            out[row, column, 2] = int(blue / count + 0.5)


# ---- what spoils a picture -----------------------------------------------------------------------


def _coarse(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """At times the crop of a head that had few pixels."""
    if rng.random() > 0.2:
        return pixels
    size = len(pixels)
    few = int(np.exp(rng.uniform(np.log(14), np.log(0.8 * size))))
    kinds = (Image.Resampling.BILINEAR, Image.Resampling.BOX, Image.Resampling.BICUBIC)
    small = Image.fromarray(pixels).resize((few, few), kinds[int(rng.integers(3))])
    if rng.random() < 0.5:
        small = _compressed(small, int(rng.integers(45, 95)))
    return np.array(small.resize((size, size), Image.Resampling.BILINEAR))


def _occlude(
    pixels: Pixels, points: Array, rng: np.random.Generator
) -> tuple[Pixels, NDArray[np.bool_]]:
    """At times something flat in front: bars, discs, of one colour, striped, or of noise. And which points it covers."""
    covered = np.zeros(len(points), bool)
    if rng.random() > 0.2:
        return pixels, covered
    size = len(pixels)
    out = pixels.copy()
    grid = (np.arange(size) + 0.5) * (2 / size) - 1
    for _ in range(int(rng.integers(1, 3))):
        shape = _Shape.drawn(rng)
        mask = shape.holds(grid[None, :], grid[:, None])
        color = rng.uniform(0, 255, 3)
        if rng.random() < 0.4:
            color = out[tuple(rng.integers(0, size, 2))].astype(float)  # of the picture
        texture = rng.normal(0, rng.uniform(0, 25), (int(mask.sum()), 1))
        out[mask] = np.clip(color + texture, 0, 255).astype(np.uint8)
        covered |= shape.holds(points[:, 0], points[:, 1])
    return out, covered


@dataclass(frozen=True)
class _Shape:
    """A disc or a bar of a crop, turned."""

    angle: float
    centre: tuple[float, float]
    half: tuple[float, float]
    disc: bool

    @staticmethod
    def drawn(rng: np.random.Generator) -> _Shape:
        angle, (x, y) = rng.uniform(0, np.pi), rng.uniform(-0.9, 0.9, 2)
        wide, high = np.exp(rng.uniform(np.log(0.06), np.log(0.45), 2))
        return _Shape(angle, (x, y), (wide, high), bool(rng.random() < 0.5))

    def holds(self, x: Array, y: Array) -> NDArray[np.bool_]:
        x, y = x - self.centre[0], y - self.centre[1]
        a = (x * np.cos(self.angle) + y * np.sin(self.angle)) / self.half[0]
        b = (y * np.cos(self.angle) - x * np.sin(self.angle)) / self.half[1]
        return np.asarray(a * a + b * b < 1 if self.disc else np.maximum(abs(a), abs(b)) < 1)


def _spoil(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Colour, blur, noise, compression."""
    values = _colored(pixels, rng) if rng.random() < 0.8 else pixels
    if rng.random() < 0.5:
        spread = np.float32(np.exp(rng.uniform(np.log(1.0), np.log(22.0))))
        grain = rng.standard_normal(pixels.shape, dtype=np.float32)
        values = np.clip(values + grain * spread, 0, 255).astype(np.uint8)
    image = Image.fromarray(values)
    if rng.random() < 0.08:
        image = image.convert("L").convert("RGB")
    if rng.random() < 0.25:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 2.2)))
    if rng.random() < 0.35:
        image = _compressed(image, int(rng.integers(25, 95)))
    return np.array(image)


def _colored(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Another exposure, white balance, contrast, saturation and gamma."""
    curve = np.linspace(0, 1, 256, dtype=np.float32) * np.exp(rng.normal(0, 0.2))
    contrast, middle = rng.uniform(0.6, 1.4), float(pixels.mean()) / 255
    curve = np.clip(middle + (curve - middle) * contrast, 0, 1) ** np.exp(rng.normal(0, 0.25))
    gains = np.exp(rng.normal(0, 0.1, 3))
    table = np.clip(curve[:, None] * gains * 255 + 0.5, 0, 255).astype(np.uint8)
    out = np.stack([table[pixels[..., k], k] for k in range(3)], axis=-1)
    return np.array(ImageEnhance.Color(Image.fromarray(out)).enhance(rng.uniform(0.3, 1.5)))


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    with Image.open(data) as again:
        return again.convert("RGB")


assert OUTSIDE == 128.0  # _warp has it as a number
