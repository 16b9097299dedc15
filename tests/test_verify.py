"""headkit verify: every kind of damage is found, its file named, and a clean dataset passes."""

import json
import os

import numpy as np
import pytest
from damage import (
    copy,
    edit_index,
    head,
    members,
    packed,
    records_in,
    redo_sums,
    replace,
    verified,
    write_tar,
)
from packs import answered, pack, tree
from PIL import Image

from headkit.status import BAD_INPUT, NO_INPUT, USAGE, Stop
from headkit.twins import reference

FORMATS = "webdataset,parquet,coco,yolo-pose,crops"
OPTIONS = {
    "format": FORMATS,
    "split": "train=3,val=1",
    "shard_size": "2",
    "license": "cc-by-4.0",
}
TAR = "webdataset/train-000000.tar"


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    root = tmp_path_factory.mktemp("clean")
    records = [each | {"scores": {"nsfw": 0.01, "identity": 0.1}} for each in records_in(root, 4)]
    (root / "in").write_text("".join(json.dumps(record) + "\n" for record in records))
    return packed(root, records, **OPTIONS, about=answered(root))


def again(out, clean, **options):
    """The clean dataset's records packed once more, into a copy of it."""
    root = clean.parent
    if not (out.parent / "images").exists():
        (out.parent / "images").symlink_to(root / "images")
    records = [json.loads(line) for line in (root / "in").read_text().splitlines()]
    return pack(out.parent, records, **{**OPTIONS, "about": answered(root), **options})


@pytest.fixture(scope="module")
def two_formats(tmp_path_factory):
    root = tmp_path_factory.mktemp("two")
    return packed(root, records_in(root, 4), **{**OPTIONS, "format": "webdataset,coco"})


@pytest.fixture
def out(clean, tmp_path):
    return copy(clean, tmp_path / "heads")


def kinds(found, folder):
    return {(os.path.relpath(row["file"], folder), row["kind"]) for row in found}


def test_a_clean_dataset_of_many_formats_passes(clean):
    assert verified(clean) == ([], [])
    assert verified(clean, jobs=2, strict=True) == ([], [])


def test_a_clean_dataset_with_a_subset_passes(tmp_path):
    records = records_in(tmp_path, 4)
    options = {"split": "train=2,val=2", "subset": "small=2", "shard_size": "1"}
    assert verified(packed(tmp_path, records, format="yolo,coco", **options)) == ([], [])


def test_a_clean_dataset_of_one_format_passes(tmp_path):
    for name in ("yolo", "crops", "coco"):
        root = tmp_path / name
        root.mkdir()
        assert verified(packed(root, records_in(root, 2), format=name)) == ([], [])


# ---- bytes that are not those that were written ----


def flipped_byte(out):
    data = bytearray((out / TAR).read_bytes())
    data[3000] ^= 1
    replace(out / TAR, bytes(data))
    return TAR, "checksum"


def changed_document(out):
    with (out / "README.md").open("a") as file:
        file.write("\nmore\n")
    return "README.md", "checksum"


def wrong_line_of_the_sums(out):
    path = out / "SHA256SUMS"
    first, rest = path.read_text().split("\n", 1)
    assert first.endswith(".png")
    replace(path, f"{'0' * 64}{first[64:]}\n{rest}".encode())
    return first[66:], "checksum"


def truncated_shard(out):
    replace(out / TAR, (out / TAR).read_bytes()[:40000])
    return TAR, "container"


def truncated_parquet(out):
    name = "parquet/data/val-000000.parquet"
    replace(out / name, (out / name).read_bytes()[:-100])
    return name, "container"


def truncated_annotations(out):
    name = "coco/annotations/train.json"
    replace(out / name, (out / name).read_bytes()[:-300])
    return name, "container"


def missing_image(out):
    name = min(out.glob("yolo-pose/images/train/000000/*"))
    name.unlink()
    return name.relative_to(out).as_posix(), "missing"


