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
WIDTHS = (32, 48)  # of the text encoders: by theirs they are told apart in a single file


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
        transformer_layers_per_block=(1, 1), attention_head_dim=(2, 4), cross_attention_dim=sum(WIDTHS), norm_num_groups=8,
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + WIDTHS[1],
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 16, 16), in_channels=3, out_channels=3, latent_channels=4, norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, sample_size=64,
    )  # fmt: skip
    text = {"vocab_size": 400, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 77, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}  # fmt: skip
    one, two = ({"hidden_size": width, "projection_dim": width} for width in WIDTHS)
    pipeline = diffusers.StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=transformers.CLIPTextModel(transformers.CLIPTextConfig(**text, **one)),
        text_encoder_2=transformers.CLIPTextModelWithProjection(
            transformers.CLIPTextConfig(**text, **two, hidden_act="gelu")
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


# How the authors of SDXL call its parts, beside how diffusers does: beginnings, and what is in between.
_UNET = (
    ("conv_in.", "input_blocks.0.0."),
    ("time_embedding.linear_1.", "time_embed.0."), ("time_embedding.linear_2.", "time_embed.2."),
    ("add_embedding.linear_1.", "label_emb.0.0."), ("add_embedding.linear_2.", "label_emb.0.2."),
    ("down_blocks.0.resnets.0.", "input_blocks.1.0."), ("down_blocks.0.downsamplers.0.conv.", "input_blocks.2.0.op."),
    ("down_blocks.1.resnets.0.", "input_blocks.3.0."), ("down_blocks.1.attentions.0.", "input_blocks.3.1."),
    ("mid_block.resnets.0.", "middle_block.0."), ("mid_block.attentions.0.", "middle_block.1."),
    ("mid_block.resnets.1.", "middle_block.2."),
    ("up_blocks.0.resnets.0.", "output_blocks.0.0."), ("up_blocks.0.attentions.0.", "output_blocks.0.1."),
    ("up_blocks.0.resnets.1.", "output_blocks.1.0."), ("up_blocks.0.attentions.1.", "output_blocks.1.1."),
    ("up_blocks.0.upsamplers.0.conv.", "output_blocks.1.2.conv."),
    ("up_blocks.1.resnets.0.", "output_blocks.2.0."), ("up_blocks.1.resnets.1.", "output_blocks.3.0."),
    ("conv_norm_out.", "out.0."), ("conv_out.", "out.2."),
)  # fmt: skip
_UNET_LAYERS = (
    (".norm1.", ".in_layers.0."), (".conv1.", ".in_layers.2."), (".norm2.", ".out_layers.0."), (".conv2.", ".out_layers.3."),
    (".time_emb_proj.", ".emb_layers.1."), (".conv_shortcut.", ".skip_connection."),
)  # fmt: skip
_VAE = (
    *((f"decoder.up_blocks.{k}.", f"decoder.up.{3 - k}.") for k in range(4)), ("down_blocks.", "down."),
    ("downsamplers.0.", "downsample."), ("upsamplers.0.", "upsample."),
    ("mid_block.resnets.0.", "mid.block_1."), ("mid_block.resnets.1.", "mid.block_2."),
    ("mid_block.attentions.0.", "mid.attn_1."), ("resnets.", "block."), ("conv_norm_out.", "norm_out."),
    ("group_norm.", "norm."), ("to_q.", "q."), ("to_k.", "k."), ("to_v.", "v."), ("to_out.0.", "proj_out."),
    ("conv_shortcut.", "nin_shortcut."),
)  # fmt: skip
_OPEN_CLIP = (
    ("text_model.encoder.layers.", "transformer.resblocks."), ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"),
    ("fc1", "c_fc"), ("fc2", "c_proj"), ("self_attn", "attn"), ("text_model.final_layer_norm", "ln_final"),
    ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    ("text_model.embeddings.token_embedding", "token_embedding"), ("text_projection.weight", "text_projection"),
)  # fmt: skip


def save_single_file(base: Path, file: Path) -> Path:
    """The model of `save_sdxl` as its authors publish SDXL: one file, names of their own."""
    import torch
    from safetensors.torch import load_file, save_file

    def weights(name: str) -> dict[str, Any]:
        return load_file(next((base / name).glob("*.safetensors")))

    def renamed(key: str, pairs: Any) -> str:
        for ours, theirs in pairs:
            key = key.replace(ours, theirs)
        return key

    whole = {}
    for key, value in weights("unet").items():
        start = next(pair for pair in _UNET if key.startswith(pair[0]))
        name = start[1] + key.removeprefix(start[0])
        layers = () if "attentions" in key else _UNET_LAYERS
        whole[f"model.diffusion_model.{renamed(name, layers)}"] = value
    for key, value in weights("vae").items():
        square = (
            value[..., None, None] if ".to_" in key and value.ndim == 2 else value
        )  # 1 x 1 convolutions there
        whole[f"first_stage_model.{renamed(key, _VAE)}"] = square
    for key, value in weights("text_encoder").items():
        whole[
            f"conditioner.embedders.0.transformer.text_model.{key.removeprefix('text_model.')}"
        ] = value
    for key, value in weights("text_encoder_2").items():
        name = f"conditioner.embedders.1.model.{renamed(key, _OPEN_CLIP)}"
        if "_proj." in key and "self_attn" in key and "out_proj" not in key:
            if "q_proj" not in key:
                continue
            parts = [
                weights("text_encoder_2")[key.replace("q_proj", f"{one}_proj")] for one in "qkv"
            ]
            whole[name.replace("q_proj.", "in_proj_")] = torch.cat(parts)
        else:
            whole[name] = value.T if name.endswith("text_projection") else value
    save_file({name: value.contiguous() for name, value in whole.items()}, file)
    return file


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
        "transformer_layers_per_block": (1, 1), "attention_head_dim": (2, 4), "cross_attention_dim": sum(WIDTHS), "norm_num_groups": 8,
        "use_linear_projection": True, "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + WIDTHS[1], "conditioning_embedding_out_channels": (8, 16, 16, 32),
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
            value.mul_(3)
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
