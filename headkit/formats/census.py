"""What is counted while a dataset is packed: the numbers of its card."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from itertools import pairwise
from typing import Any

HEAD_HEIGHTS = (16, 32, 64, 128, 256)  # pixels: edges of the card's rows
YAW_BINS = 12  # of 30 degrees over the full circle


@dataclass
class Census:
    """Counts over the samples of a dataset; its size does not grow with theirs."""

    images: int = 0
    heads: int = 0
    ignored: Counter[str] = field(default_factory=Counter)  # reason -> heads
    per_image: Counter[str] = field(
        default_factory=Counter
    )  # "0", "1", "2", "3 to 5", "6 and more"
    heights: Counter[int] = field(default_factory=Counter)  # bin of HEAD_HEIGHTS -> heads
    yaws: Counter[int] = field(default_factory=Counter)  # bin -> heads with a known yaw
    labels: Counter[str] = field(
        default_factory=Counter
    )  # landmarks, params, pose -> heads that have it
    formats: Counter[str] = field(default_factory=Counter)  # png -> images
    left_out: Counter[str] = field(default_factory=Counter)  # why -> records
    fields: set[str] = field(default_factory=set)  # names that the samples have

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
        self.fields.update(label)
        self.heads += len(heads)
        self.formats[suffix] += 1
        self.per_image[_range(len(heads))] += 1
        for head in heads:
            if isinstance(head, dict):
                self._add_head(head)

    def _add_head(self, head: dict[str, Any]) -> None:
        self.fields.update(f"heads[].{name}" for name in head)
        if head.get("ignore"):
            self.ignored[str(head["ignore"])] += 1
        self.labels.update(name for name in ("landmarks", "params", "pose") if head.get(name))
        box, pose = head.get("box"), head.get("pose")
        if isinstance(box, list) and len(box) == 4 and all(map(_is_number, box)):
            self.heights[bisect_right(HEAD_HEIGHTS, box[3] - box[1])] += 1
        yaw = pose.get("yaw") if isinstance(pose, dict) else None
        if isinstance(yaw, int | float):
            self.yaws[int((yaw + 180) % 360 // (360 // YAW_BINS))] += 1


def card(census: Census, *, labels: str, fields: list[tuple[str, str]], shards: int) -> str:
    """The README.md of a dataset. `fields` are the published ones with their meanings."""
    total = max(census.heads, 1)
    rows = [("images", f"{census.images:,}"), ("heads", f"{census.heads:,}")]
    rows += [
        (f"heads with {label}", f"{count:,}") for label, count in sorted(census.labels.items())
    ]
    rows += [
        (f"heads to ignore: {_plain(why)}", f"{count:,}")
        for why, count in sorted(census.ignored.items())
    ]
    rows += [
        (f"images of {part} heads", f"{census.per_image[part]:,}")
        for part in _RANGES
        if census.per_image[part]
    ]
    rows += [
        (f"head height {span}", _share(census.heights[at], total))
        for at, span in enumerate(_spans())
        if census.heights[at]
    ]
    rows += [
        (f"head yaw {at * 30 - 180} to {at * 30 - 150} degrees", _share(census.yaws[at], total))
        for at in range(YAW_BINS)
        if census.yaws[at]
    ]
    rows += [
        (f"records left out: {why}", f"{count:,}") for why, count in sorted(census.left_out.items())
    ]
    measured = "\n".join(f"| {what} | {count} |" for what, count in rows)
    meanings = "\n".join(f"- `{field}`: {meaning}" for field, meaning in fields)
    return _CARD.format(
        measured=measured,
        meanings=meanings,
        shards=shards,
        source=_SOURCES[labels],
    )


_SOURCES = {
    "truth": "`heads` is the truth of the renderer: the images were drawn from it (`labels` is `truth`).",
    "heads": "`heads` was found in the images by a detector and a fit (`labels` is `heads`).",
    "none": "No record was packed.",
}
_RANGES = ("0", "1", "2", "3 to 5", "6 and more")
_CARD = """\
# A dataset of heads

Images with labels for their heads, packed by `headkit pack`.

## Measured

| what | how many |
|---|---|
{measured}

## Labels

{source} Coordinates are pixels of the upright picture: origin top left, x right, y down, pixel centres at .5.

{meanings}

## Files

- `heads-NNNNNN.tar`: {shards} WebDataset shards; every sample is `KEY.png` (or jpg, webp) and `KEY.json`. The images
  are copies, byte for byte. `KEY` is the id, with every byte but letters, digits, `-` and `_` as `=XX`.
- `heads-NNNNNN.index.jsonl`: name, offset, bytes and sha256 of every member of a shard.
- `index.json`: the shards, with counts, bytes and sha256.
- `SHA256SUMS`: check everything with `sha256sum -c SHA256SUMS`.

    import webdataset
    samples = webdataset.WebDataset("heads-000000.tar", shardshuffle=False).decode("pil")
"""


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _range(count: int) -> str:
    return str(count) if count < 3 else "3 to 5" if count < 6 else "6 and more"


def _spans() -> list[str]:
    edges = [str(edge) for edge in HEAD_HEIGHTS]
    middle = [f"{low} to {high} px" for low, high in pairwise(edges)]
    return [f"under {edges[0]} px", *middle, f"{edges[-1]} px and more"]


def _share(count: int, total: int) -> str:
    return f"{count:,} ({100 * count / total:.1f}%)"


def _plain(text: str) -> str:
    """Text of a record or a folder for a Markdown table: no markup, no new lines, not long."""
    return "".join(letter if letter.isalnum() or letter in " .-_" else " " for letter in text)[
        :60
    ].strip()
