"""The close-fitting suit that clothes are cut from, made finer once, and the sewing of cut pieces.

The body's helper mesh `tights` runs from neck to wrists and ankles and moves with the body; `skirt` hangs
from the waist. Both are subdivided once per process. A garment is cut out of them on the mean human and
moved off the skin on the posed person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headkit.render.human.body import load_body
from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe.cut_lines import Figure, figure
from headkit.render.wardrobe.drape import Neck
from headkit.render.wardrobe.tailoring import (
    Floats,
    Ints,
    Piece,
    Refinement,
    compact,
    divide,
    loop_subdivision,
    unit,
    vertex_normals,
)  # fmt: skip
from headkit.render.wardrobe.wearer import Wearer

# Columns of a piece's attributes.
FIGURE = slice(0, 3)
BASE = slice(3, 6)  # on the body's suit, camera frame
NORMAL = slice(6, 9)
OFFSET = 9  # along NORMAL, metres
REST = slice(10, 13)
ARM = 13
SHADE = 14  # ambient light that arrives
UV = slice(15, 17)
COLUMNS = 17
_SLEEVE = 0.048  # figure metres: radius of a sleeve, for its texture
_SEAM = 0.78  # ambient light that arrives where sleeve and trunk are sewn together
_DARKER = 90.0  # share of ambient light that a turned-in edge loses per metre
_THIN = 3.0  # pixels: an edge turned in by less is lit as the cloth before it
_EDGES_FROM = 24  # heads of fewer pixels have clothes without turned-in edges


@dataclass(frozen=True)
class Mold:
    """A helper mesh made finer: refinement of the body vertices `used`, on the mean human."""

    refinement: Refinement
    used: Ints
    template: Floats
    body: Figure
    uv: Floats
    faces: Ints
    twins: Ints  # (T, 2) vertices that lie in one place: the seam between sleeve and trunk
    welded: Ints  # the faces with the first of two twins for both


@lru_cache(maxsize=8)
def mold(group: str, *, fine: bool) -> Mold:
    """The mold `upper`, `lower` (halves of the tights that overlap at the hips) or `skirt`.

    Subdivided once near the camera (`fine`), else as it is.
    """
    human = load_body()
    chosen = human.faces[human.face_groups["skirt" if group == "skirt" else "tights"]]
    if group != "skirt":
        height = human.template[:, 1][chosen]
        crotch = float(human.rest(human.mean_identity()).joints[human.bones.index("pelvis"), 1])
        chosen = chosen[
            (height > crotch - 0.16).all(axis=1)
            if group == "upper"
            else (height < crotch + 0.16).all(axis=1)
        ]
    refinement, used = loop_subdivision(chosen)
    if not fine:
        refinement = _coarse(chosen, used)
    joints = dict(zip(human.bones, human.rest(human.mean_identity()).joints, strict=True))
    body = figure(refinement.apply(human.template[used]), joints)
    limb = _sleeves(body.points)
    twins = np.zeros((0, 2), np.int32)
    on_limb = limb > 0
    if group == "upper":  # texture does not run on from trunk to sleeve: they meet in a seam
        refinement, twins = _parted(refinement, limb)
        on_limb = np.concatenate([on_limb, np.repeat([False, True], len(twins))])
    uv = _texture(figure(refinement.apply(human.template[used]), joints), on_limb)
    if group == "upper":
        refinement, twins, uv = _opened(refinement, twins, uv)
    template = refinement.apply(human.template[used])
    body = figure(template, joints)
    weld = np.arange(len(template), dtype=np.int32)
    weld[twins[:, 1]] = twins[:, 0]
    faces = refinement.faces
    return Mold(refinement, used, template, body, uv, faces, twins, weld[faces])


def _sleeves(points: Floats) -> Floats:
    """Above 0 on the sleeves, below on the trunk, 0 at the seam between; figure metres."""
    heights = [0.28, 0.36, 0.42, 0.50, 0.57]
    line = np.interp(points[:, 1], heights, [0.25, 0.205, 0.182, 0.168, 0.158])
    return (np.abs(points[:, 0]) - line).astype(np.float32)


def _parted(refinement: Refinement, limb: Floats) -> tuple[Refinement, Ints]:
    """The mesh cut along `limb` (V,) = 0; each side of the cut has vertices of its own.

    Returns it with rows (T, 2) of the vertices that lie in one place: trunk's and sleeve's, T each in turn
    after the old ones.
    """
    trunk, sleeve = divide(refinement.faces, -limb), divide(refinement.faces, limb)
    count, fresh = len(limb), len(trunk.low)
    sleeve_faces = np.where(sleeve.faces >= count, sleeve.faces + fresh, sleeve.faces)
    rows = []
    for low, high, share in zip(trunk.low, trunk.high, trunk.share, strict=True):
        a = slice(refinement.starts[low], refinement.starts[low + 1])
        b = slice(refinement.starts[high], refinement.starts[high + 1])
        indices = np.concatenate([refinement.indices[a], refinement.indices[b]])
        weights = np.concatenate(
            [refinement.weights[a] * (1 - share), refinement.weights[b] * share]
        )
        rows.append((indices, weights))
    lengths = np.array([len(indices) for indices, _ in rows] * 2, np.int64)
    parted = Refinement(
        np.concatenate([refinement.starts, refinement.starts[-1] + np.cumsum(lengths)]).astype(
            np.int32
        ),
        np.concatenate([refinement.indices, *[indices for indices, _ in rows * 2]]).astype(
            np.int32
        ),
        np.concatenate([refinement.weights, *[weights for _, weights in rows * 2]]).astype(
            np.float32
        ),
        np.concatenate([trunk.faces, sleeve_faces]).astype(np.int32),
    )
    first = count + np.arange(fresh)
    return parted, np.stack([first, first + fresh], axis=1).astype(np.int32)


def _opened(refinement: Refinement, twins: Ints, uv: Floats) -> tuple[Refinement, Ints, Floats]:
    """The mesh with vertices of their own for both sides of the jump in the texture under the arms; twins, too."""
    around = uv[refinement.faces][..., 0]
    across = np.flatnonzero(np.ptp(around, axis=1) > np.pi * _SLEEVE)
    chosen = refinement.faces[across]
    low = around[across] < 0.0
    old = np.unique(chosen[low])
    count = len(refinement.starts) - 1
    faces = refinement.faces.copy()
    faces[across] = np.where(low, count + np.searchsorted(old, chosen), chosen)
    rows = [slice(refinement.starts[k], refinement.starts[k + 1]) for k in old]
    lengths = np.array([row.stop - row.start for row in rows], np.int64)
    doubled = Refinement(
        np.concatenate([refinement.starts, refinement.starts[-1] + np.cumsum(lengths)]).astype(
            np.int32
        ),
        np.concatenate([refinement.indices, *[refinement.indices[row] for row in rows]]),
        np.concatenate([refinement.weights, *[refinement.weights[row] for row in rows]]),
        faces.astype(np.int32),
    )
    first = np.arange(count)
    first[twins[:, 1]] = twins[:, 0]
    fresh = np.stack([first[old], count + np.arange(len(old))], axis=1)
    turned = uv[old] + np.array([2.0 * np.pi * _SLEEVE, 0.0], np.float32)
    return (
        doubled,
        np.concatenate([twins, fresh]).astype(np.int32),
        np.concatenate([uv, turned]).astype(np.float32),
    )


def _texture(body: Figure, limb: NDArray[np.bool_]) -> Floats:
    """Texture coordinates in metres, mirrored at the middle and at the sides, so that nothing jumps."""
    x, y, z = body.points.T
    turn = np.abs(np.arctan2(x, z - 0.02))
    trunk = 0.14 * np.minimum(turn, np.pi - turn)
    level = np.clip((y - 0.40) / 0.10, 0.0, 1.0)
    trunk = trunk + level * (np.abs(x) - trunk)
    # Over the shoulders, where the surface lies flat, height grows towards their ridge.
    flat = np.clip((y - 0.44) / 0.10, 0.0, 1.0)
    height = y + 0.75 * flat * flat * (3 - 2 * flat) * (0.08 - np.abs(z - 0.015))
    places = np.stack([trunk, height], axis=1)
    places[limb] = _along_sleeves(body.points[limb], body.arm[limb])
    return places.astype(np.float32)


def _along_sleeves(points: Floats, arm: Floats) -> NDArray[np.float64]:
    """Texture coordinates of points (N, 3) on the sleeves: metres around the arm from its outside, and along it.

    Both are measured at a line through the middle of the arm that is rounded at the elbow: at a corner, cloth on
    its outside would all lie at one place along the arm. The way around jumps under the arm, where sleeves have
    their seam: mirrored, it would stand still along two lines, and dots there grow together.
    """
    left = points * np.where(points[:, :1] < 0, [-1.0, 1.0, 1.0], 1.0)
    stations = np.linspace(0.4, 2.0, 33)
    weights = np.exp(-0.5 * np.square((arm - stations[:, None]) / 0.16))
    middle = weights @ left / weights.sum(axis=1, keepdims=True)
    # Over the shoulder the line runs on as in the upper arm: a mean of what is there would lie on the surface.
    back = middle[0] - (middle[6] - middle[0]) * np.array([2.5, 2.0, 1.5, 1.0, 0.5])[:, None]
    middle = np.concatenate([back, middle])
    step = np.linalg.norm(np.diff(middle, axis=0), axis=1)
    way = np.concatenate([[0.0], np.cumsum(step)])
    fine = np.linspace(0.0, way[-1], 400)
    line = np.stack([np.interp(fine, way, column) for column in middle.T], axis=1)
    nearest = np.argmin(((left[:, None] - line) ** 2).sum(axis=2), axis=1)
    ahead = unit(np.gradient(line, axis=0).astype(np.float32))[nearest]
    off = left - line[nearest]
    front = unit(np.array([0.0, 0.0, 1.0], np.float32) - ahead[:, 2:] * ahead)
    outer = np.cross(front, ahead)
    outer *= np.sign(outer[:, :1])  # away from the trunk
    turn = np.arctan2((off * front).sum(axis=1), (off * outer).sum(axis=1))
    # Beyond both ends of the line, and between its points, as the limb runs on.
    along = fine[nearest] + (off * ahead).sum(axis=1)
    return np.stack([_SLEEVE * turn, -along], axis=1)


def _coarse(faces: Ints, used: Ints) -> Refinement:
    """The mesh as it is."""
    count = len(used)
    return Refinement(
        np.arange(count + 1, dtype=np.int32),
        np.arange(count, dtype=np.int32),
        np.ones(count, np.float32),
        np.searchsorted(used, faces).astype(np.int32),
    )


@dataclass(frozen=True)
class Fitted:
    """A mold on one person: posed points and normals, and the rest pose's points."""

    mold: Mold
    points: Floats
    normals: Floats
    rest: Floats

    def drawn_in(self, field: Floats, skin: Neck, reach: float) -> Fitted:
        """The same, lying on the skin where `field` (N,) is 0: the suit gapes at a bent neck.

        It is drawn in, never out, over `reach` metres of the field on either side.
        """
        ids = np.flatnonzero(np.abs(field) < reach)
        shift = skin.settle(self.points[ids], 0.0)
        inwards = (shift * self.normals[ids]).sum(axis=1) < 0
        near = 1.0 - np.square(field[ids] / reach)
        points = self.points.copy()
        points[ids] += shift * (inwards * near * near)[:, None]
        return replace(self, points=points)

    def moved(self, ids: NDArray[np.int64], shift: Floats) -> Fitted:
        """The same, with the points `ids` (K,) moved by `shift` (K, 3)."""
        points = self.points.copy()
        points[ids] += shift
        return replace(self, points=points)

    def piece(self, offset: Floats) -> Piece:
        """All of it as uncut cloth, `offset` (N,) metres off the suit."""
        values = np.empty((len(self.points), COLUMNS), np.float32)
        values[:, FIGURE] = self.mold.body.points
        values[:, BASE] = self.points
        values[:, NORMAL] = self.normals
        values[:, OFFSET] = offset
        values[:, REST] = self.mold.template
        values[:, ARM] = self.mold.body.arm
        values[:, SHADE] = 1.0
        values[self.mold.twins.ravel(), SHADE] = _SEAM
        values[:, UV] = self.mold.uv
        return Piece(values, self.mold.faces, {}, self.mold.twins)


