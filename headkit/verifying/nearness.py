"""How near the nearest images are: the largest cosine between vectors of two parts, and of all, with those it is of.

The vectors are those of dedupe that `pack --embeddings` put beside the images, embeddings/PART-NNNNNN.npz.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.formats.reading import Packed
from headkit.tool import Record
from headkit.twins import reference
from headkit.twins.cosines import cosines, squares
from headkit.verifying.findings import Finding

FOLDER = "embeddings"
BLOCK = 2048  # rows that are multiplied at once
MOST = 100_000  # vectors that are all compared; of more, a sample is compared with all
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Shard:
    """The vectors of one shard."""

    file: str
    part: str
    vectors: reference.Reference


@dataclass
class _Best:
    """The nearest two so far: cosine, and (shard, row) of each."""

    cosine: float = -2.0
    pair: tuple[tuple[_Shard, int], tuple[_Shard, int]] | None = None


class Nearness:
    """Compares all vectors. `limit` is the cosine from which two are too near, None where none is."""

    def __init__(self, packed: Packed, limit: float | None, check: Callable[[], None]) -> None:
        self.packed, self.limit, self.check = packed, limit, check
        self.shards: list[_Shard] = []

    def findings(self) -> Iterator[Finding]:
        """Faults of the files, then how near the nearest are."""
        for row in self.packed.rows:
            if row["format"] == self.packed.formats[0]:
                yield from self._open(row)
        vectors = sum(len(shard.vectors.vectors) for shard in self.shards)
        if vectors < 2:
            return
        between, overall = self._compare(vectors)
        sampled = f", of {MOST:,} and all others" if vectors > MOST else ""
        for place, best in (("between parts", between), ("in all", overall)):
            if best.pair is not None:
                yield self._row(place, best, sampled)

    def _open(self, row: Record) -> Iterator[Finding]:
        stem = str(row["id"]).removeprefix(self.packed.prefix(row["format"]))
        name = f"{FOLDER}/{stem}.npz"
        path = self.packed.folder / name
        if not path.is_file():
            if (self.packed.folder / FOLDER).is_dir() and row["count"]:
                yield Finding(name, "", "missing", "the vectors of a shard are missing")
            return
        try:
            found = reference.read(path)
        except reference.ReferenceError as error:
            yield Finding(name, "", "container", f"the vectors {error}")
            return
        count = row.get("images", row["count"] + sum((row.get("left_out") or {}).values()))
        if len(found.vectors) != count:
            text = f"{len(found.vectors)} vectors of {count} samples"
            yield Finding(name, "", "formats", text)
        if not np.isfinite(np.asarray(found.vectors, np.float32)).all():
            yield Finding(name, "", "params", "a vector is not finite")
        elif row["part"] not in self.packed.subsets:
            self.shards.append(_Shard(name, row["part"], found))

    def _compare(self, vectors: int) -> tuple[_Best, _Best]:
        """The nearest two of different parts, and the nearest two of all."""
        between, overall = _Best(), _Best()
        for first, (shard, rows) in enumerate(self._blocks(sampled=vectors > MOST)):
            left = _directions(shard.vectors.vectors[rows])
            for second, (other, columns) in enumerate(self._blocks(sampled=False)):
                if vectors <= MOST and second < first:
                    continue  # the other half of the square
                self.check()
                product = left @ _directions(other.vectors.vectors[columns]).T
                if other.file == shard.file:
                    product[rows[:, None] == columns[None, :]] = -2
                row, column = divmod(int(product.argmax()), len(columns))
                pair = (shard, int(rows[row])), (other, int(columns[column]))
                for best in (overall, between) if shard.part != other.part else (overall,):
                    if product[row, column] > best.cosine:
                        best.cosine, best.pair = float(product[row, column]), pair
        return between, overall

    def _blocks(self, *, sampled: bool) -> Iterator[tuple[_Shard, NDArray[np.int64]]]:
        """Shards and rows of them, BLOCK at a time."""
        total = sum(len(shard.vectors.vectors) for shard in self.shards)
        share = MOST / total if sampled else 1.0
        for shard in self.shards:
            rows = np.arange(len(shard.vectors.vectors))
            if sampled:
                rows = rows[[_drawn(shard.file, int(row)) < share for row in rows]]
            for start in range(0, len(rows), BLOCK):
                yield shard, rows[start : start + BLOCK]

    def _row(self, place: str, best: _Best, sampled: str) -> Finding:
        assert best.pair is not None
        (one, row), (two, column) = best.pair
        exact = _exact(one.vectors.vectors[row], two.vectors.vectors[column])
        names = (
            f"{one.vectors.name(row)} ({one.part})",
            f"{two.vectors.name(column)} ({two.part})",
        )
        text = f"the largest cosine is {exact:.4f}, of {names[0]} and {names[1]}{sampled}"
        near = self.limit is not None and exact >= self.limit
        return Finding(one.file, place, "near", text, damage=near)


def _directions(rows: NDArray[Any]) -> Floats:
    found = np.asarray(rows, np.float32)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(length, np.float32(1e-12)))


def _exact(one: NDArray[Any], two: NDArray[Any]) -> float:
    """The cosine in 64 bits."""
    first, second = np.asarray(one)[None], np.asarray(two)[None]
    return float(cosines(first, second, squares(first), squares(second))[0])


def _drawn(file: str, row: int) -> float:
    """Uniform in 0 to 1: the same for a row in every run."""
    text = f"{Path(file).name} {row}".encode()
    return int.from_bytes(blake2b(text, digest_size=6, person=b"nearness").digest(), "big") / 2**48
