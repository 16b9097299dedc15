"""The parametric human: its file, its head as a 3DMM, its body, and that the two are one."""

import time
from importlib import resources

import numpy as np
import pytest

from headkit.head.landmarks import IBUG68_MIRROR, IBUG68_PARTS, lines, mirrored
from headkit.head.loading import load_head
from headkit.head.model import HeadModel
from headkit.head.own import head_from_arrays
from headkit.head.rotation import rodrigues
from headkit.render.human import growth
from headkit.render.human.body import load_body
from headkit.render.human.phenotype import ORIGINS, hats, origin_shares
from headkit.render.pose import skeleton
from headkit.render.surface import Part

FILE = resources.files("headkit") / "data" / "human.npz"
ORIGIN_WORDS = list(ORIGINS)


@pytest.fixture(scope="module")
def body():
    return load_body()


@pytest.fixture(scope="module")
def head():
    return load_head()


def people(body, count, seed=0):
    rng = np.random.default_rng(seed)
    for k in range(count):
        age = [0.3, 4, 11, 22, 45, 80][k % 6]
        yield body.identity(sex=float(k % 2), age=age, origin=ORIGIN_WORDS[k % 7], rng=rng)


def poses(body, seed=0):
    """Random rigid transforms of every bone."""
    rng = np.random.default_rng(seed)
    out = np.zeros((len(body.bones), 3, 4))
    out[:, :, :3] = rodrigues(rng.normal(size=(len(body.bones), 3)))
    out[:, :, 3] = rng.normal(size=(len(body.bones), 3)) + np.array([0, 0, 4])
    return out


# ---- the file ------------------------------------------------------------------------------------


def test_file_is_small_plain_and_loads_quickly(body):
    with resources.as_file(FILE) as path:
        assert path.stat().st_size < 20e6
        load_body.cache_clear()
        seconds = []
        for _ in range(3):
            start = time.process_time()  # a busy machine is not our fault
            load_body()
            load_body.cache_clear()
            seconds.append(time.process_time() - start)
        assert min(seconds) < 0.3
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                assert arrays[name].dtype != object, name
                if arrays[name].dtype.kind == "f":
                    assert np.isfinite(arrays[name]).all(), name


def test_arrays_are_read_only(body, head):
    for array in (body.template, body.fine.faces, body.modes.basis, head.shape_basis):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


# ---- the head ------------------------------------------------------------------------------------


def test_shapes(head):
    count = len(head.template)
    assert head.shape_basis.shape[1:] == (count, 3)
    assert 200 <= head.n_shape <= 300
    assert head.expression_basis.shape == (52, count, 3)
    assert len(set(head.expression_names)) == 52
    assert head.faces.max() < count
    assert head.landmarks68.shape == (68,)
    assert len(head.dense) == 160
    assert 0.85 < head.jaw_weights.max() <= 1
    assert not head.head_mask.all()
    assert head.head_mask[head.dense].all()


def test_zero_is_the_template(head):
    np.testing.assert_array_equal(head.vertices(), head.template)
    np.testing.assert_array_equal(head.vertices([0.0], [0.0, 0.0], [0, 0, 0]), head.template)


def test_sums_are_those_of_float64(head):
    rng = np.random.default_rng(3)
    shape = rng.normal(size=head.n_shape)
    expression = rng.uniform(0, 0.5, size=52)
    jaw = np.array([0.2, 0.03, 0])
    plain = head.template + np.einsum("k,kvd->vd", shape, head.shape_basis.astype(float))
    plain = plain + np.einsum("k,kvd->vd", expression, head.expression_basis.astype(float))
    joint = head.jaw_joint + shape @ head.jaw_joint_basis[: head.n_shape]
    turned = (plain - joint) @ rodrigues(jaw).T + joint
    weight = head.jaw_weights[:, None]
    expected = (1 - weight) * plain + weight * turned
    np.testing.assert_allclose(head.vertices(shape, expression, jaw), expected, atol=2e-6)


def test_same_numbers_same_bytes(head):
    shape = np.random.default_rng(4).normal(size=head.n_shape)
    assert head.vertices(shape).tobytes() == head.vertices(list(shape)).tobytes()


