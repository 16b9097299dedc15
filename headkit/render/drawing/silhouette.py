"""The outline of one head, drawn alone: for boxes, and for the share of a head that is seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing import raster, samples
from headkit.render.drawing.mesh import pack
from headkit.render.surface import HEAD_PARTS, Material, Part, Surface


@dataclass(frozen=True)
class Silhouette:
    """One head drawn alone: as if nothing hid it, and as if the picture had no border.

    mask       (h, w) bool, at pixel centres
    left, top  picture column and row of mask[0, 0]; below 0 left of and above the picture
    box        x1, y1, x2, y2 of the outline in pixels, from samples every half pixel; None: not seen
    """

    mask: NDArray[np.bool_]
    left: int
    top: int
    box: tuple[float, float, float, float] | None


def silhouette(
    surfaces: Sequence[Surface],
    owner: int,
    K: NDArray[np.float64],
    width: int,
    height: int,
    *,
    parts: Collection[Part] = HEAD_PARTS,
    margin: float = 1.0,
) -> Silhouette:
    """The outline of the faces of `parts` of one person, with the strand test of the picture.

    margin  how far beyond the picture's borders it is followed, in widths and heights of the picture
    """
    wanted = np.array([int(part) for part in parts])
    chosen = []
    for surface in surfaces:
        if surface.owner != owner or surface.material == Material.LENS:
            continue
        faces = np.isin(surface.parts, wanted)
        if faces.any():
            chosen.append(replace(surface, faces=surface.faces[faces], parts=surface.parts[faces]))
    window = _window(chosen, K, width, height, margin)
    if window is None:
        return Silhouette(np.zeros((0, 0), np.bool_), 0, 0, None)
    left, top, right, bottom = window
    mesh = pack(chosen)
    moved = np.array(K, np.float64)
    moved[:2, 2] -= (left, top)
    face_at, inverse_at = raster.buffers(2 * (bottom - top) + 1, 2 * (right - left) + 1)
    raster.draw(mesh, np.arange(len(chosen)), samples.camera_of(moved), face_at, inverse_at)
    seen = face_at >= 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return Silhouette(np.zeros((0, 0), np.bool_), left, top, None)
    box = (
        left + (columns[0] - 0.5) / 2, top + (rows[0] - 0.5) / 2,
        left + (columns[-1] + 0.5) / 2, top + (rows[-1] + 0.5) / 2,
    )  # fmt: skip
    x1, y1, x2, y2 = (float(value) for value in box)
    return Silhouette(np.ascontiguousarray(seen[1::2, 1::2]), left, top, (x1, y1, x2, y2))


def _window(
    surfaces: Sequence[Surface],
    K: NDArray[np.float64],
    width: int,
    height: int,
    margin: float,
) -> tuple[int, int, int, int] | None:
    """left, top, right, bottom of the pixels that the surfaces may cover; None where there are none."""
    borders = (-margin * width, -margin * height, (1 + margin) * width, (1 + margin) * height)
    low, high = np.array(borders[2:]), np.array(borders[:2])
    for surface in surfaces:
        points = surface.vertices[surface.faces.reshape(-1)].astype(np.float64)
        if points[:, 2].min() < raster.NEAR:  # it reaches behind the camera: it may be anywhere
            low, high = high, low
            break
        places = points[:, :2] / points[:, 2:] * (K[0, 0], K[1, 1]) + K[:2, 2]
        low, high = np.minimum(low, places.min(axis=0)), np.maximum(high, places.max(axis=0))
    left, top = (max(floor(a), floor(b)) for a, b in zip(low, borders[:2], strict=True))
    right, bottom = (min(ceil(a), ceil(b)) for a, b in zip(high, borders[2:], strict=True))
    if left >= right or top >= bottom:
        return None
    return left, top, right, bottom
