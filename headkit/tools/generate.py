"""Makes one image per record, of people in the record's poses.

With --model render, the default, people are drawn from a parametric human: posed so that their joints
meet the key points, dressed and lit by the words of the prompt and each person's attributes. What is not
said is drawn from the seed and the record's id. Rows need id, width, height and poses, and nothing else.

The image is a file of its own in the folder of -d, spread over 256 folders; the record names it, and
holds `truth`: for every head its box, landmarks, 3D parameters and pose, exact, since the image was
made from them. Poses are mapped to the pixels of the image by generated.canvas_to_image.

The same record gives the same bytes whatever the batch, the jobs, the shard or the place of a resume.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from headkit import attributes
from headkit.paths import PathError, image_path, stored, write_atomic
from headkit.prompt import Scene as Said
from headkit.prompt import read
from headkit.status import NO_INPUT, USAGE, Stop
from headkit.tool import Context, Example, Failure, Opt, Process, Record, Result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from headkit.render.scene import Scene, Wanted

MOST_PEOPLE = 64
SIDES = (16, 8192)  # pixels of an image
_MAPS = ("depth", "normals", "parts", "pncc")
_WRITERS = 2  # threads that encode and write beside the drawing


@dataclass(frozen=True)
class Options:
    """The options of generate."""

    model: Annotated[
        Literal["render"], Opt("What makes the image: render draws a parametric human.")
    ] = "render"
    dir: Annotated[
        str | None,
        Opt(
            "Folder of the images (default: images, beside the file of -o).",
            "DIR",
            ("-d", "--dir"),
            decides=False,
        ),
    ] = None
    format: Annotated[Literal["png", "jpg", "webp"], Opt("File format of the images.")] = "png"
    maps: Annotated[
        str | None,
        Opt("Also write these maps as PNG: depth, normals, parts, pncc.", "NAME[,NAME]..."),
    ] = None
    size: Annotated[
        int | None,
        Opt(
            "Scale every image so that its longer side has N pixels.",
            "N",
            minimum=SIDES[0],
            maximum=SIDES[1],
        ),
    ] = None
    background: Annotated[
        str | None,
        Opt("Folder of pictures to put people in front of, instead of drawn ones.", "DIR"),
    ] = None


EXAMPLES = (
    Example("headkit generate -n 1 < poses.jsonl"),
    Example("headkit generate -n 1 --format jpg --size 256 --maps depth,parts < poses.jsonl"),
)


class BadRecordError(ValueError):
    """What is wrong with a record, in words for a person; `kind` names it for programs."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def start(options: Options, context: Context) -> Process:
    """Load the human, compile the renderer, and be ready to draw."""
    folder = context.folder(options.dir, "images")
    try:
        stored(context.root, folder / "00" / "image")
    except PathError as error:
        raise Stop(USAGE, str(error)) from None
    maps = _map_names(options.maps)
    backgrounds = _pictures(options.background)
    studio = _Studio(options, context, folder, maps, backgrounds)
    studio.warm_up()
    return _with_made(studio)


def _with_made(studio: _Studio) -> Process:
    """The process of the tool, which says what decides its results beside the options."""
    from headkit.render.body import load_body

    def process(records: list[Record]) -> list[Result]:
        return studio.process(records)

    model = load_body().head
    process.made = {"model": model.name, "sha256": model.sha256[:16]}  # type: ignore[attr-defined]
    return process


def _map_names(text: str | None) -> tuple[str, ...]:
    names = (
        tuple(part.strip() for part in text.split(",") if part.strip()) if text is not None else ()
    )
    unknown = [name for name in names if name not in _MAPS]
    if unknown:
        raise Stop(USAGE, f"--maps {unknown[0]}: not a map; choose from {', '.join(_MAPS)}")
    return names


def _pictures(folder: str | None) -> tuple[Path, ...]:
    if folder is None:
        return ()
    endings = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
    try:
        found = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in endings)
    except OSError as error:
        raise Stop(NO_INPUT, f"--background {folder}: cannot be read: {error.strerror}") from None
    if not found:
        raise Stop(NO_INPUT, f"--background {folder}: holds no pictures (png, jpg, webp, bmp, tif)")
    return tuple(found)


@dataclass(frozen=True)
class _Canvas:
    """The size of an image, and the scale from the record's pixels to its own."""

    width: int
    height: int
    scale_x: float
    scale_y: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        return x * self.scale_x, y * self.scale_y


