"""pack --format coco,yolo,...: each folder is read by those it is for, alone and beside others, and nothing is lost."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from packs import DOCUMENTS, killed_pack, pack, picture, tree

from headkit.backends import quiet_yolo
from headkit.formats import output
from headkit.formats.labels import OKS_SIGMAS
from headkit.head.landmarks import IBUG68_MIRROR
from headkit.status import UNAVAILABLE, USAGE, Stop

FORMATS = "webdataset,parquet,coco,yolo,yolo-pose"
ABOUT = {*DOCUMENTS, "SHA256SUMS", "index.json"}  # of the whole dataset


def head(x, y, *, side=40.0, **more):
    """A head with landmarks on a spiral, so that no two lie together; every third is hidden."""
    turn = np.linspace(0, 9, 68)
    reach = side * np.linspace(0.05, 0.45, 68)
    points = np.stack([x + reach * np.cos(turn), y + reach * np.sin(turn), turn], axis=1)
    return {
        "box": [x - side / 2, y - side / 2, x + side / 2, y + side / 2],
        "landmarks": {
            "scheme": "ibug68",
            "points": points.round(2).tolist(),
            "visible": "110" * 22 + "11",
        },
        **more,
    }


@pytest.fixture
def records(tmp_path):
    """Eight images of 128 x 96 with 0 to 2 heads, of which one is to be ignored; and one head out of the picture."""
    heads = [
        [head(30, 40), head(90, 50, side=50)],
        [],
        [head(60, 48), head(100, 20, side=8, ignore="small", visibility=0.9)],
        [head(10, 40)],  # over the border
        [head(64, 48, side=90), {"box": [0, 0, 0, 0], "ignore": "outside", "visibility": 0}],
        [head(40, 50), head(90, 50, ignore="hidden", visibility=0)],
        [{"box": [5, 6, 30.25, 40.5]}],  # no landmarks
        [head(20, 70), head(100, 30)],
    ]
    made = []
    for number, found in enumerate(heads):
        path = picture(tmp_path / f"images/{number}.png", (128, 96), (20 * number, 9, 9))
        made.append(
            {
                "id": f"scene/{number}",
                "width": 128,
                "height": 96,
                "image": f"images/{number}.png",
                "image_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "truth": {"heads": found},
            }
        )
    return made


def coco_of(path):
    from pycocotools.coco import COCO

    return COCO(str(path))


def score(truth, kind):
    """COCO's figures of a detector that finds exactly what is to be found, and the heads to ignore as well."""
    from pycocotools.cocoeval import COCOeval

    found = [
        {**{k: row[k] for k in ("image_id", "category_id", "bbox", "keypoints")}, "score": 0.9}
        for row in truth.dataset["annotations"]
    ]
    run = COCOeval(truth, truth.loadRes(found), kind)
    if kind == "keypoints":
        run.params.kpt_oks_sigmas = np.array(OKS_SIGMAS)
    run.evaluate()
    run.accumulate()
    run.summarize()
    return run.stats


def test_coco_is_read_by_its_authors(tmp_path, records):
    rows, failures = pack(tmp_path, records, format="coco", split="train=6,val=2", shard_size="4")
    assert failures == []
    assert [(row["id"], row["count"]) for row in rows] == [
        ("train-000000", 4),
        ("train-000001", 2),
        ("val-000000", 2),
    ]
    parts = [coco_of(tmp_path / f"out/annotations/{part}.json") for part in ("train", "val")]
    for kind in ("images", "annotations"):
        ids = [row["id"] for part in parts for row in part.dataset[kind]]
        assert len(ids) == len(set(ids)) == {"images": 8, "annotations": 10}[kind]
        assert all(type(id) is int for id in ids)
    for part, name in zip(parts, ("train", "val"), strict=True):
        for image in part.dataset["images"]:
            file = tmp_path / "out/images" / name / image["file_name"]
            number = image["record"].split("/")[1]
            assert file.read_bytes() == (tmp_path / f"images/{number}.png").read_bytes()


