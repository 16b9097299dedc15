"""What an output format is: a Layout, and the table of them.

Adding a format is one file with a class that keeps the promises of Layout, and one line in FORMATS.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from headkit.formats.output import Output
from headkit.formats.sample import Mark, Sample, unmarked
from headkit.head.model import HeadModel
from headkit.status import UNAVAILABLE, Stop
from headkit.tool import Record

FORMATS = {
    "webdataset": "headkit.formats.webdataset.WebDataset",
    "parquet": "headkit.formats.parquet.Parquet",
    "coco": "headkit.formats.coco.Coco",
    "yolo": "headkit.formats.yolo.Yolo",
    "yolo-pose": "headkit.formats.yolo.YoloPose",
    "vggheads": "headkit.formats.vggheads.VggHeads",
    "crops": "headkit.formats.crops.Crops",
}

NEEDS = {"parquet": "pyarrow"}  # libraries of an optional extra of the format's name


@dataclass(frozen=True)
class Part:
    """A split or a subset: its name, and its shards in order, one list of rows for every format.

    again  whether its images are in a split, too: that of a subset
    """

    name: str
    shards: dict[str, list[Record]]
    again: bool = False

    def images(self, format: str) -> int:
        """Images of the part, with those that the format leaves out; a format that counts heads says so in its rows."""
        return sum(
            row.get("images", row["count"] + sum(row.get("left_out", {}).values()))
            for row in self.shards[format]
        )


@dataclass(frozen=True)
class Choices:
    """What was chosen for some formats.

    head       the FLAME model that parameters belong to, for vggheads
    crop_size  pixels of the side of a crop
    mark       puts what is to be said of a record's image into the file that is published
    """

    head: HeadModel | None = None
    crop_size: int = 256
    mark: Mark = unmarked


@dataclass
class Layout:
    """How one format lies in its folder. One instance lives as long as a run, and writes shard after shard.

    A shard is what is whole or not at all when a run dies: begin, add for each sample, end. What speaks of all
    shards is written by `finish`, which a resumed run may do again. `prepare` may be called from several threads, so
    it changes nothing; everything else comes from one. All formats close their shards at the same samples.
    """

    name: ClassVar[str]
    whole: ClassVar[bool] = False  # all that is published of a sample is in it
    container: ClassVar[bool] = False  # images are copied into it, not stored as files
    hub: ClassVar[str | None] = (
        None  # its files of a part, where `datasets` of Hugging Face reads it
    )
    output: Output
    choices: Choices
    bytes: int = 0  # of the shard in hand
    count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # why -> images of the shard in hand

    def prepare(self, sample: Sample) -> Any:
        """What `add` shall write of a sample; LeftOutError leaves the record out of every format."""
        raise NotImplementedError

    def size(self, prepared: Any) -> int:
        """Bytes of the shard in hand once this is in it."""
        raise NotImplementedError

    def begin(self, part: str, number: int) -> None:
        """Open shard `number` of a part."""
        raise NotImplementedError

    def add(self, sample: Sample, prepared: Any) -> None:
        """Append a sample to the shard in hand; OSError passes."""
        raise NotImplementedError

    def end(self) -> Record:
        """Close the shard in hand; its row: path, count, bytes, and the sha256 of a shard that is one file."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Let go of the shard in hand, where a run ends early."""

    def finish(self, parts: Sequence[Part]) -> None:
        """Write what speaks of all shards."""

    def about(self, parts: Sequence[Part]) -> Iterator[str]:
        """Lines of Markdown: the files, and how to load them."""
        raise NotImplementedError

    def all_left_out(self, parts: Sequence[Part]) -> Counter[str]:
        """Why -> images (heads, where a format counts these) that are not in this format, once each: subsets do not count."""
        found: Counter[str] = Counter()
        for part in parts:
            for row in part.shards[self.name] if not part.again else ():
                found.update(row.get("left_out", {}))
        return found

    def start_shard(self) -> None:
        """Set the counts of a new shard to nothing."""
        self.bytes = self.count = 0
        self.left_out = Counter()

    def row(self, path: str, sha256: str | None = None) -> Record:
        """The row of the shard in hand."""
        row: Record = {"path": path, "count": self.count, "bytes": self.bytes}
        if sha256 is not None:
            row["sha256"] = sha256
        if self.left_out:
            row["left_out"] = dict(sorted(self.left_out.items()))
        return row


def stem(part: str, number: int) -> str:
    """The name of a shard."""
    return f"{part}-{number:06d}"


def load(name: str) -> type[Layout]:
    """The class of a format; KeyError where there is none, Stop(UNAVAILABLE) where its library is not installed."""
    module, _, found = FORMATS[name].rpartition(".")
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        raise Stop(
            UNAVAILABLE,
            f"--format {name} needs {NEEDS[name]}; install it with: pip install 'headkit[{name}]'",
        )
    return cast("type[Layout]", getattr(importlib.import_module(module), found))
