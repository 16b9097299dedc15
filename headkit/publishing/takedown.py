"""What shall be removed: the lines of a takedown file and traced photos, and which records they mean.

A line that begins with "#" is none. Others are an id, the key of a file's name, a SHA-256 (of an image as it was made or as it was published, or of a photo), a
tombstone of a later release, or FIELD=VALUE (`source.author=NAME`). What was made from a removed record goes with it:
records whose `source` names it as `from` or `copy_of`. So do records with the same image, byte for byte.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headkit.formats.tombstones import tombstone
from headkit.formats.webdataset import key as sample_key
from headkit.photos.identity import load_key, photo_id
from headkit.status import NO_INPUT, USAGE, Stop
from headkit.tool import Record

_FIELD = re.compile(r"([A-Za-z_][\w-]*(?:\.[\w-]+)*)\s*=\s*(.+)")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_COMMENT = "#"


@dataclass
class Requests:
    """What was asked for.

    words    ids, keys, tombstones and hashes (in small letters), as written
    fields   (path, value) -> as written
    """

    words: dict[str, str] = field(default_factory=dict)
    fields: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: str | None, photo: str | None, key: str | None) -> Requests:
        """Of --remove, --trace and --key; Stop(NO_INPUT, USAGE)."""
        found = cls()
        for line in _lines(file) if file is not None else ():
            match = _FIELD.fullmatch(line)
            if match is not None:  # perhaps: ids may hold "=", and keys write many letters with it
                found.fields[match[1], match[2]] = line
            found.words[line.lower() if _SHA256.fullmatch(line) else line] = line
        if key is not None and photo is None:
            raise Stop(USAGE, "--key belongs to a photo; name it with --trace")
        if photo is not None:
            found.words |= dict.fromkeys(_traces(photo, key), f"--trace {photo}")
        return found

    @property
    def digest(self) -> str:
        """Of all that is asked, for --resume."""
        text = repr((sorted(self.words), sorted(self.fields)))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def paths(self) -> set[str]:
        """The fields that are looked at, by their first names."""
        return {path.partition(".")[0] for path, _ in self.fields}

    def hits(self, id: str, record: Mapping[str, Any]) -> list[str]:
        """What of the requests a record is meant by, as written."""
        source = record.get("source")
        said: list[Any] = [id, sample_key(id), tombstone(id)]
        said += [record.get("image_sha256"), record.get("published_sha256")]
        if isinstance(source, dict):
            said.append(source.get("sha256"))
        found = [self.words[word] for word in said if isinstance(word, str) and word in self.words]
        for (path, value), line in self.fields.items():
            if _text(record, path) == value:
                found.append(line)
        return found


@dataclass
class Matching:
    """Finds the records that are meant, those that were made from them, and those with the same image."""

    requests: Requests
    gone: set[str] = field(default_factory=set)
    hits: Counter[str] = field(default_factory=Counter)
    _made_from: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _firsts: dict[int, str] = field(default_factory=dict)  # hash of an image -> its first record

    def add(self, id: str, record: Mapping[str, Any]) -> None:
        """Look at a record."""
        found = self.requests.hits(id, record)
        self.hits.update(set(found))
        if found:
            self.gone.add(id)
        source = record.get("source")
        if isinstance(source, dict):
            for name in ("from", "copy_of"):
                if isinstance(source.get(name), str):
                    self._made_from[source[name]].append(id)
        digest = record.get("image_sha256")
        if isinstance(digest, str) and _SHA256.fullmatch(digest):
            first = self._firsts.setdefault(int(digest[:16], 16), id)
            if first != id:  # both ways: the one goes with the other
                self._made_from[first].append(id)
                self._made_from[id].append(first)

    def close(self) -> set[str]:
        """All ids that go, once every record was seen. What was made from a word that was asked for goes, too."""
        self.hits.update(
            line for word, line in self.requests.words.items() if word in self._made_from
        )
        waiting = [*self.gone, *self.requests.words]
        while waiting:
            for id in self._made_from.pop(waiting.pop(), ()):
                if id not in self.gone:
                    self.gone.add(id)
                    waiting.append(id)
        return self.gone

    def unmet(self) -> Iterator[str]:
        """Requests that no record is meant by, as written."""
        asked = dict.fromkeys([*self.requests.words.values(), *self.requests.fields.values()])
        return (line for line in asked if not self.hits[line])


def _traces(photo: str, key: str | None) -> Iterable[str]:
    """The hash of a photo's bytes, and with the key the id that pose-extract gave it."""
    try:
        with Path(photo).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise Stop(NO_INPUT, f"--trace {photo}: {error.strerror}; check the path") from None
    if key is None:
        return (digest.hexdigest(),)
    if not Path(key).is_file():
        raise Stop(NO_INPUT, f"--key {key}: is not there; use the file of headkit pose-extract")
    return (digest.hexdigest(), photo_id(load_key(Path(key), make=False), digest.digest()))


def _lines(file: str) -> list[str]:
    try:
        lines = Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not UTF-8"
        raise Stop(NO_INPUT, f"--remove {file}: {why}; check the path") from None
    return [line.strip() for line in lines if line.strip() and not line.startswith(_COMMENT)]


def _text(record: Record | Mapping[str, Any], path: str) -> str | None:
    value: Any = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)
