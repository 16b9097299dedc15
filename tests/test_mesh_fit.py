"""FLAME's mesh on our rendered heads: the fit, its colours, and its refusals."""

from pathlib import Path

import flame_files
import numpy as np
import pytest

from headkit import conditioning
from headkit.conditioning import starting
from headkit.conditioning.mesh_colors import SUBSET, colored, published_subset
from headkit.conditioning.mesh_fit import MeshFitter
from headkit.head.camera import intrinsics, project
from headkit.head.loading import load_head
from headkit.head.rotation import geodesic, rotation_from_euler
from headkit.status import NO_INPUT, USAGE, Stop

PLACE = np.array([0.1, 0.05, 1.2])


@pytest.fixture(scope="module")
def fitter():
    return MeshFitter(colored(flame_files.own_model()))


@pytest.fixture(scope="module")
def own():
    return load_head()


@pytest.mark.parametrize(
    ("seed", "opening", "smile", "yaw"), [(0, 0.0, 0.0, 0), (1, 0.5, 0.0, 40), (2, 0.2, 0.7, 150)]
)
def test_a_model_that_holds_our_head_comes_to_lie_on_it(fitter, own, seed, opening, smile, yaw):
    rng = np.random.default_rng(seed)
    actions = own.expression(jawOpen=opening, mouthSmileLeft=smile, mouthSmileRight=smile)
    vertices = own.vertices(rng.normal(0, 1, own.n_shape), actions, [0.36 * opening, 0, 0])
    rotation = rotation_from_euler(yaw, 10, -5)
    fit = fitter.fit(vertices, rotation, PLACE)
    assert fit.residual < 0.0004
    # Their frame is ours, but for the 60 vertices of the neck that are not there.
    assert geodesic(fit.rotation, rotation) < 0.6
    assert np.abs(fit.translation - PLACE).max() < 0.001
    assert abs(fit.jaw[0] - 0.36 * opening) < 0.05
    assert np.abs(fit.shape).max() < 4
    # The residual is measured on the mesh that the parameters stand for, in the camera's frame.
    again = (
        fitter.model.vertices(fit.shape, fit.expression, fit.jaw) @ fit.rotation.T + fit.translation
    )
    assert np.abs(again - fit.vertices).max() < 1e-6
    marks = (vertices[own.dense] @ rotation.T + PLACE) - fit.vertices[fitter.model.dense]
    assert np.sqrt((marks**2).sum(axis=1).mean()) < 0.002


def test_where_the_head_stands_does_not_change_its_shape(fitter, own):
    vertices = own.vertices(np.full(own.n_shape, 0.3))
    one = fitter.fit(vertices, rotation_from_euler(0, 0, 0), PLACE)
    two = fitter.fit(vertices, rotation_from_euler(120, -20, 30), 5 * PLACE)
    assert one.shape.tolist() == two.shape.tolist()
    assert one.expression.tolist() == two.expression.tolist()
    assert one.residual == pytest.approx(two.residual, rel=0.01)


def test_a_head_that_the_model_does_not_hold_has_a_residual(fitter, own):
    vertices = own.vertices().astype(float)
    long = vertices * [1.0, 1.35, 1.0]  # no coefficients make such a head
    usual = fitter.fit(vertices, np.eye(3), PLACE)
    strange = fitter.fit(long, np.eye(3), PLACE)
    assert usual.residual < 0.0004
    assert strange.residual > 3 * usual.residual


def test_colours_are_those_of_flames_template(fitter):
    model, head = fitter.model, fitter.head
    K = intrinsics(200, 200, 650.0)
    front = rotation_from_euler(0, 0, 0)
    vertices = model.template @ front.T + [0.0, 0.0, 1.0]
    picture = head.picture([vertices], K, 200, 200).astype(int)
    low, high = (corner(model.template[head.vertices], axis=0) for corner in (np.min, np.max))
    for mark in (30, 8, 36, 45):  # nose, chin, outer corners of the eyes
        vertex = model.landmarks68[mark]
        x, y = project(vertices[vertex], K)
        wanted = 255 * (model.template[vertex] - low) / (high - low)
        assert np.abs(picture[int(y), int(x)] - wanted).max() < 8, mark
    x, y = project(vertices[model.landmarks68[30]], K)
    assert picture[int(y), int(x), 2] > 235  # in front
    assert (
        picture[int(y), int(x) + 25, 0] > picture[int(y), int(x) - 25, 0] + 100
    )  # the subject's left
    assert not picture[-1].any()


