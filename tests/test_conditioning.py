"""Skeletons as pose conditioners want them: colours, order, places and channels, against cases computed by hand."""

import numpy as np
import pytest

from headkit.conditioning import CONVENTIONS, pose_image
from headkit.conditioning.conventions import COLORS, LIMBS, POINTS, POSES
from headkit.conditioning.skeletons import skeleton
from headkit.conditioning.strokes import joint, limb

# The palette of OpenPose as it is published: a circle of hues, 18 steps of full saturation.
HUES = [(255, 85 * k, 0) for k in range(4)] + [(170, 255, 0), (85, 255, 0)]
HUES += [(0, 255, 85 * k) for k in range(4)] + [(0, 170, 255), (0, 85, 255)]
HUES += [(85 * k, 0, 255) for k in range(4)] + [(255, 0, 170), (255, 0, 85)]

NAMES = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
COCO = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
    "left_ankle", "right_ankle",
)  # fmt: skip
SIDE = 512


def standing(dx=0.0, size=1.0):
    """A person seen from the front in a picture of 512 x 512, so that the subject's left is the picture's right."""
    half = {
        "eye": (10, 90), "ear": (20, 95), "shoulder": (60, 150), "elbow": (90, 220), "wrist": (100, 290),
        "hip": (35, 300), "knee": (40, 390), "ankle": (45, 470),
    }  # fmt: skip
    points = {"nose": [256, 100]}
    for name, (x, y) in half.items():
        points[f"left_{name}"] = [256 + x, y]
        points[f"right_{name}"] = [256 - x, y]
    return [
        [(points[name][0] + dx) * size + 0.5, points[name][1] * size + 0.5, 1.0] for name in COCO
    ]


def place(name, person=None):
    """Row and column of the pixel of a point."""
    person = person or standing()
    if name == "neck":
        return place_between(person, "left_shoulder", "right_shoulder")
    x, y, _ = person[COCO.index(name)]
    return int(y), int(x)


def place_between(person, one, two):
    a, b = (np.array(person[COCO.index(name)][:2]) for name in (one, two))
    x, y = (a + b) / 2
    return int(y), int(x)


def drawn(convention, *people, side=SIDE):
    return pose_image([{"keypoints": person} for person in people], side, side, convention)


def without(person, *names):
    return [
        [0.0, 0.0, 0.0] if name in names else point
        for name, point in zip(COCO, person, strict=True)
    ]


