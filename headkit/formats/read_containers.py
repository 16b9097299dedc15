"""Formats that hold images inside larger files, read back: WebDataset and Parquet."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headkit import jsonl
from headkit.formats.columns import HEAD, LABEL
from headkit.formats.reading import Damage, Item, Reader, Where
from headkit.record import SCHEMA
from headkit.tool import Record


@dataclass
class WebDatasetReader(Reader):
    """Tar files, from front to end. The members of a sample lie side by side."""

    name = "webdataset"

    def read(self, part: str, rows: Sequence[Record]) -> Iterator[Item]:
        for row in rows:
            yield from self._shard(part, row)

    def _shard(self, part: str, row: Record) -> Iterator[Item]:
        found: dict[str, tuple[Where, bytes]] = {}  # by suffix, of the sample in hand
        key = ""
        for name, offset, data in self._members(row["path"]):
            this, _, suffix = name.partition(".")
            if this != key and found:
                yield from self._item(part, row, key, found)
                found = {}
            key = this
            place = Where(row["path"], name, offset, len(data))
            if suffix in found:
                self.report(Damage(row["path"], name, "twice", "the member is there twice"))
            found[suffix] = place, data
        if found:
            yield from self._item(part, row, key, found)

    def _members(self, file: str) -> Iterator[tuple[str, int, bytes]]:
        """Name, offset of the data, and the data, of every member that can be read."""
        try:
            with tarfile.open(self.root / file, "r:") as tar:
                # TarFile keeps a list of the members it has met, which would grow with the shard.
                while (info := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]
                    if not info.isfile():
                        self.report(Damage(file, info.name, "foreign", "a member that is no file"))
                        continue
                    stream = tar.extractfile(info)
                    assert stream is not None
                    data = stream.read()
                    if len(data) != info.size:
                        raise tarfile.ReadError("unexpected end of data")
                    yield info.name, info.offset_data, data
        except FileNotFoundError:
            self.report(Damage(file, "", "missing", "the file is missing"))
        except tarfile.TarError as error:
            self.report(Damage(file, "", "container", f"the tar file cannot be read on: {error}"))

    def _item(
        self, part: str, row: Record, key: str, found: dict[str, tuple[Where, bytes]]
    ) -> Iterator[Item]:
        file = row["path"]
        text, pictures = found.pop("json", None), list(found.values())
        if text is None:
            self.report(Damage(file, f"{key}.json", "missing", "the sample has no label"))
        if not pictures:
            self.report(Damage(file, key, "missing", "the sample has no image"))
        for where, _ in pictures[1:]:
            self.report(Damage(file, where.member, "foreign", "a second image in one sample"))
        image, data = pictures[0] if pictures else (Where(file, key), None)
        label_at, line = text or (Where(file, f"{key}.json"), None)
        label = None if line is None else self.object_of(line, file, label_at.member)
        yield Item(
            self.name,
            part,
            row["id"],
            key,
            label.get("id") if label is not None else None,
            image,
            data if self.images else None,
            label,
            label_at,
            line,
        )


@dataclass
class ParquetReader(Reader):
    """Parquet files, a row group at a time. A label comes back with its numbers as 32-bit floats, and without nulls."""

    name = "parquet"

    def read(self, part: str, rows: Sequence[Record]) -> Iterator[Item]:
        for row in rows:
            yield from self._shard(part, row)

    def _shard(self, part: str, row: Record) -> Iterator[Item]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        file = row["path"]
        try:
            with pq.ParquetFile(self.root / file) as table:
                at = 0
                for group in range(table.metadata.num_row_groups):
                    for record in _rows(table.read_row_group(group)):
                        yield from self._item(part, row, at, record)
                        at += 1
        except FileNotFoundError:
            self.report(Damage(file, "", "missing", "the file is missing"))
        except (pa.ArrowException, OSError) as error:
            what = str(error).splitlines()[0] if str(error) else type(error).__name__
            self.report(
                Damage(file, "", "container", f"the Parquet file cannot be read on: {what}")
            )

    def _item(self, part: str, row: Record, at: int, record: Record) -> Iterator[Item]:
        file = row["path"]
        image, id = record.pop("image", None), record.get("id")
        if not isinstance(image, dict) or not isinstance(image.get("path"), str):
            self.report(Damage(file, f"row {at}", "missing", "the row has no image"))
            return
        name = image["path"]
        label: Record | None = None
        try:
            label = label_of(record)
        except (jsonl.LineError, AttributeError, TypeError) as error:
            self.report(Damage(file, name, "label", f"the label cannot be read: {error}"))
        data = image.get("bytes")
        if data is None:
            self.report(Damage(file, name, "missing", "the row has no image"))
        yield Item(
            self.name,
            part,
            row["id"],
            name.partition(".")[0],
            id,
            Where(file, name),
            data if self.images else None,
            label,
            Where(file, name),
            record,
        )


def _rows(table: Any) -> Iterator[Record]:
    """The rows of a table, one at a time: as Python objects a group is many times its size."""
    for batch in table.to_batches(max_chunksize=16):
        yield from batch.to_pylist()


def label_of(row: Record) -> Record:
    """A row of the table, without its image, as the label that it was made of."""
    label: Record = {"schema": SCHEMA}
    label |= {name: row[name] for name in LABEL if name != "heads" and row.get(name) is not None}
    if row.get("more"):
        label |= jsonl.parse(row["more"].encode())
    label["heads"] = [_head(head) for head in row["heads"] or ()]
    return label


def _head(found: Record) -> Record:
    head: Record = {}
    for name, kind in HEAD.items():
        value = found.get(name)
        if isinstance(kind, dict) and value is not None:
            value = {key: each for key, each in value.items() if each is not None}
        if value is not None:
            head[name] = value
    more = jsonl.parse(found["more"].encode()) if found.get("more") else {}
    for name, value in more.items():
        head[name] = head[name] | value if name in head else value
    return head
