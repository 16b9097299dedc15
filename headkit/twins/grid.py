"""Blocks of rows, and the tiles of pairs that they make."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """`count` rows in blocks of `tile`; the last one may be shorter.

    Tile (i, j), i <= j, holds the pairs of a row in block i and a later row in block j; band i is all tiles (i, j).
    So every pair of rows lies in exactly one tile.
    """

    count: int
    tile: int

    @property
    def blocks(self) -> int:
        return -(-self.count // self.tile)

    def rows(self, block: int) -> slice:
        """The rows of a block."""
        return slice(block * self.tile, min((block + 1) * self.tile, self.count))

    def pairs(self, first: int, second: int) -> int:
        """How many pairs tile (first, second) compares."""
        left, right = (_length(self.rows(block)) for block in (first, second))
        return left * (left - 1) // 2 if first == second else left * right

    @property
    def all_pairs(self) -> int:
        return self.count * (self.count - 1) // 2


def _length(rows: slice) -> int:
    return int(rows.stop - rows.start)
