"""Trains headkit/data/head_detector.npz, the default network of `headkit detect`, on our own renders.

    python -m headkit.make.train_detector --train a.jsonl b.jsonl --test c.jsonl -d RUN --images 100000

A YOLO nano of ultralytics, built from its yaml and trained from nothing by the loop below (its own trainer spends a
third of the time of two cores beside the network, needs files in its layout, and cannot leave heads out). Goes on
from RUN/checkpoint.pt where there is one: the learning rate is flat until the last part of --images, so that a run
can be made longer or brought to its end at any time by starting it again with another --images. Where only the weights
are left, --weights begins with them.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from headkit.backends import yolo
from headkit.backends.detectors import OWN_SEARCH
from headkit.backends.finding import find
from headkit.make.detector_accuracy import Found, Truth, average_precision, table
from headkit.make.detector_samples import Sample, Scene, load_scenes, sample

YAML = "cfg/models/11/yolo11.yaml"  # within ultralytics
RATE = 1.2e-3  # AdamW, from 0 over WARM_UP images, flat, then to RATE / 50 as half a cosine
WARM_UP = 2_000
LAST_PART = 0.35
DECAY = 5e-4
AVERAGED = 0.9985  # decay per step of the averaged weights, which are the result
PIXELS = 8 * 192 * 192  # of a batch, whatever its size
SAVE_EVERY = 120.0  # seconds


def main() -> None:
    """Trains until --images were seen, writes the weights and the table of accuracy."""
    options = _options()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    options.dir.mkdir(parents=True, exist_ok=True)
    run = _Run.resumed(options)
    held_out = load_scenes(options.test)
    if not options.only_test:
        scenes = load_scenes(options.train)
        print(
            f"{len(scenes)} scenes, {sum(len(s.boxes) for s in scenes)} heads; {run.seen} images seen",
            flush=True,
        )
        _train(run, scenes, held_out, options)
    weights = options.dir / "head_detector.npz"
    yolo.save_weights(weights, run.averaged, run.yaml, imgsz=options.imgsz)
    pairs = _found(weights, held_out, options.imgsz)
    print(table(pairs))
    (options.dir / "accuracy.md").write_text(table(pairs) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--train", type=Path, nargs="*", default=[], help="manifests with image and truth"
    )
    parser.add_argument(
        "--test", type=Path, nargs="*", default=[], help="manifests of held-out seeds"
    )
    parser.add_argument("-d", "--dir", type=Path, required=True, help="checkpoint, log and weights")
    parser.add_argument(
        "--images", type=int, default=100_000, help="training samples in all, earlier ones included"
    )
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=[160, 192, 224],
        help="sides of the samples, multiples of 32",
    )
    parser.add_argument(
        "--width", type=float, default=0.25, help="share of YOLO11's channels; 0.25 is nano"
    )
    parser.add_argument(
        "--imgsz", type=int, default=640, help="side of the test, kept with the weights"
    )
    parser.add_argument("--test-every", type=float, default=900.0, help="seconds")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "1")))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--weights", type=Path, help="npz to begin with, where there is no checkpoint"
    )
    parser.add_argument("--only-test", action="store_true")
    return parser.parse_args()


class HeadLoss:
    """Ultralytics' detection loss, deaf to what is left out: there a head is neither asked for nor forbidden."""

    def __init__(self, network: nn.Module) -> None:
        self.loss = yolo.detection_loss(network)
        self.loss.bce = self._classification
        self.left_out: torch.Tensor | None = None

    def __call__(self, predictions: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The sum of box, class and distribution losses of a batch; batch["left_out"] (B, anchors) bool."""
        self.left_out = batch["left_out"]
        total, _parts = self.loss(predictions, batch)
        return total.sum()

    def _classification(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = nn.functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        assert self.left_out is not None
        return loss * ~(self.left_out[..., None] & (targets == 0))


@dataclass
class _Run:
    """What a checkpoint holds."""

    yaml: dict[str, Any]
    network: nn.Module
    averaged: nn.Module
    optimizer: torch.optim.Optimizer
    seen: int
    steps: int

    @classmethod
    def resumed(cls, options: argparse.Namespace) -> _Run:
        """The run in the folder, or a new one."""
        checkpoint = options.dir / "checkpoint.pt"
        kept = torch.load(checkpoint, weights_only=True) if checkpoint.exists() else None
        torch.manual_seed(options.seed)
        if kept is None and options.weights:
            first, description = yolo.stored(options.weights)
            yaml = description["yaml"]
        else:
            yaml = kept["yaml"] if kept else yolo.architecture(YAML, width=options.width, classes=1)
            first = yolo.build(yaml)
        network = first.to(options.device).to(memory_format=torch.channels_last)
        averaged = yolo.build(yaml).to(options.device).eval().requires_grad_(False)
        averaged.load_state_dict(network.state_dict())
        decayed = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
        other = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": DECAY}, {"params": other, "weight_decay": 0.0}],
            lr=RATE,
            betas=(0.9, 0.99),
        )
        if kept is None:
            return cls(yaml, network, averaged, optimizer, 0, 0)
        network.load_state_dict(kept["network"])
        averaged.load_state_dict(kept["averaged"])
        optimizer.load_state_dict(kept["optimizer"])
        return cls(yaml, network, averaged, optimizer, kept["seen"], kept["steps"])

    def save(self, folder: Path) -> None:
        """Whole or not at all."""
        whole = {
            "yaml": self.yaml,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "seen": self.seen,
            "steps": self.steps,
        }
        torch.save(whole, folder / "checkpoint.tmp")
        (folder / "checkpoint.tmp").replace(folder / "checkpoint.pt")

    def average(self) -> None:
        """Moves the averaged weights towards those of this step; quickly at first."""
        keep = AVERAGED * (1 - math.exp(-self.steps / 300))
        with torch.no_grad():
            for mean, now in zip(
                self.averaged.state_dict().values(), self.network.state_dict().values(), strict=True
            ):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, 1 - keep)
                else:
                    mean.copy_(now)


def _train(
    run: _Run, scenes: list[Scene], held_out: list[Scene], options: argparse.Namespace
) -> None:
    loss_of = HeadLoss(run.network)
    run.network.train()
    started = saved = tested = time.monotonic()
    first, total, count = run.seen, 0.0, 0
    asked_to_end = _ends_asked_for()
    for batch in _batches(scenes, run, options):
        rate = _rate(run.seen, options.images)
        for group in run.optimizer.param_groups:
            group["lr"] = rate
        loss = loss_of(run.network(batch["img"]), batch)
        run.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(run.network.parameters(), 10.0 * len(batch["img"]))
        run.optimizer.step()
        run.seen += len(batch["img"])
        run.steps += 1
        run.average()
        total, count = total + float(loss.detach()), count + len(batch["img"])
        now = time.monotonic()
        if now - saved > SAVE_EVERY:
            speed = (run.seen - first) / (now - started)
            print(
                f"{run.seen} images, {speed:.1f}/s, loss {total / count:.3f}, rate {rate:.2e}",
                flush=True,
            )
            run.save(options.dir)
            saved, total, count = now, 0.0, 0
        if asked_to_end:
            run.save(options.dir)
            raise SystemExit(128 + asked_to_end[0])
        if held_out and now - tested > options.test_every:
            weights = options.dir / "latest.npz"
            yolo.save_weights(weights, run.averaged, run.yaml, imgsz=options.imgsz)
            ap, recall, heads = average_precision(_found(weights, held_out, options.imgsz))
            print(
                f"{run.seen} images: AP50 {ap:.4f}, recall {recall:.4f} of {heads} held-out heads",
                flush=True,
            )
            tested = time.monotonic()
    run.save(options.dir)


def _ends_asked_for() -> list[int]:
    """The signals that ask the run to end, as they come; a checkpoint is written before it does."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: asked.append(number))
    return asked


def _rate(seen: int, images: int) -> float:
    if seen < WARM_UP:
        return RATE * (seen + 1) / WARM_UP
    part = (seen - images * (1 - LAST_PART)) / (images * LAST_PART)
    return RATE * (0.02 + 0.98 * (1 + math.cos(math.pi * min(max(part, 0.0), 1.0))) / 2)


def _batches(
    scenes: list[Scene], run: _Run, options: argparse.Namespace
) -> Iterator[dict[str, torch.Tensor]]:
    """Batches of one size each, drawn by number, so that a resumed run sees what an unbroken one would; made one ahead."""
    number, step = run.seen, run.steps

    def make(number: int, step: int) -> list[Sample]:
        size = options.sizes[
            int(np.random.default_rng([options.seed, step, 1]).integers(len(options.sizes)))
        ]
        count = max(2, round(PIXELS / size**2))
        return [sample(scenes, size, options.seed, number + k) for k in range(count)]

    with ThreadPoolExecutor(1) as ahead:
        waiting = ahead.submit(make, number, step)
        while number < options.images:
            samples = waiting.result()
            number, step = number + len(samples), step + 1
            waiting = ahead.submit(make, number, step)
            yield _batch(samples, options.device)


def _batch(samples: list[Sample], device: str) -> dict[str, torch.Tensor]:
    """In the form that the loss of ultralytics takes; boxes as centre and sides, as shares of the side."""
    size = samples[0].pixels.shape[0]
    pixels = np.stack([one.pixels[:, :, ::-1] for one in samples]).transpose(0, 3, 1, 2)
    images = torch.from_numpy(np.ascontiguousarray(pixels)).float().div_(255)
    owner = np.concatenate([np.full(len(one.boxes), k) for k, one in enumerate(samples)])
    boxes = np.concatenate([one.boxes for one in samples]) / size
    shares = np.concatenate(
        [(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1
    )
    batch = {
        "img": images.contiguous(memory_format=torch.channels_last),
        "batch_idx": torch.from_numpy(owner).float(),
        "cls": torch.zeros(len(boxes), 1),
        "bboxes": torch.from_numpy(shares).float(),
        "left_out": torch.from_numpy(np.stack([_left_out(one.ignored, size) for one in samples])),
    }
    return {name: value.to(device) for name, value in batch.items()}


def _left_out(ignored: np.ndarray, size: int) -> np.ndarray:
    """(anchors,) bool: whether the middle of each cell, of strides 8, 16, 32 in turn, lies in a box that is left out."""
    centres = np.concatenate(
        [
            np.stack(
                np.meshgrid(cells := (np.arange(size // stride) + 0.5) * stride, cells), axis=-1
            ).reshape(-1, 2)
            for stride in (8, 16, 32)
        ]
    )
    inside = (centres[:, None] >= ignored[None, :, :2]) & (centres[:, None] <= ignored[None, :, 2:])
    return inside.all(axis=2).any(axis=1)


def _found(weights: Path, scenes: list[Scene], imgsz: int) -> list[tuple[Truth, Found]]:
    """Truth and what the network finds in every scene, as the tool would run it."""
    network = yolo.load_weights(weights, imgsz=imgsz)
    pairs = []
    for scene in scenes:
        pixels = np.ascontiguousarray(scene.pixels[:, :, ::-1])
        [seen] = find(network, [pixels], replace(OWN_SEARCH, conf=0.01))
        found = Found(seen.boxes.astype(np.float64), seen.scores.astype(np.float64))
        pairs.append((Truth(scene.boxes, scene.ignore, scene.yaw), found))
    return pairs


if __name__ == "__main__":
    main()
