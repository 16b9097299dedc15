"""Golden cases: tests/golden/TOOL/CASE holds a command, what it reads, and all that it says.

    cmd         the command line, run by sh in a copy of the folder
    in.jsonl    its standard input
    out.jsonl   its standard output
    err         its standard error, the time taken as T
    status      its exit status

`pytest --update-golden` writes the last three anew; review them with git diff. A new case needs
cmd and in.jsonl only. Other files of the folder are there for the command to read.
"""

import re
import shutil
from pathlib import Path

import pytest

from headkit import tool as table

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("*/*/cmd"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_golden(case, shell, request):
    shutil.copytree(case, shell.folder, dirs_exist_ok=True)
    done = shell.run((case / "cmd").read_text(), (case / "in.jsonl").read_text())
    said = {
        "out.jsonl": done.stdout,
        "err": re.sub(r"in \d[\d.]* s$", "in T s", done.stderr, flags=re.MULTILINE),
        "status": f"{done.returncode}\n",
    }
    if request.config.getoption("--update-golden"):
        for name, text in said.items():
            (case / name).write_text(text)
    assert said == {name: (case / name).read_text() for name in said}


@pytest.mark.parametrize("tool", table.TOOLS, ids=lambda tool: tool.name)
def test_every_tool_has_a_golden_case(tool):
    assert [case for case in CASES if case.parent.name == tool.name]
    assert all(
        f"headkit {tool.name}" in (case / "cmd").read_text()
        for case in CASES
        if case.parent.name == tool.name
    )
