"""Crops of heads and the network that finds landmarks in them: geometry, batches, mirrors, and the weights that we ship."""

import json
from pathlib import Path

import numpy as np
import pytest

from headkit.backends.landmark_weights import Calibration, read_weights
from headkit.head.crop import OUTSIDE, Square, cut, square_about
from headkit.head.loading import load_head

SCENE = Path(__file__).parent / "data" / "fit3dmm"


def ramp(width, height):
    """A picture whose red is 2 x and whose green is 3 y, of the pixels' centres."""
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = (2 * x)[None, :]
    picture[..., 1] = (3 * y)[:, None]
    return picture


# ---- crops ---------------------------------------------------------------------------------------


def test_the_square_of_the_picture_is_the_picture():
    picture = np.random.default_rng(1).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    assert (cut(picture, Square(16, 16, 32), 32) == picture).all()


@pytest.mark.parametrize(("side", "size"), [(20.0, 64), (64.0, 64), (76.8, 32), (40.3, 48)])
def test_pixels_of_a_crop_are_those_of_its_coordinates(side, size):
    """A linear ramp stays one under any symmetric filter: each crop pixel has the value of the place it stands for."""
    square = Square(61.3, 40.2, side)
    crop = cut(ramp(120, 80), square, size).astype(float)
    grid = (np.arange(size) + 0.5) * 2 / size - 1
    x = square.to_picture(np.stack([grid, grid], axis=1))
    assert np.abs(crop[..., 0] - 2 * x[None, :, 0]).max() <= 1.51  # both are rounded
    assert np.abs(crop[..., 1] - 3 * x[:, None, 1]).max() <= 2.01


def test_a_crop_beyond_the_border_is_grey_there():
    picture = np.full((40, 40, 3), 255, np.uint8)
    crop = cut(picture, Square(0, 20, 40), 40)
    assert (crop[:, :19] == OUTSIDE).all()
    assert (crop[:, 21:] == 255).all()
    assert (cut(picture, Square(-100, 20, 40), 16) == OUTSIDE).all()


def test_crop_coordinates_go_there_and_back():
    square = Square(3.5, -2.25, 17.0)
    points = np.random.default_rng(0).normal(0, 50, (9, 2))
    assert np.allclose(square.to_picture(square.to_crop(points)), points)
    assert np.allclose(square.to_crop([3.5 + 8.5, -2.25]), [1, 0])
    assert square.mirrored(100).to_crop([96.5 - 8.5, 0])[0] == pytest.approx(-1)


def test_a_box_without_area_has_no_square():
    for box in ([1, 1, 1, 5], [1, 5, 9, 5], [0, 0, np.nan, 5], [5, 5, 1, 9]):
        with pytest.raises(ValueError, match="area"):
            square_about(box, 1.2)
    assert square_about([0, 0, 10, 20], 1.5) == Square(5, 10, 30)


