"""Dresses one posed person: everything grown on or worn by the body, and the body's own skin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headkit.render.human.body import Body, Rest, load_body
from headkit.render.jit import compiled
from headkit.render.look import Look
from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe import beard, clothes, glasses, headwear, lashes, scalp, scarf
from headkit.render.wardrobe.beard import Follicles, spread_follicles
from headkit.render.wardrobe.cut_lines import Figure, figure
from headkit.render.wardrobe.hair import hair
from headkit.render.wardrobe.obstacles import NO_OBSTACLES, Obstacles, sort_obstacles
from headkit.render.wardrobe.resting import Cloth, sort_cloth
from headkit.render.wardrobe.rounding import rounded_off, rounded_outline
from headkit.render.wardrobe.scalp import ScalpGrid
from headkit.render.wardrobe.tailoring import Floats, Ints, compact
from headkit.render.wardrobe.wearer import Frustum, Wearer

_HANGING = ("long", "bob", "ponytail", "curly")
_REACH = 0.62  # metres from the head's middle within which long hair may touch the clothes
_ROUND = 110.0  # pixels of a head from which its triangles would be seen at the outline
_BARE = (Part.TORSO, Part.ARM, Part.HAND)  # skin that hair rests on as it does on clothes


@dataclass(frozen=True)
class Plan:
    """What is the same for everybody, looked up on the mean human once per process."""

    grid: ScalpGrid
    figure: Figure
    head: Floats
    chin: Follicles


@lru_cache(maxsize=1)
def plan() -> Plan:
    """The scalp's grid, follicles of the beard, and figure and head coordinates of the body's vertices."""
    body = load_body()
    rest = body.rest(body.mean_identity())
    skin = body.faces[body.face_groups["skin"]]
    parts = body.parts[body.face_groups["skin"]]
    head = np.isin(parts, (Part.FACE, Part.NECK, Part.LIP))
    head &= (body.masks["ears"][skin] < 0.5).all(axis=1)
    head &= (body.masks["inside_mouth"][skin] < 0.5).all(axis=1)
    grid = scalp.cast_grid(body.template, skin[head], rest.eye_centers.astype(np.float32))
    joints = dict(zip(body.bones, rest.joints, strict=True))
    head_places = ((body.template - grid.origin) / grid.unit).astype(np.float32)
    chin = spread_follicles(body, skin[head], grid)
    return Plan(grid, figure(body.template, joints), head_places, chin)


def dress(
    body: Body,
    rest: Rest,
    posed: Floats,
    normals: Floats,
    bone_transforms: ArrayLike,
    look: Look,
    owner: int,
    detail: float,
    frustum: Frustum | None = None,
) -> list[Surface]:
    """All surfaces of one person, camera frame, metres; below the waist only what the picture shows.

    posed      (V, 3) skinned vertices; normals (V, 3) unit
    detail     height of the head in pixels: far people are built from less
    frustum    of the picture, None for everything
    """
    transforms = np.asarray(bone_transforms, np.float64)
    shared = plan()
    wearer = Wearer(
        template=body.template,
        rest=rest.vertices,
        posed=posed,
        normals=normals,
        bones=dict(zip(body.bones, transforms, strict=True)),
        joints=dict(zip(body.bones, rest.joints, strict=True)),
        landmarks=rest.vertices[body.head_vertices[body.head.landmarks68]],
        eyes=rest.eye_centers.astype(np.float32),
        look=look,
        owner=owner,
        detail=detail,
        frustum=frustum,
    )
    worn = clothes.clothes(wearer, shared.figure)
    cover = worn.cover
    if look.headwear.kind == "headscarf":
        cover = np.maximum(cover, scarf.cover(shared.head, shared.figure.points[:, 1], look))
    flesh = skin(body, wearer, cover)
    close = detail > _ROUND
    if look.hair.style in ("bald", "buzz") and close:
        flesh[0] = rounded_off(flesh[0], _skull(flesh[0], shared.grid))
    surfaces = flesh + [rounded_outline(s) if close else s for s in worn.surfaces]
    grown = scalp.fit(shared.grid, wearer)
    resting = obstacles(wearer, worn.outline, grown.center)
    cloth = _cloth(wearer, [*worn.outline, *_bare(flesh)], grown.center)
    surfaces += hair(grown, wearer, resting, cloth, headwear.brim(grown, wearer))
    surfaces += headwear.headwear(grown, wearer) + scarf.scarf(grown, wearer)
    surfaces += beard.beard(wearer, shared.chin, cloth, grown.scale)
    surfaces += glasses.glasses(wearer, grown)
    surfaces += lashes.lashes(wearer)
    return [surface for surface in surfaces if len(surface.faces)]


def obstacles(wearer: Wearer, outline: list[Surface], center: Floats) -> Obstacles:
    """What long hair rests on, in the rest frame of the head: clothes and the neck's skin."""
    if wearer.look.hair.style not in _HANGING:
        return NO_OBSTACLES
    turn = wearer.bones["head"]
    body = load_body()
    neck = _neck(body)
    points = np.concatenate([wearer.posed[neck]] + [s.vertices for s in outline])
    normals = np.concatenate([wearer.normals[neck]] + [s.normals for s in outline])
    local = (points - turn[:, 3]) @ turn[:, :3]
    near = np.linalg.norm(local - center, axis=1) < _REACH
    near[np.arange(len(near)) % 3 > 0] = False  # every third vertex is dense enough
    return sort_obstacles(
        local[near].astype(np.float32), (normals[near] @ turn[:, :3]).astype(np.float32), 0.04
    )


