"""What each score costs: python tests/bench/bench_score.py [--device 0] MANIFEST.

Reads records of detect and fit3dmm --check (paths relative to the manifest's folder) and prints, for each score that
needs no weights of others, milliseconds of CPU a record, with and without the detector's heads in it. One thread; the
picture is decoded before.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from headkit.picture import picture_of
from headkit.scoring import ScoreOptions
from headkit.scoring.score import Measure, Study, Subject
from headkit.scoring.table import find
from headkit.tool import Context

SCORES = [
    "sharpness",
    "exposure",
    "entropy",
    "border",
    "size",
    "aspect",
    "label",
    "flip",
    "cut",
    "agreement",
    "pose",
]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    root = options.manifest.parent.resolve()
    records = [json.loads(line) for line in options.manifest.read_text().splitlines()]
    bare = [
        {name: value for name, value in record.items() if name not in ("heads", "made")}
        for record in records
    ]
    pictures = [picture_of(record, root) for record in records]
    heads = sum(len(record["heads"]) for record in records) / len(records)
    area = sum(one.shape[0] * one.shape[1] for one in pictures) / len(pictures) / 1e6
    print(f"{len(records)} records, {area:.2f} megapixels and {heads:.1f} heads each")
    print(f"{'score':<12}{'ms':>8}{'ms, without heads':>20}")
    for name in SCORES:
        score = find(name)
        study = Study(ScoreOptions(score=name), Context("score", root, device=options.device))
        measure = score.start(study)
        subjects = [
            [
                Subject(record, record.get("heads", []), one)
                for record, one in zip(rows, pictures, strict=True)
            ]
            for rows in (records, bare)
        ]
        times = [timed(measure, each) for each in subjects if name != "label" or each[0].heads]
        print(
            f"{name:<12}"
            + "".join(f"{each:>{width}.1f}" for each, width in zip(times, (8, 20), strict=False))
        )


def timed(measure: Measure, subjects: list[Subject]) -> float:
    """Milliseconds a record, after one to warm up."""
    measure([Subject(subjects[0].record, subjects[0].heads, subjects[0].picture)])
    began = time.process_time()
    for place in range(0, len(subjects), 8):
        measure(subjects[place : place + 8])
    return 1000 * (time.process_time() - began) / len(subjects)


if __name__ == "__main__":
    main()
