"""Descriptors, exit statuses of a shell, and what is said when."""

import os
import pty
import signal
import stat
import subprocess
import sys
import termios
import time

import pytest
from manifests import lines, many, parsed


@pytest.fixture
def rows(cli):
    return cli.write("in", lines(*many(200)))


def test_prints_of_libraries_and_children_do_not_reach_the_manifest(cli):
    records = many(3)
    records[1]["do"] = "print"
    for words in ((), ("-j", 2)):
        out, said = cli.run("mark", "--noisy", *words, input=lines(*records))
        assert [row["id"] for row in parsed(out)] == [
            "r0",
            "r1",
            "r2",
        ]  # `cat` of the child ate no record
        for noise in ("when it loads", "noise on standard output", "more noise", "child noise"):
            assert noise in said


def test_success_is_silent_and_v_gives_a_summary(cli, rows):
    assert cli.said("mark", rows) == ""
    assert "headkit mark: 200 read, 200 out in " in cli.said("mark", "-v", rows)


def test_same_bytes_to_a_terminal_with_a_bar_on_standard_error(cli, rows):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    done = subprocess.run(
        cli.command("mark", rows),
        cwd=cli.folder,
        env=cli.env | {"TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.stdout == cli.out("mark", rows)
    assert "200/200" in shown
    assert "200 read, 200 out" in shown


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("$T mark in >&-", 74),
        ("$T mark in >/dev/full", 74),
        ("$T mark in -o /dev/full", 74),
        ("$T mark in -o out --tee >&-", 74),
        ("$T mark in -o out >&-", 0),
        ("$T mark in >out <&-", 0),
        ("$T mark <&- >out", 0),
        ("$T mark in 2>&- >out", 0),
        ("$T mark in 0<&- 2>&- -o out >&-", 0),
        ("$T mark in | head -n 3; exit ${PIPESTATUS[0]}", 141),
        ("$T mark -j 2 in | head -n 3; exit ${PIPESTATUS[0]}", 141),
        ("$T count | head -n 3; exit ${PIPESTATUS[0]}", 141),
        ("$T mark in -o out --tee | head -n 1; exit ${PIPESTATUS[0]}", 141),
        ("cat in | $T mark -o /dev/stdout > out", 0),
        ("$T mark in -o - > out", 0),
        ("$T mark in -o /dev/fd/7 7> out", 0),
    ],
)
def test_status(cli, line, status):
    rows = many(2000)  # more than a pipe holds
    cli.write("in", lines(*rows))
    done = cli.shell(line)
    assert done.returncode == status, done.stderr
    if status == 0 and "mark <&-" not in line:
        assert [row["id"] for row in parsed(cli.read("out"))] == [row["id"] for row in rows]
    if status == 141:
        assert done.stderr == b""
    if status == 74 and "out" not in line:
        assert done.stderr.count(b"\n") == 1


def test_closed_standard_output_is_74_before_work(cli, rows):
    assert cli.shell("$T mark --started loaded in >&-").returncode == 74
    assert not cli.path("loaded").exists()


def test_broken_pipe_is_noticed_before_the_next_batch(cli):
    cli.write("in", lines(*many(100, do="wait", seconds=0.3)))
    runner = cli.popen("mark", "-b", 1, "in")
    runner.stdout.readline()
    runner.stdout.close()
    began = time.monotonic()
    assert runner.wait(20) == -signal.SIGPIPE
    assert time.monotonic() - began < 10  # of 30; one batch is in hand
    assert runner.stderr.read() == b""
    runner.stderr.close()


def test_broken_pipe_is_noticed_while_waiting_for_input(cli):
    runner = cli.popen("mark", "-b", 4, stdin=subprocess.PIPE)
    runner.stdin.write(lines(*many(4)))
    runner.stdin.flush()
    for _ in range(4):
        runner.stdout.readline()
    runner.stdout.close()
    assert runner.wait(20) == -signal.SIGPIPE
    runner.stdin.close()
    runner.stderr.close()


