"""The recipe of the body-pose network: mirrored samples, similarity and precision by hand, and a file that loads."""

import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from headkit.backends import yolo
from headkit.backends.detectors import YOLO_SEARCH, open_detector
from headkit.backends.finding import find
from headkit.make import body_pose_accuracy as accuracy
from headkit.make import detector_samples, train_body_pose, yolo_training


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Two people in a picture, and one who is too small; nose and eyes are where the picture is red, green and blue."""
    folder = tmp_path_factory.mktemp("people")
    pixels = np.full((96, 64, 3), 128, np.uint8)
    points = np.column_stack([np.linspace(8, 24, 17), np.linspace(10, 80, 17), np.ones(17)])
    for k in range(3):
        x, y = points[k, :2].astype(int)
        pixels[y - 3 : y + 4, x - 3 : x + 4] = np.eye(3)[k] * 255
    Image.fromarray(pixels).save(folder / "one.png")
    other = points + np.array([30, 0, 0])
    other[9:, 2] = 0.5
    poses = [
        {"keypoints": points.tolist(), "box": [6.0, 4.0, 30.0, 90.0]},
        {"keypoints": other.tolist(), "box": [36.0, 4.0, 60.0, 90.0]},
        {"keypoints": other.tolist(), "box": [60.0, 90.0, 64.0, 96.0]},
    ]
    row = {"id": "one", "image": "one.png", "width": 64, "height": 96, "poses": poses}
    (folder / "all.jsonl").write_text(json.dumps(row) + "\n")
    return folder / "all.jsonl"


def test_points_move_with_the_picture_and_change_sides_in_the_mirror(manifest):
    [scene] = train_body_pose.load_people([manifest])
    assert scene.ignore.tolist() == [False, False, True]
    mirrored = 0
    for number in range(60):
        draw = np.random.default_rng(number)
        view = detector_samples._view(scene, 128, 128, draw)
        assert view.points.shape == (len(view.boxes), 17, 3)
        assert (view.points[:, 9:, 2] <= 1).all()
        [*shown] = (person for person in view.points if (person[:3, 2] == 1).all())
        for person in shown[:1]:
            nose, left, right = (view.pixels[int(y), int(x), ::-1] for x, y, _ in person[:3])
            if nose.max() < 200:  # the other person, who has no colours
                continue
            flipped = person[0, 0] > person[16, 0]
            mirrored += flipped
            assert nose.argmax() == 0
            assert (left.argmax(), right.argmax()) == ((2, 1) if flipped else (1, 2))
    assert mirrored > 3


def test_similarity_and_precision_by_hand():
    points = np.zeros((1, 17, 3))
    points[0, :, :2] = 50
    points[0, :, 2] = [1, 1, 0.5, *[0] * 14]
    boxes = np.array([[0.0, 0, 100, 200]])
    moved = points.copy()
    moved[0, 0, 0] += 10  # the nose alone; sigma .026
    moved[0, 5] += 90  # outside of the truth: does not count
    alike = accuracy.similarity(moved, points, boxes)
    nose = np.exp(-(10**2) / (2 * (2 * 0.026) ** 2 * 0.53 * 100 * 200))
    assert alike == pytest.approx(np.array([[(nose + 2) / 3]]))
    truth = accuracy.People(boxes, points, np.ones(1))
    found = accuracy.People(boxes, moved, np.array([0.9]))
    assert accuracy.precision([(truth, found)], 0.5) == (1.0, 1)
    assert accuracy.precision([(truth, found)], float(alike[0, 0]) + 0.01) == (0.0, 1)
    assert accuracy.near_points([(truth, found)], 1.0, (0, 1e9)) == 1.0  # 10 is 0.05 of 200
    assert accuracy.near_points([(truth, found)], 0.5, (0, 1e9)) == 1.0
    nobody = accuracy.People(boxes[:0], points[:0], np.zeros(0))
    assert accuracy.precision([(truth, nobody)], 0.5) == (0.0, 1)
    assert accuracy.near_points([(truth, nobody)], 1.0, (0, 1e9)) == 0.0
    assert "| all | 1 | 1.000 |" in accuracy.table([(truth, found)])


def test_the_loss_pulls_far_points_and_asks_for_half_of_the_confidence_of_hidden_ones():
    loss = train_body_pose._learnable(
        yolo.pose_loss(yolo.build(yolo.architecture(train_body_pose.YAML, width=0.02, classes=1)))
    )
    said = torch.full((1, 17), 0.0, requires_grad=True)  # a confidence of one half
    truth = torch.cat([torch.zeros(1, 17, 2), torch.full((1, 17, 1), 0.5)], dim=2)
    known = truth[..., 2] != 0
    assert loss.keypoint_loss(truth, truth, known, torch.ones(1, 1)) == 0
    far = (truth + 1000).requires_grad_()
    loss.keypoint_loss(far, truth, known, torch.ones(1, 1)).backward()
    assert far.grad is not None
    assert (far.grad[..., :2] > 1e-5).all()
    loss.bce_pose(said, torch.ones(1, 17)).backward()
    assert said.grad is not None
    assert said.grad.abs().max() < 1e-6


def test_training_writes_a_file_that_loads(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(yolo_training, "PIXELS", 4 * 64 * 64)
    monkeypatch.setattr(yolo_training.signal, "signal", lambda *_: None)
    words = ["--train", str(manifest), "--test", str(manifest), "-d", str(tmp_path)]
    small = ["--images", "8", "--sizes", "64", "--width", "0.02", "--imgsz", "64"]
    monkeypatch.setattr(sys, "argv", ["train_body_pose", *words, *small])
    train_body_pose.main()
    assert "OKS AP50" in (tmp_path / "accuracy.md").read_text()
    detector = open_detector(str(tmp_path / "body_pose.npz"), None, "cpu")
    assert (detector.search, detector.network.sides) == (YOLO_SEARCH, (64,))
    picture = np.zeros((80, 50, 3), np.uint8)
    [found] = find(yolo.load_weights(tmp_path / "body_pose.npz"), [picture], YOLO_SEARCH)
    assert found.points is not None
    assert found.points.shape == (len(found), 17, 3)
