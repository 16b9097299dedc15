"""Glasses: two rims before the eyes, a bridge on the nose, temples to the ears, and lenses."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headkit.render.human.body import Body, load_body
from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe.scalp import COLUMNS, ROWS, Scalp, radius_towards
from headkit.render.wardrobe.tailoring import Floats, Ints, unit
from headkit.render.wardrobe.tubes import Shape, joined, tube
from headkit.render.wardrobe.wearer import Wearer

# Half width and half height of a lens in metres, exponent of its super-ellipse, lift of the outer corner,
# how much narrower the lower half is.
_SHAPES: dict[str, tuple[float, float, float, float, float]] = {
    "round": (0.0225, 0.0215, 2.0, 0.0, 0.0),
    "rectangle": (0.0265, 0.0165, 4.5, 0.0005, 0.03),
    "oval": (0.0260, 0.0180, 2.2, 0.001, 0.02),
    "cat-eye": (0.0260, 0.0195, 2.8, 0.0055, 0.10),
    "aviator": (0.0285, 0.0245, 2.6, 0.000, 0.16),
}

_CLEAR = 0.0015  # metres between a lens and the skin behind it, at an adult's size
_OVER_HAIR = 0.005  # metres farther from the skin where it passes over hair
_THINNEST = 1.2  # pixels: a thinner wire would fall between samples and look like dashes
_ROUND = 2.6  # pixels of radius from which a wire is shaded as round


def glasses(wearer: Wearer, scalp: Scalp) -> list[Surface]:
    """Frame and lenses in the camera frame; nothing where none are worn or the head is tiny."""
    look = wearer.look.glasses
    if look.kind == "none" or wearer.detail < 16:
        return []
    near = wearer.detail > 120
    rims = [_outline(wearer, side, 32 if near else 14) for side in (1.0, -1.0)]
    size = _size(wearer)
    forward = max(max(_sunk(scalp, rim), _touched(wearer, rim)) for rim in rims)
    forward = min(forward, 0.008 * size)
    rims = [rim + np.array([0.0, 0.0, forward], np.float32) for rim in rims]
    thick = 0.5 * max(look.frame_width, _THINNEST * 0.24 / max(wearer.detail, 1.0)) * size
    parts = [tube(rim, thick, 1.15, 6 if near else 4, closed=True) for rim in rims]
    parts.append(tube(_bridge(wearer, rims), thick * 0.95, sides=5))
    covered = wearer.look.headwear.kind == "headscarf"
    for rim, side in zip(rims, (1.0, -1.0), strict=True):
        line = _temple(scalp, rim, side, wearer.look.hair.style)
        if covered:
            parts.append(tube(_pressed(scalp, line), min(thick, 0.0010 * size), 0.7, sides=5))
        else:
            parts.append(tube(line, thick * 1.1, 0.7, sides=5))
    frame = joined(parts)
    if thick * wearer.detail < 0.24 * _ROUND:  # a glint on every other pixel would read as dashes
        frame = replace(frame, normals=unit(frame.vertices - scalp.center))
    lenses = joined([_lens(wearer, rim, forward) for rim in rims])
    return [
        _surface(wearer, frame, Material.PLASTIC, look.frame),
        _surface(wearer, lenses, Material.LENS, look.tint),
    ]


def _size(wearer: Wearer) -> float:
    """Of glasses that fit this face, against an adult's."""
    return float(np.linalg.norm(wearer.eyes[0] - wearer.eyes[1]) / 0.059)


def _plane(wearer: Wearer, x: Floats) -> Floats:
    """Depth of the lenses at x (rest frame): before the eyes and the brows, curved around the face."""
    size = _size(wearer)
    marks = wearer.landmarks
    front = wearer.eyes[:, 2].mean() + (0.0164 + 0.011) * size
    brows = marks[[18, 19, 24, 25], 2].max() + 0.0035 * size
    middle = wearer.eyes[:, 0].mean()
    return max(front, brows) - 3.2 / size * (x - middle) ** 2


