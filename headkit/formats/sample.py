"""From a record to what is published of it: the bytes of its image, its label, and what stays private."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headkit import jsonl
from headkit.formats.imagefile import ImageFile, inspect
from headkit.image import ImageError
from headkit.paths import PathError, inside
from headkit.record import SCHEMA
from headkit.tool import Failure, Record

# With these a photo could be found again.
PRIVATE_OF_SOURCE = ("sha256", "path", "member", "image_id")


Mark = Callable[[bytes, str, Record], bytes]  # (file, its suffix, record) -> file; LeftOutError


def unmarked(data: bytes, suffix: str, record: Record) -> bytes:  # noqa: ARG001 - a Mark
    """The Mark that is none."""
    return data


class LeftOutError(ValueError):
    """Why a record is not in the dataset."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def failure(self, record: Record) -> Failure:
        return Failure(self.kind, f"record {record.get('id')!r}: {self}")


@dataclass(slots=True)  # made a million times: a frozen one takes three times as long
class Sample:
    """One record as layouts see it.

    number      of the record among those that wait to be packed, from 0: the same in every format and run
    first_head  heads of the records before it: what formats that number heads begin at
    key         its name in files
    data        bytes of the image file as it is published; sha256 of them
    label       what is published; `heads` are the chosen labels. With `published_sha256` where the file was marked
    rest        what is not, and `image_sha256` of the file before any mark
    """

    number: int
    first_head: int
    key: str
    image: ImageFile
    data: bytes
    sha256: str
    label: Record
    rest: Record

    @property
    def heads(self) -> list[Any]:
        return list(self.label["heads"])


def sample(
    record: Record,
    key: str,
    place: tuple[int, int],
    root: str,
    fields: tuple[str, ...],
    labels: str,
    mark: Mark = unmarked,
) -> Sample:
    """The sample of a record. `place` is its number and that of its first head; LeftOutError says what is wrong."""
    if not has_labels(record, labels):
        raise LeftOutError("labels", f"no {labels}; run headkit detect, or see --labels")
    data = _read(_image_file(root, record))
    image = _image(record, data)
    sha256 = hashlib.sha256(data).hexdigest()
    if record.get("image_sha256") not in (None, sha256):
        raise LeftOutError(
            "changed", f"{record['image']}: the image has changed since it was labelled"
        )
    heads = record["truth"]["heads"] if labels == "truth" else record["heads"]
    public = published(record, fields)
    hashes = {"image_sha256": sha256}
    marked = mark(data, image.suffix, record)
    if marked is not data:
        data, sha256 = marked, hashlib.sha256(marked).hexdigest()
        hashes["published_sha256"] = public["published_sha256"] = sha256
    label = {"schema": SCHEMA, "id": record["id"], **public, "labels": labels, "heads": heads}
    rest = {
        name: value
        for name, value in record.items()
        if name == "source" or not (name in public or name in ("id", labels))
    }
    rest.update(hashes)
    return Sample(*place, key, image, data, sha256, label, rest)


def _image(record: Record, data: bytes) -> ImageFile:
    """What the image file is; LeftOutError where the labels would speak of another picture."""
    try:
        image = inspect(data)
    except ImageError as error:
        raise LeftOutError("image", f"{record['image']}: {error}") from None
    if image.turned:
        raise LeftOutError(
            "turned",
            f"{record['image']}: EXIF asks for a turn, which copying would lose; turn it first",
        )
    if (image.width, image.height) != (record.get("width"), record.get("height")):
        size = f"{image.width} x {image.height}"
        raise LeftOutError(
            "size", f"{record['image']}: the image is {size}, and its labels speak of another size"
        )
    return image


def published(record: Record, fields: tuple[str, ...]) -> Record:
    """Those of the fields that the record has, without what leads to a photo."""
    found = {name: record[name] for name in fields if name in record}
    if isinstance(found.get("source"), dict):
        found["source"] = {
            name: value for name, value in found["source"].items() if name not in PRIVATE_OF_SOURCE
        }
    return found


def has_labels(record: Record, labels: str) -> bool:
    """Whether the record has a list of heads in `truth`, or in `heads`."""
    found = record.get("truth") if labels == "truth" else record
    return isinstance(found, dict) and isinstance(found.get("heads"), list)


def image_size(root: str, record: Record) -> int:
    """Bytes of the record's image file; LeftOutError where it is not there."""
    path = _image_file(root, record)
    try:
        return os.stat(path).st_size  # noqa: PTH116 - a Path takes longer to make than the file to look up
    except _NOT_THERE as error:
        raise _missing(path, error) from None


def line_of(sample: Sample) -> bytes:
    """The label as one line of JSON, without its newline."""
    return jsonl.dump(sample.label)


def _image_file(root: str, record: Record) -> str:
    """The path of the record's image; LeftOutError where it has none that may be read."""
    image = record.get("image")
    if not isinstance(image, str):
        raise LeftOutError("image", "no image; run headkit generate first")
    try:
        return f"{root}/{inside(image)}"
    except PathError as error:
        raise LeftOutError("path", str(error)) from None


def _read(path: str) -> bytes:
    """The bytes of a file, in a third of the time that a buffered file object takes; LeftOutError where it is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(descriptor, os.fstat(descriptor).st_size + 1)
            while more := os.read(
                descriptor, _READ_MORE
            ):  # it grows, or read(2) gave less than asked
                data += more
            return data
        finally:
            os.close(descriptor)
    except _NOT_THERE as error:
        raise _missing(path, error) from None


# A file that is not there is the record's fault; a disk that fails is the machine's, and passes.
_NOT_THERE = FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError
_READ_MORE = 1 << 20


def _missing(path: str, error: OSError) -> LeftOutError:
    return LeftOutError(
        "missing", f"{Path(path).name}: {error.strerror}; check the path and --root"
    )
