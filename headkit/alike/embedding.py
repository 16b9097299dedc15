"""The vectors of all records, on disk: made once for each picture or text, whoever asks again.

In the folder, `vectors-...` holds what a model made of each digest (twins/store.py), and grows; `embeddings.npz` the
vectors of the last run's records in their order (twins/reference.py): a set that others can be compared with. With
mirrored pictures, theirs are in other files beside them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from headkit.alike.embedders import Embedder, Mirrored, Of
from headkit.alike.files import checked_digest, image_bytes, known_digest
from headkit.alike.rows import CannotCompareError, Preference
from headkit.image import ImageError, decode
from headkit.tool import Context, Failure, Record
from headkit.twins import reference
from headkit.twins.cosines import Vectors, stored
from headkit.twins.store import Store

_WINDOW = 64  # records read ahead, for each thread that decodes
_ENOUGH = 512  # pixels of the longer side: what likeness sees of a JPEG. More is decoded in vain


@dataclass
class Embedded:
    """The records of a run, a few bytes of each.

    ids     of all records
    rows    the number among all records of each that has a vector; `ranks` their preference
    failures  by number: what is wrong with a record
    vectors (N, D) of the rows, in a file
    mirrored (N, D) of their pictures mirrored, in a file; None where nobody asked
    """

    ids: list[str] = field(default_factory=list)
    rows: array[int] = field(default_factory=lambda: array("q"))
    ranks: array[float] = field(default_factory=lambda: array("d"))
    failures: dict[int, Failure] = field(default_factory=dict)
    vectors: Vectors = field(default_factory=lambda: np.empty((0, 1), np.float16))
    mirrored: Vectors | None = None


@dataclass
class _Item:
    """A record on its way: its digest, and what is to be embedded where that is not known."""

    number: int
    rank: float
    key: bytes
    subject: Any = None


class _Shelf:
    """What one embedder makes of the items, on disk, and which vector is that of each record."""

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self.embedder = embedder
        name = blake2b(embedder.name.encode(), digest_size=8).hexdigest()
        self.store = Store(folder / f"vectors-{name}", embedder.width)
        self.places = array("q")

    def take(self, items: list[_Item]) -> None:
        """Embed what is new of a batch, and note where the vector of each record is."""
        new = {item.key: item.subject for item in items if self.store.find(item.key) is None}
        keys = list(new)
        for start in range(0, len(keys), self.embedder.chunk):
            part = keys[start : start + self.embedder.chunk]
            self.store.add(part, stored(self.embedder.embed([new[key] for key in part])))
        for item in items:
            place = self.store.find(item.key)
            assert place is not None
            self.places.append(place)

    def write(self, path: Path, tag: str | None, ids: list[str]) -> Vectors:
        """The vectors of all records into one file, and that file as an array."""
        temporary = path.with_name(f".{path.name}.{tag}.tmp")
        places = np.array(self.places, np.int64)
        blocks = (self.store.gather(places[k : k + 4096]) for k in range(0, len(places), 4096))
        reference.write(temporary, self.embedder.name, ids, self.embedder.width, blocks)
        temporary.replace(path)
        return reference.read(path).vectors


class Embedding:
    """Embeds the records of one run; with `mirror` their pictures mirrored as well."""

    def __init__(
        self,
        of: Of,
        embedder: Embedder,
        prefer: Preference,
        folder: Path,
        context: Context,
        *,
        mirror: bool = False,
    ) -> None:
        self.of, self.prefer = of, prefer
        self.context, self.folder = context, folder
        folder.mkdir(parents=True, exist_ok=True)
        embedders = [embedder, Mirrored(embedder)] if mirror else [embedder]
        self.shelves = [_Shelf(one, folder) for one in embedders]
        self.least = _ENOUGH if embedder.name.startswith("likeness") else None
        self.found = Embedded()

    def all(self, records: Iterator[Record]) -> Embedded:
        """Of all records, once they are read."""
        jobs = self.context.jobs
        try:
            with ThreadPoolExecutor(jobs, "decode") as pool:
                for batch in _batches(self._numbered(records), _WINDOW * jobs):
                    self.context.check()
                    self._take(list(pool.map(self._item, batch)))
            self._write()
        finally:
            for shelf in self.shelves:
                shelf.store.close()
        return self.found

    def _numbered(self, records: Iterator[Record]) -> Iterator[tuple[int, Record]]:
        for number, record in enumerate(records):
            self.found.ids.append(record["id"])
            if "error" not in record:
                yield number, record

    def _item(self, numbered: tuple[int, Record]) -> _Item | tuple[int, Failure]:
        """Runs in a thread."""
        number, record = numbered
        try:
            rank = self.prefer.rank(record)
            if self.of == "prompt":
                text = text_of(record)
                return _Item(number, rank, sha256(text.encode()).digest(), text)
            known = known_digest(record)
            if known is not None and self._known(known):
                return _Item(number, rank, known)
            data = image_bytes(self.context.root, record)
            key = checked_digest(record, data)
            if self._known(key):
                return _Item(number, rank, key)
            return _Item(number, rank, key, decode(data, least=self.least).pixels)
        except CannotCompareError as error:
            return number, error.failure
        except ImageError as error:
            return number, Failure("bad-image", f"{record['image']}: {error}")

    def _known(self, key: bytes) -> bool:
        return all(shelf.store.find(key) is not None for shelf in self.shelves)

    def _take(self, items: list[_Item | tuple[int, Failure]]) -> None:
        """Embed a batch, and note what is known of its records."""
        good = [item for item in items if isinstance(item, _Item)]
        for shelf in self.shelves:
            shelf.take(good)
        self.found.rows.extend(item.number for item in good)
        self.found.ranks.extend(item.rank for item in good)
        self.found.failures.update(item for item in items if not isinstance(item, _Item))

    def _write(self) -> None:
        ids = [self.found.ids[row] for row in self.found.rows]
        names = ("embeddings.npz", "mirrored.npz")[: len(self.shelves)]
        self.found.vectors, *mirrored = [
            shelf.write(self.folder / name, self.context.tag, ids)
            for shelf, name in zip(self.shelves, names, strict=True)
        ]
        self.found.mirrored = mirrored[0] if mirrored else None


def _batches(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(items, size)):
        yield batch


def text_of(record: Record) -> str:
    """The prompt of a record. Raises CannotCompareError where it has none."""
    prompt = record.get("prompt")
    text = prompt.get("text") if isinstance(prompt, dict) else None
    if not isinstance(text, str):
        raise CannotCompareError("field", "no prompt.text; run headkit caption first")
    return text
