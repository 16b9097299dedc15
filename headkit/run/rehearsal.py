"""--dry-run: everything but the work itself, and what that would take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from headkit import paths
from headkit.run.batches import Batches
from headkit.run.plan import Plan
from headkit.run.records import Row
from headkit.run.room import free

SAMPLE = 8  # records, at least


def rehearse(plan: Plan, rows: Iterator[Row], total: int | None) -> str:
    """Load the models, time a sample, write nothing; one line about the whole run.

    `total` is the number of records of the input, None where it is a pipe.
    """
    sample = list(islice(rows, max(SAMPLE, 2 * plan.batch_size)))
    began = time.monotonic()
    batches = Batches(plan.tool, plan.options, replace(plan.context, tag=None))
    choose = getattr(batches.process, "sample", None)
    if choose is not None:
        numbers = choose([row.record for row in sample])
        sample = [sample[number] for number in numbers]
    batches.outcomes(sample[:1])  # whatever is compiled or allocated once
    loaded = time.monotonic()
    paths.written.files = paths.written.bytes = 0
    size = failed = 0
    for at in range(0, len(sample), plan.batch_size):
        for outcome in batches.outcomes(sample[at : at + plan.batch_size]):
            size += len(outcome.row or outcome.ledger or b"")
            failed += outcome.failed
    seconds = time.monotonic() - loaded
    number = max(1, len(sample))
    scale = (total if total is not None else 1000) / number
    workers = max(1, plan.workers)
    whole = f"{total} records" if total is not None else "every 1000 records"
    files, gigabytes = paths.written.files * scale, (paths.written.bytes + size) * scale / 1e9
    return (
        f"dry run: loading took {loaded - began:.1f} s; {len(sample)} records took {seconds:.2f} s, {failed} failed; "
        f"{whole} will take about {seconds * scale / workers / 3600:.2g} hours with {workers} "
        f"process{'es' if workers > 1 else ''}, "
        f"{files:.0f} files, {gigabytes:.2g} GB{_too_much(plan, files, gigabytes)}; nothing was written"
    )


def _too_much(plan: Plan, files: float, gigabytes: float) -> str:
    """For the message: the disk that will not hold it, as it is now."""
    for folder in plan.folders:
        room, more = free(folder)
        if gigabytes > room / 1e9:
            return f", but the disk of {folder} has only {room / 1e9:.2g} left"
        if more is not None and files > more:
            return f", but the disk of {folder} takes only {more} more"
    return ""
