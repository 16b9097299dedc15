"""The 3D head over a picture: the surface that a record's parameters stand for, shaded and half transparent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.head.camera import project
from headkit.head.loading import load_head
from headkit.head.model import HeadModel
from headkit.overlay import Canvas, Color, Floats, OverlayError, numbers
from headkit.render.drawing.raster import NEAR, buffers, draw_faces, tile_buffer

OPACITY = 0.55
_LIGHT = np.array([-0.45, -0.65, -0.62]) / np.linalg.norm(
    [-0.45, -0.65, -0.62]
)  # from above and the left
_NO_ATTRIBUTES = np.zeros((1, 10), np.float32)  # of strands, which a head model has none of


@dataclass(frozen=True, eq=False)
class Surface:
    """vertices (V, 3) in the camera frame, metres; faces (F, 3) of them: skull, face and ears."""

    vertices: Floats
    faces: NDArray[np.int32]


def draw_meshes(canvas: Canvas, surfaces: list[Surface], colors: list[Color], camera: Any) -> None:
    """Surfaces of `head_surface`, the nearer over the farther. Raises OverlayError."""
    K = numbers(camera.get("K") if isinstance(camera, dict) else None, (3, 3), "camera.K")
    window = _window(canvas, [canvas.place(project(one.vertices, K)) for one in surfaces])
    if window is None:
        return
    left, top, right, bottom = window
    face_at, inverse_at = buffers(bottom - top, right - left)
    tiles = tile_buffer(bottom - top, right - left)
    # Samples lie at whole numbers, where Pillow has its pixel centres.
    middle = canvas.place([[K[0, 2], K[1, 2]]])[0] - (left, top)
    pinhole = np.array([K[0, 0] * canvas.scale, K[1, 1] * canvas.scale, *middle])
    first = 0
    for one in surfaces:
        vertices = one.vertices.astype(np.float32)
        draw_faces(
            vertices, _NO_ATTRIBUTES, one.faces, first, 0, pinhole, NEAR, face_at, inverse_at, tiles
        )
        first += len(one.faces)
    shades = [_shaded(one, color) for one, color in zip(surfaces, colors, strict=True)]
    _blend(canvas, window, face_at, np.concatenate(shades))


def has_mesh(head: Any) -> bool:
    """Whether a head has what its mesh is made of."""
    return isinstance(head, dict) and bool(head.get("params")) and bool(head.get("pose"))


def head_surface(head: Any, models: Sequence[HeadModel] = ()) -> Surface:
    """What a head's parameters stand for, decoded by our own model or that of `models` which they name.

    Raises OverlayError; parameters of a model that is not at hand are refused: decoded with another they would look
    like a head, too.
    """
    params, pose = head["params"], head["pose"]
    if not isinstance(params, dict) or not isinstance(pose, dict):
        raise OverlayError("params or pose is not an object")
    model = _named(params, (load_head(), *models))
    rotation = numbers(pose.get("rotation"), (3, 3), "pose.rotation")
    translation = numbers(params.get("translation"), (3,), "params.translation")
    try:
        vertices = model.vertices(params.get("shape"), params.get("expression"), params.get("jaw"))
    except (ValueError, TypeError) as error:
        raise OverlayError(f"params: {error}") from None
    return Surface(vertices.astype(np.float64) @ rotation.T + translation, _faces(model))


def _named(params: dict[str, Any], models: Sequence[HeadModel]) -> HeadModel:
    """The model of which the parameters are, by its digest; by its name, where they state no digest."""
    name, digest = params.get("model"), params.get("sha256")
    for model in models:
        if (digest is None and name == model.name) or digest == model.sha256:
            return model
    raise OverlayError(f"params belong to another head model, {name!r}; name its file with --head")


@cache
def _faces(model: HeadModel) -> NDArray[np.int32]:
    """(F, 3) the faces of skull, face and ears."""
    return np.ascontiguousarray(
        model.faces[model.head_mask[model.faces].all(axis=1)], dtype=np.int32
    )


def _window(canvas: Canvas, corners: list[Floats]) -> tuple[int, int, int, int] | None:
    """The part of the canvas that the points cover; all of it where one lies behind the camera."""
    if not corners:
        return None
    points = np.concatenate(corners)
    size = np.array(canvas.image.size)
    if not np.isfinite(points).all():
        return 0, 0, int(size[0]), int(size[1])
    low = np.clip(np.floor(points.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + 1, 0, size).astype(int)
    return (int(low[0]), int(low[1]), int(high[0]), int(high[1])) if (low < high).all() else None


def _shaded(surface: Surface, color: Color) -> NDArray[np.float32]:
    """(F, 3) colour of each face, lit from above."""
    corners = surface.vertices.astype(np.float32).T
    a, b, c = (corners[:, surface.faces[:, k]] for k in range(3))
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    toward = (x * _LIGHT[0] + y * _LIGHT[1] + z * _LIGHT[2]) / np.sqrt(
        x * x + y * y + z * z + 1e-20
    )
    lit = 0.38 + 0.72 * np.maximum(toward, 0)
    base = 0.55 * np.array(color) + 0.45 * 255
    shades: NDArray[np.float32] = np.minimum(lit[:, None] * base, 255).astype(np.float32)
    return shades


def _blend(
    canvas: Canvas,
    window: tuple[int, int, int, int],
    face_at: NDArray[np.int32],
    shades: NDArray[np.float32],
) -> None:
    from PIL import Image

    left, top, right, bottom = window
    under = np.asarray(canvas.image.crop((left, top, right, bottom))).copy()
    covered = face_at >= 0
    mixed = under[covered] * np.float32(1 - OPACITY) + shades[face_at[covered]] * np.float32(
        OPACITY
    )
    under[covered] = np.rint(mixed).astype(np.uint8)
    canvas.image.paste(Image.fromarray(under), (left, top))
