"""Images by a loaded pipeline, a chunk at a time: every image depends on its own order alone, and on the shape of the chunk."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headkit.backends.devices import torch_device
from headkit.backends.diffusion.files import Found
from headkit.backends.diffusion.loading import load_pipeline
from headkit.backends.diffusion.texts import Texts
from headkit.backends.diffusion.zimage import ChatTexts
from headkit.recipes.recipe import UNION_MODES, Recipe

Pixels = NDArray[np.uint8]

SHAPES = 1024  # that are compiled: widths of layers, sizes of images, lengths of prompts
FLAT = 2 / 255  # standard deviation of values below which nothing is on an image


@dataclass(frozen=True)
class Order:
    """One image: what it shows, what it should not, the pictures that condition it, (H, W, 3) each, and its seed."""

    text: str
    negative: str
    controls: tuple[Pixels, ...]
    seed: int


@dataclass(frozen=True)
class Drawn:
    """An image (H, W, 3). good: its values were finite, and something is on it.

    memorisation  root mean square of what the words change of the first step's noise prediction (Wen et al., ICLR 2024:
                  its norm tells prompts whose training image is known by heart); None without guidance
    """

    pixels: Pixels
    good: bool
    memorisation: float | None


class OutOfMemoryError(Exception):
    """The chunk does not fit the device."""


@dataclass(frozen=True)
class Manner:
    """How a network works on its device. compile and attention mean GPUs."""

    dtype: str = "float32"
    compile: bool = True
    offload: bool = False


def open_network(recipe: Recipe, found: dict[str, Found], manner: Manner, device: str) -> Network:
    """The recipe's model from its files. Raises Stop 69 where they are broken, or there is no such device."""
    target = torch_device(device)
    pipeline = load_pipeline(recipe, found, getattr(torch, manner.dtype))
    return Network(recipe, pipeline, manner, target)


class Network:
    """A recipe's pipeline on a device, as torch calls it."""

    def __init__(self, recipe: Recipe, pipeline: Any, manner: Manner, device: str) -> None:
        self.recipe, self.pipeline, self.device = recipe, pipeline, device
        self._chat: ChatTexts | None = None
        self._texts: Texts | None = None
        if recipe.kind == "zimage":
            self._chat = ChatTexts(pipeline, device, offload=manner.offload)
            self.denoiser = pipeline.transformer
        else:
            self._texts = Texts(pipeline, device, offload=manner.offload)
            self.denoiser = pipeline.unet
        self._place(manner)
        watched = recipe.guided and self._texts is not None
        self._first = _FirstStep(self.denoiser) if watched else None

    def _place(self, manner: Manner) -> None:
        """Put the pipeline where it works, as fast as it can."""
        pipeline = self.pipeline
        if manner.offload:
            for name in ("text_encoder", "text_encoder_2"):  # kept by the texts, on the CPU
                if hasattr(pipeline, name):
                    setattr(pipeline, name, None)
        pipeline.to(self.device)
        if manner.dtype == "float16" and pipeline.vae.config.force_upcast:
            pipeline.vae.to(torch.float32)  # once, where the library turns it about for every image
        if self.device == "cpu":
            return
        conditioner = pipeline.adapter if self.recipe.kind == "adapter" else pipeline.controlnet
        for network in (self.denoiser, pipeline.vae, conditioner):
            network.to(memory_format=torch.channels_last)
        if manner.compile:
            _compile(self.denoiser, pipeline.vae)

    @property
    def texts(self) -> Texts | ChatTexts:
        """What reads prompts."""
        texts = self._texts or self._chat
        assert texts is not None
        return texts

    def pieces(self, text: str, negative: str) -> int:
        """The length of a prompt and its negative, in units of the model: those of a chunk are of one length."""
        needed = self.texts.pieces(text)
        return max(needed, self.texts.pieces(negative)) if self.recipe.guided else needed

    @torch.inference_mode()
    def draw(self, orders: Sequence[Order], pieces: int) -> list[Drawn]:
        """The image of each order. Raises OutOfMemoryError; ValueError where the orders do not fit each other."""
        shapes = {picture.shape for order in orders for picture in order.controls}
        numbers = {len(order.controls) for order in orders}
        if len(shapes) != 1 or numbers != {len(self.recipe.control)}:
            raise ValueError(
                f"pictures of {len(shapes)} sizes, {sorted(numbers)} an image; expected {len(self.recipe.control)} of one size"
            )
        try:
            with _fused_attention(self.device):
                latents = self._latents(orders, pieces, *shapes.pop()[:2])
                return self._decoded(latents)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside of the handler, whose traceback would keep every tensor alive.
        gc.collect()
        torch.cuda.empty_cache()
        raise OutOfMemoryError

    def _latents(
        self, orders: Sequence[Order], pieces: int, height: int, width: int
    ) -> torch.Tensor:
        """What the network makes of the orders, (B, 4, H / 8, W / 8). Each order is a row: nothing is repeated by the library."""
        given: dict[str, Any] = {
            **self._embeddings(orders, pieces),
            **self._conditions(orders),
            "height": height,
            "width": width,
            "num_inference_steps": self.recipe.steps,
            "guidance_scale": self.recipe.guidance,
            "generator": [torch.Generator("cpu").manual_seed(order.seed) for order in orders],
            "output_type": "latent",
        }
        if self._first is not None:
            self._first.begin()
        latents: torch.Tensor = self.pipeline(**given).images
        if latents.shape[0] != len(orders):
            raise ValueError(f"{latents.shape[0]} images for {len(orders)} orders")
        return latents

    def _embeddings(self, orders: Sequence[Order], pieces: int) -> dict[str, Any]:
        if self._chat is not None:
            chat = self._chat
            said = {"prompt_embeds": [chat.encode(order.text) for order in orders]}
            if self.recipe.guided:
                said["negative_prompt_embeds"] = [chat.encode(order.negative) for order in orders]
            return said
        texts = self._texts
        assert texts is not None
        words = [texts.encode(order.text, pieces) for order in orders]
        found = {
            "prompt_embeds": torch.stack([embedded for embedded, _ in words]),
            "pooled_prompt_embeds": torch.stack([pooled for _, pooled in words]),
        }
        if self.recipe.guided:
            unwanted = [texts.negative(order.negative, pieces) for order in orders]
            found["negative_prompt_embeds"] = torch.stack([embedded for embedded, _ in unwanted])
            found["negative_pooled_prompt_embeds"] = torch.stack([pooled for _, pooled in unwanted])
        return found

    def _conditions(self, orders: Sequence[Order]) -> dict[str, Any]:
        """Tensors (B, 3, H, W) of 0 to 1, one for each control: the library would squash pictures of other sizes."""
        pictures = [
            torch.from_numpy(np.stack([order.controls[k] for order in orders]))
            .to(self.device)
            .permute(0, 3, 1, 2)
            .to(self.denoiser.dtype)
            / 255
            for k in range(len(self.recipe.control))
        ]
        scale = self.recipe.control_scale
        if self.recipe.kind == "adapter":
            return {"image": pictures[0], "adapter_conditioning_scale": scale}
        if self.recipe.kind == "union":
            modes = [UNION_MODES[name] for name in self.recipe.control]
            return {
                "control_image": pictures,
                "control_mode": modes,
                "controlnet_conditioning_scale": scale,
            }
        if self.recipe.kind == "zimage":  # encoded by the VAE, which reads -1 to 1
            return {"control_image": 2 * pictures[0] - 1, "controlnet_conditioning_scale": scale}
        return {"image": pictures[0], "controlnet_conditioning_scale": scale}

    def _decoded(self, latents: torch.Tensor) -> list[Drawn]:
        """One image at a time, so that none depends on how many there are; bytes are made on the device."""
        images, good = [], []
        for latent in latents:
            image = self._decode(latent[None])
            finite = torch.isfinite(image).all()
            image = (image / 2 + 0.5).clamp(0, 1)
            good.append(finite & (image.float().std() > FLAT))
            whole = torch.nan_to_num(image.float()).mul(255).round().to(torch.uint8)
            images.append(whole.permute(1, 2, 0))
        pixels = torch.stack(images).cpu().numpy()
        known = torch.stack(good).tolist()
        marks = self._first.values() if self._first is not None else [None] * len(known)
        return [
            Drawn(picture, fine, mark)
            for picture, fine, mark in zip(pixels, known, marks, strict=True)
        ]

    def _decode(self, latent: torch.Tensor) -> torch.Tensor:
        """(3, H, W), -1 to 1, of one latent."""
        vae = self.pipeline.vae
        config = vae.config
        mean, deviation = config.get("latents_mean"), config.get("latents_std")
        latent = latent.to(vae.dtype)
        if mean is not None and deviation is not None:
            shape = (1, -1, 1, 1)
            spread = torch.tensor(deviation, device=latent.device, dtype=latent.dtype).view(shape)
            middle = torch.tensor(mean, device=latent.device, dtype=latent.dtype).view(shape)
            latent = latent * spread / config.scaling_factor + middle
        else:
            latent = latent / config.scaling_factor + (config.get("shift_factor") or 0.0)
        if self.device != "cpu":
            latent = latent.contiguous(memory_format=torch.channels_last)
        decoded: torch.Tensor = vae.decode(latent, return_dict=False)[0][0]
        return decoded


