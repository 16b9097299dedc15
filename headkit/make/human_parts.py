"""Which bone, part and mask every vertex and face of the baked human belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.make.human_source import BODY_END, RIGHT_EYE_END, Source
from headkit.make.landmark_ids import IBUG68, NAPE
from headkit.render.pose.skeleton import BONES, NAMES
from headkit.render.surface import Part

Array = NDArray[Any]

INFLUENCES = 6  # bones per vertex
RIGID_FROM = 0.85  # a vertex of which the head bone has this much or more hangs on it alone


def pose_bone_of(source: Source) -> Array:
    """(J0,) the number of the pose bone that each bone of the rig is merged into.

    Bones that skeleton.BONES does not list join their nearest listed ancestor: jaw and eyes join the head.
    """
    number = {rig: k for k, bone in enumerate(BONES) for rig in bone.sources}
    merged = np.zeros(len(source.bones), dtype=int)
    for k, name in enumerate(source.bones):  # parents come first
        merged[k] = number[name] if name in number else merged[source.parents[k]]
    return merged


def joints(heads: Array, bones: list[str]) -> Array:
    """(..., J, 3) pivots of the pose bones from (..., J0, 3) bone heads: the first source's; of fingers and toes, the mean."""
    pivots = []
    for bone in BONES:
        several = (
            bone.sources if bone.sources[0].startswith(("finger", "toe")) else bone.sources[:1]
        )
        pivots.append(np.mean([heads[..., bones.index(name), :] for name in several], axis=0))
    return np.stack(pivots, axis=-2)


def merged_weights(source: Source) -> Array:
    """(V, J) skinning weights of the pose bones."""
    merged = np.zeros((len(source.weights), len(BONES)))
    for column, bone in enumerate(pose_bone_of(source)):
        merged[:, bone] += source.weights[:, column]
    return merged


def rigid_head(weights: Array) -> Array:
    """Skinning weights (V, J) whose head bone takes all of a vertex from a share of RIGID_FROM on.

    The artists let the neck pull a little on jaw, nape and the skin behind the ears, so the head that is drawn
    would not be the one that its parameters decode to. Below RIGID_FROM the head's share follows the cubic that
    leaves 0 with slope 1 and reaches 1 with slope 0: skin far down the neck stays as it was, and no crease forms.
    """
    head = NAMES.index("head")
    share = weights[:, head]
    u = np.clip(share / RIGID_FROM, 0, 1)
    wanted = RIGID_FROM * u * (1 - u) ** 2 + u * u * (3 - 2 * u)
    others = np.divide(1 - wanted, 1 - share, out=np.zeros_like(share), where=share < RIGID_FROM)
    out = weights * others[:, None]
    out[:, head] = wanted
    return np.asarray(out)


def head_mask(weights: Array, blend: Array, head: Array, faces: Array, parts: Array) -> Array:
    """(Vh,) bool: vertices of skull, face and ears that the head model alone decides and the neck never moves.

    weights are those of `rigid_head`, blend of `head_blend`, parts (F,) of the faces (F, 3).
    """
    shown = np.zeros(len(weights), dtype=bool)
    inside = np.isin(faces, head).all(axis=1) & (parts != Part.NECK)
    shown[faces[inside]] = True
    rigid = weights[:, NAMES.index("head")] >= 0.999
    return np.asarray((shown & rigid)[head] & (blend == 1))


def top_influences(weights: Array) -> tuple[Array, Array]:
    """The INFLUENCES largest weights of each row: (V, 6) uint8 bones and float32 weights that sum to 1."""
    bones = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
    kept = np.take_along_axis(weights, bones, axis=1)
    kept /= kept.sum(axis=1, keepdims=True)
    return np.where(kept > 0, bones, 0).astype(np.uint8), kept.astype(np.float32)


def jaw_weights(source: Source) -> Array:
    """(V,) share of each vertex that turns with the jaw: the bone `jaw` and all below it.

    The bone alone does not move the lips: they hang on its descendants.
    """
    below = np.zeros(len(source.bones), dtype=bool)
    for k, name in enumerate(source.bones):
        below[k] = name == "jaw" or (source.parents[k] >= 0 and below[source.parents[k]])
    return source.weights[:, below].sum(axis=1)


