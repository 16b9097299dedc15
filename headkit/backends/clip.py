"""CLIP of open_clip, as several scores use it: unit vectors of pictures and of texts, one look at each picture.

Items go through in chunks of one fixed shape, so that the vector of one does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from headkit.backends.devices import torch_device
from headkit.backends.open_clip_files import load_open_clip
from headkit.backends.weights import first_line
from headkit.image import Pixels
from headkit.status import UNAVAILABLE, Stop

Vectors = NDArray[np.float32]  # (n, width), each of length 1

_CHUNK, _CHUNK_DEVICE = 4, 64
_GREY = np.full((64, 64, 3), 127, np.uint8)


class Clip:
    """A network of open_clip, ready to look and to read.

    width  numbers of a vector
    scale  by which cosines are multiplied before a softmax over texts (the trained temperature's inverse)
    """

    def __init__(self, model: str, device: str) -> None:
        """Raises Stop as load_open_clip does, naming --clip-model."""
        self.device = torch_device(device)
        loaded = load_open_clip(model, self.device, "--clip-model")
        self.name, self.sha256 = loaded.name, loaded.sha256
        self.network, self.prepare = loaded.network, loaded.prepare
        self.tokenizer = loaded.tokenizer()
        self.chunk = _CHUNK if self.device == "cpu" else _CHUNK_DEVICE
        try:
            self.scale = float(self.network.logit_scale.exp())
            self.width = self.look([_GREY]).shape[1]
            self.read(["a photo"])
        except Exception as error:  # a network of others may raise anything
            raise Stop(
                UNAVAILABLE,
                f"--clip-model {model}: is no CLIP ({first_line(error)}); name one as ViT-L-14:openai",
            ) from error

    def look(self, pictures: Sequence[Pixels]) -> Vectors:
        """(n, width) of pictures (H, W, 3), which it sees as it was trained to: the middle square, in 224 pixels or so."""

        def run(part: Sequence[Pixels]) -> torch.Tensor:
            images = torch.stack([self.prepare(Image.fromarray(pixels)) for pixels in part])
            found: torch.Tensor = self.network.encode_image(images.to(self.device), normalize=True)
            return found

        return self._in_chunks(pictures, _GREY, run)

    def read(self, texts: Sequence[str]) -> Vectors:
        """(n, width) of texts, which are cut where they are longer than it reads (77 tokens)."""

        def run(part: Sequence[str]) -> torch.Tensor:
            tokens = self.tokenizer(list(part)).to(self.device)
            found: torch.Tensor = self.network.encode_text(tokens, normalize=True)
            return found

        return self._in_chunks(texts, "", run)

    def _in_chunks(
        self, items: Sequence[Any], filler: Any, run: Callable[[Sequence[Any]], torch.Tensor]
    ) -> Vectors:
        found = [np.empty((0, getattr(self, "width", 0)), np.float32)] if not items else []
        for start in range(0, len(items), self.chunk):
            part = list(items[start : start + self.chunk])
            with torch.inference_mode():
                vectors = run([*part, *[filler] * (self.chunk - len(part))])
            found.append(vectors[: len(part)].float().cpu().numpy())
        return np.concatenate(found)
