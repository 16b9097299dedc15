"""All pairs of rows whose cosine is at least a threshold: exact, in tiles of the upper triangle.

A tile of products in float32 finds every pair that may reach the threshold, and float64 on the stored vectors decides
(cosines.py says why both are certain). So the pairs and their cosines do not depend on the size of the tiles, on the
number of threads, processes and machines, on the library that multiplies, or on where a run was taken up.

Rows that are equal are searched once: a million blank pictures are one row with many names.

With the vectors of mirrored pictures beside them, twins are also rows of which one is near the mirrored other: the
cosine of a pair is then the larger of that with the later row and that with the later row mirrored.
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


def search(
    vectors: Vectors,
    threshold: float,
    means: Means | None = None,
    *,
    mirrored: Vectors | None = None,
) -> Twins:
    """The twins among (N, D) stored vectors; `threshold` is over 0, up to 1. mirrored: (N, D), of the same pictures.

    Raises ValueError for vectors that are not as cosines.stored() gives them, TooManyError, ledger.BusyError.
    """
    means = means or Means()
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; it must be over 0, up to 1")
    groups, first, sides = distinct(vectors, *([] if mirrored is None else [mirrored]))
    finder = _Finder(sides, threshold, means)
    grid = Grid(len(first), means.tile or finder.products.tile)
    ledger: Ledger = MemoryLedger(grid)
    if means.folder is not None:
        purpose = Purpose("-".join(map(digest, sides)), len(first), grid.tile, threshold)
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


def distinct(*sides: Vectors) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[Vectors, ...]]:
    """What there is to compare of rows that each have a vector in every side, as one plain and one mirrored.

    (N,) the first row that is equal to each row; (n,) the first rows, without those of nothing, which are nobody's
    twins; and the vectors of these. Raises ValueError for vectors that are not as cosines.stored() gives them.
    """
    groups = equal_rows(*sides)
    nothing = np.zeros(len(groups), bool)
    for side in sides:
        nothing |= squares(side) == 0
    groups[nothing] = np.flatnonzero(nothing)
    first = np.flatnonzero((groups == np.arange(len(groups))) & ~nothing)
    if len(first) < len(groups):
        sides = tuple(np.ascontiguousarray(side[first]) for side in sides)
    return groups, first, sides


def equal_rows(*sides: Vectors) -> NDArray[np.int64]:
    """(N,) the first row that has the same bytes in every side, for each row."""
    hashes = np.zeros(len(sides[0]), np.uint64)
    random = np.random.default_rng(0)
    for side in sides:
        odd = random.integers(0, 2**63, side.shape[1], np.uint64) * 2 + 1
        for start in range(0, len(side), 1024):
            rows = np.ascontiguousarray(side[start : start + 1024]).view(np.uint16)
            hashes[start : start + len(rows)] += (rows * odd).sum(axis=1, dtype=np.uint64)
    groups = np.arange(len(hashes))
    order = np.argsort(hashes, kind="stable")
    same = hashes[order[1:]] == hashes[order[:-1]]
    for place in np.flatnonzero(same).tolist():
        earlier, row = order[place], order[place + 1]
        # Equal hashes of rows that differ, a chance of 1 in 2**64 a pair: those rows stay apart, and are compared.
        if all(side[groups[earlier]].tobytes() == side[row].tobytes() for side in sides):
            groups[row] = groups[earlier]
    return groups


class _Side:
    """The vectors that blocks of columns are made of: those of the rows, or of the rows mirrored."""

    def __init__(self, vectors: Vectors, products: Products) -> None:
        self.vectors, self.products = vectors, products
        self.squares: Squares = squares(vectors)
        self.bounding: NDArray[np.float32] | None = None
        self._kept: dict[int, Any] = {}

    def block(self, rows: slice) -> Any:
        """The rows as tiles are made of them."""
        if not self.products.resident:
            return self._load(rows)
        if rows.start not in self._kept:
            self._kept[rows.start] = self._load(rows)
        return self._kept[rows.start]

    def _load(self, rows: slice) -> Any:
        if self.bounding is not None:
            return self.products.load(self.bounding[rows])
        return self.directions(rows)

    def directions(self, rows: slice) -> Any:
        """The rows with all their columns."""
        return self.products.load(directions(self.vectors[rows], self.squares[rows]))


class _Finder:
    """Finds the pairs of a tile. Several threads may ask at once."""

    def __init__(self, sides: tuple[Vectors, ...], threshold: float, means: Means) -> None:
        self.threshold = threshold
        self.products: Products = products(means.device)
        self.sides = [_Side(vectors, self.products) for vectors in sides]
        plain = self.sides[0]
        self.plain, self.floor = plain, threshold - margin(plain.vectors.shape[1])
        bound = None
        if means.prune is not False:
            bound = pruning.bound(plain.vectors, plain.squares, threshold)
        if bound is not None:
            self.floor = threshold - bound.margin
            for side in self.sides:
                side.bounding = bound.rows(side.vectors, side.squares)
        self.bounded = bound is not None
        self._found = 0

    def pairs(self, rows: slice, columns: slice, left: Any) -> Pairs:
        """Of the tile of two blocks of rows; left: the first block."""
        sides = [self._pairs(rows, columns, left, side) for side in self.sides]
        found = sides[0] if len(sides) == 1 else nearest_pairs(np.concatenate(sides))
        self._found += len(found)
        if self._found > MOST:
            raise TooManyError(
                f"more than {MOST} pairs of {len(self.plain.vectors)} reach {self.threshold:g}"
            )
        return found

    def _pairs(self, rows: slice, columns: slice, left: Any, side: _Side) -> Pairs:
        first, second = self._candidates(rows, columns, left, side)
        first, second = first + rows.start, second + columns.start
        later = first < second
        first, second = first[later], second[later]
        plain = self.plain
        exact = np.empty(len(first))
        for start in range(0, len(first), 4096):
            a, b = first[start : start + 4096], second[start : start + 4096]
            exact[start : start + 4096] = cosines(
                plain.vectors[a], side.vectors[b], plain.squares[a], side.squares[b]
            )
        near = exact >= self.threshold
        found = np.empty(int(near.sum()), PAIR)
        found["first"], found["second"], found["cosine"] = first[near], second[near], exact[near]
        return found

    def _candidates(self, rows: slice, columns: slice, left: Any, side: _Side) -> Places:
        right = left if side is self.plain and rows == columns else side.block(columns)
        found = self.products.reaching(left, right, self.floor)
        if self.bounded:
            area = (rows.stop - rows.start) * (columns.stop - columns.start)
            width = side.vectors.shape[1]
            if pruning.in_vain(len(found[0]), area, width):
                left, right = self.plain.directions(rows), side.directions(columns)
                return self.products.reaching(left, right, self.threshold - margin(width))
        return found


def nearest_pairs(pairs: Pairs) -> Pairs:
    """Each pair once, with its largest cosine."""
    pairs = pairs[np.lexsort((-pairs["cosine"], pairs["second"], pairs["first"]))]
    new = np.ones(len(pairs), bool)
    new[1:] = (pairs["first"][1:] != pairs["first"][:-1]) | (
        pairs["second"][1:] != pairs["second"][:-1]
    )
    return pairs[new]


def _work(finder: _Finder, grid: Grid, ledger: Ledger, means: Means) -> None:
    """Do every tile that nobody has done; return once all are."""
    stop = threading.Event()

    def do(number: int) -> None:
        with ledger.band(number) as band:
            if band is None or stop.is_set():
                return
            rows = grid.rows(number)
            left = finder.plain.block(rows)
            for block in range(number + band.done, grid.blocks):
                if stop.is_set():
                    return
                found = finder.pairs(rows, grid.rows(block), left)
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
