"""The parametric human: identity, rest shape, skinning, and all that is looked up on its surface.

    body = load_body()
    identity = body.identity(sex=0, age=34, origin="south asian", rng=rng)
    rest = body.rest(identity, expression, jaw, gaze=(10, -5))
    posed = body.skin(rest, bone_transforms)          # (V, 3) camera frame

Rest frame: canonical axes (x the subject's left, y up, z out of the face), metres, the soles at y = 0 within a
few millimetres. The head part of a rest body is HeadModel.vertices(shape, expression, jaw) + head_translation.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headkit.head.model import HeadModel
from headkit.head.own import head_from_arrays
from headkit.head.rotation import rodrigues
from headkit.render.human import identity as drawing
from headkit.render.human.body_arrays import (
    BodyModes,
    FineSkin,
    fine_from_arrays,
    flat,
    modes_from_arrays,
)
from headkit.render.human.body_kernels import add_modes, gather, skin, weighted_rows
from headkit.render.human.phenotype import local_weights

Array = NDArray[Any]
Floats = NDArray[np.float32]

_EYES = ("eye_left", "eye_right")
# The head's size is scaled about the joint neck_1; how much of it the joints above take part in.
_NECK_GROWTH = (("neck_2", 0.5), ("neck_3", 0.9), ("head", 1.0))
# Length of a person's own local changes over the median one's: beyond lie caricatures.
LOCAL_LIMIT = 1.2


@dataclass(frozen=True, eq=False)
class Identity:
    """Who it is, apart from colour and clothes.

    shape       (S,) float32 coefficients of the head model
    body        (B,) float32 coefficients of the body's modes
    head_scale  factor on the head's size about the joint neck_1, already within `shape`
    stature     metres
    """

    shape: Floats
    body: Floats
    head_scale: float
    stature: float


@dataclass(frozen=True, eq=False)
class Rest:
    """One person with expression and gaze, before posing. Canonical axes, metres.

    vertices          (V, 3) float32
    head              (Vh, 3) float32 HeadModel.vertices with expression and jaw: its own frame, eyes straight ahead
    joints            (J, 3) float64 pivots of the pose bones
    head_translation  (3,) float64: head vertices are HeadModel.vertices + this; there is no rotation between them
    eye_centers       (2, 3) float64, left eye first
    gaze              (2, 2) degrees yaw and pitch of the left and right eye in the head
    """

    vertices: Floats
    head: Floats
    joints: Array
    head_translation: Array
    eye_centers: Array
    gaze: Array
    identity: Identity


@dataclass(frozen=True, eq=False)
class Body:
    """V vertices, F faces, J pose bones. Vertex arrays have V rows. Arrays are read-only.

    head            the head model; `head_vertices` (Vh,) int32 are the body's vertices that it gives
    head_blend      (Vh,) float32: 1 where the head model alone decides, 0 where the neck is the body's
    template        (V, 3) float32 the mean human at rest: what paint and hair are functions of
    faces           (F, 3) int32, counter-clockwise from outside; `parts` (F,) uint8 of surface.Part
    vertex_groups   name -> slice of vertices: body, tongue, eye_left, eye_right, teeth_upper, teeth_lower,
                    lashes_upper, lashes_lower, tights, skirt
    face_groups     name -> (n,) int32 face numbers: the same names, `skin` for the body
    bones, parents  names of the pose bones and (J,) int parents, -1 for the root
    skin_bones, skin_weights   (V, 6) uint8 and float32, rows sum to 1
    mirror          (V,) int32 the vertex at the other side
    uv, uv_faces    (U, 2) float32 and (F, 3) int32; helpers have none (row 0)
    eye_angles      (V, 2) float32 direction from the eye's centre as angle (radians) times unit vector; 0 elsewhere
    occlusion       (V,) float32 ambient light that arrives, 0 to 1
    masks           name -> (V,) float32 0..1: lips, ears, eyelids, face, inside_mouth, fingernails, toenails
    keypoints       names: the 17 of COCO, then big toe, small toe, heel of either foot
    fine            the skin with the head refined once, for heads that are large in the picture
    """

    head: HeadModel
    head_vertices: NDArray[np.int32]
    head_blend: Floats
    template: Floats
    faces: NDArray[np.int32]
    parts: NDArray[np.uint8]
    vertex_groups: Mapping[str, slice]
    face_groups: Mapping[str, NDArray[np.int32]]
    bones: tuple[str, ...]
    parents: NDArray[np.int64]
    skin_bones: NDArray[np.uint8]
    skin_weights: Floats
    mirror: NDArray[np.int32]
    uv: Floats
    uv_faces: NDArray[np.int32]
    eye_angles: Floats
    occlusion: Floats
    masks: Mapping[str, Floats]
    keypoints: tuple[str, ...]
    fine: FineSkin
    modes: BodyModes

    def identity(
        self,
        *,
        sex: float,
        age: float,
        origin: str | Mapping[str, float],
        rng: np.random.Generator,
        weight: float | None = None,
        muscle: float | None = None,
        height: float | None = None,
    ) -> Identity:
        """A plausible person; see identity.draw for the arguments and the errors."""
        modes = self.modes
        person = drawing.draw(
            modes.tables,
            rng,
            sex=sex,
            age=age,
            origin=origin,
            weight=weight,
            muscle=muscle,
            height=height,
        )
        own = local_weights(person.local[None])[0][modes.local_columns]
        length = float(
            np.sqrt((weighted_rows(own, modes.shape_from_weights[-len(own) :]) ** 2).sum())
        )
        macro, local = person.weights(
            modes.tables, min(1.0, LOCAL_LIMIT * modes.local_norm / max(length, 1e-9))
        )
        plain = np.concatenate([[1.0], macro])
        body = modes.body_offset + weighted_rows(plain, modes.body_from_weights)
        every = np.concatenate([plain, local[modes.local_columns]])
        shape = modes.shape_offset + person.head_scale * weighted_rows(
            every, modes.shape_from_weights
        )
        return Identity(
            shape.astype(np.float32), body.astype(np.float32), person.head_scale, person.stature
        )

    def mean_identity(self) -> Identity:
        """The mean of all people: every coefficient 0. Its rest shape is `template`."""
        modes = self.modes
        return Identity(
            np.zeros(self.head.n_shape, np.float32),
            np.zeros(len(modes.basis), np.float32),
            1.0,
            1.6,
        )

    def rest(
        self,
        identity: Identity,
        expression: ArrayLike | None = None,
        jaw: ArrayLike | None = None,
        gaze: ArrayLike | None = None,
    ) -> Rest:
        """The person before posing. expression and jaw as HeadModel.vertices takes them.

        gaze (2,) or (2, 2): degrees yaw and pitch, of both eyes or of left and right, relative to the head;
        yaw > 0 to the subject's left (the image's right in a face-on picture), pitch > 0 up.
        """
        modes = self.modes
        points = modes.template.copy()
        add_modes(points.reshape(-1), flat(modes.basis), identity.body)
        own = len(modes.vertices)
        joints = points[own:-1].astype(np.float64)
        pivot = joints[self.bones.index("neck_1")].copy()
        for name, share in _NECK_GROWTH:
            joint = joints[self.bones.index(name)]
            joint += share * (identity.head_scale - 1) * (joint - pivot)
        origin = pivot + identity.head_scale * (points[-1] - pivot)

        plain = self._head_vertices(identity, expression, jaw)
        looks = _looks(gaze)
        head, eyes = self._turned(plain, looks)
        head += origin.astype(np.float32)
        vertices = np.empty_like(self.template)
        vertices[modes.vertices] = points[:own]
        vertices[modes.alone] = head[modes.head_place[modes.alone]]
        blend = modes.share[:, None]
        vertices[modes.shared] = (
            blend * head[modes.head_place[modes.shared]] + (1 - blend) * vertices[modes.shared]
        )
        return Rest(vertices, plain, joints, origin, eyes + origin, looks, identity)

    def looking(self, rest: Rest, gaze: ArrayLike) -> Rest:
        """The same person with another gaze, as `rest` takes it: what that would give, to the byte."""
        looks = _looks(gaze)
        head, _ = self._turned(rest.head, looks)
        head += rest.head_translation.astype(np.float32)
        vertices = rest.vertices.copy()
        for name in _EYES:
            group = self.vertex_groups[name]
            vertices[group] = head[self.modes.head_place[group]]
        return replace(rest, vertices=vertices, gaze=looks)

    def _turned(self, head: Floats, looks: Array) -> tuple[Floats, Array]:
        """A copy of the head's vertices with eyes that look (2, 2) so far aside and up, and their (2, 3) centres."""
        head = head.copy()
        return head, np.stack(
            [self._turn_eye(head, *each) for each in zip(_EYES, looks, strict=True)]
        )

    def _head_vertices(
        self, identity: Identity, expression: ArrayLike | None, jaw: ArrayLike | None
    ) -> Floats:
        """HeadModel.vertices to the byte, with its sums compiled."""
        weights = self.head.coefficients(identity.shape, expression)
        out = self.head.template.copy()
        add_modes(out.reshape(-1), flat(self.head.shape_basis), weights[: self.head.n_shape])
        add_modes(out.reshape(-1), flat(self.head.expression_basis), weights[self.head.n_shape :])
        if jaw is not None:
            self.head.turn_jaw(out, weights, jaw)
        return out

    def _turn_eye(self, head: Floats, name: str, look: Array) -> Array:
        """Rotates one eyeball of the head's vertices in place; (3,) its centre."""
        group = self.vertex_groups[name]
        place = self.modes.head_place[group]
        ball = head[place].astype(np.float64)
        center = ball.mean(axis=0)
        yaw, pitch = np.deg2rad(look)
        turn = rodrigues([0.0, yaw, 0.0]) @ rodrigues([-pitch, 0.0, 0.0])
        arm = ball - center
        moved = arm[:, :1] * turn[:, 0] + arm[:, 1:2] * turn[:, 1] + arm[:, 2:] * turn[:, 2]
        head[place] = (center + moved).astype(np.float32)
        return np.asarray(center)

    def skin(self, rest: Rest, bone_transforms: ArrayLike) -> Floats:
        """(V, 3) float32 posed vertices for (J, 3, 4) transforms from the rest frame to the camera's."""
        transforms = np.ascontiguousarray(bone_transforms, dtype=np.float64)
        if transforms.shape != (len(self.bones), 3, 4):
            raise ValueError(
                f"bone_transforms: shape {transforms.shape}, not {(len(self.bones), 3, 4)}"
            )
        out = np.empty_like(rest.vertices)
        skin(rest.vertices, self.skin_bones, self.skin_weights, transforms, out)
        return out

    def key_points(self, rest: Rest, *, feet: bool = False) -> Array:
        """(17, J, 4) or with feet (23, J, 4): key point k of the posed body is sum over j of T_j @ points[k, j].

        T_j is bone j's (3, 4) transform, and the fourth number is the share of the bone: skinning is linear, so
        no vertex needs to be posed to fit the key points.
        """
        modes = self.modes
        out = np.zeros((len(self.keypoints), len(self.bones), 4))
        gather(
            rest.vertices,
            modes.entry_pair,
            modes.entry_vertex,
            modes.entry_weight,
            modes.pairs,
            out,
        )
        return out if feet else out[:17]


