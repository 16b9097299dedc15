"""Scenes rendered to train on: the labels that generate does not give, and shards that are made once."""

import json

import numpy as np
import pytest

from headkit.head.camera import project
from headkit.head.loading import load_head
from headkit.make import training_scenes

INDEX = 5  # one person, near


@pytest.fixture(scope="module")
def drawn():
    return training_scenes.render(0, INDEX)


def test_a_scene_depends_on_its_number_alone(drawn):
    record, pixels = drawn
    again, same = training_scenes.render(0, INDEX)
    assert again == record
    assert (same == pixels).all()
    assert pixels.shape == (record["height"], record["width"], 3)


def test_dense_landmarks_are_those_of_the_parameters(drawn):
    record, _ = drawn
    model = load_head()
    for head in record["truth"]["heads"]:
        params = head["params"]
        vertices = model.vertices(params["shape"], params["expression"], params["jaw"])
        there = vertices @ np.array(head["pose"]["rotation"]).T + params["translation"]
        expected = project(model.landmarks(there, "dense"), record["camera"]["K"])
        found = np.array(head["dense"]["points"])
        assert np.abs(found - expected).max() < 0.05
        assert len(head["dense"]["visible"]) == 160
        # The first 68 are the landmarks of truth, seen or not.
        assert np.abs(found[:68] - np.array(head["landmarks"]["points"])[:, :2]).max() < 0.02
        assert head["dense"]["visible"][:68] == head["landmarks"]["visible"]


def test_key_points_of_the_drawn_body(drawn):
    record, _ = drawn
    for pose, head in zip(record["poses"], record["truth"]["heads"], strict=True):
        points = np.array(pose["keypoints"])
        assert points.shape == (17, 3)
        assert set(points[:, 2]) <= {0.0, 0.5, 1.0}
        x1, y1, x2, y2 = head["box"]
        nose = points[0]
        assert x1 < nose[0] < x2
        assert y1 < nose[1] < y2
        inside = ((points[:, :2] >= 0) & (points[:, :2] < (record["width"], record["height"]))).all(
            axis=1
        )
        assert (inside == (points[:, 2] > 0)).all()


def test_a_shard_is_written_whole_and_once(monkeypatch, tmp_path):
    calls = []

    def render(seed, index):
        calls.append(index)
        return None if index % 2 else ({"id": f"s{index}"}, np.zeros((8, 8, 3), np.uint8))

    monkeypatch.setattr(training_scenes, "render", render)
    training_scenes.write_shard(tmp_path, 0, 300, 4)
    rows = [json.loads(line) for line in (tmp_path / "00003.jsonl").read_text().splitlines()]
    assert [row["image"] for row in rows] == ["00003/s300.jpg", "00003/s302.jpg"]
    assert all((tmp_path / row["image"]).exists() for row in rows)
    training_scenes.write_shard(tmp_path, 0, 300, 4)
    assert calls == [300, 301, 302, 303]
    assert not list(tmp_path.glob("*.partial"))