def missing_label(out):
    name = min(out.glob("yolo-pose/labels/val/000000/*"))
    name.unlink()
    return name.relative_to(out).as_posix(), "missing"


def missing_shard(out):
    (out / TAR).unlink()
    return TAR, "missing"


def foreign_file(out):
    (out / "coco/images/train/notes.txt").write_text("mine")
    return "coco/images/train/notes.txt", "foreign"


def foreign_link(out):
    (out / "elsewhere").symlink_to(out / "coco")
    return "elsewhere", "foreign"


def link_to_nowhere(out):
    path = min(out.glob("coco/images/train/000000/*"))
    path.unlink()
    path.symlink_to("nowhere")
    return path.relative_to(out).as_posix(), "foreign"


def no_checksums(out):
    (out / "SHA256SUMS").unlink()
    return "SHA256SUMS", "missing"


# ---- contents that contradict each other, under checksums that agree ----


def missing_member(out):
    content = members(out / TAR)
    write_tar(out / TAR, [each for each in content if each[0] != content[1][0]])
    redo_sums(out)
    return TAR, "missing"


def double_id(out):
    content = members(out / TAR)
    write_tar(out / TAR, content + content[:2])
    redo_sums(out)
    return TAR, "id"


def id_in_two_shards(out):
    other = "webdataset/train-000001.tar"
    write_tar(out / other, members(out / other) + members(out / TAR)[:2])
    redo_sums(out)
    return other, "id"


def swapped_labels(out):
    """Of two samples of the tar file: the names of the files say one id, the labels another."""
    (a, one), (b, first), (c, two), (d, second), *rest = members(out / TAR)
    write_tar(out / TAR, [(a, one), (b, second), (c, two), (d, first), *rest])
    redo_sums(out)
    return TAR, "id"


def swapped_rows(out):
    one, two = sorted(out.glob("yolo-pose/labels/train/000000/*"))[:2]
    texts = one.read_bytes(), two.read_bytes()
    assert texts[0] != texts[1]
    replace(one, texts[1])
    replace(two, texts[0])
    redo_sums(out)
    return one.relative_to(out).as_posix(), "formats"


def changed_label(out):
    path = out / "coco/annotations/val.json"
    replace(path, path.read_bytes().replace(b'"bbox":[', b'"bbox":[1', 1))
    redo_sums(out)
    return "coco/annotations/val.json", "formats"


def changed_landmark(out):
    path = min(out.glob("yolo-pose/labels/val/000000/*"))
    words = path.read_text().split()
    words[8] = f"{float(words[8]) + 0.01:.6f}"
    replace(path, (" ".join(words[:209]) + "\n").encode())
    redo_sums(out)
    return path.relative_to(out).as_posix(), "formats"


def another_image(out):
    """The image of one format is that of another sample."""
    one, two = sorted(out.glob("yolo-pose/images/train/000000/*"))[:2]
    replace(one, two.read_bytes())
    redo_sums(out)
    return one.relative_to(out).as_posix(), "formats"


def image_not_of_its_label(out):
    (a, _), b, (c, two), *rest = members(out / TAR)
    write_tar(out / TAR, [(a, two), b, (c, two), *rest])
    redo_sums(out)
    return TAR, "changed"


def image_of_another_size(out):
    path = min(out.glob("coco/images/train/000000/*"))
    path.unlink()
    Image.new("RGB", (64, 48)).save(path)
    redo_sums(out)
    return path.relative_to(out).as_posix(), "size"