def _outline(wearer: Wearer, side: float, count: int) -> Floats:
    """The rim of one lens (count, 3), rest frame; side +1 is the subject's left."""
    look = wearer.look.glasses
    width, height, power, lift, narrow = _SHAPES[look.shape]
    size = _size(wearer) * look.size
    angle = 2 * np.pi * np.arange(count) / count
    c, s = np.cos(angle), np.sin(angle)
    x = np.sign(c) * np.abs(c) ** (2 / power) * width
    y = np.sign(s) * np.abs(s) ** (2 / power) * height
    x = x * (1 + narrow * np.clip(y / height, -1, 0) * 1.2) + narrow * 0.01 * np.clip(
        -y / height, 0, 1
    )
    y = y + lift * np.clip(x / width, 0, 1) ** 2 * (1 + np.clip(y / height, -1, 1))
    eye = wearer.eyes[0 if side > 0 else 1]
    gap = 0.0095 * size  # between rim and midline, at least
    middle = wearer.eyes[:, 0].mean()
    center = middle + side * max(abs(eye[0] - middle), width * size + gap)
    points = np.stack(
        [center + side * x * size, eye[1] - 0.0025 * size + y * size, np.zeros(count)], axis=1
    )
    points[:, 2] = _plane(wearer, points[:, 0])
    return points.astype(np.float32)


def _sunk(scalp: Scalp, rim: Floats) -> float:
    """How far a rim would have to come forward to clear brows and cheeks, metres."""
    out = rim - scalp.center
    missing = radius_towards(scalp, out) + 0.0025 * scalp.scale - np.linalg.norm(out, axis=1)
    return max(0.0, float(missing.max()))


def _touched(wearer: Wearer, rim: Floats) -> float:
    """How far a lens would have to come forward to clear the skin behind it, as a low brow, metres."""
    face = wearer.rest[_face(load_body())]
    middle = rim.mean(axis=0)
    share = (face - middle)[:, :2] / np.abs(rim - middle)[:, :2].max(axis=0)
    behind = face[(share * share).sum(axis=1) < 1.0]
    if not len(behind):
        return 0.0
    missing = behind[:, 2] - _plane(wearer, behind[:, 0]) + _CLEAR * _size(wearer)
    return max(0.0, float(missing.max()))


@lru_cache(maxsize=1)
def _face(body: Body) -> NDArray[np.int64]:
    """Vertices of the skin of the face."""
    kept = body.face_groups["skin"]
    return np.unique(body.faces[kept[body.parts[kept] == Part.FACE]]).astype(np.int64)


def _bridge(wearer: Wearer, rims: list[Floats]) -> Floats:
    """An arc between the rims over the nose."""
    ends = []
    for rim in rims:
        inner = np.abs(rim[:, 0] - wearer.eyes[:, 0].mean())
        high = rim[:, 1] - rim[:, 1].mean()
        ends.append(rim[np.argmin(inner - 0.25 * high)])
    t = np.linspace(0.0, 1.0, 9)[:, None]
    line = ends[0] * (1 - t) + ends[1] * t
    arc = np.sin(np.pi * t[:, 0])
    line[:, 1] += 0.0025 * _size(wearer) * arc
    nose = wearer.landmarks[27, 2] + 0.002 * _size(wearer)
    line[:, 2] += arc * max(0.002 * _size(wearer), nose - line[4, 2])
    return line.astype(np.float32)


