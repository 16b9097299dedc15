"""Writes what is generated from the definitions: man/, completions/ and the tables of README.md.

python -m headkit.doc            write them
python -m headkit.doc --check    say which are stale, and exit 1 if any is
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from headkit import completions, man, status
from headkit import tool as table
from headkit.record import FIELDS
from headkit.tool import Tool

ROOT = Path(__file__).parent.parent
REMEDY = "run: python -m headkit.doc"


def main(arguments: Sequence[str]) -> int:
    """Write or check; the exit status."""
    if not (ROOT / "pyproject.toml").exists():
        print(f"headkit.doc: {ROOT}: not a source tree; run it in a clone", file=sys.stderr)
        return status.USAGE
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m headkit.doc [--check]", file=sys.stderr)
        return status.USAGE
    wanted = generated((*table.TOOLS, *table.COMMANDS))
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    stray = [path for path in sorted((ROOT / "man").glob("*")) if path not in wanted]
    if arguments:
        for path in [*stale, *stray]:
            print(f"{path.relative_to(ROOT)}: stale; {REMEDY}", file=sys.stderr)
        return status.SOME_FAILED if stale or stray else status.OK
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path])
    for path in stray:
        path.unlink()
    return status.OK


def generated(tools: Sequence[Tool]) -> dict[Path, str]:
    """Every generated file, and what should be in it."""
    files = {ROOT / "man" / name: text for name, text in man.pages(tools).items()}
    for name, shell in (("headkit.bash", "bash"), ("_headkit", "zsh"), ("headkit.fish", "fish")):
        files[ROOT / "completions" / name] = completions.script(shell, tools)  # type: ignore[arg-type]
    readme = ROOT / "README.md"
    if readme.exists():
        files[readme] = fill(
            readme.read_text(),
            {"tools": tools_table(tools), "statuses": statuses_table(), "fields": fields_table()},
        )
    return files


def fill(text: str, tables: dict[str, str]) -> str:
    """The text with each table between its marks, `<!-- NAME: generated -->` and `<!-- end NAME -->`."""
    for name, rows in tables.items():
        marks = re.compile(
            rf"(<!-- {name}: generated[^>]*-->\n).*?(<!-- end {name} -->)", re.DOTALL
        )
        text = marks.sub(lambda found, rows=rows: found[1] + rows + found[2], text)  # type: ignore[misc]
    return text


def tools_table(tools: Sequence[Tool]) -> str:
    """The commands: what each reads, writes and does."""
    rows = [
        (f"`{tool.name}`", tool.kind, _names(tool.reads), _names(tool.writes), tool.summary)
        for tool in tools
        if tool.kind != "command"
    ]
    return _table(("tool", "kind", "reads", "writes", "what it does"), rows)


def statuses_table() -> str:
    """The exit statuses."""
    return _table(("status", "when"), [(str(code), text) for code, text in status.MEANING.items()])


def fields_table() -> str:
    """The fields of a record, without those inside of others."""
    rows = [
        (f"`{field.path}`", field.type, field.unit, field.meaning)
        for field in FIELDS
        if "." not in field.path
    ]
    return _table(("field", "type", "unit", "meaning"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def _names(names: Sequence[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
