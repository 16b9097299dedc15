"""The recipe of the head detector: samples, what is left out, accuracy by hand, and that it learns and goes on."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from headkit.backends import yolo
from headkit.make import detector_samples, train_detector, yolo_training
from headkit.make.detector_accuracy import Found, Truth, average_precision, table

DATA = Path(__file__).parent / "data" / "detect"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    rows = [json.loads(line) for line in (DATA / "images.jsonl").read_text().splitlines()]
    for row in rows:
        shutil.copy(DATA / row["image"], folder)
        for head in row["truth"]["heads"]:
            head["pose"] = {"yaw": 0.0}
    (folder / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "all.jsonl"


def test_samples_depend_on_their_number_alone(manifest):
    scenes = detector_samples.load_scenes([manifest])
    mixture = detector_samples.Mixture()
    first = [detector_samples.sample(scenes, 96, 5, number, mixture) for number in range(40)]
    again = [
        detector_samples.sample(scenes, 96, 5, number, mixture) for number in reversed(range(40))
    ]
    for one, other in zip(first, reversed(again), strict=True):
        assert one.pixels.tobytes() == other.pixels.tobytes()
        assert one.boxes.tobytes() == other.boxes.tobytes()
    assert len({one.pixels.tobytes() for one in first}) > 30
    boxes = np.concatenate([one.boxes for one in first])
    assert len(boxes) > 20
    assert boxes.min() >= 0
    assert boxes.max() <= 96
    assert ((boxes[:, 2:] - boxes[:, :2]).max(axis=1) >= detector_samples.SMALLEST).all()


def test_boxes_of_turned_heads_are_those_of_their_ellipses():
    boxes = np.array([[10.0, 20.0, 30.0, 60.0]])
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    assert detector_samples._turned(boxes, quarter, np.zeros(2)) == pytest.approx(
        np.array([[-60, 10, -20, 30]])
    )
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    around = np.linspace(0, 2 * np.pi, 10_000)
    edge = np.stack([20 + 10 * np.cos(around), 40 + 20 * np.sin(around)], axis=1) @ turn.T
    exact = [*edge.min(axis=0), *edge.max(axis=0)]
    assert detector_samples._turned(boxes, turn, np.zeros(2))[0] == pytest.approx(exact, abs=1e-4)


def test_cells_that_are_left_out():
    left_out = yolo_training.left_out(np.array([[0.0, 0.0, 16.0, 8.0]]), 64)
    assert left_out.shape == (64 + 16 + 4,)
    assert np.flatnonzero(left_out).tolist() == [0, 1, 64]  # two of stride 8; (8, 8) of stride 16


def test_the_loss_does_not_ask_what_a_left_out_head_is():
    torch.manual_seed(0)
    network = yolo.build(yolo.architecture("cfg/models/11/yolo11.yaml", width=0.02, classes=1))
    loss_of = yolo_training.Unasked(yolo.detection_loss(network.train()))
    empty = {"batch_idx": torch.zeros(0), "cls": torch.zeros(0, 1), "bboxes": torch.zeros(0, 4)}
    predictions = network(torch.rand(2, 3, 64, 64))
    nothing = loss_of(predictions, {**empty, "left_out": torch.ones(2, 84, dtype=torch.bool)})
    some = loss_of(predictions, {**empty, "left_out": torch.arange(84).expand(2, -1) < 42})
    everything = loss_of(predictions, {**empty, "left_out": torch.zeros(2, 84, dtype=torch.bool)})
    assert nothing.item() == 0
    assert 0 < some.item() < everything.item()


def test_average_precision_by_hand():
    truth = Truth(
        np.array([[0, 0, 10, 10], [20, 0, 30, 10], [50, 50, 60, 60.0]]),
        np.array([False, False, True]),
        np.array([0.0, 100.0, 0.0]),
        np.array([1.0, 0.6, 0.1]),
    )
    boxes = np.array([[0, 0, 10, 10], [51, 50, 60, 60], [80, 80, 90, 90], [20, 0, 30, 10.0]])
    found = Found(boxes, np.array([0.9, 0.8, 0.7, 0.6]))
    # The second meets what is left out; hit, miss, hit: half of the recall at 1, half at 2/3.
    assert average_precision([(truth, found)]) == pytest.approx((1 / 2 + 1 / 3, 1.0, 2))
    twice = Found(np.repeat(boxes[:1], 2, axis=0), np.array([0.9, 0.2]))
    assert average_precision([(truth, twice)]) == pytest.approx((0.5, 0.5, 2))
    assert average_precision([(truth, Found(boxes[:0], np.zeros(0)))])[0] == 0
    rows = table([(truth, found)])
    assert "| all | 2 | 0.833 | 0.833 | 1.000 |" in rows
    assert "| visibility 0.5 to 0.8 | 1 | | | 1.000 |" in rows


@pytest.mark.slow
def test_training_goes_on_from_its_checkpoint(manifest, tmp_path, monkeypatch):
    words = [
        "train_detector",
        "--train",
        str(manifest),
        "--test",
        str(manifest),
        "-d",
        str(tmp_path),
    ]
    small = ["--sizes", "64", "--width", "0.02", "--imgsz", "64"]
    monkeypatch.setattr(yolo_training, "PIXELS", 4 * 64 * 64)
    monkeypatch.setattr(yolo_training.signal, "signal", lambda *_: None)
    for images in ("8", "16"):
        monkeypatch.setattr(sys, "argv", [*words, "--images", images, *small])
        train_detector.main()
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert (kept["seen"], kept["steps"]) == (16, 4)
    assert yolo.load_weights(tmp_path / "head_detector.npz").imgsz == 64
    assert "AP50" in (tmp_path / "accuracy.md").read_text()
    first, again = tmp_path / "head_detector.npz", tmp_path / "again"
    test_only = ["--weights", str(first), "-d", str(again), "--only-test"]
    monkeypatch.setattr(sys, "argv", [*words, *small, *test_only])
    train_detector.main()
    with np.load(first) as one, np.load(again / "head_detector.npz") as other:
        assert all((one[name] == other[name]).all() for name in one.files)
