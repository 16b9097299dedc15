"""headkit eval: from rows to figures."""

import json
import subprocess
import sys

import numpy as np
import pytest

from headkit.head.loading import load_head
from headkit.head.rotation import rotation_from_euler


def head(yaw, box=(10, 10, 110, 110), shift=0.0, **more):
    model = load_head()
    turn = rotation_from_euler(yaw, 0, 0)
    points = [[20.0 + k + shift, 30.0 + (k * 7) % 50, 1.0] for k in range(68)]
    return {
        "box": list(box),
        "landmarks": {"scheme": "ibug68", "points": points, "visible": "1" * 68},
        "params": {"model": "headkit", "sha256": model.sha256, "shape": [0.5], "expression": [], "jaw": [0, 0, 0], "translation": [0, 0, 2]},
        "pose": {"rotation": turn.tolist(), "view": turn.tolist()},
        **more,
    }  # fmt: skip


def run(tmp_path, records, *options):
    data = "".join(json.dumps(record) + "\n" for record in records)
    return subprocess.run(
        [sys.executable, "-m", "headkit", "eval", *options],
        input=data,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )


@pytest.fixture
def records():
    return [
        {"id": "a", "truth": {"heads": [head(10, visibility=1)]}, "heads": [head(14, score=0.9, shift=2, fit={"rotation_deviation": [1, 3, 1]})]},
        {"id": "b", "truth": {"heads": [head(170, visibility=0.7)]}, "heads": []},
        {"id": "c", "truth": {"heads": [head(0, ignore="hidden")]}, "heads": [head(0, score=0.5)]},
    ]  # fmt: skip


def test_own_truth(tmp_path, records):
    done = run(tmp_path, records, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {row["group"]: row for row in map(json.loads, done.stdout.splitlines())}
    everything = rows["all"]
    assert everything["heads"] == 2
    assert everything["recall"] == 0.5
    assert everything["geodesic"]["median"] == pytest.approx(4)
    assert everything["nme_box"]["mean"] == pytest.approx(2)
    assert everything["vertex"]["mean"] == pytest.approx(0, abs=0.01)
    assert everything["coverage"]["mean"] == 1
    assert rows["yaw 135-180"]["recall"] == 0


def test_truth_of_another_manifest_by_id_and_what_is_missing(tmp_path, records):
    lines = [json.dumps({"id": r["id"], "truth": r["truth"]}) for r in records]
    (tmp_path / "truth.jsonl").write_text("\n".join(lines) + "\n")
    rest = [{"id": r["id"], "heads": r["heads"]} for r in records[:1]]
    done = run(tmp_path, [*rest, {"id": "z", "heads": []}], "--truth", "truth.jsonl")
    assert done.returncode == 1
    assert "z: not in the truth" in done.stderr
    assert "b: in the truth, but not in the input" in done.stderr
    assert done.stdout.splitlines()[1].split()[:3] == ["all", "2", "0.500"]


def test_a_truth_that_is_broken_is_named_by_its_line(tmp_path, records):
    good = json.dumps({"id": "a", "truth": records[0]["truth"]}).encode()
    (tmp_path / "truth.jsonl").write_bytes(b"\xef\xbb\xbf" + good + b"\r\n\n{torn\n")
    done = run(tmp_path, records, "--truth", "truth.jsonl")
    assert done.returncode == 65
    assert "truth.jsonl:3: " in done.stderr
    assert "Traceback" not in done.stderr


def test_plots_and_table(tmp_path, records):
    done = run(tmp_path, records, "-d", "plots")
    assert done.returncode == 0
    assert {p.name for p in (tmp_path / "plots").iterdir()} == {
        "geodesic.png", "nme_box.png", "vertex.png", "by-group.png",
    }  # fmt: skip
    heading, *rows = done.stdout.splitlines()
    assert "geo med" in heading
    assert rows[-1] == "3 images, 0 found heads that are none"
    again = {p.name: p.read_bytes() for p in (tmp_path / "plots").iterdir()}
    run(tmp_path, records, "-d", "plots")
    assert {p.name: p.read_bytes() for p in (tmp_path / "plots").iterdir()} == again


def test_published_truth_by_the_name_of_the_image(tmp_path):
    from scipy.io import savemat

    folder = tmp_path / "AFLW2000"
    folder.mkdir()
    points = np.array(head(0)["landmarks"]["points"])[:, :2]
    savemat(folder / "image00002.mat", {"pt3d_68": np.c_[points + 0.5, np.zeros(68)].T, "Pose_Para": np.deg2rad([[0, -30, 0, 0, 0, 0, 0]])})  # fmt: skip
    row = {"id": "q", "image": "AFLW2000/image00002.jpg", "heads": [head(33, score=0.9)]}
    done = run(tmp_path, [row], "--truth", "AFLW2000", "--json", "--convention", "vggheads")
    assert done.returncode == 0, done.stderr
    everything = json.loads(done.stdout.splitlines()[0])
    assert everything["yaw"]["mean"] == pytest.approx(3)
    assert everything["nme_box"]["mean"] == pytest.approx(0, abs=1e-9)
    assert "ap" not in everything


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"heads": [{"box": [1, 2, 3]}]}, "heads[0].box: not finite numbers"),
        ({"heads": [{"box": [1, 2, 3, 1e400]}]}, "malformed"),
        ({"heads": ["x"]}, "heads[0]: not an object"),
        ({"truth": 7}, "no truth in the record"),
    ],
)
def test_a_bad_record_is_said_and_the_rest_is_measured(tmp_path, records, change, words):
    done = run(tmp_path, [records[0], {**records[1], **change}])
    assert done.returncode in (1, 65)
    if done.returncode == 1:
        assert words in done.stderr
        assert done.stdout.splitlines()[1].startswith("all")


def test_head_files_that_are_none(tmp_path, records):
    assert run(tmp_path, records, "--head", "none.pkl").returncode == 66
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04")
    done = run(tmp_path, records, "--head", "bad.npz")
    assert done.returncode == 2
    assert "not a readable npz" in done.stderr