def test_output_file_is_replaced_whole_or_not_at_all(cli):
    cli.write("out", b"old\n")
    cli.path("out").chmod(0o640)
    bad = lines(*many(5)) + b"torn"
    cli.run("mark", "-o", "out", input=bad, status=65)
    assert cli.read("out") == b"old\n"
    assert cli.names() == ["out"]
    cli.run("mark", "-o", "out", input=lines(*many(5)))
    assert len(parsed(cli.read("out"))) == 5
    assert cli.path("out").stat().st_mode & 0o777 == 0o640
    assert cli.names() == ["out", "out.run.ids", "out.run.json"]


@pytest.mark.parametrize("words", [(), ("--resume",)])
def test_folder_that_cannot_be_written_is_74_with_a_remedy(cli, words):
    cli.write("file", b"")
    said = cli.said("mark", "-o", "file/below/out", *words, input=lines(*many(1)), status=74)
    assert said.endswith("Not a directory; see to the folder, or write to another\n")


def test_symbolic_link_is_written_through(cli):
    cli.path("real").mkdir()
    cli.path("link").symlink_to("real/out")
    cli.run("mark", "-o", "link", input=lines(*many(2)))
    assert cli.path("link").is_symlink()
    assert len(parsed(cli.read("real/out"))) == 2


def test_leftover_of_a_killed_run_is_swept_and_that_of_others_is_not(cli):
    cli.write(".out.tmp", b"left by a killed run\n" * 100)
    cli.write(".other.tmp", b"of another run\n")
    cli.run("mark", "-o", "out", input=lines(*many(2)))
    assert ".out.tmp" not in cli.names()
    assert ".other.tmp" in cli.names()
    assert len(parsed(cli.read("out"))) == 2


def test_account_in_the_run_file(cli):
    rows = many(5)
    rows[3]["do"] = "fail"
    cli.run("mark", "-o", "out", "--seed", 3, input=lines(*rows), status=1)
    kept = cli.run_file("out")
    assert (kept["tool"], kept["finished"], kept["balanced"]) == ("mark", True, True)
    assert kept["options"] == {"add": 0, "seed": 3, "overwrite": False}
    counts = kept["checkpoint"]["counts"]
    assert (counts["read"], counts["out"], counts["dropped"], counts["failed"]) == (5, 4, 0, 1)


def test_log_keeps_run_file_and_ledger_of_a_pipe(cli):
    rows = lines(*many(4))
    assert len(parsed(cli.out("sift", "--log", "logs", input=rows))) == 2
    assert sorted(path.name for path in cli.path("logs").iterdir()) == [
        "sift.dropped",
        "sift.run.json",
    ]
    cli.out("mark", input=rows, env={"HEADKIT_LOG": "logs"})
    assert cli.path("logs/mark.run.json").exists()
    cli.out("sift", input=rows, env={"HEADKIT_LOG": "logs"})
    assert len(parsed(cli.read("logs/sift.dropped"))) == 2


def test_dry_run_loads_and_measures_and_writes_nothing(cli):
    cli.write("in", lines(*many(50)))
    out, said = cli.run("mark", "--dry-run", "-d", "images", "-o", "out", "in")
    assert out == b""
    assert cli.names() == ["in"]
    assert "50 records will take about" in said
    assert "50 files" in said
    assert 'no field "value"' in cli.said("mark", "--dry-run", input=b'{"id":"a"}\n', status=65)


def test_work_waits_for_no_terminal(cli):
    ours, theirs = pty.openpty()
    runner = cli.popen("mark", "-b", 1, stdin=theirs)
    os.close(theirs)
    os.write(ours, b'{"id":"typed","value":1}\n\x04')
    out, said = runner.communicate(timeout=20)
    os.close(ours)
    assert (runner.returncode, said) == (0, b"")
    assert parsed(out)[0]["id"] == "typed"


