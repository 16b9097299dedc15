"""Networks of open_clip with their weights: by name and tag, in a file, or in a folder; fetched where they are not here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headkit.backends.weights import digest_of, first_line
from headkit.status import NO_INPUT, UNAVAILABLE, USAGE, Stop


@dataclass(frozen=True, eq=False)
class Loaded:
    """A network with its weights, in evaluation mode.

    prepare       makes a (3, S, S) tensor of a picture of Pillow
    architecture  as open_clip takes it, `local-dir:FOLDER` too
    sha256        of the file of weights
    """

    network: Any
    prepare: Any
    architecture: str
    name: str
    sha256: str

    def tokenizer(self) -> Any:
        """Makes (n, context) tensors of n texts. Raises Stop 69 where it is not there."""
        import open_clip

        try:
            with _offline():
                return open_clip.get_tokenizer(self.architecture)
        except Exception as error:  # those of transformers have errors of many kinds
            raise Stop(
                UNAVAILABLE, f"{self.name}: has no tokenizer ({first_line(error)}); fetch it again"
            ) from error


def load_open_clip(model: str, device: str, option: str = "--model") -> Loaded:
    """NAME:TAG, NAME:FILE, or a folder with open_clip_config.json.

    Raises Stop: 2 for names that open_clip does not know, 66 for a file that is not there, 69 for weights that are
    neither here nor to be had; it names `option`.
    """
    import open_clip

    architecture, tag, file = find_open_clip(model, option)
    try:
        with _offline():
            network, prepare = open_clip.create_model_from_pretrained(
                architecture, tag, device=device
            )
    except Exception as error:  # broken files end in errors of many kinds
        raise Stop(
            UNAVAILABLE, f"{option} {model}: cannot be used ({first_line(error)}); fetch it again"
        ) from error
    digest = digest_of(file)
    named = model if tag is not None else Path(model).name
    # Not where a file lies, so that the name is the same on every machine.
    called = f"{architecture}:{file.name}" if tag is not None and Path(tag).is_file() else named
    return Loaded(
        network.eval().requires_grad_(requires_grad=False),
        prepare,
        architecture,
        f"open_clip {called} {digest[:16]}",
        digest,
    )


def find_open_clip(model: str, option: str) -> tuple[str, str | None, Path]:
    """Architecture and weights as open_clip takes them, and the file that holds the weights."""
    import open_clip

    if Path(model).is_dir():
        files = [
            Path(model) / f"open_clip_{kind}" for kind in ("model.safetensors", "pytorch_model.bin")
        ]
        there = [file for file in files if file.is_file()]
        if not there or not (Path(model) / "open_clip_config.json").is_file():
            raise Stop(
                NO_INPUT, f"{option} {model}: no model of open_clip in this folder; check the path"
            )
        return f"local-dir:{model}", None, there[0]
    name, _, tag = model.partition(":")
    if name not in open_clip.list_models():
        other = ", or a TorchScript file" if option == "--model" else ", or a folder"
        raise Stop(
            USAGE, f"{option} {model}: no model of open_clip; name one as ViT-L-14:openai{other}"
        )
    tags = open_clip.list_pretrained_tags_by_model(name)
    if "/" in tag or tag.endswith((".pt", ".bin", ".safetensors")):
        if not Path(tag).is_file():
            raise Stop(NO_INPUT, f"{option} {model}: no such file; check the path")
        return name, tag, Path(tag)
    if tag not in tags:
        raise Stop(
            USAGE,
            f"{option} {model}: name its weights after a colon: {', '.join(tags) or 'a file'}",
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
            f"{option} {model}: its weights are not here and cannot be fetched ({first_line(error)}); run it once where "
            f"there is a network, or name a file: {_for_files(name, config)}:FILE",
        ) from error
    # The tag, not the file: open_clip knows by it which activation the weights were made for.
    return name, tag, Path(file)


def _for_files(name: str, config: Any) -> str:
    """The architecture under which a file of these weights has to be named: with the activation they were trained with."""
    import open_clip

    quick = f"{name}-quickgelu"
    return quick if config.get("quick_gelu") and quick in open_clip.list_models() else name


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
