"""The arithmetic of the bake, on small problems; anny itself is not needed."""

import numpy as np
import pytest

from headkit.make.head_measures import measures
from headkit.make.human_basis import held_out_error, principal_modes, quantised
from headkit.make.human_parts import RIGID_FROM, rigid_head
from headkit.make.human_refinement import _Mesh
from headkit.render.human.body import load_body
from headkit.render.pose.skeleton import NAMES


def test_modes_are_those_of_the_sampled_vertices():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6))
    shapes = rng.normal(size=(6, 30))
    basis = principal_modes(weights, shapes, 6)
    people = weights @ shapes
    np.testing.assert_allclose(basis.mean, people.mean(axis=0), atol=1e-12)
    deviations = np.linalg.svd(people - people.mean(axis=0), compute_uv=False)[:6] / np.sqrt(500)
    np.testing.assert_allclose(np.linalg.norm(basis.modes, axis=1), deviations, rtol=1e-9)
    coefficients = weights @ basis.project + basis.offset
    np.testing.assert_allclose(coefficients.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(np.cov(coefficients.T, bias=True), np.eye(6), atol=1e-8)
    np.testing.assert_allclose(basis.mean + coefficients @ basis.modes, people, atol=1e-9)
    assert held_out_error(basis, weights, shapes).startswith("0.000 mm rms")


def test_fewer_modes_keep_the_largest():
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(400, 8)) * [9, 5, 3, 1, 0.1, 0.1, 0.1, 0.1]
    shapes = np.eye(8, 24)
    basis = principal_modes(weights, shapes, 4)
    lost = weights @ shapes - basis.mean - (weights @ basis.project + basis.offset) @ basis.modes
    assert np.sqrt((lost**2).mean()) < 0.06
    assert basis.modes[np.arange(4), np.abs(basis.modes).argmax(axis=1)].min() > 0


def test_levels_are_half_a_step_off_at_most():
    modes = (
        np.random.default_rng(2).normal(size=(5, 40, 3))
        * np.array([1, 1e-3, 10, 0, 1])[:, None, None]
    )
    levels, step = quantised(modes)
    assert levels.dtype == np.int16
    error = np.abs(levels * step[:, None, None].astype(float) - modes)
    assert (error.max(axis=(1, 2)) <= 0.51 * step).all()


def grid(count):
    """Quads of a count x count patch of vertices."""
    number = np.arange(count * count).reshape(count, count)
    return np.stack(
        [number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]], -1
    ).reshape(-1, 4)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_refinement_reproduces_polynomials(degree):
    """Inside a regular patch the four-point rule is exact up to cubics."""
    count = 7
    mesh = _Mesh(grid(count))
    x = np.repeat(np.arange(count), count)
    y = np.tile(np.arange(count), count)

    def height(u, v):
        return u**degree - 0.5 * v**degree

    values = height(x.astype(float), y.astype(float))
    edge = (3 * count + 3, 3 * count + 4)
    assert sum(w * values[v] for v, w in mesh.edge_point(edge).items()) == pytest.approx(
        height(3, 3.5)
    )
    middle = int(np.flatnonzero(mesh.quads[:, 0] == 3 * count + 3)[0])
    found = sum(w * values[v] for v, w in mesh.face_point(middle).items())
    assert found == pytest.approx(height(3.5, 3.5))


def test_refinement_weights_sum_to_one_everywhere():
    mesh = _Mesh(grid(4))
    for quad in range(len(mesh.quads)):
        assert sum(mesh.face_point(quad).values()) == pytest.approx(1)
        for edge in mesh.edges_of(quad):
            assert sum(mesh.edge_point(edge).values()) == pytest.approx(1)


def test_measures_grow_with_the_head():
    body = load_body()
    size = measures(body.template.astype(float), body.faces, body.masks["ears"])
    ellipse = np.pi * np.sqrt((size.breadth**2 + size.length**2) / 2)
    assert size.circumference == pytest.approx(ellipse, rel=0.04)
    assert 0.13 < size.breadth < 0.16
    twice = measures(2 * body.template.astype(float), body.faces, body.masks["ears"])
    assert twice.eyes == pytest.approx(2 * size.eyes)


def test_the_head_takes_all_of_what_is_mostly_its_own():
    head, neck = NAMES.index("head"), NAMES.index("neck_2")
    weights = np.zeros((1001, len(NAMES)))
    weights[:, head] = np.linspace(0, 1, 1001)
    weights[:, neck] = 0.75 * (1 - weights[:, head])
    weights[:, neck - 1] = 0.25 * (1 - weights[:, head])
    found = rigid_head(weights)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    own = found[:, head]
    assert (own[weights[:, head] >= RIGID_FROM] == 1).all()
    assert own[0] == 0
    rise = np.diff(own) / np.diff(weights[:, head])
    assert (rise >= 0).all()
    assert np.abs(np.diff(rise)).max() < 0.01  # no kink: a crease would show there
    assert rise.max() < 1.6
    bent = own < 1
    np.testing.assert_allclose(found[bent, neck], 3 * found[bent, neck - 1])