@dataclass(frozen=True)
class _Studio:
    """Draws records; holds what is the same for all of them."""

    options: Options
    context: Context
    folder: Path
    maps: tuple[str, ...]
    backgrounds: tuple[Path, ...]

    def warm_up(self) -> None:
        """Compile all kernels now, so that a progress bar begins with work and -j shares one cache."""
        from headkit.render.scene import picture
        from headkit.render.truth import labels
        from headkit.render.warmup import rehearsal

        scene = rehearsal()
        labels(scene, picture(scene))

    def process(self, records: list[Record]) -> list[Result]:
        """One image per record; files are encoded and written in threads beside the drawing."""
        with ThreadPoolExecutor(_WRITERS) as writers:
            done = [self._one(record, writers) for record in records]
            return [self._finished(result, jobs) for result, jobs in done]

    def _one(self, record: Record, writers: ThreadPoolExecutor) -> tuple[Result, list[Future[str]]]:
        try:
            return self._draw(record, writers)
        except BadRecordError as error:
            return Failure(error.kind, str(error)), []

    @staticmethod
    def _finished(result: Result, jobs: list[Future[str]]) -> Result:
        digests = [job.result() for job in jobs]  # OSError passes: a fault of the machine
        if isinstance(result, dict) and digests:
            result["image_sha256"] = digests[0]
        return result

    def _draw(
        self, record: Record, writers: ThreadPoolExecutor
    ) -> tuple[Result, list[Future[str]]]:
        from headkit.render.maps import drawn as drawn_maps
        from headkit.render.scene import mean_head, picture
        from headkit.render.truth import labels

        canvas = _canvas(record, self.options.size)
        scene, drawn, mapped = self._scene(record, canvas)
        frame = picture(scene)
        heads = labels(scene, frame)
        for head, person in zip(heads, drawn, strict=True):
            head["person"] = person
        try:
            path = image_path(self.folder, record["id"], self.options.format)
            place = stored(self.context.root, path)
        except PathError as error:
            raise BadRecordError("bad-id", str(error)) from None
        jobs = [writers.submit(self._write, path, frame.color, self.options.format)]
        for name, pixels in drawn_maps(self.maps, frame, *mean_head()).items():
            beside = path.with_name(f"{path.stem}.{name}.png")
            jobs.append(writers.submit(self._write, beside, pixels, "png"))
        result: Record = {
            "image": place,
            "image_sha256": "",
            "width": canvas.width,
            "height": canvas.height,
            "poses": mapped,
            "camera": {"K": scene.K.tolist()},
            "generated": self._generated(scene, canvas, len(drawn), len(mapped)),
            "truth": {"heads": heads},
        }
        return result, jobs

    def _write(self, path: Path, pixels: NDArray[Any], kind: str) -> str:
        from headkit.image import encode

        data = encode(pixels, kind)
        write_atomic(path, data, self.context.tag)
        return hashlib.sha256(data).hexdigest()

    def _generated(self, scene: Scene, canvas: _Canvas, drawn: int, asked: int) -> Record:
        made: Record = {
            "model": self.options.model,
            "seed": self.context.seed,
            "size": [canvas.width, canvas.height],
            "light": scene.lighting.name,
            "canvas_to_image": [[canvas.scale_x, 0.0, 0.0], [0.0, canvas.scale_y, 0.0]],
        }
        if drawn < asked:
            made["not_drawn"] = asked - drawn  # people of whom no key point is known
        return made

    def _scene(self, record: Record, canvas: _Canvas) -> tuple[Scene, list[int], list[Record]]:
        """The scene, the numbers of the people who are in it, and the poses in pixels of the image."""
        from headkit.render.scene import PoseError, compose

        seed, id = self.context.seed, str(record["id"])
        said = _said(record, attributes.seeded(seed, id, "generate", "prompt"))
        wanted: list[Wanted] = []
        drawn: list[int] = []
        mapped: list[Record] = []
        for index, pose in enumerate(_poses(record)):
            person = attributes.seeded(seed, id, "generate", str(index)).getrandbits(63)
            moved, one = _person(pose, index, canvas, said.of(index), person)
            mapped.append(moved)
            if one is not None:
                wanted.append(one)
                drawn.append(index)
        draw = attributes.seeded(seed, id, "generate", "scene")
        place: Any = said.background
        if self.backgrounds:
            place = _photo(self.backgrounds[draw.randrange(len(self.backgrounds))], canvas)
        try:
            scene = compose(
                wanted,
                canvas.width,
                canvas.height,
                seed=draw.getrandbits(63),
                K=_camera(record, canvas),
                light_name=said.light,
                place=place,
            )
        except PoseError as error:
            raise BadRecordError("bad-pose", str(error)) from None
        return scene, drawn, mapped


