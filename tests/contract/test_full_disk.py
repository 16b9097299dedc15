"""A disk that is full, or a limit on file size, which fails in the same place and needs no right to mount."""

import subprocess

import pytest
from manifests import lines, many, parsed


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


def test_small_disk(cli, rows):
    disk = cli.path("disk")
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount")
    try:
        said = cli.said("mark", "-o", "disk/out", "--resume", rows, status=74)
        assert "No space left on device" in said
        assert parsed(cli.read("disk/out"))
        subprocess.run(["mount", "-o", "remount,size=1m", disk], check=True)
        cli.run("mark", "-o", "disk/out", "--resume", rows)
        assert cli.read("disk/out") == cli.out("mark", rows)
    finally:
        subprocess.run(["umount", disk], check=True)
