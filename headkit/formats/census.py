"""What is counted while a dataset is packed: the numbers of its card."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from typing import Any

HEAD_HEIGHTS = (16, 32, 64, 128, 256)  # pixels: edges of the card's rows
YAW_BINS = 12  # of 30 degrees over the full circle
RANGES = ("0", "1", "2", "3 to 5", "6 and more")  # heads of an image


@dataclass
class Census:
    """Counts over the samples of a dataset; its size does not grow with theirs."""

    images: int = 0
    heads: int = 0
    ignored: Counter[str] = field(default_factory=Counter)  # reason -> heads
    per_image: Counter[str] = field(default_factory=Counter)  # of RANGES
    heights: Counter[int] = field(default_factory=Counter)  # bin of HEAD_HEIGHTS -> heads
    yaws: Counter[int] = field(default_factory=Counter)  # bin -> heads with a known yaw
    labels: Counter[str] = field(
        default_factory=Counter
    )  # landmarks, params, pose -> heads that have it
    formats: Counter[str] = field(default_factory=Counter)  # png -> images
    left_out: Counter[str] = field(default_factory=Counter)  # why -> records
    fields: set[str] = field(default_factory=set)  # names that the samples have

    def __post_init__(self) -> None:
        self._seen: set[tuple[str, ...]] = set()  # rows of names that `fields` has already

    def state(self) -> dict[str, Any]:
        """All counts as JSON, for `restore`."""
        found = ((each.name, getattr(self, each.name)) for each in dataclass_fields(self))
        return {
            name: value
            if isinstance(value, int)
            else sorted(value.items() if isinstance(value, Counter) else value)
            for name, value in found
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the counts of `state`."""
        for name, value in state.items():
            kept = getattr(self, name)
            if isinstance(kept, Counter):
                kept.update(dict(value))
            elif isinstance(kept, set):
                kept.update(value)
            else:
                setattr(self, name, value)

    def add(self, suffix: str, label: dict[str, Any]) -> None:
        """Count one image and the heads of its label."""
        heads = label["heads"]
        self.images += 1
        self._saw("", label)
        self.heads += len(heads)
        self.formats[suffix] += 1
        self.per_image[head_count_range(len(heads))] += 1
        for head in heads:
            if isinstance(head, dict):
                self._add_head(head)

    def _add_head(self, head: dict[str, Any]) -> None:
        self._saw("heads[].", head)
        if head.get("ignore"):
            self.ignored[str(head["ignore"])] += 1
        for name in ("landmarks", "params", "pose"):
            if head.get(name):
                self.labels[name] += 1
        box, pose = head.get("box"), head.get("pose")
        if type(box) is list and len(box) == 4 and _is_number(box[1]) and _is_number(box[3]):
            self.heights[bisect_right(HEAD_HEIGHTS, box[3] - box[1])] += 1
        yaw = pose.get("yaw") if type(pose) is dict else None
        if yaw is not None and _is_number(yaw):
            self.yaws[_yaw_bin(yaw)] += 1

    def _saw(self, prefix: str, fields: dict[str, Any]) -> None:
        """Note the names of `fields`; most rows have the same, which are looked up as one."""
        names = (prefix, *fields)
        if names not in self._seen:
            self._seen.add(names)
            self.fields.update(prefix + name for name in fields)


def head_count_range(count: int) -> str:
    """The row of a table for images of that many heads."""
    return str(count) if count < 3 else "3 to 5" if count < 6 else "6 and more"


def yaw_band(heads: list[Any]) -> str:
    """The band of yaw, 30 degrees wide, of the head with the largest box; empty where it has none."""
    best, band = 0.0, ""
    for head in heads:
        box = head.get("box") if isinstance(head, dict) else None
        if not (isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))):
            continue
        pose = head.get("pose")
        yaw = pose.get("yaw") if isinstance(pose, dict) else None
        area = (box[2] - box[0]) * (box[3] - box[1])
        if area > best:
            best, band = area, f"{_yaw_bin(yaw):02d}" if isinstance(yaw, int | float) else ""
    return band


def _yaw_bin(yaw: float) -> int:
    return int((yaw + 180) % 360 // (360 // YAW_BINS))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
