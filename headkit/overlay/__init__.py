"""Drawing labels on pictures, for people to look at: boxes, landmarks, meshes, axes, skeletons.

A Canvas is a window of a picture, twice as large as it will be shown, so that everything drawn on it is
smooth when it is halved. Coordinates are pixels of the upright picture, its corner at 0, 0. Lines have a dark
edge, so that they are seen on light and on dark.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from headkit.head.camera import project

Color = tuple[int, int, int]
Floats = NDArray[np.float64]

OVERSIZE = 2  # of the canvas over what is shown
BACKGROUND: Color = (38, 40, 44)
IGNORED: Color = (165, 165, 165)  # heads that training leaves out
COLORS: tuple[
    Color, ...
] = (  # of the heads in turn; told apart with most kinds of colour blindness
    (255, 196, 0),
    (0, 200, 255),
    (255, 105, 180),
    (120, 225, 90),
    (190, 150, 255),
    (255, 130, 60),
)
_FARTHEST = 1e7  # pixels or metres: lines are drawn step by step, also where nobody sees them
_EDGE = (0, 0, 0, 150)  # dark, half transparent, under every line
# COCO key points: pairs to join, on the subject's left, right, and in the middle.
_LEFT = ((5, 7), (7, 9), (5, 11), (11, 13), (13, 15), (0, 1), (1, 3))
_RIGHT = ((6, 8), (8, 10), (6, 12), (12, 14), (14, 16), (0, 2), (2, 4))
_MIDDLE = ((5, 6), (11, 12))
_LEFT_COLOR, _RIGHT_COLOR, _MIDDLE_COLOR = (80, 190, 255), (255, 140, 70), (235, 235, 235)
_AXES = ((255, 70, 70), (80, 220, 80), (90, 150, 255))  # the subject's left, up, out of the face
# iBUG 68: runs of points that belong together; True joins the last to the first.
_RUNS = ((0, 17, False), (17, 22, False), (22, 27, False), (27, 31, False), (31, 36, False))
_LOOPS = ((36, 42, True), (42, 48, True), (48, 60, True), (60, 68, True))


class OverlayError(ValueError):
    """A label that cannot be drawn, in words."""


@dataclass
class Canvas:
    """A window of a picture to draw on. A point p of the picture lies at p * scale + shift of `image`."""

    image: Image.Image
    scale: float
    shift: Floats  # (2,)
    pen: ImageDraw.ImageDraw = field(
        init=False
    )  # mixes what is half transparent with what is there

    def __post_init__(self) -> None:
        self.pen = ImageDraw.Draw(self.image, "RGBA")

    @classmethod
    def of(
        cls, pixels: NDArray[np.uint8], width: int, height: int, window: Floats | None = None
    ) -> Canvas:
        """The window (x1, y1, x2, y2) of an (H, W, 3) picture, whole and in the middle of width x height."""
        size = np.array([pixels.shape[1], pixels.shape[0]], float)
        corners = np.array([0.0, 0.0, *size]) if window is None else np.asarray(window, float)
        room = np.array([width, height]) * OVERSIZE
        extent = np.maximum(corners[2:] - corners[:2], 1e-6)
        scale = float((room / extent).min())
        shift = (room - extent * scale) / 2 - corners[:2] * scale
        image = Image.new("RGB", (int(room[0]), int(room[1])), BACKGROUND)
        seen = np.concatenate([np.maximum(corners[:2], 0), np.minimum(corners[2:], size)])
        if (seen[2:] - seen[:2] > 0).all():
            low = np.rint(seen[:2] * scale + shift).astype(int)
            high = np.maximum(np.rint(seen[2:] * scale + shift).astype(int), low + 1)
            part = Image.fromarray(pixels).resize(
                (int(high[0] - low[0]), int(high[1] - low[1])),
                Image.Resampling.BICUBIC,
                box=(float(seen[0]), float(seen[1]), float(seen[2]), float(seen[3])),
                reducing_gap=2.0,
            )
            image.paste(part, (int(low[0]), int(low[1])))
        return cls(image, scale, shift)

    def finish(self) -> NDArray[np.uint8]:
        """(height, width, 3) what is shown."""
        return np.asarray(self.image.reduce(OVERSIZE))

    def place(self, points: Any) -> Floats:
        """(N, 2) places of picture points for Pillow, whose coordinates name pixel centres."""
        return np.asarray(points, float) * self.scale + self.shift - 0.5


def color_of(number: int, *, ignored: bool = False) -> Color:
    """The colour of a picture's head of that number."""
    return IGNORED if ignored else COLORS[number % len(COLORS)]


