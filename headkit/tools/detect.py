"""Finds every head in an image: a box around the whole head with its hair, and a score.

By default our own small network looks, trained on renders alone, so that nothing has to be fetched; it misses more
real heads than networks trained on photos do. --model takes a file of weights instead:

    *.pt          of ultralytics: a detection network with a class named head, or a pose network, whose people's
                  heads follow from their key points. It is a pickle, and is read without running what it holds
    *.trcd *.onnx the VGGHeads network, which brings FLAME parameters and a head pose with every box
    *.npz         of our own training (headkit.make.train_detector)

--from-poses looks at no image: the mean head is turned and moved to meet nose, eyes, ears and shoulders of every
person in `poses`, and its outline with hair is the box; `params` and `pose` are those of the mean head. A person of
whom no point of the head is known has none.

An image is seen whole, in a square of --imgsz pixels; our own network sees it in two smaller ones too, for heads that
fill it. Heads that are then under 10 pixels or so are missed: --tile looks at overlapping squares of the image as well,
for crowds and large images. At most 1,000 heads are kept.

`heads` is replaced; `truth` and `target` are left alone. Boxes are in pixels of the upright image, whatever turn its
EXIF asks for, cut at its border, best first. What is found depends on the image alone: not on the batch, the jobs or
the other images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from headkit.status import USAGE, Stop
from headkit.tool import Context, Example, Failure, Opt, Process, Record, Result

if TYPE_CHECKING:
    from headkit.backends.boxes import Candidates
    from headkit.backends.detectors import Detector
    from headkit.image import Pixels


@dataclass(frozen=True)
class Options:
    """The options of detect."""

    model: Annotated[
        str | None,
        Opt("Weights: .pt of ultralytics, .trcd or .onnx of VGGHeads, .npz of ours.", "MODEL"),
    ] = None
    from_poses: Annotated[
        bool, Opt("Derive heads from the key points of `poses`, without looking.")
    ] = False
    conf: Annotated[
        float | None,
        Opt("Least score of a head (default: the network's).", "SHARE", minimum=0, maximum=1),
    ] = None
    iou: Annotated[
        float | None,
        Opt(
            "Overlap from which two boxes are one head (default: the network's).",
            "SHARE",
            minimum=0,
            maximum=1,
        ),
    ] = None
    imgsz: Annotated[
        int | None,
        Opt(
            "Side of the square that the network sees, a multiple of 32 (default: the network's).",
            "N",
            minimum=32,
            maximum=8192,
        ),
    ] = None
    tile: Annotated[
        int | None,
        Opt("Look at overlapping squares of N pixels as well.", "N", minimum=32),
    ] = None
    flip: Annotated[bool, Opt("Look at the mirrored image as well.")] = False


EXAMPLES = (
    Example(
        "headkit detect --from-poses",
        input='{"id":"empty","width":640,"height":480,"poses":[]}\n',
        output="",
    ),
    Example("headkit generate -n 1 --size 128 < poses.jsonl | headkit detect"),
)

_FOCAL = 1.2  # of the longer side: a camera whose K is not known


def reads(options: Options) -> tuple[str, ...]:
    """The fields that these options need."""
    return ("width", "height", "poses") if options.from_poses else ("image",)


def start(options: Options, context: Context) -> Process:
    """The tool with its network loaded."""
    if options.from_poses:
        _refuse_network_options(options)
        return lambda records: [_from_poses(record) for record in records]
    if options.imgsz is not None and options.imgsz % 32:
        raise Stop(USAGE, f"--imgsz {options.imgsz}: not a multiple of 32")
    from headkit.backends.detectors import open_detector

    detector = open_detector(options.model, options.imgsz, context.device)
    wanted = {name: getattr(options, name) for name in ("conf", "iou", "tile")}
    given = {name: value for name, value in wanted.items() if value is not None}
    detector = replace(detector, search=replace(detector.search, flip=options.flip, **given))
    if options.flip and not detector.network.mirrors:
        raise Stop(USAGE, "--flip: the parameters of VGGHeads cannot be mirrored; leave it out")

    def process(records: list[Record]) -> list[Result]:
        return _looked(records, detector, context)

    process.made = {"model": detector.name, "sha256": detector.sha256[:16]}  # type: ignore[attr-defined]
    return process


def _refuse_network_options(options: Options) -> None:
    usual = Options()
    for name in ("model", "conf", "iou", "imgsz", "tile", "flip"):
        if getattr(options, name) != getattr(usual, name):
            raise Stop(USAGE, f"--{name}: --from-poses has no network; leave one of them out")


# ---- looking -------------------------------------------------------------------------------------


def _looked(records: list[Record], detector: Detector, context: Context) -> list[Result]:
    """Heads of every record's image; a Failure where it cannot be read."""
    from headkit.backends.finding import find
    from headkit.picture import picture_of

    opened = [picture_of(record, context.root) for record in records]
    pictures = [picture for picture in opened if not isinstance(picture, Failure)]
    found = iter(find(detector.network, pictures, detector.search))
    return [
        picture if isinstance(picture, Failure) else _result(record, picture, next(found))
        for record, picture in zip(records, opened, strict=True)
    ]