def test_the_eyes_are_level_with_the_origin(body, head):
    ball = np.zeros(len(body.template), bool)
    for name in ("eye_left", "eye_right"):
        ball[body.vertex_groups[name]] = True
    eyes = ball[body.head_vertices]
    for person in people(body, 6):
        middle = head.vertices(person.shape)[eyes].mean(axis=0)
        assert abs(middle[1]) < 1e-4  # the origin is between the eyes' centres in height
        assert abs(middle[0]) < 2e-3  # sides differ a little
        assert 0.04 * person.head_scale < middle[2] < 0.11 * person.head_scale


def test_the_jaw_opens_the_mouth(body, head):
    inner_upper, inner_lower = head.landmarks68[62], head.landmarks68[66]
    for person in people(body, 6):
        closed = head.vertices(person.shape)
        opened = head.vertices(person.shape, head.expression(jawOpen=1), [0.361, 0, 0])
        gap = opened[inner_upper, 1] - opened[inner_lower, 1]
        assert closed[inner_upper, 1] - closed[inner_lower, 1] < 0.003
        assert 0.02 < gap < 0.05
        scalp = np.argmax(closed[:, 1])
        np.testing.assert_array_equal(opened[scalp], closed[scalp])


def test_right_hand_actions_are_mirror_images(body, head):
    place = body.modes.head_place
    mirror = place[body.mirror[body.head_vertices]]
    names = list(head.expression_names)
    for name in names:
        if name.endswith("Left"):
            left = head.expression_basis[names.index(name)]
            right = head.expression_basis[names.index(name[:-4] + "Right")]
            np.testing.assert_allclose(right, left[mirror] * [-1, 1, 1], atol=2e-6, err_msg=name)


def test_blinks_close_the_eyes(body, head):
    upper, lower = [37, 38, 43, 44], [41, 40, 47, 46]
    closed = head.expression(eyeBlinkLeft=1, eyeBlinkRight=1)
    for person in people(body, 12, seed=8):
        gaps = []
        for expression in (None, closed):
            points = head.landmarks(head.vertices(person.shape, expression))
            gaps.append(points[upper, 1] - points[lower, 1])
        assert (gaps[1] < 0.25 * gaps[0]).all()


def test_coefficients_have_variance_one_over_people(body):
    shapes = np.array([person.shape for person in people(body, 240, seed=5)])
    assert 0.7 < np.sqrt((shapes**2).mean()) < 1.3
    assert np.abs(shapes).max() < 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"shape": np.zeros(400)}, "at most"),
        ({"expression": np.zeros(53)}, "at most"),
        ({"shape": [np.nan]}, "not finite"),
        ({"shape": [[0.0]]}, "at most"),
        ({"jaw": [0.1]}, "three finite numbers"),
        ({"jaw": [np.inf, 0, 0]}, "three finite numbers"),
    ],
)
def test_bad_coefficients_are_refused(head, arguments, words):
    with pytest.raises(ValueError, match=words):
        head.vertices(**arguments)


def test_unknown_names_are_refused(head):
    with pytest.raises(KeyError):
        head.expression(jawopen=1)
    with pytest.raises(ValueError, match="ibug68"):
        head.landmarks(head.template, "70")
    with pytest.raises(ValueError, match="headkit"):
        load_head("flame")


def test_digest_follows_what_decides_the_vertices(head):
    with resources.as_file(FILE) as path, np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    assert head_from_arrays(arrays).sha256 == head.sha256
    arrays["shape_basis"] = arrays["shape_basis"].copy()
    arrays["shape_basis"][-1, -1, -1] += 1
    assert head_from_arrays(arrays).sha256 != head.sha256


