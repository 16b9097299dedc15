"""The solver from landmarks to heads: exact, calibrated, robust, and the same whatever lies beside a head."""

import dataclasses

import numpy as np
import pytest

from headkit.head.camera import project
from headkit.head.contour import contour_pool
from headkit.head.landmarks import IBUG68_MIRROR, MEDIAPIPE_OF_IBUG68, from_mediapipe
from headkit.head.loading import load_head
from headkit.head.model import HeadModel
from headkit.head.rotation import geodesic, rodrigues, rotation_from_euler, rotation_vector
from headkit.head.solver import Fit, Observations, Start, fit

HEAD_PX = 160  # how high a head is in the picture
SIDE = 512


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head()


@dataclasses.dataclass
class Heads:
    """Random heads over the full circle, and where their vertices are seen."""

    vertices: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    camera: np.ndarray

    def pixels(self, ids, vertices=None, rotation=None, translation=None):
        points = self.vertices[:, ids] if vertices is None else vertices[:, ids]
        turn = self.rotation if rotation is None else rotation
        shift = self.translation if translation is None else translation
        camera_points = points @ np.swapaxes(turn, 1, 2) + shift[:, None]
        return np.stack([project(p, k) for p, k in zip(camera_points, self.camera, strict=True)])


def random_heads(model: HeadModel, count: int, seed: int) -> Heads:
    rng = np.random.default_rng(seed)
    active = rng.random((count, model.n_expression)) < 0.3
    expression = np.where(active, rng.uniform(0, 0.8, active.shape), 0)
    vertices = np.stack(
        [
            model.vertices(rng.normal(size=model.n_shape), row, (abs(rng.normal(0, 0.1)), 0, 0))
            for row in expression
        ]
    )
    focal = SIDE / 2 / np.tan(np.radians(rng.uniform(10, 60, count)) / 2)
    depth = focal * 0.26 / HEAD_PX
    place = rng.uniform(130 - SIDE / 2, SIDE / 2 - 130, (count, 2)) / focal[:, None]
    camera = np.zeros((count, 3, 3))
    camera[:, 0, 0] = camera[:, 1, 1] = focal
    camera[:, :2, 2], camera[:, 2, 2] = SIDE / 2, 1
    return Heads(
        vertices,
        rotation_from_euler(
            rng.uniform(-180, 180, count), rng.uniform(-30, 30, count), rng.uniform(-30, 30, count)
        ),
        np.concatenate([place, np.ones((count, 1))], axis=1) * depth[:, None],
        camera,
    )


@pytest.fixture(scope="module")
def heads(model: HeadModel) -> Heads:
    return random_heads(model, 64, seed=1)


def decoded(model: HeadModel, found: Fit) -> np.ndarray:
    rows = zip(found.shape, found.expression, found.jaw, strict=True)
    return np.stack([model.vertices(*row) for row in rows])


def landmark_error(model: HeadModel, heads: Heads, found: Fit, ids) -> np.ndarray:
    """(B, L) pixels between where the fitted head's landmarks are and the true ones."""
    again = heads.pixels(ids, decoded(model, found), found.rotation, found.translation)
    return np.linalg.norm(again - heads.pixels(ids), axis=2)


@pytest.mark.parametrize(
    ("scheme", "degrees", "pixels"), [("dense", 0.2, 0.1), ("ibug68", 0.6, 0.25)]
)
def test_exact_landmarks_give_the_head_back(model, heads, scheme, degrees, pixels):
    ids = model.landmarks(np.arange(len(model.template))[:, None], scheme)[:, 0]
    points = heads.pixels(ids)
    found = fit(model, Observations(points, np.full(points.shape[:2], 0.1), scheme, heads.camera))
    assert found.converged.mean() > 0.97
    assert np.median(geodesic(found.rotation, heads.rotation)) < degrees
    assert np.median(landmark_error(model, heads, found, ids)) < pixels
    assert np.median(found.residual_px) < pixels


