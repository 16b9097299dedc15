"""Drawing on pictures: everything lands where its numbers say, and nonsense is refused in words."""

import numpy as np
import pytest

from headkit import overlay
from headkit.head.camera import intrinsics, project
from headkit.head.loading import load_head
from headkit.head.rotation import rotation_from_euler
from headkit.overlay import Canvas, OverlayError
from headkit.overlay.mesh import Surface, draw_meshes, head_surface
from headkit.overlay.sheet import GAP, Sheet, Tile, capacity, plain, strip_height

GREY = np.full((120, 160, 3), 128, np.uint8)
RED = (255, 0, 0)


def changed(canvas):
    """(N, 2) x, y of the shown pixels that are not grey."""
    rows, columns = np.nonzero((canvas.finish().astype(int) - 128).__abs__().sum(axis=2) > 40)
    return np.stack([columns, rows], 1)


def canvas(width=160, height=120, window=None, pixels=GREY):
    return Canvas.of(pixels, width, height, window)


def test_a_picture_of_the_tiles_size_is_shown_as_it_is():
    pixels = np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)
    pixels = np.asarray(
        overlay.Image.fromarray(pixels).reduce(8).resize((160, 120))
    )  # nothing sharp
    shown = canvas(pixels=pixels).finish()
    assert np.abs(shown.astype(int) - pixels).max() <= 12
    assert np.abs(shown.astype(int) - pixels).mean() < 1


def test_letterbox():
    wide = Canvas.of(np.full((50, 100, 3), 255, np.uint8), 100, 100).finish()
    assert (wide[26:74] == 255).all()
    assert (wide[:24] == overlay.BACKGROUND).all()
    assert (wide[76:] == overlay.BACKGROUND).all()


def test_a_window_may_reach_over_the_edge():
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:10, :10] = 255
    shown = canvas(80, 80, np.array([-10.0, -10.0, 10.0, 10.0]), pixels).finish()
    assert (shown[:38] == overlay.BACKGROUND).all()
    assert (shown[42:78, 42:78] == 255).all()
    outside = canvas(20, 20, np.array([100.0, 100.0, 110.0, 110.0]), pixels).finish()
    assert (outside == overlay.BACKGROUND).all()


def test_box_edges_lie_on_their_coordinates():
    on = canvas()
    overlay.draw_box(on, [20, 30, 60, 90], RED)
    found = changed(on)
    assert found.min(axis=0) == pytest.approx([19, 29], abs=1)
    assert found.max(axis=0) == pytest.approx([60, 90], abs=1)
    inner = on.finish()[35:85, 25:55]
    assert (inner == 128).all()


def test_visible_and_whole_boxes_look_different():
    counts = []
    for dashed in (False, True):
        on = canvas()
        overlay.draw_box(on, [20, 30, 60, 90], RED, dashed=dashed)
        counts.append(len(changed(on)))
    assert counts[1] < 0.8 * counts[0]


def test_boxes_far_outside_do_no_harm():
    on = canvas()
    overlay.draw_box(on, [-1e7, -1e7, 1e7, 1e7], RED, dashed=True)
    overlay.draw_box(on, [1e5, 1e5, 2e5, 2e5], RED)
    assert (on.finish() == 128).all()


@pytest.mark.parametrize("value", [(250, 250, 250), (4, 4, 4), (255, 196, 0)])
def test_lines_are_seen_on_any_ground(value):
    ground = np.full((120, 160, 3), value, np.uint8)
    for number in range(len(overlay.COLORS)):
        on = canvas(pixels=ground)
        overlay.draw_box(on, [20, 30, 60, 90], overlay.color_of(number))
        difference = np.abs(on.finish().astype(int) - np.array(value)).max(axis=2)
        assert (difference > 60).sum() > 150


def test_visible_landmarks_are_filled_and_hidden_ones_hollow():
    middles = []
    for visible in "10":
        on = Canvas.of(GREY, 640, 480, np.array([0.0, 0.0, 40.0, 30.0]))
        points = [[10, 10, 0], [30, 20, 0], [30, 10, 0]]
        overlay.draw_landmarks(on, {"scheme": "x", "points": points, "visible": visible * 3}, RED)
        middles.append(on.finish()[320, 480])
    assert tuple(middles[0]) == RED
    assert tuple(middles[1]) == (128, 128, 128)


