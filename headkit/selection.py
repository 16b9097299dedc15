"""Which parts of a record somebody reads: what a scanner parses of it, and passes over the rest."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Selection:
    """A part of a record that is read, and which parts of it are.

    whole  all that is in it
    size   how much is in it: an object with all its fields, a list with an item for every item
    parts  fields of it, where it is an object
    item   of each of its items, where it is a list
    """

    whole: bool = False
    size: bool = False
    parts: dict[str, Selection] = field(default_factory=dict)
    item: Selection | None = None

    def part(self, name: str) -> Selection:
        """The selection in the field `name`, made if need be."""
        return self.parts.setdefault(name, Selection())

    def each(self) -> Selection:
        """The selection in each item, made if need be."""
        self.item = self.item or Selection()
        return self.item
