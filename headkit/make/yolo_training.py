"""The training loop that the head detector and the body-pose network share.

Ultralytics' own trainer spends a third of the time of two cores beside the network, needs files in its layout, and
cannot leave heads out. This one goes on from DIR/checkpoint.pt where there is one: the learning rate is flat until the
last part of --images, so that a run can be made longer or brought to its end at any time by starting it again with
another --images.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from headkit.backends import yolo
from headkit.make.detector_samples import Mixture, Sample, Scene, sample

WARM_UP = 2_000  # images over which AdamW's rate rises from 0; then it is flat, then falls as half a cosine
LAST_PART = 0.35  # of --images, in which it falls
LAST_RATE = 0.02  # of --rate, at the end
DECAY = 5e-4
AVERAGED = 0.9985  # decay per step of the averaged weights, which are the result
PIXELS = 8 * 192 * 192  # of a batch, whatever its size
SAVE_EVERY = 120.0  # seconds

Batch = dict[str, torch.Tensor]
Loss = Callable[[Any, Batch], torch.Tensor]


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options of a recipe."""
    words = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument(
        "--train", type=Path, nargs="*", default=[], help="manifests with image and labels"
    )
    words.add_argument(
        "--test", type=Path, nargs="*", default=[], help="manifests of held-out seeds"
    )
    words.add_argument("-d", "--dir", type=Path, required=True, help="checkpoint, log and weights")
    words.add_argument(
        "--images", type=int, default=100_000, help="training samples in all, earlier ones included"
    )
    words.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=[160, 192, 224],
        help="sides of the samples, multiples of 32",
    )
    words.add_argument(
        "--width", type=float, default=0.25, help="share of YOLO11's channels; 0.25 is nano"
    )
    words.add_argument(
        "--imgsz", type=int, default=640, help="side of the test, kept with the weights"
    )
    words.add_argument("--rate", type=float, default=1.2e-3, help="highest learning rate")
    words.add_argument("--test-every", type=float, default=900.0, help="seconds")
    words.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "1")))
    words.add_argument("--device", default="cpu")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument(
        "--weights", type=Path, help="npz to begin with, where there is no checkpoint"
    )
    words.add_argument("--only-test", action="store_true")
    return words


def prepare(options: argparse.Namespace) -> None:
    """Threads and the folder of a run."""
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    options.dir.mkdir(parents=True, exist_ok=True)


@dataclass
class Run:
    """What a checkpoint holds: the network, its averaged weights, and how far they are."""

    yaml: dict[str, Any]
    network: nn.Module
    averaged: nn.Module
    optimizer: torch.optim.Optimizer
    seen: int
    steps: int

    @classmethod
    def resumed(
        cls, options: argparse.Namespace, start: Callable[[], tuple[nn.Module, dict[str, Any]]]
    ) -> Run:
        """The run in the folder, or a new one with the network and the yaml that `start` gives."""
        checkpoint = options.dir / "checkpoint.pt"
        kept = torch.load(checkpoint, weights_only=True) if checkpoint.exists() else None
        torch.manual_seed(options.seed)
        first, yaml = start() if kept is None else (yolo.build(kept["yaml"]), kept["yaml"])
        network = first.to(options.device).to(memory_format=torch.channels_last)
        averaged = yolo.build(yaml).to(options.device).eval().requires_grad_(False)
        averaged.load_state_dict(network.state_dict())
        decayed = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
        other = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": DECAY}, {"params": other, "weight_decay": 0.0}],
            lr=options.rate,
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

    def export(self, path: Path, imgsz: int) -> Path:
        """The averaged weights as a file that `yolo.load_weights` and `yolo.load_body_pose` read; returns its path."""
        yolo.save_weights(path, self.averaged, self.yaml, imgsz=imgsz)
        return path

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


