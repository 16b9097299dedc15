"""No near-twin on two sides of a split: records that share a cluster, a source, a prompt or an image are in one part."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import blake2b

import numpy as np

from headkit.formats.reading import Item, Packed
from headkit.formats.splits import GROUPED_BY, group_keys
from headkit.tool import Record
from headkit.verifying.findings import Finding, several


class Crossing:
    """Hashes of what makes records twins, with the parts that they were seen in: 9 bytes each."""

    def __init__(self, packed: Packed) -> None:
        self.packed = packed
        self.parts = tuple(part for part in packed.parts if part not in packed.subsets)
        plan = packed.index.get("plan")
        asked = plan.get("split_by") if isinstance(plan, dict) else None
        self.grouped_by = tuple(asked) if isinstance(asked, list) else GROUPED_BY
        self._hashes, self._sides = array("Q"), array("B")

    def add(self, part: str, record: Record, pixels: bytes = b"") -> None:
        """Take note of a record, or of what is known of it, in a part; `pixels` is a digest of its image."""
        if part not in self.parts or len(self.parts) < 2:
            return
        for hash in self.hashes(record, pixels):
            self._hashes.append(hash)
            self._sides.append(self.parts.index(part))

    def shared(self) -> set[int]:
        """The hashes that were seen in more than one part."""
        hashes = np.frombuffer(self._hashes, np.uint64) if self._hashes else np.empty(0, np.uint64)
        sides = np.frombuffer(self._sides, np.uint8) if self._sides else np.empty(0, np.uint8)
        order = np.lexsort((sides, hashes))
        same = hashes[order][1:] == hashes[order][:-1]
        apart = sides[order][1:] != sides[order][:-1]
        return set(hashes[order][1:][same & apart].tolist())

    def hashes(self, record: Record, pixels: bytes = b"") -> list[int]:
        """Of everything that makes a record a twin of others."""
        return [hash for by in self._rules(record, pixels) for hash in by[1]]

    def named(
        self, shared: set[int], items: Iterable[tuple[Item, Record, bytes]]
    ) -> Iterator[Finding]:
        """A finding for each group on two sides; `items` are all samples with what groups them, and their pixels."""
        groups: dict[int, dict[str, Item]] = defaultdict(dict)
        why: dict[int, str] = {}
        for item, record, pixels in items:
            if item.part not in self.parts:
                continue  # a subset has what is elsewhere
            for name, hashes in self._rules(record, pixels):
                for hash in shared.intersection(hashes):
                    groups[hash][record["id"]] = item
                    why[hash] = name
        told: set[tuple[str, ...]] = set()
        for hash, members in groups.items():
            ids = tuple(sorted(members))
            sides = sorted({item.part for item in members.values()})
            if ids in told or len(sides) < 2:
                continue
            told.add(ids)
            # The smaller side names the file: a validation set is what a twin spoils.
            side = min(sides, key=self._size)
            first = next(id for id in ids if members[id].part == side)
            others = [f"{id} ({members[id].part})" for id in ids if members[id].part != side]
            at, text = members[first].image, f"shares its {why[hash]} with {several(others)}"
            yield Finding(at.file, first, "split", text)

    def _size(self, part: str) -> int:
        return sum(int(row["count"]) for row in self.packed.shards(self.packed.formats[0], part))

    def _rules(self, record: Record, pixels: bytes) -> Iterator[tuple[str, list[int]]]:
        for name in self.grouped_by:
            yield name, group_keys(record, (name,))
        if pixels:
            digest = blake2b(pixels, digest_size=8, person=b"pixels").digest()
            yield "image", [int.from_bytes(digest, "big")]
