"""All surfaces of a scene in a few arrays of fixed types, as the kernels read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import lean
from headkit.render.surface import Material, Surface

Floats = NDArray[np.floating[Any]]

# Columns of Mesh.attributes.
NORMAL: Final = 0  # 3
REST: Final = 3  # 3
STRAND: Final = 6  # 4: s, t, density, threshold
COLOR: Final = 10  # 3
UV: Final = 13  # 2
OCCLUSION: Final = 15  # 1
AXIS: Final = 16  # 3: along the strand, of HAIR
COLUMNS: Final = 20

# Bits of Mesh.flags.
TWO_SIDED: Final = 1
CUT: Final = 2  # has strands: fragments are tested
COLORED: Final = 4  # has its own colour
TEXTURED: Final = 8  # has texture coordinates


@dataclass(frozen=True)
class Mesh:
    """V vertices and F faces of S surfaces; the faces of a surface lie together, in the given order.

    vertices    (V, 3) float32, camera frame, metres
    attributes  (V, COLUMNS) float32
    faces       (F, 3) int32
    surface     (F,) int16: row in the three tables below
    parts       (F,) uint8
    material, owner, flags  (S,) int32
    first, starts  (S + 1,) int64: surface i has the faces first[i] to first[i + 1], the vertices
                starts[i] to starts[i + 1]
    low, high   (S, 3) float64: bounding boxes
    """

    vertices: NDArray[np.float32]
    attributes: NDArray[np.float32]
    faces: NDArray[np.int32]
    surface: NDArray[np.int16]
    parts: NDArray[np.uint8]
    material: NDArray[np.int32]
    owner: NDArray[np.int32]
    flags: NDArray[np.int32]
    first: NDArray[np.int64]
    starts: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@lean
def bounds(points: NDArray[np.float32], box: NDArray[np.float64]) -> None:
    """Least and greatest x, y, z of (N, 3) points into box (2, 3); nan where one is not finite."""
    for axis in range(3):
        low, high, sound = np.inf, -np.inf, 0.0
        for i in range(len(points)):
            number = points[i, axis]
            low, high = min(low, number), max(high, number)
            sound += number - number  # nan from nan and from infinity
        box[0, axis], box[1, axis] = low + sound, high + sound


@lean
def add_axes(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], attributes: NDArray[np.float32]
) -> None:
    """Add to AXIS of each vertex the direction of its faces in which t grows and s stays."""
    for face in range(len(faces)):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        s_u = attributes[j, STRAND] - attributes[i, STRAND]
        s_w = attributes[k, STRAND] - attributes[i, STRAND]
        t_u = attributes[j, STRAND + 1] - attributes[i, STRAND + 1]
        t_w = attributes[k, STRAND + 1] - attributes[i, STRAND + 1]
        side = 1.0 if s_u * t_w - s_w * t_u > 0.0 else -1.0
        for axis in range(3):
            u = vertices[j, axis] - vertices[i, axis]
            w = vertices[k, axis] - vertices[i, axis]
            step = side * (s_u * w - s_w * u)
            attributes[i, AXIS + axis] += step
            attributes[j, AXIS + axis] += step
            attributes[k, AXIS + axis] += step


def pack(surfaces: Sequence[Surface]) -> Mesh:
    """One mesh of all surfaces. Raises ValueError where arrays of a surface disagree."""
    for number, surface in enumerate(surfaces):
        _check(number, surface)
    counts = [len(surface.vertices) for surface in surfaces]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    first = np.concatenate([[0], np.cumsum([len(s.faces) for s in surfaces])]).astype(np.int64)
    vertices = np.empty((starts[-1], 3), np.float32)
    attributes = np.zeros((starts[-1], COLUMNS), np.float32)
    faces = np.empty((first[-1], 3), np.int32)
    parts = np.empty(first[-1], np.uint8)
    boxes = np.zeros((len(surfaces), 2, 3))
    for number, surface in enumerate(surfaces):
        rows = slice(starts[number], starts[number + 1])
        vertices[rows] = surface.vertices
        attributes[rows, NORMAL : NORMAL + 3] = surface.normals
        attributes[rows, REST : REST + 3] = surface.rest
        attributes[rows, OCCLUSION] = surface.occlusion
        if surface.strand is not None:
            attributes[rows, STRAND : STRAND + 4] = surface.strand
        if surface.color is not None:
            attributes[rows, COLOR : COLOR + 3] = surface.color
        if surface.uv is not None:
            attributes[rows, UV : UV + 2] = surface.uv
        faces[first[number] : first[number + 1]] = surface.faces + np.int32(starts[number])
        parts[first[number] : first[number + 1]] = surface.parts
        if surface.material == Material.HAIR and surface.strand is not None:
            add_axes(vertices[rows], surface.faces, attributes[rows])
        if counts[number]:
            bounds(vertices[rows], boxes[number])
            if np.isnan(boxes[number]).any():
                raise ValueError(f"surface {number}: vertices are not finite")
    return Mesh(
        vertices=vertices,
        attributes=attributes,
        faces=faces,
        surface=np.repeat(np.arange(len(surfaces)), np.diff(first)).astype(np.int16),
        parts=parts,
        material=np.array([int(s.material) for s in surfaces], np.int32),
        owner=np.array([s.owner for s in surfaces], np.int32),
        flags=np.array([_flags(s) for s in surfaces], np.int32),
        first=first,
        starts=starts,
        low=boxes[:, 0],
        high=boxes[:, 1],
    )


def _flags(surface: Surface) -> int:
    flags = TWO_SIDED if surface.two_sided or surface.material == Material.LENS else 0
    if surface.strand is not None:
        flags |= CUT
    if surface.color is not None:
        flags |= COLORED
    if surface.uv is not None:
        flags |= TEXTURED
    return flags


def _check(number: int, surface: Surface) -> None:
    """Kernels do not check bounds: whatever does not fit must stop here."""
    count, faces = len(surface.vertices), surface.faces
    expected: dict[str, tuple[int, ...]] = {
        "vertices": (count, 3),
        "normals": (count, 3),
        "rest": (count, 3),
        "occlusion": (count,),
        "strand": (count, 4),
        "color": (count, 3),
        "uv": (count, 2),
        "faces": (len(faces), 3),
        "parts": (len(faces),),
    }
    for name, shape in expected.items():
        array = getattr(surface, name)
        if array is not None and array.shape != shape:
            raise ValueError(f"surface {number}: {name} has shape {array.shape}, expected {shape}")
    if len(faces) and (faces.min() < 0 or faces.max() >= count):
        raise ValueError(f"surface {number}: faces point outside of its {count} vertices")
