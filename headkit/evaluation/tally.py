"""What is collected over a set of heads: errors of the matched ones, and how many were missed, group by group."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.evaluation import measures
from headkit.evaluation.boxes import Detections, match, overlap
from headkit.head.model import HeadModel
from headkit.head.rotation import euler_from_rotation, geodesic

Array = NDArray[Any]


@dataclass(frozen=True)
class Head:
    """One head, true or found; what is not known is None.

    box (4,) pixels; landmarks (68, 2 or more) pixels; view (3, 3), the rotation relative to the ray; rotation (3, 3)
    in the camera frame; shape, expression, jaw of `model`; deviation (3,) degrees, stated with
    the rotation; face: the box that landmark errors are divided by, where it is not the head's own.
    """

    box: Array
    score: float = 1.0
    ignore: str | None = None
    visibility: float | None = None
    landmarks: Array | None = None
    view: Array | None = None
    rotation: Array | None = None
    shape: Array | None = None
    expression: Array | None = None
    jaw: Array | None = None
    model: HeadModel | None = None
    vertices: Array | None = None  # (V, 3), where there are no parameters but a mesh, camera frame
    deviation: Array | None = None
    face: Array | None = None

    def mesh(self) -> Array | None:
        """(V, 3) vertices in the head's own frame, where known."""
        if self.model is None or self.shape is None:
            return None
        return self.model.vertices(self.shape, self.expression, self.jaw)

    def placed(self) -> Array | None:
        """(V, 3) vertices in the camera frame, turned by the rotation; where they stand does not matter."""
        if self.vertices is not None:
            return self.vertices
        mesh = self.mesh()
        if mesh is None or self.rotation is None:
            return None
        return np.asarray(mesh @ self.rotation.T)


# Errors of a matched head: name, unit, what it is.
COLUMNS: dict[str, tuple[str, str]] = {
    "nme_box": ("%", "mean distance of the 68 landmarks, of sqrt(width x height) of the true box"),
    "nme_eye": (
        "%",
        "the same, of the distance between the outer eye corners; faces within 60 degrees",
    ),
    "geodesic": ("deg", "angle between the rotations, full circle"),
    "columns": ("deg", "mean angle between the columns of the rotations (MAEV)"),
    "yaw": ("deg", "absolute error of yaw, wrapped"),
    "pitch": ("deg", "absolute error of pitch"),
    "roll": ("deg", "absolute error of roll, wrapped"),
    "frobenius": ("", "||I - R R_true^T||, the pose error of DAD-3DHeads"),
    "z5": ("", "share of neighbours in the right order of depth (DAD-3DHeads)"),
    "chamfer": ("", "squared distance of true face vertices, eyes 20 apart (DAD-3DHeads)"),
    "vertex": ("mm", "mean distance of the head's vertices, laid over by seven points, not scaled"),
    "coverage": ("", "share of rotation errors, axis by axis, within the stated 95% interval"),
}
FRONTAL = 60.0  # degrees of yaw within which both eye corners are seen

YAW_BANDS = ((0, 30), (30, 60), (60, 90), (90, 135), (135, 180.001))
SIZES = ((0, 32), (32, 64), (64, 128), (128, 256), (256, 10**6))
VISIBILITIES = ((0, 0.5), (0.5, 0.9), (0.9, 1.001))


def groups(head: Head) -> list[str]:
    """The names of the groups that a true head is in: all, and its bands of yaw, size and visibility."""
    found = ["all"]
    if head.view is not None:
        found.append(_band("yaw", abs(float(euler_from_rotation(head.view)[0])), YAW_BANDS, ""))
    found.append(_band("size", longer_side(head.box), SIZES, " px"))
    if head.visibility is not None:
        found.append(_band("visible", head.visibility, VISIBILITIES, ""))
    return found


def group_names() -> list[str]:
    """Every group, in the order of the table."""
    names = ["all"]
    for kind, bands, unit in (
        ("yaw", YAW_BANDS, ""),
        ("size", SIZES, " px"),
        ("visible", VISIBILITIES, ""),
    ):
        names += [_name(kind, low, high, unit) for low, high in bands]
    return names


