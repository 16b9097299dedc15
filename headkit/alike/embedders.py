"""What turns pictures and prompts into vectors whose cosine says how alike they are.

    likeness        pictures, by a descriptor that needs no weights (twins/likeness.py); the default
    words           prompts, by the words in them (twins/words.py); the default
    NAME:TAG        a network of open_clip: pictures, and prompts
    FILE            TorchScript of pictures, as SSCD is published (Pizzi et al. 2022)

A threshold belongs to one of them: 0.9 is a copy to one and another picture of the same kind to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from headkit.status import USAGE, Stop

Of = Literal["image", "prompt"]

LIKENESS, WORDS = "likeness", "words"
# Measured: tests/bench/bench_likeness.py.
LIKENESS_THRESHOLD = 0.88
WORDS_THRESHOLD = 0.95
_PROGRAMS = (".pt", ".ts", ".torchscript")


class Embedder(Protocol):
    """Turns items, pictures (H, W, 3) or texts, into vectors.

    name       what it is, and which weights it has: only vectors of one name can be compared
    width      numbers of a vector
    chunk      items that it looks at together
    threshold  its own, or None where there is none that fits
    """

    @property
    def name(self) -> str: ...

    @property
    def width(self) -> int: ...

    @property
    def chunk(self) -> int: ...

    @property
    def threshold(self) -> float | None: ...

    def embed(self, items: list[Any]) -> NDArray[np.floating]:
        """(n, width) of up to `chunk` items, of any length."""
        ...


@dataclass(frozen=True)
class _Likeness:
    name: str = "likeness 1"
    chunk: int = 1
    threshold: float | None = LIKENESS_THRESHOLD

    @property
    def width(self) -> int:
        from headkit.twins import likeness

        return likeness.WIDTH

    def embed(self, items: list[Any]) -> NDArray[np.floating]:
        from headkit.twins import likeness

        return np.stack([likeness.describe(pixels) for pixels in items])


@dataclass(frozen=True)
class _Words:
    name: str = "words 1"
    width: int = 512
    chunk: int = 1
    threshold: float | None = WORDS_THRESHOLD

    def embed(self, items: list[Any]) -> NDArray[np.floating]:
        from headkit.twins import words

        return np.stack([words.describe(text) for text in items])


@dataclass(frozen=True)
class Mirrored:
    """The same embedder, of pictures mirrored left to right."""

    plain: Embedder

    @property
    def name(self) -> str:
        return f"{self.plain.name} mirrored"

    @property
    def width(self) -> int:
        return self.plain.width

    @property
    def chunk(self) -> int:
        return self.plain.chunk

    @property
    def threshold(self) -> float | None:
        return self.plain.threshold

    def embed(self, items: list[Any]) -> NDArray[np.floating]:
        return self.plain.embed([np.ascontiguousarray(pixels[:, ::-1]) for pixels in items])


def check_model(of: Of, model: str | None) -> None:
    """Refuse, before anything is read, a model that cannot describe `of`. Raises Stop (2)."""
    default = LIKENESS if of == "image" else WORDS
    if model in (LIKENESS, WORDS) and model != default:
        raise Stop(USAGE, f"--model {model} does not describe --of {of}; use {default}")
    if model is not None and of == "prompt" and _is_program(model):
        raise Stop(USAGE, f"--model {model}: TorchScript looks at pictures; use --of image")


def _is_program(model: str) -> bool:
    return ":" not in model and not Path(model).is_dir() and model.endswith(_PROGRAMS)


def embedder(of: Of, model: str | None, device: str) -> Embedder:
    """What --model names. Raises Stop: 2 for what cannot be, 66 for a file that is not there, 69 for missing weights."""
    check_model(of, model)
    if model is None or model in (LIKENESS, WORDS):
        return _Likeness() if of == "image" else _Words()
    if _is_program(model):
        from headkit.backends.embedding import torchscript_network

        return torchscript_network(Path(model), device)
    from headkit.backends.embedding import open_clip_network

    return open_clip_network(model, of, device)
