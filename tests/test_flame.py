"""FLAME files: read safely, equal to the reference implementation, behind the interface of our own head."""

import hashlib
import os
import pickle
import warnings

import flame_files
import numpy as np
import pytest
import torch

from headkit.head import foreign_pickle
from headkit.head.batched import BatchedHead
from headkit.head.flame import ORIGIN, checked, head_from_flame, load_flame, read_arrays
from headkit.head.loading import load_head
from headkit.head.rotation import rodrigues


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture(scope="module")
def arrays():
    return flame_files.arrays()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return flame_files.write_pickle(tmp_path_factory.mktemp("flame") / "flame2023.pkl")


@pytest.fixture(scope="module")
def model(path, cache):
    return load_flame(path)


def random_parameters(count, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(0, 1, (count, 300)).astype(np.float32),
        rng.normal(0, 1, (count, 100)).astype(np.float32),
        rng.uniform(-0.3, 0.3, (count, 3)).astype(np.float32),
    )


# ---- the mesh ------------------------------------------------------------------------------------


def test_vertices_are_those_of_smplx(model, arrays, tmp_path):
    """Linear blend skinning with five joints and 36 correctives, by the authors of the format (tests only)."""
    smplx = pytest.importorskip("smplx")
    plain = {key: value for key, value in arrays.items() if key != "f"} | {"f": arrays["f"]}
    (tmp_path / "FLAME_NEUTRAL.pkl").write_bytes(pickle.dumps(plain))
    embedding = {
        "lmk_face_idx": np.zeros(51, np.int64),
        "lmk_b_coords": np.full((51, 3), 1 / 3),
    }
    (tmp_path / "flame_static_embedding.pkl").write_bytes(pickle.dumps(embedding))
    shape, expression, jaw = random_parameters(4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flame = smplx.FLAME(
            str(tmp_path), batch_size=4, num_betas=300, num_expression_coeffs=100, ext="pkl"
        )
        with torch.no_grad():
            theirs = flame(
                betas=torch.tensor(shape),
                expression=torch.tensor(expression),
                jaw_pose=torch.tensor(jaw),
            ).vertices.numpy()
    ours = np.stack([model.vertices(*row) for row in zip(shape, expression, jaw, strict=True)])
    np.testing.assert_allclose(ours + ORIGIN, theirs, atol=2e-6)
    assert np.abs(theirs - arrays["v_template"]).max() > 0.01  # the parameters did something


def test_jaw_by_hand(arrays):
    """One vertex that hangs on the jaw alone turns about the regressed joint."""
    simple = dict(arrays)
    simple["weights"] = np.tile([1.0, 0, 0, 0, 0], (flame_files.VERTICES, 1))
    simple["weights"][7] = [0, 0, 1, 0, 0]
    simple["weights"][9] = [0.5, 0, 0.5, 0, 0]
    simple["posedirs"] = np.zeros_like(arrays["posedirs"])
    model = head_from_flame(checked(simple), "by hand", meaning=dummy_meaning(simple))
    joint = arrays["J_regressor"][2] @ arrays["v_template"]
    turn = rodrigues([0.3, 0, 0])
    at_rest = arrays["v_template"]
    found = model.vertices(jaw=[0.3, 0, 0]) + ORIGIN
    np.testing.assert_allclose(found[7], turn @ (at_rest[7] - joint) + joint, atol=1e-6)
    half = (turn @ (at_rest[9] - joint) + joint + at_rest[9]) / 2
    np.testing.assert_allclose(found[9], half, atol=1e-6)
    np.testing.assert_allclose(found[3], at_rest[3], atol=1e-6)


def dummy_meaning(arrays):
    count = len(arrays["f"])
    return {
        "dense": np.zeros(160, np.int32),
        "parts": np.zeros(count, np.uint8),
        "uv": np.zeros((3 * count, 2), np.float32),
    }


@pytest.mark.parametrize("own", [True, False])
def test_a_batch_is_what_single_heads_are(model, own):
    head = load_head() if own else model
    rng = np.random.default_rng(3)
    shape = rng.normal(0, 1, (3, 40)).astype(np.float32)
    expression = rng.uniform(0, 0.6, (3, head.n_expression)).astype(np.float32)
    jaw = rng.uniform(-0.2, 0.3, (3, 3)).astype(np.float32)
    one = np.stack([head.vertices(*row) for row in zip(shape, expression, jaw, strict=True)])
    tensors = [torch.tensor(a) for a in (shape, expression, jaw)]
    np.testing.assert_allclose(BatchedHead(head)(*tensors).numpy(), one, atol=2e-6)
    some = BatchedHead(head, head.landmarks68)(*tensors).numpy()
    np.testing.assert_allclose(some, one[:, head.landmarks68], atol=2e-6)


def test_a_batch_has_derivatives_at_rest():
    head = BatchedHead(load_head(), load_head().landmarks68, dtype=torch.float64)
    shape = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    expression = torch.zeros(1, 5, dtype=torch.float64, requires_grad=True)
    jaw = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(head, (shape, expression, jaw))
    with pytest.raises(ValueError, match="shape"):
        head(torch.zeros(1, 999, dtype=torch.float64))


# ---- landmarks and parts -------------------------------------------------------------------------


def test_landmarks_and_parts_are_found_on_the_foreign_mesh(model):
    """The file is made from our head, so that the right vertices are known; those of another basis are nearby."""
    own = load_head()
    template, _, place = flame_files.faces_and_template()
    right = template[place[own.dense]] - ORIGIN
    apart = np.linalg.norm(model.template[model.dense] - right, axis=1)
    assert np.median(apart) < 0.0005
    assert apart.max() < 0.004
    assert (model.landmarks68 == model.dense[:68]).all()
    assert model.landmarks(model.template).shape == (68, 3)
    assert set(np.unique(model.parts)) <= set(np.unique(own.parts))
    assert (np.bincount(model.parts) > 0).sum() >= 3


# ---- the file ------------------------------------------------------------------------------------


def test_pickle_and_npz_are_one_model(model, tmp_path, cache):
    other = load_head(str(flame_files.write_npz(tmp_path / "other.npz")))
    assert other.sha256 == model.sha256
    assert other.sha256 != load_head().sha256
    assert (model.n_shape, model.n_expression) == (300, 100)
    assert other.name == "other"


def test_second_load_reads_no_pickle(path, model, cache, monkeypatch):
    monkeypatch.setattr(foreign_pickle, "read", None)
    again = load_flame(path)
    assert again.sha256 == model.sha256
    assert (again.uv == model.uv).all()
    assert (again.uv_faces == model.uv_faces).all()
    assert {kept.suffix for kept in (cache / "headkit" / "heads").iterdir()} == {".npz"}


def test_a_cache_that_was_cut_is_made_again(path, model, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "headkit" / "heads"
    folder.mkdir(parents=True)
    name = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / f"{name}.npz").write_bytes(b"PK\x03\x04 torn")
    assert load_flame(path).sha256 == model.sha256


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.pop("posedirs"), "has no posedirs"),
        (lambda a: a.update(shapedirs=a["shapedirs"][..., :150]), "shapedirs is"),
        (lambda a: a["v_template"].__setitem__((0, 0), np.nan), "v_template is not finite"),
        (lambda a: a["f"].__setitem__((0, 0), 9999), "triangles of its vertices"),
        (lambda a: a["weights"].__setitem__(0, 0.4), "do not sum to 1"),
        (lambda a: a.update(kintree_table=np.zeros((2, 5))), "joints are not"),
        (lambda a: a.update(f=np.array(["a"])), "not of numbers"),
    ],
)
def test_what_is_no_flame_model_is_said(change, words):
    broken = {key: value.copy() for key, value in flame_files.arrays().items()}
    change(broken)
    with pytest.raises(ValueError, match=words):
        checked(broken)


