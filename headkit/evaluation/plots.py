"""Plots of a tally: what share of heads lies below each error, and how the error depends on yaw and size."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from headkit.evaluation.tally import COLUMNS, SIZES, YAW_BANDS, Tally, group_names

CURVES = ("geodesic", "nme_box", "vertex")


def plots(tally: Tally) -> dict[str, bytes]:
    """PNG files by name: one curve plot for each of CURVES that was measured, and one of errors by group."""
    import matplotlib as mpl
    from matplotlib.figure import Figure  # no pyplot: it keeps state and may look for a display

    with mpl.rc_context({"svg.hashsalt": "headkit"}):
        out = {
            f"{name}.png": _png(_curve(Figure, tally, name))
            for name in CURVES
            if _errors(tally, "all", name)
        }
        if _errors(tally, "all", "geodesic"):
            out["by-group.png"] = _png(_by_group(Figure, tally))
    return out


def _curve(figure_class: Any, tally: Tally, column: str) -> Any:
    """Share of all true heads, missed ones included, whose error is below x."""
    figure = figure_class(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    unit, meaning = COLUMNS[column]
    limit = float(np.quantile(_errors(tally, "all", column), 0.99)) * 1.1 or 1.0
    for name in ("all", *_yaw_names()):
        errors = np.sort(_errors(tally, name, column))
        if not len(errors):
            continue
        share = np.arange(1, len(errors) + 1) / tally.groups[name].true
        axes.step(
            np.concatenate([[0], errors, [max(limit, errors[-1])]]),
            np.concatenate([[0], share, share[-1:]]),
            where="post",
            label=f"{name} ({tally.groups[name].true})",
            linewidth=2.5 if name == "all" else 1.2,
            color="black" if name == "all" else None,
        )
    axes.set_xlim(0, limit)
    axes.set_ylim(0, 1.01)
    axes.set_xlabel(f"{meaning} ({unit})", fontsize=8)
    axes.set_ylabel("share of all true heads below")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")
    return figure


def _by_group(figure_class: Any, tally: Tally) -> Any:
    """Median and 95th percentile of the rotation error, by yaw and by size."""
    figure = figure_class(figsize=(8, 3.5), layout="constrained")
    names = group_names()
    first = 1 + len(YAW_BANDS)
    for place, (title, chosen) in enumerate(
        (
            ("yaw, degrees", names[1:first]),
            ("longer side of the head", names[first : first + len(SIZES)]),
        )
    ):
        axes = figure.add_subplot(1, 2, place + 1)
        shown = [(name, _errors(tally, name, "geodesic")) for name in chosen]
        shown = [(name, errors) for name, errors in shown if len(errors)]
        at = np.arange(len(shown))
        axes.bar(at - 0.2, [np.median(errors) for _, errors in shown], 0.4, label="median")
        axes.bar(at + 0.2, [np.quantile(errors, 0.95) for _, errors in shown], 0.4, label="95%")
        axes.set_xticks(
            at, [f"{name.split(' ', 1)[1]}\n{len(errors)}" for name, errors in shown], fontsize=8
        )
        axes.set_xlabel(f"{title}; number of heads")
        axes.set_ylabel("rotation error, degrees")
        axes.legend(fontsize=8)
        axes.grid(axis="y", alpha=0.3)
    return figure


def _errors(tally: Tally, group: str, column: str) -> list[float]:
    return tally.groups[group].errors.get(column, [])


def _yaw_names() -> list[str]:
    return group_names()[1 : 1 + len(YAW_BANDS)]


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120, metadata={"Software": None})
    return file.getvalue()
