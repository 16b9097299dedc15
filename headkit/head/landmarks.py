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
