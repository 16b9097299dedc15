"""Captioners of a few thousand random weights, saved as their libraries save them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

COCA = {
    "embed_dim": 16,
    "multimodal_cfg": {"context_length": 20, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1, "mlp_ratio": 2, "attn_pooler_heads": 2, "dim_head": 8},
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16, "attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "layers": 1, "heads": 2, "width": 16, "embed_cls": True, "output_tokens": True},
    "custom_text": True,
}  # fmt: skip
WORDS = "a man woman person in the park street with hat smiling at night photo"
TEMPLATE = (
    "{% for turn in messages %}{% for part in turn['content'] %}"
    "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }} {% endif %}"
    "{% endfor %}{% endfor %}"
)


def save_coca(folder: Path) -> Path:
    """A CoCa network in a folder as open_clip's `local-dir:` reads it."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": COCA, "preprocess_cfg": {"size": 32}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(3)
    network = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    with torch.no_grad():  # open_clip leaves it as memory was
        network.text_decoder.text_projection.normal_(std=0.2)
    _spread(network, 3.0)
    arrays = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(arrays, folder / "open_clip_model.safetensors")
    return folder


def save_blip(folder: Path) -> Path:
    """A BLIP network: it captions without being asked."""
    import torch
    import transformers

    tokenizer = _tokenizer()
    text = {"vocab_size": len(tokenizer), "hidden_size": 16, "encoder_hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 40, "bos_token_id": 1, "eos_token_id": 2, "sep_token_id": 2, "pad_token_id": 0, "projection_dim": 16}  # fmt: skip
    vision = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 32, "patch_size": 16}  # fmt: skip
    torch.manual_seed(4)
    config = transformers.BlipConfig(text_config=text, vision_config=vision)
    network = transformers.BlipForConditionalGeneration(config)
    _spread(network, 6.0)
    network.save_pretrained(folder)
    images = transformers.BlipImageProcessor(size={"height": 32, "width": 32})
    transformers.BlipProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def save_llava(folder: Path) -> Path:
    """A LLaVA network: it is asked a question."""
    import torch
    import transformers

    tokenizer = _tokenizer(("<image>",))
    text = transformers.LlamaConfig(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256, bos_token_id=1, eos_token_id=2, pad_token_id=0)  # fmt: skip
    vision = transformers.CLIPVisionConfig(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=16, projection_dim=16)  # fmt: skip
    torch.manual_seed(5)
    token = tokenizer.convert_tokens_to_ids("<image>")
    config = transformers.LlavaConfig(text_config=text, vision_config=vision, image_token_id=token)
    network = transformers.LlavaForConditionalGeneration(config)
    _spread(network, 3.0)
    network.save_pretrained(folder)
    images = transformers.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    transformers.LlavaProcessor(
        images, tokenizer, patch_size=16, vision_feature_select_strategy="default",
        num_additional_image_tokens=1, chat_template=TEMPLATE,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def _spread(network: Any, factor: float) -> None:
    """Larger weights, else all pictures look alike to it."""
    import torch

    with torch.no_grad():
        for value in network.parameters():
            value.mul_(factor)


def _tokenizer(extra: tuple[str, ...] = ()) -> Any:
    import tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[BOS]", "[EOS]", "[UNK]", *extra, *WORDS.split()]
    numbers = {word: number for number, word in enumerate(words)}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(numbers, "[UNK]"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="[PAD]",
        bos_token="[BOS]",
        eos_token="[EOS]",
        unk_token="[UNK]",
        additional_special_tokens=list(extra),
    )
