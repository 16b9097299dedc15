"""The pinhole camera: hand-computed pixels, and the rotation that a crop shows."""

import numpy as np
import pytest

from headkit.head import camera, rotation


def test_project_by_hand():
    k = camera.intrinsics(640, 480, 500)
    np.testing.assert_array_equal(k, [[500, 0, 320], [0, 500, 240], [0, 0, 1]])
    points = [[0, 0, 2], [0.4, 0, 2], [0, 0.4, 2], [-1, -1, 5]]
    expected = [[320, 240], [420, 240], [320, 340], [220, 140]]
    np.testing.assert_allclose(camera.project(points, k), expected)


def test_nothing_is_seen_behind_the_camera():
    k = camera.intrinsics(100, 100, 100)
    assert np.isnan(camera.project([[0, 0, -1.0], [0, 0, 0.0]], k)).all()


def test_on_the_axis_view_is_the_rotation():
    r = rotation.rotation_from_euler(30, 10, 5)
    np.testing.assert_allclose(camera.view_rotation(r, [0, 0, 3.0]), r, atol=1e-15)


@pytest.mark.parametrize(
    ("translation", "yaw", "pitch"),
    [  # a head with R = diag(1, -1, -1) looks along the camera's axis, past the camera
        (
            [1.0, 0, 1.0],
            45,
            0,
        ),  # at the right of the picture it shows its right side: nose to the image's right
        ([-1.0, 0, 1.0], -45, 0),
        ([0, -1.0, 1.0], 0, 45),  # above the camera it shows its chin: nose up
        ([0, 1.0, 1.0], 0, -45),
    ],
)
def test_off_the_axis(translation, yaw, pitch):
    view = camera.view_rotation(rotation.FRONTAL, translation)
    np.testing.assert_allclose(rotation.euler_from_rotation(view), [yaw, pitch, 0], atol=1e-12)


def test_a_head_that_looks_at_the_camera_is_frontal_wherever_it_is():
    for where in ([1.2, 0.3, 2.0], [-0.4, -0.9, 1.1]):
        r = camera.camera_rotation(rotation.FRONTAL, where)
        toward = -np.array(where) / np.linalg.norm(where)
        np.testing.assert_allclose(r @ [0, 0, 1], toward, atol=1e-12)
        np.testing.assert_allclose(camera.view_rotation(r, where), rotation.FRONTAL, atol=1e-12)


def test_batch():
    rng = np.random.default_rng(1)
    r = rotation.rodrigues(rng.normal(size=(6, 3)))
    t = rng.normal(size=(6, 3)) + np.array([0, 0, 5])
    views = camera.view_rotation(r, t)
    for k in range(6):
        np.testing.assert_allclose(views[k], camera.view_rotation(r[k], t[k]), atol=1e-15)