def longer_side(box: Array) -> float:
    """The longer side of a box, pixels: the size of a head."""
    return float(max(box[2] - box[0], box[3] - box[1]))


def _band(kind: str, value: float, bands: tuple[tuple[float, float], ...], unit: str) -> str:
    for low, high in bands:
        if low <= value < high:
            return _name(kind, low, high, unit)
    raise ValueError(f"{kind} {value}: in no band")


def _name(kind: str, low: float, high: float, unit: str) -> str:
    if high == 10**6:
        return f"{kind} from {low:g}{unit}"
    return f"{kind} {low:g}-{round(high, 2):g}{unit}"


@dataclass
class Group:
    """One row of the table: how many true heads, how many found, and the errors of the found ones by column."""

    true: int = 0
    found: int = 0
    fitted: int = 0  # found, and with a pose
    errors: dict[str, list[float]] = field(default_factory=dict)

    def add(self, errors: dict[str, float]) -> None:
        """The errors of one matched head."""
        for name, value in errors.items():
            self.errors.setdefault(name, []).append(value)


class Tally:
    """Collects images one after the other; `threshold` is the overlap from which a found head is a true one.

    matcher: "overlap" by intersection over union; "face" where the truth is one face in each image with a box of
    its landmarks: the found head that overlaps it most and holds its middle.
    """

    def __init__(
        self, threshold: float = 0.5, convention: str = "headkit", matcher: str = "overlap"
    ) -> None:
        self.threshold = threshold
        self.convention = convention
        self.matcher = matcher
        self.images = 0
        self.detections = Detections()
        self.by_size = {name: Detections() for name, _ in _size_areas()}
        self.groups = {name: Group() for name in group_names()}
        self.surplus = 0  # found heads that are none

    def add(self, found: list[Head], true: list[Head]) -> None:
        """One image."""
        self.images += 1
        boxes, true_boxes = _boxes(found), _boxes(true)
        scores = np.array([head.score for head in found])
        ignored = np.array([head.ignore is not None for head in true], dtype=bool)
        if self.matcher == "overlap":
            self.detections.add(boxes, scores, true_boxes, ignored)
            for name, between in _size_areas():
                self.by_size[name].add(boxes, scores, true_boxes, ignored, between)
        matched = self._match(boxes, true_boxes, scores, ignored)
        self.surplus += int((matched < 0).sum())
        partner = {int(m): found[n] for n, m in enumerate(matched) if m >= 0 and not ignored[m]}
        for m, head in enumerate(true):
            if not ignored[m]:
                self._count(head, partner.get(m))

    def _match(self, boxes: Array, true_boxes: Array, scores: Array, ignored: Array) -> Array:
        overlaps = overlap(boxes, true_boxes)
        if self.matcher == "overlap":
            return match(overlaps, scores, ignored, self.threshold)
        middle = (true_boxes[:, :2] + true_boxes[:, 2:]) / 2
        holds = ((boxes[:, None, :2] <= middle) & (middle <= boxes[:, None, 2:])).all(axis=2)
        overlaps = np.where(holds, overlaps, 0)
        # The head that overlaps most, whatever its score: there is one face, and what else is found may be real, too.
        return match(overlaps, overlaps.max(axis=1, initial=0), ignored, 1e-6)

    def _count(self, true: Head, found: Head | None) -> None:
        errors = {} if found is None else head_errors(found, true, self.convention)
        for name in groups(true):
            group = self.groups[name]
            group.true += 1
            group.found += found is not None
            group.fitted += found is not None and found.view is not None and found.ignore is None
            group.add(errors)


