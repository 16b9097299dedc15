"""Say how far runs are: how many rows are done, how fast, how many went wrong, and whether a run is at work.

Each FILE is the output of a run with -o; what is printed comes from FILE itself and from
FILE.run.json beside it. Nothing is locked or changed, so it may be asked at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headkit.tool import Example


@dataclass(frozen=True)
class Options:
    """None beside the files."""


EXAMPLES = (Example("headkit status images.jsonl"),)


def text(options: Options, operands: list[str]) -> Iterator[str]:  # noqa: ARG001
    """One line for each file."""
    yield from operands