def _cloth(wearer: Wearer, worn: list[Surface], center: Floats) -> Cloth:
    """What no hair may pass through, as far from the head as this person's hair and beard reach."""
    reach = {"long": 0.62, "ponytail": 0.50}.get(wearer.look.hair.style, 0.32)
    return sort_cloth(worn, wearer.bones["head"], center, reach)


def _bare(flesh: list[Surface]) -> list[Surface]:
    """The bare skin below the neck."""
    skin = flesh[0]
    chosen = np.isin(skin.parts, _BARE)
    return [replace(skin, faces=skin.faces[chosen], parts=skin.parts[chosen])]


@lru_cache(maxsize=1)
def _neck(body: Body) -> NDArray[np.int64]:
    faces = body.face_groups["skin"]
    return np.unique(body.faces[faces[body.parts[faces] == Part.NECK]]).astype(np.int64)


def _skull(flesh: Surface, grid: ScalpGrid) -> NDArray[np.bool_]:
    """Faces of the skin that hair could grow on, and a little around them."""
    corners = ((flesh.rest - grid.origin) / grid.unit).astype(np.float32)
    inside = scalp.above_hairline(corners, 0.0) > -0.03
    inside &= corners[:, 1] > -0.10
    return np.isin(flesh.parts, (Part.FACE, Part.NECK)) & inside[flesh.faces].all(axis=1)


def skin(body: Body, wearer: Wearer, cover: Floats) -> list[Surface]:
    """The body's own surfaces: skin outside the clothes, eyes, teeth, tongue."""
    kept = body.face_groups["skin"]
    hidden = _all_of(cover > 0.014, _faces(body, "skin"))
    # Skin that a rim covers is drawn in, so that it cannot poke through next to the edge.
    depth = np.clip(cover / 0.014, 0.0, 1.0)[:, None] * 0.004
    pushed = (wearer.posed - wearer.normals * depth).astype(np.float32)
    result = [_part(body, wearer, pushed, _compacted(body, kept[~hidden]), Material.SKIN)]
    for name, material in (
        ("eye_left", Material.EYE),
        ("eye_right", Material.EYE),
        ("teeth_upper", Material.TEETH),
        ("teeth_lower", Material.TEETH),
        ("tongue", Material.MOUTH),
    ):
        result.append(_part(body, wearer, wearer.posed, _group(body, name), material))
    return result


@lru_cache(maxsize=8)
def _faces(body: Body, group: str) -> Ints:
    """(F, 3) the faces of one of the body's groups."""
    return body.faces[body.face_groups[group]]


@compiled
def _all_of(chosen: NDArray[np.bool_], faces: Ints) -> NDArray[np.bool_]:
    """(F,) whether all corners of a face are among the chosen vertices."""
    result = np.empty(len(faces), np.bool_)
    for face in range(len(faces)):
        result[face] = chosen[faces[face, 0]] & chosen[faces[face, 1]] & chosen[faces[face, 2]]
    return result


@dataclass(frozen=True)
class Flesh:
    """Some of the body's faces: the vertices that they use, the faces by place among these, their parts."""

    used: Ints
    faces: Ints
    parts: NDArray[np.uint8]


def _compacted(body: Body, chosen: NDArray[np.int32]) -> Flesh:
    """The faces of these numbers."""
    used, local = compact(body.faces[chosen], len(body.template))
    return Flesh(used, local, body.parts[chosen])


@lru_cache(maxsize=8)
def _group(body: Body, name: str) -> Flesh:
    """A group that nothing covers: the same for everybody."""
    return _compacted(body, body.face_groups[name])


def _part(
    body: Body, wearer: Wearer, vertices: Floats, flesh: Flesh, material: Material
) -> Surface:
    """Some of the body's faces as one surface."""
    used = flesh.used
    uv = None
    if material == Material.EYE:
        uv = body.eye_angles[used]
    elif (
        material == Material.SKIN
    ):  # the shader of skin reads shares of lip and of mouth cavity here
        uv = np.stack([body.masks[name][used] for name in ("lips", "inside_mouth")], axis=1)
    return Surface(
        material=material,
        owner=wearer.owner,
        vertices=vertices[used],
        faces=flesh.faces,
        normals=wearer.normals[used],
        rest=wearer.template[used],
        parts=flesh.parts,
        occlusion=body.occlusion[used],
        uv=uv,
    )
