"""--retry-errors: the rows of an earlier run once more, those that failed through the tool again."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from headkit.run.books import Books
from headkit.run.drawn import Drawn
from headkit.run.flow import Flow, batched
from headkit.run.outputs import Journal
from headkit.run.records import Row, Rows
from headkit.run.resume import Kept, kept_rows, other_input
from headkit.run.rows import Outcome


def redo_errors(
    books: Books, rows: Iterator[Row], source: Rows | Drawn, flow: Flow, size: int
) -> None:
    """Write the output anew beside itself and put it in its place; `rows` then goes on behind it.

    Rows keep their order, and a run that is killed meanwhile leaves the old output as it was. A limit
    that ends before the finished rows says which are tried again; those behind it stay as they are.
    """
    old = books.output
    assert isinstance(old, Journal)
    kept = kept_rows(old, 0)
    limit, source.limit = source.limit, None

    def paired() -> Iterator[Row]:
        for before in kept:
            row = next(rows, None)
            if row is None or before.record.get("id") != row.id:
                raise other_input(old, books, before, row)
            tried = limit is None or row.place.read <= limit
            if not (tried and _again(before, row, books.tool)):
                row.done = Outcome(row=before.raw)
            yield row
        source.limit = limit

    books.output = Journal(old.path.with_name(f".{old.path.name}.tmp"), old.say, temporary=True)
    os.fchmod(books.output.descriptor, stat.S_IMODE(os.fstat(old.descriptor).st_mode))
    books.output.truncate(0)
    flow.run(batched(paired(), size))
    books.output.take_place_of(old)


def _again(before: Kept, row: Row, tool: str) -> bool:
    """Whether a row is done again: it failed here, or its error upstream has gone."""
    if "error" not in before.record:
        return False
    return before.failed_in(tool) or "error" not in row.record
