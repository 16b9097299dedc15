"""Thresholds on one page of HTML: how near the nearest are, what each threshold finds, and pairs to look at.

The page holds its pictures and styles in itself, runs no program, and fetches nothing. What comes from records, names,
paths and prompts, is escaped.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from headkit.image import Pixels, encode, resize
from headkit.twins.nearest import NOBODY, Neighborhood

# Cosines at which pairs are counted.
EDGES = np.concatenate([np.arange(50, 99) / 100, [0.99, 0.995, 0.999]])
# Where pairs are shown: this far from the threshold.
AROUND = (-0.2, -0.12, -0.08, -0.05, -0.03, 0.03, 0.05, 0.08, 0.11)
SHOWN = 6  # pairs of a row of the sheet
_THUMB = 144  # pixels of its longer side
_BINS = 100
_NEAR = 10  # hundredths about the middle, and thresholds at the top, of which none is left out

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 62em; padding: 0 1em; color: #222; background: #fff; }
h1, h2 { font-weight: 600; } h2 { margin-top: 2em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { text-align: right; padding: .15em .9em; border-bottom: 1px solid #ddd; } tr.now { background: #ffeeba; }
.row { display: flex; flex-wrap: wrap; gap: 12px; margin: .4em 0 1.4em; }
figure { margin: 0; padding: 6px; border: 1px solid #ddd; border-radius: 4px; max-width: 310px; }
figure img + img { margin-left: 4px; } figure img { height: 110px; max-width: 148px; object-fit: contain; vertical-align: top; background: #eee; }
figcaption, q { font-size: 12px; overflow-wrap: anywhere; } q { display: block; max-width: 296px; }
svg { width: 100%; height: auto; } .note { color: #555; }
"""


@dataclass(frozen=True)
class Pair:
    """Two records of a pair: their ids, and what there is to see of them: a picture, a text, or None."""

    ids: tuple[str, str]
    cosine: float
    views: tuple[Pixels | str | None, Pixels | str | None]


@dataclass(frozen=True, eq=False)
class Subject:
    """What the page is about."""

    of: str
    model: str
    count: int
    threshold: float | None


def centre(seen: Neighborhood, threshold: float | None) -> float:
    """The threshold, or where it may be: the nearest neighbours of one row in twenty are nearer."""
    if threshold is not None:
        return threshold
    cosine = seen.nearest.cosine[seen.nearest.rows != NOBODY]
    return round(float(np.quantile(cosine, 0.95)), 2) if len(cosine) else 0.9


def rows_of_sheet(middle: float) -> list[tuple[str, float, float, float]]:
    """Rows of the sheet: a heading, and the cosine to which pairs between two others are nearest."""
    just = [
        (f"just over {middle:g}", middle, middle, 2.0),
        (f"just below {middle:g}", middle, -2.0, float(np.nextafter(middle, 0))),
    ]
    steps = [round(middle + away, 3) for away in AROUND if 0 < middle + away <= 1]
    return just + [(f"near {step:g}", step, step - 0.01, step + 0.01) for step in steps]


def pick(seen: Neighborhood, at: float, low: float, high: float) -> list[int]:
    """Places in the sample whose nearest neighbour, from low to high, is nearest to a cosine, each pair once."""
    cosine = seen.nearest.cosine
    away = np.where((cosine >= low) & (cosine <= high), np.abs(cosine - at), np.inf)
    taken: set[tuple[int, int]] = set()
    found: list[int] = []
    for place in np.argsort(away, kind="stable").tolist():
        if len(found) == SHOWN or not np.isfinite(away[place]):
            break
        one, other = int(seen.sample[place]), int(seen.nearest.rows[place])
        if (pair := (min(one, other), max(one, other))) not in taken:
            taken.add(pair)
            found.append(place)
    return found