def test_noise_is_answered_with_the_deviations_that_are_stated(model, heads):
    rng = np.random.default_rng(2)
    points = heads.pixels(model.dense)
    points += rng.normal(size=points.shape)
    found = fit(model, Observations(points, np.ones(points.shape[:2]), "dense", heads.camera))
    turn = rotation_vector(found.rotation @ np.swapaxes(heads.rotation, 1, 2))
    shift = found.translation - heads.translation
    predicted = np.sqrt((found.rotation_deviation**2).mean())
    assert 0.8 < np.sqrt((turn**2).mean()) / predicted < 1.2
    assert 0.88 < (np.abs(turn) < 1.96 * found.rotation_deviation).mean() < 0.99
    assert 0.88 < (np.abs(shift) < 1.96 * found.translation_deviation).mean() < 0.99
    # Depth is not pulled towards the camera, as the most probable coefficients alone would.
    z = shift[:, 2] / found.translation_deviation[:, 2]
    assert abs(z.mean()) < 0.5
    diagonal = np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2))
    np.testing.assert_allclose(diagonal[:, :3], found.rotation_deviation)
    np.testing.assert_allclose(diagonal[:, 3:], found.translation_deviation)


def test_a_model_of_the_flame_family_is_fitted_alike(model, heads):
    """Unnamed N(0, 1) expressions, and pose correctives of the jaw."""
    rng = np.random.default_rng(6)
    family = dataclasses.replace(
        model,
        name="flame-like",
        expression_names=(),
        expression_basis=0.35 * model.expression_basis,
        pose_basis=rng.normal(0, 2e-3, (9, *model.template.shape)).astype(np.float32),
    )
    expression = rng.normal(size=(64, model.n_expression))
    vertices = np.stack(
        [
            family.vertices(rng.normal(size=model.n_shape), row, rng.normal(0, [0.1, 0.02, 0.02]))
            for row in expression
        ]
    )
    others = dataclasses.replace(heads, vertices=vertices)
    points = others.pixels(model.dense)
    points += rng.normal(size=points.shape)
    found = fit(family, Observations(points, np.ones(points.shape[:2]), "dense", heads.camera))
    turn = rotation_vector(found.rotation @ np.swapaxes(heads.rotation, 1, 2))
    assert found.converged.all()
    assert 0.88 < (np.abs(turn) < 1.96 * found.rotation_deviation).mean() < 0.99
    assert np.median(landmark_error(family, others, found, model.dense)) < 0.6


def test_a_third_of_wild_points_costs_little(model, heads):
    rng = np.random.default_rng(3)
    points = heads.pixels(model.dense)
    points += rng.normal(size=points.shape)
    wild = rng.random(points.shape[:2]) < 0.3
    angle = rng.uniform(0, 2 * np.pi, points.shape[:2])
    points += wild[..., None] * 25 * np.stack([np.cos(angle), np.sin(angle)], axis=2)
    found = fit(model, Observations(points, np.ones(points.shape[:2]), "dense", heads.camera))
    error = geodesic(found.rotation, heads.rotation)
    assert np.median(error) < 1.0
    assert error.max() < 5
    assert all("outliers" in flags for flags in found.flags)


@pytest.mark.parametrize("count", [68, 37])
def test_a_head_does_not_depend_on_its_neighbours(model, heads, count):
    rng = np.random.default_rng(4)
    ids = model.landmarks68[-count:]
    points = heads.pixels(ids)
    points += rng.normal(size=points.shape)
    deviation = np.ones(points.shape[:2])

    def numbers(rows):
        found = fit(
            model, Observations(points[rows], deviation[rows], ids, heads.camera[rows], 0.2)
        )
        return {
            f.name: getattr(found, f.name)
            for f in dataclasses.fields(found)
            if f.name != "chi_square_degrees"
        }

    together = numbers(np.arange(64))
    for rows in ([0], [63, 5, 17], list(range(40, 20, -1))):
        apart = numbers(np.array(rows))
        for name, value in together.items():
            if name == "flags":
                assert apart[name] == [value[k] for k in rows]
            else:
                assert apart[name].tobytes() == value[rows].tobytes(), name


