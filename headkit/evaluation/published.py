"""Ground truth of public data sets, in the layouts in which they are published, as heads.

    aflw2000   NAME.mat beside NAME.jpg: pt3d_68 (3, 68), Pose_Para (pitch, yaw, roll in radians, ...). Zhu et al. 2016
    300w       NAME.pts beside the image: 68 points. Sagonas et al. 2013
    dad3dheads SUBSET.json with item_id and bbox, annotations/ID.json, images/ID.png. Martyniuk et al. 2022

Each image has one head. Coordinates that were counted from 1 are moved to pixel centres at .5. What is said of
right and left, and of signs, follows the published evaluations; it was tried on files written in these layouts, not
on the data sets themselves, which we do not have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.evaluation.tally import Head
from headkit.head.model import HeadModel
from headkit.head.rotation import rotation_from_vggheads

Array = NDArray[Any]

LARGEST_ANGLE = 99.0  # AFLW2000-3D: images with an angle beyond are left out by all who publish numbers (31 of 2,000)
_POINTS = re.compile(r"n_points:\s*68\s*\{(.*)\}", re.DOTALL)


@dataclass(frozen=True)
class Published:
    """One image's name (its file name without folder and ending) and its head."""

    name: str
    head: Head


def layout(folder: Path) -> str:
    """Which of the layouts a folder has. Raises ValueError where it has none."""
    if any(folder.rglob("*.mat")):
        return "aflw2000"
    if any(folder.rglob("*.pts")):
        return "300w"
    if (folder / "annotations").is_dir():
        return "dad3dheads"
    raise ValueError(
        f"{folder}: holds neither .mat (AFLW2000-3D) nor .pts (300W) files nor annotations/ (DAD-3DHeads)"
    )


def read(folder: Path, model: HeadModel | None = None) -> Iterator[Published]:
    """The heads of a folder, by name. `model`: a FLAME model, needed for DAD-3DHeads alone, for faces and landmarks.

    Raises ValueError, naming the file, on what cannot be read; OSError passes.
    """
    kind = layout(folder)
    if kind == "aflw2000":
        for path in sorted(folder.rglob("*.mat")):
            yield Published(path.stem, _aflw2000(path))
    elif kind == "300w":
        for path in sorted(folder.rglob("*.pts")):
            yield Published(path.stem, _300w(path))
    else:
        if model is None:
            raise ValueError(
                f"{folder}: DAD-3DHeads stores FLAME vertices; name the FLAME file with --head for its faces and landmarks"
            )
        yield from _dad(folder, model)


def _aflw2000(path: Path) -> Head:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        found = loadmat(str(path), variable_names=["pt3d_68", "Pose_Para"])
        points = np.asarray(found["pt3d_68"], dtype=np.float64)
        pitch, yaw, roll = np.rad2deg(np.asarray(found["Pose_Para"], dtype=np.float64).ravel()[:3])
    except (KeyError, ValueError, TypeError, MatReadError) as error:
        raise ValueError(f"{path}: no pt3d_68 and Pose_Para of AFLW2000-3D ({error})") from error
    if points.shape != (3, 68) or not np.isfinite(points).all():
        raise ValueError(f"{path}: pt3d_68 is {points.shape}, not 68 finite points")
    beyond = max(abs(pitch), abs(yaw), abs(roll)) > LARGEST_ANGLE
    turn = rotation_from_vggheads(roll, pitch, yaw)
    landmarks = points[:2].T - 0.5
    return _face(landmarks, turn, "an angle beyond 99 degrees" if beyond else None)


def _300w(path: Path) -> Head:
    try:
        found = _POINTS.search(path.read_text(encoding="ascii"))
        points = np.array(found.group(1).split() if found else [], dtype=np.float64).reshape(68, 2)
    except ValueError as error:
        raise ValueError(f"{path}: not a .pts file of 68 points ({error})") from error
    return _face(points - 0.5, None, None)


def _face(landmarks: Array, turn: Array | None, ignore: str | None) -> Head:
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    return Head(
        box=np.concatenate([low, high]),
        landmarks=landmarks,
        view=turn,
        rotation=turn,
        ignore=ignore,
    )


def _dad(folder: Path, model: HeadModel) -> Iterator[Published]:
    lists = sorted(folder.glob("*.json"))
    if len(lists) != 1:
        raise ValueError(f"{folder}: holds {len(lists)} lists (train.json, val.json), not one")
    for item in _json(lists[0]):
        try:
            name, (x, y, w, h) = str(item["item_id"]), item["bbox"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{lists[0]}: an item has no item_id and bbox") from error
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise ValueError(f"{lists[0]}: item_id {name!r} is no name of a file")
        path = folder / "annotations" / f"{name}.json"
        box = np.array([x, y, x + w, y + h], dtype=np.float64)
        yield Published(name, _dad_head(path, folder / "images" / f"{name}.png", box, model))


def _dad_head(path: Path, picture: Path, box: Array, model: HeadModel) -> Head:
    found = _json(path)
    try:
        vertices = np.array(found["vertices"], dtype=np.float64)
        view = np.array(found["model_view_matrix"], dtype=np.float64).reshape(4, 4)
        projection = np.array(found["projection_matrix"], dtype=np.float64).reshape(4, 4)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not an annotation of DAD-3DHeads ({error})") from error
    if vertices.shape != model.template.shape:
        raise ValueError(
            f"{path}: {vertices.shape} vertices, but {model.name} has {model.template.shape}"
        )
    placed = np.c_[vertices, np.ones(len(vertices))] @ view.T  # OpenGL: y up, z towards the viewer
    flat = placed @ projection.T
    from PIL import Image

    with Image.open(picture) as image:
        height = image.height
    pixels = np.stack([flat[:, 0] / flat[:, 3], height - flat[:, 1] / flat[:, 3]], axis=1)
    upright = np.diag([1.0, -1.0, -1.0])
    turn = _rotation_part(upright @ view[:3, :3])
    return Head(
        box=box,
        landmarks=pixels[model.landmarks68],
        view=turn,
        rotation=turn,
        vertices=placed[:, :3] @ upright,
    )


def _rotation_part(matrix: Array) -> Array:
    """The rotation of a matrix that may also scale."""
    u, _, vt = np.linalg.svd(matrix)
    return np.asarray(u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error})") from error