def head_errors(found: Head, true: Head, convention: str = "headkit") -> dict[str, float]:
    """The errors of one head by the names of COLUMNS; those that can be told."""
    out: dict[str, float] = {}
    if found.ignore is not None:  # a fit that says itself that it failed is counted, not measured
        return out
    _landmark_errors(out, found, true)
    if found.view is not None and true.view is not None:
        out["geodesic"] = float(geodesic(found.view, true.view))
        out["columns"] = measures.column_vectors(found.view, true.view)
        out["yaw"], out["pitch"], out["roll"] = map(
            float, measures.angle_errors(found.view, true.view, convention)
        )
        out["frobenius"] = measures.frobenius(found.view, true.view)
        if found.deviation is not None and found.rotation is not None and true.rotation is not None:
            inside = measures.within_interval(found.rotation, true.rotation, found.deviation)
            out["coverage"] = float(inside.mean())
    _shape_errors(out, found, true)
    return out


def _landmark_errors(out: dict[str, float], found: Head, true: Head) -> None:
    if found.landmarks is None or true.landmarks is None:
        return
    distance = measures.mean_distance(found.landmarks, true.landmarks)
    size = measures.box_size(true.box if true.face is None else true.face)
    if size > 0:
        out["nme_box"] = 100 * distance / size
    eyes = measures.eye_distance(true.landmarks)
    frontal = true.view is None or abs(float(euler_from_rotation(true.view)[0])) <= FRONTAL
    if eyes > 0 and frontal:
        out["nme_eye"] = 100 * distance / eyes


def _shape_errors(out: dict[str, float], found: Head, true: Head) -> None:
    model = found.model
    ours, theirs = found.placed(), true.placed()
    if model is None or ours is None or theirs is None:
        return
    seven = model.landmarks68[list(measures.SEVEN)]
    if true.model is not None:
        same = true.model.sha256 == model.sha256
        true_model = true.model
    else:
        same, true_model = ours.shape == theirs.shape, model
    face = np.unique(true_model.faces[true_model.parts == FACE])
    true_seven = theirs[true_model.landmarks68[list(measures.SEVEN)]]
    eyes = theirs[true_model.landmarks68[list(measures.INNER_EYES)]]
    out["chamfer"] = measures.chamfer(ours, ours[seven], theirs[face], true_seven, eyes)
    if same:
        chosen = np.flatnonzero(model.head_mask)
        out["z5"] = measures.z_order(ours[chosen], theirs[chosen])
        out["vertex"] = measures.vertex_error(ours, theirs, model.landmarks68, chosen)


FACE = 1  # HeadModel.parts of the skin of face and skull


def _boxes(heads: list[Head]) -> Array:
    return np.array([head.box for head in heads], dtype=np.float64).reshape(-1, 4)


def _size_areas() -> list[tuple[str, tuple[float, float]]]:
    """The bands of size as areas of square boxes."""
    return [
        (_name("size", low, high, " px"), (float(low) ** 2, float(high) ** 2))
        for low, high in SIZES
    ]


def summary(tally: Tally) -> list[dict[str, Any]]:
    """One row for each group that has heads: counts, recall, and of each column the figures that are told of it."""
    precision = {"all": tally.detections.average_precision()}
    precision |= {name: kept.average_precision() for name, kept in tally.by_size.items()}
    rows = []
    for name, group in tally.groups.items():
        if not group.true:
            continue
        row: dict[str, Any] = {
            "group": name,
            "heads": group.true,
            "recall": group.found / group.true,
        }
        row["fitted"] = group.fitted / group.true
        values = precision.get(name)
        if tally.matcher == "overlap" and values is not None:
            row["ap50"], row["ap"] = float(values[0]), float(values.mean())
        for column, errors in group.errors.items():
            row[column] = _figures(column, np.array(errors))
        rows.append(row)
    return rows


def _figures(column: str, errors: Array) -> dict[str, float]:
    figures = {"count": len(errors), "mean": float(errors.mean())}
    if column in ("coverage", "z5"):
        return figures
    figures["median"] = float(np.median(errors))
    figures["p95"] = float(np.quantile(errors, 0.95))
    if column == "geodesic":
        figures["over_10"] = float((errors > 10).mean())
    return figures