def html(subject: Subject, seen: Neighborhood, sheet: list[tuple[str, list[Pair]]]) -> str:
    """The page. sheet: headings, and the pairs below them."""
    title = f"Twins among {subject.count} {'pictures' if subject.of == 'image' else 'prompts'}"
    whole = len(seen.sample) == subject.count
    asked = "All" if whole else f"{len(seen.sample)} of them, drawn at random,"
    guess = "" if whole else ", estimated from the sample"
    own = "none of its own" if subject.threshold is None else f"{subject.threshold:g}"
    middle = centre(seen, subject.threshold)
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f"<h1>{escape(title)}</h1>",
        f"<p>Model: {escape(subject.model)}. Threshold: {own}. {asked} were compared with all others.</p>",
        "<h2>How near the nearest neighbour is</h2>",
        _histogram(seen.nearest.cosine[seen.nearest.rows != NOBODY], middle),
        "<h2>What each threshold finds</h2>",
        f'<p class="note">Twins: records with another one at least so near. Pairs: how many there are among all{guess}.</p>',
        _table(subject, seen, middle),
        "<h2>Pairs around it</h2>",
        '<p class="note">Records and their nearest neighbours. The threshold belongs above the pairs to keep.</p>',
    ]
    for heading, pairs in sheet:
        if pairs:
            parts.append(f"<h3>{heading}</h3>")
            parts.append('<div class="row">' + "".join(map(_figure, pairs)) + "</div>")
    return "\n".join(parts) + "\n</html>\n"


def _histogram(cosine: NDArray[np.float64], middle: float) -> str:
    """Bars of the nearest cosines, as SVG."""
    if not len(cosine):
        return "<p>no two records</p>"
    low = min(float(np.floor(np.quantile(cosine, 0.002) * 20) / 20), 0.95)
    counts, edges = np.histogram(np.clip(cosine, low, 1), _BINS, (low, 1))
    width, height, tall = 800, 220, 180
    bars = [
        f'<rect x="{width * k / _BINS:.1f}" y="{tall - tall * n / counts.max():.1f}" width="{width / _BINS - 1:.1f}" '
        f'height="{tall * n / counts.max():.1f}" fill="#4a7ab5"><title>{edges[k]:.3f} to {edges[k + 1]:.3f}: {n}'
        "</title></rect>"
        for k, n in enumerate(counts.tolist())
    ]
    marks = [
        f'<text x="{width * k / 10:.0f}" y="{tall + 18}" font-size="12" text-anchor="middle">{low + (1 - low) * k / 10:.3g}'
        "</text>"
        for k in range(11)
    ]
    marks.append(f'<text x="0" y="8" font-size="12">{counts.max()} in the highest bar</text>')
    place = width * (middle - low) / (1 - low)
    line = f'<line x1="{place:.1f}" x2="{place:.1f}" y1="0" y2="{tall}" stroke="#c33" stroke-dasharray="4"/>'
    return f'<svg viewBox="-20 -4 {width + 40} {height}" role="img">{"".join(bars)}{"".join(marks)}{line}</svg>'


def _table(subject: Subject, seen: Neighborhood, middle: float) -> str:
    """Twins and pairs at thresholds from 0.5 to 1: each hundredth near the middle, fewer further away."""
    cosine = np.where(seen.nearest.rows == NOBODY, -2, seen.nearest.cosine)
    # Ordered pairs of the sample, so each pair of two sampled rows twice: half of them, scaled up.
    scale = subject.count / max(len(seen.sample), 1) / 2
    over = np.cumsum(seen.counts[::-1])[::-1] * scale
    lines = ["<tr><th>threshold<th>twins<th>of all<th>pairs"]
    nearest = int(np.abs(EDGES - middle).argmin())
    for number, edge in enumerate(EDGES.tolist()):
        if abs(number - nearest) > _NEAR and number % 5 and number < len(EDGES) - _NEAR:
            continue
        share = float((cosine >= edge).mean()) if len(cosine) else 0.0
        now = ' class="now"' if number == nearest else ""
        lines.append(
            f"<tr{now}><td>{edge:g}<td>{round(share * subject.count)}<td>{share:.2%}<td>{round(over[number])}"
        )
    return "<table>" + "\n".join(lines) + "</table>"


def _figure(pair: Pair) -> str:
    views = "".join(map(_view, pair.views))
    ids = " / ".join(map(escape, pair.ids))
    return f"<figure>{views}<figcaption>{pair.cosine:.4f} {ids}</figcaption></figure>"


def _view(view: Pixels | str | None) -> str:
    if view is None:
        return "<q>cannot be read</q>"
    if isinstance(view, str):
        return f"<q>{escape(view)}</q>"
    height, width = view.shape[:2]
    scale = _THUMB / max(height, width)
    if scale < 1:
        view = resize(view, max(1, round(width * scale)), max(1, round(height * scale)))
    data = base64.b64encode(encode(view, "jpg", quality=80)).decode()
    return f'<img alt="" src="data:image/jpeg;base64,{data}">'
