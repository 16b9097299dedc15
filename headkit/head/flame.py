"""FLAME files (2017, 2019, 2020, 2023, Open) as head models.

Li et al. 2017, "Learning a model of facial shape and expression from 4D scans".
The user brings the file; its license is the user's to keep. Neck, eyes and the global joint stay at rest, as in
DAD-3DHeads and VGGHeads, so that a head is V = blend(shape, expression) with the jaw turned, seen at R V + t.
The origin is the file's, moved ORIGIN metres along z, the same point as theirs: a 413-vector decodes here as there.

A file holds neither landmarks as vertices nor parts: the mean head of headkit is laid over the template, and the
nearest vertices take over their meaning (see registration).
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.cache import folder
from headkit.head import foreign_pickle
from headkit.head.model import HeadModel
from headkit.head.own import own_head
from headkit.head.registration import nearest_parts, nearest_vertices, projected_uv

Array = NDArray[Any]

SHAPES, EXPRESSIONS = 300, 100  # coefficients of every published file
ORIGIN = np.array(
    [0.0, 0.0, -0.05]
)  # of the head in the file's frame; MESH_OFFSET_Z of DAD-3DHeads
JAW = 2  # joints: 0 global, 1 neck, 2 jaw, 3 left eye, 4 right eye
JOINTS = 5
_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table")


def load_flame(path: Path) -> HeadModel:
    """The head model in a FLAME file, `.pkl` or `.npz`.

    A pickle is read once, through an exact list of names (foreign_pickle), and kept as npz under
    $XDG_CACHE_HOME/headkit/heads, named by the sha256 of the file; every later load reads that.
    Raises OSError where the file cannot be read, ValueError where it is not a FLAME model.
    """
    data = path.read_bytes()
    kept = folder("heads") / f"{hashlib.sha256(data).hexdigest()}.npz"
    try:
        return _from_cache(kept, path.stem)
    except (OSError, ValueError, KeyError):
        pass  # not there yet, or cut by a full disk
    arrays = checked(read_arrays(data))
    model = head_from_flame(arrays, path.stem)
    _keep(kept, arrays, model)
    return model


def read_arrays(data: bytes) -> dict[str, Any]:
    """The arrays of a FLAME file by their published names. Raises ValueError on what is neither npz nor pickle."""
    if data[:2] == b"PK":
        return read_npz(data)
    found = foreign_pickle.read(data)
    if not isinstance(found, dict):
        raise ValueError(
            f"head model: the pickle holds a {type(found).__name__}, not arrays by name"
        )
    return {str(name): value for name, value in found.items()}


def read_npz(data: bytes) -> dict[str, Any]:
    """The arrays of an npz, no pickles among them. Raises ValueError on what is none."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"head model: not a readable npz ({error})") from error


def checked(arrays: dict[str, Any]) -> dict[str, Array]:
    """The arrays that a head needs, in their types. Raises ValueError, naming what is missing or wrong."""
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        raise ValueError(f"head model: has no {', '.join(missing)}; is it a FLAME file?")
    try:
        out = {key: np.asarray(arrays[key]) for key in _KEYS}
        out = {
            key: a.astype(np.int64 if key in ("f", "kintree_table") else np.float64)
            for key, a in out.items()
        }
    except (TypeError, ValueError) as error:
        raise ValueError(f"head model: an array is not of numbers ({error})") from error
    count = len(out["v_template"])
    shapes = {
        "v_template": (count, 3),
        "shapedirs": (count, 3, SHAPES + EXPRESSIONS),
        "posedirs": (count, 3, 9 * (JOINTS - 1)),
        "J_regressor": (JOINTS, count),
        "weights": (count, JOINTS),
        "kintree_table": (2, JOINTS),
    }
    for key, shape in shapes.items():
        if out[key].shape != shape:
            raise ValueError(f"head model: {key} is {out[key].shape}, not {shape}")
        if not np.isfinite(out[key]).all():
            raise ValueError(f"head model: {key} is not finite")
    faces = out["f"]
    if (
        faces.ndim != 2
        or faces.shape[1] != 3
        or len(faces) == 0
        or faces.min() < 0
        or faces.max() >= count
    ):
        raise ValueError("head model: f does not name triangles of its vertices")
    if np.abs(out["weights"].sum(axis=1) - 1).max() > 1e-3:
        raise ValueError("head model: the rows of weights do not sum to 1")
    if list(out["kintree_table"][0, 1:]) != [0, 1, 1, 1]:
        raise ValueError(
            "head model: its joints are not neck, jaw and two eyes on one another as FLAME's are"
        )
    return out