def draw_box(canvas: Canvas, box: Any, color: Color, *, dashed: bool = False) -> None:
    """A box [x1, y1, x2, y2], dashed where it is that of the visible part. Raises OverlayError."""
    x1, y1, x2, y2 = canvas.place(numbers(box, (4,), "box").reshape(2, 2)).reshape(4).tolist()
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)]
    if dashed:
        for start, end in pairwise(corners):
            _dashes(canvas, start, end, color)
    else:
        _line(canvas, corners, color, 1.5)


def draw_landmarks(canvas: Canvas, landmarks: Any, color: Color) -> None:
    """Landmarks, filled where they are visible and hollow where they are hidden. Raises OverlayError."""
    if not isinstance(landmarks, dict):
        raise OverlayError("landmarks is not an object")
    points = numbers(landmarks.get("points"), (None, None), "landmarks.points")
    if points.shape[1] < 2:
        raise OverlayError("landmarks.points has less than two numbers a point")
    visible = landmarks.get("visible")
    shown = [not isinstance(visible, str) or visible[k : k + 1] == "1" for k in range(len(points))]
    places = canvas.place(points[:, :2])
    extent = float(np.ptp(places, axis=0).max()) if len(places) else 0.0
    if landmarks.get("scheme") == "ibug68" and len(points) == 68:
        for start, stop, closed in (*_RUNS, *_LOOPS):
            run = [*range(start, stop), *([start] if closed else [])]
            for a, b in pairwise(run):
                opacity = 130 if shown[a] and shown[b] else 60
                canvas.pen.line(
                    [*places[a].tolist(), *places[b].tolist()], (*color, opacity), OVERSIZE
                )
    radius = OVERSIZE * min(2.6, max(0.8, extent * 0.006))
    for (x, y), filled in zip(places.tolist(), shown, strict=True):
        _dot(canvas, x, y, radius, color, filled=filled)


def draw_axes(canvas: Canvas, head: Any, camera: Any) -> None:
    """The head's own axes: red to its left, green up, blue out of its face. Raises OverlayError.

    With `camera` and `params.translation` in full perspective; else from the middle of its box.
    """
    pose, params = head.get("pose") or {}, head.get("params") or {}
    if not isinstance(pose, dict) or not isinstance(params, dict):
        raise OverlayError("pose or params is not an object")
    K = _camera(camera)
    if K is not None and params.get("translation") is not None and pose.get("rotation") is not None:
        rotation = numbers(pose["rotation"], (3, 3), "pose.rotation")
        origin = numbers(params["translation"], (3,), "params.translation")
        ends = project(origin + 0.14 * np.concatenate([np.zeros((1, 3)), rotation.T]), K)
    else:
        stored = pose.get("view") or pose.get("rotation")
        if stored is None:
            return
        rotation = numbers(stored, (3, 3), "pose.view")
        box = numbers(head.get("box"), (4,), "box").reshape(2, 2)
        reach = 0.6 * float((box[1] - box[0]).max())
        ends = box.mean(axis=0) + np.concatenate([np.zeros((1, 2)), reach * rotation.T[:, :2]])
    if not np.isfinite(ends).all():
        return
    places = canvas.place(ends)
    # What points away from the viewer is drawn first, so that it is overdrawn.
    for axis in sorted(range(3), key=lambda k: -rotation[2, k]):
        _arrow(canvas, places[0], places[axis + 1], _AXES[axis], 2.6 if axis == 2 else 1.8)


