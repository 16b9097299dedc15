"""How fast a diffusion model makes images: python tests/bench/bench_generate.py --device 0

Builds SDXL with its T2I adapter at full size (2.57 B parameters of random weights), and prints images a second at
1024 x 1024 for 4, 8, 30 and 40 steps with and without guidance, from record to file, at the best chunk, beside

    plain    diffusers as the original ran it: one image a call, float16, the VAE in float32; the same in bfloat16, whose
             VAE stays as it is; and with every network moved to the GPU for its turn and back, as the original's offload
    limit    what the arithmetic alone would take at --peak TFLOP/s: counted on the architecture, not guessed
    idle     share of the time in which the GPU runs no kernel, while images are encoded and written
    GB       the most memory of the device that was held

and at last images a second where records are of three sizes, as those of pose-sample are.

On the CPU all of it runs at 128 x 128 and 1 and 2 steps: that proves the program, and says nothing of a GPU. Weights are
kept in bfloat16 there (7 GB), and computed with in float32. --reduced does it with a tiny model, in a minute.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
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

STEPS = (4, 8, 30, 40)
GUIDANCE = 7.0
CHUNKS = (2, 4, 8, 16, 32)
WORDS = "a photo of two people in a park, smiling, with hats, on a sunny day"
AHEAD = 2  # batches that the runner has prepared while one is painted
_CHUNKS = 8  # of a batch, as in a run; on the CPU, where one takes long enough, 1


def main() -> None:
    """Prints the table."""
    options = _options()
    device, side = options.device, options.side
    dtype = "float32" if device == "cpu" else "bfloat16"
    recipe = replace(PRESETS["sdxl"], scheduler="euler", sizes=((side, side),))
    print(
        f"{_device_name(device)}, torch {torch.__version__}, {dtype}, {side} x {side}", flush=True
    )
    began = time.perf_counter()
    pipeline = _pipeline(options, device, getattr(torch, dtype))
    count = sum(value.numel() for value in pipeline.unet.parameters())
    print(f"UNet of {count / 1e9:.3f} B parameters, made in {time.perf_counter() - began:.0f} s")
    flops = _flops(pipeline, side)
    print(
        f"TFLOP: {flops[0]:.3f} a UNet call, {flops[1]:.3f} a VAE decode, {flops[2]:.3f} the adapter"
    )
    peak = options.peak or _peak_of(device, getattr(torch, dtype))
    cases = [(steps, guidance) for steps in options.steps for guidance in (0.0, GUIDANCE)]
    plain = _all_plain(pipeline, recipe, cases, device, options)
    manner = Manner(dtype, compile=not options.no_compile)
    network = Network(replace(recipe, steps=cases[0][0], guidance=0.0), pipeline, manner, device)
    chunk = _best_chunk(network, side, options)
    print(f"limit at {peak:.3g} TFLOP/s")
    print(f"{'steps':>5} {'guidance':>8} {'chunk':>5} {'images/s':>9} {'limit':>8} {'share':>6} {'plain':>8} {'ratio':>6} {'idle':>6} {'GB':>6}")  # fmt: skip
    for steps, guidance in cases:
        case = replace(recipe, steps=steps, guidance=guidance)
        network = Network(case, pipeline, replace(manner, compile=False), device)
        _reset_memory(device)
        speed, idle = _written(network, case, chunk, ((side, side),), device, options)
        limit = peak / (steps * (2 if case.guided else 1) * flops[0] + flops[1] + flops[2])
        slow = plain[steps, guidance]
        print(
            f"{steps:>5} {guidance:>8} {chunk:>5} {speed:>9.4f} {limit:>8.4f} {speed / limit:>6.1%}"
            f" {slow:>8.4f} {speed / slow:>6.2f} {idle:>6.1%} {_memory(device):>6.1f}",
            flush=True,
        )
    sizes = (
        (side, side),
        (side * 7 // 8 // 32 * 32 or 32, side),
        (side, side * 7 // 8 // 32 * 32 or 32),
    )
    case = replace(recipe, steps=cases[0][0], guidance=0.0, sizes=sizes)
    network = Network(case, pipeline, replace(manner, compile=False), device)
    for fill in (False, True):
        speed, _ = _written(network, case, chunk, sizes, device, options, fill=fill)
        print(
            f"records of three sizes, {cases[0][0]} steps without guidance, {'' if fill else 'not '}filled: {speed:.4f} images/s"
        )


def _options() -> Any:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", help="cpu, or the number of a GPU")
    parser.add_argument("--side", type=int, help="pixels (default: 1024; on the CPU 128)")
    parser.add_argument(
        "--steps", help="of the sampler, as 4,8 (default: 4,8,30,40; on the CPU 1,2)"
    )
    parser.add_argument(
        "--peak", type=float, help="TFLOP/s of the device (default: 790; of the CPU it is measured)"
    )
    parser.add_argument("--reduced", action="store_true", help="a tiny model")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--chunk", type=int, help="images that go together (default: the fastest)")
    parser.add_argument(
        "--seconds", type=float, help="of work for each number (default: 20; on the CPU 0)"
    )
    options = parser.parse_args()
    on_cpu = options.device == "cpu"
    usual = {"side": 128 if on_cpu else 1024, "seconds": 0.0 if on_cpu else 20.0}
    for name, value in usual.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    steps = options.steps.split(",") if options.steps else ((1, 2) if on_cpu else STEPS)
    options.steps = [int(one) for one in steps]
    options.device = "cpu" if on_cpu else f"cuda:{options.device}"
    options.peak = options.peak or (None if on_cpu else 790.0)
    return options


def _pipeline(options: Any, device: str, dtype: torch.dtype) -> Any:
    import diffusers

    if not options.reduced and device != "cpu":
        pipeline = full_sdxl(device, dtype)
    elif not options.reduced:
        pipeline = full_sdxl(device, torch.bfloat16)
        for small in (pipeline.vae, pipeline.adapter):
            small.float()
        for large in (pipeline.unet, pipeline.text_encoder, pipeline.text_encoder_2):
            _compute_in_float32(large)
    else:
        sys.path.insert(0, str(Path(__file__).parents[1]))
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


def _compute_in_float32(network: torch.nn.Module) -> None:
    """Large weights stay in bfloat16, in which most CPUs are slow: each is made float32 for its moment."""
    for layer in network.modules():
        linear = isinstance(layer, torch.nn.Linear)
        if (linear or isinstance(layer, torch.nn.Conv2d)) and layer.weight.numel() > 1 << 18:
            layer.bias = None if layer.bias is None else torch.nn.Parameter(layer.bias.float())

            def forward(
                given: torch.Tensor, layer: Any = layer, linear: bool = linear
            ) -> torch.Tensor:
                weight = layer.weight.float()
                if linear:
                    return torch.nn.functional.linear(given, weight, layer.bias)
                return layer._conv_forward(given, weight, layer.bias)

            layer.forward = forward
        else:
            for value in layer.parameters(recurse=False):
                value.data = value.data.float()


def _orders(count: int, side: int) -> list[Order]:
    picture = np.zeros((side, side, 3), np.uint8)
    picture[side // 4 : side // 2, side // 4 : side // 2] = 200
    return [Order(f"{WORDS} {'abcdefgh'[k % 8]}", "", (picture,), k) for k in range(count)]


def _best_chunk(network: Network, side: int, options: Any) -> int:
    """The chunk with most images a second."""
    speeds: dict[int, float] = {}
    tried = CHUNKS[:1] if options.device == "cpu" and not options.reduced else CHUNKS
    for chunk in (options.chunk,) if options.chunk else tried:
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
        steps = network.recipe.steps
        print(
            f"chunk of {chunk}: {speeds[chunk]:.4f} images/s at {steps} steps without guidance",
            flush=True,
        )
    return max(speeds, key=lambda chunk: speeds[chunk])


def _written(
    network: Network,
    recipe: Recipe,
    chunk: int,
    sizes: Any,
    device: str,
    options: Any,
    *,
    fill: bool = False,
) -> tuple[float, float]:
    """Images a second from record to file, of these sizes in turn; and the share of the time in which no kernel ran."""

    count = chunk * (1 if device == "cpu" else _CHUNKS)

    def batch(first: int) -> list[dict[str, Any]]:
        chosen = [sizes[(first + k) % len(sizes)] for k in range(count)]
        return [
            {
                "id": f"r{first + k}",
                "width": width,
                "height": height,
                "poses": [],
                "prompt": {"text": WORDS},
            }
            for k, (width, height) in enumerate(chosen)
        ]

    with tempfile.TemporaryDirectory() as folder:
        painter = Painter(
            recipe, network, Controls(recipe, None), Context("generate", Path(folder).resolve()),
            folder=Path(folder).resolve() / "images", format="jpg", longer=None, chunk=chunk, settings={},
            fill=fill,
        )  # fmt: skip
        # Random weights may paint black: that is not what is measured.
        network._decoded = _always_good(network)  # type: ignore[method-assign]
        if device != "cpu":  # compiles what is new
            painter.process(batch(0))
        busy = _busy(lambda: painter.process(batch(0)), device)
        waiting = [batch(number * count) for number in range(AHEAD)]
        for records in waiting:
            painter.prepare(records)
        began, done = time.perf_counter(), 0
        while not done or time.perf_counter() - began < options.seconds:
            waiting.append(batch(done + AHEAD * count))
            painter.prepare(waiting[-1])
            done += len(painter.process(waiting.pop(0)))
        # What was painted for batches that never came is work done, too.
        done += len(painter._ahead._done)
        return done / (time.perf_counter() - began), 1 - busy


def _always_good(network: Network) -> Any:
    plain = Network._decoded

    def decoded(latents: torch.Tensor) -> Any:
        return [replace(one, good=True) for one in plain(network, latents)]

    return decoded


def _busy(work: Any, device: str) -> float:
    """Share of the time in which kernels ran; not known of a CPU."""
    if device == "cpu":
        return float("nan")
    from torch.profiler import ProfilerActivity, profile

    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        work()
        torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    return sum(event.self_device_time_total for event in seen.key_averages()) / 1e6 / seconds


def _all_plain(
    pipeline: Any, recipe: Recipe, cases: list[tuple[int, float]], device: str, options: Any
) -> dict[tuple[int, float], float]:
    """Images a second of the library alone in every case, as the original ran it; and of the last one, in other ways."""
    found = {}
    manner = "float32" if device == "cpu" else "float16, VAE in float32"
    half = None if device == "cpu" else torch.float16
    for case in cases:
        found[case] = _plain(pipeline, recipe, case, device, options, half)
        print(
            f"plain, {manner}, {case[0]} steps, guidance {case[1]}: {found[case]:.4f} images/s",
            flush=True,
        )
    with _moving(pipeline, device):
        moved = _plain(pipeline, recipe, cases[-1], device, options, half)
    print(f"plain, the same, networks moved for their turn: {moved:.4f} images/s")
    if device != "cpu":
        other = _plain(pipeline, recipe, cases[-1], device, options, torch.bfloat16)
        print(f"plain, the same, not moved, all in bfloat16: {other:.4f} images/s")
    return found


@contextmanager
def _moving(pipeline: Any, device: str) -> Iterator[None]:
    """What the library's offload does: a network comes to the device when it is called, and the one before it leaves."""
    parts = [pipeline.text_encoder, pipeline.text_encoder_2, pipeline.unet, pipeline.vae]
    here: list[torch.nn.Module] = []

    def come(part: torch.nn.Module) -> None:
        if here and here[0] is not part:
            here.pop().to("cpu")
        if not here:
            here.append(part.to(device))

    hooks = [part.register_forward_pre_hook(lambda one, _given: come(one)) for part in parts]
    decode, kind = pipeline.vae.decode, type(pipeline)
    execution = kind._execution_device

    def decoded(*given: Any, **named: Any) -> Any:
        come(pipeline.vae)
        return decode(*given, **named)

    pipeline.vae.decode = decoded
    kind._execution_device = property(lambda _: torch.device(device))
    for part in parts:
        part.to("cpu")
    try:
        yield
    finally:
        kind._execution_device = execution
        del pipeline.vae.decode
        for hook in hooks:
            hook.remove()
        pipeline.to(device)


