"""YOLO, as ultralytics reads it: images/PART/NNNNNN/KEY.png, labels/PART/NNNNNN/KEY.txt, data.yaml.

`yolo` is for detection, a row a head: class and box; `yolo-pose` has the 68 landmarks behind them. They are two formats
because ultralytics takes a row of key points, in a detection task, for the corners of a polygon. YOLO has no way to
ignore a head, and a mask would change the picture: an image with a head to ignore that can be seen in it is left out
of these formats. An image without heads has an empty file, and is a negative.

Numbers are shares of width and height; a point in the middle of the first of 100 pixels is at 0.005.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from headkit.formats.coco import category
from headkit.formats.labels import OKS_SIGMAS, POINTS, Head, heads_in
from headkit.formats.layout import Layout, Part
from headkit.formats.sample import Sample
from headkit.head.landmarks import IBUG68_MIRROR
from headkit.tool import Record

DATA = "data.yaml"
TO_IGNORE = "heads to ignore"
_VALIDATION = ("val", "validation", "valid", "dev")  # names of the split to validate on


@dataclass
class Yolo(Layout):
    """Boxes. A shard is a folder of images and one of labels."""

    name = "yolo"
    task: ClassVar[str] = "detect"
    points: ClassVar[bool] = False
    part: str = ""
    number: int = 0

    def prepare(self, sample: Sample) -> bytes | None:
        """The label file; None where the image has a head that must be ignored."""
        heads = list(heads_in(sample))
        if any(head.ignored for head in heads):
            return None
        size = sample.image.width, sample.image.height
        return "".join(_row(head, *size, points=self.points) for head in heads).encode()

    def size(self, prepared: Any) -> int:
        return self.bytes + len(prepared or b"")

    def begin(self, part: str, number: int) -> None:
        self.start_shard()
        self.part, self.number = part, number

    def add(self, sample: Sample, prepared: Any) -> None:
        if prepared is None:
            self.left_out[TO_IGNORE] += 1
            return
        name = f"{self.part}/{self.number:06d}/{sample.key}"
        self.output.put_image(f"images/{name}.{sample.image.suffix}", sample)
        self.output.put_small(f"labels/{name}.txt", prepared)
        self.count += 1
        self.bytes += len(sample.data) + len(prepared)

    def end(self) -> Record:
        return self.row(f"{self.output.prefix}images/{self.part}/{self.number:06d}")

    def finish(self, parts: Sequence[Part]) -> None:
        names = [part.name for part in parts]
        self.output.put(DATA, data_yaml(names, points=self.points).encode())

    def about(self, parts: Sequence[Part]) -> Iterator[str]:
        prefix = self.output.prefix
        out = self.all_left_out(parts)[TO_IGNORE]
        what = "boxes and 68 landmarks" if self.points else "boxes"
        yield f"- `{prefix}data.yaml`, `{prefix}images/`, `{prefix}labels/`: {what} for ultralytics. It cannot ignore a head:"
        yield f"  {out:,} images with {TO_IGNORE} are left out here."
        yield ""
        yield f"      yolo {self.task} train data={prefix}data.yaml model=yolo11n{'-pose' * self.points}.yaml"


@dataclass
class YoloPose(Yolo):
    """Boxes and landmarks."""

    name = "yolo-pose"
    task: ClassVar[str] = "pose"
    points: ClassVar[bool] = True


def _row(head: Head, width: int, height: int, *, points: bool) -> str:
    """One head: class, middle and size of the box, and the points."""
    x1, y1, x2, y2 = head.box
    numbers: list[float] = [
        (x1 + x2) / 2 / width,
        (y1 + y2) / 2 / height,
        (x2 - x1) / width,
        (y2 - y1) / height,
    ]
    words = [f"{value:.6f}" for value in numbers]
    if points:
        for x, y, seen in head.points or ((0.0, 0.0, 0),) * POINTS:
            words += (f"{x / width:.6f}", f"{y / height:.6f}", str(seen))
    return f"0 {' '.join(words)}\n"


def data_yaml(parts: Sequence[str], *, points: bool) -> str:
    """What ultralytics reads of a dataset with parts of these names."""
    text = [
        "# For ultralytics. Without a `path`, folders are looked for beside this file, wherever it lies.",
        *_folders(parts),
        "names:",
        "  0: head",
    ]
    if points:
        text += [
            f"kpt_shape: [{POINTS}, 3] # x, y, visibility: 0 not labelled, 1 hidden, 2 seen",
            f"flip_idx: {list(IBUG68_MIRROR)}",
            "kpt_names:",
            f"  0: [{', '.join(category()['keypoints'])}]",
            "# Not read by ultralytics, which takes 1/68 for every point: deviations of COCO-WholeBody's annotators,",
            "# in square roots of the area.",
            f"oks_sigmas: {list(OKS_SIGMAS)}",
        ]
    return "".join(line + "\n" for line in text)


def _folders(parts: Sequence[str]) -> list[str]:
    """The lines of data.yaml that say where the images are; ultralytics wants a `train` and a `val`."""
    names = list(parts) or ["heads"]
    train = "train" if "train" in names else names[0]
    val = next((name for name in _VALIDATION if name in names), None)
    lines = [f"train: images/{train}"]
    if val is None:
        lines.append(
            f"val: images/{train} # not split: what is measured on it says nothing; see --split"
        )
    else:
        lines.append(f"val: images/{val}")
    return lines + [f"{name}: images/{name}" for name in names if name not in (train, val)]
