"""What run files and ledgers in the folder of --log tell: records in and out, reasons, hours, errors of the labels."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headkit import jsonl
from headkit.datasheet.counting import MOST, OTHERS
from headkit.datasheet.vocabulary import GROUPED, NAMED
from headkit.status import BAD_INPUT, NO_INPUT, Stop
from headkit.tool import TOOLS, Record

ORDER = [tool.name for tool in TOOLS]


@dataclass
class Run:
    """All runs of one tool in the folder, shards together."""

    runs: int = 0
    read: int = 0
    out: int = 0
    dropped: int = 0
    failed: int = 0
    seconds: float = 0.0


@dataclass
class Logs:
    """What a folder told; empty where there was none.

    rejected  (tool, attribute) -> word -> people in dropped records
    settings  tool -> options that are not secret, of the first run file
    """

    runs: dict[str, Run] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    rejected: defaultdict[tuple[str, str], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    evaluated: list[Record] = field(default_factory=list)
    settings: dict[str, Record] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    libraries: dict[str, str] = field(default_factory=dict)
    began: str = ""
    ended: str = ""

    @property
    def tools(self) -> list[str]:
        """The tools that ran, in the order of a pipe."""
        return sorted(self.runs, key=place_in_pipe)

    @property
    def seconds(self) -> float:
        return sum((self.runs[tool].seconds for tool in self.tools), 0.0)


def place_in_pipe(tool: str) -> tuple[int, str]:
    """By which tools are sorted."""
    return (ORDER.index(tool) if tool in ORDER else len(ORDER), tool)


def after(tool: str, other: str) -> bool:
    """Whether records came to `other` behind `tool`, or in it."""
    return place_in_pipe(other) >= place_in_pipe(tool)


def read(folder: Path | None, check: Callable[[], None]) -> Logs:
    """What the folder tells; `pack` itself is not in it. Raises Stop 66 where a file cannot be read, 65 where one is none.

    A folder that is not there yet tells nothing: a run with --log makes it.
    """
    logs = Logs()
    if folder is None:
        return logs
    for path in sorted(folder.glob("*.run.json"), key=lambda path: path.name.encode()):
        _add_run(logs, path)
    for path in sorted(folder.glob("*.dropped"), key=lambda path: path.name.encode()):
        for row in _rows(path):
            check()
            _add_dropped(logs, row)
    for path in sorted(folder.glob("eval*.jsonl"), key=lambda path: path.name.encode()):
        logs.evaluated += [row for row in _rows(path) if isinstance(row.get("group"), str)]
    return logs


def _rows(path: Path) -> Iterator[Record]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parsed(line, f"{path}:{number}")
    except OSError as error:
        raise Stop(NO_INPUT, f"{path}: {error.strerror}") from None


def _parsed(line: bytes, where: str) -> Record:
    try:
        row = jsonl.parse(line.strip())
    except ValueError as error:
        raise Stop(BAD_INPUT, f"{where}: {error}; remove the file from --log") from None
    if not isinstance(row, dict):
        raise Stop(BAD_INPUT, f"{where}: is no JSON object; remove the file from --log")
    return row


def _add_run(logs: Logs, path: Path) -> None:
    try:
        kept = _parsed(path.read_bytes(), str(path))
    except OSError as error:
        raise Stop(NO_INPUT, f"{path}: {error.strerror}") from None
    tool = kept.get("tool")
    if tool == "pack" or not isinstance(tool, str):
        return
    try:
        counts = kept["checkpoint"]["counts"]
        run = logs.runs.setdefault(tool, Run())
        run.runs += 1
        for name in ("read", "out", "dropped", "failed"):
            setattr(run, name, getattr(run, name) + int(counts[name]))
        run.seconds += float(kept["seconds"])
        began, ended = str(kept["started"]), str(kept["saved"])
    except (KeyError, TypeError, ValueError):
        raise Stop(BAD_INPUT, f"{path}: is not a run file; remove it from --log") from None
    logs.began = min(filter(None, (logs.began, began)), default="")
    logs.ended = max(logs.ended, ended)
    logs.devices.add(str(kept.get("device", "")))
    libraries = kept.get("libraries")
    for name, version in libraries.items() if isinstance(libraries, dict) else ():
        logs.libraries.setdefault(str(name), str(version))
    options = kept.get("options")
    if isinstance(options, dict):
        logs.settings.setdefault(tool, {name: told(value) for name, value in options.items()})


def told(value: Any) -> str:
    """An option as it may be published: what could be a path, an address or a key is not."""
    if value is None or isinstance(value, bool | int | float):
        return str(value)
    text = str(value)
    if any(mark in text for mark in "/\\@~") or len(text) > 120:
        return "(not published)"
    return text


def reason(row: Record) -> str:
    """Why a row of a ledger was dropped, alike for all rows with the same reason."""
    why = row.get("dropped")
    if not isinstance(why, dict):
        return "unknown: no reason"
    tool = str(why.get("tool"))
    if tool == "dedupe":
        threshold = why.get("threshold")
        return "dedupe: copy" if threshold is None else f"dedupe: near-twin ({short(threshold)})"
    return f"{tool}: {why.get('reason')}"


def short(value: Any) -> str:
    """A number as jq writes it: whole ones without a point."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


def _add_dropped(logs: Logs, row: Record) -> None:
    named = reason(row)
    known = named in logs.reasons or len(logs.reasons) < MOST
    logs.reasons[named if known else OTHERS] += 1
    tool = named.partition(":")[0]
    poses = row.get("poses")
    for pose in poses if isinstance(poses, list) else ():
        attributes = pose.get("attributes") if isinstance(pose, dict) else None
        if isinstance(attributes, dict):
            for name in GROUPED:
                word = NAMED[name](attributes.get(name))
                if word is not None:
                    logs.rejected[tool, name][word] += 1


def thousandth(value: float) -> str:
    """To a thousandth, halves upwards, as jq's `* 1000 | round / 1000`."""
    return short(math.floor(value * 1000 + 0.5) / 1000)


def hours(seconds: float) -> str:
    """To a thousandth of an hour, as jq's `/ 3.6 | round / 1000`."""
    return short(math.floor(seconds / 3.6 + 0.5) / 1000)
