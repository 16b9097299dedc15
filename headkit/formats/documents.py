"""What packing asks of those who write the documents of a dataset: README.md and what else speaks of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from headkit.formats.census import Census
from headkit.formats.layout import Layout, Part
from headkit.formats.sample import Sample
from headkit.tool import Record


@dataclass(frozen=True)
class Packed:
    """A dataset whose shards are written.

    labels           truth, heads, or none where nothing was packed
    layouts          one a format, in order
    parts            splits, or the whole, and then subsets
    splits, subsets  name -> images
    shards           the rows of all shards
    more             what else lies in the folder: names of files, and of folders with a slash
    """

    census: Census
    labels: str
    layouts: Sequence[Layout]
    parts: Sequence[Part]
    splits: dict[str, int]
    subsets: dict[str, int]
    shards: Sequence[Record]
    more: Sequence[str] = ()


class Documents(Protocol):
    """Counts samples as they are packed, once each, and then writes. What it counts is kept over a kill."""

    def look(self, record: Record) -> None:
        """See a record that may be packed, before anything is written. Raises Stop where it must not be."""
        ...

    def add(self, sample: Sample, part: str) -> None:
        """Count a sample; `part` is its split. Called in the order of packing."""
        ...

    def state(self) -> dict[str, Any]:
        """All counts as JSON, for `restore`."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the counts of `state`; an empty one is that of a new run."""
        ...

    def files(self, packed: Packed) -> dict[str, bytes]:
        """What to write into the folder, by name."""
        ...
