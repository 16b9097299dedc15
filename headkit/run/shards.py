"""`--shard I/N`: which part of the records this run does."""

from __future__ import annotations

import re
from collections.abc import Mapping

from headkit.status import USAGE, Stop

Shard = tuple[int, int]  # I of N, counted from 0


def parse(text: str | None, environment: Mapping[str, str]) -> Shard:
    """The shard that `text` names; `auto` reads the variables of a SLURM array; Stop 2 where it names none."""
    if text is None:
        return 0, 1
    if text == "auto":
        return _slurm(environment)
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None:
        raise Stop(USAGE, f"--shard {text}: not I/N, as 0/8, nor auto")
    index, count = int(match[1]), int(match[2])
    if index >= count:
        raise Stop(
            USAGE,
            f"--shard {text}: shards are counted from 0, so the last of {count} is {count - 1}",
        )
    return index, count


def _slurm(environment: Mapping[str, str]) -> Shard:
    names = ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX"]
    missing = [name for name in names if not environment.get(name, "").isdecimal()]
    if missing:
        raise Stop(
            USAGE, f"--shard auto: {missing[0]} is not set; run in a SLURM array, or name the shard"
        )
    task, first, last = (int(environment[name]) for name in names)
    count = int(environment.get("SLURM_ARRAY_TASK_COUNT") or last - first + 1)
    if count != last - first + 1 or not first <= task <= last:
        raise Stop(
            USAGE,
            f"--shard auto: the array {first}-{last} has {count} tasks, so it has gaps; use one without",
        )
    return task - first, count


def name(text: str, shard: Shard) -> str:
    """`text` with {shard} replaced by the number, padded so that names sort."""
    index, count = shard
    return text.replace("{shard}", str(index).zfill(len(str(count - 1))))
