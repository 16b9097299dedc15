"""What a file of a packed folder belongs to, by its name: format, shard, sample."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headkit.formats.reading import Packed
from headkit.publishing.embeddings import FOLDER

IMAGES = frozenset(["png", "jpg", "webp"])
CONTAINERS = frozenset(["webdataset", "parquet"])
_PART = r"(?P<part>[A-Za-z][A-Za-z0-9_]*)"
_SHARD = rf"(?P<shard>{_PART}-\d{{6}})"
_FOLDER = rf"{_PART}/(?P<number>\d{{6}})/(?P<key>[^/.]+)"
_PATTERNS = {
    FOLDER: rf"{FOLDER}/{_SHARD}\.npz",
    "webdataset": rf"{_SHARD}\.(?:tar|index\.jsonl)",
    "parquet": rf"data/{_SHARD}\.parquet",
    "coco": rf"images/{_FOLDER}\.\w+",
    "yolo": rf"(?:images|labels)/{_FOLDER}\.\w+",
    "yolo-pose": rf"(?:images|labels)/{_FOLDER}\.\w+",
    "vggheads": rf"{_PART}/split_(?P<number>\d{{5}})/(?:files\.txt|(?:images|annotations)/(?P<key>[^/.]+)\.\w+)",
    "crops": rf"{_PART}/(?P<number>\d{{6}})/(?P<key>[^/.]+)-\d+\.png",
}


@dataclass(frozen=True)
class Place:
    """format is `embeddings` for the vectors; shard is PART-NNNNNN; key is empty for a file of a whole shard."""

    format: str
    shard: str
    key: str = ""
    is_image: bool = False


class Places:
    """Tells the files of one folder."""

    def __init__(self, base: Packed) -> None:
        self._prefixes = {base.prefix(name): name for name in base.formats}
        self._rules = {name: re.compile(rule) for name, rule in _PATTERNS.items()}

    def of(self, name: str) -> Place | None:
        """Where a file belongs; None for one that speaks of the whole dataset."""
        if name.startswith(FOLDER + "/"):
            match = self._rules[FOLDER].fullmatch(name)
            return None if match is None else Place(FOLDER, match["shard"])
        folder = name.partition("/")[0] + "/"
        prefix = folder if folder in self._prefixes else ""
        format = self._prefixes.get(prefix)
        if format is None:
            return None
        match = self._rules[format].fullmatch(name.removeprefix(prefix))
        if match is None:
            return None
        found = match.groupdict()
        if "shard" in found:
            return Place(format, found["shard"])
        shard = f"{found['part']}-{int(found['number']):06d}"
        is_image = name.rpartition(".")[2] in IMAGES
        return Place(format, shard, found["key"] or "", is_image)