def test_a_perfect_detector_is_perfect_by_coco(tmp_path, records):
    pack(tmp_path, records, format="coco")
    truth = coco_of(tmp_path / "out/annotations/heads.json")
    assert score(truth, "bbox")[0] == pytest.approx(1)
    assert score(truth, "keypoints")[0] == pytest.approx(1)
    by_record = {row["record"]: row["id"] for row in truth.dataset["images"]}
    (small, _) = sorted(truth.imgToAnns[by_record["scene/2"]], key=lambda row: row["area"])
    assert (small["iscrowd"], small["bbox"], small["area"]) == (1, [96, 16, 8, 8], 64)
    (cut,) = truth.imgToAnns[by_record["scene/3"]]
    assert cut["bbox"] == [0, 20, 30, 40]  # the part in the picture
    points = np.array(cut["keypoints"]).reshape(68, 3)
    given = np.array(records[3]["truth"]["heads"][0]["landmarks"]["points"])
    outside = given[:, 0] < 0
    assert 0 < outside.sum() < 68
    assert (points[outside] == 0).all()
    np.testing.assert_allclose(points[~outside, :2], given[~outside, :2] - 0.5, atol=0.011)
    assert cut["num_keypoints"] == (~outside).sum()
    assert points[0, 2] == 2
    assert points[2, 2] == 1  # hidden
    (bare,) = truth.imgToAnns[by_record["scene/6"]]
    assert (bare["num_keypoints"], len(bare["keypoints"])) == (0, 204)
    (category,) = truth.dataset["categories"]
    assert len(category["keypoints"]) == len(set(category["keypoints"])) == 68
    assert {end for pair in category["skeleton"] for end in pair} == set(range(1, 69))


def labels_of(folder):
    return {
        path.stem: [list(map(float, line.split())) for line in path.read_text().splitlines()]
        for path in sorted(folder.rglob("*.txt"))
    }


def test_yolo_labels(tmp_path, records):
    rows, _ = pack(tmp_path, records, format="yolo")
    assert rows[0]["left_out"] == {"heads to ignore": 1}
    labels = labels_of(tmp_path / "out/labels")
    assert set(labels) == {f"scene=2F{number}" for number in (0, 1, 3, 4, 5, 6, 7)}
    images = {path.stem for path in (tmp_path / "out/images").rglob("*.png")}
    assert images == set(labels)
    assert labels["scene=2F1"] == []  # a negative
    assert labels["scene=2F3"] == [[0, *np.round([15 / 128, 40 / 96, 30 / 128, 40 / 96], 6)]]
    assert "1 images with heads to ignore are left out" in (tmp_path / "out/README.md").read_text()
    pack(tmp_path, records, format="yolo-pose")
    (row,) = labels_of(tmp_path / "out/labels")["scene=2F3"]
    points = np.array(row[5:]).reshape(68, 3)
    given = np.array(records[3]["truth"]["heads"][0]["landmarks"]["points"])
    seen = given[:, 0] >= 0
    np.testing.assert_allclose(points[seen, :2] * [128, 96], given[seen, :2], atol=1e-3)
    assert set(points[seen, 2]) == {1, 2}
    assert (points[~seen] == 0).all()


def dataset(folder, task):
    """What ultralytics reads of a folder's train split."""
    quiet_yolo.ultralytics()
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    return data, YOLODataset(data["train"], data=data, task=task, augment=False, imgsz=64)


def test_ultralytics_reads_both(tmp_path, records):
    """From another folder than the one it was packed in."""
    pack(tmp_path, records, format="yolo,yolo-pose", split="train=6,val=2")
    (tmp_path / "out").rename(tmp_path / "moved")
    for name, task in (("yolo", "detect"), ("yolo-pose", "pose")):
        data, read = dataset(tmp_path / "moved" / name, task)
        assert data["names"] == {0: "head"}
        assert Path(data["val"]).is_dir()
        labels = labels_of(tmp_path / "moved" / name / "labels/train")
        assert {Path(each["im_file"]).stem for each in read.labels} == set(labels)
        for each in read.labels:
            rows = np.array(labels[Path(each["im_file"]).stem]).reshape(len(each["bboxes"]), -1)
            np.testing.assert_allclose(each["bboxes"], rows[:, 1:5], atol=1e-6)
            if task == "pose":
                np.testing.assert_allclose(each["keypoints"].reshape(len(rows), -1), rows[:, 5:])
    assert data["kpt_shape"] == [68, 3]
    assert data["flip_idx"] == list(IBUG68_MIRROR)
    assert len(data["oks_sigmas"]) == len(data["kpt_names"][0]) == 68
    # What ultralytics leaves beside the labels does not make the folder a foreign one.
    assert list((tmp_path / "moved").rglob("*.cache"))
    (tmp_path / "moved").rename(tmp_path / "out")
    pack(tmp_path, records, format="yolo")
    assert not list((tmp_path / "out").rglob("*.cache"))


