"""The figures of a tally as lines of text."""

from __future__ import annotations

from typing import Any

# Columns of the table: heading, and where in a row of summary() the number is.
_COLUMNS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("heads", ("heads",), "d"),
    ("recall", ("recall",), ".3f"),
    ("fitted", ("fitted",), ".3f"),
    ("AP50", ("ap50",), ".3f"),
    ("AP", ("ap",), ".3f"),
    ("NME box %", ("nme_box", "mean"), ".2f"),
    ("NME eye %", ("nme_eye", "mean"), ".2f"),
    ("geo med", ("geodesic", "median"), ".2f"),
    ("geo 95%", ("geodesic", "p95"), ".2f"),
    (">10 deg", ("geodesic", "over_10"), ".3f"),
    ("MAEV", ("columns", "mean"), ".2f"),
    ("yaw", ("yaw", "mean"), ".2f"),
    ("pitch", ("pitch", "mean"), ".2f"),
    ("roll", ("roll", "mean"), ".2f"),
    ("DAD pose", ("frobenius", "mean"), ".3f"),
    ("Z5", ("z5", "mean"), ".3f"),
    ("chamfer", ("chamfer", "mean"), ".2f"),
    ("vertex mm", ("vertex", "mean"), ".2f"),
    ("95% holds", ("coverage", "mean"), ".3f"),
)


def lines(rows: list[dict[str, Any]]) -> list[str]:
    """A table with a row for each group; columns that no row has are left out."""
    kept = [
        column for column in _COLUMNS if any(_value(row, column[1]) is not None for row in rows)
    ]
    cells = [["", *(heading for heading, _, _ in kept)]]
    for row in rows:
        values = [(_value(row, path), form) for _, path, form in kept]
        cells.append([row["group"], *("" if v is None else format(v, form) for v, form in values)])
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    return [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _value(row: dict[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = row
    for key in path:
        if not isinstance(found, dict) or key not in found:
            return None
        found = found[key]
    return found
