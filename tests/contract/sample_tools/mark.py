"""A map: sets `mark` from the value, and does on request all that a tool may do wrong."""

import ctypes
import errno
import os
import signal
import time
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

from headkit import paths
from headkit.status import UNAVAILABLE, Stop
from headkit.tool import Failure, Opt

EXAMPLES = ()


@dataclass(frozen=True)
class Options:
    add: Annotated[int, Opt("added to the value")] = 0
    dir: Annotated[
        str | None, Opt("folder for side files", flags=("-d", "--dir"), decides=False)
    ] = None
    sleep: Annotated[float, Opt("seconds per batch", decides=False)] = 0.0
    started: Annotated[str | None, Opt("file that gets a line when models load", decides=False)] = (
        None
    )
    broken: Annotated[bool, Opt("have a bug", decides=False)] = False
    noisy: Annotated[bool, Opt("print when models load", decides=False)] = False
    stillborn: Annotated[bool, Opt("die when models load", decides=False)] = False


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def start(options, context):
    if options.broken:
        raise ZeroDivisionError("a bug")
    if options.started:
        with Path(options.started).open("a") as file:
            file.write(f"{os.getpid()}\n")
    if options.stillborn:
        os.kill(os.getpid(), signal.SIGSEGV)
    if options.noisy:
        print("a library that prints when it loads")
    return Process(options, context)


class Process:
    def __init__(self, options, context):
        self.options = options
        self.context = context
        self.made = {"model": "marker"}

    def __call__(self, records):
        if self.options.sleep:
            time.sleep(self.options.sleep)
        if any(record.get("do") == "oom" for record in records) and len(records) > 1:
            raise MemoryError("too many records")
        return [self.result(record) for record in records]

    def result(self, record):
        act = getattr(self, "do_" + str(record.get("do")).replace("-", "_"), None)
        if act is not None:
            done = act(record)
            if done is not None:
                return done
        drawn = blake2b(f"{self.context.seed}/{record['id']}".encode(), digest_size=4).hexdigest()
        fields = {"mark": {"sum": record["value"] + self.options.add, "drawn": drawn}}
        if self.options.dir:
            path = paths.image_path(
                self.context.folder(self.options.dir, "images"), record["id"], "txt"
            )
            paths.write_atomic(path, drawn.encode() * 50, self.context.tag)
            fields["image"] = paths.stored(self.context.root, path)
        return fields

    def do_fail(self, record):
        return Failure("bad value", f"value {record['value']} is bad")

    def do_model(self, record):
        return Failure("model", "the model gave up", model=True)

    def do_raise(self, record):
        raise ValueError("this record breaks the tool")

    def do_nothing(self, record):
        return {}

    def do_print(self, record):
        print("noise on standard output", flush=True)
        os.write(1, b"more noise\n")
        os.system("cat; echo child noise")

    def do_nan(self, record):
        return {"mark": {"sum": float("nan")}}

    def do_round(self, record):
        return {
            "poses": [{"box": [1.23456, 2, 3.0, 1e-9], "score": 0.123456789, "other": 0.123456789}]
        }

    def do_undeclared(self, record):
        return {"surprise": 1}

    def do_full(self, record):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "images/x.png")

    def do_gone(self, record):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "photo.jpg")

    def do_import(self, record):
        raise ImportError("libcudart.so.12: cannot open shared object file")

    def do_poison(self, record):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    def do_stop(self, record):
        raise Stop(UNAVAILABLE, "weights are gone; fetch them again")

    def do_die(self, record):
        os.kill(os.getpid(), signal.SIGKILL)

    def do_die_once(self, record):
        try:
            os.close(os.open(record["flag"], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    def do_segfault(self, record):
        os.kill(os.getpid(), signal.SIGSEGV)

    def do_exit(self, record):
        os._exit(3)

    def do_hang(self, record):
        """In C, never to come back to Python, not even for a signal's handler: the lock of Python is held."""
        while True:
            ctypes.PyDLL(None).sleep(1000)

    def do_crowd(self, record):
        """Memory is there for one at a time: whoever comes second is killed."""
        here = Path(record["folder"])
        (here / str(os.getpid())).touch()
        time.sleep(0.05)
        if any(
            alive(int(other.name)) for other in here.iterdir() if other.name != str(os.getpid())
        ):
            os.kill(os.getpid(), signal.SIGKILL)
        (here / str(os.getpid())).unlink()

    def do_poison_chained(self, record):
        try:
            self.do_poison(record)
        except RuntimeError as error:
            raise ValueError("the sampler failed") from error

    def do_wait(self, record):
        time.sleep(record.get("seconds", 60))
