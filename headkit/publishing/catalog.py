"""The samples of a packed folder with all that is known of them: what is published, and what the private file adds."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headkit import jsonl
from headkit.formats.imagefile import ImageFile
from headkit.formats.reading import Packed
from headkit.formats.sample import Sample
from headkit.formats.webdataset import key as sample_key
from headkit.status import BAD_INPUT, Stop
from headkit.tool import Record

WHOLE_LABELS = ("webdataset", "parquet")  # formats that hold all that is published of a sample


@dataclass
class Entry:
    """A sample. `shard` is PART-NNNNNN, the same in every format."""

    id: str
    part: str
    shard: str
    suffix: str
    label: Record
    rest: Record

    @property
    def record(self) -> Record:
        """All that is known."""
        return {**self.label, **self.rest}


class Private:
    """The rows of a private file, found by id; some 100 bytes of memory each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers: dict[str, int] = {}
        self._starts = array("q")
        self._is_there = path.exists()
        at = 0
        for number, line in enumerate(self._read()):
            self._numbers[_parsed(line, path)["id"]] = number
            self._starts.append(at)
            at += len(line)

    def __bool__(self) -> bool:
        return self._is_there

    @contextmanager
    def rows(self) -> Iterator[Callable[[str], Record]]:
        """A function that finds the row of an id; it is empty where there is none."""
        if not self._is_there:
            yield lambda _: {}
            return
        with self.path.open("rb") as file:

            def row(id: str) -> Record:
                number = self._numbers.get(id)
                if number is None:
                    return {}
                file.seek(self._starts[number])
                found: Record = _parsed(file.readline(), self.path)
                return found

            yield row

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """(id, line) of all, in order."""
        return zip(self._numbers, self._read(), strict=True)

    def _read(self) -> Iterator[bytes]:
        if self._is_there:
            with self.path.open("rb") as file:
                yield from file


def entries(base: Packed, private: Private) -> Iterator[Entry]:
    """Every sample of the splits, once. Stop(BAD_INPUT) where nothing holds the labels, or a file is damaged."""
    format = next((name for name in WHOLE_LABELS if name in base.formats), None)
    parts = [part for part in base.parts if part not in base.subsets]
    if format is None:
        yield from _private_entries(base, private)
        return
    labels = _tar_labels if format == "webdataset" else _parquet_labels
    with private.rows() as private_row:
        for row in (row for part in parts for row in base.shards(format, part)):
            part, shard = row["part"], row["id"].removeprefix(base.prefix(format))
            try:
                for suffix, label in labels(base, row["path"]):
                    rest = _rest(private_row(label["id"]))
                    yield Entry(label["id"], part, shard, suffix, label, rest)
            except (OSError, KeyError, jsonl.LineError) as error:
                raise Stop(
                    BAD_INPUT, f"{base.folder / row['path']}: {error}; see headkit verify"
                ) from None


def _private_entries(base: Packed, private: Private) -> Iterator[Entry]:
    if not private:
        raise Stop(
            BAD_INPUT,
            f"{private.path} is not there, and none of the formats of {base.folder} holds whole labels; name the "
            "private file with --base-private",
        )
    for _, line in private.lines():
        row = _parsed(line, private.path)
        if "shard" not in row or "label" not in row:
            raise Stop(BAD_INPUT, f"{private.path}: is of an older headkit; pack the dataset again")
        shard, suffix = row["shard"], Path(str(row.get("image", ""))).suffix.lower().lstrip(".")
        suffix = {"jpeg": "jpg"}.get(suffix, suffix)
        part = shard.rpartition("-")[0]
        yield Entry(row["id"], part, shard, suffix, row["label"], _rest(row))


def _rest(row: Record) -> Record:
    return {
        name: value for name, value in row.items() if name not in ("id", "key", "shard", "label")
    }


def _tar_labels(base: Packed, file: str) -> Iterator[tuple[str, Record]]:
    """(suffix of the image, label) of every sample of a shard, by its index: images are not read."""
    index = base.folder / f"{file.removesuffix('.tar')}.index.jsonl"
    suffix = ""
    with (base.folder / file).open("rb") as tar, index.open("rb") as lines:
        for line in lines:
            member = _parsed(line, index)
            ending = member["name"].partition(".")[2]
            if ending == "json":
                tar.seek(member["offset"])
                yield suffix, jsonl.parse(tar.read(member["bytes"]))
            else:
                suffix = ending


def _parquet_labels(base: Packed, file: str) -> Iterator[tuple[str, Record]]:
    import pyarrow.parquet as pq

    from headkit.formats.read_containers import label_of

    with pq.ParquetFile(base.folder / file) as table:
        names = [name for name in table.schema_arrow.names if name != "image"]
        for group in range(table.metadata.num_row_groups):
            for row in table.read_row_group(group, columns=[*names, "image.path"]).to_pylist():
                suffix = row.pop("image")["path"].rpartition(".")[2]
                yield suffix, label_of(row)


def _parsed(line: bytes, path: Path) -> Any:
    try:
        return jsonl.parse(line.rstrip(b"\n"))
    except jsonl.LineError as error:
        raise Stop(BAD_INPUT, f"{path}: {error}; see headkit verify") from None


def key_of(name: str) -> str:
    """The key in a file's name."""
    return name.rpartition("/")[2].partition(".")[0]


def stand_in(entry: Entry) -> Sample:
    """What formats look at of a sample, without its image."""
    record = entry.record
    image = ImageFile(entry.suffix, record.get("width", 0), record.get("height", 0), turned=False)
    return Sample(0, 0, sample_key(entry.id), image, b"", "", entry.label, entry.rest)
