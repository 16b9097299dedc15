"""The one pass over a dataset: shard by shard in all its formats, first the bytes of its files, then what they hold.

Memory grows with the samples of one shard, and by some 60 bytes for each file and record of the whole.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from headkit import jsonl
from headkit.formats.ahead import in_order
from headkit.formats.folder import SUMS
from headkit.formats.reading import INDEX, Damage, Item, Packed
from headkit.head.model import HeadModel
from headkit.tool import Record
from headkit.verifying import documents
from headkit.verifying.agreement import PRECISION, WHOLE, Shard
from headkit.verifying.checksums import Checksums, files_of
from headkit.verifying.contents import Examined, Examiner
from headkit.verifying.findings import Finding
from headkit.verifying.nearness import Nearness
from headkit.verifying.parts import Crossing
from headkit.verifying.privacy import PrivateData
from headkit.verifying.remembered import Remembered
from headkit.verifying.reprojection import Reprojection

_LIVES_IN = ("yolo", "yolo-pose")  # labels lie in a folder beside that of the images
_SUMMED = ("yolo", "yolo-pose", "vggheads")  # the bytes of a row are those of its files
Seen = Counter[tuple[str, int]]  # key, and head of a crop -> how often


@dataclass
class Verification:
    """One dataset. `models` are the head models at hand; `check` raises what ends the run."""

    packed: Packed
    models: tuple[HeadModel, ...] = ()
    jobs: int = 1
    strict: bool = False
    check: Callable[[], None] = lambda: None
    private: Path | None = None  # what was not published, if not beside the folder
    nearest: float | None = None  # cosine of two images from which they are too near
    cleared: tuple[str, ...] = ()  # words that may be published
    damages: deque[Damage] = field(default_factory=deque)
    images: Counter[str] = field(default_factory=Counter)  # part -> samples
    heads: int = 0
    last_key: str = ""
    told: set[tuple[str, str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.checksums = Checksums(self.packed.folder)
        self.reprojection = Reprojection(*self.models)
        whole = [name for name in WHOLE if name in self.packed.formats]
        alone = len(self.packed.formats) == len(whole) == 1
        self.examiner = Examiner(self.reprojection, alone=alone, compared=len(whole) > 1)
        self.crossing = Crossing(self.packed)
        self.private_data = PrivateData(self.cleared)
        self.remembered = Remembered(self.packed.private_rows(self.private))
        self.reference = min(self.packed.formats, key=PRECISION.index)
        self.keys = array("Q")  # of all samples of the reference, in splits
        self.private_keys = array("Q")

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong, as it is met; each fault once."""
        for finding in self._findings():
            # Of a file that is missing, its reader and the list of checksums tell.
            key = finding.file, finding.place, finding.kind
            if key not in self.told:
                self.told.add(key)
                yield finding

    def _findings(self) -> Iterator[Finding]:
        yield from self.checksums.faults
        yield from self._private()
        readers = {
            name: self.packed.reader(name, self.damages.append) for name in self.packed.formats
        }
        for part in self.packed.parts:
            rows = {name: self.packed.shards(name, part) for name in readers}
            steps = {name: Steps(reader.read(part, rows[name])) for name, reader in readers.items()}
            yield from self._uneven(part, rows)
            for number in range(max(map(len, rows.values()))):
                yield from self._shard(
                    {name: rows[name][number] for name in rows if number < len(rows[name])},
                    steps,
                )
            for step in steps.values():
                for item in step.rest():
                    text = "a sample that stands out of the order of the shards"
                    yield Finding(item.label_at.file, item.key, "formats", text)
                yield from self._met()
        yield from self._whole()

    def _uneven(self, part: str, rows: dict[str, list[Record]]) -> Iterator[Finding]:
        stems = {name: [self._stem(row) for row in each] for name, each in rows.items()}
        for name, found in stems.items():
            if found != stems[self.reference]:
                text = f"{name} has other shards of {part} than {self.reference}"
                yield Finding(INDEX, "shards", "index", text)

    def _stem(self, row: Record) -> str:
        return str(row["id"]).removeprefix(self.packed.prefix(row["format"]))

    def _shard(self, rows: dict[str, Record], steps: dict[str, Steps]) -> Iterator[Finding]:
        """One shard in all formats."""
        shard = Shard(self.reference)
        counts: dict[str, Seen] = {}
        first = rows.get(self.reference)
        if first is not None and first["part"] not in self.packed.subsets:
            self.remembered.take(self._stem(first))
        for name in sorted(rows, key=PRECISION.index):
            row = rows[name]
            yield from self._files(row)
            members = _Members(self, row) if name == "webdataset" else None
            seen: Seen = Counter()
            for item, examined in in_order(
                self.examiner.examine, steps[name].until(row["id"]), self.jobs
            ):
                self.check()
                yield from self._met()
                yield from self._item(item, examined, seen)
                yield from shard.add(item, examined.facts)
                if members is not None:
                    yield from members.compare(item, examined)
            yield from self._met()
            if members is not None:
                yield from members.rest()
            counts[name] = seen
        for name, seen in counts.items():
            yield from self._count(rows[name], seen)
            if name != self.reference and counts.get(self.reference):
                yield from shard.absent(name, rows[name], {key for key, _ in seen})
        self.examiner.forget()
        self.checksums.forget()

    def _files(self, row: Record) -> Iterator[Finding]:
        """The bytes of a shard's files."""
        path, root = str(row["path"]), self.packed.folder
        names = [path] if (root / path).is_file() else list(files_of(root, path))
        if row["format"] in _LIVES_IN:
            below = f"{self.packed.prefix(row['format'])}labels/{row['part']}/{Path(path).name}"
            names += files_of(root, below)
        if row["format"] == "webdataset":
            index = _index_of(path)
            names += [index] if (root / index).is_file() else []
        sizes = 0
        for name, digest in in_order(self.checksums.digest, names, self.jobs):
            self.check()
            yield from self._compare(name, digest)
            size = (root / name).lstat().st_size
            sizes += size
            if name == path and not self.checksums.has_changed(name):
                if row.get("sha256") != digest:
                    yield Finding(INDEX, row["id"], "index", f"its sha256 is not that of {name}")
                yield from self._bytes(row, name, size)
        # Of files that are missing or changed is told elsewhere.
        whole = 2 * row["count"] + (row["format"] == "vggheads")
        untouched = len(names) == whole and not any(map(self.checksums.has_changed, names))
        if row["format"] in _SUMMED and untouched:
            yield from self._bytes(row, path, sizes)

    def _compare(self, name: str, digest: str) -> Iterator[Finding]:
        for finding in self.checksums.compare(name, digest):
            yield finding
            if finding.kind == "foreign":  # names of others follow from ids
                yield from self.private_data.of_name(name)

    def _bytes(self, row: Record, name: str, size: int) -> Iterator[Finding]:
        if size != row["bytes"]:
            text = f"says {row['bytes']} bytes, {name} has {size}"
            yield Finding(INDEX, row["id"], "index", text)

    def _item(self, item: Item, examined: Examined, seen: Seen) -> Iterator[Finding]:
        """One sample among the others."""
        yield from examined.faults
        seen[item.key, item.head] += 1
        if seen[item.key, item.head] > 1:
            yield Finding(item.label_at.file, item.label_at.member, "id", "it is there twice")
        if item.format != self.reference or item.part in self.packed.subsets:
            return
        yield from self.private_data.of(item)
        yield from self.remembered.compare(item, examined.facts)
        if self.last_key == item.key:
            return  # another crop of the same image
        self.last_key = item.key if item.format == "crops" else ""
        self.keys.append(_hash(item.key))
        label = item.label or {}
        if item.format in WHOLE:
            self.heads += len(label.get("heads") or ())
        self.crossing.add(
            item.part, {**_grouping(label), "id": item.id or item.key}, examined.pixels
        )

    def _count(self, row: Record, seen: Seen) -> Iterator[Finding]:
        """The index against what a shard holds."""
        found = seen.total()
        if found != row["count"]:
            text = f"says {row['count']} samples, {row['path']} has {found}"
            yield Finding(INDEX, row["id"], "count", text)
        if row["format"] == self.reference:
            left_out = sum((row.get("left_out") or {}).values())
            self.images[row["part"]] += row.get("images", found + left_out)

    def _met(self) -> Iterator[Finding]:
        """What readers have met meanwhile."""
        while self.damages:
            yield Finding.of(self.damages.popleft())

    def _private(self) -> Iterator[Finding]:
        """Take note of what the private file knows of sources and clusters."""
        path = self.private or self.packed.private
        if not path.exists():
            text = "is not there: sources and clusters that were not published are not looked at"
            yield Finding(f"../{path.name}", "", "unchecked", text, damage=self.strict)
            return
        for row in self.packed.private_rows(self.private):
            self.private_keys.append(_hash(str(row.get("key"))))
            self.crossing.add(row.get("split", ""), row)

    def _whole(self) -> Iterator[Finding]:
        """What depends on all shards."""
        for name in files_of(self.packed.folder):
            if name != SUMS and not self.checksums.is_seen(name):
                self.check()
                yield from self._compare(name, self.checksums.digest(name))
                if "/" not in name:
                    yield from self.private_data.of_document(self.packed.folder, name)
        yield from self.checksums.missing()
        yield from self._doubles()
        shared = self.crossing.shared()
        if shared:
            yield from self.crossing.named(shared, self._again(shared))
        yield from Nearness(self.packed, self.nearest, self.check).findings()
        heads = self.heads if self.reference in WHOLE else None
        yield from documents.said_of_formats(self.packed)
        yield from documents.totals(self.packed, self.images, heads)
        for name, count in self.reprojection.unknown.items():
            text = f"the parameters of {count} heads: they are of {name}, see --head"
            yield Finding("", "", "unchecked", text, damage=self.strict)
        if self.strict:
            yield from documents.open_questions(self.packed.folder)

    def _doubles(self) -> Iterator[Finding]:
        """Samples that are in two shards, and those that the private file does not know, or knows alone."""
        keys = np.sort(np.frombuffer(self.keys, np.uint64)) if self.keys else np.empty(0, np.uint64)
        twice = set(keys[1:][keys[1:] == keys[:-1]].tolist())
        private = np.frombuffer(self.private_keys, np.uint64) if self.private_keys else None
        strange: set[int] = set()
        if private is not None and self.reference in (*WHOLE, "coco"):
            strange = set(np.setdiff1d(keys, private).tolist())
            lost = np.setdiff1d(private, keys)
            for row in self.packed.private_rows(self.private) if len(lost) else ():
                if _hash(str(row.get("key"))) in set(lost.tolist()):
                    text = f"the private file has a record {row.get('id')!r} that is in no shard"
                    yield Finding(INDEX, str(row.get("id")), "count", text)
        if not twice and not strange:
            return
        for item in self.packed.items(self.reference, report=_overlook, images=False):
            hash = _hash(item.key)
            if item.part not in self.packed.subsets and hash in twice | strange:
                text = "is in the dataset twice"
                yield Finding(
                    item.image.file,
                    item.id or item.key,
                    "id",
                    text if hash in twice else "the private file does not know it",
                )

    def _again(self, shared: set[int]) -> Iterator[tuple[Item, Record, bytes]]:
        """Every sample once more, with what groups it and a digest of its pixels, to name those concerned."""
        private = {
            row.get("id"): _grouping(row)
            for row in self.packed.private_rows(self.private)
            if not shared.isdisjoint(self.crossing.hashes(row))
        }
        for item in self.packed.items(self.reference, report=_overlook):
            record = {**private.get(item.id, {}), **_grouping(item.label or {})}
            pixels = self.examiner.examine(item).pixels
            self.examiner.forget()
            yield item, {**record, "id": item.id or item.key}, pixels