def test_landmarks_of_the_ibug_scheme():
    angles = np.linspace(0, 6, 68)
    points = np.stack([80 + 40 * np.cos(angles), 60 + 40 * np.sin(angles), 0 * angles], 1)
    on = canvas()
    overlay.draw_landmarks(
        on, {"scheme": "ibug68", "points": points.tolist(), "visible": "1" * 68}, RED
    )
    distance = np.hypot(*(changed(on) + 0.5 - [80, 60]).T)
    assert len(distance) > 200
    assert (distance < 44).all()


def test_axes_point_where_the_head_does():
    """Yaw above 0 turns the nose, the blue axis, to the right of the image; up stays up."""
    rotation = rotation_from_euler(50.0, 0.0, 0.0)
    K = intrinsics(160, 120, 160)
    head = {
        "pose": {"rotation": rotation.tolist()},
        "params": {"translation": [0, 0, 0.8]},
        "box": [60, 40, 100, 80],
    }
    for labels in (head, {"pose": {"view": rotation.tolist()}, "box": head["box"]}):
        on = canvas()
        overlay.draw_axes(on, labels, {"K": K.tolist()})
        shown = on.finish().astype(int)
        blue = np.stack(np.nonzero(shown[:, :, 2] - shown[:, :, 0] > 60)[::-1], 1)
        green = np.stack(np.nonzero(shown[:, :, 1] - shown[:, :, 0] > 60)[::-1], 1)
        assert blue[:, 0].max() > 92
        assert blue[:, 0].min() > 74
        assert green[:, 1].min() < 45
        assert green[:, 1].max() < 66


def test_axes_behind_the_camera_are_not_drawn():
    on = canvas()
    head = {"pose": {"rotation": np.eye(3).tolist()}, "params": {"translation": [0, 0, -1]}}
    overlay.draw_axes(on, head, {"K": intrinsics(160, 120, 160).tolist()})
    assert len(changed(on)) == 0


def test_skeletons_have_sides():
    keypoints = [
        [80, 20, 1],
        [84, 16, 1],
        [76, 16, 1],
        [90, 18, 1],
        [70, 18, 1],
        [110, 40, 1],
        [50, 40, 1],
    ]
    keypoints += [[120, 60, 1], [40, 60, 1], [125, 80, 1], [35, 80, 0], *[[80, 90, 0]] * 6]
    on = canvas()
    overlay.draw_pose(on, {"keypoints": keypoints})
    shown = on.finish().astype(int)
    assert shown[50, 115, 2] > shown[50, 115, 0] + 60  # the subject's left, blue
    assert shown[50, 45, 0] > shown[50, 45, 2] + 60
    assert (shown[85:] == 128).all()  # what is not known is not drawn
    assert (shown[72:84, 30:40] == 128).all()


# ---- meshes -------------------------------------------------------------------------------------


def head(translation, yaw=0.0, **params):
    model = load_head()
    return {
        "params": {
            "model": model.name,
            "sha256": model.sha256,
            "translation": translation,
            **params,
        },
        "pose": {"rotation": rotation_from_euler(yaw, 0.0, 0.0).tolist()},
    }


def test_a_mesh_covers_what_its_vertices_project_to():
    camera = {"K": intrinsics(160, 120, 200).tolist()}
    label = head([0.05, 0.02, 0.6], yaw=35.0, shape=[1.0, -1.0])
    surface = head_surface(label)
    on = canvas(640, 480)
    draw_meshes(on, [surface], [RED], camera)
    model = load_head()
    used = np.unique(model.faces[model.head_mask[model.faces].all(axis=1)])
    places = project(surface.vertices[used], camera["K"]) * 4
    found = changed(on)
    assert found.min(axis=0) == pytest.approx(np.floor(places.min(axis=0)), abs=1.5)
    assert found.max(axis=0) + 1 == pytest.approx(np.ceil(places.max(axis=0)), abs=1.5)


def test_the_nearer_head_hides_the_farther():
    camera = {"K": intrinsics(160, 120, 160).tolist()}
    near, far = head_surface(head([0, 0, 0.6])), head_surface(head([0, 0, 0.9]))
    shown = []
    for surfaces, colors in (
        ([near, far], [RED, (0, 0, 255)]),
        ([far, near], [(0, 0, 255), RED]),
        ([near], [RED]),
    ):
        on = canvas()
        draw_meshes(on, surfaces, colors, camera)
        shown.append(on.finish())
    assert np.array_equal(shown[0], shown[1])
    assert np.array_equal(shown[0], shown[2])


def test_meshes_outside_and_behind_are_not_drawn():
    camera = {"K": intrinsics(160, 120, 160).tolist()}
    for place in ([0, 0, -1.0], [5, 0, 1.0], [0, 0, 0.0]):
        on = canvas()
        draw_meshes(on, [head_surface(head(place))], [RED], camera)
        if place[2] != 0:
            assert len(changed(on)) == 0


