"""Tubes and plates along lines: frames of glasses, visors, bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headkit.render.wardrobe.tailoring import Floats, Ints, grid_faces, unit, vertex_normals


@dataclass(frozen=True)
class Shape:
    """Vertices (V, 3), faces (F, 3) and normals (V, 3) in any one frame."""

    vertices: Floats
    faces: Ints
    normals: Floats


def tube(
    line: Floats, radius: float, flat: float = 1.0, sides: int = 6, *, closed: bool = False
) -> Shape:
    """A tube about a line (P, 3); `flat` is its thickness across the line's plane against in it."""
    ahead = (
        np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0)
        if closed
        else np.gradient(line, axis=0)
    )
    along = unit(ahead.astype(np.float32))
    middle = line.mean(axis=0)
    out = line - middle
    out = unit((out - (out * along).sum(axis=1, keepdims=True) * along + 1e-9).astype(np.float32))
    side = np.cross(along, out)
    angle = 2 * np.pi * np.arange(sides) / sides
    ring = (
        np.cos(angle)[None, :, None] * out[:, None] * flat
        + np.sin(angle)[None, :, None] * side[:, None]
    )
    vertices = (line[:, None] + radius * ring).astype(np.float32)
    rows = np.concatenate([vertices, vertices[:1]]) if closed else vertices
    faces = grid_faces(len(rows), sides, wrap=True)
    shape = rows.reshape(-1, 3)
    return Shape(shape, faces, vertex_normals(shape, faces))


def sheet(grid: Floats, thickness: float, *, wrap: bool = False) -> Shape:
    """A plate on a grid of points (R, C, 3): both sides, `thickness` apart, with edges."""
    rows, columns = grid.shape[:2]
    top = grid.reshape(-1, 3).astype(np.float32)
    faces = grid_faces(rows, columns, wrap=wrap)
    normals = vertex_normals(top, faces)
    bottom = (top - normals * thickness).astype(np.float32)
    count = rows * columns
    edges = [np.arange(columns), (rows - 1) * columns + np.arange(columns)]
    inner = [columns + np.arange(columns), (rows - 2) * columns + np.arange(columns)]
    if wrap:
        edges, inner = ([np.append(line, line[0]) for line in lines] for lines in (edges, inner))
    else:
        edges += [np.arange(rows) * columns, np.arange(rows) * columns + columns - 1]
        inner += [np.arange(rows) * columns + 1, np.arange(rows) * columns + columns - 2]
    vertices, allnormals = [top, bottom], [normals, -normals]
    allfaces = [faces, faces[:, ::-1] + count]
    used = 2 * count
    for edge, within in zip(edges, inner, strict=True):  # edges have vertices of their own
        away = unit(top[edge] - top[within] + 1e-5 * normals[edge])  # a tip has no width
        n = len(edge)
        a = used + np.arange(n - 1)
        vertices += [top[edge], bottom[edge]]
        allnormals += [away, away]
        allfaces += [
            np.stack([a, a + n, a + 1], axis=1),
            np.stack([a + 1, a + n, a + n + 1], axis=1),
        ]
        used += 2 * n
    return Shape(
        np.concatenate(vertices),
        np.concatenate(allfaces).astype(np.int32),
        np.concatenate(allnormals).astype(np.float32),
    )


def joined(shapes: list[Shape]) -> Shape:
    """Several shapes as one."""
    count, faces = 0, []
    for shape in shapes:
        faces.append(shape.faces + count)
        count += len(shape.vertices)
    return Shape(
        np.concatenate([shape.vertices for shape in shapes]),
        np.concatenate(faces).astype(np.int32),
        np.concatenate([shape.normals for shape in shapes]),
    )
