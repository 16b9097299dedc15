"""The command line: what it takes, what it refuses, and what it loads."""

import os
import signal
import subprocess
import sys

import pytest

from headkit import cli
from headkit import tool as table
from headkit.status import USAGE, WRITE_FAILED, Stop

EVERYTHING = (*table.TOOLS, *table.COMMANDS)
HEAVY = {
    "numpy",
    "torch",
    "PIL",
    "orjson",
    "numba",
    "tqdm",
    "diffusers",
    "ultralytics",
    "transformers",
    "open_clip",
    "rich",
    "pydantic",
}


@pytest.fixture(autouse=True)
def tools(monkeypatch, trial_tool):
    monkeypatch.setattr(table, "TOOLS", (*table.TOOLS, trial_tool))


def parsed(line):
    result = cli.parse(["trial", *line.split()])
    assert isinstance(result, cli.Invocation)
    return result


def test_defaults_are_those_of_the_dataclasses(trial_tool):
    found = parsed("")
    assert found.options == trial_tool.module.Options()
    assert found.run_options == table.RunOptions()
    assert found.operands == []


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("-s4", "size", 4),
        ("-s 5", "size", 5),
        ("--size=6", "size", 6),
        ("-s 5 --size 7", "size", 7),  # the last one counts
        ("--model large --model small", "model", "small"),
        ("--no-boxes", "boxes", False),
        ("--no-boxes --boxes", "boxes", True),
        ("--names b --names a", "names", ("b", "a")),
        ("--kinds hair --kinds face", "kinds", ("hair", "face")),
        ("--threshold 0.5", "threshold", 0.5),
    ],
)
def test_own_options(line, field, value):
    assert getattr(parsed(line).options, field) == value


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("-b4", "batch_size", 4),
        ("-o-", "output", "-"),
        ("-o -", "output", "-"),
        ("-o out.jsonl", "output", "out.jsonl"),
        ("--output=a --output=b", "output", "b"),
        ("-qv", "verbose", True),
        ("--bad-lines skip", "bad_lines", "skip"),
        ("-n0", "limit", 0),
        ("--seed 7", "seed", 7),
        ("--shard 0/4", "shard", "0/4"),
    ],
)
def test_shared_options(line, field, value):
    assert getattr(parsed(line).run_options, field) == value


@pytest.mark.parametrize(
    ("line", "operands"),
    [
        ("a b", ["a", "b"]),
        ("-", ["-"]),
        ("a -s4 b", ["a", "b"]),  # options may follow operands
        ("a - -s4", ["a", "-"]),
        ("-s4 -- -s5 --model", ["-s5", "--model"]),
        ("a -- -- b", ["a", "--", "b"]),
    ],
)
def test_operands(line, operands):
    assert parsed(line).operands == operands


def test_operands_that_are_not_utf8_come_through():
    name = os.fsdecode(b"caf\xe9.jsonl")
    assert cli.parse(["trial", name]).operands == [name]


