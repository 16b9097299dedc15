"""Chooses the limits of `fit3dmm --check`: `python -m headkit.make.choose_thresholds -d SCENES --first 910`.

No diffusion model is asked. A stand-in for one shows heads in another style than the renderer's (colours mixed, posterised,
smoothed or sharpened, noisy), and in half of the heads another pose than it was asked for, by a known angle up to 60
degrees. What is asked for is then `target`, what fit3dmm finds in the picture `heads`. Printed are the quantiles of the three
differences for heads that are as asked; and, for limits at some of these and for those in force, what share of heads is
accepted by the angle by which they really are off.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from headkit.fitting.agreement import LEAST_IOU, MOST_DEGREES, MOST_SHARE, differences
from headkit.head.camera import project, view_rotation
from headkit.head.loading import load_head
from headkit.head.rotation import rodrigues
from headkit.tool import Context
from headkit.tools import fit3dmm

Array = NDArray[np.float64]

SHARE = 0.5  # of heads that are not as asked
FARTHEST = 60.0  # degrees
OFF = (0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.1)  # bands of the table
KEPT = (0.8, 0.9, 0.95)  # of the heads that are as asked: candidates for the limits


def main() -> None:
    """Draw, fit, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-d", "--dir", type=Path, required=True, help="scenes of training_scenes")
    parser.add_argument("--first", type=int, required=True, help="number of the first shard")
    parser.add_argument("-n", "--count", type=int, default=400, help="scenes")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, help="folder of the changed pictures"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    process = fit3dmm.start(fit3dmm.Options(), Context("fit3dmm", options.out))
    rows = []
    for number, row in enumerate(_rows(options.dir, options.first)):
        if number == options.count:
            break
        rows += _scene(row, options.dir, options.out, process, np.random.default_rng(number))
    table(np.array(rows, dtype=float))


def _rows(folder: Path, first: int) -> Any:
    for path in sorted(folder.glob("*.jsonl")):
        if int(path.stem) >= first:
            yield from map(json.loads, path.read_text().splitlines())


def _scene(
    row: dict[str, Any], folder: Path, out: Path, process: Any, rng: np.random.Generator
) -> list[tuple[float, float, float, float]]:
    """Angle off, delta_deg, delta_px over the box's size, silhouette_iou of each head that was fitted."""
    shown = [head for head in row["truth"]["heads"] if "ignore" not in head]
    if not shown:
        return []
    out.mkdir(parents=True, exist_ok=True)
    with Image.open(folder / row["image"]) as image:
        restyled(image.convert("RGB"), rng).save(out / "picture.png")
    heads = [{"box": _jittered(head["box"], rng)} for head in shown]
    found = process([{**row, "image": "picture.png", "heads": heads}])[0]["heads"]
    K = np.array(row["camera"]["K"])
    rows = []
    for head, other in zip(shown, found, strict=True):
        off = rng.uniform(0, FARTHEST) if rng.random() < SHARE else 0.0
        asked = _turned(head, off, K, rng)
        told = differences(asked, other, (K, K), load_head())
        x1, y1, x2, y2 = head["box"]
        size = float(np.sqrt((x2 - x1) * (y2 - y1)))
        values = told["delta_deg"], told["delta_px"], told["silhouette_iou"]
        if None in values:
            values = 180.0, size, 0.0  # a fit that failed is not accepted
        rows.append((off, values[0], values[1] / size, values[2]))
    return rows


def restyled(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The picture as another generator might have made it."""
    values = np.asarray(image, np.float32) / 255
    mixed = np.clip(values @ (np.eye(3) + rng.normal(0, 0.15, (3, 3))).astype(np.float32), 0, 1)
    curve = np.exp(rng.normal(0, 0.3))
    image = Image.fromarray((mixed ** np.float32(curve) * 255).astype(np.uint8))
    if rng.random() < 0.4:
        image = ImageOps.posterize(image, int(rng.integers(3, 6)))
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.MedianFilter(3))
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    else:
        image = image.filter(ImageFilter.UnsharpMask(2, int(rng.integers(50, 200))))
    noisy = np.asarray(image, np.float32) + rng.normal(
        0, rng.uniform(0, 12), (*image.size[::-1], 3)
    )
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _jittered(box: list[float], rng: np.random.Generator) -> list[float]:
    """A box as a detector finds it."""
    x1, y1, x2, y2 = box
    spread = 0.03 * np.array([x2 - x1, y2 - y1, x2 - x1, y2 - y1])
    return (np.array(box) + rng.normal(0, 1, 4) * spread).tolist()


def _turned(
    head: dict[str, Any], degrees: float, K: Array, rng: np.random.Generator
) -> dict[str, Any]:
    """What was asked for: the head that is shown, turned about a random axis through its origin."""
    model, params = load_head(), head["params"]
    axis = rng.normal(size=3)
    turn = rodrigues(axis / np.linalg.norm(axis) * np.deg2rad(degrees))
    rotation = turn @ np.array(head["pose"]["rotation"])
    translation = np.array(params["translation"])
    vertices = model.vertices(params["shape"], params["expression"], params["jaw"])
    points = project(model.landmarks(vertices) @ rotation.T + translation, K)
    return {
        **head,
        "landmarks": {"scheme": "ibug68", "points": points.tolist()},
        "pose": {
            "rotation": rotation.tolist(),
            "view": view_rotation(rotation, translation).tolist(),
        },
    }


def table(rows: Array) -> None:
    """Print quantiles, and acceptance by the angle off for limits at some of them and for those in force, in Markdown."""
    as_asked = rows[rows[:, 0] == 0]
    print(f"{len(rows)} heads, {len(as_asked)} as asked\n")
    bands = [f"{low:.0f}-{high:.0f}" for low, high in _bands()[1:]]
    heading = ["limits", "degrees", "px / size", "overlap", "as asked", *bands]
    print("| " + " | ".join(heading) + " |\n|" + "---|" * len(heading))
    for share in KEPT:
        degrees, pixels = np.quantile(as_asked[:, 1:3], share, axis=0)
        iou = np.quantile(as_asked[:, 3], 1 - share)
        print(_line(f"{share:.0%} of each", (degrees, pixels, iou), rows))
    print(_line("in force", (MOST_DEGREES, MOST_SHARE, LEAST_IOU), rows))


def _line(name: str, limits: tuple[float, float, float], rows: Array) -> str:
    """Limits of degrees, pixels over size and overlap, and what they accept, band by band."""
    degrees, pixels, iou = limits
    accepted = (rows[:, 1] <= degrees) & (rows[:, 2] <= pixels) & (rows[:, 3] >= iou)
    shares = [accepted[rows[:, 0] == 0].mean()]
    shares += [
        accepted[(rows[:, 0] > low) & (rows[:, 0] <= high)].mean() for low, high in _bands()[1:]
    ]
    cells = [name, f"{degrees:.1f}", f"{pixels:.3f}", f"{iou:.2f}", *(f"{v:.2f}" for v in shares)]
    return "| " + " | ".join(cells) + " |"


def _bands() -> list[tuple[float, float]]:
    """0 to 0, as asked, and then the bands of OFF."""
    return [(0.0, 0.0), *itertools.pairwise(OFF)]


if __name__ == "__main__":
    main()
