"""What a picture shows, found a second time: rays by embree through trimesh, not our rasteriser.

The strand test is written anew from its definition in Surface and noise, in numpy and without our code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.ray.ray_pyembree import RayMeshIntersector

from headkit.render.surface import Surface

Array = NDArray[np.float64]
MOST_LAYERS = 400  # of surfaces that one ray may pass
BEHIND = 1e-6  # metres behind a layer, where a ray goes on
NEAR = 0.05  # metres from the camera, before which nothing is drawn


def scrambled(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """lowbias32 of Chris Wellons, on 32-bit values held in 64 bits."""
    low = np.uint64(0xFFFFFFFF)
    value = value & low
    value = ((value ^ (value >> np.uint64(16))) * np.uint64(0x7FEB352D)) & low
    value = ((value ^ (value >> np.uint64(15))) * np.uint64(0x846CA68B)) & low
    return value ^ (value >> np.uint64(16))


def lattice(x: Array, y: Array) -> Array:
    """The hash of integer points, 0 to 1; sums and products wrap."""
    columns, rows = x.astype(np.int64).astype(np.uint64), y.astype(np.int64).astype(np.uint64)
    mixed = columns * np.uint64(0x9E3779B1) + rows * np.uint64(0x85EBCA77) + np.uint64(0x9E3779B9)
    return scrambled(mixed).astype(np.float64) / 2.0**32


def strand_noise(s: Array, t: Array) -> Array:
    """One value per strand floor(s), linear in t; 1 where s is below 0."""
    strand, along = np.floor(s), np.floor(t)
    share = t - along
    value = lattice(strand, along) * (1 - share) + lattice(strand, along + 1) * share
    return np.where(s < 0, 1.0, value)


@dataclass(frozen=True, eq=False)
class Hits:
    """Fragments that rays meet: which ray, which surface, and how deep along the camera's axis."""

    ray: NDArray[np.int64]
    surface: NDArray[np.int64]
    depth: Array


class Scenery:
    """Surfaces as one mesh that rays can be sent into; embree's tree is made of the faces that matter."""

    def __init__(self, surfaces: Sequence[Surface], K: Array) -> None:
        counts = np.cumsum([0, *(len(surface.vertices) for surface in surfaces)])
        self.surfaces = list(surfaces)
        self.K = np.asarray(K, float)
        self.vertices = np.concatenate([surface.vertices for surface in surfaces]).astype(float)
        self.faces = np.concatenate(
            [surface.faces + start for surface, start in zip(surfaces, counts, strict=False)]
        )
        self.surface = np.repeat(np.arange(len(surfaces)), [len(s.faces) for s in surfaces])
        self.two_sided = np.array([surface.two_sided for surface in surfaces])[self.surface]
        self.cut = np.array([surface.strand is not None for surface in surfaces])[self.surface]
        self.strand = np.concatenate(
            [
                np.zeros((len(s.vertices), 4)) if s.strand is None else np.asarray(s.strand, float)
                for s in surfaces
            ]
        )
        # Where faces lie in the picture; those that reach the camera may be anywhere.
        depth = self.vertices[:, 2]
        safe = np.where(depth > NEAR, depth, 1.0)[:, None]
        places = self.vertices[:, :2] / safe * (self.K[0, 0], self.K[1, 1]) + self.K[:2, 2]
        near = (depth <= NEAR)[self.faces].any(axis=1)
        corners = [places[self.faces[:, corner]] for corner in range(3)]
        self.low = np.minimum(np.minimum(corners[0], corners[1]), corners[2])
        self.high = np.maximum(np.maximum(corners[0], corners[1]), corners[2])
        self.low[near], self.high[near] = -np.inf, np.inf

    def within(self, low: Array, high: Array) -> NDArray[np.intp]:
        """Numbers of the faces that may be seen between two corners of a rectangle in the picture."""
        return np.flatnonzero(((self.low <= high) & (self.high >= low)).all(axis=1))

    def hits(
        self, x: Array, y: Array, chosen: NDArray[np.intp] | None = None, *, first: bool = False
    ) -> Hits:
        """Fragments that are drawn, of the chosen faces, on the rays through pixel coordinates x, y.

        All of them, or of every ray only the first.
        """
        rays = directions(x, y, self.K)
        if chosen is None:
            margin = 0.01  # pixels
            low, high = np.array([x.min(), y.min()]), np.array([x.max(), y.max()])
            chosen = self.within(low - margin, high + margin)
        found = [Hits(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
        if len(chosen):
            found += self._passed(rays, chosen, first=first)
        return Hits(
            *(np.concatenate([getattr(one, name) for one in found]) for name in vars(found[0]))
        )

    def _passed(self, rays: Array, chosen: NDArray[np.intp], *, first: bool) -> Iterator[Hits]:
        """Layer by layer, what rays meet. A face that is not drawn where it is met lets the ray through."""
        used, faces = np.unique(self.faces[chosen], return_inverse=True)
        vertices = self.vertices[used]
        # embree works in single precision: thin hair needs coordinates near 0, and rays that begin near.
        middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
        mesh = trimesh.Trimesh(
            vertices - middle, faces.reshape(-1, 3), process=False, validate=False
        )
        caster = RayMeshIntersector(mesh, scale_to_box=False)
        live = np.arange(len(rays))
        start = np.full(len(rays), max(NEAR, float(vertices[:, 2].min()) - 0.02))
        for _ in range(MOST_LAYERS):
            origins = start[live, None] * rays[live] - middle  # rays have a depth of 1
            met = caster.intersects_first(origins, rays[live])
            live, triangles = live[met >= 0], chosen[met[met >= 0]]
            if not len(live):
                return
            depth, drawn = self._looked_at(rays[live], triangles)
            yield Hits(live[drawn], self.surface[triangles[drawn]], depth[drawn])
            start[live] = np.maximum(start[live], depth) + BEHIND
            if first:
                live = live[~drawn]

    def _looked_at(
        self, rays: Array, triangles: NDArray[np.intp]
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Depth at which rays pass through triangles, and whether these are drawn there."""
        corners = self.vertices[self.faces[triangles]]
        # Barycentric coordinates by areas: r . (b x c) and so on, in double precision.
        weights = np.stack(
            [
                (rays * np.cross(corners[:, (k + 1) % 3], corners[:, (k + 2) % 3])).sum(axis=1)
                for k in range(3)
            ],
            axis=1,
        )
        weights /= weights.sum(axis=1, keepdims=True)
        depth = (weights * corners[:, :, 2]).sum(axis=1)
        outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        towards = (outward * rays).sum(axis=1) < 0
        s, t, density, threshold = (
            (weights * self.strand[self.faces[triangles], column]).sum(axis=1)
            for column in range(4)
        )
        drawn = ~self.cut[triangles] | (strand_noise(s, t) + density - 1.0 >= threshold)
        return depth, drawn & (towards | self.two_sided[triangles]) & (depth >= NEAR)


def directions(x: Array, y: Array, K: Array) -> Array:
    """(N, 3) rays through pixel coordinates."""
    return np.stack([(x - K[0, 2]) / K[0, 0], (y - K[1, 2]) / K[1, 1], np.ones_like(x)], axis=1)