def test_parameters_of_another_model_are_refused():
    label = head([0, 0, 1])
    for wrong in (
        {"model": "flame", "sha256": None},
        {"sha256": "0" * 64},
        {"shape": [0.0] * 9999},
        {"shape": "x"},
        {"jaw": [1]},
    ):
        with pytest.raises(OverlayError):
            head_surface({**label, "params": {**label["params"], **wrong}})


@pytest.mark.parametrize(
    "draw",
    [
        lambda on: overlay.draw_box(on, [1, 2, 3], RED),
        lambda on: overlay.draw_box(on, "box", RED),
        lambda on: overlay.draw_box(on, [1, 2, 3, None], RED),
        lambda on: overlay.draw_box(on, {"a": 1}, RED),
        lambda on: overlay.draw_landmarks(on, [], RED),
        lambda on: overlay.draw_landmarks(on, {"points": [[1], [2]]}, RED),
        lambda on: overlay.draw_landmarks(on, {"points": [[1, 2], [3]]}, RED),
        lambda on: overlay.draw_pose(on, {"keypoints": [[1, 2, 3]] * 16}),
        lambda on: overlay.draw_pose(on, None),
        lambda on: overlay.draw_axes(on, {"pose": {"view": [[1]]}, "box": [0, 0, 1, 1]}, None),
        lambda on: overlay.draw_axes(on, {"pose": {"view": np.eye(3).tolist()}}, None),
        lambda on: overlay.draw_box(on, [1, 2, 3, 10**400], RED),
        lambda on: overlay.draw_box(on, [1, 2, 3, 1e308], RED),
        lambda on: overlay.draw_axes(on, {"pose": [1]}, None),
        lambda on: overlay.draw_axes(on, {"pose": {"view": 1}, "params": "x"}, None),
        lambda on: draw_meshes(
            on, [Surface(np.zeros((1, 3)), np.zeros((0, 3), np.int32))], [RED], {"K": [[1]]}
        ),
    ],
)
def test_labels_that_are_none_are_refused_in_words(draw):
    with pytest.raises(OverlayError, match=r"\w"):
        draw(canvas())


# ---- sheets -------------------------------------------------------------------------------------


def test_tiles_lie_in_rows():
    sheet = Sheet(columns=2, size=40)
    for value in (50, 100, 150):
        sheet.add(Tile(np.full((40, 40, 3), value, np.uint8), f"tile {value}"))
    pixels = sheet.pixels()
    step = 40 + GAP
    assert pixels.shape == (GAP + 2 * (step + strip_height()), GAP + 2 * step, 3)
    assert (pixels[GAP : GAP + 40, GAP : GAP + 40] == 50).all()
    assert (pixels[GAP : GAP + 40, GAP + step : GAP + step + 40] == 100).all()
    below = GAP + step + strip_height()
    assert (pixels[below : below + 40, GAP : GAP + 40] == 150).all()


def test_text_below_a_tile_is_legible_and_cut_in_its_middle():
    def strip(title):
        sheet = Sheet(1, 120)
        sheet.add(Tile(None, title, "2 heads"))
        return sheet.pixels()[GAP + 120 :]

    assert strip("some id").max() > 200
    long = "a very long id that names its source, its seed and its number 000017"
    assert not np.array_equal(strip(long), strip(long[:-1] + "8"))  # ends are what tells ids apart
    assert not np.array_equal(strip(long), strip("A" + long[1:]))
    assert np.array_equal(strip(long), strip(long[:30] + "another middle" + long[40:]))


@pytest.mark.parametrize(
    "text", ["", "x" * 5000, "line\nbreak\r\x1b[31m\x00", "ü 漢字 😀 \u202e", "word " * 400]
)
def test_any_text_can_be_set(text):
    for message in ("", text):
        for picture in (None, np.zeros((64, 64, 3), np.uint8)):
            sheet = Sheet(1, 64)
            sheet.add(Tile(picture, text, text, message))
            assert sheet.pixels().shape == (2 * GAP + 64 + strip_height(), 64 + 2 * GAP, 3)
    assert plain(text).isprintable()


def test_capacity_is_what_viewers_open():
    for columns, size in ((8, 256), (1, 32), (200, 64), (3, 4096)):
        most = capacity(columns, size)
        assert most % columns == 0
        rows = most // columns
        area = (GAP + columns * (size + GAP)) * (GAP + rows * (size + strip_height() + GAP))
        assert area <= 60_000_000
    assert capacity(200, 4096) == 0
