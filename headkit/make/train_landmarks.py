"""Trains the landmark network on rendered heads: `python -m headkit.make.train_landmarks -d SCENES -o RUN --steps N`.

SCENES is what training_scenes makes; it may grow during the training. RUN holds `last.pt`, from which the same command
goes on, `log.jsonl`, and in the end `landmarks.safetensors`: the weights averaged over the last steps, half precision.
More steps may be asked for on going on; the rate falls over the last half.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from headkit.head.landmark_network import SIZE, LandmarkNetwork, Landmarks
from headkit.head.loading import load_head
from headkit.make.landmark_crops import Cutout, Sample, plain, read_shard, varied

HELD_OUT = 900  # shards from this number on are not learned from
BATCH = 48
RATE, WEIGHT_DECAY = 2e-3, 0.02
WARM, FALL = 200, 0.45  # steps until the full rate; share of the steps in which it falls to nothing
AVERAGE = 0.998  # what the averaged weights keep in a step
FAR = 1.6  # crop coordinates beyond which a point is not learned
EVERY = 250  # steps between checkpoints and looks for new shards
MEASURE = 1000  # steps between measurements on what is held out


def main() -> None:
    """Train, or go on training."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-d", "--dir", type=Path, required=True, help="scenes of training_scenes")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measure", type=int, default=400, help="held-out heads to measure on")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    Training(options.dir, options.out, options.seed, options.measure).run(options.steps)


class Training:
    """The state of a training: network, average, optimiser, step, and the heads read so far."""

    def __init__(self, scenes: Path, out: Path, seed: int, measured: int) -> None:
        torch.manual_seed(seed)
        self.scenes, self.out, self.seed, self.measured = scenes, out, seed, measured
        self.mirror = load_head().dense_mirror
        network = LandmarkNetwork(len(self.mirror))
        self.network = network.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval()
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY
        )
        self.step = 0
        self.drawing = ThreadPoolExecutor(1)
        self.next: Future[tuple[Tensor, ...]] | None = None
        self.heads: list[Cutout] = []
        self.held_out: list[Cutout] = []
        self.read: set[str] = set()
        if (out / "last.pt").exists():
            self._load(torch.load(out / "last.pt", weights_only=True))

    def run(self, steps: int) -> None:
        """Train until `steps` steps are done, then write the weights."""
        self._look_for_shards()
        totals, since = np.zeros(4), time.monotonic()
        while self.step < steps:
            totals += self._train(steps)
            if self.step % EVERY == 0:
                speed = EVERY * BATCH / (time.monotonic() - since)
                means = (totals / EVERY).round(4).tolist()
                self._say(
                    loss=means[0],
                    first=means[1],
                    seen=means[2],
                    view=means[3],
                    speed=round(speed, 1),
                )
                self._save()
                self._look_for_shards()
                totals, since = np.zeros(4), time.monotonic()
            if self.step % MEASURE == 0:
                self._say(**measure(self.average, self.held_out[: self.measured]))
        self._say(**measure(self.average, self.held_out[: self.measured]))
        export(self.average, self.out / "landmarks.safetensors")

    def _train(self, steps: int) -> NDArray[Any]:
        """One step: its losses."""
        progress = self.step / steps
        rate = RATE * min(1.0, (self.step + 1) / WARM, (1 - progress) / FALL)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        ready = self.next or self.drawing.submit(self._batch, self.step)
        crops, points, seen, view = ready.result()
        self.next = None
        if self.step + 1 < steps:
            self.next = self.drawing.submit(self._batch, self.step + 1)
        self.network.train()
        losses = loss(self.network(crops), points, seen, view)
        self.optimizer.zero_grad()
        losses[0].backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.step += 1
        self._take_average()
        return np.array([float(value.detach()) for value in losses])

    def _batch(self, step: int) -> tuple[Tensor, ...]:
        """The crops of a step, drawn from seed and step; runs beside the network."""
        rng = np.random.default_rng([self.seed, step])
        chosen = rng.integers(len(self.heads), size=BATCH)
        return tensors([varied(self.heads[number], SIZE, self.mirror, rng) for number in chosen])

    def _take_average(self) -> None:
        kept = min(AVERAGE, self.step / (self.step + 10))
        current = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.mul_(kept).add_(current[name], alpha=1 - kept)
            else:
                value.copy_(current[name])

    def _look_for_shards(self) -> None:
        for path in sorted(self.scenes.glob("*.jsonl")):
            if path.stem in self.read:
                continue
            into = self.held_out if int(path.stem) >= HELD_OUT else self.heads
            if into is self.heads or len(self.held_out) < self.measured:
                into.extend(read_shard(self.scenes, path.stem))
                self.read.add(path.stem)

    def _say(self, **numbers: Any) -> None:
        line = json.dumps({"step": self.step, "heads": len(self.heads), **numbers})
        print(line, flush=True)
        with (self.out / "log.jsonl").open("a") as log:
            log.write(line + "\n")

    def _save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        }
        torch.save(state, self.out / "last.partial")
        (self.out / "last.partial").replace(self.out / "last.pt")

    def _load(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]


