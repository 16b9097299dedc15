"""Networks that make vectors of faces: ONNX or TorchScript files of the ArcFace family.

They see (n, 3, 112, 112) float32, RGB, from -1 to 1, of faces as faces/alignment.py turns them, and give (n, width). No such
network comes with the package: the published ones are for research alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.backends.devices import torch_device
from headkit.backends.programs import load_onnx, load_torchscript
from headkit.backends.weights import digest_of, first_line
from headkit.backends.yolo_file import RefusedError
from headkit.status import UNAVAILABLE, Stop

SIDE = 112
_CHUNK, _CHUNK_DEVICE = 8, 64
_MIDDLE = 127.5  # of 0..255, in both shift and scale

Run = Callable[[NDArray[np.float32]], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class FaceNetwork:
    """A network with its weights; `name` tells it from any other. run: (chunk, 3, 112, 112) to (chunk, width)."""

    name: str
    width: int
    chunk: int
    run: Run

    def embed(self, faces: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """(n, width) of n faces (112, 112, 3), in chunks of a fixed length, so that no face depends on the others.

        Raises ValueError where the network gives numbers that are not finite.
        """
        found = np.empty((len(faces), self.width), np.float32)
        for start in range(0, len(faces), self.chunk):
            part = np.stack(faces[start : start + self.chunk])
            images = np.zeros((self.chunk, 3, SIDE, SIDE), np.float32)
            images[: len(part)] = (part.transpose(0, 3, 1, 2) - np.float32(_MIDDLE)) / np.float32(
                _MIDDLE
            )
            found[start : start + len(part)] = self.run(images)[: len(part)]
        if not np.isfinite(found).all():
            raise ValueError("the face network gives numbers that are not finite")
        return found


def open_face_network(model: str, device: str) -> FaceNetwork:
    """The network in a file .onnx, or of TorchScript.

    Raises Stop: 66 where the file cannot be opened, 69 where it is none, or onnxruntime is missing.
    """
    path = Path(model)
    digest = digest_of(path, "--face-model")
    where = torch_device(device)
    try:
        load = _onnx if path.suffix.lower() == ".onnx" else _torchscript
        run, chunk = load(path, where)
        chunk = chunk or (_CHUNK if where == "cpu" else _CHUNK_DEVICE)
        width = _width(run, chunk)
    except ImportError:
        raise Stop(
            UNAVAILABLE,
            f"--face-model {path.name}: needs onnxruntime; pip install 'headkit[onnx]'",
        ) from None
    except RefusedError as error:
        raise Stop(UNAVAILABLE, f"--face-model {model}: {error}") from None
    return FaceNetwork(f"face {path.name} {digest[:16]}", width, chunk, run)


def _onnx(path: Path, device: str) -> tuple[Run, int | None]:
    session = load_onnx(path, device)
    taken = session.get_inputs()[0]
    fixed = taken.shape[0] if taken.shape and isinstance(taken.shape[0], int) else None

    def run(images: NDArray[np.float32]) -> NDArray[Any]:
        return np.asarray(session.run(None, {taken.name: images})[0])

    return run, fixed


def _torchscript(path: Path, device: str) -> tuple[Run, int | None]:
    import torch

    module = load_torchscript(path, device)

    def run(images: NDArray[np.float32]) -> NDArray[Any]:
        with torch.inference_mode():
            found: NDArray[Any] = module(torch.from_numpy(images).to(device)).float().cpu().numpy()
        return found

    return run, None


def _width(run: Run, chunk: int) -> int:
    """Numbers of a vector, after one look at nothing. Raises RefusedError where there are none."""
    try:
        shape = np.shape(run(np.zeros((chunk, 3, SIDE, SIDE), np.float32)))
    except Exception as error:  # noqa: BLE001  a program of others may raise anything
        raise RefusedError(
            f"does not run on faces of {SIDE} x {SIDE} ({first_line(error)}); name a network of the ArcFace family"
        ) from None
    if len(shape) != 2 or shape[0] != chunk or not shape[1]:
        raise RefusedError(
            f"gives an array of {shape}, not one vector per face; name a network of the ArcFace family"
        )
    return int(shape[1])
