"""A run that was cut anywhere ends in the bytes of one that was not."""

import dataclasses
import json
import os
import random
from array import array

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from manifests import lines, many, parsed
from sample_tools import TOOLS

from headkit.run import run
from headkit.run.ids import KeySet
from headkit.tool import Context, RunOptions
from headkit.tools import merge


@pytest.fixture
def rows(cli):
    rows = many(60)
    rows[7]["do"] = "fail"
    rows[8]["error"] = {"tool": "x", "kind": "k", "message": "m"}
    return cli.write("in", lines(*rows))


@pytest.mark.parametrize("tool", ["mark", "sift"])
def test_second_run_does_nothing(cli, rows, tool):
    words = (tool, "-o", "out", "--resume", rows)
    cli.run(*words, status=1)  # r7 fails
    before = cli.read("out")
    if tool == "mark":
        words = (*words, "--started", "loaded")
    assert cli.run(*words) == (b"", "")
    assert cli.read("out") == before
    assert not cli.path("loaded").exists()


@pytest.mark.parametrize("how", ["file", "pipe", "stdin file"])
def test_input_that_has_grown_is_welcome(cli, how):
    first, second = many(60)[:20], many(60)
    source = {"file": ("in",), "pipe": (), "stdin file": ()}[how]

    def go(rows):
        data = lines(*rows)
        cli.write("in", data)
        if how == "stdin file":
            assert cli.shell("$T mark -o out --resume --started loaded < in").returncode == 0
        else:
            cli.run("mark", "-o", "out", "--resume", *source, input=b"" if source else data)

    go(first)
    go(second)
    assert cli.read("out") == cli.out("mark", "in")
    assert cli.run_file("out")["checkpoint"]["counts"]["read"] == 60


def test_restart_costs_what_is_left(cli):
    """Where the input has not changed, what is done is not even read again: here it would not be legible."""
    rows = many(40)
    cli.write("in", lines(*rows))
    cli.run("mark", "-o", "out", "--resume", "-n", 30, "in")
    done = len(lines(*rows[:30]))
    state = cli.path("in").stat()
    with cli.path("in").open("r+b") as file:
        file.write(b"x" * (done - 1))
    os.utime(cli.path("in"), ns=(state.st_atime_ns, state.st_mtime_ns))
    cli.run("mark", "-o", "out", "--resume", "in")
    assert cli.read("out") == cli.out("mark", input=lines(*rows))


def test_id_of_what_is_done_is_known_after_a_restart(cli):
    rows = many(40)
    cli.write("in", lines(*rows, rows[3]))
    cli.run("mark", "-o", "out", "--resume", "-n", 30, "in")
    said = cli.said("mark", "-o", "out", "--resume", "in", status=65)
    assert 'in:41: id "r3" stands in the manifest twice' in said


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("--add", 1), "--add (0, now 1)"),
        (("--seed", 4), "--seed (0, now 4)"),
        (("--shard", "0/2"), "shard (0/1, now 0/2)"),
    ],
)
def test_other_options_are_refused_by_name(cli, rows, words, name):
    cli.run("mark", "-o", "out", "--resume", rows, status=1)
    before = cli.read("out")
    assert name in cli.said("mark", "-o", "out", "--resume", *words, rows, status=2)
    assert cli.read("out") == before


def test_options_that_decide_nothing_may_differ(cli, rows):
    cli.run("mark", "-o", "out", "--resume", "-n", 5, "-b", 2, rows)
    cli.run("mark", "-o", "out", "--resume", "-b", 7, "-j", 2, "--sleep", 0.001, rows, status=1)
    assert cli.read("out") == cli.out("mark", rows, status=1)


def test_another_tool_or_no_run_file_is_refused(cli, rows):
    cli.run("mark", "-o", "out", "--resume", rows, status=1)
    assert "tool (mark, now sift)" in cli.said("sift", "-o", "out", "--resume", rows, status=2)
    cli.path("out.run.json").unlink()
    assert "no run file" in cli.said("mark", "-o", "out", "--resume", rows, status=2)
    cli.write("out.run.json", b"[]")
    assert "is not a run file" in cli.said("mark", "-o", "out", "--resume", rows, status=2)


