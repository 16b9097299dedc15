"""Text of records, models and people, safe inside Markdown and SVG; numbers as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

LONGEST = 300  # letters of a text from a record
OPEN = "**TO ANSWER**"  # begins the line of a question that nobody has answered: verify --strict looks for it
_MARKDOWN = re.compile(r"[\\`*_\[\]|~#$]")
_FLAT = re.compile(r"\s+")


def flat(text: str, longest: int = LONGEST) -> str:
    """On one line, without control characters, and not too long."""
    shown = "".join(
        letter if letter.isprintable() else " " for letter in _FLAT.sub(" ", text[: 4 * longest])
    )
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def xml(text: str) -> str:
    """Text for SVG."""
    return (
        flat(text)
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
    )


def plain(text: str, longest: int = LONGEST) -> str:
    """Text for Markdown, table cells too: it says what it says, and is neither markup nor HTML nor a link."""
    shown = flat(text, longest).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = _MARKDOWN.sub(lambda found: "\\" + found[0], shown)
    return re.sub(r"(?i)(?<=www)\.|:(?=//)|@", lambda found: f"&#{ord(found[0])};", shown)


def paragraphs(text: str) -> str:
    """What the maker says: it may have paragraphs and links, and no HTML, headings or tables."""
    kept = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    kept = kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").strip()
    return re.sub(r"(?m)^[ \t]*([#|]|---|===|```|~~~)", r"\\\1", kept)


def code(text: str) -> str:
    """A name as code; for table cells too."""
    shown = flat(text).replace("`", "'").replace("|", "¦")
    return f"`{shown}`" if shown.strip() else "(empty)"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """With commas, and no more digits than it has."""
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,}"


def percent(count: int, total: int) -> str:
    """A share; of nothing, a hyphen."""
    return f"{100 * count / total:.1f}%" if total else "-"


def interval(count: int, total: int) -> tuple[float, float]:
    """The 95% interval of a share (E. B. Wilson, 1927): as wide as chance makes a share of so many."""
    if not total:
        return 0.0, 1.0
    z = 1.959964
    share = count / total
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def rate(count: int, total: int) -> str:
    """A share with its 95% interval."""
    low, high = interval(count, total)
    return f"{percent(count, total)} (95%: {100 * low:.1f} to {100 * high:.1f})"


def listed(items: Sequence[str]) -> str:
    """a, b and c."""
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]
