"""detect: networks of ours and of others, images of all kinds, heads from poses, and what it leaves alone."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headkit.backends import yolo
from headkit.backends.boxes import overlaps
from headkit.backends.detectors import open_detector
from headkit.backends.finding import Search, find
from headkit.backends.quiet_yolo import ultralytics
from headkit.backends.vggheads import VggHeadsNetwork
from headkit.head.body_points import EAR
from headkit.head.camera import camera_rotation, intrinsics, project
from headkit.head.loading import load_head
from headkit.head.rotation import rotation_from_euler
from headkit.status import Stop
from headkit.tool import Context, Failure
from headkit.tools import detect

MEAN_HEAD = {"box", "score", "params", "pose"}
DATA = Path(__file__).parent / "data" / "detect"


@pytest.fixture(scope="module")
def rows():
    return [json.loads(line) for line in (DATA / "images.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def own():
    """The tool with our own weights, its pictures in tests/data/detect."""
    return detect.start(detect.Options(imgsz=320), Context("detect", DATA))


def run(root, records, **options):
    return detect.start(detect.Options(**options), Context("detect", root))(records)


def best_overlaps(heads, truth):
    boxes = np.array([head["box"] for head in heads]).reshape(-1, 4)
    wanted = [np.array(head["box"]) for head in truth["heads"] if "ignore" not in head]
    return [max(overlaps(box, boxes), default=0.0) for box in wanted]


# ---- our own weights ------------------------------------------------------------------------------


def test_renders_of_held_out_seeds(own, rows):
    found = own(rows)
    shared = [
        one
        for row, made in zip(rows, found, strict=True)
        for one in best_overlaps(made["heads"], row["truth"])
    ]
    assert len(shared) == 8
    assert np.mean([one > 0.5 for one in shared]) >= 0.85
    extra = sum(len(made["heads"]) for made in found) - len(shared)
    assert extra <= 3


def test_fields_of_a_result(own, rows):
    (made,) = own(rows[:1])
    assert set(made) == {"width", "height", "heads"}
    assert (made["width"], made["height"]) == (rows[0]["width"], rows[0]["height"])
    for head in made["heads"]:
        assert set(head) == {"box", "score"}
        x1, y1, x2, y2 = head["box"]
        assert 0 <= x1 < x2 <= made["width"]
        assert 0 <= y1 < y2 <= made["height"]
    scores = [head["score"] for head in made["heads"]]
    assert scores == sorted(scores, reverse=True)
    assert own.made["model"] == "headkit"
    assert len(own.made["sha256"]) == 16


def test_the_batch_does_not_matter(own, rows):
    together = own(rows)
    backwards = own(rows[::-1])[::-1]
    alone = [own([row])[0] for row in rows]
    assert together == backwards == alone


def test_weights_are_small_and_hold_no_pickle():
    path = Path(detect.__file__).parent.parent / "data" / "head_detector.npz"
    assert path.stat().st_size < 12e6
    with np.load(path, allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind in "fiuU" for name in arrays.files)


# ---- images ---------------------------------------------------------------------------------------


def test_what_is_wrong_with_an_image_is_a_failure_of_its_record(own, rows, tmp_path):
    data = (DATA / "0.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 3])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("not a picture")
    shutil.copy(DATA / "0.jpg", tmp_path / "0.jpg")
    process = detect.start(detect.Options(imgsz=320), Context("detect", tmp_path))
    given = [
        "cut.jpg",
        "empty.png",
        "text.jpg",
        "missing.jpg",
        "../outside.jpg",
        "/etc/passwd",
        7,
        "0.jpg",
    ]
    *failed, good = process([{"id": str(k), "image": image} for k, image in enumerate(given)])
    assert all(
        isinstance(one, Failure) and one.kind == "bad-image" and not one.model for one in failed
    )
    assert good["heads"] == own(rows[:1])[0]["heads"]
    (other,) = process([{"id": "x", "image": "0.jpg", "width": 99, "height": 99}])
    assert other.kind == "wrong-size"


def test_turned_and_16_bit_pictures(own, rows, tmp_path):
    with Image.open(DATA / "1.jpg") as image:
        upright = np.asarray(image)
        image.save(tmp_path / "plain.png")
        exif = Image.Exif()
        exif[0x0112] = 6  # stored lying on its left side
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    grey = upright.mean(axis=2).round()
    Image.fromarray((grey * 257).astype(np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray(grey.astype(np.uint8)).save(tmp_path / "grey.png")
    process = detect.start(detect.Options(imgsz=320), Context("detect", tmp_path))
    names = ("plain", "turned", "deep", "grey")
    plain, turned, deep, flat = process([{"id": name, "image": f"{name}.png"} for name in names])
    assert plain == turned
    assert (turned["width"], turned["height"]) == (upright.shape[1], upright.shape[0])
    assert deep == flat


def test_extreme_shapes(own, tmp_path):
    Image.fromarray(np.full((200, 20_000, 3), 90, np.uint8)).save(tmp_path / "strip.png")
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(tmp_path / "dot.png")
    records = [{"id": name, "image": f"{name}.png"} for name in ("strip", "dot")]
    strip, dot = detect.start(detect.Options(imgsz=64), Context("detect", tmp_path))(records)
    assert (strip["width"], strip["height"], strip["heads"]) == (20_000, 200, [])
    assert (dot["width"], dot["heads"]) == (1, [])


# ---- networks of others ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny():
    """A YOLO11 of a few thousand weights, drawn at random."""
    torch.manual_seed(5)
    network = yolo.build(yolo.architecture("cfg/models/11/yolo11.yaml", width=0.02, classes=2))
    for branch in network.model[-1].cv3:
        torch.nn.init.normal_(branch[-1].weight, std=5.0)  # scores that differ
    return network


def saved(path, network, names, **more):
    network.names = names
    torch.save({"model": network, "train_args": {"imgsz": 96}, **more}, path)
    return path


def test_a_file_of_ultralytics_with_a_class_named_head(tiny, rows, tmp_path):
    path = saved(tmp_path / "heads.pt", tiny, {0: "person", 1: "Head"})
    detector = open_detector(str(path), None, "cpu")
    assert (detector.network.wanted, detector.network.imgsz, detector.name) == (1, 96, "heads.pt")
    (first,) = run(DATA, rows[:1], model=str(path), conf=0.0)
    assert 0 < len(first["heads"]) <= 1000
    assert open_detector(str(path), 64, "cpu").network.imgsz == 64


def test_boxes_are_those_of_ultralytics_own_predictor(tiny, tmp_path):
    """On a square picture, where its letterbox is ours."""
    path = saved(tmp_path / "heads.pt", tiny, {0: "head", 1: "person"})
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    detector = open_detector(str(path), 96, "cpu")
    [ours] = find(detector.network, [pixels], Search(conf=0.0, iou=0.5))
    package = ultralytics()
    model = package.YOLO(str(path), task="detect")
    folder = str(tmp_path / "runs")
    [theirs] = model.predict(
        pixels[:, :, ::-1],
        imgsz=96,
        conf=1e-9,
        iou=0.5,
        classes=[0],
        max_det=1000,
        verbose=False,
        project=folder,
        save=False,
    )
    assert len(ours) == len(theirs.boxes) > 0
    assert ours.boxes == pytest.approx(theirs.boxes.xyxy.numpy(), abs=0.01)
    assert ours.scores == pytest.approx(theirs.boxes.conf.numpy(), abs=1e-4)


def test_a_network_without_suppression_of_its_own_is_not_cut_at_300(tmp_path, rows):
    torch.manual_seed(5)
    network = yolo.build(yolo.architecture("cfg/models/26/yolo26.yaml", width=0.02, classes=1))
    path = saved(tmp_path / "heads.pt", network, {0: "head"})
    detector = open_detector(str(path), 320, "cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (320, 320, 3), np.uint8)
    [found] = find(detector.network, [pixels], Search(conf=0.0, iou=1.0))
    assert len(found) > 400


def test_a_pose_network_gives_heads_by_its_key_points(tmp_path, rows):
    torch.manual_seed(5)
    yaml = yolo.architecture("cfg/models/11/yolo11-pose.yaml", width=0.02, classes=1)
    network = ultralytics().nn.tasks.PoseModel(yaml, verbose=False)
    network.args = {"imgsz": 64}
    path = saved(tmp_path / "people.pt", network, {0: "person"})
    detector = open_detector(str(path), None, "cpu")
    assert detector.network.people
    [found] = find(detector.network, [np.zeros((64, 64, 3), np.uint8)], Search(conf=0.0, iou=0.1))
    assert found.points.shape == (len(found), 17, 3)
    (made,) = run(DATA, rows[:1], model=str(path), conf=0.0, iou=0.01)
    assert all(set(head) == MEAN_HEAD for head in made["heads"])


class Runs:
    """A pickle that makes a folder when it is read."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def refused(path, *words, status=69):
    with pytest.raises(Stop) as stop:
        open_detector(str(path), None, "cpu")
    assert stop.value.status == status
    for word in (path.name, *words):
        assert word in stop.value.message


