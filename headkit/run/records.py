"""Lines to records that obey the contract: an id, once; a schema that we read; this shard; up to the limit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from headkit import jsonl, paths
from headkit.jsonl import LineError
from headkit.record import SCHEMA
from headkit.run import ids
from headkit.run.inputs import Line, Lines, Place
from headkit.run.photo_lines import PhotoLines
from headkit.run.rows import Outcome
from headkit.run.shards import Shard
from headkit.status import BAD_INPUT, USAGE, Stop
from headkit.tool import Photo, Record


@dataclass(slots=True)
class Row:
    """A record with its own bytes, the key of its id, and the place up to which reading it has come."""

    raw: bytes
    record: Record
    key: int
    place: Place
    where: str  # file:line
    done: Outcome | None = None  # known without the tool
    photo: Photo | None = None

    @property
    def id(self) -> str:
        id: str = self.record["id"]
        return id


class Rows:
    """Iterates over the records of this shard; Stop 65 at the first bad line, or skips and counts it."""

    def __init__(
        self,
        lines: Lines | PhotoLines,
        shard: Shard,
        *,
        limit: int | None,
        skip_bad: bool,
        complain: Callable[[str], None],
        root: Path,
        seen: ids.KeySet,
        check_first: Callable[[Record, str], None],
    ) -> None:
        self.lines = lines
        self.shard = shard
        self.limit = limit
        self.skip_bad = skip_bad
        self.complain = complain
        self.root = root
        self.seen = seen
        self.check_first = check_first  # of the whole input: all shards agree on what it refuses
        self.checked = lines.place.read > 0
        self.skipped = lines.place.skipped
        self.read = lines.place.read  # of all shards: --limit counts these
        self.limited = False  # the limit was reached

    def __iter__(self) -> Iterator[Row]:
        if self.enough():
            return
        for line in self.lines:
            row = self.row(line)
            if row is not None:
                yield row
            if self.enough():  # before the next line is waited for
                return

    def row(self, line: Line) -> Row | None:
        """The record on a line; None of a blank one, one of another shard, and a bad one that is skipped."""
        index, count = self.shard
        where = self.lines.where(line.file, line.number)
        try:
            record = self._record(line)
            if record is None:
                return None
            key = self._key(record, where)
            if key % count == index:
                self._add(key, record)
        except LineError as error:
            if not self.skip_bad:
                raise Stop(BAD_INPUT, f"{where}: {error}") from None
            self.skipped += 1
            self.complain(f"{where}: {error}; skipped")
            return None
        if not self.checked and "error" not in record:
            self.checked = True
            self.check_first(record, where)
        self.read += 1
        if key % count != index:
            return None
        place = Place(line.file, line.end, line.number, self.read, self.skipped)
        return Row(self._raw(line, record), record, key, place, where, photo=line.photo)

    def _add(self, key: int, record: Record) -> None:
        if not self.seen.add(key):
            raise LineError(f'id "{record["id"]}" stands in the manifest twice')

    def enough(self) -> bool:
        """Whether --limit is reached."""
        self.limited = self.limit is not None and self.read >= self.limit
        return self.limited

    def _raw(self, line: Line, record: Record) -> bytes:
        return jsonl.dump(record) if self.lines.separator == b"\0" else line.raw

    def _record(self, line: Line) -> Record | None:
        """The record on a line; None where the line is blank."""
        if self.lines.separator == b"\0":
            return self._photo(line.raw) if line.raw else None
        if not line.raw or line.raw.isspace():
            return None
        try:
            return jsonl.parse(line.raw)
        except LineError as error:
            if line.cut:
                raise LineError(f"last line is cut short ({error})") from None
            raise

    def _photo(self, name: bytes) -> Record:
        """The record of an image path from -0; its id is a hash of the path as stored."""
        try:
            stored = paths.stored(self.root, Path(os.fsdecode(name)))
        except paths.PathError as error:
            raise Stop(USAGE, str(error)) from None
        return {"id": blake2b(stored.encode(), digest_size=10).hexdigest(), "image": stored}

    def _key(self, record: Record, where: str) -> int:
        id = record.get("id")
        if type(id) is not str or not id:
            raise LineError('no string "id"')
        schema = record.get("schema", SCHEMA)
        if type(schema) is not int:
            raise LineError('"schema" is not an integer')
        if schema > SCHEMA:
            raise Stop(
                BAD_INPUT,
                f"{where}: schema {schema} is newer than {SCHEMA}, the newest we read; update headkit",
            )
        return ids.key(id)
