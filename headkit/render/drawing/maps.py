"""Label images of a frame, as arrays that a PNG holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.frame import Frame
from headkit.render.surface import Part

# Parts that the head model's surface covers: PNCC is drawn there and on no hair, clothes or accessories.
_CODED: Final = (Part.FACE, Part.EAR, Part.EYE, Part.LIP, Part.BROW)


def depth_map(frame: Frame) -> NDArray[np.uint16]:
    """(H, W) millimetres along the camera's axis; 0 the background, 65535 that far or farther."""
    return np.clip(np.rint(frame.depth * 1000.0), 0, 65535).astype(np.uint16)


def normal_map(frame: Frame) -> NDArray[np.uint8]:
    """(H, W, 3): x right, y up, z towards the camera, from -1..1 to 1..255; 0 the background."""
    turned = frame.normal * np.array([1.0, -1.0, -1.0], np.float32)
    code = np.rint(128.0 + 127.0 * turned)
    return np.where(frame.owner[..., None] >= 0, code, 0).astype(np.uint8)


def part_map(frame: Frame) -> NDArray[np.uint8]:
    """(H, W) numbers of surface.Part; 0 the background."""
    return frame.part


def pncc_map(frame: Frame, low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.uint16]:
    """(H, W, 3) projected normalised coordinate code: where on the mean head each pixel lies.

    low, high  corners of the mean head's box in the rest frame; x, y, z from these to 0..65535
    The code of skin and eyes, 0 elsewhere. (Zhu et al. 2016, Face alignment across large poses)
    """
    share = (frame.rest - low) / (np.asarray(high) - low)
    code = np.rint(np.clip(share, 0.0, 1.0) * 65535.0)
    coded = np.isin(frame.part, [int(part) for part in _CODED])
    return np.where(coded[..., None], code, 0).astype(np.uint16)


def drawn(
    names: tuple[str, ...], frame: Frame, low: NDArray[Any], high: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    """The named maps, some of MAPS. Raises KeyError for another name."""
    makers: dict[str, Callable[[], NDArray[Any]]] = {
        "depth": lambda: depth_map(frame),
        "normals": lambda: normal_map(frame),
        "parts": lambda: part_map(frame),
        "pncc": lambda: pncc_map(frame, low, high),
    }
    return {name: makers[name]() for name in names}


MAPS: Final = ("depth", "normals", "parts", "pncc")
