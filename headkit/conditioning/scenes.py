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
from headkit.conditioning.mesh_fit import Fit, MeshFitter
from headkit.conditioning.mesh_label import fitted_label
from headkit.conditioning.meshes import Mesh, draw_depth
from headkit.conditioning.relief import Pixels, depth_picture, normal_picture
from headkit.render.drawing.frame import Frame
from headkit.render.human.body import load_body
from headkit.render.scene import Person, Scene, picture
from headkit.render.truth import Label, head_vertices, labels
from headkit.request import canvas_of, composed
from headkit.tool import Record

_FLESH = ("skin", "eye_left", "eye_right", "teeth_upper", "teeth_lower", "tongue")


@dataclass(frozen=True, eq=False)
class Rendered:
    """A record as conditions.

    images  control -> (height, width, 3) uint8, as the conditioner is fed
    target  `heads`, with the fields of truth.heads; with another head model's meshes, of these (see mesh_label)
    camera  K, 3 x 3, and up where the record knows it: the frame that `target` is in
    """

    images: dict[str, Pixels]
    target: Record
    camera: Record


def render(
    record: Record, controls: Sequence[str], seed: int, fitter: MeshFitter | None = None
) -> Rendered:
    """Pictures of all `controls`, names of conventions.RENDERED. Raises RequestError for what is wrong with a record.

    record  in pixels of the picture: width, height, poses, and what `generate` reads beside
    seed    of the run
    fitter  of the head model whose meshes are drawn and which `target` is of; None: our own
    """
    canvas = canvas_of(record, None)
    nothing = np.zeros((canvas.height, canvas.width, 3), np.uint8)  # behind people: is not seen
    scene, asked = composed(record, canvas, seed, photo=nothing)
    frame = picture(scene, shaded=False)
    heads, meshes = _heads(scene, frame, fitter)
    for head, person in zip(heads, asked.drawn, strict=True):
        head["person"] = person
    camera = {**(record.get("camera") or {}), "K": scene.K.tolist()}
    return Rendered(pictures(scene, frame, controls, meshes), {"heads": heads}, camera)


@dataclass(frozen=True, eq=False)
class Meshes:
    """Heads of one model: its colours, and (V, 3) vertices of each in the camera frame."""

    head: ColoredHead
    vertices: Sequence[NDArray[Any]]


def pictures(
    scene: Scene, frame: Frame, controls: Sequence[str], meshes: Meshes | None = None
) -> dict[str, Pixels]:
    """The pictures of a scene by name. frame: the scene drawn; meshes: of its heads, None: those of our own model."""

    def image(convention: RenderedConvention) -> Pixels:
        if convention.code == "coordinates":
            heads = meshes or own_meshes(scene)
            return heads.head.picture(heads.vertices, scene.K, scene.width, scene.height)
        return _relief(convention, scene, frame)

    return {name: image(RENDERED[name]) for name in controls}


def own_meshes(scene: Scene) -> Meshes:
    """Everybody's head as our own head model has it."""
    return Meshes(_own_colors(), [head_vertices(person) for person in scene.people])


def _heads(
    scene: Scene, frame: Frame, fitter: MeshFitter | None
) -> tuple[list[Label], Meshes | None]:
    """The labels of all heads, and the meshes that they are of where these are not our own."""
    heads = labels(scene, frame)
    if fitter is None:
        return heads, None
    fits = [_fitted(fitter, person) for person in scene.people]
    pairs = zip(heads, fits, strict=True)
    told = [fitted_label(head, fit, fitter.model, scene.K) for head, fit in pairs]
    return told, Meshes(fitter.head, [fit.vertices for fit in fits])


def _relief(convention: RenderedConvention, scene: Scene, frame: Frame) -> Pixels:
    if convention.code == "normals":
        return normal_picture(frame.normal)
    depth: NDArray[Any] = body_depth(scene) if convention.shows == "bodies" else frame.depth
    return depth_picture(depth, "metric" if convention.code == "metric" else "inverse")


def body_depth(scene: Scene) -> NDArray[np.float64]:
    """(H, W) metres along the camera's axis to the people's bare bodies; 0 the background."""
    body = load_body()
    faces = body.faces[np.concatenate([body.face_groups[name] for name in _FLESH])]
    bodies = [
        Mesh(body.skin(person.rest, person.posed.bone_transforms), faces) for person in scene.people
    ]
    return draw_depth(bodies, scene.K, scene.width, scene.height)


@functools.lru_cache(maxsize=1)
def _own_colors() -> ColoredHead:
    return colored(load_body().head)


def _fitted(fitter: MeshFitter, person: Person) -> Fit:
    return fitter.fit(person.rest.head, person.rotation, person.translation)
