"""How fast photos are read and decoded, and whether the network waits for them: python tests/bench/bench_extract.py [--photos N] [--model FILE]

Photos are JPEGs of 1600 x 1200 in an img2dataset tar, or those of --folder. First, images a second of one core from bytes to a
square of 640 pixels: Pillow as it is commonly used, OpenCV as img2dataset's resizer uses it, webdataset's decoder with
Pillow's resize, and ours. Then a whole run of pose-extract on the tar, and the share of its time in which the network
waited for a photo. Prints a table; --network names a yaml of ultralytics whose weights are drawn at random.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import webdataset
from PIL import Image

from headkit.backends import yolo
from headkit.backends.boxes import letterbox
from headkit.image import decode
from headkit.run import run
from headkit.tool import RunOptions, find
from headkit.tools import pose_extract

SIDE = 640


def photographs(count: int, folder: str | None) -> list[bytes]:
    """JPEGs with the detail of photos: some 400 kB each."""
    if folder is not None:
        files = sorted(Path(folder).glob("*.jp*g"))[:count]
        return [file.read_bytes() for file in files]
    random = np.random.default_rng(0)
    photos = []
    for _ in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (75, 100, 3), np.uint8))
        fine = random.normal(0, 6, (1200, 1600, 1))
        pixels = np.asarray(coarse.resize((1600, 1200), Image.Resampling.BICUBIC)) + fine
        out = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=88)
        photos.append(out.getvalue())
    return photos


def write_tar(path: Path, photos: list[bytes]) -> None:
    """As img2dataset writes it."""
    with tarfile.open(path, "w") as archive:
        for number, photo in enumerate(photos):
            for name, data in (
                (f"{number:09d}.jpg", photo),
                (f"{number:09d}.json", b'{"NSFW":"UNLIKELY"}'),
            ):
                header = tarfile.TarInfo(name)
                header.size = len(data)
                archive.addfile(header, io.BytesIO(data))


def fitted(width: int, height: int) -> tuple[int, int]:
    """The size in a square of SIDE."""
    ratio = SIDE / max(width, height)
    return round(width * ratio), round(height * ratio)


def with_pillow(data: bytes) -> None:
    """What most scripts do."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    np.asarray(image.resize(fitted(*image.size), Image.Resampling.LANCZOS))


def with_opencv(data: bytes) -> None:
    """img2dataset's resizer (resizer.py, mode keep_ratio_largest), without its encoding."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    cv2.resize(image, fitted(image.shape[1], image.shape[0]), interpolation=cv2.INTER_AREA)


def ours(data: bytes) -> None:
    """What pose-extract does."""
    letterbox(decode(data, least=SIDE).pixels, SIDE)


def ours_whole(data: bytes) -> None:
    """The same without decoding smaller."""
    letterbox(decode(data).pixels, SIDE)


def with_webdataset(path: Path) -> int:
    """Its reader and decoder on the tar."""
    count = 0
    for sample in webdataset.WebDataset(str(path), shardshuffle=False).decode("pil"):
        image = sample["jpg"]
        np.asarray(image.resize(fitted(*image.size), Image.Resampling.LANCZOS))
        count += 1
    return count


def speed(work, photos: list[bytes]) -> float:
    """Images a second of CPU, the best of three."""
    speeds = []
    for _ in range(3):
        began = time.process_time()
        for photo in photos:
            work(photo)
        speeds.append(len(photos) / (time.process_time() - began))
    return max(speeds)


def whole_run(tar: Path, model: str, device: str) -> dict[str, float]:
    """pose-extract on the tar, in a process of its own: images a second, and the share of time that was waited."""
    told = tar.with_suffix(".times")
    child = os.fork()
    if not child:
        call = pose_extract.Extraction.__call__

        def timed(process, pairs):
            results = call(process, pairs)
            told.write_text(json.dumps({"waited": process.waited, "worked": process.worked}))
            return results

        pose_extract.Extraction.__call__ = timed
        options = pose_extract.Options(
            layout="img2dataset", model=model, key=str(tar.with_suffix(".key"))
        )
        flags = RunOptions(output=str(tar.with_suffix(".jsonl")), device=device)
        os._exit(run(find("pose-extract"), options, flags, [str(tar)]))
    _, ended = os.waitpid(child, 0)
    if ended:
        sys.exit("the run failed")
    return json.loads(told.read_text())


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--model", default=None)
    parser.add_argument("--network", default="cfg/models/11/yolo11-pose.yaml")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    photos = photographs(options.photos, options.folder)
    print(f"{len(photos)} JPEGs of {np.mean([len(photo) for photo in photos]) / 1e3:.0f} kB")
    for name, work in (
        ("Pillow", with_pillow),
        ("OpenCV, as img2dataset", with_opencv),
        ("ours, at full scale", ours_whole),
        ("ours", ours),
    ):
        print(f"{name:<28} {speed(work, photos):7.1f} images/s of one core")
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder) / "00000.tar"
        write_tar(tar, photos)
        began = time.process_time()
        count = with_webdataset(tar)
        print(
            f"{'webdataset':<28} {count / (time.process_time() - began):7.1f} images/s of one core"
        )
        model = options.model
        if model is None:
            torch.manual_seed(0)
            network = yolo.build(yolo.architecture(options.network, width=0.25, classes=1))
            network.names = {0: "person"}
            model = str(Path(folder) / "people.pt")
            torch.save({"model": network, "train_args": {"imgsz": SIDE}}, model)
        torch.set_num_threads(1)
        times = whole_run(tar, model, options.device)
        share = times["waited"] / times["worked"]
        print(
            f"pose-extract: {len(photos) / times['worked']:.1f} images/s,"
            f" the network waited {100 * share:.1f}% of the time"
        )


if __name__ == "__main__":
    main()
