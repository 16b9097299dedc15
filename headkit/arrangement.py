"""Arrangements of key points: what is left of a scene's poses when place and size in the picture are taken out.

Two arrangements are compared person by person, joint by joint. Their distance is the largest displacement of
any joint, in heights of the person it belongs to, for the assignment of people that makes it smallest; it is
infinite where the known joints are not the same. Nothing is learned and nothing approximated: the search
leaves out only what a bound proves to be further away.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

JOINTS = 17  # COCO order: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles
MIRRORED = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)  # left and right exchanged
FEWEST = 6  # known joints: two eyes alone look the same in every picture
# Joints by how much they tell poses apart: wrists and ankles first.
_RESTLESS = (9, 16, 10, 15, 7, 8, 13, 14, 0, 3, 4, 1, 2, 5, 6, 11, 12)
_GRID_AXES = 4  # 81 cells to look into; more axes cost more look-ups than they save comparisons
# In person heights: rounding of float32 must not prune what is exactly at the threshold.
_SLACK = 1e-5
_FARTHEST = 1e9  # pixels: what is further out, or not a number, is no place in a picture

Key = tuple[bytes, ...]  # which joints each person has known, in sorted order


class PoseError(ValueError):
    """What is wrong with the poses of one record."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The people of one record.

    joints  (P, 17, 2) float32, relative to the middle of all known joints, in units of the largest person;
            NaN where a joint is not known
    sizes   (P,) float32, the longer side of the box around each person's known joints, same unit, at most 1
    key     twins have the same: the joints known, whoever comes first
    features (34,) float32, mean place of each joint over the people who have it known, 0 where nobody has.
            It does not depend on the order of the people, and no feature of twins differs by more than
            their distance: an average moves no further than what it averages
    """

    joints: NDArray[np.float32]
    sizes: NDArray[np.float32]
    key: Key
    features: NDArray[np.float32]

    @classmethod
    def of(cls, joints: NDArray[np.float32], sizes: NDArray[np.float32]) -> Arrangement:
        """The arrangement with its key and features."""
        known = ~np.isnan(joints[:, :, 0])
        total = np.where(known[:, :, None], joints, 0).sum(axis=0, dtype=np.float32)
        features = total / np.maximum(known.sum(axis=0), 1)[:, None].astype(np.float32)
        key = tuple(sorted(person.tobytes() for person in known))
        return cls(joints, sizes, key, features.reshape(-1))

    def mirrored(self) -> Arrangement:
        """As a mirror shows it."""
        turned = self.joints[:, MIRRORED] * np.array([-1, 1], np.float32)
        return Arrangement.of(turned, self.sizes)


def arrangement(poses: Any) -> Arrangement | None:
    """The arrangement of a record's `poses`; None where too few joints are known. Raises PoseError."""
    people = [_joints(pose) for pose in poses] if isinstance(poses, list) else [_joints(poses)]
    seen = [joints for joints in people if not np.isnan(joints).all()]
    if sum(int((~np.isnan(joints[:, 0])).sum()) for joints in seen) < FEWEST:
        return None
    joints = np.stack(seen)
    low, high = np.nanmin(joints, axis=1), np.nanmax(joints, axis=1)
    sizes = (high - low).max(axis=1)
    unit = sizes.max()
    if unit <= 0:
        return None
    middle = (low.min(axis=0) + high.max(axis=0)) / 2
    # Of a person of whom one joint is known, the size is not: the largest person's stands in.
    sizes = np.where(sizes > 0, sizes, unit) / unit
    return Arrangement.of(((joints - middle) / unit).astype(np.float32), sizes.astype(np.float32))


def _joints(pose: Any) -> NDArray[np.float64]:
    """(17, 2) pixels, NaN where the confidence is 0. Raises PoseError."""
    keypoints = pose.get("keypoints") if isinstance(pose, dict) else None
    try:
        points = np.array(keypoints, np.float64)
    except (TypeError, ValueError, OverflowError):
        points = np.zeros(0)
    if points.shape != (JOINTS, 3) or not (np.abs(points) < _FARTHEST).all():
        raise PoseError(f"poses[].keypoints is not a list of {JOINTS} [x, y, confidence]")
    return np.where(points[:, 2:] > 0, points[:, :2], np.nan)


