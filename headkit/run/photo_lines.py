"""Photos as records: the lines of a manifest that nobody has written.

Stands in for `Lines` where a tool takes photos. Every picture in a folder or a tar, every path of -0 and every record
that has `image` becomes a line with an id, and its bytes are read here, once, in the order of the input: the id is a
keyed hash of them. Where the photo lay is told only on request.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from headkit import jsonl, paths
from headkit.jsonl import LineError
from headkit.photos.archives import ArchiveError, Member, members, samples
from headkit.photos.folders import is_picture, kind_of, suffix, walk
from headkit.photos.identity import load_key, photo_id, place_id
from headkit.photos.reading import LONGEST
from headkit.run import ids
from headkit.run.inputs import CHUNK, Input, Line, Lines, Place
from headkit.run.rows import missing
from headkit.status import BAD_INPUT, NO_INPUT, USAGE, WRITE_FAILED, Stop
from headkit.tool import Failure, Gathering, Photo, Record

LONGEST_METADATA = 16 << 20
# An OSError with one of these numbers is about one file; any other is about the machine.
_OF_ONE_FILE = {
    errno.ENOENT,
    errno.EACCES,
    errno.ENAMETOOLONG,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.ELOOP,
    errno.EPERM,
}


@dataclass
class _Found:
    """A picture before it is named: where it lay, its bytes or what is wrong with them, and what is said of it."""

    path: str  # as it is, for its id where nothing can be read
    photo: Photo
    member: Member | None = None
    digest: bytes = b""


class PhotoLines:
    """Iterates over the photos of all inputs, from `place` on, as lines of records.

    names  the keys of the ids so far: of all shards, where a shard names copies as the others do
    """

    separator = b"\n"  # of the records that it makes

    def __init__(
        self,
        lines: Lines,
        gathering: Gathering,
        *,
        root: Path,
        names: ids.KeySet,
        shared: bool,
        make_key: bool,
        skip_bad: bool,
        complain: Callable[[str], None],
        note: Callable[[str], None],
    ) -> None:
        self.lines = lines
        self.files = lines.files
        self.place = lines.place
        self.gathering = gathering
        self.root = root
        self.names = names
        self.shared = shared  # `names` is filled by whoever takes the lines
        self.make_key = make_key
        self.skip_bad = skip_bad
        self.complain = complain
        self.note = note  # of what is no fault
        self.key = b""  # once there is a photo
        self.copies: dict[str, int] = {}  # of photos of which there is more than one
        self.photos = self.place.read

    def where(self, file: int, number: int) -> str:
        return f"{self.files[file].name}:{number}"

    def __iter__(self) -> Iterator[Line]:
        for index in range(self.place.file, len(self.files)):
            place = self.place if index == self.place.file else Place(index)
            before = self.photos
            yield from self._of_file(index, place)
            if self.photos == before and self._kind(self.files[index]) in ("folder", "archive"):
                self.note(f"{self.files[index].name}: holds no pictures")
        copies = sum(number - 1 for number in self.copies.values())
        if copies:
            photos = "1 photo is a copy" if copies == 1 else f"{copies} photos are copies"
            self.note(
                f"{photos} of another, byte for byte: -2 and so on ends the id, and source.copy_of names the first"
            )

    # ---- by kind of operand ----

    def _kind(self, file: Input) -> str:
        if file.path is None:
            samples = self.gathering.samples and self.lines.separator != b"\0"
            return "archive" if samples else "list"
        return "list" if self.lines.separator == b"\0" else kind_of(file.path)

    def _of_file(self, index: int, place: Place) -> Iterator[Line]:
        kind, path = self._kind(self.files[index]), self.files[index].path
        if kind == "archive":
            yield from self._archive(index, place)
        elif kind == "list":
            yield from self._list(index)
        elif kind == "folder":
            assert path is not None
            for number, picture in enumerate(self._walk(Path(path)), 1):
                yield self._line(
                    index, number, 0, self._file(picture, beside=self.gathering.samples)
                )
        elif not place.offset:  # one picture
            assert path is not None
            found = self._file(Path(path), beside=self.gathering.samples)
            yield self._line(index, 1, len(found.photo.data) or 1, found)

    def _walk(self, folder: Path) -> Iterator[Path]:
        try:
            yield from walk(folder)
        except OSError as error:
            raise Stop(
                NO_INPUT, f"{error.filename}: {error.strerror}; see to it and run again"
            ) from None

    def _list(self, index: int) -> Iterator[Line]:
        """The photos that records name, or -0."""
        for line in self.lines.of(index):
            if self.lines.separator == b"\0":
                if line.raw:
                    found = self._file(Path(os.fsdecode(line.raw)), beside=self.gathering.samples)
                    yield self._line(index, line.number, line.end, found)
                continue
            yield self._record(line)

    def _record(self, line: Line) -> Line:
        """A record with its photo instead of `image`; what is no record, and errors, as they are."""
        try:
            record = jsonl.parse(line.raw) if line.raw and not line.raw.isspace() else None
        except LineError:
            return line  # Rows says what is wrong with it
        if record is None or "error" in record or type(record.get("id")) is not str:
            return line  # what has no id is refused there too
        first, self.photos = self.photos == 0, self.photos + 1
        lacking = missing(("image",), record)
        if lacking:
            if first:
                raise Stop(BAD_INPUT, f"{self.where(line.file, line.number)}: {lacking}")
            return line._replace(photo=Photo(fault=Failure("missing field", lacking)))
        try:
            found = self._file(paths.resolve(self.root, record["image"]), beside=False)
        except paths.PathError as error:
            found = _Found("", Photo(fault=Failure("path", str(error))))
        return line._replace(raw=self._without_image(line.raw, record), photo=found.photo)

    def _without_image(self, raw: bytes, record: Record) -> bytes:
        """The record without the path of its photo, or with it in `source`. A picture of `generate` is no photo."""
        made = record.get("made")
        if isinstance(made, dict) and "generate" in made:
            return raw
        image = record.pop("image")
        if self.gathering.keep_path:
            source = record.get("source")
            record["source"] = {**(source if isinstance(source, dict) else {}), "path": image}
        return jsonl.dump(record)

    def _archive(self, index: int, place: Place) -> Iterator[Line]:
        """The pictures of a tar."""
        file = self.files[index]
        descriptor = file.open(self.lines.stdin)
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        try:
            with open(descriptor, "rb", closefd=False) as opened:
                seekable = plain and not (file.path or "").lower().endswith("gz")
                found = members(
                    opened if plain else _Waiting(descriptor, self.lines.wait),
                    begin=place.offset,
                    seekable=seekable,
                    wanted=self._wanted,
                    longest=LONGEST,
                )
                yield from self._members(index, place, found)
        except ArchiveError as error:
            said = f"{file.name}: tar is damaged or cut short ({error})"
            if not self.skip_bad:
                raise Stop(BAD_INPUT, f"{said}; fetch it again") from None
            self.complain(f"{said}; the rest of it is skipped")
        except OSError as error:
            raise Stop(
                NO_INPUT, f"{file.name}: {error.strerror}; see to it and run again"
            ) from None
        finally:
            os.close(descriptor)

    def _wanted(self, name: str) -> bool:
        return is_picture(name) or (self.gathering.samples and suffix(name) == "json")

    def _members(self, index: int, place: Place, found: Iterator[Member]) -> Iterator[Line]:
        number = place.line
        if not self.gathering.samples:
            for member in found:
                number += 1
                yield self._line(index, number, member.end, self._member(index, member, None))
            return
        for sample in samples(found):
            picture = sample.picture
            if picture is not None:
                number += 1
                described = sample.members.get("json")
                metadata = described.data if described is not None else None
                photo = self._member(index, picture, metadata)
                yield self._line(index, number, sample.end, photo)

    def _member(self, index: int, member: Member, metadata: bytes | None) -> _Found:
        place = f"{self.files[index].path or ''}/{member.name}"
        if member.data is None:
            return _Found(place, Photo(fault=_too_long()), member)
        return _read(place, member.data, metadata, member)

    # ---- one picture ----

    def _file(self, path: Path, *, beside: bool) -> _Found:
        """The photo in a file, and the JSON beside it where that is asked for."""
        name = os.fspath(path)
        try:
            state = os.stat(path)
            if not stat.S_ISREG(state.st_mode):
                return _Found(name, Photo(fault=_unreadable("it is not a plain file")))
            if state.st_size > LONGEST:
                return _Found(name, Photo(fault=_too_long()))
            data = path.read_bytes()
            metadata = _beside(path) if beside else None
        except ValueError as error:  # a NUL in the path
            return _Found(name, Photo(fault=_unreadable(str(error))))
        except OSError as error:
            if error.errno not in _OF_ONE_FILE:
                raise Stop(
                    WRITE_FAILED, f"{name}: {error.strerror}; see to the disk and run again"
                ) from None
            return _Found(name, Photo(fault=_unreadable(str(error.strerror))))
        return _read(name, data, metadata)

    def _line(self, index: int, number: int, end: int, found: _Found) -> Line:
        """The record of a photo that comes without one."""
        self.photos += 1
        if not self.key:
            self.key = load_key(self.gathering.key, make=self.make_key)
        base = photo_id(self.key, found.digest) if found.digest else place_id(self.key, found.path)
        id = self._unused(base)
        record: Record = {"id": id}
        if self.gathering.keep_path:
            record["source"] = self._source(index, found)
        photo = found.photo
        if id != base:
            photo = Photo(photo.data, photo.sha256, photo.metadata, base, photo.fault)
        return Line(jsonl.dump(record), index, number, end, cut=False, photo=photo)

    def _unused(self, base: str) -> str:
        """The id itself, or with -2, -3 and so on where it stands in the manifest already."""
        id = base
        if ids.key(base) in self.names:
            number = self.copies.get(base, 1) + 1
            while ids.key(f"{base}-{number}") in self.names:  # of the run that is resumed
                number += 1
            self.copies[base] = number
            id = f"{base}-{number}"
        if not self.shared:
            self.names.add(ids.key(id))
        return id

    def _source(self, index: int, found: _Found) -> Record:
        """Where a photo lies, as photos.reading finds it again."""
        path, member = self.files[index].path, found.member
        if member is None:
            return {"path": self._stored(found.path)}
        if path is None:
            return {"member": member.name}
        source = {"path": self._stored(path), "member": member.name}
        if path.lower().endswith("gz") or member.data is None:
            return source
        return source | {"offset": member.begin, "bytes": len(member.data)}

    def _stored(self, path: str) -> str:
        try:
            return paths.stored(self.root, Path(path))
        except paths.PathError as error:
            raise Stop(USAGE, f"--keep-path: {error}") from None


class _Waiting:
    """A pipe to read from, while signals are heard."""

    def __init__(self, descriptor: int, wait: Callable[[int], None]) -> None:
        self.descriptor = descriptor
        self.wait = wait

    def read(self, size: int) -> bytes:
        self.wait(self.descriptor)
        return os.read(self.descriptor, min(size, CHUNK))


def _read(place: str, data: bytes, metadata: bytes | None, member: Member | None = None) -> _Found:
    """A photo with its digest, and what the JSON beside it says."""
    digest = sha256(data)
    said: Any = {}
    fault = None
    if metadata is not None:
        try:
            said = jsonl.parse(metadata)
        except LineError as error:
            fault = Failure(
                "bad-metadata", f"the JSON beside the photo cannot be read ({error}); mend it"
            )
    return _Found(
        place, Photo(data, digest.hexdigest(), said, None, fault), member, digest.digest()
    )


def _beside(path: Path) -> bytes | None:
    """The JSON file beside a photo, None where there is none."""
    file = path.with_suffix(".json")
    try:
        return file.read_bytes() if file.stat().st_size <= LONGEST_METADATA else b"too long"
    except FileNotFoundError:
        return None


def _unreadable(why: str) -> Failure:
    return Failure("bad-image", f"the file cannot be read ({why}); check the path")


def _too_long() -> Failure:
    return Failure("bad-image", f"the file has more than {LONGEST >> 20} MiB; convert it to JPEG")
