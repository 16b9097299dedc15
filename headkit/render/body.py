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
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headkit.head.model import HeadModel, head_from_arrays, scaled
from headkit.head.rotation import rodrigues
from headkit.render import identity as drawing
from headkit.render.jit import compiled
from headkit.render.phenotype import local_weights

Array = NDArray[Any]
Floats = NDArray[np.float32]

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
    joints            (J, 3) float64 pivots of the pose bones
    head_translation  (3,) float64: head vertices are HeadModel.vertices + this; there is no rotation between them
    eye_centers       (2, 3) float64, left eye first
    gaze              (2, 2) degrees yaw and pitch of the left and right eye in the head
    """

    vertices: Floats
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
            np.sqrt((_weighted_rows(own, modes.shape_from_weights[-len(own) :]) ** 2).sum())
        )
        macro, local = person.weights(
            modes.tables, min(1.0, LOCAL_LIMIT * modes.local_norm / max(length, 1e-9))
        )
        plain = np.concatenate([[1.0], macro])
        body = modes.body_offset + _weighted_rows(plain, modes.body_from_weights)
        every = np.concatenate([plain, local[modes.local_columns]])
        shape = modes.shape_offset + person.head_scale * _weighted_rows(
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
        _add_modes(points.reshape(-1), _flat(modes.basis), identity.body)
        own = len(modes.vertices)
        joints = points[own:-1].astype(np.float64)
        pivot = joints[self.bones.index("neck_1")].copy()
        for name, share in _NECK_GROWTH:
            joint = joints[self.bones.index(name)]
            joint += share * (identity.head_scale - 1) * (joint - pivot)
        origin = pivot + identity.head_scale * (points[-1] - pivot)

        head = self._head_vertices(identity, expression, jaw)
        looks = (
            np.zeros((2, 2))
            if gaze is None
            else np.broadcast_to(np.asarray(gaze, dtype=np.float64), (2, 2))
        )
        eyes = [
            self._turn_eye(head, name, looks[k]) for k, name in enumerate(("eye_left", "eye_right"))
        ]
        head += origin.astype(np.float32)
        vertices = np.empty_like(self.template)
        vertices[modes.vertices] = points[:own]
        vertices[modes.alone] = head[modes.head_place[modes.alone]]
        blend = modes.share[:, None]
        vertices[modes.shared] = (
            blend * head[modes.head_place[modes.shared]] + (1 - blend) * vertices[modes.shared]
        )
        return Rest(vertices, joints, origin, np.stack(eyes) + origin, looks, identity)

    def _head_vertices(
        self, identity: Identity, expression: ArrayLike | None, jaw: ArrayLike | None
    ) -> Floats:
        """HeadModel.vertices to the byte, with its sums compiled."""
        weights = self.head.coefficients(identity.shape, expression)
        out = self.head.template.copy()
        _add_modes(out.reshape(-1), _flat(self.head.shape_basis), weights[: self.head.n_shape])
        _add_modes(out.reshape(-1), _flat(self.head.expression_basis), weights[self.head.n_shape :])
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
        _skin(rest.vertices, self.skin_bones, self.skin_weights, transforms, out)
        return out

    def key_points(self, rest: Rest, feet: bool = False) -> Array:
        """(17, J, 4) or with feet (23, J, 4): key point k of the posed body is sum over j of T_j @ points[k, j].

        T_j is bone j's (3, 4) transform, and the fourth number is the share of the bone: skinning is linear, so
        no vertex needs to be posed to fit the key points.
        """
        modes = self.modes
        out = np.zeros((len(self.keypoints), len(self.bones), 4))
        _gather(
            rest.vertices,
            modes.entry_pair,
            modes.entry_vertex,
            modes.entry_weight,
            modes.pairs,
            out,
        )
        return out if feet else out[:17]


@dataclass(frozen=True, eq=False)
class FineSkin:
    """The skin with every quad of head and upper neck split in four; N new vertices follow the V old ones.

    The scheme interpolates: old vertices stay where they are, so labels read from them are the same.

    start, index, weight  rows of the sparse (N, V) matrix: (N + 1,) int32, (nnz,) uint16, (nnz,) float32
    faces, parts          (F, 3) int32 and (F,) uint8 of the whole skin: replaces face_groups["skin"]
    template, occlusion, masks   as in Body, with V + N rows
    """

    start: NDArray[np.int32]
    index: NDArray[np.uint16]
    weight: Floats
    faces: NDArray[np.int32]
    parts: NDArray[np.uint8]
    template: Floats
    occlusion: Floats
    masks: Mapping[str, Floats]

    def refine(self, values: Floats) -> Floats:
        """(V, D) float32 values at the vertices to (V + N, D), old rows first: positions posed or at rest."""
        out = np.empty((len(values) + len(self.start) - 1, values.shape[1]), dtype=np.float32)
        _refine(
            np.ascontiguousarray(values, dtype=np.float32), self.start, self.index, self.weight, out
        )
        return out


@dataclass(frozen=True, eq=False)
class BodyModes:
    """The bases and tables behind Body, as the file has them."""

    template: Floats  # (Vb + J + 1, 3): the body's own vertices, pose joints, the head's origin
    basis: Floats  # (B, Vb + J + 1, 3)
    vertices: NDArray[np.int64]  # (Vb,) body vertices of the basis
    body_from_weights: Array  # (1 + M, B)
    body_offset: Array
    shape_from_weights: Array  # (1 + M + 2 L', S) for the L' local changes of the head
    shape_offset: Array
    local_columns: NDArray[np.int64]  # (2 L',) into the weights of all local shapes
    local_norm: float  # median length of a person's local changes in shape coefficients
    tables: drawing.Tables
    head_place: NDArray[np.int64]  # (V,) number within the head model, -1 elsewhere
    alone: NDArray[np.int64]  # body vertices that the head model alone decides
    shared: NDArray[np.int64]  # those of the neck where it is blended with the body's
    share: Floats  # how much of them is the head's
    pairs: NDArray[np.uint8]  # (P, 2) key point and bone
    entry_pair: NDArray[np.uint16]
    entry_vertex: NDArray[np.uint16]
    entry_weight: Floats


def _flat(basis: Floats) -> Floats:
    return basis.reshape(len(basis), -1)


@compiled
def _add_modes(out: Array, rows: Array, coefficients: Array) -> None:
    """head.model.add_modes on flat arrays: float32, in the order of the rows, one rounding for each step."""
    for k in range(rows.shape[0]):
        share = coefficients[k]
        if share != 0:
            for i in range(out.shape[0]):
                out[i] += share * rows[k, i]


@compiled
def _weighted_rows(weights: Array, rows: Array) -> Array:
    """Sum of rows by weight, float64, in order; most weights are 0."""
    total = np.zeros(rows.shape[1])
    for k in range(rows.shape[0]):
        if weights[k] != 0:
            for i in range(rows.shape[1]):
                total[i] += weights[k] * rows[k, i]
    return total


@compiled
def _skin(rest: Array, bones: Array, weights: Array, transforms: Array, out: Array) -> None:
    """Linear blend skinning, influences summed in order in float64."""
    for v in range(rest.shape[0]):
        x, y, z = float(rest[v, 0]), float(rest[v, 1]), float(rest[v, 2])
        for row in range(3):
            total = 0.0
            for k in range(bones.shape[1]):
                share = float(weights[v, k])
                if share > 0.0:
                    t = transforms[bones[v, k], row]
                    total += share * (t[0] * x + t[1] * y + t[2] * z + t[3])
            out[v, row] = total


@compiled
def _gather(
    rest: Array, pair: Array, vertex: Array, weight: Array, pairs: Array, out: Array
) -> None:
    """Adds each entry's weighted vertex to its (key point, bone) row."""
    for e in range(pair.shape[0]):
        row = out[pairs[pair[e], 0], pairs[pair[e], 1]]
        share = float(weight[e])
        row[0] += share * rest[vertex[e], 0]
        row[1] += share * rest[vertex[e], 1]
        row[2] += share * rest[vertex[e], 2]
        row[3] += share


