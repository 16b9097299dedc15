"""The head of headkit's own human, from headkit/data/human.npz."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import numpy as np

from headkit.head.model import Array, Floats, HeadModel


@functools.lru_cache(maxsize=1)
def own_head() -> HeadModel:
    """The head model that comes with the package, loaded once."""
    with resources.as_file(resources.files("headkit") / "data" / "human.npz") as path:
        return head_from_arrays(np.load(path, allow_pickle=False))


def head_from_arrays(arrays: Any) -> HeadModel:
    """The head model in the arrays of headkit/data/human.npz."""
    ids = arrays["head_vertices"].astype(np.int64)
    place = np.full(len(arrays["template"]), -1, dtype=np.int32)
    place[ids] = np.arange(len(ids), dtype=np.int32)
    corners = place[arrays["faces"].astype(np.int64)]
    kept = (corners >= 0).all(axis=1)
    count = arrays["expression_basis"].shape[0]
    joint_basis = arrays["jaw_joint_basis"].astype(np.float32)
    return HeadModel(
        name="headkit",
        template=arrays["head_template"],
        shape_basis=scaled(arrays["shape_basis"], arrays["shape_step"]),
        expression_basis=scaled(arrays["expression_basis"], arrays["expression_step"]),
        expression_names=tuple(str(n) for n in arrays["expression_names"]),
        jaw_joint=arrays["jaw_joint"].astype(np.float32),
        jaw_joint_basis=np.concatenate([joint_basis, np.zeros((count, 3), np.float32)]),
        jaw_weights=arrays["jaw_weights"],
        faces=corners[kept].astype(np.int32),
        uv=arrays["uv"].astype(np.float32) / 65535,
        uv_faces=arrays["uv_faces"][kept].astype(np.int32),
        parts=arrays["parts"][kept],
        head_mask=arrays["head_mask"],
        landmarks68=arrays["landmarks68"].astype(np.int32),
        dense=arrays["dense"].astype(np.int32),
        dense_mirror=arrays["dense_mirror"].astype(np.int32),
    )


def scaled(levels: Array, step: Array) -> Floats:
    """int16 levels (S, V, 3) and the step of each row to float32."""
    return np.multiply(levels, step[:, None, None], dtype=np.float32)
