"""How many pictures a second are searched for heads: python tests/bench/bench_detect.py [--model FILE] [--device 0].

Prints pictures per second of CPU for our own network by side of the square and by pictures that go through it together
(the tool takes one on a CPU), and how long the rest of a picture takes: letterbox, suppression. One thread.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from headkit.backends.boxes import letterbox, suppress
from headkit.backends.detectors import open_detector

SIDES = (320, 416, 640)
TOGETHER = (1, 2, 4, 8)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=None)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--pictures", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    print(
        "side   " + "".join(f"{count:>3} together" for count in TOGETHER) + "   pictures/s of CPU"
    )
    for side in SIDES:
        network = open_detector(options.model, side, options.device).network
        speeds = []
        for count in TOGETHER:
            squares = random.integers(0, 256, (count, side, side, 3), np.uint8)
            network.look(squares, 0.5)
            began = time.process_time()
            for _ in range(max(1, options.pictures // count)):
                network.look(squares, 0.5)
            speeds.append(count * max(1, options.pictures // count) / (time.process_time() - began))
        print(f"{side:>4}   " + "".join(f"{speed:>12.1f}" for speed in speeds))
    photo = random.integers(0, 256, (1080, 1920, 3), np.uint8)
    boxes = random.uniform(0, 900, (8400, 4)).astype(np.float32)
    boxes[:, 2:] = boxes[:, :2] + 30
    scores = random.random(8400).astype(np.float32)
    for name, work in (
        ("letterbox of 1920 x 1080", lambda: letterbox(photo, 640)),
        ("suppression of 8,400 boxes", lambda: suppress(boxes, scores, 0.5, 1000)),
    ):
        began = time.process_time()
        for _ in range(5):
            work()
        print(f"{name}: {200 * (time.process_time() - began):.1f} ms")


if __name__ == "__main__":
    main()
