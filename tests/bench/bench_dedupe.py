"""How long the exact search for twins takes beside others, and how much memory: python tests/bench/bench_dedupe.py

    [--rows 20000] [--width 512] [--threads 1] [--repeat 3] [--threshold 0.9] [--data random|clustered]
    [--contestants headkit,headkit-plain,headkit-faiss,faiss,faiss-knn,usearch-exact,usearch-hnsw,imagededup]
    [--once usearch-hnsw,imagededup] [--libraries DIR]

Vectors of length 1 with planted twins, 1% of the rows. `random` ones are strangers to each other; `clustered` ones are
as embeddings of one kind of picture: a direction that all share, 200 clusters, decreasing variance, so that most pairs
have a cosine of 0.4 to 0.8. Each run is a process of its own, and contestants take turns; those of --once run in the
first round only. Seconds are medians of processor time and of the clock; memory is the peak while searching, with the
vectors, over the bytes of the float16 input. Contestants that are not installed, or whose matrix of cosines does not
fit into memory, are passed over and say so; DIR is searched for them first. A last line says what a million rows
would take, by the square of the number of rows, of those that compare all pairs.

    headkit        float16 in; every pair of rows compared, by fewer columns where a sample says so
    headkit-plain  the same with all columns
    headkit-faiss  dedupe --index faiss: approximate, and says what it misses
    faiss          IndexFlatIP.range_search, float32 in: exact but for the rounding of float32
    faiss-knn      IndexFlatIP.search, 32 nearest
    usearch-exact  usearch.index.search, 32 nearest of all rows
    usearch-hnsw   usearch.index.Index: built, and searched for 8 nearest, approximate
    imagededup     CNN.find_duplicates of these vectors, one process; beyond 10,000 rows its cosines are float16

What is found is compared with the pairs of the first contestant; what differs within 1e-5 of the threshold (of
imagededup: 1e-3) is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CONTESTANTS = (
    "headkit",
    "headkit-plain",
    "headkit-faiss",
    "faiss",
    "faiss-knn",
    "usearch-exact",
    "usearch-hnsw",
    "imagededup",
)
ALL_PAIRS = ("headkit", "headkit-plain", "faiss", "faiss-knn", "usearch-exact")


def vectors(rows: int, width: int, data: str, seed: int = 0) -> np.ndarray:
    """(rows, width) float16 of length 1."""
    from headkit.twins.cosines import stored

    rng = np.random.default_rng(seed)
    found = np.empty((rows, width), np.float16)
    centres = rng.standard_normal((200, width)) * np.linspace(2, 0.1, width)
    for start in range(0, rows, 10_000):
        count = min(10_000, rows - start)
        part = rng.standard_normal((count, width))
        if data == "clustered":
            part = (
                1 + centres[rng.integers(200, size=count)] + 0.7 * part * np.linspace(2, 0.2, width)
            )
        found[start : start + count] = stored(part)
    twins = rows // 100
    first = found[:twins].astype(np.float64)
    noise = rng.standard_normal(first.shape) * (0.3 / np.sqrt(width))
    found[rng.choice(np.arange(twins, rows), twins, replace=False)] = stored(first + noise)
    return found


def search(name: str, path: Path, threshold: float, threads: int) -> np.ndarray:
    """(P, 2) pairs of rows, the lower first; and what the search took, printed as JSON."""
    stored16 = np.load(path, mmap_mode="r")
    wide = None
    if not name.startswith("headkit"):
        wide = np.array(stored16, np.float32)
        wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    prepare(name, threads)
    before = memory("VmRSS") - (0 if wide is None else wide.nbytes)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    wall, processor = time.perf_counter(), time.process_time()
    pairs = run(name, stored16, wide, threshold, threads)
    print(
        json.dumps(
            {
                "wall": time.perf_counter() - wall,
                "processor": time.process_time() - processor,
                "memory": (memory("VmHWM") - before) / stored16.nbytes,
            }
        )
    )
    return np.unique(np.sort(pairs, axis=1), axis=0)


def prepare(name: str, threads: int) -> None:
    """Import what the search needs, outside the time that is taken."""
    if name.startswith("headkit"):
        import headkit.twins.approximate
        import headkit.twins.search  # noqa: F401

        if name == "headkit-faiss":
            import faiss
    elif name.startswith("faiss"):
        import faiss

        faiss.omp_set_num_threads(threads)
    elif name.startswith("usearch"):
        import usearch.index  # noqa: F401
    elif name == "imagededup":
        import imagededup.methods  # noqa: F401


def run(name, stored16, wide, threshold, threads):
    if name == "headkit-faiss":
        from headkit.twins.approximate import search_lists

        twins, recall = search_lists(stored16, threshold, jobs=threads)
        print(f"headkit-faiss: {recall}", file=sys.stderr)
        return np.stack([twins.pairs["first"], twins.pairs["second"]], axis=1).astype(np.int64)
    if name.startswith("headkit"):
        from headkit.twins.search import Means
        from headkit.twins.search import search as twins

        prune = False if name.endswith("plain") else None
        found = twins(stored16, threshold, Means(jobs=threads, prune=prune)).pairs
        return np.stack([found["first"], found["second"]], axis=1).astype(np.int64)
    if name.startswith("faiss"):
        import faiss

        index = faiss.IndexFlatIP(wide.shape[1])
        index.add(wide)
        if name == "faiss":
            limits, _, columns = index.range_search(wide, threshold)
            rows = np.repeat(np.arange(len(wide)), np.diff(limits.astype(np.int64)))
        else:
            cosine, nearest = index.search(wide, 32)
            rows, places = np.nonzero(cosine >= threshold)
            columns = nearest[rows, places]
    elif name == "usearch-hnsw":
        from usearch.index import Index

        index = Index(ndim=wide.shape[1], metric="ip", dtype="f16")
        index.add(np.arange(len(wide)), wide, threads=threads)
        matches = index.search(wide, 8, threads=threads)
        rows, places = np.nonzero(1 - matches.distances >= threshold)
        columns = matches.keys[rows, places].astype(np.int64)
    elif name == "usearch-exact":
        from usearch.index import MetricKind
        from usearch.index import search as nearest_of_all

        matches = nearest_of_all(wide, wide, 32, MetricKind.IP, exact=True, threads=threads)
        rows, places = np.nonzero(1 - matches.distances >= threshold)
        columns = matches.keys[rows, places].astype(np.int64)
    else:
        rows, columns = of_imagededup(wide, threshold)
    pairs = np.stack([rows, columns.astype(np.int64)], axis=1)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def of_imagededup(wide, threshold):
    """Its search of vectors; the network that it would have made them with is left out."""
    import logging

    import torch
    from imagededup.methods import CNN
    from imagededup.utils import CustomModel

    logging.disable()
    nothing = CustomModel(name="none", model=torch.nn.Identity(), transform=torch.nn.Identity())
    finder = CNN(verbose=False, model_config=nothing)
    found = finder.find_duplicates(
        encoding_map={str(number): row for number, row in enumerate(wide)},
        min_similarity_threshold=threshold,
        num_sim_workers=0,
    )
    pairs = [(int(row), int(twin)) for row, twins in found.items() for twin in twins]
    return np.array(pairs, np.int64).reshape(-1, 2).T


def room(name: str, rows: int) -> int:
    """Bytes that it takes for every pair of rows, as far as it was seen: matrices of cosines."""
    return {"imagededup": 4, "usearch-exact": 17}.get(name, 0) * rows * rows


def available() -> int:
    """Bytes of memory."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) * 1024