@compiled
def _refine(values: Array, start: Array, index: Array, weight: Array, out: Array) -> None:
    """Old rows, then the weighted sums of the new ones, in order in float64."""
    count = values.shape[0]
    out[:count] = values
    for row in range(start.shape[0] - 1):
        for d in range(values.shape[1]):
            total = 0.0
            for e in range(start[row], start[row + 1]):
                total += float(weight[e]) * values[index[e], d]
            out[count + row, d] = total


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
    for name in arrays:
        if name.startswith("mask_"):
            masks[name[5:]] = np.zeros(count, dtype=np.float32)
            masks[name[5:]][: len(arrays[name])] = arrays[name].astype(np.float32) / 255
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
        uv=arrays["uv"].astype(np.float32) / 65535,
        uv_faces=arrays["uv_faces"].astype(np.int32),
        eye_angles=eye_angles,
        occlusion=arrays["occlusion"].astype(np.float32) / 255,
        masks=masks,
        keypoints=tuple(str(n) for n in arrays["keypoint_names"]),
        fine=_fine_from_arrays(arrays, masks),
        modes=_modes_from_arrays(arrays),
    )


def _fine_from_arrays(arrays: dict[str, Array], masks: dict[str, Floats]) -> FineSkin:
    plain = [
        arrays["template"],
        arrays["occlusion"][:, None] / np.float32(255),
        *(m[:, None] for m in masks.values()),
    ]
    start, index, weight = arrays["fine_start"], arrays["fine_index"], arrays["fine_weight"]
    values = np.concatenate(plain, axis=1, dtype=np.float32)
    new = np.add.reduceat(weight[:, None] * values[index], start[:-1], axis=0)
    out = np.concatenate([values, new])
    np.clip(out[:, 3:], 0, 1, out=out[:, 3:])
    return FineSkin(
        start,
        index,
        weight,
        faces=arrays["fine_faces"].astype(np.int32),
        parts=arrays["fine_parts"],
        template=np.ascontiguousarray(out[:, :3]),
        occlusion=np.ascontiguousarray(out[:, 3]),
        masks={name: np.ascontiguousarray(out[:, 4 + k]) for k, name in enumerate(masks)},
    )