def test_points_that_are_missing_are_left_out(model, heads):
    ids = model.dense
    points = heads.pixels(ids)
    deviation = np.full(points.shape[:2], 0.5)
    points[:, ::7] = np.nan
    points[:, 1::7, 0] = np.inf
    deviation[:, 2::7] = np.inf
    deviation[:, 3::7] = 0
    deviation[:, 4::7] = np.nan
    found = fit(model, Observations(points, deviation, ids, heads.camera))
    assert found.converged.all()
    kept = ~np.isin(np.arange(len(ids)) % 7, range(5))
    alone = fit(model, Observations(points[:, kept], deviation[:, kept], ids[kept], heads.camera))
    error = geodesic(found.rotation, heads.rotation)
    assert np.median(error) < 1.5 * np.median(geodesic(alone.rotation, heads.rotation)) + 0.1


def test_heads_that_cannot_be_fitted_say_why_and_do_not_spoil_others(model, heads):
    points = heads.pixels(model.landmarks68)[:6]
    deviation = np.ones((6, 68))
    camera = heads.camera[:6].copy()
    deviation[0, 3:] = np.inf  # three points
    points[1] = np.nan
    points[2] = 100.0  # all at one place
    points[3] = np.random.default_rng(0).uniform(0, 512, (68, 2))  # no head
    camera[4] = 0
    found = fit(model, Observations(points, deviation, "ibug68", camera))
    assert [("few_points" in flags) for flags in found.flags] == [1, 1, 0, 0, 1, 0]
    assert not found.converged[[0, 1, 4]].any()
    assert np.isnan(found.rotation[[0, 1, 4]]).all()
    assert np.isfinite(found.rotation[[2, 3, 5]]).all()
    assert found.converged[5]
    assert geodesic(found.rotation[5], heads.rotation[5]) < 3
    assert found.residual_px[3] > 10
    assert any(word in found.flags[3] for word in ("outliers", "diverged"))


def test_few_points_and_no_heads(model, heads):
    ids = model.landmarks68[[30, 36, 45, 48, 54, 8]]
    points = heads.pixels(ids)
    found = fit(model, Observations(points, np.full((64, 6), 0.5), ids, heads.camera))
    assert found.converged.all()
    assert np.median(geodesic(found.rotation, heads.rotation)) < 12
    none = fit(model, Observations(points[:0], np.zeros((0, 6)), ids, heads.camera[:0]))
    assert none.flags == []
    assert none.rotation.shape == (0, 3, 3)


def test_back_of_the_head_is_flagged(model, heads):
    points = heads.pixels(model.dense)
    found = fit(model, Observations(points, np.ones(points.shape[:2]), "dense", heads.camera))
    way = -heads.translation / np.linalg.norm(heads.translation, axis=1, keepdims=True)
    facing = (heads.rotation[:, :, 2] * way).sum(axis=1)
    back = np.array(["back" in flags for flags in found.flags])
    clear = np.abs(facing + 0.17) > 0.05
    assert (back == (facing < -0.17))[clear].all()
    assert 10 < back.sum() < 54


def test_unknown_focal_length_is_found_roughly_and_flagged(model, heads):
    points = heads.pixels(model.dense)
    guess = heads.camera.copy()
    guess[:, :2, :2] *= 1.4
    spread = np.full(points.shape[:2], 0.5)
    free = fit(model, Observations(points, spread, "dense", guess, focal_deviation=0.35))
    fixed = fit(model, Observations(points, spread, "dense", guess))
    truth = heads.camera[:, 0, 0]
    assert np.median(np.abs(np.log(free.focal / truth))) < 0.25
    assert np.median(geodesic(free.rotation, heads.rotation)) < np.median(
        geodesic(fixed.rotation, heads.rotation)
    )
    assert all("ambiguous_depth" in flags for flags in free.flags)
    np.testing.assert_allclose(fixed.focal, guess[:, 0, 0])


