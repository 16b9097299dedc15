"""Head breadth, length, circumference and eye distance of a mesh, as anthropometrists take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from headkit.make.human_source import BODY_END, LEFT_EYE_END, RIGHT_EYE_END, TONGUE_END
from headkit.make.landmark_ids import NASION

Array = NDArray[Any]


@dataclass(frozen=True)
class HeadSize:
    """Metres: greatest breadth above the ears, glabella to the farthest occiput, tape about both, eye centres apart."""

    breadth: float
    length: float
    circumference: float
    eyes: float


def measures(points: Array, faces: Array, ears: Array) -> HeadSize:
    """The four measures of (V, 3) rest vertices in the canonical frame; arguments as `circumference` takes them."""
    body = points[:BODY_END]
    skull = body[(body[:, 1] > points[NASION, 1]) & (ears[:BODY_END] < 0.3)]
    back = body[(np.abs(body[:, 0]) < 0.02) & (body[:, 1] > points[NASION, 1] - 0.05)]
    eyes = points[TONGUE_END:LEFT_EYE_END].mean(axis=0) - points[LEFT_EYE_END:RIGHT_EYE_END].mean(
        axis=0
    )
    return HeadSize(
        breadth=float(np.ptp(skull[:, 0])),
        length=float(np.linalg.norm(back - points[_glabella(points)], axis=1).max()),
        circumference=circumference(points, faces, ears),
        eyes=float(np.linalg.norm(eyes)),
    )


def circumference(points: Array, faces: Array, ears: Array) -> float:
    """The tape's length about the head: largest hull of a plane section through the forehead, above the ears.

    points (V, 3) in the canonical frame, faces (F, 3), ears (13718,) mask of the ears, which the tape leaves out.
    """
    lines = skull_section_edges(points, faces, ears)
    front = points[_glabella(points)]
    best = 0.0
    for tilt in np.deg2rad(np.arange(-30, 21, 2.5)):  # the plane rises or falls towards the back
        normal = np.array([0.0, np.cos(tilt), np.sin(tilt)])
        best = max(best, _hull_length(points, lines, front, normal))
    return best


def skull_section_edges(points: Array, faces: Array, ears: Array) -> Array:
    """(E, 2) edges of body faces above the nose, without ears."""
    keep = (faces < BODY_END).all(axis=1)
    keep &= (points[np.minimum(faces, BODY_END - 1)][..., 1] > points[NASION, 1] - 0.06).any(axis=1)
    kept = faces[keep]
    kept = kept[ears[kept].max(axis=1) < 0.5]
    edges = np.concatenate([kept[:, [0, 1]], kept[:, [1, 2]], kept[:, [2, 0]]])
    return np.unique(np.sort(edges, axis=1), axis=0)


def _glabella(points: Array) -> int:
    """The midline vertex that stands out most between nasion and 30 mm above it."""
    body = points[:BODY_END]
    band = (
        (np.abs(body[:, 0]) < 1e-3)
        & (body[:, 1] > points[NASION, 1] + 0.004)
        & (body[:, 1] < points[NASION, 1] + 0.03)
    )
    ids = np.flatnonzero(band)
    return int(ids[np.argmax(body[ids, 2])])


def _hull_length(points: Array, edges: Array, origin: Array, normal: Array) -> float:
    """Perimeter of the convex hull of the section of the edges by a plane."""
    side = (points - origin) @ normal
    a, b = side[edges[:, 0]], side[edges[:, 1]]
    cut = a * b < 0
    share = (a[cut] / (a[cut] - b[cut]))[:, None]
    section = points[edges[cut, 0]] * (1 - share) + points[edges[cut, 1]] * share
    across = np.cross(normal, [1.0, 0.0, 0.0])
    flat = np.stack([section[:, 0], section @ across], axis=1)
    return float(ConvexHull(flat).area)  # the perimeter, in two dimensions
