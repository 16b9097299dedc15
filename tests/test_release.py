"""Releases after the first: takedowns leave no trace, what is not concerned stays byte for byte."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import releases
from packs import KilledError, pack, picture, records_in, tree
from releases import EVERY, dataset, holds, photo_in, release

from headkit.formats.reading import Packed
from headkit.formats.shards import Shards
from headkit.formats.tombstones import tombstone
from headkit.publishing.carrying import Carrying
from headkit.status import BAD_INPUT, USAGE, Stop
from headkit.twins import reference


def index_of(folder):
    return json.loads((folder / "index.json").read_text())


def private_of(root, name):
    lines = (root / f"{name}.private.jsonl").read_text().splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def ids_in(folder, format):
    return [item.id for item in Packed.open(folder).items(format, images=False)]


def sums_hold(folder):
    run = subprocess.run(
        ["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    listed = len((folder / "SHA256SUMS").read_text().splitlines())
    return run.returncode == 0 and listed == len(tree(folder)) - 1


def vectors_of(folder):
    found = {}
    for path in sorted((folder / "embeddings").iterdir()):
        file = reference.read(path)
        found |= dict(zip((bytes(id).decode() for id in file.ids), file.vectors, strict=True))
    return found


def test_a_takedown_by_a_photo_leaves_no_trace(tmp_path):
    rows, _ = dataset(tmp_path)
    photo, key, id, digest = photo_in(tmp_path)
    (tmp_path / "images.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    dropped = {**rows[0], "id": "dropped-1", "cluster": id, "dropped": {"reason": "a twin"}}
    (tmp_path / "unique.jsonl.dropped").write_text(json.dumps(dropped) + "\n")
    before = tree(tmp_path / "out")
    gone = [id, f"{id}-0", f"{id}-1"]
    for word in (*gone, digest, "Jane Roe"):  # it was there
        assert holds(tmp_path / "out", word) or word in (digest, "Jane Roe")
        assert word in (tmp_path / "out.private.jsonl").read_text()
    _, left, failures = release(tmp_path, trace=str(photo), key=str(key))
    new = tmp_path / "out-1.1"
    assert failures == []
    assert tree(tmp_path / "out") == before  # the old release is as it was
    private = (tmp_path / "out-1.1.private.jsonl").read_text()
    for word in (*gone, digest, "Jane Roe"):
        assert holds(new, word) == []
        assert word not in private
    for format in EVERY.split(","):
        assert not set(ids_in(new, format)) & set(gone)
    assert set(vectors_of(new)) == {row["id"] for row in rows} - set(gone)
    assert (new / "tombstones.txt").read_text().split() == sorted(map(tombstone, gone))
    assert "3 samples" in (new / "CHANGELOG.md").read_text()
    assert index_of(new)["images"] == 9
    assert sums_hold(new)
    # The manifest and the ledger are named with a command that cleans them.
    named = {Path(row["left"]).name: row for row in left}
    assert named["images.jsonl"]["lines"] == 3
    assert named["unique.jsonl.dropped"]["lines"] == 1
    assert named["out.private.jsonl"]["clean"].startswith("rm ")
    for name in ("images.jsonl", "unique.jsonl.dropped"):
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        subprocess.run(
            ["bash", "-c", named[name]["clean"]],
            cwd=tmp_path,
            check=True,
            env={**os.environ, "PATH": path},
        )
        assert id not in (tmp_path / name).read_text()
    assert len((tmp_path / "images.jsonl").read_text().splitlines()) == 9


def test_the_key_of_the_root_is_taken(tmp_path):
    dataset(tmp_path, format="webdataset", embeddings=None)
    photo, key, id, digest = photo_in(tmp_path)
    private = tmp_path / "out.private.jsonl"
    private.write_text(private.read_text().replace(digest, "0" * 64))  # only the id can tell
    with pytest.raises(Stop, match="none of its samples"):
        release(tmp_path, trace=str(photo))
    key.rename(tmp_path / "headkit.key")
    release(tmp_path, trace=str(photo))
    assert not [each for each in ids_in(tmp_path / "out-1.1", "webdataset") if id in each]


def test_shards_that_are_not_concerned_are_the_same_files(tmp_path):
    rows, _ = dataset(tmp_path)
    release(tmp_path, remove=["row-7", rows[0]["id"]])
    old, new = tmp_path / "out", tmp_path / "out-1.1"
    concerned = {"heads-000000", "heads-000002"}
    same = changed = 0
    for name in tree(old):
        parts = name.replace("/", "-")
        shard = next((f"heads-{n:06d}" for n in range(4) if f"{n:06d}" in parts), None)
        if shard is None or "annotations" in name:
            continue
        if shard not in concerned:
            assert (old / name).samefile(new / name), name
            same += 1
        elif not (new / name).exists() or not (old / name).samefile(new / name):
            changed += 1
    assert same > 30
    assert changed >= 4 * 2
    assert sums_hold(new)


@pytest.mark.parametrize("format", [EVERY, "webdataset", "coco"])
def test_what_stays_is_what_packing_without_them_would_make(tmp_path, format):
    """The removed shard's bytes are those of a fresh packing of what stays of it."""
    rows, _ = dataset(tmp_path, format=format)
    gone = {"row-6", "row-8"}
    release(tmp_path, remove=[*gone])
    kept = [row for row in rows if row["id"] not in gone]
    fresh = kept[:6] + kept[6:7]
    pack(tmp_path, fresh, dir=str(tmp_path / "fresh"), shard_size="3", format=format)
    new, again = index_of(tmp_path / "out-1.1"), index_of(tmp_path / "fresh")

    def third(index):
        return [row for row in index["shards"] if row["id"].endswith("-000002")]

    for row, other in zip(third(new), third(again), strict=True):
        if row["format"] == "coco":  # ids of images are those that they had: their digits
            row, other = {**row, "bytes": 0}, {**other, "bytes": 0}
        assert row == other


