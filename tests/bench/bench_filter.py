"""What `headkit filter` costs a record beside a bare orjson loop, and jq where it is installed.

    python tests/bench/bench_filter.py [MEGABYTES]

The loop reads a line, parses it, tests two fields in Python, and writes the line: the least that any filter in Python
has to do. All keep the same rows, from a file to /dev/null, at rows of 0.6, 13 and 30 KB. Microseconds of processor
time a record, start-up apart: the difference between MEGABYTES (default 60) and four times as many for filter, whose
scanner is for large input; `line by line` is the way of small input. Contestants take turns, and the least of
three counts. Peak memory of filter on both sizes; at last the expressions alone, without reading and writing.
"""

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

from headkit.expression import Expression

KEEP = "any(truth.heads, box_height > 40 and visibility > 0.5)"
EXPRESSIONS = (
    "width >= 512",
    "exists(image) and any(heads ?? truth.heads, not exists(ignore))",
    KEEP,
    "0.2 < min(truth.heads[].visibility) <= 0.9 and id != 'x'",
)
LOOP = """
import sys, orjson
for line in sys.stdin.buffer:
    record = orjson.loads(line)
    if any(h["box"][3] - h["box"][1] > 40 and h["visibility"] > 0.5 for h in record["truth"]["heads"]):
        sys.stdout.buffer.write(line)
"""
JQ = "select(any(.truth.heads[]; .box[3] - .box[1] > 40 and .visibility > 0.5))"
SET = "from headkit.run import sieve; sieve.LARGE = sieve.MANY = {}\n"
FILTER = f"import sys; from headkit import cli; sys.exit(cli.execute(['filter', '-q', '--keep', {KEEP!r}]))"
CONTESTANTS = {
    "jq": ["jq", "-c", JQ],
    "orjson loop": [sys.executable, "-c", LOOP],
    "filter": [sys.executable, "-c", SET.format(0) + FILTER],
    "line by line": [sys.executable, "-c", SET.format(1 << 60) + FILTER],
}
POINTS = (12, 615, 1440)  # landmarks of a row, for its size
TIMES = 3


def record(number: int, points: int, chance: random.Random) -> dict:
    """A row as the tools of a pipeline leave it; the points make its size."""
    head = {
        "box": [120.5, 40.25, 220.75, 50.5 + number % 60],
        "visibility": number % 10 / 10,
        "landmarks": {
            "scheme": "dense",
            "points": [
                [round(chance.uniform(0, 1024), 2), round(chance.uniform(0, 768), 2), 1.25]
                for _ in range(points)
            ],
        },
    }
    return {
        "id": f"scene-{number:08d}",
        "width": 1024,
        "height": 768,
        "poses": [
            {"box": [10.25, 20.5, 300.75, 700.0], "score": 0.9312, "attributes": {"age": 34}}
        ],
        "prompt": {"text": "a photo of a woman in a park, trees, evening light", "edits": []},
        "image": f"images/ab/scene-{number:08d}.png",
        "truth": {"heads": [head]},
    }


def write(path: Path, points: int, size: int) -> int:
    """Fill a file with rows; how many there are."""
    chance = random.Random(points)
    rows = [orjson.dumps(record(number, points, chance)) + b"\n" for number in range(200)]
    count = 0
    with path.open("wb") as file:
        while file.tell() < size:
            row = rows[count % len(rows)]
            file.write(row.replace(b'"scene-', b'"%d-scene-' % count, 1))
            count += 1
    return count


def write_warm(folder: Path) -> Path:
    """A small file: a run of it compiles the scanner, once a machine."""
    path = folder / "warm.jsonl"
    write(path, POINTS[0], 4 << 20)
    return path


def seconds(command: list[str], path: Path) -> float:
    """Processor time of one run."""
    before = os.times()
    with path.open("rb") as file:
        subprocess.run(command, stdin=file, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def contest(few: Path, many: Path, counts: tuple[int, int]) -> dict[str, float]:
    """Microseconds a record, start-up apart, of each contestant that is there."""
    taken: dict[str, list[tuple[float, float]]] = {}
    for _ in range(TIMES):
        for name, command in CONTESTANTS.items():
            if shutil.which(command[0]):
                base, whole = (few, many) if name == "filter" else (Path(os.devnull), few)
                taken.setdefault(name, []).append((seconds(command, base), seconds(command, whole)))
    records = {name: counts[1] - counts[0] if name == "filter" else counts[0] for name in taken}
    return {
        name: (min(whole for _, whole in runs) - min(base for base, _ in runs))
        / records[name]
        * 1e6
        for name, runs in taken.items()
    }


def peak(path: Path) -> None:
    """Print the most memory that a filter of the file holds."""
    child = os.fork()
    if not child:
        with path.open("rb") as file:
            subprocess.run(CONTESTANTS["filter"], stdin=file, stdout=subprocess.DEVNULL, check=True)
        print(
            f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:6.0f} MB",
            end="",
            flush=True,
        )
        os._exit(0)
    os.waitpid(child, 0)


def main(size: int) -> None:
    """Print a line for each size of rows."""
    if shutil.which("jq"):
        subprocess.run(["jq", "--version"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        seconds(CONTESTANTS["filter"], write_warm(Path(folder)))
        few, many = Path(folder, "few.jsonl"), Path(folder, "many.jsonl")
        for points in POINTS:
            counts = write(few, points, size), write(many, points, 4 * size)
            print(f"\nrows of {few.stat().st_size / counts[0] / 1000:.1f} KB")
            found = contest(few, many, counts)
            for name, taken in found.items():
                print(f"{name:13} {taken:8.1f} us")
            for name in ("jq", "orjson loop"):
                if name in found:
                    print(f"filter is {found[name] / found['filter']:.2f} times as fast as {name}")
            print("peak memory of filter, few and many: ", end="")
            peak(few)
            peak(many)
            print()
    rows = [record(number, 68, random.Random(0)) for number in range(1000)]
    print("\nexpressions alone, us a record")
    for source in EXPRESSIONS:
        evaluate = Expression(source).evaluate
        start = time.perf_counter()
        for row in rows:
            evaluate(row)
        print(f"{(time.perf_counter() - start) * 1e3:8.2f}   {source}")


if __name__ == "__main__":
    main((int(sys.argv[1]) if len(sys.argv) > 1 else 60) << 20)
