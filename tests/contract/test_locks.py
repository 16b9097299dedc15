"""One run at a time on a file whose disk has no locks of the kernel: a lock file, and who may take it over."""

import errno
import json
import os
import shutil
import subprocess
import time

import pytest
from drill import wait_until
from manifests import lines, many, parsed

from headkit import locks
from headkit.status import TRY_LATER, Stop


@pytest.fixture
def no_flock(monkeypatch):
    """As on Lustre without its option: the runs of `cli.run` are forked, and inherit it."""

    def flock(descriptor, how):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(locks.fcntl, "flock", flock)


@pytest.fixture
def held(cli):
    """Writes the lock file of another run, last touched some seconds ago."""

    def write(age, **holder):
        found = {"host": "n2", "process": 77, "job": "45_3", "machine": ["n2"], "began": "1"}
        cli.write(".out.lock", json.dumps(found | holder).encode())
        then = time.time() - age
        os.utime(cli.path(".out.lock"), (then, then))

    return write


def message(said):
    return said.removeprefix("headkit mark: ").strip()


@pytest.mark.parametrize("words", [(), ("--resume",)])
def test_run_locks_with_a_file_and_leaves_none(cli, no_flock, words):
    rows = lines(*many(9))
    cli.run("mark", "-o", "out", *words, input=rows)
    cli.run("mark", "-o", "again", input=rows)
    assert cli.read("out") == cli.read("again")
    cli.run("mark", "-o", "out", "--resume", "--retry-errors", input=rows)
    assert cli.read("out") == cli.read("again")
    assert [name for name in cli.names() if "lock" in name or "tmp" in name] == []


def test_run_that_is_heard_of_keeps_its_file(cli, no_flock, held):
    held(age=50)
    said = cli.said("mark", "-o", "out", "--resume", input=lines(*many(3)), status=75)
    assert "out: process 77 on n2 (job 45_3), last heard of 5" in message(said)
    assert message(said).endswith(" s ago, is writing it; try later")
    assert cli.path(".out.lock").exists()


def test_lock_file_counts_where_there_is_flock_as_well(cli, held):
    cli.write("out", b"")
    held(age=50)  # of a machine whose mount has none
    cli.run("mark", "-o", "out", "--resume", input=lines(*many(3)), status=75)


def test_stale_lock_is_taken_over_and_it_is_said(cli, no_flock, held):
    held(age=200)
    said = cli.said("mark", "-o", "out", "--resume", input=lines(*many(3)))
    assert "out: stale lock is taken over, of process 77 on n2 (job 45_3), last heard of 20" in said
    assert not cli.path(".out.lock").exists()


def test_lock_of_a_dead_process_of_this_machine_is_taken_over_at_once(cli, no_flock, held):
    ours = {"machine": locks._machine(), "host": "here"}
    held(age=1, **ours, process=os.getpid(), began=locks._began(os.getpid()))
    cli.run("mark", "-o", "out", "--resume", input=lines(*many(3)), status=75)
    held(age=1, **ours, process=os.getpid(), began="1")  # its number was given to another
    said = cli.said("mark", "-o", "out", "--resume", input=lines(*many(3)))
    assert "stale lock is taken over" in said


def test_lock_that_only_this_machine_sees_is_not_trusted(cli, monkeypatch, held):
    monkeypatch.setattr(locks, "_mount_options", lambda device: {"rw", "local_lock=flock"})
    held(age=50)
    cli.run("mark", "-o", "out", "--resume", input=lines(*many(3)), status=75)


def test_mount_options_of_this_disk_are_found(tmp_path):
    assert {"rw", "ro"} & locks._mount_options(tmp_path.stat().st_dev)


def test_run_whose_lock_was_taken_writes_nothing_more(tmp_path, no_flock, monkeypatch):
    monkeypatch.setattr(locks, "BEAT", 0.02)
    said = []
    claim = locks.Claim(tmp_path / "out", said.append)
    touched = claim.path.stat().st_mtime_ns
    wait_until(lambda: claim.path.stat().st_mtime_ns > touched)  # the heart beats
    claim.check()
    claim.path.write_text('{"token": "of another"}')
    wait_until(lambda: claim.lost)
    with pytest.raises(Stop) as stop:
        claim.check()
    assert stop.value.status == TRY_LATER
    claim.release()
    assert claim.path.exists()  # it is the other's


def test_run_that_slept_looks_before_it_writes(tmp_path, monkeypatch):
    claim = locks.Claim(tmp_path / "out", print)
    claim.path.unlink()
    now = locks._now()
    monkeypatch.setattr(locks, "_now", lambda: now + locks.STALE)
    with pytest.raises(Stop):
        claim.check()


def test_of_two_that_saw_a_stale_lock_one_gets_it(tmp_path, held, cli, monkeypatch):
    monkeypatch.setattr(locks, "SETTLE", 0.0)
    held(age=200)
    seen = locks.Found.read(cli.path(".out.lock"))
    first = locks.Claim(cli.path("out"), print)
    with pytest.raises(Stop):  # the second one still believes what it saw
        locks.remove_stale(seen, cli.path("out"), time.time(), print)
    assert first._is_ours()
    first.release()


def test_disk_without_links_locks_as_well(tmp_path, monkeypatch):
    def link(source, target):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(locks.os, "link", link)
    claim = locks.Claim(tmp_path / "out", print)
    with pytest.raises(Stop):
        locks.Claim(tmp_path / "out", print)
    claim.release()
    assert list(tmp_path.iterdir()) == []


def test_requeued_job_waits_for_its_former_self(cli, no_flock, held):
    held(age=locks.STALE - 1.5)
    said = cli.said(
        "mark", "-o", "out", "--resume", input=lines(*many(3)), env={"SLURM_RESTART_COUNT": "1"}
    )
    assert "waiting, since this job was requeued" in said
    assert "stale lock is taken over" in said


SHIM = """
#include <errno.h>
int flock(int descriptor, int how) { (void)descriptor; (void)how; errno = ENOSYS; return -1; }
"""


@pytest.mark.slow
def test_killed_run_is_taken_over_where_there_is_no_flock_at_all(cli):
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed, which makes the library that takes flock away")
    cli.write("shim.c", SHIM.encode())
    subprocess.run(["gcc", "-shared", "-o", "shim.so", "shim.c"], cwd=cli.folder, check=True)
    cli.env["LD_PRELOAD"] = str(cli.path("shim.so"))
    cli.write("in", lines(*many(40, do="wait", seconds=0.1)))
    words = ("mark", "-b", 1, "-o", "out", "--resume", "in")
    runner = cli.popen(*words)
    wait_until(lambda: cli.path("out").exists() and parsed(cli.read("out")))
    second = cli.popen(*words)
    said = second.communicate(timeout=60)[1].decode()
    assert (second.returncode, "is writing it; try later" in said) == (TRY_LATER, True)
    runner.kill()
    runner.communicate()
    assert cli.path(".out.lock").exists()
    third = cli.popen(*words)
    said = third.communicate(timeout=60)[1].decode()
    assert (third.returncode, "stale lock is taken over" in said) == (0, True)
    assert cli.read("out") == cli.out("mark", "in")
    assert not cli.path(".out.lock").exists()
