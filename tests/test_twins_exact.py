"""Twins among 100,000 vectors: the pairs are those of float64 on all of them, also of processes that share the work."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from headkit.twins import search as module
from headkit.twins.cosines import cosines, squares, stored
from headkit.twins.products import TorchProducts
from headkit.twins.search import Means, search

WIDTH = 512

# One of several searches that share a folder. Every tile is written down with the process that did it; PAUSE
# seconds after each make the search last as long as a larger one.
SHARED = """
import json, os, sys, time
from pathlib import Path
import numpy as np
from headkit.twins import ledger
from headkit.twins.search import Means, search

vectors, folder, threshold, tile, pause, out = sys.argv[1:]
whole = ledger._File.append
journal = os.open(f"{out}.tiles", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def append(self, compared, found):
    os.write(journal, b"%d %d\\n" % (self.number, self.number + self.done))
    whole(self, compared, found)
    time.sleep(float(pause))

ledger._File.append = append
while len(list(Path(out).parent.glob("*.tiles"))) < 2:  # both begin together
    time.sleep(0.001)
means = Means(tile=int(tile), folder=Path(folder))
np.save(f"{out}.npy", search(np.load(vectors, mmap_mode="r"), float(threshold), means).all_pairs())
"""


def everything(vectors, threshold):
    """(P, 3) every pair by the definition: float64 products of all rows with all rows, which are exact."""
    lengths = squares(vectors)
    floor = threshold * lengths[lengths > 0].min() - 1e-9
    blocks = []
    for start in range(0, len(vectors), 2000):
        left = vectors[start : start + 2000].astype(np.float64)
        for begin in range(start, len(vectors), 2000):
            products = left @ vectors[begin : begin + 2000].astype(np.float64).T
            rows = np.flatnonzero(products.max(axis=1) >= floor)
            within, second = np.nonzero(products[rows] >= floor)
            first = rows[within]
            cosine = products[first, second] / np.sqrt(
                lengths[first + start] * lengths[second + begin]
            )
            kept = (cosine >= threshold) & (first + start < second + begin)
            blocks.append(
                np.column_stack([first[kept] + start, second[kept] + begin, cosine[kept]])
            )
    found = np.concatenate(blocks)
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def at_the_threshold(rng, threshold, rows):
    """Partners of the first rows, each within a millionth of the threshold."""
    found = []
    for row in rows:
        one = row.astype(np.float64)
        away = rng.standard_normal((6000, len(row)))
        away -= (away @ one)[:, None] * one
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        partners = stored(threshold * one + np.sqrt(1 - threshold**2) * away)
        first = np.repeat(row[None], len(partners), axis=0)
        cosine = cosines(first, partners, squares(first), squares(partners))
        found.append(partners[np.abs(cosine - threshold) < 1e-6])
    return np.concatenate(found)


def adversarial(count, width, data, threshold=0.9):
    """Strangers with planted twins, or clusters; among them partners at the threshold, equal rows, rows of nothing."""
    from bench.bench_dedupe import vectors as made

    rng = np.random.default_rng(11)
    vectors = made(count, width, data)
    partners = at_the_threshold(rng, threshold, vectors[: max(count // 20_000, 1)])
    places = rng.choice(np.arange(count // 2, count), len(partners) + 60, replace=False)
    vectors[places[60:]] = partners
    vectors[places[:50]] = vectors[7]
    vectors[places[50:60]] = 0
    first = np.repeat(vectors[:1], len(partners), axis=0)
    exact = cosines(first, partners, squares(first), squares(partners))
    near = exact[np.abs(exact - threshold) < 1e-6]
    assert len(near) >= 100
    assert (near < threshold).any()
    assert (near > threshold).any()
    return vectors, float(
        np.sort(near)[len(near) // 2]
    )  # a threshold that a pair meets to the last bit


def begin(folder, out, threshold, tile, pause):
    arguments = (folder / "vectors.npy", folder / "search", threshold, tile, pause, folder / out)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", SHARED, *map(str, arguments)], env=environment, cwd=folder
    )


def tiles(folder, name):
    """The tiles that a process did, as band and block."""
    path = folder / f"{name}.tiles"
    return path.read_text().splitlines() if path.exists() else []


def shared_and_killed(folder, vectors, threshold, tile, pause=0.0):
    """The pairs that a process finds, after one that shared the work with it was killed, and what each did."""
    np.save(folder / "vectors.npy", vectors)
    blocks = -(-len(vectors) // tile)
    running = [begin(folder, name, threshold, tile, pause) for name in ("killed", "whole")]
    limit = time.monotonic() + 1800
    # Both are at work, and not at the end of it.
    while min(len(tiles(folder, name)) for name in ("killed", "whole")) < blocks // 2:
        assert time.monotonic() < limit
        assert all(one.poll() is None for one in running)
        time.sleep(0.01)
    running[0].send_signal(signal.SIGKILL)
    running[0].wait()
    before = len(tiles(folder, "whole"))
    assert running[1].wait() == 0
    assert len(tiles(folder, "whole")) > before
    return np.load(folder / "whole.npy")


def test_of_two_processes_that_share_the_work_one_is_killed(tmp_path):
    vectors, threshold = adversarial(1500, 128, "clustered")
    expected = everything(vectors, threshold)
    found = shared_and_killed(tmp_path, vectors, threshold, tile=100, pause=0.01)
    assert found.tolist() == [(int(a), int(b), cosine) for a, b, cosine in expected.tolist()]
    killed, whole = tiles(tmp_path, "killed"), tiles(tmp_path, "whole")
    # Each tile once, but for the one that the killed process had begun to write.
    assert len(set(killed) & set(whole)) <= 1
    assert not (tmp_path / "killed.npy").exists()


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("data", ["random", "clustered"])
@pytest.mark.parametrize("count", [20_000, 100_000])
def test_many_rows_have_the_pairs_of_float64(count, data, tmp_path, monkeypatch):
    """The issue's own size: minutes of float64 products, then the search in every way that it can be made."""
    vectors, threshold = adversarial(count, WIDTH, data)
    expected = everything(vectors, threshold)
    assert len(expected) >= count // 100
    assert (np.abs(expected[:, 2] - threshold) < 1e-6).sum() > 100

    def same(found):
        columns = [found[name] for name in ("first", "second", "cosine")]
        assert (np.column_stack(columns) == expected).all()

    same(search(vectors, threshold).all_pairs())
    same(search(vectors, threshold, Means(tile=999, jobs=2)).all_pairs())
    same(search(vectors, threshold, Means(tile=5000, prune=False)).all_pairs())
    same(shared_and_killed(tmp_path, vectors, threshold, tile=2048))
    monkeypatch.setattr(module, "products", TorchProducts)
    same(search(vectors, threshold, Means(tile=4096)).all_pairs())
