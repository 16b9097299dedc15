"""The documents as pack writes them: counts while samples come, text once all are there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from headkit.datasheet.about import About
from headkit.datasheet.asked import Asked
from headkit.datasheet.card import card
from headkit.datasheet.counting import Facts
from headkit.datasheet.croissant import croissant
from headkit.datasheet.logs import Logs
from headkit.datasheet.markup import OPEN, paragraphs
from headkit.datasheet.measures import gather
from headkit.datasheet.plots import plots
from headkit.datasheet.sheet import sheet
from headkit.datasheet.terms import PHOTOS, Terms, licenses_md
from headkit.formats.documents import Packed
from headkit.formats.sample import Sample
from headkit.tool import Record


@dataclass
class Writing:
    """The Documents of a run. `fields`, `split_by` and `release` are those of pack."""

    fields: tuple[str, ...]
    split_by: tuple[str, ...]
    about: About
    license: str | None
    logs: Logs
    release: str | None = None
    facts: Facts = field(init=False)

    def __post_init__(self) -> None:
        self.facts = Facts(Terms(self.license))

    def look(self, record: Record) -> None:
        """Refuse a record whose parts forbid the license, before anything is written. Raises Stop (65)."""
        self.facts.terms.check(record)

    def add(self, sample: Sample, part: str) -> None:  # noqa: ARG002 - splits are counted by the shards
        """Count a sample."""
        size = sample.image.width, sample.image.height
        self.facts.add(sample.label, sample.rest, size)

    def state(self) -> dict[str, Any]:
        """The counts as JSON."""
        return self.facts.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the counts of an earlier run."""
        self.facts.restore(state)

    def files(self, packed: Packed) -> dict[str, bytes]:
        """All documents by name."""
        self.facts.settle()
        fields = list(self.fields)
        measures = gather(self.facts, self.logs, packed, fields)
        version = self.release or self.about.text("dataset.version")
        by = self.split_by if packed.splits else ()
        asked = Asked(measures, self.about, self.license, by, version)
        licenses = licenses_md(
            self.facts.terms,
            name=self.about.text("dataset.license_name"),
            url=self.about.text("dataset.license_url"),
            photos=paragraphs(self.about.text(PHOTOS)),
            open_mark=OPEN,
        )
        described = croissant(asked)
        return {
            "README.md": card(measures, self.about, self.license).encode(),
            "DATASHEET.md": sheet(asked, fields).encode(),
            "LICENSES.md": licenses.encode(),
            "croissant.json": json.dumps(described, indent=1, ensure_ascii=False).encode() + b"\n",
            "plots.svg": plots(measures),
        }
