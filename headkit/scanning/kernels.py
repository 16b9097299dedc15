"""The scanner's machine code: a pass over lines of JSON, keys of ids (blake2b), and the set of keys seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import lean

Bytes = NDArray[np.uint8]

DEEPEST = 200  # levels of nesting: jsonl.MAX_DEPTH
MOST_KEYS = 256  # of an object; one with more is left to the exact parser
LONGEST_NUMBER = 40  # characters; a longer one is left to the exact parser
DOUBT, SURE, BLANK = 0, 1, 2

_START, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a, 64 bits


def name_hash(name: bytes) -> np.uint64:
    """The hash by which the scanner knows a key (FNV-1a)."""
    found = int(_START)
    for byte in name:
        found = (found ^ byte) * int(_PRIME) % 2**64
    return np.uint64(found)


ID, SCHEMA, DROPPED = name_hash(b"id"), name_hash(b"schema"), name_hash(b"dropped")


class Tree(NamedTuple):
    """A Selection as arrays: node 1 is the record, node 0 selects nothing.

    The fields of node n are the edges edges[n] to edges[n + 1] - 1: the hash of the name, and the node it leads to.
    """

    edges: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    targets: NDArray[np.int32]
    items: NDArray[np.int32]  # the node of a list's items
    whole: NDArray[np.bool_]
    size: NDArray[np.bool_]


class Work(NamedTuple):
    """The state of a scan at each level of nesting, and the hashes of the keys of all open objects."""

    is_list: NDArray[np.bool_]
    does: NDArray[np.uint8]
    node: NDArray[np.int32]
    members: NDArray[np.int32]
    first_key: NDArray[np.int32]
    begun: NDArray[np.int64]
    hashes: NDArray[np.uint64]


def work() -> Work:
    """Room for a scan."""
    levels = DEEPEST + 1
    return Work(
        np.zeros(levels, np.bool_),
        np.zeros(levels, np.uint8),
        np.zeros(levels, np.int32),
        np.zeros(levels, np.int32),
        np.zeros(levels, np.int32),
        np.zeros(levels, np.int64),
        np.zeros(16 * MOST_KEYS, np.uint64),
    )


_QUOTE, _BACKSLASH, _COMMA, _COLON = 0x22, 0x5C, 0x2C, 0x3A
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_LIST, _CLOSE_LIST = 0x7B, 0x7D, 0x5B, 0x5D


def _among(characters: bytes) -> NDArray[np.bool_]:
    """For each byte, whether it is among these."""
    table = np.zeros(256, np.bool_)
    table[np.frombuffer(characters, np.uint8)] = True
    return table


_DIGIT = _among(b"0123456789")
_HEXADECIMAL = _among(b"0123456789abcdefABCDEF")
_ESCAPES = _among(b'"\\/bfnrtu')
_PLAIN = ~_among(bytes(range(0x20)) + b'"\\')  # in a string
_SKIP, _INSIDE, _COPY = 0, 1, 2  # what becomes of the value at hand


@lean
def _blank(data: Bytes, at: int) -> int:
    """The first place from `at` on that is no space or tab."""
    while data[at] == 0x20 or data[at] == 0x09:
        at += 1
    return at


@lean
def _string_end(data: Bytes, at: int) -> int:
    """The place after the string that begins at `at`; -1 where it is not certainly good."""
    at += 1
    while True:
        while _PLAIN[data[at]]:
            at += 1
        if data[at] == _QUOTE:
            return at + 1
        if data[at] != _BACKSLASH or not _ESCAPES[data[at + 1]]:
            return -1
        at += 2
        if data[at - 1] == 0x75:  # \u and four hexadecimal digits, of no surrogate
            if data[at] | 0x20 == 0x64 and data[at + 1] >= 0x38:
                return -1
            for _ in range(4):
                if not _HEXADECIMAL[data[at]]:
                    return -1
                at += 1


@lean
def _number_end(data: Bytes, at: int) -> int:
    """The place after the number that begins at `at`; -1 where it is not certainly good and of ordinary size."""
    begin = at
    if data[at] == 0x2D:
        at += 1
    if data[at] == 0x30:
        at += 1
    elif 0x31 <= data[at] <= 0x39:
        while _DIGIT[data[at]]:
            at += 1
        if at - begin > 18:  # may have more than 64 bits
            return -1
    else:
        return -1
    if data[at] == 0x2E:
        at += 1
        first = at
        while _DIGIT[data[at]]:
            at += 1
        if at == first:
            return -1
    if data[at] == 0x65 or data[at] == 0x45:
        at += 1
        if data[at] == 0x2B or data[at] == 0x2D:
            at += 1
        first = at
        while _DIGIT[data[at]]:
            at += 1
        if at == first or at - first > 2:
            return -1
    return at if at - begin <= LONGEST_NUMBER else -1


@lean
def _word_end(data: Bytes, at: int) -> int:
    """The place after true, false or null; -1 where it is none."""
    if data[at] == 0x74:
        if data[at + 1] == 0x72 and data[at + 2] == 0x75 and data[at + 3] == 0x65:
            return at + 4
    elif data[at] == 0x6E:
        if data[at + 1] == 0x75 and data[at + 2] == 0x6C and data[at + 3] == 0x6C:
            return at + 4
    elif (
        data[at] == 0x66
        and data[at + 1] == 0x61
        and data[at + 2] == 0x6C
        and data[at + 3] == 0x73
        and data[at + 4] == 0x65
    ):
        return at + 5
    return -1


@lean
def _copied(data: Bytes, begin: int, end: int, out: Bytes, to: int) -> int:
    """Copy data[begin:end] to out[to:]; the place after it."""
    for at in range(begin, end):
        out[to] = data[at]
        to += 1
    return to


@lean
def _row(
    data: Bytes, at: int, out: Bytes, to: int, ids: NDArray[np.int64], tree: Tree, work: Work
) -> tuple[int, int]:
    """Scan the object that begins at `at`: the place of its newline, or -1, and the place after what was copied of it.

    Everything is one function, so that the state stays in registers.
    """
    edges, names, targets, items, whole, size = tree
    is_list, does, node, members, first_key, begun, hashes = work
    level, keys = 0, 0
    is_list[0], does[0], node[0], members[0], first_key[0] = 0, _INSIDE, 1, 0, 0
    out[to] = _OPEN_OBJECT
    to += 1
    at += 1
    opened, ids[0], ids[1] = True, 0, 0
    listed, doing = is_list[0], does[0]  # of this level, kept in registers
    while True:
        # ---- before a key, or an item of a list
        at = _blank(data, at)
        child, wanted_id = -1, False
        if listed:
            if opened and data[at] == _CLOSE_LIST:
                child = -2
            elif doing == _INSIDE:
                child = items[node[level]]
                if members[level]:
                    out[to] = _COMMA
                    to += 1
                members[level] += 1
        elif opened and data[at] == _CLOSE_OBJECT:
            child = -2
        else:
            if data[at] != _QUOTE:
                return -1, to
            begin, at, name = at, at + 1, _START
            while _PLAIN[data[at]]:
                name = (name ^ np.uint64(data[at])) * _PRIME
                at += 1
            if data[at] != _QUOTE:
                return -1, to
            at += 1
            for other in range(first_key[level], keys):
                if hashes[other] == name:
                    return -1, to
            if keys - first_key[level] >= MOST_KEYS or keys >= len(hashes):
                return -1, to
            hashes[keys] = name
            keys += 1
            if level == 0:
                if name == SCHEMA or name == DROPPED:
                    return -1, to
                wanted_id = name == ID
            if doing == _INSIDE:
                for edge in range(edges[node[level]], edges[node[level] + 1]):
                    if names[edge] == name:
                        child = targets[edge]
                        if members[level]:
                            out[to] = _COMMA
                            to += 1
                        members[level] += 1
                        to = _copied(data, begin, at, out, to)
                        out[to] = _COLON
                        to += 1
                        break
            at = _blank(data, at)
            if data[at] != _COLON:
                return -1, to
            at = _blank(data, at + 1)
        opened = False
        # ---- the value
        if child != -2:
            byte = data[at]
            if byte == _OPEN_OBJECT or byte == _OPEN_LIST:
                if level + 1 >= DEEPEST or wanted_id:
                    return -1, to
                level += 1
                listed = np.bool_(byte == _OPEN_LIST)
                members[level], first_key[level], begun[level] = 0, keys, at
                if child < 0:
                    doing = np.uint8(_SKIP)
                elif whole[child] or (size[child] and byte == _OPEN_OBJECT):
                    doing = np.uint8(_COPY)
                else:
                    doing, node[level] = np.uint8(_INSIDE), child
                    out[to] = byte
                    to += 1
                is_list[level], does[level] = listed, doing
                at += 1
                opened = True
                continue
            begin = at
            if byte == _QUOTE:
                at = _string_end(data, at)
                if wanted_id:
                    ids[0], ids[1] = begin + 1, at - 1
            elif wanted_id:
                return -1, to
            elif byte == 0x2D or _DIGIT[byte]:
                at = _number_end(data, at)
                while (
                    listed and child < 0 and at > 0 and data[at] == _COMMA and _DIGIT[data[at + 1]]
                ):
                    at = _number_end(data, at + 1)  # a list of numbers in one go
            else:
                at = _word_end(data, at)
            if at < 0:
                return -1, to
            if child >= 0:
                to = _copied(data, begin, at, out, to)
        # ---- after a value
        while True:
            at = _blank(data, at)
            byte = data[at]
            if byte == _COMMA and child != -2:
                at += 1
                break
            if byte != (_CLOSE_LIST if listed else _CLOSE_OBJECT):
                return -1, to
            at += 1
            if doing == _INSIDE:
                out[to] = byte
                to += 1
            elif doing == _COPY:
                to = _copied(data, begun[level], at, out, to)
            keys = first_key[level]
            child = -1
            if level == 0:
                at = _blank(data, at)
                sure = data[at] == 0x0A and ids[1] > ids[0]
                return (at if sure else -1), to
            level -= 1
            listed, doing = is_list[level], does[level]


@lean
def scan(
    data: Bytes,
    starts: NDArray[np.int64],
    status: NDArray[np.uint8],
    ids: NDArray[np.int64],
    out: Bytes,
    tree: Tree,
    work: Work,
) -> tuple[int, int]:
    """Scan all lines of `data`, which ends with a newline; how many there are, and how much was copied.

    Line n begins at starts[n]; status[n] is SURE, BLANK or DOUBT. Of sure ones ids[n] is where the id lies, and
    what the tree selects of them is in `out`, with a comma after each.
    """
    at, to, number = 0, 0, 0
    while at < len(data):
        starts[number] = at
        first = _blank(data, at)
        status[number] = DOUBT
        if data[first] == 0x0A:
            status[number] = BLANK
        elif data[first] == _OPEN_OBJECT:
            newline, end = _row(data, first, out, to, ids[number], tree, work)
            if newline >= 0:
                first = newline
                if not _escaped(data, ids[number]):
                    status[number] = SURE
                    out[end] = _COMMA
                    to = end + 1
        at = first
        while data[at] != 0x0A:
            at += 1
        at += 1
        number += 1
    starts[number] = at
    return number, to


@lean
def _escaped(data: Bytes, span: NDArray[np.int64]) -> bool:
    """Whether the string holds a backslash, and so is not what it looks like."""
    for at in range(span[0], span[1]):
        if data[at] == _BACKSLASH:
            return True
    return False
