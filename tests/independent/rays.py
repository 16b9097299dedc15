"""What a picture shows, found a second time: rays by embree through trimesh, not our rasteriser.

The strand test is written anew from its definition in Surface and noise, in numpy and without our code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.ray.ray_pyembree import RayMeshIntersector

from headkit.render.surface import Surface

Array = NDArray[np.float64]
MOST_LAYERS = 400  # of surfaces that one ray may pass


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
    """Surfaces as one mesh that rays can be sent into."""

    def __init__(self, surfaces: Sequence[Surface]) -> None:
        counts = np.cumsum([0, *(len(surface.vertices) for surface in surfaces)])
        self.surfaces = list(surfaces)
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
        # embree works in single precision: thin hair needs coordinates near 0, and rays that begin near.
        self.middle = (self.vertices.min(axis=0) + self.vertices.max(axis=0)) / 2
        self.start = max(0.05, float(self.vertices[:, 2].min()) - 0.02)
        near = self.vertices - self.middle
        mesh = trimesh.Trimesh(near, self.faces, process=False, validate=False)
        self.caster = RayMeshIntersector(mesh, scale_to_box=False)

    def hits(self, directions: Array) -> Hits:
        """All fragments that are drawn on rays from the camera, directions (N, 3)."""
        origins = self.start * directions - self.middle  # directions have a depth of 1
        triangles, rays = self.caster.intersects_id(
            origins, directions, multiple_hits=True, max_hits=MOST_LAYERS
        )[:2]
        corners = self.vertices[self.faces[triangles]]
        ray = directions[rays]
        # Barycentric coordinates by areas: r . (b x c) and so on, in double precision.
        weights = np.stack(
            [
                (ray * np.cross(corners[:, (k + 1) % 3], corners[:, (k + 2) % 3])).sum(axis=1)
                for k in range(3)
            ],
            axis=1,
        )
        weights /= weights.sum(axis=1, keepdims=True)
        depth = (weights * corners[:, :, 2]).sum(axis=1)
        outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        towards = (outward * ray).sum(axis=1) < 0
        s, t, density, threshold = (
            (weights * self.strand[self.faces[triangles], column]).sum(axis=1)
            for column in range(4)
        )
        drawn = ~self.cut[triangles] | (strand_noise(s, t) + density - 1.0 >= threshold)
        kept = drawn & (towards | self.two_sided[triangles]) & (depth >= 0.05)
        return Hits(rays[kept], self.surface[triangles[kept]], depth[kept])


def directions(x: Array, y: Array, K: Array) -> Array:
    """(N, 3) rays through pixel coordinates."""
    return np.stack([(x - K[0, 2]) / K[0, 0], (y - K[1, 2]) / K[1, 1], np.ones_like(x)], axis=1)
