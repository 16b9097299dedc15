"""How images that are asked for are put together: those of one shape, in chunks of one length, whatever else is asked."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Numbers of the images of a chunk; all but the first `filled` repeat the last one, and are thrown away."""

    numbers: tuple[int, ...]
    filled: int


def chunks(shapes: Sequence[Hashable], size: int) -> Iterator[Chunk]:
    """Chunks of `size` images of one shape each; every number once among the filled slots.

    Shapes come in the order of their first image, images in theirs. A chunk is never shorter: a library's kernels for
    another number of images would give other bytes (ran on the CPU: from 2 images on they agree to the bit).
    """
    groups: dict[Hashable, list[int]] = {}
    for number, shape in enumerate(shapes):
        groups.setdefault(shape, []).append(number)
    for numbers in groups.values():
        for at in range(0, len(numbers), size):
            part = numbers[at : at + size]
            yield Chunk((*part, *[part[-1]] * (size - len(part))), len(part))
