"""headkit dedupe: who goes, who stays and why; poses against a search that compares everything with everything."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headkit import arrangement as space
from headkit.status import BAD_INPUT, USAGE, Stop
from headkit.tool import Context, Drop, Failure
from headkit.tools import dedupe as tool

X = (50, 54, 46, 58, 42, 65, 35, 72, 28, 90, 24, 60, 40, 62, 38, 63, 37)
Y = (10, 7, 7, 9, 9, 30, 30, 55, 52, 20, 75, 85, 85, 120, 120, 155, 157)
STANDING = np.array([X, Y], float).T  # with one hand up, so that left is not right
SIZE = 150.0  # height of STANDING: from eye to foot


def dedupe(records, root="/", **options):
    return list(tool.stream(tool.Options(**options), Context("dedupe", Path(root)), iter(records)))


def person(joints, hidden=()):
    return {
        "keypoints": [
            [*map(float, xy), 0.0 if number in hidden else 1.0] for number, xy in enumerate(joints)
        ]
    }


def scene(id, *people, **fields):
    return {"id": id, "poses": list(people), **fields}


def at(x):
    return STANDING + np.array([x, 0])


def moved(joint, by):
    joints = STANDING.copy()
    joints[joint, 0] += by
    return joints


# ---- bytes --------------------------------------------------------------------------------------


def images(folder, contents):
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [{"id": name, "image": name} for name in contents]


def test_equal_files_have_one_that_stays(tmp_path):
    records = images(tmp_path, {"a": b"1", "b": b"2", "c": b"1", "d": b"1"})
    drop = Drop("the same image file as a", fields={"cluster": "a"})
    assert dedupe(records, tmp_path) == [{"cluster": "a"}, {}, drop, drop]


def test_a_known_hash_is_believed_unless_verified(tmp_path):
    records = images(tmp_path, {"a": b"1", "b": b"2", "c": b"3"})
    records[0]["image_sha256"] = hashlib.sha256(b"1").hexdigest()
    records[1]["image_sha256"] = records[0]["image_sha256"].upper()
    believed = dedupe(records, tmp_path)
    assert [type(result) for result in believed] == [dict, Drop, dict]
    first, second, third = dedupe(records, tmp_path, verify=True)
    assert (first, third) == ({}, {})
    assert second.kind == "changed"


def test_a_file_that_is_not_there_fails_alone(tmp_path):
    records = images(tmp_path, {"a": b"1", "b": b"1"})
    records += [
        {"id": "c", "image": "nowhere"},
        {"id": "d", "image": "../a"},
        {"id": "e"},
        {"id": "f", "image": "."},
    ]
    results = dedupe(records, tmp_path)
    assert [result.kind for result in results if isinstance(result, Failure)] == [
        "missing",
        "path",
        "field",
        "path",
    ]
    assert isinstance(results[1], Drop)


def test_errors_pass_untouched():
    failed = {"id": "x", "error": {"tool": "generate"}, "image_sha256": "1"}
    good = {"id": "a", "image_sha256": "1"}
    assert dedupe([failed, good, failed]) == [{}, {}, {}]


def test_prefer():
    records = [
        {"id": "a", "image_sha256": "1", "scores": {"q": 0.2}},
        {"id": "b", "image_sha256": "1", "scores": {"q": 0.9}},
        {"id": "c", "image_sha256": "1", "scores": {}},
        {"id": "d", "image_sha256": "1", "scores": {"q": 0.9}},
        {"id": "e", "image_sha256": "1", "scores": {"q": "much"}},
    ]
    results = dedupe(records, prefer="scores.q")
    assert results[1] == {"cluster": "b"}
    assert [type(result) for result in results] == [Drop, dict, Drop, Drop, Failure]
    for wrong in ("scores.q >", "scores.q > 3", "nothing"):
        with pytest.raises(Stop) as caught:
            dedupe(records, prefer=wrong)
        assert caught.value.status == USAGE


def test_the_first_record_must_have_what_is_compared():
    for of in ("bytes", "pose"):
        with pytest.raises(Stop) as caught:
            dedupe([{"id": "a"}], of=of)
        assert caught.value.status == BAD_INPUT
    later = dedupe([scene("a"), {"id": "b"}], of="pose")
    assert later[1].kind == "field"


# ---- poses --------------------------------------------------------------------------------------


def test_place_and_size_do_not_count_and_the_distance_is_in_heights():
    records = [
        scene("first", person(STANDING)),
        scene("moved", person(STANDING * 3 + [100, -20])),
        scene("near", person(moved(9, 0.04 * SIZE))),
        scene("far", person(moved(9, 0.06 * SIZE))),
    ]
    first, same, near, far = dedupe(records, of="pose")
    assert first == {"cluster": "first"}
    assert same.score == pytest.approx(0, abs=1e-5)
    # The hand is the rightmost joint: with it moves half of the middle that all are relative to.
    assert near.score == pytest.approx(0.02, abs=0.001)
    assert near.threshold == 0.05
    assert near.fields == {"cluster": "first"}
    assert near.reason == f"poses within {near.score} person heights of first"
    assert far.score == pytest.approx(0.03, abs=0.001)


def test_the_threshold():
    records = [scene("a", person(STANDING)), scene("b", person(moved(7, -0.04 * SIZE)))]
    assert isinstance(dedupe(records, of="pose", threshold=0.041)[1], Drop)
    assert dedupe(records, of="pose", threshold=0.039) == [{}, {}]
    assert isinstance(
        dedupe([records[0], {**records[0], "id": "c"}], of="pose", threshold=0.0)[1], Drop
    )


def test_mirror():
    mirror = STANDING[list(space.MIRRORED)] * [-1, 1]
    records = [scene("a", person(STANDING)), scene("b", person(mirror))]
    assert dedupe(records, of="pose") == [{}, {}]
    first, second = dedupe(records, of="pose", mirror=True)
    assert first == {"cluster": "a"}
    assert second.score == pytest.approx(0, abs=1e-5)
    exchanged = [scene("a", person(STANDING)), scene("b", person(STANDING[list(space.MIRRORED)]))]
    assert dedupe(exchanged, of="pose") == [{}, {}]  # seen from behind is another pose


def test_mirror_of_partly_known_people():
    mirror = STANDING[list(space.MIRRORED)] * [-1, 1]
    records = [
        scene("a", person(STANDING, hidden=(9, 3))),
        scene("b", person(mirror, hidden=(10, 4))),
    ]
    assert isinstance(dedupe(records, of="pose", mirror=True)[1], Drop)


def test_other_known_joints_are_another_arrangement():
    records = [scene("a", person(STANDING)), scene("b", person(STANDING, hidden=(3,)))]
    assert dedupe(records, of="pose") == [{}, {}]


def test_too_few_joints_are_never_twins():
    eyes = person(STANDING, hidden=range(5, 17))
    point = person(np.zeros((17, 2)))
    for people in ([eyes], [], [point], [person(STANDING, hidden=range(17))]):
        assert dedupe([scene("a", *people), scene("b", *people)], of="pose") == [{}, {}]


def test_the_order_of_the_people_does_not_count():
    crowd = [
        person(STANDING * scale + [200 * place, 5 * place])
        for place, scale in enumerate((1, 0.8, 1.1, 0.9))
    ]
    records = [scene("a", *crowd), scene("b", *reversed(crowd)), scene("c", *crowd[1:])]
    results = dedupe(records, of="pose")
    assert isinstance(results[1], Drop)
    assert results[2] == {}


def test_a_small_person_is_measured_in_its_own_height():
    def pair(by):
        return person(STANDING), person((moved(7, -by * SIZE)) * 0.2 + [150, 0])

    records = [scene("a", *pair(0)), scene("b", *pair(0.04)), scene("c", *pair(0.2))]
    results = dedupe(records, of="pose")
    assert results[1].score == pytest.approx(0.04, abs=1e-4)
    assert results[2] == {}


def test_a_chain_does_not_take_its_far_end_along():
    records = [scene(str(step), person(moved(7, -0.04 * step * SIZE))) for step in range(3)]
    kept = [not isinstance(result, Drop) for result in dedupe(records, of="pose")]
    assert kept == [True, False, True]
    ranked = [{**record, "rank": rank} for record, rank in zip(records, (1, 3, 2), strict=True)]
    results = dedupe(ranked, of="pose", prefer="rank")
    assert [type(result) for result in results] == [Drop, dict, Drop]
    assert {result.fields["cluster"] for result in results if isinstance(result, Drop)} == {"1"}


def test_the_nearest_that_stays_is_named():
    hands = [
        scene(name, person(moved(7, by * SIZE)))
        for name, by in (("a", 0.0), ("b", -0.06), ("c", -0.04))
    ]
    *_, last = dedupe(hands, of="pose")
    assert last.fields == {"cluster": "b"}
    assert last.score == pytest.approx(0.02, abs=1e-4)


@pytest.mark.parametrize(
    "poses",
    [
        None,
        3,
        [3],
        [{}],
        [{"keypoints": None}],
        [{"keypoints": [[1, 2, 3]]}],
        [{"keypoints": [[10**400, 0, 1]] * 17}],
        [{"keypoints": [[1e300, 0, 1]] * 17}],
        [{"keypoints": [["x", 0, 1]] * 17}],
    ],
)
def test_poses_that_are_none_fail_alone(poses):
    good = scene("a", person(STANDING))
    results = dedupe([good, {"id": "b", "poses": poses}, {**good, "id": "c"}], of="pose")
    assert results[1].kind == "pose"
    assert isinstance(results[2], Drop)


# ---- against comparing everything with everything --------------------------------------------------


def plain_distance(first, second):
    """The definition, by trying every assignment of people."""
    from itertools import permutations

    best = np.inf
    if len(first.joints) != len(second.joints):
        return best
    for order in permutations(range(len(first.joints))):
        worst = 0.0
        for a, b in enumerate(order):
            one, two = first.joints[a].astype(float), second.joints[b].astype(float)
            if (np.isnan(one) != np.isnan(two)).any():
                worst = np.inf
                break
            far = np.nanmax(np.hypot(*(one - two).T)) / min(first.sizes[a], second.sizes[b])
            worst = max(worst, far)
        best = min(best, worst)
    return best


def random_scenes(rng, count):
    """Scenes of one to three people in clumps, so that there are twins, near misses and strangers."""
    made = []
    for _ in range(count):
        if made and rng.random() < 0.7:
            people = [
                joints + rng.normal(0, 2.0, joints.shape)
                for joints in made[rng.integers(len(made))]
            ]
            rng.shuffle(people)
        else:
            people = [
                STANDING * rng.uniform(0.5, 1.5)
                + rng.normal(0, 15, STANDING.shape)
                + [180 * place, 0]
                for place in range(rng.integers(1, 4))
            ]
        made.append(people)
    return [
        scene(
            str(number),
            *(
                person(joints * (1 + number % 3), hidden=(16,) if number % 5 == 0 else ())
                for joints in people
            ),
        )
        for number, people in enumerate(made)
    ]


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("threshold", [0.03, 0.07, 0.3])
def test_agrees_with_comparing_everything(mirror, threshold):
    records = random_scenes(np.random.default_rng(5), 120)
    found = [space.arrangement(record["poses"]) for record in records]
    staying, expected = [], {}
    for number, subject in enumerate(found):
        views = [subject, subject.mirrored()] if mirror else [subject]
        near = [
            (min(plain_distance(view, found[other]) for view in views), other) for other in staying
        ]
        near = [pair for pair in near if pair[0] <= threshold]
        if near:
            expected[number] = min(near)
        else:
            staying.append(number)
    results = dedupe(records, of="pose", threshold=threshold, mirror=mirror)
    dropped = {number: result for number, result in enumerate(results) if isinstance(result, Drop)}
    assert 3 < len(expected) < 115
    assert dropped.keys() == expected.keys()
    for number, (far, winner) in expected.items():
        assert dropped[number].fields == {"cluster": str(winner)}
        assert dropped[number].score == pytest.approx(far, abs=2e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.005, 0.3))
def test_no_feature_of_twins_is_further_apart_than_they_are(seed, threshold):
    """The bound that the grid prunes by."""
    rng = np.random.default_rng(seed)
    first, second = (space.arrangement(record["poses"]) for record in random_scenes(rng, 2))
    far = space.distance(first, second)
    assert far == space.distance(second, first)
    if far <= threshold:
        assert np.abs(first.features - second.features).max() <= threshold + space._SLACK


def test_bottleneck_assignment_of_a_crowd():
    """Greedy pairing would take the near one first and leave somebody with a far one."""
    crowd = [person(at(60 * place)) for place in range(12)]
    shifted = [person(at(60 * place + 1.5 * (place % 2))) for place in range(12)]
    a, b = space.arrangement(crowd), space.arrangement(shifted[::-1])
    assert space.distance(a, b) <= 2 / SIZE