def test_a_model_of_the_flame_family_fits(head):
    """5,023 vertices, shape-dependent jaw joint, pose correctives."""
    rng = np.random.default_rng(0)
    count, shapes, expressions = 5023, 7, 3
    model = HeadModel(
        name="flame-like",
        template=rng.normal(size=(count, 3)).astype(np.float32),
        shape_basis=rng.normal(size=(shapes, count, 3)).astype(np.float32),
        expression_basis=rng.normal(size=(expressions, count, 3)).astype(np.float32),
        expression_names=("a", "b", "c"),
        jaw_joint=np.zeros(3, np.float32),
        jaw_joint_basis=rng.normal(size=(shapes + expressions, 3)).astype(np.float32),
        jaw_weights=rng.uniform(size=count).astype(np.float32),
        faces=np.zeros((1, 3), np.int32),
        uv=np.zeros((1, 2), np.float32),
        uv_faces=np.zeros((1, 3), np.int32),
        parts=np.zeros(1, np.uint8),
        head_mask=np.ones(count, bool),
        landmarks68=np.arange(68, dtype=np.int32),
        dense=np.arange(68, dtype=np.int32),
        dense_mirror=np.arange(68, dtype=np.int32),
        pose_basis=rng.normal(size=(9, count, 3)).astype(np.float32),
    )
    beta, psi, jaw = (
        rng.normal(size=shapes),
        rng.normal(size=expressions),
        np.array([0.3, 0.1, -0.05]),
    )
    turn = rodrigues(jaw)
    shaped = model.template + np.einsum("k,kvd->vd", beta, model.shape_basis)
    shaped = shaped + np.einsum("k,kvd->vd", psi, model.expression_basis)
    joint = np.concatenate([beta, psi]) @ model.jaw_joint_basis
    corrected = shaped + np.einsum("k,kvd->vd", (turn - np.eye(3)).ravel(), model.pose_basis)
    moved = (corrected - joint) @ turn.T + joint
    weight = model.jaw_weights[:, None]
    expected = (1 - weight) * corrected + weight * moved
    np.testing.assert_allclose(model.vertices(beta, psi, jaw), expected, atol=2e-5)


# ---- landmarks -----------------------------------------------------------------------------------


def test_landmarks_are_distinct_and_mirror_one_another(body, head):
    assert len(set(head.landmarks68)) == 68
    assert len(set(head.dense)) == 160
    np.testing.assert_array_equal(head.dense[:68], head.landmarks68)
    np.testing.assert_array_equal(head.dense_mirror[:68], IBUG68_MIRROR)
    ids = body.head_vertices[head.dense]
    np.testing.assert_array_equal(body.mirror[ids], ids[head.dense_mirror])


def test_landmarks_lie_where_their_names_say(head):
    points = head.landmarks(head.template)
    assert (points[0:8, 0] < 0).all()  # iBUG 0 is at the subject's right ear
    assert (points[36:42, 0] < 0).all()
    assert points[8, 1] == points[IBUG68_PARTS["jaw"], 1].min()  # the chin is lowest
    assert points[30, 2] == points[:, 2].max()  # the nose tip is foremost
    assert (points[17:27, 1].min()) > points[36:48, 1].max()  # brows above eyes
    dense = head.landmarks(head.template, "dense")
    back = dense[:, 2] < -0.03
    assert back.sum() >= 20  # the back of the head has points of its own


def test_mirrored_landmarks():
    points = np.stack([np.arange(68.0), np.arange(68.0) + 100, np.ones(68)], axis=1)
    turned = mirrored(points, 200)
    assert turned[0].tolist() == [200 - 16, 116, 1]
    np.testing.assert_array_equal(mirrored(turned, 200), points)
    assert (15, 16) in lines()
    assert (41, 36) in lines()
    assert (16, 17) not in lines()


# ---- the body ------------------------------------------------------------------------------------


def test_mean_identity_is_the_template(body):
    rest = body.rest(body.mean_identity())
    np.testing.assert_allclose(rest.vertices, body.template, atol=1e-6)


def test_bones_are_those_of_the_skeleton(body):
    assert body.bones == skeleton.NAMES
    np.testing.assert_array_equal(body.parents, skeleton.PARENTS)
    np.testing.assert_allclose(body.skin_weights.sum(axis=1), 1, atol=1e-5)
    assert (body.skin_bones < len(body.bones)).all()


def test_posed_head_is_the_head_model(body):
    """Truth decodes to what is drawn: vertices that hang on the head bone alone equal R v + t to 0.1 mm."""
    number = body.bones.index("head")
    on_head = (body.skin_bones == number) & (body.skin_weights > 0)
    share = (body.skin_weights * on_head).sum(axis=1)
    eyes = np.zeros(len(share), bool)
    eyes[body.vertex_groups["eye_left"].start : body.vertex_groups["eye_right"].stop] = True
    alone = np.flatnonzero((share > 0.99999) & ~eyes)
    alone = alone[np.isin(alone, body.head_vertices)]
    assert len(alone) > 4000
    transforms = poses(body)
    expression = body.head.expression(mouthSmileLeft=0.7, jawOpen=0.5, eyeBlinkRight=0.4)
    jaw = [0.18, 0.01, 0]
    for person in people(body, 6):
        rest = body.rest(person, expression, jaw, gaze=(12, -7))
        posed = body.skin(rest, transforms)
        r, t = transforms[number, :, :3], transforms[number] @ [*rest.head_translation, 1]
        decoded = body.head.vertices(person.shape, expression, jaw) @ r.T + t
        place = body.modes.head_place[alone]
        assert np.abs(posed[alone] - decoded[place]).max() < 1e-4


