"""Shards of all formats side by side: they close at the same samples, and each is whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from errno import EIO
from pathlib import Path
from typing import Any, Protocol

from headkit.formats.folder import SUMS
from headkit.formats.layout import Layout, Part, stem
from headkit.formats.output import Output, Stored, Written
from headkit.formats.sample import Sample
from headkit.tool import Record


class Sidecar(Protocol):
    """Something that lies beside every shard, a row for each of its samples."""

    def write(self, output: Output, shard: str, ids: Sequence[str]) -> None:
        """Write that of a shard; it is then among the written of `output`."""
        ...


Prepared = list[Any]  # what each layout shall write of a sample


class Shards:
    """Writes samples into a folder, part after part; rows are those of an earlier run that it goes on from.

    sums  lists every written file with its checksum, as sha256sum(1) reads it, in the order of writing
    """

    def __init__(
        self,
        layouts: Sequence[Layout],
        folder: Path,
        sums: Path,
        limits: tuple[int, int],
        rows: list[Record],
    ) -> None:
        self.layouts, self.folder, self.sums = layouts, folder, sums
        self.most_samples, self.most_bytes = limits
        self.rows = list(rows)
        self.sidecar: Sidecar | None = None
        self._beside = Output(folder, "", folder, Stored())  # where it writes
        self._ids: list[str] = []  # of the shard in hand
        self._count = 0  # samples of the shard in hand
        self._part = ""
        self.in_hand = ""  # the name of the shard in hand
        for row in rows:
            path = folder / row["path"]
            if "sha256" in row and path.stat().st_size != row["bytes"]:
                raise OSError(EIO, "a shard of the run before is damaged; remove it", str(path))

    def prepare(self, sample: Sample) -> Prepared:
        """What the formats shall write; may be called from several threads. LeftOutError passes."""
        return [layout.prepare(sample) for layout in self.layouts]

    def is_full(self, prepared: Prepared) -> bool:
        """Whether the shard in hand would have more samples or bytes than it may."""
        if not self._count:
            return False
        sizes = (layout.size(each) for layout, each in zip(self.layouts, prepared, strict=True))
        return self._count >= self.most_samples or max(sizes) > self.most_bytes

    def add(self, part: str, sample: Sample, prepared: Prepared) -> None:
        """Append a sample to the shard in hand of every format; OSError passes."""
        if not self._count:
            number = self._done(part)
            self._part, self.in_hand = part, stem(part, number)
            for layout in self.layouts:
                layout.begin(part, number)
        self._count += 1
        if self.sidecar is not None:
            self._ids.append(sample.label["id"])
        for layout, each in zip(self.layouts, prepared, strict=True):
            layout.add(sample, each)

    def end(self) -> bool:
        """Close the shard in hand; whether there was one."""
        if not self._count:
            return False
        shard = self.in_hand
        rows = [
            {"id": layout.output.prefix + shard, "format": layout.name, "part": self._part}
            | layout.end()
            for layout in self.layouts
        ]
        if self.sidecar is not None:
            self.sidecar.write(self._beside, shard, self._ids)
            self._ids.clear()
        self.rows += rows
        self._count = 0
        self.list_written()
        return True

    def abandon(self) -> None:
        """Let go of the shard in hand, where a run ends early."""
        if self._count:
            for layout in self.layouts:
                layout.abandon()

    def parts(self, names: Sequence[str], subsets: Sequence[str] = ()) -> list[Part]:
        """What has been written of each part; those of `subsets` hold images of the others again."""
        return [
            Part(
                name,
                {
                    layout.name: [
                        row
                        for row in self.rows
                        if (row["format"], row["part"]) == (layout.name, name)
                    ]
                    for layout in self.layouts
                },
                name in subsets,
            )
            for name in names
        ]

    def list_written(self) -> None:
        """See what was written onto the disk, and list it in the sums."""
        outputs = [*(layout.output for layout in self.layouts), self._beside]
        if any(output.loose for output in outputs):
            os.sync()  # one call for thousands of small files
        written: list[Written] = []
        for output in outputs:
            written += output.written
            output.written.clear()
            output.loose = False
        self._list(written)

    def _list(self, written: list[Written]) -> None:
        with self.sums.open("ab") as file:
            for each in sorted(written, key=lambda each: each.name):
                file.write(f"{each.sha256}  {each.name}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def publish(self, documents: Mapping[str, bytes]) -> None:
        """Write what speaks of the whole dataset, and the list of all checksums."""
        self.list_written()
        place = Output(self.folder, "", self.folder, Stored())
        for name, data in documents.items():
            place.put(name, data)
        self._list(place.written)
        with self.sums.open("rb") as source, (self.folder / SUMS).open("xb") as file:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())

    def _done(self, part: str) -> int:
        """How many shards of a part are whole."""
        first = self.layouts[0].name
        return sum(row["part"] == part and row["format"] == first for row in self.rows)


def outputs(folder: Path, scratch: Path, formats: Sequence[str]) -> list[Output]:
    """Where each format writes: the folder itself where there is one, else a folder of its name."""
    stored = Stored()
    alone = len(formats) == 1
    return [Output(folder, "" if alone else name, scratch / name, stored) for name in formats]
