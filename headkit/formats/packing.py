"""Packing a dataset: which records go in, in which part and order, and what is said of the whole."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from headkit import __version__, jsonl
from headkit.formats import layout as table
from headkit.formats.ahead import in_order
from headkit.formats.census import Census
from headkit.formats.documents import Documents, Packed
from headkit.formats.folder import Workplace, refuse_full_disk
from headkit.formats.journal import Journal
from headkit.formats.layout import Choices, Layout
from headkit.formats.sample import LeftOutError, Sample, has_labels, image_size, published, sample
from headkit.formats.shards import Prepared, Shards, Sidecar, outputs
from headkit.formats.splits import Roster, Wanted
from headkit.formats.waiting import Waiting
from headkit.formats.webdataset import key as sample_key
from headkit.privacy.image_metadata import ImageMetadata
from headkit.privacy.scan import Scan
from headkit.record import FIELDS, SCHEMA
from headkit.status import BAD_INPUT, USAGE, Stop
from headkit.tool import Context, Failure, Record

WHOLE = "heads"  # the name of the only part where nothing is split
NONE_CHOSEN = Choices()


@dataclass(frozen=True)
class Plan:
    """What to publish, in which formats and parts, and how large a shard may grow."""

    fields: tuple[str, ...]
    samples: int  # most in a shard
    bytes: int  # most in a shard
    formats: tuple[str, ...] = ("webdataset",)
    split: tuple[Wanted, ...] = ()
    split_by: tuple[str, ...] = ()
    stratify: str | None = None
    subsets: tuple[Wanted, ...] = ()
    head: str = ""  # sha256 of the FLAME model, where a format needs one
    crop_size: int = 0
    marks: bool = False
    base: str = ""  # of a release: digest of what it is made from, and of what goes


@dataclass(frozen=True)
class Ready:
    """A sample that can be written."""

    sample: Sample
    prepared: Prepared


@dataclass(frozen=True)
class Errand:
    """A line to be made a sample: for which part, and the record's number."""

    part: str
    number: int
    line: bytes


