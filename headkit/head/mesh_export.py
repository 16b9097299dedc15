"""A fitted head as a mesh file: OBJ, PLY or GLB, with texture coordinates and normals, upright in a viewer."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headkit.head.model import HeadModel
from headkit.head.registration import vertex_normals

Format = Literal["obj", "ply", "glb"]
FORMATS: tuple[Format, ...] = ("obj", "ply", "glb")
VIEWER = np.diag(
    [1.0, -1.0, -1.0]
)  # camera frame (y down, z forward) to a viewer's (y up, z towards it)


def export(
    model: HeadModel,
    vertices: ArrayLike,
    file_format: Format,
    rotation: ArrayLike | None = None,
    translation: ArrayLike | None = None,
) -> bytes:
    """The bytes of a mesh file of one head, metres, y up.

    vertices (V, 3) in the canonical frame. With `rotation` (3, 3) and `translation` (3,) the head stands as the
    camera sees it, turned to y up: heads of one picture keep their places; without, it looks along +z at the origin.
    Vertices are doubled along the seams of the texture. Same input, same bytes. Raises ValueError on a format that
    is not known.
    """
    if file_format not in FORMATS:
        raise ValueError(f"mesh format {file_format!r}: not one of {', '.join(FORMATS)}")
    import trimesh

    points = np.asarray(vertices, dtype=np.float64)
    if rotation is not None:
        points = points @ np.asarray(rotation, dtype=np.float64).T
        if translation is not None:
            points = points + np.asarray(translation, dtype=np.float64)
        points = points @ VIEWER.T
    normals = vertex_normals(points, model.faces)
    vertex, texture, faces = _seams(model)
    mesh = trimesh.Trimesh(
        vertices=points[vertex],
        faces=faces,
        vertex_normals=normals[vertex],
        visual=trimesh.visual.TextureVisuals(uv=model.uv[texture].astype(np.float64)),  # type: ignore[no-untyped-call]
        process=False,  # else vertices are merged and reordered
    )
    if file_format == "obj":
        written: Any = trimesh.exchange.obj.export_obj(  # type: ignore[no-untyped-call]
            mesh, include_normals=True, include_color=False, include_texture=True, header=None
        )
        if isinstance(written, tuple):  # with a material file, which a head has not
            written = written[0]
    elif file_format == "ply":
        written = trimesh.exchange.ply.export_ply(mesh, vertex_normal=True)
    else:
        written = trimesh.exchange.gltf.export_glb(mesh, include_normals=True)  # type: ignore[no-untyped-call]
    return written.encode() if isinstance(written, str) else bytes(written)


def _seams(model: HeadModel) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Pairs of a vertex and a texture coordinate that occur together, (N,) and (N,), and faces (F, 3) into them."""
    corners = np.stack([model.faces.ravel(), model.uv_faces.ravel()], axis=1)
    pairs, faces = np.unique(corners, axis=0, return_inverse=True)
    return pairs[:, 0], pairs[:, 1], faces.reshape(-1, 3)