def bent_neck(body, joints, turn):
    """Transforms of a body whose neck and head bones share a rotation vector in degrees; all else is at rest."""
    transforms = np.tile(np.eye(4)[:3], (len(body.bones), 1, 1))
    step = rodrigues(np.deg2rad(turn) / 4)
    for name in ("neck_1", "neck_2", "neck_3", "head"):
        bone = body.bones.index(name)
        rotation = step @ transforms[body.parents[bone], :, :3]
        pivot = transforms[body.parents[bone]] @ [*joints[bone], 1]
        transforms[bone] = np.c_[rotation, pivot - rotation @ joints[bone]]
    return transforms


@pytest.mark.parametrize("turn", [(50, 0, 0), (-50, 0, 0), (0, 80, 0), (0, 0, -45), (30, 50, 25)])
def test_labels_decode_to_what_was_drawn_however_the_neck_bends(body, turn):
    """All landmarks, all dense points and all of head_mask, to 0.1 mm; the neck itself does bend."""
    model, number = body.head, body.bones.index("head")
    expression, jaw = model.expression(mouthSmileLeft=0.7, jawOpen=0.5), [0.18, 0.01, 0]
    for person in people(body, 6):
        rest = body.rest(person, expression, jaw)
        transforms = bent_neck(body, rest.joints, turn)
        posed = body.skin(rest, transforms)[body.head_vertices]
        r, t = transforms[number, :, :3], transforms[number] @ [*rest.head_translation, 1]
        apart = np.linalg.norm(
            posed - (model.vertices(person.shape, expression, jaw) @ r.T + t), axis=1
        )
        assert apart[model.landmarks68].max() < 1e-4
        assert apart[model.dense].max() < 1e-4
        assert apart[model.head_mask].max() < 1e-4
        assert apart[~model.head_mask].max() > 5e-3


def test_head_mask_is_the_rigid_part_of_skull_face_and_ears(body, head):
    number = body.bones.index("head")
    share = np.where(body.skin_bones == number, body.skin_weights, 0).sum(axis=1)
    rigid = share[body.head_vertices] >= 0.999
    shown = np.zeros(len(head.template), bool)
    shown[head.faces[head.parts != Part.NECK]] = True
    np.testing.assert_array_equal(head.head_mask, shown & rigid & (body.head_blend == 1))
    assert head.head_mask.sum() > 0.97 * shown.sum()
    mirror = body.modes.head_place[body.mirror[body.head_vertices]]
    np.testing.assert_array_equal(head.head_mask, head.head_mask[mirror])
    behind = head.template[head.dense][:, 2] < -0.06
    assert behind.sum() >= 15  # nape and occiput keep points of their own


def test_compiled_head_equals_the_model_to_the_byte(body):
    for person in people(body, 3):
        expression = body.head.expression(browInnerUp=0.3, jawOpen=0.2)
        compiled = body._head_vertices(person, expression, (0.07, 0, 0))
        assert (
            compiled.tobytes()
            == body.head.vertices(person.shape, expression, (0.07, 0, 0)).tobytes()
        )


def test_looking_elsewhere_equals_another_rest_to_the_byte(body):
    (person,) = people(body, 1)
    expression, jaw = body.head.expression(eyeWideLeft=0.5), (0.05, 0, 0)
    elsewhere = body.rest(person, expression, jaw, gaze=[[12, -4], [9, -4]])
    turned = body.looking(body.rest(person, expression, jaw, gaze=(-3, 2)), [[12, -4], [9, -4]])
    for name in ("vertices", "head", "eye_centers", "gaze"):
        assert getattr(turned, name).tobytes() == getattr(elsewhere, name).tobytes(), name


