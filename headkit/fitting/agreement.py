"""Whether the heads that were found are those that an image was asked to show: `label` of a record.

For each head of `target` (or `truth`) that is not ignored: the angle between the rotations as a crop shows them, the mean
distance of the 68 landmarks, and the intersection over union of the silhouettes of both 3D heads. The record is
accepted where all agree and nobody is there who was not asked for. The thresholds were chosen on a stand-in
generator that shows another pose than it was asked for in a known share of images (headkit.make.choose_thresholds): of
1,046 heads they kept 78% of those that were as asked, 20% of those 15 to 20 degrees off, 4% of those 20 to 30, and 1% beyond.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.evaluation.boxes import match, overlap
from headkit.fitting.request import array
from headkit.head.camera import project
from headkit.head.model import HeadModel
from headkit.head.rotation import geodesic
from headkit.render.drawing.raster import NEAR, buffers, draw_faces, tile_buffer
from headkit.tool import Record

Array = NDArray[np.float64]

SAME_BOX = 0.4  # overlap from which a found head is an asked one
MOST_DEGREES = 18.0
MOST_SHARE = 0.085  # of landmark distance, in sizes of the asked box: sqrt(width x height)
LEAST_IOU = 0.65
_SIDE = 96  # samples along the longer side of what two silhouettes cover


def label(
    asked: list[Record], found: list[Record], cameras: tuple[Array, Array], model: HeadModel
) -> Record:
    """`label` of a record. cameras: K of what was asked and of what was found."""
    boxes = [_boxes(asked), _boxes(found)]
    ignored = np.array([bool(head.get("ignore")) for head in asked], bool)
    scores = np.array([_score(head) for head in found])
    partners = match(overlap(boxes[1], boxes[0]), scores, ignored, SAME_BOX)
    by_asked = {int(m): n for n, m in enumerate(partners) if m >= 0}
    rows = []
    for number, head in enumerate(asked):
        if ignored[number]:
            continue
        partner = by_asked.get(number)
        other = None if partner is None else found[partner]
        rows.append({"asked": number, "found": partner, **differences(head, other, cameras, model)})
    surplus = int((partners < 0).sum())
    counted = len(rows), sum(row["found"] is not None for row in rows) + surplus
    accepted = not surplus and all(_agrees(row, asked[row["asked"]]) for row in rows)
    return {"head_count": list(counted), "accepted": accepted, "heads": rows}


def _agrees(row: Record, asked: Record) -> bool:
    """Whether a found head is the asked one; without landmarks or a mesh of either side these do not count."""
    x1, y1, x2, y2 = asked["box"]
    size = float(np.sqrt(max((x2 - x1) * (y2 - y1), 1.0)))
    degrees, pixels, iou = row["delta_deg"], row["delta_px"], row["silhouette_iou"]
    return bool(
        degrees is not None
        and degrees <= MOST_DEGREES
        and (pixels is None or pixels <= MOST_SHARE * size)
        and (iou is None or iou >= LEAST_IOU)
    )


def differences(
    asked: Record, found: Record | None, cameras: tuple[Array, Array], model: HeadModel
) -> Record:
    """delta_deg, delta_px, silhouette_iou; None where one side has nothing to compare."""
    if found is None or found.get("ignore"):
        return {"delta_deg": None, "delta_px": None, "silhouette_iou": None}
    views = [array((head.get("pose") or {}).get("view"), (3, 3)) for head in (asked, found)]
    points = [_landmarks(head) for head in (asked, found)]
    degrees = pixels = None
    if views[0] is not None and views[1] is not None:
        degrees = float(geodesic(views[0], views[1]))
    if points[0] is not None and points[1] is not None:
        pixels = float(np.linalg.norm(points[0] - points[1], axis=1).mean())
    return {
        "delta_deg": degrees,
        "delta_px": pixels,
        "silhouette_iou": silhouette_iou((asked, found), cameras, model),
    }


def silhouette_iou(
    heads: tuple[Record, Record], cameras: tuple[Array, Array], model: HeadModel
) -> float | None:
    """Intersection over union of the silhouettes of two heads' meshes; None where one has none of this model."""
    meshes = [_vertices(head, model) for head in heads]
    if meshes[0] is None or meshes[1] is None:
        return None
    pairs = [(mesh, K) for mesh, K in zip(meshes, cameras, strict=True) if mesh is not None]
    outlines = [project(mesh[model.head_mask], K) for mesh, K in pairs]
    corners = np.concatenate(outlines)
    if not np.isfinite(corners).all():
        return None  # behind the camera
    low, high = corners.min(axis=0), corners.max(axis=0)
    scale = _SIDE / float((high - low).max())
    one, two = (_mask(mesh, K, low, scale, model) for mesh, K in pairs)
    return float((one & two).sum() / max((one | two).sum(), 1))


def _mask(mesh: Array, K: Array, low: Array, scale: float, model: HeadModel) -> NDArray[np.bool_]:
    """(S, S) where the rigid head is seen, in samples of 1 / scale pixels from `low` on."""
    face_at, inverse_at = buffers(_SIDE, _SIDE)
    faces = np.ascontiguousarray(model.faces[model.head_mask[model.faces].all(axis=1)])
    middle = (K[:2, 2] - low) * scale - 0.5
    camera = np.array([K[0, 0] * scale, K[1, 1] * scale, *middle])
    draw_faces(
        mesh.astype(np.float32),
        np.zeros((1, 10), np.float32),
        faces,
        0,
        0,
        camera,
        NEAR,
        face_at,
        inverse_at,
        tile_buffer(_SIDE, _SIDE),
    )
    return np.asarray(face_at >= 0)


def _vertices(head: Record, model: HeadModel) -> Array | None:
    """(V, 3) of a head in the camera frame; None where it has no parameters of this model."""
    params, pose = head.get("params"), head.get("pose")
    if not isinstance(params, dict) or not isinstance(pose, dict):
        return None
    rotation = array(pose.get("rotation"), (3, 3))
    translation = array(params.get("translation"), (3,))
    if params.get("sha256") != model.sha256 or rotation is None or translation is None:
        return None
    try:
        vertices = model.vertices(params.get("shape"), params.get("expression"), params.get("jaw"))
    except (TypeError, ValueError):
        return None
    return np.asarray(vertices @ rotation.T + translation, np.float64)


def _landmarks(head: Record) -> Array | None:
    """(68, 2) pixels, None where the head has none of that scheme."""
    landmarks = head.get("landmarks")
    if not isinstance(landmarks, dict) or landmarks.get("scheme") != "ibug68":
        return None
    rows: Any = landmarks.get("points")
    try:
        points = np.array([row[:2] for row in rows], np.float64)
    except (TypeError, ValueError, IndexError):
        return None
    return points if points.shape == (68, 2) and np.isfinite(points).all() else None


def _boxes(heads: list[Record]) -> Array:
    """(N, 4); zeros where a head has no box."""
    boxes = [array(head.get("box"), (4,)) for head in heads]
    return np.array([np.zeros(4) if box is None else box for box in boxes]).reshape(-1, 4)


def _score(head: Record) -> float:
    score = head.get("score")
    return float(score) if isinstance(score, int | float) else 1.0
