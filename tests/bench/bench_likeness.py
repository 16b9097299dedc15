"""What the descriptor without weights finds: python tests/bench/bench_likeness.py PICTURES... [--others FOLDER]

Every picture (files, or folders of them) is changed in ways in which copies differ, and the share of changed copies
that reach a threshold is printed, for some thresholds. Then how many pairs of different pictures reach them, as they
are and with one of them mirrored (dedupe --mirror): those given, and those of --others. None of them may be copies of each other.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from headkit.alike.embedders import LIKENESS_THRESHOLD
from headkit.image import ImageError, load
from headkit.twins.likeness import describe

THRESHOLDS = (0.8, 0.85, LIKENESS_THRESHOLD, 0.9, 0.95)
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
Change = Callable[[Image.Image], Image.Image]


def jpeg(quality: int) -> Change:
    def change(image: Image.Image) -> Image.Image:
        data = io.BytesIO()
        image.save(data, "JPEG", quality=quality)
        return Image.open(data).convert("RGB")

    return change


def scaled(factor: float, down: float | None = None) -> Change:
    down = factor if down is None else down
    return lambda image: image.resize((round(image.width * factor), round(image.height * down)))


def cropped(share: float, side: float = 0.5) -> Change:
    """Without a share of the width and of the height; side 0: off the right and bottom, 0.5: all around."""

    def change(image: Image.Image) -> Image.Image:
        across, down = image.width * share, image.height * share
        return image.crop(
            (
                round(across * side),
                round(down * side),
                round(image.width - across * (1 - side)),
                round(image.height - down * (1 - side)),
            )
        )

    return change


def curve(gamma: float) -> Change:
    return lambda image: image.point(
        [round(255 * (level / 255) ** gamma) for level in range(256)] * 3
    )


def noisy(image: Image.Image) -> Image.Image:
    pixels = np.array(image) + np.random.default_rng(0).normal(
        0, 12, (image.height, image.width, 3)
    )
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def written(bar: float) -> Change:
    """With a line of text near the bottom, on a black bar of that share of the height."""

    def change(image: Image.Image) -> Image.Image:
        image = image.copy()
        draw = ImageDraw.Draw(image)
        if bar:
            draw.rectangle((0, image.height * (1 - bar), image.width, image.height), fill="black")
        place = image.width * 0.05, image.height * 0.85
        draw.text(place, "SAMPLE 2024 stock", fill="white", font_size=image.height * 0.1)
        return image

    return change


CHANGES: dict[str, Change] = {
    "JPEG 60": jpeg(60),
    "JPEG 20": jpeg(20),
    "half as large": scaled(0.5),
    "a quarter": scaled(0.25),
    "10% less high": scaled(1, 0.9),
    "30% lighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "40% darker": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "contrast 1.4": lambda image: ImageEnhance.Contrast(image).enhance(1.4),
    "gamma 1.5": curve(1.5),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "blurred by 2 px": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "noise of 12": noisy,
    "cut 2% all around": cropped(0.02),
    "cut 5% all around": cropped(0.05),
    "cut 5% off a corner": cropped(0.05, 0),
    "cut 10% all around": cropped(0.1),
    "cut 20% all around": cropped(0.2),
    "half, cut 3%, JPEG 50": lambda image: jpeg(50)(cropped(0.03)(scaled(0.5)(image))),
    "turned by 2 degrees": lambda image: image.rotate(
        2, Image.Resampling.BILINEAR, fillcolor="grey"
    ),
    "a line of text": written(0),
    "a bar of 20%, text": written(0.2),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def pictures(places: list[str]) -> list[Image.Image]:
    found = []
    for place in map(Path, places):
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in files:
            if file.suffix.lower() in SUFFIXES:
                try:
                    found.append(Image.fromarray(load(file).pixels))
                except ImageError as error:
                    print(error)
    return found


def vectors(images: list[Image.Image]) -> np.ndarray:
    return np.stack([describe(np.asarray(image)) for image in images])


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--others", nargs="*", default=[])
    given = parser.parse_args()
    images = pictures(given.pictures)
    plain = vectors(images)
    print(f"{len(images)} pictures; share of copies found at a threshold of")
    print(f"{'':24}" + "".join(f"{threshold:8}" for threshold in THRESHOLDS))
    for name, change in CHANGES.items():
        cosine = (vectors([change(image) for image in images]) * plain).sum(axis=1)
        print(f"{name:24}" + "".join(f"{(cosine >= t).mean():8.3f}" for t in THRESHOLDS))
    images += pictures(given.others)
    every = vectors(images)
    mirror = CHANGES["mirrored"]
    for words, others in (
        ("as they are", every),
        ("one mirrored", vectors(list(map(mirror, images)))),
    ):
        cosine = np.sort((every @ others.T)[np.triu_indices(len(every), 1)])
        print(
            f"{len(cosine)} pairs of different pictures, {words}; the nearest {cosine[-1]:.3f}; over the threshold"
        )
        print(f"{'':24}" + "".join(f"{(cosine >= t).sum():8}" for t in THRESHOLDS))


if __name__ == "__main__":
    main()
