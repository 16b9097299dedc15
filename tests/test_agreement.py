"""fit3dmm --check: what was asked for against what was found."""

import copy
import itertools
from pathlib import Path

import numpy as np
import pytest

from headkit.fitting.agreement import LEAST_IOU, MOST_DEGREES, label, silhouette_iou
from headkit.head.camera import intrinsics, project, view_rotation
from headkit.head.loading import load_head
from headkit.head.rotation import rotation_from_euler
from headkit.tool import Context, Failure
from headkit.tools import fit3dmm

K = intrinsics(640, 480, 800.0)


def head(yaw, x=0.0, **more):
    """A fitted or asked head."""
    model = load_head()
    rotation, translation = rotation_from_euler(yaw, 5.0, 0.0), np.array([x, 0.0, 1.5])
    vertices = model.vertices() @ rotation.T + translation
    points = project(vertices, K)
    rigid = points[model.head_mask]
    return {
        "box": [*rigid.min(axis=0).tolist(), *rigid.max(axis=0).tolist()],
        "landmarks": {"scheme": "ibug68", "points": points[model.landmarks68].tolist()},
        "params": {
            "model": model.name,
            "sha256": model.sha256,
            "translation": translation.tolist(),
        },
        "pose": {
            "rotation": rotation.tolist(),
            "view": view_rotation(rotation, translation).tolist(),
        },
        **more,
    }


def said(asked, found):
    return label(asked, found, (K, K), load_head())


def test_the_same_heads_are_accepted():
    heads = [head(20, -0.3), head(-150, 0.3)]
    result = said(heads, heads[::-1])
    assert result["head_count"] == [2, 2]
    assert result["accepted"] is True
    assert [row["found"] for row in result["heads"]] == [1, 0]
    for row in result["heads"]:
        assert row["delta_deg"] == pytest.approx(0, abs=1e-5)
        assert row["delta_px"] == 0
        assert row["silhouette_iou"] == 1


@pytest.mark.parametrize("degrees", [MOST_DEGREES - 1, MOST_DEGREES + 1])
def test_another_pose_is_told_in_degrees(degrees):
    row = said([head(0)], [head(degrees, landmarks=head(0)["landmarks"])])
    assert row["heads"][0]["delta_deg"] == pytest.approx(degrees, abs=0.01)
    assert row["accepted"] is (degrees < MOST_DEGREES)


def test_a_head_too_many_or_too_few_is_not_accepted():
    one, two = head(10, -0.3), head(10, 0.3)
    missing = said([one, two], [one])
    assert (missing["head_count"], missing["accepted"]) == ([2, 1], False)
    assert missing["heads"][1] == {
        "asked": 1, "found": None, "delta_deg": None, "delta_px": None, "silhouette_iou": None,
    }  # fmt: skip
    extra = said([one], [one, two])
    assert (extra["head_count"], extra["accepted"]) == ([1, 2], False)


def test_an_ignored_head_may_be_found_or_not():
    one, hidden = head(10, -0.3), head(10, 0.3, ignore="hidden")
    assert said([one, hidden], [one])["accepted"] is True
    assert said([one, hidden], [one, head(10, 0.3)])["accepted"] is True
    assert said([hidden, one], [one])["heads"][0]["asked"] == 1


def test_a_failed_fit_or_a_record_without_poses_is_not_accepted():
    failed = {"box": head(0)["box"], "ignore": "fit failed"}
    result = said([head(0)], [failed])
    assert result["accepted"] is False
    assert result["heads"][0]["found"] == 0
    assert result["heads"][0]["delta_deg"] is None
    assert said([], [])["accepted"] is True


def test_silhouettes_shrink_apart():
    one = head(0)
    overlaps = [
        silhouette_iou((one, head(0, x)), (K, K), load_head()) for x in (0, 0.02, 0.06, 0.5)
    ]
    assert overlaps[0] == 1
    assert overlaps[3] == 0
    assert all(a > b for a, b in itertools.pairwise(overlaps))
    # Two ellipses as wide as a head, 20 mm apart.
    assert 0.7 < overlaps[1] < 0.9
    other = copy.deepcopy(one)
    other["params"]["sha256"] = "0"
    assert silhouette_iou((one, other), (K, K), load_head()) is None
    assert LEAST_IOU < 1


def test_the_tool_writes_label_only_where_it_is_asked_to():
    asked = head(15)
    given = {"box": asked["box"], "landmarks": asked["landmarks"]}
    record = {"id": "a", "width": 640, "height": 480, "camera": {"K": K.tolist()}, "heads": [given]}
    record["target"] = {"heads": [asked]}

    def run(**options):
        return fit3dmm.start(fit3dmm.Options(**options), Context("fit3dmm", Path()))([record])[0]

    assert "label" not in run()
    result = run(check=True)["label"]
    assert result["accepted"] is True
    assert result["heads"][0]["delta_deg"] < 3
    del record["target"]
    failure = run(check=True)
    assert isinstance(failure, Failure)
    assert failure.kind == "no-target"
