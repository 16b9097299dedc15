"""Room on the disks that a run writes to: below a floor it waits, and goes on where somebody has made room.

To wait is cheaper than to fail: on a shared disk the last bytes are also those of everybody else. What was read is
worked on and written out of what lies below the floor.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from headkit.status import USAGE, WRITE_FAILED, Stop

SECONDS_BETWEEN_LOOKS = 1.0
LONGEST_WAIT = 600.0  # seconds, before the run ends
PART, MOST = (
    0.01,
    10**9,
)  # the floor where none is asked for: that part of a disk, at most so many bytes
SMALL = 10**9  # bytes; a smaller disk has no floor unless one is asked for
LEAST_FILES = 1000  # files that can still be made (inodes), or that part of all
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def parse(text: str) -> int:
    """Bytes of a size as 20G; Stop 2 where it is none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", text.strip().upper())
    if match is None:
        raise Stop(USAGE, f"--min-free {text}: not a size, as 500M or 20G")
    return int(float(match[1]) * UNITS[match[2]])


def free(folder: Path) -> tuple[int, int | None]:
    """Bytes and files that the disk of `folder`, made or not, still takes; None of files where it does not count them."""
    state = _disk(folder)
    return state.f_bavail * state.f_frsize, state.f_favail if state.f_files else None


def _disk(folder: Path) -> os.statvfs_result:
    while True:
        try:
            return os.statvfs(folder)
        except FileNotFoundError:
            folder = folder.parent


class Room:
    """Watches the disks of some folders. `floor` in bytes, None where the user asks for none; 0 never waits."""

    def __init__(
        self,
        folders: Iterable[Path],
        floor: int | None,
        say: Callable[[str], None],
        pause: Callable[[float], None],
    ) -> None:
        """`pause` lets seconds pass, and raises what has happened meanwhile."""
        self.folders = tuple(folders) if floor != 0 else ()
        self.floor = floor
        self.say = say
        self.pause = pause
        self._looked = 0.0

    def check(self) -> None:
        """Wait until there is room; Stop 74 where there is none for ten minutes. Looks once a second at most."""
        now = time.monotonic()
        if now - self._looked < SECONDS_BETWEEN_LOOKS:
            return
        lacking = self._lacking()
        if lacking:
            self.say(f"{lacking}; waiting for room")
        while lacking:
            if time.monotonic() - now > LONGEST_WAIT:
                raise Stop(WRITE_FAILED, f"{lacking}; free the disk and run again")
            self.pause(SECONDS_BETWEEN_LOOKS)
            lacking = self._lacking()
            if not lacking:
                self.say("there is room again; going on")
        self._looked = time.monotonic()

    def _lacking(self) -> str | None:
        """What a disk lacks; None where all have enough."""
        for folder in self.folders:
            try:
                state = _disk(folder)
            except OSError:  # a mount that was lost: writing says so
                continue
            size, left = state.f_blocks * state.f_frsize, state.f_bavail * state.f_frsize
            floor = self.floor
            if floor is None:
                floor = min(MOST, int(PART * size)) if size >= SMALL else 0
            if left < floor:
                return f"{folder}: disk has {left / 1e9:.3g} GB left, less than {floor / 1e9:.3g} (--min-free)"
            if state.f_files and state.f_favail < min(LEAST_FILES, PART * state.f_files):
                return f"{folder}: disk takes only {state.f_favail} files more"
        return None
