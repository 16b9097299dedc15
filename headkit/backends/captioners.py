"""Opens a network that puts a picture into words: CoCa of open_clip, or an image-to-text model of transformers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headkit.backends.describing import CaptionerError, Manner, Network
from headkit.backends.devices import torch_device
from headkit.backends.weights import digest_of
from headkit.status import NO_INPUT, UNAVAILABLE, Stop


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
                {"model": f"{architecture}:{tag}", "sha256": digest_of(path)[:16]},
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


def _digest(folder: Path) -> str:
    """Of the weights in a folder: their names and digests, in order."""
    files = sorted(
        path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin", ".pt")
    )
    text = "".join(f"{path.name} {digest_of(path)}\n" for path in files)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