def test_libraries_have_one_thread_whatever_the_environment_says(cli):
    shown = "import os; from headkit.run import environment as e; e.prepare(); print(*(os.environ[n] for n in e.THREADS))"
    base = {name: value for name, value in cli.env.items() if "THREADS" not in name}

    def threads(**env):
        return subprocess.run(
            [sys.executable, "-c", shown], env=base | env, capture_output=True, check=True
        ).stdout.split()

    assert threads() == [b"1"] * 6
    assert threads(OMP_NUM_THREADS="3") == [b"1"] * 6


def test_cache_falls_back_to_a_temporary_folder(cli, monkeypatch):
    from headkit.cache import folder

    cli.write("file", b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cli.path("file") / "below"))
    assert not str(folder("a")).startswith(str(cli.folder / "file"))
    assert folder("a").is_dir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cli.path("new")))
    assert folder("a") == cli.path("new/headkit/a")


def test_runner_loads_no_numpy_and_help_no_runner(cli):
    loaded = "import sys; import {}; print(*(n for n in ('numpy', 'torch', 'tqdm', 'orjson', 'headkit.run.session') if n in sys.modules))"
    for module, expected in (
        ("headkit.run", b"orjson headkit.run.session\n"),
        ("headkit.cli", b"\n"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", loaded.format(module)],
            env=cli.env,
            capture_output=True,
            check=True,
        )
        assert done.stdout == expected


@pytest.mark.parametrize(
    "line",
    [
        "$T sift in >> in",
        "$T sift < in >> in",
        "$T sift --resume -o in in",
        "$T sift --tee -o out --resume in; $T sift -o out --resume out",
    ],
)
def test_output_that_is_the_input_is_refused(cli, line):
    before = lines(*many(4))
    cli.write("in", before)
    done = cli.shell(line)
    assert done.returncode == 2
    assert b"is the output as well" in done.stderr
    assert cli.read("in") == before


def test_file_may_be_replaced_by_what_is_made_of_it(cli):
    cli.write("in", lines(*many(4)))
    cli.run("sift", "-o", "in", "in")
    assert [row["id"] for row in parsed(cli.read("in"))] == ["r0", "r2"]


@pytest.mark.parametrize(
    "line",
    [
        "$T sift --ledger in in",
        "$T sift --ledger in < in",
        "$T sift --ledger in -o out in",
        "$T sift --ledger out -o out in",
    ],
)
def test_ledger_that_is_read_or_written_elsewhere_is_refused(cli, line):
    before = lines(*many(4))
    cli.write("in", before)
    done = cli.shell(line)
    assert done.returncode == 2, done.stderr
    assert b"write to another file" in done.stderr
    assert cli.read("in") == before


@pytest.mark.parametrize(
    "words",
    [
        "-o z.run.json",
        "-o z.run.ids",
        "-o z.dropped",
        "-o .z.tmp",
        "-o new --ledger z.run.json",
        "-o z --ledger z.run.ids --resume",
        "-o link",
    ],
)
def test_side_file_of_another_output_is_refused(cli, words):
    cli.write("in", lines(*many(4)))
    cli.run("sift", "-o", "z", "in")
    cli.path("link").symlink_to("z.run.json")
    before = {name: cli.read(name) for name in cli.names()}
    said = cli.said("sift", *words.split(), "in", status=2)
    assert "is a side file of 'z'; write to a file of another name" in said
    assert {name: cli.read(name) for name in cli.names()} == before


def test_name_that_only_looks_like_a_ledger_is_free(cli):
    cli.write("in", lines(*many(4)))
    cli.run("mark", "-o", "rows.dropped", "in")
    assert len(parsed(cli.read("rows.dropped"))) == 4


def test_ledger_that_is_a_device_is_written_through(cli):
    cli.write("in", lines(*many(4)))
    pipe = cli.path("pipe")
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    done = cli.shell("$T sift --ledger pipe -o out in")
    assert done.returncode == 0, done.stderr
    dropped = reader.communicate(timeout=20)[0]
    assert len(dropped.splitlines()) + len(cli.read("out").splitlines()) == 4
    assert stat.S_ISFIFO(pipe.stat().st_mode)
