"""A new release from an old one: what is not concerned is linked, byte for byte; shards with a removed sample are rewritten.

It leaves a workplace as a run of `pack` leaves it that was killed behind these shards, which then goes on from there.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from headkit.formats import crops, vggheads, yolo
from headkit.formats.folder import SUMS, Workplace
from headkit.formats.labels import heads_in
from headkit.formats.layout import Layout, stem
from headkit.formats.output import Output, Stored
from headkit.formats.reading import Packed
from headkit.formats.sample import LeftOutError
from headkit.formats.webdataset import key as sample_key
from headkit.publishing import embeddings, rewriting
from headkit.publishing.catalog import Entry, stand_in
from headkit.publishing.places import CONTAINERS, Place, Places
from headkit.status import BAD_INPUT, Stop
from headkit.tool import Record


@dataclass
class Removed:
    """What of a shard and format is not in the new release."""

    keys: set[str] = field(default_factory=set)  # of images that were there
    files: int = 0
    images: int = 0
    bytes: int = 0


@dataclass
class Carrying:
    """Carries the shards of `base` into a workplace, without some samples.

    gone   the samples that go, those whose labels are replaced too
    check  raises what ends the run
    """

    base: Packed
    place: Workplace
    layouts: Sequence[Layout]
    gone: Sequence[Entry]
    check: Callable[[], None]
    rewritten: set[str] = field(default_factory=set)  # shards, as PART-NNNNNN

    def __post_init__(self) -> None:
        self._ids = {entry.id for entry in self.gone}
        self._by_key = {sample_key(entry.id): entry for entry in self.gone}
        self._keys = set(self._by_key)
        self._removed: dict[tuple[str, str], Removed] = defaultdict(Removed)
        self._by_shard: dict[str, list[Entry]] = defaultdict(list)
        self._beside = Output(self.place.new, "", self.place.new, Stored())

    def carry(self) -> list[Record]:
        """Do it; the rows of all shards, for the index. Stop(BAD_INPUT) where the base is damaged."""
        for entry in self.gone:
            self._by_shard[entry.shard].append(entry)
        self._look_into_subsets()
        self.rewritten |= set(self._by_shard)
        with self.place.sums.open("wb") as sums:
            self._link(sums.write)
            self._cut_lists()
            rows = [self._row(row) for row in self.base.rows]
            self._rewrite_vectors()
            self._list(sums.write)
            sums.flush()
            os.fsync(sums.fileno())
        return rows

    def _look_into_subsets(self) -> None:
        """Find the shards of subsets that hold one of them a second time."""
        containers = [layout.name for layout in self.layouts if layout.name in CONTAINERS][:1]
        for format in containers if self._keys else ():
            for part in self.base.subsets:
                for row in self.base.shards(format, part):
                    self._note(_shard_of(row), rewriting.keys_in(self.base, row))

    def _note(self, shard: str, keys: Iterable[str]) -> None:
        """Remember which of the samples that go are in a shard of a subset."""
        for key in self._keys.intersection(keys):
            if self._by_key[key] not in self._by_shard[shard]:
                self._by_shard[shard].append(self._by_key[key])

    def _link(self, write: Callable[[bytes], object]) -> None:
        """Link every file that stays, and list it with the checksum that it had."""
        places, concerned = Places(self.base), set(self.rewritten)
        folders: set[Path] = set()
        for line in self._sums():
            self.check()
            name = line[66:].decode().removesuffix("\n")
            place = places.of(name)
            if place is None:
                continue  # speaks of the whole: written anew
            if place.key:
                if place.key in self._keys:
                    self._remove(place, self.base.folder / name)
                    continue
            elif place.format in CONTAINERS | {embeddings.FOLDER} and place.shard in concerned:
                continue
            _link(self.base.folder / name, self.place.new / name, folders)
            write(line)
        for (_, shard), removed in self._removed.items():
            if shard.rpartition("-")[0] in self.base.subsets:
                self._note(shard, removed.keys)

    def _sums(self) -> Iterator[bytes]:
        try:
            with (self.base.folder / SUMS).open("rb") as file:
                yield from file
        except FileNotFoundError:
            raise Stop(
                BAD_INPUT, f"{self.base.folder / SUMS}: is missing; see headkit verify"
            ) from None

    def _cut_lists(self) -> None:
        """Cut the lists of parts into those of shards, which `finish` puts together again."""
        for layout in self.layouts:
            for part in self.base.parts if layout.name in ("coco", "crops") else ():
                shards = len(self.base.shards(layout.name, part))
                found = rewriting.fragments(layout, self.base, part, shards, self._keys)
                for number, size in found.items():
                    self._removed[layout.name, stem(part, number)].bytes += size

    def _remove(self, place: Place, file: Path) -> None:
        found = self._removed[place.format, place.shard]
        found.files += 1
        found.bytes += file.stat().st_size
        if place.is_image:
            found.images += 1
            found.keys.add(place.key)
        self.rewritten.add(place.shard)

    def _row(self, row: Record) -> Record:
        """The row of a shard in the new release; a container with a removed sample is written for it."""
        self.check()
        shard, layout = _shard_of(row), self._layout(row["format"])
        if layout.name in CONTAINERS:
            if shard not in self.rewritten:
                return row
            return _same_names(row, rewriting.container(layout, self.base, row, self._keys))
        return self._counted(row, self._removed.get((layout.name, shard), Removed()), shard)

    def _counted(self, row: Record, removed: Removed, shard: str) -> Record:
        """The row of a folder of files, without what was removed."""
        reasons: Counter[str] = Counter(row.get("left_out", {}))
        reasons.subtract(self._left_out(row["format"], removed, shard))
        found = {
            **row,
            "count": row["count"] - removed.images,
            "bytes": row["bytes"] - removed.bytes,
        }
        if "images" in row:
            found["images"] -= len(self._by_shard.get(shard, ()))
        found.pop("left_out", None)
        if +reasons:
            found["left_out"] = dict(sorted((+reasons).items()))
        return found

    def _left_out(self, format: str, removed: Removed, shard: str) -> Counter[str]:
        """Why the samples that go were not in this format, or some of their heads."""
        found: Counter[str] = Counter()
        for entry in self._by_shard.get(shard, ()):
            sample = stand_in(entry)
            with suppress(LeftOutError):
                heads = list(heads_in(sample))
                if format == "crops":
                    found[crops.TO_IGNORE] += sum(head.ignored for head in heads)
                    found[crops.NO_POSE] += sum(
                        not head.ignored and not crops.has_pose(sample.heads[head.index])
                        for head in heads
                    )
                elif format != "coco" and sample.key not in removed.keys:
                    ignored = any(head.ignored for head in heads)
                    fitted = format != "vggheads" or ignored
                    found[yolo.TO_IGNORE if fitted else vggheads.NOT_FITTED] += 1
        return found

    def _rewrite_vectors(self) -> None:
        for shard in sorted(self.rewritten):
            old = self.base.folder / embeddings.FOLDER / f"{shard}.npz"
            if old.exists():
                embeddings.without(self._beside, shard, old, self._ids)

    def _list(self, write: Callable[[bytes], object]) -> None:
        """List what was written anew."""
        os.sync()
        for output in (*(layout.output for layout in self.layouts), self._beside):
            for each in sorted(output.written, key=lambda each: each.name):
                write(f"{each.sha256}  {each.name}\n".encode())
            output.written.clear()
            output.loose = False

    def _layout(self, format: str) -> Layout:
        return next(layout for layout in self.layouts if layout.name == format)


def _shard_of(row: Record) -> str:
    return str(row["id"]).rpartition("/")[2]


def _same_names(row: Record, found: Record) -> Record:
    return {"id": row["id"], "format": row["format"], "part": row["part"], **found}


def _link(source: Path, path: Path, folders: set[Path]) -> None:
    """A second name of a file, or a copy; a folder is made once. Stop(BAD_INPUT) where it is not there, or a link."""
    if path.parent not in folders:
        if os.path.realpath(source.parent) != str(source.parent):
            raise Stop(BAD_INPUT, f"{source.parent}: is a link, not a folder; see headkit verify")
        path.parent.mkdir(parents=True, exist_ok=True)
        folders.add(path.parent)
    try:
        if not stat.S_ISREG(source.lstat().st_mode):  # a link would publish what it leads to
            raise Stop(BAD_INPUT, f"{source}: is no plain file; see headkit verify")
        os.link(source, path)
    except FileNotFoundError:
        raise Stop(BAD_INPUT, f"{source}: is missing; see headkit verify") from None
    except OSError:  # no hard links here
        shutil.copyfile(source, path)
