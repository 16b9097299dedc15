"""Datasets in all formats, and releases of them."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
from packs import pack, picture, records_in, tree

from headkit.photos.identity import load_key, photo_id
from headkit.tool import Context, Failure
from headkit.tools import pack as tool
from headkit.twins import reference

LANDMARKS = {"scheme": "ibug68", "points": [[10.0, 12.0, 0.5]] * 68, "visible": "1" * 68}
POSE = {
    "rotation": [[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]],
    "yaw": 0.0,
    "pitch": 0.0,
    "roll": 0.0,
}
HEAD = {
    "box": [4.0, 4.0, 20.0, 20.0],
    "landmarks": LANDMARKS,
    "pose": POSE,
    "params": {"model": "own", "translation": [0.0, 0.0, 1.0]},
}
EVERY = "webdataset,parquet,coco,yolo,yolo-pose,crops"
PHOTO = b"a photo of somebody"


def photo_in(folder):
    """A photo, the key of pose-extract, and the id that the photo has by it."""
    photo, key = folder / "photo.jpg", folder / "key"
    photo.write_bytes(PHOTO)
    digest = hashlib.sha256(PHOTO)
    id = photo_id(load_key(key, make=True), digest.digest())
    return photo, key, id, digest.hexdigest()


def dataset(folder, **options):
    """Twelve rows, packed in shards of three. row-4 was made from a photo, row-5 and row-9 are copies of its pose."""
    _, _, id, digest = photo_in(folder)
    rows = []
    for number, row in enumerate(records_in(folder) + records_in(folder)):
        row |= {
            "id": f"row-{number}",
            "truth": {"heads": [dict(HEAD)]},
            "camera": {"K": [[40.0, 0, 16], [0, 40.0, 12], [0, 0, 1]]},
            "generated": {"model": "render"},
            "source": {"license": "cc-by-4.0", "author": f"Author Number{number}"},
            "prompt": {"text": f"scene number {number}"},
            "cluster": f"cluster-{number}",
        }
        if number % 4 == 1:  # some formats leave it out
            row["truth"]["heads"].append({**HEAD, "ignore": "small", "visibility": 0.5})
        rows.append(row)
    rows[4] |= {"id": id, "source": {"sha256": digest, "author": "Jane Roe"}}
    rows[5] |= {"id": f"{id}-0", "source": {"from": id, "sampler": "copies"}}
    rows[9] |= {"id": f"{id}-1", "source": {"from": id, "sampler": "copies"}}
    for number, row in enumerate(rows):
        path = picture(folder / f"images/{number}.png", color=(20 * number, 10, 10))
        row["image"] = f"images/{number}.png"
        row["image_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    vectors(folder / "embeddings.npz", [row["id"] for row in rows])
    options = {"shard_size": "3", "format": EVERY, "embeddings": str(folder / "embeddings.npz")} | options  # fmt: skip
    shards, failures = pack(folder, rows, **options)
    assert failures == []
    return rows, shards


def vectors(path, ids):
    """A file of vectors as dedupe writes it."""
    draw = np.random.default_rng(len(ids)).normal(size=(len(ids), 8))
    unit = (draw / np.linalg.norm(draw, axis=1, keepdims=True)).astype(np.float16)
    reference.write(path, "likeness", ids, 8, [unit])
    return dict(zip(ids, unit, strict=True))


def release(root, name="out-1.1", *, resume=False, jobs=1, **options):
    """(rows of shards, what is left elsewhere, failures) of a run that makes a release of `out`."""
    context = Context("pack", Path(os.path.realpath(root)), resume=resume, jobs=jobs)
    given = {"dir": str(root / name), "base": str(root / "out"), "release": "1.1.0", **options}
    for option in ("remove", "add"):
        if isinstance(given.get(option), list):
            lines = [each if isinstance(each, str) else json.dumps(each) for each in given[option]]
            (root / f"{option}.txt").write_text("".join(f"{line}\n" for line in lines))
            given[option] = str(root / f"{option}.txt")

    def nothing():
        raise AssertionError("a record was read from standard input")
        yield

    found = list(tool.stream(tool.Options(**given), context, nothing()))
    rows = [row for row in found if isinstance(row, dict)]
    return (
        [row for row in rows if "path" in row],
        [row for row in rows if "left" in row],
        [row for row in found if isinstance(row, Failure)],
    )


def holds(folder, word):
    """The files of a folder in which a word stands, or whose name has it; Parquet is read."""
    import pyarrow.parquet as pq

    found = []
    for name, data in tree(folder).items():
        text = data
        if name.endswith(".parquet"):
            text = str(pq.read_table(folder / name).to_pylist()).encode()
        if word.encode() in text or word in name:
            found.append(name)
    return found