def test_counts_agree_and_splits_stay(tmp_path):
    rows, _ = dataset(tmp_path, split="train=8,val=4", subset="small=6")
    before = index_of(tmp_path / "out")
    gone = [row["id"] for row in rows[:2]]
    release(tmp_path, remove=gone)
    new = tmp_path / "out-1.1"
    after = index_of(new)
    assert sum(after["splits"].values()) == 10
    small = set(ids_in(tmp_path / "out", "webdataset")[-6:])
    assert after["subsets"]["small"] == 6 - len(small & set(gone))
    old, now = private_of(tmp_path, "out"), private_of(tmp_path, "out-1.1")
    assert {id: row["split"] for id, row in now.items()} == {
        id: row["split"] for id, row in old.items() if id not in gone
    }
    for format in EVERY.split(","):
        found = [row for row in after["shards"] if row["format"] == format]
        for part, count in {**after["splits"], **after["subsets"]}.items():
            shards = [row for row in found if row["part"] == part]
            images = sum(
                row.get("images", row["count"] + sum(row.get("left_out", {}).values()))
                for row in shards
            )
            assert images == count, (format, part)
        listed = sum(row["count"] for row in found)
        assert listed == len(ids_in(new, format))
    assert before["next"] == after["next"]
    assert sums_hold(new)


@pytest.mark.parametrize(
    "line",
    ["row-3", "source.author=Author Number3", "SHA", "published", "tombstone", "prompt.text=scene number 3"],
)  # fmt: skip
def test_each_kind_of_line_finds_its_sample(tmp_path, line):
    dataset(tmp_path, format="coco", embeddings=None)
    row = private_of(tmp_path, "out")["row-3"]
    others = {"SHA": row["image_sha256"], "published": row["published_sha256"].upper(), "tombstone": tombstone("row-3")}  # fmt: skip
    release(tmp_path, remove=[others.get(line, line)])
    left = set(ids_in(tmp_path / "out-1.1", "coco"))
    assert set(ids_in(tmp_path / "out", "coco")) - left == {"row-3"}


def test_a_second_sample_with_the_same_image_goes_too(tmp_path):
    records = records_in(tmp_path)
    records[4] |= {"image": records[1]["image"], "image_sha256": records[1]["image_sha256"]}
    pack(tmp_path, records)
    release(tmp_path, remove=["row-4"])
    assert ids_in(tmp_path / "out-1.1", "webdataset") == ["row-0", "row-2", "row-3", "row-5"]


def test_an_older_release_is_cleaned_by_the_tombstones_of_a_newer_one(tmp_path):
    dataset(tmp_path, format="webdataset")
    release(tmp_path, remove=["row-3", "row-10"])
    stones = str(tmp_path / "out-1.1/tombstones.txt")
    (tmp_path / "out.private.jsonl").unlink()  # as those have it who got it from elsewhere
    release(tmp_path, "mine", remove=stones)
    assert ids_in(tmp_path / "mine", "webdataset") == ids_in(tmp_path / "out-1.1", "webdataset")


