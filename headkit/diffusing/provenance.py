"""What a row says of how its image was made, and the recipe that it comes from, read back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from headkit.recipes.presets import PRESETS
from headkit.recipes.recipe import DTYPES, SCHEDULERS, Recipe, Weights
from headkit.request import RequestError
from headkit.status import UNAVAILABLE, Stop
from headkit.tool import Record

# Which part of a recipe each entry of generated.weights is.
PARTS = ("base", "conditioner", "vae", "lora")  # config says nothing of its own: it is the preset's


def settings(
    recipe: Recipe,
    weights: Mapping[str, Record],
    *,
    dtype: str,
    compiled: bool,
    head: Record | None = None,
) -> Record:
    """The part of `generated` that is the same for every row of a run.

    weights  of each part its name, its revision on the hub, and the digests of its files
    head     name and digest of the head model whose mesh is drawn, where that is not our own
    """
    return {
        "model": weights["base"]["name"],
        "preset": recipe.name,
        "weights": dict(weights),
        "steps": recipe.steps,
        "guidance": recipe.guidance,
        "scheduler": {"name": recipe.scheduler, **dict(SCHEDULERS[recipe.scheduler].settings)},
        "control": dict.fromkeys(recipe.control, recipe.control_scale),
        "convention": recipe.convention,
        "dtype": dtype,
        "compiled": compiled,
        "watermark": False,
        **({"head": head} if head is not None else {}),
    }


def weights_digest(weights: Mapping[str, Record]) -> str:
    """One digest of all files of weights, for `made`."""
    lines = (
        f"{part} {file} {sha256}\n"
        for part in sorted(weights)
        for file, sha256 in sorted(weights[part]["sha256"].items())
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def words_digest(text: str, negative: str) -> str:
    """Tells whether a row still has the words of its image."""
    return hashlib.blake2b(f"{text}\0{negative}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Made:
    """How an image was made, as its row says.

    digests  of the files of weights, by part
    size     images that went through the network together
    """

    recipe: Recipe
    digests: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    dtype: str
    compiled: bool
    seed: int
    attempt: int
    size: int


def read(record: Record, places: Mapping[str, str]) -> Made:
    """What `generated` says; `places` are folders and files where parts lie that were not of the hub.

    Raises RequestError where the row does not say enough, or its words are other ones now.
    """
    generated = record.get("generated")
    try:
        if not isinstance(generated, dict) or "weights" not in generated:
            raise KeyError("weights")  # noqa: TRY301 - a row of the renderer, or of nobody
        size = int(generated["chunk"])
        width, height = generated["size"]
        recipe = _recipe(generated, places, (int(width), int(height)))
        digests = tuple(
            (part, tuple(sorted(kept["sha256"].items())))
            for part, kept in sorted(generated["weights"].items())
        )
        if generated["dtype"] not in DTYPES or size < 1:
            raise ValueError("dtype or chunk")  # noqa: TRY301
        return Made(
            recipe, digests, generated["dtype"], bool(generated["compiled"]),
            int(generated["seed"]), int(generated["attempt"]), size,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RequestError(
            "no-recipe",
            f"generated does not say how a diffusion model made the image ({type(error).__name__}: {error})",
        ) from None


def _recipe(generated: Record, places: Mapping[str, str], size: tuple[int, int]) -> Recipe:
    scheduler = dict(generated["scheduler"])
    name = scheduler.pop("name")
    if dict(SCHEDULERS[name].settings) != scheduler:
        raise ValueError(f"scheduler {name} has other settings now")
    control = generated["control"]
    changed: dict[str, Any] = {
        part: _weights(part, generated["weights"].get(part), places) for part in PARTS
    }
    return replace(
        PRESETS[generated["preset"]],
        **changed,
        convention=generated["convention"],
        control=tuple(control),
        control_scale=float(next(iter(control.values()), 1.0)),
        scheduler=name,
        steps=int(generated["steps"]),
        guidance=float(generated["guidance"]),
        sizes=(size,),
    )


def _weights(part: str, kept: Record | None, places: Mapping[str, str]) -> Weights | None:
    if kept is None:
        return None
    if part in places:
        return Weights(places[part])
    if "revision" not in kept:
        option = "model" if part == "base" else part
        raise Stop(
            UNAVAILABLE,
            f"{kept['name']}: was no name on the hub when the row was made; --{option} says where it is",
        )
    files = list(kept["sha256"])
    whole = part == "lora" and len(files) == 1 and "revision" in kept
    return Weights(str(kept["name"]), kept.get("revision"), files[0] if whole else None)
