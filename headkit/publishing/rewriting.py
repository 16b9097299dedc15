"""Shards without some of their samples: containers written anew from their own bytes, lists of folders cut."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

from headkit import jsonl
from headkit.formats.coco import KINDS, Coco
from headkit.formats.crops import Crops
from headkit.formats.imagefile import ImageFile
from headkit.formats.layout import Layout
from headkit.formats.reading import Packed
from headkit.formats.sample import Sample
from headkit.formats.webdataset import Member
from headkit.formats.webdataset import key as sample_key
from headkit.publishing.catalog import key_of
from headkit.status import BAD_INPUT, Stop
from headkit.tool import Record


def keys_in(base: Packed, row: Record) -> Iterator[str]:
    """The keys of the samples of a container."""
    if row["format"] == "webdataset":
        for member in _members(base, row):
            yield key_of(member["name"])
        return
    import pyarrow.parquet as pq

    with pq.ParquetFile(base.folder / row["path"]) as table:
        for batch in table.iter_batches(columns=["id"]):
            yield from map(sample_key, batch.column(0).to_pylist())


def container(layout: Layout, base: Packed, row: Record, gone: set[str]) -> Record:
    """Write a container as it would have been packed without some keys; its row."""
    layout.begin(row["part"], int(row["id"].rpartition("-")[2]))
    try:
        write = _tar if layout.name == "webdataset" else _table
        write(layout, base, row, gone)
        return layout.end()
    except BaseException:
        layout.abandon()
        raise


def _tar(layout: Layout, base: Packed, row: Record, gone: set[str]) -> None:
    """Members are copied, and compared with the checksums of the index on the way."""
    with (base.folder / row["path"]).open("rb") as tar:
        sample: list[Member] = []
        key = ""
        for member in [*_members(base, row), None]:
            this = key_of(member["name"]) if member is not None else ""
            if this != key and sample:
                layout.add(_stand_in(key), sample)
                sample = []
            key = this
            if member is None or key in gone:
                continue
            tar.seek(member["offset"])
            data = tar.read(member["bytes"])
            if hashlib.sha256(data).hexdigest() != member["sha256"]:
                raise Stop(
                    BAD_INPUT,
                    f"{base.folder / row['path']}: {member['name']} is damaged; see headkit verify",
                )
            sample.append(Member(member["name"].partition(".")[2], data, member["sha256"]))


def _table(layout: Layout, base: Packed, row: Record, gone: set[str]) -> None:
    import pyarrow.parquet as pq

    from headkit.formats.parquet import SCHEMA

    with pq.ParquetFile(base.folder / row["path"]) as table:
        for group in range(table.metadata.num_row_groups):
            rows = table.read_row_group(group).cast(SCHEMA)
            for at, id in enumerate(rows.column("id").to_pylist()):
                key = sample_key(id)
                if key not in gone:
                    layout.add(_stand_in(key), rows.slice(at, 1).to_batches()[0])


def fragments(layout: Layout, base: Packed, part: str, shards: int, gone: set[str]) -> Counter[int]:
    """Cut the list of a part into those of its shards, for `finish` to put together; bytes of labels that go, by shard."""
    layout.output.scratch.mkdir(parents=True, exist_ok=True)
    if isinstance(layout, Coco):
        return _coco(layout, base, part, shards, gone)
    assert isinstance(layout, Crops)
    lists = _Lists([layout.fragment(part, number) for number in range(shards)], b"")
    path = base.folder / f"{base.prefix('crops')}{part}/metadata.jsonl"
    with path.open("rb") as source, lists:
        for line in source:
            name = jsonl.parse(line.rstrip(b"\n"))["file_name"]
            if key_of(name).rpartition("-")[0] not in gone:
                lists.write(int(name[:6]), line)
    return Counter()


def _coco(coco: Coco, base: Packed, part: str, shards: int, gone: set[str]) -> Counter[int]:
    path = base.folder / f"{base.prefix('coco')}annotations/{part}.json"
    numbers: dict[int, int] = {}  # id of an image -> its shard; -1 - shard where it goes
    images, annotations = (
        _Lists([coco.fragment(part, number, kind) for number in range(shards)], b",\n")
        for kind in KINDS
    )
    with path.open("rb") as source, images:
        for line in _section(source, b'"images":['):
            image = jsonl.parse(line)
            number = int(image["file_name"][:6])
            goes = key_of(image["file_name"]) in gone
            numbers[image["id"]] = -1 - number if goes else number
            if not goes:
                images.write(number, line)
    sizes: Counter[int] = Counter()
    last = None
    with path.open("rb") as source, annotations:
        for line in _section(source, b'"annotations":['):
            image_id = jsonl.parse(line)["image_id"]
            number = numbers[image_id]
            if number >= 0:
                annotations.write(number, line)
            else:  # with what is between it and the one before of the same sample
                sizes[-1 - number] += len(line) + (len(b",\n") if image_id == last else 0)
            last = image_id
    return sizes


class _Lists:
    """Files of one list each, written one after the other."""

    def __init__(self, paths: Sequence[Path], between: bytes) -> None:
        self._paths, self._between = paths, between
        self._number = -1
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        for path in self._paths:
            path.write_bytes(b"")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, number: int, line: bytes) -> None:
        """Append to the list of a number."""
        if number != self._number or self._file is None:
            if self._file is not None:
                self._file.close()
            self._number, self._file = number, self._paths[number].open("ab")
        self._file.write((self._between if self._file.tell() else b"") + line)


def _section(source: BinaryIO, begin: bytes) -> Iterator[bytes]:
    """The lines of one list of a COCO file, without their commas."""
    for line in source:
        if line.lstrip(b",").startswith(begin):
            break
    for line in source:
        if line.startswith(b"]"):
            return
        bare = line.rstrip(b",\n")
        if bare:
            yield bare


def _members(base: Packed, row: Record) -> Iterator[Any]:
    index = base.folder / f"{row['path'].removesuffix('.tar')}.index.jsonl"
    for where, line in jsonl.named_lines(index):
        try:
            yield jsonl.parse(line)
        except jsonl.LineError as error:
            raise Stop(BAD_INPUT, f"{where}: {error}; see headkit verify") from None


def _stand_in(key: str) -> Sample:
    """What containers ask of a sample that is prepared already."""
    return Sample(0, 0, key, ImageFile("", 0, 0, turned=False), b"", "", {}, {})