def test_requests_that_mean_nobody_are_told(tmp_path):
    dataset(tmp_path, format="webdataset")
    _, _, failures = release(tmp_path, remove=["row-3", "row-99"])
    assert [failure.message for failure in failures] == [
        f"--remove: 'row-99' means no sample of {tmp_path / 'out'}"
    ]
    with pytest.raises(Stop, match="none of its samples is meant") as stop:
        release(tmp_path, "other", remove=["row-99"])
    assert stop.value.status == BAD_INPUT
    assert not (tmp_path / "other").exists()


def test_added_and_corrected_samples_stand_in_new_shards(tmp_path):
    rows, _ = dataset(tmp_path, split="train=8,val=4")
    split = {id: row["split"] for id, row in private_of(tmp_path, "out").items()}
    twin = {**rows[2], "id": "new-twin", "cluster": "cluster-3"}
    twin |= {"prompt": {"text": "another"}, "source": {}}
    stranger = {**rows[2], "id": "new-stranger", "cluster": "new", "source": {}}
    stranger["prompt"] = {"text": "yet another"}
    corrected = {**rows[6], "truth": {"heads": [{**HEAD_MOVED}]}}
    releases.vectors(tmp_path / "more.npz", ["new-twin", "new-stranger", "row-6"])
    _, _, failures = release(
        tmp_path,
        add=[twin, stranger, corrected],
        remove=["row-7"],
        embeddings=str(tmp_path / "more.npz"),
    )
    assert failures == []
    new = tmp_path / "out-1.1"
    now = private_of(tmp_path, "out-1.1")
    assert set(now) == {row["id"] for row in rows} - {"row-7"} | {"new-twin", "new-stranger"}
    assert now["new-twin"]["split"] == split["row-3"]
    assert now["row-6"]["split"] == split["row-6"]
    boxes = {
        item.id: item.label["heads"][0]["box"]
        for item in Packed.open(new).items("webdataset", images=False)
    }
    assert boxes["row-6"] == HEAD_MOVED["box"]
    assert boxes["row-5" if "row-5" in boxes else "row-0"] == releases.HEAD["box"]
    old_shards = {row["path"] for row in index_of(tmp_path / "out")["shards"]}
    shard_of = {item.id: item.shard for item in Packed.open(new).items("coco", images=False)}
    assert f"{shard_of['new-twin']}" not in {row["id"] for row in index_of(tmp_path / "out")["shards"]}  # fmt: skip
    assert old_shards <= {row["path"] for row in index_of(new)["shards"]}
    numbers = [item.native["image"]["id"] for item in Packed.open(new).items("coco", images=False)]
    assert len(set(numbers)) == len(numbers) == 13
    assert max(numbers) == 15
    assert set(vectors_of(new)) == set(now)
    text = (new / "CHANGELOG.md").read_text()
    for words in ("Removed: 1 sample.", "Corrected: 1 sample,", "Added: 2 samples,"):
        assert words in text
    assert sums_hold(new)
    assert (new / "tombstones.txt").read_text().split() == [tombstone("row-7")]


HEAD_MOVED = {**releases.HEAD, "box": [6.0, 6.0, 18.0, 18.0]}


def test_what_was_taken_down_is_not_added_again(tmp_path):
    rows, _ = dataset(tmp_path, format="webdataset", embeddings=None)
    rows = [{**row, "source": {}} if row["id"] == "row-6" else row for row in rows]
    again = {**rows[2], "id": "again"}  # the image of a sample that goes
    by_jane = {**rows[6], "id": "new", "source": {"author": "Author Number3"}}
    copy = {**rows[6], "id": "copy", "source": {"from": "row-3"}}
    corrected = {**rows[8], "source": {"author": "Author Number3"}}  # the old one is theirs, too
    _, _, failures = release(
        tmp_path,
        remove=["row-2", "source.author=Author Number3"],
        add=[rows[2], again, by_jane, copy, corrected],
    )
    refused = [failure.message.split("'")[1] for failure in failures]
    assert refused == ["row-2", "again", "new", "copy", "row-8"]
    kept = set(private_of(tmp_path, "out-1.1"))
    assert kept == {row["id"] for row in rows} - {"row-2", "row-3", "row-8"}
    stones = (tmp_path / "out-1.1/tombstones.txt").read_text().split()
    assert stones == sorted(map(tombstone, ("row-2", "row-3", "row-8")))
    base = str(tmp_path / "out-1.1")
    _, _, failures = release(tmp_path, "later", base=base, release="1.2.0", add=[rows[2], rows[6]])
    assert [failure.kind for failure in failures] == ["removed"]
    assert set(private_of(tmp_path, "later")) == kept