def test_no_seam_at_the_neck(body):
    """Along every edge of the neck, people stretch no more than the same body without the blend does."""
    edges = np.concatenate([body.faces[:, [0, 1]], body.faces[:, [1, 2]]])
    blend = np.zeros(len(body.template))
    blend[body.head_vertices] = body.head_blend
    crossing = edges[
        (edges < 13348).all(axis=1) & (np.abs(blend[edges[:, 0]] - blend[edges[:, 1]]) > 0.02)
    ]
    assert len(crossing) > 200
    plain = np.linalg.norm(body.template[crossing[:, 0]] - body.template[crossing[:, 1]], axis=1)
    for person in people(body, 12):
        vertices = body.rest(person).vertices
        length = np.linalg.norm(vertices[crossing[:, 0]] - vertices[crossing[:, 1]], axis=1)
        stretch = length / plain / np.median(length / plain)
        assert stretch.max() < 3
        assert np.percentile(stretch, [2, 98])[1] < 2


def test_identity_skin_leaves_the_rest(body):
    rest = body.rest(next(people(body, 1)))
    still = np.tile(np.eye(4)[:3], (len(body.bones), 1, 1))
    np.testing.assert_allclose(body.skin(rest, still), rest.vertices, atol=1e-6)
    with pytest.raises(ValueError, match="bone_transforms"):
        body.skin(rest, still[:3])


def test_key_points_need_no_skinning(body):
    with resources.as_file(FILE) as path, np.load(path) as arrays:
        pair = arrays["keypoint_pairs"][arrays["keypoint_entry_pair"]]
        vertex, weight = arrays["keypoint_entry_vertex"], arrays["keypoint_entry_weight"]
    transforms = poses(body, 2)
    rest = body.rest(next(people(body, 1)))
    points = body.key_points(rest, feet=True)
    assert points.shape == (23, len(body.bones), 4)
    np.testing.assert_allclose(points[..., 3].sum(axis=1), 1, atol=1e-5)
    found = np.einsum("jab,kjb->ka", transforms, points)
    slow = np.zeros((23, 3))
    for (k, bone), v, w in zip(pair, vertex, weight, strict=True):
        slow[k] += w * (transforms[bone] @ [*rest.vertices[v], 1])
    np.testing.assert_allclose(found, slow, atol=1e-5)
    np.testing.assert_array_equal(body.key_points(rest), points[:17])


def test_key_points_of_a_standing_body(body):
    for person in people(body, 6):
        rest = body.rest(person)
        at = dict(
            zip(body.keypoints, body.key_points(rest, feet=True)[..., :3].sum(axis=1), strict=True)
        )
        tall = person.stature
        assert at["left_shoulder"][0] > 0 > at["right_shoulder"][0]
        for name, low, high in (
            ("nose", 0.75, 0.95),
            ("left_hip", 0.4, 0.56),
            ("left_knee", 0.19, 0.32),
        ):
            assert low < at[name][1] / tall < high, name
        assert at["left_ankle"][1] < 0.08 * tall
        centre = (at["left_eye"] + at["right_eye"]) / 2
        assert np.linalg.norm(centre - rest.eye_centers.mean(axis=0)) < 0.03


def test_people_have_their_stature_and_stand_on_the_floor(body):
    skin = body.vertex_groups["body"]
    for person in people(body, 24, seed=2):
        height = body.rest(person).vertices[skin, 1]
        assert abs(height.min()) < 0.012
        assert np.ptp(height) == pytest.approx(person.stature, rel=0.02)


def test_stature_follows_sex_age_and_rank(body):
    rng = np.random.default_rng(0)
    for sex, age in ((0, 30), (1, 30), (0, 5), (1, 1)):
        tall = [
            body.identity(sex=sex, age=age, origin="european", rng=rng, height=rank).stature
            for rank in (0.05, 0.5, 0.95)
        ]
        mean, spread = growth.stature(sex, age)
        np.testing.assert_allclose(
            tall, [mean - 1.645 * spread, mean, mean + 1.645 * spread], atol=1e-3
        )


