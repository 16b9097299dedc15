"""--replay: images made again from their rows alone, and how near they come to what they were."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headkit.diffusing.asking import Asked, asked
from headkit.diffusing.chunks import chunks
from headkit.diffusing.controls import Controls
from headkit.diffusing.provenance import Made, read, words_digest
from headkit.paths import PathError, image_path, resolve, stored, write_atomic
from headkit.request import RequestError
from headkit.tool import Context, Failure, Record, Result

if TYPE_CHECKING:
    from headkit.backends.diffusion.network import Drawn, Network, Pixels

SAME = 100.0  # decibels: what is said of pixels that are equal in files that are not


@dataclass
class _Again:
    """A row on its way to its image."""

    record: Record
    made: Made
    asked: Asked
    path: Path
    place: str
    pieces: int
    controls: tuple[Pixels, ...]


class Replayer:
    """Makes rows again. One model is in memory at a time: that of the rows at hand."""

    def __init__(
        self, context: Context, folder: Path, places: dict[str, str], head: str | None = None
    ) -> None:
        self.context, self.folder, self.places, self.head = context, folder, places, head
        self._kept: tuple[Any, Network, Controls, dict[str, Any]] | None = None

    def process(self, records: list[Record]) -> list[Result]:
        """A row for each record: its image anew, and `generated.replay`."""
        results: dict[int, Result] = {}
        waiting: dict[int, _Again] = {}
        for number, record in enumerate(records):
            try:
                waiting[number] = self._job(record)
            except RequestError as error:
                results[number] = Failure(error.kind, str(error))
            except PathError as error:
                results[number] = Failure("path", str(error))
        for numbers in _together(waiting):
            jobs = [waiting[number] for number in numbers]
            for number, job, drawn in zip(numbers, jobs, self._drawn(jobs), strict=True):
                results[number] = self._row(job, drawn)
        return [results[number] for number in range(len(records))]

    def _job(self, record: Record) -> _Again:
        made = read(record, self.places)
        network, controls, digests = self._network(made)
        for part, kept in made.digests:
            if dict(kept) != digests.get(part):
                raise RequestError(
                    "other-weights",
                    f"{part}: the weights of {made.recipe.base.name} are not those of the row; "
                    "name the right ones by --model, --conditioner, --vae, --lora",
                )
        generated = record["generated"]
        wanted = asked(_as_it_came(record), made.recipe, None)
        if "prompt" in generated:
            wanted = replace(wanted, text=str(generated["prompt"]), negative="", given=False)
        if words_digest(wanted.text, wanted.negative) != generated.get("words"):
            raise RequestError("other-words", "prompt is no longer that of the image")
        suffix = Path(str(record.get("image"))).suffix or ".png"
        path = image_path(self.folder, record["id"], suffix)
        if path.resolve() == resolve(self.context.root, str(record.get("image"))).resolve():
            raise RequestError("same-place", "image would replace its original; name another -d")
        pieces = network.pieces(wanted.text, wanted.negative)
        if controls.head != generated.get("head"):
            raise RequestError(
                "other-head", "head model is not that of the row; name the right one by --head"
            )
        pictures = controls.of(wanted.mapped, made.seed).pictures
        place = stored(self.context.root, path)
        return _Again(record, made, wanted, path, place, pieces, pictures)

    def _network(self, made: Made) -> tuple[Network, Controls, dict[str, Any]]:
        """The model of a row, loaded where it is not at hand; and the digests of its files."""
        from headkit.backends.diffusion.files import find
        from headkit.backends.diffusion.network import Manner, open_network

        recipe = replace(made.recipe, sizes=())
        key = (recipe, made.dtype, made.compiled)
        if self._kept is None or self._kept[0] != key:
            self._kept = None  # out of memory before the next one comes
            found = find(recipe)
            network = open_network(
                recipe, found, Manner(made.dtype, made.compiled), self.context.device
            )
            digests: dict[str, Any] = {
                part: files.made()["sha256"] for part, files in found.items()
            }
            self._kept = (key, network, Controls(recipe, self.head), digests)
        return self._kept[1:]

    def _drawn(self, jobs: list[_Again]) -> list[Drawn]:
        """Images of rows of one recipe and shape, in chunks as long as theirs was."""
        from headkit.backends.diffusion.network import Order

        network, _, _ = self._network(jobs[0].made)
        orders = [
            Order(
                job.asked.text,
                job.asked.negative,
                job.controls,
                job.asked.seed(job.made.seed, job.made.attempt),
            )
            for job in jobs
        ]
        found: list[Drawn] = []
        for chunk in chunks([None] * len(jobs), jobs[0].made.size):
            images = network.draw([orders[number] for number in chunk.numbers], jobs[0].pieces)
            found += images[: chunk.filled]
        return found

    def _row(self, job: _Again, drawn: Drawn) -> Result:
        from headkit.image import encode

        data = encode(drawn.pixels, job.path.suffix.lstrip("."))
        write_atomic(job.path, data, self.context.tag)
        sha256 = hashlib.sha256(data).hexdigest()
        said: Record = {"equal": sha256 == job.record.get("image_sha256")}
        if not said["equal"]:
            said["psnr"] = self._distance(job, data)
        return {
            "image": job.place,
            "image_sha256": sha256,
            "generated": {**job.record["generated"], "replay": said},
        }

    def _distance(self, job: _Again, data: bytes) -> float | None:
        """Peak signal-to-noise ratio to what is in the old file, decibels; None where that is not there."""
        import numpy as np

        from headkit.image import ImageError, decode, load

        try:
            old = load(resolve(self.context.root, str(job.record.get("image")))).pixels
        except (ImageError, OSError, PathError):
            return None
        new = decode(data).pixels
        if old.shape != new.shape:
            return None
        error = float(np.square(old.astype(np.float64) - new).mean())
        return min(SAME, 10 * log10(255**2 / error)) if error else SAME


def _as_it_came(record: Record) -> Record:
    """Without what the image's making added: a camera that was guessed for a scene would else be taken for known."""
    found = {name: value for name, value in record.items() if name != "target"}
    if record["generated"].get("camera") == "guessed":
        found["camera"] = {name: value for name, value in record["camera"].items() if name != "K"}
    return found


def _together(jobs: dict[int, _Again]) -> Iterable[list[int]]:
    """Numbers of rows that can go through a network together: of one recipe and one shape."""
    groups: dict[Any, list[int]] = {}
    for number, job in jobs.items():
        made = job.made
        recipe = replace(made.recipe, sizes=())
        shape = (recipe, made.dtype, made.compiled, made.size, job.asked.size, job.pieces)
        groups.setdefault(shape, []).append(number)
    return groups.values()
