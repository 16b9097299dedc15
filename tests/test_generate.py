"""generate --model render: from a record to an image file with truth."""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headkit import image
from headkit.record import FIELDS
from headkit.status import Stop
from headkit.tool import Context, Failure
from headkit.tools import generate

POSES = Path(__file__).parent / "data" / "poses.jsonl"


def records() -> list[dict[str, Any]]:
    return [json.loads(line) for line in POSES.read_text().splitlines()]


def scaled(name: str, longer: int = 96) -> dict[str, Any]:
    """A record of the shipped file, made small so that tests are quick."""
    record = copy.deepcopy(next(record for record in records() if record["id"] == name))
    scale = longer / max(record["width"], record["height"])
    record["width"], record["height"] = (
        round(record[side] * scale) for side in ("width", "height")
    )
    for pose in record["poses"]:
        pose["keypoints"] = [[x * scale, y * scale, c] for x, y, c in pose["keypoints"]]
        pose["box"] = [value * scale for value in pose["box"]]
    return record


def run(root: Path, given: list[dict[str, Any]], seed: int = 0, **options: Any) -> list[Any]:
    context = Context("generate", root, seed, tag="test")
    return generate.start(generate.Options(**options), context)(given)


def test_a_record_becomes_an_image_with_truth(tmp_path: Path) -> None:
    given = scaled("couple")
    (made,) = run(tmp_path, [given])
    assert set(made) == {
        "image", "image_sha256", "width", "height", "poses", "camera", "generated", "truth",
    }  # fmt: skip
    path = tmp_path / made["image"]
    assert made["image"].startswith("images/")
    assert path.name == "couple.png"
    assert made["image_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    pixels = image.load(path).pixels
    assert pixels.shape == (made["height"], made["width"], 3)
    assert pixels.std() > 5
    assert made["poses"] == given["poses"]
    assert made["generated"]["canvas_to_image"] == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert len(made["truth"]["heads"]) == len(given["poses"])
    assert [head["person"] for head in made["truth"]["heads"]] == [0, 1]
    for head, pose in zip(made["truth"]["heads"], made["poses"], strict=True):
        known = [point for point in pose["keypoints"][:5] if point[2] == 1]
        x1, y1, x2, y2 = head["box"]
        for x, y, _ in known:  # the head lies where its key points are
            assert x1 - 3 <= x <= x2 + 3
            assert y1 - 3 <= y <= y2 + 3
    json.dumps(made, allow_nan=False)


def test_every_shipped_row_has_a_head_in_the_frame(tmp_path: Path) -> None:
    rows = [scaled(record["id"], 80) for record in records()]
    assert len(rows) >= 10
    for made in run(tmp_path, rows):
        heads = made["truth"]["heads"]
        assert any("ignore" not in head or head["ignore"] == "small" for head in heads)
        assert any(head["visibility"] > 0.3 for head in heads)


def test_same_bytes_alone_in_a_batch_and_in_another_process(tmp_path: Path) -> None:
    given = [scaled(name) for name in ("profile", "couple", "child")]
    together = run(tmp_path / "a", given, seed=4)
    alone = [run(tmp_path / "b", [record], seed=4)[0] for record in reversed(given)]
    assert [made["image_sha256"] for made in together] == [
        made["image_sha256"] for made in reversed(alone)
    ]
    assert together == list(reversed(alone))
    lines = "".join(json.dumps(record) + "\n" for record in given)
    for jobs, folder in (("1", "c"), ("2", "d")):
        (tmp_path / folder).mkdir()
        out = subprocess.run(
            [sys.executable, "-m", "headkit", "generate", "--seed", "4", "-j", jobs, "-b", "2", "-q"],
            input=lines, capture_output=True, text=True, cwd=tmp_path / folder, check=False,
        )  # fmt: skip
        assert out.returncode == 0, out.stderr
        rows = [json.loads(line) for line in out.stdout.splitlines()]
        assert [row["image_sha256"] for row in rows] == [made["image_sha256"] for made in together]
        for row in rows:
            assert (
                hashlib.sha256((tmp_path / folder / row["image"]).read_bytes()).hexdigest()
                == row["image_sha256"]
            )


def test_a_seed_and_an_id_make_another_picture(tmp_path: Path) -> None:
    given = scaled("profile")
    digests = {
        run(tmp_path, [given])[0]["image_sha256"],
        run(tmp_path, [given], seed=1)[0]["image_sha256"],
        run(tmp_path, [{**given, "id": "other"}])[0]["image_sha256"],
    }
    assert len(digests) == 3


def test_words_are_drawn(tmp_path: Path) -> None:
    given = {
        **scaled("profile"),
        "prompt": {"text": "an old man with a white beard and a cap, at night"},
    }
    given["poses"][0]["attributes"] = {"headwear": "beanie", "own": 1}
    (made,) = run(tmp_path, [given])
    drawn = made["truth"]["heads"][0]["attributes"]
    assert drawn["sex"] == "male"
    assert 66 <= drawn["age"] <= 86
    assert drawn["beard"] == "full beard"
    assert drawn["beard_color"] == "white"
    assert drawn["headwear"] == "beanie"  # the attribute of the person counts more than the prompt
    assert made["generated"]["light"] == "night"
    caption = {**scaled("profile"), "caption": "A bald woman."}
    del caption["poses"][0]["attributes"]
    drawn = run(tmp_path, [caption])[0]["truth"]["heads"][0]["attributes"]
    assert (drawn["sex"], drawn["hair"]) == ("female", "bald")


def test_size_scales_the_canvas_and_the_poses(tmp_path: Path) -> None:
    given = scaled("couple", 96)
    given["camera"] = {"K": [[120.0, 0, 48], [0, 120, 36], [0, 0, 1]], "up": [0.0, -1.0, 0.0]}
    (made,) = run(tmp_path, [given], size=64)
    assert max(made["width"], made["height"]) == 64
    (sx, _, _), (_, sy, _) = made["generated"]["canvas_to_image"]
    for new, old in zip(made["poses"], given["poses"], strict=True):
        for a, b in zip(new["keypoints"], old["keypoints"], strict=True):
            assert a == pytest.approx([b[0] * sx, b[1] * sy, b[2]])
        assert new["box"] == pytest.approx([old["box"][k] * (sx, sy)[k % 2] for k in range(4)])
    assert made["camera"]["K"][0][0] == pytest.approx(120 * sx)
    assert made["camera"]["up"] == [0.0, -1.0, 0.0]


@pytest.mark.parametrize("format", ["jpg", "webp"])
def test_formats(tmp_path: Path, format: str) -> None:
    (made,) = run(tmp_path, [scaled("profile")], format=format, dir=str(tmp_path / "x"))
    path = tmp_path / made["image"]
    assert path.suffix == "." + format
    assert path.is_relative_to(tmp_path / "x")
    assert image.load(path).pixels.shape[:2] == (made["height"], made["width"])


def test_maps_lie_beside_the_image(tmp_path: Path) -> None:
    (made,) = run(tmp_path, [scaled("profile")], maps="depth,normals, parts,pncc")
    path = tmp_path / made["image"]
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == [
        "profile.depth.png", "profile.normals.png", "profile.parts.png", "profile.pncc.png", "profile.png",
    ]  # fmt: skip
    from PIL import Image

    depth = np.array(Image.open(path.with_name("profile.depth.png")))
    parts = np.array(Image.open(path.with_name("profile.parts.png")))
    head = made["truth"]["heads"][0]
    assert depth.max() > 256  # millimetres in 16 bits
    assert ((depth == 0) == (parts == 0)).all()
    x1, y1, x2, y2 = (round(value) for value in head["box_visible"])
    inside = depth[y1:y2, x1:x2][parts[y1:y2, x1:x2] == 1]
    assert abs(inside.mean() / 1000 - head["distance"]) < 0.3


def test_pictures_for_conditioners_lie_beside_the_image(tmp_path: Path) -> None:
    from PIL import Image

    from headkit.conditioning import pose_image, rendered

    given = scaled("profile")
    (made,) = run(tmp_path, [given], maps="control:vggheads,control:depth,control:mesh")
    path = tmp_path / made["image"]
    names = ("vggheads", "depth", "mesh")
    assert {file.name for file in path.parent.iterdir()} == {
        "profile.png", *(f"profile.control-{name}.png" for name in names),
    }  # fmt: skip
    wanted = rendered(given, names[1:], 0).images
    wanted["vggheads"] = pose_image(made["poses"], made["width"], made["height"], "vggheads")
    for name in names:
        written = np.array(Image.open(path.with_name(f"profile.control-{name}.png")))
        assert (written == wanted[name]).all()
        assert written.any()


def test_backgrounds_of_the_user(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(
        image.encode(np.full((40, 90, 3), (250, 10, 10), np.uint8), "png")
    )
    given = {"id": "x", "width": 64, "height": 48, "poses": []}
    (made,) = run(tmp_path, [given], background=str(folder))
    red, green, blue = image.load(tmp_path / made["image"]).pixels.reshape(-1, 3).mean(axis=0)
    assert red > 180
    assert max(green, blue) < 90
    assert made["truth"] == {"heads": []}
    for missing in (tmp_path / "none", tmp_path / "images"):
        missing.mkdir(exist_ok=missing.name == "images")
        (missing / "notes.txt").write_text("no picture")
    with pytest.raises(Stop) as stop:
        run(tmp_path, [given], background=str(tmp_path / "none"))
    assert stop.value.status == 66


def bad(**changes: Any) -> dict[str, Any]:
    return {**scaled("profile"), **changes}


def pose(**changes: Any) -> dict[str, Any]:
    return bad(poses=[{**scaled("profile")["poses"][0], **changes}])


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (bad(width=0), "bad-size", "width 0: a number of pixels above 0"),
        (bad(height=None), "bad-size", "height None"),
        (bad(width=True), "bad-size", "width True"),
        (bad(width=100000), "bad-size", "100000 x"),
        (bad(height=3), "bad-size", "sides must be 16 to 8192"),
        (bad(poses=None), "bad-pose", "a list is needed"),
        (bad(poses=[7]), "bad-pose", "person 0: 17 key points"),
        (bad(poses=scaled("profile")["poses"] * 300), "too-many-people", "300 people, but at most 64"),
        (pose(keypoints=[]), "bad-pose", "person 0: 17 key points"),
        (pose(keypoints=[[0, 0, 1]] * 16), "bad-pose", "17 key points"),
        (pose(keypoints=[[0, 0]] * 17), "bad-pose", "17 key points"),
        (pose(keypoints=[[float("nan"), 0, 1]] * 17), "bad-pose", "finite"),
        (pose(keypoints=[["1", 0, 1]] * 17), "bad-pose", "17 key points"),
        (pose(box=[1, 2, 3]), "bad-pose", "box needs four"),
        (pose(attributes={"hair": "mohawk"}), "bad-attributes", "person 0: attribute hair 'mohawk'"),
        (bad(camera={"K": [[1, 2], [3, 4]]}), "bad-camera", "3 x 3"),
        (bad(camera={"K": [[0, 0, 0]] * 3}), "bad-camera", "focal lengths above 0"),
        (bad(camera={"up": [0, 0, 0]}), "bad-camera", "camera.up"),
        (bad(id="x" * 300), "bad-id", "300 characters"),
    ],
)  # fmt: skip
def test_faults_of_a_record_are_told(
    tmp_path: Path, studio: Any, given: dict[str, Any], kind: str, words: str
) -> None:
    (result,) = studio([given])
    assert isinstance(result, Failure)
    assert result.kind == kind
    assert words in result.message


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return generate.start(
        generate.Options(), Context("generate", tmp_path_factory.mktemp("root"), tag="test")
    )


