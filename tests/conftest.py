"""What several tests share."""

import os
import shlex
import signal
import subprocess
import sys
import types
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest

from headkit.tool import Opt, Tool

# As the command sets them, before numpy loads: sums of several threads are other sums, and pictures
# other bytes.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

# A run in the background ignores what the terminal sends, and so would the programs that tests start.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(
            number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        )


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite tests/golden/ from what the tools do now; review with git diff",
    )


@pytest.fixture(scope="session")
def trial_tool():
    """A tool with one option of every type, in a package of its own."""
    options = make_dataclass(
        "Options",
        [
            (
                "model",
                Annotated[Literal["small", "large"], Opt("Which [of two]; it's 'a' choice: yes.")],
                "small",
            ),
            (
                "size",
                Annotated[int, Opt("How many.", flags=("-s", "--size"), minimum=1, maximum=9)],
                4,
            ),
            ("names", Annotated[tuple[str, ...], Opt("Names.", "NAME")], ()),
            ("kinds", Annotated[tuple[Literal["face", "hair"], ...], Opt("Kinds.")], ()),
            ("boxes", Annotated[bool, Opt("Draw boxes.")], True),
            ("format", Annotated[Literal["webdataset"], Opt("The only one.")], "webdataset"),
            ("threshold", Annotated[float | None, Opt("Least score.", minimum=0, maximum=1)], None),
        ],
        frozen=True,
    )
    package, module = (
        types.ModuleType("trial_tools"),
        types.ModuleType("trial_tools.trial", "Try things.\n\nMore."),
    )
    module.Options, module.EXAMPLES = options, ()
    names = {package.__name__: package, module.__name__: module}
    sys.modules |= names
    yield Tool(
        "trial",
        "map",
        "a tool of the tests: 'quotes' and $dollars",
        ("poses",),
        ("image",),
        seeded=True,
        package="trial_tools",
    )
    for name in names:
        del sys.modules[name]


@dataclass
class Shell:
    """Runs command lines in a folder of their own, with the `headkit` of this interpreter."""

    folder: Path
    environment: dict[str, str]

    def run(self, command, stdin=""):
        return subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def shell(tmp_path):
    programs, folder = tmp_path / "bin", tmp_path / "work"
    programs.mkdir()
    folder.mkdir()
    headkit = programs / "headkit"
    headkit.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m headkit "$@"\n')
    headkit.chmod(0o755)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HEADKIT_", "SLURM_"))
    }
    return Shell(folder, environment | {"PATH": f"{programs}:{os.environ['PATH']}"})
