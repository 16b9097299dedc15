"""Low-rank changes of weights (LoRA, Hu et al. 2021), added to the weights once: nothing is left of them while images are made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from headkit.status import UNAVAILABLE, Stop

# How the two factors are called, of the one that comes first and the one that follows: peft's way, and diffusers' own.
_FACTORS = ((".lora_A.weight", ".lora_B.weight"), (".lora.down.weight", ".lora.up.weight"))


def fuse(pipeline: Any, path: Path, strength: float = 1.0) -> int:
    """Add the changes in a file of safetensors to the pipeline's UNet; how many layers were changed.

    W + strength * alpha / rank * B A, alpha = rank where the file has none. The library reads the file, whose keys have
    half a dozen spellings. Raises Stop 69 where a layer is not there or nothing is.
    """
    read = pipeline.lora_state_dict(
        str(path.parent),
        weight_name=path.name,
        unet_config=pipeline.unet.config,
        local_files_only=True,
        use_safetensors=True,
    )
    changes: Mapping[str, torch.Tensor] = read[0]
    alphas: Mapping[str, float] = read[1] or {}
    network = pipeline.unet
    fused = 0
    for key, first in changes.items():
        ends = next((pair for pair in _FACTORS if key.endswith(pair[0])), None)
        if ends is None or not key.startswith("unet."):
            continue
        name = key.removesuffix(ends[0])
        second = changes[name + ends[1]]
        alpha = float(alphas.get(f"{name}.alpha", first.shape[0]))
        try:
            weight = network.get_submodule(
                name.removeprefix("unet.").replace(".processor", "")
            ).weight
        except AttributeError:
            raise Stop(
                UNAVAILABLE, f"{path.name}: changes {name}, which the model does not have"
            ) from None
        _add(weight, first, second, strength * alpha / first.shape[0])
        fused += 1
    if not fused:
        raise Stop(UNAVAILABLE, f"{path.name}: holds no changes of a UNet; name a LoRA of SDXL")
    return fused


@torch.no_grad()
def _add(weight: torch.Tensor, first: torch.Tensor, second: torch.Tensor, scale: float) -> None:
    """Of a linear layer or a convolution; summed in single precision."""
    product = second.flatten(1).float() @ first.flatten(1).float()
    weight.copy_((weight.float() + scale * product.reshape(weight.shape)).to(weight.dtype))
