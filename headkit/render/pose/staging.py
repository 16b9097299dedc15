"""Scenes of people before a camera, drawn from a prior: how many, how near, how they stand and look.

Head yaw, relative to the ray through the head, is stratified by the index of the scene: the sequence
frac(index a + person b) over a circle, with the number of people taken from a second sequence. Both
step by irrational numbers (Kronecker; the steps are those of Roberts' R2), so that any run of scenes is
even over the circle, also when only some of it is drawn. Numpy only; a block of scenes is drawn at once,
each from its own seed, so that neither the block nor its place in the run changes a scene.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.head.camera import camera_rotation
from headkit.head.rotation import FRONTAL, euler_from_rotation, rotation_from_euler
from headkit.render.pose.postures import FACE, NORMALS, UNIFORMS, UPRIGHT, Figures, figures
from headkit.render.pose.prior import PEOPLE, Prior

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

FOCAL = 1.2  # focal length in longer sides of the picture, as everywhere in headkit where no camera is known
# Framing: height of a head in heights of the picture, from and to; height of the neck in the picture.
_FRAMING = {
    "close-up": (0.42, 0.72, 0.52, 0.68),
    "portrait": (0.24, 0.42, 0.36, 0.55),
    "half": (0.13, 0.24, 0.24, 0.42),
    "full": (0.075, 0.13, 0.15, 0.3),
    "small": (0.03, 0.075, 0.2, 0.6),
}
# Odds of the framings for one person, a few, and many.
_FRAMING_ODDS = np.array([[20, 25, 25, 20, 10], [5, 25, 35, 25, 10], [0, 5, 25, 40, 30]], float)
_STEPS = (0.7548776662466927, 0.5698402909980532)  # 1/g and 1/g^2, g the plastic number
_PERSON_STEP = 0.6180339887498949
_SCENE_NORMALS, _SCENE_UNIFORMS = 4, 6


@dataclass(frozen=True)
class Scenes:
    """A block of R scenes with P people in all; `first` (R + 1,) tells where each scene's people begin.

    keypoints (P, 17, 3) x, y, confidence; boxes (P, 4); head (P, 3) yaw, pitch, roll as seen, degrees;
    up (R, 3) the direction against gravity in the camera frame
    """

    size: Integers  # (R, 2) width, height
    first: Integers
    keypoints: Array
    boxes: Array
    head: Array
    up: Array
    age: Integers
    male: NDArray[np.bool_]


@dataclass(frozen=True)
class _Numbers:
    """The random numbers of a block: of scenes (R, .) and of people (P, .)."""

    scene: Integers  # (P,) which scene each person is in
    order: Integers  # (P,) which person of the scene
    count: Integers  # (R,)
    scene_normals: Array
    scene_uniforms: Array
    normals: Array
    uniforms: Array


def draw(prior: Prior, seed: int, start: int, number: int) -> Scenes:
    """Scenes number `start` to `start + number - 1` of the sequence that `seed` names."""
    numbers = _draw_numbers(prior, seed, start, number)
    owner = numbers.scene
    uniform = numbers.uniforms
    low, high = prior.ages
    if prior.age_shares is None:
        age = np.minimum(low + np.floor(uniform[:, UNIFORMS] * (high - low + 1)), high)
    else:
        edges = np.cumsum(prior.age_shares)[:-1]
        age = low + np.searchsorted(edges, uniform[:, UNIFORMS], side="right")
    male = uniform[:, UNIFORMS + 1] < prior.male
    framing = _framings(prior, numbers)
    posture = uniform[:, :UNIFORMS].copy()
    near = framing[owner] <= 1
    posture[near, 0] *= UPRIGHT  # nobody crouches into a close-up
    bodies = figures(age, male, numbers.normals[:, :NORMALS], posture)
    sizes = np.array(prior.sizes, np.int64)
    size = sizes[(numbers.scene_uniforms[:, 0] * len(sizes)).astype(int)]
    focal = FOCAL * size.max(axis=1).astype(float)

    level = _camera(framing, numbers, bodies, size, focal)
    yaw = _yaw(prior, seed, start, numbers)
    pivot = level.position + 0.0
    rotation, euler = _heads(level, pivot, yaw, numbers)
    points = _place(level, bodies, rotation, pivot, yaw, numbers)
    keypoints = _project(points, focal[owner], size[owner])
    confidence = _visible(points, rotation, keypoints, bodies, numbers, focal[owner], size[owner])
    keypoints[confidence == 0] = 0.0
    boxes = _boxes(points, bodies, focal[owner], size[owner])
    first = np.concatenate([[0], np.cumsum(numbers.count)])
    return Scenes(
        size=size,
        first=first,
        keypoints=np.concatenate([keypoints, confidence[:, :, None]], axis=2),
        boxes=boxes,
        head=euler,
        up=level.tilt[first[:-1], :, 1],
        age=age.astype(np.int64),
        male=male,
    )


# ---- numbers -------------------------------------------------------------------------------------


def _draw_numbers(prior: Prior, seed: int, start: int, number: int) -> _Numbers:
    low, high = prior.people
    shares = PEOPLE[low - 1 : high] / PEOPLE[low - 1 : high].sum()
    if prior.people_shares is not None:
        low, shares = 1, np.array(prior.people_shares)
    edges = np.cumsum(shares)[:-1]
    offset = _offset(seed, "people")
    place = (np.arange(start, start + number) * _STEPS[1] + offset) % 1.0
    count = low + np.searchsorted(edges, place, side="right")
    scene_normals = np.empty((number, _SCENE_NORMALS))
    scene_uniforms = np.empty((number, _SCENE_UNIFORMS))
    per_normal, per_uniform = NORMALS + 8, UNIFORMS + 6
    normals = np.empty((int(count.sum()), per_normal))
    uniforms = np.empty((int(count.sum()), per_uniform))
    at = 0
    for row in range(number):
        rng = np.random.Generator(np.random.PCG64(_seed_of(seed, start + row)))
        people = int(count[row])
        scene_normals[row] = rng.standard_normal(_SCENE_NORMALS)
        scene_uniforms[row] = rng.random(_SCENE_UNIFORMS)
        normals[at : at + people] = rng.standard_normal((people, per_normal))
        uniforms[at : at + people] = rng.random((people, per_uniform))
        at += people
    scene = np.repeat(np.arange(number), count)
    order = np.arange(at) - np.repeat(np.cumsum(count) - count, count)
    return _Numbers(scene, order, count, scene_normals, scene_uniforms, normals, uniforms)


def _seed_of(seed: int, index: int) -> int:
    digest = hashlib.blake2b(f"{seed}\0{index}\0pose-sample".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _offset(seed: int, purpose: str) -> float:
    digest = hashlib.blake2b(f"{seed}\0{purpose}\0pose-sample".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _yaw(prior: Prior, seed: int, start: int, numbers: _Numbers) -> Array:
    index = (start + numbers.scene).astype(float)
    place = (index * _STEPS[0] + numbers.order * _PERSON_STEP + _offset(seed, "yaw")) % 1.0
    low, high = prior.yaw_range
    if prior.yaw_pieces is not None:
        starts, ends, shares = np.array(prior.yaw_pieces).T
        done = np.concatenate([[0.0], np.cumsum(shares)])
        piece = np.minimum(np.searchsorted(done[1:-1], place, side="right"), len(starts) - 1)
        within = (place - done[piece]) / np.maximum(shares[piece], 1e-12)
        return np.asarray(starts[piece] + (ends - starts)[piece] * within)
    if prior.yaw == "flat":
        return np.asarray(low + (high - low) * place)
    return np.clip(35.0 * _normal_quantile(place), max(low, -180.0), min(high, 180.0))


def _normal_quantile(probability: Array) -> Array:
    """Inverse of the normal distribution by bisection of a table: good to 0.01 sigma."""
    from math import erf, sqrt

    grid = np.linspace(-3.2, 3.2, 641)
    table = np.array([(1 + erf(value / sqrt(2))) / 2 for value in grid])
    return np.asarray(np.interp(probability, table, grid))


# ---- where everybody is --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stage:
    """Where everybody is.

    position (P, 3) of each neck's pivot in the camera frame; tilt (P, 3, 3) takes the level world (x right,
    y up, z towards the camera) to the camera frame.
    """

    position: Array
    tilt: Array


def _framings(prior: Prior, numbers: _Numbers) -> Integers:
    """(R,) index into _FRAMING."""
    if prior.framing != "any":
        return np.full(len(numbers.count), list(_FRAMING).index(prior.framing))
    odds = _FRAMING_ODDS[np.searchsorted([2, 4], numbers.count, side="right")]
    edges = np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    return np.asarray((numbers.scene_uniforms[:, 1:2] >= edges).sum(axis=1))


def _camera(
    kind: Integers, numbers: _Numbers, bodies: Figures, size: Integers, focal: Array
) -> _Stage:
    rows = np.arange(len(size))
    count, owner, order = numbers.count, numbers.scene, numbers.order
    low, high, top, bottom = np.array(list(_FRAMING.values()))[kind].T
    share = np.exp(np.log(low) + (np.log(high) - np.log(low)) * numbers.scene_uniforms[:, 2])
    main = np.cumsum(count) - count  # the first person of each scene
    depth = focal * bodies.head[main] / (share * size[:, 1])
    depth = np.maximum(depth, 0.26 * count)  # room for everybody
    pitch = np.radians(
        np.clip(1.5 + 0.8 * kind + (4 + kind) * numbers.scene_normals[:, 0], -20, 35)
    )

    slot = _slots(numbers)
    jitter = numbers.normals[:, NORMALS]
    across = np.where(
        count[owner] == 1, 0.5 + 0.09 * jitter, (slot + 0.5 + 0.16 * jitter) / count[owner]
    )
    across = np.clip(across, 0.08, 0.92)
    behind = np.abs(numbers.normals[:, NORMALS + 1]) * 0.3 + 0.35 * (slot % 2)
    away = depth[owner] * np.where(order == 0, 1.0, 1.0 + behind) + np.where(
        order == 0, 0.0, 0.25 * (slot % 2)
    )

    tilt = _level_to_camera(pitch)
    height_of = top + (bottom - top) * numbers.scene_uniforms[:, 3]
    neck = np.stack(
        [np.zeros(len(rows)), (height_of - 0.5) * size[:, 1] / focal, np.ones(len(rows))], 1
    )
    world = np.einsum("rji,rj->ri", tilt, neck * depth[:, None])  # of the main person's neck
    # The tallest should not lose his head at the picture's upper edge, nor the nearest his at the lower.
    tallest = np.maximum.reduceat(bodies.pivot[:, 1], main) - bodies.pivot[main, 1]
    room = np.maximum(0.8 - height_of, 0.0) * size[:, 1] / focal * depth
    camera_height = bodies.pivot[main, 1] + np.minimum(tallest, room) - world[:, 1]
    # Everybody stands on one floor: y is known, the distance along it follows from the depth.
    rise = bodies.pivot[:, 1] - camera_height[owner]
    sine, cosine = np.sin(pitch)[owner], np.cos(pitch)[owner]
    towards = -(away + sine * rise) / cosine  # z of the level world at camera depth `away`
    right = (across - 0.5) * size[owner, 0] / focal[owner] * away
    place = np.stack([right, rise, towards], axis=1)
    return _Stage(np.einsum("pij,pj->pi", tilt[owner], place), tilt[owner])


def _slots(numbers: _Numbers) -> Integers:
    """A place from left to right for everybody: the rank of a random number within the scene."""
    key = numbers.scene + 0.999 * numbers.uniforms[:, UNIFORMS + 2]
    ranked = np.argsort(key, kind="stable")
    slot = np.empty(len(key), np.int64)
    slot[ranked] = numbers.order
    return slot


def _level_to_camera(pitch: Array) -> Array:
    """(R, 3, 3) of a camera that looks down by `pitch` radians."""
    c, s = np.cos(pitch), np.sin(pitch)
    zero, one = np.zeros_like(c), np.ones_like(c)
    return np.moveaxis(np.array([[one, zero, zero], [zero, -c, s], [zero, -s, -c]]), -1, 0)


# ---- heads and bodies ----------------------------------------------------------------------------


def _heads(stage: _Stage, pivot: Array, yaw: Array, numbers: _Numbers) -> tuple[Array, Array]:
    """Rotation of each head in the camera frame (P, 3, 3), and yaw, pitch, roll as the camera sees it.

    A head nods and tilts about its own upright; what the camera sees of that depends on where it is.
    """
    extra = numbers.normals[:, NORMALS + 2 :]
    azimuth = np.degrees(np.arctan2(pivot[:, 0], np.hypot(pivot[:, 1], pivot[:, 2])))
    nod = -3 + 11 * np.clip(extra[:, 0], -2.6, 2.6)
    level = FRONTAL @ rotation_from_euler(yaw - azimuth, nod, 7 * np.clip(extra[:, 1], -2.6, 2.6))
    to_view = np.swapaxes(camera_rotation(np.broadcast_to(np.eye(3), level.shape), pivot), 1, 2)
    seen = euler_from_rotation(to_view @ stage.tilt @ level)
    euler = np.stack([yaw, seen[:, 1], seen[:, 2]], axis=1)
    euler[:, 0] = (euler[:, 0] + 180.0) % 360.0 - 180.0
    return camera_rotation(rotation_from_euler(*euler.T), pivot), euler


def _place(
    stage: _Stage, bodies: Figures, heads: Array, pivot: Array, yaw: Array, numbers: _Numbers
) -> Array:
    """(P, 17, 3) key points in the camera frame; the body faces the head's way, less the neck's turn."""
    turn = np.clip(24 * numbers.normals[:, NORMALS + 5], -62, 62)
    azimuth = np.degrees(np.arctan2(pivot[:, 0], np.hypot(pivot[:, 1], pivot[:, 2])))
    facing = FRONTAL @ rotation_from_euler(yaw - azimuth - turn, 0.0, 0.0)
    frame = stage.tilt @ facing
    points = (
        np.einsum("pij,pkj->pki", frame, bodies.points - bodies.pivot[:, None]) + pivot[:, None]
    )
    face = np.einsum("pij,kj->pki", heads, FACE) * bodies.head[:, None, None]
    points[:, :5] = pivot[:, None] + face
    return np.asarray(points)


# ---- what the picture shows ----------------------------------------------------------------------


def _project(points: Array, focal: Array, size: Integers) -> Array:
    depth = np.maximum(points[:, :, 2:], 1e-3)
    return np.asarray(points[:, :, :2] / depth * focal[:, None, None] + size[:, None, :] / 2)


def _visible(
    points: Array,
    heads: Array,
    pixels: Array,
    bodies: Figures,
    numbers: _Numbers,
    focal: Array,
    size: Integers,
) -> Array:
    """(P, 17) confidence as an annotator gives it: 1 seen, 0.5 hidden but known, 0 not labelled."""
    confidence = np.ones(points.shape[:2])
    to_camera = -points / np.linalg.norm(points, axis=2, keepdims=True)
    # Nose, eyes and ears are labelled where their skin faces the camera; ears stand out.
    normals = np.array(
        [[0, 0.1, 1], [0.35, 0, 0.94], [-0.35, 0, 0.94], [1, 0, -0.1], [-1, 0, -0.1]]
    )
    facing = np.einsum("pij,kj,pki->pk", heads, normals, to_camera[:, :5])
    confidence[:, :5][facing < np.array([0.0, -0.02, -0.02, -0.3, -0.3])] = 0.0
    doubt = numbers.uniforms[:, UNIFORMS + 3, None] * np.ones(17)
    labelled = (
        np.arange(17) * 0.6180339887 + doubt
    ) % 1.0 < 0.65  # of hidden points some are labelled

    middle = (points[:, 5:7].mean(axis=1), points[:, 11:13].mean(axis=1))
    trunk = (pixels[:, 5:7].mean(axis=1), pixels[:, 11:13].mean(axis=1))
    scale = focal / np.maximum(middle[0][:, 2], 0.1)
    radius = 0.085 * bodies.stature * scale
    own = _in_capsule(pixels, trunk[0][:, None], trunk[1][:, None], 0.8 * radius[:, None])
    depth = 0.5 * (middle[0] + middle[1])[:, None, 2]
    hidden = own & (points[:, :, 2] > depth + 0.03 * bodies.stature[:, None])
    hidden[:, :7] = False

    center = pixels[:, :5].mean(axis=1)
    head = 0.5 * bodies.head * scale
    for step in range(1, int(numbers.count.max(initial=1))):
        one = np.arange(len(points) - step)
        one = one[numbers.scene[one] == numbers.scene[one + step]]
        for back, front in ((one, one + step), (one + step, one)):
            nearer = points[front, 5:7, 2].mean(axis=1) < points[back, 5:7, 2].mean(axis=1)
            where, cover = back[nearer], front[nearer]
            body = _in_capsule(
                pixels[where], trunk[0][cover, None], trunk[1][cover, None], radius[cover, None]
            )
            skull = np.linalg.norm(pixels[where] - center[cover, None], axis=2) < head[cover, None]
            hidden[where] |= body | skull
    confidence[hidden] = np.where(labelled, 0.5, 0.0)[hidden]
    confidence[:, :5][hidden[:, :5]] = 0.0
    outside = (pixels < 0).any(axis=2) | (pixels >= size[:, None, :]).any(axis=2)
    # A close-up from behind may show a single ear. What lies a little outside is then told too, or
    # nothing would say how far away the person is.
    few = ((confidence > 0) & ~outside).sum(axis=1) < 5
    near = (pixels > -0.6 * size[:, None, :]).all(axis=2) & (pixels < 1.6 * size[:, None, :]).all(
        axis=2
    )
    told = outside & near & few[:, None] & (confidence > 0)
    confidence[outside] = 0.0
    confidence[told] = 0.5
    confidence[points[:, :, 2] < 0.05] = 0.0
    return confidence


def _in_capsule(pixels: Array, start: Array, end: Array, radius: Array) -> NDArray[np.bool_]:
    """Whether pixels (P, K, 2) lie within `radius` of the segments `start`-`end` (P, 1, 2)."""
    along = end - start
    length = np.maximum((along**2).sum(axis=2), 1e-9)
    share = np.clip(((pixels - start) * along).sum(axis=2) / length, 0, 1)
    return np.asarray(np.linalg.norm(pixels - start - share[:, :, None] * along, axis=2) < radius)


def _boxes(points: Array, bodies: Figures, focal: Array, size: Integers) -> Array:
    """(P, 4) of the whole body cut at the picture: key points with flesh, hands, feet and skull around."""
    flesh = np.full(17, 0.035)
    flesh[[5, 6, 11, 12]] = 0.06
    flesh[[9, 10]] = 0.1  # hands
    flesh[[15, 16]] = 0.06
    flesh[:5] = 0.0
    depth = np.maximum(points[:, :, 2], 0.05)
    reach = flesh * bodies.stature[:, None] * focal[:, None] / depth
    reach[:, :5] = (0.55 * bodies.head * focal / depth[:, :5].mean(axis=1))[:, None]
    pixels = _project(points, focal, size)
    low = (pixels - reach[:, :, None]).min(axis=1)
    high = (pixels + reach[:, :, None]).max(axis=1)
    return np.concatenate([np.clip(low, 0, size), np.clip(high, 0, size)], axis=1)
