"""Print what makes a shell complete headkit's commands, options and values.

An installed headkit has its completions where shells look for them, under the prefix of its
environment. Where a shell does not look there, load them at its start: for bash, the line
`eval "$(headkit completion bash)"` in ~/.bashrc; for zsh, `eval "$(headkit completion zsh)"`
after compinit in ~/.zshrc; for fish, `headkit completion fish | source` in config.fish. What is
loaded is plain shell code: pressing TAB starts no Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from headkit import completions
from headkit.status import USAGE, Stop
from headkit.tool import Example


@dataclass(frozen=True)
class Options:
    """None beside the shell."""


EXAMPLES = (
    Example("headkit completion bash > headkit.bash"),
    Example("headkit completion fish > headkit.fish"),
)


def text(options: Options, operands: list[str]) -> Iterator[str]:  # noqa: ARG001
    """The script of the one shell that is named."""
    if len(operands) != 1:
        raise Stop(USAGE, f"{len(operands)} shells named; name one of bash, zsh, fish")
    yield completions.script(cast("completions.Shell", operands[0])).rstrip("\n")
