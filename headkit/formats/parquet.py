"""Parquet, as Hugging Face `datasets` lays it out: data/PART-NNNNNN.parquet, a row an image.

`image` is the struct of bytes and path that `datasets` decodes; `heads` is a list of structs with the fields that a
head can have, numbers as 32-bit floats; what else is published of a head or a record is JSON text, in `more`. Row groups
are small, since a reader that shows one row reads a whole group.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from headkit import jsonl
from headkit.formats.columns import HEAD, LABEL, feature
from headkit.formats.layout import Layout, Part, stem
from headkit.formats.output import Stream
from headkit.formats.sample import LeftOutError, Sample
from headkit.tool import Record

GROUP_ROWS, GROUP_BYTES = 100, 32 << 20  # most in a row group

_HEAD: Final = {**HEAD, "more": "string"}
_ROW: Final[dict[str, Any]] = {
    "id": "string",
    "image": {"bytes": "binary", "path": "string"},
    **{name: kind for name, kind in LABEL.items() if name not in ("id", "heads")},
    "heads": [_HEAD],
    "more": "string",
}


@dataclass
class Parquet(Layout):
    """A shard is a Parquet file."""

    name = "parquet"
    container = True
    whole = True
    hub = "data/{part}-*.parquet"
    file: str = ""
    stream: Stream | None = None
    sink: _Sink | None = None
    writer: Any = None
    waiting: list[Any] = field(default_factory=list)  # batches of one row, of the group in hand
    waiting_bytes: int = 0

    def prepare(self, sample: Sample) -> Any:
        """A batch of one row; LeftOutError where a label is of another type than the column."""
        try:
            return pa.RecordBatch.from_pylist([row(sample)], schema=SCHEMA)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise LeftOutError(
                "labels", f"a label does not fit its Parquet column: {error}"
            ) from None

    def size(self, prepared: Any) -> int:
        """Before compression, and without the footer."""
        return self.bytes + int(prepared.nbytes)

    def begin(self, part: str, number: int) -> None:
        self.start_shard()
        self.file = f"data/{stem(part, number)}.parquet"
        self.stream = self.output.stream(self.file)
        self.sink = _Sink(self.stream)
        self.writer = pq.ParquetWriter(
            pa.PythonFile(self.sink, mode="w"),
            SCHEMA,
            use_dictionary=False,
            write_statistics=["id", "width", "height"],
        )

    def add(self, sample: Sample, prepared: Any) -> None:  # noqa: ARG002 - all is in `prepared`
        self.waiting.append(prepared)
        self.waiting_bytes += int(prepared.nbytes)
        self.count += 1
        self.bytes += int(prepared.nbytes)
        if len(self.waiting) == GROUP_ROWS or self.waiting_bytes > GROUP_BYTES:
            self._write_group()

    def end(self) -> Record:
        assert self.stream is not None
        self._write_group()
        self.writer.close()
        done = self.output.close(self.stream, self.file)
        self.stream, self.bytes = None, done.bytes
        return self.row(done.name, done.sha256)

    def abandon(self) -> None:
        self.waiting.clear()
        if self.stream is not None and self.sink is not None:
            self.stream.abandon()
            self.sink.dropped = True  # or the writer's footer would go to a closed file
            self.writer.close()
            self.stream = None

    def about(self, parts: Sequence[Part]) -> Iterator[str]:
        prefix = self.output.prefix
        for part in parts:
            count = len(part.shards[self.name])
            yield f"- `{prefix}data/{part.name}-NNNNNN.parquet`: {count} Parquet file{'' if count == 1 else 's'}, a row an image: `image` with the bytes,"
            yield "  `heads`, a list of structs, numbers as 32-bit floats; `more` is JSON text of what else is published."
        yield ""
        yield "      import datasets"
        yield '      heads = datasets.load_dataset("FOLDER OF THIS FILE")'

    def _write_group(self) -> None:
        if self.waiting:
            table = pa.Table.from_batches(self.waiting, SCHEMA).combine_chunks()
            self.writer.write_table(table, row_group_size=len(self.waiting))
        self.waiting.clear()
        self.waiting_bytes = 0


class _Sink:
    """A stream as pyarrow writes to it."""

    closed = False
    dropped = False  # nothing more is written

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, data: Any) -> int:
        if not self.dropped:
            self._stream.write(bytes(data))
        return len(data)

    def tell(self) -> int:
        return self._stream.bytes

    def flush(self) -> None:
        """The stream is flushed when it is closed."""

    def close(self) -> None:
        """It is closed by its owner."""


def row(sample: Sample) -> Record:
    """A sample as a row of the table."""
    label = sample.label
    taken = {"schema", *LABEL}
    return {
        "id": label["id"],
        "image": {"bytes": sample.data, "path": f"{sample.key}.{sample.image.suffix}"},
        "width": sample.image.width,
        "height": sample.image.height,
        "caption": label.get("caption"),
        "labels": label["labels"],
        "heads": [_head(head) for head in sample.heads],
        "more": _json({name: value for name, value in label.items() if name not in taken}),
    }


def _head(head: Any) -> Record:
    if not isinstance(head, dict):
        raise LeftOutError("labels", "a head is no object")
    found: Record = {}
    rest = dict(head)
    for name, kind in _HEAD.items():
        value = rest.pop(name, None)
        if isinstance(kind, dict) and isinstance(value, dict):
            left = {key: each for key, each in value.items() if key not in kind}
            if left:
                rest[name] = left
            value = {key: value.get(key) for key in kind}
        found[name] = value
    found["more"] = _json(rest)
    return found


def _json(value: Record) -> str | None:
    return jsonl.dump(value).decode() if value else None


def _type(kind: Any) -> Any:
    """The Arrow type of a column."""
    if isinstance(kind, dict):
        return pa.struct([pa.field(name, _type(each)) for name, each in kind.items()])
    if isinstance(kind, list):
        return pa.list_(_type(kind[0]))
    return pa.type_for_alias(kind)


def _schema() -> Any:
    """The columns; in their metadata what `datasets` shall make of them, so that it shows images and not bytes."""
    features = {
        name: {"_type": "Image"} if name == "image" else feature(kind)
        for name, kind in _ROW.items()
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([pa.field(name, _type(kind)) for name, kind in _ROW.items()], metadata)


SCHEMA: Final = _schema()
