"""Worker processes: the same bytes whatever their number, and nothing left behind however they end."""

import os
import time
from pathlib import Path

import pytest
from drill import Drill, alive, children, wait_until
from manifests import lines, many, parsed

from headkit.run.quarantine import killed_for_memory, of_status


@pytest.mark.parametrize("tool", ["mark", "sift"])
def test_result_does_not_depend_on_jobs(cli, tool):
    rows = many(100)
    rows[7]["do"] = "fail"
    rows[8]["error"] = {"tool": "x", "kind": "k", "message": "m"}
    cli.write("in", lines(*rows))
    alone = cli.out(tool, "-o", "1", "in", status=1)
    cli.run(tool, "-o", "3", "-j", 3, "-b", 7, "in", status=1)
    assert alone == b""
    for name in ("", ".dropped") if tool == "sift" else ("",):
        assert cli.read("3" + name) == cli.read("1" + name)


def test_large_rows_do_not_block_parent_and_worker_on_each_other(cli):
    rows = many(40, text="x" * 300_000)
    out = cli.out("mark", "-j", 2, "-b", 4, input=lines(*rows))
    assert len(parsed(out)) == 40


def test_results_come_while_input_is_awaited(cli):
    runner = cli.popen("mark", "-j", 2, "-b", 1, stdin=-1)
    runner.stdin.write(lines(*many(3)))
    runner.stdin.flush()
    assert [runner.stdout.readline()[:10] for _ in range(3)] == [
        b'{"id": "r%d' % number for number in range(3)
    ]
    runner.communicate(timeout=20)


def test_fault_in_a_worker_comes_after_what_precedes_it(cli):
    rows = many(20)
    rows[10]["do"] = "full"
    out, said = cli.run("mark", "-j", 2, "-b", 2, input=lines(*rows), status=74)
    assert [row["value"] for row in parsed(out)] == list(range(10))
    assert "No space left on device" in said


def test_worker_that_is_killed_is_replaced(cli):
    rows = many(12)
    rows[5] |= {"do": "die-once", "flag": str(cli.path("flag"))}
    out = cli.out("mark", "-j", 2, "-b", 2, input=lines(*rows))
    assert [row["value"] for row in parsed(out)] == list(range(12))


CRASHES = {
    "segfault": ("crash", "worker was killed by SIGSEGV, in its batch and alone"),
    "exit": ("crash", "worker ended with status 3, in its batch and alone"),
    "die": ("crash", "worker was killed by SIGKILL, in its batch and alone"),
}


