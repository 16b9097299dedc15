"""Aligned crops: PART/NNNNNN/KEY-HEAD.png, a square of fixed size for every head, and PART/metadata.jsonl.

Each crop is what a virtual camera sees that stands where the real one stands, looks at the head and holds it upright
(head.virtual_camera), so that it is right for any yaw, at the picture's border too. Every crop shows the same width in metres at the
head's distance: heads keep their relative sizes. Pixels are resampled, the only format in which images are not copies:
PNG, gray where the picture ends.

metadata.jsonl is what `imagefolder` of `datasets` reads: `file_name`, `id`, `head` (its place in the label), the crop's
camera `K` and `turn` (a point X of the picture's camera frame is turn X here), and the labels in this frame: `pose`,
`landmarks`, `params` with its translation, `box`, the smallest that holds the turned box, and other fields as they are.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from headkit import jsonl
from headkit.formats.labels import heads_in
from headkit.formats.layout import Layout, Part, stem
from headkit.formats.sample import LeftOutError, Sample
from headkit.head.rotation import euler_from_rotation
from headkit.head.virtual_camera import Array, VirtualCamera, looking_at, moved
from headkit.image import decode, encode
from headkit.tool import Record

EXTENT = 0.4  # metres across a crop at the head's distance: the head with hair and some neck
OUTSIDE = (128, 128, 128)
TO_IGNORE, NO_POSE = "heads to ignore", "heads without a pose"


@dataclass
class Crops(Layout):
    """A shard is a folder of crops, and a fragment of metadata that `finish` puts behind others."""

    name = "crops"
    part: str = ""
    number: int = 0
    images: int = 0
    lines: BinaryIO | None = None

    def prepare(self, sample: Sample) -> tuple[list[tuple[bytes, Record]], list[str]]:
        """PNG and labels of each crop, and why other heads have none."""
        found, left_out = [], []
        picture: Image.Image | None = None
        said = {**sample.label, **sample.rest}
        for head in heads_in(sample):
            label = sample.heads[head.index]
            if head.ignored or not has_pose(label):
                left_out.append(TO_IGNORE if head.ignored else NO_POSE)
                continue
            if picture is None:
                picture = Image.fromarray(decode(sample.data).pixels)
            try:
                data, crop = _crop(picture, sample, head.index, self.choices.crop_size)
                found.append((self.choices.mark(data, "png", said), crop))
            except (ValueError, TypeError, KeyError, np.linalg.LinAlgError) as error:
                raise LeftOutError("labels", f"heads[{head.index}]: {error}") from None
        return found, left_out

    def size(self, prepared: Any) -> int:
        return self.bytes + sum(len(data) for data, _ in prepared[0])

    def begin(self, part: str, number: int) -> None:
        self.start_shard()
        self.part, self.number, self.images = part, number, 0
        self.output.scratch.mkdir(parents=True, exist_ok=True)
        self.lines = self.fragment(part, number).open("wb")

    def add(self, sample: Sample, prepared: Any) -> None:
        assert self.lines is not None
        self.images += 1
        self.left_out.update(prepared[1])
        for data, label in prepared[0]:
            name = f"{self.number:06d}/{sample.key}-{label['head']}.png"
            self.output.put_small(f"{self.part}/{name}", data)
            self.lines.write(jsonl.dump({"file_name": name, **label}) + b"\n")
            self.count += 1
            self.bytes += len(data)

    def end(self) -> Record:
        self.abandon()
        row = self.row(f"{self.output.prefix}{self.part}/{self.number:06d}")
        return {**row, "images": self.images}

    def abandon(self) -> None:
        if self.lines is not None:
            self.lines.close()
        self.lines = None

    def finish(self, parts: Sequence[Part]) -> None:
        """One list of metadata a part."""
        for part in parts:
            name = f"{part.name}/metadata.jsonl"
            stream = self.output.stream(name)
            for number in range(len(part.shards[self.name])):
                with self.fragment(part.name, number).open("rb") as file:
                    shutil.copyfileobj(file, stream)
            self.output.close(stream, name)

    def about(self, parts: Sequence[Part]) -> Iterator[str]:
        prefix, out, size = self.output.prefix, self.all_left_out(parts), self.choices.crop_size
        yield f"- `{prefix}PART/NNNNNN/KEY-HEAD.png`, `{prefix}PART/metadata.jsonl`: an upright crop of {size} x {size} pixels of every"
        yield f"  head, {EXTENT} m wide at its distance, with its virtual camera (`K`, `turn`) and the labels in its frame. These pixels are"
        yield "  resampled and encoded again, unlike those of other formats; what lies outside the picture is gray."
        yield f"  Left out: {out[TO_IGNORE]:,} {TO_IGNORE}, {out[NO_POSE]:,} {NO_POSE}."

    def fragment(self, part: str, number: int) -> Path:
        """Where a shard's part of the metadata waits for `finish`."""
        return self.output.scratch / f"{stem(part, number)}.jsonl"