def test_the_nearer_head_hides_the_farther_one(fitter):
    model, K = fitter.model, intrinsics(120, 120, 500.0)
    turned = [
        model.template @ rotation_from_euler(yaw, 0, 0).T + [0, 0, z]
        for yaw, z in ((0, 1.5), (180, 1.0))
    ]
    alone = fitter.head.picture([turned[1]], K, 120, 120)
    for order in (turned, turned[::-1]):
        both = fitter.head.picture(order, K, 120, 120)
        seen = alone.any(axis=2)
        assert (both[seen] == alone[seen]).all()
    assert not fitter.head.picture([], K, 120, 120).any()


def test_target_and_picture_are_of_the_fitted_mesh(fitter):
    from test_rendered_controls import RECORD

    made = conditioning.rendered(RECORD, ("mesh", "depth"), 3, fitter)
    plain = conditioning.rendered(RECORD, ("mesh", "depth"), 3)
    assert (made.images["depth"] == plain.images["depth"]).all()
    assert (made.images["mesh"] != plain.images["mesh"]).any()
    shapes = [made.images["mesh"].any(axis=2), plain.images["mesh"].any(axis=2)]
    assert (shapes[0] & shapes[1]).sum() > 0.93 * (shapes[0] | shapes[1]).sum()
    for head, ours in zip(made.target["heads"], plain.target["heads"], strict=True):
        assert head["params"]["model"] == "flame-like"
        assert head["params"]["sha256"] == fitter.model.sha256
        assert 0 < head["fit"]["residual_mm"] < 0.5
        assert head["box"] == ours["box"]
        assert abs(head["pose"]["yaw"] - ours["pose"]["yaw"]) < 1
        points = [np.array(one["landmarks"]["points"])[:, :2] for one in (head, ours)]
        assert np.abs(points[0] - points[1]).max() < 1.0


# ---- which vertices, and refusals ----------------------------------------------------------------


def test_the_published_list_of_vertices_is_used_where_it_lies_beside_the_file(
    fitter, tmp_path, monkeypatch
):
    assert published_subset(tmp_path) is None
    numbers = np.flatnonzero(fitter.model.template[:, 1] > 0.02)
    np.save(tmp_path / SUBSET, numbers)
    monkeypatch.setattr(starting, "load_head", lambda name: fitter.model)
    monkeypatch.setattr(starting, "pictures", lambda *given: {})
    monkeypatch.setattr(starting, "picture", lambda scene, shaded: None)
    monkeypatch.setattr(starting, "labels", lambda scene, frame: [])
    made = conditioning.prepare(("mesh",), str(tmp_path / "flame2020.npz"), published_mesh=True)
    assert made.head.vertices.tolist() == numbers.tolist()
    np.save(tmp_path / SUBSET, np.array([0.5]))
    with pytest.raises(Stop, match="vertex numbers"):
        conditioning.prepare(("mesh",), str(tmp_path / "flame2020.npz"))


def test_the_published_network_refuses_our_own_head():
    with pytest.raises(Stop, match="colours of FLAME") as refused:
        conditioning.prepare(("mesh",), published_mesh=True)
    assert refused.value.status == USAGE


@pytest.mark.parametrize(("name", "status"), [("none.npz", NO_INPUT), ("head.obj", USAGE)])
def test_a_file_that_is_none_is_refused(tmp_path, name, status):
    with pytest.raises(Stop, match="--head") as refused:
        conditioning.prepare(("mesh",), str(Path(tmp_path) / name), published_mesh=True)
    assert refused.value.status == status


def test_without_a_file_our_own_head_is_meant():
    assert conditioning.prepare(("mesh", "body-depth", "normals")) is None