def test_odd_people_are_drawn_all_the_same(studio: Any) -> None:
    one = scaled("profile")["poses"][0]
    nobody = {**one, "keypoints": [[0.0, 0.0, 0.0]] * 17}
    far = {**one, "keypoints": [[x - 9000, y, c] for x, y, c in one["keypoints"]]}
    heap = {**one, "keypoints": [[5.0, 5.0, 1.0]] * 17}
    single = {**one, "keypoints": [[40.0, 40.0, 1.0], *[[0.0, 0.0, 0.0]] * 16]}
    bare = {"keypoints": one["keypoints"]}
    for odd in (nobody, far, heap, single, bare, {**bare, "head": {"yaw": 720.0}}):
        (made,) = studio([bad(poses=[odd, one])])
        assert isinstance(made, dict), made
        heads = made["truth"]["heads"]
        assert len(heads) == (1 if odd is nobody else 2)
        assert made["generated"].get("not_drawn") == (1 if odd is nobody else None)
        assert heads[-1]["person"] == 1
        json.dumps(made, allow_nan=False)


def test_bad_options_stop_before_work(tmp_path: Path) -> None:
    for options, words in (
        ({"maps": "depth,color"}, "--maps color"),
        ({"maps": "control:color"}, "control:xinsir"),
        ({"dir": "/elsewhere"}, "outside the root"),
    ):
        with pytest.raises(Stop) as stop:
            run(tmp_path, [], **options)  # type: ignore[arg-type]
        assert stop.value.status == 2
        assert words in stop.value.message


def test_fields_are_in_the_table() -> None:
    paths = {field.path for field in FIELDS}
    assert {"image", "image_sha256", "camera", "generated", "truth"} <= paths