def broken_image(out):
    path = min(out.glob("yolo-pose/images/train/000000/*"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    replace(path, bytes(data))
    redo_sums(out)
    return path.relative_to(out).as_posix(), "image"


def pair_left_out(out):
    for kind in ("images", "labels"):
        min(out.glob(f"yolo-pose/{kind}/train/000000/*")).unlink()
    redo_sums(out)
    return "yolo-pose/images/train/000000", "formats"


def smaller_crop(out):
    path = min(out.glob("crops/train/000000/*.png"))
    Image.open(path).resize((100, 100)).save(path)
    redo_sums(out)
    return path.relative_to(out).as_posix(), "size"


def turned_crop(out):
    """A row of crops says another pose than its landmarks show."""
    path = out / "crops/train/metadata.jsonl"
    first, *rest = path.read_text().splitlines(keepends=True)
    row = json.loads(first)
    row["pose"]["rotation"] = np.eye(3)[[1, 0, 2]].tolist()
    replace(path, (json.dumps(row) + "\n" + "".join(rest)).encode())
    redo_sums(out)
    return "crops/train/metadata.jsonl", "params"


def nan_in_parquet(out):
    import pyarrow.parquet as pq

    path = out / "parquet/data/train-000000.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[0]["heads"][0]["params"]["shape"][0] = float("nan")
    path.unlink()
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), path)
    redo_sums(out)
    return "parquet/data/train-000000.parquet", "params"


def nan_in_json(out):
    content = members(out / TAR)
    name, text = content[1]
    content[1] = name, text.replace(b'"jaw":[0.05', b'"jaw":[NaN', 1)
    write_tar(out / TAR, content)
    redo_sums(out)
    return TAR, "label"


@pytest.mark.parametrize("plant", ["labels", "images"])
def test_files_swapped_in_the_only_format_are_found_by_the_private_file(plant, tmp_path):
    out = packed(tmp_path, records_in(tmp_path, 3), format="yolo")
    one, two, _ = sorted(out.glob(f"{plant}/heads/000000/*"))
    texts = one.read_bytes(), two.read_bytes()
    replace(one, texts[1])
    replace(two, texts[0])
    redo_sums(out)
    found, _ = verified(out)
    assert {(row["file"], row["kind"]) for row in found} >= {
        (str(one), "changed"),
        (str(two), "changed"),
    }


# ---- what is said of the whole ----


def wrong_count(out):
    edit_index(out, lambda index: index["shards"][0].update(count=9))
    return "index.json", "count"


def wrong_total(out):
    edit_index(out, lambda index: index.update(heads=1000))
    return "index.json", "count"


def wrong_split_count(out):
    edit_index(out, lambda index: index["splits"].update(val=3))
    return "index.json", "count"


def wrong_sum_of_a_shard(out):
    edit_index(out, lambda index: index["shards"][0].update(sha256="0" * 64))
    return "index.json", "index"


def wrong_bytes_of_a_shard(out):
    def change(index):
        next(row for row in index["shards"] if row["format"] == "yolo-pose")["bytes"] += 1

    edit_index(out, change)
    return "index.json", "index"


def wrong_offset(out):
    path = out / "webdataset/train-000000.index.jsonl"
    replace(path, path.read_bytes().replace(b'"offset":512', b'"offset":513'))
    redo_sums(out)
    return "webdataset/train-000000.index.jsonl", "index"


def wrong_card(out):
    path = out / "README.md"
    replace(path, path.read_bytes().replace(b"| images | 4 |", b"| images | 5 |"))
    redo_sums(out)
    return "README.md", "count"


def record_in_no_shard(out):
    path = out.with_name(out.name + ".private.jsonl")
    with path.open("a") as file:
        file.write('{"id":"lost","key":"lost","split":"val"}\n')
    return "index.json", "count"