def test_points_of_a_training_crop_follow_its_pixels(monkeypatch):
    """A dot in the cutout is where its landmark says, whatever the turn, the scale and the mirror."""
    from headkit.make import landmark_crops

    monkeypatch.setattr(landmark_crops, "_spoil", lambda pixels, rng: pixels)
    monkeypatch.setattr(
        landmark_crops, "_occlude", lambda p, points, r: (p, np.zeros(len(points), bool))
    )
    monkeypatch.setattr(landmark_crops, "_coarse", lambda pixels, rng: pixels)
    mirror = load_head().dense_mirror
    asymmetric = int(np.flatnonzero(mirror != np.arange(160))[0])
    pixels = np.zeros((160, 160, 3), np.uint8)
    pixels[70:73, 60:63] = 255  # centre at 61.5, 71.5
    points = np.random.default_rng(3).uniform(55, 105, (160, 2))
    points[asymmetric] = 61.5, 71.5
    cutout = landmark_crops.Cutout(
        pixels,
        np.array([40.0, 40, 120, 120]),
        points,
        np.ones(160, bool),
        np.eye(3),
        0.0,
        80.0,
        "a",
    )
    flips = 0
    for seed in range(24):
        rng = np.random.default_rng(seed)
        sample = landmark_crops.varied(cutout, 96, mirror, rng)
        weight = sample.pixels[..., 0].astype(float) * (sample.pixels[..., 0] > 140)
        if weight.sum() < 500:
            continue  # the dot is cut off
        rows, columns = np.nonzero(weight)
        found = np.average(
            np.stack([columns, rows], axis=1) + 0.5, axis=0, weights=weight[rows, columns]
        )
        distance = np.abs((sample.points + 1) * 48 - found).sum(axis=1)
        nearest = int(distance.argmin())
        assert nearest in (asymmetric, mirror[asymmetric])
        assert distance[nearest] < 1.0
        flips += nearest == mirror[asymmetric]
        assert np.linalg.det(sample.view) == pytest.approx(1)
    assert 3 < flips < 21


# ---- the network ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finder():
    from headkit.backends.landmarks import LandmarkFinder

    return LandmarkFinder(read_weights())


@pytest.fixture(scope="module")
def scene():
    """A rendered scene, its record, and the heads that are not ignored."""
    from headkit.image import load

    record = json.loads((SCENE / "scene.jsonl").read_text())
    heads = [head for head in record["truth"]["heads"] if "ignore" not in head]
    return load(SCENE / "scene.jpg").pixels, record, heads


def test_a_head_is_found_alike_alone_and_among_others(finder, scene):
    pixels, _, heads = scene
    asked = [(pixels, np.array(head["box"])) for head in heads] * 9  # more than a chunk
    together = finder.find(asked)
    alone = finder.find(asked[1:2])[0]
    for sight in (together[1], together[1 + len(heads)]):
        assert (sight.both.points == alone.both.points).all()
        assert (sight.both.deviation == alone.both.deviation).all()
        assert (sight.mirrored.seen == alone.mirrored.seen).all()


def test_the_mirrored_picture_has_the_mirrored_landmarks(finder, scene):
    pixels, _, heads = scene
    box = np.array(heads[0]["box"])
    flipped = np.ascontiguousarray(pixels[:, ::-1])
    width = pixels.shape[1]
    there = finder.find([(pixels, box)])[0]
    back = finder.find([(flipped, np.array([width - box[2], box[1], width - box[0], box[3]]))])[0]
    mirror = load_head().dense_mirror
    put_back = back.both.points[mirror] * (-1, 1) + (width, 0)
    # Crops are rounded to whole grey levels, and the filter's sums run the other way.
    assert np.abs(put_back - there.both.points).max() < 0.1


def test_landmarks_of_a_render_are_where_truth_has_them(finder, scene):
    pixels, _, heads = scene
    for head, sight in zip(
        heads, finder.find([(pixels, np.array(h["box"])) for h in heads]), strict=True
    ):
        x1, y1, x2, y2 = head["box"]
        true = np.array(head["dense"]["points"])
        error = np.linalg.norm(sight.both.points - true, axis=1).mean() / np.sqrt(
            (x2 - x1) * (y2 - y1)
        )
        assert error < 0.07
        covered = np.abs(sight.both.points - true) < 1.96 * sight.both.deviation[:, None]
        assert covered.mean() > 0.7
        visible = np.array([letter == "1" for letter in head["dense"]["visible"]])
        assert sight.both.seen[visible].mean() > sight.both.seen[~visible].mean() + 0.2


def test_the_weights_are_small_and_calibrated():
    weights = read_weights()
    assert len(weights.data) < 12e6
    assert weights.calibration != Calibration()
    assert 0.5 < weights.calibration.deviation < 3
    assert 1 <= weights.calibration.correlation < 12
    assert 1 <= weights.calibration.doubt < 12