def draw_pose(canvas: Canvas, pose: Any) -> None:
    """A skeleton: blue on the subject's left, orange on the right, thin where unsure. Raises OverlayError."""
    keypoints = pose.get("keypoints") if isinstance(pose, dict) else None
    points = numbers(keypoints, (17, 3), "keypoints")
    places, confidence = canvas.place(points[:, :2]), points[:, 2]
    for pairs, color in ((_MIDDLE, _MIDDLE_COLOR), (_LEFT, _LEFT_COLOR), (_RIGHT, _RIGHT_COLOR)):
        for a, b in pairs:
            sure = min(confidence[a], confidence[b])
            if sure > 0:
                _line(
                    canvas, [tuple(places[a]), tuple(places[b])], color, 1.0 if sure < 0.5 else 1.8
                )
    for (x, y), sure in zip(places.tolist(), confidence.tolist(), strict=True):
        if sure > 0:
            _dot(canvas, x, y, 1.6 * OVERSIZE, (255, 255, 255), filled=sure >= 0.5)


# ---- strokes ------------------------------------------------------------------------------------


def _line(canvas: Canvas, points: list[Any], color: Color, width: float) -> None:
    inner = max(1, round(width * OVERSIZE))
    canvas.pen.line(points, _EDGE, inner + OVERSIZE, joint="curve")
    canvas.pen.line(points, color, inner, joint="curve")


def _dashes(canvas: Canvas, start: Any, end: Any, color: Color, length: float = 5.0) -> None:
    begin, vector = np.asarray(start), np.asarray(end) - np.asarray(start)
    reach = float(np.hypot(*vector))
    count = min(200, int(reach // (length * OVERSIZE))) | 1  # odd, so that both ends are drawn
    for dash in range(0, count, 2):
        ends = [tuple(begin + vector * at / count) for at in (dash, dash + 1)]
        _line(canvas, ends, color, 1.0)


def _dot(canvas: Canvas, x: float, y: float, radius: float, color: Color, *, filled: bool) -> None:
    outer = radius + OVERSIZE / 2
    pen = canvas.pen
    if filled:
        pen.ellipse([x - outer, y - outer, x + outer, y + outer], _EDGE)
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], color)
    else:
        pen.ellipse([x - outer, y - outer, x + outer, y + outer], None, _EDGE, OVERSIZE)
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], None, color, OVERSIZE // 2)


def _arrow(canvas: Canvas, start: Floats, end: Floats, color: Color, width: float) -> None:
    vector = end - start
    reach = float(np.hypot(*vector))
    _line(canvas, [tuple(start), tuple(end)], color, width)
    if reach < 6 * OVERSIZE:
        return
    along, across = vector / reach, np.array([-vector[1], vector[0]]) / reach
    size = min(5.0 * OVERSIZE, reach / 2)
    tip = [
        end + along * size * 0.6,
        end - along * size + across * size * 0.6,
        end - along * size - across * size * 0.6,
    ]
    canvas.pen.polygon([tuple(corner) for corner in tip], color, _EDGE)


# ---- what comes out of records --------------------------------------------------------------------


def numbers(value: Any, shape: tuple[int | None, ...], name: str) -> Floats:
    """Numbers of a shape; OverlayError where a record holds something else."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise OverlayError(f"{name} is not made of numbers") from None
    fits = array.ndim == len(shape) and all(
        want in (None, have) for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits or not np.isfinite(array).all():
        raise OverlayError(f"{name} has not the shape that it should have")
    if array.size and np.abs(array).max() > _FARTHEST:
        raise OverlayError(f"{name} has a number beyond any picture")
    return array


def _camera(camera: Any) -> Floats | None:
    K = camera.get("K") if isinstance(camera, dict) else None
    return None if K is None else numbers(K, (3, 3), "camera.K")