def test_records_that_kill_workers_become_errors_and_the_run_goes_on(cli):
    rows = many(12)
    clean = parsed(cli.out("mark", input=lines(*rows)))
    for number, does in zip((4, 7, 8), CRASHES, strict=True):
        rows[number]["do"] = does
    cli.write("in", lines(*rows))
    cli.run("mark", "-j", 2, "-b", 3, "-o", "out", "--resume", "in", status=1)
    out = parsed(cli.read("out"))
    for row, unharmed in zip(out, clean, strict=True):
        if "do" in row:
            kind, message = CRASHES[row["do"]]
            assert row["error"] == {"tool": "mark", "kind": kind, "message": message}
        else:
            assert row == unharmed
    assert cli.run_file("out")["checkpoint"]["counts"]["failed"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("words", [("-j", 3, "-b", 1), ("-j", 2, "-b", 7), ("--timeout", 30)])
def test_crashes_end_in_the_same_bytes_whatever_the_jobs(cli, words):
    rows = many(60)
    for number, does in zip(range(5, 60, 6), 4 * list(CRASHES), strict=False):
        rows[number]["do"] = does
    cli.write("in", lines(*rows))
    cli.run("mark", *words, "-o", "out", "--resume", "in", status=1)
    cli.run("mark", "-j", 2, "-b", 4, "-o", "other", "in", status=1)
    assert cli.read("other") == cli.read("out")


@pytest.mark.slow
def test_records_that_kill_workers_count_as_failures_of_the_model(cli):
    rows = many(4, do="exit")
    out, said = cli.run(
        "mark", "-j", 2, "-b", 1, "--max-failures", 1, input=lines(*rows), status=70
    )
    assert [row["error"]["kind"] for row in parsed(out)] == ["crash"]
    assert "2 failures of the model in a row" in said


def test_suspects_have_the_machine_to_themselves(cli):
    cli.path("crowd").mkdir()
    rows = many(4, do="crowd", folder=str(cli.path("crowd")))
    out = cli.out("mark", "-j", 2, "-b", 1, input=lines(*rows))
    assert [row["value"] for row in parsed(out)] == list(range(4))


def test_workers_that_die_as_they_start_end_the_run_and_not_the_rows(cli):
    out, said = cli.run("mark", "-j", 2, "--stillborn", input=lines(*many(9)), status=69)
    assert out == b""
    assert "worker was killed by SIGSEGV as it started, 3 times in a row" in said


@pytest.mark.parametrize("words", [(), ("--timeout", 60)])
def test_poisoned_device_ends_the_run_and_not_the_rows(cli, words):
    rows = many(6)
    rows[4]["do"] = "poison-chained"
    out, said = cli.run("mark", *words, "-b", 2, input=lines(*rows), status=69)
    assert [row["value"] for row in parsed(out)] == [0, 1, 2, 3]
    assert "device has failed: CUDA error: an illegal memory access" in said


def test_time_limit_holds_while_input_is_awaited(cli):
    rows = many(2)
    rows[1]["do"] = "hang"
    runner = cli.popen("mark", "-b", 1, "--timeout", 0.2, stdin=-1)
    runner.stdin.write(lines(*rows))
    runner.stdin.flush()
    out = [parsed(runner.stdout.readline())[0] for _ in rows]  # the pipe is still open
    assert ["error" in row for row in out] == [False, True]
    runner.communicate(timeout=20)


@pytest.mark.slow
def test_time_limit_is_for_a_record_and_not_for_a_batch(cli):
    rows = many(12, do="wait", seconds=0.1)
    cli.out("mark", "-b", 6, "--timeout", 0.4, "--started", "loaded", input=lines(*rows))
    assert len(cli.read("loaded").split()) == 1  # no worker was killed


@pytest.mark.parametrize("words", [(), pytest.param(("-j", 2), marks=pytest.mark.slow)])
def test_library_that_hangs_does_not_escape_the_time_limit(cli, words):
    rows = many(64)
    rows[50]["do"] = "hang"
    cli.write("in", lines(*rows))
    began = time.monotonic()
    cli.run("mark", *words, "-b", 32, "--timeout", 1, "-o", "out", "in", status=1)
    assert time.monotonic() - began < 30  # its batch alone is not given 32 seconds
    out = parsed(cli.read("out"))
    assert [row["value"] for row in out] == list(range(64))
    errors = {number: row["error"] for number, row in enumerate(out) if "error" in row}
    said = "took more than 1 s (--timeout), in its batch and alone"
    assert errors == {50: {"tool": "mark", "kind": "timeout", "message": said}}


def test_death_by_want_of_memory_is_told_from_others():
    assert of_status(-9, memory_ran_out=True).kind == "out of memory"
    assert of_status(-9, memory_ran_out=False).kind == "crash"
    assert of_status(-11, memory_ran_out=True).kind == "crash"
    assert killed_for_memory() >= 0


def test_one_worker_per_device(cli):
    cli.out(
        "mark",
        "--device",
        "0,1",
        "-b",
        1,
        "--sleep",
        0.05,
        "--started",
        "loaded",
        input=lines(*many(6)),
    )
    assert len(set(cli.read("loaded").split())) == 2


def test_workers_die_with_a_parent_that_is_killed(cli):
    cli.write("in", lines(*many(8, do="wait", seconds=30)))
    runner = cli.popen(
        "mark", "-j", 2, "-b", 1, "-o", "out", "--resume", "--started", "loaded", "in"
    )
    wait_until(lambda: cli.path("loaded").exists() and len(cli.read("loaded").split()) == 2)
    workers = children(runner.pid)
    assert len(workers) == 2
    for worker in workers:  # neither lock nor stream
        held = {os.path.realpath(link) for link in Path(f"/proc/{worker}/fd").iterdir()}
        assert str(cli.path("out")) not in held
        assert str(cli.path("in")) not in held
        assert os.path.realpath(f"/proc/{worker}/fd/0") == "/dev/null"
    runner.kill()
    runner.communicate()
    wait_until(lambda: not any(map(alive, workers)))
    cli.write("in", lines(*many(8)))
    cli.run("mark", "-o", "out", "--resume", "in")  # no lock is held


@pytest.fixture
def small_drill(cli):
    rows = many(60)
    rows[20]["do"] = "fail"
    return Drill(cli, "mark", lines(*rows), "-b", 3, "--sleep", 0.02)


def test_kills_at_random_moments_end_in_the_same_bytes(small_drill):
    small_drill.go(10, seed=1, longest=0.5)


@pytest.mark.slow
def test_fifty_kills_at_random_moments(small_drill):
    small_drill.go(50, seed=2, longest=0.5)