def _plain(
    pipeline: Any, recipe: Recipe, case: tuple[int, float], device: str, options: Any, dtype: torch.dtype | None
) -> float:  # fmt: skip
    """Images a second of the library alone: one a call, a PIL image at the end; in float16 its VAE goes to float32 and back."""
    import diffusers
    from PIL import Image

    set_scheduler(diffusers, pipeline, recipe)
    kept = pipeline.unet.dtype
    if dtype is not None:
        pipeline.to(dtype)
    picture = Image.fromarray(_orders(1, recipe.sizes[0][0])[0].controls[0])
    # On a GPU the first call is not counted.
    done = 0 if device == "cpu" else -1
    began = time.perf_counter()
    while done < 1 or time.perf_counter() - began < options.seconds:
        if done == 0:
            began = time.perf_counter()
        pipeline(
            prompt=WORDS, image=picture, num_inference_steps=case[0], guidance_scale=case[1], adapter_conditioning_scale=0.7,
        )  # fmt: skip
        done += 1
    speed = done / (time.perf_counter() - began)
    if dtype is not None:
        pipeline.to(kept)
    return speed


def _flops(pipeline: Any, side: int) -> tuple[float, float, float]:
    """TFLOP of one UNet call, one VAE decode, one adapter call (2 a multiplication and addition): counted, not computed."""
    from torch.utils.flop_counter import FlopCounterMode

    config = pipeline.unet.config
    pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
    with torch.device("meta"):
        unet, vae, adapter = (
            type(part).from_config(part.config)
            for part in (pipeline.unet, pipeline.vae, pipeline.adapter)
        )
        latent, picture = torch.zeros(1, 4, side // 8, side // 8), torch.zeros(1, 3, side, side)
        words = torch.zeros(1, 77, config.cross_attention_dim)
        added = {"text_embeds": torch.zeros(1, pooled), "time_ids": torch.zeros(1, 6)}

    def counted(work: Any) -> float:
        with (
            FlopCounterMode(display=False) as counter,
            torch.inference_mode(),
            torch.device("meta"),
        ):
            work()
        return counter.get_total_flops() / 1e12

    return (
        counted(lambda: unet(latent, 1, words, added_cond_kwargs=added)),
        counted(lambda: vae.decode(latent)),
        counted(lambda: adapter(picture)),
    )


def _peak_of(device: str, dtype: torch.dtype) -> float:
    """TFLOP/s of a large matrix product."""
    side = 2048
    matrix = torch.randn(side, side, device=device, dtype=dtype)
    matrix @ matrix
    began = time.perf_counter()
    for _ in range(3):
        matrix @ matrix
    return 3 * 2 * side**3 / (time.perf_counter() - began) / 1e12


def _device_name(device: str) -> str:
    return "CPU" if device == "cpu" else torch.cuda.get_device_name(device)


def _reset_memory(device: str) -> None:
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats(device)


def _memory(device: str) -> float:
    """The most that was held, GB: of the device; on the CPU of the process, since it began."""
    if device == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return torch.cuda.max_memory_allocated(device) / 1e9


if __name__ == "__main__":
    main()
