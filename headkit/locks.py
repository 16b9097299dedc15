"""One run at a time writes a file, be it on one machine or on many.

The kernel's lock (flock) is best: it goes with the process, whatever that dies of. Some network disks have none, or
one that other machines do not see (Lustre without `flock`, NFS mounted with `nolock`). There a lock file stands
beside the file, `.NAME.lock`, and says who holds it: host, process, job. Its holder touches it every few seconds;
one that was not touched for two minutes is stale, and so is one whose process is known to be dead. The next
run takes it over, and says so. A run that finds that its lock was taken, since its machine slept or was cut off,
writes nothing more.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headkit.status import TRY_LATER, Stop

BEAT = 15.0  # seconds between two touches of a lock file
STALE = 120.0  # seconds without one
SETTLE = 0.5  # seconds after which a lock that was taken over is looked at again
BY_HOST = {"localflock", "nolock", "local_lock=all", "local_lock=flock"}  # mount options
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def myself() -> dict[str, Any]:
    """Who this process is: host, process, and the job of a cluster where it is one."""
    names = os.environ
    job = names.get("SLURM_JOB_ID")
    if names.get("SLURM_ARRAY_JOB_ID"):
        job = f"{names['SLURM_ARRAY_JOB_ID']}_{names.get('SLURM_ARRAY_TASK_ID')}"
    restarts = names.get("SLURM_RESTART_COUNT")
    return {
        "host": names.get("SLURMD_NODENAME") or socket.gethostname(),
        "process": os.getpid(),
        **({"job": job} if job else {}),
        **({"restarts": int(restarts)} if restarts and restarts.isdecimal() else {}),
    }


def try_flock(descriptor: int, path: Path) -> bool:
    """Take the kernel's lock; whether it holds against other machines too. Stop 75 where another run has it."""
    for attempt in (1, 2, 3):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return not BY_HOST & _mount_options(os.fstat(descriptor).st_dev)
        except BlockingIOError:
            if attempt == 3:  # `headkit status` looks at a lock by holding it for a moment
                raise Stop(TRY_LATER, f"{path}: another run is writing it; try later") from None
            time.sleep(0.02)
        except OSError:
            return False
    raise AssertionError