def fit(wearer: Wearer, group: str) -> Fitted:
    """The mold on this person."""
    shape = mold(group, fine=wearer.detail > 70)
    points = shape.refinement.apply(wearer.posed[shape.used])
    rest = shape.refinement.apply(wearer.rest[shape.used])
    normals = vertex_normals(points, shape.faces)
    normals = shared_normals(normals, shape.twins)
    return Fitted(shape, points, normals, rest)


def shared_normals(normals: Floats, twins: NDArray[np.integer]) -> Floats:
    """Normals (N, 3) of which those of vertices in one place, rows (T, 2) of `twins`, are one: else a seam gapes."""
    total = normals.copy()
    np.add.at(total, twins[:, 0], normals[twins[:, 1]])
    total[twins[:, 0]] = unit(total[twins[:, 0]])
    total[twins[:, 1]] = total[twins[:, 0]]
    return total


@dataclass(frozen=True)
class Trim:
    """How a sewn piece looks. `hem` is how deep its edges are turned in towards the skin, metres."""

    color: tuple[float, float, float]
    hem: float = 0.004
    patterned: bool = False
    part: Part = Part.CLOTHES
    material: Material = Material.CLOTH


def sew(piece: Piece, trim: Trim, wearer: Wearer, closed: Sequence[str] | None = None) -> Surface:
    """The piece as a surface with turned-in edges along the seams named in `closed` (default: all)."""
    used, faces = compact(piece.faces, len(piece.attributes))
    values = piece.attributes[used]
    outer = values[:, BASE] + values[:, NORMAL] * values[:, OFFSET : OFFSET + 1]
    normals = vertex_normals(outer, faces)
    place = np.full(len(piece.attributes), -1, np.int64)
    place[used] = np.arange(len(used))
    twins = place[piece.twins[(place[piece.twins] >= 0).all(axis=1)]]
    normals = shared_normals(normals, twins)  # no crease along the seam
    vertices, allnormals, attributes, allfaces = [outer], [normals], [values], [faces]
    count = len(outer)
    thin = _THIN * 0.24 / max(wearer.detail, 1.0)
    for name, lines in piece.seams.items():
        if wearer.detail < _EDGES_FROM or (closed is not None and name not in closed):
            continue
        for ids in _unbroken(place, lines):
            rim = _rim(values[ids], outer[ids], normals[ids], trim.hem, fine=trim.hem < thin)
            vertices.append(rim[0])
            allnormals.append(rim[1])
            attributes.append(rim[2])
            n = len(ids)
            a = count + np.arange(n - 1)
            strip = np.concatenate(
                [np.stack([a, a + n, a + 1], axis=1), np.stack([a + 1, a + n, a + n + 1], axis=1)]
            )
            allfaces.append(strip.astype(np.int32))
            count += 2 * n
    points, rows = np.concatenate(vertices), np.concatenate(attributes)
    triangles = np.concatenate(allfaces)
    return Surface(
        material=trim.material,
        owner=wearer.owner,
        vertices=points.astype(np.float32),
        faces=triangles,
        normals=np.concatenate(allnormals).astype(np.float32),
        rest=rows[:, REST].copy(),
        parts=np.full(len(triangles), trim.part, np.uint8),
        occlusion=rows[:, SHADE].copy(),
        color=np.tile(np.asarray(trim.color, np.float32), (len(points), 1)),
        uv=rows[:, UV].copy() if trim.patterned or trim.material == Material.KNIT else None,
        two_sided=True,
    )


