"""What an operand is by its name, and the image files below a folder.

Nothing is decoded here: a file is taken for a picture by its suffix, also where the format is one that is refused
later, so that nobody's photos are left out without a word.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

# fmt: off
PICTURES = frozenset((
    "avif", "bmp", "dib", "gif", "heic", "heif", "j2k", "jfif", "jp2", "jpe", "jpeg", "jpg", "jxl", "mpo", "pbm", "pgm", "png", "pnm",
    "ppm", "svg", "tif", "tiff", "webp", "arw", "cr2", "cr3", "dng", "nef", "orf", "raf", "rw2", "psd",
))
# fmt: on
ARCHIVES = frozenset(("tar", "tar.gz", "tgz"))

Operand = Literal["folder", "picture", "archive", "list"]


def suffix(name: str) -> str:
    """Of a file's name, in small letters and without the dot."""
    return name.rpartition(".")[2].lower() if "." in name.rpartition("/")[2] else ""


def is_picture(name: str) -> bool:
    """Whether a file's name says that it is a picture. What macOS keeps beside files (._NAME) is none."""
    return suffix(name) in PICTURES and not name.rpartition("/")[2].startswith(".")


def kind_of(path: str) -> Operand:
    """What stands at an operand's path; whatever is nothing else is a list of records."""
    if Path(path).is_dir():
        return "folder"
    if is_picture(path):
        return "picture"
    return "archive" if path.lower().endswith(tuple(f".{name}" for name in ARCHIVES)) else "list"


def walk(folder: Path, above: tuple[tuple[int, int], ...] = ()) -> Iterator[Path]:
    """The pictures below a folder, folders and files of each together in the order of their names' bytes.

    Hidden names are left out. Links are followed, but not to a folder that the walk is in. OSError passes.
    """
    state = folder.stat()
    place = (state.st_dev, state.st_ino)
    if place in above:
        return
    with os.scandir(folder) as entries:
        found = sorted(
            (os.fsencode(entry.name), entry.is_dir())
            for entry in entries
            if not entry.name.startswith(".") and (entry.is_dir() or is_picture(entry.name))
        )
    for name, is_folder in found:
        path = folder / os.fsdecode(name)
        if is_folder:
            yield from walk(path, (*above, place))
        else:
            yield path
