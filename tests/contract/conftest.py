"""Runs the sample tools as real processes: their bytes, messages and exit statuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # sample_tools


class Cli:
    """A folder to work in, and `python -m sample_tools` (or headkit) run there."""

    def __init__(self, folder):
        self.folder = folder
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HEADKIT_", "SLURM_"))
        }
        self.env = {**kept, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}

    def command(self, *words, program="sample_tools"):
        return [sys.executable, "-m", program, *map(str, words)]

    def popen(self, *words, program="sample_tools", **options):
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        } | options
        return subprocess.Popen(
            self.command(*words, program=program), cwd=self.folder, env=self.env, **options
        )

    def run(self, *words, input=b"", status=0, program="sample_tools", env=None):
        """Standard output and standard error; the exit status must be `status`."""
        done = subprocess.run(
            self.command(*words, program=program),
            input=input,
            capture_output=True,
            cwd=self.folder,
            env={**self.env, **(env or {})},
            timeout=60,
            check=False,
        )
        assert done.returncode == status, (done.returncode, done.stderr.decode())
        return done.stdout, done.stderr.decode()

    def out(self, *words, **options):
        return self.run(*words, **options)[0]

    def said(self, *words, **options):
        return self.run(*words, **options)[1]

    def shell(self, line):
        """A line for bash, where $T stands for the sample tools; the completed process."""
        program = f"{sys.executable} -m sample_tools"
        return subprocess.run(
            ["bash", "-c", line],
            capture_output=True,
            cwd=self.folder,
            env={**self.env, "T": program, "H": f"{sys.executable} -m headkit"},
            timeout=60,
            check=False,
        )

    def path(self, name):
        return self.folder / name

    def write(self, name, data):
        (self.folder / name).write_bytes(data)
        return name

    def read(self, name):
        return (self.folder / name).read_bytes()

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    def run_file(self, name):
        return json.loads(self.read(f"{name}.run.json"))


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path)


def lines(*records):
    """Records as JSON Lines."""
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def parsed(data):
    return [json.loads(line) for line in data.splitlines()]


def many(number, **fields):
    """Records r0, r1 and so on, whose value is their number."""
    return [{"id": f"r{index}", "value": index, **fields} for index in range(number)]