def distance(first: Arrangement, second: Arrangement, limit: float = inf) -> float:
    """The distance of two arrangements, in person heights; infinite where it is over `limit`."""
    if first.key != second.key:
        return inf
    between = _person_distances(first, second)
    if len(between) == 1:
        return float(between[0, 0]) if between[0, 0] <= limit else inf
    steps = np.unique(between[between <= limit])
    low, high = 0, len(steps)
    while low < high:  # the smallest step at which everybody has a partner
        middle = (low + high) // 2
        if _everybody_matched(between <= steps[middle]):
            high = middle
        else:
            low = middle + 1
    return float(steps[low]) if low < len(steps) else inf


def _person_distances(first: Arrangement, second: Arrangement) -> NDArray[np.float64]:
    """(P, P) largest displacement of a joint, in heights of the smaller of the two people."""
    a, b = first.joints[:, None].astype(np.float64), second.joints[None].astype(np.float64)
    other = np.isnan(a[..., 0]) != np.isnan(b[..., 0])
    moved = np.nan_to_num(np.hypot(a[..., 0] - b[..., 0], a[..., 1] - b[..., 1]))
    moved[other] = inf
    result: NDArray[np.float64] = moved.max(axis=2) / np.minimum(
        first.sizes[:, None], second.sizes[None]
    )
    return result


def _everybody_matched(allowed: NDArray[np.bool_]) -> bool:
    """Whether rows and columns can be paired along what is allowed (Kuhn's augmenting paths)."""
    partner: dict[int, int] = {}  # column -> row

    def place(row: int, tried: set[int]) -> bool:
        for column in np.flatnonzero(allowed[row]).tolist():
            if column not in tried:
                tried.add(column)
                if column not in partner or place(partner[column], tried):
                    partner[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(allowed)))


class Neighborhood:
    """Arrangements that were kept, to be asked which of them is nearest, within a threshold, to another one.

    A grid over the features that vary most finds few candidates; all features, then the distance itself
    decide. About 1.6 KB of memory go to an arrangement of one person.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._groups: dict[Key, _Group] = {}

    def add(self, number: int, kept: Arrangement) -> None:
        """Keep an arrangement under a number."""
        key = kept.key
        if key not in self._groups:
            self._groups[key] = _Group(_axes(key), self.threshold + 2 * _SLACK)
        self._groups[key].add(number, kept)

    def nearest(self, asked: Arrangement) -> tuple[float, int] | None:
        """Distance and number of the nearest within the threshold; of equally near ones, the lowest number."""
        group = self._groups.get(asked.key)
        candidates = group.candidates(asked.features) if group else ()
        found = ((distance(asked, kept, self.threshold), number) for number, kept in candidates)
        return min((pair for pair in found if pair[0] <= self.threshold), default=None)


class _Group:
    """The kept arrangements of one key."""

    def __init__(self, axes: list[int], reach: float) -> None:
        self.axes = axes
        self.reach = reach  # no feature of a twin is further away; also the side of a cell
        self.kept: list[tuple[int, Arrangement]] = []
        self.features = np.empty((16, 2 * JOINTS), np.float32)  # grows by doubling
        self.cells: dict[tuple[int, ...], list[int]] = {}

    def add(self, number: int, kept: Arrangement) -> None:
        row = len(self.kept)
        if row == len(self.features):
            self.features = np.concatenate([self.features, np.empty_like(self.features)])
        self.features[row] = kept.features
        self.kept.append((number, kept))
        self.cells.setdefault(self.cell(self.features[row]), []).append(row)

    def cell(self, features: NDArray[np.float32]) -> tuple[int, ...]:
        return tuple(
            np.floor(features[self.axes].astype(np.float64) / self.reach).astype(int).tolist()
        )

    def candidates(self, features: NDArray[np.float32]) -> list[tuple[int, Arrangement]]:
        """What the features alone cannot rule out."""
        middle = self.cell(features)
        around = product(*((place - 1, place, place + 1) for place in middle))
        rows = [row for cell in around for row in self.cells.get(cell, ())]
        if not rows:
            return []
        near = np.abs(self.features[rows] - features).max(axis=1) <= self.reach
        return [self.kept[row] for row, close in zip(rows, near.tolist(), strict=True) if close]


def _axes(key: Key) -> list[int]:
    """The features that divide the arrangements of a key best: the places of the joints that move most."""
    known = np.any([np.frombuffer(person, np.bool_) for person in key], axis=0)
    joints = [joint for joint in _RESTLESS if known[joint]][: _GRID_AXES // 2]
    return [2 * joint + axis for joint in joints for axis in (0, 1)]
