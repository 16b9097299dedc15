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
    template = refinement.apply(human.template[used])
    body = figure(template, joints)
    uv = _texture(body, on_limb)
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
    # On the arms: around them and along them, from their axis in the mean human's rest pose.
    across = np.abs(x) * 0.745 + y * 0.667
    arm = (body.arm > 0.2) & (body.arm < 0.9) & limb
    middle = np.median(across[arm]) if arm.any() else 0.0
    around = 0.05 * np.abs(np.arctan2(across - middle, z - 0.02))
    upper = np.minimum(body.arm, 1.0) * body.upper_arm
    along = upper + np.maximum(body.arm - 1.0, 0.0) * body.forearm
    places = np.where(limb, [around, -along], [trunk, height])
    return np.ascontiguousarray(places.T, np.float32)


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
    one, two = shape.twins.T
    normals[one] = normals[two] = unit(normals[one] + normals[two])
    return Fitted(shape, points, normals, rest)


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
    one, two = place[piece.twins[(place[piece.twins] >= 0).all(axis=1)]].T
    normals[one] = normals[two] = unit(normals[one] + normals[two])  # no crease along the seam
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
