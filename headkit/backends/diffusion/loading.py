"""Loads a recipe's pipeline from files that are here: safetensors alone, nothing fetched, no code that came with weights."""

from __future__ import annotations

import importlib
import json
import os
import warnings
from typing import Any

import torch

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
    """A network whose every weight is in its files: the library would only warn, and leave random ones."""
    if found.path.is_file():
        return kind.from_single_file(str(found.path), dtype=dtype, local_files_only=True)
    config = json.loads((found.path / "config.json").read_bytes())
    said = config.get("_class_name", kind.__name__)
    if said != kind.__name__:
        raise Stop(
            UNAVAILABLE,
            f"{found.name}: is a {said}, where a {kind.__name__} is wanted; see --preset",
        )
    network, state = kind.from_pretrained(
        str(found.path),
        dtype=dtype,
        variant=found.variant,
        use_safetensors=True,
        local_files_only=True,
        low_cpu_mem_usage=False,
        output_loading_info=True,
    )
    if state["missing_keys"]:
        missing = sorted(state["missing_keys"])
        raise Stop(
            UNAVAILABLE,
            f"{found.name}: {found.files[0]} lacks {len(missing)} weights, as {missing[0]}; name another",
        )
    return network


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
        return kind.from_single_file(str(base.path), config=str(found["config"].path), **given)
    index = json.loads((base.path / "model_index.json").read_bytes())
    said = str(index.get("_class_name"))
    family = "ZImage" if recipe.kind == "zimage" else "StableDiffusionXL"
    if not said.startswith(family):
        raise Stop(
            UNAVAILABLE, f"{base.name}: is a {said}, where a {family} is wanted; see --preset"
        )
    return kind.from_pretrained(
        str(base.path), variant=base.variant, use_safetensors=True, low_cpu_mem_usage=False, **given
    )


def set_scheduler(diffusers: Any, pipeline: Any, recipe: Recipe) -> None:
    """The recipe's scheduler in the place of the model's: what the model was trained with is kept."""
    scheduler = SCHEDULERS[recipe.scheduler]
    kind = getattr(diffusers, scheduler.kind)
    pipeline.scheduler = kind.from_config(pipeline.scheduler.config, **dict(scheduler.settings))
