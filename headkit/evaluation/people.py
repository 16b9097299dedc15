"""People against people: object key-point similarity.

As COCO has it (cocoeval: k_i = 2 sigma_i), with the area of a person taken as 0.53 of the box's, as is usual where no
silhouette is annotated (xtcocotools does so too).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
AREA = 0.53  # of a person, as a share of the box


def similarity(points: Array, truth: Array, boxes: Array) -> Array:
    """(m, n) object key-point similarity of (m, 17, 3) found to (n, 17, 3) true people with (n, 4) boxes."""
    apart = ((points[:, None, :, :2] - truth[None, :, :, :2]) ** 2).sum(axis=3)
    area = AREA * np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    shares = np.exp(-apart / (2 * (2 * SIGMAS) ** 2 * np.maximum(area, 1e-9)[None, :, None]))
    known = truth[None, :, :, 2] > 0
    return np.asarray((shares * known).sum(axis=2) / np.maximum(known.sum(axis=2), 1))
