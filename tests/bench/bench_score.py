"""What each score costs, and what it knows of heads that were found wrongly.

    python tests/bench/bench_score.py [--device 0] fit.jsonl     milliseconds of CPU a record
    python tests/bench/bench_score.py --against-truth sc.jsonl   against exact truth

The first reads records of detect and fit3dmm --check (paths relative to the manifest's folder), and measures each score
that needs no weights of others, with and without the detector's heads in the record. One thread; the picture is decoded
before. The second reads renders after headkit score --score flip,cut,agreement: how far a score orders pictures by whether their
heads are right (panoptic quality against truth above 0.8) and heads by whether there is one (overlap of half), as the
area under the ROC curve: 0.5 by chance, 1 in perfect order. The published filters look at the counts alone.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headkit.evaluation.boxes import overlap
from headkit.picture import picture_of
from headkit.scoring import ScoreOptions
from headkit.scoring.matching import agreement
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
OF_PICTURES = ("flip", "cut", "agreement", "flip_count", "cut_count", "agreement_count")
OF_HEADS = ("flip", "cut", "agreement")
RIGHT = 0.8


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--against-truth", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    records = [json.loads(line) for line in options.manifest.read_text().splitlines()]
    records = [record for record in records if "error" not in record]
    if options.against_truth:
        knowledge(records)
    else:
        cost(records, options.manifest.parent.resolve(), options.device)


# ---- what it costs -------------------------------------------------------------------------------


def cost(records: list[Any], root: Path, device: str) -> None:
    """Prints milliseconds of each score."""
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
        study = Study(ScoreOptions(score=name), Context("score", root, device=device))
        measure = score.start(study)
        with_heads, without = (
            [
                Subject(record, record.get("heads", []), one)
                for record, one in zip(rows, pictures, strict=True)
            ]
            for rows in (records, bare)
        )
        line = f"{name:<12}{timed(measure, with_heads):>8.1f}"
        print(line if name == "label" else f"{line}{timed(measure, without):>20.1f}")


def timed(measure: Measure, subjects: list[Subject]) -> float:
    """Milliseconds a record, after one to warm up."""
    measure([Subject(subjects[0].record, subjects[0].heads, subjects[0].picture)])
    began = time.process_time()
    for place in range(0, len(subjects), 8):
        measure(subjects[place : place + 8])
    return 1000 * (time.process_time() - began) / len(subjects)


# ---- what it knows -------------------------------------------------------------------------------


def knowledge(records: list[Any]) -> None:
    """Prints how well scores order pictures and heads."""
    right, wrong = [], []
    true: dict[str, list[float]] = {name: [] for name in OF_HEADS}
    false: dict[str, list[float]] = {name: [] for name in OF_HEADS}
    for record in records:
        wanted, found = record["truth"]["heads"], record["heads"]
        boxes, truth = (
            np.array([head["box"] for head in heads]).reshape(-1, 4) for heads in (found, wanted)
        )
        ignored = np.array(["ignore" in head for head in wanted], bool)
        sure = np.array([head["score"] for head in found])
        quality = agreement(truth, boxes, sure, ignored).quality
        (right if quality > RIGHT else wrong).append(record["scores"])
        best = overlap(boxes, truth).max(axis=1, initial=0)
        for head, shared in zip(found, best.tolist(), strict=True):
            for name in set(OF_HEADS) & head.get("scores", {}).keys():
                (true if shared >= 0.5 else false)[name].append(head["scores"][name])
    print(f"{len(right)} pictures are right, {len(wrong)} are not")
    for name in OF_PICTURES:
        known = [[scores[name] for scores in part if name in scores] for part in (right, wrong)]
        print(f"{name:<18}{area_under_curve(*known):>6.2f}")
    for name in OF_HEADS:
        counts = f"{len(true[name])} heads, {len(false[name])} false ones"
        print(f"heads[].{name:<10}{area_under_curve(true[name], false[name]):>6.2f}   {counts}")


def area_under_curve(better: list[float], worse: list[float]) -> float:
    """Share of the pairs in which the better has the higher score, ties half."""
    high, low = np.array(better)[:, None], np.array(worse)[None]
    return float((high > low).mean() + (high == low).mean() / 2)


if __name__ == "__main__":
    main()
