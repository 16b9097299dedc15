"""Captions by an image-to-text model of transformers: BLIP, BLIP-2, Florence-2, GIT, LLaVA, Qwen-VL and their like.

One adapter for all: a model with a chat template is asked a question, Florence is given its task, the others caption
without a word. Code that comes with weights is never run.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image, ImageOps

from headkit.backends.describing import CaptionerError, Manner, Pixels
from headkit.backends.weights import first_line

CHUNK = 1  # pictures at a time on the CPU
CHUNK_DEVICE = 16
CANVAS = (
    672  # pixels: the square into which a picture is fitted where the model would take any shape
)
QUESTION = (
    "Describe this photo in one or two plain sentences: the people, what they wear and do, the place and the light. "
    "Name nobody."
)
FLORENCE_TASK = "<DETAILED_CAPTION>"


def load(name: str, manner: Manner, device: str) -> tuple[VisionLanguage, str | None]:
    """The model in a folder or of that name on the hub, and the revision of the hub.

    Raises CaptionerError where it is not there, cannot be fetched, or is no image-to-text model; ImportError where
    transformers is missing.
    """
    transformers: Any = importlib.import_module("transformers")  # half of it is untyped

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        processor = transformers.AutoProcessor.from_pretrained(name, trust_remote_code=False)
        network = transformers.AutoModelForImageTextToText.from_pretrained(
            name,
            trust_remote_code=False,
            dtype=torch.float32 if device == "cpu" else torch.bfloat16,
        )
    except ImportError:
        raise
    except (
        Exception
    ) as error:  # the hub's client, and files that are broken, have errors of many kinds
        raise CaptionerError(
            f"cannot be had ({first_line(error)}); run --dry-run where there is a network, or name a folder"
        ) from error
    revision = getattr(network.config, "_commit_hash", None)
    return VisionLanguage(processor, network.to(device).eval(), manner, device), revision


class VisionLanguage:
    """A model and its processor, ready to describe."""

    def __init__(self, processor: Any, network: Any, manner: Manner, device: str) -> None:
        self.processor, self.network, self.manner, self.device = (
            processor, network, manner, device,
        )  # fmt: skip
        self.chunk = CHUNK if device == "cpu" else CHUNK_DEVICE
        tokenizer = getattr(processor, "tokenizer", None)
        if tokenizer is not None:
            tokenizer.padding_side = (
                "left"  # what follows a prompt is generated after its last word
            )
            if tokenizer.pad_token is None:
                tokenizer.pad_token = tokenizer.eos_token
        self.asked = bool(getattr(processor, "chat_template", None))
        self.prompt = self._prompt()
        self.canvas = self._takes_any_shape()

    def describe(self, pictures: Sequence[Pixels], seeds: Sequence[int]) -> list[str]:
        """See captioners.Network. Words that are drawn are drawn one picture at a time."""
        images = [self._fitted(pixels) for pixels in pictures]
        if self.manner.top_p is not None:
            return [self._said([image], seed)[0] for image, seed in zip(images, seeds, strict=True)]
        said: list[str] = []
        for start in range(0, len(images), self.chunk):
            part = images[start : start + self.chunk]
            padded = part + [part[0]] * (self.chunk - len(part))
            said += self._said(padded, None)[: len(part)]
        return said

    def _prompt(self) -> str | None:
        """The words before the model's own; None where it needs none."""
        ask = self.manner.ask
        if self.asked:
            content = [{"type": "image"}, {"type": "text", "text": ask or QUESTION}]
            turns = [{"role": "user", "content": content}]
            return str(self.processor.apply_chat_template(turns, add_generation_prompt=True))
        if self._is_florence():
            return ask or FLORENCE_TASK
        return ask

    def _is_florence(self) -> bool:
        return "florence" in str(self.network.config.model_type)

    def _takes_any_shape(self) -> bool:
        """Whether pictures of other shapes give the network other shapes, so that neighbours would be padded to them."""
        shapes = []
        for size in ((96, 64), (64, 160)):
            values = self._inputs([Image.new("RGB", size)])
            shapes.append([tuple(value.shape) for value in values.values()])
        return shapes[0] != shapes[1]

    def _fitted(self, pixels: Pixels) -> Image.Image:
        image = Image.fromarray(pixels)
        if not self.canvas:
            return image
        return ImageOps.pad(image, (CANVAS, CANVAS), Image.Resampling.BICUBIC, (128, 128, 128))

    def _inputs(self, images: list[Image.Image]) -> Any:
        if self.prompt is None:
            return self.processor(images=images, return_tensors="pt")
        text = [self.prompt] * len(images)
        return self.processor(images=images, text=text, return_tensors="pt", padding=True)

    def _said(self, images: list[Image.Image], seed: int | None) -> list[str]:
        """Words for each image; drawn by the seed where there is one."""
        inputs = self._inputs(images).to(self.device)
        for name, value in inputs.items():
            if value.is_floating_point():
                inputs[name] = value.to(self.network.dtype)
        devices = [] if self.device == "cpu" else [self.device]
        with torch.inference_mode(), torch.random.fork_rng(devices):
            sampling: dict[str, Any] = {"do_sample": False, "num_beams": 1}
            if seed is not None:
                torch.manual_seed(seed)
                sampling = {
                    "do_sample": True,
                    "num_beams": 1,
                    "top_p": self.manner.top_p,
                    "top_k": 0,
                }
            tokens = self.network.generate(**inputs, max_new_tokens=self.manner.tokens, **sampling)
        if self.asked and _repeats(tokens, inputs["input_ids"]):
            tokens = tokens[:, inputs["input_ids"].shape[1] :]
        said = self.processor.batch_decode(tokens, skip_special_tokens=True)
        return [" ".join(words.split()) for words in said]


def _repeats(tokens: torch.Tensor, given: torch.Tensor) -> bool:
    """Whether what was generated begins with the question, as most models return it."""
    length = given.shape[1]
    return tokens.shape[1] >= length and bool((tokens[:, :length] == given).all())
