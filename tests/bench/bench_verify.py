"""What `headkit verify` costs beside `sha256sum -c` on the same folder.

    python tests/bench/bench_verify.py [IMAGES]

IMAGES (default 600) PNG files of 512 x 384 with two heads each, packed as webdataset and coco. Megabytes of the folder a
second of processor time and of the clock, and the peak memory; verify with one and two threads. It decodes every picture,
which sha256sum does not: the last line says what decoding alone costs.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))
from damage import K, head
from packs import pack

from headkit.image import decode

SIZE = (512, 384)


def make(root, count):
    """Records of smooth pictures with noise: some 350 KB each."""
    (root / "images").mkdir()
    down, across = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    heads = [head(1, 40.0), head(2, 90.0, 1.2)]
    for number in range(count):
        light = 128 + 50 * (np.sin(across / 23 + number) + np.cos(down / 31))
        noise = np.random.default_rng(number).normal(0, 3, (*light.shape, 3))
        pixels = np.clip(light[..., None] + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(root / f"images/{number}.png", compress_level=1)
        yield {
            "id": f"r{number}",
            "width": SIZE[0],
            "height": SIZE[1],
            "camera": {"K": K},
            "image": f"images/{number}.png",
            "truth": {"heads": heads},
        }


def timed(command, folder):
    """Seconds of the clock and of the processor, and peak memory in MB, of a program."""
    begin = time.perf_counter()
    process = os.spawnvpe(os.P_NOWAIT, command[0], command, {**os.environ, "OMP_NUM_THREADS": "1"})
    _, status, used = os.wait4(process, 0)
    assert status == 0, command
    assert folder.is_dir()
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main(count):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        pack(root, make(root, count), format="webdataset,coco", split="train=0.8,val=0.2")
        folder = root / "out"
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        sums = f"cd {folder} && sha256sum --quiet -c SHA256SUMS"
        verify = [sys.executable, "-m", "headkit", "verify", str(folder)]
        for what, command in (
            ("sha256sum -c", ["sh", "-c", sums]),
            ("verify", verify),
            ("verify -j 2", [*verify, "-j", "2"]),
        ):
            clock, processor, memory = timed(command, folder)
            print(
                f"{what:14} {size / clock:7.1f} MB/s   {size / processor:7.1f} MB/s of processor   {memory:5.0f} MB"
            )
        files = [path.read_bytes() for path in sorted((root / "images").iterdir())[:100]]
        begin = time.process_time()
        for data in files:
            decode(data)
        spent = time.process_time() - begin
        print(f"{'decode alone':14} {sum(map(len, files)) / 1e6 / spent:25.1f} MB/s of processor")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