def twin_across_splits(out):
    """A record of each side came from one photo."""
    path = out.with_name(out.name + ".private.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    source = next(row["source"] for row in rows if row["split"] == "train")
    twin = next(row for row in rows if row["split"] == "val")
    twin["source"] = source
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "webdataset/val-000000.tar", "split"


def name_of_a_person(out):
    name = "coco/images/train/000000/maria_schmidt_portrait.png"
    (out / name).write_bytes(b"x")
    return name, "private"


def another_caption(out):
    """Under checksums that agree, in one of two formats that say all."""
    content = members(out / TAR)
    name, text = content[1]
    content[1] = name, text.replace(b'"nsfw":0.01', b'"nsfw":0.02')
    assert content[1][1] != text
    write_tar(out / TAR, content)
    redo_sums(out)
    return "parquet/data/train-000000.parquet", "formats"


def other_folders_to_train_on(out):
    path = out / "yolo-pose/data.yaml"
    replace(path, path.read_bytes().replace(b"images/val", b"images/train"))
    redo_sums(out)
    return "yolo-pose/data.yaml", "document"


def address_in_a_label(out):
    content = members(out / TAR)
    name, text = content[1]
    content[1] = name, text[:-1] + b',"note":"ask jane.doe@example.org, /home/jane/raw"}'
    write_tar(out / TAR, content)
    redo_sums(out)
    return TAR, "private"


def key_in_a_document(out):
    with (out / "README.md").open("a") as file:
        file.write("\nhf_abcdefghijklmnopqrstuvwxyzABCDEFGH\n")
    redo_sums(out)
    return "README.md", "private"


FEW = [  # webdataset and coco are enough
    name_of_a_person,
    address_in_a_label,
    key_in_a_document,
    flipped_byte,
    changed_document,
    truncated_shard,
    truncated_annotations,
    missing_shard,
    foreign_file,
    foreign_link,
    link_to_nowhere,
    no_checksums,
    missing_member,
    double_id,
    id_in_two_shards,
    swapped_labels,
    changed_label,
    image_not_of_its_label,
    image_of_another_size,
    nan_in_json,
    wrong_count,
    wrong_total,
    wrong_split_count,
    wrong_sum_of_a_shard,
    wrong_offset,
    wrong_card,
    record_in_no_shard,
    twin_across_splits,
]
MANY = [
    wrong_bytes_of_a_shard,
    another_caption,
    other_folders_to_train_on,
    truncated_parquet,
    missing_image,
    missing_label,
    swapped_rows,
    changed_landmark,
    another_image,
    broken_image,
    pair_left_out,
    smaller_crop,
    turned_crop,
    nan_in_parquet,
]


@pytest.mark.parametrize("plant", FEW, ids=lambda plant: plant.__name__)
def test_damage_is_found_and_its_file_named(plant, two_formats, tmp_path):
    _found_and_named(plant, copy(two_formats, tmp_path / "heads"))


@pytest.mark.parametrize("plant", MANY, ids=lambda plant: plant.__name__)
def test_damage_of_other_formats_is_found_and_its_file_named(plant, out):
    _found_and_named(plant, out)


def _found_and_named(plant, out):
    planted = plant(out)
    found, _ = verified(out)
    assert planted in kinds(found, out)
    assert all(row["remedy"] and row["what"] for row in found)


# ---- mending ----


@pytest.mark.parametrize(
    ("plant", "least"),
    [
        (flipped_byte, [TAR]),
        (truncated_parquet, ["parquet/data/val-000000.parquet"]),
        pytest.param(
            truncated_annotations, ["coco/annotations/train.json"], marks=pytest.mark.slow
        ),
        pytest.param(missing_image, None, marks=pytest.mark.slow),
        (changed_label, None),  # under checksums that agree
        pytest.param(changed_document, ["README.md"], marks=pytest.mark.slow),
        (wrong_line_of_the_sums, ["SHA256SUMS"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_was_damaged_is_made_anew_and_the_rest_left(plant, least, clean, tmp_path):
    """The result is the clean dataset, byte for byte."""
    out = copy(clean, tmp_path / "out")
    plant(out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    verified(out, output=str(tmp_path / "repair.jsonl"))
    rows, failures = again(out, clean, only=str(tmp_path / "repair.jsonl"))
    assert not failures
    assert tree(out) == tree(clean)
    made = {row["path"].removeprefix("out/") for row in rows}
    assert least is None or sorted(made) == least
    changed = {path for path in times if path.stat().st_mtime_ns != times[path]}
    assert {path.relative_to(out).as_posix() for path in changed} <= made
    assert verified(out) == ([], [])


def test_other_records_or_options_mend_nothing(clean, tmp_path):
    out = copy(clean, tmp_path / "out")
    missing_shard(out)
    only = str(tmp_path / "repair.jsonl")
    verified(out, output=only)
    before = tree(out)
    with pytest.raises(Stop) as stop:
        again(out, clean, only=only, fields="width,height")
    assert stop.value.status == USAGE
    (tmp_path / "images").unlink()
    records = records_in(tmp_path, 4)  # without scores
    for given in (records, records[1:]):
        with pytest.raises(Stop) as stop:
            pack(tmp_path, given, **OPTIONS, about=answered(tmp_path), only=only)
        assert stop.value.status == BAD_INPUT
        assert tree(out) == before


def test_a_shard_that_is_not_there_is_not_mended_in_silence(clean, tmp_path):
    only = tmp_path / "repair.jsonl"
    only.write_text('{"format":"webdataset","part":"train","shard":"train-000099"}\n')
    with pytest.raises(Stop, match="has no shard 'train-000099'") as stop:
        again(copy(clean, tmp_path / "out"), clean, only=str(only))
    assert stop.value.status == USAGE


# ---- records that were wrong before they were packed ----


def test_wrong_labels_are_named_by_record_and_place(tmp_path):
    records = records_in(tmp_path, 8)
    for record in records:
        record["truth"]["heads"] = [head(1, 40.0), head(2, 90.0, 1.2)]
    heads = [record["truth"]["heads"][1] for record in records]
    heads[0]["box"] = [300.0, 10, 340, 50]
    heads[1]["landmarks"]["points"] = [
        [x + 80, y, s] for x, y, s in heads[1]["landmarks"]["points"]
    ]
    heads[2]["params"]["translation"] = [0.5, 0.0, 1.0]
    heads[3]["pose"]["rotation"] = [[1, 0, 0], [0, 1, 0], [0, 0, 2]]
    heads[4]["params"]["shape"] = [0.1, "x"]
    records[5]["camera"] = {"K": [[0, 0, 64], [0, 220, 48], [0, 0, 1]]}
    heads[6]["box"] = [10, 10, 5]
    found, _ = verified(packed(tmp_path, records))
    named = {(row["place"], row["kind"]) for row in found}
    for number, place, kind in (
        (0, "heads[1].box", "box"),
        (1, "heads[1].landmarks", "landmarks"),
        (2, "heads[1].params", "reprojection"),
        (3, "heads[1].pose.rotation", "params"),
        (4, "heads[1].params.shape", "params"),
        (5, "camera.K", "camera"),
        (6, "heads[1].box", "box"),
    ):
        assert (f"scene=2F{number}.json: {place}", kind) in named
    assert not [place for place, _ in named if "=2F7" in place]


def test_the_same_picture_on_two_sides_is_found_whatever_its_record_says(tmp_path):
    records = records_in(tmp_path, 6)
    for record in records:
        record["cluster"] = record["source"]["sha256"] = record["id"]
    path = tmp_path / "images/5.png"
    Image.open(tmp_path / "images/0.png").save(path, compress_level=1)
    records[5].pop("image_sha256")
    sides = set()
    for seed in range(8):
        for number, record in enumerate(records):
            record["id"] = f"{seed}-{number}"
            record["cluster"] = record["source"]["sha256"] = record["id"]
        out = packed(tmp_path, records, split="train=3,val=3")
        split = {
            row["id"]: row["split"]
            for row in map(json.loads, (tmp_path / "out.private.jsonl").read_text().splitlines())
        }
        apart = split[f"{seed}-0"] != split[f"{seed}-5"]
        sides.add(apart)
        found, _ = verified(out)
        assert bool(found) is apart
        assert {row["kind"] for row in found} <= {"split"}
        if len(sides) == 2:
            return
    raise AssertionError("the seeds never put the two on one side and on two")


def test_without_the_private_file_a_row_says_what_was_not_looked_at(out):
    out.with_name("heads.private.jsonl").unlink()
    found, remarks = verified(out)
    assert found == []
    assert [row["kind"] for row in remarks] == ["unchecked"]
    found, remarks = verified(out, strict=True)
    assert [row["kind"] for row in found] == ["unchecked"]


def test_strict_fails_on_what_the_datasheet_leaves_open(out):
    text = "## Motivation\n**TO ANSWER**: who funded it?\n"
    (out / "DATASHEET.md").write_text(text)
    with (out / "README.md").open("a") as file:
        file.write("\n**NSFW: not screened**\n")
    redo_sums(out)
    assert verified(out) == ([], [])
    found, _ = verified(out, strict=True)
    assert kinds(found, out) == {("DATASHEET.md", "open"), ("README.md", "screen")}


def test_several_folders_and_one_that_is_none(clean, out, tmp_path):
    flipped_byte(out)
    found, _ = verified(clean, out)
    assert found
    assert all(row["file"].startswith(str(out)) for row in found)
    with pytest.raises(Stop) as stop:
        verified(clean, tmp_path)
    assert stop.value.status == NO_INPUT


def test_a_link_to_a_folder_is_that_folder_and_a_list_in_it_is_refused(two_formats, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(two_formats)
    assert verified(link) == ([], [])
    for folders, output in (((link,), link / "repair"), ((link, two_formats), tmp_path / "repair")):
        with pytest.raises(Stop) as stop:
            verified(*folders, output=str(output))
        assert stop.value.status == USAGE


def test_the_command_ends_in_1_where_something_was_found(out, shell):
    missing_shard(out)
    done = shell.run(f"headkit verify {out}")
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[0])["kind"] == "missing"
    assert "findings in" in done.stderr


# ---- vectors beside the images ----


def with_vectors(out, spoil=lambda name, vectors: vectors):
    """Vectors of random directions; the first of train and the first of val are near each other."""
    draw = np.random.default_rng(5)
    index = json.loads((out / "index.json").read_text())
    (out / "embeddings").mkdir()
    for row in index["shards"]:
        if row["format"] == "webdataset":
            name = row["id"].removeprefix("webdataset/")
            vectors = draw.normal(size=(row["count"], 32))
            if name.endswith("000000"):
                vectors[0] = 1.0
                vectors[0, 0] = 3.0 if name.startswith("val") else 1.0
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            ids = [f"{name} {number}" for number in range(row["count"])]
            path = out / f"embeddings/{name}.npz"
            reference.write(path, "m", ids, 32, [spoil(name, vectors.astype(np.float16))])
    redo_sums(out)


def test_the_largest_cosine_is_told_and_is_a_fault_where_it_is_asked_for(out):
    with_vectors(out)
    found, remarks = verified(out)
    assert found == []
    one, two = np.ones(32), np.ones(32)
    two[0] = 3.0
    cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
    assert [row["place"] for row in remarks] == ["between parts", "in all"]
    for row in remarks:
        assert f"{cosine:.3f}" in row["what"]
        assert "train-000000 0 (train) and val-000000 0 (val)" in row["what"]
    found, _ = verified(out, nearest=round(float(cosine) - 0.01, 4))
    assert {row["kind"] for row in found} == {"near"}
    assert verified(out, nearest=0.999)[0] == []


def test_vectors_that_are_missing_or_not_finite(out):
    def spoil(name, vectors):
        if name == "train-000001":
            vectors[0, 0] = np.nan
        return vectors

    with_vectors(out, spoil)
    (out / "embeddings/val-000000.npz").unlink()
    assert kinds(verified(out)[0], out) >= {
        ("embeddings/val-000000.npz", "missing"),
        ("embeddings/train-000001.npz", "container"),
    }
