"""The rules that keep the package in shape: who imports whom, sizes, names, and what a tool must have."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import headkit
from headkit import definition
from headkit import tool as table
from headkit.record import FIELDS
from headkit.tool import Example, RunOptions

PACKAGE = Path(headkit.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
EVERYTHING = (*table.TOOLS, *table.COMMANDS)
OF_TWO_KINDS = {"--calibrate"}  # of dedupe it takes no value, of filter the labels
LONGEST = 400  # lines: a file that passes this is split by meaning
FORBIDDEN_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "core",
    "common",
    "base",
    "manager",
    "misc",
}
ONLY_IN = {
    "typer": ("cli.py",),
    "torch": ("head/", "render/", "twins/", "backends/", "make/"),
    **dict.fromkeys(
        ("diffusers", "ultralytics", "open_clip", "transformers"), ("backends/", "make/")
    ),
}
# What a tool's module exports beside Options and EXAMPLES, and with which arguments, by kind.
FUNCTIONS = {
    "map": ("start", ["options", "context"]),
    "choose": ("start", ["options", "context"]),
    "whole": ("stream", ["options", "context", "records"]),
    "report": ("stream", ["options", "context", "records"]),
    "source": ("draw", ["options", "context", "records", "skip"]),
    "command": ("text", ["options", "operands"]),
}


def names(tools):
    return [tool.name for tool in tools]


def imported(path):
    """Every module that a file imports, anywhere in it, by its dotted name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rules():
    """The table of headkit's docstring: a module or folder, and what it may import of ours."""
    lines = re.findall(r"^    (\w+) +([\w ]+)", headkit.__doc__, re.MULTILINE)
    return {
        name: set() if allowed.startswith("nothing") else set(allowed.split())
        for name, allowed in lines
    }


