"""pack --format vggheads: what numpy reads there lands, by the formula of the published reader, where the camera sees it."""

import functools
import hashlib
import io

import flame_files
import numpy as np
import pytest
from packs import pack, picture
from releases import release

from headkit.formats.vggheads import boxes
from headkit.head import loading
from headkit.head.camera import project
from headkit.head.rotation import rotation_from_euler
from headkit.status import NO_INPUT, USAGE, Stop

SIZE = (400, 300)


@functools.cache
def arrays():
    return flame_files.own_arrays()


@functools.cache
def model():
    return flame_files.own_model()


@pytest.fixture(autouse=True)
def flame(monkeypatch):
    """The file of --head, read without registering its points."""
    monkeypatch.setattr(loading, "load_head", lambda name: model())


def fitted(seed, *, distance, focal):
    """A head and its camera; far away and through a long lens, perspective is weak."""
    draw = np.random.default_rng(seed)
    shape, expression = draw.normal(0, 1, 20), draw.normal(0, 0.5, 10)
    jaw = [0.1, 0.02, 0.0]
    K = [[focal, 0, SIZE[0] / 2], [0, focal, SIZE[1] / 2], [0, 0, 1]]
    rotation = np.array(rotation_from_euler(*draw.uniform([-180, -40, -40], [180, 40, 40])))
    pixel = np.array([draw.uniform(120, 280), draw.uniform(110, 190), 1.0])
    place = np.linalg.solve(K, pixel) * distance
    vertices = model().vertices(shape, expression, jaw)
    seen = project(vertices @ rotation.T + place, K)
    low, high = seen.min(axis=0), seen.max(axis=0)
    params = {
        "model": model().name,
        "sha256": model().sha256,
        "shape": shape.tolist(),
        "expression": expression.tolist(),
        "jaw": jaw,
        "translation": place.tolist(),
    }
    head = {
        "box": [*low.tolist(), *high.tolist()],
        "params": params,
        "pose": {"rotation": rotation.tolist()},
    }
    return head, {"K": K}, seen


def row(root, number, heads, camera):
    path = picture(root / f"images/{number}.jpg", SIZE, (9, 9, 20 * number))
    return {
        "id": f"image-{number}",
        "width": SIZE[0],
        "height": SIZE[1],
        "image": f"images/{number}.jpg",
        "image_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "camera": camera,
        "heads": heads,
    }


def published_projection(vector, corner):
    """(V, 2) pixels, from the file's own arrays and the formulas of the published reader, and from nothing of ours."""
    file = arrays()
    v = file["v_template"] + file["shapedirs"] @ vector[:400]
    x, y, z = vector[400:403]
    angle = np.linalg.norm(vector[400:403])
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) / angle
    turn = np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew
    joint = file["J_regressor"][2] @ v
    v = v + file["weights"][:, 2:3] * ((v - joint) @ (turn - np.eye(3)).T)
    v[:, 2] += 0.05
    a, c = vector[403:406], vector[406:409]
    b1 = a / np.linalg.norm(a)
    b3 = np.cross(b1, c)
    b3 /= np.linalg.norm(b3)
    R = np.stack([b1, -np.cross(b1, b3), b3], axis=1)
    flat = max(vector[412] + 1, 1e-8) * (v @ R.T)[:, :2] + vector[409:411]
    return (flat + 1) / 2 * 256 + corner


def arrays_in(path):
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def vggheads(root, records, **options):
    return pack(root, records, format="vggheads", labels="heads", head="flame.npz", **options)


def test_the_published_formula_lands_on_the_head(tmp_path):
    """Heads of all yaws at 2,000 m: perspective is weak, and the formula is right to 0.02 px."""
    scenes = [fitted(seed, distance=2000.0, focal=1.2e6) for seed in range(2)]
    records = [
        row(tmp_path, number, [head], camera) for number, (head, camera, _) in enumerate(scenes)
    ]
    rows, failures = vggheads(tmp_path, records)
    assert (failures, rows[0]["count"]) == ([], 2)
    folder = tmp_path / "out/heads/split_00000"
    for number, (head, _, seen) in enumerate(scenes):
        found = arrays_in(folder / f"annotations/image-{number}.npz")
        assert found["3dmm_params"].shape == (1, 1, 413)
        assert found["3dmm_params"].dtype == np.float32
        assert found["bbox"].dtype == found["extended_bbox"].dtype == np.int64
        at = published_projection(
            found["3dmm_params"][0, 0].astype(float), found["extended_bbox"][0, :2]
        )
        assert np.linalg.norm(at - seen, axis=1).max() < 0.02
        assert found["residual_px"][0] < 0.02
        assert found["bbox"][0].tolist() == boxes(tuple(head["box"]), *SIZE)[0]
        image = folder / f"images/image-{number}.jpg"
        assert image.read_bytes() == (tmp_path / f"images/{number}.jpg").read_bytes()
    assert (folder / "files.txt").read_bytes() == b""


