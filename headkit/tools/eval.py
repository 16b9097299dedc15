"""Measure how good the heads of a manifest are against truth.

    headkit detect < images.jsonl | headkit fit3dmm | headkit eval
    headkit eval --truth images.jsonl heads.jsonl
    headkit eval --truth AFLW2000/ --json heads.jsonl

Truth is each record's own `truth`; with --truth FILE that of the record with the same id in another manifest; with
--truth DIR the ground truth of AFLW2000-3D (.mat), 300W (.pts) or DAD-3DHeads (a list and annotations/) as they are
published, matched by the name of the image file.

One row for all heads, and one for each band of yaw (of what a crop shows; beyond 90 degrees the head is seen from
behind), size (longer side of the box) and visibility. Heads whose truth says `ignore` count neither as missed nor
as found. Errors are those of matched heads, so read them beside `recall` (found at an overlap of --iou) and `fitted`
(of these, the ones with a pose). AP50 and AP follow COCO, without its limit of 100 boxes. NME is the mean distance
of the 68 landmarks over sqrt(width x height) of the true box, or over the distance between the outer eye corners,
within 60 degrees of yaw. geo is the angle between rotations; MAEV that between their columns; yaw, pitch, roll are
mean absolute errors, wrapped at 180. DAD pose, Z5 and chamfer are those of DAD-3DHeads, vertex is the mean distance
in mm of the head's vertices, laid over by seven points, not scaled. "95% holds" is the share of rotation errors,
axis by axis, that lie within the stated 95% interval.

With --convention vggheads, yaw, pitch and roll are the published code's angles; it sets all to 0 where one is
beyond 135 degrees and leaves out what it missed, and this does neither. On data sets with one annotated face an
image, AP is not told, since other heads in the picture are not annotated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from headkit.paths import write_atomic
from headkit.status import BAD_INPUT, NO_INPUT, USAGE, WRITE_FAILED, Stop
from headkit.tool import Context, Example, Failure, Opt, Record

if TYPE_CHECKING:
    from headkit.evaluation.tally import Head
    from headkit.head.model import HeadModel


@dataclass(frozen=True)
class Options:
    """The options of headkit eval."""

    truth: Annotated[
        str | None,
        Opt(
            "Where the truth is: a manifest, or the folder of a published data set (default: each record's own).",
            "FILE|DIR",
        ),
    ] = None
    iou: Annotated[
        float,
        Opt("Overlap from which a found head is a true one.", "SHARE", minimum=0.01, maximum=1),
    ] = 0.5
    convention: Annotated[
        Literal["headkit", "vggheads"], Opt("Whose yaw, pitch and roll are compared.")
    ] = "headkit"
    head: Annotated[
        str | None,
        Opt("The FLAME file (.pkl, .npz) that parameters or DAD-3DHeads refer to.", "FILE"),
    ] = None
    json: Annotated[bool, Opt("Write one JSON row for each group instead of a table.")] = False
    dir: Annotated[
        str | None, Opt("Draw plots (PNG) into DIR.", "DIR", ("-d", "--dir"), decides=False)
    ] = None


_ROW = (
    '{"id":"a","heads":[{"box":[12,10,50,60],"score":0.9}],'
    '"truth":{"heads":[{"box":[10,10,50,60],"visibility":1}]}}\n'
)
EXAMPLES = (
    Example(
        "headkit eval",
        _ROW,
        "               heads  recall  fitted   AP50     AP\n"
        "all                1   1.000   0.000  1.000  1.000\n"
        "size 32-64 px      1   1.000   0.000  1.000  1.000\n"
        "visible 0.9-1      1   1.000   0.000\n"
        "1 image, 0 found heads that are none\n",
    ),
    Example("headkit eval --json --convention vggheads -d plots", _ROW),
    Example("headkit eval --truth nowhere.jsonl", _ROW, status=NO_INPUT),
)


def stream(options: Options, context: Context, records: Iterator[Record]) -> Iterator[Any]:
    """The table, or its rows; a Failure for each record that could not be measured."""
    from headkit.evaluation import plots, table
    from headkit.evaluation.tally import Tally, summary

    models = _Models(options.head)
    truth = _truth(options, models)
    tally = Tally(options.iou, options.convention, "face" if truth.one_face else "overlap")
    for record in records:
        found, true = [], []
        try:
            true = truth.of(record)
            if "error" not in record:  # else its heads count as missed
                found = _heads(record.get("heads"), "heads", models)
        except ValueError as error:
            yield Failure("input", str(error))
        tally.add(found, true)
    for name, missing in truth.left():
        yield Failure(
            "missing", f"{name}: in the truth, but not in the input; its heads count as missed"
        )
        tally.add([], missing)
    rows = summary(tally)
    if options.json:
        yield from rows
    else:
        images = "1 image" if tally.images == 1 else f"{tally.images} images"
        lines = [*table.lines(rows), f"{images}, {tally.surplus} found heads that are none"]
        yield "".join(line + "\n" for line in [*lines, *models.remarks()])
    if options.dir is not None:
        for name, data in plots.plots(tally).items():
            _write(Path(options.dir).absolute() / name, data, context.tag)


def _write(path: Path, data: bytes, tag: str | None) -> None:
    try:
        write_atomic(path, data, tag)
    except OSError as error:
        raise Stop(WRITE_FAILED, f"{path}: {error.strerror or error}") from error


class _Models:
    """Head models by the name and digest that parameters say they belong to."""

    def __init__(self, file: str | None) -> None:
        from headkit.head.loading import load_head

        self.own = load_head()
        self.strange: dict[str, int] = {}  # head models not at hand: how many heads are of them
        self.flame: HeadModel | None = None
        if file is not None:
            try:
                self.flame = load_head(file)
            except OSError as error:
                raise Stop(NO_INPUT, f"{file}: {error.strerror or error}") from error
            except ValueError as error:
                raise Stop(USAGE, f"{file}: {error}") from error

    def of(self, params: Any) -> HeadModel | None:
        """The model that decodes `params`; None where it is not at hand, since another would decode them wrongly."""
        if not isinstance(params, dict):
            return None
        for model in (self.own, self.flame):
            if model is not None and params.get("sha256") == model.sha256:
                return model
        if params:
            name = str(params.get("model"))
            self.strange[name] = self.strange.get(name, 0) + 1
        return None

    def remarks(self) -> Iterator[str]:
        """What could not be decoded, in words."""
        for name, count in self.strange.items():
            heads = "1 head is" if count == 1 else f"{count} heads are"
            yield f"{heads} of the head model {name}, without errors of vertices; name its file with --head"


class _OwnTruth:
    """Truth in the records themselves."""

    one_face = False

    def __init__(self, models: _Models) -> None:
        self.models = models

    def of(self, record: Record) -> list[Head]:
        truth = record.get("truth")
        if truth is None and "error" in record:
            return []  # it has no picture
        if not isinstance(truth, dict):
            raise ValueError("no truth in the record; name it with --truth")
        return _heads(truth.get("heads"), "truth.heads", self.models)

    def left(self) -> Iterator[tuple[str, list[Head]]]:
        return iter(())


class _OtherTruth:
    """Truth from elsewhere by name: what no record asked for counts as missed."""

    def __init__(
        self, heads: dict[str, list[Head]], name: Callable[[Record], str], *, one_face: bool
    ) -> None:
        self.heads = heads
        self.name = name
        self.one_face = one_face
        self.seen: set[str] = set()

    def of(self, record: Record) -> list[Head]:
        name = self.name(record)
        if name not in self.heads:
            raise ValueError(f"{name}: not in the truth; its heads are not measured")
        if name in self.seen:
            raise ValueError(f"{name}: for the second time; not measured again")
        self.seen.add(name)
        return self.heads[name]

    def left(self) -> Iterator[tuple[str, list[Head]]]:
        return ((name, heads) for name, heads in self.heads.items() if name not in self.seen)


def _truth(options: Options, models: _Models) -> _OwnTruth | _OtherTruth:
    if options.truth is None:
        return _OwnTruth(models)
    path = Path(options.truth)
    if path.is_dir():
        return _published(path, models)
    heads: dict[str, list[Head]] = {}
    for where, record in _rows(path):
        try:
            if "error" not in record:
                heads[str(record["id"])] = _OwnTruth(models).of(record)
        except (KeyError, ValueError) as error:
            raise Stop(BAD_INPUT, f"{where}: {error}") from error
    return _OtherTruth(heads, lambda record: str(record["id"]), one_face=False)


def _published(folder: Path, models: _Models) -> _OtherTruth:
    from headkit.evaluation import published

    try:
        found = {item.name: [item.head] for item in published.read(folder, models.flame)}
    except OSError as error:
        raise Stop(NO_INPUT, f"{error.filename or folder}: {error.strerror or error}") from error
    except ValueError as error:
        raise Stop(BAD_INPUT, str(error)) from error
    return _OtherTruth(found, _image_name, one_face=True)


def _image_name(record: Record) -> str:
    image = record.get("image")
    if not isinstance(image, str):
        raise ValueError("no image in the record, by whose name its truth is found")
    return PurePosixPath(image).stem


def _rows(path: Path) -> Iterator[tuple[str, Record]]:
    from headkit.jsonl import LineError, named_lines, parse

    for where, line in named_lines(path):
        try:
            yield where, parse(line)
        except LineError as error:
            raise Stop(BAD_INPUT, f"{where}: {error}") from None


def _heads(value: Any, name: str, models: _Models) -> list[Head]:
    """The heads of a record. Raises ValueError, naming what is wrong with which."""
    if not isinstance(value, list):
        raise ValueError(f"{name}: not a list of heads")
    found = []
    for number, head in enumerate(value):
        if not isinstance(head, dict):
            raise ValueError(f"{name}[{number}]: not an object")
        try:
            found.append(_head(head, models))
        except ValueError as error:
            raise ValueError(f"{name}[{number}].{error}") from error
    return found


def _head(head: Record, models: _Models) -> Head:
    from headkit.evaluation.tally import Head

    pose, params, fit = (head.get(key) or {} for key in ("pose", "params", "fit"))
    landmarks = head.get("landmarks") or {}
    if not all(isinstance(part, dict) for part in (pose, params, fit, landmarks)):
        raise ValueError("pose, params, fit and landmarks must be objects")
    model = models.of(params)
    points = landmarks.get("points") if landmarks.get("scheme") == "ibug68" else None
    visibility = head.get("visibility")
    return Head(
        box=_numbers(head.get("box"), (4,), "box"),
        score=float(_numbers(head.get("score", 1.0), (), "score")),
        ignore=head.get("ignore"),
        visibility=None if visibility is None else float(_numbers(visibility, (), "visibility")),
        landmarks=_maybe(points, (68, None), "landmarks.points"),
        view=_maybe(pose.get("view"), (3, 3), "pose.view"),
        rotation=_maybe(pose.get("rotation"), (3, 3), "pose.rotation"),
        shape=_maybe(params.get("shape"), (None,), "params.shape") if model else None,
        expression=_maybe(params.get("expression"), (None,), "params.expression")
        if model
        else None,
        jaw=_maybe(params.get("jaw"), (3,), "params.jaw") if model else None,
        model=model,
        deviation=_maybe(fit.get("rotation_deviation"), (3,), "fit.rotation_deviation"),
    )


def _maybe(value: Any, shape: tuple[int | None, ...], name: str) -> Any:
    return None if value is None else _numbers(value, shape, name)


def _numbers(value: Any, shape: tuple[int | None, ...], name: str) -> Any:
    """A finite float array of that shape, None standing for any length."""
    import numpy as np

    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: not numbers") from None
    right = array.ndim == len(shape) and all(
        want in (None, have) for want, have in zip(shape, array.shape, strict=True)
    )
    if not right or not np.isfinite(array).all():
        raise ValueError(f"{name}: not finite numbers of the right count")
    return array
