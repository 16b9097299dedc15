"""Files of FLAME's format made from headkit's own head: 5,023 vertices, 400 modes, five joints, random correctives."""

from __future__ import annotations

import functools
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

from headkit.head.flame import ORIGIN, checked, head_from_flame
from headkit.head.loading import load_head
from headkit.head.model import HeadModel

VERTICES = 5023


@functools.cache
def faces_and_template(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """template (5023, 3) in the file's frame, faces (F, 3), and place (V,): where our vertices are in it, -1: nowhere.

    Our neck is shortened and some faces are split, so that neither number nor order of vertices is ours.
    """
    own = load_head()
    rng = np.random.default_rng(seed)
    shaped = own.vertices(rng.normal(0, 1, 30)).astype(float)
    dropped = np.argsort(own.template[:, 1] + 10 * own.head_mask)[:60]
    kept = np.setdiff1d(np.arange(len(shaped)), dropped)
    kept = rng.permutation(kept)
    place = np.full(len(shaped), -1)
    place[kept] = np.arange(len(kept))
    faces = place[own.faces]
    faces = faces[(faces >= 0).all(axis=1)]
    count = VERTICES - len(kept)
    split = rng.choice(len(faces), count, replace=False)
    new = np.arange(count) + len(kept)
    template = np.concatenate([shaped[kept], shaped[kept][faces[split]].mean(axis=1)]) + ORIGIN
    a, b, c = faces[split].T
    thirds = [np.stack(corners, axis=1) for corners in ((a, b, new), (b, c, new), (c, a, new))]
    return template, np.concatenate([np.delete(faces, split, axis=0), *thirds]), place


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """What a FLAME file holds, by its published names."""
    template, faces, _ = faces_and_template(seed)
    rng = np.random.default_rng(seed + 1)
    smooth = template @ rng.normal(0, 20, (3, 400)) + rng.uniform(0, 7, 400)
    directions = rng.normal(0, 1, (3, 400))
    size = np.r_[0.004 / np.sqrt(1 + np.arange(300)), 0.002 / np.sqrt(1 + np.arange(100))]
    shapedirs = np.sin(smooth)[:, None, :] * directions * size
    regressor = np.zeros((5, VERTICES))
    for joint in range(5):
        regressor[joint, rng.choice(VERTICES, 40, replace=False)] = 1 / 40
    weights = rng.dirichlet([0.3] * 5, VERTICES)
    return {
        "v_template": template,
        "shapedirs": shapedirs,
        "posedirs": rng.normal(0, 0.001, (VERTICES, 3, 36)),
        "J_regressor": regressor,
        "weights": weights,
        "f": faces.astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], dtype=np.int64),
    }


def write_npz(path: Path, seed: int = 0) -> Path:
    np.savez(path, **arrays(seed))
    return path


def write_pickle(path: Path, seed: int = 0) -> Path:
    """As the published ones: protocol 2, chumpy arrays, a sparse regressor; numpy and scipy as they are today."""
    from scipy.sparse import csc_matrix

    found: dict[str, Any] = dict(arrays(seed))
    chumpy = types.ModuleType("chumpy.ch")
    for name in ("chumpy", "chumpy.ch", "chumpy.reordering"):
        sys.modules[name] = chumpy if name == "chumpy.ch" else types.ModuleType(name)
    try:

        class Ch:
            def __init__(self, **state: Any) -> None:
                self.__dict__.update(state)

        class Select(Ch):
            pass

        Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
        Select.__module__, Select.__qualname__ = "chumpy.reordering", "Select"
        sys.modules["chumpy.ch"].Ch = Ch  # type: ignore[attr-defined]
        sys.modules["chumpy.reordering"].Select = Select  # type: ignore[attr-defined]
        shapedirs = found["shapedirs"]
        found["v_template"] = Ch(x=found["v_template"], name="v_template")
        found["shapedirs"] = Select(
            a=Ch(x=shapedirs), idxs=np.arange(shapedirs.size), preferred_shape=shapedirs.shape
        )
        found["J_regressor"] = csc_matrix(found["J_regressor"])
        found["bs_type"] = "lrotmin"
        path.write_bytes(pickle.dumps(found, protocol=2))
    finally:
        for name in ("chumpy", "chumpy.ch", "chumpy.reordering"):
            del sys.modules[name]
    return path


def own_arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """As `arrays`, but with the shape and expression modes, the jaw and the neck of our own head on another topology.

    The template is another person than our mean head; the modes go on from him. A head of ours whose further modes are
    0 lies within the model, but for the 30 coefficients of the template.
    """
    own = load_head()
    template, faces, place = faces_and_template(seed)
    back = np.flatnonzero(place >= 0)[np.argsort(place[place >= 0])]  # our vertex of each of theirs
    split = faces[-3 * (VERTICES - len(back)) :].reshape(
        3, -1, 3
    )  # (a, b, new), (b, c, new), (c, a, new)
    corners = np.stack([split[0, :, 0], split[1, :, 0], split[2, :, 0]], axis=1)

    def carried(values: np.ndarray) -> np.ndarray:
        """(..., V) of ours to (..., VERTICES): at the middle of a split face the mean of its corners."""
        kept = values[..., back].astype(float)
        return np.concatenate([kept, kept[..., corners].mean(axis=-1)], axis=-1)

    directions = np.zeros((VERTICES, 3, 400))
    directions[:, :, : own.n_shape] = np.moveaxis(
        carried(np.moveaxis(own.shape_basis, 1, 2)), 0, 2
    ).swapaxes(0, 1)
    modes = carried(np.moveaxis(own.expression_basis, 1, 2))  # (E, 3, V)
    directions[:, :, 300 : 300 + own.n_expression] = np.moveaxis(modes, 0, 2).swapaxes(0, 1)
    rigid, jaw = carried(own.head_mask.astype(float)), carried(own.jaw_weights)
    loose = np.clip(1 - rigid, 0, 1) * (1 - jaw)  # what stays with the shoulders
    weights = np.zeros((VERTICES, 5))
    weights[:, 0], weights[:, 1], weights[:, 2] = loose, 1 - jaw - loose, jaw
    near = np.argsort(np.linalg.norm(template - ORIGIN - own.jaw_joint, axis=1))[:30]
    regressor = np.zeros((5, VERTICES))
    regressor[:, near] = 1 / len(near)
    return {
        "v_template": template, "f": faces.astype(np.uint32), "shapedirs": directions, "weights": weights,
        "J_regressor": regressor, "posedirs": np.zeros((VERTICES, 3, 36)),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], dtype=np.int64),
    }  # fmt: skip


def own_model(seed: int = 0) -> HeadModel:
    """The head model of `own_arrays`; marks are where they are known to be, so that nothing is registered."""
    own = load_head()
    found = own_arrays(seed)
    place = faces_and_template(seed)[2]
    faces = len(found["f"])
    meaning = {
        "dense": place[own.dense].astype(np.int32),
        "parts": np.ones(faces, np.uint8),
        "uv": np.zeros((3 * faces, 2), np.float32),
    }
    return head_from_flame(checked(found), "flame-like", meaning)
