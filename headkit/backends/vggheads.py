"""The published VGGHeads network (Kupyn et al. 2024), as TorchScript or ONNX: boxes and 413 parameters of every head.

It sees a square of 640 pixels, RGB in 0..1, the picture in the middle of grey 127, and gives its 1,000 best candidates
without suppression: boxes (1, 1000, 4) as corners, scores (1, 1000, 1), parameters (1, 1000, 413).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headkit.backends import programs
from headkit.backends.boxes import Candidates
from headkit.backends.yolo_file import RefusedError

SIDE = 640
PARAMETERS = 413

Run = Callable[[NDArray[np.float32]], list[NDArray[Any]]]


@dataclass(frozen=True, eq=False)
class VggHeadsNetwork:
    """See finding.Network. run: (1, 3, 640, 640) float32 in 0..1 to the three outputs."""

    run: Run
    sides: tuple[int, ...] = (SIDE,)
    chunk: int = 1  # it was exported for one picture
    fill: int = 127
    mirrors: bool = False  # there is no mirror of shape coefficients

    def look(self, squares: NDArray[np.uint8], conf: float) -> list[Candidates]:
        """What is in each of (1, 640, 640, 3) uint8 RGB squares, with scores above conf."""
        images = np.ascontiguousarray(squares.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(
            255
        )
        boxes, scores, params = (np.asarray(out, dtype=np.float32)[0] for out in self.run(images))
        kept = scores[:, 0] > conf
        return [Candidates(boxes[kept], scores[kept, 0], params=params[kept])]


def load_torchscript(path: Path, *, device: str = "cpu") -> VggHeadsNetwork:
    """From a .trcd or .pt file. Raises RefusedError where it is broken, or gives something else."""
    module = programs.load_torchscript(path, device)

    def run(images: NDArray[np.float32]) -> list[NDArray[Any]]:
        with torch.inference_mode():
            outputs = module(torch.from_numpy(images).to(device))
        return [output.float().cpu().numpy() for output in outputs]

    return _checked(run)


def load_onnx(path: Path, *, device: str = "cpu") -> VggHeadsNetwork:
    """From an .onnx file. Raises RefusedError, or ImportError without onnxruntime."""
    session = programs.load_onnx(path, device)
    name = session.get_inputs()[0].name

    def run(images: NDArray[np.float32]) -> list[NDArray[Any]]:
        return list(session.run(None, {name: images}))

    return _checked(run)


def _checked(run: Run) -> VggHeadsNetwork:
    """The network, after one look at nothing: whether its outputs are what VGGHeads gives."""
    try:
        outputs = run(np.zeros((1, 3, SIDE, SIDE), dtype=np.float32))
        shapes = [tuple(np.shape(output)) for output in outputs]
    except Exception as error:  # noqa: BLE001  a program of others may raise anything
        raise RefusedError(
            f"does not run on a picture ({str(error).splitlines()[0]}); name a VGGHeads network"
        ) from None
    last = [shape[-1] if len(shape) == 3 and shape[0] == 1 else 0 for shape in shapes]
    if last != [4, 1, PARAMETERS]:
        raise RefusedError(
            f"gives arrays of {shapes}, not boxes, scores and 413 parameters; name a VGGHeads network"
        )
    return VggHeadsNetwork(run)
