"""What is written beside the card about releases: CHANGELOG.md, tombstones.txt, and REPORT.md, by which people ask for a change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

CHANGELOG, TOMBSTONES, REPORT = "CHANGELOG.md", "tombstones.txt", "REPORT.md"
_TITLE = "# Changes\n"
_TOMBSTONE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Change:
    """What a release changes; numbers are of samples.

    rewritten  shards of the base that were written anew
    base       the release that it was made from
    """

    release: str
    base: str
    removed: int
    corrected: int
    added: int
    rewritten: Sequence[str]

    @property
    def text(self) -> str:
        """Its section of the changelog."""
        lines = [f"\n## {self.release}\n"]
        if self.removed:
            lines.append(
                f"- Removed: {_samples(self.removed)}. `{TOMBSTONES}` tells which to those who have an older release."
            )
        if self.corrected:
            lines.append(
                f"- Corrected: {_samples(self.corrected)}, which left their shards and stand in new ones."
            )
        if self.added:
            lines.append(f"- Added: {_samples(self.added)}, in new shards.")
        if self.rewritten:
            names = ", ".join(f"`{name}`" for name in sorted(self.rewritten))
            lines.append(f"- Written anew, in every format: {names}.")
        lines.append(f"- All other shards are those of {self.base}, byte for byte.")
        return "\n".join(lines) + "\n"


def first_changelog(release: str) -> bytes:
    """That of a dataset that was made from no other."""
    return f"{_TITLE}\n## {release}\n\n- The first release.\n".encode()


def changelog(folder: Path, change: Change) -> bytes:
    """That of the base in `folder`, with a new section in front."""
    path = folder / CHANGELOG
    old = first_changelog(change.base).decode()
    if path.exists():
        old = path.read_text(encoding="utf-8", errors="replace")
    return (_TITLE + change.text + old.removeprefix(_TITLE)).encode()


def tombstones_in(folder: Path) -> set[str]:
    """Those of a release; whatever else stands in the file is none."""
    path = folder / TOMBSTONES
    found = path.read_text(encoding="utf-8", errors="replace").split() if path.exists() else []
    return {word for word in found if _TOMBSTONE.fullmatch(word)}


def tombstones(folder: Path, new: Iterable[str]) -> bytes:
    """All tombstones, of the base and new ones, sorted: an opaque id a line."""
    lines = sorted(tombstones_in(folder).union(new))
    return "".join(f"{line}\n" for line in lines).encode()


def report_form(formats: Sequence[str], published: Sequence[str]) -> bytes:
    """The form on which somebody asks that a sample be removed or corrected."""
    hashes = [name for name in ("image_sha256", "published_sha256") if name in published]
    where = "`id` in the label" if {"webdataset", "parquet"} & set(formats) else "`KEY`"
    return _FORM.format(
        where=where,
        hashes=f" or `{'`, `'.join(hashes)}` of the label" if hashes else "",
    ).encode()


def _samples(count: int) -> str:
    return f"{count:,} sample{'' if count == 1 else 's'}"


_FORM = """\
# Report a sample

To ask for a sample to be removed or corrected, copy what is below, fill in what you know, and send it to those who
publish this dataset. One of the first five lines is enough to find it.

    id:                         ({where}; `KEY` in the name of a file will do)
    sha256:                     (of the image file as you have it{hashes})
    source.author:              (your name, as the license of a photo gives it: all that was made from your photos)
    photo:                      (attach the file itself, unchanged, or give its sha256: all that was made from it)
    other field:                (FIELD=VALUE, as the labels have it)

    what is wrong:              [ ] it shows me, or somebody I may speak for
                                [ ] a photo of mine was used, and I want it to be no longer
                                [ ] a label is wrong: which, and what would be right
                                [ ] it is illegal or harmful
                                [ ] something else
    in which release:           (`release` in `index.json`)
    where the answer shall go:

For those who publish it: put the first four kinds of line into a file, as `ID`, `SHA256`, `FIELD=VALUE`, one a line, and run

    headkit pack -d NEW --base THIS_FOLDER --remove FILE --release NUMBER
    headkit pack -d NEW --base THIS_FOLDER --trace PHOTO --key KEY_OF_POSE_EXTRACT --release NUMBER

What is removed leaves a line in `tombstones.txt`, which says nothing by itself. Who has an older release removes the same
samples with `--remove tombstones.txt`.
"""
