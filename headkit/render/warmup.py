"""A small scene that passes through every kernel of the renderer, so that all are compiled beforehand."""

from __future__ import annotations

import numpy as np

from headkit.render.scene import Scene, Wanted, compose

# A standing person in a picture of 96 x 96.
_POINTS = (
    (48, 14), (50, 12), (46, 12), (52, 13), (44, 13), (57, 24), (39, 24), (60, 36), (36, 36),
    (61, 46), (35, 46), (53, 48), (43, 48), (53, 66), (43, 66), (53, 84), (43, 84),
)  # fmt: skip
_DRESSED = (
    {"sex": "male", "age": 40, "hair": "curly", "beard": "full beard", "glasses": "sunglasses",
     "headwear": "none", "clothes": "shirt"},
    {"sex": "female", "age": 30, "hair": "long", "headwear": "hat", "glasses": "glasses",
     "clothes": "dress"},
)  # fmt: skip


def rehearsal() -> Scene:
    """Two people with all that can be worn."""
    points = np.array([(x, y, 1.0) for x, y in _POINTS])
    box = [30.0, 4.0, 66.0, 90.0]
    wanted = [
        Wanted(points + np.array([shift, 0.0, 0.0]), box, None, words, seed=number)
        for number, (shift, words) in enumerate(zip((-14, 14), _DRESSED, strict=True))
    ]
    return compose(wanted, 96, 96, seed=0)