@pytest.mark.parametrize(
    "line",
    [
        "--absent",
        "-s0",
        "-s10",
        "-s x",
        "--size",
        "--threshold 1.1",
        "--model medium",
        "--kinds ear",
        "-b0",
        "--seed -7",
        "-j0",
        "-n-1",
        "--bad-lines go",
        "--no-size",
        "--ledger x",
    ],
)
def test_usage_errors(line, capsys):
    assert cli.execute(["trial", *line.split()]) == USAGE
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("headkit trial: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("line", ["", "absent", "--absent", "-o x"])
def test_usage_errors_without_a_command(line, capsys):
    assert cli.execute(line.split()) == USAGE
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("headkit: ")


@pytest.mark.parametrize(
    "line", ["completion", "completion cobol", "completion bash zsh", "status"]
)
def test_usage_errors_of_commands(line, capsys):
    assert cli.execute(line.split()) == USAGE
    assert capsys.readouterr().err.startswith(f"headkit {line.split()[0]}: ")


@pytest.mark.parametrize(
    "line",
    [
        "-h",
        "--help",
        "trial -h",
        "trial --help --size x",
        "--version",
        "trial --version",
        "trial --schema",
    ],
)
def test_help_version_and_schema_go_to_standard_output(line, capsys):
    assert cli.execute(line.split()) == 0
    out, err = capsys.readouterr()
    assert out
    assert not err


def test_help_shows_every_flag_of_the_definition(capsys, trial_tool):
    from headkit import definition

    assert cli.execute(["trial", "--help"]) == 0
    shown = capsys.readouterr().out
    for flag in definition.flags(trial_tool):
        assert all(name in shown for name in flag.names)


def test_a_stop_is_one_line_and_its_status(monkeypatch, capsys):
    def stop(*_):
        raise Stop(69, "weights not found; run with --dry-run once")

    monkeypatch.setattr("headkit.run.run", stop)
    assert cli.execute(["trial"]) == 69
    assert capsys.readouterr().err == "headkit trial: weights not found; run with --dry-run once\n"


def test_a_bug_is_70_with_a_traceback_only_when_asked(monkeypatch, capsys):
    monkeypatch.setattr("headkit.run.run", lambda *_: 1 // 0)
    assert cli.execute(["trial"]) == 70
    assert "Traceback" not in capsys.readouterr().err
    assert cli.execute(["trial", "-v"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_run_gets_what_was_parsed_and_decides_the_status(monkeypatch, trial_tool):
    seen = []
    monkeypatch.setattr("headkit.run.run", lambda *given: seen.extend(given) or 75)
    assert cli.execute(["trial", "a.jsonl", "-s5", "-b2"]) == 75
    tool, options, run_options, operands = seen
    assert (tool, options.size, run_options.batch_size, operands) == (trial_tool, 5, 2, ["a.jsonl"])


def test_an_error_of_a_run_is_not_blamed_on_standard_output(monkeypatch, capsys):
    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("headkit.run.run", fail)
    assert cli.execute(["trial"]) == 70
    assert "standard output" not in capsys.readouterr().err


# ---- as processes --------------------------------------------------------------------------------


def run(command, **options):
    return subprocess.run(
        ["sh", "-c", command.replace("headkit", f"{sys.executable} -m headkit")],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


LOADED = "import sys; from headkit import cli; code = cli.execute(sys.argv[1:]); print(*sys.modules, file=sys.stderr); sys.exit(code)"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        *(
            [tool.name, flag]
            for tool in EVERYTHING
            for flag in ("--help", "--schema")
            if tool.kind != "command" or flag == "--help"
        ),
    ],
    ids=" ".join,
)
def test_help_loads_the_tool_and_nothing_heavy(arguments):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True
    )
    modules = set(done.stderr.split())
    assert not HEAVY & modules
    tools = {module for module in modules if module.startswith("headkit.tools.")}
    assert tools == (
        {f"headkit.tools.{arguments[0].replace('-', '_')}"} if len(arguments) == 2 else set()
    )


@pytest.mark.parametrize("arguments", ["--help", "--version", "completion fish"])
def test_what_cannot_be_printed_is_74(arguments):
    for target in ("> /dev/full", ">&-"):
        done = run(f"headkit {arguments} {target}")
        assert done.returncode == WRITE_FAILED
        assert done.stderr.startswith("headkit")
        assert done.stderr.count("\n") == 1


def test_a_reader_that_has_gone_ends_it_by_the_signal():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "headkit", "--help"],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert done.returncode == -signal.SIGPIPE
    assert not done.stderr


def test_names_that_are_not_utf8_are_printed_as_they_are(tmp_path):
    name = b"caf\xe9.jsonl"
    account = '{"tool":"x","finished":true,"seconds":1,"checkpoint":{"counts":{"read":1,"out":1,"failed":0,"dropped":0,"skipped":0},"inputs":[],"place":{}}}'
    (tmp_path / os.fsdecode(name + b".run.json")).write_text(account)
    done = subprocess.run(
        [sys.executable, "-m", "headkit", "status", name],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert name in done.stdout


def test_without_an_error_stream_the_status_still_tells():
    assert run("headkit absent 2>&-").returncode == USAGE