@pytest.mark.parametrize("tool", ["mark", "sift"])
@pytest.mark.parametrize("change", ["other id", "order", "one less", "one more"])
def test_changed_past_is_refused(cli, tool, change):
    records = many(20)
    cli.run(tool, "-o", "out", "--resume", input=lines(*records))
    before = cli.read("out")
    match change:
        case "other id":
            records[4]["id"] = "other"
        case "order":
            records[4], records[6] = records[6], records[4]
        case "one less":
            del records[4]
        case "one more":
            records.insert(4, {"id": "new", "value": 4})
    for limit in ((), ("-n", 5)) if tool == "mark" else ((),):
        said = cli.said(tool, "-o", "out", "--resume", *limit, input=lines(*records), status=2)
        assert "made from another input" in said
    assert cli.read("out") == before


def test_smaller_limit_leaves_what_is_done(cli, rows):
    cli.run("mark", "-o", "out", "--resume", rows, status=1)
    before = cli.read("out"), cli.run_file("out")["checkpoint"]
    cli.run("mark", "-o", "out", "--resume", "-n", 5, rows)
    assert (cli.read("out"), cli.run_file("out")["checkpoint"] | {"limit": None}) == before
    os.utime(cli.path(rows))  # read from the beginning
    cli.run("mark", "-o", "out", "--resume", "-n", 5, rows)
    assert (cli.read("out"), cli.run_file("out")["checkpoint"] | {"limit": None}) == before


def test_two_runs_on_one_file(cli):
    cli.write("in", lines(*many(8, do="wait", seconds=0.2)))
    for words in (("--resume",), ()):
        first = cli.popen("mark", "-b", 1, "-o", "out", *words, "in", "--started", "loaded")
        while not cli.path("loaded").exists():
            assert first.poll() is None
        for others in (("--resume",), ()):
            said = cli.said("mark", "-o", "out", *others, "in", status=75)
            assert "another run" in said
        first.kill()
        first.communicate()
        cli.path("loaded").unlink()
    cli.run("mark", "-b", 8, "-o", "out", "-n", 1, "in")  # no stale lock


def test_retry_errors_redoes_ours_and_those_whose_cause_is_gone(cli):
    records = many(12)
    records[3]["do"] = "fail"
    records[5]["error"] = {"tool": "x", "kind": "k", "message": "m"}
    records[6]["error"] = {"tool": "x", "kind": "k", "message": "stays"}
    words = ("mark", "-o", "out", "--resume")
    cli.run(*words, input=lines(*records), status=1)
    del records[3]["do"], records[5]["error"]
    grown = [*records, {"id": "new", "value": 1}]
    out = cli.out(*words, "--retry-errors", "--tee", input=lines(*grown))
    assert out == cli.read("out") == cli.out("mark", input=lines(*grown))
    assert cli.names() == ["out", "out.run.ids", "out.run.json"]
    assert cli.run_file("out")["checkpoint"]["counts"]["failed"] == 0
    assert cli.run(*words, input=lines(*grown)) == (b"", "")


@pytest.mark.parametrize("limit", [0, 5, 12, 14])
def test_limit_says_which_errors_are_tried_again(cli, limit):
    """Finished rows behind the limit stay, as they do without --retry-errors."""
    records = many(16)
    records[3]["do"] = records[9]["do"] = "fail"
    words = ("mark", "-o", "out", "--resume")
    cli.run(*words, "-n", 12, input=lines(*records), status=1)
    before = cli.read("out").splitlines()
    del records[3]["do"], records[9]["do"]
    retry = (*words, "--retry-errors", "-n", limit)
    cli.run(*retry, input=lines(*records), status=None)
    expected = cli.out("mark", "-n", max(limit, 12), input=lines(*records)).splitlines()
    for number in range(3, 12):
        if limit <= number:
            expected[number] = before[number]
    assert cli.read("out").splitlines() == expected
    again = cli.read("out")
    cli.run(*words, "--retry-errors", "-n", 5, input=lines(*records[:11]), status=2)  # cut short
    assert cli.read("out") == again
    cli.run(*words, "--retry-errors", input=lines(*records))
    assert cli.read("out") == cli.out("mark", input=lines(*records))


