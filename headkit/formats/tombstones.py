"""What stays of a sample that was taken down: an opaque mark that its removed id can be compared with."""

from __future__ import annotations

from hashlib import blake2b


def tombstone(id: str) -> str:
    """32 hexadecimal digits: who has the old release finds the id by them, and nobody reads it off."""
    return blake2b(id.encode(), digest_size=16, person=b"headkit gone").hexdigest()
