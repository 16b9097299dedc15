"""formats/reading.py: what pack wrote is read back, in every format, and damage is told and passed over."""

import hashlib
import json

import pytest
from packs import pack, records_in, tree
from test_pack_formats import records  # noqa: F401 - a fixture

from headkit.formats.reading import DamageError, Packed, id_of
from headkit.formats.webdataset import key
from headkit.status import BAD_INPUT, NO_INPUT, Stop

FORMATS = ("webdataset", "parquet", "coco", "yolo", "yolo-pose")


@pytest.fixture
def packed(tmp_path, records):  # noqa: F811
    pack(
        tmp_path,
        records,
        format=",".join(FORMATS),
        split="train=5,val=3",
        subset="small=2",
        shard_size="2",
    )
    return Packed.open(tmp_path / "out")


def near(found, wanted, within):
    assert len(found) == len(wanted)
    for one, two in zip(found, wanted, strict=True):
        assert one["box"] == pytest.approx(two["box"], abs=within)


def test_every_format_gives_back_images_and_heads(packed, records):  # noqa: F811
    by_id = {record["id"]: record for record in records}
    assert packed.parts == ("train", "val", "small")
    full = {
        (item.part, item.key): item for item in packed.items("webdataset") if item.label is not None
    }
    assert len(full) == 10
    for name in FORMATS:
        items = list(packed.items(name))
        assert len({(item.part, item.key) for item in items}) == len(items)
        assert len(items) == sum(row["count"] for row in packed.rows if row["format"] == name)
        for item in items:
            record = by_id[item.id]
            assert hashlib.sha256(item.data).hexdigest() == record["image_sha256"]
            same = full[item.part, item.key]
            assert item.shard.removeprefix(f"{name}/") == same.shard.removeprefix("webdataset/")
            if name in ("webdataset", "parquet"):
                near(item.label["heads"], record["truth"]["heads"], 1e-5)
                assert set(item.label) == set(same.label)
                assert item.label["heads"][0:1] == [] or set(item.label["heads"][0]) == set(
                    same.label["heads"][0]
                )
            else:
                seen = [found for found in record["truth"]["heads"] if found.get("visibility") != 0]
                assert len(item.label["heads"]) == len(seen)
                for found, wanted in zip(item.label["heads"], seen, strict=True):
                    if wanted["box"][0] > 0 and wanted["box"][2] < 128:
                        assert found["box"][0] == pytest.approx(wanted["box"][0], abs=0.01)
                        assert found["box"][3] == pytest.approx(min(wanted["box"][3], 96), abs=0.01)


def test_bytes_lie_where_an_item_says(packed):
    for item in packed.items("webdataset"):
        with (packed.folder / item.image.file).open("rb") as file:
            file.seek(item.image.offset)
            assert file.read(item.image.size) == item.data


def test_a_key_gives_its_id_back():
    for id in ("a", "row-1", "ä/b c.d", "_x", "-y", "a=41"):
        assert id_of(key(id)) == id
    assert id_of(key("x" * 300)) is None


def test_damage_is_raised_or_reported_and_passed_over(packed):
    names = sorted(name for name in tree(packed.folder) if name.startswith("yolo/images/train"))
    (packed.folder / names[0]).unlink()
    with pytest.raises(DamageError, match="missing"):
        list(packed.items("yolo"))
    found = []
    items = list(packed.items("yolo", report=found.append))
    assert [damage.kind for damage in found] == ["missing"]
    assert len(items) == sum(row["count"] for row in packed.rows if row["format"] == "yolo")
    shard = packed.folder / packed.shards("webdataset", "train")[0]["path"]
    shard.write_bytes(shard.read_bytes()[:700])
    found = []
    items = list(packed.items("webdataset", report=found.append))
    assert len(items) == 8
    assert [damage.file for damage in found] == ["webdataset/train-000000.tar"]


def test_a_folder_that_pack_did_not_write(tmp_path):
    with pytest.raises(Stop) as stop:
        Packed.open(tmp_path)
    assert stop.value.status == NO_INPUT
    (tmp_path / "index.json").write_text(json.dumps({"formats": ["webdataset"], "shards": [{}]}))
    with pytest.raises(Stop) as stop:
        Packed.open(tmp_path)
    assert stop.value.status == BAD_INPUT


def test_one_format_lies_in_the_folder_itself(tmp_path):
    pack(tmp_path, records_in(tmp_path))
    packed = Packed.open(tmp_path / "out")
    assert [item.id for item in packed.items()] == [f"row-{number}" for number in range(6)]
    assert [row["id"] for row in packed.private_rows()] == [f"row-{number}" for number in range(6)]
