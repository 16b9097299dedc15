"""Opens a network that puts a picture into words: CoCa of open_clip, or an image-to-text model of transformers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headkit.backends.devices import torch_device
from headkit.status import NO_INPUT, UNAVAILABLE, Stop

Pixels = NDArray[np.uint8]  # (H, W, 3) sRGB


@dataclass(frozen=True)
class Manner:
    """How words are chosen.

    tokens  at most so many new ones
    top_p   draw each from the likeliest that make up this share (nucleus sampling, Holtzman et al. 2020); None: always
            the likeliest
    ask     what a model that takes questions is asked; None: its usual question
    """

    tokens: int = 60
    top_p: float | None = None
    ask: str | None = None


class Network(Protocol):
    """What describes pictures."""

    def describe(self, pictures: Sequence[Pixels], seeds: Sequence[int]) -> list[str]:
        """Words for each picture (H, W, 3); they depend on it, and its seed where drawn, and on no other picture."""
        ...


@dataclass(frozen=True)
class Captioner:
    """A network, and what `made` keeps of it: its name, and the digest or revision of its weights."""

    network: Network
    made: dict[str, Any]


def open_captioner(model: str, manner: Manner, device: str) -> Captioner:
    """The captioner of that name.

    model  coca_ARCHITECTURE[:TAG], coca_ARCHITECTURE:FILE, a folder, or a name on the hub

    Raises Stop: 66 where a file or folder cannot be opened, 69 where a library or weights are missing or broken.
    """
    target = torch_device(device)
    architecture, _, weights = model.partition(":")
    try:
        if Path(model).is_dir():
            digest = _digest(Path(model))
            if (Path(model) / "open_clip_config.json").is_file():
                from headkit.backends import coca

                return Captioner(
                    coca.load_folder(Path(model), manner, target),
                    {"model": Path(model).name, "sha256": digest},
                )
            from headkit.backends import vision_language

            network, _ = vision_language.load(model, manner, target)
            return Captioner(network, {"model": Path(model).name, "sha256": digest})
        if architecture.startswith("coca_"):
            from headkit.backends import coca

            path, tag = coca.weights_of(architecture, weights)
            return Captioner(
                coca.load_file(architecture, path, manner, target),
                {"model": f"{architecture}:{tag}", "sha256": _sha256(path)[:16]},
            )
        if model.startswith((".", "/", "~")):
            raise Stop(NO_INPUT, f"--model {model}: no such folder; check the path")
        from headkit.backends import vision_language

        network, revision = vision_language.load(model, manner, target)
        return Captioner(network, {"model": model, **({"revision": revision} if revision else {})})
    except ImportError as error:
        missing = error.name or "a library"
        raise Stop(UNAVAILABLE, f"--model {model}: {error}; pip install {missing}") from None
    except CaptionerError as error:
        raise Stop(UNAVAILABLE, f"--model {model}: {error}") from None


class CaptionerError(Exception):
    """Why a captioner cannot be had, with the remedy."""


def first_line(error: Exception) -> str:
    """What a library says of an error, on one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _digest(folder: Path) -> str:
    """Of the weights in a folder: their names and digests, in order."""
    files = sorted(
        path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin", ".pt")
    )
    text = "".join(f"{path.name} {_sha256(path)}\n" for path in files)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Stop(NO_INPUT, f"--model {path}: {error.strerror}; check the path") from None
