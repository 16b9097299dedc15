"""A recipe made ready to paint, or rows ready to be made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headkit.diffusing.controls import Controls
from headkit.diffusing.options import ModelOptions, places_of, screen_of
from headkit.diffusing.painter import Painter
from headkit.diffusing.provenance import settings, weights_digest
from headkit.diffusing.replay import Replayer
from headkit.recipes.recipe import Recipe
from headkit.tool import Context, Process, Record, Result

if TYPE_CHECKING:
    from headkit.backends.diffusion.screening import Screen


def painting(
    recipe: Recipe,
    options: ModelOptions,
    context: Context,
    folder: Path,
    format: str,
    longer: int | None,
    *,
    controls_too: bool = False,
) -> Process:
    """The process of `generate`: one image a record, by the recipe. Raises Stop 66 or 69 where the model cannot be had.

    controls_too  whether the pictures that condition an image are written beside it
    """
    from headkit.backends.diffusion.files import find
    from headkit.backends.diffusion.network import Manner, open_network

    found = find(recipe)
    weights = {part: files.made() for part, files in found.items()}
    dtype = options.dtype or ("float32" if context.device == "cpu" else "bfloat16")
    compiled = options.compile and context.device != "cpu"
    controls = Controls(recipe, options.head)
    screen, made_by_screen = _screen(options, context)
    painter = Painter(
        recipe,
        open_network(recipe, found, Manner(dtype, compiled, options.offload), context.device),
        controls,
        context,
        folder=folder,
        format=format,
        longer=longer,
        chunk=options.chunk,
        settings=settings(recipe, weights, dtype=dtype, compiled=compiled, head=controls.head),
        screen=screen,
        controls_too=controls_too,
        fill=options.fill,
    )

    def process(records: list[Record]) -> list[Result]:
        return painter.process(records)

    process.painter = painter  # type: ignore[attr-defined]
    process.prepare = painter.prepare  # type: ignore[attr-defined]
    process.sample = painter.sample  # type: ignore[attr-defined]
    process.made = {  # type: ignore[attr-defined]
        "model": weights["base"]["name"],
        "sha256": weights_digest(weights),
        **made_by_screen,
    }
    return process


def _screen(options: ModelOptions, context: Context) -> tuple[tuple[Screen, float] | None, Record]:
    """Who looks at images, and from where on one is refused; and what `made` keeps of it."""
    weights = screen_of(options)
    if weights is None:
        return None, {}
    from headkit.backends.diffusion.files import find_classifier
    from headkit.backends.diffusion.screening import Screen

    found = find_classifier(weights)
    return (Screen(found, context.device), options.screen_above), {"screen": found.made()}


def replaying(options: ModelOptions, context: Context, folder: Path) -> Process:
    """The process of `generate --replay`."""
    replayer = Replayer(context, folder, places_of(options), options.head)

    def process(records: list[Record]) -> list[Result]:
        return replayer.process(records)

    return process
