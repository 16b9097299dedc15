"""How fast pack writes WebDataset shards, against webdataset.ShardWriter and tar, in turns.

    python tests/bench/bench_pack.py [--rounds 3] [--jobs 1]

Each contestant reads the same image files and labels and writes one tar. pack also checks sizes and digests, sums every
member and shard, writes an index, syncs the disk and publishes in one rename; the others do none of this. The images
are PNG files of random bytes: only their structure is read. Medians of user and system time, and of wall time.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import webdataset

from headkit.tool import Context
from headkit.tools import pack


def png(size, seed):
    """A PNG of 64 x 64 by its header, with `size` random bytes for pixels."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    noise = hashlib.shake_128(str(seed).encode()).digest(size)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", noise) + chunk(b"IEND", b"")
    )


def make(folder, count, size):
    """Records, and their files below `folder`."""
    (folder / "images").mkdir()
    head = {"box": [4.5, 4.5, 40.25, 50.75], "visibility": 1.0, "pose": {"yaw": 12.5}}
    found = []
    for number in range(count):
        data = png(size, number)
        (folder / f"images/{number:06d}.png").write_bytes(data)
        label = {"id": f"{number:06d}", "width": 64, "height": 64, "truth": {"heads": [head] * 2}}
        digest = hashlib.sha256(data).hexdigest()
        found.append({**label, "image": f"images/{number:06d}.png", "image_sha256": digest})
        (folder / f"images/{number:06d}.json").write_text(json.dumps(label))
    return found


def ours(folder, records, jobs):
    context = Context("pack", folder, jobs=jobs)
    options = pack.Options(dir=str(folder / "ours"))
    for _ in pack.stream(options, context, iter(records)):
        pass


def shard_writer(folder, records):
    (folder / "theirs").mkdir()
    with webdataset.ShardWriter(
        str(folder / "theirs/%06d.tar"), maxcount=10**6, maxsize=1e12, verbose=0
    ) as writer:
        for record in records:
            data = (folder / record["image"]).read_bytes()
            writer.write({"__key__": record["id"], "png": data, "json": record})


def tar(folder, _records):
    names = folder / "names"
    names.write_text("".join(f"{each.name}\n" for each in sorted((folder / "images").iterdir())))
    run = ["tar", "-cf", str(folder / "tar.tar"), "-C", str(folder / "images"), "-T", str(names)]
    subprocess.run(run, check=True)


def timed(work, *arguments):
    """Seconds of processor, of this process and its children, and of the clock."""
    before, start = os.times(), time.perf_counter()
    work(*arguments)
    after = os.times()
    return sum(after[:4]) - sum(before[:4]), time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    for size, count in ((5_000, 5000), (150_000, 1000)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(os.path.realpath(name))
            records = make(folder, count, size)
            runs = {"pack": (ours, options.jobs), "ShardWriter": (shard_writer,), "tar": (tar,)}
            seconds = {each: [] for each in runs}
            for _ in range(options.rounds):
                for each, (work, *more) in runs.items():
                    seconds[each].append(timed(work, folder, records, *more))
                    for left in ("ours", "theirs"):
                        shutil.rmtree(folder / left, ignore_errors=True)
                    (folder / "ours.private.jsonl").unlink(missing_ok=True)
            for each, found in seconds.items():
                processor, wall = (statistics.median(column) for column in zip(*found, strict=True))
                print(
                    f"{size // 1000:4} KB x {count}  {each:12} {1e6 * processor / count:7.0f} us of processor a sample, "
                    f"{count / wall:7.0f} samples/s"
                )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
