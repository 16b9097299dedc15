"""The arrays of headkit/data/human.npz behind `Body`: bases, tables, and the refined skin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.head.own import scaled
from headkit.render.human.body_kernels import refine
from headkit.render.human.identity import Tables

Array = NDArray[Any]
Floats = NDArray[np.float32]


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
        rows = np.ascontiguousarray(values, dtype=np.float32)
        return refine(rows, self.start, self.index, self.weight)


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
    tables: Tables
    head_place: NDArray[np.int64]  # (V,) number within the head model, -1 elsewhere
    alone: NDArray[np.int64]  # body vertices that the head model alone decides
    shared: NDArray[np.int64]  # those of the neck where it is blended with the body's
    share: Floats  # how much of them is the head's
    pairs: NDArray[np.uint8]  # (P, 2) key point and bone
    entry_pair: NDArray[np.uint16]
    entry_vertex: NDArray[np.uint16]
    entry_weight: Floats


def fine_from_arrays(arrays: dict[str, Array], masks: dict[str, Floats]) -> FineSkin:
    """The refined skin of the file's arrays; masks of the plain vertices are refined with it."""
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


def modes_from_arrays(arrays: dict[str, Array]) -> BodyModes:
    """The bases and tables of the file's arrays."""
    tables = Tables(
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


def flat(basis: Floats) -> Floats:
    """(S, V, 3) as (S, 3 V)."""
    return basis.reshape(len(basis), -1)
