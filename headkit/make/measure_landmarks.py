"""Measures and calibrates the landmark network: `python -m headkit.make.measure_landmarks -d SCENES --first 900 WEIGHTS`.

On held-out scenes of training_scenes, from true boxes: landmark errors by yaw, then the fits of headkit fit3dmm to them.
Factors are found on one half of the heads, and kept in the metadata of WEIGHTS with --write; the tables are of the
other half. See landmark_weights.Calibration.
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from headkit.backends.landmark_weights import Calibration, Weights, weights_in
from headkit.backends.landmarks import LandmarkFinder, Sight
from headkit.fitting.heads import Asked, Fitted, Points, fit_heads
from headkit.fitting.request import Camera
from headkit.head.loading import load_head
from headkit.head.rotation import geodesic, rotation_vector

Array = NDArray[np.float64]

COVERED = 0.95
NORMAL_95 = 1.96
CORRELATION = 3.0  # more follows the points less, and turns the head hardly better (7.3 against 7.7 degrees at 5 and 2.5)
BANDS = (0, 30, 60, 90, 120, 150, 180.01)  # degrees of yaw
_TOGETHER = 64  # heads looked at or fitted at a time
_SOLVED = 256  # heads on which the second factor is found


@dataclass(frozen=True, eq=False)
class Held:
    """A held-out head: points (L, 2) pixels, rotation (3, 3), yaw in degrees, the box's size, its picture's K."""

    points: Array
    rotation: Array
    yaw: float
    size: float
    K: Array


def main() -> None:
    """Measure, and perhaps calibrate."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("-d", "--dir", type=Path, required=True, help="scenes of training_scenes")
    parser.add_argument("--first", type=int, required=True, help="number of the first shard")
    parser.add_argument("-n", "--count", type=int, default=1000, help="heads")
    parser.add_argument("--write", action="store_true", help="keep the calibration in WEIGHTS")
    options = parser.parse_args()
    torch.set_num_threads(1)
    weights = weights_in(options.weights.read_bytes())
    plain = replace(weights, calibration=Calibration())
    heads, sights = found(plain, options.dir, options.first, options.count)
    half = len(heads) // 2 if options.write else 0
    calibration = weights.calibration
    if options.write:
        calibration = calibrate(heads[:half], sights[:half])
        keep(options.weights, calibration)
    print(json.dumps(asdict(calibration)))
    report(heads[half:], sights[half:], calibration)


def found(weights: Weights, folder: Path, first: int, count: int) -> tuple[list[Held], list[Sight]]:
    """Held-out heads and what the network finds of them from their true boxes."""
    finder = LandmarkFinder(weights)
    heads: list[Held] = []
    sights: list[Sight] = []
    for path in sorted(folder.glob("*.jsonl")):
        if int(path.stem) < first:
            continue
        for line in path.read_text().splitlines():
            row = json.loads(line)
            chosen = [head for head in row["truth"]["heads"] if "ignore" not in head]
            if not chosen:
                continue
            with Image.open(folder / row["image"]) as image:
                pixels = np.array(image.convert("RGB"))
            sights += finder.find([(pixels, np.array(head["box"])) for head in chosen])
            heads += [_true(head, np.array(row["camera"]["K"])) for head in chosen]
            if len(heads) >= count:
                return heads, sights
    return heads, sights


def _true(head: dict[str, Any], K: Array) -> Held:
    x1, y1, x2, y2 = head["box"]
    return Held(
        points=np.array(head["dense"]["points"]),
        rotation=np.array(head["pose"]["rotation"]),
        yaw=float(head["pose"]["yaw"]),
        size=float(np.sqrt((x2 - x1) * (y2 - y1))),
        K=K,
    )


