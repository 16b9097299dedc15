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

from headkit import attributes
from headkit.head.camera import intrinsics
from headkit.render.drawing.frame import Frame, draw
from headkit.render.drawing.mesh import Mesh, pack
from headkit.render.human.body import Body, Rest, load_body
from headkit.render.look import Look, resolve
from headkit.render.pose import depth_order, stature
from headkit.render.pose.ground import LEVEL, Ground, find_ground
from headkit.render.pose.posing import Posed
from headkit.render.shading import light, paint
from headkit.render.shading.background import background, photo
from headkit.render.shading.light import Lighting
from headkit.render.surface import Surface
from headkit.render.wardrobe.dress import dress
from headkit.render.wardrobe.tailoring import vertex_normals
from headkit.render.wardrobe.wearer import Frustum

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

FOCAL = 1.2  # focal length in longer sides of the picture, where no camera is known
EYES_TURN = (24.0, 16.0)  # degrees of yaw and pitch that eyes turn before the head follows
EYES_RISE = 9.0  # upwards: beyond, the iris is under the lid
EYES_MEET = 1.2  # metres: nearer they do not converge
HEAD = 0.24  # metres: how high a head is, to say how large it appears
JAW_PER_ACTION = (
    0.361  # radians of jaw that go with jawOpen = 1; the action is what the turn leaves over
)


class PoseError(ValueError):
    """Key points that no body can be posed to; the message names the person."""


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
    ground: Ground | None
    seed: int

    @functools.cached_property
    def mesh(self) -> Mesh:
        """All surfaces packed, once for the picture and its labels."""
        return pack(self.surfaces)


def compose(
    wanted: Sequence[Wanted],
    width: int,
    height: int,
    *,
    seed: int,
    K: Array | None = None,
    up: Array | None = None,
    light_name: str | None = None,
    place: str | NDArray[np.uint8] | None = None,
) -> Scene:
    """The scene of `wanted` people.

    K, up       the camera, and the direction against gravity in its frame, where they are known;
                else a usual camera, whose pitch is what the people make likely
    light_name  a word of attributes.LIGHT, or None: drawn
    place       a word of attributes.BACKGROUND, a photo (height, width, 3) sRGB, or None: drawn
    Raises PoseError where somebody's key points cannot be posed.
    """
    body = load_body()
    camera = intrinsics(width, height, FOCAL * max(width, height)) if K is None else K
    people = _people(body, wanted, camera, up)
    upward = people[0].posed.up if people else LEVEL
    posed = [body.skin(person.rest, person.posed.bone_transforms) for person in people]
    surfaces: list[Surface] = []
    frustum = Frustum.of(camera, width, height)
    for owner, (person, vertices) in enumerate(zip(people, posed, strict=True)):
        surfaces += _surfaces(body, person, vertices, owner, camera, frustum)
    flesh = body.vertex_groups["body"]
    ground = find_ground([vertices[flesh].astype(np.float64) for vertices in posed], upward)
    rng = np.random.Generator(np.random.PCG64(seed))
    lighting = _lighting(light_name, place, rng)
    if isinstance(place, np.ndarray):
        behind = photo(place, lighting)
    else:
        name = place or _place(lighting, rng)
        behind = background(name, lighting, width, height, rng, ground, camera)
    return Scene(
        people=tuple(people),
        surfaces=tuple(surfaces),
        K=camera,
        width=width,
        height=height,
        lighting=lighting,
        background=behind,
        ground=ground,
        seed=int(rng.integers(1 << 31)),
    )


def picture(scene: Scene, *, shaded: bool = True) -> Frame:
    """The scene drawn; not `shaded`, its labels without colour, in a fraction of the time."""
    rows = [paint.row(person.look) for person in scene.people]
    table = np.stack(rows) if rows else np.zeros((0, int(paint.Paint.COUNT)), np.float32)
    return draw(
        scene.mesh,
        scene.lighting,
        scene.background,
        scene.K,
        scene.width,
        scene.height,
        paint=table,
        landmarks=_rest_landmarks(),
        ground=scene.ground,
        seed=scene.seed,
        shaded=shaded,
    )


@functools.lru_cache(maxsize=1)
def _rest_landmarks() -> Array:
    body = load_body()
    return body.template[body.head_vertices[body.head.landmarks68]].astype(np.float64)


