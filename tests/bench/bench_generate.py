"""How fast a diffusion model makes images: python tests/bench/bench_generate.py --device 0 (or --reduced, on the CPU).

Builds SDXL with its T2I adapter at full size (2.57 B parameters of random weights), and prints images a second at
1024 x 1024 for 4, 8, 30 and 40 steps with and without guidance, at the best chunk, beside

    plain    diffusers as the original ran it: one image a call, float16, the VAE in float32; and the same in bfloat16,
             whose VAE stays as it is (and, where accelerate is installed, with the model offloaded to the CPU between calls)
    limit    what the arithmetic alone would take at --peak TFLOP/s: counted, not guessed
    idle     share of the time in which the GPU runs no kernel, while images are encoded and written

and the most memory that was held. --reduced does all of it on a tiny model: it proves that this program works, and its
numbers mean nothing.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from full_sdxl import full_sdxl

from headkit.backends.diffusion.loading import set_scheduler
from headkit.backends.diffusion.network import Manner, Network, Order, OutOfMemoryError
from headkit.diffusing.controls import Controls
from headkit.diffusing.painter import Painter
from headkit.recipes.presets import PRESETS
from headkit.recipes.recipe import Recipe
from headkit.tool import Context

CASES = ((4, 0.0), (4, 5.0), (8, 0.0), (8, 5.0), (30, 0.0), (30, 7.5), (40, 0.0), (40, 7.0))
CHUNKS = (2, 4, 8, 16, 32)
WORDS = "a photo of two people in a park, smiling, with hats, on a sunny day"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument(
        "--peak", type=float, default=790.0, help="TFLOP/s of the device in bfloat16"
    )
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--seconds", type=float, default=20.0, help="of work for each number")
    options = parser.parse_args()
    device = "cpu" if options.device == "cpu" else f"cuda:{options.device}"
    if device == "cpu" and not options.reduced:
        sys.exit("bench_generate: the full size takes hours on a CPU; use --device 0, or --reduced")
    side = 64 if options.reduced else options.side
    dtype = "float32" if device == "cpu" else "bfloat16"
    recipe = replace(PRESETS["sdxl"], scheduler="euler", sizes=((side, side),))
    pipeline = _pipeline(options, device, getattr(torch, dtype))
    cases = CASES[:4] if options.reduced else CASES
    print(f"{_device_name(device)}, torch {torch.__version__}, {dtype}, {side} x {side}")
    plain = {}
    for case in cases[1::2]:
        plain[case] = _plain(pipeline, recipe, case, side, device, options, torch.float16)
        other = _plain(pipeline, recipe, case, side, device, options, torch.bfloat16)
        print(
            f"plain, {case[0]} steps, guidance {case[1]}: {plain[case]:.3f} images/s in float16, {other:.3f} in bfloat16"
        )
    if device != "cpu" and importlib.util.find_spec("accelerate") is not None:
        pipeline.enable_model_cpu_offload(device=device)
        offloaded = _plain(pipeline, recipe, cases[-1], side, device, options, None)
        pipeline.remove_all_hooks()
        pipeline.to(device)
        print(
            f"plain, offloaded, {cases[-1][0]} steps, guidance {cases[-1][1]}: {offloaded:.3f} images/s"
        )
    manner = Manner(dtype, compile=not options.no_compile)
    flops = _flops(pipeline, side, device)
    print(
        f"TFLOP: {flops[0]:.3f} a UNet call, {flops[1]:.3f} a VAE decode, {flops[2]:.3f} the adapter"
    )
    network = Network(replace(recipe, steps=4, guidance=0.0), pipeline, manner, device)
    chunk = _best_chunk(network, side, options)
    print(f"{'steps':>5} {'guidance':>8} {'chunk':>5} {'images/s':>9} {'limit':>7} {'share':>6} {'plain':>7} {'ratio':>6} {'idle':>6} {'GB':>6}")  # fmt: skip
    for steps, guidance in cases:
        case = replace(recipe, steps=steps, guidance=guidance)
        network = Network(case, pipeline, replace(manner, compile=False), device)
        _reset_peak(device)
        speed, idle = _written(network, case, chunk, side, device, options)
        calls = steps * (2 if case.guided else 1)
        limit = options.peak / (calls * flops[0] + flops[1] + flops[2])
        slow = plain.get((steps, guidance))
        print(
            f"{steps:>5} {guidance:>8} {chunk:>5} {speed:>9.3f} {limit:>7.2f} {speed / limit:>6.1%}"
            f" {slow or float('nan'):>7.3f} {speed / slow if slow else float('nan'):>6.1f} {idle:>6.1%} {_peak(device):>6.1f}"
        )


def _pipeline(options: Any, device: str, dtype: torch.dtype) -> Any:
    if not options.reduced:
        return full_sdxl(device, dtype)
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import diffusers
    import tiny_diffusion

    with tempfile.TemporaryDirectory() as folder:
        base = tiny_diffusion.save_sdxl(Path(folder) / "base")
        adapter = diffusers.T2IAdapter.from_pretrained(
            tiny_diffusion.save_adapter(Path(folder) / "adapter")
        )
        kind = diffusers.StableDiffusionXLAdapterPipeline
        pipeline = kind.from_pretrained(base, adapter=adapter, low_cpu_mem_usage=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def _orders(count: int, side: int) -> list[Order]:
    picture = np.zeros((side, side, 3), np.uint8)
    picture[side // 4 : side // 2, side // 4 : side // 2] = 200
    return [Order(f"{WORDS} {'abcdefgh'[k % 8]}", "", (picture,), k) for k in range(count)]


def _best_chunk(network: Network, side: int, options: Any) -> int:
    """The chunk with most images a second at 4 steps without guidance."""
    speeds: dict[int, float] = {}
    for chunk in CHUNKS[:2] if options.reduced else CHUNKS:
        orders = _orders(chunk, side)
        try:
            network.draw(orders, 1)  # compiles
            began, done = time.perf_counter(), 0
            while not done or time.perf_counter() - began < options.seconds / 4:
                network.draw(orders, 1)
                done += chunk
        except OutOfMemoryError:
            break
        speeds[chunk] = done / (time.perf_counter() - began)
        print(f"chunk of {chunk}: {speeds[chunk]:.3f} images/s at 4 steps without guidance")
    return max(speeds, key=lambda chunk: speeds[chunk])


def _written(
    network: Network, recipe: Recipe, chunk: int, side: int, device: str, options: Any
) -> tuple[float, float]:
    """Images a second from record to file, and the share of the time in which the GPU ran no kernel."""
    records = [
        {"id": f"r{k}", "width": side, "height": side, "poses": [], "prompt": {"text": WORDS}}
        for k in range(2 * chunk)
    ]
    with tempfile.TemporaryDirectory() as folder:
        painter = Painter(
            recipe, network, Controls(recipe, None), Context("generate", Path(folder).resolve()),
            folder=Path(folder).resolve() / "images", format="jpg", longer=None, chunk=chunk, settings={},
        )  # fmt: skip
        # Random weights may paint black: that is not what is measured.
        network._decoded = _always_good(network)  # type: ignore[method-assign]
        painter.process(records[:chunk])
        busy = _busy(lambda: painter.process(records), device)
        began, done = time.perf_counter(), 0
        while not done or time.perf_counter() - began < options.seconds:
            painter.process(records)
            done += len(records)
        return done / (time.perf_counter() - began), 1 - busy


def _always_good(network: Network) -> Any:
    plain = Network._decoded

    def decoded(latents: torch.Tensor) -> Any:
        return [replace(one, good=True) for one in plain(network, latents)]

    return decoded


def _busy(work: Any, device: str) -> float:
    """Share of the time in which kernels ran."""
    if device == "cpu":
        return 1.0
    from torch.profiler import ProfilerActivity, profile

    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        work()
        torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    return sum(event.self_device_time_total for event in seen.key_averages()) / 1e6 / seconds


def _plain(
    pipeline: Any, recipe: Recipe, case: tuple[int, float], side: int, device: str, options: Any,
    dtype: torch.dtype | None,
) -> float:  # fmt: skip
    """Images a second of the library alone: one a call, a PIL image at the end; in float16 its VAE goes to float32 and back."""
    import diffusers
    from PIL import Image

    steps, guidance = case
    set_scheduler(diffusers, pipeline, recipe)
    kept = pipeline.unet.dtype
    if device != "cpu" and dtype is not None:
        pipeline.to(dtype)
    picture = Image.fromarray(_orders(1, side)[0].controls[0])
    began, done = 0.0, -1
    while done < 1 or time.perf_counter() - began < options.seconds:
        if done == 0:
            began = time.perf_counter()
        pipeline(
            prompt=WORDS, image=picture, num_inference_steps=steps, guidance_scale=guidance,
            adapter_conditioning_scale=0.7,
        )  # fmt: skip
        done += 1
    speed = done / (time.perf_counter() - began)
    if device != "cpu" and dtype is not None:
        pipeline.to(kept)
    return speed


def _flops(pipeline: Any, side: int, device: str) -> tuple[float, float, float]:
    """TFLOP of one UNet call, one VAE decode, one adapter call (2 a multiplication and addition)."""
    from torch.utils.flop_counter import FlopCounterMode

    dtype = pipeline.unet.dtype
    config = pipeline.unet.config
    pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim

    def random(*shape: int) -> torch.Tensor:
        return torch.zeros(shape, device=device, dtype=dtype)

    def counted(work: Any) -> float:
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            work()
        gc.collect()
        return counter.get_total_flops() / 1e12

    latent = random(1, 4, side // 8, side // 8)
    words = random(1, 77, config.cross_attention_dim)
    added = {"text_embeds": random(1, pooled), "time_ids": random(1, 6)}
    return (
        counted(lambda: pipeline.unet(latent, 1, words, added_cond_kwargs=added)),
        counted(lambda: pipeline.vae.decode(latent)),
        counted(lambda: pipeline.adapter(random(1, 3, side, side))),
    )


def _device_name(device: str) -> str:
    return "CPU" if device == "cpu" else torch.cuda.get_device_name(device)


def _reset_peak(device: str) -> None:
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats(device)


def _peak(device: str) -> float:
    return float("nan") if device == "cpu" else torch.cuda.max_memory_allocated(device) / 1e9


if __name__ == "__main__":
    main()
