"""Plain text with light marks to the troff of man(7).

The marks are those of our docstrings: paragraphs between blank lines, `code` in backticks, lists
whose items begin with "- ", and commands or records indented by four spaces.
"""

from __future__ import annotations

import re
from itertools import groupby

# What man(7) would turn into typographic characters must come out as typed, to be copied.
SIGNS = {"\\": "\\(rs", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}
MARKED = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|(?<![\w.-])(?P<flag>--?[A-Za-z0-9][\w-]*)"
    r"|(?P<page>\bheadkit(?:-[a-z-]+)?|\b[a-z]+)\((?P<section>[1-8])\)"
)


def literal(text: str) -> str:
    """Text that is typed or read by programs: every sign as it is."""
    return _guarded("".join(SIGNS.get(sign, sign) for sign in text))


def bold(text: str) -> str:
    """Text to be typed as it is."""
    return rf"\fB{literal(text)}\fR"


def italic(text: str) -> str:
    """Text that stands for something else."""
    return rf"\fI{literal(text)}\fR"


def prose(text: str) -> str:
    """A paragraph on one line: code, options and manual pages in bold."""
    text = " ".join(text.split())
    pieces, end = [], 0
    for match in MARKED.finditer(text):
        pieces.append(_plain(text[end : match.start()]))
        if match["page"]:
            pieces.append(f"{bold(match['page'])}({match['section']})")
        else:
            pieces.append(_breakable(bold(match["code"] or match["flag"])))
        end = match.end()
    pieces.append(_plain(text[end:]))
    return _guarded("".join(pieces))


def paragraphs(text: str) -> str:
    """A docstring: paragraphs, lists and indented examples."""
    blocks = re.split(r"\n\s*\n", text.strip("\n"))
    return "\n".join(_block(block, first=number == 0) for number, block in enumerate(blocks))


def example(lines: str) -> str:
    """Commands or records, line by line."""
    typed = "\n".join(literal(line) for line in lines.splitlines())
    return f".PP\n.RS 4\n.EX\n{typed}\n.EE\n.RE"


def definition(term: str, *texts: str) -> str:
    """A term, in troff already, and what it means; further texts are paragraphs of their own."""
    return f".TP\n{term}\n" + "\n.IP\n".join(prose(text) for text in texts)


def section(title: str, *blocks: str) -> str:
    """A section, or nothing where no block holds anything."""
    body = "\n".join(block for block in blocks if block)
    return f".SH {title}\n{body}" if body else ""


def _block(block: str, *, first: bool) -> str:
    lines = block.splitlines()
    if all(line.startswith("    ") for line in lines):
        return example("\n".join(line[4:] for line in lines))
    parts: list[str] = []
    for is_item, group in groupby(_items(lines), key=lambda text: text.startswith("- ")):
        for text in group:
            lead = ".IP \\(bu 2\n" if is_item else "" if first and not parts else ".PP\n"
            parts.append(lead + prose(text.removeprefix("- ")))
    return "\n".join(parts)


def _items(lines: list[str]) -> list[str]:
    """Lines joined to list items or paragraphs: an item goes on where lines are indented."""
    items: list[str] = []
    for line in lines:
        starts = line.startswith("- ") or not items
        ends_list = items and items[-1].startswith("- ") and not line.startswith(" ")
        if starts or ends_list:
            items.append(line)
        else:
            items[-1] += " " + line.strip()
    return items


def _breakable(text: str) -> str:
    """A long word may go on in the next line after a comma or slash; no sign is added there."""
    return re.sub(r"([,/])(?=\S)", r"\1\\:", text) if len(text) > 40 else text


def _plain(text: str) -> str:
    return text.replace("\\", "\\(rs").replace("^", "\\(ha").replace("~", "\\(ti")


def _guarded(line: str) -> str:
    """A line that would be taken for a request is given a start that is not."""
    return "\\&" + line if line.startswith((".", "'")) else line
