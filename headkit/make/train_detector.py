"""Trains headkit/data/head_detector.npz, the default network of `headkit detect`, on our own renders.

    python -m headkit.make.train_detector --train a.jsonl b.jsonl --test c.jsonl -d RUN --images 100000

A YOLO nano of ultralytics, built from its yaml and trained from nothing by the loop of yolo_training, or further from
--weights.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from headkit.backends import yolo
from headkit.backends.detectors import OWN_SEARCH
from headkit.backends.finding import find
from headkit.make import yolo_training
from headkit.make.detector_accuracy import Found, Truth, average_precision, table
from headkit.make.detector_samples import Mixture, Scene, load_scenes

YAML = "cfg/models/11/yolo11.yaml"  # within ultralytics


def main() -> None:
    """Trains until --images were seen, writes the weights and the table of accuracy."""
    options = yolo_training.parser(__doc__).parse_args()
    yolo_training.prepare(options)
    run = yolo_training.Run.resumed(options, partial(_first, options.weights, options.width))
    held_out = load_scenes(options.test)
    if not options.only_test:
        scenes = load_scenes(options.train)
        loss = yolo_training.Unasked(yolo.detection_loss(run.network))
        yolo_training.train(
            run, scenes, loss, partial(_said, held_out, options.imgsz), options, Mixture()
        )
    weights = run.export(options.dir / "head_detector.npz", options.imgsz)
    rows = table(_found(weights, held_out, options.imgsz))
    print(rows)
    (options.dir / "accuracy.md").write_text(rows + "\n")


def _first(weights: Path | None, width: float) -> tuple[nn.Module, dict[str, Any]]:
    """The network to begin with, and its yaml."""
    if weights is not None:
        network, description = yolo.stored(weights)
        return network, description["yaml"]
    yaml = yolo.architecture(YAML, width=width, classes=1)
    return yolo.build(yaml), yaml


def _said(held_out: list[Scene], imgsz: int, weights: Path) -> str:
    ap, recall, heads = average_precision(_found(weights, held_out, imgsz))
    return f"AP50 {ap:.4f}, recall {recall:.4f} of {heads} held-out heads"


def _found(weights: Path, scenes: list[Scene], imgsz: int) -> list[tuple[Truth, Found]]:
    """Truth and what the network finds in every scene, as the tool would run it."""
    network = yolo.load_weights(weights, imgsz=imgsz)
    pairs = []
    for scene in scenes:
        pixels = np.ascontiguousarray(scene.pixels[:, :, ::-1])
        [seen] = find(network, [pixels], replace(OWN_SEARCH, conf=0.01))
        found = Found(seen.boxes.astype(np.float64), seen.scores.astype(np.float64))
        pairs.append((Truth(scene.boxes, scene.ignore, scene.yaw, scene.shown), found))
    return pairs


if __name__ == "__main__":
    main()
