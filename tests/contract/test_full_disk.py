"""A disk that is full, or a limit on file size, which fails in the same place and needs no right to mount."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from manifests import lines, many, parsed

from headkit.run import room


@pytest.fixture
def rows(cli):
    return cli.write("in", lines(*many(300)))


@pytest.mark.parametrize("words", ["", "-j 2", "-b 50"])
def test_journal_is_cut_to_whole_rows_and_can_be_resumed(cli, rows, words):
    done = cli.shell(f"ulimit -f 16; $T mark {words} -o out --resume {rows}")
    assert done.returncode == 74
    assert (
        done.stderr
        == b"headkit mark: %b/out: File too large; free the disk and run again\n"
        % bytes(cli.folder)
    )
    kept = cli.read("out")
    assert kept.endswith(b"\n")
    assert 0 < len(parsed(kept)) < 300
    cli.run("mark", "-o", "out", "--resume", rows)
    assert cli.read("out") == cli.out("mark", rows)


def test_replacement_leaves_the_old_file_and_no_other(cli, rows):
    cli.write("out", b"old\n")
    assert cli.shell(f"ulimit -f 16; $T mark -o out {rows}").returncode == 74
    assert cli.read("out") == b"old\n"
    assert cli.names() == ["in", "out"]


def test_ledger_and_run_file_count_as_well(cli):
    cli.write("in", lines(*many(600, text="x" * 100)))
    for words in (
        "",
        "--resume",
    ):  # a value of 1 drops all even ones but few: the ledger is the long file
        done = cli.shell(f"ulimit -f 16; $T sift {words} --least 590 -o out in")
        assert done.returncode == 74, done.stderr
    cli.run("sift", "--resume", "--least", 590, "-o", "out", "in")
    cli.run("sift", "--least", 590, "-o", "again", "in")
    for name in ("", ".dropped"):
        assert cli.read("out" + name) == cli.read("again" + name)


def test_side_files_count_as_well_and_are_no_rows(cli, rows):
    done = cli.shell(f"ulimit -f 0; $T mark -d images {rows}")
    assert (done.returncode, done.stdout) == (74, b"")
    assert not [path for path in cli.path("images").rglob("*") if path.is_file()]


@pytest.fixture
def disk(cli):
    """Mounts a disk of a given size."""
    folder = cli.path("disk")
    folder.mkdir()

    def mount(*options):
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip("may not mount")
        return folder

    yield mount
    subprocess.run(["umount", "-q", folder], check=False)


def test_small_disk(cli, rows, disk):
    disk("size=24k")
    said = cli.said("mark", "-o", "disk/out", "--resume", rows, status=74)
    assert "No space left on device" in said
    assert parsed(cli.read("disk/out"))
    subprocess.run(["mount", "-o", "remount,size=1m", cli.path("disk")], check=True)
    cli.run("mark", "-o", "disk/out", "--resume", rows)
    assert cli.read("disk/out") == cli.out("mark", rows)


def test_run_waits_where_a_disk_is_all_but_full_and_goes_on_with_room(cli, rows, disk):
    ballast = disk("size=64m") / "ballast"
    ballast.write_bytes(bytes(40 << 20))
    runner = cli.popen("mark", "-o", "disk/out", "--resume", "--min-free", "40M", rows)
    said = os.read(runner.stderr.fileno(), 1 << 16).decode()
    assert said.startswith(f"headkit mark: {cli.path('disk')}: disk has 0.02")
    assert said.endswith(" GB left, less than 0.04 (--min-free); waiting for room\n")
    ballast.unlink()
    assert runner.wait(20) == 0
    assert "there is room again; going on" in runner.stderr.read().decode()
    runner.communicate()
    assert cli.read("disk/out") == cli.out("mark", rows)


def test_run_that_waits_too_long_ends_and_can_be_resumed(cli, rows, monkeypatch):
    cli.run("mark", "-o", "out", "--resume", "-n", 5, rows)
    monkeypatch.setattr(room, "LONGEST_WAIT", 0.2)
    monkeypatch.setattr(room, "SECONDS_BETWEEN_LOOKS", 0.05)
    words = ("mark", "-d", "images", "-o", "out", "--resume", rows)
    said = cli.said(*words, "--min-free", "9999T", status=74)
    assert said.count("waiting for room") == 1
    assert said.endswith("less than 1e+07 (--min-free); free the disk and run again\n")
    assert len(parsed(cli.read("out"))) == 5
    cli.run(*words, "--min-free", 0)
    assert len(parsed(cli.read("out"))) == 300
    assert "not a size" in cli.said(*words, "--min-free", "much", status=2)


def test_run_that_waits_for_room_ends_of_a_signal(cli, rows):
    runner = cli.popen("mark", "-o", "out", "--resume", "--min-free", "9999T", rows)
    os.read(runner.stderr.fileno(), 1 << 16)
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(10) == -signal.SIGTERM
    runner.communicate()


def test_floor_follows_from_the_disk(monkeypatch):
    def lacking(floor=None, **state):
        filled = {"f_frsize": 4096, "f_files": 0, "f_favail": 0} | state
        monkeypatch.setattr(room, "_disk", lambda folder: type("State", (), filled))
        return room.Room([Path("x")], floor, print, print)._lacking()

    blocks = 10**12 // 4096
    assert "less than 1 (--min-free)" in lacking(f_blocks=blocks, f_bavail=10**8 // 4096)
    assert lacking(f_blocks=blocks, f_bavail=2 * 10**9 // 4096) is None
    assert lacking(f_blocks=10**8 // 4096, f_bavail=0) is None  # small: not watched
    assert lacking(floor=10**6, f_blocks=10**8 // 4096, f_bavail=0) is not None
    plenty = {"f_blocks": blocks, "f_bavail": blocks}
    assert "takes only 7 files more" in lacking(**plenty, f_files=10**6, f_favail=7)
    assert lacking(**plenty, f_files=10**6, f_favail=1001) is None


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("512", 512), ("1.5k", 1500), ("20G", 2 * 10**10), ("2TB", 2e12)]
)
def test_sizes(text, size):
    assert room.parse(text) == size


def test_dry_run_says_what_it_will_take_and_whether_the_disk_holds_it(cli, rows, disk):
    disk("size=24k")
    cli.path("disk/images").mkdir()
    said = cli.said("mark", "--dry-run", "-d", "disk/images", rows)
    assert re.search(
        r"300 files, 0\.0001\d GB, but the disk of \S*images has only 2\.5e-05 left", said
    )
