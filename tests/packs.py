"""Records to be packed, runs of pack, and runs that die."""

import hashlib
import os
from pathlib import Path

import pytest
from PIL import Image

from headkit.datasheet.about import TEMPLATE
from headkit.formats.shards import Shards
from headkit.tool import Context, Failure
from headkit.tools import pack as tool

DOCUMENTS = ("REPORT.md", "README.md", "DATASHEET.md", "LICENSES.md", "croissant.json", "plots.svg")
HEAD = {"box": [4.0, 4.0, 20.0, 24.0], "visibility": 1.0, "pose": {"yaw": -170.0}}


def picture(path, size=(32, 24), color=(200, 30, 30), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path, **options)
    return path


def records_in(tmp_path):
    """Six rows that can be packed."""
    made = []
    for number in range(6):
        path = picture(tmp_path / f"images/{number}.png", color=(40 * number, 10, 10))
        made.append(
            {
                "id": f"row-{number}",
                "width": 32,
                "height": 24,
                "source": {"sampler": "prior", "sha256": "secret"},
                "poses": [{"keypoints": []}],
                "caption": "somebody",
                "image": f"images/{number}.png",
                "image_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "truth": {"heads": [HEAD, {**HEAD, "ignore": "small"}]},
                "mine": [number],
            }
        )
    return made


def answered(folder):
    """An about file in which every question has an answer."""
    text = TEMPLATE.replace('published = ""', 'published = "2026-01-31"')
    path = folder / "about.toml"
    path.write_text(text.replace(' = ""  ', ' = "Said."  ').replace(' = "" ', ' = "Said." '))
    return str(path)


def pack(root, records, *, resume=False, jobs=1, log=None, **options):
    """(rows, failures) of one run."""
    context = Context("pack", Path(os.path.realpath(root)), resume=resume, jobs=jobs, log=log)
    found = list(
        tool.stream(tool.Options(**{"dir": str(root / "out"), **options}), context, iter(records))
    )
    return [row for row in found if isinstance(row, dict)], [
        row for row in found if isinstance(row, Failure)
    ]


def tree(path):
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


class KilledError(BaseException):
    """Stands for kill -9: nobody catches it, and what it leaves is what was on the disk."""


def killed_pack(root, records, at, monkeypatch, **options):
    """A run that dies when it begins to write sample number `at`."""
    with monkeypatch.context() as patch:
        add, seen = Shards.add, []

        def dying(self, part, sample, prepared):
            seen.append(sample.key)
            if len(seen) > at:
                raise KilledError
            add(self, part, sample, prepared)

        patch.setattr(Shards, "add", dying)
        with pytest.raises(KilledError):
            pack(root, records, resume=True, **options)