def calibrate(heads: list[Held], sights: list[Sight]) -> Calibration:
    """The factors with which 95% intervals hold 95%, of points and of rotations."""
    truth = np.stack([head.points for head in heads])
    points = np.stack([sight.both.points for sight in sights])
    stated = np.stack([sight.both.deviation for sight in sights])
    ratio = np.abs(points - truth) / stated[..., None] / NORMAL_95
    deviation = float(np.quantile(ratio, COVERED))
    heads, sights = heads[:_SOLVED], sights[:_SOLVED]
    chosen = Calibration(round(deviation, 4), CORRELATION)
    errors, stated_degrees, _ = fits(heads, sights, chosen, mirror=False)
    doubt = float(np.quantile(np.abs(errors) / stated_degrees / NORMAL_95, COVERED))
    return replace(chosen, doubt=round(doubt, 4))


def fits(
    heads: list[Held], sights: list[Sight], calibration: Calibration, *, mirror: bool = True
) -> tuple[Array, Array, list[Fitted]]:
    """Rotation errors (N, 3) and their stated deviations (N, 3), both in degrees about the camera's axes, and the fits.

    mirror  whether heads are fitted in the mirror too
    """
    model = load_head()
    done: list[Fitted] = []
    factor = calibration.deviation * calibration.correlation
    for start in range(0, len(heads), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        asked = []
        for number, sight in enumerate(sights[part]):
            both, one, two = (
                Points(f.points, f.deviation * factor)
                for f in (sight.both, sight.plain, sight.mirrored)
            )
            asked.append(
                Asked(
                    number,
                    model.dense,
                    both,
                    (one, two) if mirror else None,
                    doubt=calibration.doubt,
                )
            )
        cameras = [Camera(head.K, known=True) for head in heads[part]]
        done += fit_heads(model, asked, cameras)[0]
    turns = [head.rotation @ one.rotation.T for head, one in zip(heads, done, strict=True)]
    errors = np.rad2deg(np.stack([rotation_vector(turn) for turn in turns]))
    return errors, np.stack([one.rotation_deviation for one in done]), done


def report(heads: list[Held], sights: list[Sight], calibration: Calibration) -> None:
    """Print a table by yaw, in Markdown."""
    truth = np.stack([head.points for head in heads])
    points = np.stack([sight.both.points for sight in sights])
    stated = np.stack([sight.both.deviation for sight in sights]) * calibration.deviation
    size = np.array([head.size for head in heads])
    yaw = np.array([abs(head.yaw) for head in heads])
    distance = np.linalg.norm(points - truth, axis=2) / size[:, None] * 100
    held = (np.abs(points - truth) < NORMAL_95 * stated[..., None]).mean(axis=(1, 2))
    errors, degrees, done = fits(heads, sights, calibration)
    turned = np.array(
        [float(geodesic(h.rotation, one.rotation)) for h, one in zip(heads, done, strict=True)]
    )
    inside = (np.abs(errors) < NORMAL_95 * degrees).mean(axis=1)
    mirror = np.array([one.mirror for one in done])
    print(
        "| yaw | heads | NME 68, % | NME 160, % | held | rotation, median | 95 % | held | mirror, median |"
    )
    print("|" + "---|" * 9)
    rows = [("all", np.ones(len(heads), bool))]
    rows += [
        (f"{low:.0f}-{high:.0f}", (yaw >= low) & (yaw < high))
        for low, high in itertools.pairwise(BANDS)
    ]
    for name, chosen in rows:
        if not chosen.any():
            continue
        of68 = distance[chosen, :68].mean(axis=1)
        print(
            f"| {name} | {chosen.sum()} | {of68.mean():.2f} | {distance[chosen].mean():.2f} | {held[chosen].mean():.3f}"
            f" | {np.median(turned[chosen]):.2f} | {np.quantile(turned[chosen], 0.95):.2f} | {inside[chosen].mean():.3f}"
            f" | {np.nanmedian(mirror[chosen]):.2f} |"
        )


def keep(path: Path, calibration: Calibration) -> None:
    """Write the calibration into the metadata of a safetensors file."""
    from safetensors.torch import load, save_file

    weights = weights_in(path.read_bytes())
    metadata = {"size": str(weights.size), "calibration": json.dumps(asdict(calibration))}
    save_file(load(weights.data), path, metadata)


if __name__ == "__main__":
    main()
