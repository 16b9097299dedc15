"""Loads a recipe's pipeline from files that are here: safetensors alone, nothing fetched, no code that came with weights."""

from __future__ import annotations

import importlib
import json
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from safetensors.torch import load_file

from headkit.backends.diffusion.files import Found
from headkit.backends.weights import first_line
from headkit.recipes.recipe import SCHEDULERS, Recipe
from headkit.status import UNAVAILABLE, Stop

_PIPELINES = {
    "adapter": "StableDiffusionXLAdapterPipeline",
    "controlnet": "StableDiffusionXLControlNetPipeline",
    "union": "StableDiffusionXLControlNetUnionPipeline",
    "zimage": "ZImageControlNetPipeline",
}
# The conditioner of each kind: the argument of the pipeline, and its class.
_CONDITIONERS = {
    "adapter": ("adapter", "T2IAdapter"),
    "controlnet": ("controlnet", "ControlNetModel"),
    "union": ("controlnet", "ControlNetUnionModel"),
    "zimage": ("controlnet", "ZImageControlNetModel"),
}

_LIBRARIES = ("diffusers", "transformers")  # that the networks of a model may be of


def load_pipeline(recipe: Recipe, found: dict[str, Found], dtype: torch.dtype) -> Any:
    """The recipe's pipeline on the CPU, its scheduler set, its LoRA in the weights.

    Raises Stop 69 where files are broken, or of another kind of model.
    """
    os.environ.setdefault("DIFFUSERS_DISABLE_REMOTE_CODE", "true")
    diffusers: Any = importlib.import_module("diffusers")
    transformers: Any = importlib.import_module("transformers")
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    base = found["base"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parts = _networks(diffusers, recipe, found, dtype)
            pipeline = _pipeline(diffusers, recipe, found, parts, dtype)
            set_scheduler(diffusers, pipeline, recipe)
            if "lora" in found:
                from headkit.backends.diffusion import lora

                lora.fuse(pipeline, _weights_file(found["lora"]))
    except (ImportError, Stop):
        raise
    except torch.OutOfMemoryError as error:
        raise Stop(
            UNAVAILABLE,
            f"{base.name}: memory is too small ({first_line(error)}); use --dtype bfloat16",
        ) from error
    except Exception as error:
        raise Stop(
            UNAVAILABLE,
            f"{base.name}: cannot be used ({first_line(error)}); see that it is a model of the preset's kind",
        ) from error
    if recipe.kind == "union":
        _part_images(pipeline.controlnet)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _weights_file(found: Found) -> Any:
    return found.path if found.path.is_file() else found.path / found.files[0]


def _networks(
    diffusers: Any, recipe: Recipe, found: dict[str, Found], dtype: torch.dtype
) -> dict[str, Any]:
    """The networks that are loaded by themselves, as arguments of the pipeline."""
    parts: dict[str, Any] = {}
    if "conditioner" in found:
        argument, kind = _CONDITIONERS[recipe.kind]
        parts[argument] = _network(getattr(diffusers, kind), found["conditioner"], dtype)
    if "vae" in found:
        parts["vae"] = _network(diffusers.AutoencoderKL, found["vae"], dtype)
    return parts


def _network(kind: Any, found: Found, dtype: torch.dtype) -> Any:
    """A network that is loaded by itself. Raises Stop 69 where it is of another kind, or not whole."""
    folder = found.config or found.path
    config = json.loads((folder / "config.json").read_bytes())
    said = config.get("_class_name", kind.__name__)
    if said != kind.__name__:
        raise Stop(
            UNAVAILABLE,
            f"{found.name}: is a {said}, where a {kind.__name__} is wanted; see --preset",
        )
    if found.path.is_file():
        return _of_file(kind, found, dtype)
    return _of_folder(kind, found, dtype, low_cpu_mem_usage=False)


def _of_folder(kind: Any, found: Found, dtype: torch.dtype, **more: Any) -> Any:
    """A network from a folder. Every weight is in its files: the library would only warn, and leave random ones."""
    network, state = kind.from_pretrained(
        str(found.path),
        dtype=dtype,
        variant=found.variant,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
        **more,
    )
    _check_whole(found, _parameters(network, state["missing_keys"]))
    return network


def _of_file(kind: Any, found: Found, dtype: torch.dtype) -> Any:
    """A network from one file, whose shapes are those of `found.config`."""
    assert found.config is not None
    with _lacking() as missing:
        if hasattr(kind, "from_single_file"):  # also reads files of the authors' own spelling
            network = kind.from_single_file(
                str(found.path),
                config=str(found.config),
                dtype=dtype,
                local_files_only=True,
                low_cpu_mem_usage=False,
            )
        else:
            network = kind.from_config(kind.load_config(str(found.config)))
            network.load_state_dict(load_file(found.path), strict=False)
            network = network.to(dtype).eval()
    _check_whole(found, missing)
    return network


@contextmanager
def _lacking() -> Iterator[list[str]]:
    """Names of the parameters for which networks that are loaded meanwhile find no weights.

    What reads single files says nothing of them.
    """
    plain = torch.nn.Module.load_state_dict
    missing: list[str] = []

    def watched(network: torch.nn.Module, *given: Any, **named: Any) -> Any:
        found = plain(network, *given, **named)
        missing.extend(_parameters(network, found.missing_keys))
        return found

    torch.nn.Module.load_state_dict = watched  # type: ignore[method-assign, assignment]
    try:
        yield missing
    finally:
        torch.nn.Module.load_state_dict = plain  # type: ignore[method-assign]


def _parameters(network: torch.nn.Module, names: Iterable[str]) -> list[str]:
    """Those of the names that are parameters: buffers are made anew."""
    known = dict(network.named_parameters())
    return sorted(name for name in names if name in known)


def _check_whole(found: Found, missing: Sequence[str]) -> None:
    if missing:
        raise Stop(
            UNAVAILABLE,
            f"{found.name}: lacks {len(missing)} weights, as {missing[0]}; fetch it again, or name another",
        )


def _part_images(controlnet: Any) -> None:
    """Have a Union ControlNet look at each image of a batch alone.

    Its attention over the controls takes the batch for the sequence (torch's MultiheadAttention, batch_first left out),
    so that every image hears the pictures of its neighbours. With one image, as it is used, a token has only itself (or
    its equal of the half without words) to attend to: the same is had for any batch by a sequence of length one.
    """

    def alone(block: Any) -> Any:
        def attention(tokens: torch.Tensor) -> torch.Tensor:
            one = tokens.reshape(1, -1, tokens.shape[-1])
            heard: torch.Tensor = block.attn(one, one, one, need_weights=False)[0]
            return heard.reshape(tokens.shape)

        return attention

    for block in controlnet.transformer_layes:  # spelled so in the library
        block.attention = alone(block)


def _pipeline(
    diffusers: Any,
    recipe: Recipe,
    found: dict[str, Found],
    parts: dict[str, Any],
    dtype: torch.dtype,
) -> Any:
    base = found["base"]
    kind = getattr(diffusers, _PIPELINES[recipe.kind])
    given: dict[str, Any] = {**parts, "dtype": dtype, "local_files_only": True}
    if recipe.kind in ("controlnet", "union"):
        given["add_watermarker"] = False  # else it depends on what else is installed
    if base.path.is_file():
        with _lacking() as missing:
            pipeline = kind.from_single_file(
                str(base.path), config=str(found["config"].path), **given
            )
        _check_whole(base, missing)
        return pipeline
    index = json.loads((base.path / "model_index.json").read_bytes())
    said = str(index.get("_class_name"))
    family = "ZImage" if recipe.kind == "zimage" else "StableDiffusionXL"
    if not said.startswith(family):
        raise Stop(
            UNAVAILABLE, f"{base.name}: is a {said}, where a {family} is wanted; see --preset"
        )
    for name in dict.fromkeys(file.split("/")[0] for file in base.files):
        library, network = index[name]
        given[name] = _component(base, name, library, network, dtype)
    return kind.from_pretrained(str(base.path), use_safetensors=True, **given)


def _component(base: Found, name: str, library: str, kind: str, dtype: torch.dtype) -> Any:
    """One network of a model's folder, as its index names it."""
    if library not in _LIBRARIES:
        raise Stop(
            UNAVAILABLE, f"{base.name}: its {name} comes with code of its own, which is not run"
        )
    more = {} if library == "transformers" else {"low_cpu_mem_usage": False}
    found = getattr(importlib.import_module(library), kind)
    return _of_folder(found, base, dtype, subfolder=name, **more)


def set_scheduler(diffusers: Any, pipeline: Any, recipe: Recipe) -> None:
    """The recipe's scheduler in the place of the model's: what the model was trained with is kept."""
    scheduler = SCHEDULERS[recipe.scheduler]
    kind = getattr(diffusers, scheduler.kind)
    pipeline.scheduler = kind.from_config(pipeline.scheduler.config, **dict(scheduler.settings))
