"""Worker processes: the same bytes whatever their number, and nothing left behind however they end."""

import os
import random
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from manifests import lines, many, parsed

POSES = Path(__file__).parents[1] / "data" / "poses.jsonl"


def children(pid):
    return [
        int(child)
        for child in Path(f"/proc/{pid}/task").glob("*/children")
        for child in child.read_text().split()
    ]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(true, seconds=20.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


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


class Drill:
    """A run with two workers that is killed at random moments and resumed, until nothing is left to do."""

    def __init__(self, cli, tool, rows, *words, program="sample_tools"):
        self.cli = cli
        self.program = program
        self.words = (tool, *words, "-d", "images", "in")
        cli.write("in", rows)
        cli.run(*self.words, "-o", "out", program=program, status=None)
        self.whole = self.state()
        self.forget()

    def state(self):
        """All that a run leaves: rows, images, account."""
        files = {
            path.relative_to(self.cli.folder): path for path in self.cli.path("images").rglob("*")
        }
        images = {name: path.read_bytes() for name, path in files.items() if path.is_file()}
        kept = self.cli.run_file("out")["checkpoint"]
        return self.cli.read("out"), images, kept["counts"], kept["ids"]

    def forget(self):
        shutil.rmtree(self.cli.path("images"))
        for name in ("out", "out.run.json", "out.run.ids"):
            self.cli.path(name).unlink()

    def go(self, kills, seed, longest):
        """`kills` times SIGKILL, half of them to a worker, each after up to `longest` seconds."""
        chance = random.Random(seed)
        while kills:
            runner = self.start()
            while kills and runner.poll() is None:
                time.sleep(chance.uniform(0.05, longest))
                workers = children(runner.pid)
                victim = chance.choice(workers) if workers and chance.random() < 0.5 else runner.pid
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    kills -= 1
            status, said = self.end(runner)
            assert status in (0, 1, -signal.SIGKILL), said
            if status >= 0:  # it got through: begin again
                assert self.state() == self.whole
                self.forget()
        assert self.end(self.start())[0] in (0, 1)
        assert self.state() == self.whole  # no leftover, nothing lost, nothing doubled

    def start(self):
        return self.cli.popen(*self.words, "-j", 2, "-o", "out", "--resume", program=self.program)

    def end(self, runner):
        _, said = runner.communicate(timeout=600)
        return runner.returncode, said.decode()


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


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_kills_of_generate(cli):
    poses = POSES.read_bytes().splitlines(keepends=True)[:16]
    Drill(cli, "generate", b"".join(poses), program="headkit").go(50, seed=3, longest=12)
