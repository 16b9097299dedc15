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
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from headkit import attributes
from headkit.paths import PathError, image_path, stored, write_atomic
from headkit.request import SIDES, Canvas, Request, RequestError, canvas_of, request
from headkit.status import NO_INPUT, USAGE, Stop
from headkit.tool import Context, Example, Failure, Opt, Process, Record, Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headkit.render.scene import Scene

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
    from headkit.render.human.body import load_body

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
        except RequestError as error:
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
        from headkit.render.drawing.maps import drawn as drawn_maps
        from headkit.render.scene import mean_head, picture
        from headkit.render.truth import labels

        canvas = canvas_of(record, self.options.size)
        scene, asked = self._scene(record, canvas)
        frame = picture(scene)
        heads = labels(scene, frame)
        for head, person in zip(heads, asked.drawn, strict=True):
            head["person"] = person
        try:
            path = image_path(self.folder, record["id"], self.options.format)
            place = stored(self.context.root, path)
        except PathError as error:
            raise RequestError("bad-id", str(error)) from None
        jobs = [writers.submit(self._write, path, frame.color, self.options.format)]
        for name, pixels in drawn_maps(self.maps, frame, *mean_head()).items():
            beside = path.with_name(f"{path.stem}.{name}.png")
            jobs.append(writers.submit(self._write, beside, pixels, "png"))
        result: Record = {
            "image": place,
            "image_sha256": "",
            "width": canvas.width,
            "height": canvas.height,
            "poses": asked.poses,
            "camera": {**(record.get("camera") or {}), "K": scene.K.tolist()},
            "generated": self._generated(scene, asked, canvas),
            "truth": {"heads": heads},
        }
        return result, jobs

    def _write(self, path: Path, pixels: NDArray[Any], kind: str) -> str:
        from headkit.image import encode

        data = encode(pixels, kind)
        write_atomic(path, data, self.context.tag)
        return hashlib.sha256(data).hexdigest()

    def _generated(self, scene: Scene, asked: Request, canvas: Canvas) -> Record:
        made: Record = {
            "model": self.options.model,
            "seed": self.context.seed,
            "size": [canvas.width, canvas.height],
            "light": scene.lighting.name,
            "canvas_to_image": [[canvas.scale_x, 0.0, 0.0], [0.0, canvas.scale_y, 0.0]],
        }
        left_out = len(asked.poses) - len(asked.drawn)
        if left_out:
            made["not_drawn"] = left_out  # people of whom no key point is known
        return made

    def _scene(self, record: Record, canvas: Canvas) -> tuple[Scene, Request]:
        from headkit.render.scene import PoseError, compose

        asked = request(record, canvas, self.context.seed)
        place: Any = asked.place
        if self.backgrounds:
            draw = attributes.seeded(self.context.seed, record["id"], "generate", "background")
            place = _photo(self.backgrounds[draw.randrange(len(self.backgrounds))], canvas)
        try:
            scene = compose(
                asked.people,
                canvas.width,
                canvas.height,
                seed=asked.seed,
                K=asked.K,
                up=asked.up,
                light_name=asked.light,
                place=place,
            )
        except PoseError as error:
            raise RequestError("bad-pose", str(error)) from None
        return scene, asked


def _photo(path: Path, canvas: Canvas) -> NDArray[Any]:
    """A picture of the user's, cut to the canvas."""
    from headkit.image import ImageError, cover, load

    try:
        return cover(load(path).pixels, canvas.width, canvas.height)
    except (ImageError, OSError) as error:
        raise Stop(NO_INPUT, f"--background {path}: {error}") from None
