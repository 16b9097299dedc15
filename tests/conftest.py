"""What several tests share."""

import sys
import types
from dataclasses import make_dataclass
from typing import Annotated, Literal

import pytest

from headkit.tool import Opt, Tool


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
