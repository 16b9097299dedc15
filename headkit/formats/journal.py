"""How far a dataset is packed, written down after every shard, so that a killed run can be taken up."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from headkit.paths import write_atomic
from headkit.status import USAGE, Stop

_BLOCK = 1 << 20


@dataclass
class Journal:
    """What is whole in a workplace.

    plan      digest of the options; another plan cannot go on from here
    offset    bytes of the waiting records that are done
    digest    sha256 of these bytes
    private   bytes of the private file that belong to them
    shards, sums, census, failures   the state of the packing behind them
    """

    plan: str
    offset: int = 0
    digest: str = hashlib.sha256(b"").hexdigest()
    private: int = 0
    shards: list[dict[str, Any]] = field(default_factory=list)
    sums: dict[str, str] = field(default_factory=dict)
    census: dict[str, Any] = field(default_factory=dict)
    failures: list[list[str]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Replace the journal, whole or not at all."""
        write_atomic(path, orjson.dumps(asdict(self)), "journal")

    @classmethod
    def load(cls, path: Path, plan: str, waiting: Path) -> Journal:
        """The journal, or a new one; Stop(USAGE) where it belongs to other options or other records."""
        try:
            stored = cls(**orjson.loads(path.read_bytes()))
        except FileNotFoundError:
            return cls(plan)
        if stored.plan != plan:
            raise Stop(
                USAGE,
                "--resume: the run before had other options; give them again, or leave it out",
            )
        if _digest(waiting, stored.offset) != stored.digest:
            raise Stop(
                USAGE,
                "--resume: the run before had other records; leave --resume out to start anew",
            )
        return stored


def _digest(path: Path, length: int) -> str:
    """Of the first `length` bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while length > 0 and (block := file.read(min(length, _BLOCK))):
            digest.update(block)
            length -= len(block)
    return digest.hexdigest()
