"""A release from an older one: samples removed, added and corrected, everything else byte for byte as it was.

A row of --add whose id is in the base corrects that sample: the old one leaves its shard, the new one stands in a new
shard of the same split. Added records join the split of those that they share a cluster, source or prompt with; others
are dealt out by a hash of their ids, in the proportions of the base.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from headkit import jsonl
from headkit.formats import layout as table
from headkit.formats.census import Census
from headkit.formats.folder import SUMS
from headkit.formats.journal import Journal
from headkit.formats.packing import WHOLE, Packing, Plan, cut
from headkit.formats.reading import Packed
from headkit.formats.shards import outputs
from headkit.formats.splits import Wanted
from headkit.formats.tombstones import tombstone
from headkit.publishing.carrying import Carrying
from headkit.publishing.catalog import WHOLE_LABELS, Entry, Private, entries, stand_in
from headkit.publishing.history import TOMBSTONES, Change, changelog, tombstones, tombstones_in
from headkit.publishing.takedown import Matching, Requests
from headkit.status import BAD_INPUT, Stop
from headkit.tool import Failure, Record


@dataclass
class Base:
    """The release that a new one is made from, and what of it goes.

    removed    samples that are taken down
    corrected  samples of which --add brings a new row
    unmet      lines of the takedown file that mean no sample
    """

    packed: Packed
    private: Private
    requests: Requests
    removed: list[Entry] = field(default_factory=list)
    corrected: list[Entry] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path, private: Path | None, requests: Requests) -> Base:
        """Stop(NO_INPUT, BAD_INPUT) where it is no dataset of this headkit."""
        packed = Packed.open(folder)
        if not isinstance(packed.index.get("plan"), dict) or "next" not in packed.index:
            raise Stop(
                BAD_INPUT, f"--base {folder}: was packed by an older headkit; pack the records anew"
            )
        return cls(packed, Private(private or packed.private), requests)

    @property
    def plan(self) -> Plan:
        """How it was packed; a release of it has another `base`."""
        told: Record = dict(self.packed.index["plan"])
        for name in ("split", "subsets"):
            told[name] = tuple(Wanted(**each) for each in told[name])
        known: Any = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in told.items()
            if name in Plan.__annotations__
        }
        return Plan(**known)

    @property
    def digest(self) -> str:
        """Of what it holds and of what goes."""
        sums = self.packed.folder / SUMS
        try:
            with sums.open("rb") as file:
                found = hashlib.file_digest(file, "sha256")
        except OSError as error:
            raise Stop(BAD_INPUT, f"{sums}: {error.strerror}; see headkit verify") from None
        found.update(self.requests.digest.encode())
        return found.hexdigest()

    @property
    def release(self) -> str:
        return str(self.packed.index.get("release") or "the first release")

    def find(self, added: set[str]) -> None:
        """Find what goes. Stop(BAD_INPUT) where nothing is asked for that is there."""
        matching = Matching(self.requests)
        deep = bool(self.requests.paths) or not self.private
        for id, record in self._records() if not deep else self._whole_records():
            matching.add(id, record)
        gone = matching.close()
        self.unmet = list(matching.unmet())
        if not gone and not added:
            raise Stop(
                BAD_INPUT,
                f"--base {self.packed.folder}: none of its samples is meant; see REPORT.md there for what may be asked",
            )
        counted = not set(self.packed.formats) <= set(WHOLE_LABELS)  # heads decide what is left out
        for entry in entries(self.packed, self.private) if gone or added else ():
            if entry.id in gone or entry.id in added:
                kept = entry if counted else replace(entry, label={})
                (self.removed if entry.id in gone else self.corrected).append(kept)

    def _records(self) -> Iterator[tuple[str, Record]]:
        for id, line in self.private.lines():
            yield id, jsonl.parse(line.rstrip(b"\n"))

    def _whole_records(self) -> Iterator[tuple[str, Record]]:
        for entry in entries(self.packed, self.private):
            yield entry.id, entry.record


class Releasing(Packing):
    """Packs what is added behind what is carried over from the base."""

    base: Base
    release: str
    change: Change | None = None

    def begin(self, base: Base, release: str) -> None:
        """Take the base into account, before records are read."""
        self.base, self.release = base, release
        index = base.packed.index
        self.first = index["next"]["record"], index["next"]["head"]
        self.misfits: list[int] = []

    def spool(self, records: Iterator[Record], wanted: str | None) -> Iterator[Failure]:
        """As packing does; a Failure, too, for a record that was taken down, now or in a release before."""
        down: list[str] = []
        yield from super().spool(self._not_taken_down(records, down), wanted)
        ids, base = set(down), self.base
        base.removed += [entry for entry in base.corrected if entry.id in ids]
        base.corrected = [entry for entry in base.corrected if entry.id not in ids]
        for id in down:
            yield Failure("removed", f"record {id!r}: --add brings back what was taken down")

    def _not_taken_down(self, records: Iterator[Record], down: list[str]) -> Iterator[Record]:
        """The records that nobody asked to be without; the ids of others go into `down`."""
        base = self.base
        stones = tombstones_in(base.packed.folder) | {tombstone(entry.id) for entry in base.removed}
        images = {entry.record.get("image_sha256") for entry in base.removed} - {None}
        for record in records:
            source = record.get("source")
            origins = source if isinstance(source, dict) else {}
            ids = [record["id"], origins.get("from"), origins.get("copy_of")]
            if (
                base.requests.hits(record["id"], record)
                or not stones.isdisjoint(tombstone(id) for id in ids if isinstance(id, str))
                or record.get("image_sha256") in images
            ):
                self.not_waiting["taken down"] += 1
                down.append(record["id"])
            else:
                yield record

    def choose_labels(self, wanted: str | None) -> str:  # noqa: ARG002 - those of the base
        """The labels of the base."""
        return str(self.base.packed.index["labels"])

    def arrange(self) -> None:
        """Give every added record its split, and carry over what stays of the base."""
        packed = self.base.packed
        splits = [part for part in packed.parts if part not in packed.subsets] or [WHOLE]
        numbers: dict[str, list[int]] = {part: [] for part in splits}
        if self.plan.split:
            self._deal(splits, numbers)
        else:
            numbers[splits[0]] = list(range(len(self.waiting)))
        self.parts = {**numbers, **{name: [] for name in packed.subsets}}
        self._carry()

    def _deal(self, splits: list[str], numbers: dict[str, list[int]]) -> None:
        """Each group of added records to the split of its kin in the base, or by its hash."""
        added = len(self.waiting)
        if not added:
            return
        gone = {entry.id for entry in self.base.removed}
        parts: list[str] = []
        for entry in entries(self.base.packed, self.base.private):
            if entry.id not in gone:
                self.roster.add(entry.record, [])
                parts.append(entry.part)
        groups, hashes = self.roster.groups()
        kin: dict[int, set[str]] = defaultdict(set)
        for group, part in zip(groups[added:].tolist(), parts, strict=True):
            kin[group].add(part)
        leaders: dict[int, int] = {}
        for group, word in zip(groups[:added].tolist(), hashes[:added].tolist(), strict=True):
            leaders[group] = min(word, leaders.get(group, word))
        sizes = [self.base.packed.index["splits"].get(name, 0) for name in splits]
        bounds = np.cumsum(sizes) / max(sum(sizes), 1)
        for number, group in enumerate(groups[:added].tolist()):
            found = kin.get(group, set())
            if len(found) > 1:
                self.misfits.append(number)
            elif found:
                numbers[next(iter(found))].append(number)
            else:
                at = int(np.searchsorted(bounds, leaders[group] / 2**64, side="right"))
                numbers[splits[min(at, len(splits) - 1)]].append(number)

    def _carry(self) -> None:
        """Fill the workplace with what stays, unless the run before has; the journal is written last."""
        labels = self.choose_labels(None)
        plan = self.plan_digest(labels)
        gone = [*self.base.removed, *self.base.corrected]
        places = outputs(self.place.new, self.place.scratch, self.plan.formats)
        layouts = [
            table.load(name)(place, self.choices)
            for name, place in zip(self.plan.formats, places, strict=True)
        ]
        carrying = Carrying(self.base.packed, self.place, layouts, gone, self.context.check)
        if not self.place.journal.exists():
            journal = Journal(plan, shards=carrying.carry())
            journal.private = self._carry_private({entry.id for entry in gone})
            journal.sums = self.place.sums.stat().st_size
            journal.census, journal.facts = self._counts({entry.id for entry in gone})
            journal.said = {"rewritten": sorted(carrying.rewritten)}
            journal.save(self.place.journal)
        rewritten = Journal.load(self.place.journal, plan).said["rewritten"]
        self._tell(rewritten)

    def _carry_private(self, gone: set[str]) -> int:
        """The rows of what stays; their bytes."""
        size = 0
        with cut(self.place.private, 0) as file:
            for id, line in self.base.private.lines():
                if id not in gone:
                    size += file.write(line)
        return size

    def _counts(self, gone: set[str]) -> tuple[Record, Record]:
        """The counts of what stays, as if it had just been packed: of the census, and of the documents."""
        census, documents = Census(), deepcopy(self.documents)
        for entry in entries(self.base.packed, self.base.private):
            if entry.id not in gone:
                census.add(entry.suffix, entry.label)
                documents.add(stand_in(entry), entry.part)
        census.left_out.update(self.base.packed.index.get("left_out", {}))
        return census.state(), documents.state()

    def _tell(self, rewritten: list[str]) -> None:
        base = self.base
        added = len(self.waiting) - len(base.corrected) - len(self.misfits)
        change = Change(
            self.release, base.release, len(base.removed), len(base.corrected), added, rewritten
        )
        new = [tombstone(entry.id) for entry in base.removed]
        self.more |= {
            "CHANGELOG.md": changelog(base.packed.folder, change),
            TOMBSTONES: tombstones(base.packed.folder, new),
        }

    def write(self, wanted: str | None) -> Iterator[Failure]:
        """As packing does; a Failure, too, for records that would join two splits, and requests that mean nobody."""
        yield from super().write(wanted)
        for number in self.misfits:
            _, row = next(self.waiting.lines([number]))
            id = jsonl.parse_own(row)["id"]
            yield Failure(
                "split",
                f"record {id!r}: shares a cluster, source or prompt with samples of two splits; left out",
            )
        for words in self.base.unmet:
            yield Failure(
                "unmet", f"--remove: {words!r} means no sample of {self.base.packed.folder}"
            )


def added_records(file: str | None) -> Iterator[Record]:
    """The records of --add, none without; Stop(NO_INPUT, BAD_INPUT)."""
    if file is None:
        return
    seen: set[str] = set()
    for where, line in jsonl.named_lines(file):
        try:
            record: Any = jsonl.parse(line)
        except jsonl.LineError as error:
            raise Stop(BAD_INPUT, f"{where}: {error}") from None
        id = record.get("id")
        if not isinstance(id, str) or id in seen:
            what = f"id {id!r} is there twice" if isinstance(id, str) else 'no string "id"'
            raise Stop(BAD_INPUT, f"{where}: {what}; every record has one of its own")
        seen.add(id)
        yield record