def tensors(batch: list[Sample]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Crops (B, 3, S, S) uint8, points (B, L, 2), seen (B, L), view (B, 6)."""
    crops = torch.from_numpy(np.stack([sample.pixels for sample in batch])).permute(0, 3, 1, 2)
    points = np.stack([sample.points for sample in batch]).astype(np.float32)
    seen = np.stack([sample.seen for sample in batch]).astype(np.float32)
    view = np.stack([sample.view[:, :2].T.ravel() for sample in batch]).astype(np.float32)
    return crops, torch.from_numpy(points), torch.from_numpy(seen), torch.from_numpy(view)


def loss(said: Landmarks, points: Tensor, seen: Tensor, view: Tensor) -> tuple[Tensor, ...]:
    """What is minimised, then its parts: distance of the first estimate, of seeing, of the view.

    The likelihood is that of landmark_network.Landmarks.scale; distances of both estimates are added to it,
    else points that are hard at first are given up by a large scale.
    """
    near = (points.abs() < FAR).all(dim=2).float()
    count = near.sum().clamp(min=1)
    distance = (said.points - points).norm(dim=2)
    likelihood = ((2 * said.scale + distance * torch.exp(-said.scale)) * near).sum() / count
    first = ((said.first - points).norm(dim=2) * near).sum() / count
    final = (distance * near).sum() / count
    sight = functional.binary_cross_entropy_with_logits(said.visible, seen)
    turn = functional.mse_loss(said.view, view)
    return likelihood + 8 * final + 8 * first + 0.5 * sight + 2 * turn, first, sight, turn


def measure(network: LandmarkNetwork, heads: list[Cutout]) -> dict[str, Any]:
    """Errors on plain crops in percent of the box's size, of the 68 and of all; by yaw; coverage of what is stated."""
    network.eval()
    errors, inside, bands = [], [], []
    for start in range(0, len(heads), BATCH):
        chosen = heads[start : start + BATCH]
        samples, squares = zip(*(plain(head, SIZE) for head in chosen), strict=True)
        crops, points, _, _ = tensors(list(samples))
        with torch.inference_mode():
            said = network(crops)
        distance = (said.points - points).norm(dim=2)
        inside.append((distance < QUANTILE_95 * torch.exp(said.scale)).float().numpy())
        sides = np.array([s.side / 2 / h.size for s, h in zip(squares, chosen, strict=True)])
        errors.append(distance.numpy() * sides[:, None] * 100)
        bands += [int(abs((head.yaw + 180) % 360 - 180) // 45) for head in chosen]
    error, band = np.concatenate(errors), np.array(bands)
    by_yaw = [float(error[band == k, :68].mean().round(2)) for k in range(4) if (band == k).any()]
    return {
        "nme68": float(error[:, :68].mean().round(3)),
        "nme": float(error.mean().round(3)),
        "by_yaw_45": by_yaw,
        "covered_95": float(np.concatenate(inside).mean().round(3)),
    }


QUANTILE_95 = 4.7439  # of r / b where r has the density r exp(-r / b) / b^2


def export(network: LandmarkNetwork, path: Path) -> None:
    """The weights, half precision, and the side of the crops that they are for."""
    from safetensors.torch import save_file

    state = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in network.state_dict().items()
    }
    save_file(state, path, {"size": str(SIZE)})


if __name__ == "__main__":
    main()
