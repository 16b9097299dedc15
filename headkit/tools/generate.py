"""Makes one image per record, of people in the record's poses.

With --model render, the default, people are drawn from a parametric human: posed so that their joints
meet the key points, dressed and lit by the words of the prompt and each person's attributes. What is not
said is drawn from the seed and the record's id. Rows need id, width, height and poses, and nothing else.

With the name of a preset (--preset, or --model), a diffusion model makes the image from the prompt, conditioned on a
drawing of the poses; every other option changes one setting of the preset (without one: of sdxl). --model also takes a
name on the hub, a folder or a file of SDXL, --conditioner an adapter or ControlNet. A row without a prompt gets its
caption, or neutral words, kept in generated.prompt. Presets, with the licenses of what they load:

PRESETS

What these licenses say of images, in short; read them:

LICENSES

Only safetensors are loaded, code that comes with weights is not run, and what is missing is fetched by the hub's own
library before the first record is read (--dry-run fetches, and times a chunk); HF_HUB_OFFLINE=1 forbids it. Images go
through the model --chunk at a time, always so many, each with noise of its own from (--seed, id, attempt): on the
CPU an image is the same to the byte whatever its neighbours. `generated` keeps all that decides it, `made` the digests of
the weights. What comes out black or not finite is drawn once more, by other noise, and then fails. A record
of a diffusion model never has `truth`: where --control shows what is rendered (depth, normals, mesh), it has `target`,
the heads that were asked for, which fit3dmm compares with those it finds. scores.memorisation is how much the words change the first step: prompts that the model knows by
heart change it most. With --screen nsfw a classifier sees each image in memory: one that it
refuses is never written, its row gets an error of the kind screened, and the others scores.nsfw.

--maps also writes what conditions a model, each as it is fed (channels, too): control:NAME draws beside a rendered image the
skeletons of a convention (CONVENTIONS) or what the renderer knows (CONTROLS), so that a ControlNet of your own can be trained
on the pairs; of a diffusion model, control writes the pictures that it was shown.

--replay makes images again from rows of a diffusion model, their own `generated` and words and nothing else, and says in
generated.replay whether the file is equal to the byte, or by how many decibels the pixels differ.

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
from headkit.conditioning import CONTROLS, CONVENTIONS
from headkit.diffusing.options import RENDER, ModelOptions, places_of, recipe_of, screen_of
from headkit.paths import PathError, image_path, stored, write_atomic
from headkit.recipes.presets import license_table, table
from headkit.request import SIDES, Canvas, Request, RequestError, canvas_of, composed
from headkit.status import NO_INPUT, USAGE, Stop
from headkit.tool import Context, Example, Failure, Opt, Process, Record, Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headkit.render.drawing.frame import Frame
    from headkit.render.scene import Scene

_MAPS = ("depth", "normals", "parts", "pncc")
_CONTROL = "control"  # the pictures that a diffusion model was shown; control:NAME, one that it would be shown
_CHUNKS = 8  # of a diffusion model in a batch: with records of three sizes 14% of what is drawn are copies, of 4 26%
_WRITERS = 2  # threads that encode and write beside the drawing


@dataclass(frozen=True, kw_only=True)
class Options(ModelOptions):
    """The options of generate."""

    dir: Annotated[
        str | None,
        Opt(
            "Folder of the images (default: images, beside the file of -o).",
            "DIR",
            ("-d", "--dir"),
            decides=False,
        ),
    ] = None
    format: Annotated[
        Literal["png", "jpg", "webp"] | None,
        Opt("File format of the images (default: png; jpg of a diffusion model)."),
    ] = None
    maps: Annotated[
        str | None,
        Opt(
            "Also write these maps as PNG: depth, normals, parts, pncc, control:NAME; of a diffusion model: control.",
            "NAME[,NAME]...",
        ),
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
    Example("headkit generate -n 1 --size 256 --maps control:xinsir,control:normals < poses.jsonl"),
)

_NAMED = {
    "PRESETS": "\n".join(f"    {line}" for line in table()),
    "LICENSES": "\n".join(f"    {line}" for line in license_table()),
    "CONVENTIONS": ", ".join(CONVENTIONS),
    "CONTROLS": ", ".join(CONTROLS),
}
for _word, _names in _NAMED.items():
    __doc__ = (__doc__ or "").replace(_word, _names)


def batch(options: Options) -> int | None:
    """Records that are worked on together: with a diffusion model enough for chunks of several sizes."""
    renders = options.model == RENDER and options.preset is None and not options.replay
    return None if renders else _CHUNKS * options.chunk


def before(options: Options, context: Context) -> None:
    """Say before a record is read what of a diffusion model is not there; fetch what the hub has."""
    if options.replay:
        _check_replay(options)
        return
    recipe = recipe_of(options)
    if recipe is None:
        if context.device != "cpu":
            raise Stop(USAGE, f"--device {context.device}: the renderer draws on the CPU")
        return
    if options.background is not None:
        raise Stop(USAGE, "--background: only of --model render")
    if options.maps not in {None, _CONTROL}:
        raise Stop(
            USAGE, f"--maps {options.maps}: only of --model render; a diffusion model has control"
        )
    from headkit.backends.diffusion.files import find, find_classifier

    find(recipe)
    screen = screen_of(options)
    if screen is not None:
        find_classifier(screen)


def _check_replay(options: Options) -> None:
    places_of(options)
    for name in ("size", "format", "maps", "background"):
        if getattr(options, name) is not None:
            raise Stop(USAGE, f"--{name}: --replay reads it from the rows; leave it out")
    if options.dir is None:
        raise Stop(USAGE, "--replay: -d names a folder, so that no image is replaced")


def reads(options: Options) -> tuple[str, ...]:
    """The fields that these options need."""
    return ("width", "height", "poses", *(("image", "generated") if options.replay else ()))


def start(options: Options, context: Context) -> Process:
    """Load the human, compile the renderer, or load the diffusion model, and be ready to draw."""
    folder = context.folder(options.dir, "images")
    try:
        stored(context.root, folder / "00" / "image")
    except PathError as error:
        raise Stop(USAGE, str(error)) from None
    if options.replay:
        from headkit.diffusing.starting import replaying

        return replaying(options, context, folder)
    recipe = recipe_of(options)
    if recipe is not None:
        from headkit.diffusing.starting import painting

        return painting(
            recipe, options, context, folder, options.format or "jpg", options.size,
            controls_too=options.maps == _CONTROL,
        )  # fmt: skip
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
    known = (*_MAPS, *(f"{_CONTROL}:{name}" for name in (*CONVENTIONS, *CONTROLS)))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Stop(USAGE, f"--maps {unknown[0]}: not a map; choose from {', '.join(known)}")
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

    @property
    def format(self) -> str:
        return self.options.format or "png"

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
        from headkit.render.scene import picture
        from headkit.render.truth import labels

        canvas = canvas_of(record, self.options.size)
        scene, asked = self._scene(record, canvas)
        frame = picture(scene)
        heads = labels(scene, frame)
        for head, person in zip(heads, asked.drawn, strict=True):
            head["person"] = person
        try:
            path = image_path(self.folder, record["id"], self.format)
            place = stored(self.context.root, path)
        except PathError as error:
            raise RequestError("bad-id", str(error)) from None
        jobs = [writers.submit(self._write, path, frame.color, self.format)]
        for name, pixels in self._maps(scene, frame, asked).items():
            beside = path.with_name(f"{path.stem}.{name.replace(':', '-')}.png")
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

    def _maps(self, scene: Scene, frame: Frame, asked: Request) -> dict[str, NDArray[Any]]:
        """What is written beside the image, by the names of --maps."""
        from headkit.conditioning import beside
        from headkit.render.drawing.maps import drawn
        from headkit.render.scene import mean_head

        labels = tuple(name for name in self.maps if name in _MAPS)
        shown = [name.removeprefix(f"{_CONTROL}:") for name in self.maps if name not in _MAPS]
        pictures = beside(shown, scene, frame, asked.poses) if shown else {}
        return {
            **drawn(labels, frame, *mean_head()),
            **{f"{_CONTROL}:{name}": pixels for name, pixels in pictures.items()},
        }

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
        photo = None
        if self.backgrounds:
            draw = attributes.seeded(self.context.seed, record["id"], "generate", "background")
            photo = _photo(self.backgrounds[draw.randrange(len(self.backgrounds))], canvas)
        return composed(record, canvas, self.context.seed, photo)


def _photo(path: Path, canvas: Canvas) -> NDArray[Any]:
    """A picture of the user's, cut to the canvas."""
    from headkit.image import ImageError, cover, load

    try:
        return cover(load(path).pixels, canvas.width, canvas.height)
    except (ImageError, OSError) as error:
        raise Stop(NO_INPUT, f"--background {path}: {error}") from None
