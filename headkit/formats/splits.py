"""Which records go to which split, so that no near-twin crosses: train and val never share a scene.

Records that share one of these are one group, and so are groups that share a record (union of all):

    cluster   of dedupe
    source    the same photo (its sha256, its path and member, its image_id), or a copy: `copy_of` and `from` name the
              record that a pose came from
    prompt    the text of the prompt

Groups are put in order by a hash of their ids (the smallest of a group's), so that neither the order of the input nor
the machine matters. The smallest split takes from the front what fits, then the next one; what is left goes to the
largest. With strata the same is done in each, in proportion; a group belongs to the stratum of its first id.
Memory: some 100 bytes a record.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headkit.formats.census import head_count_range, yaw_band
from headkit.status import BAD_INPUT, USAGE, Stop
from headkit.tool import Record

GROUPED_BY = ("cluster", "source", "prompt")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


@dataclass(frozen=True)
class Wanted:
    """What one split shall hold: a share of all records, a number of them, or, with neither, the rest."""

    name: str
    share: float | None = None
    count: int | None = None


def parse(option: str, text: str, *, counts_only: bool = False) -> tuple[Wanted, ...]:
    """The splits of "train=0.98,val=0.02", "train=60000,val=10000" or "val=10000,train=rest"; Stop(USAGE)."""
    found: list[Wanted] = []
    for part in text.split(","):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not _NAME.fullmatch(name):
            raise Stop(USAGE, f"{option}: {part!r} is not NAME=NUMBER; write train=0.98,val=0.02")
        if name in {each.name for each in found}:
            raise Stop(USAGE, f"{option}: {name} is there twice; leave one out")
        found.append(_wanted(option, name, value, counts_only=counts_only))
    shares = [each.share for each in found if each.share is not None]
    if shares and len(shares) != len(found):
        raise Stop(USAGE, f"{option}: mixes shares and numbers; give one kind")
    if shares and abs(sum(shares) - 1) > 1e-6:
        raise Stop(USAGE, f"{option}: the shares add up to {sum(shares):g}; make it 1")
    if sum(each.share is None and each.count is None for each in found) > 1:
        raise Stop(USAGE, f"{option}: only one can be the rest; give the others a number")
    return tuple(found)


def _wanted(option: str, name: str, value: str, *, counts_only: bool) -> Wanted:
    if re.fullmatch(r"[1-9][0-9]{0,11}", value):
        return Wanted(name, count=int(value))
    if counts_only:
        raise Stop(USAGE, f"{option}: {name}={value}: not a number of records; write small=10000")
    if value == "rest":
        return Wanted(name)
    if re.fullmatch(r"0?\.[0-9]+|1\.0*", value) and float(value) > 0:
        return Wanted(name, share=float(value))
    raise Stop(USAGE, f"{option}: {name}={value}: neither a share above 0 and up to 1 nor a number")


class Roster:
    """What decides the splits, gathered record by record."""

    def __init__(self, grouped_by: tuple[str, ...], stratify: str | None) -> None:
        self.grouped_by, self.stratify = grouped_by, stratify
        self._ids = array("Q")
        self._keys = array("Q")
        self._owners = array("L")
        self._strata = array("L")
        self._stratum_names: dict[str, int] = {}

    def add(self, record: Record, heads: list[Any]) -> None:
        """Take note of the next record; `heads` are its labels."""
        number = len(self._ids)
        self._ids.append(_hash("split", record["id"]))
        for key in group_keys(record, self.grouped_by):
            self._keys.append(key)
            self._owners.append(number)
        name = "" if self.stratify is None else stratum(self.stratify, record, heads)
        self._strata.append(self._stratum_names.setdefault(name, len(self._stratum_names)))

    def groups(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """(n,) the group of each record, from 0, and a hash of its id."""
        return self._groups(), self._arrays()[0]

    def split(self, wanted: tuple[Wanted, ...]) -> list[array[int]]:
        """The numbers of the records of each split, ascending; Stop(BAD_INPUT) where they cannot be filled."""
        group = self._groups()
        ids, strata = self._arrays()
        members = np.lexsort((ids, group))
        leaders = members[np.flatnonzero(np.diff(group[members], prepend=-1))]
        sizes = np.bincount(group)
        chosen = _fill(wanted, sizes, strata[leaders], ids[leaders], "--split")
        return _numbers(chosen[group], len(wanted))

    def subsets(self, wanted: tuple[Wanted, ...], among: list[array[int]]) -> list[array[int]]:
        """For each subset, numbers of records of the splits: each by itself, in another order of hashes."""
        ids, strata = self._arrays()
        numbers = np.sort(np.concatenate([np.asarray(part, np.int64) for part in among]))
        found = []
        for each in wanted:
            order = (ids[numbers] ^ np.uint64(_hash("subset", each.name))) * np.uint64(
                0x9E3779B97F4A7C15
            )
            ones = np.ones(len(numbers), np.int64)
            chosen = _fill((each,), ones, strata[numbers], order, "--subset")
            found.append(_array(numbers[chosen == 0]))
        return found

    def _arrays(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Hashes of the ids, and strata numbered in the order of their names."""
        rank = np.empty(max(len(self._stratum_names), 1), np.int64)
        for place, name in enumerate(sorted(self._stratum_names)):
            rank[self._stratum_names[name]] = place
        ids = np.frombuffer(self._ids, np.uint64) if self._ids else np.empty(0, np.uint64)
        return ids, rank[np.asarray(self._strata, np.int64)]

    def _groups(self) -> NDArray[np.int64]:
        """The group of each record: records that share a key, directly or by way of others."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        count = len(self._ids)
        keys, owners = np.asarray(self._keys, np.uint64), np.asarray(self._owners, np.int64)
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        pairs = owners[order[same]], owners[order[same + 1]]
        graph = coo_array((np.ones(len(same), np.int8), pairs), shape=(count, count))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def stratum(field: str, record: Record, heads: list[Any]) -> str:
    """The stratum of a record: `heads`, its number of heads; `yaw`, the band of its largest; else a field's value."""
    if field == "heads":
        return head_count_range(len(heads))
    if field == "yaw":
        return yaw_band(heads)
    value: Any = record
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return str(value) if isinstance(value, str | int | float) else ""


