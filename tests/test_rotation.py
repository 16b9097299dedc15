"""Head angles and rotations: the sign table computed by hand, and what must hold of every rotation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headkit.head import rotation as rot

NOSE, UP, LEFT = np.eye(3)[[2, 1, 0]]
ROOT = np.sqrt(0.5)
angle = st.floats(-179.9, 179.9)
vector = st.tuples(*[st.floats(-3, 3)] * 3).map(np.array)


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll", "nose", "up"),
    [  # where nose and crown point in the camera frame: x right, y down, z away from the camera
        (0, 0, 0, (0, 0, -1), (0, -1, 0)),  # looks into the camera
        (90, 0, 0, (1, 0, 0), (0, -1, 0)),  # nose to the image's right
        (-90, 0, 0, (-1, 0, 0), (0, -1, 0)),
        (180, 0, 0, (0, 0, 1), (0, -1, 0)),  # seen from behind
        (45, 0, 0, (ROOT, 0, -ROOT), (0, -1, 0)),
        (0, 90, 0, (0, -1, 0), (0, 0, 1)),  # nose up, crown away from the camera
        (0, -45, 0, (0, ROOT, -ROOT), (0, -ROOT, -ROOT)),  # nose down, crown towards it
        (0, 0, 90, (0, 0, -1), (1, 0, 0)),  # clockwise: crown to the image's right
        (0, 0, -90, (0, 0, -1), (-1, 0, 0)),
        (90, 0, 90, (1, 0, 0), (0, 0, 1)),  # roll is about the nose, after yaw
    ],
)
def test_signs(yaw, pitch, roll, nose, up):
    found = rot.rotation_from_euler(yaw, pitch, roll)
    np.testing.assert_allclose(found @ NOSE, nose, atol=1e-15)
    np.testing.assert_allclose(found @ UP, up, atol=1e-15)


def test_facing_the_camera_is_the_documented_matrix():
    np.testing.assert_array_equal(rot.rotation_from_euler(0, 0, 0), np.diag([1, -1, -1]))
    # the subject's left is then at the image's right
    np.testing.assert_array_equal(rot.FRONTAL @ LEFT, [1, 0, 0])


@given(angle, st.floats(-89, 89), angle)
def test_angles_survive(yaw, pitch, roll):
    found = rot.euler_from_rotation(rot.rotation_from_euler(yaw, pitch, roll))
    np.testing.assert_allclose(found, [yaw, pitch, roll], atol=1e-6)


@given(vector)
def test_every_rotation_survives_its_angles(v):
    r = rot.rodrigues(v)
    angles = rot.euler_from_rotation(r)
    assert -180 < angles[0] <= 180
    assert -180 < angles[2] <= 180
    np.testing.assert_allclose(rot.rotation_from_euler(*angles), r, atol=1e-5)


@pytest.mark.parametrize("pitch", [90, -90])
@pytest.mark.parametrize("yaw", [0, 30, -120])
def test_straight_up_and_down_keep_the_rotation(yaw, pitch):
    r = rot.rotation_from_euler(yaw, pitch, 25)
    angles = rot.euler_from_rotation(r)
    assert angles[2] == 0
    np.testing.assert_allclose(rot.rotation_from_euler(*angles), r, atol=1e-7)


@given(vector)
def test_rotation_vector_inverts_rodrigues(v):
    r = rot.rodrigues(v)
    np.testing.assert_allclose(r @ r.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(r) == pytest.approx(1)
    back = rot.rotation_vector(r)
    assert np.linalg.norm(back) <= np.pi + 1e-9
    np.testing.assert_allclose(rot.rodrigues(back), r, atol=1e-9)


@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-6, 1.0, np.pi - 1e-9, np.pi])
def test_rotation_vector_of_small_and_half_turns(size):
    v = size * np.array([0.48, -0.6, 0.64])
    back = rot.rotation_vector(rot.rodrigues(v))
    assert min(np.abs(back - v).max(), np.abs(back + v).max()) < 1e-9 + 1e-9 * size


def test_geodesic():
    base = rot.rodrigues([0.3, -0.2, 0.9])
    for degrees in (0, 1e-6, 1, 90, 179, 180):
        turned = base @ rot.rodrigues(np.deg2rad(degrees) * np.array([0.6, 0, 0.8]))
        assert float(rot.geodesic(base, turned)) == pytest.approx(degrees, abs=1e-5)
    assert rot.geodesic(np.stack([base] * 3), base).shape == (3,)


@given(vector)
def test_six_numbers(v):
    r = rot.rodrigues(v)
    np.testing.assert_array_equal(rot.six_d(r)[:3], r[:, 0])  # columns, not rows
    np.testing.assert_allclose(rot.rotation_from_six_d(rot.six_d(r) * 3), r, atol=1e-12)


def test_smallest_rotation_between_directions():
    found = rot.rotation_between([0, 0, 2.0], [3.0, 0, 3.0])
    np.testing.assert_allclose(found, rot.rodrigues([0, np.pi / 4, 0]), atol=1e-15)
    with pytest.raises(ValueError, match="opposite"):
        rot.rotation_between([0, 0, 1.0], [0, 0, -1.0])


def test_batches_equal_single_rotations():
    rng = np.random.default_rng(0)
    many = rng.normal(size=(4, 5, 3))
    rotations = rot.rodrigues(many)
    angles = rot.euler_from_rotation(rotations)
    for index in np.ndindex(4, 5):
        np.testing.assert_array_equal(rot.rodrigues(many[index]), rotations[index])
        np.testing.assert_array_equal(rot.euler_from_rotation(rotations[index]), angles[index])
    np.testing.assert_allclose(
        rot.rotation_from_euler(*np.moveaxis(angles, -1, 0)), rotations, atol=1e-12
    )
