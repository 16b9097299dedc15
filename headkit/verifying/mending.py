"""Which parts of a dataset `pack --only` shall make anew."""

from __future__ import annotations

from headkit import jsonl
from headkit.formats.folder import SUMS
from headkit.formats.reading import Packed
from headkit.formats.repair import concern
from headkit.verifying.findings import CONTRADICTING, STORED, Finding


class RepairList:
    """Collects what findings concern, each part once."""

    def __init__(self) -> None:
        self._rows: dict[bytes, None] = {}
        self._contradicts = False

    def add(self, packed: Packed, finding: Finding) -> None:
        """Take a finding into account. What is foreign is not ours to remove."""
        self._contradicts |= finding.kind in CONTRADICTING
        if finding.kind in STORED and finding.kind != "foreign":
            self._rows[jsonl.dump(concern(packed, finding.file))] = None

    def text(self) -> str:
        """The list. Under checksums that were made to agree nothing is known to be right: all is made anew."""
        if self._contradicts and not self._rows:
            self._rows[jsonl.dump({"file": SUMS})] = None
        return "".join(f"{row.decode()}\n" for row in self._rows)
