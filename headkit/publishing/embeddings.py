"""The vectors of dedupe beside a dataset: embeddings/PART-NNNNNN.npz, a row for each sample of that shard, in its order.

A file is what numpy loads and `headkit dedupe --against` takes: `ids` (bytes), `vectors` (float16, of length 1), `model`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from headkit.formats.output import Output, Written
from headkit.status import BAD_INPUT, NO_INPUT, Stop
from headkit.tool import Record
from headkit.twins import reference
from headkit.twins.cosines import Vectors

FOLDER = "embeddings"
_BLOCK = 4096  # vectors that are gathered at once


class Embeddings:
    """The vectors of a file, found by id."""

    def __init__(self, file: str) -> None:
        """Open the embeddings.npz of a `dedupe -d`; Stop(NO_INPUT, BAD_INPUT)."""
        self.file = file
        try:
            found = reference.read(Path(file))
        except reference.ReferenceError as error:
            raise Stop(
                BAD_INPUT,
                f"--embeddings {file}: {error}; use the embeddings.npz of headkit dedupe -d",
            ) from None
        except OSError as error:
            raise Stop(NO_INPUT, f"--embeddings {file}: {error.strerror}; check the path") from None
        if found.ids is None:
            raise Stop(
                BAD_INPUT, f"--embeddings {file}: holds no ids; use headkit dedupe -d to make it"
            )
        self.vectors, self.ids, self.model = found.vectors, found.ids, found.model
        self._order = np.argsort(self.ids, kind="stable")

    @property
    def about(self) -> Record:
        """What the index says of them."""
        return {"model": self.model, "width": int(self.vectors.shape[1])}

    def row(self, id: str) -> int | None:
        """Where the vector of a record is; None where there is none."""
        word = id.encode()
        at = int(np.searchsorted(self.ids, np.bytes_(word), sorter=self._order))
        if at == len(self.ids):
            return None
        row = int(self._order[at])
        return row if bytes(self.ids[row]) == word else None

    def checked(self, records: Iterator[Record]) -> Iterator[Record]:
        """The same records; Stop(BAD_INPUT) at the first to be packed that has no vector."""
        for record in records:
            if "error" not in record and self.row(record["id"]) is None:
                raise Stop(
                    BAD_INPUT,
                    f"--embeddings {self.file}: no vector of record {record['id']!r}; run headkit dedupe --of image -d "
                    "on these records",
                )
            yield record

    def write(self, output: Output, shard: str, ids: Sequence[str]) -> None:
        """Write the file of a shard; OSError passes."""
        rows = np.array([self.row(id) for id in ids], np.int64)
        blocks = (self.vectors[rows[at : at + _BLOCK]] for at in range(0, len(rows), _BLOCK))
        write(output, shard, self.model, list(ids), self.vectors.shape[1], blocks)


def write(
    output: Output, shard: str, model: str, ids: list[str], width: int, blocks: Iterator[Vectors]
) -> None:
    """Write a file of vectors into the folder of a dataset; OSError passes."""
    name = f"{FOLDER}/{shard}.npz"
    path = output.path(name)
    reference.write(path, model, ids, width, blocks)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    output.written.append(Written(name, path.stat().st_size, digest))
    output.loose = True


def without(output: Output, shard: str, old: Path, gone: set[str]) -> None:
    """Write the file of a shard anew, as `old` without the vectors of some ids."""
    found = reference.read(old)
    assert found.ids is not None
    kept = [row for row, id in enumerate(found.ids) if bytes(id).decode() not in gone]
    ids = [bytes(found.ids[row]).decode() for row in kept]
    blocks = (found.vectors[kept[at : at + _BLOCK]] for at in range(0, len(kept), _BLOCK))
    write(output, shard, found.model, ids, found.vectors.shape[1], blocks)