class Packing:
    """One run: records wait on disk until all are seen, since labels, parts and space depend on all of them."""

    def __init__(
        self,
        plan: Plan,
        context: Context,
        place: Workplace,
        documents: Documents,
        choices: Choices = NONE_CHOSEN,
        scan: Scan | None = None,
    ) -> None:
        self.plan, self.context, self.root, self.place = plan, context, str(context.root), place
        self.choices, self.documents, self.scan = choices, documents, scan
        files = scan is not None and plan.formats != ("crops",)  # these are coded anew
        self.metadata = ImageMetadata(scan) if scan is not None and files else None
        self.waiting = Waiting(place.work / "waiting.jsonl")
        self.roster = Roster(plan.split_by, plan.stratify)
        self.census = Census()
        self.not_waiting: Counter[str] = Counter()  # why -> records left out before any was written
        self.journal = Journal("")
        self.with_labels: Counter[str] = Counter()
        self.image_bytes = 0
        self.parts: dict[str, Sequence[int]] = {}  # name -> numbers of its records, in order
        self.shards: Shards | None = None
        self.sidecar: Sidecar | None = None
        self.first = (
            0,
            0,
        )  # numbers of the first record and head: those of a release go on behind its base
        self.more: dict[str, bytes] = {}  # documents that others have written
        self.said: Record = {}  # more that the index says

    @property
    def rows(self) -> list[Record]:
        """One for every shard of every format."""
        return self.shards.rows if self.shards is not None else []

    def spool(self, records: Iterator[Record], wanted: str | None) -> Iterator[Failure]:
        """Put what can be packed on disk; a Failure for each record that has no image file."""
        with self.waiting:
            for record in records:
                if "error" in record:
                    self.not_waiting["error in an earlier tool"] += 1
                    continue
                if not len(self.waiting):
                    self.check_fields(record)
                try:
                    self.image_bytes += image_size(self.root, record)
                except LeftOutError as error:
                    self.not_waiting[error.kind] += 1
                    yield error.failure(record)
                    continue
                self.documents.look(record)
                found = {name: _heads(record, name) for name in ("truth", "heads")}
                if self.scan is not None:
                    labels = [found[wanted]] if wanted else list(found.values())
                    public = published(record, self.plan.fields)
                    self.scan.look(record["id"], {**public, "heads": labels})
                self.with_labels.update(name for name in found if has_labels(record, name))
                self.waiting.add(jsonl.dump(record), max(map(len, found.values())))
                if self.plan.split or self.plan.subsets:
                    self.roster.add(record, found[wanted or "truth"] or found["heads"])
        if self.scan is not None:
            self.scan.stop()

    def check_fields(self, first: Record) -> None:
        """Stop(USAGE) for a field that is neither in the format nor in the first record."""
        known = {field.path for field in FIELDS} | set(first)
        for name in self.plan.fields:
            if name not in known:
                raise Stop(
                    USAGE,
                    f"--fields: no field {name!r}, neither in headkit-record(5) nor in the first record",
                )

    def choose_labels(self, wanted: str | None) -> str:
        """Stop(BAD_INPUT) where no record has labels."""
        records = len(self.waiting)
        if not records:
            return "none"
        chosen = wanted or ("truth" if self.with_labels["truth"] == records else "heads")
        if not self.with_labels[chosen]:
            raise Stop(
                BAD_INPUT, f"no record has {chosen}; run headkit detect first, or see --labels"
            )
        return chosen

    def arrange(self) -> None:
        """Give every record its part; Stop(BAD_INPUT) where splits or subsets cannot be filled."""
        records = len(self.waiting)
        if not records:
            return
        splits: list[Sequence[int]] = [range(records)]
        names = [WHOLE]
        if self.plan.split:
            names = [each.name for each in self.plan.split]
            splits = list(self.roster.split(self.plan.split))
            self.not_waiting["in no split"] += records - sum(map(len, splits))
            self.not_waiting += Counter()  # drops what is 0
        self.parts = dict(zip(names, splits, strict=True))
        if self.plan.subsets:
            among = [array("q", part) for part in splits]
            found = self.roster.subsets(self.plan.subsets, among)
            self.parts |= {
                each.name: part for each, part in zip(self.plan.subsets, found, strict=True)
            }

    def write(self, wanted: str | None) -> Iterator[Failure]:
        """Make the whole folder; a Failure for each record whose image or labels cannot be published."""
        labels = self.choose_labels(wanted)
        self.arrange()
        self.journal = Journal.load(self.place.journal, self.plan_digest(labels))
        self.census.restore(self.journal.census)
        self.documents.restore(self.journal.facts)
        yield from (Failure(kind, message) for kind, message in self.journal.failures)
        with cut(self.place.sums, self.journal.sums):
            self.place.sweep()
        places = outputs(self.place.new, self.place.scratch, self.plan.formats)
        layouts = [
            table.load(name)(place, self.choices)
            for name, place in zip(self.plan.formats, places, strict=True)
        ]
        self.refuse_full_disk(layouts)
        limits = (self.plan.samples, self.plan.bytes)
        shards = Shards(layouts, self.place.new, self.place.sums, limits, self.journal.shards)
        self.shards, shards.sidecar = shards, self.sidecar
        try:
            with cut(self.place.private, self.journal.private) as private:
                yield from self.write_samples(labels, private, shards)
                _sync(private)
            parts = shards.parts(list(self.parts))
            for layout in layouts:
                layout.finish(parts)
            self.describe(labels, shards)
        finally:
            shards.abandon()

    def plan_digest(self, labels: str) -> str:
        """Of all that decides the bytes: a run that goes on must have the same."""
        return hashlib.sha256(repr((__version__, self.plan, labels)).encode()).hexdigest()

    def refuse_full_disk(self, layouts: list[Layout]) -> None:
        """Stop(WRITE_FAILED) where what is still to be written does not fit."""
        containers = sum(layout.container for layout in layouts)
        copies = containers + (containers < len(layouts))  # files are linked: one copy for all
        texts = 2 * self.waiting.bytes + 4096 * len(self.waiting)  # labels, private fields, padding
        whole = copies * self.image_bytes + len(layouts) * texts
        counted = [layout.name for layout in layouts if layout.container]
        counted += [layout.name for layout in layouts if not layout.container][:1]
        done = sum(row["bytes"] for row in self.journal.shards if row["format"] in counted)
        refuse_full_disk(self.place.work, whole - done)

    def write_samples(self, labels: str, private: BinaryIO, shards: Shards) -> Iterator[Failure]:
        """Append every waiting record's sample; the journal is written behind each shard."""

        def ready(errand: Errand) -> Ready | LeftOutError:
            return self.ready(errand, labels, shards)

        split = list(self.parts)[: len(self.plan.split) or 1]
        digest, part = hashlib.sha256(), ""
        errands, done = self.errands(), 0
        for errand in islice(errands, self.journal.done):  # those of the run before
            digest.update(errand.line)
            done, part = done + 1, errand.part
        if (done, digest.hexdigest()) != (self.journal.done, self.journal.digest):
            raise Stop(
                USAGE,
                "--resume: the run before had other records; leave --resume out to start anew",
            )
        for errand, outcome in in_order(ready, errands, self.context.jobs):
            self.context.check()
            full = isinstance(outcome, Ready) and shards.is_full(outcome.prepared)
            if (full or errand.part != part) and shards.end():
                self.checkpoint(done, digest.hexdigest(), private, shards)
            part = errand.part
            again = part not in split  # a subset tells of records that were told of before
            if isinstance(outcome, Ready):
                if self.metadata is not None and outcome.sample.image.metadata:
                    self.metadata.look(outcome.sample.label["id"], outcome.sample.data)
                shards.add(part, outcome.sample, outcome.prepared)
                if not again:
                    self.census.add(outcome.sample.image.suffix, outcome.sample.label)
                    self.documents.add(outcome.sample, part)
                    private.write(self.private_line(outcome.sample, part, shards))
            elif not again:
                yield self.leave_out(outcome, jsonl.parse_own(errand.line))
            digest.update(errand.line)
            done += 1
        if shards.end():
            self.checkpoint(done, digest.hexdigest(), private, shards)

    def errands(self) -> Iterator[Errand]:
        """Every record of every part, in the order of packing."""
        for part, numbers in self.parts.items():
            for number, line in self.waiting.lines(numbers):
                yield Errand(part, number, line)

    def ready(self, errand: Errand, labels: str, shards: Shards) -> Ready | LeftOutError:
        """What will be written of a line, or why nothing; changes nothing, and may run in a thread."""
        record = jsonl.parse_own(errand.line)
        record_number, head_number = self.first
        place = (
            record_number + errand.number,
            head_number + self.waiting.first_head(errand.number),
        )
        try:
            found = sample(
                record,
                sample_key(record["id"]),
                place,
                self.root,
                self.plan.fields,
                labels,
                self.choices.mark,
            )
            return Ready(found, shards.prepare(found))
        except LeftOutError as error:
            return error

    def leave_out(self, error: LeftOutError, record: Record) -> Failure:
        self.census.left_out[error.kind] += 1
        failure = error.failure(record)
        self.journal.failures.append([failure.kind, failure.message])
        return failure

    def private_line(self, sample: Sample, part: str, shards: Shards) -> bytes:
        split = {"split": part} if self.plan.split else {}
        row = {"id": sample.label["id"], "key": sample.key, **split, "shard": shards.in_hand}
        row |= sample.rest
        if not any(layout.whole for layout in shards.layouts):
            row["label"] = sample.label  # a release of later needs it, and no format holds it
        return jsonl.dump(row) + b"\n"

    def checkpoint(self, done: int, digest: str, private: BinaryIO, shards: Shards) -> None:
        """Write down that the first `done` records of the order are in whole shards; Stop(USAGE) where their images hold what is private."""
        if self.scan is not None:
            self.scan.stop()
        _sync(private)
        self.journal.done, self.journal.digest = done, digest
        self.journal.private = private.tell()
        self.journal.sums = self.place.sums.stat().st_size
        self.journal.shards = shards.rows
        self.journal.census = self.census.state()
        self.journal.facts = self.documents.state()
        self.journal.save(self.place.journal)

    def describe(self, labels: str, shards: Shards) -> None:
        """Documents, index and checksums."""
        self.census.left_out.update(self.not_waiting)
        parts = shards.parts(list(self.parts), [each.name for each in self.plan.subsets])
        counts = {part.name: part.images(shards.layouts[0].name) for part in parts}
        splits = {each.name: counts.get(each.name, 0) for each in self.plan.split}
        subsets = {each.name: counts.get(each.name, 0) for each in self.plan.subsets}
        index = {
            "formats": list(self.plan.formats),
            "schema": SCHEMA,
            "made_with": f"headkit {__version__}",
            "labels": labels,
            "images": self.census.images,
            "heads": self.census.heads,
            "left_out": dict(sorted(self.census.left_out.items())),
            "splits": splits,
            "subsets": subsets,
            "plan": asdict(self.plan),
            "next": {
                "record": self.first[0] + len(self.waiting),
                "head": self.first[1] + self.waiting.heads,
            },
            **self.said,
            "shards": shards.rows,
        }
        more = [*sorted(self.more), *(["embeddings/"] if "embeddings" in self.said else [])]
        texts = self.documents.files(
            Packed(self.census, labels, shards.layouts, parts, splits, subsets, shards.rows, more)
        )
        if self.scan is not None:
            for name, text in texts.items():
                self.scan.look_at(name, text.decode())
            self.scan.stop()
        data = json.dumps(index, indent=1).encode() + b"\n"
        shards.publish({**texts, **self.more, "index.json": data})


def _heads(record: Record, labels: str) -> list[Any]:
    """The heads of these labels; none where the record has no such labels."""
    if not has_labels(record, labels):
        return []
    heads: list[Any] = record["truth"]["heads"] if labels == "truth" else record["heads"]
    return heads


def cut(path: Path, length: int) -> BinaryIO:
    """The file, open to be written from `length` on; what stood behind it is gone. Only its owner can read it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    file = os.fdopen(os.open(path, flags, 0o600), "r+b")
    file.truncate(length)
    file.seek(length)
    return file


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
