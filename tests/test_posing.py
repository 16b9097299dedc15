"""Bodies posed to key points: projections, plausibility, what is refused, and the skeleton under it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headkit.head.camera import intrinsics, view_rotation
from headkit.head.rotation import FRONTAL, euler_from_rotation, rodrigues
from headkit.render.human.body import load_body
from headkit.render.pose import postures, stature
from headkit.render.pose.attitudes import ATTITUDES, draw_angles, face_seen, other_side
from headkit.render.pose.depth_order import Person, fit_people
from headkit.render.pose.gravity import LEVEL, up_of
from headkit.render.pose.kinematics import (
    EVERY,
    UNKNOWNS,
    move,
    place,
    rig_of,
    transforms_of,
    unknowns_of,
    unplaced,
)
from headkit.render.pose.posing import draw_pose, fit_pose
from headkit.render.pose.rigging import build
from headkit.render.pose.skeleton import (
    ANGLE,
    ANGLES,
    BONES,
    FITTED,
    HIGH,
    INDEX,
    LENGTH_SHARES,
    LOW,
    MEAN,
    PARENTS,
    SIGMA,
    key_points,
)
from headkit.render.scene import Wanted, compose

SIZE = 640
K = intrinsics(SIZE, SIZE, 1.2 * SIZE)
LEFT_ELBOW, LEFT_WRIST, LEFT_HIP, LEFT_KNEE, LEFT_ANKLE = 7, 9, 11, 13, 15


@pytest.fixture(scope="module")
def body():
    return load_body()


@pytest.fixture(scope="module")
def someone(body):
    """Makes the rest pose of a person, the same for the same number."""

    def make(number=0, age=None):
        rng = np.random.default_rng(number)
        years = rng.uniform(20, 60) if age is None else age
        return body.rest(body.identity(sex=rng.random(), age=years, origin="european", rng=rng))

    return make


@pytest.fixture(scope="module")
def seen(body):
    """Draws a person in an attitude and projects it: key points, box, and the pose they came from."""

    def draw(rest, attitude="standing", yaw=0.3, roll=0.0, at=(0.0, 0.0, 4.0), seed=0):
        rng = np.random.default_rng(seed)
        root = rodrigues([0, 0, roll]) @ FRONTAL @ rodrigues([0, yaw, 0])
        true = draw_pose(body, rest, attitude, rng, root, np.array(at))
        pixels = true.joints @ K.T
        pixels = pixels[:, :2] / pixels[:, 2:]
        head = true.bone_transforms[INDEX["head"]]
        centre = head[:, :3] @ rest.joints[INDEX["head"]] + head[:, 3]
        known = np.ones(17)
        known[:5] = face_seen(head[:, :3], centre)
        box = np.concatenate([pixels.min(0) - 6, pixels.max(0) + 6])
        return np.column_stack([pixels, known]), box, true

    return draw


def test_bones_follow_the_unknowns_as_a_plain_implementation_says(someone):
    skeleton = build(someone().joints)
    rng = np.random.default_rng(0)
    angles = rng.normal(MEAN, SIGMA)
    lengths = rng.normal(0, 0.05, 3)
    root = rodrigues(rng.normal(size=3))
    at = np.array([0.2, -0.1, 3.0])
    found = transforms_of(unknowns_of(angles, at, lengths), root, rig_of(skeleton))

    scale = np.exp(LENGTH_SHARES @ lengths)
    frames, expected = [], np.zeros((len(BONES), 3, 4))
    for bone, parent in enumerate(PARENTS):
        frame = root if parent < 0 else frames[parent]
        position = at
        if parent >= 0:
            position = expected[parent] @ [*skeleton.joints[bone], 1]
        for turn in np.flatnonzero(skeleton.turn_bone == bone):
            used = skeleton.turn_angle[turn]
            size = np.where(used >= 0, angles[used], 0) * skeleton.turn_share[turn]
            frame = frame @ rodrigues(size @ skeleton.turn_axis[turn])
        frames.append(frame @ skeleton.settle[bone])
        expected[bone, :, :3] = scale[bone] * frames[bone]
        expected[bone, :, 3] = position - expected[bone, :, :3] @ skeleton.joints[bone]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_derivatives_are_those_of_small_steps(body, someone):
    rest = someone()
    rig = rig_of(build(rest.joints))
    points = np.ascontiguousarray(body.key_points(rest))
    rng = np.random.default_rng(1)
    unknowns = unknowns_of(
        rng.normal(MEAN, SIGMA), np.array([0.2, -0.1, 3.0]), rng.normal(0, 0.05, 3)
    )
    root = rodrigues(rng.normal(size=3))
    placed, moved, change = unplaced(rig), np.zeros((17, 3)), np.zeros((17, 3, UNKNOWNS))
    place(unknowns, root, rig, placed)
    move(points, rig, placed, moved, change)

    def at(number, step):
        turned = rodrigues(step * np.eye(3)[number]) @ root if number < 3 else root
        stepped = unknowns + (step * np.eye(EVERY)[number] if number >= 3 else 0)
        return key_points(transforms_of(stepped, turned, rig), points)

    for number in range(UNKNOWNS):
        expected = (at(number, 1e-6) - at(number, -1e-6)) / 2e-6
        np.testing.assert_allclose(change[:, :, number], expected, atol=1e-7, err_msg=str(number))


def test_every_angle_has_the_meaning_it_says(body, someone):
    rest = someone()
    rig = rig_of(build(rest.joints))
    points = body.key_points(rest)
    ahead = np.array([0.0, 0.0, 1.0])

    def joints(**turned):
        angles = np.zeros(len(ANGLES))
        for name, value in turned.items():
            angles[ANGLE[name]] = value
        return key_points(transforms_of(unknowns_of(angles, ahead), np.eye(3), rig), points) - ahead

    zero = joints()
    x, y, z = range(3)
    upper, fore = zero[LEFT_ELBOW] - zero[5], zero[LEFT_WRIST] - zero[LEFT_ELBOW]
    assert abs(np.degrees(np.arctan2(upper[x], -upper[y])) - 45) < 8  # arms 45 degrees out
    assert upper @ fore / np.linalg.norm(upper) / np.linalg.norm(fore) > 0.99  # elbows straight
    thigh, shin = zero[LEFT_KNEE] - zero[LEFT_HIP], zero[LEFT_ANKLE] - zero[LEFT_KNEE]
    assert -thigh[y] > 0.97 * np.linalg.norm(thigh)
    assert -shin[y] > 0.97 * np.linalg.norm(shin)

    def gain(point, axis, **turned):
        return joints(**turned)[point, axis] - zero[point, axis]

    assert gain(LEFT_WRIST, z, elbow_left=1.0) > 0.15  # forward
    assert gain(LEFT_ANKLE, z, knee_left=1.0) < -0.2  # back
    assert gain(LEFT_KNEE, z, hip_forward_left=1.0) > 0.2
    assert gain(LEFT_KNEE, x, hip_out_left=0.5) > 0.1
    assert gain(LEFT_ELBOW, y, shoulder_out_left=0.5) > 0.08
    assert gain(LEFT_ELBOW, z, shoulder_forward_left=0.5) > 0.08
    assert gain(5, y, clavicle_raise_left=0.3) > 0.02
    assert gain(5, z, clavicle_forward_left=0.3) > 0.02
    assert gain(0, x, neck_turn=0.5) > 0.03  # the nose to the subject's left
    assert gain(0, y, neck_nod=0.5) < -0.03
    assert gain(1, x, neck_tilt=0.5) < 0  # to the subject's right
    assert gain(0, z, spine_bend=0.5) > 0.1
    assert gain(0, x, spine_lean=0.3) < -0.1
    assert gain(5, z, spine_twist=0.3) < 0  # the left shoulder goes back
    for name in ("elbow", "shoulder_out", "shoulder_forward", "shoulder_twist", "hip_out", "knee"):
        left = joints(**{f"{name}_left": 0.6})
        right = joints(**{f"{name}_right": 0.6})
        swap = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
        np.testing.assert_allclose(left[5:], (right * [-1, 1, 1])[swap][5:], atol=0.02)


def test_poses_drawn_from_a_body_are_found_again(body, someone, seen):
    errors, leans = [], []
    for number in range(51):
        rng = np.random.default_rng(number)
        attitude = sorted(ATTITUDES)[number % len(ATTITUDES)]
        keypoints, box, true = seen(someone(number), attitude, yaw=rng.uniform(-3, 3), seed=number)
        keypoints[rng.random(17) < 0.2, 2] = 0
        keypoints[12, 2] = 1
        keypoints[:, :2] += rng.normal(0, 0.5, (17, 2))
        found = fit_pose(body, someone(number + 100), keypoints, box, K, rng)
        errors.append(100 * found.error_px[keypoints[:, 2] > 0] / (box[3] - box[1]))
        assert (np.isnan(found.error_px) == (keypoints[:, 2] == 0)).all()
        head = found.bone_transforms[INDEX["head"], :, :3]
        np.testing.assert_allclose(head @ head.T, np.eye(3), atol=1e-9)  # rigid: labels decode
        beyond = np.maximum(found.angles - HIGH, LOW - found.angles)
        assert beyond.max() < 0.35, ANGLES[int(beyond.argmax())].name
        assert np.abs(found.lengths).max() < 0.16
        leans.append(abs(lean(found.joints) - lean(true.joints)))
    assert np.median(np.concatenate(errors)) <= 0.3  # the bar is 0.6
    assert max(np.median(error) for error in errors) <= 1.0  # the bar is 2
    assert np.median(leans) < 5
    assert np.quantile(leans, 0.9) < 16


def lean(joints):
    """Degrees by which the trunk leans away from the camera."""
    trunk = joints[[5, 6]].mean(0) - joints[[11, 12]].mean(0)
    return np.degrees(np.arcsin(trunk[2] / np.linalg.norm(trunk)))


def test_a_body_of_other_proportions_does_not_lean_to_fit(body, someone, seen):
    for number in range(12):
        keypoints, box, _ = seen(someone(number), yaw=0.5 * number, seed=number)
        found = fit_pose(body, someone(200 + number), keypoints, box, K, np.random.default_rng(0))
        assert abs(lean(found.joints)) < 12


@pytest.mark.skipif("HEADKIT_TEST_DATA" not in os.environ, reason="HEADKIT_TEST_DATA is not set")
def test_people_of_real_photographs(body, someone):
    rows = Path(os.environ["HEADKIT_TEST_DATA"], "poses_coco.jsonl").read_text().splitlines()
    errors = []
    for row in map(json.loads, rows):
        camera = intrinsics(row["width"], row["height"], 1.2 * max(row["width"], row["height"]))
        people = [
            Person(someone(len(errors) + n), p["keypoints"], p["box"], np.random.default_rng(n))
            for n, p in enumerate(row["poses"])
        ]
        for person, found in zip(row["poses"], fit_people(body, people, camera), strict=True):
            tall = person["box"][3] - person["box"][1]
            errors.append(100 * found.error_px[~np.isnan(found.error_px)] / tall)
    assert np.median(np.concatenate(errors)) <= 0.6
    assert max(np.median(error) for error in errors) <= 2


@pytest.mark.parametrize(
    "head",
    [
        {"yaw": 60.0, "pitch": -20.0, "roll": 15.0},
        {"yaw": -35.0, "pitch": 12.0, "roll": 0.0},
        {"yaw": 20.0},
    ],
)
def test_a_head_turns_to_the_very_angles_asked_for(body, someone, seen, head):
    rest = someone()
    keypoints, box, _ = seen(rest, at=(1.0, -0.3, 4.0))
    keypoints[:5, 2] = 0
    found = fit_pose(body, rest, keypoints, box, K, np.random.default_rng(0), head)
    bone = found.bone_transforms[INDEX["head"]]
    view = view_rotation(bone[:, :3], bone[:, :3] @ rest.head_translation + bone[:, 3])
    asked = [head.get(name, 0.0) for name in ("yaw", "pitch", "roll")]
    np.testing.assert_allclose(euler_from_rotation(view), asked, atol=1e-3)


def test_flags_of_the_face_decide_who_looks_at_the_camera(body, someone, seen):
    rest = someone()
    keypoints, box, _ = seen(rest, yaw=0.0)
    for flags, sign in (([1, 1, 1, 1, 1], -1), ([0, 0, 0, 1, 1], 1)):
        given_points = keypoints.copy()
        if sign > 0:
            given_points[[3, 4], :2] = keypoints[[4, 3], :2]
        given_points[:5, 2] = flags
        given_points[5:, 0] = SIZE / 2  # arms and legs say nothing about left and right
        found = fit_pose(body, rest, given_points, box, K, np.random.default_rng(0))
        assert np.sign(found.bone_transforms[INDEX["head"], 2, 2]) == sign


def test_what_is_not_seen_is_filled_in_upright(body, someone, seen):
    rest = someone()
    keypoints, box, true = seen(rest)
    keypoints[7:, 2] = 0  # a bust
    found = fit_pose(body, rest, keypoints, box, K, np.random.default_rng(0))
    assert found.joints[LEFT_ANKLE, 1] - found.joints[LEFT_HIP, 1] > 0.65  # y is down
    assert found.joints[LEFT_WRIST, 1] > found.joints[5, 1] + 0.3
    assert abs(found.joints[0, 2] / true.joints[0, 2] - 1) < 0.15


@pytest.mark.parametrize("hidden", [[16], [14, 16]])
def test_a_leg_that_is_not_seen_sits_as_the_other_does(body, someone, seen, hidden):
    rest = someone()
    keypoints, box, _ = seen(rest, "sitting", yaw=0.6)
    keypoints[hidden, 2] = 0
    found = fit_pose(body, rest, keypoints, box, K, np.random.default_rng(0))
    left, right = (found.angles[ANGLE[f"knee_{side}"]] for side in ("left", "right"))
    assert abs(left - right) < 0.4
    assert left > 1.0


def test_people_from_behind_do_not_lean_backward(body, someone, seen):
    for number in range(8):
        keypoints, box, _ = seen(someone(number), yaw=np.pi + 0.2 * number, seed=number)
        keypoints[13:, 2] = 0
        found = fit_pose(body, someone(300 + number), keypoints, box, K, np.random.default_rng(0))
        front = found.rotation[:, 2]
        trunk = found.joints[[5, 6]].mean(0) - found.joints[[11, 12]].mean(0)
        assert trunk @ front / np.linalg.norm(trunk) > -0.2


@pytest.mark.parametrize("roll", [np.pi, np.pi / 2, -np.pi / 2])
def test_people_upside_down_and_lying(body, someone, seen, roll):
    rest = someone()
    keypoints, box, true = seen(rest, roll=roll)
    found = fit_pose(body, rest, keypoints, box, K, np.random.default_rng(0))
    assert np.nanmax(found.error_px) < 2
    trunk = found.joints[5] - found.joints[11]
    expected = true.joints[5] - true.joints[11]
    assert trunk @ expected > 0.9 * np.linalg.norm(trunk) * np.linalg.norm(expected)


def test_any_body_takes_any_key_points(body, someone, seen):
    adult, child = someone(), someone(3, age=1.0)
    keypoints, box, _ = seen(adult)
    only_nose = keypoints.copy()
    only_nose[1:, 2] = 0
    only_face = keypoints.copy()
    only_face[5:, 2] = 0
    tiny = keypoints.copy()
    tiny[:, :2] = SIZE / 2 + (tiny[:, :2] - SIZE / 2) * 8 / (box[3] - box[1])
    one_place = keypoints.copy()
    one_place[:, :2] = 300.0
    outside = keypoints + np.array([900, 0, 0])
    for points in (only_nose, only_face, tiny, one_place, outside):
        for rest in (adult, child):
            for given_box in (box, None, [10, 10, 10, 10]):
                found = fit_pose(body, rest, points, given_box, K, np.random.default_rng(0))
                assert np.isfinite(found.bone_transforms).all()
                assert found.joints[:, 2].min() > 0
    found = fit_pose(body, adult, tiny, None, K, np.random.default_rng(0))
    assert np.nanmax(found.error_px) < 0.5


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (np.zeros((17, 3)), "none is known"),
        (np.full((17, 3), np.nan), "not finite"),
        (np.full((17, 3), np.inf), "not finite"),
        (np.ones((16, 3)), "17 x"),
        ([["a", "b", "c"]] * 17, "not numbers"),
        (np.full((17, 3), 1e9), "million pixels"),
    ],
)
def test_broken_key_points_are_refused_in_words(body, someone, broken, words):
    with pytest.raises(ValueError, match=words):
        fit_pose(body, someone(), broken, None, K, np.random.default_rng(0))


def test_broken_boxes_and_head_angles_are_refused_in_words(body, someone, seen):
    keypoints, _, _ = seen(someone())
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="box: give four"):
        fit_pose(body, someone(), keypoints, [0, 0, np.nan, 5], K, rng)
    with pytest.raises(ValueError, match="head: yaw"):
        fit_pose(body, someone(), keypoints, None, K, rng, {"yaw": float("nan")})


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(-2000, 2000), st.floats(-2000, 2000), st.sampled_from([0.0, 0.04, 0.5, 1.0])
        ),
        min_size=17,
        max_size=17,
    )
)
def test_random_points_are_posed_or_refused(points):
    body = load_body()
    rest = body.rest(body.mean_identity())
    try:
        found = fit_pose(body, rest, points, None, K, np.random.default_rng(0))
    except ValueError:
        assert max(confidence for _, _, confidence in points) < 0.05
    else:
        assert np.isfinite(found.bone_transforms).all()


def test_the_same_arguments_give_the_same_bytes(body, someone, seen):
    keypoints, box, _ = seen(someone(), "waving")
    first = fit_pose(body, someone(7), keypoints, box, K, np.random.default_rng(5))
    fit_pose(body, someone(8), keypoints[::-1], box, K, np.random.default_rng(6))
    again = fit_pose(body, someone(7), keypoints, box, K, np.random.default_rng(5))
    assert first.bone_transforms.tobytes() == again.bone_transforms.tobytes()


# ---- several people ------------------------------------------------------------------------------


def crowd(someone, seen, spots):
    """People on one floor, 1.2 m under the camera, to be posed with other bodies."""
    people, boxes = [], []
    for number, (x, z, yaw) in enumerate(spots):
        rest = someone(number)
        _, _, first = seen(rest, yaw=yaw, at=(x, 0.0, z), seed=number)
        lift = 1.2 - first.joints[[15, 16], 1].max()
        keypoints, box, _ = seen(rest, yaw=yaw, at=(x, lift, z), seed=number)
        people.append(Person(someone(50 + number), keypoints, box, np.random.default_rng(0)))
        boxes.append(box)
    return people, boxes


def test_people_stand_on_one_floor(body, someone, seen):
    people, boxes = crowd(someone, seen, [(-0.8, 3, 0), (0, 4, 0.5), (0.8, 5, -0.4), (1.6, 6, 3)])
    alone = [fit_pose(body, p.rest, p.keypoints, p.box, K, p.rng) for p in people]
    together = fit_people(body, people, K)

    def unequal(posed):
        return np.ptp([one.joints[[15, 16], 1].max() for one in posed])

    assert unequal(together) < 0.7 * unequal(alone)
    for one, box in zip(together, boxes, strict=True):
        assert np.nanmedian(one.error_px) / (box[3] - box[1]) < 0.006


@pytest.mark.parametrize("pitch", [-12, 0, 20])
def test_people_tell_how_the_camera_is_pitched(body, someone, pitch):
    up = up_of(np.radians(pitch))
    tilt = rodrigues([np.radians(pitch), 0, 0])  # from the level frame to the camera's
    np.testing.assert_allclose(tilt @ LEVEL, up, atol=1e-12)
    people = []
    for number, (x, z) in enumerate([(-0.8, 3.5), (0.5, 4.5), (-0.3, 5.5), (1.2, 6.5)]):
        rest = someone(number)

        def stand(low, rest=rest, number=number, x=x, z=z):
            rng = np.random.default_rng(number)
            at = tilt @ [x, low, z]
            return draw_pose(body, rest, "standing", rng, tilt @ FRONTAL, at, up=up).joints

        joints = stand(1.5 + (stand(0.0)[[15, 16]] @ up).min()) @ K.T
        keypoints = np.column_stack([joints[:, :2] / joints[:, 2:], np.ones(17)])
        people.append(Person(rest, keypoints, None, np.random.default_rng(0)))
    posed = fit_people(body, people, K)
    found = np.degrees(np.arcsin(-posed[0].up[2]))
    assert abs(found - pitch) <= 6
    assert (fit_people(body, people, K, up=up)[0].up == up).all()


def test_people_do_not_stand_in_each_other(body, someone, seen):
    people, boxes = crowd(someone, seen, [(-0.16, 3, 1.4), (0.16, 3, -1.2)])
    first, second = fit_people(body, people, K)
    middles = [one.joints[[5, 6, 11, 12]].mean(0) for one in (first, second)]
    assert 0.25 < np.linalg.norm(middles[0] - middles[1]) < 0.8
    for one, box in zip((first, second), boxes, strict=True):
        assert np.nanmedian(one.error_px) / (box[3] - box[1]) < 0.006


def test_a_person_alone_is_posed_as_without_others(body, someone, seen):
    keypoints, box, _ = seen(someone())
    (together,) = fit_people(body, [Person(someone(), keypoints, box, np.random.default_rng(3))], K)
    alone = fit_pose(body, someone(), keypoints, box, K, np.random.default_rng(3))
    assert together.bone_transforms.tobytes() == alone.bone_transforms.tobytes()


def test_a_failure_names_the_person(body, someone, seen):
    keypoints, box, _ = seen(someone())
    bad = Person(someone(), np.zeros((17, 3)), box, np.random.default_rng(0))
    with pytest.raises(ValueError, match="person 1: keypoints: none is known"):
        fit_people(body, [Person(someone(), keypoints, box, np.random.default_rng(0)), bad], K)
    assert fit_people(body, [], K) == []


# ---- ages and attitudes --------------------------------------------------------------------------


def test_head_against_body_is_that_of_the_baked_human(body):
    rows = []
    for age in (1.0, 4.0, 10.0, 40.0):
        rest = body.rest(
            body.identity(sex=0.5, age=age, origin="european", rng=np.random.default_rng(0))
        )
        rig = rig_of(build(rest.joints))
        angles = np.zeros(len(ANGLES))
        joints = key_points(
            transforms_of(unknowns_of(angles, np.ones(3)), np.eye(3), rig), body.key_points(rest)
        )
        flat = np.column_stack([joints[:, :2], np.ones(17)])
        rows.append(stature.head_to_body(flat))
    expected = np.interp([1.0, 4.0, 10.0, 40.0], stature.AGES, stature.RATIO)
    np.testing.assert_allclose(rows, expected, rtol=0.1)


@pytest.mark.parametrize("age", [6.0, 12.0, 30.0])
@pytest.mark.parametrize("male", [False, True])
def test_stick_figures_have_the_proportions_of_the_baked_human(body, age, male):
    rest = body.rest(
        body.identity(
            sex=float(male), age=age, origin="european", rng=np.random.default_rng(1),
            weight=0.5, muscle=0.5, height=0.5,
        )
    )  # fmt: skip
    angles = np.zeros(len(ANGLES))
    for side in ("left", "right"):
        angles[ANGLE[f"shoulder_out_{side}"]] = -0.6
    rig = rig_of(build(rest.joints))
    joints = key_points(
        transforms_of(unknowns_of(angles, np.ones(3)), np.eye(3), rig), body.key_points(rest)
    )
    tall = np.ptp(rest.vertices[body.vertex_groups["body"], 1])
    drawn = postures.figures(
        np.array([age]), np.array([male]), np.zeros((1, postures.NORMALS)),
        np.full((1, postures.UNIFORMS), 0.2),
    )  # fmt: skip
    stick = drawn.points[0] / drawn.stature[0]
    stick[:5] = (drawn.pivot[0] + postures.FACE * drawn.head[0]) / drawn.stature[0]

    def measures(points):
        shoulders, hips, ears = (points[[a, b]].mean(axis=0) for a, b in ((5, 6), (11, 12), (3, 4)))
        pairs = ((5, 6), (11, 12), (5, 7), (7, 9), (11, 13), (13, 15))
        lengths = [np.linalg.norm(points[a] - points[b]) for a, b in pairs]
        return np.array([ears[1] - shoulders[1], shoulders[1] - hips[1], *lengths])

    # in statures: a shrug is 0.03
    np.testing.assert_allclose(measures(stick), measures(joints / tall), atol=0.02)
    assert measures(stick)[0] == pytest.approx(measures(joints / tall)[0], abs=0.009)


def test_children_are_told_from_adults(someone, seen):
    child, _, _ = seen(someone(1, age=3.0), at=(0, 0, 2.5))
    adult, _, _ = seen(someone(1, age=35.0))
    assert stature.plausible_age(child).child > 0.5 > stature.plausible_age(adult).child
    assert stature.plausible_age(child).mean < stature.plausible_age(adult).mean - 10
    ages = [stature.draw_age(adult, np.random.default_rng(n)) for n in range(50)]
    assert stature.GROWN <= min(ages) < max(ages) <= 90
    ages = [stature.draw_age(child, np.random.default_rng(n)) for n in range(50)]
    assert 0 <= min(ages) < max(ages) < stature.GROWN
    assert stature.draw_age(child, np.random.default_rng(1), least=18) >= 18
    child[7:] = 0.0  # head and shoulders are no proof
    assert stature.draw_age(child, np.random.default_rng(1)) >= stature.GROWN
    nothing = np.zeros((17, 3))
    nothing[0, 2] = 1
    assert stature.head_to_body(nothing) is None
    with pytest.raises(ValueError, match="none is known"):
        stature.plausible_age(np.zeros((17, 3)))
    assert 25 < stature.plausible_age(nothing).mean < 50


def test_an_age_asked_for_stands_and_another_is_read_from_the_key_points(someone, seen):
    child, _, _ = seen(someone(1, age=3.0), at=(0, 0, 2.5))

    def age(**asked):
        person = Wanted(child, None, None, {"hair": "bald", **asked}, seed=3)
        return compose([person], 640, 640, seed=1, place="plain").people[0].look.words["age"]

    assert age() == age(glasses="none") < stature.GROWN
    assert age(age=50) == 50
    assert age(beard="goatee") >= 18


@pytest.mark.parametrize("attitude", sorted(ATTITUDES))
def test_attitudes_stay_within_the_limits(attitude):
    angles = draw_angles(attitude, np.random.default_rng(0))
    assert (angles >= LOW).all()
    assert (angles <= HIGH).all()
    np.testing.assert_array_equal(other_side(other_side(angles)), angles)


def test_angles_that_move_key_points_come_first():
    assert all(angle.fitted == (number < FITTED) for number, angle in enumerate(ANGLES))
    assert (LOW < HIGH).all()
    assert (SIGMA > 0).all()
    assert all(angle.why for angle in ANGLES)