def group_keys(record: Record, grouped_by: tuple[str, ...]) -> list[int]:
    """Hashes of all that makes two records one group."""
    found: list[tuple[Any, ...]] = []
    cluster, source, prompt = (record.get(name) for name in GROUPED_BY)
    if "cluster" in grouped_by and cluster is not None:
        found.append(("cluster", cluster))
    if "source" in grouped_by:
        found.append(("record", record["id"]))
        if isinstance(source, dict):
            found += [("record", source[name]) for name in ("copy_of", "from") if name in source]
            for names in (("sha256",), ("path", "member"), ("image_id", "dataset")):
                if names[0] in source:
                    found.append((names[0], *(source.get(name) for name in names)))
    if "prompt" in grouped_by and isinstance(prompt, dict) and prompt.get("text"):
        found.append(("prompt", prompt["text"]))
    return [_hash("group", repr(key)) for key in found]


def _fill(
    wanted: tuple[Wanted, ...],
    sizes: NDArray[np.int64],
    strata: NDArray[np.int64],
    order: NDArray[np.uint64],
    option: str,
) -> NDArray[np.int64]:
    """For each group the split that takes it, -1 for none."""
    total = int(sizes.sum())
    targets = _targets(wanted, total, option)
    rest = [at for at, each in enumerate(wanted) if each.share is None and each.count is None]
    takes_rest = rest[0] if rest else max(range(len(wanted)), key=lambda at: targets[at])
    open_ended = wanted[takes_rest].count is None
    by_size = sorted(range(len(wanted)), key=lambda at: (targets[at], at))
    have, chosen, seen = [0] * len(wanted), np.full(len(sizes), -1), 0
    left: list[int] = []
    sequence = np.lexsort((order, strata))
    bounds = np.flatnonzero(np.diff(strata[sequence], prepend=-1, append=-1))

    def take(at: int, groups: list[int], most: int) -> list[int]:
        """Give split `at` groups up to `most` records; those that stay."""
        staying: list[int] = []
        for place, group in enumerate(groups):
            if have[at] == most:
                return staying + groups[place:]
            if have[at] + sizes[group] <= most:
                have[at] += int(sizes[group])
                chosen[group] = at
            else:
                staying.append(group)
        return staying

    for start, end in pairwise(bounds.tolist()):
        groups = sequence[start:end].tolist()
        seen += int(sizes[groups].sum())
        for at in by_size:
            if not (open_ended and at == takes_rest):
                groups = take(at, groups, round(targets[at] * seen / total))
        left += groups
    left.sort(key=lambda group: int(order[group]))
    for at in by_size:
        left = take(at, left, total if open_ended and at == takes_rest else targets[at])
    _refuse_unfilled(wanted, targets, have, int(sizes.max(initial=0)), option)
    return chosen


def _targets(wanted: tuple[Wanted, ...], total: int, option: str) -> list[int]:
    """How many records each split shall hold. Shares are rounded to their sum by largest remainders."""
    if wanted[0].share is not None:
        exact = [(each.share or 0) * total for each in wanted]
        targets = [int(value + 1e-9) for value in exact]
        missing = total - sum(targets)
        by_remainder = sorted(range(len(exact)), key=lambda at: targets[at] - exact[at])
        for at in by_remainder[:missing]:
            targets[at] += 1
        return targets
    asked = sum(each.count or 0 for each in wanted)
    if asked > total:
        raise Stop(BAD_INPUT, f"{option}: asks for {asked} records of {total}; ask for fewer")
    return [total - asked if each.count is None else each.count for each in wanted]


def _refuse_unfilled(
    wanted: tuple[Wanted, ...], targets: list[int], have: list[int], largest: int, option: str
) -> None:
    """Stop(BAD_INPUT) where groups are too large for what was asked: numbers exactly, shares to the half."""
    for each, target, got in zip(wanted, targets, have, strict=True):
        least = target if each.count is not None else (target + 1) // 2
        if got < least:
            raise Stop(
                BAD_INPUT,
                f"{option}: {each.name} would have {got} records, not {target}: near-twins stay together, and the "
                f"largest group has {largest}; ask for another number, or see --split-by",
            )


def _numbers(part: NDArray[np.int64], parts: int) -> list[array[int]]:
    return [_array(np.flatnonzero(part == at)) for at in range(parts)]


def _array(numbers: NDArray[np.int64]) -> array[int]:
    """The same numbers at 8 bytes each."""
    found = array("q")
    found.frombytes(numbers.astype(np.int64).tobytes())
    return found


def _hash(purpose: str, text: str) -> int:
    return int.from_bytes(
        blake2b(text.encode(), digest_size=8, person=purpose.encode()).digest(), "big"
    )
