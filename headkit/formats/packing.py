"""Packing a dataset: which records go in, what of them is published, and what is said of the whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from headkit import __version__, jsonl
from headkit.formats.census import Census, card
from headkit.formats.folder import Workplace, refuse_full_disk
from headkit.formats.imagefile import inspect
from headkit.formats.journal import Journal
from headkit.formats.webdataset import Member, Writer
from headkit.formats.webdataset import key as sample_key
from headkit.image import ImageError
from headkit.paths import PathError, resolve
from headkit.record import FIELDS, SCHEMA
from headkit.status import BAD_INPUT, USAGE, Stop
from headkit.tool import Failure, Record

PRIVATE_OF_SOURCE = (
    "sha256",
    "path",
    "member",
    "image_id",
)  # with these a photo could be found again


@dataclass(frozen=True)
class Plan:
    """What to publish, and how large a shard may grow."""

    fields: tuple[str, ...]
    samples: int  # most in a shard
    bytes: int  # most in a shard, as the tar file is long


class LeftOutError(ValueError):
    """Why a record is not in the dataset."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def failure(self, record: Record) -> Failure:
        return Failure(self.kind, f"record {record.get('id')!r}: {self}")


class Packing:
    """One run: records wait on disk until all are seen, since labels and space depend on all of them."""

    def __init__(self, plan: Plan, root: Path, place: Workplace) -> None:
        self.plan, self.root, self.place = plan, root, place
        self.waiting = place.work / "waiting.jsonl"
        self.census = Census()
        self.not_waiting: Counter[str] = Counter()  # why -> records left out before any was written
        self.journal = Journal("")
        self.with_labels: Counter[str] = Counter()
        self.records = 0
        self.image_bytes = 0
        self.shards: list[dict[str, Any]] = []

    def spool(self, records: Iterator[Record]) -> Iterator[Failure]:
        """Put what can be packed on disk; a Failure for each record that has no image file."""
        with self.waiting.open("wb") as file:
            for record in records:
                if "error" in record:
                    self.not_waiting["error in an earlier tool"] += 1
                    continue
                if not self.records:
                    self.check_fields(record)
                try:
                    self.image_bytes += _stat(image_file(self.root, record)).st_size
                except LeftOutError as error:
                    self.not_waiting[error.kind] += 1
                    yield error.failure(record)
                    continue
                self.records += 1
                self.with_labels.update(
                    name for name in ("truth", "heads") if has_labels(record, name)
                )
                file.write(jsonl.dump(record) + b"\n")

    def check_fields(self, first: Record) -> None:
        """Stop(USAGE) for a field that is neither in the format nor in the first record."""
        known = {field.path for field in FIELDS} | set(first)
        for name in self.plan.fields:
            if name not in known:
                raise Stop(
                    USAGE,
                    f"--fields: no field {name!r}, neither in headkit-record(5) nor in the first record",
                )

    def leave_out(self, error: LeftOutError, record: Record) -> Failure:
        self.census.left_out[error.kind] += 1
        return error.failure(record)

    def choose_labels(self, wanted: str | None) -> str:
        """Stop(BAD_INPUT) where no record has labels."""
        if not self.records:
            return "none"
        chosen = wanted or ("truth" if self.with_labels["truth"] == self.records else "heads")
        if not self.with_labels[chosen]:
            raise Stop(
                BAD_INPUT, f"no record has {chosen}; run headkit detect first, or see --labels"
            )
        return chosen

    def write(self, wanted: str | None) -> Iterator[Failure]:
        """Make the whole folder; a Failure for each record whose image or labels cannot be published."""
        labels = self.choose_labels(wanted)
        plan = hashlib.sha256(repr((__version__, self.plan, labels)).encode()).hexdigest()
        self.journal = Journal.load(self.place.journal, plan, self.waiting)
        self.census.restore(self.journal.census)
        yield from (Failure(kind, message) for kind, message in self.journal.failures)
        # Labels and private fields at most double what the records take; shards pad a little.
        done = sum(shard["bytes"] for shard in self.journal.shards)
        text = self.waiting.stat().st_size
        refuse_full_disk(self.place.work, self.image_bytes + 2 * text + 4096 * self.records - done)
        writer = Writer(
            self.place.new,
            self.plan.samples,
            self.plan.bytes,
            self.journal.shards,
            self.journal.sums,
        )
        try:
            with self.open_private() as private, self.waiting.open("rb") as lines:
                yield from self.write_samples(labels, lines, private, writer)
                _sync(private)
            self.shards = writer.close()
        finally:
            writer.abandon()
        self.describe(labels, writer)

    def open_private(self) -> BinaryIO:
        """The private file, cut to what the journal knows of."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        file = os.fdopen(os.open(self.place.private, flags, 0o600), "r+b")
        file.truncate(self.journal.private)
        file.seek(self.journal.private)
        return file

    def write_samples(
        self, labels: str, lines: BinaryIO, private: BinaryIO, writer: Writer
    ) -> Iterator[Failure]:
        """Append every waiting record's sample; the journal is written before each new shard."""
        offset = lines.seek(self.journal.offset)
        digest = hashlib.sha256()
        lines.seek(0)
        while lines.tell() < offset:
            digest.update(lines.read(min(1 << 20, offset - lines.tell())))
        for line in lines:
            record = jsonl.parse(line)
            try:
                members, label, rest = self.sample(record, labels)
            except LeftOutError as error:
                failure = self.leave_out(error, record)
                self.journal.failures.append([failure.kind, failure.message])
                yield failure
            else:
                if writer.is_full(members):
                    writer.finish()
                    self.checkpoint(offset, digest.hexdigest(), private, writer)
                key = sample_key(record["id"])
                writer.add(key, members)
                self.census.add(members[0].suffix, label)
                private.write(jsonl.dump({"id": record["id"], "key": key, **rest}) + b"\n")
            digest.update(line)
            offset += len(line)

    def checkpoint(self, offset: int, digest: str, private: BinaryIO, writer: Writer) -> None:
        """Write down that everything up to `offset` of the waiting records is in whole shards."""
        _sync(private)
        self.journal.offset, self.journal.digest = offset, digest
        self.journal.private = private.tell()
        self.journal.shards, self.journal.sums = writer.shards, writer.sums
        self.journal.census = self.census.state()
        self.journal.save(self.place.journal)

    def sample(self, record: Record, labels: str) -> tuple[list[Member], Record, Record]:
        """The members of a record's sample, its label, and the fields that it keeps to itself."""
        if not has_labels(record, labels):
            raise LeftOutError("labels", f"no {labels}; run headkit detect, or see --labels")
        data = _read(image_file(self.root, record))
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
                "size",
                f"{record['image']}: the image is {size}, and its labels speak of another size",
            )
        member = Member.of(image.suffix, data)
        if record.get("image_sha256") not in (None, member.sha256):
            raise LeftOutError(
                "changed", f"{record['image']}: the image has changed since it was labelled"
            )
        heads = record["truth"]["heads"] if labels == "truth" else record["heads"]
        published = self.published(record)
        label = {
            "schema": SCHEMA,
            "id": record["id"],
            **published,
            "labels": labels,
            "heads": heads,
        }
        taken = {*published, "id", labels} - {"source"}
        rest = {name: value for name, value in record.items() if name not in taken}
        return [member, Member.of("json", jsonl.dump(label))], label, rest

    def published(self, record: Record) -> Record:
        found = {name: record[name] for name in self.plan.fields if name in record}
        if isinstance(found.get("source"), dict):
            found["source"] = {
                name: value
                for name, value in found["source"].items()
                if name not in PRIVATE_OF_SOURCE
            }
        return found

    def is_published(self, path: str) -> bool:
        """Whether samples have the field, or the one that it is a part of."""
        return any(
            path == name or path.startswith(name + ".")
            for name in self.census.fields - {"heads", "schema"}
        )

    def describe(self, labels: str, writer: Writer) -> None:
        """Card, index and checksums."""
        self.census.left_out.update(self.not_waiting)
        # A head found and a head drawn have the same fields, and what is said of the latter says more.
        paths = {row.path: row.meaning for row in FIELDS if not row.path.startswith("truth.")}
        paths |= {
            row.path.removeprefix("truth."): row.meaning
            for row in FIELDS
            if row.path.startswith("truth.")
        }
        meanings = [(path, text) for path, text in paths.items() if self.is_published(path)]
        text = card(
            self.census,
            labels=labels,
            fields=meanings,
            shards=len(self.shards),
        )
        index = {
            "format": "webdataset",
            "schema": SCHEMA,
            "made_with": f"headkit {__version__}",
            "labels": labels,
            "images": self.census.images,
            "heads": self.census.heads,
            "left_out": dict(sorted(self.census.left_out.items())),
            "shards": self.shards,
        }
        writer.put("README.md", text.encode())
        writer.put("index.json", json.dumps(index, indent=1).encode() + b"\n")
        writer.put_sums()


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def has_labels(record: Record, labels: str) -> bool:
    """Whether the record has a list of heads in `truth`, or in `heads`."""
    found = record.get("truth") if labels == "truth" else record
    return isinstance(found, dict) and isinstance(found.get("heads"), list)


def image_file(root: Path, record: Record) -> Path:
    """The path of the record's image; LeftOutError where it has none that may be read."""
    image = record.get("image")
    if not isinstance(image, str):
        raise LeftOutError("image", "no image; run headkit generate first")
    try:
        return resolve(root, image)
    except PathError as error:
        raise LeftOutError("path", str(error)) from None


def _stat(path: Path) -> os.stat_result:
    with _missing_as_left_out(path):
        return path.stat()


def _read(path: Path) -> bytes:
    with _missing_as_left_out(path):
        return path.read_bytes()


@contextmanager
def _missing_as_left_out(path: Path) -> Iterator[None]:
    """A file that is not there is the record's fault; a disk that fails is the machine's, and passes."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise LeftOutError(
            "missing", f"{path.name}: {error.strerror}; check the path and --root"
        ) from None
