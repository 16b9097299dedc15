"""How each conditioner wants its pictures: facts of what was published, as two tables, POSES and RENDERED.

Skeletons. All know the 18 points of OpenPose: those of COCO in another order, and a neck half-way between the shoulders.
They differ in how wide, how bright and in which order limbs and joints are laid on black, in which points count, and
in the order of the channels, which swaps left and right limbs where it is wrong and nothing else would notice.

Rendered pictures. Conditioners of depth and normals were trained on what networks guessed from photos, walls and
floors with it; here they are exact, and end where people end. Behind these a wall is taken to stand, so that the
picture has the levels of a photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

# The points of OpenPose by those of COCO; None is the neck.
POINTS: Final = (0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
SHOULDERS: Final = (5, 6)  # of COCO
# Pairs of POINTS; limb k and point k have the colour COLORS[k], red, green, blue.
LIMBS: Final = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10),
    (1, 11), (11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
COLORS: Final = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0),
    (0, 255, 0), (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255),
    (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
)  # fmt: skip


@dataclass(frozen=True)
class PoseConvention:
    """One way to draw skeletons.

    name           as records and options say it
    source, notes  where it is published, and what a reader should know
    limb_width     half the width of a limb in its middle, and the radius of a joint, in pixels
    per_side       shorter side, in pixels, of the picture that this width is for: others scale it; None: see `steps`
    steps          whether the width is `limb_width` times 1, 2, 3... by the longer side (below 500, 1000, 2000...)
    limb_share     brightness of limbs, of the colour
    order          "person": one person after the other, limbs, then joints;
                   "layer": everybody's limbs, one kind after the other, then everybody's joints;
                   "mixed": everybody's joints, then limbs laid over them, `limb_share` of each and the rest of what
                   was there
    lone_joints    whether a point is drawn of which no limb is
    channels       order of the channels
    cut            confidence from which a point counts
    neck           "both": where both shoulders count; "mean": where their mean confidence does
    outside        how far from the picture's border a point still counts, in sides of the picture; the detectors of
                   most conventions find none outside
    """

    name: str
    source: str
    notes: str
    limb_width: int = 4
    per_side: int | None = 512
    steps: bool = False
    limb_share: float = 0.6
    order: Literal["person", "layer", "mixed"] = "person"
    lone_joints: bool = True
    channels: Literal["rgb", "bgr"] = "rgb"
    cut: float = 0.3
    neck: Literal["both", "mean"] = "both"
    outside: float = 0.0

    def width_in(self, width: int, height: int) -> int:
        """Half the width of a limb, and the radius of a joint, in a picture of that size; at least 1."""
        if self.steps:
            longer = max(width, height)
            return self.limb_width * (1 if longer < 500 else min(2 + longer // 1000, 7))
        if self.per_side is None:
            return self.limb_width
        return max(1, round(self.limb_width * min(width, height) / self.per_side))


CONVENTIONS: Final = (
    PoseConvention(
        "controlnet-v1",
        "ControlNet 1.0 annotator; T2I-Adapter repository (SD 1.4 and 1.5)",
        "drawn at 512 pixels; the only one whose limbs let joints and other limbs shine through",
        order="mixed",
    ),
    PoseConvention(
        "controlnet-aux",
        "controlnet_aux, OpenposeDetector; ControlNet 1.1 and what was trained with it (thibaud, SD 1.5 openpose)",
        "drawn where the shorter side has 512 pixels and scaled up afterwards",
    ),
    PoseConvention(
        "t2i-adapter",
        "card of TencentARC/t2i-adapter-openpose-sdxl-1.0",
        "controlnet-aux with detect_resolution 512, image_resolution 1024, then [:, :, ::-1]",
        channels="bgr",
    ),
    PoseConvention(
        "vggheads",
        "KupynOrest/head_detector, data_generator/yolo_pose_processor.py",
        "for the same adapter; its pictures have 1024 pixels along the shorter side, and its detector (YOLO-NAS)"
        " also says where a joint is outside",
        limb_width=8,
        per_side=1024,
        lone_joints=False,
        channels="bgr",
        neck="mean",
        outside=0.25,
    ),
    PoseConvention(
        "dwpose",
        "IDEA-Research/DWPose; Z-Image and Qwen-Image controls",
        "everybody's limbs in one layer, darkened at once; hands and faces are left out, since records have none",
        order="layer",
    ),
    PoseConvention(
        "xinsir",
        "xinsir6/ControlNetPlus README; xinsir/controlnet-openpose-sdxl-1.0 and controlnet-union-sdxl-1.0",
        "controlnet-aux with limbs 2 to 7 times as wide; the README calls the usual width unstable",
        per_side=None,
        steps=True,
    ),
)
POSES: Final = {convention.name: convention for convention in CONVENTIONS}


@dataclass(frozen=True)
class RenderedConvention:
    """One way to code what the renderer knows.

    name           as records and options say it
    shows          "people": everybody as drawn, with hair and clothes; "bodies": bare bodies; "heads": meshes of heads
    code           "inverse": 1 / depth, from the wall behind everybody (0) to the nearest point (255);
                   "metric": depth, from its 2nd percentile (255) to its 85th (0), as ZoeDepth is shown;
                   "normals": red is left, green is up, blue is towards the camera;
                   "coordinates": red, green, blue are x, y, z on the head model's template (PNCC)
    source, notes  where it is published, and what a reader should know
    """

    name: str
    shows: Literal["people", "bodies", "heads"]
    code: Literal["inverse", "metric", "normals", "coordinates"]
    source: str
    notes: str


RENDERED_CONVENTIONS: Final = (
    RenderedConvention(
        "depth",
        "people",
        "inverse",
        "MiDaS as controlnet_aux shows it: diffusers/controlnet-depth-sdxl-1.0, t2i-adapter-depth-midas-sdxl-1.0,"
        " xinsir depth and union, Z-Image union",
        "MiDaS knows inverse depth up to scale and shift, so that the wall chooses both",
    ),
    RenderedConvention(
        "depth-zoe",
        "people",
        "metric",
        "ZoeDepth as controlnet_aux shows it: t2i-adapter-depth-zoe-sdxl-1.0; xinsir depth takes it too",
        "near is white here, too",
    ),
    RenderedConvention(
        "body-depth",
        "bodies",
        "inverse",
        "as depth",
        "leaves hair, headwear and clothes to the prompt",
    ),
    RenderedConvention(
        "normals",
        "people",
        "normals",
        "ControlNet 1.1 README (normalbae, NYU-V2's colours); xinsir union",
        "the red of many renderers and of generate --maps normals grows to the other side",
    ),
    RenderedConvention(
        "mesh",
        "heads",
        "coordinates",
        "Zhu et al. 2016; KupynOrest/head_detector, pncc_processor.py; okupyn/head-mesh-controlnet-xl with FLAME",
        "the colours belong to one head model; see headkit.conditioning.mesh_colors",
    ),
)
RENDERED: Final = {convention.name: convention for convention in RENDERED_CONVENTIONS}
