"""pack --format crops: every pixel and label of a crop is where its virtual camera sees it, for any yaw."""

import hashlib
import json

import numpy as np
import pytest
from packs import pack, tree
from PIL import Image

from headkit.head.camera import intrinsics, project, view_rotation
from headkit.head.rotation import euler_from_rotation, geodesic, rotation_from_euler
from headkit.head.virtual_camera import looking_at, moved

SIZE = (480, 360)
K = intrinsics(*SIZE, 420.0)
YAWS = (0.0, 50.0, 90.0, 135.0, 180.0, -75.0)


def head_at(yaw, *, pitch=10.0, roll=25.0, pixel=(240, 180), distance=1.0):
    """rotation, translation of a head that a crop shows at these angles."""
    ray = np.linalg.solve(K, [*pixel, 1.0])
    place = ray / np.linalg.norm(ray) * distance
    view = rotation_from_euler(yaw, pitch, roll)
    aim = view_rotation(np.eye(3), place)
    return aim.T @ view, place


CLOUD = np.random.default_rng(0).normal(0, 0.06, (40, 3))
CLOUD[:3] = [[0.09, 0.02, 0.03], [-0.08, 0.06, 0.02], [0.02, -0.1, 0.05]]  # far apart from any side


@pytest.mark.parametrize("yaw", YAWS)
@pytest.mark.parametrize("pixel", [(240, 180), (30, 20), (470, 300)])
def test_the_homography_is_the_virtual_camera(yaw, pixel):
    rotation, place = head_at(yaw, pixel=pixel)
    camera = looking_at(rotation, place, 256, 0.4)
    points = CLOUD @ rotation.T + place
    seen = project(points @ camera.turn.T, camera.K)
    np.testing.assert_allclose(moved(project(points, K), camera.from_picture(K)), seen, atol=1e-8)
    np.testing.assert_allclose(camera.turn @ camera.turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(camera.turn) == pytest.approx(1)
    np.testing.assert_allclose(camera.turn @ place, [0, 0, 1.0], atol=1e-12)  # in the middle
    across, down = (camera.turn @ rotation)[:2, 1]
    assert abs(across) < 1e-12  # upright
    assert down < 0
    # 0.4 m at its distance fill it.
    edge = project([[0.2, 0, 1.0]], camera.K)[0]
    np.testing.assert_allclose(edge, [256, 128])


def test_a_tilted_face_stands_upright():
    rotation, place = head_at(0.0, pitch=0.0, roll=25.0, pixel=(400, 60))
    shown = euler_from_rotation(looking_at(rotation, place, 64, 0.4).turn @ rotation)
    np.testing.assert_allclose(shown, 0, atol=1e-6)


def test_seen_from_above_the_picture_says_what_is_up():
    rotation, place = head_at(0.0, pitch=-88.0, roll=0.0, pixel=(300, 100))
    camera = looking_at(rotation, place, 64, 0.4)
    assert geodesic(camera.turn, view_rotation(np.eye(3), place)) < 1e-6
    with pytest.raises(ValueError, match="before the camera"):
        looking_at(rotation, [0, 0, -1], 64, 0.4)


def scene(root, poses, *, name="scene", distance=1.0):
    """A record whose image has a bright disc at each of three landmarks of each head."""
    rows, columns = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] + 0.5
    pixels = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
    heads = []
    for rotation, place in poses:
        points = project(CLOUD[:3] @ rotation.T + place, K)
        for channel, (x, y) in enumerate(points):
            pixels[np.hypot(columns - x, rows - y) < 5 / distance, channel] = 255
        yaw, pitch, roll = euler_from_rotation(view_rotation(rotation, place))
        heads.append(
            {
                "box": [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()],
                "landmarks": {
                    "scheme": "ibug68",
                    "points": [*np.c_[points, [1.0] * 3].tolist(), *[[1.0, 1.0, 1.0]] * 65],
                },
                "pose": {"rotation": rotation.tolist(), "yaw": yaw, "pitch": pitch, "roll": roll},
                "params": {"model": "m", "translation": place.tolist()},
                "attributes": {"age": 30},
            }
        )
    path = root / f"images/{name}.png"
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
    return {
        "id": name,
        "width": SIZE[0],
        "height": SIZE[1],
        "camera": {"K": K.tolist()},
        "image": f"images/{name}.png",
        "image_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "truth": {"heads": heads},
    }