def test_without_a_split_yolo_validates_on_what_it_learns(tmp_path, records):
    pack(tmp_path, records, format="yolo")
    data, read = dataset(tmp_path / "out", "detect")
    assert len(read) == 7
    assert data["val"] == data["train"]
    assert "says nothing" in (tmp_path / "out/data.yaml").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["detect", "pose"])
def test_yolo_trains(tmp_path, records, task):
    """By the command of the manual, one epoch; the process sees no network."""
    pack(tmp_path, records, format="yolo,yolo-pose", split="train=6,val=2")
    folder = tmp_path / "out" / ("yolo" if task == "detect" else "yolo-pose")
    model = "yolo11n.yaml" if task == "detect" else "yolo11n-pose.yaml"
    command = ["from ultralytics.cfg import entrypoint; entrypoint()", task, "train"]
    settings = {"data": folder / "data.yaml", "model": model, "epochs": 1, "imgsz": 64, "batch": 2}
    settings |= {"workers": 0, "device": "cpu", "plots": False, "project": tmp_path, "name": "run"}
    environment = {**os.environ, **quiet_yolo.SWITCHES, "YOLO_CONFIG_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", *command, *(f"{name}={value}" for name, value in settings.items())],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert (tmp_path / "run/weights/last.pt").exists()
    results = (tmp_path / "run/results.csv").read_text().splitlines()
    assert len(results) == 2
    assert "nan" not in results[1]


def test_parquet_is_read_by_arrow(tmp_path, records):
    import pyarrow.parquet

    records[0] |= {"caption": "two people", "generated": {"seed": 7}}
    records[0]["truth"]["heads"][1] |= {"visibility": 0.5, "attributes": {"age": 30}}
    records[0]["truth"]["heads"][1]["landmarks"]["of"] = "more than a column"
    rows, failures = pack(tmp_path, records, format="parquet", split="train=6,val=2", no_marks=True)
    assert failures == []
    found = {}
    for shard in rows:
        file = pyarrow.parquet.ParquetFile(tmp_path / shard["path"])
        assert file.metadata.num_rows == shard["count"]
        found |= {row["id"]: row for row in file.read().to_pylist()}
    assert sorted(found) == [record["id"] for record in records]
    for number, record in enumerate(records):
        row = found[record["id"]]
        assert row["image"]["bytes"] == (tmp_path / f"images/{number}.png").read_bytes()
        assert row["image"]["path"] == f"scene=2F{number}.png"
        for given, head in zip(record["truth"]["heads"], row["heads"], strict=True):
            assert head["box"] == pytest.approx(given["box"])
            assert head["ignore"] == given.get("ignore")
            if "landmarks" in given:
                np.testing.assert_allclose(
                    head["landmarks"]["points"], given["landmarks"]["points"], rtol=1e-6
                )
    first = found["scene/0"]
    assert first["caption"] == "two people"
    assert json.loads(first["more"])["generated"] == {"seed": 7}
    assert json.loads(first["heads"][1]["more"]) == {
        "attributes": {"age": 30},
        "landmarks": {"of": "more than a column"},
    }
    assert first["heads"][0]["more"] is None


def test_parquet_row_groups_are_small(tmp_path, records, monkeypatch):
    import pyarrow.parquet

    monkeypatch.setattr("headkit.formats.parquet.GROUP_ROWS", 3)
    pack(tmp_path, records, format="parquet")
    metadata = pyarrow.parquet.read_metadata(tmp_path / "out/data/heads-000000.parquet")
    groups = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]
    assert groups == [3, 3, 2]


