"""The pictures that condition a diffusion model: drawn skeletons, and what the embedded renderer knows of a record.

Importing this is light; numpy and the renderer load with the first picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headkit.conditioning.conventions import POSES, RENDERED
from headkit.tool import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from headkit.conditioning.mesh_fit import MeshFitter
    from headkit.conditioning.scenes import Rendered
    from headkit.render.drawing.frame import Frame
    from headkit.render.scene import Scene

CONVENTIONS = tuple(POSES)  # names of ways to draw skeletons
CONTROLS = tuple(RENDERED)  # names of pictures that the renderer makes


def pose_image(
    poses: Sequence[Mapping[str, Any]], width: int, height: int, convention: str
) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: skeletons on black, in the channel order that the conditioner is fed with.

    poses       of a record: `keypoints`, 17 x [x, y, confidence] in COCO order, in pixels of the picture
    convention  one of CONVENTIONS
    """
    from headkit.conditioning.skeletons import drawn

    return drawn(poses, width, height, POSES[convention])


def prepare(
    controls: Sequence[str], head: str = "headkit", *, published_mesh: bool = False
) -> MeshFitter | None:
    """Makes ready for `rendered`: loads the head model and compiles the renderer. To be called once per process.

    controls        some of CONTROLS
    head            "headkit", our own, or the path of a FLAME file, as of --head
    published_mesh  whether they go to the published mesh ControlNet, which knows FLAME's colours and no others
    Returns what `rendered` wants as `fitter`; its `model` is the head model. Raises Stop where the published network is
    asked to read our own head, and for a file that is none.
    """
    from headkit.conditioning.starting import start

    return start(controls, head, published_mesh=published_mesh)


def rendered(
    record: Record, controls: Sequence[str], seed: int, fitter: MeshFitter | None = None
) -> Rendered:
    """Pictures of what `generate` would draw for a record, as conditioners read them, and the labels of the heads.

    record    in pixels of the picture: width, height, poses, and what `generate` reads beside
    controls  some of CONTROLS, several at once
    seed      of the run
    fitter    from `prepare`; None: our own head
    Raises RequestError for what is wrong with the record.
    """
    from headkit.conditioning.scenes import render

    return render(record, controls, seed, fitter)


def beside(
    names: Sequence[str], scene: Scene, frame: Frame, poses: Sequence[Mapping[str, Any]]
) -> dict[str, NDArray[np.uint8]]:
    """The named pictures that would make a conditioner ask for an image that was rendered, each as it is fed.

    names         some of CONVENTIONS and CONTROLS
    scene, frame  what was drawn, and the image; poses: of the record, in its pixels
    """
    from headkit.conditioning.scenes import pictures

    made = pictures(scene, frame, [name for name in names if name in RENDERED])
    for name in set(names) & set(POSES):
        made[name] = pose_image(poses, scene.width, scene.height, name)
    return {name: made[name] for name in names}
