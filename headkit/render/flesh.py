"""The surfaces of a bare posed body: skin, eyes, teeth, tongue and the inside of the mouth."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.render.body import Body
from headkit.render.surface import Material, Part, Surface

_MATERIALS = {
    "tongue": Material.MOUTH,
    "eye_left": Material.EYE,
    "eye_right": Material.EYE,
    "teeth_upper": Material.TEETH,
    "teeth_lower": Material.TEETH,
}


@dataclass(frozen=True)
class _Piece:
    """Faces of one material, and the body's vertices that they use. Fixed for a body."""

    material: Material
    vertices: NDArray[np.int64]
    faces: NDArray[np.int32]
    parts: NDArray[np.uint8]
    rest: NDArray[np.float32]
    occlusion: NDArray[np.float32]
    uv: NDArray[np.float32] | None


def flesh(
    body: Body, posed: NDArray[np.float32], normals: NDArray[np.float32], owner: int
) -> list[Surface]:
    """The surfaces of one person without lashes, hair and clothes.

    posed    (V, 3) vertices of the whole body, camera frame
    normals  (V, 3) unit, of each vertex group by itself
    """
    return [
        Surface(
            material=piece.material,
            owner=owner,
            vertices=posed[piece.vertices],
            faces=piece.faces,
            normals=normals[piece.vertices],
            rest=piece.rest,
            parts=piece.parts,
            occlusion=piece.occlusion,
            uv=piece.uv,
        )
        for piece in _pieces(body)
    ]


@functools.lru_cache(maxsize=2)
def _pieces(body: Body) -> tuple[_Piece, ...]:
    skin = body.face_groups["skin"]
    inside = body.parts[skin] == Part.MOUTH
    lips = np.stack([body.masks["lips"], np.zeros_like(body.masks["lips"])], axis=1)
    pieces = [
        _piece(body, skin[~inside], Material.SKIN, lips),
        _piece(body, skin[inside], Material.MOUTH, None),
    ]
    for name, material in _MATERIALS.items():
        uv = body.eye_angles if material == Material.EYE else None
        pieces.append(_piece(body, body.face_groups[name], material, uv))
    return tuple(pieces)


def _piece(
    body: Body, faces: NDArray[np.int32], material: Material, uv: NDArray[np.float32] | None
) -> _Piece:
    vertices, places = np.unique(body.faces[faces], return_inverse=True)
    return _Piece(
        material,
        vertices.astype(np.int64),
        places.reshape(-1, 3).astype(np.int32),
        body.parts[faces],
        body.template[vertices],
        body.occlusion[vertices],
        None if uv is None else uv[vertices],
    )