def test_ids_and_keys_may_look_like_fields(tmp_path):
    rows = records_in(tmp_path)
    rows[2]["id"], rows[3]["id"] = "a/b.c", "shot=3"
    pack(tmp_path, rows)
    key = private_of(tmp_path, "out")["a/b.c"]["key"]
    assert "=" in key
    _, _, failures = release(tmp_path, remove=[key, "shot=3"])
    assert failures == []
    assert set(private_of(tmp_path, "out-1.1")) == {"row-0", "row-1", "row-4", "row-5"}


def test_what_is_no_tombstone_is_not_carried_on(tmp_path):
    pack(tmp_path, records_in(tmp_path))
    (tmp_path / "out/tombstones.txt").write_bytes(b"\xff\xfe ../x\n" + b"0" * 32 + b"\n")
    release(tmp_path, remove=["row-3"])
    lines = (tmp_path / "out-1.1/tombstones.txt").read_text().split()
    assert lines == sorted(["0" * 32, tombstone("row-3")])


def test_what_would_join_two_splits_is_left_out_and_told(tmp_path):
    rows, _ = dataset(tmp_path, split="train=8,val=4", format="webdataset", embeddings=None)
    split = {id: row["split"] for id, row in private_of(tmp_path, "out").items()}
    here = next(row for row in rows if split[row["id"]] == "train")
    there = next(row for row in rows if split[row["id"]] == "val")
    bridge = {**rows[2], "id": "bridge", "cluster": here["cluster"], "prompt": there["prompt"]}
    _, _, failures = release(tmp_path, add=[{**bridge, "source": {}}])
    assert [failure.kind for failure in failures] == ["split"]
    assert "bridge" not in ids_in(tmp_path / "out-1.1", "webdataset")


def test_a_release_of_a_release_and_the_same_bytes_again(tmp_path):
    rows, _ = dataset(tmp_path, release="1.0.0")
    digest = hashlib.sha256(picture(tmp_path / "new.png").read_bytes()).hexdigest()
    extra = {**rows[0], "id": "new-1", "source": {}, "image": "new.png", "image_sha256": digest}
    releases.vectors(tmp_path / "more.npz", ["new-1"])
    options = {"add": [extra], "remove": ["row-3"], "embeddings": str(tmp_path / "more.npz")}
    release(tmp_path, **options)
    release(tmp_path, "again", jobs=2, **options)
    assert tree(tmp_path / "out-1.1") == tree(tmp_path / "again")
    one, other = (tmp_path / f"{name}.private.jsonl" for name in ("out-1.1", "again"))
    assert one.read_bytes() == other.read_bytes()
    assert one.stat().st_mode & 0o777 == 0o600
    release(tmp_path, "out-1.2", base=str(tmp_path / "out-1.1"), remove=["new-1"], release="1.2.0")
    new = tmp_path / "out-1.2"
    assert holds(new, "new-1") == []
    titles = [line for line in (new / "CHANGELOG.md").read_text().splitlines() if line[:3] == "## "]
    assert titles == ["## 1.2.0", "## 1.1.0", "## 1.0.0"]
    assert (new / "tombstones.txt").read_text().split() == sorted(
        map(tombstone, ("row-3", "new-1"))
    )
    assert index_of(new)["release"] == "1.2.0"
    assert sums_hold(new)
    empty = [row for row in index_of(new)["shards"] if row["count"] == 0]
    assert {row["id"].rpartition("/")[2] for row in empty} == {"heads-000004"}
    for format in EVERY.split(","):
        assert len(ids_in(new, format)) >= 8