def test_files_that_are_refused(tiny, tmp_path):
    mark = tmp_path / "was-run"
    torch.save({"model": Runs(mark)}, tmp_path / "runs.pt")
    refused(tmp_path / "runs.pt", "posix.mkdir", "refused")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps({"model": Runs(mark)}))
    refused(tmp_path / "plain.pt", "save it again")
    assert not mark.exists()
    good = saved(tmp_path / "good.pt", tiny, {0: "cat", 1: "dog"})
    refused(good, "no class named head, but cat, dog")
    data = good.read_bytes()
    (tmp_path / "cut.pt").write_bytes(data[: len(data) // 2])
    refused(tmp_path / "cut.pt")
    (tmp_path / "empty.pt").write_bytes(b"")
    refused(tmp_path / "empty.pt")
    torch.save({"model": {"weights": torch.zeros(2)}}, tmp_path / "state.pt")
    refused(tmp_path / "state.pt", "holds no network")
    (tmp_path / "bad.npz").write_bytes(b"PK")
    refused(tmp_path / "bad.npz")
    refused(tmp_path / "missing.pt", status=66)


def test_a_getattr_in_a_file_reaches_no_more_than_forward(tiny, tmp_path):
    class Reaches:
        def __reduce__(self):
            return getattr, (tiny, "__class__")

    torch.save({"model": Reaches()}, tmp_path / "reaches.pt")
    refused(tmp_path / "reaches.pt")


# ---- VGGHeads -------------------------------------------------------------------------------------


class Published(torch.nn.Module):
    """Outputs of the shapes of VGGHeads: one head 128 pixels wide in the middle of its square, the rest nothing."""

    def __init__(self):
        super().__init__()
        boxes, scores, params = (torch.zeros(1, 1000, n) for n in (4, 1, 413))
        boxes[0, 7] = torch.tensor([256.0, 240.0, 384.0, 400.0])
        scores[0, 7, 0] = 0.8
        params[0, :, 403] = 1.0  # 6D of diag(1, -1, -1): a face that looks into the camera
        params[0, :, 407] = -1.0
        params[0, 7, 409:411] = 320.0
        params[0, 7, 412] = 500.0
        self.boxes, self.scores, self.params = (
            torch.nn.Parameter(x) for x in (boxes, scores, params)
        )

    def forward(self, images: torch.Tensor):
        nothing = images.mean() * 0
        return self.boxes + nothing, self.scores + nothing, self.params + nothing


@pytest.mark.filterwarnings("ignore")  # of torch, at its own exporters
@pytest.mark.parametrize("kind", ["trcd", "pt", "onnx"])
def test_vggheads(kind, tmp_path):
    path = tmp_path / f"vgg_heads_l.{kind}"
    if kind == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnx")
        torch.onnx.export(Published(), (torch.zeros(1, 3, 640, 640),), str(path), dynamo=False)
    else:
        torch.jit.script(Published()).save(str(path))
    Image.fromarray(np.zeros((320, 1280, 3), np.uint8)).save(tmp_path / "wide.png")
    (made,) = run(tmp_path, [{"id": "a", "image": "wide.png"}], model=str(path))
    (head,) = made["heads"]
    assert head["box"] == pytest.approx(
        [512, 0, 768, 320]
    )  # 240..400 less 240, twice; cut at the picture
    assert head["score"] == pytest.approx(0.8)
    assert head["pose"]["yaw"] == pytest.approx(0, abs=1e-6)
    assert len(head["params"]["shape"]) == 300
    assert len(head["params"]["expression"]) == 100
    # 500 pixels a metre in the square are 1000 in the picture; a lens of 1.2 x 1280 pixels.
    assert head["params"]["translation"] == pytest.approx([0, 0, 1.536], abs=1e-6)
    with pytest.raises(Stop, match="--flip"):
        run(tmp_path, [], model=str(path), flip=True)
    with pytest.raises(Stop, match="--imgsz"):
        run(tmp_path, [], model=str(path), imgsz=320)


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_torchscript_of_another_kind_is_refused(tmp_path):
    class Doubles(torch.nn.Module):
        def forward(self, images: torch.Tensor):
            return images * 2

    torch.jit.script(Doubles()).save(str(tmp_path / "doubles.pt"))
    refused(tmp_path / "doubles.pt", "VGGHeads")


# ---- from poses -----------------------------------------------------------------------------------


def test_from_poses_on_renders(rows):
    made = run(Path(), rows, from_poses=True)
    shared = [
        one
        for row, result in zip(rows, made, strict=True)
        for one in best_overlaps(result["heads"], row["truth"])
    ]
    assert len(shared) == 8
    assert np.median(shared) > 0.6
    assert min(shared) > 0.25
    assert all(set(result) == {"heads"} for result in made)
    assert all(set(head) == MEAN_HEAD for result in made for head in result["heads"])


def test_from_poses_gives_the_mean_head_where_it_is():
    """Key points of the mean head in a camera, near the border: box, view and place come back."""
    model = load_head()
    marks = model.template[model.landmarks68].astype(float)
    ears = model.template[np.unique(model.faces[model.parts == EAR])].astype(float)
    left = ears[ears[:, 0] > 0].mean(axis=0)
    points = np.stack(
        [marks[30], marks[42:48].mean(axis=0), marks[36:42].mean(axis=0), left, left * [-1, 1, 1]]
    )
    K = intrinsics(640, 480, 700)
    place = np.array([0.9, -0.3, 4.0])
    for yaw in (-75, -20, 0, 45, 70, 180):
        rotation = camera_rotation(rotation_from_euler(yaw, 8.0, -6.0), place)
        pixels = project(points @ rotation.T + place, K)
        seen = [abs(yaw) < 80, *[abs(yaw) < 100] * 2, True, True]
        known = [[x, y, float(one)] for (x, y), one in zip(pixels, seen, strict=True)]
        poses = [{"keypoints": [*known, *([[0.0, 0.0, 0.0]] * 12)]}]
        record = {
            "id": "a",
            "width": 640,
            "height": 480,
            "poses": poses,
            "camera": {"K": K.tolist()},
        }
        (made,) = run(Path(), [record], from_poses=True)
        (head,) = made["heads"]
        assert set(head) == MEAN_HEAD
        turn = np.array(head["pose"]["rotation"]).T @ rotation
        assert np.degrees(np.arccos(min((np.trace(turn) - 1) / 2, 1))) < (
            20 if abs(yaw) > 90 else 6
        )
        assert np.abs(np.array(head["params"]["translation"]) / place - 1).max() < 0.1
        x1, y1, x2, y2 = head["box"]
        middle = project(place, K)
        assert x1 < middle[0] < x2
        assert y1 < middle[1] < y2


def test_from_poses_where_little_is_known(rows):
    record = {"id": "a", "width": 300, "height": 300, "poses": []}
    assert run(Path(), [record], from_poses=True) == [{"heads": []}]
    nothing = [[0.0, 0.0, 0.0]] * 17
    legs = [*nothing[:11], *([[100.0, 200.0, 1.0]] * 6)]
    outside = [[-900.0, 50.0, 1.0], [-890.0, 40.0, 1.0], [-910.0, 40.0, 1.0], *nothing[3:]]
    same = [[100.0, 100.0, 1.0]] * 17
    for keypoints in (nothing, legs, outside, same):
        (made,) = run(Path(), [{**record, "poses": [{"keypoints": keypoints}]}], from_poses=True)
        assert made == {"heads": []}
    ear = [
        *nothing[:3],
        [150.0, 80.0, 1.0],
        nothing[0],
        [190.0, 140.0, 1.0],
        [110.0, 140.0, 1.0],
        *nothing[7:],
    ]
    (made,) = run(
        Path(), [{**record, "poses": [{"keypoints": ear, "score": 0.5}]}], from_poses=True
    )
    (head,) = made["heads"]
    x1, y1, x2, y2 = head["box"]
    assert x1 < 150 < x2
    assert y1 < 80 < y2 < 150
    assert 30 < y2 - y1 < 110
    assert head["score"] == 0.5


@pytest.mark.parametrize(
    ("poses", "kind"),
    [
        (7, "bad-poses"),
        ([7], "bad-pose"),
        ([{}], "bad-pose"),
        ([{"keypoints": [[1, 2, 3]]}], "bad-pose"),
        ([{"keypoints": [["x", 0, 0]] * 17}], "bad-pose"),
        ([{"keypoints": [[1e9, 0, 1]] * 17}], "bad-pose"),
    ],
)
def test_poses_that_are_none(poses, kind):
    record = {"id": "a", "width": 10, "height": 10, "poses": poses}
    (failure,) = run(Path(), [record], from_poses=True)
    assert failure.kind == kind


def test_options_that_do_not_go_together():
    for options in ({"model": "x.pt"}, {"conf": 0.5}, {"flip": True}):
        with pytest.raises(Stop, match="--from-poses") as stop:
            run(Path(), [], from_poses=True, **options)
        assert stop.value.status == 2
    with pytest.raises(Stop, match="multiple of 32"):
        run(Path(), [], imgsz=100)
    assert detect.reads(detect.Options()) == ("image",)
    assert "poses" in detect.reads(detect.Options(from_poses=True))


# ---- what it leaves alone -------------------------------------------------------------------------

GUARDED = """
import os, socket, sys
def refuse(*given, **named):
    raise AssertionError(f"network: {given}")
for name in ("getaddrinfo", "create_connection", "gethostbyname"):
    setattr(socket, name, refuse)
socket.socket.connect = refuse
from headkit.run import environment
environment.prepare()
import logging
import numpy as np, torch
from pathlib import Path
from PIL import Image
def state():
    return (Image.open, torch.save, torch.load, torch.get_num_threads(), str(np.get_printoptions()), dict(os.environ))
from headkit.backends import detectors
before = state()
from headkit.tool import Context
from headkit.tools import detect
os.environ.update(YOLO_OFFLINE="", YOLO_CONFIG_DIR=os.environ["YOLO_CONFIG_DIR"])
process = detect.start(detect.Options(imgsz=320), Context("detect", Path(sys.argv[1])))
(made,) = process([{"id": "a", "image": "0.jpg"}])
assert made["heads"]
after = state()
for k, (one, other) in enumerate(zip(before, after)):
    if isinstance(one, dict):
        changed = {name for name in one | other if one.get(name) != other.get(name)}
        assert all(name.startswith(("YOLO_", "ULTRALYTICS_")) for name in changed), changed
    else:
        assert one == other, (k, one, other)
logging.getLogger("ultralytics").error("a message of the library")
"""


def test_no_side_effects(tmp_path):
    home, cache, here = (tmp_path / name for name in ("home", "cache", "here"))
    for folder in (home, cache, here):
        folder.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("YOLO", "ULTRALYTICS", "PYTEST"))
    }
    environment = {**kept, "HOME": str(home), "XDG_CACHE_HOME": str(cache)}
    package = str(Path(detect.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-P", "-c", GUARDED, str(DATA)],
        check=False, capture_output=True, text=True, cwd=here, env={**environment, "PYTHONPATH": package},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "a message of the library" in done.stderr
    assert not list(here.iterdir())
    assert not list(home.iterdir())
    assert {path.name for path in cache.iterdir()} <= {"headkit"}


def test_paths_jobs_and_streams(own, shell, rows):
    """Through the command, two workers and batches of one: the manifest alone on standard output, the same boxes."""
    shutil.copytree(DATA, shell.folder, dirs_exist_ok=True)
    names = "".join(f"{row['image']}\\000" for row in rows[:3])
    done = shell.run(f"printf '{names}' | headkit detect -0 --imgsz 320 -b 1 -j 2")
    assert done.returncode == 0, done.stderr
    made = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["image"] for row in made] == [row["image"] for row in rows[:3]]
    for row, expected in zip(made, own(rows[:3]), strict=True):
        assert (row["width"], row["height"]) == (expected["width"], expected["height"])
        for head, wanted in zip(row["heads"], expected["heads"], strict=True):
            assert head["box"] == pytest.approx(wanted["box"], abs=0.0051)
            assert head["score"] == pytest.approx(wanted["score"], abs=5.1e-5)


def test_vggheads_is_a_network():
    shape = VggHeadsNetwork(lambda images: [images])
    assert (shape.sides, shape.chunk, shape.fill, shape.mirrors) == ((640,), 1, 127, False)
