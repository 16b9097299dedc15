"""--retry-errors: the rows of an earlier run once more, those that failed through the tool again."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import chain

from headkit.run.books import Books
from headkit.run.flow import Flow, batched
from headkit.run.outputs import Journal
from headkit.run.records import Row
from headkit.run.resume import Kept, kept_rows, other_input
from headkit.run.rows import Outcome


def redo_errors(books: Books, rows: Iterator[Row], flow: Flow, size: int) -> Iterator[Row]:
    """Write the output anew beside itself and put it in its place; what is left of the input.

    Rows keep their order, and a run that is killed meanwhile leaves the old output as it was.
    """
    old = books.output
    assert isinstance(old, Journal)
    kept = kept_rows(old, 0)
    beyond: list[Row] = []  # the first record after those that are done

    def paired() -> Iterator[Row]:
        for row in rows:
            before = next(kept, None)
            if before is None:
                beyond.append(row)
                return
            if before.record.get("id") != row.id:
                raise other_input(old, books, before, row)
            if not _again(before, row, books.tool):
                row.done = Outcome(row=before.raw)
            yield row
        surplus = next(kept, None)
        if surplus is not None:
            raise other_input(old, books, surplus, None)

    books.output = Journal(old.path.with_name(f".{old.path.name}.tmp"), temporary=True)
    os.fchmod(books.output.descriptor, stat.S_IMODE(os.fstat(old.descriptor).st_mode))
    books.output.truncate(0)
    flow.run(batched(paired(), size))
    books.output.take_place_of(old)
    return chain(beyond, rows)


def _again(before: Kept, row: Row, tool: str) -> bool:
    """Whether a row is done again: it failed here, or its error upstream has gone."""
    if "error" not in before.record:
        return False
    return before.failed_in(tool) or "error" not in row.record
