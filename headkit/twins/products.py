"""Tiles of products in float32, and where they reach a floor: by numpy on the CPU, or by torch on a GPU.

Which of them computes, with how many threads and in what order, changes the last bits of a product; cosines.margin()
covers any order. It does not cover TF32, which torch leaves off unless asked.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Places = tuple[NDArray[np.intp], NDArray[np.intp]]  # rows, columns


class Products(Protocol):
    """What multiplies blocks of rows."""

    tile: int  # rows of a block that it is fast with
    resident: bool  # whether loaded blocks should be kept: loading one is dear

    def load(self, rows: NDArray[np.float32]) -> Any:
        """The rows where it can multiply them."""
        ...

    def reaching(self, left: Any, right: Any, floor: float) -> Places:
        """Rows and columns of the products of two blocks that are at least `floor`, row by row."""
        ...


class NumpyProducts:
    """On the CPU; several threads may ask at once, and numpy lets them run side by side."""

    tile = 2048
    resident = False

    def __init__(self) -> None:
        self._local = threading.local()  # each thread has a tile of its own to write to

    def load(self, rows: NDArray[np.float32]) -> Any:
        return rows

    def reaching(self, left: Any, right: Any, floor: float) -> Places:
        tile = self._tile(left, right)
        # Few rows of a tile have anything: the largest of each is found several times faster than where it is.
        rows = np.flatnonzero(tile.max(axis=1, initial=-np.inf) >= floor)
        within, columns = np.nonzero(tile[rows] >= floor)
        return rows[within], columns

    def _tile(self, left: Any, right: Any) -> NDArray[np.float32]:
        room = getattr(self._local, "room", np.empty(0, np.float32))
        if room.size < len(left) * len(right):
            room = self._local.room = np.empty(len(left) * len(right), np.float32)
        tile = room[: len(left) * len(right)].reshape(len(left), len(right))
        return np.matmul(left, right.T, out=tile)


class TorchProducts:
    """By torch, on a GPU or (for tests) on the CPU."""

    tile = 16384
    resident = True

    def __init__(self, device: str) -> None:
        import torch

        self.torch: Any = torch
        self.device = device

    def load(self, rows: NDArray[np.float32]) -> Any:
        return self.torch.from_numpy(np.ascontiguousarray(rows)).to(self.device)

    def reaching(self, left: Any, right: Any, floor: float) -> Places:
        places = (left @ right.T >= floor).nonzero()
        rows, columns = places.cpu().numpy().T
        return rows, columns


def products(device: str = "cpu") -> Products:
    """What multiplies on a device as torch calls it: `cpu`, or `cuda:0` and its like."""
    return NumpyProducts() if device == "cpu" else TorchProducts(device)
