"""Twins by an index, where comparing all pairs takes days: nearly all of them, and how nearly is measured.

faiss (Douze et al. 2024) deals the rows out to lists around centroids, by k-means, and a row is compared with those of
the lists whose centroids are nearest to it: two twins that lie in lists far from each other's are missed. The rows are
in the index as they are stored, in float16, and what is near the threshold is decided as the exact search decides it:
so the index can miss a pair, and neither invent one nor change its cosine.

How many lists are probed is decided, and what is missed is measured, on rows drawn at random that are compared with
all: half of them serve the one, half the other.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.twins.cosines import Squares, Vectors, cosines, directions, margin, squares
from headkit.twins.ledger import PAIR, Pairs
from headkit.twins.products import products
from headkit.twins.search import MOST, TooManyError, Twins, distinct, nearest_pairs

SAMPLE = 8192  # rows that are compared with all, if there are twice as many
RECALL = 0.99  # of the twins of the rows that decide how many lists are probed
_PROBES = 8  # lists, where those rows have no twins
_LEARN = 48  # rows for each centroid that k-means sees; faiss wants 39 at least
_AT_ONCE = 4096


@dataclass(frozen=True)
class Recall:
    """What an index found of the twins of rows that were compared with all.

    lists, probes  of the index, and how many of its lists each row is compared with
    rows           how many rows were compared with all
    there, found   pairs of one of these rows and another row, and those that the index found
    """

    lists: int
    probes: int
    rows: int
    there: int
    found: int

    @property
    def share(self) -> float | None:
        """The recall; None where no twin was there to be found."""
        return self.found / self.there if self.there else None

    @property
    def interval(self) -> tuple[float, float]:
        """95% of it, as if pairs were independent of each other (Wilson 1927)."""
        z2 = 1.959964**2
        centre = self.found + z2 / 2
        missed = self.there - self.found
        half = (z2 * (self.found * missed / self.there + z2 / 4)) ** 0.5
        low, high = ((centre + side * half) / (self.there + z2) for side in (-1, 1))
        return low if self.found else 0.0, high if missed else 1.0


def search_lists(
    vectors: Vectors,
    threshold: float,
    *,
    mirrored: Vectors | None = None,
    jobs: int = 1,
    check: Callable[[], None] = lambda: None,
) -> tuple[Twins, Recall]:
    """The twins among (N, D) stored vectors that an index finds, and how many it does.

    `jobs` threads; their number changes nothing. Raises ImportError without faiss, and what search() raises.
    """
    groups, first, sides = distinct(vectors, *([] if mirrored is None else [mirrored]))
    lists = _Lists(sides, threshold, jobs, check)
    sample = np.random.default_rng(0).permutation(len(first))[: min(SAMPLE, len(first) // 2)]
    there = lists.exact(np.sort(sample))
    half = np.sort(sample[::2])  # decides; the others judge
    lists.decide(half, _of(there, half))
    pairs = lists.pairs(np.arange(len(first)))
    judge = np.sort(sample[1::2])
    expected = _of(there, judge)
    found = int(np.isin(_keys(expected), _keys(pairs)).sum())
    recall = Recall(lists.count, lists.probes, len(judge), len(expected), found)
    pairs["first"], pairs["second"] = first[pairs["first"]], first[pairs["second"]]
    return Twins(groups, pairs), recall


def _of(pairs: Pairs, rows: NDArray[np.int64]) -> Pairs:
    """The pairs in which one of some rows is."""
    return pairs[np.isin(pairs["first"], rows) | np.isin(pairs["second"], rows)]


def _keys(pairs: Pairs) -> NDArray[np.uint64]:
    keys: NDArray[np.uint64] = pairs["first"].astype(np.uint64) << np.uint64(32) | pairs["second"]
    return keys


class _Lists:
    """The index, and the rows that are in it."""

    def __init__(
        self, sides: tuple[Vectors, ...], threshold: float, jobs: int, check: Callable[[], None]
    ) -> None:
        self.threshold, self.check = threshold, check
        self.sides: list[tuple[Vectors, Squares]] = [(side, squares(side)) for side in sides]
        self.vectors, self.squares = self.sides[0]
        rows, width = self.vectors.shape
        self.count = max(1, min(round(4 * rows**0.5), rows // _LEARN))
        self.probes = min(_PROBES, self.count)
        # The index multiplies the stored vectors, whose lengths are 1 but for the rounding to float16.
        lengths = np.sqrt([self.squares.min(initial=1), self.squares.max(initial=1)])
        self.floor = threshold * lengths[0] ** 2 - margin(width) * lengths[1] ** 2 - 1e-6
        self.faiss: Any = importlib.import_module("faiss")
        self.faiss.omp_set_num_threads(jobs)
        self.index = self._filled(rows, width)

    def _filled(self, rows: int, width: int) -> Any:
        faiss = self.faiss
        coarse = faiss.IndexFlatIP(width)
        # Not by residual: float16 holds a stored vector to the last bit, and no difference of two.
        half, product = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexIVFScalarQuantizer(coarse, width, self.count, half, product, False)
        index.cp.max_points_per_centroid = index.cp.min_points_per_centroid = _LEARN
        if rows:
            learn = np.random.default_rng(1).permutation(rows)[: _LEARN * self.count]
            index.train(self.vectors[np.sort(learn)].astype(np.float32))
        for start in range(0, rows, _AT_ONCE):
            self.check()
            index.add(self.vectors[start : start + _AT_ONCE].astype(np.float32))
        return index

    def exact(self, rows: NDArray[np.int64]) -> Pairs:
        """All pairs of one of some rows and any row."""
        engine = products()
        floor = self.threshold - margin(self.vectors.shape[1])
        found = [np.empty(0, PAIR)]
        plain, *mirrored = self.sides
        looks = [(plain, plain)]
        for side in mirrored:  # the later row of a pair is the mirrored one: it may be either
            looks += [(plain, side), (side, plain)]
        for (asking, asking_squares), (others, other_squares) in looks:
            for start in range(0, len(others), engine.tile):
                block = np.arange(start, min(start + engine.tile, len(others)))
                right = engine.load(directions(others[block], other_squares[block]))
                for begin in range(0, len(rows), engine.tile):
                    self.check()
                    asked = rows[begin : begin + engine.tile]
                    left = engine.load(directions(asking[asked], asking_squares[asked]))
                    one, other = engine.reaching(left, right, floor)
                    found.append(self._decided(asked[one], block[other]))
        return nearest_pairs(np.concatenate(found))

    def decide(self, rows: NDArray[np.int64], there: Pairs) -> None:
        """Probe so many lists that enough is found of the pairs of some rows, which are `there`."""
        if not len(there):
            return
        self.probes = 1
        while self.probes < self.count:
            found = np.isin(_keys(there), _keys(self.pairs(rows))).mean()
            if found >= RECALL:
                return
            self.probes = min(2 * self.probes, self.count)

    def pairs(self, rows: NDArray[np.int64]) -> Pairs:
        """What the index finds that is near some rows."""
        self.index.nprobe = self.probes
        found = [np.empty(0, PAIR)]
        many = 0
        for vectors, _ in self.sides:
            for start in range(0, len(rows), _AT_ONCE):
                self.check()
                asked = rows[start : start + _AT_ONCE]
                limits, _, near = self.index.range_search(
                    vectors[asked].astype(np.float32), float(self.floor)
                )
                one = np.repeat(asked, np.diff(limits.astype(np.int64)))
                found.append(self._decided(one, near.astype(np.int64)))
                many += len(found[-1])
                if many > 2 * MOST:  # a pair is found from both of its rows
                    raise TooManyError(
                        f"more than {MOST} pairs of {len(self.vectors)} reach {self.threshold:g}"
                    )
        return nearest_pairs(np.concatenate(found))

    def _decided(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> Pairs:
        """Those of candidates whose cosine, as the exact search has it, reaches the threshold."""
        first, second = np.minimum(one, other), np.maximum(one, other)
        there = first < second
        first, second = first[there], second[there]
        best = np.full(len(first), -1.0)
        for vectors, side_squares in self.sides:
            for start in range(0, len(first), _AT_ONCE):
                part = slice(start, start + _AT_ONCE)
                a, b = first[part], second[part]
                exact = cosines(self.vectors[a], vectors[b], self.squares[a], side_squares[b])
                best[part] = np.maximum(best[part], exact)
        near = best >= self.threshold
        found = np.empty(int(near.sum()), PAIR)
        found["first"], found["second"], found["cosine"] = first[near], second[near], best[near]
        return found