# ---- what a record asks for ----------------------------------------------------------------------


def _canvas(record: Record, longer: int | None) -> _Canvas:
    sides = (record.get("width"), record.get("height"))
    for name, side in zip(("width", "height"), sides, strict=True):
        if type(side) is not int or side < 1:
            raise BadRecordError(
                "bad-size", f"{name} {side!r}: a number of pixels above 0 is needed"
            )
    width, height = (int(side or 0) for side in sides)
    new = (width, height)
    if longer is not None:
        scale = longer / max(width, height)
        new = (max(1, round(width * scale)), max(1, round(height * scale)))
    if min(new) < SIDES[0] or max(new) > SIDES[1]:
        raise BadRecordError(
            "bad-size",
            f"image of {new[0]} x {new[1]} pixels: sides must be {SIDES[0]} to {SIDES[1]}; see --size",
        )
    return _Canvas(*new, new[0] / width, new[1] / height)


def _poses(record: Record) -> list[Any]:
    poses = record.get("poses")
    if not isinstance(poses, list):
        raise BadRecordError("bad-pose", f"poses: a list is needed, found {type(poses).__name__}")
    if len(poses) > MOST_PEOPLE:
        raise BadRecordError(
            "too-many-people", f"poses: {len(poses)} people, but at most {MOST_PEOPLE} are drawn"
        )
    return poses


def _said(record: Record, draw: Any) -> Said:
    prompt = record.get("prompt")
    text = prompt.get("text") if isinstance(prompt, dict) else None
    if not isinstance(text, str):
        text = record.get("caption")
    return read(text, draw) if isinstance(text, str) else Said()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _numbers(values: Any, count: int) -> bool:
    return isinstance(values, list) and len(values) == count and all(_is_number(v) for v in values)


def _person(
    pose: Any, index: int, canvas: _Canvas, said: Record, seed: int
) -> tuple[Record, Wanted | None]:
    """The pose in pixels of the image, and who is wanted there; None where nothing says where he is."""
    import numpy as np

    from headkit.render.scene import Wanted

    points = pose.get("keypoints") if isinstance(pose, dict) else None
    if not isinstance(points, list) or len(points) != 17 or not all(_numbers(p, 3) for p in points):
        raise BadRecordError(
            "bad-pose",
            f"person {index}: 17 key points [x, y, confidence] of finite numbers are needed",
        )
    moved = [[*canvas.point(x, y), c] if c > 0 else [0.0, 0.0, 0.0] for x, y, c in points]
    mapped = {**pose, "keypoints": moved}
    box = pose.get("box")
    if box is not None:
        if not _numbers(box, 4):
            raise BadRecordError("bad-pose", f"person {index}: box needs four finite numbers")
        box = [*canvas.point(*box[:2]), *canvas.point(*box[2:])]
        mapped["box"] = box
    try:
        given = {**said, **attributes.check(pose.get("attributes") or {})}
    except ValueError as error:
        raise BadRecordError("bad-attributes", f"person {index}: {error}") from None
    if not any(point[2] > 0 for point in moved):
        return mapped, None
    head = pose.get("head")
    known = isinstance(head, dict) and all(
        _is_number(head.get(k)) for k in ("yaw", "pitch", "roll")
    )
    return mapped, Wanted(np.array(moved, float), box, head if known else None, given, seed)


def _camera(record: Record, canvas: _Canvas) -> NDArray[np.float64] | None:
    """K of the image, where the record knows its camera."""
    import numpy as np

    camera = record.get("camera")
    rows = camera.get("K") if isinstance(camera, dict) else None
    if rows is None:
        return None
    if not isinstance(rows, list) or len(rows) != 3 or not all(_numbers(row, 3) for row in rows):
        raise BadRecordError("bad-camera", "camera.K: 3 x 3 finite numbers are needed")
    scale = np.diag([canvas.scale_x, canvas.scale_y, 1.0])
    matrix = np.asarray(scale @ np.array(rows, float))
    if not (matrix[0, 0] > 0 and matrix[1, 1] > 0):
        raise BadRecordError("bad-camera", "camera.K: focal lengths above 0 are needed")
    return matrix


def _photo(path: Path, canvas: _Canvas) -> NDArray[np.uint8]:
    """A picture of the user's, cut to the canvas."""
    from headkit.image import ImageError, cover, load

    try:
        return cover(load(path).pixels, canvas.width, canvas.height)
    except (ImageError, OSError) as error:
        raise Stop(NO_INPUT, f"--background {path}: {error}") from None
