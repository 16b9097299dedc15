"""detect and fit3dmm, as commands, on pictures of odd shapes and with many heads: 400, none, cut, very wide, torn."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCENE = Path(__file__).parent / "data" / "fit3dmm"
SIDE = 72  # pixels of a cell of the crowd
ROW = 20  # heads a row

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def face():
    """A rendered head seen from the front, cut out with some of what is around it."""
    row = json.loads((SCENE / "scene.jsonl").read_text())
    head = min(row["truth"]["heads"], key=lambda one: abs(one["pose"]["yaw"]))
    x1, y1, x2, y2 = head["box"]
    x, y, half = (x1 + x2) / 2, (y1 + y2) / 2, 0.7 * (y2 - y1)
    with Image.open(SCENE / "scene.jpg") as image:
        return image.convert("RGB").crop(
            (int(x - half), int(y - half), int(x + half), int(y + half))
        )


def crowd(face, columns, rows, side):
    """A grid of the face, every other one mirrored, each of another brightness."""
    rng = np.random.default_rng(0)
    out = np.empty((rows * side, columns * side, 3), np.uint8)
    plain = np.asarray(face.resize((side, side), Image.Resampling.BOX)).astype(np.float64)
    for k in range(rows * columns):
        y, x = k // columns * side, k % columns * side
        cell = plain[:, ::-1] if k % 2 else plain
        out[y : y + side, x : x + side] = np.clip(cell * rng.uniform(0.7, 1.2), 0, 255)
    return Image.fromarray(out)


def run(folder, tool, records, *options):
    """How a tool ended, the rows that it makes of records, and the peak MB so far of all tools that ran."""
    data = "".join(json.dumps(record) + "\n" for record in records)
    command = [sys.executable, "-m", "headkit", tool, *options]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        command, input=data, capture_output=True, text=True, cwd=folder, check=False
    )
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{tool}: {used.ru_utime - before:.1f} s of CPU, peak {used.ru_maxrss / 1024:.0f} MB")
    return done, [json.loads(line) for line in done.stdout.splitlines()], used.ru_maxrss / 1024


def test_what_is_torn_or_no_head_is_told_and_nothing_is_lost(tmp_path, face):
    """One record out for each in; status 1, since one could not be read."""
    (tmp_path / "torn.jpg").write_bytes((SCENE / "scene.jpg").read_bytes()[:5000])
    Image.fromarray(np.full((90, 120, 3), 80, np.uint8)).save(tmp_path / "empty.png")
    face.save(tmp_path / "face.png")
    records = [{"id": name, "image": name} for name in ("torn.jpg", "empty.png", "face.png")]
    done, found, _ = run(tmp_path, "detect", records)
    assert done.returncode == 1
    assert [row["id"] for row in found] == [record["id"] for record in records]
    assert found[0]["error"]["tool"] == "detect"
    assert found[1]["heads"] == []
    assert len(found[2]["heads"]) == 1
    nothing = {"box": [10, 10, 10, 40]}
    found[2]["heads"].append(nothing)
    done, fitted, _ = run(tmp_path, "fit3dmm", found)
    assert done.returncode == 0  # the error is another tool's
    assert fitted[0] == found[0]
    assert fitted[1]["heads"] == []
    head, none = fitted[2]["heads"]
    assert "ignore" not in head
    assert none["ignore"] == "fit failed"
    assert none["fit"]["flags"] == ["no_box"]


def test_four_hundred_heads_in_one_picture(tmp_path, face):
    picture = crowd(face, ROW, 400 // ROW, SIDE)
    picture.save(tmp_path / "crowd.png")
    record = {"id": "crowd", "image": "crowd.png"}
    done, (found,), peak = run(tmp_path, "detect", [record], "--tile", "480")
    assert done.returncode == 0, done.stderr
    print(len(found["heads"]), "heads found")
    assert len(found["heads"]) >= 320  # more than the 300 at which ultralytics cuts
    cells = np.arange(400)
    corner = np.stack([cells % ROW, cells // ROW], axis=1) * SIDE + SIDE * 0.15
    boxes = np.column_stack([corner, corner + SIDE * 0.7])
    every = {**found, "heads": [{"box": box} for box in boxes.tolist()]}
    done, (fitted,), peak = run(tmp_path, "fit3dmm", [every])
    assert done.returncode == 0, done.stderr
    assert len(fitted["heads"]) == 400
    assert sum("pose" in head for head in fitted["heads"]) >= 396
    yaw = np.array([head["pose"]["yaw"] for head in fitted["heads"] if "pose" in head])
    assert np.median(np.abs(yaw)) < 25  # a crowd of one face
    assert peak < 2500


def test_a_picture_a_hundred_times_as_wide_as_high(tmp_path, face):
    """Whole, its heads are six pixels high; in squares they are found, and fitted where they are."""
    strip = Image.fromarray(np.full((200, 20_000, 3), 96, np.uint8))
    places = [300, 4000, 9900, 19_700]
    small = face.resize((180, 180), Image.Resampling.BOX)
    for place in places:
        strip.paste(small, (place, 10))
    strip.save(tmp_path / "strip.png")
    done, (found,), _ = run(
        tmp_path, "detect", [{"id": "strip", "image": "strip.png"}], "--tile", "400"
    )
    assert done.returncode == 0, done.stderr
    middles = [(head["box"][0] + head["box"][2]) / 2 for head in found["heads"]]
    assert all(min(abs(m - place - 90) for m in middles) < 25 for place in places)
    done, (fitted,), peak = run(tmp_path, "fit3dmm", [found])
    assert done.returncode == 0, done.stderr
    assert len(fitted["heads"]) == len(found["heads"])
    for head in fitted["heads"]:
        x1, _, x2, _ = head["box"]
        points = np.array(head["landmarks"]["points"])
        assert x1 - 60 < np.median(points[:, 0]) < x2 + 60
    assert peak < 2500
