"""What is behind the people: quiet places out of focus, painted small and enlarged, or a photo.

A background is (H, W, 3) float32 linear radiance, before the film. A place is painted on a canvas of about
160 cells as layers of flat shapes, blurred as a lens out of focus would, and enlarged by cubic B-splines. A small lens
keeps what is far nearly sharp: then there are twice as many cells.
"""

from __future__ import annotations

from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.pose.ground import Ground
from headkit.render.shading.canvas import Canvas, blurred, enlarged
from headkit.render.shading.light import Lighting
from headkit.render.shading.places import PLACES

Picture = NDArray[np.float32]

_CELLS: Final = 160  # across the longer side
# Share of the pictures of a place that are taken with a small lens; the others only look right out of focus.
_SHARP: Final = {"street": 0.5, "wall": 0.3, "room": 0.15}


def background(
    name: str,
    lighting: Lighting,
    width: int,
    height: int,
    rng: np.random.Generator,
    ground: Ground | None = None,
    K: NDArray[np.float64] | None = None,
) -> Picture:
    """A place (a key of PLACES) under this light. Raises KeyError for another name.

    ground, K  the floor and the camera, where known: horizon and floor then lie where they must
    """
    sharp = rng.random() < _SHARP.get(name, 0.0)
    scale = (2 * _CELLS if sharp else _CELLS) / max(width, height)
    canvas = Canvas(ceil(width * scale), ceil(height * scale), lighting.name == "night", rng)
    canvas.sharp = sharp
    if ground is not None and K is not None:
        canvas.horizon = ground.horizon(K) / height
        canvas.floor = _floor_edge(ground, K, rng) / height
    PLACES[name](canvas)
    radius = float(rng.uniform(0.0, 2.5) if sharp else rng.uniform(1.6, 4.6))
    pixels = blurred(canvas.pixels, radius) if radius >= 0.5 else canvas.pixels
    # the light's colour lies on the place, too, if weaker: some of it has its own lamps
    cast = np.array(lighting.key_color) + np.array(lighting.sky)
    cast = (cast / cast.mean()) ** 0.6
    return enlarged((pixels * cast / lighting.exposure).astype(np.float32), width, height)


def _floor_edge(ground: Ground, K: NDArray[np.float64], rng: np.random.Generator) -> float:
    """The row at which the floor meets a wall that stands some way behind the people."""
    behind = float(rng.uniform(0.8, 3.5))
    far = (float(ground.contacts[:, 2].max()) if len(ground.contacts) else 2.0) + behind
    # the point of the floor at that depth in the picture's middle: (0, y, far) with y up_y + far up_z = -h
    y = -(ground.height + far * ground.up[2]) / ground.up[1]
    return float(K[1, 2] + K[1, 1] * y / far)


def photo(pixels: NDArray[np.uint8], lighting: Lighting) -> Picture:
    """The background that a picture of (H, W, 3) sRGB shows, so that the film gives it back about as it is."""
    code = pixels.astype(np.float32) / 255.0
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    straight = np.where(
        light <= 0.5, light, 0.5 - 0.5 * np.log(np.maximum(2.0 - 2.0 * light, 0.02))
    )
    return np.ascontiguousarray(straight / lighting.exposure, np.float32)
