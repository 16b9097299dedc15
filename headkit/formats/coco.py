"""COCO key points: images/PART/NNNNNN/KEY.png, and annotations/PART.json with boxes and 68 landmarks of every head.

Ids are integers that follow from the place of a record among all: unique over all parts, the same in every run. A head
to ignore is `iscrowd` 1, so that what is found on it counts neither for nor against a detector; `area` is that of the
box. Boxes are continuous coordinates, as everywhere in COCO; key points are pixel indices (0 is the middle of the first
pixel), half a pixel less than elsewhere in headkit: detectron2 and mmpose add that half on reading.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from headkit import __version__, jsonl
from headkit.formats.labels import POINTS, Head, heads_in
from headkit.formats.layout import Layout, Part, stem
from headkit.formats.sample import Sample
from headkit.head.landmarks import IBUG68_PARTS, lines
from headkit.tool import Record

KINDS = ("images", "annotations")


@dataclass
class Coco(Layout):
    """Images as files. A shard is a folder of them, and two fragments of JSON that `finish` puts together."""

    name = "coco"
    part: str = ""
    number: int = 0
    fragments: dict[str, BinaryIO] = field(default_factory=dict)

    def prepare(self, sample: Sample) -> dict[str, bytes]:
        """JSON objects, separated by commas, by kind. The file's name is set when its shard is known."""
        found = [annotation(sample, head) for head in heads_in(sample)]
        return {"annotations": b",\n".join(map(jsonl.dump, found))}

    def size(self, prepared: Any) -> int:
        return self.bytes + len(prepared["annotations"])

    def begin(self, part: str, number: int) -> None:
        self.start_shard()
        self.part, self.number = part, number
        self.output.scratch.mkdir(parents=True, exist_ok=True)
        self.fragments = {kind: self.fragment(part, number, kind).open("wb") for kind in KINDS}

    def add(self, sample: Sample, prepared: Any) -> None:
        image = sample.image
        name = f"{self.number:06d}/{sample.key}.{image.suffix}"
        self.output.put_image(f"images/{self.part}/{name}", sample)
        row = {
            "id": sample.number + 1,
            "file_name": name,
            "width": image.width,
            "height": image.height,
            "record": sample.label["id"],
        }
        for kind, text in (("images", jsonl.dump(row)), ("annotations", prepared["annotations"])):
            if text:
                file = self.fragments[kind]
                file.write((b",\n" if file.tell() else b"") + text)
        self.count += 1
        self.bytes += len(sample.data) + len(prepared["annotations"])

    def end(self) -> Record:
        self.abandon()
        return self.row(f"{self.output.prefix}images/{self.part}/{self.number:06d}")

    def abandon(self) -> None:
        for file in self.fragments.values():
            file.close()
        self.fragments = {}

    def finish(self, parts: Sequence[Part]) -> None:
        """One JSON a part, from the fragments of its shards, streamed."""
        for part in parts:
            name = f"annotations/{part.name}.json"
            stream = self.output.stream(name)
            stream.write(b'{"info":' + jsonl.dump(_info(part.name)) + b',\n"licenses":[],\n')
            stream.write(b'"categories":[' + jsonl.dump(category()) + b"]")
            for kind in KINDS:
                stream.write(b',\n"' + kind.encode() + b'":[\n')
                between = b""
                for number in range(len(part.shards[self.name])):
                    with self.fragment(part.name, number, kind).open("rb") as file:
                        if file.seek(0, 2):
                            file.seek(0)
                            stream.write(between)
                            shutil.copyfileobj(file, stream)
                            between = b",\n"
                stream.write(b"\n]")
            stream.write(b"}\n")
            self.output.close(stream, name)

    def about(self, parts: Sequence[Part]) -> Iterator[str]:
        prefix = self.output.prefix
        for part in parts:
            yield f"- `{prefix}annotations/{part.name}.json`: COCO key points of the images below `{prefix}images/{part.name}/`."
        yield "  One category, `head`, with the 68 landmarks; heads to ignore are `iscrowd`; `area` is that of the box; key points"
        yield "  are pixel indices (0 is the middle of the first pixel), as detectron2 and mmpose read them."
        if parts:
            yield ""
            yield "      from pycocotools.coco import COCO"
            yield f'      coco = COCO("{prefix}annotations/{parts[0].name}.json")'

    def fragment(self, part: str, number: int, kind: str) -> Path:
        """Where a shard's part of the JSON waits for `finish`; `kind` is images or annotations."""
        return self.output.scratch / f"{stem(part, number)}.{kind}"


def annotation(sample: Sample, head: Head) -> Record:
    """A head as COCO has it."""
    x1, y1, x2, y2 = head.box
    flat: list[float] = []
    for x, y, seen in head.points or ((0, 0, 0),) * POINTS:
        flat += (round(x - 0.5, 2), round(y - 0.5, 2), seen) if seen else (0, 0, 0)
    box = [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)]
    return {
        "id": sample.first_head + head.index + 1,
        "image_id": sample.number + 1,
        "category_id": 1,
        "bbox": box,
        "area": round(box[2] * box[3], 2),
        "iscrowd": int(head.ignored),
        "num_keypoints": sum(seen > 0 for _, _, seen in head.points),
        "keypoints": flat,
    }


def category() -> Record:
    """The one category; points are named by part and number, joints count from 1."""
    names = [
        f"{part}_{number + 1}" for part, span in IBUG68_PARTS.items() for number in range(len(span))
    ]
    return {
        "id": 1,
        "name": "head",
        "supercategory": "person",
        "keypoints": names,
        "skeleton": [[a + 1, b + 1] for a, b in lines()],
    }


def _info(part: str) -> Record:
    return {
        "description": f"heads, {part}",
        "version": "1",
        "contributor": f"headkit {__version__}",
        "date_created": "",
        "keypoints": "pixel indices: 0 is the middle of the first pixel",
    }
