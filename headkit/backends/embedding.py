"""Networks that turn pictures and texts into vectors: those of open_clip, and TorchScript files as SSCD is published.

Items go through in chunks of one fixed shape, so that the vector of one does not depend on the others.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from headkit.backends.weights import digest_of, first_line
from headkit.image import Pixels
from headkit.status import NO_INPUT, UNAVAILABLE, USAGE, Stop

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
    import open_clip

    name, tag, file = _weights(model)
    try:
        with _offline():
            network, prepare = open_clip.create_model_from_pretrained(name, tag, device=device)
            tokenizer = open_clip.get_tokenizer(name) if of == "prompt" else None
    except Exception as error:  # broken files end in errors of many kinds
        raise Stop(
            UNAVAILABLE, f"--model {model}: cannot be used ({first_line(error)}); fetch it again"
        ) from error
    network = network.eval().requires_grad_(requires_grad=False)

    def look(pictures: Sequence[Pixels]) -> torch.Tensor:
        images = torch.stack([prepare(Image.fromarray(pixels)) for pixels in pictures])
        found: torch.Tensor = network.encode_image(images.to(device), normalize=True)
        return found

    def read(texts: Sequence[str]) -> torch.Tensor:
        assert tokenizer is not None
        found: torch.Tensor = network.encode_text(tokenizer(list(texts)).to(device), normalize=True)
        return found

    called = (
        f"open_clip {model if tag is not None else Path(model).name} {digest_of(file)[:16]} {of}"
    )
    if of == "prompt":
        return _checked(model, called, device, None, read, "")
    return _checked(model, called, device, None, look, _GREY)


def _weights(model: str) -> tuple[str, str | None, Path]:
    """Architecture and weights as open_clip takes them, and the file that holds the weights."""
    import open_clip

    if Path(model).is_dir():
        files = [
            Path(model) / f"open_clip_{kind}" for kind in ("model.safetensors", "pytorch_model.bin")
        ]
        there = [file for file in files if file.is_file()]
        if not there or not (Path(model) / "open_clip_config.json").is_file():
            raise Stop(
                NO_INPUT, f"--model {model}: no model of open_clip in this folder; check the path"
            )
        return f"local-dir:{model}", None, there[0]
    name, _, tag = model.partition(":")
    if name not in open_clip.list_models():
        raise Stop(
            USAGE,
            f"--model {model}: no model of open_clip; name one as ViT-L-14:openai, or a TorchScript file",
        )
    tags = open_clip.list_pretrained_tags_by_model(name)
    if "/" in tag or tag.endswith((".pt", ".bin", ".safetensors")):
        if not Path(tag).is_file():
            raise Stop(NO_INPUT, f"--model {model}: no such file; check the path")
        return name, tag, Path(tag)
    if tag not in tags:
        raise Stop(
            USAGE, f"--model {model}: name its weights after a colon: {', '.join(tags) or 'a file'}"
        )
    config = open_clip.get_pretrained_cfg(name, tag)
    try:
        try:
            with _offline():
                file = open_clip.download_pretrained(config)
        except Exception:  # noqa: BLE001 - of many kinds; not here, so it is fetched
            file = open_clip.download_pretrained(config)
    except Exception as error:  # the hub's client has errors of many kinds
        raise Stop(
            UNAVAILABLE,
            f"--model {model}: its weights are not here and cannot be fetched ({first_line(error)}); run it once where "
            f"there is a network, or name a file: {name}:FILE",
        ) from error
    # The tag, not the file: open_clip knows by it which activation the weights were made for.
    return name, tag, Path(file)


@contextmanager
def _offline() -> Iterator[None]:
    """The hub's client looks at what is here only: else it asks the network about files that it has."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def torchscript_network(path: Path, device: str) -> Network:
    """A program of pictures (n, 3, 320, 320), normalized as for ImageNet, to vectors (n, width).

    Raises Stop: 66 for a file that is not there, 69 for one that cannot be used.
    """
    digest = digest_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch's own advice about TorchScript
            load: Any = torch.jit.load
            module = load(str(path), map_location=device).eval()
    except (RuntimeError, ValueError) as error:
        raise Stop(
            UNAVAILABLE, f"--model {path}: cannot be read ({first_line(error)}); fetch it again"
        ) from None
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
