"""Keys of ids and the set of those seen, many at once: the same numbers as run.ids has, in machine code.

blake2b is as RFC 7693 has it, without key, of digests up to 16 bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headkit.render.jit import lean

Bytes = NDArray[np.uint8]

_IV = np.array(
    [
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ],
    np.uint64,
)
_ORDER = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ],
    np.int64,
)
_BLOCK = 128  # bytes that are worked on together
_8, _16, _24, _32, _63, _1 = (np.uint64(bits) for bits in (8, 16, 24, 32, 63, 1))
_40, _48 = np.uint64(40), np.uint64(48)


@lean
def _mix(v: NDArray[np.uint64], a: int, b: int, c: int, d: int, x: np.uint64, y: np.uint64) -> None:
    """The function G of blake2b on four words of the state."""
    v[a] = v[a] + v[b] + x
    turned = v[d] ^ v[a]
    v[d] = (turned >> _32) | (turned << _32)
    v[c] = v[c] + v[d]
    turned = v[b] ^ v[c]
    v[b] = (turned >> _24) | (turned << _40)
    v[a] = v[a] + v[b] + y
    turned = v[d] ^ v[a]
    v[d] = (turned >> _16) | (turned << _48)
    v[c] = v[c] + v[d]
    turned = v[b] ^ v[c]
    v[b] = (turned >> _63) | (turned << _1)


@lean
def _digest(data: Bytes, begin: int, end: int, size: int, room: NDArray[np.uint64]) -> None:
    """blake2b of data[begin:end] into the first 8 words of `room` (40 words), of which `size` bytes count."""
    h, v, m = room[:8], room[8:24], room[24:40]
    for word in range(8):
        h[word] = _IV[word]
    h[0] ^= np.uint64(0x01010000 ^ size)
    at = begin
    while True:
        length = min(_BLOCK, end - at)
        for word in range(16):
            m[word] = np.uint64(0)
        for byte in range(length):
            m[byte >> 3] |= np.uint64(data[at + byte]) << np.uint64((byte & 7) * 8)
        at += length
        for word in range(8):
            v[word] = h[word]
            v[word + 8] = _IV[word]
        v[12] ^= np.uint64(at - begin)
        if at == end:
            v[14] = ~v[14]
        for turn in range(12):
            s = _ORDER[turn % 10]
            _mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]])
            _mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]])
            _mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]])
            _mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]])
            _mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]])
            _mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]])
            _mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]])
            _mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]])
        for word in range(8):
            h[word] ^= v[word] ^ v[word + 8]
        if at == end:
            return


@lean
def _keys(data: Bytes, ids: NDArray[np.int64], rows: NDArray[np.int64], found: NDArray[np.uint64], room: NDArray[np.uint64]) -> None:  # fmt: skip
    for number in range(len(rows)):
        row = rows[number]
        _digest(data, ids[row, 0], ids[row, 1], 8, room)
        word, turned = room[0], np.uint64(0)
        for _ in range(8):  # a key is big-endian
            turned = (turned << _8) | (word & np.uint64(0xFF))
            word >>= _8
        found[number] = turned


def keys(data: Bytes, ids: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """run.ids.key of the id data[ids[row, 0]:ids[row, 1]] of each of the rows."""
    found = np.empty(len(rows), np.uint64)
    _keys(data, ids, rows, found, np.empty(40, np.uint64))
    return found


@lean
def _chain(digest: Bytes, length: int, added: NDArray[np.uint64], text: Bytes, room: NDArray[np.uint64]) -> None:  # fmt: skip
    for number in range(len(added)):
        key = added[number]
        for byte in range(length):
            text[byte] = digest[byte]
        for byte in range(8):
            text[length + byte] = np.uint8((key >> np.uint64(56 - 8 * byte)) & np.uint64(0xFF))
        _digest(text, 0, length + 8, 16, room)
        for byte in range(16):
            word = room[byte >> 3] >> np.uint64((byte & 7) * 8)
            digest[byte] = np.uint8(word & np.uint64(0xFF))
        length = 16


def chained(digest: bytes, added: NDArray[np.uint64]) -> bytes:
    """run.ids.Chain.add of each key in turn; `digest` has 16 bytes, or none at first."""
    if not len(added):
        return digest
    found = np.zeros(16, np.uint8)
    found[: len(digest)] = np.frombuffer(digest, np.uint8)
    _chain(found, len(digest), added, np.empty(24, np.uint8), np.empty(40, np.uint64))
    return found.tobytes()


@lean
def add(slots: NDArray[np.uint64], bits: int, added: NDArray[np.uint64]) -> int:
    """Add keys to the table of run.ids.KeySet until one is there already; how many were added.

    There is room for all of them. None is 0, which marks a free slot.
    """
    mask = len(slots) - 1
    shift = np.uint64(64 - bits)
    for number in range(len(added)):
        key = added[number]
        at = np.int64(key >> shift)
        while slots[at] != np.uint64(0):
            if slots[at] == key:
                return number
            at = (at + 1) & mask
        slots[at] = key
    return len(added)
