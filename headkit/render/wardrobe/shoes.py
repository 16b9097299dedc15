"""Shoes: the foot's skin smoothed until the toes are one, moved off the foot, with a sole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from headkit.render.human.body import load_body
from headkit.render.jit import compiled
from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe.cut_lines import Figure, above, below, minimum
from headkit.render.wardrobe.tailoring import Floats, Ints, compact, vertex_normals
from headkit.render.wardrobe.wearer import Wearer

TOP = -0.715  # figure height of the shoe's rim
_ROUNDS = 110  # of smoothing, each half way to the mean of the neighbours, until the toes are one
_TERMS = 27  # of as many rounds, written as Chebyshev polynomials: what is left out is under 0.1 mm


def _weights() -> NDArray[np.float64]:
    """Weights of the Chebyshev polynomials T_k in ((1 + x) / 2)^n, for n = _ROUNDS: 2 binomial(2 n, n - k) / 4^n, of k = 0 half."""
    n = _ROUNDS
    weights = np.array([comb(2 * n, n - k) / 4**n for k in range(_TERMS)])
    weights[1:] *= 2.0
    return weights / weights.sum()


_WEIGHTS = _weights()


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
def _smooth(points: Floats, starts: Ints, joined: Ints, weights: NDArray[np.float64]) -> None:
    """Sum of the Chebyshev polynomials, by weight, of the mean of neighbours; in place."""
    now = points.astype(np.float64)  # T_0 = 1, T_1 = x, T_k+1 = 2 x T_k - T_k-1
    before, total = np.zeros(now.shape), weights[0] * now
    for term in range(1, len(weights)):
        factor = 1.0 if term == 1 else 2.0
        for i in range(len(points)):
            x, y, z = 0.0, 0.0, 0.0
            for n in range(starts[i], starts[i + 1]):
                x += now[joined[n], 0]
                y += now[joined[n], 1]
                z += now[joined[n], 2]
            share = factor / (starts[i + 1] - starts[i])
            before[i, 0] = share * x - before[i, 0]
            before[i, 1] = share * y - before[i, 1]
            before[i, 2] = share * z - before[i, 2]
            for axis in range(3):
                total[i, axis] += weights[term] * before[i, axis]
        now, before = before, now
    points[:] = total


def shoes(wearer: Wearer, skin: Figure, size: float) -> tuple[list[Surface], Floats]:
    """Both shoes as one surface, and how deep the body's vertices (V,) lie under them."""
    cover = minimum(below(skin, TOP), above(skin, -9.0))
    if wearer.detail > 260:
        return [], cover  # a head this large leaves no room for feet in any picture
    last = _last(TOP + 0.012, skin.points[:, 1].astype(np.float32).tobytes())
    used, faces = last.used, last.faces
    points = wearer.posed[used].astype(np.float32)
    _smooth(points, last.starts, last.joined, _WEIGHTS)
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