def is_held(path: Path) -> bool:
    """Whether a run writes the file now. Asks for a shared lock, and lets go of it at once."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks on this disk, or not ours to read
        pass
    found = Found.read(lock_file(path))
    return found is not None and not found.stale(time.time())


def lock_file(path: Path) -> Path:
    """Where the lock of a file is that the kernel cannot lock."""
    return path.with_name(f".{path.name}.lock")


@dataclass(frozen=True)
class Found:
    """A lock file as it was read: by whom, when last touched, and which file it was."""

    path: Path
    holder: dict[str, Any]
    touched: float
    inode: int

    @classmethod
    def read(cls, path: Path) -> Found | None:
        """None where there is no such file."""
        try:
            with path.open("rb") as file:
                state, text = os.fstat(file.fileno()), file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Stop(
                TRY_LATER, f"{path}: lock file cannot be read ({error.strerror}); see to it"
            ) from None
        try:
            holder = json.loads(text)
        except ValueError:
            holder = None  # it is being written
        return cls(path, holder if isinstance(holder, dict) else {}, state.st_mtime, state.st_ino)

    def stale(self, now: float) -> bool:
        return now - self.touched > STALE or self._dead()

    def _dead(self) -> bool:
        """Whether the holder is known to have ended: only a process of this machine can be looked for."""
        theirs = self.holder
        if not theirs or theirs.get("machine") != _machine():
            return False
        return bool(theirs.get("began") != _began(theirs.get("process")))

    def name(self, now: float) -> str:
        """As a message calls the holder."""
        theirs = self.holder
        job = f" (job {theirs['job']})" if theirs.get("job") else ""
        who = f"process {theirs.get('process')} on {theirs.get('host')}{job}" if theirs else "a run"
        return f"{who}, last heard of {max(0.0, now - self.touched):.0f} s ago"


class Claim:
    """A lock file of ours, touched by a thread until it is released. `name` is the file that it locks."""

    def __init__(self, name: Path, say: Callable[[str], None]) -> None:
        """Stop 75 where another run holds the file."""
        self.name = name
        self.path = lock_file(name)
        self.token = secrets.token_hex(8)
        self.lost = False
        self._beaten = _now()
        self._ended = threading.Event()
        self._take(say)
        threading.Thread(target=self._beat_on, name="lock", daemon=True).start()

    def check(self) -> None:
        """Stop 75 where the lock was taken from us. To be called before each write: costs a look at the clock."""
        if _now() - self._beaten > STALE / 2:  # this process, or its machine, was asleep
            self._beat()
        if self.lost:
            raise Stop(
                TRY_LATER,
                f"{self.name}: lock was taken over by another run while this one was not heard of; "
                "see what that run does, and try later",
            )

    def release(self) -> None:
        if not self._ended.is_set():
            self._ended.set()
            with suppress(OSError, Stop):
                if self._is_ours():
                    self.path.unlink()

    def _take(self, say: Callable[[str], None]) -> None:
        ours = self.path.with_name(f"{self.path.name}.{self.token}")
        try:
            now = self._write(ours)
            while not self._link(ours):
                self._clear(now, say)
        except OSError as error:
            raise Stop(
                TRY_LATER,
                f"{self.name}: cannot be locked ({error.strerror}); use a disk that has locks",
            ) from None
        finally:
            with suppress(OSError):
                ours.unlink()

    def _write(self, path: Path) -> float:
        """Write who we are; the time of the disk's own clock."""
        holder = {
            **myself(),
            "machine": _machine(),
            "began": _began(os.getpid()),
            "token": self.token,
        }
        with path.open("x") as file:
            file.write(json.dumps(holder) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return path.stat().st_mtime

    def _link(self, ours: Path) -> bool:
        """Make the lock file, whole and at once; False where there is one."""
        try:
            os.link(ours, self.path)
        except FileExistsError:
            return ours.stat().st_nlink == 2  # NFS: it was done, but the answer was lost
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            try:
                self._write(self.path)
            except FileExistsError:
                return False
        return True

    def _clear(self, now: float, say: Callable[[str], None]) -> None:
        """Put a stale lock file out of the way; Stop 75 where its holder lives."""
        found = Found.read(self.path)
        if found is None:
            return
        if not found.stale(now):
            raise Stop(TRY_LATER, f"{self.name}: {found.name(now)}, is writing it; try later")
        remove_stale(found, self.name, now, say)

    def _beat_on(self) -> None:
        while not self._ended.wait(BEAT):
            self._beat()

    def _beat(self) -> None:
        with suppress(OSError, Stop):  # a disk that does not answer: later, perhaps
            if self._is_ours():
                os.utime(self.path)
                self._beaten = _now()
            else:
                self.lost = True

    def _is_ours(self) -> bool:
        found = Found.read(self.path)
        return found is not None and found.holder.get("token") == self.token


def remove_stale(found: Found, name: Path, now: float, say: Callable[[str], None]) -> None:
    """Remove the lock file that was found stale, that one and no other; Stop 75 where another run was quicker."""
    aside = found.path.with_name(f"{found.path.name}.{secrets.token_hex(8)}")
    try:
        found.path.rename(aside)
    except FileNotFoundError:
        return
    if aside.stat().st_ino != found.inode:  # a lock that another run has just made
        with suppress(OSError):
            os.link(aside, found.path)
        aside.unlink()
        raise Stop(TRY_LATER, f"{name}: another run is writing it; try later")
    aside.unlink()
    say(f"{name}: stale lock is taken over, of {found.name(now)}")
    time.sleep(SETTLE)  # whoever saw it as well has taken it by now


def _machine() -> list[str]:
    """What two processes have in common that can see each other: host, its start, space of process numbers."""
    found = [socket.gethostname()]
    with suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        found.append(str(Path("/proc/self/ns/pid").readlink()))
    return found


def _began(process: Any) -> str | None:
    """When a process of this machine began, in ticks since the machine did; None where there is none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def _now() -> float:
    """Seconds of a clock that runs on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _mount_options(device: int) -> set[str]:
    """The options with which the disk of that device number is mounted; none where that cannot be known."""
    number = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            words = line.split()
            if words[2] == number:
                return {*words[5].split(","), *words[-1].split(",")}
    return set()