def test_a_label_that_fits_no_column_is_left_out(tmp_path, records):
    records[0]["truth"]["heads"][0]["score"] = "high"
    rows, failures = pack(tmp_path, records, format="parquet,webdataset")
    assert [failure.kind for failure in failures] == ["labels"]
    assert [row["count"] for row in rows] == [7, 7]


def test_without_pyarrow_the_remedy_is_said(tmp_path, records, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Stop, match=r"pip install 'headkit\[parquet\]'") as caught:
        pack(tmp_path, records, format="parquet")
    assert caught.value.status == UNAVAILABLE
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("formats", ["parquet", "webdataset", "webdataset,parquet,coco,yolo"])
def test_hugging_face_reads_it(tmp_path, records, formats):
    """As a user would: the folder, and nothing else; in a process of its own, without a network."""
    pack(tmp_path, records, format=formats, split="train=6,val=2", subset="small=3")
    code = """
import datasets, json, sys
found = datasets.load_dataset(sys.argv[1])
small = datasets.load_dataset(sys.argv[1], "small")["train"]
rows = {}
for split in found:
    for row in found[split]:
        image = row.get("image") or row.get("png")
        label = row.get("json") or row
        rows[label["id"]] = [split, list(image.size), [head["box"] for head in label["heads"]]]
print(json.dumps([rows, len(small)]))
"""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")}
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    rows, small = json.loads(run.stdout.splitlines()[-1])
    assert small == 3
    assert sorted(split for split, _, _ in rows.values()) == ["train"] * 6 + ["val"] * 2
    for record in records:
        _, size, boxes = rows[record["id"]]
        assert size == [128, 96]
        assert boxes == [head["box"] for head in record["truth"]["heads"]]


# ---- several at once -----------------------------------------------------------------------------


def test_a_format_is_the_same_alone_and_beside_others(tmp_path, records):
    options = {"split": "train=6,val=2", "subset": "small=3", "shard_size": "3"}
    rows, failures = pack(tmp_path, records, format=FORMATS, **options)
    assert failures == []
    together = tree(tmp_path / "out")
    assert {name for name in together if "/" not in name} == ABOUT
    for name in FORMATS.split(","):
        alone, _ = pack(tmp_path, records, format=name, dir=str(tmp_path / name), **options)
        files = {f"{name}/{key}": data for key, data in tree(tmp_path / name).items()}
        about = {f"{name}/{each}" for each in ABOUT}
        assert {key: data for key, data in files.items() if key not in about} == {
            key: data for key, data in together.items() if key.startswith(f"{name}/")
        }
        of_format = [row for row in rows if row["format"] == name]
        assert [row["id"] for row in of_format] == [f"{name}/{row['id']}" for row in alone]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no coreutils")
def test_images_are_stored_once_and_every_file_is_summed(tmp_path, records, monkeypatch):
    pack(tmp_path, records, format=FORMATS, shard_size="3")
    out = tmp_path / "out"
    images = sorted(out.rglob("*.png"))
    assert len(images) == 8 + 7 + 7
    assert len({path.stat().st_ino for path in images}) == 8
    run = ["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"]
    subprocess.run(run, cwd=out, check=True)
    listed = {line[66:] for line in (out / "SHA256SUMS").read_text().splitlines()}
    assert listed == set(tree(out)) - {"SHA256SUMS"}
    expected = tree(tmp_path)

    def no_links(*_):
        raise PermissionError(1, "no hard links here")

    monkeypatch.setattr(output.os, "link", no_links)
    pack(tmp_path, records, format=FORMATS, shard_size="3")
    assert tree(tmp_path) == expected


def test_a_head_without_a_box_is_left_out_of_every_format(tmp_path, records):
    records[0]["truth"]["heads"][0]["box"] = None
    records[1]["truth"]["heads"] = [{"box": [200, 0, 220, 20]}]
    rows, failures = pack(tmp_path, records, format="webdataset,coco")
    assert [failure.kind for failure in failures] == ["box", "box"]
    assert [row["count"] for row in rows] == [6, 6]


