"""Reads the pickles that head models are published as, without running what is in them.

A pickle may name any function of any module and call it. This reader knows an exact list of names, those that
numpy, scipy and chumpy arrays are stored by, and maps each to something of its own: no module is ever imported
by a file, chumpy (dead since Python 3.11) and scipy are not needed, and anything else raises. Tensors of torch, which
lie among the arrays of one published landmark embedding and are not needed from there, are read as None.
"""

from __future__ import annotations

import collections
import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

LARGEST = 512 * 2**20  # bytes; the largest published file has about 100 MB

_CHUMPY_ARRAYS = ("Ch", "ch")
_SPARSE_MODULES = ("scipy.sparse.csc", "scipy.sparse._csc")


def read(data: bytes) -> Any:
    """What the pickle holds, arrays as numpy arrays; sparse matrices as (rows, columns) float64 arrays.

    Raises ValueError on a file that is too large, broken, or names anything that is not on the list.
    """
    if len(data) > LARGEST:
        raise ValueError(f"pickle: {len(data)} bytes, more than {LARGEST}")
    try:
        found = _Reader(io.BytesIO(data), encoding="latin1").load()
        return _plain(found)
    except RefusedError:
        raise
    except Exception as error:  # a broken pickle raises anything
        raise ValueError(f"pickle: broken ({error.__class__.__name__}: {error})") from error


class RefusedError(ValueError):
    """The pickle names something that is not on the list."""


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, encoding: str) -> None:
        super().__init__(file, encoding=encoding)
        self._known = _known()

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._known[module, name]
        except KeyError:
            raise RefusedError(
                f"pickle: names {module}.{name}, which no head model needs; refused unread"
            ) from None


def _known() -> dict[tuple[str, str], Any]:
    """(module, name) -> what stands for it; made anew for each file, which may set attributes of them."""

    class Stored:
        """A chumpy or scipy object: what it was stored with, and nothing that runs."""

        def __init__(self, *_: Any) -> None:
            self.state: dict[str, Any] = {}

        def __setstate__(self, state: Any) -> None:
            self.state = dict(state)

    class Chumpy(Stored):
        def value(self) -> Any:
            return self.state["x"]

    class Select(Stored):
        def value(self) -> Any:
            flat = np.asarray(_plain(self.state["a"])).ravel()
            chosen = flat[np.asarray(_plain(self.state["idxs"]))]
            return chosen.reshape(tuple(self.state.get("preferred_shape") or chosen.shape))

    class Sparse(Stored):
        def value(self) -> Any:
            rows, columns = self.state.get("_shape") or self.state["shape"]
            return _dense(
                int(rows), int(columns), *(self.state[k] for k in ("data", "indices", "indptr"))
            )

    def reconstruct(kind: Any, shape: Any, code: Any) -> Any:
        # As numpy stores every array: an empty one, filled by its state afterwards.
        if kind is not np.ndarray or tuple(shape) != (0,):
            raise RefusedError("pickle: makes an array as numpy does not; refused")
        return np.ndarray((0,), dtype="b" if code in (b"b", "b") else "u1")

    def scalar(kind: np.dtype[Any], data: Any = b"") -> Any:
        raw = data.encode("latin1") if isinstance(data, str) else data
        if kind.hasobject:
            raise RefusedError("pickle: holds an object scalar; refused")
        return np.frombuffer(raw, dtype=kind)[0]

    def frombuffer(data: Any, kind: np.dtype[Any], shape: Any, order: str = "C") -> Any:
        if kind.hasobject:
            raise RefusedError("pickle: holds an object array; refused")
        return np.frombuffer(data, dtype=kind).reshape(
            tuple(shape), order="F" if order == "F" else "C"
        )

    def no_bytes() -> bytes:
        return b""  # how protocol 2 stores an empty one

    def encode(text: str, encoding: str = "latin1") -> bytes:
        if encoding != "latin1":
            raise RefusedError(f"pickle: text in {encoding}; refused")
        return text.encode("latin1")

    def reconstructor(kind: Any, base: Any, state: Any) -> Any:  # noqa: ARG001 - copyreg's signature
        if not (isinstance(kind, type) and issubclass(kind, Stored)):
            raise RefusedError(f"pickle: makes a {kind!r}; refused")
        return kind()

    def unread(*_: Any) -> None:
        return None  # a tensor, or the pickle within the pickle that holds its numbers

    known: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): encode,
        ("chumpy.reordering", "Select"): Select,
        ("torch._utils", "_rebuild_tensor_v2"): unread,
        ("torch.storage", "_load_from_bytes"): unread,
    }
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        known[module, "_reconstruct"] = reconstruct
        known[module, "scalar"] = scalar
    for module, objects in (("copy_reg", "__builtin__"), ("copyreg", "builtins")):
        known[module, "_reconstructor"] = reconstructor
        known[objects, "object"] = object
        known[objects, "bytes"] = no_bytes
    for module in ("numpy.core.numeric", "numpy._core.numeric"):
        known[module, "_frombuffer"] = frombuffer
    for name in _CHUMPY_ARRAYS:
        known["chumpy.ch", name] = known["chumpy", name] = Chumpy
    for module in _SPARSE_MODULES:
        known[module, "csc_matrix"] = Sparse
    return known


def _dense(rows: int, columns: int, data: Any, indices: Any, indptr: Any) -> np.ndarray[Any, Any]:
    """(rows, columns) float64 of a matrix in compressed sparse columns."""
    if rows * columns * 8 > LARGEST:
        raise ValueError(f"sparse matrix: {rows} x {columns} is too large")
    out = np.zeros((rows, columns))
    column = np.repeat(np.arange(columns), np.diff(np.asarray(indptr)))
    out[np.asarray(indices), column] = data
    return out


def _plain(value: Any) -> Any:
    """`value` with every stored object replaced by what it stands for."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    read_value: Callable[[], Any] | None = getattr(value, "value", None)
    return _plain(read_value()) if callable(read_value) else value
