"""What a person sees of a run: a bar while it works, one line at its end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from headkit.photos.folders import kind_of
from headkit.run.inputs import CHUNK, Input, is_file
from headkit.run.runfile import Checkpoint, Counts

COUNTED = 256 << 20  # bytes of input whose lines are counted, so that the bar knows its end


class Progress:
    """A bar on standard error where that is a terminal; nothing anywhere else."""

    def __init__(
        self,
        tool: str,
        files: list[Input],
        stdin: int,
        limit: int | None,
        *,
        quiet: bool,
        unit: str = "record",
    ) -> None:
        self._bar: Any = None
        self._began = time.monotonic()
        self.on_terminal = sys.stderr is not None and os.isatty(2) and not quiet
        if self.on_terminal:
            from tqdm import tqdm  # 30 ms, for people only

            total = count_records(files, stdin)
            if limit is not None:
                total = min(limit, total) if total is not None else limit
            self._bar = tqdm(
                desc=tool,
                total=total,
                unit=unit,
                file=sys.stderr,
                dynamic_ncols=True,
                smoothing=0.05,
            )
            # A tool may load a model, or compile the renderer, before its first record is done.
            self._bar.set_postfix_str("getting ready")

    def begin_at(self, records: int) -> None:
        """What earlier runs did counts as done, but not towards the speed."""
        if self._bar is not None:
            self._bar.initial = self._bar.n = records
            self._bar.refresh()

    def advance(self, records: int) -> None:
        if self._bar is not None:
            if self._bar.postfix:
                self._bar.set_postfix_str("", refresh=False)
            self._bar.update(records)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def say(self, speak: Callable[[str], None], text: str) -> None:
        """A line among the updates of the bar, without tearing it."""
        if self._bar is not None:
            self._bar.clear()
        speak(text)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


def summary(counts: Counts, seconds: float) -> str:
    """One line, as "1000 read, 990 out, 10 failed in 12.3 s"."""
    parts = [f"{counts.read} read", f"{counts.out} out"]
    if counts.passed:
        parts[-1] += f" ({counts.passed} with an error from before)"
    for number, word in (
        (counts.dropped, "dropped"),
        (counts.failed, "failed"),
        (counts.skipped, "lines skipped"),
    ):
        if number:
            parts.append(f"{number} {word}")
    return ", ".join(parts) + f" in {seconds:.1f} s"


def part_read(state: Checkpoint) -> float | None:
    """The share of the input's bytes that was read; None where the input's size is not known."""
    sizes: list[int] = [file["size"] for file in state.inputs if file is not None]
    if not sizes or len(sizes) < len(state.inputs) or not sum(sizes):
        return None
    place = state.place
    return min(1.0, (sum(sizes[: place.file]) + place.offset) / sum(sizes))


def standing(
    counts: Counts, fresh: int, part: float | None, spent: float, progress: Progress
) -> str:
    """How far a run is, in one line: `fresh` records were done by this run, `spent` seconds by all."""
    line = summary(counts, progress.seconds)
    if fresh and progress.seconds:
        line += f", {fresh / progress.seconds:.1f}/s"
    if part:
        left = timedelta(seconds=round(spent * (1 - part) / part))
        line += f", {100 * part:.0f}% of the input, {left} left"
    return line


def count_records(files: list[Input], stdin: int) -> int | None:
    """Lines of the input, where it is files of bearable size; a guess at the records."""
    lines = held = 0
    for file in files:
        if file.path is not None and kind_of(file.path) != "list":
            return None  # photos
        descriptor = file.open(stdin)
        try:
            held += os.fstat(descriptor).st_size
            if not is_file(descriptor) or held > COUNTED:
                return None
            at = 0
            while block := os.pread(descriptor, CHUNK, at):
                lines += block.count(b"\n")
                at += len(block)
        finally:
            os.close(descriptor)
    return lines or None
