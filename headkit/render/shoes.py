"""Shoes: the foot's skin smoothed until the toes are one, moved off the foot, with a sole."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from headkit.render.body import load_body
from headkit.render.cut_lines import Figure, above, below, minimum
from headkit.render.surface import Material, Part, Surface
from headkit.render.tailoring import Floats, Ints, vertex_normals
from headkit.render.wearer import Wearer

TOP = -0.715  # figure height of the shoe's rim
_DOUBLINGS = 7  # 128 rounds of smoothing: the toes become one


@lru_cache(maxsize=1)
def _last(top: float, heights: bytes) -> tuple[Ints, Ints, Floats]:
    """Vertices of both feet, their faces by local numbers, and the smoothing matrix (N, N)."""
    body = load_body()
    y = np.frombuffer(heights, np.float32)
    skin = body.faces[body.face_groups["skin"]]
    chosen = skin[(y[skin] < top).all(axis=1)]
    used, local = np.unique(chosen, return_inverse=True)
    local = local.reshape(-1, 3).astype(np.int32)
    count = len(used)
    joined = np.zeros((count, count), np.float32)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        joined[local[:, a], local[:, b]] = 1
        joined[local[:, b], local[:, a]] = 1
    degree = joined.sum(axis=1, keepdims=True)
    step = 0.5 * np.eye(count, dtype=np.float32) + 0.5 * joined / degree
    for _ in range(_DOUBLINGS):
        step = step @ step
    power = step
    return used.astype(np.int32), local.astype(np.int32), power.astype(np.float32)


def shoes(wearer: Wearer, skin: Figure, size: float) -> tuple[list[Surface], Floats]:
    """Both shoes as one surface, and how deep the body's vertices (V,) lie under them."""
    cover = minimum(below(skin, TOP), above(skin, -9.0))
    if wearer.detail > 260:
        return [], cover  # a head this large leaves no room for feet in any picture
    used, faces, matrix = _last(TOP + 0.012, skin.points[:, 1].astype(np.float32).tobytes())
    points = (matrix @ wearer.posed[used]).astype(np.float32)
    normals = vertex_normals(points, faces)
    spread = np.linalg.norm(points - wearer.posed[used], axis=1, keepdims=True)
    points = (points + normals * (0.009 * size + np.minimum(0.8 * spread, 0.012 * size))).astype(
        np.float32
    )
    return [
        Surface(
            material=Material.SHOE,
            owner=wearer.owner,
            vertices=points,
            faces=faces,
            normals=normals,
            rest=wearer.template[used].copy(),
            parts=np.full(len(faces), Part.SHOES, np.uint8),
            occlusion=np.full(len(points), 0.8, np.float32),
            color=np.tile(np.asarray(wearer.look.clothes.shoes, np.float32), (len(points), 1)),
            two_sided=True,
        )
    ], cover