def _modes_from_arrays(arrays: dict[str, Array]) -> BodyModes:
    tables = drawing.Tables(
        **{
            name.removeprefix("identity_"): value
            for name, value in arrays.items()
            if name.startswith("identity_")
        }
    )
    head_place = np.full(len(arrays["template"]), -1, dtype=np.int64)
    head_place[arrays["head_vertices"]] = np.arange(len(arrays["head_vertices"]))
    head, blend = arrays["head_vertices"].astype(np.int64), arrays["head_blend"]
    chosen = arrays["shape_locals"].astype(np.int64)
    return BodyModes(
        template=arrays["body_template"],
        basis=scaled(arrays["body_basis"], arrays["body_step"]),
        vertices=arrays["body_vertices"].astype(np.int64),
        body_from_weights=arrays["body_from_weights"].astype(np.float64),
        body_offset=arrays["body_offset"].astype(np.float64),
        shape_from_weights=arrays["shape_from_weights"].astype(np.float64),
        shape_offset=arrays["shape_offset"].astype(np.float64),
        local_columns=np.stack([2 * chosen, 2 * chosen + 1], axis=1).ravel(),
        local_norm=float(arrays["shape_local_norm"]),
        tables=tables,
        head_place=head_place,
        alone=head[blend == 1],
        shared=head[blend < 1],
        share=blend[blend < 1],
        pairs=arrays["keypoint_pairs"],
        entry_pair=arrays["keypoint_entry_pair"],
        entry_vertex=arrays["keypoint_entry_vertex"],
        entry_weight=arrays["keypoint_entry_weight"],
    )
