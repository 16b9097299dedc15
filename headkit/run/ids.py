"""Ids as 64-bit hashes: which shard a record is in, whether its id was seen, and a digest of all ids done."""

from __future__ import annotations

from array import array
from hashlib import blake2b
from math import ceil, log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEW = 10_000  # keys; for so few numpy is not loaded
AT_ONCE = 1 << 16


def key(id: str) -> int:
    """blake2b of the id, 8 bytes, big-endian; `key % N` is the shard."""
    return int.from_bytes(blake2b(id.encode(), digest_size=8).digest(), "big")


class Chain:
    """A digest of the ids done, in order, that can be stored and carried on."""

    def __init__(self, digest: str = "") -> None:
        self._digest = bytes.fromhex(digest)

    def add(self, key: int) -> None:
        self._digest = blake2b(self._digest + key.to_bytes(8, "big"), digest_size=16).digest()

    def add_all(self, keys: NDArray[np.uint64]) -> None:
        """Add many, in their order."""
        from headkit.scanning.keys import chained

        self._digest = chained(self._digest, keys)

    def hex(self) -> str:
        return self._digest.hex()


class KeySet:
    """A set of keys in 11 to 21 bytes each, where a Python set takes a hundred.

    Open addressing in a flat array. Two of ten million ids share a key with a probability of 3 in a
    million; they would then be refused as doubles.
    """

    def __init__(self) -> None:
        self._bits = 10
        self._count = 0
        self._zero = False  # the key 0 marks a free slot
        self._slots = array("Q", bytes(8 << self._bits))

    def __len__(self) -> int:
        return self._count + self._zero

    def __contains__(self, key: int) -> bool:
        if key == 0:
            return self._zero
        slots, mask = self._slots, (1 << self._bits) - 1
        at = key >> (64 - self._bits)
        while slots[at]:
            if slots[at] == key:
                return True
            at = (at + 1) & mask
        return False

    def add(self, key: int) -> bool:
        """Add a key; False where it was there already."""
        if key == 0:
            new, self._zero = not self._zero, True
            return new
        slots, mask = self._slots, (1 << self._bits) - 1
        at = key >> (64 - self._bits)  # high bits: in one shard of many the low ones are all alike
        while slots[at]:
            if slots[at] == key:
                return False
            at = (at + 1) & mask
        slots[at] = key
        self._count += 1
        if self._count > 0.75 * len(slots):
            self._grow()
        return True

    def add_until(self, keys: NDArray[np.uint64]) -> int:
        """Add keys up to the first that is there already; how many were added."""
        import numpy as np

        from headkit.scanning import keys as kernels

        if not keys.all():  # the key 0 is kept apart
            return next((n for n, key in enumerate(keys) if not self.add(int(key))), len(keys))
        while self._count + len(keys) > 0.75 * len(self._slots):
            old = np.frombuffer(self._slots, np.uint64)
            self._bits += 1
            self._slots = array("Q", bytes(8 << self._bits))
            kernels.add(np.frombuffer(self._slots, np.uint64), self._bits, old[old != 0])
        added = kernels.add(np.frombuffer(self._slots, np.uint64), self._bits, keys)
        self._count += added
        return added

    def fill(self, keys: array[int]) -> None:
        """Add many different keys to an empty set, a million in a tenth of a second. They are left sorted.

        In the order of the keys, each lies in the slot of its high bits, or in the next one after the key before it.
        """
        if len(keys) < FEW:
            for key in keys:
                self.add(key)
            return
        import numpy as np

        behind: list[int] = []
        ordered = np.frombuffer(keys, np.uint64)
        ordered.sort()  # in place: memory for a second list of them is not there
        ordered = ordered[np.searchsorted(ordered, 1) :]
        self._zero = len(ordered) < len(keys)
        self._bits = max(self._bits, ceil(log2(2 * len(ordered))))
        self._slots = array("Q", bytes(8 << self._bits))
        table, free = np.frombuffer(self._slots, np.uint64), 0
        for part in np.split(ordered, range(AT_ONCE, len(ordered), AT_ONCE)):
            numbers = np.arange(len(part))
            home = (part >> np.uint64(64 - self._bits)).astype(np.int64)
            home[0] = max(home[0], free)
            slots = np.maximum.accumulate(home - numbers) + numbers
            free = int(slots[-1]) + 1
            fits = slots < len(table)
            table[slots[fits]] = part[fits]
            self._count += int(np.count_nonzero(fits))
            behind += part[~fits].tolist()
        for key in behind:  # the last slot: they go to the first ones
            self.add(key)

    def _grow(self) -> None:
        old = self._slots
        self._bits += 1
        self._count = 0
        self._slots = array("Q", bytes(8 << self._bits))
        for key in old:
            if key:
                self.add(key)