def test_the_eighteen_points_are_those_of_openpose():
    assert [None if k is None else COCO[k] for k in POINTS] == [
        None if name == "neck" else name for name in NAMES
    ]
    ends = [(NAMES[a], NAMES[b]) for a, b in LIMBS]
    assert ends[:4] == [
        ("neck", "right_shoulder"), ("neck", "left_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ]  # fmt: skip
    assert ends[12:] == [
        ("neck", "nose"), ("nose", "right_eye"), ("right_eye", "right_ear"), ("nose", "left_eye"), ("left_eye", "left_ear"),
    ]  # fmt: skip
    assert list(COLORS) == HUES


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_joints_and_limbs_have_the_published_colours(convention):
    picture = drawn(convention, standing())
    if POSES[convention].channels == "bgr":
        picture = picture[..., ::-1]
    apart = {"controlnet-v1": 0.6}.get(convention, 1.0)  # there, limbs are laid over joints
    for name in ("right_wrist", "left_wrist", "right_ankle", "left_ankle"):
        color = np.array(HUES[NAMES.index(name)])
        found = picture[place(name)]
        if apart == 1.0:
            assert found.tolist() == color.tolist()
        else:
            other = np.array(HUES[[NAMES.index(name) in pair for pair in LIMBS].index(True)])
            assert np.abs(found - (0.4 * color + 0.6 * other)).max() <= 1
    for number, ends in enumerate(LIMBS[:12]):
        rows, columns = zip(*(place(NAMES[end]) for end in ends), strict=True)
        middle = sum(rows) // 2, sum(columns) // 2
        assert picture[middle].tolist() == [int(0.6 * level) for level in HUES[number]], ends


def test_channels_are_turned_where_the_model_wants_it():
    plain, turned = drawn("controlnet-aux", standing()), drawn("t2i-adapter", standing())
    assert (turned == plain[..., ::-1]).all()
    # The subject's right wrist is lime, the left one turquoise; blue and red swapped, they are not.
    assert plain[place("right_wrist")].tolist() == [170, 255, 0]
    assert turned[place("right_wrist")].tolist() == [0, 255, 170]


def test_sides_are_those_of_the_person_not_of_the_picture():
    person = standing()
    mirrored = [[SIDE - x, y, c] for x, y, c in person]
    behind = [
        person[COCO.index(swapped(name))] for name in COCO
    ]  # the same points, seen from the back
    picture, other = drawn("xinsir", person), drawn("xinsir", behind)
    assert other[place("left_wrist")].tolist() == list(HUES[NAMES.index("right_wrist")])
    assert picture[place("left_wrist")].tolist() == list(HUES[NAMES.index("left_wrist")])
    turned = drawn("xinsir", mirrored)[:, ::-1]
    same = (picture == turned).all(axis=2)[picture.any(axis=2)]
    assert (
        same.mean() > 0.9
    )  # angles are cut to whole degrees, towards zero, so that borders differ
    assert turned[place("left_wrist")].tolist() == list(HUES[NAMES.index("left_wrist")])


def swapped(name):
    side, _, rest = name.partition("_")
    return f"{'right' if side == 'left' else 'left'}_{rest}" if rest else name


@pytest.mark.parametrize(
    ("convention", "sizes"),
    [
        ("controlnet-aux", {(512, 512): 4, (1024, 1024): 8, (1216, 832): 6, (64, 64): 1}),
        ("vggheads", {(1024, 1024): 8, (1536, 1024): 8, (512, 512): 4}),
        ("xinsir", {(499, 300): 4, (500, 300): 8, (999, 999): 8, (1024, 1024): 12, (2000, 10): 16, (9000, 9000): 28}),
    ],
)  # fmt: skip
def test_width_follows_the_size_of_the_picture(convention, sizes):
    for (width, height), expected in sizes.items():
        assert POSES[convention].width_in(width, height) == expected
    width, height = 1024, 1024
    person = standing(size=2.0)
    picture = pose_image([{"keypoints": person}], width, height, convention)
    row, column = place("right_ankle", person)
    reach = np.flatnonzero(picture[row].any(axis=1))
    reach = reach[np.abs(reach - column) < 100]
    expected = POSES[convention].width_in(width, height)
    assert (reach.min(), reach.max()) == (column - expected, column + expected)


def test_a_limb_is_an_ellipse_of_its_area_and_a_joint_a_disc_of_whole_pixels():
    level = limb((100.5, 200.5), (300.5, 200.5), 8, SIDE, SIDE)
    assert (level.rows, level.columns) == (slice(192, 209), slice(100, 301))
    steep = limb((150.0, 60.0), (290.0, 320.0), 10, SIDE, SIDE)
    # A polygon on pixels with its border is wider than the ellipse by about half a pixel all around.
    length = np.hypot(140, 260) / 2
    assert np.pi * length * 10 < steep.inside.sum() < np.pi * (length + 1) * 11
    disc = joint((50.9, 40.1), 4, SIDE, SIDE)
    assert disc.inside.sum() == sum(x * x + y * y <= 16 for x in range(-4, 5) for y in range(-4, 5))
    assert (disc.rows, disc.columns) == (slice(36, 45), slice(46, 55))


def test_strokes_are_those_of_the_library_that_drew_the_published_pictures():
    """OpenCV's polygon of an ellipse, filled, and its disc: what all of the conventions were drawn with (tests only)."""
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    for number in range(40):
        start = rng.uniform(0, SIDE, 2)
        end = rng.uniform(0, SIDE, 2) if number % 2 else start + rng.normal(0, 40, 2)
        half_width = int(rng.integers(2, 17))
        middle, angle = (start + end) / 2, np.degrees(np.arctan2(*(start - end)[::-1]))
        axes = int(np.hypot(*(start - end)) / 2), half_width
        polygon = cv2.ellipse2Poly(tuple(int(v) for v in middle), axes, int(angle), 0, 360, 1)
        theirs = np.zeros((SIDE, SIDE, 3), np.uint8)
        cv2.fillConvexPoly(theirs, polygon, (255, 0, 0))
        ours = np.zeros_like(theirs)
        limb(tuple(start), tuple(end), half_width, SIDE, SIDE).paint(ours, (255, 0, 0))
        assert (ours != theirs).any(
            axis=2
        ).sum() <= 4  # its lines are rounded to 1/65536 of a pixel
        theirs = cv2.circle(
            np.zeros_like(ours), (int(start[0]), int(start[1])), half_width, (0, 255, 0), -1
        )
        ours = np.zeros_like(theirs)
        joint(tuple(start), half_width, SIDE, SIDE).paint(ours, (0, 255, 0))
        assert (ours == theirs).all()


def test_points_count_by_their_confidence_and_the_neck_by_both_shoulders():
    convention = POSES["controlnet-aux"]
    person = standing()
    person[COCO.index("left_wrist")][2] = 0.29
    person[COCO.index("right_wrist")][2] = 0.3
    found = skeleton(person, SIDE, SIDE, convention)
    assert NAMES.index("left_wrist") not in found
    assert NAMES.index("right_wrist") in found
    assert found[NAMES.index("neck")] == (256.5, 150.5)
    person[COCO.index("left_shoulder")][2] = 0.2
    assert NAMES.index("neck") not in skeleton(person, SIDE, SIDE, convention)
    assert NAMES.index("neck") in skeleton(person, SIDE, SIDE, POSES["vggheads"])  # 0.6 on average
    unknown = without(person, "left_shoulder")
    assert NAMES.index("neck") not in skeleton(unknown, SIDE, SIDE, POSES["vggheads"])


def test_a_point_without_a_limb_is_drawn_where_the_convention_has_it():
    alone = without(standing(), *(name for name in COCO if name != "left_wrist"))
    assert drawn("controlnet-aux", alone).any()
    assert not drawn("vggheads", alone).any()


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_nobody_is_black(convention):
    assert drawn(convention).shape == (SIDE, SIDE, 3)
    assert not drawn(convention).any()
    assert not drawn(convention, [[0.0, 0.0, 0.0]] * 17).any()


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_person_cut_by_the_border_stays_where_he_is(convention):
    person = standing(dx=-220)
    whole, cut = drawn(convention, standing()), drawn(convention, person)
    assert (cut[:, 150:] == 0).all()
    assert cut[place("left_wrist", person)].tolist() == whole[place("left_wrist")].tolist()
    assert (person[COCO.index("right_elbow")][0], person[COCO.index("right_shoulder")][0]) == (
        -53.5,
        -23.5,
    )
    shoulder = cut[150, :20].any()  # of the limb from the neck, which is inside
    assert shoulder == bool(POSES[convention].outside)
    if POSES[convention].outside:
        both = cut[:, :150].any(axis=2), whole[:, 220:370].any(axis=2)
        assert (both[0] & both[1]).sum() > 0.95 * (both[0] | both[1]).sum()
    far = [[x + 1e9, y - 1e12, c] for x, y, c in standing()]
    assert not drawn(convention, far).any()


def test_order_of_several_people():
    near, far = standing(), standing(dx=8)
    one_by_one = drawn("controlnet-aux", far, near)
    layered = drawn("dwpose", far, near)
    alone = drawn("controlnet-aux", near)
    seen = alone.any(axis=2)
    assert (one_by_one[seen] == alone[seen]).all()  # the last one covers the others
    joints = drawn("dwpose", far)
    row, column = place("left_wrist", far)
    assert layered[row, column].tolist() == joints[row, column].tolist()  # no limb covers a joint
    assert (layered != one_by_one).any()
    assert (drawn("dwpose", near) == alone).all()  # of one person there is no difference


def test_wrong_points_are_refused():
    with pytest.raises(ValueError, match="17 x"):
        drawn("dwpose", standing()[:16])