def test_a_given_start_helps_where_points_are_few(model, heads):
    ids = model.landmarks68[[36, 39, 42, 45]]  # the corners of the eyes: nearly on a line
    truth, place = heads.rotation[:16], heads.translation[:16]
    seen = Observations(heads.pixels(ids)[:16], np.ones((16, 4)), ids, heads.camera[:16])
    near = rodrigues(np.array([0.05, -0.04, 0.03])) @ truth
    alone = fit(model, seen).rotation
    helped = fit(model, seen, start=Start(near, place)).rotation
    assert np.median(geodesic(helped, truth)) <= np.median(geodesic(alone, truth))
    nothing = Start(np.full((16, 3, 3), np.nan), np.full((16, 3), np.nan))
    np.testing.assert_array_equal(fit(model, seen, start=nothing).rotation, alone)


def test_contour_points_may_slide(model, heads):
    """Points 0 to 16 on the outline of a turned head: taking them for fixed ones of the jaw costs rotation."""
    count = 16
    turned = dataclasses.replace(
        heads,
        rotation=rotation_from_euler(np.linspace(-60, 60, 64), 0, 0),
    )
    points = turned.pixels(model.landmarks68)
    pool = contour_pool(model)
    pixels = turned.pixels(pool)
    middle = points[:, [30, 33, 51]].mean(axis=1)
    for k in range(17):  # move each to the pool's outermost vertex in its direction
        way = points[:, k] - middle
        radius = np.linalg.norm(way, axis=1)
        arms = pixels - middle[:, None]
        along = (arms * (way / radius[:, None])[:, None]).sum(axis=2)
        aside = np.sqrt(np.maximum((arms**2).sum(axis=2) - along**2, 0))
        along = np.where(aside < 0.1 * along, along, 0)
        outer = along.argmax(axis=1)
        further = along.max(axis=1) > radius
        points[further, k] = pixels[further, outer[further]]
    rows = np.r_[:count, -count:0]  # the most turned
    seen = Observations(points[rows], np.ones((2 * count, 68)), "ibug68", turned.camera[rows])
    fixed = geodesic(fit(model, seen).rotation, turned.rotation[rows])
    slid = geodesic(fit(model, seen, contour=True).rotation, turned.rotation[rows])
    assert np.median(slid) < np.median(fixed)
    with pytest.raises(ValueError, match="ibug68"):
        fit(
            model,
            Observations(turned.pixels(model.dense), np.ones((64, 160)), "dense", turned.camera),
            contour=True,
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((2, 5, 2))}, "points"),
        ({"deviation": np.ones((3, 68))}, "deviation"),
        ({"vertex": np.array([1, 10**6])}, "vertex"),
        ({"vertex": "mediapipe"}, "scheme"),
    ],
)
def test_shapes_that_do_not_agree_are_refused(model, change, message):
    good = Observations(np.zeros((2, 68, 2)), np.ones((2, 68)), "ibug68", np.eye(3))
    with pytest.raises(ValueError, match=message):
        fit(model, dataclasses.replace(good, **change))


def test_mediapipe_points_fit_as_those_of_the_68_that_they_are(model, heads):
    places = list(MEDIAPIPE_OF_IBUG68)
    assert len(set(MEDIAPIPE_OF_IBUG68.values())) == len(places) == 52
    assert {IBUG68_MIRROR[k] for k in places} == set(places)
    mesh = np.full((64, 478, 2), 1e4)  # nonsense wherever the mapping does not look
    exact = heads.pixels(model.landmarks68)
    mesh[:, list(MEDIAPIPE_OF_IBUG68.values())] = exact[:, places]
    points = from_mediapipe(mesh)
    np.testing.assert_array_equal(points[:, places], exact[:, places])
    assert np.isnan(points).all(axis=(0, 2)).sum() == 16
    found = fit(model, Observations(points, np.full((64, 68), 0.3), "ibug68", heads.camera))
    assert found.converged.all()
    assert np.median(geodesic(found.rotation, heads.rotation)) < 1.5
    with pytest.raises(ValueError, match="468"):
        from_mediapipe(mesh[:, :68])
