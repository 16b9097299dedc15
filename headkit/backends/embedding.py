"""Networks that turn pictures and texts into vectors: those of open_clip, and TorchScript files as SSCD is published.

Items go through in chunks of one fixed shape, so that the vector of one does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from headkit.backends.open_clip_files import load_open_clip
from headkit.backends.programs import load_torchscript
from headkit.backends.weights import digest_of, first_line
from headkit.backends.yolo_file import RefusedError
from headkit.image import Pixels
from headkit.status import UNAVAILABLE, Stop

Vectors = NDArray[np.float32]  # (n, width)

_CHUNK, _CHUNK_DEVICE = 4, 64
_SSCD_SIDE = 320  # "skew 320", for which its authors give their thresholds
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
SSCD_THRESHOLD = 0.75  # precision 0.9 on DISC21 (README of facebookresearch/sscd-copy-detection)


@dataclass(frozen=True, eq=False)
class Network:
    """A network with its weights; `name` tells it from any other."""

    name: str
    width: int
    chunk: int
    threshold: float | None
    run: Callable[[Sequence[Any]], torch.Tensor]  # (chunk, width) of as many items
    filler: Any  # an item that fills a chunk up

    def embed(self, items: list[Any]) -> Vectors:
        """(n, width) of up to `chunk` items: pictures (H, W, 3), or texts."""
        filled = [*items, *[self.filler] * (self.chunk - len(items))]
        with torch.inference_mode():
            vectors = self.run(filled)
        found: Vectors = vectors.float().cpu().numpy()[: len(items)]
        return found


def open_clip_network(model: str, of: str, device: str) -> Network:
    """NAME:TAG, NAME:FILE, or a folder with open_clip_config.json; `of` is image or prompt.

    Raises Stop: 2 for names that open_clip does not know, 66 for a file that is not there, 69 for weights that are
    neither here nor to be had.
    """
    loaded = load_open_clip(model, device)
    network, prepare = loaded.network, loaded.prepare
    tokenizer = loaded.tokenizer() if of == "prompt" else None

    def look(pictures: Sequence[Pixels]) -> torch.Tensor:
        images = torch.stack([prepare(Image.fromarray(pixels)) for pixels in pictures])
        found: torch.Tensor = network.encode_image(images.to(device), normalize=True)
        return found

    def read(texts: Sequence[str]) -> torch.Tensor:
        assert tokenizer is not None
        found: torch.Tensor = network.encode_text(tokenizer(list(texts)).to(device), normalize=True)
        return found

    called = f"{loaded.name} {of}"
    if of == "prompt":
        return _checked(model, called, device, None, read, "")
    return _checked(model, called, device, None, look, _GREY)


def torchscript_network(path: Path, device: str) -> Network:
    """A program of pictures (n, 3, 320, 320), normalized as for ImageNet, to vectors (n, width).

    Raises Stop: 66 for a file that is not there, 69 for one that cannot be used.
    """
    digest = digest_of(path)
    try:
        module = load_torchscript(path, device)
    except RefusedError as error:
        raise Stop(UNAVAILABLE, f"--model {path}: {error}") from None
    mean = torch.tensor(_MEAN).view(3, 1, 1)
    deviation = torch.tensor(_DEVIATION).view(3, 1, 1)

    def look(pictures: Sequence[Pixels]) -> torch.Tensor:
        squares = [
            Image.fromarray(pixels).resize((_SSCD_SIDE, _SSCD_SIDE), Image.Resampling.BILINEAR)
            for pixels in pictures
        ]
        images = torch.from_numpy(np.stack([np.array(square) for square in squares]))
        images = (images.permute(0, 3, 1, 2).float() / 255 - mean) / deviation
        found: torch.Tensor = module(images.to(device))
        return found

    threshold = SSCD_THRESHOLD if "sscd" in path.name.casefold() else None
    return _checked(str(path), f"{path.name} {digest[:16]}", device, threshold, look, _GREY)


_GREY = np.full((64, 64, 3), 127, np.uint8)


def _checked(
    model: str,
    name: str,
    device: str,
    threshold: float | None,
    run: Callable[[Sequence[Any]], torch.Tensor],
    filler: Any,
) -> Network:
    """The network, after one look at nothing. Raises Stop (69) where it gives no vectors."""
    chunk = _CHUNK if device == "cpu" else _CHUNK_DEVICE
    try:
        with torch.inference_mode():
            shape = tuple(run([filler] * chunk).shape)
    except Exception as error:  # a program of others may raise anything
        raise Stop(
            UNAVAILABLE, f"--model {model}: does not run ({first_line(error)}); name another"
        ) from error
    if len(shape) != 2 or shape[0] != chunk:
        raise Stop(
            UNAVAILABLE,
            f"--model {model}: gives an array of {shape}, not one vector per item; name another",
        )
    return Network(name, shape[1], chunk, threshold, run, filler)
