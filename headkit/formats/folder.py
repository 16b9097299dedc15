"""A folder that appears whole or not at all: work beside it under a lock, then one rename.

Beside DIR lies `.DIR.pack/` while a run works: `lock`, and `new/`, which becomes DIR. What a killed run
left there is swept by the next one, which alone can hold the lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from headkit.status import TRY_LATER, USAGE, WRITE_FAILED, Stop

SUMS = "SHA256SUMS"  # lists every other file of a folder of ours


@dataclass(frozen=True)
class Workplace:
    """Where a run writes what shall become `target`, and `beside`, the private file."""

    target: Path
    work: Path
    beside: Path

    @property
    def new(self) -> Path:
        return self.work / "new"

    @property
    def private(self) -> Path:
        """Becomes `beside`."""
        return self.work / "private.jsonl"

    @property
    def journal(self) -> Path:
        """What of `new` is whole."""
        return self.work / "journal.json"

    @property
    def sums(self) -> Path:
        """Checksums of what of `new` is whole, as it becomes SHA256SUMS."""
        return self.work / "sums"

    @property
    def scratch(self) -> Path:
        """What formats keep between shards and do not publish."""
        return self.work / "scratch"

    def sweep(self) -> None:
        """Remove what is in `new` and not in the sums: files of shards that were cut short."""
        whole = _listed(self.sums)
        for folder, folders, names in os.walk(self.new, topdown=False):
            for name in names:
                path = Path(folder, name)
                if hash(path.relative_to(self.new).as_posix()) not in whole:
                    path.unlink()
            for name in folders:
                with suppress(OSError):  # not empty
                    Path(folder, name).rmdir()

    def publish(self) -> None:
        """Make `new` the target, in place of an older one of ours, and put the private file beside it."""
        _sync(self.new)
        old = self.work / "old"
        if self.target.exists() and any(self.target.iterdir()):
            self.target.rename(old)
        self.new.rename(self.target)
        self._publish_private()
        _sync(self.target.parent)

    def settle(self, *, keep: bool = False) -> None:
        """Finish or undo what was begun to be published, and sweep the rest, or keep it to be taken up."""
        old = self.work / "old"
        if old.exists() and not self.target.exists():
            old.rename(self.target)
        elif self.target.exists() and self.private.exists() and not self.new.exists():
            self._publish_private()
        if keep and self.new.exists() and self.journal.exists():
            return
        for path in self.work.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()

    def _publish_private(self) -> None:
        if self.private.exists():
            _move(self.private, self.beside)


def _move(source: Path, path: Path) -> None:
    """Rename, to another disk as well; the file appears whole, and only its owner can read it."""
    try:
        source.rename(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        temporary = path.with_name(f".{path.name}.pack.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with source.open("rb") as old, os.fdopen(os.open(temporary, flags, 0o600), "wb") as new:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())
        temporary.rename(path)
        source.unlink()


def private_path(target: Path) -> Path:
    """The file of what was not published, beside the folder."""
    return target.with_name(target.name + ".private.jsonl")


@contextmanager
def workplace(
    target: Path, *, resume: bool = False, private: Path | None = None, mend: bool = False
) -> Iterator[Workplace]:
    """A locked workplace for `target`; Stop where another run holds it or the folder is not ours.

    `private` is where the private file goes, if not beside the folder.
    With `resume` it keeps what a run before has done there, and leaves what this one has done if it ends early.
    With `mend` the folder may be damaged.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    work = target.with_name(f".{target.name}.pack")
    lock = _lock(work, target)
    place = Workplace(target, work, private or private_path(target))
    try:
        place.settle(keep=resume)
        if not mend:
            refuse_foreign(target, place.beside)
        place.new.mkdir(exist_ok=True)
        yield place
    finally:
        with suppress(OSError):  # what cannot be removed now is swept by the next run
            place.settle(keep=resume)
            (work / "lock").unlink()
            work.rmdir()  # fails where there is something to take up, or another run has made its lock
        os.close(lock)


def refuse_foreign(target: Path, private: Path) -> None:
    """Stop(USAGE) unless `target` is not there, is empty, or holds exactly what an earlier run published."""
    if target.is_dir():
        if not any(target.iterdir()) or _is_ours(target):
            return
        raise Stop(USAGE, f"{target} holds files that headkit did not pack; choose another -d")
    if target.exists() or target.is_symlink():
        raise Stop(USAGE, f"{target} is not a folder; choose another -d")
    if private.exists():
        raise Stop(USAGE, f"{private} is there without its folder; move it away")


def _is_ours(target: Path) -> bool:
    """Whether a folder holds the files of its checksum file, all of them and no others."""
    if not (target / SUMS).is_file():
        return False
    missing = _listed(target / SUMS)
    for folder, _, names in os.walk(target):
        for name in names:
            path = Path(folder, name)
            at = path.relative_to(target)
            if at.suffix == ".cache" and "labels" in at.parts:
                continue  # ultralytics keeps what it read of labels there
            if hash(at.as_posix()) not in missing and at.name != SUMS:
                return False
            missing.discard(hash(at.as_posix()))
    return not missing


def _listed(sums: Path) -> set[int]:
    """Hashes of the names in a checksum file (a million names are 70 MB); none where it is something else."""
    found = set()
    with suppress(UnicodeDecodeError), sums.open(encoding="utf-8") as lines:
        for line in lines:
            found.add(hash(line[66:].removesuffix("\n")))
    return found


def _lock(work: Path, target: Path) -> int:
    """A descriptor that holds the lock; the kernel frees it however the run ends."""
    while True:
        work.mkdir(exist_ok=True)
        try:
            descriptor = os.open(work / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # the run before us has just taken its workplace away
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), (work / "lock").stat()):
                return descriptor
        except FileNotFoundError:
            pass  # the same, between opening and locking
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise Stop(TRY_LATER, f"another run packs into {target}; wait for it") from None
            message = (
                f"{work}: locks are not supported there ({error.strerror}); pack to a local disk"
            )
            raise Stop(TRY_LATER, message) from error
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_full_disk(folder: Path, needed: int) -> None:
    """Stop(WRITE_FAILED) where the disk of `folder` has less than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Stop(
            WRITE_FAILED,
            f"{folder} has {free / 1e9:.1f} GB free and the dataset needs {needed / 1e9:.1f}; make room",
        )
