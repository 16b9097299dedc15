"""What the runner costs a record, beside parsing and writing: `python tests/bench/bench_runner.py [RECORDS]`.

A map that sets one field runs over rows of 0.6, 13 and 30 KB, from a file to a file; so does the loop that
only parses with orjson, sets the field, and writes. The difference in processor time is the runner's own: ids,
strictness, batches, the account. It should stay under 60 us. Start-up is measured apart, and taken away.
"""

import os
import random
import resource
import sys
import tempfile
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parents[1] / "contract"))

from sample_tools import TOOLS, stamp

from headkit.run import run
from headkit.tool import RunOptions

POINTS = (8, 590, 1420)  # landmarks of a row, for its size
LIMIT = 60  # microseconds


def row(number, points, chance):
    """A record as the tools of a pipeline leave it; the points make its size."""
    return {
        "id": f"scene-{number:08d}",
        "width": 1024,
        "height": 768,
        "poses": [{"box": [10.25, 20.5, 300.75, 700.0], "score": 0.9312, "attributes": {"sex": "female", "age": 34}}],
        "caption": "a woman in a park: trees behind her",
        "prompt": {"text": "a photo of a woman in a park, trees, evening light", "negative": "", "edits": []},
        "image": f"images/ab/scene-{number:08d}.png",
        "value": number,
        "truth": {"heads": [{"box": [120.5, 40.25, 220.75, 170.5], "landmarks": {"points": [
            [round(chance.uniform(0, 1024), 2), round(chance.uniform(0, 768), 2), round(chance.uniform(0, 9), 2)] for _ in range(points)
        ]}}]},
    }  # fmt: skip


def plain(source, target):
    """Parsing and writing, and nothing else."""
    with Path(source).open("rb") as lines, Path(target).open("wb") as out:
        for line in lines:
            record = orjson.loads(line)
            record["mark"] = {"sum": record["value"]}
            out.write(orjson.dumps(record) + b"\n")


def through_runner(source, target):
    assert run(TOOLS["stamp"], stamp.Options(), RunOptions(output=target), [source]) == 0


def seconds(work, source, target):
    """Processor time of a child process that does nothing else."""
    child = os.fork()
    if not child:
        work(str(source), str(target))
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime


def main():
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    chance = random.Random(0)
    print(
        f"{'KB a row':>9} {'parse and write':>16} {'runner in all':>14} {'its own':>8}   (us a record)"
    )
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        nothing = Path(folder, "nothing")
        nothing.write_bytes(b"")
        for points in POINTS:
            source, target = Path(folder, "in"), Path(folder, "out")
            with source.open("wb") as file:
                for index in range(number):
                    file.write(orjson.dumps(row(index, points, chance)) + b"\n")
            size = source.stat().st_size / number / 1000
            costs = []
            for work in (plain, through_runner):
                start = min(seconds(work, nothing, target) for _ in range(3))
                costs.append(
                    (min(seconds(work, source, target) for _ in range(3)) - start) / number * 1e6
                )
            own = costs[1] - costs[0]
            worst = max(worst, own)
            print(f"{size:9.1f} {costs[0]:16.1f} {costs[1]:14.1f} {own:8.1f}")
    print(
        f"peak memory of a run: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB"
    )
    return worst > LIMIT


if __name__ == "__main__":
    sys.exit(main())
