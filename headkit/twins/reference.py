"""A set of vectors in one file, to search and to compare others with: an .npz that numpy reads, not compressed.

vectors  (N, D) float16 of length 1
ids      (N,) UTF-8 bytes, what the rows are called; may be missing
model    what the vectors come from: only those of one model can be compared
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from headkit.twins.cosines import Vectors, squares

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same vectors make the same file


class ReferenceError(ValueError):
    """What is wrong with a file of vectors."""


@dataclass(frozen=True, eq=False)
class Reference:
    """A file of vectors, which stay there: they are mapped, not read."""

    vectors: Vectors
    ids: NDArray[np.bytes_] | None
    model: str

    def name(self, row: int) -> str:
        """What a row is called."""
        return str(row) if self.ids is None else bytes(self.ids[row]).decode("utf-8", "replace")


def write(path: Path, model: str, ids: list[str], width: int, blocks: Iterable[Vectors]) -> None:
    """Write the vectors of all ids, in blocks; memory does not grow with their number. OSError passes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with _member(archive, "model", np.array(model.encode())) as file:
            file.write(np.array(model.encode()).tobytes())
        longest = max((len(id.encode()) for id in ids), default=1)
        names = np.dtype(f"S{longest}")
        with _member(archive, "ids", np.empty(0, names), (len(ids),)) as file:
            for start in range(0, len(ids), 4096):
                part = [id.encode() for id in ids[start : start + 4096]]
                file.write(np.array(part, names).tobytes())
        with _member(archive, "vectors", np.empty(0, "<f2"), (len(ids), width)) as file:
            for block in blocks:
                file.write(np.ascontiguousarray(block, "<f2").tobytes())


@contextmanager
def _member(
    archive: zipfile.ZipFile, name: str, like: NDArray[Any], shape: tuple[int, ...] = ()
) -> Iterator[IO[bytes]]:
    header = {
        "descr": np.lib.format.dtype_to_descr(like.dtype),
        "fortran_order": False,
        "shape": shape,
    }
    with archive.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True) as file:
        np.lib.format.write_array_header_2_0(file, header)
        yield file


def read(path: Path) -> Reference:
    """Open a file of vectors. Raises ReferenceError where it is none; FileNotFoundError and its like pass."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "vectors.npy" not in names:
                raise ReferenceError("holds no array `vectors`")
            if "model.npy" not in names:
                raise ReferenceError("does not say which model its vectors are of (`model`)")
            vectors = _mapped(path, archive, "vectors.npy")
            model = _small(archive, "model.npy")
            ids = _mapped(path, archive, "ids.npy") if "ids.npy" in names else None
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError) as error:
        raise ReferenceError(str(error) or "is no .npz file") from None
    if vectors.ndim != 2 or vectors.dtype != np.float16:
        raise ReferenceError(
            f"has `vectors` of {vectors.dtype} {vectors.shape}; need (N, D) float16"
        )
    if ids is not None and (ids.shape != vectors.shape[:1] or ids.dtype.kind != "S"):
        raise ReferenceError("has `ids` that are not one byte string per vector")
    try:
        squares(vectors[:64])
    except ValueError as error:
        raise ReferenceError(str(error)) from None
    return Reference(vectors, ids, bytes(model).decode("utf-8", "replace"))


def _small(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(name) as file:
        found = np.lib.format.read_array(file, allow_pickle=False)
    return found.item() if found.dtype.kind == "S" else str(found).encode()


def _mapped(path: Path, archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """An array of the archive where it lies in the file."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        raise ReferenceError("is compressed; write it with numpy.savez")
    with path.open("rb") as file:
        file.seek(info.header_offset)
        local = file.read(30)  # PKWARE APPNOTE 4.3.7: lengths of name and extra field at 26 and 28
        skip = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
        file.seek(info.header_offset + 30 + skip)
        version = np.lib.format.read_magic(file)
        read_header: Any = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise ReferenceError("is of a version of .npy that is not read")
        shape, fortran, dtype = read_header(file)
        if fortran or dtype.hasobject:
            raise ReferenceError(f"has `{name}` in an order that is not read")
        if 0 in shape:
            return np.empty(shape, dtype)
        mapped: NDArray[Any] = np.memmap(path, dtype, "r", file.tell(), shape)
        return mapped
