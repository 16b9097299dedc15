"""What the embedded renderer knows of a record, as pictures for conditioners, and the labels that go with them.

The people are those that `generate` draws for the same record and seed, to the last digit, so that `target` is its
`truth`: what the picture was asked to show.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.conditioning.conventions import RENDERED, RenderedConvention
from headkit.conditioning.mesh_colors import ColoredHead, colored
from headkit.conditioning.meshes import Mesh, draw_depth
from headkit.conditioning.relief import Pixels, depth_picture, normal_picture
from headkit.render.drawing.frame import Frame
from headkit.render.human.body import load_body
from headkit.render.scene import Scene, picture
from headkit.render.truth import head_vertices, labels
from headkit.request import canvas_of, composed
from headkit.tool import Record

_FLESH = ("skin", "eye_left", "eye_right", "teeth_upper", "teeth_lower", "tongue")


@dataclass(frozen=True, eq=False)
class Rendered:
    """A record as conditions.

    images  control -> (height, width, 3) uint8, as the conditioner is fed
    target  `heads`, with the fields of truth.heads
    camera  K, 3 x 3, and up where the record knows it: the frame that `target` is in
    """

    images: dict[str, Pixels]
    target: Record
    camera: Record


def render(record: Record, controls: Sequence[str], seed: int) -> Rendered:
    """Pictures of all `controls`, names of conventions.RENDERED. Raises RequestError for what is wrong with a record.

    record  in pixels of the picture: width, height, poses, and what `generate` reads beside
    seed    of the run
    """
    canvas = canvas_of(record, None)
    nothing = np.zeros((canvas.height, canvas.width, 3), np.uint8)  # behind people: is not seen
    scene, asked = composed(record, canvas, seed, photo=nothing)
    frame = picture(scene, shaded=False)
    heads = labels(scene, frame)
    for head, person in zip(heads, asked.drawn, strict=True):
        head["person"] = person
    return Rendered(
        images={name: _image(RENDERED[name], scene, frame) for name in controls},
        target={"heads": heads},
        camera={**(record.get("camera") or {}), "K": scene.K.tolist()},
    )


def _image(convention: RenderedConvention, scene: Scene, frame: Frame) -> Pixels:
    if convention.code == "normals":
        return normal_picture(frame.normal)
    if convention.code == "coordinates":
        return own_heads(scene)
    depth: NDArray[Any] = frame.depth if convention.shows == "people" else body_depth(scene)
    return depth_picture(depth, convention.code)


def own_heads(scene: Scene) -> Pixels:
    """(H, W, 3) everybody's head in the colours of our own head model."""
    model = load_body().head
    heads = [head_vertices(model, person) for person in scene.people]
    return _own_colors().picture(heads, scene.K, scene.width, scene.height)


@functools.lru_cache(maxsize=1)
def _own_colors() -> ColoredHead:
    return colored(load_body().head)


def body_depth(scene: Scene) -> NDArray[np.float64]:
    """(H, W) metres along the camera's axis to the people's bare bodies; 0 the background."""
    body = load_body()
    faces = body.faces[np.concatenate([body.face_groups[name] for name in _FLESH])]
    bodies = [
        Mesh(body.skin(person.rest, person.posed.bone_transforms), faces) for person in scene.people
    ]
    return draw_depth(bodies, scene.K, scene.width, scene.height)