def test_retry_that_is_refused_or_fails_leaves_the_file(cli):
    records = many(12)
    records[3]["do"] = "fail"
    words = ("mark", "-o", "out", "--resume", "--retry-errors")
    cli.run(*words, input=lines(*records), status=1)
    before = cli.read("out")
    records[3]["do"] = "full"
    cli.run(*words, input=lines(*records), status=74)
    assert cli.read("out") == before
    records[2]["id"] = "other"
    cli.run(*words, input=lines(*records), status=2)
    assert cli.read("out") == before
    assert ".out.tmp" not in cli.names()


def test_tee_sends_rows_of_earlier_runs_first(cli, rows):
    words = ("mark", "-o", "out", "--resume", "--tee", rows)
    assert cli.out(*words, "-n", 9, status=1) == cli.read("out")
    assert cli.out(*words, status=1) == cli.read("out")
    assert cli.out(*words) == cli.read("out")


def test_source_goes_on_where_it_stopped(cli):
    cli.run("count", "-o", "out", "--resume", "-n", 10)
    cli.run("count", "-o", "out", "--resume", "-n", 25, "--started", "loaded")
    assert cli.read("loaded") == b"10\n"
    assert cli.read("out") == cli.out("count", "-n", 25)
    cli.write("out", cli.read("out")[:-9])
    cli.run("count", "-o", "out", "--resume", "-n", 25)
    assert cli.read("out") == cli.out("count", "-n", 25)


def test_whole_with_resume_is_done_again_only_for_new_input(cli):
    cli.write("in", lines(*[{"id": str(number), "value": number % 3} for number in range(9)]))
    words = ("group", "-o", "out", "--resume", "in")
    cli.run(*words)
    state = cli.path("out").stat()
    cli.run(*words)
    assert cli.path("out").stat().st_ino == state.st_ino
    cli.write("in", lines({"id": "x", "value": 8}))
    cli.run(*words)
    assert [row["id"] for row in parsed(cli.read("out"))] == ["x"]
    assert cli.read("out.dropped") == b""
    cli.write("in", lines(*many(9)))
    cli.run(*words, "-n", 4)
    cli.run(*words)
    assert len(parsed(cli.read("out"))) == 9


def test_damaged_row_is_named(cli, rows):
    cli.run("mark", "-o", "out", "--resume", "-n", 5, rows)
    data = cli.read("out")
    cli.write("out", data[:50] + b"\0" + data[51:])
    os.utime(cli.path(rows))
    assert "out: row at byte 0 is damaged" in cli.said(
        "mark", "-o", "out", "--resume", rows, status=65
    )


# ---- properties: in this process, over the plan's own parts, since hundreds of processes would be slow ----


def run_here(cli, tool, *words):
    """A run with -o in a forked child: as quick as a call, and as separate as a process."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os.chdir(cli.folder)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        options = dict(zip(words[::2], words[1::2], strict=True))
        operands = options.pop("operands")
        status = run(
            TOOLS[tool],
            TOOLS[tool].module.Options(),
            dataclasses.replace(RunOptions(), **options),
            operands,
        )
    except BaseException:  # noqa: BLE001 - the child must not go on with the tests
        status = 99
    os._exit(status)


PROPERTY = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def ledger_of_a_kill(whole, cut, ahead):
    """The ledger is written before the output: it holds all up to the output's last row, and `ahead` more."""
    kept = whole["out"][:cut].splitlines(keepends=True)
    whole_rows = [row for row in kept if row.endswith(b"\n")]
    last = int(json.loads(whole_rows[-1])["id"][1:]) if whole_rows else -1
    rows = whole["out.dropped"].splitlines(keepends=True)
    return b"".join(row for row in rows if int(json.loads(row)["id"][1:]) <= last + ahead)


