"""Skin of a bald head rounded off: each triangle cut in four, whose new corners lie on a curved surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headkit.render.surface import Surface
from headkit.render.wardrobe.tailoring import Floats, unit

_BULGE = 0.75  # share of the way from the flat triangle to the tangent planes


def rounded_off(surface: Surface, chosen: NDArray[np.bool_]) -> Surface:
    """The surface with its `chosen` faces (F,) cut in four (Phong tessellation, Boubekeur and Alexa 2008).

    The edges to other faces stay straight, so that no gap opens there. A surface with strands or colours of
    its own is not for this.
    """
    cut = surface.faces[chosen]
    if not len(cut):
        return surface
    sides = np.concatenate([cut[:, (0, 1)], cut[:, (1, 2)], cut[:, (2, 0)]])
    ends, first, counts = np.unique(
        np.sort(sides, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    middle = (len(surface.vertices) + first.reshape(3, -1)).astype(np.int32)
    a, b, c = cut.T
    ab, bc, ca = middle
    quarters = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    within = (counts == 2)[:, None]
    faces = np.concatenate([surface.faces[~chosen], *(np.stack(q, axis=1) for q in quarters)])
    bulged = np.where(within, _bulged(surface, ends), surface.vertices[ends].mean(axis=1))
    return replace(
        surface,
        vertices=np.concatenate([surface.vertices, bulged]).astype(np.float32),
        normals=unit(_with_middles(surface.normals, ends)),
        faces=faces.astype(np.int32),
        parts=np.concatenate([surface.parts[~chosen], *[surface.parts[chosen]] * 4]),
        rest=_with_middles(surface.rest, ends),
        occlusion=_with_middles(surface.occlusion, ends),
        uv=None if surface.uv is None else _with_middles(surface.uv, ends),
    )


def _with_middles(values: Floats, ends: NDArray[np.int32]) -> Floats:
    """Values of vertices, and after them those of the middles of edges (E, 2)."""
    return np.concatenate([values, values[ends].mean(axis=1)]).astype(np.float32)


def _bulged(surface: Surface, ends: NDArray[np.int32]) -> Floats:
    """Middles (E, 3) of edges, moved towards the tangent planes at both ends."""
    corners, normals = surface.vertices[ends], surface.normals[ends]
    flat = corners.mean(axis=1, keepdims=True)
    depth = ((flat - corners) * normals).sum(axis=2, keepdims=True)
    curved = (flat - depth * normals).mean(axis=1)
    return (flat[:, 0] + _BULGE * (curved - flat[:, 0])).astype(np.float32)
