"""Runs the sample tools as real processes: their bytes, messages and exit statuses."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import sample_tools.__main__  # noqa: E402  it is there now

import headkit.cli  # noqa: E402

MAIN = {"sample_tools": sample_tools.__main__.main, "headkit": headkit.cli.main}


class Cli:
    """A folder to work in, and `python -m sample_tools` (or headkit) run there."""

    def __init__(self, folder):
        self.folder = folder
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HEADKIT_", "SLURM_"))
        }
        # Of this tree, as the forked ones: an installed headkit may be of another.
        ours = os.pathsep.join((str(HERE), str(HERE.parents[1])))
        self.env = {**kept, "PYTHONPATH": ours, "OMP_NUM_THREADS": "1"}

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
        """Standard output and standard error; the exit status must be `status`, if one is given.

        A process of its own, but forked: it need not import everything again. Where that could matter, tests
        use `popen` or `shell`.
        """
        arguments = [program, *map(str, words)]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if not child:
                os._exit(self._forked(arguments, input, out.fileno(), err.fileno(), env or {}))
            _, ended = os.waitpid(child, 0)
            out.seek(0)
            err.seek(0)
            said = err.read().decode()
            assert status in (None, os.waitstatus_to_exitcode(ended)), said
            return out.read(), said

    def _forked(self, arguments, input, out, err, env):
        """The child: standard input is a pipe, the other two are files."""
        reading, writing = os.pipe()
        if not os.fork():  # whoever writes that pipe
            os.close(reading)
            with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
                pipe.write(input)
            os._exit(0)
        for ours, standard in ((reading, 0), (out, 1), (err, 2)):
            os.dup2(ours, standard)
        os.closerange(3, 64)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        os.environ.clear()
        os.environ.update(self.env | env)
        os.chdir(self.folder)
        sys.argv = arguments
        main = MAIN[arguments[0]]
        try:
            return main() or 0
        except SystemExit as end:
            return end.code or 0
        except BaseException:  # noqa: BLE001 - the child must not go on with the tests
            traceback.print_exc()
            return 99
        finally:
            sys.stdout.flush()
            sys.stderr.flush()

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
