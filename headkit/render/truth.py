"""The labels of a rendered picture: what is known of every head because it was drawn.

Coordinates are pixels of the picture. The box is that of the whole head (skull, face, ears, and the
hair, beard, headwear and glasses on them; not the neck), as if nothing hid it, cut at the picture; see
extent for what an edge is.
Visibility is measured on the label buffers, landmarks by rays to the landmarks themselves (sight).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.head.camera import project, view_rotation
from headkit.head.model import HeadModel
from headkit.head.rotation import euler_from_rotation
from headkit.render.drawing.coverage import parts_table, person_shape
from headkit.render.drawing.extent import exact_box
from headkit.render.drawing.frame import Frame
from headkit.render.drawing.sight import seen
from headkit.render.drawing.silhouette import silhouette
from headkit.render.human.body import load_body
from headkit.render.jit import lean
from headkit.render.scene import Person, Scene
from headkit.render.surface import HEAD_PARTS, Material, Surface

SMALLEST = 12  # pixels of the longer side of the box, below which a head is too small to learn from
MOSTLY_HIDDEN = 0.2  # visibility below which a head is left out
MARGIN = 1.0  # pictures beyond the border in which a silhouette is followed

_IS_HEAD = parts_table(HEAD_PARTS)

Label = dict[str, Any]


def labels(scene: Scene, frame: Frame, owners: Collection[int] | None = None) -> list[Label]:
    """truth.heads of a picture, in the order of the people; see headkit-record(5) for the fields."""
    model = load_body().head
    shown = _head_pixels(frame, len(scene.people))
    wanted = range(len(scene.people)) if owners is None else owners
    return [_label(scene, model, shown[owner], owner) for owner in wanted]


def head_vertices(person: Person) -> NDArray[np.float64]:
    """(V, 3) vertices of a person's head in the camera frame, from the parameters that truth holds."""
    return person.rest.head.astype(np.float64) @ person.rotation.T + person.translation


def head_alone(scene: Scene, owner: int) -> list[Surface]:
    """The surfaces of one head without what is not head; lenses do not count."""
    wanted = np.array([int(part) for part in HEAD_PARTS])
    chosen = []
    for surface in scene.surfaces:
        if surface.owner == owner and surface.material != Material.LENS:
            faces = np.isin(surface.parts, wanted)
            if faces.any():
                parts = surface.parts[faces]
                chosen.append(replace(surface, faces=surface.faces[faces], parts=parts))
    return chosen


def _head_pixels(frame: Frame, people: int) -> NDArray[np.int64]:
    """(people, 5) of each person's head: pixels in which it is seen, and the box x1, y1, x2, y2 of these."""
    found = np.zeros((people, 5), np.int64)
    _count(frame.part, frame.owner, _IS_HEAD, found)
    return found


@lean
def _count(
    part: NDArray[np.uint8],
    owner: NDArray[np.int16],
    is_head: NDArray[np.bool_],
    found: NDArray[np.int64],
) -> None:
    """Fill `_head_pixels`."""
    for y in range(part.shape[0]):
        for x in range(part.shape[1]):
            if owner[y, x] < 0 or not is_head[part[y, x]]:
                continue
            row = found[owner[y, x]]
            if row[0] == 0:
                row[1], row[2] = x, y
            row[0] += 1
            row[1], row[3] = min(row[1], x), max(row[3], x + 1)
            row[4] = y + 1


def _label(scene: Scene, model: HeadModel, shown: NDArray[np.int64], owner: int) -> Label:
    person = scene.people[owner]
    shape = person_shape(scene.mesh, owner, _IS_HEAD, scene.K)
    outline = silhouette(shape, scene.K, scene.width, scene.height, margin=MARGIN)
    whole_box = outline.box and exact_box(shape, scene.K, outline.box)
    box = _cut(whole_box, scene.width, scene.height)
    whole = int(outline.mask.sum())
    pixels = int(shown[0])
    visibility = min(1.0, pixels / whole) if whole else 0.0
    view = view_rotation(person.rotation, person.translation)
    yaw, pitch, roll = euler_from_rotation(view).tolist()
    label: Label = {
        "box": box or [0.0, 0.0, 0.0, 0.0],
        "box_visible": [float(value) for value in shown[1:]] if pixels else None,
        "visibility": visibility,
        "distance": float(np.linalg.norm(person.translation)),
        "landmarks": _landmarks(scene, model, person, owner),
        "params": {
            "model": model.name,
            "sha256": model.sha256,
            "shape": person.rest.identity.shape.astype(np.float64).tolist(),
            "expression": person.expression.astype(np.float64).tolist(),
            "jaw": [float(value) for value in person.jaw],
            "translation": person.translation.tolist(),
        },
        "pose": {
            "rotation": person.rotation.tolist(),
            "view": view.tolist(),
            "yaw": yaw,
            "pitch": pitch,
            "roll": roll,
        },
        "attributes": dict(person.look.words),
    }
    reason = _ignore(box, pixels, visibility)
    if reason:
        label["ignore"] = reason
    return label


def _cut(
    box: tuple[float, float, float, float] | None, width: int, height: int
) -> list[float] | None:
    """The part of a box inside the picture, None where there is none."""
    if box is None:
        return None
    x1, y1 = max(box[0], 0.0), max(box[1], 0.0)
    x2, y2 = min(box[2], float(width)), min(box[3], float(height))
    return [x1, y1, x2, y2] if x1 < x2 and y1 < y2 else None


def _ignore(box: list[float] | None, pixels: int, visibility: float) -> str:
    if box is None:
        return "outside"
    if max(box[2] - box[0], box[3] - box[1]) < SMALLEST:
        return "small"
    return "hidden" if not pixels or visibility < MOSTLY_HIDDEN else ""


def _landmarks(scene: Scene, model: HeadModel, person: Person, owner: int) -> Label:
    points = model.landmarks(head_vertices(person))
    pixels = project(points, scene.K)
    ahead = np.asarray(np.isfinite(pixels).all(axis=1))
    places = np.where(ahead[:, None], pixels, 0.0)
    size = np.array([scene.width, scene.height])
    inside = np.asarray(ahead & (places >= 0).all(axis=1) & (places < size).all(axis=1))
    visible = np.array(inside)
    owners = np.full(int(inside.sum()), owner, np.int32)
    visible[inside] = seen(scene.mesh, points[inside], owners, scene.K)
    return {
        "scheme": "ibug68",
        "points": [[x, y, 0.0] for x, y in places.tolist()],
        "visible": "".join("1" if one else "0" for one in visible),
    }
