"""Runs that are killed at random moments, and the processes of a run."""

import os
import random
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

from headkit.status import UNAVAILABLE


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
        """All that a run leaves: names of files, rows, images, account."""
        files = {
            path.relative_to(self.cli.folder): path for path in self.cli.path("images").rglob("*")
        }
        images = {name: path.read_bytes() for name, path in files.items() if path.is_file()}
        kept = self.cli.run_file("out")["checkpoint"]
        return {
            "names": self.cli.names(),
            "rows": self.cli.read("out"),
            "images": images,
            "counts": kept["counts"],
            "ids": kept["ids"],
        }

    def check(self):
        """Nothing lost, nothing doubled, no leftover."""
        now = self.state()
        assert [name for name in now if now[name] != self.whole[name]] == []

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
            given_up = status == UNAVAILABLE and "as it started" in said  # thrice
            assert given_up or status in (0, 1, -signal.SIGKILL), said
            if status in (0, 1):  # it got through: begin again
                self.check()
                self.forget()
        assert self.end(self.start())[0] in (0, 1)
        self.check()

    def start(self):
        return self.cli.popen(*self.words, "-j", 2, "-o", "out", "--resume", program=self.program)

    def end(self, runner):
        _, said = runner.communicate(timeout=600)
        return runner.returncode, said.decode()
