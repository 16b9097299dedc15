"""The page of --calibrate: what it is made of, from the records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from headkit.alike import page
from headkit.alike.embedders import embedder
from headkit.alike.embedding import Embedded, Embedding, text_of
from headkit.alike.files import image_bytes
from headkit.alike.rows import CannotCompareError
from headkit.alike.vectors import Wanted, begun, folder_of, threshold_of
from headkit.backends.devices import torch_device
from headkit.image import ImageError, Pixels, decode
from headkit.tool import Context, Failure, Record
from headkit.twins.nearest import neighborhood

SAMPLE = 10_000  # records that are compared with all; fewer are all
_ENOUGH = 320  # pixels of the longer side of a picture to look at


@dataclass
class Calibrating:
    """An iterator: a Failure for each record that has no vector, then the page."""

    wanted: Wanted
    context: Context
    records: Iterator[Record]
    seen: dict[str, Record] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str | Failure]:
        wanted, context = self.wanted, self.context
        records = begun(wanted, self.records) or iter(())
        network = embedder(wanted.of, wanted.model, torch_device(context.device))
        threshold = network.threshold if wanted.threshold is None else threshold_of(wanted, network)
        with folder_of(wanted.folder, context, beside=False) as (folder, _):
            embedding = Embedding(wanted.of, network, wanted.prefer, folder, context)
            rows = embedding.all(self._noted(records))
            yield from rows.failures.values()
            count = len(rows.rows)
            sample = np.sort(np.random.default_rng(0).permutation(count)[:SAMPLE])
            seen = neighborhood(rows.vectors, sample, page.EDGES, context.check)
            sheet = [
                (heading, [self._pair(rows, seen, place) for place in page.pick(seen, *where)])
                for heading, *where in page.rows_of_sheet(page.centre(seen, threshold))
            ]
            subject = page.Subject(wanted.of, network.name, count, threshold)
            yield page.html(subject, seen, sheet)

    def _noted(self, records: Iterator[Record]) -> Iterator[Record]:
        """The records; of each what shows it again."""
        for record in records:
            if "error" not in record:
                kept = "image" if self.wanted.of == "image" else "prompt"
                self.seen[record["id"]] = {kept: record.get(kept)}
            yield record

    def _pair(self, rows: Embedded, seen: Any, place: int) -> page.Pair:
        numbers = int(seen.sample[place]), int(seen.nearest.rows[place])
        first, second = (rows.ids[rows.rows[number]] for number in numbers)
        cosine = float(seen.nearest.cosine[place])
        return page.Pair((first, second), cosine, (self._view(first), self._view(second)))

    def _view(self, id: str) -> Pixels | str | None:
        record = self.seen[id]
        try:
            if self.wanted.of == "prompt":
                return text_of(record)
            return decode(image_bytes(Path(self.context.root), record), least=_ENOUGH).pixels
        except (CannotCompareError, ImageError):
            return None
