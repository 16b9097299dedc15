"""The rows of a source: records that a tool makes, where others read theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from headkit import jsonl
from headkit.jsonl import LineError
from headkit.run import ids
from headkit.run.inputs import Place
from headkit.run.records import Row
from headkit.run.rows import Outcome, Writer
from headkit.run.shards import Shard
from headkit.status import BUG, Stop


class Drawn:
    """Iterates over what a source draws, from number `skip` on; every row is done already."""

    def __init__(
        self,
        records: Iterator[Any],
        writer: Writer,
        shard: Shard,
        *,
        skip: int,
        limit: int | None,
        seen: ids.KeySet,
        check: Callable[[], None],
    ) -> None:
        self.records = records
        self.writer = writer
        self.shard = shard
        self.read = skip
        self.limit = limit
        self.seen = seen
        self.check = check
        self.limited = False
        self.skipped = 0

    def __iter__(self) -> Iterator[Row]:
        index, count = self.shard
        while not self._enough():
            self.check()
            made = next(self.records, None)
            if made is None:
                return
            self.read += 1
            row = self._row(made)
            if row.key % count == index:
                if not self.seen.add(row.key):
                    raise Stop(BUG, f"id {row.id!r} was drawn twice; report it")
                yield row

    def _enough(self) -> bool:
        self.limited = self.limit is not None and self.read >= self.limit
        return self.limited

    def _row(self, made: Any) -> Row:
        """A record, or the bytes of a row that is passed on untouched (merge)."""
        where = f"record {self.read}"
        try:
            raw = made if isinstance(made, bytes) else self.writer.drawn(made)
            record = jsonl.parse(raw)
        except LineError as error:
            raise Stop(BUG, f"{where}: {error}; report it") from None
        if type(record.get("id")) is not str:
            raise Stop(BUG, f'{where}: no string "id"; report it')
        done = Outcome(row=raw)
        return Row(raw, record, ids.key(record["id"]), Place(read=self.read), where, done)
