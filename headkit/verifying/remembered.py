"""What the private file remembers of the samples of a shard: the sha256 of each image, and where no format has it the label.

It is what damage under checksums that were made to agree is found by, where a dataset has one format alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from headkit.formats.reading import Item
from headkit.tool import Record
from headkit.verifying.agreement import Facts, all_heads, differences
from headkit.verifying.findings import Finding


class Remembered:
    """Rows of the private file, taken shard by shard: they stand in the order of packing."""

    def __init__(self, rows: Iterator[Record]) -> None:
        self._rows = rows
        self._next = next(rows, None)
        self._facts: dict[str, Facts] = {}

    def take(self, shard: str) -> None:
        """Go on to a shard, PART-NNNNNN; of one that is not next, nothing is remembered."""
        self._facts = {}
        while self._next is not None and self._next.get("shard") == shard:
            self._facts[str(self._next.get("key"))] = _facts(self._next)
            self._next = next(self._rows, None)

    def compare(self, item: Item, facts: Facts) -> Iterator[Finding]:
        """How a sample differs from what was packed."""
        known = self._facts.get(item.key)
        if known is None:
            return
        for what in differences(known, facts, item.format):
            at = item.image if what == "its image is another" else item.label_at
            text = f"{what} than the private file remembers"
            yield Finding(at.file, at.member, "changed", text)


def _facts(row: Record) -> Facts:
    digest = row.get("published_sha256") or row.get("image_sha256")
    label = row.get("label")
    heads = None
    if isinstance(label, dict) and type(label.get("width")) is type(label.get("height")) is int:
        heads = all_heads(label, (label["width"], label["height"]))
    try:
        return Facts(bytes.fromhex(digest) if isinstance(digest, str) else None, heads)
    except ValueError:
        return Facts(None, heads)
