"""The manual's examples, run as they stand in it."""

import shutil
from pathlib import Path

import pytest

from headkit import tool as table

POSES = Path(__file__).parent / "data" / "poses.jsonl"
EXAMPLES = [
    (tool, number)
    for tool in (*table.TOOLS, *table.COMMANDS)
    for number in range(len(tool.module.EXAMPLES))
]


@pytest.mark.parametrize(
    ("tool", "number"), EXAMPLES, ids=[f"{tool.name}-{number}" for tool, number in EXAMPLES]
)
def test_example(tool, number, shell):
    example = tool.module.EXAMPLES[number]
    (shell.folder / "in.jsonl").write_text(example.input)
    if POSES.exists():
        shutil.copy(POSES, shell.folder / "poses.jsonl")
    done = shell.run(example.command, example.input)
    assert done.returncode == example.status, done.stderr
    if example.output:
        assert done.stdout == example.output


@pytest.mark.parametrize("tool", [*table.TOOLS, *table.COMMANDS], ids=lambda tool: tool.name)
def test_examples_are_of_their_tool(tool):
    for example in tool.module.EXAMPLES:
        assert f"headkit {tool.name}" in example.command
        for text in (example.input, example.output):
            assert not text or text.endswith("\n"), "whole lines"