def has_pose(head: Any) -> bool:
    """Whether a crop of this head can be made."""
    pose, params = head.get("pose"), head.get("params")
    return isinstance(pose, dict) and isinstance(params, dict) and "translation" in params


def _crop(picture: Image.Image, sample: Sample, index: int, size: int) -> tuple[bytes, Record]:
    """The PNG of one head and its labels."""
    head = sample.heads[index]
    camera = sample.label.get("camera") or sample.rest.get("camera")
    if not isinstance(camera, dict) or "K" not in camera:
        raise ValueError("no camera.K; run headkit fit3dmm")
    rotation = np.asarray(head["pose"]["rotation"], np.float64)
    view = looking_at(rotation, head["params"]["translation"], size, EXTENT)
    homography = view.from_picture(camera["K"])
    pixels = np.asarray(warped(picture, homography, size))
    label: Record = {"id": sample.label["id"], "head": index}
    label |= {"K": view.K.round(6).tolist(), "turn": view.turn.round(9).tolist()}
    return encode(pixels, "png"), {**label, **carried(head, view, homography)}


def warped(picture: Image.Image, homography: Array, size: int) -> Image.Image:
    """The square of `size` pixels that a homography from the picture's pixels makes; free of aliases."""
    back = np.linalg.inv(homography)
    middle = np.array([[size / 2, size / 2], [size / 2 + 1, size / 2], [size / 2, size / 2 + 1]])
    there = moved(middle, back)
    step = np.linalg.norm(there[1:] - there[0], axis=1).max()  # pixels of the picture in one
    # A mean over whole pixels first, so that a cubic filter over what is left does not skip any.
    reduced = max(int(step), 1)
    source = picture.reduce(reduced) if reduced > 1 else picture
    back = np.diag([1 / reduced, 1 / reduced, 1.0]) @ back
    return source.transform(
        (size, size),
        Image.Transform.PERSPECTIVE,
        (back / back[2, 2]).ravel()[:8].tolist(),
        Image.Resampling.BICUBIC,
        fillcolor=OUTSIDE,
    )


def carried(head: Record, view: VirtualCamera, homography: Array) -> Record:
    """The labels of a head in the frame of its crop."""
    out = dict(head)
    rotation = view.turn @ np.asarray(head["pose"]["rotation"], np.float64)
    yaw, pitch, roll = euler_from_rotation(rotation).round(3).tolist()
    # The head lies on the axis: what a crop shows is the rotation in the camera's frame.
    turned = rotation.round(6).tolist()
    out["pose"] = {"rotation": turned, "view": turned, "yaw": yaw, "pitch": pitch, "roll": roll}
    place = view.turn @ np.asarray(head["params"]["translation"], np.float64)
    out["params"] = {**head["params"], "translation": place.round(5).tolist()}
    for name in ("box", "box_visible"):
        if isinstance(head.get(name), list):
            x1, y1, x2, y2 = head[name]
            corners = moved([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], homography)
            out[name] = [
                *corners.min(axis=0).round(2).tolist(),
                *corners.max(axis=0).round(2).tolist(),
            ]
    marks = head.get("landmarks")
    if isinstance(marks, dict) and marks.get("points"):
        out["landmarks"] = {**marks, "points": _points(marks["points"], homography)}
    return out


def _points(points: list[list[float]], homography: Array) -> list[list[float]]:
    """Landmarks moved, and their standard deviations by how much pixels grow there."""
    given = np.asarray(points, np.float64)
    at = moved(given[:, :2], homography)
    if given.shape[1] > 2:
        right = moved(given[:, :2] + [0.5, 0], homography) - moved(
            given[:, :2] - [0.5, 0], homography
        )
        below = moved(given[:, :2] + [0, 0.5], homography) - moved(
            given[:, :2] - [0, 0.5], homography
        )
        area = np.abs(right[:, 0] * below[:, 1] - right[:, 1] * below[:, 0])
        at = np.c_[at, given[:, 2] * np.sqrt(area)]
    return [[round(value, 2) for value in row] for row in at.tolist()]