@pytest.mark.parametrize("tool", ["mark", "sift"])
@PROPERTY
@given(data=st.data())
def test_cut_anywhere_and_resumed_equals_uninterrupted(cli, tool, data):
    for path in cli.folder.iterdir():
        path.unlink()
    records = many(30)
    records[7]["do"] = "fail"
    cli.write("in", lines(*records))
    words = ("output", "out", "resume", True, "operands", ["in"])
    checkpoint = data.draw(st.integers(0, 20), "records at the checkpoint")
    assert run_here(cli, tool, "limit", checkpoint, *words) in (0, 1)
    run_file, least = cli.read("out.run.json"), len(cli.read("out"))
    assert run_here(cli, tool, "batch_size", 3, *words) == 1
    whole = {name: cli.read(name) for name in cli.names() if not name.endswith(".json")}
    if data.draw(st.booleans(), "killed after a checkpoint"):
        cli.write("out.run.json", run_file)
    else:
        least = 0
    cut = data.draw(st.integers(least, len(whole["out"])), "bytes left")
    cli.write("out", whole["out"][:cut])
    if tool == "sift":
        cli.write(
            "out.dropped", ledger_of_a_kill(whole, cut, data.draw(st.integers(1, 9), "ahead"))
        )
    if data.draw(st.booleans(), "input touched"):
        os.utime(cli.path("in"))
    if data.draw(st.booleans(), "keys cut"):
        cli.write("out.run.ids", whole["out.run.ids"][: data.draw(st.integers(0, 240))])
    assert run_here(cli, tool, "batch_size", data.draw(st.integers(1, 9)), *words) in (0, 1)
    for name, before in whole.items():
        assert cli.read(name) == before


def test_refused_resume_leaves_the_run_file(cli, rows):
    cli.run("mark", "-o", "out", "--resume", rows, status=1)
    before = cli.read("out.run.json")
    cli.run("mark", "-o", "out", "--resume", input=lines(*many(60)[::-1]), status=2)
    assert cli.read("out.run.json") == before


@settings(PROPERTY, max_examples=8)
@given(batch=st.integers(1, 70), count=st.integers(1, 5))
def test_batches_and_shards_do_not_change_a_byte(cli, batch, count):
    cli.write("in", lines(*many(40)))
    assert run_here(cli, "mark", "output", "all", "operands", ["in"]) == 0
    for index in range(count):
        assert (
            run_here(
                cli,
                "mark",
                "shard",
                f"{index}/{count}",
                "batch_size",
                batch,
                "output",
                "p{shard}",
                "operands",
                ["in"],
            )
            == 0
        )
    parts = tuple(str(cli.path(f"p{index}")) for index in range(count))
    context = Context("merge", cli.folder, operands=parts)
    rows = merge.draw(merge.Options(order=str(cli.path("in"))), context, iter(()), 0)
    assert b"".join(row + b"\n" for row in rows) == cli.read("all")


@pytest.mark.parametrize("count", [0, 700, 11_000])
def test_keys_of_earlier_runs_are_known_again(count):
    chance = random.Random(count)
    top = (1 << 64) - 1
    # Many share the last slot, so that they have to go on at the first.
    keys = {chance.getrandbits(64) for _ in range(count)} | {top - n for n in range(count // 50)}
    keys |= {0} if count > 1 else set()
    found = KeySet()
    found.fill(array("Q", chance.sample(sorted(keys), len(keys))))
    assert len(found) == len(keys)
    assert all(key in found for key in keys)
    others = {chance.getrandbits(64) for _ in range(1000)} - keys
    assert not any(key in found for key in others)
    for key in others:  # and it grows on
        assert found.add(key)
    assert all(key in found for key in keys | others)
    assert not any(found.add(key) for key in keys)
