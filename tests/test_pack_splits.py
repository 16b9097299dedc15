"""pack --split, --stratify, --subset: no near-twin crosses, what was asked for is there, and order does not matter."""

import json
import random
import tarfile
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packs import killed_pack, pack, records_in, tree

from headkit.formats.splits import GROUPED_BY, Roster, parse
from headkit.status import BAD_INPUT, USAGE, Stop


def divided(rows, text, *, grouped_by=GROUPED_BY, stratify=None):
    """Ids of each split."""
    roster = Roster(grouped_by, stratify)
    for row in rows:
        roster.add(row, row.get("heads", []))
    wanted = parse("--split", text)
    found = roster.split(wanted)
    return {
        each.name: [rows[number]["id"] for number in part]
        for each, part in zip(wanted, found, strict=True)
    }


def plain(count):
    return [{"id": f"row-{number}"} for number in range(count)]


@pytest.mark.parametrize(
    "text",
    [
        "train",
        "train=",
        "=1",
        "train=0",
        "train=-1",
        "train=1.5",
        "train=0.5,val=0.4",
        "a=0.5,a=0.5",
        "train=0.5,val=10",
        "a=rest,b=rest",
        "../x=0.5,b=0.5",
        "train=0.5,val=rest",
        "train=2.0",
        "",
    ],
)
def test_what_cannot_be_a_split(text):
    with pytest.raises(Stop) as caught:
        parse("--split", text)
    assert caught.value.status == USAGE


def test_shares_are_exact_where_nobody_has_twins():
    parts = divided(plain(1000), "train=0.9,val=0.07,test=0.03")
    assert {name: len(ids) for name, ids in parts.items()} == {"train": 900, "val": 70, "test": 30}
    assert sorted(id for ids in parts.values() for id in ids) == sorted(
        row["id"] for row in plain(1000)
    )
    few = divided(plain(7), "train=0.98,val=0.02")
    assert [len(ids) for ids in few.values()] == [7, 0]  # 0.14 of a record
    assert [len(ids) for ids in divided(plain(50), "train=0.98,val=0.02").values()] == [49, 1]


def test_numbers_are_exact_and_the_rest_is_what_is_left():
    parts = divided(plain(70), "train=50,val=10")
    assert [len(ids) for ids in parts.values()] == [50, 10]
    parts = divided(plain(70), "val=50,train=rest")
    assert [len(ids) for ids in parts.values()] == [50, 20]
    with pytest.raises(Stop, match="asks for 60 records of 50") as caught:
        divided(plain(50), "train=50,val=10")
    assert caught.value.status == BAD_INPUT


def test_the_order_of_the_input_does_not_matter():
    rows = [{**row, "prompt": {"text": f"p{number % 40}"}} for number, row in enumerate(plain(200))]
    parts = divided(rows, "train=0.8,val=0.2")
    random.Random(0).shuffle(rows)
    again = divided(rows, "train=0.8,val=0.2")
    assert {name: set(ids) for name, ids in parts.items()} == {
        name: set(ids) for name, ids in again.items()
    }
    # And a record more moves few: groups are taken in the order of their hashes.
    more = divided([*rows, {"id": "one more"}], "train=0.8,val=0.2")
    assert len(set(more["val"]) ^ set(parts["val"])) <= 10


SOURCES = st.one_of(
    st.none(),
    st.fixed_dictionaries({"sha256": st.sampled_from("abc")}),
    st.fixed_dictionaries({"path": st.sampled_from("xy"), "member": st.sampled_from("mn")}),
    st.fixed_dictionaries({"dataset": st.just("d"), "image_id": st.integers(0, 3)}),
    st.fixed_dictionaries({"from": st.integers(0, 30).map("row-{}".format)}),
    st.fixed_dictionaries({"sampler": st.just("prior"), "seed": st.just(0)}),
)
LINKED = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "cluster": st.integers(0, 8).map(str),
            "source": SOURCES,
            "prompt": st.fixed_dictionaries({"text": st.integers(0, 20).map(str)}),
        },
    ),
    min_size=1,
    max_size=30,
)


def are_twins(a, b):
    """Spelled out, pair by pair."""
    of_a, of_b = (row.get("source") or {} for row in (a, b))
    same = any(
        of_a.get(name) is not None and [of_a.get(n) for n in names] == [of_b.get(n) for n in names]
        for names in (["sha256"], ["path", "member"], ["image_id", "dataset"], ["from"])
        for name in names[:1]
    )
    copied = of_a.get("from") == b["id"] or of_b.get("from") == a["id"]
    return same or copied or any(a.get(n) and a.get(n) == b.get(n) for n in ("cluster", "prompt"))


@settings(max_examples=50)
@given(LINKED)
def test_no_near_twin_crosses(rows):
    rows = [{"id": f"row-{number}", **row} for number, row in enumerate(rows)]
    try:
        parts = divided(rows, "train=0.7,val=0.3")
    except Stop:  # one group holds nearly all
        return
    where = {id: name for name, ids in parts.items() for id in ids}
    assert len(where) == len(rows)
    for a, b in combinations(rows, 2):
        assert where[a["id"]] == where[b["id"]] or not are_twins(a, b)


def test_what_makes_twins_can_be_chosen():
    rows = [{**row, "prompt": {"text": "a man"}} for row in plain(20)]
    with pytest.raises(Stop, match="largest group has 20"):
        divided(rows, "train=0.8,val=0.2")
    parts = divided(rows, "train=0.8,val=0.2", grouped_by=("cluster", "source"))
    assert [len(ids) for ids in parts.values()] == [16, 4]