def head_from_flame(
    arrays: dict[str, Array], name: str, meaning: dict[str, Array] | None = None
) -> HeadModel:
    """The head model of checked arrays; `meaning` holds what registration found before, where it did.

    With neck and eyes at rest, linear blend skinning about five joints is v + w_jaw (R - 1)(v - J_jaw), and of the
    36 pose correctives the nine of the jaw are left; both exactly.
    """
    template = arrays["v_template"] - ORIGIN
    basis = np.moveaxis(arrays["shapedirs"], 2, 0)
    regressor = arrays["J_regressor"][JAW]
    template32 = template.astype(np.float32)
    faces = arrays["f"].astype(np.int32)
    meaning = meaning or _meaning(template32, faces)
    uv, corners = np.unique(meaning["uv"], axis=0, return_inverse=True)
    return HeadModel(
        name=name,
        template=template32,
        shape_basis=np.ascontiguousarray(basis[:SHAPES], dtype=np.float32),
        expression_basis=np.ascontiguousarray(basis[SHAPES:], dtype=np.float32),
        expression_names=(),
        jaw_joint=(regressor @ arrays["v_template"] - ORIGIN).astype(np.float32),
        jaw_joint_basis=np.einsum("v,kvc->kc", regressor, basis).astype(np.float32),
        jaw_weights=arrays["weights"][:, JAW].astype(np.float32),
        faces=faces,
        uv=uv,
        uv_faces=corners.reshape(-1, 3).astype(np.int32),
        parts=meaning["parts"],
        head_mask=arrays["weights"][:, 0] < 1e-3,  # what the neck carries as a whole
        landmarks68=meaning["dense"][:68],
        dense=meaning["dense"],
        dense_mirror=own_head().dense_mirror,
        pose_basis=np.ascontiguousarray(
            np.moveaxis(arrays["posedirs"][:, :, 9 * (JAW - 1) : 9 * JAW], 2, 0), dtype=np.float32
        ),
    )


def _meaning(template: NDArray[np.float32], faces: NDArray[np.int32]) -> dict[str, Array]:
    """dense (D,) vertices, parts (F,) and uv (3 F, 2) of a foreign template, from our own mean head."""
    own = own_head()
    return {
        "dense": nearest_vertices(own, template, faces),
        "parts": nearest_parts(own, template, faces),
        "uv": projected_uv(template, faces),
    }


def _from_cache(path: Path, name: str) -> HeadModel:
    kept = read_npz(path.read_bytes())
    return head_from_flame(
        checked(kept), name, {key: kept[key] for key in ("dense", "parts", "uv")}
    )


def _keep(path: Path, arrays: dict[str, Array], model: HeadModel) -> None:
    """Writes the npz whole or not at all; a cache that cannot be written is done without."""
    written = io.BytesIO()
    corners = model.uv[model.uv_faces.ravel()]  # (3 F, 2), as _meaning gives them
    np.savez(written, dense=model.dense, parts=model.parts, uv=corners, **arrays)  # type: ignore[arg-type]
    part: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
            file.write(written.getbuffer())
        part.replace(path)
    except OSError:
        if part is not None:
            part.unlink(missing_ok=True)
