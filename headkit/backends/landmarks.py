"""Finds the dense landmarks of heads with the network that comes with the package.

Each head is seen six times: in a square about its box and, better centred, in two about the points found so far, one
tighter than the other; each as it is and mirrored. What is found is their mean, weighted by what the network thinks of
each. Crops go through it in chunks of a fixed shape, so that what is found of a head does not depend on the heads beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from headkit.backends.landmark_weights import Weights
from headkit.head.crop import Square, cut, square_about
from headkit.head.landmark_network import LandmarkNetwork, count_of
from headkit.head.loading import load_head

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

BOX_MARGIN = 1.15  # the square about a box, in its longer sides
# The squares about points, in the longer side of their extent: tighter ones show more of the head. Rotation on 259 held-out
# heads (median, 95%, degrees) from single looks: 7.2, 28 at 1.25; 6.8, 30 at 1.15; 7.1, 30 at 1.05; about the box 8.1, 42.
POINTS_MARGINS = (1.25, 1.15)
CHUNK = 16  # crops at a time on the CPU
CHUNK_DEVICE = 256
_AXIS = float(
    np.sqrt(3.0)
)  # standard deviation of a coordinate, in scales: landmark_network.Landmarks.scale


@dataclass(frozen=True, eq=False)
class Found:
    """Landmarks of one head, of the scheme "dense".

    points     (L, 2) pixels of the picture
    deviation  (L,) pixels, standard deviation of each coordinate
    seen       (L,) probability that the point is seen
    """

    points: Array
    deviation: Array
    seen: Array


@dataclass(frozen=True, eq=False)
class Sight:
    """What was found of one head: as it is, in the mirror (put back), and both together."""

    both: Found
    plain: Found
    mirrored: Found


class LandmarkFinder:
    """The network, ready to look."""

    def __init__(self, weights: Weights, device: str = "cpu") -> None:
        from safetensors.torch import load

        self.size = weights.size
        self.calibration = weights.calibration
        state = {name: value.float() for name, value in load(weights.data).items()}
        network = LandmarkNetwork(count_of(state))
        network.load_state_dict(state)
        self.network = network.eval().requires_grad_(requires_grad=False).to(device)
        self.network.to(memory_format=torch.channels_last)
        self.device = device
        self.chunk = CHUNK if device == "cpu" else CHUNK_DEVICE
        self.mirror = load_head().dense_mirror

    def find(self, heads: Sequence[tuple[Pixels, Array]]) -> list[Sight]:
        """What is found of each head: a picture (H, W, 3) and a box (4,) in it. Raises ValueError on a box without area."""
        boxes = [square_about(box, BOX_MARGIN) for _, box in heads]
        sights = self._look(heads, boxes)
        for margin in POINTS_MARGINS:
            squares = [_closer(*pair, margin) for pair in zip(sights, boxes, strict=True)]
            again = self._look(heads, squares)
            sights = [_joined(*pair) for pair in zip(sights, again, strict=True)]
        return sights

    def _look(
        self, heads: Sequence[tuple[Pixels, Array]], squares: Sequence[Square]
    ) -> list[Sight]:
        crops = np.zeros((2 * len(heads), self.size, self.size, 3), np.uint8)
        for number, ((pixels, _), square) in enumerate(zip(heads, squares, strict=True)):
            crops[2 * number] = cut(pixels, square, self.size)
            crops[2 * number + 1] = crops[2 * number, :, ::-1]
        points, deviation, seen = self._run(crops)
        points[1::2] = points[1::2][:, self.mirror] * (-1, 1)
        deviation[1::2], seen[1::2] = deviation[1::2][:, self.mirror], seen[1::2][:, self.mirror]
        sights = []
        for number, square in enumerate(squares):
            plain, mirrored = (
                Found(
                    square.to_picture(points[row]),
                    deviation[row] * (square.side / 2) * self.calibration.deviation,
                    seen[row],
                )
                for row in (2 * number, 2 * number + 1)
            )
            sights.append(Sight(together(plain, mirrored), plain, mirrored))
        return sights

    def _run(self, crops: Pixels) -> tuple[Array, Array, Array]:
        """Points (N, L, 2), deviations (N, L), both in crop coordinates, and seen (N, L), of crops (N, S, S, 3)."""
        results = []
        for start in range(0, len(crops), self.chunk):
            part = crops[start : start + self.chunk]
            padded = np.zeros((self.chunk, self.size, self.size, 3), np.uint8)
            padded[: len(part)] = part
            batch = torch.from_numpy(padded).permute(0, 3, 1, 2).to(self.device)
            with torch.inference_mode():
                said = self.network(batch)
                values = (said.points, _AXIS * said.scale.exp(), said.visible.sigmoid())
            results.append([value[: len(part)].double().cpu().numpy() for value in values])
        if not results:
            count = self.network.count
            return np.zeros((0, count, 2)), np.zeros((0, count)), np.zeros((0, count))
        points, deviation, seen = (np.concatenate(parts) for parts in zip(*results, strict=True))
        return points, deviation, seen


def _closer(sight: Sight, square: Square, margin: float) -> Square:
    """The square about the points found, kept near to where they were looked for first."""
    points = sight.both.points
    middle, half = np.array([square.x, square.y]), square.side / 2
    points = np.clip(points, middle - 1.2 * half, middle + 1.2 * half)
    ends = np.concatenate([points.min(axis=0), points.max(axis=0)])
    side = max(float((ends[2:] - ends[:2]).max()), square.side / 5)
    x, y = (ends[:2] + ends[2:]) / 2
    return square_about([x - side / 2, y - side / 2, x + side / 2, y + side / 2], margin)


def _joined(one: Sight, two: Sight) -> Sight:
    """Two looks at a head as one."""
    return Sight(
        together(one.both, two.both),
        together(one.plain, two.plain),
        together(one.mirrored, two.mirrored),
    )


def together(one: Found, two: Found) -> Found:
    """Two findings of a head as one: the mean, weighted by the inverse variances.

    The errors of the two are mostly the same, so that the variance is their mean, widened by how far apart they lie.
    """
    weights = np.stack([one.deviation**-2, two.deviation**-2])
    weights /= weights.sum(axis=0)
    points = weights[0][:, None] * one.points + weights[1][:, None] * two.points
    apart = ((one.points - two.points) ** 2).sum(axis=1) / 2 * weights[0] * weights[1]
    variance = weights[0] * one.deviation**2 + weights[1] * two.deviation**2
    return Found(points, np.sqrt(variance + apart / 2), (one.seen + two.seen) / 2)
