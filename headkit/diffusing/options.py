"""The options of diffusion models, and the recipe that a command line comes to."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from headkit.conditioning import CONTROLS, CONVENTIONS
from headkit.recipes.licenses import APACHE, FORBIDDING
from headkit.recipes.presets import PRESETS, reads_flame
from headkit.recipes.recipe import SCHEDULERS, UNION_MODES, Recipe, Weights
from headkit.status import NO_INPUT, USAGE, Stop
from headkit.tool import Opt

RENDER = "render"
USUAL = "sdxl"  # the preset of a model that is none
CHUNK = 8


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """What makes the image, and how."""

    model: Annotated[
        str,
        Opt(
            "What makes the image: render, which draws a parametric human, or a diffusion model: the name of a "
            "preset, a name on the hub, a folder or a file.",
            "MODEL",
        ),
    ] = RENDER
    preset: Annotated[
        str | None,
        Opt(
            "All settings of a diffusion model: "
            + ", ".join(PRESETS)
            + ". Every other option changes one.",
            "PRESET",
        ),
    ] = None
    revision: Annotated[
        str | None, Opt("Commit, branch or tag of --model on the hub.", "REVISION")
    ] = None
    conditioner: Annotated[
        str | None,
        Opt("The adapter or ControlNet: a name on the hub, a folder or a file.", "MODEL"),
    ] = None
    control: Annotated[
        str | None,
        Opt(
            "What the pictures for the conditioner show: pose, or of the people that the renderer draws "
            + ", ".join(CONTROLS)
            + "; the union preset takes several.",
            "NAME[,NAME]...",
        ),
    ] = None
    convention: Annotated[
        str | None, Opt("How key points are drawn for the conditioner.", "NAME")
    ] = None
    head: Annotated[
        str | None,
        Opt(
            "With --control mesh: draw the mesh of this FLAME file, put on the rendered heads, instead of our own. "
            "Where head_w_ears.npy of head_detector lies beside it, its vertices are drawn; else all above the neck.",
            "FILE",
        ),
    ] = None
    control_scale: Annotated[
        float | None, Opt("How strongly the conditioner is heard.", "NUMBER", minimum=0, maximum=5)
    ] = None
    scheduler: Annotated[str | None, Opt("The sampler: " + ", ".join(SCHEDULERS) + ".", "NAME")] = (
        None
    )
    steps: Annotated[int | None, Opt("Steps of the sampler.", "N", minimum=1, maximum=1000)] = None
    guidance: Annotated[
        float | None,
        Opt(
            "Classifier-free guidance; up to 1 there is none, and half the work.",
            "NUMBER",
            minimum=0,
            maximum=50,
        ),
    ] = None
    vae: Annotated[
        str | None, Opt("Another VAE: a name on the hub, a folder or a file.", "MODEL")
    ] = None
    lora: Annotated[
        str | None, Opt("Low-rank changes of the weights: a file, or a name on the hub.", "MODEL")
    ] = None
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"] | None,
        Opt("Numbers of the model (default: bfloat16 on a GPU, else float32)."),
    ] = None
    chunk: Annotated[
        int,
        Opt(
            "Images that go through a diffusion model together, always so many: part of what decides an image, "
            "and kept in its row.",
            "N",
            minimum=2,
            maximum=256,
        ),
    ] = CHUNK
    fill: Annotated[
        bool,
        Opt(
            "Fill chunks that are short, since records differ in size, with records of the next batches instead of "
            "copies. On a GPU the last bits of an image may then depend on where a run was resumed.",
            decides=False,
        ),
    ] = False
    compile: Annotated[bool, Opt("On a GPU, compile the model first.")] = True
    offload: Annotated[
        bool, Opt("Keep the text encoders off the GPU while it draws.", decides=False)
    ] = False
    accept_license: Annotated[
        str | None,
        Opt("Accept this license, which forbids it to train others on the images.", "NAME"),
    ] = None

    screen: Annotated[
        Literal["nsfw"] | None,
        Opt(
            "Look at every image before it exists: one that is not fit to be seen is never written."
        ),
    ] = None
    screen_model: Annotated[
        str,
        Opt(
            "Who looks: an image classifier of transformers on the hub, or a folder, with a label such as nsfw.",
            "MODEL",
        ),
    ] = "Falconsai/nsfw_image_detection"
    screen_above: Annotated[
        float,
        Opt("Probability from which an image is refused.", "SHARE", minimum=0, maximum=1),
    ] = 0.5
    replay: Annotated[
        bool,
        Opt(
            "Make images of a diffusion model again from their rows, into the folder of -d, and compare. Of models that "
            "are not on the hub, --model, --conditioner, --vae and --lora say where they are."
        ),
    ] = False


# What --replay takes: where parts of a recipe are.
_PLACES = {"base": "model", "conditioner": "conditioner", "vae": "vae", "lora": "lora"}


def places_of(options: ModelOptions) -> dict[str, str]:
    """Where the parts of a replayed recipe are, as typed. Raises Stop 2 for what --replay does not take."""
    for option in fields(ModelOptions):
        taken = option.name in ("replay", "offload", "head", *_PLACES.values())
        if not taken and getattr(options, option.name) != option.default:
            flag = "--" + option.name.replace("_", "-")
            raise Stop(USAGE, f"{flag}: --replay reads it from the rows; leave it out")
    typed = {part: getattr(options, name) for part, name in _PLACES.items()}
    return {part: str(name) for part, name in typed.items() if name not in (None, RENDER)}


def screen_of(options: ModelOptions) -> Weights | None:
    """The classifier that looks at images; None where nobody does. Raises Stop 2, or 66 where it is not there."""
    if options.screen is None:
        return None
    _check_place("--screen-model", options.screen_model, "")
    license = APACHE if options.screen_model == ModelOptions.screen_model else None
    return Weights(options.screen_model, license=license)


def recipe_of(options: ModelOptions) -> Recipe | None:
    """The recipe that the options come to; None for the renderer.

    Raises Stop: 2 for names that are none of ours, options without a diffusion model, and a license that is not accepted;
    66 for a folder that is not there.
    """
    if options.model == RENDER and options.preset is None:
        _only_for_models(options)
        return None
    if options.preset is not None and options.preset not in PRESETS:
        raise Stop(USAGE, f"--preset {options.preset}: choose from {', '.join(PRESETS)}")
    recipe = PRESETS[options.preset or (options.model if options.model in PRESETS else USUAL)]
    recipe = _with_parts(recipe, options)
    recipe = _with_settings(recipe, options)
    _check_licenses(recipe, options.accept_license)
    if "mesh" in recipe.control and reads_flame(recipe) and options.head is None:
        raise Stop(
            USAGE,
            "--head: the published mesh ControlNet knows the colours of FLAME, and would misread those of our own head; "
            "name your FLAME file",
        )
    return recipe


def _only_for_models(options: ModelOptions) -> None:
    for option in fields(ModelOptions):
        if getattr(options, option.name) != option.default:
            flag = "--" + option.name.replace("_", "-")
            raise Stop(USAGE, f"{flag}: the renderer has none; name a diffusion model by --model")


def _with_parts(recipe: Recipe, options: ModelOptions) -> Recipe:
    """The recipe with the weights that were named."""
    if options.model in PRESETS:
        named = PRESETS[options.model]
        recipe = replace(recipe, base=named.base, vae=named.vae, lora=named.lora or recipe.lora)
    elif options.model != RENDER:
        _check_place("--model", options.model, f"one of {', '.join(PRESETS)}, ")
        # A model brings its own VAE.
        recipe = replace(recipe, base=Weights(options.model), vae=None)
    if options.revision is not None:
        recipe = replace(recipe, base=replace(recipe.base, revision=options.revision))
    typed = {part: getattr(options, part) for part in ("conditioner", "vae", "lora")}
    for part, name in typed.items():
        if name is not None:
            _check_place(f"--{part}", name, "")
    changed: dict[str, Any] = {
        part: Weights(name) for part, name in typed.items() if name is not None
    }
    return replace(recipe, **changed)


def _check_place(flag: str, typed: str, other: str) -> None:
    path = Path(typed).expanduser()
    if path.exists():
        return
    if typed.startswith((".", "/", "~")):
        raise Stop(NO_INPUT, f"{flag} {typed}: no such folder or file; check the path")
    if typed.count("/") != 1:
        raise Stop(USAGE, f"{flag} {typed}: name {other}a folder, a file, or OWNER/NAME on the hub")


def _with_settings(recipe: Recipe, options: ModelOptions) -> Recipe:
    """The recipe with the numbers and names that were given."""
    for name, known in (("scheduler", tuple(SCHEDULERS)), ("convention", CONVENTIONS)):
        given = getattr(options, name)
        if given is not None and given not in known:
            raise Stop(USAGE, f"--{name} {given}: choose from {', '.join(known)}")
    changed = {
        name: getattr(options, name)
        for name in ("convention", "control_scale", "scheduler", "steps", "guidance")
        if getattr(options, name) is not None
    }
    recipe = replace(recipe, **changed)
    if options.control is not None:
        recipe = _with_control(recipe, options)
    if options.head is not None and "mesh" not in recipe.control:
        raise Stop(USAGE, f"--head {options.head}: no mesh is drawn; it goes with --control mesh")
    return recipe


def _with_control(recipe: Recipe, options: ModelOptions) -> Recipe:
    """The recipe with other pictures for its conditioner."""
    assert options.control is not None
    names = tuple(dict.fromkeys(part.strip() for part in options.control.split(",")))
    for name in names:
        if name != "pose" and name not in CONTROLS:
            known = ", ".join(("pose", *CONTROLS))
            raise Stop(USAGE, f"--control {name}: choose from {known}")
    if recipe.kind == "union":
        strange = [name for name in names if name not in UNION_MODES]
        if strange:
            raise Stop(USAGE, f"--control {strange[0]}: the union ControlNet was not trained on it")
    elif len(names) > 1:
        raise Stop(USAGE, f"--control {options.control}: only --preset union takes several")
    elif names != recipe.control and options.conditioner is None:
        raise Stop(
            USAGE,
            f"--control {names[0]}: the conditioner of {recipe.name} reads {recipe.control[0]}; "
            "name another by --conditioner, or use --preset union",
        )
    return replace(recipe, control=names)


def _check_licenses(recipe: Recipe, accepted: str | None) -> None:
    for _, weights in recipe.weights():
        license = weights.license or FORBIDDING.get(weights.name)
        if license is not None and not license.training and license.name != accepted:
            raise Stop(
                USAGE,
                f"{weights.name}: license {license.name} ({license.terms}; {license.source}); "
                f"--accept-license {license.name} goes on",
            )
