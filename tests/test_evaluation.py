"""The published figures: against their authors' code, by hand, and without their traps."""

import json

import flame_files
import numpy as np
import pytest
from PIL import Image

from headkit.evaluation import measures, published
from headkit.evaluation.boxes import Detections, match, overlap
from headkit.evaluation.tally import Head, Tally, group_names, groups, head_errors, summary
from headkit.head.loading import load_head
from headkit.head.rotation import (
    geodesic,
    rodrigues,
    rotation_from_euler,
    rotation_from_vggheads,
    vggheads_angles,
)

# ---- boxes ---------------------------------------------------------------------------------------


def random_images(count, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        low = rng.uniform(0, 300, (rng.integers(0, 8), 2))
        true = np.hstack([low, low + rng.uniform(8, 150, low.shape)])
        ignored = rng.random(len(true)) < 0.2
        kept = true[rng.random(len(true)) < 0.8]
        shifted = kept + rng.normal(0, 6, kept.shape)
        low = rng.uniform(0, 300, (rng.integers(0, 4), 2))
        wrong = np.hstack([low, low + rng.uniform(8, 150, low.shape)])
        found = np.concatenate([shifted, wrong])
        yield found, rng.random(len(found)), true, ignored


@pytest.mark.parametrize("between", [(0, np.inf), (32**2, 96**2)])
def test_average_precision_is_cocos(between, capsys):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    ours = Detections()
    truth, found = [], []
    images = list(random_images(60))
    for number, (boxes, scores, true, ignored) in enumerate(images):
        ours.add(boxes, scores, true, ignored, between)
        for box, skip in zip(true, ignored, strict=True):
            x, y, w, h = *box[:2], *(box[2:] - box[:2])
            truth.append({"id": len(truth) + 1, "image_id": number, "category_id": 1, "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0, "ignore": int(skip)})  # fmt: skip
        for box, score in zip(boxes, scores, strict=True):
            x, y, w, h = *box[:2], *(box[2:] - box[:2])
            found.append({"image_id": number, "category_id": 1, "bbox": [x, y, w, h], "score": score})  # fmt: skip
    coco = COCO()
    coco.dataset = {
        "images": [{"id": n} for n in range(len(images))],
        "categories": [{"id": 1}],
        "annotations": truth,
    }
    coco.createIndex()
    theirs = COCOeval(coco, coco.loadRes(found), "bbox")
    theirs.params.areaRng = [[between[0], min(between[1], 1e10)]]
    theirs.params.areaRngLbl = ["all"]
    # its own rule sets ignore from iscrowd alone: say it once more
    theirs._prepare = lambda prepare=theirs._prepare: (
        prepare(),
        [
            g.update(ignore=truth[g["id"] - 1]["ignore0"])
            for gts in theirs._gts.values()
            for g in gts
        ],
    )
    for annotation in truth:
        annotation["ignore0"] = annotation["ignore"]
    theirs.evaluate()
    theirs.accumulate()
    expected = theirs.eval["precision"][:, :, 0, 0, -1].mean(axis=1)
    got = ours.average_precision()
    assert 0.2 < got[0] < 0.95
    np.testing.assert_allclose(got, expected, atol=0.012)  # several found ones may take one ignored


def test_boxes_to_be_ignored_cost_nothing():
    true = np.array([[0, 0, 10, 10], [50, 50, 90, 90.0]])
    ignored = np.array([False, True])
    kept = Detections()
    kept.add(
        np.array([[0, 0, 10, 10], [50, 50, 90, 90], [51, 50, 90, 90.0]]),
        np.array([0.5, 0.9, 0.8]),
        true,
        ignored,
    )
    assert kept.count == 1
    np.testing.assert_array_equal(kept.average_precision(), 1)


def test_four_hundred_heads_in_one_picture_all_count():
    grid = np.stack(np.meshgrid(np.arange(20), np.arange(20)), axis=-1).reshape(-1, 2) * 30.0
    boxes = np.hstack([grid, grid + 20])
    kept = Detections()
    kept.add(boxes, np.linspace(1, 0.1, 400), boxes, np.zeros(400, bool))
    assert kept.average_precision().min() == 1  # COCO's own limit of 100 would say .25


def test_nothing_true_and_nothing_found():
    empty = np.zeros((0, 4))
    kept = Detections()
    kept.add(empty, np.zeros(0), empty, np.zeros(0, bool))
    assert kept.average_precision() is None
    kept.add(empty, np.zeros(0), np.array([[0, 0, 5, 5.0]]), np.zeros(1, bool))
    assert kept.average_precision().max() == 0
    assert overlap(empty, empty).shape == (0, 0)
    assert overlap([[0, 0, 0, 0]], [[0, 0, 0, 0]]) == 0


def test_matching_takes_the_better_scored_first():
    true = np.array([[0, 0, 10, 10.0]])
    found = np.array([[0, 0, 10, 9.0], [0, 0, 10, 10.0]])
    assert match(overlap(found, true), [0.9, 0.5], np.array([False]), 0.5).tolist() == [0, -1]


# ---- one head ------------------------------------------------------------------------------------


def test_rotation_figures_by_hand():
    truth = rotation_from_euler(179, 0, 0)
    found = rotation_from_euler(-179, 0, 0)
    np.testing.assert_allclose(measures.angle_errors(found, truth), [2, 0, 0], atol=1e-9)
    turned_round = rotation_from_euler(180, 0, 0)  # a published test folds this to 0
    np.testing.assert_allclose(
        measures.angle_errors(turned_round, rotation_from_euler(0, 0, 0)), [180, 0, 0]
    )
    for degrees in (0.001, 5.6, 90, 180):
        other = rodrigues(np.deg2rad([0, degrees, 0])) @ truth
        angle = float(geodesic(other, truth))
        assert angle == pytest.approx(degrees, rel=1e-6)
        frobenius = 2 * np.sqrt(2) * np.sin(np.deg2rad(degrees) / 2)
        assert measures.frobenius(other, truth) == pytest.approx(frobenius, rel=1e-6)
    # about one axis, that axis stays: two columns turn
    about_x = truth @ rodrigues(np.deg2rad([30, 0, 0]))
    assert measures.column_vectors(about_x, truth) == pytest.approx(20)


def test_intervals_are_read_as_the_solver_states_them():
    truth = rotation_from_euler(70, 20, -10)
    found = rodrigues(np.deg2rad([3, 0, -1])).T @ truth  # truth = exp(d) found
    assert measures.within_interval(found, truth, [1.6, 1, 0.6]).all()
    assert measures.within_interval(found, truth, [1.4, 1, 0.4]).tolist() == [False, True, False]


def test_box_size_is_of_width_and_height():
    """A published script multiplies the corner's coordinates instead."""
    assert measures.box_size([100, 200, 140, 290]) == 60


def test_vertex_error_ignores_where_a_head_stands_and_not_how_large_it_is():
    head = load_head()
    chosen = np.flatnonzero(head.head_mask)
    moved = head.template @ rotation_from_euler(30, 5, 8).T + [0.3, 0.1, 4]
    assert measures.vertex_error(moved, head.template, head.landmarks68, chosen) < 0.01
    larger = measures.vertex_error(1.05 * moved, head.template, head.landmarks68, chosen)
    assert 2 < larger < 8


def test_depth_order():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 3))
    assert measures.z_order(points, points) == 1
    assert measures.z_order(points * [1, 1, -1], points) < 0.01
    noise = measures.z_order(rng.normal(size=(300, 3)), points)
    assert 0.4 < noise < 0.6
    # by hand: five neighbours on a line, one of them moved behind the first
    line = np.arange(6)[:, None] * [[0.0, 0.0, 1.0]]
    changed = line.copy()
    changed[5, 2] = -1
    assert measures.z_order(changed, line) == pytest.approx(20 / 30)


def test_chamfer_by_hand():
    truth = np.array(
        [[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3], [1, 1, 1], [2, 0, 1], [0, 1, 2.0]]
    )
    found = 5 * truth @ rodrigues([0.1, 0.5, 0.2]).T + [1, 2, 3]
    eyes = truth[[0, 1]]
    assert measures.chamfer(found, found, truth, truth, eyes) == pytest.approx(0, abs=1e-12)
    missing = np.delete(found, 3, axis=0)  # its nearest neighbour is (0, 1, 2): sqrt(2) units of 20
    expected = 2 * 20**2 / 7
    assert measures.chamfer(missing, found, truth, truth, eyes) == pytest.approx(expected)


# ---- a set ---------------------------------------------------------------------------------------


def true_head(yaw=0.0, size=100.0, **more):
    turn = rotation_from_euler(yaw, 0, 0)
    points = np.random.default_rng(1).uniform(0, size, (68, 2))
    return Head(
        box=np.array([0, 0, size, size]),
        view=turn,
        rotation=turn,
        landmarks=points,
        visibility=1.0,
        **more,
    )


def test_groups_cover_every_head():
    for yaw in (-180, -135, -90, -30, 0, 29.9, 30, 60, 90, 179.99, 180):
        for size in (0, 12, 32, 255, 256, 9000):
            found = groups(true_head(yaw, size))
            assert len(found) == 4
            assert set(found) <= set(group_names())
    assert "yaw 30-60" in groups(true_head(-45))
    assert "yaw 135-180" in groups(true_head(170))


def test_a_tally_by_hand():
    tally = Tally()
    near = true_head(10)
    off = Head(box=near.box, view=rotation_from_euler(14, 0, 0), rotation=rotation_from_euler(14, 0, 0), landmarks=near.landmarks + np.array([3, 4]), deviation=np.array([1, 3, 1.0]))  # fmt: skip
    tally.add([off], [near, true_head(170, 50, ignore="small")])
    tally.add([], [true_head(100, 40)])
    tally.add([Head(box=near.box, ignore="fit failed", view=near.view)], [near])
    tally.add([Head(box=np.array([500, 500, 600, 600]))], [])
    rows = {row["group"]: row for row in summary(tally)}
    everything = rows["all"]
    assert (everything["heads"], tally.images, tally.surplus) == (3, 4, 1)
    assert everything["recall"] == pytest.approx(2 / 3)
    assert everything["fitted"] == pytest.approx(1 / 3)
    assert everything["nme_box"]["mean"] == pytest.approx(5)
    assert everything["geodesic"]["median"] == pytest.approx(4)
    assert everything["yaw"]["mean"] == pytest.approx(4)
    assert everything["coverage"]["mean"] == 1
    assert rows["yaw 90-135"]["recall"] == 0
    assert "yaw 135-180" not in rows


def test_shapes_are_compared_within_one_model_only():
    head = load_head()
    turn = rotation_from_euler(20, 0, 0)
    box = np.array([0, 0, 9, 9.0])
    true = Head(
        box=box,
        rotation=turn,
        model=head,
        shape=np.ones(5),
        expression=np.zeros(1),
        jaw=np.zeros(3),
    )
    mean = Head(
        box=box,
        rotation=turn,
        model=head,
        shape=np.zeros(5),
        expression=np.zeros(1),
        jaw=np.zeros(3),
    )
    errors = head_errors(mean, true)
    assert 0.5 < errors["vertex"] < 15
    assert head_errors(true, true)["vertex"] < 0.01
    assert head_errors(true, true)["z5"] == 1
    assert head_errors(true, true)["chamfer"] < 0.05
    unknown = Head(box=box, rotation=turn)
    assert "vertex" not in head_errors(unknown, true)


# ---- published layouts ---------------------------------------------------------------------------


def write_aflw(path, pitch, yaw, roll, points):
    from scipy.io import savemat

    pose = np.deg2rad([[pitch, yaw, roll]])
    savemat(path, {"pt3d_68": points, "Pose_Para": np.c_[pose, np.zeros((1, 4))]})


def test_aflw2000(tmp_path):
    points = np.random.default_rng(0).uniform(100, 300, (3, 68))
    write_aflw(tmp_path / "image00002.mat", 10, -35, 5, points)
    write_aflw(tmp_path / "image00004.mat", 10, -120, 5, points)
    assert published.layout(tmp_path) == "aflw2000"
    first, second = published.read(tmp_path)
    assert first.name == "image00002"
    np.testing.assert_allclose(first.head.landmarks, points[:2].T - 0.5)
    np.testing.assert_allclose(vggheads_angles(first.head.view), [5, 10, -35])
    # nose to the image's right, as their yaw below 0 says
    assert (first.head.view @ [0, 0, 1])[0] > 0.5
    assert first.head.ignore is None
    assert second.head.ignore is not None
    np.testing.assert_allclose(rotation_from_vggheads(0, 0, 0), np.diag([1, -1, -1]), atol=1e-12)


def test_300w(tmp_path):
    points = np.arange(136).reshape(68, 2)
    rows = "\n".join(f"{x} {y}" for x, y in points)
    (tmp_path / "indoor_001.pts").write_text(f"version: 1\nn_points:  68\n{{\n{rows}\n}}\n")
    (item,) = published.read(tmp_path)
    assert item.name == "indoor_001"
    np.testing.assert_array_equal(item.head.landmarks, points - 0.5)
    assert item.head.view is None
    (tmp_path / "indoor_002.pts").write_text("n_points: 68\n{\n1 2\n}\n")
    with pytest.raises(ValueError, match="indoor_002"):
        list(published.read(tmp_path))


@pytest.fixture(scope="module")
def flame(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flame")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield load_head(str(flame_files.write_npz(folder / "flame.npz")))


def test_dad3dheads(tmp_path, flame):
    """A mesh before an OpenGL camera; what comes out is where a pinhole camera sees it, y down."""
    turn = rotation_from_euler(40, 10, 0)
    place = np.array([0.1, -0.05, 1.5])
    focal, width, height = 600.0, 320, 240
    upright = np.diag([1.0, -1.0, -1.0])
    view = np.eye(4)
    view[:3, :3], view[:3, 3] = upright @ turn, upright @ place
    projection = np.array(
        [[-focal, 0, width / 2, 0], [0, -focal, height / 2, 0], [0, 0, 1, 1], [0, 0, 1, 0]]
    )
    (tmp_path / "annotations").mkdir()
    (tmp_path / "images").mkdir()
    Image.new("RGB", (width, height)).save(tmp_path / "images" / "x1.png")
    (tmp_path / "val.json").write_text(json.dumps([{"item_id": "x1", "bbox": [10, 20, 30, 40]}]))
    stored = {"vertices": flame.template.tolist(), "model_view_matrix": view.tolist(), "projection_matrix": projection.tolist()}  # fmt: skip
    (tmp_path / "annotations" / "x1.json").write_text(json.dumps(stored))
    (item,) = published.read(tmp_path, flame)
    np.testing.assert_allclose(item.head.rotation, turn, atol=1e-9)
    np.testing.assert_array_equal(item.head.box, [10, 20, 40, 60])
    seen = flame.template[flame.landmarks68] @ turn.T + place
    pixels = seen[:, :2] / seen[:, 2:] * focal + [width / 2, height / 2]
    np.testing.assert_allclose(item.head.landmarks, pixels, atol=1e-6)
    found = Head(box=item.head.box, rotation=turn, view=turn, landmarks=pixels, model=flame, shape=np.zeros(3), expression=np.zeros(3), jaw=np.zeros(3))  # fmt: skip
    errors = head_errors(found, item.head)
    assert errors["nme_box"] == pytest.approx(0, abs=1e-6)
    assert errors["frobenius"] == pytest.approx(0, abs=1e-6)
    assert errors["z5"] == 1
    assert errors["chamfer"] == pytest.approx(0, abs=1e-3)
    with pytest.raises(ValueError, match="--head"):
        list(published.read(tmp_path))
    (tmp_path / "val.json").write_text(json.dumps([{"item_id": "../x", "bbox": [1, 2, 3, 4]}]))
    with pytest.raises(ValueError, match="no name of a file"):
        list(published.read(tmp_path, flame))


def test_a_face_is_the_head_that_holds_it():
    """Boxes of landmarks are smaller than heads, so that overlap alone would miss them."""
    tally = Tally(matcher="face")
    face = Head(box=np.array([40, 60, 80, 100.0]), landmarks=np.zeros((68, 2)))
    around = Head(box=np.array([20, 10, 100, 110.0]), score=0.3, landmarks=np.zeros((68, 2)))
    beside = Head(box=np.array([200, 10, 300, 110.0]), score=0.9, landmarks=np.ones((68, 2)))
    tally.add([beside, around], [face])
    assert tally.groups["all"].found == 1
    assert tally.groups["all"].errors["nme_box"] == [0]


def test_an_empty_folder_is_no_data_set(tmp_path):
    with pytest.raises(ValueError, match="neither"):
        published.layout(tmp_path)
