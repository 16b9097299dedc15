"""Cloth that yields where the wearer's own head touches it: a sleeve flattens, it does not cut the face."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headkit.render.human.body import Body, load_body
from headkit.render.surface import Part
from headkit.render.wardrobe.tailoring import Floats
from headkit.render.wardrobe.wearer import Wearer

_GAP = 0.005  # metres between skin and cloth, at an adult's size
_SHARP = 0.0012  # 1 - cosine of the angle within which skin counts as in one direction
_BESIDE = 0.02  # 1 - cosine: farther from any direction of skin is neck, which is left alone


def off_head(wearer: Wearer, points: Floats, size: float) -> Floats:
    """Shift (N, 3) of cloth points that brings those inside the head to just outside it.

    points  (N, 3) camera frame, metres
    size    of the wearer against an adult
    The head is taken as its skin seen from its middle: a point goes outwards along its ray.
    """
    shift = np.zeros(points.shape, np.float32)
    head = wearer.posed[_head(load_body())]
    middle = (head.min(axis=0) + head.max(axis=0)) / 2
    skin = head - middle
    radius = np.linalg.norm(skin, axis=1)
    away = points - middle
    distance = np.linalg.norm(away, axis=1)
    near = np.flatnonzero(distance < float(radius.max()) + _GAP * size)
    if not len(near):
        return shift
    rays = away[near] / np.maximum(distance[near], 1e-6)[:, None]
    apart = 1.0 - rays @ (skin / radius[:, None]).T
    nearest = apart.min(axis=1)
    # Of skin in about one direction the outermost: an eye's socket lies behind its lids.
    here = apart < nearest[:, None] + _SHARP
    wanted = np.where(here, radius, 0.0).max(axis=1) + _GAP * size
    missing = np.where(nearest < _BESIDE, np.maximum(wanted - distance[near], 0.0), 0.0)
    shift[near] = missing[:, None] * rays
    return shift


@lru_cache(maxsize=1)
def _head(body: Body) -> NDArray[np.int64]:
    """Vertices of the skin of head and nape above the chin, without ears and mouth cavity."""
    kept = body.face_groups["skin"]
    parts = np.isin(body.parts[kept], (Part.FACE, Part.LIP, Part.NECK))
    used = np.unique(body.faces[kept[parts]])
    plain = (body.masks["ears"][used] < 0.5) & (body.masks["inside_mouth"][used] < 0.5)
    chin = body.template[body.head_vertices[body.head.landmarks68[8]], 1]
    return used[plain & (body.template[used, 1] > chin - 0.01)].astype(np.int64)
