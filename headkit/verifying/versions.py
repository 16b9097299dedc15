"""A version of a dataset against the one before: what was added, removed and changed, and whether a takedown was kept.

Samples are told apart by 24 bytes each: hashes of key, image and label.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit import jsonl
from headkit.formats.folder import SUMS
from headkit.formats.reading import Damage, Item, Packed
from headkit.formats.tombstones import tombstone
from headkit.tool import Record
from headkit.twins import reference
from headkit.verifying.agreement import PRECISION, WHOLE
from headkit.verifying.documents import DOCUMENTS
from headkit.verifying.findings import Finding
from headkit.verifying.nearness import FOLDER

TOMBSTONES = "tombstones.txt"  # of the samples that were removed, an opaque id a line
_TEXTS = (*DOCUMENTS, "CHANGELOG.md", "REPORT.md", "croissant.json", "index.json")
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class _Samples:
    """All samples of the splits: hashes of key, image and label, sorted by key."""

    keys: Hashes
    images: Hashes
    labels: Hashes


@dataclass
class Comparison:
    """`new` is held against `old`. Rows of what is as it may be are remarks, of kind `version`."""

    old: Packed
    new: Packed
    check: Callable[[], None]

    def __post_init__(self) -> None:
        both = [name for name in self.new.formats if name in self.old.formats]
        self.format = min(both, key=PRECISION.index) if both else ""

    def findings(self) -> Iterator[Finding]:
        """Faults, and a remark for each sample that is not as it was."""
        if not self.format:
            text = f"no format of it is in {self.old.folder}: {', '.join(self.old.formats)}"
            yield Finding("index.json", "formats", "version", text)
            return
        old, new = self._samples(self.old), self._samples(self.new)
        removed = set(np.setdiff1d(old.keys, new.keys).tolist())
        added = set(np.setdiff1d(new.keys, old.keys).tolist())
        changed = _changed(old, new)
        yield from self._told(removed, added, changed)
        ids = {item.id or item.key: item for item in self._named(self.old, removed)}
        yield from self._tombstones(ids)
        yield from self._left_behind(ids, old, new, removed)
        yield from self._shards(removed | changed)

    def _samples(self, packed: Packed) -> _Samples:
        keys, images, labels = array("Q"), array("Q"), array("Q")
        for item in self._items(packed, images=True):
            self.check()
            keys.append(_hash(item.key.encode()))
            images.append(_hash(item.data or b""))
            labels.append(_hash(_text(item)))
        columns = [
            np.frombuffer(column, np.uint64) if column else np.empty(0, np.uint64)
            for column in (keys, images, labels)
        ]
        order = np.argsort(columns[0], kind="stable")
        return _Samples(*(column[order] for column in columns))

    def _items(self, packed: Packed, *, images: bool) -> Iterator[Item]:
        parts = [part for part in packed.parts if part not in packed.subsets]
        return packed.items(self.format, parts, _overlook, images=images)

    def _named(self, packed: Packed, wanted: set[int]) -> Iterator[Item]:
        """The samples of some hashes of keys."""
        for item in self._items(packed, images=False) if wanted else ():
            if _hash(item.key.encode()) in wanted:
                yield item

    def _told(self, removed: set[int], added: set[int], changed: set[int]) -> Iterator[Finding]:
        for packed, wanted, word in (
            (self.old, removed, "removed"),
            (self.new, added, "added"),
            (self.new, changed, "changed"),
        ):
            seen = set()
            for item in self._named(packed, wanted):
                if item.key not in seen:  # crops of one image
                    seen.add(item.key)
                    yield Finding(
                        item.label_at.file, item.id or item.key, "version", word, damage=False
                    )

    def _tombstones(self, removed: dict[str, Item]) -> Iterator[Finding]:
        """Every removed sample has one, none of a sample that is there, and those of the old version are kept."""
        before, now = _lines(self.old.folder / TOMBSTONES), _lines(self.new.folder / TOMBSTONES)
        for stone in sorted(before - now):
            yield Finding(
                TOMBSTONES, stone, "version", "a tombstone of the version before is missing"
            )
        for id in removed:
            if tombstone(id) not in now:
                yield Finding(TOMBSTONES, id, "version", "it was removed, and has no tombstone")
        seen = set()
        for item in self._items(self.new, images=False) if now else ():
            id = item.id or item.key
            if tombstone(id) in now and id not in seen:
                seen.add(id)
                text = "it has a tombstone, and is in the dataset"
                yield Finding(item.image.file, id, "version", text)

    def _left_behind(
        self, removed: dict[str, Item], old: _Samples, new: _Samples, keys: set[int]
    ) -> Iterator[Finding]:
        """What is left of removed samples: their image under another name, their id in a text, a vector, a private row."""
        if not removed:
            return
        gone = np.isin(old.keys, np.fromiter(keys, np.uint64, len(keys)))
        shared = set(new.images[np.isin(new.images, old.images[gone])].tolist())
        if self.format != "crops":
            for item in self._items(self.new, images=True) if shared else ():
                if _hash(item.data or b"") in shared:
                    text = "its image is that of a sample that was removed"
                    yield Finding(item.image.file, item.id or item.key, "version", text)
        for name in _TEXTS:
            yield from self._in_text(name, removed)
        for path in sorted((self.new.folder / FOLDER).glob("*.npz")):
            yield from self._in_vectors(path, removed)
        for row in self.new.private_rows():
            if row.get("id") in removed:
                text = f"a row of the removed sample {row['id']!r}"
                yield Finding(f"../{self.new.private.name}", str(row["id"]), "version", text)

    def _in_text(self, name: str, removed: dict[str, Item]) -> Iterator[Finding]:
        try:
            text = (self.new.folder / name).read_text(errors="replace")
        except OSError:
            return
        words = set(re.split(r'[\s"`,;()]+', text))
        for id in sorted(words & removed.keys()):
            if not id.isdigit():  # a count is no id
                yield Finding(name, id, "version", "names a sample that was removed")

    def _in_vectors(self, path: Path, removed: dict[str, Item]) -> Iterator[Finding]:
        try:
            found = reference.read(path)
        except reference.ReferenceError:
            return  # what is wrong with the file is told elsewhere
        for row in range(len(found.vectors)):
            if found.name(row) in removed:
                text = "the vector of a sample that was removed"
                yield Finding(f"{FOLDER}/{path.name}", found.name(row), "version", text)

    def _shards(self, concerned: set[int]) -> Iterator[Finding]:
        """Shards of which no sample is concerned are the same bytes in both versions."""
        kept = {(row["format"], row["id"]): row for row in self.new.rows if "sha256" in row}
        touched = self._touched(concerned)
        left = rewritten = 0
        for row in self.old.rows:
            if "sha256" not in row:
                continue
            now = kept.get((row["format"], row["id"]))
            stem = row["id"].removeprefix(self.old.prefix(row["format"]))
            if now is not None and now["sha256"] == row["sha256"]:
                left += 1
            elif stem in touched:
                rewritten += 1
            else:
                text = "was written anew, though none of its samples has changed"
                yield Finding(str(row["path"]), "", "version", text if now else "is gone")
        if left + rewritten:
            text = f"{left} shards are as they were, {rewritten} were written anew"
            yield Finding("index.json", "shards", "version", text, damage=False)
        yield from self._files(touched)

    def _touched(self, concerned: set[int]) -> set[str]:
        """The shards of the old version, as PART-NNNNNN, that hold one of these samples, in subsets too."""
        prefix = self.old.prefix(self.format)
        items = self.old.items(self.format, report=_overlook, images=False) if concerned else ()
        return {
            item.shard.removeprefix(prefix)
            for item in items
            if _hash(item.key.encode()) in concerned
        }

    def _files(self, touched: set[str]) -> Iterator[Finding]:
        """Single images and labels of shards that are not concerned, by the two lists of checksums."""
        folders = {
            folder: row["id"].removeprefix(self.old.prefix(row["format"]))
            for row in self.old.rows
            if "sha256" not in row
            for folder in _folders(self.old, row)
        }
        now = dict(_sums(self.new.folder, folders))
        for name, digest in _sums(self.old.folder, folders):
            if folders[_folder(name)] not in touched and now.get(name) != digest:
                yield Finding(
                    name, "", "version", "is another file, though its shard has not changed"
                )


def _changed(old: _Samples, new: _Samples) -> set[int]:
    """Keys in both of which the image or the label is another."""
    _, one, two = np.intersect1d(old.keys, new.keys, return_indices=True)
    other = (old.images[one] != new.images[two]) | (old.labels[one] != new.labels[two])
    return set(old.keys[one][other].tolist())


def _text(item: Item) -> bytes:
    """What a label says, in one form for all formats."""
    if item.format == "webdataset":
        return item.native or b""
    label: Any = item.label if item.format in WHOLE else (item.label or {}).get("heads")
    return jsonl.dump({"label": label, "head": item.head})


def _sums(folder: Path, folders: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Name and checksum of the files that lie in one of the folders."""
    with suppress(FileNotFoundError), (folder / SUMS).open(encoding="utf-8") as lines:
        for line in lines:
            name = line[66:].removesuffix("\n")
            if _folder(name) in folders:
                yield name, line[:64]


def _folders(packed: Packed, row: Record) -> tuple[str, ...]:
    """Where the files of a shard lie that are no containers."""
    path = row["path"]
    labels = f"{packed.prefix(row['format'])}labels/{row['part']}/{Path(path).name}"
    return tuple(f"{each}/" for each in (path, labels, f"{path}/images", f"{path}/annotations"))


def _folder(name: str) -> str:
    return f"{name.rpartition('/')[0]}/"


def _lines(path: Path) -> set[str]:
    try:
        return set(path.read_text().split())
    except OSError:
        return set()


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _overlook(_: Damage) -> None:
    """Verifying the version itself tells of it."""
