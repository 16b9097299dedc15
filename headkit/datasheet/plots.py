"""plots.svg: one page of bars, drawn by hand, so that the same counts make the same bytes with any library version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headkit.datasheet.markup import number, xml
from headkit.datasheet.measures import Measures

WIDTH, MARGIN, GAP = 960, 24, 20
PANEL = (WIDTH - 2 * MARGIN - GAP) // 2
ROW, TITLE, LABEL = 19, 34, 150
MOST_BARS = 16
BAR, INK, PALE, PAPER = "#3b6ea5", "#1c1c1c", "#6b6b6b", "#ffffff"
PANELS = (
    ("heads-per-image", "Heads of an image", "images"),
    ("heights", "Height of heads", "heads"),
    ("yaws", "Yaw of heads, degrees", "heads"),
    ("visibility", "Visible share of heads", "heads"),
    ("asked-sex", "Asked for: sex", "people"),
    ("asked-age", "Asked for: age", "people"),
    ("asked-origin", "Asked for: origin", "people"),
    ("asked-tone", "Asked for: skin tone, Monk scale", "people"),
    ("asked-hair", "Asked for: hair", "people"),
    ("asked-headwear", "Asked for: headwear", "people"),
    ("asked-glasses", "Asked for: glasses", "people"),
    ("asked-beard", "Asked for: beard", "people"),
    ("asked-expression", "Asked for: expression", "people"),
    ("reasons", "Why records were dropped", "records"),
)  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """Bars with a title; each bar has a name and a length."""

    title: str
    unit: str
    bars: Sequence[tuple[str, int]]

    @property
    def height(self) -> int:
        return TITLE + ROW * len(self.bars) + 8


def plots(measures: Measures) -> bytes:
    """The SVG file; two columns of panels, each beneath the shorter one."""
    panels = [
        Panel(title, unit, _bars(measures.known[name].rows))
        for name, title, unit in PANELS
        if name in measures.known
    ]
    heights = [MARGIN, MARGIN]
    drawn = []
    for panel in panels:
        column = heights.index(min(heights))
        drawn.append(_draw(panel, MARGIN + column * (PANEL + GAP), heights[column]))
        heights[column] += panel.height + GAP
    height = max(heights) + MARGIN - GAP if panels else 2 * MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" role="img">'
    )
    title = "<title>What is in this dataset, counted</title>"
    paper = f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>'
    return "\n".join((head, title, paper, *drawn, "</svg>", "")).encode()


def _bars(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, int]]:
    """The rows of a count as bars; what is too many is one bar."""
    bars = [(row[1], int(row[0])) for row in rows]
    if len(bars) > MOST_BARS:
        rest = bars[MOST_BARS - 1 :]
        bars = [*bars[: MOST_BARS - 1], (f"{len(rest)} others", sum(count for _, count in rest))]
    return bars


def _draw(panel: Panel, x: int, y: int) -> str:
    total = sum(count for _, count in panel.bars) or 1
    most = max((count for _, count in panel.bars), default=1) or 1
    room = PANEL - LABEL - 96
    lines = [
        f'<text x="{x}" y="{y + 16}" font-size="14" font-weight="bold" fill="{INK}">{xml(panel.title)}</text>',
        f'<text x="{x + PANEL}" y="{y + 16}" text-anchor="end" fill="{PALE}">{number(total)} {panel.unit}</text>',
    ]
    for place, (name, count) in enumerate(panel.bars):
        top = y + TITLE + place * ROW - 8
        shown = name if len(name) <= 24 else name[:23] + "…"
        length = max(1, round(room * count / most)) if count else 0
        lines += [
            f'<text x="{x + LABEL - 8}" y="{top + 13}" text-anchor="end" fill="{INK}">{xml(shown)}'
            + (f"<title>{xml(name)}</title>" if shown != name else "")
            + "</text>",
            f'<rect x="{x + LABEL}" y="{top + 2}" width="{length}" height="{ROW - 5}" fill="{BAR}"/>',
            f'<text x="{x + LABEL + length + 6}" y="{top + 13}" fill="{PALE}">{number(count)} ({100 * count / total:.1f}%)</text>',
        ]
    return "\n".join(lines)
