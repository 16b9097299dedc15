"""A face turned, scaled and moved so that eyes, nose and mouth lie where face networks expect them.

Networks of the ArcFace family see squares of 112 pixels, in which five points lie at fixed places (Deng et al. 2019;
insightface's template for 112 x 112). The similarity that takes a face's own points there with least squares is applied
to the picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from headkit.head.landmarks import IBUG68_PARTS

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

SIDE = 112
# The subject's right eye, left eye, tip of the nose, right and left corner of the mouth. The published numbers count
# pixel centres as whole numbers; here they are at .5.
TEMPLATE: Array = (
    np.array(
        [
            (38.2946, 51.6963),
            (73.5318, 51.5014),
            (56.0252, 71.7366),
            (41.5493, 92.3655),
            (70.7299, 92.2041),
        ]
    )
    + 0.5
)
_NOSE, _RIGHT_CORNER, _LEFT_CORNER = 30, 48, 54
_GROUPS = (
    tuple(IBUG68_PARTS["right_eye"]),
    tuple(IBUG68_PARTS["left_eye"]),
    (_NOSE,),
    (_RIGHT_CORNER,),
    (_LEFT_CORNER,),
)
LEAST_SEEN = 3  # of the five: a profile shows one eye, the nose and one corner of the mouth


def five_points(points: ArrayLike, visible: ArrayLike) -> Array | None:
    """(5, 2) of the 68 iBUG landmarks (68, 2), the middles of the eyes among them.

    visible  (68,) of bool
    None where fewer than LEAST_SEEN of the five are seen, or one is not finite: it is a head from behind.
    """
    all68, seen = np.asarray(points, np.float64), np.asarray(visible, bool)
    five = np.array([all68[list(group)].mean(axis=0) for group in _GROUPS])
    shown = sum(seen[list(group)].mean() >= 0.5 for group in _GROUPS)
    return five if shown >= LEAST_SEEN and np.isfinite(five).all() else None


def similarity(source: ArrayLike, goal: ArrayLike) -> Array:
    """(2, 3) [[a, -b, x], [b, a, y]] that takes points (N, 2) to `goal` with least squares, without a mirror.

    As complex numbers the points differ by a factor and a sum, and the factor is that of a linear regression.
    Raises ValueError where all points are the same.
    """
    points, goals = np.asarray(source, np.float64), np.asarray(goal, np.float64)
    start, end = points @ (1, 1j), goals @ (1, 1j)
    away = start - start.mean()
    spread = float((np.abs(away) ** 2).sum())
    if not spread > 0:
        raise ValueError("the points of a face are all in one place")
    factor = (away.conj() @ (end - end.mean())) / spread
    shift = end.mean() - factor * start.mean()
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def aligned(pixels: Pixels, five: ArrayLike) -> Pixels:
    """(112, 112, 3) the face of a picture (H, W, 3) whose five points (5, 2) are given; black beyond the picture.

    Faces larger than 112 pixels are made smaller by a box filter first, so that bilinear sampling leaves no pixel out.
    Raises ValueError where there is no such face: points in one place, or scaled beyond sense.
    """
    back = similarity(TEMPLATE, five)  # from the square to the picture
    step = float(np.hypot(back[0, 0], back[1, 0]))
    if not 1e-3 < step < 1e3:
        raise ValueError("the points of a face are in one place, or far apart")
    corners = np.array([(0, 0, 1), (SIDE, 0, 1), (0, SIDE, 1), (SIDE, SIDE, 1)]) @ back.T
    height, width = pixels.shape[:2]
    low = np.clip(np.floor(corners.min(axis=0)) - 2, 0, (width, height)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 2, 0, (width, height)).astype(int)
    if (high <= low).any():
        raise ValueError("the face lies outside of the picture")
    part = Image.fromarray(np.ascontiguousarray(pixels[low[1] : high[1], low[0] : high[0]]))
    times = max(1, int(step))
    if times > 1:
        part = part.reduce(times)
    back[:, 2] -= low
    face = part.transform(
        (SIDE, SIDE),
        Image.Transform.AFFINE,
        tuple((back / times).ravel().tolist()),
        Image.Resampling.BILINEAR,
    )
    return np.array(face)