def test_formats_that_are_none(tmp_path, records):
    for wrong in ("", "pascal", "coco;yolo"):
        with pytest.raises(Stop, match="--format") as caught:
            pack(tmp_path, records, format=wrong)
        assert caught.value.status == USAGE


@pytest.mark.parametrize("at", [3, 9])
def test_resume_with_several_formats(tmp_path, records, at, monkeypatch):
    options = {
        "format": FORMATS,
        "split": "train=6,val=2",
        "subset": "small=3",
        "shard_size": "3",
    }
    whole = pack(tmp_path, records, jobs=3, **options)
    expected = tree(tmp_path)
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out.private.jsonl").unlink()
    killed_pack(tmp_path, records, at, monkeypatch, **options)
    assert not (tmp_path / "out").exists()
    assert pack(tmp_path, records, resume=True, **options) == whole
    assert tree(tmp_path) == expected


def test_a_run_that_dies_at_the_very_end_is_taken_up(tmp_path, records, monkeypatch):
    whole = pack(tmp_path, records, format=FORMATS)
    expected = tree(tmp_path)
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out.private.jsonl").unlink()
    with monkeypatch.context() as patch:
        patch.setattr("headkit.formats.folder.Workplace.publish", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pack(tmp_path, records, format=FORMATS, resume=True)
    assert pack(tmp_path, records, format=FORMATS, resume=True) == whole
    assert tree(tmp_path) == expected


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memory_is_bounded(tmp_path):
    """100,000 heads to COCO and YOLO: the most memory that the process had."""
    picture(tmp_path / "a.png", (128, 96))
    heads = [head(20 + 10 * number, 40) for number in range(10)]
    with (tmp_path / "in.jsonl").open("w") as file:
        for number in range(10_000):
            record = {"id": f"{number}", "width": 128, "height": 96, "image": "a.png"}
            file.write(json.dumps({**record, "truth": {"heads": heads}}) + "\n")
    run = [sys.executable, "-m", "headkit", "pack", "-d", "out", "-q", "in.jsonl"]
    run += ["--format", "coco,yolo", "--split", "train=0.9,val=0.1"]
    # By way of a small process: Linux counts what the parent held before exec as the child's.
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    found = subprocess.run(
        [sys.executable, "-c", code, *run], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert 10 < int(found.stdout) / 1024 < 300
    index = json.loads((tmp_path / "out/index.json").read_text())
    assert (index["heads"], index["splits"]) == (100_000, {"train": 9_000, "val": 1_000})


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_thirty_random_kills_lose_nothing(tmp_path, records):
    """kill -9 at random moments, of runs with two threads; what is published at last is the same to the byte."""
    many = [{**records[number % 8], "id": f"{number}"} for number in range(600)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(each) + "\n" for each in many))
    command = [sys.executable, "-m", "headkit", "pack", "-q", "in.jsonl", "--format", FORMATS]
    command += ["--split", "train=0.9,val=0.1", "--subset", "small=40", "--shard-size", "25"]
    options = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = time.monotonic()
    whole = subprocess.run([*command, "-d", "whole"], check=True, **options)
    seconds = time.monotonic() - started
    draw, killed = random.Random(0), 0
    for _ in range(200):
        run = subprocess.Popen([*command, "-d", "out", "-j", "2", "--resume"], **options)
        if killed < 30:
            try:
                run.communicate(timeout=draw.uniform(0.3, 1.0) * seconds)
            except subprocess.TimeoutExpired:
                run.kill()
                killed += 1
        out, err = run.communicate()
        if run.returncode == 0 and killed == 30:
            break
        assert run.returncode in (0, -9), err
        if run.returncode == 0:  # done before it could be killed: once more from the start
            seconds *= 0.8
            assert tree(tmp_path / "out") == tree(tmp_path / "whole")
            shutil.rmtree(tmp_path / "out")
            (tmp_path / "out.private.jsonl").unlink()
    assert killed == 30
    assert out.replace(b'"path":"out', b'"path":"whole') == whole.stdout
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert (tmp_path / "out.private.jsonl").read_bytes() == (
        tmp_path / "whole.private.jsonl"
    ).read_bytes()
    assert not (tmp_path / ".out.pack").exists()
