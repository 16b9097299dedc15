"""CoCa captioners (Yu et al. 2022) of open_clip, decoded here: its own `generate` fails beside transformers 5.

The picture is looked at once; then words are chosen one by one, each from the picture and the words before it.
Pictures go through in chunks of a fixed shape, so that what is said of one does not depend on the others.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from headkit.backends.describing import CaptionerError, Manner, Pixels
from headkit.backends.weights import first_line
from headkit.status import NO_INPUT, Stop

CHUNK = 1  # pictures at a time on the CPU
CHUNK_DEVICE = 32
# The tag where none is named: weights that were finetuned to caption.
USUAL = {
    "coca_ViT-B-32": "mscoco_finetuned_laion2b_s13b_b90k",
    "coca_ViT-L-14": "mscoco_finetuned_laion2b_s13b_b90k",
}


def weights_of(architecture: str, tag: str) -> tuple[Path, str]:
    """The file with the weights of an architecture, fetched by open_clip where they are not here, and their tag.

    tag  one of open_clip's, a file, or empty: the usual one

    Raises Stop (66) where the file is not there, CaptionerError where there are no such weights or they cannot be
    fetched.
    """
    import open_clip

    if architecture not in open_clip.list_models():
        known = ", ".join(name for name in open_clip.list_models() if name.startswith("coca_"))
        raise CaptionerError(f"open_clip has no architecture {architecture}; choose from {known}")
    if "/" in tag or tag.endswith((".pt", ".bin", ".safetensors")):
        if not Path(tag).is_file():
            raise Stop(NO_INPUT, f"--model {architecture}:{tag}: no such file; check the path")
        return Path(tag), Path(tag).name
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    tag = tag or USUAL.get(architecture, "")
    if tag not in tags:
        choice = f"choose from {', '.join(tags)}" if tags else "open_clip has none"
        said = f"no weights {tag!r}" if tag else "no weights are named"
        raise CaptionerError(f"{said} of {architecture}; {choice}, or name a file after the colon")
    try:
        fetched = open_clip.download_pretrained(open_clip.get_pretrained_cfg(architecture, tag))
    except Exception as error:  # the hub's client has errors of many kinds
        raise CaptionerError(
            f"its weights are not here and cannot be fetched ({first_line(error)}); run --dry-run where there is a "
            "network, or name a file after the colon"
        ) from error
    return Path(fetched), tag


def load_file(architecture: str, path: Path, manner: Manner, device: str) -> Coca:
    """The network of an architecture with the weights in a file, which is read without running what it holds."""
    return _loaded(architecture, str(path), manner, device)


def load_folder(folder: Path, manner: Manner, device: str) -> Coca:
    """The network in a folder as open_clip writes it: open_clip_config.json and weights."""
    return _loaded(f"local-dir:{folder}", None, manner, device)


def _loaded(name: str, weights: str | None, manner: Manner, device: str) -> Coca:
    import open_clip

    try:
        network, prepare = open_clip.create_model_from_pretrained(name, weights, device=device)
        tokenizer = open_clip.get_tokenizer(name)
    except Exception as error:  # broken files end in errors of many kinds
        raise CaptionerError(
            f"the weights cannot be used ({first_line(error)}); fetch them again"
        ) from error
    if not isinstance(network, open_clip.CoCa):
        raise CaptionerError("not a CoCa network, so that it cannot caption; name a coca_ one")
    return Coca(network, prepare, tokenizer, manner, device)


class Coca:
    """A CoCa network, ready to describe."""

    def __init__(
        self, network: Any, prepare: Any, tokenizer: Any, manner: Manner, device: str
    ) -> None:
        self.network = network.eval().requires_grad_(requires_grad=False)
        self.prepare, self.tokenizer, self.manner, self.device = (
            prepare, tokenizer, manner, device,
        )  # fmt: skip
        self.chunk = CHUNK if device == "cpu" else CHUNK_DEVICE
        self.begin, self.end = int(tokenizer.sot_token_id), int(tokenizer.eot_token_id)
        room = int(network.context_length)
        self.length = min(manner.tokens + 1, room)

    def describe(self, pictures: Sequence[Pixels], seeds: Sequence[int]) -> list[str]:
        """See captioners.Network."""
        said: list[str] = []
        for start in range(0, len(pictures), self.chunk):
            part = pictures[start : start + self.chunk]
            draws = [random.Random(seed) for seed in seeds[start : start + self.chunk]]
            images = [self.prepare(Image.fromarray(pixels)) for pixels in part]
            images += [torch.zeros_like(images[0])] * (self.chunk - len(part))
            tokens = self._tokens(torch.stack(images).to(self.device), draws)
            said += [self._words(row) for row in tokens[: len(part)]]
        return said

    def _tokens(self, images: torch.Tensor, draws: list[random.Random]) -> list[list[int]]:
        """The tokens said of each image (chunk, 3, S, S), without those that begin and end."""
        text = torch.full((len(images), 1), self.begin, dtype=torch.long, device=self.device)
        done = np.arange(len(images)) >= len(draws)  # padding has nothing to say
        precision = (
            nullcontext() if self.device == "cpu" else torch.autocast("cuda", torch.bfloat16)
        )
        with torch.inference_mode(), precision:
            seen = self.network(images)
            while text.shape[1] < self.length and not done.all():
                logits = self.network(
                    None,
                    text,
                    image_latent=seen["image_features"],
                    image_embs=seen["image_embs"],
                    output_labels=False,
                )["logits"][:, -1].float()
                # Words for the beginning, and those taken for padding, which would hide what comes before them.
                logits[:, [self.begin, self.network.pad_id]] = -torch.inf
                chosen = self._chosen(logits, draws, done)
                done |= chosen == self.end
                text = torch.cat([text, torch.from_numpy(chosen[:, None]).to(self.device)], dim=1)
        return [row[1:] for row in text.tolist()]

    def _chosen(
        self, logits: torch.Tensor, draws: list[random.Random], done: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """The next token (chunk,) of each row; the end for rows that are done."""
        chosen = logits.argmax(dim=1).cpu().numpy()
        if self.manner.top_p is not None:
            shares = logits.double().softmax(dim=1).cpu().numpy()
            for row, draw in enumerate(draws):
                if not done[row]:
                    chosen[row] = _nucleus(shares[row], self.manner.top_p, draw)
        return np.where(done, self.end, chosen)

    def _words(self, tokens: list[int]) -> str:
        if self.end in tokens:
            tokens = tokens[: tokens.index(self.end)]
        return " ".join(str(self.tokenizer.decode(tokens)).split())


def _nucleus(shares: NDArray[np.float64], top_p: float, draw: random.Random) -> int:
    """A draw from the fewest tokens that make up `top_p` (Holtzman et al. 2020)."""
    order = np.argsort(-shares, kind="stable")
    total = np.cumsum(shares[order])
    kept = int(np.searchsorted(total, top_p)) + 1
    return int(order[np.searchsorted(total[:kept], draw.random() * total[:kept][-1])])