def unit(path):
    """The line of the table that a file comes under."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_imports_go_in_one_direction():
    allowed = rules()
    wrong = []
    for path in FILES:
        own = {unit(path)} - {"tools"}  # tools do not import each other
        for module in imported(path):
            ours = module.startswith("headkit.") and module != "headkit.__version__"
            if ours and module.split(".")[1] not in allowed.get(unit(path), set()) | own:
                wrong.append(f"{path.relative_to(PACKAGE)}: {module}")
    assert not wrong, "the docstring of headkit/__init__.py says who may import whom"


def test_no_two_units_import_each_other():
    allowed = rules()
    assert {unit(path) for path in FILES} - {"__init__"} <= set(allowed)

    def reached(name, seen):
        for other in allowed[name] - seen:
            seen |= {other} | reached(other, seen | {other})
        return seen

    assert not [name for name in allowed if name in reached(name, set())]


def test_model_libraries_stay_in_their_places():
    wrong = []
    for path in FILES:
        place = str(path.relative_to(PACKAGE))
        for module in imported(path):
            places = ONLY_IN.get(module.split(".")[0])
            if places is not None and not place.startswith(places):
                wrong.append(f"{place}: {module}")
    assert not wrong


def test_files_are_short():
    lengths = {str(path.relative_to(PACKAGE)): path.read_text().count("\n") for path in FILES}
    assert not {place: lines for place, lines in lengths.items() if lines > LONGEST}, (
        "split it by meaning"
    )


def test_files_say_what_they_are_for():
    silent = [
        path
        for path in FILES
        if path.read_text() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_names_have_a_meaning():
    parts = {part.removesuffix(".py") for path in FILES for part in path.relative_to(PACKAGE).parts}
    assert not FORBIDDEN_NAMES & parts


def test_only_the_command_line_prints():
    wrong = []
    for path in FILES:
        if unit(path) in {"cli", "doc", "make"}:
            continue
        calls = (
            node.func
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
        )
        wrong += [path for call in calls if isinstance(call, ast.Name) and call.id == "print"]
    assert not wrong


# ---- the table of tools --------------------------------------------------------------------------


def test_names_are_unique_and_every_file_of_tools_is_listed():
    listed = [tool.name for tool in EVERYTHING]
    assert len(set(listed)) == len(listed)
    files = {path.stem for path in (PACKAGE / "tools").glob("*.py")} - {"__init__"}
    assert files == {name.replace("-", "_") for name in listed}


@pytest.mark.parametrize("tool", EVERYTHING, ids=names(EVERYTHING))
def test_module_has_what_its_kind_needs(tool):
    name, arguments = FUNCTIONS[tool.kind]
    assert list(inspect.signature(getattr(tool.module, name)).parameters) == arguments
    # A choose that makes a report with some options has the function of a report as well.
    theirs = {name, "stream"} if hasattr(tool.module, "reports") else {name}
    for other in {function for function, _ in FUNCTIONS.values()} - theirs:
        assert not hasattr(tool.module, other), f"a {tool.kind} has no {other}"
    assert inspect.getdoc(tool.module), "the docstring is the DESCRIPTION of the manual"
    assert tool.module.Options.__dataclass_params__.frozen
    assert tool.module.Options() == tool.module.Options()
    assert tool.module.EXAMPLES
    assert all(isinstance(example, Example) for example in tool.module.EXAMPLES)


@pytest.mark.parametrize("tool", EVERYTHING, ids=names(EVERYTHING))
def test_summary_fits_a_list(tool):
    assert tool.summary[0].islower()
    assert not tool.summary.endswith(".")
    assert len(tool.summary) <= 70


@pytest.mark.parametrize("tool", EVERYTHING, ids=names(EVERYTHING))
def test_every_option_is_explained_and_spelled_well(tool):
    seen = set()
    for flag in definition.flags(tool):
        assert flag.opt.help.endswith((".", ").")), f"{flag.field}: help is a sentence"
        assert flag.opt.help[0].isupper() or flag.opt.help.startswith("cpu"), flag.field
        assert flag.names[-1].startswith("--"), f"{flag.field}: has a long name, last"
        assert all(
            re.fullmatch(r"-[A-Za-z0-9]|--[a-z0-9]+(-[a-z0-9]+)*", name) for name in flag.names
        )
        assert not flag.takes_value or flag.metavar, f"{flag.field}: say what the value is"
        assert not seen & set(flag.names), f"{flag.field}: a flag twice"
        assert (
            not set(flag.choices)
            or flag.default is None
            or flag.repeated
            or flag.default in flag.choices
        )
        seen |= set(flag.names)


def test_equal_flags_have_equal_help_and_letters_one_meaning():
    meaning, letters = {}, {}
    for tool in table.TOOLS:
        for flag in definition.flags(tool):
            for name in flag.names:
                if not name.startswith("--"):
                    assert letters.setdefault(name, flag.names[-1]) == flag.names[-1], (
                        f"{tool.name} {name}"
                    )
    for flag in definition.read_flags(RunOptions):
        meaning[flag.names[-1]] = flag.type, flag.metavar
    for tool in table.TOOLS:
        shared = {flag.names[-1] for flag in definition.common_flags(tool)}
        for flag in definition.own_flags(tool):
            assert flag.names[-1] not in shared, f"{tool.name} {flag.names[-1]}: is the runner's"
            # Choices are words of the tool's own, as generate --model render.
            if flag.names[-1] in OF_TWO_KINDS or flag.choices:
                continue
            kind = (flag.type, flag.metavar)
            assert meaning.setdefault(flag.names[-1], kind) == kind, f"{tool.name} {flag.names[-1]}"


@pytest.mark.parametrize("tool", EVERYTHING, ids=names(EVERYTHING))
def test_fields_are_in_the_record_and_know_their_writers(tool):
    top = {field.path: field for field in FIELDS if "." not in field.path}
    for name in (*tool.reads, *tool.writes):
        assert name in top, f"{tool.name}: {name} is not in record.py"
    for name in tool.writes:
        assert tool.name in top[name].tools, (
            f"{name}: {tool.name} is not among its tools in record.py"
        )
    for field in FIELDS:
        assert tool.name not in field.tools or field.path in tool.writes


def test_fields_are_listed_once():
    paths = [field.path for field in FIELDS]
    assert len(set(paths)) == len(paths)
    assert {name for field in FIELDS for name in field.tools} <= {tool.name for tool in table.TOOLS}


def test_every_shared_flag_is_shown_by_some_kind():
    assert list(table.SHOWN) == [flag.field for flag in definition.read_flags(RunOptions)]
