"""Blocks of lines: what is certainly a record in them, its key, and the parts of it that somebody reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from headkit.scanning.kernels import DOUBT, SURE, Tree, name_hash, scan, work
from headkit.scanning.keys import keys
from headkit.selection import Selection
from headkit.tool import Record


@dataclass
class Block:
    """Lines, scanned.

    starts   where each line begins, and where the last ends
    sure     the numbers of the lines that are records as jsonl.parse would take them, in order
    doubted  the numbers of the lines to be parsed exactly
    records  of each sure line, the parts that the selection names
    keys     of each sure line, run.ids.key of its id
    """

    data: bytes
    starts: NDArray[np.int64]
    ids: NDArray[np.int64]
    sure: NDArray[np.int64]
    doubted: NDArray[np.int64]
    records: list[Record]
    keys: NDArray[np.uint64]

    def line(self, number: int) -> bytes:
        """A line without its newline."""
        return self.data[self.starts[number] : self.starts[number + 1] - 1]

    def id(self, number: int) -> str:
        """The id of a sure line."""
        first, end = self.ids[number]
        return self.data[first:end].decode()


class Scanner:
    """Scans blocks of lines for the parts of a selection."""

    def __init__(self, selection: Selection) -> None:
        self.tree = tree(selection)
        self.work = work()

    def block(self, data: bytes, count: int) -> Block:
        """`count` whole lines, each with its newline, scanned."""
        starts = np.empty(count + 1, np.int64)
        status = np.empty(count, np.uint8)
        ids = np.empty((count, 2), np.int64)
        out = np.empty(len(data) + 1, np.uint8)
        view = np.frombuffer(data, np.uint8)
        _, length = scan(view, starts, status, ids, out, self.tree, self.work)
        if not _is_text(data):  # the scanner takes any bytes in a string
            status[status == SURE] = DOUBT
        sure = np.flatnonzero(status == SURE)
        doubted = np.flatnonzero(status == DOUBT)
        records = []
        if len(sure):
            out[length - 1] = ord("]")
            records = orjson.loads(b"[" + out[:length].tobytes())
            assert len(records) == len(sure)
        return Block(data, starts, ids, sure, doubted, records, keys(view, ids, sure))


def _is_text(data: bytes) -> bool:
    """Whether it is UTF-8."""
    if data.isascii():  # ten times as fast
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def tree(selection: Selection) -> Tree:
    """The selection, and the id, as arrays for the scanner."""
    selection.part("id").whole = True
    nodes = [Selection(), selection]
    edges, hashes, targets, items = [0], [], [], []
    at = 0
    while at < len(nodes):
        node = nodes[at]
        for name, part in node.parts.items():
            hashes.append(name_hash(name.encode()))
            targets.append(len(nodes))
            nodes.append(part)
        items.append(0 if node.item is None else len(nodes))
        if node.item is not None:
            nodes.append(node.item)
        edges.append(len(hashes))
        at += 1
    return Tree(
        np.array(edges, np.int32),
        np.array(hashes, np.uint64),
        np.array(targets, np.int32),
        np.array(items, np.int32),
        np.array([node.whole for node in nodes], np.bool_),
        np.array([node.size for node in nodes], np.bool_),
    )