def _part_of_bone(name: str) -> Part:
    for prefixes, part in (
        (("neck",), Part.NECK),
        (("head",), Part.FACE),
        (("upper_arm", "forearm"), Part.ARM),
        (("hand", "finger"), Part.HAND),
        (("thigh", "shin"), Part.LEG),
        (("foot", "toes"), Part.FOOT),
    ):
        if name.startswith(prefixes):
            return part
    return Part.TORSO


def _jaw_line(template: Array, depth: Array) -> Array:
    """Height below which skin is the neck's, as a function of z: under chin and jaw, then ear lobe to nape."""
    knots = [
        (template[vertex, 2], template[vertex, 1] - below)
        for vertex, below in (
            (NAPE, 0.030),
            (IBUG68[3], 0.014),
            (IBUG68[4], 0.014),
            (IBUG68[5], 0.014),
            (IBUG68[8], 0.008),
        )
    ]
    return np.asarray(np.interp(depth, [z for z, _ in knots], [y for _, y in knots]))


def part_of_faces(source: Source, weights: Array, template: Array) -> Array:
    """(F,) uint8 Part of each face: by bones, by the jaw line between face and neck, then by masks and groups."""
    part_of_bone = np.array([_part_of_bone(name) for name in NAMES])
    by_part = np.zeros((len(weights), max(Part) + 1))
    for bone, part in enumerate(part_of_bone):
        by_part[:, part] += weights[:, bone]
    parts = by_part[source.faces].mean(axis=1).argmax(axis=1)
    centre = template[source.faces].mean(axis=1)
    upper = (parts == Part.FACE) | (parts == Part.NECK)
    parts[upper] = np.where(
        centre[upper, 1] > _jaw_line(template, centre[upper, 2]), Part.FACE, Part.NECK
    )

    def covered(mask: Array) -> Array:
        full = np.zeros(len(source.template))
        full[:RIGHT_EYE_END] = mask
        return np.asarray(full[source.faces].mean(axis=1) > 0.5)

    parts[covered(source.masks["ears"])] = Part.EAR
    parts[covered(source.masks["lips"])] = Part.LIP
    parts[covered(source.masks["inside-mouth"])] = Part.MOUTH
    first = source.faces.min(axis=1)
    for name, part in (
        ("tongue", Part.MOUTH),
        ("eye_left", Part.EYE),
        ("eye_right", Part.EYE),
        ("teeth_upper", Part.MOUTH),
        ("teeth_lower", Part.MOUTH),
        ("lashes_upper", Part.EYE),
        ("lashes_lower", Part.EYE),
        ("tights", Part.CLOTHES),
        ("skirt", Part.CLOTHES),
    ):
        start, end = source.groups[name]
        parts[(first >= start) & (first < end)] = part
    return parts.astype(np.uint8)


def head_vertices(source: Source, weights: Array) -> Array:
    """Ids of the head model's vertices: neck and head of the body, tongue, eyes, teeth, lashes."""
    above = [k for k, name in enumerate(NAMES) if name.startswith(("neck", "head"))]
    share = weights[:BODY_END, above].sum(axis=1)
    body = np.flatnonzero(share > 0.5)
    return np.concatenate([body, np.arange(BODY_END, source.groups["lashes_lower"][1])])


def head_blend(source: Source, weights: Array, head: Array) -> Array:
    """(Vh,) 1 where the head model alone decides, falling to 0 along the neck, where the body does.

    0 at the lower rim of the head's vertices, so that the two meet without a seam; 1 wherever the bones head
    or jaw hold all of the vertex.
    """
    upper = weights[:, [NAMES.index(n) for n in ("neck_2", "neck_3", "head")]].sum(axis=1)[head]
    share = np.clip((upper - 0.3) / 0.6, 0, 1)
    blend = share * share * (3 - 2 * share)
    outside = np.ones(len(source.template), dtype=bool)
    outside[head] = False
    faces = source.faces[(source.faces < BODY_END).all(axis=1)]
    rim = np.unique(faces[outside[faces].any(axis=1)])
    blend[np.isin(head, rim)] = 0
    return np.asarray(blend)
