"""Records in, images and rows out: the process of `generate` with a diffusion model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from headkit.diffusing.ahead import Ahead, Done, Job, Wanted
from headkit.diffusing.asking import Asked, asked
from headkit.diffusing.chunks import chunks
from headkit.diffusing.controls import Controls
from headkit.diffusing.provenance import words_digest
from headkit.paths import PathError, image_path, stored, write_atomic
from headkit.recipes.recipe import Recipe
from headkit.request import RequestError
from headkit.status import UNAVAILABLE, Stop
from headkit.tool import Context, Failure, Record, Result

if TYPE_CHECKING:
    from headkit.backends.diffusion.network import Network
    from headkit.backends.diffusion.screening import Screen

ATTEMPTS = 2  # of an image that comes out black or not finite
WRITERS = 4  # threads that encode and write while the next chunk is drawn
LEAST_CHUNK = 2


class Painter:
    """Paints records. `chunk` shrinks where memory is too small, and rows say to what."""

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        controls: Controls,
        context: Context,
        *,
        folder: Path,
        format: str,
        longer: int | None,
        chunk: int,
        settings: Record,
        screen: tuple[Screen, float] | None = None,
        controls_too: bool = False,
        fill: bool = False,
    ) -> None:
        self.controls, self.screen, self.controls_too = controls, screen, controls_too
        self.fill = fill
        self._ahead = Ahead(self._wanted, self._job)
        self.recipe, self.network, self.context, self.settings = recipe, network, context, settings
        self.folder, self.format, self.longer, self.chunk = folder, format, longer, chunk

    def process(self, records: list[Record]) -> list[Result]:
        """A row for each record, in order."""
        jobs = [self._ahead.take(record) for record in records]
        results: dict[int, Result | Future[Result]] = {
            number: job for number, job in enumerate(jobs) if isinstance(job, Failure)
        }
        waiting = {number: job for number, job in enumerate(jobs) if not isinstance(job, Failure)}
        with ThreadPoolExecutor(WRITERS) as writers:
            for attempt in range(ATTEMPTS):
                failed: dict[int, Job] = {}
                for number, done in self._drawn(waiting, attempt):
                    job = waiting[number]
                    if not done.drawn.good:
                        failed[number] = job
                    elif self.screen is not None and (done.nsfw or 0) >= self.screen[1]:
                        results[number] = Failure(
                            "screened", f"nsfw {done.nsfw:.3f}, refused from {self.screen[1]}"
                        )
                    else:
                        results[number] = writers.submit(self._row, job, done)
                waiting = failed
                if not waiting:
                    break
            for number in waiting:
                results[number] = Failure(
                    "bad-pixels",
                    f"image came out black or not finite, {ATTEMPTS} times; try --dtype bfloat16 or float32",
                    model=True,
                )
            ready = [results[number] for number in range(len(records))]
            return [one.result() if isinstance(one, Future) else one for one in ready]

    def sample(self, records: list[Record]) -> list[int]:
        """Numbers of the records of one chunk to be timed: of one shape, as chunks are in a long run."""
        shapes: dict[tuple[int, int], list[int]] = {}
        for number, record in enumerate(records):
            with suppress(RequestError):
                size = asked(record, self.recipe, self.longer).size
                shapes.setdefault(size, []).append(number)
        chosen: list[int] = max(shapes.values(), key=len, default=list(range(len(records))))
        return chosen[: self.chunk]

    def prepare(self, records: list[Record]) -> None:
        """Begin to draw or render what conditions these records, in a thread, while others are painted."""
        self._ahead.begin(records)

    def _wanted(self, record: Record) -> Wanted | Failure:
        try:
            wanted = asked(record, self.recipe, self.longer)
            return wanted, self.controls.of(wanted.mapped, self.context.seed)
        except RequestError as error:
            return Failure(error.kind, str(error))

    def _job(self, wanted: Wanted | Failure) -> Job | Failure:
        """In the thread that paints: tokenizers belong to it."""
        if isinstance(wanted, Failure):
            return wanted
        try:
            path = image_path(self.folder, wanted[0].mapped["id"], self.format)
            place = stored(self.context.root, path)
            return Job(wanted[0], path, place, self._pieces(wanted[0]), wanted[1])
        except RequestError as error:
            return Failure(error.kind, str(error))
        except PathError as error:
            return Failure("bad-id", str(error))

    def _pieces(self, wanted: Asked) -> int:
        pieces = self.network.pieces(wanted.text, wanted.negative)
        most = self.network.texts.most
        if pieces > most:
            raise RequestError(
                "long-prompt",
                f"prompt is {pieces / most:.1f} times as long as the longest one read",
            )
        return pieces

    def _drawn(self, waiting: dict[int, Job], attempt: int) -> Iterator[tuple[int, Done]]:
        """Every job, drawn once; images come as their chunk is done, and are written while the next one is drawn."""
        numbers = []
        for number, job in waiting.items():
            early = self._ahead.done(job.id) if attempt == 0 else None
            if early is not None:
                yield number, early
            else:
                numbers.append(number)
        while numbers:
            left: list[int] = []
            shapes = [waiting[number].shape for number in numbers]
            for chunk in chunks(shapes, self.chunk):
                mine = [numbers[at] for at in chunk.numbers[: chunk.filled]]
                images = self._chunk([waiting[n] for n in mine], attempt) if not left else None
                if images is None:  # memory was too small: what is left is cut anew
                    left += mine
                else:
                    yield from zip(mine, images, strict=True)
            numbers = left

    def _chunk(self, jobs: Sequence[Job], attempt: int) -> list[Done] | None:
        """The images of up to `self.chunk` jobs of one shape; None where they did not fit into memory.

        A chunk that is short is filled with copies; with `fill` first with jobs of coming batches, whose images are kept
        for their turn. That is no default: where a GPU's kernels give every slot its own rounding, an image would
        depend on what was done before it in this process.
        """
        early = self._ahead.some(jobs[0].shape, self.chunk - len(jobs)) if self.fill else []
        try:
            images = self._painted([*jobs, *early], [attempt] * len(jobs) + [0] * len(early))
        except Stop:
            raise
        except Exception:
            if not early:
                raise
            early = []  # what is wrong may be one of those: it is to come out in its own batch
            images = self._painted(jobs, [attempt] * len(jobs))
        if images is None:
            return None
        for job, image in zip(early, images[len(jobs) :], strict=True):
            self._ahead.keep(job, image)
        return images[: len(jobs)]

    def _painted(self, jobs: Sequence[Job], attempts: Sequence[int]) -> list[Done] | None:
        """An image for each job; None where memory was too small, and `self.chunk` is half of what it was."""
        from headkit.backends.diffusion.network import Order, OutOfMemoryError

        size, seed = self.chunk, self.context.seed
        orders = [
            Order(
                job.asked.text,
                job.asked.negative,
                job.conditions.pictures,
                job.asked.seed(seed, attempt),
            )
            for job, attempt in zip(jobs, attempts, strict=True)
        ]
        try:
            padded = [*orders, *[orders[-1]] * (size - len(orders))]
            images = self.network.draw(padded, jobs[0].pieces)[: len(jobs)]
        except OutOfMemoryError:
            if size == LEAST_CHUNK:
                width, height = jobs[0].asked.size
                raise Stop(
                    UNAVAILABLE,
                    f"memory of the device holds no {LEAST_CHUNK} images of {width} x {height} pixels; "
                    "use --dtype bfloat16, --offload or a smaller --size",
                ) from None
            self.chunk = max(LEAST_CHUNK, size // 2)
            return None
        scores = self.screen[0].scores([one.pixels for one in images]) if self.screen else []
        looked = zip_longest(images, scores, attempts)
        return [Done(image, score, size, attempt) for image, score, attempt in looked]

    def _row(self, job: Job, done: Done) -> Result:
        """Encode and write the image; the row that names it. In a thread; OSError is a fault of the machine."""
        from headkit.image import encode

        data = encode(done.drawn.pixels, self.format)
        write_atomic(job.path, data, self.context.tag)
        if self.controls_too:
            for name, pixels in zip(self.recipe.control, job.conditions.pictures, strict=True):
                beside = job.path.with_name(f"{job.path.stem}.control-{name}.png")
                write_atomic(beside, encode(pixels, "png"), self.context.tag)
        mapped = job.asked.mapped
        row: Record = {
            "image": job.place,
            "image_sha256": hashlib.sha256(data).hexdigest(),
            "width": mapped["width"],
            "height": mapped["height"],
            "poses": mapped["poses"],
            "generated": self._generated(job, done),
        }
        if "camera" in mapped:
            row["camera"] = mapped["camera"]
        row |= job.conditions.fields
        scores = {"memorisation": done.drawn.memorisation, "nsfw": done.nsfw}
        known = {name: value for name, value in scores.items() if value is not None}
        if known:
            before = mapped.get("scores")
            row["scores"] = {**(before if isinstance(before, dict) else {}), **known}
        return row

    def _generated(self, job: Job, done: Done) -> Record:
        """What decides the pixels."""
        wanted = job.asked
        scale, left, top = wanted.affine
        made: Record = {
            **self.settings,
            "seed": self.context.seed,
            "attempt": done.attempt,
            "size": list(wanted.size),
            "chunk": done.size,
            "canvas_to_image": [[scale, 0.0, left], [0.0, scale, top]],
            "words": words_digest(wanted.text, wanted.negative),
        }
        if not wanted.given:
            made["prompt"] = wanted.text
        if "camera" in job.conditions.fields and "K" not in (wanted.mapped.get("camera") or {}):
            made["camera"] = "guessed"
        return made