def test_what_weak_perspective_costs_is_said(tmp_path):
    """A head at half a metre: the residual is the distance of the worst vertex."""
    head, camera, seen = fitted(1, distance=0.5, focal=300.0)
    vggheads(tmp_path, [row(tmp_path, 0, [head, head], camera)])
    found = arrays_in(tmp_path / "out/heads/split_00000/annotations/image-0.npz")
    assert found["3dmm_params"].shape == (2, 1, 413)
    assert found["index"].tolist() == [0, 1]
    at = published_projection(
        found["3dmm_params"][0, 0].astype(float), found["extended_bbox"][0, :2]
    )
    apart = np.linalg.norm(at - seen, axis=1).max()
    assert apart > 3
    assert found["residual_px"][0] == pytest.approx(apart, abs=0.02)


def test_boxes_are_those_of_the_published_script():
    assert boxes((10.9, 20.2, 50.7, 100.9), 400, 300) == ([10, 20, 40, 80], [0, 0, 60, 120])
    assert boxes((100.0, 100.0, 203.0, 201.0), 400, 210) == (
        [100, 100, 103, 101],
        [74, 74, 154, 136],
    )


def test_images_that_its_reader_would_misread_are_left_out(tmp_path):
    head, camera, _ = fitted(2, distance=2.0, focal=800.0)
    bare = {"box": [5, 5, 40, 40]}
    heads = [[head], [head, {**bare, "ignore": "too small"}], [bare], []]
    rows, failures = vggheads(
        tmp_path, [row(tmp_path, number, found, camera) for number, found in enumerate(heads)]
    )
    assert failures == []
    assert rows[0]["count"] == 2
    assert rows[0]["left_out"] == {"heads to ignore": 1, "heads without parameters": 1}
    assert "1 with heads to ignore" in (tmp_path / "out/README.md").read_text()
    empty = arrays_in(tmp_path / "out/heads/split_00000/annotations/image-3.npz")
    assert [empty[name].shape for name in ("bbox", "3dmm_params")] == [(0, 4), (0, 1, 413)]


def test_parameters_of_another_model_are_refused(tmp_path):
    head, camera, _ = fitted(2, distance=2.0, focal=800.0)
    other = {**head, "params": {**head["params"], "model": "headkit", "sha256": "0" * 64}}
    records = [row(tmp_path, 0, [head], camera), row(tmp_path, 1, [other], camera)]
    records.append({**row(tmp_path, 2, [head], camera), "camera": None})
    rows, failures = vggheads(tmp_path, records)
    assert rows[0]["count"] == 1
    assert [failure.kind for failure in failures] == ["model", "camera"]
    assert "fit3dmm --head" in failures[0].message


def test_the_file_is_asked_for(tmp_path, monkeypatch):
    with pytest.raises(Stop, match="--head") as caught:
        pack(tmp_path, [], format="vggheads")
    assert caught.value.status == USAGE
    monkeypatch.undo()
    with pytest.raises(Stop) as caught:
        pack(tmp_path, [], format="vggheads", head=str(tmp_path / "none.npz"))
    assert caught.value.status == NO_INPUT


def test_the_bytes_are_the_same_again(tmp_path):
    head, camera, _ = fitted(3, distance=2.0, focal=800.0)
    records = [row(tmp_path, number, [head], camera) for number in range(3)]
    folders = []
    for jobs in (1, 2):
        vggheads(tmp_path, records, jobs=jobs, dir=str(tmp_path / f"out{jobs}"))
        folders.append((tmp_path / f"out{jobs}/SHA256SUMS").read_bytes())
    assert folders[0] == folders[1]


def test_a_takedown_counts_what_is_left(tmp_path):
    rows = []
    for number in range(6):
        head, camera, _ = fitted(number, distance=3.0, focal=900)
        heads = [head, {**head, "ignore": "small"}] if number % 3 == 1 else [head]
        rows.append(row(tmp_path, number, heads, camera))
    options = {"format": "vggheads,webdataset", "labels": "heads", "shard_size": "3"}
    pack(tmp_path, rows, head="flame.npz", **options)
    with pytest.raises(Stop, match="--head"):
        release(tmp_path, remove=["image-0"])
    shards, _, failures = release(tmp_path, remove=["image-0", "image-4"], head="flame.npz")
    assert failures == []
    found = [shard for shard in shards if shard["format"] == "vggheads"]
    assert [(shard["count"], shard.get("left_out")) for shard in found] == [
        (1, {"heads to ignore": 1}),
        (2, None),
    ]
    new = tmp_path / "out-1.1/vggheads/heads"
    assert {path.stem for path in new.rglob("*.npz")} == {"image-2", "image-3", "image-5"}
    for shard in found:
        files = list((tmp_path / shard["path"]).rglob("image-*"))
        assert sum(path.stat().st_size for path in files) == shard["bytes"]
