"""Where published landmarks lie on a FLAME mesh: the embedding files that come beside the model.

Each landmark is a point of a triangle, by the number of the face and three barycentric weights. Read are

    landmark_embedding.npy            (DECA)          static_lmk_faces_idx, static_lmk_bary_coords: 17 to 67 of the 68
    flame_static_embedding.pkl        (FLAME_PyTorch) lmk_face_idx, lmk_b_coords: the same 51
    mediapipe_landmark_embedding.npz                  the same names, and landmark_indices: which of MediaPipe's points

The moving contour of these files is not used: the points of the jaw are fixed here, or slide by the solver's contour.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from headkit.head import foreign_pickle
from headkit.head.flame import read_npz
from headkit.head.model import HeadModel

JAW = 17  # of the 68: not in the static embedding
STATIC = 51
MEDIAPIPE = 478
_NAMES = (("static_lmk_faces_idx", "static_lmk_bary_coords"), ("lmk_face_idx", "lmk_b_coords"))


@dataclass(frozen=True, eq=False)
class Embedding:
    """L landmarks on the faces of a model.

    scheme   "ibug68" or "mediapipe478"; marks (L,) which of its points
    faces    (L,) faces that they lie on; weights (L, 3) of the faces' corners
    """

    scheme: Literal["ibug68", "mediapipe478"]
    marks: NDArray[np.int64]
    faces: NDArray[np.int64]
    weights: NDArray[np.float64]


def read_embedding(path: Path) -> Embedding:
    """The embedding in a file, .npy, .npz or .pkl; pickles only through the exact list of foreign_pickle.

    Raises OSError where the file cannot be read, ValueError where it holds no landmark embedding.
    """
    arrays = _arrays(path.read_bytes())
    for faces_name, weights_name in _NAMES:
        if faces_name in arrays and weights_name in arrays:
            found = arrays[faces_name], arrays[weights_name]
            return _checked(*found, arrays.get("landmark_indices"))
    raise ValueError(f"has no {' and '.join(_NAMES[1])}; is it a landmark embedding of FLAME?")


def _arrays(data: bytes) -> dict[str, Any]:
    if data[:2] == b"PK":
        return read_npz(data)
    if data[:6] == b"\x93NUMPY":
        data = _after_header(data)
    found = foreign_pickle.read(data)
    if isinstance(found, np.ndarray) and found.shape == () and found.dtype.hasobject:
        found = found.item()  # a dictionary, as np.save keeps one
    if not isinstance(found, dict):
        raise ValueError(f"holds a {type(found).__name__}, not arrays by name")
    return {str(name): value for name, value in found.items()}


def _after_header(data: bytes) -> bytes:
    """The pickle in an .npy file of objects."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        _, _, kind = read(file)
    except (KeyError, ValueError) as error:
        raise ValueError(f"not a readable npy ({error})") from error
    if not kind.hasobject:
        raise ValueError("holds one array, not arrays by name")
    return file.read()


def _checked(faces: Any, weights: Any, indices: Any) -> Embedding:
    try:
        face = np.asarray(faces).astype(np.int64).ravel()
        weight = np.asarray(weights, dtype=np.float64).reshape(-1, 3)
        marks = (
            np.arange(JAW, JAW + STATIC)
            if indices is None
            else np.asarray(indices).astype(np.int64).ravel()
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"its arrays are not of numbers, or of the wrong shape ({error})"
        ) from None
    if not len(face) == len(weight) == len(marks):
        raise ValueError(
            f"has {len(face)} faces and {len(weight)} weights for {len(marks)} landmarks"
        )
    if not (np.isfinite(weight).all() and (np.abs(weight.sum(axis=1) - 1) < 1e-3).all()):
        raise ValueError("its weights do not sum to 1")
    if indices is not None and (marks.min() < 0 or marks.max() >= MEDIAPIPE):
        raise ValueError("its landmark_indices are not of MediaPipe's 478 points")
    return Embedding("ibug68" if indices is None else "mediapipe478", marks, face, weight)


def embedded(model: HeadModel, embedding: Embedding) -> HeadModel:
    """The model with the embedding's points as further vertices, the last ones, that no face has.

    They move with shape, expression and jaw as their triangles' corners do, so that a solver takes them as vertices. In
    an embedding of the 68, they are the model's landmarks from then on. Coefficients mean what they meant, though the
    digest is another one: keep the name and digest of the model itself with them.
    Raises ValueError on faces that the model does not have.
    """
    if embedding.faces.min() < 0 or embedding.faces.max() >= len(model.faces):
        raise ValueError(
            f"names faces up to {embedding.faces.max()}, but {model.name} has {len(model.faces)}; "
            "is it the embedding of another model?"
        )
    corners = model.faces[embedding.faces]

    def mixed(array: NDArray[Any]) -> NDArray[Any]:
        """(..., V, ...) by vertex with the new vertices after the others; vertices are the axis before the last."""
        added = np.einsum("lk,...lkc->...lc", embedding.weights, array[..., corners, :])
        return np.concatenate([array, added.astype(array.dtype)], axis=-2)

    new = np.arange(len(corners), dtype=np.int32) + np.int32(len(model.template))
    dense = model.dense.copy()
    if embedding.scheme == "ibug68":
        dense[embedding.marks] = new
    return replace(
        model,
        template=mixed(model.template),
        shape_basis=mixed(model.shape_basis),
        expression_basis=mixed(model.expression_basis),
        pose_basis=None if model.pose_basis is None else mixed(model.pose_basis),
        jaw_weights=mixed(model.jaw_weights[:, None])[:, 0],
        head_mask=np.concatenate([model.head_mask, model.head_mask[corners].all(axis=1)]),
        landmarks68=dense[:68],
        dense=dense,
    )
