"""Mending a packed folder: of the same records only what was damaged is made anew, and put in the place of the old.

A repair list names what is concerned, a row each:

    {"format": "coco", "part": "train", "shard": "coco/train-000002"}   the files of a shard
    {"format": "coco"}                                                 what speaks of all shards of a format
    {"file": "README.md"}                                              what speaks of all: everything is made once more

What comes out must have the sums that SHA256SUMS lists, so that the folder is again what a fresh run would have written;
from other records, or with other options, it is left as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from headkit import jsonl
from headkit.formats import layout as table
from headkit.formats.ahead import in_order
from headkit.formats.folder import SUMS
from headkit.formats.layout import Layout, Part
from headkit.formats.packing import Errand, Packing, Ready
from headkit.formats.reading import Packed
from headkit.formats.shards import Shards, outputs
from headkit.formats.webdataset import key as sample_key
from headkit.paths import write_atomic
from headkit.status import BAD_INPUT, NO_INPUT, USAGE, Stop
from headkit.tool import Failure, Record

_OTHER = (
    "the records or options are others than those it was packed from; pack it again without --only"
)


def concern(packed: Packed, name: str) -> Record:
    """The row of a repair list for a damaged or missing file of the folder."""
    for row in packed.rows:
        if name == row["path"] or name.startswith(_beginnings(packed, row)):
            return {"format": row["format"], "part": row["part"], "shard": row["id"]}
    for format in packed.formats:
        prefix = packed.prefix(format)
        of_format = (
            "annotations/",
            "data.yaml",
            *(f"{part}/metadata.jsonl" for part in packed.parts),
        )
        if name.startswith(tuple(prefix + each for each in of_format)):
            return {"format": format}
    return {"file": name}


def _beginnings(packed: Packed, row: Record) -> tuple[str, ...]:
    """What the names of a shard's files begin with."""
    path = row["path"]
    if row["format"] == "webdataset":
        return (f"{path.removesuffix('.tar')}.index.jsonl",)
    labels = f"{packed.prefix(row['format'])}labels/{row['part']}/{Path(path).name}/"
    return (f"{path}/", labels) if row["format"].startswith("yolo") else (f"{path}/",)


def read_list(file: str) -> list[Record]:
    """The rows of a repair list; Stop(NO_INPUT, BAD_INPUT) where it cannot be read."""
    rows = []
    for where, line in jsonl.named_lines(file):
        try:
            row = jsonl.parse(line)
        except jsonl.LineError as error:
            raise Stop(BAD_INPUT, f"{where}: {error}") from None
        if not all(type(row.get(name, "")) is str for name in ("format", "part", "shard", "file")):
            raise Stop(BAD_INPUT, f"{where}: not a row of headkit verify -o")
        rows.append(row)
    return rows


