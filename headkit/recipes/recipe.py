"""All settings that decide what a diffusion model makes of a record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["adapter", "controlnet", "union", "zimage"]
DTYPES = ("float32", "bfloat16", "float16")
# Where each control stands in the list of those that xinsir's Union ControlNet was trained on.
UNION_MODES = {"pose": 0, "depth": 1, "depth-zoe": 1, "body-depth": 1, "normals": 4}

# Sides that SDXL was trained on, near 1024 x 1024 pixels (Podell et al. 2023, appendix I), aspect 1:2 to 2:1.
SDXL_SIZES = (
    (1024, 1024), (1152, 896), (896, 1152), (1216, 832), (832, 1216), (1344, 768), (768, 1344), (1408, 704), (704, 1408),
)  # fmt: skip


@dataclass(frozen=True)
class License:
    """Under what terms weights come.

    name      as --accept-license takes it
    terms     what it says of images, in a line
    training  whether it lets others be trained on images that the weights made
    source    where the terms stand
    """

    name: str
    terms: str
    source: str
    training: bool = True


@dataclass(frozen=True)
class Weights:
    """Where weights are: a name on the hub, a folder or a file; `file` is one file of a repository on the hub."""

    name: str
    revision: str | None = None
    file: str | None = None
    license: License | None = None


@dataclass(frozen=True)
class Scheduler:
    """A sampler whose noise is drawn per image: its class in diffusers, and the settings that differ from the model's."""

    kind: str
    settings: tuple[tuple[str, str | float | bool], ...] = ()


_SDE = (
    ("algorithm_type", "sde-dpmsolver++"),
    ("use_karras_sigmas", True),
)
_TRAILING = (("timestep_spacing", "trailing"),)

# Only those that draw noise from the generator of each image: DPMSolverSDE and CosineDPMSolver draw one tensor for the
# whole batch from a seed of their own, so that an image would depend on its neighbours.
SCHEDULERS: dict[str, Scheduler] = {
    "euler": Scheduler("EulerDiscreteScheduler"),
    "euler-trailing": Scheduler("EulerDiscreteScheduler", _TRAILING),
    "euler-a": Scheduler("EulerAncestralDiscreteScheduler"),
    "heun": Scheduler("HeunDiscreteScheduler"),
    "ddim": Scheduler("DDIMScheduler"),
    "ddim-trailing": Scheduler("DDIMScheduler", _TRAILING),
    "dpm++": Scheduler("DPMSolverMultistepScheduler"),
    "dpm++-karras": Scheduler("DPMSolverMultistepScheduler", (("use_karras_sigmas", True),)),
    "sde-dpm++-karras": Scheduler("DPMSolverMultistepScheduler", _SDE),
    "unipc": Scheduler("UniPCMultistepScheduler"),
    "lcm": Scheduler("LCMScheduler"),
    "tcd": Scheduler("TCDScheduler"),
    "flow-euler": Scheduler("FlowMatchEulerDiscreteScheduler"),
}


@dataclass(frozen=True)
class Recipe:
    """A complete set of settings.

    kind           how the conditioner is put to the model
    control        what its picture shows, one or several (several: union alone)
    convention     how key points are drawn for it
    control_scale  how strongly it is heard
    guidance       of classifier-free guidance (Ho and Salimans 2022); up to 1: none, and half the work
    sizes          width and height of the images that it makes; a record gets the one nearest to its aspect
    stride         sides of images are multiples of it
    source         where the settings are from
    """

    name: str
    summary: str
    base: Weights
    conditioner: Weights | None
    kind: Kind
    convention: str
    control_scale: float
    scheduler: str
    steps: int
    guidance: float
    source: str
    control: tuple[str, ...] = ("pose",)
    vae: Weights | None = None
    lora: Weights | None = None
    sizes: tuple[tuple[int, int], ...] = field(default=SDXL_SIZES, repr=False)
    stride: int = 32

    def weights(self) -> list[tuple[str, Weights]]:
        """Every part that is loaded, by what it is to the recipe."""
        parts = (
            ("base", self.base),
            ("conditioner", self.conditioner),
            ("vae", self.vae),
            ("lora", self.lora),
        )
        return [(part, weights) for part, weights in parts if weights is not None]

    @property
    def guided(self) -> bool:
        """Whether every step asks the network twice, with the words and without."""
        return self.guidance > (0 if self.kind == "zimage" else 1)
