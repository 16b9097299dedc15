"""Worker processes: the same bytes whatever their number, and nothing left behind however they end."""

import os
from pathlib import Path

import pytest
from drill import Drill, alive, children, wait_until
from manifests import lines, many, parsed


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


def test_record_that_kills_every_worker_stops_the_run(cli):
    rows = many(12)
    rows[5]["do"] = "die"
    out, said = cli.run("mark", "-j", 2, "-b", 2, input=lines(*rows), status=70)
    assert [row["value"] for row in parsed(out)] == [0, 1, 2, 3]
    assert "stdin:5 to stdin:6: worker was killed by SIGKILL, 3 times over these records" in said


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