def test_gaze_turns_the_eyes_and_nothing_else(body):
    person = next(people(body, 1))
    ahead, aside = body.rest(person), body.rest(person, gaze=(20, 10))
    moved = np.flatnonzero((ahead.vertices != aside.vertices).any(axis=1))
    eyes = range(body.vertex_groups["eye_left"].start, body.vertex_groups["eye_right"].stop)
    assert set(moved) <= set(eyes)
    np.testing.assert_array_equal(ahead.eye_centers, aside.eye_centers)
    for name, k in (("eye_left", 0), ("eye_right", 1)):
        group = body.vertex_groups[name]
        around = np.hypot(*body.eye_angles[group].T) < 0.3  # the ring about the pupil
        way = aside.vertices[group][around].mean(axis=0) - aside.eye_centers[k]
        way /= np.linalg.norm(way)
        yaw, pitch = np.deg2rad(20), np.deg2rad(10)
        expected = [np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)]
        np.testing.assert_allclose(way, expected, atol=0.03)


def test_eyes_look_ahead(body):
    """The ring about the pupil lies straight in front of the eye's centre: nobody squints."""
    for person in people(body, 6):
        rest = body.rest(person)
        left, right = rest.eye_centers
        assert 0.03 < left[0] - right[0] < 0.075
        assert abs(left[1] - right[1]) < 0.004
        for name, centre in (("eye_left", left), ("eye_right", right)):
            group = body.vertex_groups[name]
            around = np.hypot(*body.eye_angles[group].T) < 0.3
            way = rest.vertices[group][around].mean(axis=0) - centre
            assert np.abs(way[:2]).max() < 0.04 * way[2]


def test_parts_cover_the_body_and_mirror(body):
    found = set(body.parts.tolist())
    wanted = {Part.FACE, Part.NECK, Part.EAR, Part.EYE, Part.MOUTH, Part.LIP, Part.TORSO, Part.ARM}
    wanted |= {Part.HAND, Part.LEG, Part.FOOT, Part.CLOTHES}
    assert {int(p) for p in wanted} <= found
    assert Part.BACKGROUND not in found
    assert sum(len(faces) for faces in body.face_groups.values()) == len(body.faces)
    skin = body.face_groups["skin"]
    centre = body.template[body.faces[skin]].mean(axis=1)
    for part in (Part.FACE, Part.EAR, Part.HAND):
        side = np.sign(centre[body.parts[skin] == part, 0]).sum()
        assert abs(side) < 30, part


def test_light_reaches_the_face_but_not_the_throat(body):
    cheek = body.head_vertices[body.head.landmarks68[[30, 8]]]
    assert (body.occlusion[cheek] > 0.8).all()
    tongue = body.vertex_groups["tongue"]
    back = tongue.start + np.argmin(body.template[tongue, 2])
    assert body.occlusion[back] < 0.1
    assert body.occlusion.min() >= 0
    assert body.occlusion.max() <= 1


# ---- the refined head ----------------------------------------------------------------------------


def test_refinement_keeps_the_old_vertices_and_has_no_cracks(body):
    fine = body.fine
    posed = body.rest(next(people(body, 1))).vertices
    out = fine.refine(posed)
    np.testing.assert_array_equal(out[: len(posed)], posed)
    rows = np.add.reduceat(fine.weight, fine.start[:-1])
    np.testing.assert_allclose(rows, 1, atol=1e-6)
    edges = np.sort(
        np.concatenate([fine.faces[:, [0, 1]], fine.faces[:, [1, 2]], fine.faces[:, [2, 0]]]),
        axis=1,
    )
    _, counts = np.unique(edges, axis=0, return_counts=True)
    skin = body.faces[body.face_groups["skin"]]
    old = np.sort(np.concatenate([skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]]), axis=1)
    _, before = np.unique(old, axis=0, return_counts=True)
    assert (counts == 1).sum() == (before == 1).sum()  # no border that was not there
    assert counts.max() == 2
    area = np.linalg.norm(
        np.cross(
            out[fine.faces[:, 1]] - out[fine.faces[:, 0]],
            out[fine.faces[:, 2]] - out[fine.faces[:, 0]],
        ),
        axis=1,
    )
    plain = np.linalg.norm(
        np.cross(posed[skin[:, 1]] - posed[skin[:, 0]], posed[skin[:, 2]] - posed[skin[:, 0]]),
        axis=1,
    )
    assert area.sum() == pytest.approx(plain.sum(), rel=0.02)


# ---- who is drawn --------------------------------------------------------------------------------


def test_same_seed_same_person(body):
    first, second = (
        body.identity(sex=1, age=40, origin="african", rng=np.random.default_rng(9))
        for _ in range(2)
    )
    assert first.shape.tobytes() == second.shape.tobytes()
    assert first.body.tobytes() == second.body.tobytes()


