"""Head meshes in the colours of their place on the head model's template: PNCC, a head model's own code.

Zhu et al. 2016, "Face alignment across large poses". As KupynOrest/head_detector publishes it: red, green and blue are
x, y and z of the template, each from the least to the greatest of the head's vertices; the faces of the head are
drawn from both sides, nearest first, on black, whatever hides them in a picture; eyeballs and neck are left out.
The colours belong to one head model: a network that knows those of FLAME reads ours wrongly, and nothing would notice.

Which vertices are the head is a list of that publication (head_w_ears.npy, of FLAME's 5,023). Where that file lies beside
the FLAME file it is used; else the head is the skin that the neck carries as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.conditioning.meshes import Mesh, draw
from headkit.head.model import HeadModel

Pixels = NDArray[np.uint8]
Array = NDArray[np.float64]

SUBSET = "head_w_ears.npy"  # of head_detector's assets: numbers of FLAME vertices


@dataclass(frozen=True, eq=False)
class ColoredHead:
    """What is drawn of a head model.

    vertices  (N,) int64 numbers of the head's vertices, ascending
    faces     (F, 3) int32 of the model, all of whose corners are among them
    colors    (V, 3) float64, 0 to 1 on the head
    """

    model: HeadModel
    vertices: NDArray[np.int64]
    faces: NDArray[np.int32]
    colors: Array

    def picture(self, heads: Sequence[NDArray[Any]], K: Array, width: int, height: int) -> Pixels:
        """(height, width, 3) uint8 of the vertices (V, 3) of each head in the camera frame; 0 elsewhere."""
        meshes = [Mesh(vertices, self.faces) for vertices in heads]
        face_at, _ = draw(meshes, K, width, height, two_sided=True)
        rows, columns = np.nonzero(face_at >= 0)
        head, face = np.divmod(face_at[rows, columns], len(self.faces))
        picture = np.zeros((height, width, 3), np.uint8)
        if not len(rows):
            return picture
        corners = self.faces[face]  # (P, 3)
        points = np.stack(list(heads)).astype(np.float64)[head[:, None], corners]  # (P, 3, 3)
        x = (columns + 0.5 - K[0, 2]) / K[0, 0]
        y = (rows + 0.5 - K[1, 2]) / K[1, 1]
        shares = _shares(points, np.stack([x, y, np.ones_like(x)], axis=1))
        color = np.einsum("pk,pkc->pc", shares, self.colors[corners])
        # Cut, not rounded, as published; what is 0 to all but rounding stays so.
        picture[rows, columns] = np.clip(color * 255.0 + 1e-6, 0.0, 255.0).astype(np.uint8)
        return picture


def colored(model: HeadModel, subset: NDArray[np.int64] | None = None) -> ColoredHead:
    """The head of a model in its colours. subset: numbers of the head's vertices, None: what the model knows of it.

    Raises ValueError for numbers that the model does not have, or of which no face is made.
    """
    chosen = np.zeros(len(model.template), np.bool_)
    if subset is None:
        chosen |= model.head_mask & largest_piece(model)
    elif subset.size and subset.min() >= 0 and subset.max() < len(chosen):
        chosen[subset] = True
    faces = model.faces[chosen[model.faces].all(axis=1)]
    if not len(faces):
        raise ValueError(f"{model.name}: no face of the mesh lies on the head")
    low, high = model.template[chosen].min(axis=0), model.template[chosen].max(axis=0)
    colors = (model.template.astype(np.float64) - low) / (high.astype(np.float64) - low)
    return ColoredHead(model, np.flatnonzero(chosen), np.ascontiguousarray(faces), colors)


def published_subset(folder: Path) -> NDArray[np.int64] | None:
    """The numbers in the publication's list, where it lies in a folder; None where it does not.

    Raises OSError where it cannot be read, ValueError where it holds something else.
    """
    path = folder / SUBSET
    if not path.exists():
        return None
    numbers = np.load(path, allow_pickle=False)
    if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(f"{path}: is no list of vertex numbers")
    return np.asarray(numbers, np.int64)


def largest_piece(model: HeadModel) -> NDArray[np.bool_]:
    """(V,) whether a vertex hangs together with most others: skin, but not eyeballs, teeth and tongue."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    start, end = model.faces[:, [0, 1, 2]].ravel(), model.faces[:, [1, 2, 0]].ravel()
    count = len(model.template)
    edges = coo_matrix((np.ones(len(start), np.int8), (start, end)), shape=(count, count))
    _, piece = connected_components(edges, directed=False)
    found: NDArray[np.bool_] = piece == np.bincount(piece).argmax()
    return found


def _shares(corners: Array, rays: Array) -> Array:
    """(P, 3) how much of each corner (P, 3, 3) is in the point where the ray (P, 3) meets the triangle's plane."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    crossed = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=1)
    volumes = np.einsum("pkc,pc->pk", crossed, rays)
    return np.asarray(volumes / volumes.sum(axis=1, keepdims=True))
