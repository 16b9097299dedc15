"""Where lies what can be made or fetched again: `$XDG_CACHE_HOME/headkit`, without the variable `~/.cache/headkit`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def folder(name: str) -> Path:
    """The folder of one kind of thing in the cache, made; or in a temporary folder where the cache cannot be written."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    try:
        wanted = home.expanduser() / "headkit" / name
        wanted.mkdir(parents=True, exist_ok=True)
        if os.access(wanted, os.W_OK):
            return wanted
    except (OSError, RuntimeError):  # no home, or none that can be written
        pass
    instead = _temporary() / name
    instead.mkdir(exist_ok=True)
    return instead


def _temporary() -> Path:
    """The same folder for every process of this user; one of its own where somebody else has that."""
    shared = Path(tempfile.gettempdir()) / f"headkit-{os.getuid()}"
    try:
        shared.mkdir(mode=0o700, exist_ok=True)
        if shared.stat().st_uid == os.getuid():
            return shared
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="headkit-"))