def test_names_that_are_no_model():
    with pytest.raises(ValueError, match="neither 'headkit'"):
        load_head("flame")
    with pytest.raises(OSError, match=r"none\.pkl"):
        load_head("none.pkl")


# ---- pickles -------------------------------------------------------------------------------------


class Attack:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def dotted(module, name):
    """A protocol 4 pickle that calls module.name, a dotted one."""
    return (
        b"\x80\x04\x8c"
        + bytes([len(module)]) + module.encode()
        + b"\x8c" + bytes([len(name)]) + name.encode()
        + b"\x93)R."
    )  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Attack(os.system, "touch /tmp/pwned")),
        pickle.dumps({"v_template": Attack(eval, "1+1")}),
        pickle.dumps(Attack(np.load, "/etc/passwd")),
        b"cnumpy.testing._private.utils\nrunstring\n(S'x=1'\nS'{}'\ntR.",
        b"cnumpy\n__builtins__.eval\n(S'1'\ntR.",
        dotted("builtins", "object.__subclasses__"),
        dotted("collections", "OrderedDict.fromkeys"),
        b"c__builtin__\nobject\n)R(S'x'\nI1\ndb.",  # builds attributes on what is not ours
        pickle.dumps(Attack(bytes, 10**12)),
        b"Pid\n.",
        b"not a pickle",
        b"",
    ],
)
def test_other_pickles_are_refused(data):
    with pytest.raises(ValueError, match="pickle"):
        foreign_pickle.read(data)


def test_one_file_cannot_change_what_the_next_one_means():
    """A pickle may set attributes of what it names; the reader makes those names anew for each file."""
    evil = b"cchumpy.ch\nCh\n(S'value'\nI7\nd(Nt" + b"b."
    try:
        foreign_pickle.read(evil)
    except ValueError:
        pass
    assert foreign_pickle.read(pickle.dumps({"a": np.arange(3)}))["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_arrays_survive_every_protocol(protocol):
    stored = {
        "c": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6, dtype=np.uint32).reshape(2, 3)),
        "empty": np.zeros((0, 3)),
        "scalar": np.float32(2.5),
        "text": "lrotmin",
    }
    found = foreign_pickle.read(pickle.dumps(stored, protocol=protocol))
    for key, value in stored.items():
        np.testing.assert_array_equal(found[key], value)


def test_read_arrays_wants_names():
    with pytest.raises(ValueError, match="holds a list"):
        read_arrays(pickle.dumps([1, 2]))
    with pytest.raises(ValueError, match="not a readable npz"):
        read_arrays(b"PK\x03\x04")
