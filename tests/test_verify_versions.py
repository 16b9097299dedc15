"""headkit verify --base OLD NEW: what a version changed, and whether a takedown was kept."""

import json

import pytest
from damage import packed, records_in, redo_sums, replace, verified
from packs import pack
from releases import dataset, release

from headkit.formats.tombstones import tombstone
from headkit.twins import reference

GONE, LATER, EDITED = "scene/5", "scene/6", "scene/3"


@pytest.fixture(params=["webdataset,coco", pytest.param("yolo", marks=pytest.mark.slow)])
def versions(tmp_path, request):
    """Six samples in three shards; in the new version one is gone, one is new, and one has another label."""
    records = records_in(tmp_path, 7)
    options = {"format": request.param, "shard_size": "2"}
    old = packed(tmp_path, records[:6], dir=str(tmp_path / "old"), **options)
    edited = json.loads(json.dumps(records[3]))
    edited["truth"]["heads"][0]["box"][0] += 1.0
    after = [*records[:3], edited, records[4], records[6]]
    _, failures = pack(tmp_path, after, dir=str(tmp_path / "new"), **options)
    assert not failures
    old = tmp_path / "old"
    new = tmp_path / "new"
    (new / "tombstones.txt").write_text(tombstone(GONE) + "\n")
    redo_sums(new)
    return old, new


def told(found):
    return {(row["place"], row["what"]) for row in found if row["kind"] == "version"}


def test_a_version_is_told_by_what_was_added_removed_and_changed(versions):
    old, new = versions
    found, remarks = verified(new, base=str(old))
    assert found == []
    assert {(GONE, "removed"), (LATER, "added"), (EDITED, "changed")} <= told(remarks)
    assert {place for place, _ in told(remarks)} <= {GONE, LATER, EDITED, "shards"}
    if "webdataset" in (new / "index.json").read_text():
        assert ("shards", "1 shards are as they were, 2 were written anew") in told(remarks)
    assert verified(old, base=str(old))[0] == []


def test_a_removed_sample_without_a_tombstone(versions):
    old, new = versions
    (new / "tombstones.txt").write_text("")
    redo_sums(new)
    assert (GONE, "it was removed, and has no tombstone") in told(verified(new, base=str(old))[0])


def test_a_sample_with_a_tombstone_that_is_there(versions):
    old, new = versions
    (new / "tombstones.txt").write_text(f"{tombstone(GONE)}\n{tombstone('scene/1')}\n")
    redo_sums(new)
    assert told(verified(new, base=str(old))[0]) == {
        ("scene/1", "it has a tombstone, and is in the dataset")
    }


def test_tombstones_of_the_version_before_are_kept(versions):
    old, new = versions
    (old / "tombstones.txt").write_text(tombstone("long ago") + "\n")
    assert (tombstone("long ago"), "a tombstone of the version before is missing") in told(
        verified(new, base=str(old))[0]
    )


def test_what_a_removed_sample_left_behind(versions):
    old, new = versions
    (new / "CHANGELOG.md").write_text(f"- removed `{GONE}`\n")
    private = new.with_name("new.private.jsonl")
    private.write_text(private.read_text() + json.dumps({"id": GONE, "key": "scene=2F5"}) + "\n")
    (new / "embeddings").mkdir()
    vectors = [[[1.0, 0.0]] * 2]
    reference.write(new / "embeddings/heads-000000.npz", "m", ["a", GONE], 2, vectors)
    redo_sums(new)
    files = {
        row["file"].removeprefix(f"{new}/")
        for row in verified(new, base=str(old))[0]
        if row["kind"] == "version" and row["place"] == GONE
    }
    assert "CHANGELOG.md" in files
    assert "embeddings/heads-000000.npz" in files
    assert any(name.endswith("new.private.jsonl") for name in files)


def test_the_image_of_a_removed_sample_under_another_name(tmp_path):
    records = records_in(tmp_path, 3)
    old = packed(tmp_path, records[:2], dir=str(tmp_path / "old"))
    again = {**records[1], "id": "scene/renamed"}
    pack(tmp_path, [records[0], again], dir=str(tmp_path / "new"))
    old, new = tmp_path / "old", tmp_path / "new"
    (new / "tombstones.txt").write_text(tombstone("scene/1") + "\n")
    redo_sums(new)
    found = told(verified(new, base=str(old))[0])
    assert ("scene/renamed", "its image is that of a sample that was removed") in found


def test_a_shard_that_was_written_anew_for_nothing(versions):
    """A label file is spelled otherwise, a tar file has other bytes: their samples are the same."""
    old, new = versions
    shard = new / "webdataset/heads-000000.tar"
    if shard.exists():
        data = shard.read_bytes()
        replace(shard, data + bytes(10240))
    else:
        path = min(new.glob("labels/heads/000000/*.txt"))
        replace(path, path.read_bytes().replace(b"0 ", b"0  ", 1))
    redo_sums(new)
    found = told(verified(new, base=str(old))[0])
    assert any("has not changed" in what or "has changed" in what for _, what in found)


def test_a_release_is_verified_against_its_base(tmp_path):
    """Made by pack --base, in every format, with vectors."""
    dataset(tmp_path)
    old, new = tmp_path / "out", tmp_path / "out-1.1"
    remove = [f"row-{number}" for number in (2, 8)]  # both have the same picture
    release(tmp_path, remove=remove)
    assert verified(old)[0] == []
    found, remarks = verified(new, base=str(old))
    assert found == []
    assert {(id, "removed") for id in remove} <= told(remarks)
    shard = new / "webdataset/heads-000000.tar"
    replace(shard, shard.read_bytes()[:-2000])
    min(new.glob("embeddings/*.npz")).unlink()
    kinds = {(row["file"].removeprefix(f"{new}/"), row["kind"]) for row in verified(new)[0]}
    assert ("webdataset/heads-000000.tar", "checksum") in kinds
    assert ("embeddings/heads-000000.npz", "missing") in kinds
