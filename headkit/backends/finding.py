"""Finds heads in pictures of any size with a network that sees squares.

A picture is seen whole, by our own network at three scales; with tiles also in overlapping squares at its own scale, for
heads that are small in a large picture; with the mirror, each square twice. All candidates of a picture go through one
suppression. Squares go through the network in chunks of a fixed length, padded, so that a box depends on nothing but
its picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headkit.backends.boxes import Candidates, Letterbox, letterbox, mirrored, suppress, voted
from headkit.image import Pixels

Array = NDArray[np.float32]

MOST = 1000  # heads in one picture
OVERLAP = 0.25  # share of a tile that its neighbour sees too: a head up to that size is whole in one of them
NEAR = 0.02  # share of a tile: a box that ends so near to an inner border of it is of a head that is cut there
# Key point k of a mirrored picture is point COCO_MIRROR[k] of the original.
COCO_MIRROR = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)


class Network(Protocol):
    """A network that proposes heads in squares."""

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of the squares in which a picture is seen, pixels; tiles are seen in the first alone."""

    @property
    def chunk(self) -> int:
        """Squares at a time, always."""

    @property
    def fill(self) -> int:
        """Grey level beside the picture."""

    @property
    def mirrors(self) -> bool:
        """Whether what it says of a mirrored picture can be mirrored back."""

    def look(self, squares: Pixels, conf: float) -> list[Candidates]:
        """What is in each of (chunk, side, side, 3) uint8 RGB squares, scores above conf."""


@dataclass(frozen=True)
class Search:
    """How to look: conf and iou as ultralytics means them.

    inside  share of a box that may lie in a better one (boxes.suppress), 1 for any
    vote    overlap from which candidates share in a box (boxes.voted), 0 for none
    tile    side of the tiles in pixels of the picture, 0 for none
    flip    look at each square mirrored as well
    plain   look at each square as it is; without, at the mirrored ones alone
    """

    conf: float = 0.25
    iou: float = 0.7
    inside: float = 1
    vote: float = 0
    tile: int = 0
    flip: bool = False
    plain: bool = True


@dataclass(frozen=True)
class View:
    """A part of a picture, mirrored or not, in a square. part: [x1, y1, x2, y2] in pixels of the picture."""

    square: Pixels
    place: Letterbox
    part: tuple[int, int, int, int]
    mirror: bool


@dataclass(frozen=True)
class Prepared:
    """A picture in its squares, ready for the network: views by their side, width and height of the picture."""

    size: tuple[int, int]
    views: dict[int, list[View]]


def prepare(network: Network, pixels: Pixels, search: Search) -> Prepared:
    """The squares of an (H, W, 3) picture: what find() else makes while the network waits."""
    views = {side: list(_views(network, pixels, search, side)) for side in network.sides}
    return Prepared((pixels.shape[1], pixels.shape[0]), views)


def find(
    network: Network, pictures: Sequence[Pixels | Prepared], search: Search
) -> list[Candidates]:
    """The heads of each (H, W, 3) picture, best first, boxes cut at its border; at most MOST."""
    found: list[list[Candidates]] = [[] for _ in pictures]
    sizes = [
        picture.size if isinstance(picture, Prepared) else (picture.shape[1], picture.shape[0])
        for picture in pictures
    ]
    for side in network.sides:
        waiting = (
            (number, view)
            for number, picture in enumerate(pictures)
            for view in (
                picture.views[side]
                if isinstance(picture, Prepared)
                else _views(network, picture, search, side)
            )
        )
        while views := list(islice(waiting, network.chunk)):
            squares = np.zeros((network.chunk, side, side, 3), dtype=np.uint8)
            for k, (_, view) in enumerate(views):
                squares[k] = view.square
            for (number, view), seen in zip(
                views, network.look(squares, search.conf), strict=False
            ):
                found[number].append(_in_picture(seen, view, sizes[number]))
    return [_merged(parts, size, search) for parts, size in zip(found, sizes, strict=True)]


