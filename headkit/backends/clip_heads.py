"""Small networks that say one number of a CLIP vector, in the files in which LAION published them.

    clip_ViT-L-14_openai_binary_nsfw_head.pth   LAION-AI/CLIP-based-NSFW-Detector (MIT), of ViT-L-14:openai
    h14_nsfw.pth                                the same, of ViT-H-14:laion2b_s32b_b79k
    sac+logos+ava1-l14-linearMSE.pth            christophschuhmann/improved-aesthetic-predictor (Apache-2.0), of ViT-L-14:openai

Each is a chain of linear layers. What stands between them follows from how the authors number them: `linear_1, linear_2, ...`
have a ReLU between them, a standardization before and a logistic function behind; of `layers.0, layers.3, ...` a step of three
is a ReLU and a dropout, a step of two a dropout alone, and the last number is the answer as it is. A dropout does nothing here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.backends.weights import digest_of, first_line
from headkit.status import UNAVAILABLE, Stop

Array = NDArray[np.float64]

_LAYER = re.compile(r"(linear_|layers\.)(\d+)\.weight")
_RELU_STEP = 3
_SMALLEST = 1e-10  # beside the standard deviation, as its authors have it


@dataclass(frozen=True, eq=False)
class ClipHead:
    """A chain of linear layers: (weight (m, n), bias (m,), whether a ReLU follows).

    shift, factor  (width,) a standardization before: (vector - shift) * factor
    logistic       whether the answer is 1 / (1 + exp(-x)) of the last number
    sha256         of the file
    """

    layers: tuple[tuple[Array, Array, bool], ...]
    shift: Array
    factor: Array
    logistic: bool
    name: str
    sha256: str

    @property
    def width(self) -> int:
        return int(self.layers[0][0].shape[1])

    def __call__(self, vectors: NDArray[np.floating]) -> Array:
        """(n,) of unit vectors (n, width), in float64 and row by row, so that no row depends on the others."""
        found = np.empty(len(vectors))
        for row, vector in enumerate(vectors.astype(np.float64)):
            values = (vector - self.shift) * self.factor
            for weight, bias, relu in self.layers:
                values = weight @ values + bias
                if relu:
                    values = np.maximum(values, 0)
            found[row] = values[0]
        if self.logistic:
            found = 1 / (1 + np.exp(-np.clip(found, -700, 700)))
        return found


def read_head(path: Path, width: int, option: str) -> ClipHead:
    """The head in a file of torch (read without running what it holds) or safetensors; `width` is that of the CLIP in use.

    Raises Stop, naming `option`: 66 where the file cannot be opened, 69 where it is none, or of another CLIP.
    """
    digest = digest_of(path, option)
    try:
        head = _head(_arrays(path), path.name, digest)
    except Exception as error:  # of torch and of safetensors, of many kinds
        raise Stop(
            UNAVAILABLE,
            f"{option} {path}: is no head of LAION's ({first_line(error)}); fetch it again",
        ) from error
    if head.width != width:
        raise Stop(
            UNAVAILABLE,
            f"{option} {path}: made for vectors of {head.width} numbers, not {width}; name the CLIP that it was "
            "trained on with --clip-model",
        )
    return head


def _arrays(path: Path) -> dict[str, Array]:
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        return {name: value.astype(np.float64) for name, value in load_file(path).items()}
    import torch

    state: Any = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, Mapping):
        raise TypeError(f"holds a {type(state).__name__}, not weights by name")
    return {
        str(name): value.double().numpy()
        for name, value in state.items()
        if isinstance(value, torch.Tensor)
    }


def _head(arrays: dict[str, Array], name: str, digest: str) -> ClipHead:
    """Raises ValueError or KeyError where the arrays are of something else."""
    found = sorted((int(m[2]), m[1]) for m in map(_LAYER.fullmatch, arrays) if m)
    if not found or len({prefix for _, prefix in found}) > 1:
        raise ValueError("has no chain of linear layers")
    numbers, prefix = [number for number, _ in found], found[0][1]
    named = prefix == "linear_"
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    layers = tuple(
        (
            arrays[f"{prefix}{number}.weight"],
            arrays[f"{prefix}{number}.bias"],
            step is not None and (named or step == _RELU_STEP),
        )
        for number, step in zip(numbers, [*steps, None], strict=True)
    )
    width = layers[0][0].shape[1]
    for weight, bias, _ in layers:
        if weight.ndim != 2 or weight.shape != (len(bias), width):
            raise ValueError(f"has a layer of {weight.shape} after {width} numbers")
        width = len(bias)
    if width != 1:
        raise ValueError(f"gives {width} numbers, not one")
    width = layers[0][0].shape[1]
    shift = arrays.get("norm.mean", np.zeros(width)).reshape(width)
    variance = arrays.get("norm.variance", np.ones(width)).reshape(width)
    return ClipHead(layers, shift, 1 / (np.sqrt(variance) + _SMALLEST), named, name, digest)
