"""What is painted on or looked up from the baked surface: parts, masks, UV, skinning, key points, light, landmarks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.head.landmarks import IBUG68_MIRROR
from headkit.make import human_parts
from headkit.make.human_light import occlusion
from headkit.make.human_refinement import refinement
from headkit.make.human_source import LEFT_EYE_END, RIGHT_EYE_END, TONGUE_END, Source
from headkit.make.landmark_ids import DENSE_LEFT, DENSE_MIDLINE, DENSE_RIGHT, IBUG68
from headkit.render.pose.skeleton import NAMES, PARENTS

Array = NDArray[Any]

KEYPOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip


def surface_arrays(
    source: Source, weights: Array, head: Array, template: Array, actions: Array
) -> dict[str, Array]:
    """Every array that does not depend on who is drawn."""
    drawn = human_parts.rigid_head(weights)
    bones, shares = human_parts.top_influences(drawn)
    blend = human_parts.head_blend(source, weights, head)
    parts = human_parts.part_of_faces(source, weights, template)
    rigid = human_parts.head_mask(drawn, blend, head, source.faces, parts)
    arrays: dict[str, Array] = {
        "faces": source.faces.astype(np.uint16),
        "parts": parts,
        "head_mask": rigid,
        "group_names": np.array(list(source.groups)),
        "group_ranges": np.array(list(source.groups.values()), dtype=np.int32),
        "bone_names": np.array(NAMES),
        "bone_parents": PARENTS.astype(np.int8),
        "skin_bones": bones,
        "skin_weights": shares,
        "mirror": source.mirror.astype(np.uint16),
        "uv": np.round(np.clip(source.uv, 0, 1) * 65535).astype(np.uint16),
        "uv_faces": source.uv_faces.astype(np.uint16),
        "eye_angles": _eye_angles(source).astype(np.float32),
    }
    for name, mask in source.masks.items():
        arrays["mask_" + name.replace("-", "_")] = np.round(np.clip(mask, 0, 1) * 255).astype(
            np.uint8
        )
    arrays |= _keypoint_arrays(source, bones, shares)
    arrays |= _landmark_arrays(source, head, rigid)
    light = occlusion(source, template, head, actions)
    arrays["occlusion"] = np.round(light * 255).astype(np.uint8)
    arrays |= refinement(source, weights, parts)
    return arrays


def _eye_angles(source: Source) -> Array:
    """(144, 2) direction of each eye vertex from the eye's centre: angle from straight ahead times (x, y)."""
    out = []
    for start, end in ((TONGUE_END, LEFT_EYE_END), (LEFT_EYE_END, RIGHT_EYE_END)):
        ball = source.template[start:end]
        ray = ball - ball.mean(axis=0)
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        radius = np.hypot(ray[:, 0], ray[:, 1])
        angle = np.arctan2(radius, ray[:, 2])
        out.append(ray[:, :2] / np.maximum(radius, 1e-9)[:, None] * angle[:, None])
    return np.concatenate(out)


def _keypoint_arrays(source: Source, bones: Array, shares: Array) -> dict[str, Array]:
    """Key points as sums over (key point, bone) pairs of weighted rest vertices: skinning is linear.

    Entry e adds `weight[e] * vertex[e]` to pair `pair[e]`. Weights below 1e-4 are dropped and the rest rescaled.
    """
    pair_of: dict[tuple[int, int], int] = {}
    entries: list[tuple[int, int, float]] = []
    for k, name in enumerate(KEYPOINTS):
        row = np.where(source.keypoints[name] > 1e-4, source.keypoints[name], 0)
        row /= row.sum()
        for v in np.flatnonzero(row):
            for bone, share in zip(bones[v], shares[v], strict=True):
                if row[v] * share > 1e-7:
                    pair = pair_of.setdefault((k, int(bone)), len(pair_of))
                    entries.append((pair, int(v), float(row[v] * share)))
    entries.sort()
    pairs = sorted(pair_of, key=lambda key: pair_of[key])
    return {
        "keypoint_names": np.array(KEYPOINTS),
        "keypoint_pairs": np.array(pairs, dtype=np.uint8),
        "keypoint_entry_pair": np.array([e[0] for e in entries], dtype=np.uint16),
        "keypoint_entry_vertex": np.array([e[1] for e in entries], dtype=np.uint16),
        "keypoint_entry_weight": np.array([e[2] for e in entries], dtype=np.float32),
    }


def _landmark_arrays(source: Source, head: Array, rigid: Array) -> dict[str, Array]:
    """Landmarks as numbers into the head's own vertices, with the permutation that mirroring makes of them.

    Raises ValueError on landmarks that are not symmetric, or not `rigid` (Vh,) with the head.
    """
    place = np.full(RIGHT_EYE_END, -1)
    inside = head < RIGHT_EYE_END
    place[head[inside]] = np.flatnonzero(inside)
    count, sides = len(DENSE_MIDLINE), len(DENSE_RIGHT)
    dense = np.array(IBUG68 + DENSE_MIDLINE + DENSE_RIGHT + DENSE_LEFT)
    swap = np.r_[
        IBUG68_MIRROR,
        68 + np.arange(count),
        68 + count + sides + np.arange(sides),
        68 + count + np.arange(sides),
    ]
    if (source.mirror[dense] != dense[swap]).any() or (place[dense] < 0).any():
        raise ValueError("landmarks: not mirror images of one another, or not on the head")
    if not rigid[place[dense]].all():
        raise ValueError(f"landmarks {dense[~rigid[place[dense]]]}: they move with the neck")
    return {
        "landmarks68": place[list(IBUG68)].astype(np.uint16),
        "dense": place[dense].astype(np.uint16),
        "dense_mirror": swap.astype(np.uint8),
    }