class Repair:
    """One repair. `packing` has read the records (`spool`), and writes where nobody looks; `target` is the folder."""

    def __init__(self, packing: Packing, target: Path, concerns: Iterable[Record]) -> None:
        if not target.is_dir():
            raise Stop(NO_INPUT, f"{target}: no such folder; --only mends one that is there")
        self.packing, self.target = packing, target
        self.new = packing.place.new
        self.concerns = list(concerns)
        self.whole = any("format" not in row for row in self.concerns)
        self.trusts_sums = not any(row.get("file") == SUMS for row in self.concerns)
        self.replaced: list[str] = []

    def run(self, labels: str | None) -> Iterator[Failure]:
        """Make what is concerned, and put it into the folder."""
        if self.whole:
            yield from self.packing.write(labels)
        else:
            self._shards(labels)
        self._put()

    def _shards(self, labels: str | None) -> None:
        """Write the shards that are concerned, and what speaks of all of a format."""
        packed, packing = Packed.open(self.target), self.packing
        plan = json.loads(json.dumps(asdict(packing.plan)))
        if packed.index.get("plan") != plan:
            raise Stop(USAGE, f"--only: {_OTHER}")
        self._refuse_unknown(packed)
        chosen = packing.choose_labels(labels)
        packing.arrange()
        wanted: dict[str, set[str]] = defaultdict(set)  # format -> ids of shards
        whole = {row["format"] for row in self.concerns if "shard" not in row}
        for row in self.concerns:
            wanted[row["format"]] |= {row.get("shard", "")}
        for row in packed.rows:
            if row["format"] in whole:
                wanted[row["format"]].add(row["id"])
        layouts = self._layouts(wanted)
        for part in packed.parts:
            self._part(packed, part, wanted, layouts, chosen)
        parts = [
            Part(name, {format: packed.shards(format, name) for format in wanted})
            for name in packing.parts
        ]
        for layout in layouts:
            if layout.name in whole:
                layout.finish(parts)

    def _refuse_unknown(self, packed: Packed) -> None:
        """Stop(USAGE) for a shard that the folder does not have: nothing would be made, and nothing said."""
        known = {(row["format"], row["id"]) for row in packed.rows}
        for row in self.concerns:
            unknown = "shard" in row and (row["format"], row["shard"]) not in known
            if unknown and row["format"] in packed.formats:
                text = f"{row['format']} has no shard {row['shard']!r}; see headkit verify -o"
                raise Stop(USAGE, f"--only: {text}")

    def _layouts(self, wanted: Iterable[str]) -> list[Layout]:
        packing = self.packing
        formats = packing.plan.formats
        unknown = set(wanted) - set(formats)
        if unknown:
            raise Stop(USAGE, f"--only: {min(unknown)} is none of the formats of --format")
        places = outputs(self.new, packing.place.scratch, formats)
        return [
            table.load(name)(place, packing.choices)
            for name, place in zip(formats, places, strict=True)
            if name in wanted
        ]

    def _part(
        self,
        packed: Packed,
        part: str,
        wanted: dict[str, set[str]],
        layouts: list[Layout],
        labels: str,
    ) -> None:
        """The shards of a part that are concerned."""
        first = packed.formats[0]
        errands = self._packed_errands(packed, part)
        for number, row in enumerate(packed.shards(first, part)):
            stem = row["id"].removeprefix(packed.prefix(first))
            count = row.get("images", row["count"] + sum((row.get("left_out") or {}).values()))
            mine = islice(errands, count)
            concerned = [
                layout
                for layout in layouts
                if packed.prefix(layout.name) + stem in wanted[layout.name]
            ]
            written = (
                self._write(concerned, part, number, mine, labels)
                if concerned
                else sum(1 for _ in mine)
            )
            if written != count:
                raise Stop(BAD_INPUT, f"--only: {_OTHER}")

    def _packed_errands(self, packed: Packed, part: str) -> Iterator[Errand]:
        """The records of a part that were packed: the private file knows which were not left out."""
        packing = self.packing
        of_split = part not in packed.subsets
        known = {
            _hash(row["key"])
            for row in packed.private_rows(packing.place.beside)
            if not of_split or row.get("split", part) == part
        }
        for number, line in packing.waiting.lines(packing.parts.get(part, ())):
            if _hash(sample_key(jsonl.parse(line.rstrip(b"\n"))["id"])) in known:
                yield Errand(part, number, line)

    def _write(
        self, layouts: list[Layout], part: str, number: int, errands: Iterator[Errand], labels: str
    ) -> int:
        """One shard of some formats; how many samples it has."""
        packing = self.packing
        shards = Shards(layouts, self.new, packing.place.sums, (0, 0), [])
        count = 0
        for layout in layouts:
            layout.begin(part, number)
        for _, outcome in in_order(
            lambda errand: packing.ready(errand, labels, shards), errands, packing.context.jobs
        ):
            packing.context.check()
            if not isinstance(outcome, Ready):
                raise Stop(BAD_INPUT, f"--only: {outcome}; {_OTHER}")
            count += 1
            for layout, prepared in zip(layouts, outcome.prepared, strict=True):
                layout.add(outcome.sample, prepared)
        for layout in layouts:
            layout.end()
        return count

    def _put(self) -> None:
        """Move into the folder what differs there; Stop(BAD_INPUT), and nothing moved, where the sums do not agree."""
        made = {
            path.relative_to(self.new).as_posix(): _digest(path)
            for path in sorted(self.new.rglob("*"))
            if path.is_file()
        }
        if self.trusts_sums:
            self._mend_sums(made)
        for name, digest in made.items():
            path = self.target / name
            if not _is(path, digest):
                path.parent.mkdir(parents=True, exist_ok=True)
                (self.new / name).replace(path)
                self.replaced.append(name)

    def _mend_sums(self, made: dict[str, str]) -> None:
        """Put right what SHA256SUMS lists of files that are as they should be: then the list itself was damaged."""
        listed = dict(_listed(self.target / SUMS, made))
        wrong = {name: digest for name, digest in made.items() if listed.get(name, "") != digest}
        wrong.pop(SUMS, None)
        for name, digest in wrong.items():
            if not _is(self.target / name, digest) or not (name in listed or self.whole):
                raise Stop(BAD_INPUT, f"--only: {name} would be another than before: {_OTHER}")
        if wrong and not self.whole:
            lines = (self.target / SUMS).read_bytes().splitlines(keepends=True)
            for at, line in enumerate(lines):
                name = line[66:].decode(errors="surrogateescape").removesuffix("\n")
                if name in wrong:
                    lines[at] = wrong[name].encode() + line[64:]
            write_atomic(self.target / SUMS, b"".join(lines), "pack")
            self.replaced.append(SUMS)


def _listed(sums: Path, wanted: Iterable[str]) -> Iterator[tuple[str, str]]:
    names = set(wanted)
    with sums.open(encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            name = line[66:].removesuffix("\n")
            if name in names:
                yield name, line[:64]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is(path: Path, digest: str) -> bool:
    """Whether there is a file of its own with this sha256."""
    return path.is_file() and not path.is_symlink() and _digest(path) == digest


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")
