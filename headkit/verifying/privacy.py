"""Paths, addresses, keys and names of persons in what is published: labels, documents, names of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from headkit.formats.reading import Item
from headkit.privacy import patterns
from headkit.privacy.image_metadata import ImageMetadata
from headkit.privacy.names import names_in_id
from headkit.privacy.scan import A_NAME, Scan
from headkit.verifying.findings import Finding

_OF_THE_FORMAT = ("id", "schema", "labels", "width", "height")
_INSIDE = re.compile(
    r"\w[\w-]*(?:/|[^:/\\]*$)"
)  # begins with a name, not with a slash, ~, C: or s3:
_READ = (".md", ".json", ".yaml", ".txt", ".csv")  # documents, beside the folders of formats


class PrivateData:
    """Looks at every sample and file; `cleared` are words that somebody has looked at."""

    def __init__(self, cleared: tuple[str, ...]) -> None:
        self._scan = Scan(cleared)
        self._images = ImageMetadata(self._scan)

    def of(self, item: Item) -> Iterator[Finding]:
        """What lies in the label of an item, in its id, or in its image beside the picture."""
        fields = {
            name: value for name, value in (item.label or {}).items() if name not in _OF_THE_FORMAT
        }
        self._scan.look(item.id or item.key, fields)
        yield from self._found(item.label_at.file, item.id or item.key)
        if item.data is not None:
            self._images.look(item.id or item.key, item.data)
            yield from self._found(item.image.file, item.image.member or item.id or item.key)

    def of_name(self, name: str) -> Iterator[Finding]:
        """What the name of a file says."""
        for part in PurePosixPath(name).parts:
            stem = part.partition(".")[0]
            if names_in_id(stem) and not any(stem in words for words in self._scan.cleared):
                yield Finding(name, "", "private", f"its name holds {A_NAME}")
                return

    def of_document(self, folder: Path, name: str) -> Iterator[Finding]:
        """What lies in a document of the whole dataset."""
        if not name.endswith(_READ):
            return
        text = (folder / name).read_text(encoding="utf-8", errors="replace")
        found = [(match, "a key") for match in patterns.KEY.finditer(text)]
        # The formats' own files are named by where they lie: only what leads out of the folder counts.
        paths = patterns.PATH.finditer(text)
        found += [(match, "a path") for match in paths if not _INSIDE.match(match[0])]
        for match, what in found:
            line = text.count("\n", 0, match.start()) + 1
            yield Finding(name, f"line {line}", "private", what)

    def _found(self, file: str, place: str) -> Iterator[Finding]:
        """What was noted since the last time. The words themselves are not repeated."""
        for text in self._scan.places:
            yield Finding(file, place, "private", text)
        self._scan.places.clear()
        self._scan.kinds.clear()