def _result(record: Record, pixels: Pixels, found: Candidates) -> Record:
    height, width = pixels.shape[:2]
    if found.points is not None:
        heads = [
            head
            for points, score in zip(found.points, found.scores.tolist(), strict=True)
            if (head := _head_of(points, width, height, score, _camera(record, width, height)))
        ]
    else:
        heads = [
            {"box": box, "score": score}
            for box, score in zip(found.boxes.tolist(), found.scores.tolist(), strict=True)
        ]
    if found.params is not None:
        for head, vector in zip(heads, found.params, strict=True):
            head.update(_parameters(vector, _camera(record, width, height)))
    return {"width": width, "height": height, "heads": heads}


def _camera(record: Record, width: int, height: int) -> Any:
    """K as the record has it, or of a usual lens."""
    import numpy as np

    from headkit.head.camera import intrinsics

    camera = record.get("camera")
    known = camera.get("K") if isinstance(camera, dict) else None
    if known is None:
        return intrinsics(width, height, _FOCAL * max(width, height))
    return np.asarray(known, dtype=np.float64)


def _parameters(vector: Any, K: Any) -> Record:
    """`params` and `pose` of a 413-vector in the image's pixels."""
    from headkit.head import vector413

    parts = vector413.read(vector)
    rotation, translation = vector413.to_camera(parts, K)
    return {
        "params": {
            "model": "flame",
            "shape": parts.shape.tolist(),
            "expression": parts.expression.tolist(),
            "jaw": parts.jaw.tolist(),
            "translation": translation.tolist(),
        },
        "pose": _pose(rotation, translation),
    }


def _pose(rotation: Any, translation: Any) -> Record:
    from headkit.head.camera import view_rotation
    from headkit.head.rotation import euler_from_rotation

    view = view_rotation(rotation, translation)
    yaw, pitch, roll = euler_from_rotation(view).tolist()
    return {
        "rotation": rotation.tolist(),
        "view": view.tolist(),
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
    }


# ---- heads from bodies ---------------------------------------------------------------------------


def _from_poses(record: Record) -> Result:
    """The heads that the poses of a record show, best first."""
    size = record["width"], record["height"]
    if not all(type(side) is int and side > 0 for side in size):
        return Failure(
            "bad-size", "width, height: not whole numbers above 0; see headkit-record(5)"
        )
    poses = record["poses"]
    if not isinstance(poses, list):
        return Failure("bad-poses", "poses: a list of objects is needed; see headkit-record(5)")
    heads = []
    for index, pose in enumerate(poses):
        try:
            points, score = _checked(pose)
        except ValueError as error:
            return Failure("bad-pose", f"person {index}: {error}")
        head = _head_of(points, *size, score, _camera(record, *size))
        if head:
            heads.append(head)
    heads.sort(key=lambda head: -head["score"])
    return {"heads": heads}


def _checked(pose: Any) -> tuple[Any, float]:
    """(17, 3) key points and the score of a person; ValueError in words where there are none."""
    import numpy as np

    if not isinstance(pose, dict):
        raise ValueError("not an object; see headkit-record(5)")
    try:
        points = np.array(pose.get("keypoints"), dtype=np.float64)
        score = float(pose.get("score", 1.0))
    except (TypeError, ValueError):
        raise ValueError("keypoints: not numbers; give 17 x [x, y, confidence]") from None
    if points.shape != (17, 3):
        raise ValueError(f"keypoints: shape {points.shape}; give 17 x [x, y, confidence]")
    if not (np.isfinite(points).all() and np.isfinite(score)) or np.abs(points).max() > 1e6:
        raise ValueError(
            "keypoints: not finite, or beyond a million pixels; give confidence 0 to an unknown point"
        )
    return points, score


def _head_of(points: Any, width: int, height: int, score: float, K: Any) -> Record | None:
    """The head of a person's key points: the mean head, its box cut at the picture; None where there is none in it."""
    from headkit.head.body_points import head_of
    from headkit.head.loading import load_head

    head = head_of(points)
    if head is None:
        return None
    x1, y1, x2, y2 = head.box.tolist()
    box = [max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))]
    if box[0] >= box[2] or box[1] >= box[3]:
        return None
    rotation, translation = head.in_camera(K)
    model = load_head()
    return {
        "box": box,
        "score": score,
        "params": {
            "model": model.name,
            "sha256": model.sha256,
            "shape": [],
            "expression": [],
            "jaw": [0.0, 0.0, 0.0],
            "translation": translation.tolist(),
        },
        "pose": _pose(rotation, translation),
    }