def labels_in(folder):
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("size", "distance"), [(200, 1.0), (48, 0.6)])
def test_pixels_lie_where_labels_say(tmp_path, size, distance):
    """Discs in the crop are centred on its landmarks: larger and smaller than in the picture, at the border as well."""
    poses = [head_at(yaw, distance=distance) for yaw in YAWS[:3]]
    poses.append(head_at(-40.0, pixel=(420, 60), distance=distance))
    records = [
        scene(tmp_path, [pose], name=f"s{number}", distance=distance)
        for number, pose in enumerate(poses)
    ]
    rows, failures = pack(tmp_path, records, format="crops", crop_size=size)
    assert (failures, rows[0]["count"], rows[0]["images"]) == ([], 4, 4)
    apart = []
    for label, (rotation, place) in zip(labels_in(tmp_path / "out/heads"), poses, strict=True):
        pixels = np.asarray(Image.open(tmp_path / "out/heads" / label["file_name"])).astype(float)
        assert pixels.shape == (size, size, 3)
        turn, camera = np.array(label["turn"]), np.array(label["K"])
        seen = project((CLOUD[:3] @ rotation.T + place) @ turn.T, camera)
        np.testing.assert_allclose(np.array(label["landmarks"]["points"])[:3, :2], seen, atol=0.01)
        np.testing.assert_allclose(label["pose"]["rotation"], turn @ rotation, atol=1e-6)
        np.testing.assert_allclose(label["params"]["translation"], turn @ place, atol=1e-5)
        assert abs(label["pose"]["roll"]) <= 180
        assert label["attributes"] == {"age": 30}
        rows_, columns = np.mgrid[0:size, 0:size] + 0.5
        for channel, (x, y) in enumerate(seen):
            near = np.hypot(columns - x, rows_ - y) < 7 * camera[0, 0] / 420
            other = pixels[..., [each for each in range(3) if each != channel]].max(axis=-1)
            weight = np.where(near & (other < 60), pixels[..., channel] - 40, 0).clip(0)
            if not near.any() or (near & (other >= 60)).any():
                continue  # discs that touch
            at = [(weight * place).sum() / weight.sum() for place in (columns, rows_)]
            apart.append([at[0] - x, at[1] - y])
    assert len(apart) >= 6
    assert np.abs(apart).max() < 0.5
    assert np.abs(np.mean(apart, axis=0)).max() < 0.15  # no half pixel lost


def test_what_cannot_be_cropped_is_counted(tmp_path):
    record = scene(tmp_path, [head_at(0.0), head_at(30.0, pixel=(100, 100))])
    heads = record["truth"]["heads"]
    heads.append({"box": [1, 1, 50, 50]})
    heads.append({**heads[0], "ignore": "hidden"})
    none = {**record, "id": "no-camera", "camera": None}
    rows, failures = pack(
        tmp_path, [record, none], format="crops,coco", crop_size=32, split="a=1,b=rest"
    )
    assert [failure.kind for failure in failures] == ["labels"]
    (crops,) = [row for row in rows if row["format"] == "crops"]
    assert (crops["count"], crops["images"]) == (2, 1)
    assert crops["left_out"] == {"heads to ignore": 1, "heads without a pose": 1}
    index = json.loads((tmp_path / "out/index.json").read_text())
    assert sorted(index["splits"].values()) == [0, 1]
    assert "encoded again" in (tmp_path / "out/README.md").read_text()


def test_threads_do_not_change_a_byte(tmp_path):
    records = [
        scene(tmp_path, [head_at(yaw), head_at(-yaw, pixel=(90, 90))], name=f"s{yaw}")
        for yaw in YAWS[:3]
    ]
    for jobs in (1, 3):
        pack(tmp_path, records, format="crops", jobs=jobs, dir=str(tmp_path / f"out{jobs}"))
    assert tree(tmp_path / "out1") == tree(tmp_path / "out3")
