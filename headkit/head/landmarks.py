"""The 68 iBUG landmarks: what they mark, how they are joined, and what a mirrored picture makes of them.

Right and left are the subject's: point 0 is by the right ear, which is at the left of a face-on picture.
Points 0 to 16 are fixed points of the jaw here, not the visible contour, which slides over the cheek as
the head turns.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

IBUG68_PARTS: Final[dict[str, range]] = {
    "jaw": range(17),
    "right_brow": range(17, 22),
    "left_brow": range(22, 27),
    "nose_bridge": range(27, 31),
    "nose_base": range(31, 36),
    "right_eye": range(36, 42),
    "left_eye": range(42, 48),
    "outer_lip": range(48, 60),
    "inner_lip": range(60, 68),
}
CLOSED: Final = ("right_eye", "left_eye", "outer_lip", "inner_lip")  # parts that are drawn as rings

# Point k of a mirrored picture is point IBUG68_MIRROR[k] of the original.
# fmt: off
IBUG68_MIRROR: Final[tuple[int, ...]] = (
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)
# fmt: on

# Points of MediaPipe's face mesh (468, or 478 with the irises) that mark the same place as a point of the 68: iBUG point
# -> mesh point. Of the published mesh's rings of brows, eyes and lips and its middle line, the point nearest to that of
# our mean head (a median of 4 mm once the two are laid over each other: give such points a deviation of that size).
# Of the 17 of the jaw only the chin is the same: the mesh's oval runs elsewhere than our fixed points.
# fmt: off
MEDIAPIPE_OF_IBUG68: Final[dict[int, int]] = {
    8: 152,
    17: 70, 18: 63, 19: 105, 20: 66, 21: 107, 22: 336, 23: 296, 24: 334, 25: 293, 26: 300,
    27: 168, 28: 197, 29: 195, 30: 1, 31: 98, 32: 97, 33: 2, 34: 326, 35: 327,
    36: 33, 37: 160, 38: 158, 39: 133, 40: 153, 41: 144,
    42: 362, 43: 385, 44: 387, 45: 263, 46: 373, 47: 380,
    48: 61, 49: 39, 50: 37, 51: 0, 52: 267, 53: 269, 54: 291, 55: 321, 56: 314, 57: 17, 58: 84, 59: 91,
    60: 78, 61: 81, 62: 13, 63: 311, 64: 308, 65: 317, 66: 14, 67: 87,
}
# fmt: on


def from_mediapipe(points: ArrayLike) -> NDArray[np.float64]:
    """(..., 68, n) landmarks in the iBUG order of (..., 468 or 478, n) points of MediaPipe's face mesh.

    The first two of n columns must be pixels already (MediaPipe's own are shares of width and height). The 16 points
    of the jaw that the mesh does not have are NaN, which the solver leaves out.
    Raises ValueError on another number of points.
    """
    mesh = np.asarray(points, dtype=np.float64)
    if mesh.ndim < 2 or mesh.shape[-2] not in {468, 478}:
        raise ValueError(f"MediaPipe points: shape {mesh.shape}, must be (..., 468 or 478, n)")
    out = np.full((*mesh.shape[:-2], 68, mesh.shape[-1]), np.nan)
    out[..., list(MEDIAPIPE_OF_IBUG68), :] = mesh[..., list(MEDIAPIPE_OF_IBUG68.values()), :]
    return out


def lines() -> list[tuple[int, int]]:
    """Pairs of points to join with a line when the 68 are drawn."""
    pairs: list[tuple[int, int]] = []
    for name, points in IBUG68_PARTS.items():
        ring = list(points)
        pairs += itertools.pairwise(ring)
        if name in CLOSED:
            pairs.append((ring[-1], ring[0]))
    return pairs


def mirrored(
    points: ArrayLike, width: float, permutation: ArrayLike = IBUG68_MIRROR
) -> NDArray[np.float64]:
    """The (n, 2 or more) landmarks of the picture turned left to right, in their own order.

    width is the picture's, in pixels: x becomes width - x, since pixel centres are at .5. permutation is
    IBUG68_MIRROR, or HeadModel.dense_mirror for the dense set. Columns past the second are kept.
    """
    moved = np.array(points, dtype=np.float64)[np.asarray(permutation)]
    moved[:, 0] = width - moved[:, 0]
    return moved
