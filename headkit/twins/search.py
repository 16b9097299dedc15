"""All pairs of rows whose cosine is at least a threshold: exact, in tiles of the upper triangle.

A tile of products in float32 finds every pair that may reach the threshold, and float64 on the stored vectors decides
(cosines.py says why both are certain). So the pairs and their cosines do not depend on the size of the tiles, on the
number of threads, processes and machines, on the library that multiplies, or on where a run was taken up.

Rows that are equal are searched once: a million blank pictures are one row with many names.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.twins import pruning
from headkit.twins.cosines import Squares, Vectors, cosines, directions, margin, squares
from headkit.twins.grid import Grid
from headkit.twins.ledger import PAIR, FolderLedger, Ledger, MemoryLedger, Pairs, Purpose
from headkit.twins.products import Places, Products, products

PATIENCE = 0.2  # seconds between looks at what others do, and at signals
MOST = 200_000_000  # pairs: 3.2 GB. More are no twins, but a kind


class TooManyError(ValueError):
    """The threshold makes twins of what is merely alike."""


@dataclass(frozen=True, eq=False)
class Twins:
    """What a search found.

    groups  (N,) for each row the first row that is equal to it: itself, mostly
    pairs   of rows that are the first of their group, in order; a row that is equal to one of them has its pairs
    """

    groups: NDArray[np.int64]
    pairs: Pairs

    def all_pairs(self) -> Pairs:
        """Every pair, equal rows written out: as many as the square of their number."""
        members: dict[int, list[int]] = {}
        for row, first in enumerate(self.groups.tolist()):
            members.setdefault(first, []).append(row)
        found = [
            (min(a, b), max(a, b), cosine)
            for first, second, cosine in self.pairs.tolist()
            for a in members[first]
            for b in members[second]
        ]
        for equal in members.values():
            found += [(a, b, 1.0) for k, a in enumerate(equal) for b in equal[k + 1 :]]
        return np.sort(np.array(found, PAIR), order=["first", "second"])


@dataclass(frozen=True)
class Means:
    """How a search is made; its result depends on none of this.

    tile    rows of a block; None: what the device is fast with
    jobs    threads
    device  cpu, or as torch calls a GPU: cuda:0
    folder  where the search is kept, shared and taken up; None: nowhere
    prune   None: where a sample says that it pays
    check   called several times a second; what it raises ends the search
    """

    tile: int | None = None
    jobs: int = 1
    device: str = "cpu"
    folder: Path | None = None
    prune: bool | None = None
    check: Callable[[], None] = lambda: None


def search(vectors: Vectors, threshold: float, means: Means | None = None) -> Twins:
    """The twins among (N, D) stored vectors; `threshold` is over 0, up to 1.

    Raises ValueError for vectors that are not as cosines.stored() gives them, TooManyError, ledger.BusyError.
    """
    means = means or Means()
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; it must be over 0, up to 1")
    groups, nothing = equal_rows(vectors), squares(vectors) == 0
    groups[nothing] = np.flatnonzero(nothing)  # rows of nothing are nobody's twins
    first = np.flatnonzero((groups == np.arange(len(groups))) & ~nothing)
    some = vectors if len(first) == len(vectors) else np.ascontiguousarray(vectors[first])
    finder = _Finder(some, threshold, means)
    grid = Grid(len(some), means.tile or finder.products.tile)
    ledger: Ledger = MemoryLedger(grid)
    if means.folder is not None:
        purpose = Purpose(digest(some), len(some), grid.tile, threshold)
        ledger = FolderLedger(means.folder, grid, purpose)
    try:
        _work(finder, grid, ledger, means)
        pairs = ledger.pairs()
    finally:
        if isinstance(ledger, FolderLedger):
            ledger.close()
    pairs["first"], pairs["second"] = first[pairs["first"]], first[pairs["second"]]
    return Twins(groups, pairs)


def digest(vectors: Vectors) -> str:
    """Of the numbers of vectors."""
    found = blake2b(repr(vectors.shape).encode(), digest_size=16)
    for start in range(0, len(vectors), 4096):
        found.update(np.ascontiguousarray(vectors[start : start + 4096]).data)
    return found.hexdigest()


def equal_rows(vectors: Vectors) -> NDArray[np.int64]:
    """(N,) the first row that has the same bytes, for each row."""
    hashes = np.empty(len(vectors), np.uint64)
    odd = np.random.default_rng(0).integers(0, 2**63, vectors.shape[1], np.uint64) * 2 + 1
    for start in range(0, len(vectors), 1024):
        rows = np.ascontiguousarray(vectors[start : start + 1024]).view(np.uint16)
        hashes[start : start + len(rows)] = (rows * odd).sum(axis=1, dtype=np.uint64)
    groups = np.arange(len(vectors))
    order = np.argsort(hashes, kind="stable")
    same = hashes[order[1:]] == hashes[order[:-1]]
    for place in np.flatnonzero(same).tolist():
        earlier, row = order[place], order[place + 1]
        # Equal hashes of rows that differ, a chance of 1 in 2**64 a pair: those rows stay apart, and are compared.
        if vectors[groups[earlier]].tobytes() == vectors[row].tobytes():
            groups[row] = groups[earlier]
    return groups


class _Finder:
    """Finds the pairs of a tile. Several threads may ask at once."""

    def __init__(self, vectors: Vectors, threshold: float, means: Means) -> None:
        self.vectors, self.threshold = vectors, threshold
        self.squares: Squares = squares(vectors)
        self.products: Products = products(means.device)
        self.bound = (
            None if means.prune is False else pruning.bound(vectors, self.squares, threshold)
        )
        self._kept: dict[int, Any] = {}
        self._found = 0

    def block(self, rows: slice) -> Any:
        """The rows as tiles are made of them."""
        if not self.products.resident:
            return self._load(rows)
        if rows.start not in self._kept:
            self._kept[rows.start] = self._load(rows)
        return self._kept[rows.start]

    def _load(self, rows: slice) -> Any:
        if self.bound is not None:
            return self.products.load(self.bound.rows[rows])
        return self._directions(rows)

    def _directions(self, rows: slice) -> Any:
        return self.products.load(directions(self.vectors[rows], self.squares[rows]))

    def pairs(self, rows: slice, columns: slice, left: Any, right: Any) -> Pairs:
        """Of the tile of two blocks of rows."""
        first, second = self._candidates(rows, columns, left, right)
        first, second = first + rows.start, second + columns.start
        later = first < second
        first, second = first[later], second[later]
        exact = np.empty(len(first))
        for start in range(0, len(first), 4096):
            a, b = first[start : start + 4096], second[start : start + 4096]
            exact[start : start + 4096] = cosines(
                self.vectors[a], self.vectors[b], self.squares[a], self.squares[b]
            )
        near = exact >= self.threshold
        found = np.empty(int(near.sum()), PAIR)
        found["first"], found["second"], found["cosine"] = first[near], second[near], exact[near]
        self._found += len(found)
        if self._found > MOST:
            raise TooManyError(
                f"more than {MOST} pairs of {len(self.vectors)} reach {self.threshold:g}"
            )
        return found

    def _candidates(self, rows: slice, columns: slice, left: Any, right: Any) -> Places:
        if self.bound is not None:
            found = self.products.reaching(left, right, self.threshold - self.bound.margin)
            area = (rows.stop - rows.start) * (columns.stop - columns.start)
            if not pruning.in_vain(len(found[0]), area, self.vectors.shape[1]):
                return found
            left, right = self._directions(rows), self._directions(columns)
        floor = self.threshold - margin(self.vectors.shape[1])
        return self.products.reaching(left, right, floor)


def _work(finder: _Finder, grid: Grid, ledger: Ledger, means: Means) -> None:
    """Do every tile that nobody has done; return once all are."""
    stop = threading.Event()

    def do(number: int) -> None:
        with ledger.band(number) as band:
            if band is None or stop.is_set():
                return
            rows = grid.rows(number)
            left = finder.block(rows)
            for block in range(number + band.done, grid.blocks):
                if stop.is_set():
                    return
                columns = grid.rows(block)
                right = left if block == number else finder.block(columns)
                found = finder.pairs(rows, columns, left, right)
                band.append(grid.pairs(number, block), found)

    with ThreadPoolExecutor(means.jobs, "tiles") as pool:
        try:
            undone = list(range(grid.blocks))
            while undone := [number for number in undone if not ledger.finished(number)]:
                running = {pool.submit(do, number) for number in undone}
                while running:
                    done, running = wait(running, PATIENCE, FIRST_EXCEPTION)
                    for future in done:
                        future.result()
                    means.check()
                if any(not ledger.finished(number) for number in undone):
                    time.sleep(PATIENCE)  # others are at work on what is left
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
