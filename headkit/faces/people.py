"""Photos of known people, and files of the vectors of their faces.

A folder has a folder of photos for each person; a photo beside these is of a person of its own. Of a photo the face of the
largest head counts. The file is one of twins/reference.py: `vectors` (N, D) float16, `ids` who each is, `model` which face
network; no pickle. Who is a hash of the folder's name, so that no name is stored; but faces are personal data, and the file
is its owner's alone to read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b, file_digest
from pathlib import Path

from headkit.faces.looking import FaceLooker
from headkit.image import ImageError, load
from headkit.photos.folders import walk
from headkit.status import BAD_INPUT, NO_INPUT, Stop
from headkit.twins import reference
from headkit.twins.cosines import Vectors, squares


@dataclass(frozen=True, eq=False)
class People:
    """Faces of known people.

    vectors  (N, D), a face of each photo; ids whose
    photos   that were looked at; `unseen` of them show no face that was found, or cannot be read
    sha256   of the file that holds them; empty where there is none
    """

    vectors: Vectors
    ids: list[str]
    photos: int
    unseen: int = 0
    sha256: str = ""

    @property
    def count(self) -> int:
        """How many people."""
        return len(set(self.ids))


def photos_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Who is in each photo below a folder, as a hash, and the photo."""
    for path in walk(folder):
        parts = path.relative_to(folder).parts
        name = os.fsencode(parts[0] if len(parts) > 1 else path.stem)
        yield blake2b(b"person" + name, digest_size=8).hexdigest(), path


def look_at(folder: Path, looker: FaceLooker, option: str, check: Callable[[], None]) -> People:
    """The people of a folder of photos. Raises Stop: 66 where it cannot be read, 65 where no face is found in it."""
    vectors, ids, unseen = [], [], 0
    try:
        for person, path in photos_in(folder):
            check()
            try:
                faces = looker.in_photo(load(path).pixels)
            except ImageError:
                faces = looker.together([])
            if len(faces):
                vectors.append(faces[:1])
                ids.append(person)
            else:
                unseen += 1
    except OSError as error:
        raise Stop(NO_INPUT, f"{option} {folder}: {error.strerror}; check the path") from None
    if not ids:
        raise Stop(
            BAD_INPUT,
            f"{option} {folder}: no face was found in {unseen} photos; name a folder of people's folders of photos",
        )
    return People(looker.together(vectors), ids, len(ids) + unseen, unseen)


def write(path: Path, people: People, model: str, tag: str) -> None:
    """The file of people, whole or not at all, for its owner alone. OSError passes. tag: of this run alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{tag}.tmp")
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        reference.write(temporary, model, people.ids, people.vectors.shape[1], [people.vectors])
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path, looker: FaceLooker, option: str) -> People:
    """The people in a file; their vectors stay there. Raises Stop: 66, or 65 where it is none or of another network."""
    try:
        found = reference.read(path)
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        squares(found.vectors)
    except ValueError as error:
        raise Stop(
            BAD_INPUT, f"{option} {path}: {error}; make it with --gallery-from PHOTOS"
        ) from None
    except OSError as error:
        raise Stop(
            NO_INPUT, f"{option} {path}: {error.strerror}; make it with --gallery-from PHOTOS"
        ) from None
    if found.model != looker.network.name or found.vectors.shape[1] != looker.network.width:
        raise Stop(
            BAD_INPUT,
            f"{option} {path}: holds vectors of {found.model!r}, which cannot be compared with those of "
            f"{looker.network.name!r}; make it again with --gallery-from PHOTOS",
        )
    if not len(found.vectors):
        raise Stop(BAD_INPUT, f"{option} {path}: holds nobody; make it with --gallery-from PHOTOS")
    ids = [found.name(row) for row in range(len(found.vectors))]
    return People(found.vectors, ids, len(ids), sha256=digest)
