"""Shoes: the foot's skin smoothed until the toes are one, moved off the foot, with a sole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headkit.render.human.body import load_body
from headkit.render.jit import compiled
from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe.cut_lines import Figure, above, below, minimum
from headkit.render.wardrobe.tailoring import Floats, Ints, compact, vertex_normals
from headkit.render.wardrobe.wearer import Wearer

TOP = -0.715  # figure height of the shoe's rim
_ROUNDS = 110  # of smoothing, until the toes are one


@dataclass(frozen=True)
class Last:
    """Both feet: their vertices among the body's, faces by local numbers, and each vertex's neighbours.

    neighbours of vertex i are joined[starts[i] : starts[i + 1]]
    """

    used: Ints
    faces: Ints
    starts: Ints
    joined: Ints


@lru_cache(maxsize=1)
def _last(top: float, heights: bytes) -> Last:
    """The feet below the figure height `top`; `heights` (V,) float32 of the body's vertices."""
    body = load_body()
    y = np.frombuffer(heights, np.float32)
    skin = body.faces[body.face_groups["skin"]]
    used, faces = compact(skin[(y[skin] < top).all(axis=1)], len(y))
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    starts = np.searchsorted(pairs[:, 0], np.arange(len(used) + 1)).astype(np.int32)
    return Last(used, faces, starts, np.ascontiguousarray(pairs[:, 1], np.int32))


@compiled
def _smooth(points: Floats, starts: Ints, joined: Ints, rounds: int) -> None:
    """Move every point half way to the mean of its neighbours, `rounds` times, in place."""
    before = points.copy()
    for _ in range(rounds):
        before[:] = points
        for i in range(len(points)):
            x, y, z = 0.0, 0.0, 0.0
            for n in range(starts[i], starts[i + 1]):
                x += before[joined[n], 0]
                y += before[joined[n], 1]
                z += before[joined[n], 2]
            share = 0.5 / (starts[i + 1] - starts[i])
            points[i, 0] = 0.5 * before[i, 0] + share * x
            points[i, 1] = 0.5 * before[i, 1] + share * y
            points[i, 2] = 0.5 * before[i, 2] + share * z


def shoes(wearer: Wearer, skin: Figure, size: float) -> tuple[list[Surface], Floats]:
    """Both shoes as one surface, and how deep the body's vertices (V,) lie under them."""
    cover = minimum(below(skin, TOP), above(skin, -9.0))
    if wearer.detail > 260:
        return [], cover  # a head this large leaves no room for feet in any picture
    last = _last(TOP + 0.012, skin.points[:, 1].astype(np.float32).tobytes())
    used, faces = last.used, last.faces
    points = wearer.posed[used].astype(np.float32)
    _smooth(points, last.starts, last.joined, _ROUNDS)
    # Smoothing draws an open rim together and down: about the ankle the shoe keeps to the leg.
    ankle = np.clip((skin.points[used, 1:2] - (TOP - 0.045)) / 0.040, 0.0, 1.0)
    points += ankle * ankle * (3 - 2 * ankle) * (wearer.posed[used] - points)
    points = points.astype(np.float32)
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
