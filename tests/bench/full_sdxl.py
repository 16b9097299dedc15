"""SDXL at its full size, with random weights, made on the device itself: nothing is fetched and no file is written."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import torch

TEXT_ONE = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "projection_dim": 768}  # fmt: skip
TEXT_TWO = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20, "projection_dim": 1280, "hidden_act": "gelu"}  # fmt: skip
WORDS = 49408


def full_sdxl(device: str, dtype: torch.dtype) -> Any:
    """StableDiffusionXLAdapterPipeline: UNet of 2.57 B parameters, both text encoders, VAE, adapter of 79 M.

    Configurations as stabilityai/stable-diffusion-xl-base-1.0 and TencentARC/t2i-adapter-openpose-sdxl-1.0 publish them.
    """
    import diffusers
    import transformers

    text = {
        "vocab_size": WORDS,
        "max_position_embeddings": 77,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    plain = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device("meta"):
            unet = diffusers.UNet2DConditionModel(
                sample_size=128, block_out_channels=(320, 640, 1280), transformer_layers_per_block=(1, 2, 10),
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                attention_head_dim=(5, 10, 20), cross_attention_dim=2048, use_linear_projection=True,
                addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816,
            )  # fmt: skip
            vae = diffusers.AutoencoderKL(
                block_out_channels=(128, 256, 512, 512), latent_channels=4, sample_size=1024, scaling_factor=0.13025,
                layers_per_block=2, down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            )  # fmt: skip
            adapter = diffusers.T2IAdapter(
                in_channels=3, channels=[320, 640, 1280, 1280], num_res_blocks=2, downscale_factor=16,
                adapter_type="full_adapter_xl",
            )  # fmt: skip
            one = transformers.CLIPTextModel(transformers.CLIPTextConfig(**text, **TEXT_ONE))
            two = transformers.CLIPTextModelWithProjection(
                transformers.CLIPTextConfig(**text, **TEXT_TWO)
            )
    finally:
        torch.set_default_dtype(plain)
    for network in (unet, vae, adapter, one, two):
        _fill(network.to_empty(device=device))
    tokenizer = _letters()
    return diffusers.StableDiffusionXLAdapterPipeline(
        vae=vae.eval(), text_encoder=one.eval(), text_encoder_2=two.eval(), tokenizer=tokenizer, tokenizer_2=tokenizer,
        unet=unet.eval(), adapter=adapter.eval(),
        scheduler=diffusers.EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1
        ),
    ).to(device)  # fmt: skip


@torch.no_grad()
def _fill(network: torch.nn.Module) -> None:
    """Weights of which nothing blows up or vanishes: the libraries' own would take minutes to draw on a CPU."""
    for module in network.modules():
        for name, value in module.named_parameters(recurse=False):
            if value.ndim == 1:
                value.fill_(float(name == "weight"))
                continue
            generator = torch.Generator(value.device).manual_seed(value.numel())
            few = (
                torch.empty(1 << 20, device=value.device)
                .normal_(generator=generator)
                .to(value.dtype)
            )
            few *= value[0].numel() ** -0.5
            flat = value.view(-1)
            for at in range(0, len(flat), len(few)):
                flat[at : at + len(few)] = few[: len(flat) - at]
        for name, value in module.named_buffers(recurse=False):
            assert name == "position_ids", name
            value.copy_(torch.arange(value.shape[-1]).expand_as(value))


def _letters() -> Any:
    """A tokenizer of CLIP's kind that spells: embeddings of random weights mean nothing anyhow."""
    import transformers

    letters = "abcdefghijklmnopqrstuvwxyz,."
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{one}</w>" for one in letters)]
    with tempfile.TemporaryDirectory() as folder:
        words, merges = Path(folder) / "vocab.json", Path(folder) / "merges.txt"
        words.write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
        merges.write_text("#version: 0.2\n")
        return transformers.CLIPTokenizer(str(words), str(merges), model_max_length=77)
