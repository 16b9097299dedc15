"""The table of presets."""

from __future__ import annotations

from dataclasses import replace

from headkit.recipes.licenses import APACHE, BYTEDANCE, CC_BY_NC, MIT, OPENRAIL, STABILITY_RESEARCH
from headkit.recipes.recipe import Recipe, Weights

_SDXL = Weights("stabilityai/stable-diffusion-xl-base-1.0", license=OPENRAIL)
_OPENPOSE_ADAPTER = Weights("TencentARC/t2i-adapter-openpose-sdxl-1.0", license=APACHE)
# The VAE of SDXL overflows in half precision; this one does not, and is as good in every other.
_VAE = Weights("madebyollin/sdxl-vae-fp16-fix", license=MIT)
_LIGHTNING = Weights("ByteDance/SDXL-Lightning", license=OPENRAIL)
_HYPER = Weights("ByteDance/Hyper-SD", license=BYTEDANCE)

_ADAPTER = Recipe(
    name="sdxl",
    summary="SDXL base with the T2I adapter for poses",
    base=_SDXL,
    conditioner=_OPENPOSE_ADAPTER,
    kind="adapter",
    convention="t2i-adapter",
    control_scale=1.0,
    scheduler="euler-a",
    steps=30,
    guidance=7.5,
    vae=_VAE,
    source="card of TencentARC/t2i-adapter-openpose-sdxl-1.0",
)
_CONTROLNET = replace(
    _ADAPTER,
    name="controlnet",
    summary="SDXL base with xinsir's ControlNet for poses: hears them better, 45% more work",
    conditioner=Weights("xinsir/controlnet-openpose-sdxl-1.0", license=APACHE),
    kind="controlnet",
    convention="xinsir",
    guidance=5.0,
    source="card of xinsir/controlnet-openpose-sdxl-1.0",
)

PRESETS: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        replace(
            _ADAPTER,
            name="vggheads",
            summary="the recipe of VGGHeads: RealVisXL V4.0, T2I adapter at 0.7, 40 steps",
            base=Weights("SG161222/RealVisXL_V4.0", license=OPENRAIL),
            convention="vggheads",
            control_scale=0.7,
            scheduler="sde-dpm++-karras",
            steps=40,
            guidance=7.0,
            vae=None,
            source="KupynOrest/head_detector, data_generator",
        ),
        _ADAPTER,
        _CONTROLNET,
        replace(
            _CONTROLNET,
            name="union",
            summary="SDXL base with xinsir's Union ControlNet: poses, depth, normals, several at once",
            conditioner=Weights("xinsir/controlnet-union-sdxl-1.0", license=APACHE),
            kind="union",
            source="card of xinsir/controlnet-union-sdxl-1.0",
        ),
        *(
            replace(
                _ADAPTER,
                name=f"lightning-{steps}",
                summary=f"SDXL-Lightning, {steps} steps, with the T2I adapter for poses",
                lora=replace(_LIGHTNING, file=f"sdxl_lightning_{steps}step_lora.safetensors"),
                scheduler="euler-trailing",
                steps=steps,
                guidance=0.0,
                source="card of ByteDance/SDXL-Lightning",
            )
            for steps in (4, 8)
        ),
        *(
            replace(
                _ADAPTER,
                name=f"hyper-{steps}",
                summary=f"Hyper-SDXL, {steps} steps that keep guidance, with the T2I adapter for poses",
                lora=replace(_HYPER, file=f"Hyper-SDXL-{steps}steps-CFG-lora.safetensors"),
                scheduler="ddim-trailing",
                steps=steps,
                guidance=5.0,
                source="card of ByteDance/Hyper-SD",
            )
            for steps in (8, 12)
        ),
        replace(
            _CONTROLNET,
            name="mesh",
            summary="SDXL base with the ControlNet for head meshes of VGGHeads; wants --head, a FLAME file",
            conditioner=Weights("okupyn/head-mesh-controlnet-xl", license=CC_BY_NC),
            control=("mesh",),
            source="card of okupyn/head-mesh-controlnet-xl: scale and sampler; steps and guidance of the other ControlNets",
        ),
        Recipe(
            name="zimage",
            summary="Z-Image-Turbo, 8 steps, with its Union ControlNet for poses",
            base=Weights("Tongyi-MAI/Z-Image-Turbo", license=APACHE),
            # The authors' file (alibaba-pai/Z-Image-Turbo-Fun-Controlnet-Union) as diffusers reads it.
            conditioner=Weights("hlky/Z-Image-Turbo-Fun-Controlnet-Union", license=APACHE),
            kind="zimage",
            convention="dwpose",
            control_scale=0.75,
            scheduler="flow-euler",
            steps=8,
            guidance=0.0,
            source="diffusers, ZImageControlNetPipeline; card of the ControlNet: 0.65 to 0.80",
        ),
        replace(
            _ADAPTER,
            name="turbo",
            summary="SDXL-Turbo, 4 steps, with the T2I adapter for poses; images may train nothing",
            base=Weights("stabilityai/sdxl-turbo", license=STABILITY_RESEARCH),
            scheduler="euler-a",
            steps=4,
            guidance=0.0,
            sizes=((512, 512), (576, 448), (448, 576), (608, 416), (416, 608)),
            source="card of stabilityai/sdxl-turbo",
        ),
    )
}


def reads_flame(recipe: Recipe) -> bool:
    """Whether its conditioner is the published network for head meshes, which knows FLAME's colours and no others."""
    published = PRESETS["mesh"].conditioner
    assert published is not None
    return recipe.conditioner is not None and recipe.conditioner.name == published.name


def license_table() -> list[str]:
    """A line for each license of the presets: what it says of images, and where it stands."""
    known = {
        weights.license.name: weights.license
        for recipe in PRESETS.values()
        for _, weights in recipe.weights()
        if weights.license is not None
    }
    return [
        f"{name:<20}{license.terms} ({license.source})" for name, license in sorted(known.items())
    ]


def table() -> list[str]:
    """A line for each preset: what it is, and the licenses of its weights."""
    lines = []
    for recipe in PRESETS.values():
        licenses = {weights.license.name for _, weights in recipe.weights() if weights.license}
        lines.append(f"{recipe.name:<13}{recipe.summary} ({', '.join(sorted(licenses))})")
    return lines
