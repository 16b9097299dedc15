"""The labels of rendered heads."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from headkit.head.camera import project, view_rotation
from headkit.head.loading import load_head
from headkit.head.rotation import euler_from_rotation, geodesic, rotation_from_euler
from headkit.render.drawing.coverage import Shape, shape_of
from headkit.render.drawing.extent import exact_box
from headkit.render.drawing.frame import Frame
from headkit.render.drawing.mesh import pack
from headkit.render.drawing.sight import seen
from headkit.render.human.body import load_body
from headkit.render.scene import Scene, Wanted, compose, picture
from headkit.render.surface import HEAD_PARTS, Material, Surface
from headkit.render.truth import labels

SIZE = 160
FRONT = [
    [80, 40, 1], [87, 34, 1], [73, 34, 1], [94, 38, 1], [66, 38, 1], [112, 78, 1], [48, 78, 1],
    [120, 120, 1], [40, 120, 1], [118, 155, 1], [42, 155, 1], *([[0, 0, 0]] * 6),
]  # fmt: skip
BOX = [30.0, 10.0, 130.0, 160.0]


def wanted(shift: tuple[float, float] = (0, 0), scale: float = 1.0, **words: Any) -> Wanted:
    points = np.array(FRONT, float)
    known = points[:, 2] > 0
    points[known, :2] = points[known, :2] * scale + shift
    box = [BOX[k] * scale + shift[k % 2] for k in range(4)]
    head = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0}
    plain = {"sex": "male", "age": 35, "hair": "bald", "beard": "none", "glasses": "none"}
    plain |= {"headwear": "none", "expression": "neutral", "clothes": "t-shirt", **words}
    return Wanted(points, box, head, plain, seed=5)


@cache
def one() -> tuple[Scene, Frame, list[dict[str, Any]]]:
    scene = compose([wanted()], SIZE, SIZE, seed=1)
    frame = picture(scene)
    return scene, frame, labels(scene, frame)


def test_a_bald_head_alone() -> None:
    scene, frame, (head,) = one()
    assert "ignore" not in head
    assert head["visibility"] > 0.97
    is_head = np.isin(frame.part, [int(part) for part in HEAD_PARTS])
    rows, columns = np.nonzero(is_head)
    tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert head["box_visible"] == tight
    assert np.abs(np.array(head["box"]) - tight).max() < 1.0
    assert head["distance"] == pytest.approx(np.linalg.norm(scene.people[0].translation))
    assert head["attributes"]["hair"] == "bald"


def test_eyes_meet_the_camera_where_they_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headkit.render.look.MEETS", 1.0)
    near = wanted()
    away = replace(near, head={"yaw": 60.0, "pitch": 0.0, "roll": 0.0})
    (facing,), (averted,) = (
        compose([person], SIZE, SIZE, seed=1, place="plain").people for person in (near, away)
    )
    eyes = facing.rest.eye_centers - facing.rest.head_translation
    yaw, pitch = np.radians(facing.rest.gaze).T
    sight = np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], 1)
    to_camera = -(eyes @ facing.rotation.T + facing.translation)
    to_camera /= np.linalg.norm(to_camera, axis=1, keepdims=True)
    turned = np.degrees(np.arccos((sight @ facing.rotation.T * to_camera).sum(axis=1)))
    assert (turned < 3.0).all()  # nor do they cross before a camera that is near
    np.testing.assert_allclose(averted.rest.gaze, [averted.look.gaze] * 2)


def test_parameters_decode_to_the_head_that_was_drawn() -> None:
    scene, _, (head,) = one()
    model = load_head(head["params"]["model"])
    assert model.sha256 == head["params"]["sha256"]
    vertices = model.vertices(
        head["params"]["shape"], head["params"]["expression"], head["params"]["jaw"]
    )
    placed = vertices @ np.array(head["pose"]["rotation"]).T + head["params"]["translation"]
    body = load_body()
    person = scene.people[0]
    drawn = body.skin(person.rest, person.posed.bone_transforms)[body.head_vertices]
    eyes = np.zeros(len(drawn), bool)  # they look somewhere, which no parameter holds
    for name in ("eye_left", "eye_right"):
        group = body.vertex_groups[name]
        eyes |= (body.head_vertices >= group.start) & (body.head_vertices < group.stop)
    bone = body.bones.index("head")
    share = np.where(body.skin_bones == bone, body.skin_weights, 0).sum(axis=1)[body.head_vertices]
    rigid = (share > 0.9999) & ~eyes  # the neck bends the rest
    assert rigid[model.landmarks68].all()
    assert (rigid | eyes)[model.head_mask].mean() > 0.93
    apart = np.linalg.norm(project(placed, scene.K) - project(drawn, scene.K), axis=1)
    assert apart[rigid].max() < 0.1
    assert apart[model.landmarks68].max() < 0.1
    points = np.array(head["landmarks"]["points"])
    expected = project(model.landmarks(placed), scene.K)
    assert np.abs(points[:, :2] - expected).max() < 0.01
    assert (points[:, 2] == 0).all()


def test_rotation_view_and_angles_are_one() -> None:
    for shift in ((0.0, 0.0), (-45.0, 30.0)):
        scene = compose([wanted(shift)], SIZE, SIZE, seed=1)
        (head,) = labels(scene, picture(scene))
        pose = head["pose"]
        rotation, view = np.array(pose["rotation"]), np.array(pose["view"])
        assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
        assert np.linalg.det(rotation) == pytest.approx(1)
        assert np.allclose(view, view_rotation(rotation, head["params"]["translation"]))
        angles = [pose["yaw"], pose["pitch"], pose["roll"]]
        assert np.allclose(euler_from_rotation(view), angles)
        asked = rotation_from_euler(0.0, 0.0, 0.0)
        assert geodesic(view, asked) < 2.0  # the head that was asked for


def test_frontal_face_is_seen_and_a_turned_one_hides_its_far_side() -> None:
    _, _, (head,) = one()
    assert head["landmarks"]["visible"].count("1") >= 60
    turned = wanted()
    turned.head.update(yaw=80.0)  # type: ignore[union-attr]
    turned.keypoints[:5] = [[95, 40, 1], [90, 34, 1], [0, 0, 0], [0, 0, 0], [72, 36, 1]]
    scene = compose([turned], SIZE, SIZE, seed=1)
    (side,) = labels(scene, picture(scene))
    visible = side["landmarks"]["visible"]
    # the nose points to the image's right: the subject's right side is seen, the left eye is not
    assert visible[36:42].count("1") >= 4
    assert visible[42:48].count("1") <= 1
    assert visible.count("1") < head["landmarks"]["visible"].count("1")


def test_what_is_worn_hides_landmarks_and_lenses_do_not() -> None:
    def visible(**words: Any) -> str:
        scene = compose([wanted(**words)], SIZE, SIZE, seed=1)
        return str(labels(scene, picture(scene))[0]["landmarks"]["visible"])

    bare = visible()
    bearded = visible(beard="full beard")
    assert bearded[2:15].count("1") < bare[2:15].count("1") - 3  # the jaw
    dark = visible(glasses="sunglasses")
    assert dark[36:48].count("1") >= 6  # behind lenses, though not behind frames
    assert bearded[27:31] == bare[27:31] == "1111"


def test_another_person_in_front() -> None:
    people = [wanted((-8, 0), 0.6), wanted((-40, 0))]
    scene = compose(people, SIZE, SIZE, seed=1)
    frame = picture(scene)
    back, front = labels(scene, frame)
    assert back["distance"] > front["distance"]
    assert front["visibility"] > 0.9
    alone = compose(people[:1], SIZE, SIZE, seed=1)
    assert back["visibility"] < labels(alone, picture(alone))[0]["visibility"]
    if back["box_visible"] is not None:
        assert back["box_visible"] != back["box"]
    wholly = labels(scene, frame, owners=[1])
    assert wholly == [front]


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (wanted((60, 60), 0.06), "small"),
        (wanted((0, -95)), "outside"),
        (wanted((0, -30)), None),
    ],
)
def test_heads_to_ignore(person: Wanted, reason: str | None) -> None:
    scene = compose([person], SIZE, SIZE, seed=1)
    (head,) = labels(scene, picture(scene))
    assert head.get("ignore") == reason
    x1, y1, x2, y2 = head["box"]
    assert 0 <= x1 <= x2 <= SIZE
    assert 0 <= y1 <= y2 <= SIZE
    inside = [0 <= x < SIZE and 0 <= y < SIZE for x, y, _ in head["landmarks"]["points"]]
    for letter, within in zip(head["landmarks"]["visible"], inside, strict=True):
        assert within or letter == "0"
    if reason == "outside":
        assert head["box_visible"] is None
        assert head["visibility"] == 0


# ---- the pieces, on shapes whose answer is known -------------------------------------------------

K = np.array([[100.0, 0, 50], [0, 100, 50], [0, 0, 1]])


def square(low: float, high: float, depth: float, owner: int = 0, **more: Any) -> Surface:
    """A square from `low` to `high` pixels of both axes, facing the camera."""
    corners = [(low, low), (high, low), (high, high), (low, high)]
    vertices = np.array(
        [[(x - 50) / 100 * depth, (y - 50) / 100 * depth, depth] for x, y in corners], np.float32
    )
    faces = np.array([[0, 2, 1], [0, 3, 2]], np.int32)
    blank = np.zeros((4, 3), np.float32)
    material = more.pop("material", Material.CLOTH)
    return Surface(
        material,
        owner,
        vertices,
        faces,
        blank,
        blank,
        np.full(2, 1, np.uint8),
        np.ones(4, np.float32),
        **more,
    )


def alone(*surfaces: Surface) -> Shape:
    mesh = pack(surfaces)
    return shape_of(mesh, np.ones(len(mesh.faces), bool), K)


def test_box_of_a_square() -> None:
    box = exact_box(alone(square(20.3, 61.7, 2.0)), K, (20.25, 20.25, 61.75, 61.75))
    assert box == pytest.approx((20.3, 20.3, 61.7, 61.7), abs=0.07)


def test_wisps_do_not_push_a_box() -> None:
    head = square(20, 60, 2.0)
    thin = head.vertices.copy()  # 1.5 pixels out to the left, an eighth of a pixel high
    left, right = thin[:, 0].min(), thin[:, 0].max()
    thin[:, 0] = np.where(thin[:, 0] == left, left - 0.03, right)
    thin[:, 1] = np.where(thin[:, 1] > 0, 0.0025, 0.0)
    shapes = [head, Surface(**{**vars(head), "vertices": thin})]
    box = exact_box(alone(*shapes), K, (18.5, 20.0, 60.0, 60.0))
    assert box == pytest.approx((20.0, 20.0, 60.0, 60.0), abs=0.07)


def test_sight() -> None:
    points = np.array([[0.0, 0.0, 2.0], [0.9, 0.9, 2.0], [0.0, 0.0, 0.01]])
    owners = np.zeros(3, np.int32)

    def visible(*surfaces: Surface) -> list[bool]:
        return list(map(bool, seen(pack(surfaces), points, owners, K)))

    assert visible(square(40, 60, 3.0)) == [True, True, False]  # behind it, and too near the camera
    assert visible(square(40, 60, 1.0)) == [False, True, False]
    assert visible(square(40, 60, 1.998)) == [False, True, False]
    assert visible(square(40, 60, 1.998, material=Material.SKIN)) == [True, True, False]  # own skin
    assert visible(square(40, 60, 1.998, owner=1, material=Material.SKIN)) == [False, True, False]
    assert visible(square(40, 60, 1.0, material=Material.LENS)) == [True, True, False]
    gap = np.tile(np.array([-1.0, 0, 0.3, 0.5], np.float32), (4, 1))
    assert visible(square(40, 60, 1.0, strand=gap)) == [True, True, False]
    full = np.tile(np.array([-1.0, 0, 0.7, 0.5], np.float32), (4, 1))
    assert visible(square(40, 60, 1.0, strand=full)) == [False, True, False]
