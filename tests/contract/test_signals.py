"""Signals: whole rows on the output, and the process ended by the signal itself."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from drill import children, wait_until
from manifests import lines, many, parsed

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("jobs", [1, 2])
def test_first_signal_finishes_what_is_in_hand(cli, number, jobs):
    cli.write("in", lines(*many(60, do="wait", seconds=0.1)))
    runner = cli.popen("mark", "-b", 2, "-j", jobs, "in")
    first = runner.stdout.readline()
    runner.send_signal(number)
    out, said = runner.stdout.read(), runner.stderr.read()
    assert runner.wait(20) == -number
    rows = parsed(first + out)
    assert [row["value"] for row in rows] == list(range(len(rows)))
    assert len(rows) % 2 == 0
    assert len(rows) < 20
    assert said == b""
    runner.communicate()


@pytest.mark.parametrize("jobs", [1, 2])
def test_signal_while_waiting_for_input_ends_at_once(cli, jobs):
    runner = cli.popen("mark", "-b", 1, "-j", jobs, stdin=subprocess.PIPE)
    runner.stdin.write(lines(*many(1)))
    runner.stdin.flush()
    runner.stdout.readline()
    time.sleep(0.1)
    began = time.monotonic()
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(20) == -signal.SIGTERM
    assert time.monotonic() - began < 10  # it would wait for ever; the machine may be busy
    runner.communicate()


@pytest.mark.parametrize("words", [(), ("-j", 2)])
def test_second_signal_ends_at_once_and_removes_what_is_half_written(cli, words):
    cli.write("in", lines(*many(4, do="wait", seconds=30)))
    cli.write("out", b"old\n")
    runner = cli.popen("mark", "-b", 1, *words, "-o", "out", "--started", "loaded", "in")
    wait_until(cli.path("loaded").exists)
    runner.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert runner.poll() is None
    runner.send_signal(signal.SIGINT)
    assert runner.wait(5) == -signal.SIGINT
    runner.communicate()
    assert cli.read("out") == b"old\n"
    assert ".out.tmp" not in cli.names()


def test_first_signal_keeps_the_journal_and_the_old_file(cli):
    cli.write("in", lines(*many(60, do="wait", seconds=0.05)))
    for words in (("--resume",), ()):
        runner = cli.popen("mark", "-b", 1, "-o", "out", *words, "--started", "loaded", "in")
        wait_until(cli.path("loaded").exists)
        time.sleep(0.2)
        runner.send_signal(signal.SIGTERM)
        runner.communicate(timeout=20)
        assert runner.returncode == -signal.SIGTERM
        done = len(parsed(cli.read("out")))
        assert 0 < done < 60
        assert cli.run_file("out")["checkpoint"]["counts"]["read"] == done
        assert not cli.run_file("out")["finished"]
        cli.path("loaded").unlink()


@pytest.mark.parametrize("name", ["HUP", "INT"])
def test_signal_ignored_on_entry_stays_ignored(cli, name):
    cli.write("in", lines(*many(10, do="wait", seconds=0.05)))
    done = cli.shell(f"trap '' {name}; $T mark -b 1 in & sleep 0.4; kill -{name} $!; wait $!")
    assert done.returncode == 0
    assert len(parsed(done.stdout)) == 10


def test_source_whole_and_report_end_of_a_signal(cli):
    for tool in ("group", "tally"):
        runner = cli.popen(tool, stdin=subprocess.PIPE)
        runner.stdin.write(lines(*many(3)))
        runner.stdin.flush()
        threads = Path(f"/proc/{runner.pid}/task")
        wait_until(lambda threads=threads: len(list(threads.iterdir())) > 1)  # it listens
        runner.send_signal(signal.SIGINT)
        assert runner.wait(20) == -signal.SIGINT  # while its input is still open
        assert runner.communicate()[0] == b""


def test_timeout_of_cron_and_resume(cli):
    cli.write("in", lines(*many(30)))
    statuses = []
    while not statuses or statuses[-1] != 0:
        patience = 0.5 + 0.1 * len(statuses)  # a busy machine needs longer to start
        line = f"timeout -s TERM {patience} $T mark -b 1 --sleep 0.02 -o out --resume in"
        statuses.append(cli.shell(line).returncode)
        assert len(statuses) < 40
    assert set(statuses[:-1]) <= {124}
    assert cli.read("out") == cli.out("mark", "in")


@pytest.mark.parametrize("words", [pytest.param((), marks=pytest.mark.slow), ("-j", 2)])
def test_usr1_says_in_one_line_how_far_the_run_is(cli, words):
    cli.write("in", lines(*many(40, do="wait", seconds=0.05)))
    runner = cli.popen("mark", "-b", 2, *words, "-o", "out", "--started", "loaded", "in")
    wait_until(cli.path("loaded").exists)
    said = ""
    while "left" not in said:  # a first batch is done
        time.sleep(0.1)
        runner.send_signal(signal.SIGUSR1)
        said = runner.stderr.readline().decode()
        assert said.startswith("headkit mark: ")
    line = r"headkit mark: (\d+) read, \1 out in [\d.]+ s, [\d.]+/s, \d+% of the input, 0:0\d:\d\d left\n"
    assert re.fullmatch(line, said)
    for child in children(runner.pid):  # as scancel sends it, to all
        os.kill(child, signal.SIGUSR1)
    assert runner.wait(30) == 0
    runner.communicate()
    assert len(parsed(cli.read("out"))) == 40


def test_run_file_says_where_each_run_was(cli):
    cli.write("in", lines(*many(9)))
    slurm = {"SLURM_ARRAY_JOB_ID": "45", "SLURM_ARRAY_TASK_ID": "3", "SLURM_JOB_ID": "48"}
    cli.run("mark", "-o", "out", "--resume", "-n", 5, "in", env=slurm)
    cli.run("mark", "-o", "out", "--resume", "in", env={"SLURM_RESTART_COUNT": "1", **slurm})
    first, second = cli.run_file("out")["runs"]
    assert (first["job"], second["job"]) == ("45_3", "45_3")
    assert ("restarts" in first, second["restarts"]) == (False, 1)
    assert first["host"] == second["host"] == socket.gethostname()
    assert first["process"] != second["process"]
