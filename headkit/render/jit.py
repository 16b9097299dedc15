"""Numba, set up in one place: where compiled kernels are cached, and how kernels are compiled.

Every kernel of the renderer is made by `compiled`. Import numba nowhere else, or its cache folder would
be chosen before this module can choose it.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


_PACKAGE: Final = "headkit.render"  # holds all kernels, and the constants that they use
_IMPORT: Final = re.compile(rf"^from ({_PACKAGE}[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


@functools.cache
def _modules() -> dict[str, Path]:
    """All modules of the renderer by name."""
    folder = Path(__file__).parent
    return {
        ".".join((_PACKAGE, *path.relative_to(folder).with_suffix("").parts)): path
        for path in folder.rglob("*.py")
    }


@functools.cache
def _source(module: str) -> tuple[str, frozenset[str]]:
    """The text of a module, and the renderer's modules that it imports."""
    text = (_modules().get(module) or Path(sys.modules[module].__file__ or "")).read_text("utf-8")
    names = {
        name
        for package, imported in _IMPORT.findall(text)
        for name in (package, *(f"{package}.{word}" for word in re.findall(r"\w+", imported)))
    }
    return text, frozenset(names & _modules().keys())


@functools.cache
def _digest(module: str) -> str:
    """Of a module's source and of all that it imports of the renderer, directly or not.

    Numba compiles a kernel anew when its own file changed, not when a kernel or a constant of another
    file did that it uses; and where the file lies does not matter.
    """
    closure: set[str] = set()
    ahead = [module]
    while ahead:
        found = ahead.pop()
        if found not in closure:
            closure.add(found)
            ahead += _source(found)[1]
    digest = hashlib.blake2b(digest_size=8)
    for found in sorted(closure):
        digest.update(f"{found}\n{_source(found)[0]}".encode())
    return digest.hexdigest()


def _cache_folder() -> str:
    """A folder under $XDG_CACHE_HOME/headkit/numba, or a temporary one where that cannot be written."""
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = (Path(home) if home else Path.home() / ".cache") / "headkit" / "numba"
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
from numba.core.caching import IndexDataCacheFile  # noqa: E402

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
    _keep(kernel._cache, _digest(function.__module__))  # noqa: SLF001 - see there
    return cast(F, kernel)


def known(kernel: Callable[..., Any]) -> bool:
    """Whether a kernel of these sources was compiled before, for whatever types."""
    files: Any = kernel._cache._cache_file  # type: ignore[attr-defined]  # noqa: SLF001
    return Path(files._index_path).exists()  # noqa: SLF001


def _keep(cache: Any, digest: str) -> None:
    """Have numba cache a kernel in a folder of its sources' digest, of which no two processes write at once.

    Numba has no public way to say where one kernel is cached, when it is stale, or to lock it.
    """
    folder = str(Path(os.environ["NUMBA_CACHE_DIR"]) / digest)
    cache._impl.locator._cache_path = folder  # noqa: SLF001 - what is made before anything is written
    files: Any = IndexDataCacheFile(folder, cache._impl.filename_base, digest)  # type: ignore[no-untyped-call]  # noqa: SLF001
    files.load = _locked(files.load, fcntl.LOCK_SH)
    files.save = _locked(files.save, fcntl.LOCK_EX)
    cache._cache_file = files  # noqa: SLF001


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
