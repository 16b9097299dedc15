"""SHA-256 of large files, computed once: kept by path, size and time of change."""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from pathlib import Path

from headkit.backends.weights import digest_of
from headkit.cache import folder


def digest(path: Path) -> str:
    """The file's SHA-256, hex. In the hub's cache large files are named by it; of others it is kept once computed."""
    real = path.resolve()
    if real.parent.name == "blobs" and re.fullmatch("[0-9a-f]{64}", real.name):
        return real.name
    state = real.stat()
    stamp = [str(real), state.st_size, state.st_mtime_ns, state.st_ino]
    kept = (
        folder("digests") / f"{hashlib.blake2b(os.fsencode(real), digest_size=16).hexdigest()}.json"
    )
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(kept.read_bytes())
        if known["of"] == stamp:
            return str(known["sha256"])
    found = digest_of(real)
    with suppress(OSError):  # computed again next time
        temporary = kept.with_name(f".{kept.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps({"of": stamp, "sha256": found}))
        temporary.replace(kept)
    return found