def train(
    run: Run,
    scenes: list[Scene],
    loss_of: Loss,
    measured: Callable[[Path], str],
    options: argparse.Namespace,
    mixture: Mixture,
) -> None:
    """Trains until --images were seen, and keeps the checkpoint; `measured` says how good a file of weights is."""
    print(
        f"{len(scenes)} scenes, {sum(len(s.boxes) for s in scenes)} boxes; {run.seen} images seen",
        flush=True,
    )
    run.network.train()
    started = saved = tested = time.monotonic()
    first, total, count = run.seen, 0.0, 0
    asked_to_end = _ends_asked_for()
    for batch in _batches(scenes, run, options, mixture):
        rate = _rate(run.seen, options)
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
        if options.test and now - tested > options.test_every:
            said = measured(run.export(options.dir / "latest.npz", options.imgsz))
            print(f"{run.seen} images: {said}", flush=True)
            tested = time.monotonic()
    run.save(options.dir)


def _ends_asked_for() -> list[int]:
    """The signals that ask the run to end, as they come; a checkpoint is written before it does."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: asked.append(number))
    return asked


def _rate(seen: int, options: argparse.Namespace) -> float:
    if seen < WARM_UP:
        return float(options.rate * (seen + 1) / WARM_UP)
    part = (seen - options.images * (1 - LAST_PART)) / (options.images * LAST_PART)
    falling = (1 + math.cos(math.pi * min(max(part, 0.0), 1.0))) / 2
    return float(options.rate * (LAST_RATE + (1 - LAST_RATE) * falling))


def _batches(
    scenes: list[Scene], run: Run, options: argparse.Namespace, mixture: Mixture
) -> Iterator[Batch]:
    """Batches of one size each, drawn by number, so that a resumed run sees what an unbroken one would; made one ahead."""
    number, step = run.seen, run.steps

    def make(number: int, step: int) -> list[Sample]:
        size = options.sizes[
            int(np.random.default_rng([options.seed, step, 1]).integers(len(options.sizes)))
        ]
        count = max(2, round(PIXELS / size**2))
        return [sample(scenes, size, options.seed, number + k, mixture) for k in range(count)]

    with ThreadPoolExecutor(1) as ahead:
        waiting = ahead.submit(make, number, step)
        while number < options.images:
            samples = waiting.result()
            number, step = number + len(samples), step + 1
            waiting = ahead.submit(make, number, step)
            yield _batch(samples, options.device)


def _batch(samples: list[Sample], device: str) -> Batch:
    """In the form that the losses of ultralytics take: boxes as centre and sides, all as shares of the side."""
    size = samples[0].pixels.shape[0]
    pixels = np.stack([one.pixels[:, :, ::-1] for one in samples]).transpose(0, 3, 1, 2)
    images = torch.from_numpy(np.ascontiguousarray(pixels)).float().div_(255)
    owner = np.concatenate([np.full(len(one.boxes), k) for k, one in enumerate(samples)])
    boxes = np.concatenate([one.boxes for one in samples]) / size
    shares = np.concatenate(
        [(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1
    )
    points = np.concatenate([one.points for one in samples]) / [size, size, 1]
    batch = {
        "img": images.contiguous(memory_format=torch.channels_last),
        "batch_idx": torch.from_numpy(owner).float(),
        "cls": torch.zeros(len(boxes), 1),
        "bboxes": torch.from_numpy(shares).float(),
        "keypoints": torch.from_numpy(points).float(),
        "left_out": torch.from_numpy(np.stack([left_out(one.ignored, size) for one in samples])),
    }
    return {name: value.to(device) for name, value in batch.items()}


def left_out(ignored: NDArray[np.float64], size: int) -> NDArray[np.bool_]:
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
    return np.asarray(inside.all(axis=2).any(axis=1))


class Unasked:
    """A loss of ultralytics, deaf to what is left out: there a box is neither asked for nor forbidden."""

    def __init__(self, loss: Any) -> None:
        self.loss = loss
        self.loss.bce = self._classification
        self._left_out: torch.Tensor | None = None

    def __call__(self, predictions: Any, batch: Batch) -> torch.Tensor:
        """The sum of all parts of the loss over a batch; batch["left_out"] (B, anchors) bool."""
        self._left_out = batch["left_out"]
        total, _parts = self.loss(predictions, batch)
        return torch.as_tensor(total).sum()

    def _classification(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = nn.functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        assert self._left_out is not None
        return loss * ~(self._left_out[..., None] & (targets == 0))
