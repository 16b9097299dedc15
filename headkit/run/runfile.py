"""FILE.run.json: what a run was asked, what came of it, and where it can be taken up again."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headkit import __version__, paths
from headkit.locks import myself
from headkit.run.inputs import Input, Place
from headkit.run.rows import deciding
from headkit.run.shards import Shard
from headkit.status import USAGE, WRITE_FAILED, Stop
from headkit.tool import Context, Record, Tool

LIBRARIES = (
    "numpy",
    "torch",
    "numba",
    "PIL",
    "diffusers",
    "ultralytics",
    "open_clip",
    "transformers",
)

RUNS = 20  # that a run file keeps: host, process, job of each


@dataclass
class Counts:
    """in = out + dropped + failed, always."""

    read: int = 0  # records of this shard
    out: int = 0  # written, without an error of this tool
    dropped: int = 0  # in the ledger
    failed: int = 0  # written with an error of this tool
    passed: int = 0  # of `out`: came with an error of an earlier tool
    skipped: int = 0  # bad lines; not among `read`

    @property
    def rows(self) -> int:
        """Rows in the output."""
        return self.out + self.failed


@dataclass
class Checkpoint:
    """A moment at which everything before was safely written."""

    counts: Counts = field(default_factory=Counts)
    ids: str = ""  # digest of the ids done, chained
    last: str | None = None  # id of the last row of the output
    place: Place = field(default_factory=Place)
    output: int = 0  # bytes
    ledger: int = 0  # bytes
    inputs: list[Record | None] = field(default_factory=list)
    limit: int | None = None  # --limit
    tally: dict[str, int] = field(default_factory=dict)  # of what the rows say, where the tool asks

    def as_json(self) -> Record:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Record) -> Checkpoint:
        return cls(
            **{
                **value,
                "counts": Counts(**value["counts"]),
                "place": Place(**value["place"]),
            }
        )


def settings(tool: Tool, options: Any, context: Context) -> Record:
    """All that decides the rows of a run, beside its input."""
    found: Record = {
        "tool": tool.name,
        "version": __version__,
        "options": deciding(options, given_only=False),
    }
    if tool.seeded:
        found["options"]["seed"] = context.seed
    if tool.files and "image" in tool.writes:
        found["options"]["overwrite"] = context.overwrite
    found["shard"] = f"{context.shard[0]}/{context.shard[1]}"
    return found


def identify(files: list[Input], stdin: int) -> list[Record | None]:
    """What tells whether input files have changed; None for a pipe."""
    found: list[Record | None] = []
    for file in files:
        try:
            state = os.fstat(stdin) if file.path is None else os.stat(file.path)
        except OSError:
            found.append(None)
            continue
        plain = stat.S_ISREG(state.st_mode)
        found.append(
            {"name": file.name, "size": state.st_size, "mtime_ns": state.st_mtime_ns}
            if plain
            else None
        )
    return found


class RunFile:
    """One run file; `path` None keeps nothing."""

    def __init__(self, path: Path | None, asked: Record, device: str) -> None:
        self.path = path
        self.asked = asked
        self.device = device
        self.seconds = 0.0  # of earlier runs
        self.shrunk: int | None = None  # batch size after memory ran out
        self._began = time.monotonic()
        self._started = _now()
        self.runs: list[Record] = [{**myself(), "started": self._started}]  # this one last

    @property
    def spent(self) -> float:
        """Seconds of work, of earlier runs too."""
        return self.seconds + time.monotonic() - self._began

    def load(self) -> Checkpoint | None:
        """The checkpoint of an earlier run with the same settings, None where there is no run file.

        Stop 2 names the setting that differs.
        """
        if self.path is None:
            return None
        try:
            kept = json.loads(self.path.read_bytes())
            checkpoint = Checkpoint.from_json(kept["checkpoint"])
            self.seconds = float(kept["seconds"])
            self._started = kept["started"]
            self.runs[:0] = kept.get("runs", [])
            del self.runs[:-RUNS]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Stop(WRITE_FAILED, f"{self.path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise Stop(
                USAGE, f"{self.path}: is not a run file; remove it and the output, and run anew"
            ) from None
        differs = _difference(kept, self.asked)
        if differs:
            raise Stop(
                USAGE, f"{self.path}: --resume with another {differs}; run anew, or to another file"
            )
        return checkpoint

    def save(self, checkpoint: Checkpoint, *, finished: bool) -> None:
        if self.path is None:
            return
        counts = checkpoint.counts
        kept = {
            **self.asked,
            "finished": finished,
            "started": self._started,
            "saved": _now(),
            "seconds": round(self.spent, 1),
            "runs": self.runs,
            "balanced": counts.read == counts.out + counts.dropped + counts.failed,
            "device": self.device,
            "shrunk_batch": self.shrunk,
            "libraries": _libraries(),
            "checkpoint": checkpoint.as_json(),
        }
        try:
            paths.write_atomic(self.path, json.dumps(kept, indent=1).encode() + b"\n", "run")
        except OSError as error:
            raise Stop(WRITE_FAILED, f"{self.path}: {error.strerror}") from None

    def remove(self) -> None:
        """Before the output is replaced: a run file must never describe another output."""
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def shard_name(shard: Shard) -> str:
    """What a shard adds to the names of its files."""
    return "" if shard[1] == 1 else f".{shard[0]}-of-{shard[1]}"


def _difference(kept: Record, asked: Record) -> str | None:
    """The first setting that differs, with both values."""
    for name in ("tool", "version", "shard"):
        if kept.get(name) != asked[name]:
            return f"{name} ({kept.get(name)}, now {asked[name]})"
    before, now = kept.get("options", {}), json.loads(json.dumps(asked["options"]))
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            flag = "--" + name.replace("_", "-")
            return f"{flag} ({before.get(name)}, now {now.get(name)})"
    return None


def _libraries() -> dict[str, str]:
    loaded = {
        name: getattr(sys.modules[name], "__version__", "")
        for name in LIBRARIES
        if name in sys.modules
    }
    return {"python": sys.version.split()[0], **loaded}
