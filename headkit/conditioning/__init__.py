"""The pictures that condition a diffusion model: drawn skeletons, and what the embedded renderer knows of a record.

Importing this is light; numpy and the renderer load with the first picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headkit.conditioning.conventions import POSES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONVENTIONS = tuple(POSES)  # names of ways to draw skeletons


def pose_image(
    poses: Sequence[Mapping[str, Any]], width: int, height: int, convention: str
) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: skeletons on black, in the channel order that the conditioner is fed with.

    poses       of a record: `keypoints`, 17 x [x, y, confidence] in COCO order, in pixels of the picture
    convention  one of CONVENTIONS
    """
    from headkit.conditioning.skeletons import drawn

    return drawn(poses, width, height, POSES[convention])
