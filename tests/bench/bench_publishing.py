"""What the care of `pack` costs and finds: the scan, a mark, a takedown.

python tests/bench/bench_publishing.py [--rows 20000]
"""

import argparse
import io
import json
import resource
import shutil
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from packs import pack  # noqa: E402
from releases import release  # noqa: E402

from headkit.privacy import names  # noqa: E402
from headkit.privacy.scan import A_NAME, Scan  # noqa: E402
from headkit.publishing.marks import mark  # noqa: E402

PEOPLE = {"person", "honorific", "credit"}  # kinds of captions that name a person
HEAD = {"box": [4.0, 4.0, 20.0, 20.0], "landmarks": {"points": [[10.0, 12.0, 0.5]] * 68}}


def found_names() -> None:
    """How many captions stop a run, of a set that no version of the name finder is tuned on."""
    rows = [json.loads(line) for line in (TESTS / "data/names_fold.jsonl").open()]
    for what, some in (
        ("that name a person", [row for row in rows if row["spans"] and row["kind"] in PEOPLE]),
        ("without a name", [row for row in rows if not row["spans"]]),
    ):
        stopped = 0
        for row in some:
            scan = Scan()
            scan.look("a", {"caption": row["text"]})
            stopped += scan.kinds[A_NAME] > 0
        print(f"captions {what}: {len(some)}, of which {stopped} stop a run")


def scan_speed(count: int) -> None:
    """Processor time a row of what `caption` writes."""
    rows = [
        {
            "width": 640,
            "height": 480,
            "camera": {"K": [[768.0, 0.0, 320.0], [0.0, 768.0, 240.0], [0.0, 0.0, 1.0]]},
            "caption": f"A distant view of a {20 + number % 60}-year-old man wearing a green beanie and a {color} shirt, a "
            "woman facing away from the camera with short blond hair against a painted wall under an overcast sky.",
            "prompt": {"text": "", "negative": "blurry, deformed, extra limbs", "tokens": 75},
            "scores": {"flip": 0.9, "cut": 0.8},
        }
        for number, color in zip(range(600), ["red", "navy", "white"] * 200, strict=True)
    ]
    for row in rows:
        row["prompt"]["text"] = f"{row['caption'][:-1]}, photo, shallow depth of field"
    scan = Scan()
    names.named_in("Anna Schmidt")  # reads the lists
    begin = time.process_time()
    for number in range(count):
        scan.look(f"pose-7-{number:06d}", rows[number % len(rows)])
    spent = time.process_time() - begin
    print(f"scan of {count:,} rows: {spent:.1f} s, {spent / count * 1e6:.0f} us a row")


def mark_speed() -> None:
    """Processor time of a mark in 5 KB, and of the hash of what comes out."""
    sink = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 42, 3), np.uint8)).save(
        sink, "PNG"
    )
    data, record, count = sink.getvalue(), {"generated": {"model": "render"}}, 20_000
    begin = time.process_time()
    for _ in range(count):
        sha256(mark(data, "png", record)).hexdigest()
    print(f"mark and hash, {len(data)} bytes: {(time.process_time() - begin) / count * 1e6:.0f} us")


def takedown(count: int) -> None:
    """Four samples out of many, in WebDataset and COCO."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "images").mkdir()
        pack(
            root,
            _rows(root, count),
            format="webdataset,coco",
            shard_size="1000",
            split="train=0.9,val=0.1",
        )
        begin, wall = time.process_time(), time.perf_counter()
        release(root, remove=[f"row-{number}" for number in (7, 70, 700, 7000)])
        print(
            f"takedown of 4 of {count:,}: {time.process_time() - begin:.1f} s of processor, "
            f"{time.perf_counter() - wall:.1f} s"
        )
        shutil.rmtree(root / "out")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory, packing included: {peak:.0f} MB")


def _rows(root, count):
    sink = io.BytesIO()
    Image.new("RGB", (32, 24)).save(sink, "PNG")
    empty, draw = sink.getvalue(), np.random.default_rng(0)
    for number in range(count):
        data = empty[:-12] + b"\0\0\x04\0puNk" + draw.bytes(1024) + bytes(4) + empty[-12:]
        (root / f"images/{number}.png").write_bytes(data)
        yield {
            "id": f"row-{number}",
            "width": 32,
            "height": 24,
            "source": {"author": f"Author {number}"},
            "image": f"images/{number}.png",
            "image_sha256": sha256(data).hexdigest(),
            "generated": {"model": "render"},
            "truth": {"heads": [HEAD] * 3},
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    options = parser.parse_args()
    takedown(options.rows)  # first: the name finder's lists would count among its memory
    mark_speed()
    scan_speed(5 * options.rows)
    found_names()
