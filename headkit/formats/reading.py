"""A packed folder read back, sample by sample, in any format and with memory that does not grow with its size.

    packed = Packed.open(folder)
    for item in packed.items("webdataset"):  # every part, every shard, in the order of packing
        item.id, item.label["heads"], item.data

What is not as `pack` writes it is a Damage: it is given to `report`, and reading goes on with the next sample or shard;
without a `report` it is raised as a DamageError.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

from headkit import jsonl
from headkit.formats.folder import private_path
from headkit.status import BAD_INPUT, NO_INPUT, Stop
from headkit.tool import Record

INDEX = "index.json"
READERS = {
    "webdataset": "headkit.formats.read_containers.WebDatasetReader",
    "parquet": "headkit.formats.read_containers.ParquetReader",
    "coco": "headkit.formats.read_folders.CocoReader",
    "yolo": "headkit.formats.read_folders.YoloReader",
    "yolo-pose": "headkit.formats.read_folders.YoloPoseReader",
    "vggheads": "headkit.formats.read_folders.VggHeadsReader",
    "crops": "headkit.formats.read_folders.CropsReader",
}
_CUT = re.compile(r"==[0-9a-f]{32}$")


class Damage(NamedTuple):
    """What is wrong with a file of the dataset.

    file   below the dataset's folder, with slashes
    place  in it: a member, a row, a record; empty for all of it
    kind   one word
    """

    file: str
    place: str
    kind: str
    what: str


class DamageError(ValueError):
    """A Damage where nobody takes reports."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(f"{damage.file}{damage.place and ': ' + damage.place}: {damage.what}")
        self.damage = damage


Report = Callable[[Damage], None]


def refuse(damage: Damage) -> None:
    """The report of a reader that takes no damage."""
    raise DamageError(damage)


@dataclass(frozen=True)
class Where:
    """Bytes of a file: its name below the dataset's folder; the member of a container, and where its bytes lie.

    offset and size are 0 and None where a file is meant as a whole; a row of a Parquet file has no offset.
    """

    file: str
    member: str = ""
    offset: int = 0
    size: int | None = None


@dataclass(frozen=True)
class Item:
    """One sample of one format; in `crops`, one head.

    shard    id of its row in the index
    key      its name in files: the same in every format, and one for each id
    id       of the record; None where the format does not hold it and the key is too long to tell (yolo, vggheads)
    image    where the bytes of its image lie
    data     these bytes; None where they were not asked for, or are not there
    label    what this format says of it, in the fields of headkit-record(5): all that is published in webdataset and
             parquet (numbers of the latter are 32-bit floats); `heads` with `box`, `landmarks` and `ignore` in the others.
             None where it cannot be read
    native   the same as the format has it. webdataset: bytes of the JSON. parquet: the row without the image. coco:
             {"image": ..., "annotations": [...]}. yolo: the text. vggheads: arrays by name. crops: the row of metadata
    head     place of the head in the label of other formats; -1 but in crops
    """

    format: str
    part: str
    shard: str
    key: str
    id: str | None
    image: Where
    data: bytes | None
    label: Record | None
    label_at: Where
    native: Any = None
    head: int = -1


@dataclass
class Reader:
    """Reads one format. `prefix` is its folder below that of the dataset, with a slash, or empty."""

    name: ClassVar[str]
    root: Path
    prefix: str
    report: Report = refuse
    images: bool = True  # whether items have the bytes of their images

    def read(self, part: str, rows: Sequence[Record]) -> Iterator[Item]:
        """The samples of a part; `rows` are its shards in the index, in order."""
        raise NotImplementedError

    def bytes_of(self, name: str) -> bytes | None:
        """Of a file below the dataset's folder; None, once it is reported, where it is missing."""
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            self.report(Damage(name, "", "missing", "the file is missing"))
        return None

    def object_of(self, data: bytes, file: str, place: str) -> Record | None:
        """A JSON object; None, once it is reported, where it is none."""
        try:
            return jsonl.parse(data)
        except jsonl.LineError as error:
            self.report(Damage(file, place, "label", f"the label cannot be read: {error}"))
        return None


