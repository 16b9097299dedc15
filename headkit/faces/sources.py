"""The photos that records come from, and the faces in them: of each record its own, and nothing of them is kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from headkit.faces.looking import FaceLooker
from headkit.image import ImageError, decode
from headkit.photos.folders import walk
from headkit.photos.reading import PhotoError, photo_bytes
from headkit.status import NO_INPUT, Stop
from headkit.tool import Failure, Record
from headkit.twins.cosines import Vectors

_REMEMBERED = 64  # photos in a row, as of copies of one pose


class SourcePhotos:
    """Photos in a folder, found by the sha256 that `source` has, or by source.path where pose-extract kept it."""

    def __init__(
        self, folder: Path, root: Path, looker: FaceLooker, check: Callable[[], None]
    ) -> None:
        self.folder, self.root, self.looker, self.check = folder, root, looker, check
        self._places: dict[str, Path] | None = None
        self._recent: OrderedDict[str, Vectors] = OrderedDict()

    def faces(self, record: Record) -> Vectors | Failure | None:
        """(n, D) the faces in the photo that a record comes from; None where it comes from none.

        A Failure where the photo is not there, has changed, or cannot be read.
        """
        source = record.get("source")
        digest = source.get("sha256") if isinstance(source, dict) else None
        if not isinstance(source, dict) or not isinstance(digest, str):
            return None
        if digest not in self._recent:
            try:
                pixels = decode(self._bytes(source, digest)).pixels
            except (PhotoError, ImageError) as error:
                return Failure("no-source-photo", f"the photo that the pose came from: {error}")
            self._recent[digest] = self.looker.in_photo(pixels)
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)
        return self._recent[digest]

    def _bytes(self, source: dict[str, Any], digest: str) -> bytes:
        if "path" in source:
            return photo_bytes(self.root, source)
        place = self._index().get(digest)
        if place is None:
            raise PhotoError("is not in the folder of --gallery; name the folder that it lies in")
        return place.read_bytes()

    def _index(self) -> dict[str, Path]:
        """The photos below the folder by their sha256: all are read, once."""
        if self._places is None:
            self._places = {}
            try:
                for path in walk(self.folder):
                    self.check()
                    self._places.setdefault(sha256(path.read_bytes()).hexdigest(), path)
            except OSError as error:
                raise Stop(
                    NO_INPUT, f"--gallery {self.folder}: {error.strerror}; check the path"
                ) from None
        return self._places
