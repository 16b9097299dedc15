"""Depth, normals and meshes of a record as conditioners read them, and that they go with what generate draws."""

import numpy as np
import pytest

from headkit.conditioning import CONTROLS, rendered
from headkit.conditioning.mesh_colors import colored
from headkit.conditioning.meshes import Mesh, draw_depth
from headkit.conditioning.relief import WALL, depth_picture, normal_picture
from headkit.head.camera import intrinsics, project
from headkit.head.loading import load_head
from headkit.render.drawing.maps import pncc_map
from headkit.render.scene import mean_head, picture
from headkit.render.surface import Part
from headkit.request import RequestError, canvas_of, composed
from headkit.tool import Context
from headkit.tools import generate

# Two people; the one at the right is nearer.
PERSON = [
    [80, 40, 1], [87, 34, 1], [73, 34, 1], [94, 38, 1], [66, 38, 1], [112, 78, 1], [48, 78, 1],
    [120, 120, 1], [40, 120, 1], [118, 155, 1], [42, 155, 1], *([[0, 0, 0]] * 6),
]  # fmt: skip
RECORD = {
    "id": "two",
    "width": 192,
    "height": 160,
    "poses": [
        {
            "keypoints": [[x * scale + shift, y * scale + 6, c] if c else [0.0, 0.0, 0.0] for x, y, c in PERSON],
            "head": {"yaw": 0.0, "pitch": 0.0, "roll": 0.0},
            "attributes": {"age": 35, "hair": hair, "headwear": "none", "clothes": "t-shirt"},
        }
        for scale, shift, hair in ((0.5, 4, "bald"), (0.9, 55, "long"))
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def both():
    return rendered(RECORD, CONTROLS, seed=3)


def test_pictures_are_of_the_size_of_the_record_and_always_the_same(both):
    again = rendered(RECORD, ("mesh", "depth"), seed=3)
    assert list(both.images) == list(CONTROLS)
    for pixels in both.images.values():
        assert (pixels.shape, pixels.dtype) == ((160, 192, 3), np.uint8)
    assert all((again.images[name] == both.images[name]).all() for name in again.images)
    assert again.target == both.target
    assert (rendered(RECORD, ("mesh",), seed=4).images["mesh"] != again.images["mesh"]).any()


def test_target_is_what_generate_calls_truth(both, tmp_path):
    (made,) = generate.start(generate.Options(), Context("generate", tmp_path, 3, tag="test"))(
        [RECORD]
    )
    assert both.target == made["truth"]
    assert both.camera == made["camera"]


# ---- depth ---------------------------------------------------------------------------------------


def test_depth_by_hand():
    depth = np.array([[0.0, 1.0, 2.0]], np.float32)
    behind = 2.0 + WALL
    inverse = [0, 255, round(255 * (1 / 2 - 1 / behind) / (1 - 1 / behind))]
    assert depth_picture(depth, "inverse").tolist() == [[[level] * 3 for level in inverse]]
    # Percentiles of 3, 1, 2 by straight lines between them: 2% is 1.04, 85% is 2.7.
    metric = [0, 255, round(255 * (2.7 - 2) / (2.7 - 1.04))]
    assert depth_picture(depth, "metric").tolist() == [[[level] * 3 for level in metric]]
    assert not depth_picture(np.zeros((2, 2), np.float32), "inverse").any()


@pytest.mark.parametrize("control", ["depth", "depth-zoe", "body-depth"])
def test_near_is_white_and_nothing_is_black(both, control):
    grey = both.images[control]
    assert (grey == grey[..., :1]).all()
    level = grey[..., 0].astype(int)
    far, near = level[30, 42], level[48, 130]  # foreheads
    assert 0 < far < near
    assert level.max() == 255
    assert level[2, 2] == 0
    assert both.target["heads"][1]["distance"] < both.target["heads"][0]["distance"]


def test_depth_is_exact_on_a_known_plane():
    K = intrinsics(40, 30, 50.0)
    corners = np.array([[-9, -9], [9, -9], [9, 9], [-9, 9]], float)
    slanted = np.column_stack([corners, 4.0 + 0.3 * corners[:, 0]])
    faces = np.array([[0, 2, 1], [0, 3, 2]], np.int32)
    depth = draw_depth([Mesh(slanted, faces)], K, 40, 30)
    x = (np.arange(40) + 0.5 - 20) / 50.0  # X / Z of pixel centres
    assert np.abs(depth - 4.0 / (1.0 - 0.3 * x)).max() < 1e-5


def test_bare_bodies_have_no_hair_and_no_clothes(both):
    people, bodies = (both.images[name][..., 0] for name in ("depth", "body-depth"))
    assert (people > 0).sum() > (bodies > 0).sum() * 1.03
    assert abs(int(people[30, 42]) - int(bodies[30, 42])) < 4  # a bald forehead


# ---- normals -------------------------------------------------------------------------------------


def test_red_is_left_green_is_up_blue_is_front():
    towards = {
        "left": (-1, 0, 0),
        "right": (1, 0, 0),
        "up": (0, -1, 0),
        "down": (0, 1, 0),
        "front": (0, 0, -1),
    }
    row = normal_picture(np.array([[*towards.values(), (0, 0, 0)]], np.float32))[0].tolist()
    assert row == [
        [255, 127, 127], [0, 127, 127], [127, 255, 127], [127, 0, 127], [127, 127, 255], [127, 127, 255],
    ]  # fmt: skip


def test_normals_of_a_face_that_looks_into_the_camera(both):
    picture_of = both.images["normals"].astype(int)
    x1, y1, x2, y2 = (round(value) for value in both.target["heads"][0]["box"])
    middle, width, height = (x1 + x2) // 2, x2 - x1, y2 - y1
    row = y1 + height // 3
    assert picture_of[row, middle - width * 2 // 5, 0] > 170  # cheekbones
    assert picture_of[row, middle + width * 2 // 5, 0] < 85
    assert picture_of[y1 + 2, middle, 1] > 150  # the crown
    assert picture_of[row, middle, 2] > 200


# ---- meshes of heads -----------------------------------------------------------------------------


def test_colours_of_a_mesh_are_those_of_the_template(both):
    model = load_head()
    head = both.target["heads"][0]
    params, rotation = head["params"], np.array(head["pose"]["rotation"])
    vertices = model.vertices(params["shape"], params["expression"], params["jaw"])
    nose = model.landmarks68[30]
    place = project(vertices[nose] @ rotation.T + params["translation"], both.camera["K"])
    found = both.images["mesh"][int(place[1]), int(place[0])].astype(int)
    inside = model.template[model.head_mask]
    share = (model.template[nose] - inside.min(axis=0)) / np.ptp(inside, axis=0)
    assert np.abs(found - 255 * share).max() < 12  # a pixel of this head is 8 mm wide
    assert found[2] > 240  # the nose is in front
    row = both.images["mesh"][int(place[1])].astype(int)
    shown = np.flatnonzero(row[:100].any(axis=1))
    left, right = row[shown[-1], 0], row[shown[0], 0]  # the subject's left is at the image's right
    assert left > 180
    assert right < 75


def test_mesh_agrees_with_the_map_of_generate_and_goes_on_under_hair(both):
    canvas = canvas_of(RECORD, None)
    scene, _ = composed(RECORD, canvas, 3)
    frame = picture(scene, shaded=False)
    exact = pncc_map(frame, *mean_head()) / 257.0
    mesh = both.images["mesh"].astype(float)
    bald = (frame.owner == 0) & np.isin(frame.part, [Part.FACE, Part.LIP]) & mesh.any(axis=2)
    assert bald.sum() > 200
    # The drawn skin has finer triangles than the mesh of the head model.
    assert np.percentile(np.abs(mesh - exact)[bald].max(axis=1), 90) < 6
    hair = (frame.owner == 1) & (frame.part == Part.HAIR)
    assert not exact[hair].any()
    assert mesh[hair].any(axis=1).sum() > 50


def test_a_head_is_coloured_by_the_vertices_that_are_its_own():
    model = load_head()
    whole = colored(model)
    low, high = whole.colors[whole.vertices].min(axis=0), whole.colors[whole.vertices].max(axis=0)
    assert (low.tolist(), high.tolist()) == ([0, 0, 0], [1, 1, 1])
    assert set(np.unique(whole.faces)) <= set(whole.vertices.tolist())
    eyes = np.unique(model.faces[model.parts == Part.EYE])
    assert not np.isin(eyes, whole.vertices).any()
    part = colored(model, np.flatnonzero(model.template[:, 1] > 0))
    assert part.colors[part.vertices, 1].min() == 0.0
    with pytest.raises(ValueError, match="no face"):
        colored(model, np.array([len(model.template)]))


# ---- faults --------------------------------------------------------------------------------------


def test_nobody_is_an_empty_picture():
    made = rendered({**RECORD, "poses": []}, CONTROLS, seed=0)
    assert made.target == {"heads": []}
    assert not any(made.images[name].any() for name in CONTROLS if name != "normals")
    assert (made.images["normals"] == (127, 127, 255)).all()


def test_a_wrong_record_says_so():
    with pytest.raises(RequestError, match="width"):
        rendered({**RECORD, "width": 0}, ("depth",), seed=0)
    with pytest.raises(RequestError, match="17 key points"):
        rendered({**RECORD, "poses": [{"keypoints": []}]}, ("depth",), seed=0)
