"""Formats that keep images as files, read back: COCO, YOLO, VGGHeads and crops. One shard's names are in memory at a time."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from headkit.formats.imagefile import inspect
from headkit.formats.labels import POINTS
from headkit.formats.reading import Damage, Item, Reader, Where, id_of
from headkit.image import ImageError
from headkit.tool import Record

_IMAGES = frozenset({"png", "jpg", "webp"})


@dataclass
class CocoReader(Reader):
    """annotations/PART.json, an object a line as `pack` writes it, read in step with its images."""

    name = "coco"

    def read(self, part: str, rows: Sequence[Record]) -> Iterator[Item]:
        file = f"{self.prefix}annotations/{part}.json"
        shards = {Path(row["path"]).name: row["id"] for row in rows}
        try:
            with (
                (self.root / file).open("rb") as images,
                (self.root / file).open("rb") as annotations,
            ):
                yield from self._merged(file, part, shards, images, annotations)
        except FileNotFoundError:
            self.report(Damage(file, "", "missing", "the file is missing"))

    def _merged(
        self,
        file: str,
        part: str,
        shards: dict[str, str],
        images: BinaryIO,
        annotations: BinaryIO,
    ) -> Iterator[Item]:
        """Images with their annotations, which stand in the same order."""
        boxes = self._section(annotations, file, b'"annotations":[')
        ahead = next(boxes, None)
        for image in self._section(images, file, b'"images":['):
            own: list[Record] = []
            while ahead is not None and ahead.get("image_id") == image.get("id"):
                own.append(ahead)
                ahead = next(boxes, None)
            name = image.get("file_name")
            if not isinstance(name, str) or name.partition("/")[0] not in shards:
                self.report(
                    Damage(file, f"image {image.get('id')}", "label", f"file_name is {name!r}")
                )
                continue
            yield self._item(file, part, shards[name.partition("/")[0]], image, own)
        for row in chain(() if ahead is None else (ahead,), boxes):
            self.report(
                Damage(
                    file,
                    f"annotation {row.get('id')}",
                    "label",
                    f"image_id {row.get('image_id')} is of no image, or stands out of order",
                )
            )

    def _section(self, stream: BinaryIO, file: str, begin: bytes) -> Iterator[Record]:
        """The objects of one list of the file."""
        number = 0
        for line in stream:
            number += 1
            if line.lstrip(b",").startswith(begin):
                break
        else:
            self.report(Damage(file, "", "container", f"no list {begin.decode()}"))
            return
        for line in stream:
            number += 1
            if line.startswith(b"]"):
                return
            found = (
                self.object_of(line.rstrip(b",\n"), file, f"line {number}")
                if line != b"\n"
                else None
            )
            if found is not None:
                yield found
        self.report(Damage(file, "", "container", "the file is cut short"))

    def _item(
        self, file: str, part: str, shard: str, image: Record, annotations: list[Record]
    ) -> Item:
        at = f"{self.prefix}images/{part}/{image['file_name']}"
        id = image.get("record")
        key = Path(at).name.partition(".")[0]
        label: Record | None = {
            "id": id,
            "width": image.get("width"),
            "height": image.get("height"),
        }
        assert label is not None
        try:
            label["heads"] = [_from_coco(each) for each in annotations]
        except (TypeError, ValueError, KeyError) as error:
            self.report(Damage(file, key, "label", f"an annotation cannot be read: {error!r}"))
            label = None
        data = self.bytes_of(at) if self.images else None
        native = {"image": image, "annotations": annotations}
        return Item(
            self.name, part, shard, key, id, Where(at), data, label, Where(file, key), native
        )


def _from_coco(row: Record) -> Record:
    x, y, width, height = row["bbox"]
    head: Record = {"box": [x, y, x + width, y + height]}
    if row["iscrowd"]:
        head["ignore"] = "iscrowd"
    flat = row["keypoints"]
    marks = [(flat[at] + 0.5, flat[at + 1] + 0.5, flat[at + 2]) for at in range(0, len(flat), 3)]
    return head | _landmarks(marks)


def _landmarks(marks: list[tuple[float, float, int]]) -> Record:
    """Points that are not labelled are null."""
    if not any(seen for _, _, seen in marks):
        return {}
    points = [[x, y] if seen else None for x, y, seen in marks]
    visible = "".join("1" if seen == 2 else "0" for _, _, seen in marks)
    return {"landmarks": {"scheme": "ibug68", "points": points, "visible": visible}}


@dataclass
class YoloReader(Reader):
    """images/PART/NNNNNN/KEY.png and labels/PART/NNNNNN/KEY.txt, in the order of their names."""

    name = "yolo"
    points: ClassVar[bool] = False

    def read(self, part: str, rows: Sequence[Record]) -> Iterator[Item]:
        for row in rows:
            if not row["count"]:
                continue  # all its images are left out, or were removed
            images = row["path"]
            labels = f"{self.prefix}labels/{part}/{Path(images).name}"
            for key, image, text in self._pairs(images, labels, "txt"):
                yield self._item(part, row["id"], key, image, text)

    def _pairs(self, images: str, labels: str, suffix: str) -> Iterator[tuple[str, str, str]]:
        """Key, image and label of each sample of a shard; one of the two may be missing, and is reported when read."""
        pictures = self._names(images, _IMAGES)
        texts = self._names(labels, {suffix})
        for key in sorted(pictures.keys() | texts.keys()):
            if key not in pictures:
                self.report(
                    Damage(f"{images}/{key}", "", "missing", "the image of a label is missing")
                )
            yield (
                key,
                f"{images}/{pictures[key]}" if key in pictures else "",
                f"{labels}/{texts.get(key, f'{key}.{suffix}')}",
            )

    def _names(self, folder: str, suffixes: set[str] | frozenset[str]) -> dict[str, str]:
        """File names of a folder by key; other files are not looked at."""
        try:
            names = [each.name for each in os.scandir(self.root / folder)]
        except (FileNotFoundError, NotADirectoryError):
            self.report(Damage(folder, "", "missing", "the folder is missing"))
            return {}
        parts = ((name.partition("."), name) for name in names)
        return {key: name for (key, _, suffix), name in parts if suffix in suffixes}

    def _item(self, part: str, shard: str, key: str, image: str, text: str) -> Item:
        data = self.bytes_of(image) if image else None
        native = self.bytes_of(text)
        label: Record | None = None
        size = _size(data)
        if native is not None and size is not None:
            label = {"id": id_of(key), "width": size[0], "height": size[1]}
            try:
                label["heads"] = [self._head(line, *size) for line in native.decode().splitlines()]
            except (ValueError, IndexError) as error:
                self.report(Damage(text, "", "label", f"a row cannot be read: {error}"))
                label = None
        return Item(
            self.name,
            part,
            shard,
            key,
            id_of(key),
            Where(image or f"{key}"),
            data if self.images else None,
            label,
            Where(text),
            native,
        )

    def _head(self, line: str, width: int, height: int) -> Record:
        words = line.split()
        if words[0] != "0" or len(words) != 5 + 3 * POINTS * self.points:
            raise ValueError(f"class {words[0]} with {len(words) - 1} numbers")
        x, y, across, down = (float(word) for word in words[1:5])
        head: Record = {
            "box": [
                (x - across / 2) * width,
                (y - down / 2) * height,
                (x + across / 2) * width,
                (y + down / 2) * height,
            ]
        }
        marks = [
            (float(words[at]) * width, float(words[at + 1]) * height, int(words[at + 2]))
            for at in range(5, len(words), 3)
        ]
        return head | _landmarks(marks)


@dataclass
class YoloPoseReader(YoloReader):
    """The same with landmarks."""

    name = "yolo-pose"
    points: ClassVar[bool] = True


def _size(data: bytes | None) -> tuple[int, int] | None:
    """Width and height of an image; None where it has none that can be told."""
    if data is None:
        return None
    try:
        found = inspect(data)
    except ImageError:
        return None
    return found.width, found.height


@dataclass
class VggHeadsReader(YoloReader):
    """PART/split_NNNNN/images/KEY.png and annotations/KEY.npz. A head has `vector`, the (413,) of its crop, beside its box."""

    name = "vggheads"

    def read(self, part: str, rows: Sequence[Record]) -> Iterator[Item]:
        for row in rows:
            if not row["count"]:
                continue
            folder = row["path"]
            for key, image, arrays in self._pairs(
                f"{folder}/images", f"{folder}/annotations", "npz"
            ):
                yield self._sample(part, row["id"], key, image, arrays)

    def _sample(self, part: str, shard: str, key: str, image: str, file: str) -> Item:
        data = self.bytes_of(image) if image and self.images else None
        stored = self.bytes_of(file)
        native = label = None
        if stored is not None:
            try:
                native = _arrays(stored)
                label = {"id": id_of(key), "heads": _from_arrays(native)}
            except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
                self.report(Damage(file, "", "label", f"the arrays cannot be read: {error}"))
        return Item(
            self.name,
            part,
            shard,
            key,
            id_of(key),
            Where(image or key),
            data,
            label,
            Where(file),
            native,
        )


def _arrays(data: bytes) -> dict[str, Any]:
    import numpy as np

    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files if name != "allow_pickle"}


def _from_arrays(arrays: dict[str, Any]) -> list[Record]:
    count = len(arrays["bbox"])
    vectors = arrays["3dmm_params"].reshape(count, 413)
    heads = []
    for at in range(count):
        x, y, across, down = arrays["bbox"][at].tolist()
        heads.append(
            {
                "box": [x, y, x + across, y + down],
                "index": int(arrays["index"][at]),
                "extended_box": arrays["extended_bbox"][at].tolist(),  # x, y, width, height
                "vector": vectors[at],
                "residual_px": float(arrays["residual_px"][at]),
            }
        )
    return heads


@dataclass
class CropsReader(Reader):
    """PART/metadata.jsonl and the crops that it names."""

    name = "crops"

    def read(self, part: str, rows: Sequence[Record]) -> Iterator[Item]:
        shards = {Path(row["path"]).name: row["id"] for row in rows}
        file = f"{self.prefix}{part}/metadata.jsonl"
        try:
            with (self.root / file).open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    place = f"line {number}"
                    found = self.object_of(line.rstrip(b"\n"), file, place)
                    if found is not None:
                        yield from self._item(part, shards, found, Where(file, place))
        except FileNotFoundError:
            self.report(Damage(file, "", "missing", "the file is missing"))

    def _item(self, part: str, shards: dict[str, str], row: Record, at: Where) -> Iterator[Item]:
        name, head = row.get("file_name"), row.get("head")
        shard, _, stem = name.partition("/") if isinstance(name, str) else ("", "", "")
        end = f"-{head}.png"
        if shard not in shards or type(head) is not int or not stem.endswith(end):
            self.report(
                Damage(at.file, at.member, "label", f"file_name is {name!r}, of head {head}")
            )
            return
        image = f"{self.prefix}{part}/{name}"
        skipped = ("file_name", "id", "head", "K", "turn")
        label = {"id": row.get("id"), "camera": {"K": row.get("K")}}
        label["heads"] = [{key: value for key, value in row.items() if key not in skipped}]
        yield Item(
            self.name,
            part,
            shards[shard],
            stem.removesuffix(end),
            row.get("id"),
            Where(image),
            self.bytes_of(image) if self.images else None,
            label,
            at,
            row,
            head,
        )
