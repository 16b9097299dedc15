"""The contract on generate itself: kills, signals, pipes, shards, full disks; rows and images to the byte."""

import json
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Cli
from drill import Drill, wait_until
from manifests import lines, parsed

from headkit.tool import Context
from headkit.tools import generate

POSES = Path(__file__).parents[1] / "data" / "poses.jsonl"
COUNT = 6
SMALL = ("generate", "--size", 64, "-b", 1)


def poses(count):
    """The first rows of the file that we ship, as bytes: one person each."""
    return b"".join(POSES.read_bytes().splitlines(keepends=True)[:count])


def images(folder):
    """All files under a folder of images, by name; temporary ones too."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def finish(cli, *words, status=0):
    """A run in a fork of this process, where the renderer is loaded already."""
    return cli.said(*words, program="headkit", status=status)


@pytest.fixture(scope="module", autouse=True)
def _loaded(tmp_path_factory):
    """The renderer, loaded once for all forks."""
    generate.start(
        generate.Options(), Context("generate", tmp_path_factory.mktemp("loaded").resolve())
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory, _loaded):
    """Rows and images of one run, which all others must end in."""
    cli = Cli(tmp_path_factory.mktemp("alone"))
    cli.write("in", poses(COUNT))
    finish(cli, *SMALL, "-o", "out", "in")
    expected = cli.read("out"), images(cli.path("images"))
    assert len(expected[1]) == COUNT
    return expected


@pytest.fixture
def rows(cli):
    return cli.write("in", poses(COUNT))


@pytest.mark.slow  # kills of the sample map run always
def test_three_kills_end_in_the_same_bytes(cli):
    small = Drill(cli, "generate", poses(COUNT), "--size", 64, "-b", 1, program="headkit")
    small.go(3, seed=4, longest=3)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_kills_end_in_the_same_bytes(cli):
    Drill(cli, "generate", poses(12), "-b", 2, program="headkit").go(50, seed=3, longest=12)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_signal_amid_a_batch_then_resume(cli, rows, alone, number):
    words = ("generate", "--size", 64, "-b", 2, "-o", "out", "--resume", rows)
    runner = cli.popen(*words, program="headkit")
    wait_until(lambda: list(cli.path("images").rglob("*.png")), 60)
    runner.send_signal(number)
    said = runner.communicate(timeout=60)[1]
    assert (runner.returncode, said) == (-number, b"")
    done = parsed(cli.read("out"))
    assert 0 < len(done) < COUNT
    assert len(images(cli.path("images"))) == len(done)  # the batch in hand was written whole
    finish(cli, *words)
    assert (cli.read("out"), images(cli.path("images"))) == alone


def test_reader_that_leaves_ends_it_at_once(cli):
    row = json.loads(poses(1))
    cli.write("in", lines(*({**row, "id": f"r{number}"} for number in range(200))))
    runner = cli.popen(*SMALL, "in", program="headkit")
    for _ in range(3):
        assert runner.stdout.readline()
    runner.stdout.close()  # as `head -n 3` does
    left, made = time.monotonic(), len(images(cli.path("images")))
    assert runner.wait(60) == -signal.SIGPIPE  # 141 in a shell
    assert time.monotonic() - left < 20  # one image of 64 x 64, on a busy machine
    assert runner.stderr.read() == b""
    runner.stderr.close()
    assert len(images(cli.path("images"))) <= made + 2  # what was in hand, and no more


@pytest.mark.slow  # the same from a shell
def test_head_of_a_pipe_is_141(cli, rows):
    done = cli.shell("$H generate --size 64 -b 1 in | head -n 3; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (141, b"")
    assert len(parsed(done.stdout)) == 3


def test_shards_merged_are_one_run(cli, rows, alone):
    for index in range(3):
        finish(cli, *SMALL, "--shard", f"{index}/3", "-o", "p{shard}", rows)
    parts = [f"p{index}" for index in range(3)]
    assert all(0 < len(parsed(cli.read(part))) < COUNT for part in parts)
    finish(cli, "merge", "--order", rows, "-o", "out", *parts)
    assert (cli.read("out"), images(cli.path("images"))) == alone


def test_limit_on_file_size_is_74_and_resumed(cli, rows, alone):
    """The largest image does not fit, nor perhaps all rows: those before stand, and of no image a piece is left."""
    sizes = [len(alone[1][row["image"].removeprefix("images/")]) for row in parsed(alone[0])]
    largest = sizes.index(max(sizes))
    words = (*SMALL, "-o", "out", "--resume", rows)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(sizes) - 1, before[1]))
    try:
        said = finish(cli, *words, status=74)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in said
    made = images(cli.path("images"))
    assert made.items() <= alone[1].items()
    assert 0 < len(parsed(cli.read("out"))) <= len(made) <= largest
    finish(cli, *words)
    assert (cli.read("out"), images(cli.path("images"))) == alone


def test_small_disk_is_74_and_resumed(cli, rows, alone):
    disk = cli.path("disk")
    disk.mkdir()
    room = (len(alone[0]) + sum(map(len, alone[1].values()))) // 2
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", disk],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("may not mount")
    words = (*SMALL, "--root", "disk", "-o", "disk/out", "--resume", rows)
    try:
        said = finish(cli, *words, status=74)
        assert "No space left on device" in said
        done = parsed(cli.read("disk/out"))
        assert 0 < len(done) < COUNT
        assert not [path for path in disk.rglob("*") if path.name.endswith(".tmp")]
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        finish(cli, *words)
        assert (cli.read("disk/out"), images(disk / "images")) == alone
        names = sorted(path.name for path in disk.iterdir())
        assert names == ["images", "out", "out.run.ids", "out.run.json"]
    finally:
        subprocess.run(["umount", disk], check=True)
