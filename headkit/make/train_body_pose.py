"""Trains headkit/data/body_pose.npz, the default network of `headkit pose-extract`, on our own renders.

    python -m headkit.make.train_body_pose --train scenes/000*.jsonl --test scenes/009*.jsonl -d RUN --weights \
        headkit/data/head_detector.npz --images 100000

A YOLO nano with COCO's 17 key points, built from ultralytics' yaml and trained by the loop of yolo_training on the rows
of training_scenes, whose `poses` are where the drawn bodies have their points. --weights is a network to begin with,
our head detector or an earlier one of these: what fits of it is taken.

Confidence is trained as these rows have it: 1 where a point is seen, 0.5 where it is hidden, 0 outside of the picture.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from headkit.backends import yolo
from headkit.backends.finding import Search, find
from headkit.make import yolo_training
from headkit.make.body_pose_accuracy import People, precision, table
from headkit.make.detector_samples import Mixture, Scene

YAML = "cfg/models/11/yolo11-pose.yaml"  # within ultralytics
SMALLEST = 12  # pixels of the longer side of a box, below which nobody is asked for
FEWEST = 3  # key points in the picture of somebody who is asked for
MIXTURE = Mixture(plain=0.5, four=0.1)
SEARCH = Search(conf=0.01, iou=0.7)


def main() -> None:
    """Trains until --images were seen, writes the weights and the table of accuracy."""
    options = yolo_training.parser(__doc__).parse_args()
    yolo_training.prepare(options)
    run = yolo_training.Run.resumed(options, partial(_first, options.weights, options.width))
    held_out = load_people(options.test)
    if not options.only_test:
        scenes = load_people(options.train)
        loss = yolo_training.Unasked(_learnable(yolo.pose_loss(run.network)))
        yolo_training.train(
            run, scenes, loss, partial(_said, held_out, options.imgsz), options, MIXTURE
        )
    weights = run.export(options.dir / "body_pose.npz", options.imgsz)
    rows = table(_found(weights, held_out, options.imgsz))
    print(rows)
    (options.dir / "accuracy.md").write_text(rows + "\n")


def load_people(manifests: Iterable[Path]) -> list[Scene]:
    """The people of the rows that training_scenes writes; `image` is relative to the manifest's folder."""
    rows = [
        (manifest.parent, json.loads(line))
        for manifest in manifests
        for line in manifest.read_text().splitlines()
    ]
    return [_scene(row, root) for root, row in rows]


def _scene(row: dict[str, Any], root: Path) -> Scene:
    poses = row["poses"]
    boxes = np.array([pose["box"] for pose in poses], np.float64).reshape(-1, 4)
    points = np.array([pose["keypoints"] for pose in poses], np.float64).reshape(-1, 17, 3)
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
    unclear = (sides < SMALLEST) | ((points[:, :, 2] > 0).sum(axis=1) < FEWEST)
    nothing = np.zeros(len(poses))
    file = (root / row["image"]).read_bytes()
    return Scene(file, boxes, unclear, nothing, nothing, nothing.astype(bool), points)


def _first(weights: Path | None, width: float) -> tuple[nn.Module, dict[str, Any]]:
    """The network to begin with, with what fits of the given weights; and its yaml."""
    yaml = yolo.architecture(YAML, width=width, classes=1)
    network = yolo.build(yaml)
    if weights is not None:
        given = yolo.stored(weights)[0].state_dict()
        own = network.state_dict()
        fits = {k: v for k, v in given.items() if k in own and own[k].shape == v.shape}
        network.load_state_dict(fits, strict=False)
    return network, yaml


def _learnable(loss: Any) -> Any:
    """Ultralytics' pose loss with another answer to distance and to confidence.

    Its 1 - exp(-e), e being COCO's squared distance in deviations, is flat for points that are far away, and after 6,000
    samples from nothing no point was near. log(1 + e) is the same where e is small, and pulls from everywhere.
    Confidence is asked to be what the labels say, and not 1 wherever they say any.
    """
    deviations, wanted = loss.keypoint_loss.sigmas, [torch.zeros(0)]

    def distance(
        points: torch.Tensor, truth: torch.Tensor, known: torch.Tensor, area: torch.Tensor
    ) -> torch.Tensor:
        wanted[0] = truth[..., 2]
        apart = ((points[..., :2] - truth[..., :2]) ** 2).sum(dim=-1)
        away = torch.log1p(apart / ((2 * deviations) ** 2 * (area + 1e-9) * 2))
        share = known.shape[1] / (known.sum(dim=1, keepdim=True) + 1e-9)
        return (share * away * known).mean()

    def confidence(said: torch.Tensor, _known: torch.Tensor) -> torch.Tensor:
        return nn.functional.binary_cross_entropy_with_logits(said, wanted[0])

    loss.keypoint_loss, loss.bce_pose = distance, confidence
    return loss


def _said(held_out: list[Scene], imgsz: int, weights: Path) -> str:
    ap50, people = precision(_found(weights, held_out, imgsz), 0.5)
    return f"OKS AP50 {ap50:.4f} of {people} held-out people"


def _found(weights: Path, scenes: list[Scene], imgsz: int) -> list[tuple[People, People]]:
    """Truth and what the network finds in every scene."""
    network = yolo.load_weights(weights, imgsz=imgsz)
    pairs = []
    for scene in scenes:
        [seen] = find(network, [np.ascontiguousarray(scene.pixels[:, :, ::-1])], SEARCH)
        assert seen.points is not None
        found = (seen.boxes, seen.points, seen.scores)
        truth = People(scene.boxes, scene.points, (~scene.ignore).astype(np.float64))
        pairs.append((truth, People(*(part.astype(np.float64) for part in found))))
    return pairs


if __name__ == "__main__":
    main()
