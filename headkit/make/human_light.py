"""Ambient light that arrives at every vertex of the baked human, by rays from the mean person at rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.make.human_actions import jaw_swing
from headkit.make.human_source import BODY_END, RIGHT_EYE_END, Source

Array = NDArray[Any]

RAYS = 256
REACH = 0.12  # metres: what is farther moves with the pose, and hides nothing for good
LIFT = 4e-4  # metres from the surface where rays start
OPEN = 0.55  # how far the mouth opens while its inside is lit, as a share of jawOpen
ROUNDS = 3  # of averaging: rays leave noise, and the folds of the mean face are not everybody's
DEPTH = 0.024  # metres behind the lips in which light in the mouth falls to 1 / e


def occlusion(source: Source, template: Array, head: Array, actions: Array) -> Array:
    """(V,) 0..1: share of the sky, weighted by the cosine, that is not hidden within REACH.

    The inside of the mouth is lit with the mouth open, and darkened with depth, since a closed one would be black
    and teeth would stay so when they show. Lashes, tights and skirt neither hide nor are hidden.
    """
    solid = source.faces[(source.faces < source.groups["lashes_upper"][0]).all(axis=1)]
    light = _arriving(template, solid)
    opened = template.copy()
    opened[head] += _opening(source, head, actions)
    inside = np.zeros(len(template), dtype=bool)
    inside[:RIGHT_EYE_END] = source.masks["inside-mouth"] > 0.5
    for name in ("tongue", "teeth_upper", "teeth_lower"):
        inside[slice(*source.groups[name])] = True
    lips = opened[:BODY_END][source.masks["lips"][:BODY_END] > 0.5]
    depth = np.maximum(lips[:, 2].max() - 0.018 - opened[:, 2], 0)
    base = np.where(inside, 0.5, 0.0)
    for name in ("teeth_upper", "teeth_lower"):
        base[slice(*source.groups[name])] = 0.75  # wet and white: they show
    within = (base + (1 - base) * _arriving(opened, solid)) * np.exp(-depth / DEPTH)
    light = np.where(inside, within, light)
    eyes = slice(source.groups["eye_left"][0], source.groups["eye_right"][1])
    light[eyes] = 0.35 + 0.65 * light[eyes]  # moist, and lit through the lids
    light[source.groups["lashes_upper"][0] :] = 1
    for _ in range(ROUNDS):
        light = _smoothed(light, solid, inside)
    return light


def _opening(source: Source, head: Array, actions: Array) -> Array:
    """(Vh, 3) displacement of the head's vertices when the mouth opens by OPEN."""
    swing = jaw_swing(source, head, source.template[head])
    return OPEN * (swing + actions[source.actions.index("jawOpen")])


def _arriving(points: Array, faces: Array) -> Array:
    """(V,) share of RAYS directions about the normal, spread by the cosine, that leave unhindered."""
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, np.ascontiguousarray(points[faces], dtype=np.float32))
    normals = vertex_normals(points, faces)
    used = np.unique(faces)
    out = np.ones(len(points))
    first = np.cross(normals, np.where(np.abs(normals[:, :1]) < 0.8, [1.0, 0, 0], [0, 1.0, 0]))
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
    second = np.cross(normals, first)
    free = np.zeros(len(used))
    start = (points[used] + LIFT * normals[used]).astype(np.float32)
    for k in range(RAYS):  # Fibonacci spiral on the disc, lifted to the hemisphere: cosine weighted
        radius, angle = np.sqrt((k + 0.5) / RAYS), k * np.pi * (3 - np.sqrt(5))
        x, y, z = radius * np.cos(angle), radius * np.sin(angle), np.sqrt(1 - radius**2)
        way = (x * first[used] + y * second[used] + z * normals[used]).astype(np.float32)
        free += scene.run(start, way, query="DISTANCE") > REACH
    out[used] = free / RAYS
    return out


def vertex_normals(points: Array, faces: Array) -> Array:
    """(V, 3) unit normals, faces weighted by area; 0 where no face touches the vertex."""
    cross = np.cross(
        points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]]
    )
    total = np.zeros_like(points)
    for corner in range(3):
        np.add.at(total, faces[:, corner], cross)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))


def _smoothed(values: Array, faces: Array, inside: Array) -> Array:
    """Half of each value and half of its neighbours' mean, on the same side of the mouth."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    edges = edges[inside[edges[:, 0]] == inside[edges[:, 1]]]
    total = np.bincount(edges[:, 0], values[edges[:, 1]], len(values))
    count = np.bincount(edges[:, 0], minlength=len(values))
    return np.asarray(
        np.where(count > 0, 0.5 * values + 0.5 * total / np.maximum(count, 1), values)
    )
