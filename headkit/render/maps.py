"""Label maps of a picture as arrays that image files hold.

depth    (H, W) uint16, millimetres along the camera's axis; 0 is the background, 65535 that far or farther
normals  (H, W, 3) uint16, 32768 + 32767 n, camera frame; 0 is the background
parts    (H, W) uint8, the values of surface.Part
pncc     (H, W, 3) uint8, projected normalized coordinate code (Zhu et al. 2016): where on the mean head
         a pixel of a head lies, 0 to 255 over the mean head's extent; 0 elsewhere
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.render.body import load_body
from headkit.render.frame import Frame
from headkit.render.surface import HEAD_PARTS


def depth(frame: Frame) -> NDArray[np.uint16]:
    """Millimetres."""
    return np.clip(np.rint(frame.depth * 1000.0), 0, 65535).astype(np.uint16)


def normals(frame: Frame) -> NDArray[np.uint16]:
    """Of the surfaces, camera frame."""
    coded = np.rint(32768.0 + 32767.0 * frame.normal).astype(np.uint16)
    coded[frame.owner < 0] = 0
    return coded


def parts(frame: Frame) -> NDArray[np.uint8]:
    """What a pixel shows."""
    return frame.part


def pncc(frame: Frame) -> NDArray[np.uint8]:
    """Place on the mean head: red the subject's left, green up, blue out of the face."""
    body = load_body()
    mean = body.template[body.head_vertices[body.head.head_mask]]
    low, high = mean.min(axis=0), mean.max(axis=0)
    coded = np.clip(np.rint((frame.rest - low) / (high - low) * 254.0) + 1.0, 1, 255)
    is_head = np.isin(frame.part, np.array([int(part) for part in HEAD_PARTS], np.uint8))
    coded[~is_head | (frame.owner < 0)] = 0
    return coded.astype(np.uint8)


MAPS: dict[str, Callable[[Frame], NDArray[Any]]] = {
    "depth": depth,
    "normals": normals,
    "parts": parts,
    "pncc": pncc,
}
