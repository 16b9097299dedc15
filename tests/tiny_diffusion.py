"""SDXL, a T2I adapter and ControlNets of a few thousand random weights, saved as diffusers saves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = [
    "a",
    "photo",
    "of",
    "man",
    "woman",
    "person",
    "people",
    "in",
    "the",
    "park",
    "red",
    "blue",
    "hat",
    "night",
    "smiling",
    "two",
    "three",
    "blurry",
    "one",
    "at",
]
BLOCKS = (32, 64)


def save_sdxl(folder: Path) -> Path:
    """A whole SDXL: a third of a megabyte."""
    import diffusers
    import torch
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    unet = diffusers.UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=BLOCKS, layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 1), attention_head_dim=(2, 4), cross_attention_dim=64, norm_num_groups=8,
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=80,
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 16, 16), in_channels=3, out_channels=3, latent_channels=4, norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, sample_size=64,
    )  # fmt: skip
    text = {"vocab_size": 400, "hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 77, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "projection_dim": 32}  # fmt: skip
    pipeline = diffusers.StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=transformers.CLIPTextModel(transformers.CLIPTextConfig(**text)),
        text_encoder_2=transformers.CLIPTextModelWithProjection(
            transformers.CLIPTextConfig(**text, hidden_act="gelu")
        ),
        tokenizer=_tokenizer(folder.parent / "words"),
        tokenizer_2=_tokenizer(folder.parent / "words"),
        unet=unet,
        scheduler=diffusers.EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1
        ),
        add_watermarker=False,
    )  # fmt: skip
    with torch.no_grad():  # else words, poses and seeds hardly show
        for value in (*pipeline.text_encoder.parameters(), *pipeline.text_encoder_2.parameters()):
            value.mul_(3)
    pipeline.save_pretrained(folder)
    return folder


def save_adapter(folder: Path) -> Path:
    """The adapter: its features fit the first blocks of the UNet above."""
    import diffusers
    import torch

    torch.manual_seed(2)
    adapter = diffusers.T2IAdapter(
        in_channels=3, channels=list(BLOCKS), num_res_blocks=1, downscale_factor=16, adapter_type="full_adapter_xl"
    )  # fmt: skip
    _loud(adapter)
    adapter.save_pretrained(folder)
    return folder


def save_controlnet(folder: Path, *, union: bool = False) -> Path:
    """A ControlNet of the UNet above."""
    import diffusers
    import torch

    torch.manual_seed(3)
    given: dict[str, Any] = {
        "block_out_channels": BLOCKS, "layers_per_block": 1, "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "transformer_layers_per_block": (1, 1), "attention_head_dim": (2, 4), "cross_attention_dim": 64, "norm_num_groups": 8,
        "use_linear_projection": True, "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 80, "conditioning_embedding_out_channels": (8, 16, 16, 32),
    }  # fmt: skip
    if union:
        given |= {"num_trans_channel": 32, "num_trans_head": 4, "num_proj_channel": 32}
    kind = diffusers.ControlNetUnionModel if union else diffusers.ControlNetModel
    network = kind(**given)
    _loud(network)
    network.save_pretrained(folder)
    return folder


def save_zimage(folder: Path) -> Path:
    """A whole Z-Image."""
    import diffusers
    import tiny_captioners
    import torch
    import transformers

    torch.manual_seed(5)
    tokenizer = tiny_captioners._tokenizer()
    tokenizer.chat_template = "{% for turn in messages %}{{ turn['content'] }} {% endfor %}{% if add_generation_prompt %}photo{% endif %}"
    text = transformers.Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    transformer = diffusers.ZImageTransformer2DModel(
        in_channels=4, dim=64, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=16,
        axes_dims=(8, 12, 12), axes_lens=(256, 32, 32),
    )  # fmt: skip
    _loud(transformer)
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 16, 16), latent_channels=4, norm_num_groups=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        shift_factor=0.1, scaling_factor=0.36,
    )  # fmt: skip
    pipeline = diffusers.ZImagePipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0), vae=vae,
        text_encoder=transformers.Qwen3Model(text), tokenizer=tokenizer, transformer=transformer,
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return folder


def save_zimage_controlnet(folder: Path) -> Path:
    """Its ControlNet."""
    import diffusers
    import torch

    torch.manual_seed(6)
    network = diffusers.ZImageControlNetModel(
        control_layers_places=[0],
        control_in_dim=4,
        dim=64,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
    )
    _loud(network)
    network.save_pretrained(folder)
    return folder


def save_classifier(folder: Path) -> Path:
    """A ViT that tells fit images from others, by chance."""
    import torch
    import transformers

    torch.manual_seed(4)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8,
        id2label={0: "normal", 1: "nsfw"}, label2id={"normal": 0, "nsfw": 1},
    )  # fmt: skip
    network = transformers.ViTForImageClassification(config)
    with torch.no_grad():
        for value in network.parameters():
            value.mul_(10)
    network.save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def _loud(network: Any) -> None:
    """Weights that begin at zero are drawn too, so that the picture is heard."""
    import torch

    with torch.no_grad():
        for value in network.parameters():
            if not value.any():
                value.normal_(0, 0.3)


def _tokenizer(folder: Path) -> Any:
    """A tokenizer of CLIP's kind that knows letters and a few words."""
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!"
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{one}</w>" for one in letters)]
    merges = []
    for word in WORDS:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            if f"{parts[0]}{parts[1]}" not in tokens:
                merges.append(f"{parts[0]} {parts[1]}")
                tokens.append(f"{parts[0]}{parts[1]}")
            parts[:2] = [f"{parts[0]}{parts[1]}"]
    (folder / "vocab.json").write_text(json.dumps({token: k for k, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    return transformers.CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77
    )
