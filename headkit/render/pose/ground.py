"""The floor that people stand or sit on, as far as their bodies tell where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL = np.array([0.0, -1.0, 0.0])  # against gravity, of a level camera
_TOUCHING = 0.06  # metres above the floor at which a body still touches it
_SPREAD = 0.35  # metres by which the lowest points of people may differ on one floor


@dataclass(frozen=True, eq=False)
class Ground:
    """A plane in the camera frame: all X with X . up = -height.

    up        (3,) unit, against gravity
    height    metres of the camera above the floor
    contacts  (N, 3) where somebody touches the floor, metres
    radii     (N,) how far the touch reaches, metres
    """

    up: Array
    height: float
    contacts: Array
    radii: Array

    def horizon(self, K: Array) -> float:
        """The row at which the floor ends far away, in the picture's middle; may lie outside of it."""
        tilt = self.up[2] / self.up[1]
        return float(K[1, 2] - K[1, 1] * tilt)


def find_ground(bodies: Sequence[Array], up: Array) -> Ground | None:
    """The floor under posed bodies, each (V, 3) vertices; None where nobody is.

    It lies at the median of the people's lowest points. Those who are much higher sit on something that
    nobody sees, or jump: they do not touch it.
    """
    if not bodies:
        return None
    below = [-(points @ up) for points in bodies]
    lowest = np.array([np.quantile(depths, 0.999) for depths in below])
    height = float(np.median(lowest))
    contacts, radii = [], []
    for points, depths in zip(bodies, below, strict=True):
        if abs(float(depths.max()) - height) > _SPREAD:
            continue
        touching = points[depths > depths.max() - _TOUCHING]
        left = touching[:, 0] <= np.median(touching[:, 0])  # most often a foot each
        for part in (touching[left], touching[~left]):
            if len(part):
                contacts.append(part.mean(axis=0))
                radii.append(0.05 + float(np.sqrt(part.var(axis=0).sum())))
    return Ground(
        np.asarray(up, np.float64),
        height,
        np.array(contacts, np.float64).reshape(-1, 3),
        np.array(radii, np.float64),
    )