def _compile(denoiser: Any, vae: Any) -> None:
    """Blocks that repeat are compiled once for every shape: minutes less than the whole network.

    Never for shapes that vary: whether they do would be learned from the shapes that came before, and an image would
    depend on them.
    """
    for name in ("recompile_limit", "accumulated_recompile_limit"):
        setattr(torch._dynamo.config, name, SHAPES)  # noqa: SLF001 - where torch keeps its settings
    denoiser.compile_repeated_blocks(fullgraph=True, dynamic=False)
    vae.decoder.compile(dynamic=False)


class _FirstStep:
    """Watches the first noise prediction of a call: the half without words, and the half with them."""

    def __init__(self, network: Any) -> None:
        self._waiting = False
        self._norms: torch.Tensor | None = None
        network.register_forward_hook(self._look)

    def begin(self) -> None:
        self._waiting, self._norms = True, None

    def _look(self, _network: Any, _given: Any, out: Any) -> None:
        if self._waiting:
            self._waiting = False
            without, with_words = (out[0] if isinstance(out, tuple) else out.sample).chunk(2)
            self._norms = (with_words - without).float().square().mean(dim=(1, 2, 3)).sqrt()

    def values(self) -> list[float | None]:
        assert self._norms is not None
        return [value if np.isfinite(value) else None for value in self._norms.tolist()]


# What the libraries of a device say where torch does not: cuBLAS, cuDNN, the driver, compiled kernels.
_FULL = (
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDA error: out of memory",
    "Triton Error [CUDA]: out of memory",
)


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory of the device was too small."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _FULL)


@contextmanager
def _fused_attention(device: str) -> Iterator[None]:
    """The fused kernels of a GPU, best first; elsewhere what torch chooses."""
    if device == "cpu":
        yield
        return
    from torch.nn.attention import SDPBackend, sdpa_kernel

    kernels = [
        SDPBackend.CUDNN_ATTENTION,
        SDPBackend.FLASH_ATTENTION,
        SDPBackend.EFFICIENT_ATTENTION,
        SDPBackend.MATH,
    ]
    with sdpa_kernel(kernels, set_priority=True):
        yield
