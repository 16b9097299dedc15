"""What the manual recommends for long runs, with the small tools: GNU parallel, timeout, pipes."""

import os
import shutil
import subprocess
import sys

import pytest
from manifests import lines, many

pytestmark = pytest.mark.slow


@pytest.fixture
def sh(cli):
    """Runs a line with `headkit` in the path: the small tools, and merge."""
    cli.path("bin").mkdir()
    program = f'case $1 in merge|status) m=headkit;; *) m=sample_tools;; esac; exec {sys.executable} -m $m "$@"'
    cli.write("bin/headkit", f"#!/bin/sh\n{program}\n".encode())
    cli.path("bin/headkit").chmod(0o755)
    env = cli.env | {"PATH": f"{cli.path('bin')}:{os.environ['PATH']}"}

    def go(line):
        words = ["bash", "-c", line]
        done = subprocess.run(words, cwd=cli.folder, env=env, capture_output=True, check=False)
        return done.returncode, done.stderr.decode()

    cli.write("in", lines(*many(40)))
    return go


def test_pipe_of_tools_that_are_resumed_under_a_time_limit(cli, sh):
    pipe = (
        "headkit mark -o marks --resume --tee -b 1 --sleep 0.1 in | headkit stamp -o stamps --resume --tee -b 2"
        " | headkit sift -o kept --resume"
    )
    statuses = []
    while not statuses or statuses[-1] != 0:
        patience = 3 + len(statuses)
        statuses.append(sh(f"timeout -s TERM {patience} sh -c '{pipe}'")[0])
        assert len(statuses) < 20
    assert set(statuses[:-1]) == {124}
    assert sh("headkit mark in | headkit stamp | headkit sift --ledger drops -o all")[0] == 0
    assert cli.read("kept") == cli.read("all")
    assert cli.read("kept.dropped") == cli.read("drops")


def test_shards_with_gnu_parallel(cli, sh):
    if shutil.which("parallel") is None:
        pytest.skip("GNU parallel is not installed")
    line = "parallel headkit mark --shard {}/4 -o parts/{}.jsonl --resume in ::: 0 1 2 3"
    assert sh(line)[0] == 0
    assert sh("headkit merge --order in parts/*.jsonl > merged")[0] == 0
    cli.run("mark", "-o", "alone", "in")
    assert cli.read("merged") == cli.read("alone")
