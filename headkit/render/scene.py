"""A picture to draw: people as asked for, before a camera, in a light, in front of a background.

What is not said of a person, the light and the place is drawn from the seeds that the caller gives, one
for each person and one for the picture, so that a scene depends on nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.head.camera import intrinsics
from headkit.render import light, paint
from headkit.render.body import Body, Rest, load_body
from headkit.render.dress import dress
from headkit.render.frame import Frame, draw
from headkit.render.light import Lighting
from headkit.render.look import Look, resolve
from headkit.render.posing import Posed, fit_pose
from headkit.render.surface import Surface
from headkit.render.tailoring import vertex_normals

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

FOCAL = 1.2  # focal length in longer sides of the picture, where no camera is known
HEAD = 0.24  # metres: how high a head is, to say how large it appears
JAW_PER_ACTION = (
    0.361  # radians of jaw that go with jawOpen = 1; the action is what the turn leaves over
)
# Words for light that have another name among the set-ups, or several.
_SET_UPS = {
    "night": ("night street",),
    "indoor": ("indoor", "office"),
    "daylight": ("daylight", "backlit"),
}


@dataclass(frozen=True)
class Wanted:
    """One person asked for.

    keypoints   (17, 3) x, y, confidence in pixels, COCO order
    box         [x1, y1, x2, y2] or None
    head        yaw, pitch, roll in degrees, or None
    attributes  checked words of headkit.attributes; what is missing is drawn
    seed        of everything that is drawn
    """

    keypoints: Array
    box: Sequence[float] | None
    head: Mapping[str, float] | None
    attributes: Mapping[str, Any]
    seed: int


@dataclass(frozen=True, eq=False)
class Person:
    """One person placed. A head vertex v of the head model is at rotation v + translation.

    rotation, translation  (3, 3) and (3,), model frame to camera frame, metres
    expression, jaw        (E,) and (3,) of the head model
    """

    look: Look
    rest: Rest
    posed: Posed
    rotation: Array
    translation: Array
    expression: Floats
    jaw: Array


@dataclass(frozen=True, eq=False)
class Scene:
    """All that frame.draw and truth need; `surfaces` know their person by `owner`."""

    people: tuple[Person, ...]
    surfaces: tuple[Surface, ...]
    K: Array
    width: int
    height: int
    lighting: Lighting
    background: Floats
    seed: int


def compose(
    wanted: Sequence[Wanted],
    width: int,
    height: int,
    *,
    seed: int,
    K: Array | None = None,
    light_name: str | None = None,
    background: str | Floats | None = None,
) -> Scene:
    """The scene of `wanted` people.

    background  a word of attributes.BACKGROUND, (height, width, 3) linear radiance, or None: drawn
    Raises ValueError naming the person whose key points cannot be posed.
    """
    body = load_body()
    camera = intrinsics(width, height, FOCAL * max(width, height)) if K is None else K
    people: list[Person] = []
    surfaces: list[Surface] = []
    for owner, one in enumerate(wanted):
        try:
            person = _place(body, one, camera)
        except ValueError as error:
            raise ValueError(f"person {owner}: {error}") from None
        people.append(person)
        surfaces += _surfaces(body, person, owner, camera)
    rng = np.random.Generator(np.random.PCG64(seed))
    return Scene(
        people=tuple(people),
        surfaces=tuple(surfaces),
        K=camera,
        width=width,
        height=height,
        lighting=_lighting(light_name, rng),
        background=_background(background, rng, width, height),
        seed=int(rng.integers(1 << 31)),
    )


def picture(scene: Scene) -> Frame:
    """The scene drawn."""
    rows = [paint.row(person.look) for person in scene.people]
    table = np.stack(rows) if rows else np.zeros((0, int(paint.Paint.COUNT)), np.float32)
    return draw(
        scene.surfaces,
        scene.lighting,
        scene.background,
        scene.K,
        scene.width,
        scene.height,
        paint=table,
        landmarks=_rest_landmarks(),
        seed=scene.seed,
    )


@functools.lru_cache(maxsize=1)
def _rest_landmarks() -> Array:
    body = load_body()
    return body.template[body.head_vertices[body.head.landmarks68]].astype(np.float64)


# ---- one person ----------------------------------------------------------------------------------


def _place(body: Body, wanted: Wanted, camera: Array) -> Person:
    # A stream for each step: a change in one leaves the others as they were.
    streams = np.random.SeedSequence(wanted.seed).spawn(3)
    look_rng, identity_rng, pose_rng = (np.random.Generator(np.random.PCG64(s)) for s in streams)
    look = resolve(wanted.attributes, look_rng)
    identity = body.identity(
        sex=look.sex,
        age=look.age,
        origin=look.origin,
        rng=identity_rng,
        weight=look.weight,
        muscle=look.muscle,
        height=look.height,
    )
    opening = min(1.0, look.jaw[0] / JAW_PER_ACTION)
    expression = body.head.expression(**{**look.expression, "jawOpen": opening})
    jaw = np.array(look.jaw)
    rest = body.rest(identity, expression, jaw, gaze=look.gaze)
    head = dict(wanted.head) if wanted.head is not None else None
    posed = fit_pose(body, rest, wanted.keypoints, wanted.box, camera, pose_rng, head)
    transform = posed.bone_transforms[body.bones.index("head")]
    rotation = np.array(transform[:, :3])
    translation = rotation @ rest.head_translation + transform[:, 3]
    return Person(look, rest, posed, rotation, translation, expression, jaw)


def _surfaces(body: Body, person: Person, owner: int, camera: Array) -> list[Surface]:
    """Flesh, and what is worn and grown on it."""
    posed = body.skin(person.rest, person.posed.bone_transforms)
    return dress(
        body,
        person.rest,
        posed,
        vertex_normals(posed, body.faces),
        person.posed.bone_transforms,
        person.look,
        owner,
        detail=float(camera[1, 1] * HEAD / max(person.translation[2], 0.05)),
    )


# ---- light and place -----------------------------------------------------------------------------


def _lighting(name: str | None, rng: np.random.Generator) -> Lighting:
    if name is None:
        return light.any_set_up(rng)
    names = _SET_UPS.get(name, (name,))
    return light.set_up(names[int(rng.integers(len(names)))], rng)


def _background(
    wanted: str | Floats | None, rng: np.random.Generator, width: int, height: int
) -> Floats:
    if isinstance(wanted, np.ndarray):
        return wanted
    top, bottom = rng.uniform(0.1, 0.7, 3), rng.uniform(0.05, 0.4, 3)
    share = np.linspace(0, 1, height)[:, None, None]
    pixels = (top + (bottom - top) * share) * np.ones((1, width, 1))
    return pixels.astype(np.float32)