def _temple(scalp: Scalp, rim: Floats, side: float, hair: str) -> Floats:
    """From the rim's outer corner along the head to the ear, and over the `hair` there down behind it."""
    size = scalp.scale
    outer = np.argmax(side * rim[:, 0] + 0.9 * rim[:, 1])
    hinge = rim[outer] + np.array([side * 0.0015, 0.0, -0.001], np.float32) * size
    row = _ear_row(scalp)
    column = (COLUMNS // 4 if side > 0 else 3 * COLUMNS // 4) % COLUMNS
    ear = scalp.points[row, column].copy()
    ear[0] += side * 0.004 * size
    ear[2] -= 0.005 * size
    t = np.linspace(0.0, 1.0, 4)[:, None]
    line = hinge * (1 - t) + ear * t
    behind = (
        ear
        + np.array(
            [
                [-0.001 * side, -0.006, -0.008],
                [-0.003 * side, -0.020, -0.012],
                [-0.006 * side, -0.034, -0.013],
            ]
        )
        * size
    )
    line = _rounded(np.concatenate([line, behind]).astype(np.float32))
    out = line - scalp.center
    distance = np.linalg.norm(out, axis=1)
    share = np.clip((hinge[2] - line[:, 2]) / max(float(hinge[2] - ear[2]), 1e-6), 0.0, 1.0)
    over = 0.0 if hair in ("bald", "buzz") else _OVER_HAIR * np.clip(4.0 * share - 3.0, 0.0, 1.0)
    needed = radius_towards(scalp, out) + (0.0025 + over) * size
    push = np.maximum(needed - distance, 0.0)
    push[0] = 0.0
    return (line + unit(out) * (push * share**0.5)[:, None]).astype(np.float32)


def _rounded(line: Floats) -> Floats:
    """A line (P, 3) with its corners cut (Chaikin 1974): wire and acetate are bent, not folded."""
    for _ in range(2):
        near, far = 0.75 * line[:-1] + 0.25 * line[1:], 0.25 * line[:-1] + 0.75 * line[1:]
        inner = np.stack([near, far], axis=1).reshape(-1, 3)
        line = np.concatenate([line[:1], inner, line[-1:]])
    return line.astype(np.float32)


def _pressed(scalp: Scalp, line: Floats) -> Floats:
    """A temple that cloth holds to the head, from a finger's breadth behind the hinge on."""
    line = line[: 3 * len(line) // 5]  # it ends at the ear
    out = line - scalp.center
    distance = np.linalg.norm(out, axis=1)
    least = radius_towards(scalp, out) + 0.0014 * scalp.scale
    share = np.clip(np.linspace(0.0, 1.0, len(line)) / 0.3, 0.0, 1.0)
    return (scalp.center + unit(out) * (distance + share * (least - distance))[:, None]).astype(
        np.float32
    )


def _ear_row(scalp: Scalp) -> int:
    """The grid's row that meets the top of the ear."""
    y = scalp.grid.template.reshape(ROWS, COLUMNS, 3)[:, COLUMNS // 4, 1]
    return int(np.argmin(np.abs(y - 0.008)))


def _lens(wearer: Wearer, rim: Floats, forward: float) -> Shape:
    """A fan over the rim, curved as the rims are: a flat one would cut through a brow that they clear."""
    count = len(rim)
    middle = rim.mean(axis=0)
    inner = middle + (rim - middle) * 0.5
    vertices = np.concatenate([rim, inner, middle[None]]).astype(np.float32)
    vertices[count:, 2] = _plane(wearer, vertices[count:, 0]) + forward
    a = np.arange(count)
    b = (a + 1) % count
    faces = np.concatenate(
        [
            np.stack([a, b, a + count], axis=1),
            np.stack([b, b + count, a + count], axis=1),
            np.stack([a + count, b + count, np.full(count, 2 * count)], axis=1),
        ]
    )
    normals = unit((vertices - middle) * np.array([6.0, 4.0, 0.0]) + np.array([0.0, 0.0, 1.0]))
    return Shape(vertices, faces.astype(np.int32), normals)


def _surface(
    wearer: Wearer, shape: Shape, material: Material, color: tuple[float, float, float]
) -> Surface:
    """A shape of the rest frame, worn on the head."""
    faces: Ints = shape.faces
    return Surface(
        material=material,
        owner=wearer.owner,
        vertices=wearer.place("head", shape.vertices),
        faces=faces,
        normals=wearer.turn("head", shape.normals),
        rest=shape.vertices,
        parts=np.full(len(faces), Part.GLASSES, np.uint8),
        occlusion=np.full(len(shape.vertices), 0.9, np.float32),
        color=np.tile(np.asarray(color, np.float32), (len(shape.vertices), 1)),
        two_sided=True,
    )