def test_a_killed_release_is_taken_up(tmp_path, monkeypatch):
    rows, _ = dataset(tmp_path, embeddings=None, format="webdataset,coco")
    more = [{**row, "id": f"new-{number}", "source": {}} for number, row in enumerate(rows[4:11])]
    options = {"add": more, "remove": ["row-3"]}
    release(tmp_path, "whole", **options)
    for at in (0, 4, 6):
        with monkeypatch.context() as patch:
            add, seen = Shards.add, []

            def dying(self, part, sample, prepared, add=add, seen=seen, at=at):
                seen.append(sample.key)
                if len(seen) > at:
                    raise KilledError
                add(self, part, sample, prepared)

            patch.setattr(Shards, "add", dying)
            with pytest.raises(KilledError):
                release(tmp_path, f"cut-{at}", resume=True, **options)
        assert not (tmp_path / f"cut-{at}").exists()
        release(tmp_path, f"cut-{at}", resume=True, **options)
        assert tree(tmp_path / f"cut-{at}") == tree(tmp_path / "whole")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"base": None, "remove": ["a"]}, "--base"),
        ({"remove": ["a"], "format": "coco"}, "--format: --base decides"),
        ({"remove": ["a"], "release": None}, "--release"),
        ({}, "nothing to change"),
        ({"remove": ["a"], "key": "x"}, "--trace"),
        ({"remove": ["a"], "name": "out"}, "is the folder of --base"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(tmp_path, options, word):
    with pytest.raises(Stop, match=word) as stop:
        release(tmp_path, **options)
    assert stop.value.status == USAGE


def test_a_damaged_base_is_not_carried_on(tmp_path):
    dataset(tmp_path, format="webdataset", embeddings=None)
    index = (tmp_path / "out/heads-000001.index.jsonl").read_text().splitlines()
    with (tmp_path / "out/heads-000001.tar").open("r+b") as file:
        file.seek(json.loads(index[-1])["offset"])
        file.write(b"xxxx")
    with pytest.raises(Stop, match="damaged") as stop:
        release(tmp_path, remove=["row-3"])
    assert stop.value.status == BAD_INPUT
    assert not (tmp_path / "out-1.1").exists()


def test_a_release_that_dies_while_it_carries_begins_again(tmp_path, monkeypatch):
    dataset(tmp_path, format="webdataset,coco", embeddings=None)
    release(tmp_path, "whole", remove=["row-3"])
    with monkeypatch.context() as patch:
        patch.setattr(Carrying, "_list", lambda *_: (_ for _ in ()).throw(KilledError))
        with pytest.raises(KilledError):
            release(tmp_path, resume=True, remove=["row-3"])
    assert not (tmp_path / "out-1.1").exists()
    release(tmp_path, resume=True, remove=["row-3"])
    assert tree(tmp_path / "out-1.1") == tree(tmp_path / "whole")
    (tmp_path / "out/SHA256SUMS").unlink()
    with pytest.raises(Stop, match="SHA256SUMS") as stop:
        release(tmp_path, "other", remove=["row-3"])
    assert stop.value.status == BAD_INPUT


def test_vectors_lie_beside_their_shards(tmp_path):
    rows, shards = dataset(tmp_path, split="train=8,val=4", format="webdataset,coco")
    given = releases.vectors(tmp_path / "same.npz", [row["id"] for row in rows])
    out = tmp_path / "out"
    for row in shards:
        if row["format"] == "webdataset":
            name = row["id"].rpartition("/")[2]
            file = np.load(out / f"embeddings/{name}.npz")
            ids = [bytes(id).decode() for id in file["ids"]]
            own = [
                item.id
                for item in Packed.open(out).items("webdataset", images=False)
                if item.shard == row["id"]
            ]
            assert ids == own
            assert file["vectors"].dtype == np.float16
            np.testing.assert_array_equal(file["vectors"], [given[id] for id in ids])
    assert index_of(out)["embeddings"] == {"model": "likeness", "width": 8}


def test_a_record_without_a_vector_is_refused_before_work(tmp_path):
    records = records_in(tmp_path)
    releases.vectors(tmp_path / "few.npz", [row["id"] for row in records[:-1]])
    with pytest.raises(Stop, match="no vector of record 'row-5'") as stop:
        pack(tmp_path, records, embeddings=str(tmp_path / "few.npz"))
    assert stop.value.status == BAD_INPUT
    assert not (tmp_path / "out").exists()


def test_a_form_lies_beside_every_card(tmp_path):
    pack(tmp_path, records_in(tmp_path))
    text = (tmp_path / "out/REPORT.md").read_text()
    for word in ("id:", "sha256:", "source.author:", "--remove FILE", "tombstones.txt"):
        assert word in text
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert f"{digest}  REPORT.md" in (tmp_path / "out/SHA256SUMS").read_text()


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_links_in_the_base_are_not_carried_on(tmp_path, linked):
    """What a link leads to is not what was packed."""
    dataset(tmp_path, format="coco", embeddings=None)
    image = next((tmp_path / "out/images").rglob("row-1.png"))
    old = image if linked == "file" else image.parent
    old.rename(tmp_path / "elsewhere")
    old.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Stop, match="plain file" if linked == "file" else "is a link") as stop:
        release(tmp_path, remove=["row-3"])
    assert stop.value.status == BAD_INPUT
    assert not (tmp_path / "out-1.1").exists()
