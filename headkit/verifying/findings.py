"""What is found: a row for each fault, with what helps against it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from headkit.formats.reading import Damage
from headkit.tool import Record

_REPAIR = "write the repair list with -o, and give it to headkit pack --only"
_AGAIN = "pack the dataset again"
_CORRECT = "correct or drop the record in the manifest, and pack again"
REMEDIES: Final[dict[str, str]] = {
    # what was written is not what lies there: `pack --only` makes it anew
    "checksum": _REPAIR,
    "missing": _REPAIR,
    "container": _REPAIR,
    "foreign": "move it away",
    # what lies there contradicts itself, though its checksums agree
    "index": _AGAIN,
    "count": _AGAIN,
    "id": _AGAIN,
    "changed": _AGAIN,
    "formats": _AGAIN,
    "document": _AGAIN,
    # the records were wrong before they were packed
    "image": _CORRECT,
    "size": _CORRECT,
    "label": _CORRECT,
    "box": _CORRECT,
    "landmarks": _CORRECT,
    "params": _CORRECT,
    "camera": _CORRECT,
    "reprojection": _CORRECT,
    "split": "pack again with --split-by cluster,source,prompt",
    "near": "lower the threshold of headkit dedupe, and pack again",
    "private": "drop the field with --fields, or correct the records, and pack again",
    # --strict
    "open": "answer it in about.toml, and pack again with --about",
    "screen": "run the screen, and pack again",
    "unchecked": "give what is missing, or take the rest as checked",
    # --base
    "version": "make the new version with headkit pack --base",
}
STORED = ("checksum", "missing", "container", "foreign")  # what `pack --only` mends shard by shard
CONTRADICTING = ("index", "count", "id", "changed", "formats", "document")


@dataclass(frozen=True)
class Finding:
    """One fault. `file` below the dataset's folder; `place` in it, empty for all of it; `kind` of REMEDIES.

    damage  False for a remark, which does not change the exit status
    """

    file: str
    place: str
    kind: str
    what: str
    damage: bool = True

    @classmethod
    def of(cls, damage: Damage) -> Finding:
        """What a reader has met."""
        return cls(*damage)

    def row(self, folder: str) -> Record:
        """As it is printed; `folder` as it was typed."""
        return {
            "file": str(Path(folder, self.file)),
            "place": self.place,
            "kind": self.kind,
            "what": self.what,
            "remedy": REMEDIES[self.kind] if self.damage or self.kind == "unchecked" else "",
        }


def several(names: Iterable[str], most: int = 3) -> str:
    """Some names, and how many more there are."""
    found = list(names)
    text = ", ".join(found[:most])
    return text if len(found) <= most else f"{text} and {len(found) - most} more"


def short(value: Any) -> str:
    """A value for a message."""
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    return text if len(text) <= 80 else text[:77] + "..."