@functools.lru_cache(maxsize=1)
def mean_head() -> tuple[Array, Array]:
    """Lowest and highest corner of the mean head at rest: what PNCC is normalised by."""
    body = load_body()
    points = body.template[body.head_vertices[body.head.head_mask]].astype(np.float64)
    return points.min(axis=0), points.max(axis=0)


# ---- one person ----------------------------------------------------------------------------------


def _people(
    body: Body, wanted: Sequence[Wanted], camera: Array, up: Array | None
) -> tuple[Person, ...]:
    """Everybody with a look and a body of his own, posed together."""
    made = [_make(body, one) for one in wanted]
    askings = [
        depth_order.Person(
            rest, one.keypoints, one.box, rng, None if one.head is None else dict(one.head)
        )
        for one, (_, rest, _, rng) in zip(wanted, made, strict=True)
    ]
    try:
        poses = depth_order.fit_people(body, askings, camera, up=up)
    except ValueError as error:
        raise PoseError(str(error)) from None
    head = body.bones.index("head")
    people = []
    for (look, rest, expression, _), posed in zip(made, poses, strict=True):
        transform = posed.bone_transforms[head]
        rotation = np.array(transform[:, :3])
        translation = rotation @ rest.head_translation + transform[:, 3]
        jaw = np.array(look.jaw)
        if look.meets:
            gaze = _camera_in_sight(rest, rotation, translation)
            if gaze is not None:
                rest = body.looking(rest, gaze)
        people.append(Person(look, rest, posed, rotation, translation, expression, jaw))
    return tuple(people)


def _make(body: Body, wanted: Wanted) -> tuple[Look, Rest, Floats, np.random.Generator]:
    """Look, rest body, expression, and the numbers for posing."""
    # A stream for each step: a change in one leaves the others as they were.
    streams = np.random.SeedSequence(wanted.seed).spawn(4)
    look_rng, identity_rng, pose_rng, age_rng = (
        np.random.Generator(np.random.PCG64(stream)) for stream in streams
    )
    look = resolve(_with_age(wanted, age_rng), look_rng)
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
    rest = body.rest(identity, expression, look.jaw, gaze=look.gaze)
    return look, rest, expression, pose_rng


def _camera_in_sight(rest: Rest, rotation: Array, translation: Array) -> Array | None:
    """(2, 2) yaw and pitch in degrees of each eye that looks into the camera; None where it cannot turn so far."""
    camera = -translation @ rotation + rest.head_translation
    middle = rest.eye_centers.mean(axis=0)
    away = camera - middle  # eyes that meet too near look crossed
    target = middle + away * max(1.0, EYES_MEET / float(np.linalg.norm(away)))
    x, y, z = (target - rest.eye_centers).T
    gaze = np.degrees(np.stack([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))], axis=1))
    reached = bool((np.abs(gaze) < EYES_TURN).all() and (gaze[:, 1] < EYES_RISE).all())
    return gaze if reached else None


def _with_age(wanted: Wanted, rng: np.random.Generator) -> Mapping[str, Any]:
    """The attributes asked for; where no age is, with one that the key points make plausible."""
    given = wanted.attributes
    if given.get("age") is not None:
        return given
    age = stature.draw_age(wanted.keypoints, rng, attributes.youngest(given))
    return {**given, "age": age}


def _surfaces(
    body: Body, person: Person, posed: Floats, owner: int, camera: Array, frustum: Frustum
) -> list[Surface]:
    """Flesh, and what is worn and grown on it."""
    return dress(
        body,
        person.rest,
        posed,
        vertex_normals(posed, body.faces),
        person.posed.bone_transforms,
        person.look,
        owner,
        detail=float(camera[1, 1] * HEAD / max(person.translation[2], 0.05)),
        frustum=frustum,
    )


# ---- light and place -----------------------------------------------------------------------------


def _lighting(
    name: str | None, place: str | NDArray[np.uint8] | None, rng: np.random.Generator
) -> Lighting:
    """The light of that name, else one that goes with the place."""
    if name is None and isinstance(place, str):
        lights = attributes.LIGHTS_OF[place]
        name = lights[int(rng.integers(len(lights)))]
    return light.any_lighting(rng) if name is None else light.lighting(name, rng)


def _place(lighting: Lighting, rng: np.random.Generator) -> str:
    """A place that goes with the light."""
    places = [name for name, lights in attributes.LIGHTS_OF.items() if lighting.name in lights]
    return places[int(rng.integers(len(places)))]
