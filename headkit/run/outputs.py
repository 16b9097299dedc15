"""Where rows go: standard output or a device; a file replaced whole; a journal that is appended to."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from headkit import locks
from headkit.locks import Claim
from headkit.run.signals import Interrupted
from headkit.run.streams import write_all
from headkit.status import WRITE_FAILED, Stop

CLOSED = -1  # no descriptor: writing to it fails, as it must


def open_locked(path: Path, say: Callable[[str], None]) -> tuple[int, Claim | None]:
    """A descriptor of the file that `path` names now, made if need be, and locked; Stop 75 where another run has it.

    The kernel's lock lasts as long as the descriptor is open; where the disk has none, a lock file is claimed.
    """
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise Stop(
                WRITE_FAILED,
                f"{path}: {error.strerror}; see to the folder, or write to another",
            ) from None
        claim = None
        try:
            everywhere = locks.try_flock(descriptor, path)
            if not everywhere or locks.lock_file(path).exists():  # of a machine that has no other
                claim = Claim(path, say)
            held, named = os.fstat(descriptor), os.stat(path)
        except FileNotFoundError:
            named = None
        except BaseException:
            os.close(descriptor)
            raise
        if named is not None and os.path.samestat(held, named):
            return descriptor, claim
        os.close(descriptor)  # another run renamed or removed it between opening and locking
        if claim is not None:
            claim.release()


def is_device(path: str) -> bool:
    """Whether `path` is written through instead of replaced: a device, a pipe, an open descriptor."""
    if path.startswith(("/dev/", "/proc/")):
        return True
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


class Through:
    """Standard output, a pipe or a device: what is written is gone."""

    def __init__(self, descriptor: int, name: str) -> None:
        self.descriptor = descriptor
        self.name = name
        self.offset = 0

    def write(self, data: bytes) -> None:
        write_all(self.descriptor, data, self.name)
        self.offset += len(data)

    def sync(self) -> None:
        """Nothing to wait for."""

    def commit(self) -> None:
        descriptor, self.descriptor = self.descriptor, CLOSED
        try:
            if descriptor != CLOSED:
                os.close(descriptor)  # a network file system reports a full disk here
        except OSError as error:
            raise Stop(WRITE_FAILED, f"{self.name}: {error.strerror}") from None

    def discard(self) -> None:
        """Nothing half written to remove."""

    def abort(self) -> None:
        self.descriptor = _close(self.descriptor)


class Journal:
    """A file that grows by whole rows under a lock. `kill -9` leaves at most one torn line, cut on opening."""

    def __init__(self, path: Path, say: Callable[[str], None], *, temporary: bool = False) -> None:
        self.path = path
        self.name = str(path)
        self.say = say
        self.temporary = temporary  # goes unless it takes the place of another
        self.descriptor, self.claim = open_locked(path, say)
        self.offset = _end_of_last_line(self.descriptor)
        self.truncate(self.offset)

    def truncate(self, offset: int) -> None:
        """Cut the file, and go on writing there."""
        try:
            os.ftruncate(self.descriptor, offset)
            os.lseek(self.descriptor, offset, os.SEEK_SET)
        except OSError as error:
            raise Stop(WRITE_FAILED, f"{self.name}: {error.strerror}") from None
        self.offset = offset

    def take_place_of(self, other: Journal) -> None:
        """Rename this file over the other, which is let go; the lock on this one stays."""
        try:
            self.sync()
            os.replace(self.path, other.path)
            sync_folder(other.path.parent)
        except OSError as error:
            raise Stop(WRITE_FAILED, f"{other.name}: {error.strerror}") from None
        self.claim, other.claim = other.claim, self.claim  # a lock file is of a name
        other.abort()
        self.path, self.name, self.temporary = other.path, other.name, False

    def write(self, data: bytes) -> None:
        if self.claim is not None:
            self.claim.check()
        try:
            write_all(self.descriptor, data, self.name)
        except (Stop, Interrupted):
            with suppress(OSError):
                os.ftruncate(self.descriptor, self.offset)  # no torn row stays behind a full disk
            raise
        self.offset += len(data)

    def sync(self) -> None:
        if self.claim is not None:
            self.claim.check()
        try:
            os.fsync(self.descriptor)
        except OSError as error:
            raise Stop(WRITE_FAILED, f"{self.name}: {error.strerror}") from None

    def commit(self) -> None:
        self.sync()
        self.abort()

    def discard(self) -> None:
        if self.temporary and self.descriptor != CLOSED:
            with suppress(OSError):
                self.path.unlink()

    def abort(self) -> None:
        self.discard()
        self.descriptor = _close(self.descriptor)
        if self.claim is not None:
            self.claim.release()


class Replacement:
    """A file that takes the place of another when it is complete; until then that one is untouched.

    The temporary name follows from the target's, so that the next run overwrites what a killed one left.
    Both are locked: the target, since a resumed run may be appending to it.
    """

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self.path = Path(
            os.path.realpath(path)
        )  # of a symbolic link, the file is replaced, not the link
        self.name = str(path)
        self.temporary = self.path.with_name(f".{self.path.name}.tmp")
        self._target, self._claims = CLOSED, list[Claim | None]()
        if self.path.exists():
            self._target, claim = open_locked(self.path, say)
            self._claims.append(claim)
        self.descriptor = CLOSED
        try:
            self.descriptor, claim = open_locked(self.temporary, say)
        except BaseException:
            self._release()
            raise
        self._claims.append(claim)
        os.ftruncate(self.descriptor, 0)
        self._keep_mode()
        self.offset = 0

    def _keep_mode(self) -> None:
        if self._target != CLOSED:
            with suppress(OSError):
                os.fchmod(self.descriptor, stat.S_IMODE(os.fstat(self._target).st_mode))

    def write(self, data: bytes) -> None:
        write_all(self.descriptor, data, self.name)
        self.offset += len(data)

    def sync(self) -> None:
        """Nothing counts before the end."""

    def commit(self) -> None:
        for claim in self._claims:
            if claim is not None:
                claim.check()
        try:
            os.fsync(self.descriptor)
            os.replace(self.temporary, self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            self.abort()
            raise Stop(WRITE_FAILED, f"{self.name}: {error.strerror}") from None
        self._release()

    def discard(self) -> None:
        if self.descriptor != CLOSED:
            with suppress(OSError):
                os.unlink(self.temporary)

    def abort(self) -> None:
        self.discard()
        self._release()

    def _release(self) -> None:
        self.descriptor = _close(self.descriptor)
        self._target = _close(self._target)
        for claim in self._claims:
            if claim is not None:
                claim.release()


Output = Through | Journal | Replacement


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last; where folders cannot be synced (some network disks), it lasts anyway."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def _close(descriptor: int) -> int:
    """Close, once: the number may be another file's by the next time."""
    if descriptor != CLOSED:
        with suppress(OSError):
            os.close(descriptor)
    return CLOSED


def _end_of_last_line(descriptor: int) -> int:
    """The offset after the last newline."""
    end = os.fstat(descriptor).st_size
    while end:
        begin = max(0, end - (1 << 16))
        newline = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0
