"""A FLAME file through fit3dmm, eval and view: what a user does who brings one. The file is made from our own head."""

import json

import flame_files
import numpy as np
import pytest
import trimesh

from headkit import image
from headkit.fitting.marks import Marks
from headkit.head.camera import intrinsics, project
from headkit.head.embedding import embedded, read_embedding
from headkit.head.loading import load_head
from headkit.head.rotation import geodesic, rotation_from_euler
from headkit.status import Stop
from headkit.tool import Context, Failure
from headkit.tools import eval as eval_tool
from headkit.tools import fit3dmm, view

WIDTH, HEIGHT = 320, 240
K = intrinsics(WIDTH, HEIGHT, 400.0)
PLACE = np.array([0.05, -0.03, 1.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of a user: flame2023.npz, whose head hangs on the neck's joint as the published ones do, and a picture."""
    folder = tmp_path_factory.mktemp("user")
    arrays = flame_files.arrays()
    weights = arrays["weights"]
    weights[:, 0] = arrays["v_template"][:, 1] < -0.12
    weights[weights[:, 0] > 0, 1:] = 0
    arrays["weights"] = weights / weights.sum(axis=1, keepdims=True)
    np.savez(folder / "flame2023.npz", **arrays)
    grey = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    (folder / "a.png").write_bytes(image.encode(grey, "png"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        load_head(str(folder / "flame2023.npz"))  # from here on at hand
    return folder


@pytest.fixture(scope="module")
def file(folder):
    return str(folder / "flame2023.npz")


def true_head(model, yaw, vertices, scheme):
    """A head of the model: what is true of it, and what a record brings of it."""
    rng = np.random.default_rng(1)
    rotation = rotation_from_euler(yaw, 5.0, -8.0)
    shape, expression = rng.normal(0, 1, 20), rng.normal(0, 0.5, 10)
    mesh = model.vertices(shape, expression, [0.1, 0, 0])
    points = project(mesh @ rotation.T + PLACE, K)
    box = [*points[model.head_mask].min(axis=0), *points[model.head_mask].max(axis=0)]
    marked = np.column_stack([points[vertices], np.full(len(vertices), 0.2)])
    landmarks = {"scheme": scheme, "points": marked.tolist()}
    params = {"model": model.name, "sha256": model.sha256, "translation": PLACE.tolist()}
    params |= {"shape": shape.tolist(), "expression": expression.tolist(), "jaw": [0.1, 0, 0]}
    pose = {"rotation": rotation.tolist(), "view": rotation.tolist()}
    true = {"box": box, "visibility": 1.0, "params": params, "pose": pose}
    return true, {"box": box, "score": 0.9, "landmarks": landmarks}, mesh


def record(true, given):
    camera = {"K": K.tolist()}
    size = {"id": "a", "image": "a.png", "width": WIDTH, "height": HEIGHT, "camera": camera}
    return {**size, "truth": {"heads": [true]}, "heads": [given]}


def fitted(folder, records, **options):
    return fit3dmm.start(fit3dmm.Options(**options), Context("fit3dmm", folder))(records)


@pytest.fixture(scope="module")
def found(folder, file):
    """A row that fit3dmm made of a head seen obliquely from behind, with its mesh files, and the true mesh."""
    model = load_head(file)
    true, given, mesh = true_head(model, 130.0, model.dense, "dense")
    row = record(true, given)
    for kind in ("obj", "ply", "glb"):
        options = {"head": file, "export": kind, "dir": str(folder / "meshes")}
        fields = fitted(folder, [row], **options)[0]
    row = json.loads(json.dumps({**row, **fields}))
    return row, mesh


def test_a_flame_head_is_fitted_and_its_meshes_are_its_own(folder, file, found):
    row, mesh = found
    model, one = load_head(file), row["heads"][0]
    assert one["params"]["model"] == "flame2023"
    assert one["params"]["sha256"] == model.sha256 != load_head().sha256
    assert (len(one["params"]["shape"]), len(one["params"]["expression"])) == (300, 100)
    rotation = np.array(row["truth"]["heads"][0]["pose"]["rotation"])
    assert geodesic(one["pose"]["rotation"], rotation) < 1.5
    place = mesh @ rotation.T + PLACE
    viewer = place * (1, -1, -1)
    for path in sorted((folder / "meshes").glob("*/a.0.*")):
        kept = trimesh.load(path, force="mesh", process=False)
        assert len(kept.faces) == len(model.faces)
        used = viewer[np.unique(model.faces)]
        assert len(used) <= len(kept.vertices) < 1.05 * len(used)  # doubled at the seam alone
        off = np.abs(kept.bounds - (used.min(axis=0), used.max(axis=0))).max(axis=0)
        assert (off < (0.01, 0.01, 0.05)).all()  # how far away it is, is known least
    assert len(list((folder / "meshes").glob("*/a.0.*"))) == 3


def table(row, **options):
    context = Context("eval", None)
    return "".join(eval_tool.stream(eval_tool.Options(**options), context, iter([row])))


def test_eval_measures_vertices_where_it_has_the_file_and_says_so_where_not(file, found):
    without, measured = table(found[0]), table(found[0], head=file)
    assert "vertex mm" not in without
    assert "2 heads are of the head model flame2023" in without
    assert "--head" in without
    rows = list(
        eval_tool.stream(
            eval_tool.Options(head=file, json=True), Context("eval", None), iter([found[0]])
        )
    )
    assert rows[0]["vertex"]["mean"] < 3
    assert "vertex mm" in measured
    assert "--head" not in measured


def test_view_draws_the_mesh_where_it_has_the_file_and_says_so_where_not(folder, file, found):
    def drawn(**options):
        output = folder / "sheet.png"
        chosen = view.Options(output=str(output), labels="heads", columns=1, **options)
        failures = list(view.stream(chosen, Context("view", folder), iter([found[0]])))
        return image.load(output).pixels, failures

    plain, _ = drawn()
    drawn_over, none = drawn(mesh=True, head=file)
    assert none == []
    assert (plain != drawn_over).any(axis=2).mean() > 0.01
    (failure,) = drawn(mesh=True)[1]
    assert isinstance(failure, Failure)
    assert "'flame2023'" in failure.message
    assert "--head" in failure.message
    for name, status in (("nowhere.npz", 66), ("flame", 2)):
        with pytest.raises(Stop, match=name) as stop:
            drawn(mesh=True, head=name)
        assert stop.value.status == status


# ---- landmarks of the user -----------------------------------------------------------------------


def some_faces(model, count, seed):
    """Faces of the head's front that hang on the skull, and weights: where an embedding may lie."""
    rng = np.random.default_rng(seed)
    middle = model.template[model.faces].mean(axis=1)
    front = np.flatnonzero((middle[:, 2] > 0.04) & model.head_mask[model.faces].all(axis=1))
    return rng.choice(front, count, replace=False), rng.dirichlet([1, 1, 1], count)


def saved(folder, name, **arrays):
    import pickle

    path = folder / name
    if name.endswith(".npz"):
        np.savez(path, **arrays)
    elif name.endswith(".pkl"):
        path.write_bytes(pickle.dumps(arrays, protocol=2))
    else:
        np.save(path, arrays, allow_pickle=True)
    return str(path)


def embedding_files(folder, model):
    """The three files as they are published, and the points of the 68 or of the mesh that each is of."""
    import torch

    faces, weights = some_faces(model, 51, 5)
    static = {"static_lmk_faces_idx": faces, "static_lmk_bary_coords": weights}
    dynamic = {"dynamic_lmk_faces_idx": torch.zeros(79, 17, dtype=torch.long)}
    mesh_faces, mesh_weights = some_faces(model, 105, 6)
    marks = np.random.default_rng(7).permutation(468)[:105]
    mesh = {"lmk_face_idx": mesh_faces, "lmk_b_coords": mesh_weights, "landmark_indices": marks}
    plain = {"lmk_face_idx": faces.astype(np.uint32), "lmk_b_coords": weights}
    return {
        saved(folder, "landmark_embedding.npy", **static, **dynamic): ("ibug68", 17, faces),
        saved(folder, "flame_static_embedding.pkl", **plain): ("ibug68", 17, faces),
        saved(folder, "mediapipe_landmark_embedding.npz", **mesh): ("mediapipe478", 0, mesh_faces),
    }


def test_embedding_files_say_where_given_landmarks_lie(folder, file):
    """The points of each file are projected and fitted: right with the file, wrong without."""
    model = load_head(file)
    for path, (scheme, first, _) in embedding_files(folder, model).items():
        embedding = read_embedding(folder / path)
        solved = Marks(model, embedding).solved
        new = np.arange(len(model.template), len(solved.template))
        true, _, _ = true_head(model, 20.0, model.dense, "dense")
        turn, params = np.array(true["pose"]["rotation"]), true["params"]
        mesh = solved.vertices(params["shape"], params["expression"], params["jaw"])
        points = project(mesh[new] @ turn.T + PLACE, K)
        rows = [[None, None]] * (68 if first else 478)
        for mark, point in zip(embedding.marks, points.tolist(), strict=True):
            rows[mark] = [*point, 0.2]
        given = {"box": true["box"], "landmarks": {"scheme": scheme, "points": rows}}
        with_it = fitted(folder, [record(true, given)], head=file, embedding=path)[0]["heads"][0]
        assert geodesic(with_it["pose"]["rotation"], turn) < 2
        assert with_it["params"]["sha256"] == model.sha256
        without = fitted(folder, [record(true, given)], head=file)[0]["heads"][0]
        wrong = without.get("pose")
        assert wrong is None or geodesic(wrong["rotation"], turn) > 5


def test_an_embedded_point_moves_with_its_triangle(folder, file):
    model = load_head(file)
    path = next(iter(embedding_files(folder, model)))
    embedding = read_embedding(folder / path)
    solved = embedded(model, embedding)
    rng = np.random.default_rng(2)
    vector = rng.normal(0, 1, 300), rng.normal(0, 1, 100), [0.3, 0.05, 0]
    mesh = solved.vertices(*vector)
    count = len(model.template)
    assert (mesh[:count] == model.vertices(*vector)).all()
    corners = mesh[model.faces[embedding.faces]]
    by_hand = (corners * embedding.weights[..., None]).sum(axis=1)
    # Skinning weights are mixed like places; within a triangle they hardly differ.
    np.testing.assert_allclose(mesh[count:], by_hand, atol=2e-3)
    assert (solved.landmarks68[17:] == np.arange(count, count + 51)).all()
    assert (solved.landmarks68[:17] == model.landmarks68[:17]).all()


def test_any_vertices_of_the_mesh_are_landmarks(folder, file):
    """As DAD-3DHeads lists 191 or 445 of them."""
    model = load_head(file)
    chosen = np.random.default_rng(3).choice(np.flatnonzero(model.head_mask), 191, replace=False)
    true, given, _ = true_head(model, -150.0, chosen, "vertices")
    given["landmarks"]["vertices"] = chosen.tolist()
    one = fitted(folder, [record(true, given)], head=file)[0]["heads"][0]
    assert geodesic(one["pose"]["rotation"], true["pose"]["rotation"]) < 1
    for wrong, words in (
        ([*chosen[:-1].tolist(), 5023], "has 5023; name the model"),
        ([*chosen[:-1].tolist(), int(chosen[0])], "listed twice"),
        (chosen[:-1].tolist(), "has 190 points"),
        ([1.5] * 191, "a list of vertices"),
        (None, "a list of vertices"),
    ):
        given["landmarks"]["vertices"] = wrong
        failure = fitted(folder, [record(true, given)], head=file)[0]
        assert isinstance(failure, Failure)
        assert words in failure.message


def test_embeddings_that_cannot_be_used_say_what_to_do(folder, file):
    faces, weights = some_faces(load_head(file), 51, 5)
    cases = {
        "nowhere.npy": (66, "leave --embedding out"),
        saved(folder, "x.npz", something=faces): (2, "is it a landmark embedding"),
        saved(folder, "y.npz", lmk_face_idx=faces[:9], lmk_b_coords=weights): (2, "9 faces"),
        saved(folder, "z.npz", lmk_face_idx=faces, lmk_b_coords=2 * weights): (2, "sum to 1"),
        saved(folder, "f.npz", lmk_face_idx=faces + 10**6, lmk_b_coords=weights): (2, "another model"),
    }  # fmt: skip
    np.save(folder / "one.npy", faces)
    cases[str(folder / "one.npy")] = (2, "one array")
    (folder / "torn.npy").write_bytes(b"\x93NUMPY\x01\x00v")
    cases[str(folder / "torn.npy")] = (2, "not a readable npy")
    for path, (status, words) in cases.items():
        with pytest.raises(Stop, match=words) as stop:
            fitted(folder, [], head=file, embedding=path)
        assert stop.value.status == status
    with pytest.raises(Stop, match="name that with --head"):
        fitted(folder, [], embedding="landmark_embedding.npy")
