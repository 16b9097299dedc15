"""Bytes and poses: each record is compared with those that stay, and goes where one of them is its twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headkit.alike.files import checked_digest, image_bytes
from headkit.alike.rows import CannotCompareError, Preference
from headkit.arrangement import Neighborhood, PoseError, arrangement
from headkit.tool import Drop, Failure, Record, Result

Near = tuple[float, int]  # distance, and the row that stays
Describe = Callable[[Record], Any]  # what is compared of a record; None: never a twin
Match = Callable[[int, Any], Near | None]  # the twin of a record among those that stay
Reason = Callable[[float, str], Drop]  # of the distance and the id of the twin


@dataclass(frozen=True)
class Comparison:
    """What makes two records twins. `wanted`: one of these fields is in the first record."""

    of: str
    wanted: tuple[str, ...]
    describe: Describe
    match: Match
    drop: Reason


@dataclass(slots=True)
class _Row:
    """What is kept of a record while the others are read."""

    id: str
    subject: Any = None
    rank: float = 0.0  # the highest stays
    failure: Failure | None = None


def decide(
    comparison: Comparison, prefer: Preference, records: Iterator[Record]
) -> Iterator[Result]:
    """One Result per record, in order, once all are read."""
    rows: list[_Row] = []
    first = True
    for record in records:
        if "error" in record:
            rows.append(_Row(record["id"]))
            continue
        if first:
            prefer.check_first(record, comparison.of, comparison.wanted)
            first = False
        rows.append(_row(record, comparison.describe, prefer))
    twins = _twins(rows, comparison.match)
    staying = {row for _, row in twins.values()}
    for number, row in enumerate(rows):
        if row.failure is not None:
            yield row.failure
        elif number in twins:
            distance, winner = twins[number]
            yield comparison.drop(distance, rows[winner].id)
        else:
            yield {"cluster": row.id} if number in staying else {}


def _row(record: Record, describe: Describe, prefer: Preference) -> _Row:
    try:
        rank = prefer.rank(record)
        return _Row(record["id"], describe(record), rank)
    except CannotCompareError as error:
        return _Row(record["id"], failure=error.failure)


def _twins(rows: list[_Row], match: Match) -> dict[int, Near]:
    """For each row that goes, the nearest one that stays."""
    order = sorted(range(len(rows)), key=lambda number: (-rows[number].rank, number))
    twins = {}
    for number in order:
        subject = rows[number].subject
        if subject is not None:
            near = match(number, subject)
            if near is not None:
                twins[number] = near
                rows[number].subject = None  # no longer needed
    return twins


def same_bytes(root: Path, *, verify: bool) -> Comparison:
    """The same image file. With `verify` image_sha256 is not believed."""
    kept: dict[bytes, int] = {}

    def describe(record: Record) -> bytes:
        known = record.get("image_sha256")
        if isinstance(known, str) and not verify:
            return known.lower().encode()
        digest: str = checked_digest(record, image_bytes(root, record)).hex()
        return digest.encode()

    def match(number: int, digest: bytes) -> Near | None:
        found = kept.setdefault(digest, number)
        return None if found == number else (0.0, found)

    def drop(_: float, winner: str) -> Drop:
        return Drop(f"the same image file as {winner}", fields={"cluster": winner})

    return Comparison("bytes", ("image", "image_sha256"), describe, match, drop)


def same_pose(threshold: float, *, mirror: bool) -> Comparison:
    """People in the same arrangement: no joint further apart than `threshold`, in person heights."""
    kept = Neighborhood(threshold)

    def describe(record: Record) -> Any:
        if "poses" not in record:
            raise CannotCompareError("field", "no poses; run headkit pose-extract first")
        try:
            return arrangement(record["poses"])
        except PoseError as error:
            raise CannotCompareError("pose", str(error)) from None

    def match(number: int, subject: Any) -> Near | None:
        near = [kept.nearest(subject)]
        if mirror:
            near.append(kept.nearest(subject.mirrored()))
        found = min((pair for pair in near if pair is not None), default=None)
        if found is None:
            kept.add(number, subject)
        return found

    def drop(far: float, winner: str) -> Drop:
        far = round(far, 5)
        reason = f"poses within {far} person heights of {winner}"
        return Drop(reason, far, threshold, fields={"cluster": winner})

    return Comparison("pose", ("poses",), describe, match, drop)