@dataclass(frozen=True)
class Packed:
    """A folder that `pack` has written, by its index."""

    folder: Path
    index: Record
    formats: tuple[str, ...]
    parts: tuple[str, ...]
    rows: tuple[Record, ...] = field(repr=False)

    @classmethod
    def open(cls, folder: Path) -> Packed:
        """Stop(NO_INPUT) where there is no index, Stop(BAD_INPUT) where it is not one of ours."""
        path = folder / INDEX
        try:
            index = json.loads(path.read_bytes())
        except OSError as error:
            raise Stop(
                NO_INPUT, f"{path}: {error.strerror}; name a folder that headkit pack has written"
            ) from None
        except ValueError:
            raise Stop(BAD_INPUT, f"{path}: not JSON; pack the dataset again") from None
        fault = _fault(index)
        if fault:
            raise Stop(BAD_INPUT, f"{path}: {fault}; pack the dataset again")
        rows = tuple(index["shards"])
        parts = dict.fromkeys([*index.get("splits", {}), *(row["part"] for row in rows)])
        return cls(folder, index, tuple(index["formats"]), tuple(parts), rows)

    @property
    def private(self) -> Path:
        """The file of what was not published; it may not be there."""
        return private_path(self.folder.resolve())

    @property
    def subsets(self) -> tuple[str, ...]:
        """Parts whose samples are in another part as well."""
        return tuple(self.index.get("subsets", {}))

    def prefix(self, format: str) -> str:
        """Of the names of a format's files."""
        return "" if len(self.formats) == 1 else f"{format}/"

    def shards(self, format: str, part: str) -> list[Record]:
        """The rows of the index for a part in a format, in order."""
        return [row for row in self.rows if row["format"] == format and row["part"] == part]

    def reader(self, format: str, report: Report = refuse, *, images: bool = True) -> Reader:
        """What reads a format."""
        module, _, name = READERS[format].rpartition(".")
        kind = cast("type[Reader]", getattr(importlib.import_module(module), name))
        return kind(self.folder, self.prefix(format), report, images)

    def items(
        self,
        format: str | None = None,
        parts: Sequence[str] | None = None,
        report: Report = refuse,
        *,
        images: bool = True,
    ) -> Iterator[Item]:
        """The samples of a format (default: the first), part by part (default: all, subsets too), in order."""
        format = format or self.formats[0]
        reader = self.reader(format, report, images=images)
        for part in self.parts if parts is None else parts:
            yield from reader.read(part, self.shards(format, part))

    def private_rows(self, path: Path | None = None) -> Iterator[Record]:
        """What was not published, a row a record, in the order of packing; none where the file is not there.

        path  of the file, if it does not lie beside the folder
        """
        path = path or self.private
        if path.exists():
            for where, line in jsonl.named_lines(path):
                try:
                    yield jsonl.parse(line)
                except jsonl.LineError as error:
                    raise Stop(BAD_INPUT, f"{where}: {error}") from None


def id_of(key: str) -> str | None:
    """The id that a key was made of; None where it was too long to be kept whole."""
    if _CUT.search(key):
        return None
    raw = re.sub(rb"=([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), key.encode())
    return raw.decode(errors="surrogateescape")


def _fault(index: Any) -> str:
    """Why an index cannot be read by; empty where it can."""
    if not isinstance(index, dict):
        return "not an index of headkit"
    formats, rows = index.get("formats"), index.get("shards")
    if not isinstance(formats, list) or not formats or not isinstance(rows, list):
        return "not an index of headkit"
    unknown = [name for name in formats if name not in READERS]
    if unknown:
        return f"format {unknown[0]!r} is not known"
    for row in rows:
        texts = ("id", "format", "part", "path")
        if not isinstance(row, dict) or any(type(row.get(name)) is not str for name in texts):
            return "a shard without id, format, part and path"
        if row["format"] not in formats or any(
            type(row.get(name)) is not int for name in ("count", "bytes")
        ):
            return f"shard {row['id']}: of no format that is listed, or without counts"
        if row["path"].startswith("/") or ".." in row["path"].split("/"):
            return f"shard {row['id']}: its path leaves the folder"
    return ""
