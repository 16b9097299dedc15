"""Numba, set up in one place: where compiled kernels are cached, and how kernels are compiled.

Every kernel of the renderer is made by `compiled`. Import numba nowhere else, or its cache folder would
be chosen before this module can choose it.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def _digest() -> str:
    """Of all sources that kernels and their constants are in.

    Numba compiles a kernel anew when its own file changed, not when a kernel or a constant of another
    file did that it uses.
    """
    digest = hashlib.blake2b(digest_size=6)
    package = Path(__file__).parents[1]
    for path in sorted(
        (package / "render").rglob("*.py")
    ):  # head/ holds no kernel and no constant of one
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _cache_folder() -> str:
    """A folder under $XDG_CACHE_HOME/headkit/numba, or a temporary one where that cannot be written."""
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = (Path(home) if home else Path.home() / ".cache") / "headkit" / "numba"
        folder = folder / _digest()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except (OSError, RuntimeError):  # no home, or a read-only one: compiled anew in every run
        temporary = tempfile.mkdtemp(prefix="headkit-numba-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return temporary


if "NUMBA_CACHE_DIR" not in os.environ:  # workers inherit it
    os.environ["NUMBA_CACHE_DIR"] = _cache_folder()

import numba  # noqa: E402 - reads the environment when it is imported

numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]  # type: ignore[attr-defined]  # for when somebody imported it before us


def compiled(function: F) -> F:
    """The function as a serial machine-code kernel, cached on disk.

    No fastmath, no threads, no contraction: the same input gives the same bytes. Division by zero gives
    inf or nan, as in numpy.
    """
    return _kernel(function)


def lean(function: F) -> F:
    """As `compiled`, for what is called once for a sample or a face: it may make no array, and counts no references.

    Else each call that passes arrays on, and each row of an array that is looked at, costs two atomic operations.
    """
    return _kernel(function, _nrt=False)


def _kernel(function: F, **more: bool) -> F:
    njit: Any = numba.njit  # whose types leave _nrt out
    kernel = njit(cache=True, error_model="numpy", **more)(function)
    files = kernel._cache._cache_file  # noqa: SLF001 - numba has no public way to lock its cache
    files.load = _locked(files.load, fcntl.LOCK_SH)
    files.save = _locked(files.save, fcntl.LOCK_EX)
    return cast(F, kernel)


def _locked(work: Callable[..., Any], kind: int) -> Callable[..., Any]:
    """`work` on the cache while no other process writes there.

    Numba writes an index and then the code that it names. Two processes that compile a kernel for
    different types at once can leave an index that names the other's code, which then runs on the
    wrong types and corrupts memory.
    """

    def locked(*arguments: Any) -> Any:
        with _lock(kind):
            return work(*arguments)

    return locked


@contextlib.contextmanager
def _lock(kind: int) -> Iterator[None]:
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("ab") as file:
        # Where a file system has no locks, processes go on without.
        with contextlib.suppress(OSError):
            fcntl.flock(file, kind)
        yield
