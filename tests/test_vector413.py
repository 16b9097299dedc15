"""The published 413-vector: its layout, its three frames, and that the published code's slips are not ours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headkit.head import vector413
from headkit.head.camera import intrinsics, project
from headkit.head.loading import load_head
from headkit.head.rotation import (
    geodesic,
    rodrigues,
    rotation_from_euler,
    six_d,
    vggheads_angles,
    wrapped,
)


def some_vector(seed=0, scale=0.4):
    rng = np.random.default_rng(seed)
    turn = rotation_from_euler(*rng.uniform(-60, 60, 3))
    parts = [rng.normal(size=300), rng.normal(size=100), rng.normal(0, 0.1, 3), six_d(turn)]
    return np.concatenate([*parts, rng.uniform(-0.5, 0.5, 3), [scale]])


@pytest.fixture(scope="module")
def vertices():
    return load_head().template.astype(float)


def test_layout_is_the_published_one():
    parts = vector413.read(np.arange(413))
    assert parts.shape[[0, -1]].tolist() == [0, 299]
    assert parts.expression[[0, -1]].tolist() == [300, 399]
    assert parts.jaw.tolist() == [400, 401, 402]  # before the rotation
    assert parts.six_d.tolist() == [403, 404, 405, 406, 407, 408]
    assert parts.translation.tolist() == [409, 410, 411]
    assert parts.scale == 412


def test_writing_is_the_inverse_of_reading():
    """The published serialiser puts the rotation before the jaw, so that its round trip corrupts both."""
    vector = some_vector()
    np.testing.assert_array_equal(vector413.write(vector413.read(vector)), vector)


def test_six_numbers_make_the_published_rotation():
    """b3 = b1 x c, normalised, b2 = b3 x b1: columns, from six numbers that need not be orthonormal."""
    six = np.array([0.9, 0.1, -0.3, 0.2, -1.1, 0.4])
    b1 = six[:3] / np.linalg.norm(six[:3])
    b3 = np.cross(b1, six[3:])
    b3 /= np.linalg.norm(b3)
    expected = np.stack([b1, -np.cross(b1, b3), b3], axis=1)
    parts = vector413.read(np.r_[np.zeros(403), six, np.zeros(4)])
    np.testing.assert_allclose(parts.rotation, expected, atol=1e-12)
    assert np.linalg.det(parts.rotation) == pytest.approx(1)


def test_crop_frame_is_the_published_formula(vertices):
    """256 whatever the crop, scale + 1, and the corner of extended_bbox added."""
    parts = vector413.read(some_vector())
    turned = vertices @ parts.rotation.T
    expected = (1.4 * turned[:, :2] + parts.translation[:2] + 1) * 128 + [30, 50]
    np.testing.assert_allclose(vector413.project_crop(parts, vertices, (30, 50)), expected)
    moved = vector413.image_from_crop(parts, (30, 50))
    np.testing.assert_allclose(vector413.project_image(moved, vertices)[:, :2], expected)
    assert moved.scale == pytest.approx(128 * 1.4)  # pixels a unit
    back = vector413.crop_from_image(moved, (30, 50))
    np.testing.assert_allclose(back.translation[:2], parts.translation[:2], atol=1e-12)
    assert back.scale == pytest.approx(parts.scale)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 640), (1, 0, 0)),
        ((1280, 640), (0.5, 0, 160)),
        ((300, 900), (640 / 900, 213, 0)),
        ((641, 100), (640 / 641, 0, 270)),
    ],
)
def test_letterbox(size, expected):
    box = vector413.letterbox(*size)
    assert (box.ratio, box.left, box.top) == pytest.approx(expected)


@pytest.mark.parametrize("size", [(640, 480), (300, 900), (1920, 1080), (640, 640)])
def test_network_frame_moves_with_the_letterbox(size, vertices):
    """All three: the published code rescales the scale and leaves the translation in network pixels."""
    box = vector413.letterbox(*size)
    parts = vector413.read(np.r_[some_vector()[:409], 200.0, 300.0, 5.0, 900.0])
    in_network = vector413.project_image(parts, vertices)
    moved = vector413.image_from_network(parts, box)
    in_image = vector413.project_image(moved, vertices)
    padding = np.array([box.left, box.top, 0])
    np.testing.assert_allclose(in_image, (in_network - padding) / box.ratio, atol=1e-9)
    back = vector413.network_from_image(moved, box)
    np.testing.assert_allclose(vector413.write(back), vector413.write(parts), atol=1e-9)


@given(st.integers(0, 10**6))
def test_camera_and_vector_are_inverse(seed):
    rng = np.random.default_rng(seed)
    K = intrinsics(1000, 800, 900)
    turn = rodrigues(rng.uniform(-3, 3, 3))
    place = np.array([*rng.uniform(-0.5, 0.5, 2), rng.uniform(0.8, 5)])
    vector, _ = vector413.from_camera(
        np.zeros(3), np.zeros(2), np.zeros(3), turn, place, K, np.zeros((1, 3))
    )
    found_turn, found_place = vector413.to_camera(vector, K)
    np.testing.assert_allclose(found_turn, turn, atol=1e-9)
    np.testing.assert_allclose(found_place, place, atol=1e-9)


def test_weak_perspective_says_what_it_costs(vertices):
    """Far heads fit it to a tenth of a pixel; near ones do not, and the number says so."""
    K = intrinsics(1000, 1000, 1000)
    turn = rotation_from_euler(30, 10, 0)
    args = (np.zeros(10), np.zeros(5), np.zeros(3))
    errors = [vector413.from_camera(*args, turn, [0, 0, z], K, vertices)[1] for z in (0.5, 2, 20)]
    sizes = [1000 * 0.2 / z for z in (0.5, 2, 20)]
    shares = [error / size for error, size in zip(errors, sizes, strict=True)]
    assert shares[0] > 0.08
    assert shares[0] > 3 * shares[1] > 9 * shares[2]
    assert shares[2] < 0.005
    at_edge = vector413.from_camera(*args, turn, [8, 5, 20], K, vertices)
    exact = project(vertices @ turn.T + [8, 5, 20], K)
    apart = np.linalg.norm(vector413.project_image(at_edge[0], vertices)[:, :2] - exact, axis=1)
    assert apart.max() == pytest.approx(at_edge[1])
    assert at_edge[1] < 1.5  # of a head of 10 pixels, 25 degrees off the axis


@pytest.mark.parametrize("bad", [np.zeros(412), np.full(413, np.nan), np.zeros((1, 413))])
def test_vectors_that_are_none(bad):
    with pytest.raises(ValueError, match="vector"):
        vector413.read(bad)


# ---- angles of the published numbers -------------------------------------------------------------


def test_published_angles_are_scipys():
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(4)
    turns = rodrigues(rng.normal(size=(50, 3)))
    expected = Rotation.from_matrix(turns.transpose(0, 2, 1)).as_euler("xyz", degrees=True)
    found = vggheads_angles(turns)
    np.testing.assert_allclose(found[:, 0], expected[:, 2], atol=1e-9)
    np.testing.assert_allclose(wrapped(found[:, 1] - expected[:, 0] + 180), 0, atol=1e-9)
    np.testing.assert_allclose(found[:, 2], expected[:, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((40, 0, 0), (0, 0, -40)),  # nose to the image's right: their yaw is below 0
        ((0, 25, 0), (0, 25, 0)),  # nose up
        ((0, 0, 15), (15, 0, 0)),  # clockwise
    ],
)
def test_signs_of_published_angles(ours, theirs):
    found = vggheads_angles(rotation_from_euler(*ours))
    np.testing.assert_allclose(found, theirs, atol=1e-9)


def test_wrapping_is_right_at_the_seam():
    assert wrapped([181, -181, 180, -180, 540, 0]).tolist() == [-179, 179, 180, 180, 180, 0]
    behind = geodesic(rotation_from_euler(179, 0, 0), rotation_from_euler(-179, 0, 0))
    assert behind == pytest.approx(2)
    assert abs(wrapped(179 - (-179))) == pytest.approx(2)
