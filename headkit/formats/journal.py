"""How far a dataset is packed, written down after every shard, so that a killed run can be taken up."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from headkit.paths import write_atomic
from headkit.status import USAGE, Stop

NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass
class Journal:
    """What is whole in a workplace.

    plan      digest of the options; another plan cannot go on from here
    done      records that are packed or left out, in the order of packing
    digest    sha256 of their lines
    private, sums   bytes of the private file and of the list of checksums that belong to them
    shards, census, facts, failures   the state of the packing behind them
    """

    plan: str
    done: int = 0
    digest: str = NOTHING
    private: int = 0
    sums: int = 0
    shards: list[dict[str, Any]] = field(default_factory=list)
    census: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)  # of the documents
    said: dict[str, Any] = field(default_factory=dict)  # of a release: what was carried over
    failures: list[list[str]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Replace the journal, whole or not at all."""
        write_atomic(path, orjson.dumps(asdict(self)), "journal")

    @classmethod
    def load(cls, path: Path, plan: str) -> Journal:
        """The journal, or a new one; Stop(USAGE) where it belongs to other options."""
        try:
            stored = cls(**orjson.loads(path.read_bytes()))
        except FileNotFoundError:
            return cls(plan)
        if stored.plan != plan:
            raise Stop(
                USAGE,
                "--resume: the run before had other options; give them again, or leave it out",
            )
        return stored