def _unbroken(place: NDArray[np.int64], lines: list[Ints]) -> Iterator[NDArray[np.int64]]:
    """The stretches of seam lines that later cuts have left, as places of their vertices."""
    for line in lines:
        ids = place[line]
        for stretch in np.split(ids, np.flatnonzero(ids < 0)):
            kept = stretch[stretch >= 0]
            if len(kept) > 1:
                yield kept


def _rim(
    values: Floats, outer: Floats, normals: Floats, depth: float, *, fine: bool
) -> tuple[Floats, Floats, Floats]:
    """The turned-in edge along a line of vertices: outer row, then a row `depth` under the skin's suit.

    It is rolled over: light changes along it and not at its beginning. A `fine` one, about as wide as a pixel,
    is lit as the cloth before it: darker, it would be a row of dots.
    """
    inner = values[:, BASE] - values[:, NORMAL] * depth
    rows = np.concatenate([values, values])
    if fine:
        return np.concatenate([outer, inner]), np.concatenate([normals, normals]), rows
    along = unit(np.gradient(values[:, BASE], axis=0).astype(np.float32))
    away = unit(np.cross(along, values[:, NORMAL]).astype(np.float32))
    rows[len(values) :, SHADE] *= max(0.3, 1.0 - _DARKER * depth)
    return np.concatenate([outer, inner]), np.concatenate([normals, away]), rows


def at(piece: Piece) -> Figure:
    """Where the vertices of a piece lie on the figure: what fields are functions of."""
    body = mold("upper", fine=False).body
    values = piece.attributes
    return Figure(values[:, FIGURE], values[:, ARM], body.upper_arm, body.forearm)


def with_offset(piece: Piece, offset: Floats) -> Piece:
    """The piece with another distance from the body."""
    values = piece.attributes.copy()
    values[:, OFFSET] = offset
    return replace(piece, attributes=values)