def _views(network: Network, pixels: Pixels, search: Search, side: int) -> Iterator[View]:
    tile = search.tile if side == network.sides[0] else 0
    for part in _parts(pixels, tile):
        x1, y1, x2, y2 = part
        square, place = letterbox(pixels[y1:y2, x1:x2], side, network.fill)
        if search.plain:
            yield View(square, place, part, mirror=False)
        if search.flip:
            yield View(square[:, ::-1], place, part, mirror=True)


def _parts(pixels: Pixels, tile: int) -> list[tuple[int, int, int, int]]:
    """The whole picture, and tiles where it is larger than one."""
    height, width = pixels.shape[:2]
    parts = [(0, 0, width, height)]
    if tile and max(width, height) > tile:
        parts += [
            (x, y, min(x + tile, width), min(y + tile, height))
            for y in _starts(height, tile)
            for x in _starts(width, tile)
        ]
    return parts


def _starts(length: int, tile: int) -> list[int]:
    """Where tiles begin: evenly, with at least OVERLAP of a tile shared, the last at the end."""
    if length <= tile:
        return [0]
    steps = int(np.ceil((length - tile) / (tile * (1 - OVERLAP))))
    return [round(k * (length - tile) / steps) for k in range(steps + 1)]


def _in_picture(seen: Candidates, view: View, size: tuple[int, int]) -> Candidates:
    """Candidates of a view in pixels of the picture, without those that the view cuts and the picture does not."""
    boxes, points = seen.boxes, seen.points
    if view.mirror:
        side = len(view.square)
        boxes = mirrored(boxes, side)
        if points is not None:
            points = points[:, COCO_MIRROR].copy()
            points[:, :, 0] = side - points[:, :, 0]
    boxes = view.place.to_picture(boxes)
    x1, y1, x2, y2 = view.part
    width, height = size
    near = NEAR * max(x2 - x1, y2 - y1)
    inner = np.array([x1 > 0, y1 > 0, x2 < width, y2 < height])
    edges = np.array([0, 0, x2 - x1, y2 - y1])
    beyond = np.array([-1, -1, 1, 1]) * (boxes - edges) > 0
    cut = (beyond | (np.abs(boxes - edges) < near)) & inner
    boxes = boxes + np.array([x1, y1, x1, y1], dtype=np.float32)
    if points is not None:
        points = points.copy()
        points[:, :, :2] = view.place.to_picture(points[:, :, :2].reshape(-1, 2)).reshape(-1, 17, 2)
        points[:, :, :2] += np.array([x1, y1], dtype=np.float32)
    params = seen.params
    if params is not None:  # translation and scale are of the square, see head.vector413
        params = params.copy()
        params[:, 409:411] = (
            params[:, 409:411] - [view.place.left, view.place.top]
        ) / view.place.scale_x + [x1, y1]
        params[:, 411:] /= view.place.scale_x
    return Candidates(boxes, seen.scores, points, params).chosen(np.asarray(~cut.any(axis=1)))


def _merged(parts: list[Candidates], size: tuple[int, int], search: Search) -> Candidates:
    """The candidates of all views of a picture through one suppression, then cut at the picture."""
    together = Candidates(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        _joined([part.points for part in parts]),
        _joined([part.params for part in parts]),
    )
    which = suppress(together.boxes, together.scores, search.iou, MOST, search.inside)
    kept, boxes = together.chosen(which), together.boxes[which]
    if search.vote:
        boxes = voted(together.boxes, together.scores, which, search.vote)
    width, height = size
    boxes = np.clip(boxes, 0, np.array([width, height, width, height], dtype=np.float32))
    there = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return replace(kept, boxes=boxes).chosen(np.asarray(there))


def _joined(arrays: list[Array | None]) -> Array | None:
    present = [array for array in arrays if array is not None]
    return np.concatenate(present) if present else None