def test_what_is_given_does_not_change_what_is_drawn(body):
    """Asking for a weight leaves the face's own changes alone: the same number of draws is made."""
    plain, rng = np.random.default_rng(9), np.random.default_rng(9)
    body.identity(sex=1, age=40, origin="african", rng=plain)
    body.identity(sex=1, age=40, origin="african", rng=rng, weight=0.8, muscle=0.2, height=0.9)
    assert plain.bit_generator.state == rng.bit_generator.state


def test_no_two_alike(body):
    rng = np.random.default_rng(1)
    shapes = np.array(
        [body.identity(sex=0, age=30, origin="european", rng=rng).shape for _ in range(20)]
    )
    vertices = np.array([body.head.vertices(s) for s in shapes])
    apart = np.linalg.norm(vertices[:, None] - vertices[None], axis=-1).mean(axis=-1)
    assert apart[np.triu_indices(20, 1)].min() > 0.001  # metres, on average over the head


def test_children_have_no_adult_figure(body):
    skin = body.vertex_groups["body"]
    for age in (4, 9):
        depth = []
        for sex in (0, 1):
            rng = np.random.default_rng(3)
            rest = body.rest(
                body.identity(sex=sex, age=age, origin="european", rng=rng, height=0.5)
            )
            points = rest.vertices[skin] / rest.vertices[skin, 1].max()
            chest = (np.abs(points[:, 1] - 0.72) < 0.03) & (np.abs(points[:, 0]) < 0.06)
            depth.append(points[chest, 2].max())
        assert depth[0] == pytest.approx(depth[1], abs=0.01)


def test_heads_have_published_sizes(body):
    """Skull breadth and eye distance of people of either sex; the README's table has the rest."""
    ears = body.masks["ears"][:13348] < 0.3
    for sex, age, breadth, eyes in (
        (0, 30, 0.148, 0.062),
        (1, 30, 0.154, 0.064),
        (1, 6, 0.140, 0.053),
    ):
        found = []
        rng = np.random.default_rng(0)
        for k in range(14):
            rest = body.rest(body.identity(sex=sex, age=age, origin=ORIGIN_WORDS[k % 7], rng=rng))
            skull = rest.vertices[:13348][
                ears & (rest.vertices[:13348, 1] > rest.head_translation[1])
            ]
            found.append(
                (np.ptp(skull[:, 0]), np.linalg.norm(rest.eye_centers[0] - rest.eye_centers[1]))
            )
        np.testing.assert_allclose(np.mean(found, axis=0), [breadth, eyes], rtol=0.05)


@pytest.mark.parametrize(
    "argument", [{"sex": 2}, {"age": -1}, {"weight": 1.5}, {"height": -0.1}, {"age": np.nan}]
)
def test_values_out_of_range_are_refused(body, argument):
    values = {"sex": 0, "age": 20, "origin": "european"} | argument
    with pytest.raises(ValueError, match=next(iter(argument))):
        body.identity(**values, rng=np.random.default_rng(0))


def test_origins():
    assert origin_shares("east asian") == (0.0, 1.0, 0.0)
    assert origin_shares({"african": 1, "european": 3}) == (0.25, 0.0, 0.75)
    with pytest.raises(ValueError, match="martian"):
        origin_shares("martian")
    with pytest.raises(ValueError, match="more than 0"):
        origin_shares({"african": 0})


def test_hat_functions_sum_to_one():
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 1, (50, 11))
    columns = hats(values)
    for start, end in (
        (0, 3),
        (3, 5),
        (5, 10),
        (10, 13),
        (13, 16),
        (16, 18),
        (18, 20),
        (20, 23),
        (23, 26),
    ):
        np.testing.assert_allclose(columns[:, start:end].sum(axis=1), 1)


def test_growth_tables_rise_until_grown_up():
    years = np.linspace(0, 21, 200)
    for sex in (0, 1):
        assert (np.diff([growth.stature(sex, y)[0] for y in years]) >= 0).all()
        assert (np.diff([growth.head_circumference(sex, y)[0] for y in years]) >= 0).all()
    assert growth.stature(0.5, 30)[0] == pytest.approx(
        (growth.stature(0, 30)[0] + growth.stature(1, 30)[0]) / 2
    )