def _looks(gaze: ArrayLike | None) -> Array:
    """(2, 2) degrees of a gaze as Body.rest takes it."""
    return np.broadcast_to(np.asarray(0.0 if gaze is None else gaze, dtype=np.float64), (2, 2))


@functools.lru_cache(maxsize=1)
def load_body() -> Body:
    """The human that comes with the package; loaded once."""
    with (
        resources.as_file(resources.files("headkit") / "data" / "human.npz") as path,
        np.load(path, allow_pickle=False) as file,
    ):
        arrays = {name: file[name] for name in file.files}
    body = _body_from_arrays(arrays)
    for holder in (body, body.fine, body.modes):
        for value in vars(holder).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
    return body


def _body_from_arrays(arrays: dict[str, Array]) -> Body:
    count = len(arrays["template"])
    faces = arrays["faces"].astype(np.int32)
    groups = {
        str(name): slice(int(start), int(end))
        for name, (start, end) in zip(arrays["group_names"], arrays["group_ranges"], strict=True)
    }
    first = faces.min(axis=1)
    face_groups = {
        "skin" if name == "body" else name: np.flatnonzero(
            (first >= s.start) & (first < s.stop)
        ).astype(np.int32)
        for name, s in groups.items()
    }
    masks = {}
    for name, levels in arrays.items():
        if name.startswith("mask_"):
            mask = np.zeros(count, dtype=np.float32)
            mask[: len(levels)] = levels.astype(np.float32) / 255
            masks[name.removeprefix("mask_")] = mask
    eye_angles = np.zeros((count, 2), dtype=np.float32)
    eye_angles[groups["eye_left"].start : groups["eye_right"].stop] = arrays["eye_angles"]
    return Body(
        head=head_from_arrays(arrays),
        head_vertices=arrays["head_vertices"].astype(np.int32),
        head_blend=arrays["head_blend"],
        template=arrays["template"],
        faces=faces,
        parts=arrays["parts"],
        vertex_groups=groups,
        face_groups=face_groups,
        bones=tuple(str(n) for n in arrays["bone_names"]),
        parents=arrays["bone_parents"].astype(np.int64),
        skin_bones=arrays["skin_bones"],
        skin_weights=arrays["skin_weights"],
        mirror=arrays["mirror"].astype(np.int32),
        uv=arrays["uv"].astype(np.float32) / np.float32(65535),
        uv_faces=arrays["uv_faces"].astype(np.int32),
        eye_angles=eye_angles,
        occlusion=arrays["occlusion"].astype(np.float32) / np.float32(255),
        masks=masks,
        keypoints=tuple(str(n) for n in arrays["keypoint_names"]),
        fine=fine_from_arrays(arrays, masks),
        modes=modes_from_arrays(arrays),
    )
