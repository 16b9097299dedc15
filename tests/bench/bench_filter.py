"""How long `headkit filter` takes beside a bare orjson loop, and jq where it is installed.

    python tests/bench/bench_filter.py [RECORDS]

The loop reads a line, parses it, tests one field in Python, and writes the line: the least that any filter has to
do. The expressions alone are timed as well, without reading and writing.
"""

import os
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


def record(number: int) -> dict:
    """A row of two heads, about 4.5 KB."""
    points = [[number % 7 + k * 0.5, k * 0.25, 0.0] for k in range(68)]
    head = {
        "box": [10.0, 10.0, 60.0, 30.0 + number % 60],
        "visibility": number % 10 / 10,
        "landmarks": {"scheme": "ibug68", "points": points, "visible": "1" * 68},
        "params": {"model": "headkit", "shape": [0.12345] * 80},
    }
    image = f"images/{number % 256:02x}/{number}.png"
    return {"id": f"row-{number}", "width": 640, "image": image, "truth": {"heads": [head, head]}}


def main(count: int) -> None:
    """Print microseconds a record for each contestant, start-up included and apart."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.jsonl"
        path.write_bytes(b"".join(orjson.dumps(record(k)) + b"\n" for k in range(count)))
        print(
            f"{count} records of {path.stat().st_size / count / 1000:.1f} KB, microseconds a record"
        )
        contestants = {
            "orjson loop": [sys.executable, "-c", LOOP],
            "headkit filter": [sys.executable, "-m", "headkit", "filter", "--keep", KEEP],
        }
        if shutil.which("jq"):
            contestants["jq"] = ["jq", "-c", JQ]
        for name, command in contestants.items():
            empty, whole = best(command, Path(os.devnull)), best(command, path)
            print(f"{name:16} {(whole - empty) / count * 1e6:8.1f}   start-up {empty * 1e3:.0f} ms")
    rows = [record(k) for k in range(1000)]
    for source in EXPRESSIONS:
        evaluate = Expression(source).evaluate
        start = time.perf_counter()
        for row in rows:
            evaluate(row)
        print(f"{(time.perf_counter() - start) * 1e3:8.2f}   {source}")


def best(command: list[str], path: Path) -> float:
    """Seconds of processor time, the least of three."""
    taken = []
    for _ in range(3):
        before = os.times()
        with path.open("rb") as file:
            subprocess.run(
                command,
                stdin=file,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )
        after = os.times()
        taken.append(sum(after[2:4]) - sum(before[2:4]))
    return min(taken)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
