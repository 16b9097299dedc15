"""Says of images in memory whether they are fit to be seen: an image classifier of transformers."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headkit.backends.devices import torch_device
from headkit.backends.diffusion.files import Found
from headkit.backends.weights import first_line
from headkit.status import UNAVAILABLE, Stop

Pixels = NDArray[np.uint8]

CHUNK = 8  # images at a time, always
# Labels that classifiers give what is not fit to be seen.
UNSAFE = ("nsfw", "porn", "hentai", "sexy", "unsafe", "explicit")


class Screen:
    """A classifier, ready to look."""

    def __init__(self, found: Found, device: str) -> None:
        """Raises Stop 69 where the files are broken, or no label is one of UNSAFE."""
        transformers: Any = importlib.import_module("transformers")
        self.device = torch_device(device)
        try:
            given = {"local_files_only": True, "trust_remote_code": False}
            self.processor = transformers.AutoImageProcessor.from_pretrained(
                str(found.path), **given
            )
            network = transformers.AutoModelForImageClassification.from_pretrained(
                str(found.path), use_safetensors=True, dtype=torch.float32, **given
            )
        except ImportError:
            raise
        except Exception as error:
            raise Stop(
                UNAVAILABLE, f"{found.name}: cannot be used ({first_line(error)}); name another"
            ) from error
        self.network = network.to(self.device).eval()
        labels: dict[int, str] = network.config.id2label
        self.unsafe = [
            number
            for number, label in labels.items()
            if any(word in label.lower() for word in UNSAFE)
        ]
        if not self.unsafe:
            raise Stop(
                UNAVAILABLE,
                f"{found.name}: its labels are {', '.join(labels.values())}; one of {', '.join(UNSAFE)} is needed",
            )

    @torch.inference_mode()
    def scores(self, images: Sequence[Pixels]) -> list[float]:
        """The probability, 0 to 1, that each (H, W, 3) is not fit to be seen. Images themselves stay as they are."""
        found: list[float] = []
        for at in range(0, len(images), CHUNK):
            part = [image.copy() for image in images[at : at + CHUNK]]
            padded = part + [part[-1]] * (CHUNK - len(part))
            given = self.processor(images=padded, return_tensors="pt").to(self.device)
            shares = self.network(**given).logits.softmax(dim=-1)[:, self.unsafe].sum(dim=-1)
            found += shares.tolist()[: len(part)]
        return found
