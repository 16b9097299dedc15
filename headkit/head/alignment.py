"""The similarity that lays one set of points over another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def similarity(
    source: ArrayLike, goal: ArrayLike, *, scaled: bool = True
) -> tuple[float, NDArray[Any], NDArray[Any]]:
    """Scale, rotation (3, 3), shift (3,) that take points (N, 3) to `goal` with least squares (Umeyama 1991)."""
    a, b = np.asarray(source, dtype=np.float64), np.asarray(goal, dtype=np.float64)
    middle_a, middle_b = a.mean(axis=0), b.mean(axis=0)
    u, values, vt = np.linalg.svd((b - middle_b).T @ (a - middle_a))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    turn = (u * sign) @ vt
    spread = max(float(((a - middle_a) ** 2).sum()), 1e-30)
    scale = float((values * sign).sum()) / spread if scaled else 1.0
    return scale, turn, middle_b - scale * turn @ middle_a
