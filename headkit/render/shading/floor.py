"""Shadows of people on the floor: cast by the key light, and dark where somebody touches it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.mesh import Mesh
from headkit.render.pose.ground import Ground
from headkit.render.shading import shadow
from headkit.render.shading.canvas import enlarged
from headkit.render.shading.light import FILL, KEY, SKY

_CELL: Final = 4  # pixels: shadows on a floor out of focus are soft
_BEHIND: Final = 2.0  # metres of floor behind the farthest contact; there shadows have faded


def darken(
    background: NDArray[np.float32],
    mesh: Mesh,
    light: NDArray[np.float64],
    ground: Ground,
    K: NDArray[np.float64],
) -> NDArray[np.float32]:
    """The (H, W, 3) background with the people's shadows on its floor.

    light  Lighting.row(); K (3, 3) intrinsics in pixels
    """
    height, width = background.shape[:2]
    rows, columns = -(-height // _CELL), -(-width // _CELL)
    x = ((np.arange(columns) + 0.5) * width / columns - K[0, 2]) / K[0, 0]
    y = ((np.arange(rows) + 0.5) * height / rows - K[1, 2]) / K[1, 1]
    rays = np.stack([*np.broadcast_arrays(x[None, :], y[:, None]), np.ones((rows, columns))], -1)
    down = -(rays @ ground.up)
    far = float(ground.contacts[:, 2].max()) + _BEHIND if len(ground.contacts) else 0.0
    away = ground.height / np.maximum(down, 1e-6)
    seen = (down > 1e-3) & (away < far) & (ground.height > 0)
    if not seen.any():
        return background
    points = (rays[seen] * away[seen][:, None]).astype(np.float32)
    share = 1.0 - np.clip((away[seen] - far + _BEHIND) / _BEHIND, 0.0, 1.0)
    loss = np.zeros((rows, columns, 3))
    loss[seen] = (_cast(mesh, light, ground, points)[:, None] * _key_share(light, ground)) * share[
        :, None
    ]
    loss[seen] = 1.0 - (1.0 - loss[seen]) * (1.0 - _touch(ground, points))[:, None]
    return background * (1.0 - enlarged(loss.astype(np.float32), width, height))


def _cast(
    mesh: Mesh, light: NDArray[np.float64], ground: Ground, points: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Share of the key light that does not reach points of the floor."""
    normals = np.broadcast_to(ground.up.astype(np.float32), points.shape)
    nobody = np.zeros(len(points), np.int32)
    number = np.arange(len(points))
    return 1.0 - shadow.sunlit(
        mesh, light, points, np.ascontiguousarray(normals), nobody, number, 1024
    ).astype(np.float64)


def _key_share(light: NDArray[np.float64], ground: Ground) -> NDArray[np.float64]:
    """Share of the floor's light that comes from the key, by channel."""
    key = max(0.0, float(light[KEY : KEY + 3] @ ground.up)) * light[KEY + 3 : KEY + 6]
    rest = 0.5 * light[FILL + 3 : FILL + 6] + light[SKY : SKY + 3]
    return np.asarray(key / (key + rest))


def _touch(ground: Ground, points: NDArray[np.float32]) -> NDArray[np.float64]:
    """How dark it is under feet: 0 to about 0.7."""
    light = np.ones(len(points))
    for contact, radius in zip(ground.contacts, ground.radii, strict=True):
        square = ((points - contact) ** 2).sum(axis=1)
        light *= (
            1.0 - 0.5 * np.exp(-square / radius**2) - 0.22 * np.exp(-square / (3 * radius) ** 2)
        )
    return 1.0 - light
