"""pose-sample: scenes of poses from a prior."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headkit.head.camera import project
from headkit.status import Stop
from headkit.tool import Context
from headkit.tools import pose_sample


def sample(count: int, seed: int = 7, skip: int = 0, **options: Any) -> list[dict[str, Any]]:
    context = Context("pose-sample", Path(), seed, limit=count)
    return list(pose_sample.draw(pose_sample.Options(**options), context, [], skip))


def yaws(records: list[dict[str, Any]]) -> np.ndarray:
    return np.array([pose["head"]["yaw"] for record in records for pose in record["poses"]])


@pytest.mark.parametrize("seed", [0, 123456789])
def test_yaw_is_flat_over_the_circle(seed: int) -> None:
    found = yaws(sample(7400, seed))[:20000]
    assert len(found) == 20000
    counts = np.histogram(found, 12, (-180, 180))[0]
    assert abs(counts / counts.mean() - 1).max() < 0.03
    behind = (abs(found) > 90).mean()
    assert behind == pytest.approx(0.5, abs=0.01)


def test_short_runs_are_even_too() -> None:
    counts = np.histogram(yaws(sample(100, people="1")), 10, (-180, 180))[0]
    assert counts.min() >= 8
    assert counts.max() <= 12


def test_steering() -> None:
    assert all(len(record["poses"]) == 3 for record in sample(30, people="3"))
    found = yaws(sample(300, yaw_range="-30,60"))
    assert found.min() >= -30
    assert found.max() <= 60
    assert abs(yaws(sample(500, yaw="frontal"))).mean() < 45
    assert {(r["width"], r["height"]) for r in sample(50, canvas="200x300,64x64")} == {
        (200, 300),
        (64, 64),
    }
    ages = [p["attributes"]["age"] for r in sample(100, ages="3-9") for p in r["poses"]]
    assert min(ages) >= 3
    assert max(ages) <= 9
    counts = Counter(len(record["poses"]) for record in sample(2000))
    assert set(counts) == set(range(1, 13))
    heights = {
        framing: np.median(
            [ear_span(r) for r in sample(80, framing=framing, people="1", yaw_range="-20,20")]
        )
        for framing in ("close-up", "portrait", "half", "full", "small")
    }
    assert list(heights.values()) == sorted(heights.values(), reverse=True)


def ear_span(record: dict[str, Any]) -> float:
    points = np.array(record["poses"][0]["keypoints"])
    return float(np.linalg.norm(points[3, :2] - points[4, :2]) / record["height"])


def test_records_are_whole() -> None:
    for record in sample(200):
        assert set(record) == {"id", "width", "height", "poses", "camera", "source"}
        size = np.array([record["width"], record["height"]])
        up = np.array(record["camera"]["up"])
        assert np.linalg.norm(up) == pytest.approx(1, abs=1e-5)
        assert up[1] < -0.7  # the camera does not lie on its side
        for pose in record["poses"]:
            points = np.array(pose["keypoints"])
            assert points.shape == (17, 3)
            assert set(points[:, 2]) <= {0.0, 0.5, 1.0}
            assert (points[points[:, 2] == 0] == 0).all()
            seen = points[points[:, 2] == 1, :2]
            assert ((seen >= 0) & (seen <= size)).all()
            x1, y1, x2, y2 = pose["box"]
            assert 0 <= x1 <= x2 <= size[0]
            assert 0 <= y1 <= y2 <= size[1]
    assert [record["id"] for record in sample(2, seed=3)] == ["pose-3-000000", "pose-3-000001"]


def test_the_head_that_counts_is_in_the_picture() -> None:
    inside = 0
    records = sample(400)
    for record in records:
        points = np.array(record["poses"][0]["keypoints"])[:5]
        inside += bool((points[:, 2] > 0).any())
    assert inside >= 0.97 * len(records)


def test_faces_are_labelled_where_they_can_be_seen() -> None:
    for record in sample(1500):
        for pose in record["poses"]:
            turned = abs(pose["head"]["yaw"])
            nose, left, right = (pose["keypoints"][k][2] for k in range(3))
            if turned > 125:
                assert nose == left == right == 0
            if (
                pose["head"]["yaw"] > 75
                and abs(pose["head"]["pitch"]) < 20
                and abs(pose["head"]["roll"]) < 20
            ):
                assert (
                    left == 0
                )  # nose to the image's right shows the subject's right side? no: hides the left


def test_angles_agree_with_the_points() -> None:
    """The nose lies on the side to which yaw says that it turns."""
    right = left = 0
    for record in sample(600, people="1", yaw_range="35,70"):
        points = np.array(record["poses"][0]["keypoints"])
        head = record["poses"][0]["head"]
        upright = abs(head["roll"]) < 12 and abs(head["pitch"]) < 15
        if (points[:3, 2] > 0).all() and upright:
            right += points[0, 0] > points[1:3, 0].mean()
            left += points[0, 0] < points[1:3, 0].mean()
    assert right > 60
    assert left == 0


def test_a_place_in_the_run_changes_nothing() -> None:
    whole = sample(700)
    assert sample(700, skip=511) == whole[511:]
    assert sample(300) == whole[:300]
    assert sample(5, seed=8) != whole[:5]
    record = whole[17]
    again = {**record, "source": {**record["source"]}}
    assert again == record
    assert record["source"] == {"sampler": "prior", "version": 1, "seed": 7, "index": 17}


def test_camera_and_points_use_one_projection() -> None:
    record = sample(1)[0]
    camera = np.array(record["camera"]["K"])
    assert camera[0, 0] == pytest.approx(1.2 * max(record["width"], record["height"]))
    assert project([[0.0, 0.0, 2.0]], camera)[0] == pytest.approx(
        [record["width"] / 2, record["height"] / 2]
    )


@pytest.mark.parametrize(
    "options",
    [
        {"people": "0"}, {"people": "13"}, {"people": "5-2"}, {"people": "x"}, {"yaw_range": "20"},
        {"yaw_range": "-360,360"}, {"yaw_range": "1.2.3,5"}, {"canvas": "8x8"}, {"canvas": "99999x10"},
        {"canvas": "a"}, {"ages": "90-100"},
    ],
)  # fmt: skip
def test_bad_options_stop_with_a_remedy(options: dict[str, Any]) -> None:
    with pytest.raises(Stop) as stop:
        list(
            pose_sample.draw(pose_sample.Options(**options), Context("pose-sample", Path()), [], 0)
        )
    assert stop.value.status == 2
    assert next(iter(options.values())).split(",")[0] in stop.value.message


def test_no_compiler_is_loaded() -> None:
    code = (
        "import sys; from headkit.tools import pose_sample as p; from headkit.tool import Context; from pathlib import Path;"
        "list(p.draw(p.Options(), Context('pose-sample', Path(), limit=3), [], 0)); print('numba' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


# ---- copies of given poses -----------------------------------------------------------------------


def write(path: Path, records: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def test_copies_are_varied(tmp_path: Path) -> None:
    given = sample(5)
    file = write(tmp_path / "poses.jsonl", given)
    copies = sample(1000, source=file, copies=4)
    assert [record["id"] for record in copies[:5]] == [f"pose-7-000000-{k}" for k in range(4)] + [
        "pose-7-000001-0"
    ]
    assert len(copies) == 20
    assert sample(7, source=file, copies=4, skip=3) == copies[3:7]
    mirrored = 0
    for record in copies:
        original = given[int(record["source"]["from"].split("-")[-1])]
        for pose, before in zip(record["poses"], original["poses"], strict=True):
            assert pose["keypoints"] != before["keypoints"]
            assert pose["attributes"] == before["attributes"]
            turned = pose["head"]["yaw"] == -before["head"]["yaw"]
            assert turned or pose["head"]["yaw"] == before["head"]["yaw"]
            mirrored += turned
    assert 0 < mirrored < sum(len(record["poses"]) for record in copies)


def test_copies_tell_where_their_original_came_from(tmp_path: Path) -> None:
    drawn = sample(1)[0]
    photo = {
        "sha256": "ab" * 32,
        "size": [4, 3],
        "license": "cc-by-4.0",
        "author": "A",
        "path": "p",
    }
    file = write(tmp_path / "poses.jsonl", [drawn, {**drawn, "id": "b", "source": photo}])
    once = sample(9, source=file, copies=1)
    twice = sample(9, source=write(tmp_path / "once.jsonl", once), copies=1)
    for rows in (once, twice):
        of_sampler, of_photo = (row["source"] for row in rows)
        assert of_sampler["original"] == "prior"
        assert "original" not in of_photo
        kept = {name: photo[name] for name in ("sha256", "license", "author")}
        assert kept.items() <= of_photo.items()
        assert not {"path", "size"} & of_photo.keys()


def test_a_mirror_swaps_left_and_right(tmp_path: Path) -> None:
    points = [[100.0 + 10 * k, 200.0, 1.0] for k in range(17)]
    file = write(
        tmp_path / "p.jsonl",
        [{"id": "a", "width": 400, "height": 400, "poses": [{"keypoints": points}]}],
    )
    rows = sample(60, source=file, copies=60)
    signs = set()
    for row in rows:
        found = np.array(row["poses"][0]["keypoints"])
        known = found[:, 2] > 0
        if known[5] and known[6]:
            mirrored = found[15, 0] < found[1, 0] if known[15] and known[1] else None
            signs.add((bool(found[6, 0] > found[5, 0]), mirrored))
    # unmirrored: 5 left of 6; mirrored: the picture turns over and the sides swap names, so 5 is left again
    assert {sign for sign, _ in signs} == {True}


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("{", 65),
        ('{"id": "a"}', 65),
        ('{"id": "a", "width": 0, "height": 4, "poses": []}', 65),
        ('{"id": "a", "width": 4, "height": 4, "poses": [{"keypoints": [[1, 2]]}]}', 65),
        (None, 66),
    ],
)
def test_faults_of_the_file_stop_with_its_place(
    tmp_path: Path, line: str | None, status: int
) -> None:
    path = tmp_path / "poses.jsonl"
    if line is not None:
        path.write_text(line + "\n")
    with pytest.raises(Stop) as stop:
        sample(1, source=str(path))
    assert stop.value.status == status
    assert str(path) in stop.value.message