class Steps:
    """Items of a part, taken shard by shard."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._next: Item | None = None

    def until(self, shard: str) -> Iterator[Item]:
        """Items while they are of this shard."""
        while (item := self._peek()) is not None and item.shard == shard:
            self._next = None
            yield item

    def rest(self) -> Iterator[Item]:
        """Whatever is left."""
        while (item := self._peek()) is not None:
            self._next = None
            yield item

    def _peek(self) -> Item | None:
        if self._next is None:
            self._next = next(self._items, None)
        return self._next


class _Members:
    """The index of a tar file, read beside it."""

    def __init__(self, verification: Verification, row: Record) -> None:
        self.name = _index_of(str(row["path"]))
        self.changed = verification.checksums.has_changed(self.name)
        path = verification.packed.folder / self.name
        # One line a member: as large as the names of the shard's files.
        self.lines = deque(path.read_bytes().splitlines()) if path.is_file() else deque()

    def compare(self, item: Item, examined: Examined) -> Iterator[Finding]:
        """The next two members should be those of this sample."""
        if self.changed:
            return  # its checksum has told
        image = examined.facts.image
        for where, digest in (
            (item.image, image.hex() if image is not None else ""),
            (item.label_at, examined.text_sha256),
        ):
            if not where.offset:
                continue  # it is not in the tar file
            said: Any = None
            try:
                said = jsonl.parse(self.lines.popleft()) if self.lines else {}
            except jsonl.LineError:
                said = {}
            found = {
                "name": where.member,
                "offset": where.offset,
                "bytes": where.size,
                "sha256": digest,
            }
            if said != found:
                yield Finding(
                    self.name, where.member, "index", "another member than in the tar file"
                )

    def rest(self) -> Iterator[Finding]:
        """Lines that no member was found for."""
        if self.lines and not self.changed:
            text = f"{len(self.lines)} members that the tar file has not"
            yield Finding(self.name, "", "index", text)


def _overlook(_: Damage) -> None:
    """What was told of the first time."""


def _index_of(shard: str) -> str:
    return f"{shard.removesuffix('.tar')}.index.jsonl"


def _grouping(label: Record) -> Record:
    """What of a label makes it a near-twin of others."""
    return {name: label[name] for name in ("cluster", "source", "prompt") if name in label}


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