@pytest.mark.parametrize("field", ["heads", "yaw", "source.kind"])
def test_strata_are_divided_alike(field):
    draw = random.Random(1)
    rows = []
    for row in plain(400):
        kind = draw.choice([1, 1, 1, 2])
        head = {"box": [0, 0, 9, 9], "pose": {"yaw": 40.0 * kind}}
        small = {"box": [0, 0, 2, 2], "pose": {"yaw": -170.0}}
        heads = [head, *[small] * (kind - 1)]
        rows.append({**row, "heads": heads, "source": {"kind": kind}, "kind": kind})
    kinds = {row["id"]: row["kind"] for row in rows}
    wanted = Counter(kinds.values())
    parts = divided(rows, "train=0.8,val=0.2", stratify=field)
    assert len(parts["val"]) == 80
    found = Counter(kinds[id] for id in parts["val"])
    assert all(abs(found[kind] - 0.2 * count) <= 1 for kind, count in wanted.items())
    assert [len(ids) for ids in divided(rows, "a=31,b=77", stratify=field).values()] == [31, 77]


def ids_in(path):
    with tarfile.open(path) as tar:
        return [
            json.loads(tar.extractfile(member).read())["id"]
            for member in tar
            if member.name.endswith(".json")
        ]


@pytest.fixture
def records(tmp_path):
    return [
        {**record, "source": {"sampler": "prior", "sha256": record["id"]}}
        for record in records_in(tmp_path)
    ]


SPLIT = {"split": "train=4,val=2", "subset": "small=3", "shard_size": "2"}


def test_parts_are_packed_each_in_its_shards(tmp_path, records):
    rows, failures = pack(tmp_path, records, **SPLIT)
    assert failures == []
    names = ["train-000000", "train-000001", "val-000000", "small-000000", "small-000001"]
    assert [row["id"] for row in rows] == names
    assert [row["part"] for row in rows] == ["train", "train", "val", "small", "small"]
    train = ids_in(tmp_path / "out/train-000000.tar") + ids_in(tmp_path / "out/train-000001.tar")
    val = ids_in(tmp_path / "out/val-000000.tar")
    assert sorted(train + val) == [record["id"] for record in records]
    assert train == sorted(train)  # in the order of the input
    index = json.loads((tmp_path / "out/index.json").read_text())
    assert (index["splits"], index["subsets"]) == ({"train": 4, "val": 2}, {"small": 3})
    assert (index["images"], index["heads"]) == (6, 12)  # a subset is not counted again
    card = (tmp_path / "out/README.md").read_text()
    assert "| images of split val | 2 |" in card
    assert "| images of subset small | 3 |" in card
    private = [
        json.loads(line) for line in (tmp_path / "out.private.jsonl").read_text().splitlines()
    ]
    assert [row["split"] for row in private] == ["train"] * 4 + ["val"] * 2


def test_what_is_in_no_split_is_counted(tmp_path, records):
    records[2]["image_sha256"] = "0" * 64
    _, failures = pack(tmp_path, records, split="train=4,val=1", subset="small=5")
    index = json.loads((tmp_path / "out/index.json").read_text())
    assert index["left_out"].pop("in no split") == 1
    assert index["images"] + sum(index["left_out"].values()) == 5
    assert len(failures) == sum(index["left_out"].values())  # once, though small has it too
    for wrong in ({"subset": "small=9"}, {"split": "train=9"}, {"split": "a=0.5,b=0.5,small=3"}):
        with pytest.raises(Stop):
            pack(tmp_path, records, **wrong)
    for wrong in ({"split": "a=4,b=2", "subset": "a=1"}, {"subset": "heads=1"}):
        with pytest.raises(Stop, match="name of a split"):
            pack(tmp_path, records, **wrong)


@pytest.mark.parametrize("jobs", [4])
def test_jobs_do_not_change_a_byte(tmp_path, records, jobs):
    records[3]["image_sha256"] = "0" * 64
    first = pack(tmp_path, records, **SPLIT)
    expected = tree(tmp_path)
    assert pack(tmp_path, records, jobs=jobs, **SPLIT) == first
    assert tree(tmp_path) == expected


@pytest.mark.parametrize("at", [1, 3, 5, 7])
def test_resume_goes_on_in_the_middle_of_parts(tmp_path, records, at, monkeypatch):
    whole = pack(tmp_path, records, **SPLIT)
    expected = tree(tmp_path)
    for path in [
        *sorted(tmp_path.glob("out*/*")),
        tmp_path / "out",
        tmp_path / "out.private.jsonl",
    ]:
        path.rmdir() if path.is_dir() else path.unlink()
    killed_pack(tmp_path, records, at, monkeypatch, **SPLIT)
    assert pack(tmp_path, records, resume=True, **SPLIT) == whole
    assert tree(tmp_path) == expected


def test_what_a_subset_holds_again_is_left_out_once(tmp_path, records):
    options = {"format": "yolo,crops", "subset": f"all={len(records)}"}
    pack(tmp_path, records, **options)
    card = (tmp_path / "out/README.md").read_text()
    rows = json.loads((tmp_path / "out/index.json").read_text())["shards"]
    assert {row["part"] for row in rows} == {"heads", "all"}
    once = {row["format"]: row["left_out"] for row in rows if row["part"] == "heads"}
    assert f"{once['yolo']['heads to ignore']} images with heads to ignore" in card
    assert f"Left out: {once['crops']['heads to ignore']} heads to ignore" in card