def memory(name: str) -> int:
    """Bytes, of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024


def compare(
    expected: np.ndarray, found: np.ndarray, path: Path, threshold: float, margin: float
) -> str:
    """How many pairs are missing or too many, of those not within the margin of the threshold."""
    stored16 = np.load(path, mmap_mode="r")
    sets = [set(map(tuple, pairs.tolist())) for pairs in (expected, found)]
    words = []
    for word, pairs in (("missing", sets[0] - sets[1]), ("too many", sets[1] - sets[0])):
        rows = np.array(sorted(pairs), np.int64).reshape(-1, 2)
        a, b = (stored16[rows[:, side]].astype(np.float64) for side in (0, 1))
        cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        clear = int((np.abs(cosine - threshold) > margin).sum())
        words += [f"{clear} {word}"] if clear else []
    return ", ".join(words) or "the same"


def contest(given: argparse.Namespace, names: list[str], folder: str) -> dict[str, list]:
    """What each run of each contestant took; they take turns."""
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    rounds = [
        name
        for turn in range(given.repeat)
        for name in names
        if turn == 0 or name not in given.once.split(",")
    ]
    for name in rounds:
        # As headkit itself: its threads are its own, each multiplies alone.
        one = str(1 if name.startswith("headkit") else given.threads)
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), one)
        done = subprocess.run(
            [sys.executable, *sys.argv, "--one", name, folder],
            env={**os.environ, **threads},
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            taken[name].append(json.loads(done.stdout.splitlines()[-1]))
            said = done.stderr.splitlines(keepends=True)
            sys.stdout.writelines(line for line in said if "Recall" in line)
        else:
            print(name, "failed:", done.stderr.strip().splitlines()[-1])
    return {name: runs for name, runs in taken.items() if runs}


def table(given: argparse.Namespace, taken: dict[str, list], folder: Path) -> None:
    """Print medians, and what was found."""
    print(
        f"{given.rows} x {given.width} {given.data}, cosine {given.threshold}, {given.threads} thread(s), "
        f"medians of {given.repeat}\n{'':14} {'cpu s':>8} {'clock s':>8} {'memory':>7} {'pairs':>8}"
    )
    first, estimates = None, []
    for name, runs in taken.items():
        pairs = np.load(folder / f"{name}.npy")
        first = pairs if first is None else first
        median = {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        margin = 1e-3 if name == "imagededup" else 1e-5
        words = compare(first, pairs, folder / "vectors.npy", given.threshold, margin)
        print(
            f"{name:14} {median['processor']:8.1f} {median['wall']:8.1f} {median['memory']:6.2f}x {len(pairs):8}  {words}"
        )
        if name in ALL_PAIRS:
            million = median["processor"] * (1e6 / given.rows) ** 2
            estimates.append(f"{name} {million / 60:.0f} min")
    print(f"1,000,000 x {given.width}, by the square: {', '.join(estimates)}")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threshold", type=float, default=0.9)
    parser.add_argument("--data", choices=("random", "clustered"), default="random")
    parser.add_argument("--contestants", default="headkit,headkit-plain,faiss")
    parser.add_argument("--once", default="", help="contestants that run in the first round only")
    parser.add_argument("--libraries")
    parser.add_argument(
        "--one", nargs=2, help="(for itself: one search, and where to write its pairs)"
    )
    given = parser.parse_args()
    if given.libraries:
        sys.path.insert(0, given.libraries)
    if given.one:
        name, folder = given.one
        pairs = search(name, Path(folder) / "vectors.npy", given.threshold, given.threads)
        np.save(Path(folder) / f"{name}.npy", pairs)
        return
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "vectors.npy", vectors(given.rows, given.width, given.data))
        names = given.contestants.split(",")
        assert set(names) <= set(CONTESTANTS)
        for name in names.copy():
            if room(name, given.rows) > 0.7 * available():
                needed = room(name, given.rows) / 2**30
                print(f"{name}: not run, its matrices would take {needed:.0f} GiB of memory")
                names.remove(name)
        table(given, contest(given, names, folder), Path(folder))


if __name__ == "__main__":
    main()
