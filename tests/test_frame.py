"""Whole frames: labels, silhouettes, light, paint, maps, and the same bytes every time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import trimesh

from headkit import attributes
from headkit.render.drawing import frame, maps
from headkit.render.drawing.coverage import parts_table, person_shape
from headkit.render.drawing.mesh import pack
from headkit.render.drawing.silhouette import silhouette
from headkit.render.look import resolve
from headkit.render.pose.ground import Ground
from headkit.render.shading import background, light, tone
from headkit.render.shading.paint import Paint, row
from headkit.render.surface import HEAD_PARTS, Material, Part, Surface

WIDTH, HEIGHT = 96, 80
K = np.array([[110.0, 0.0, 48.0], [0.0, 110.0, 40.0], [0.0, 0.0, 1.0]])
# Landmarks far away: no paint of faces on the balls.
LANDMARKS = np.full((68, 3), 50.0)


@cache
def icosphere() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=4, radius=1.0)


def ball(
    centre, radius=0.1, *, material=Material.SKIN, part=Part.FACE, owner=0, **changes
) -> Surface:
    """A sphere in the camera frame."""
    mesh = icosphere()
    directions = mesh.vertices.astype(np.float32)
    made = Surface(
        material=material,
        owner=owner,
        vertices=directions * radius + np.float32(centre),
        faces=mesh.faces.astype(np.int32),
        normals=directions,
        rest=directions * radius,
        parts=np.full(len(mesh.faces), part, np.uint8),
        occlusion=np.ones(len(directions), np.float32),
        uv=np.zeros((len(directions), 2), np.float32) if material == Material.SKIN else None,
    )
    return replace(made, **changes)


def colored(color) -> np.ndarray:
    return np.tile(np.float32(color), (len(icosphere().vertices), 1))


def paint(count: int = 1, skin=(0.5, 0.35, 0.25)) -> np.ndarray:
    rows = np.zeros((count, Paint.COUNT), np.float32)
    rows[:, Paint.SKIN : Paint.SKIN + 3] = skin
    rows[:, Paint.ROUGHNESS] = 0.5
    return rows


def plain(value: float = 0.1) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), value, np.float32)


LIGHT = light.lighting("studio", np.random.default_rng(0))
QUIET = tone.Film(exposure=1.0, noise=0.0, vignette=0.0, contrast=1.0, metering=0.0)


def draw(surfaces, rows=None, lighting=LIGHT, film=QUIET, seed=5, behind=None) -> frame.Frame:
    rows = paint(1 + max([s.owner for s in surfaces], default=0)) if rows is None else rows
    behind = plain() if behind is None else behind
    return frame.draw(
        surfaces, lighting, behind, K, WIDTH, HEIGHT,
        paint=rows, landmarks=LANDMARKS, film=film, seed=seed,
    )  # fmt: skip


def test_labels_of_two_balls():
    near, far = ball((0.0, 0.0, 0.8)), ball((0.08, 0.0, 1.2), part=Part.EAR, owner=1)
    made = draw([near, far])
    assert made.color.shape == (HEIGHT, WIDTH, 3)
    # the middle of the picture: the near ball's front, 0.7 m away, facing the camera
    assert made.owner[40, 48] == 0
    assert made.part[40, 48] == Part.FACE
    assert made.depth[40, 48] == pytest.approx(0.7, abs=2e-4)
    np.testing.assert_allclose(made.normal[40, 48], (0, 0, -1), atol=0.08)
    np.testing.assert_allclose(made.rest[40, 48], (0, 0, -0.1), atol=0.005)
    assert (made.owner == 1).sum() > 30
    assert (made.part[made.owner == 1] == Part.EAR).all()
    assert ((made.depth == 0) == (made.owner == -1)).all()
    assert (made.part[made.owner == -1] == Part.BACKGROUND).all()


def test_labels_lie_at_pixel_centres():
    """Against the circle that the sphere's outline is: pixel (x, y) is sampled at (x + .5, y + .5)."""
    made = draw([ball((0.03, -0.02, 0.9))])
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    rays = np.stack([(x - 48) / 110, (y - 40) / 110, np.ones_like(x)], -1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    centre = np.array([0.03, -0.02, 0.9])
    off = np.linalg.norm(np.cross(rays, centre), axis=-1)
    assert (made.owner[off < 0.0985] == 0).all()  # the ball is made of flat faces
    assert (made.owner[off > 0.1] == -1).all()


def test_edges_are_smooth_and_labels_are_not():
    white = ball((0, 0, 0.8), material=Material.PLASTIC, color=colored((0.8, 0.8, 0.8)))
    made = draw([white], behind=plain(0.0))
    inside = made.owner == 0
    edge = inside & ~(np.roll(inside, 1, 1) & np.roll(inside, -1, 1))
    values = made.color[..., 1][np.roll(edge, -1, 1) | edge].astype(int)
    assert len(np.unique(values)) > 12
    assert set(np.unique(made.part)) == {Part.BACKGROUND, Part.FACE}


def test_order_does_not_matter():
    surfaces = [ball((0.05 * k - 0.05, 0.02 * k, 0.8 + 0.1 * k), owner=k) for k in range(3)]
    one, two = draw(surfaces), draw(surfaces[::-1])
    for name in ("color", "depth", "part", "owner", "normal", "rest"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_same_bytes_in_a_fresh_process():
    """One digest of a picture with every material, here and in a new process."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_frame; print(test_frame.digest())"
    )
    folder = __file__.rsplit("/", 1)[0]
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        capture_output=True,
        text=True,
        check=True,
        timeout=110,
    )
    assert done.stdout.split()[-1] == digest() == digest()


def digest() -> str:
    hashed = hashlib.sha256()
    strand = np.zeros((len(icosphere().vertices), 4), np.float32)
    strand[:, 0] = 20 * (1 + icosphere().vertices[:, 0])
    strand[:, 1] = 8 * icosphere().vertices[:, 1]
    strand[:, 2], strand[:, 3] = 0.8, 0.3
    surfaces = [
        ball((0.0, 0.0, 0.8)),
        ball(
            (0.12, 0.0, 0.7),
            0.05,
            material=Material.EYE,
            uv=np.float32(icosphere().vertices[:, :2]),
        ),
        ball((-0.14, 0.0, 0.8), 0.07, material=Material.HAIR, strand=strand, two_sided=True),
        ball((0.0, 0.14, 0.8), 0.07, material=Material.CLOTH, color=colored((0.2, 0.3, 0.4))),
        ball((0.0, -0.05, 0.6), 0.03, material=Material.LENS),
        ball((0.1, -0.1, 0.6), 0.02, material=Material.TEETH),
    ]
    rng = np.random.default_rng(3)
    lighting = light.lighting("daylight", rng)
    behind = background.background("street", lighting, WIDTH, HEIGHT, rng)
    made = draw(surfaces, lighting=lighting, film=tone.film(1.0, 0.0, rng), behind=behind)
    for array in (made.color, made.depth, made.part, made.owner, made.normal, made.rest):
        hashed.update(array.tobytes())
    return hashed.hexdigest()


def test_noise_follows_the_seed_and_nothing_else_does():
    film = replace(QUIET, noise=3.0)
    one, same, other = (draw([ball((0, 0, 0.8))], film=film, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.color, same.color)
    assert (one.color != other.color).mean() > 0.5
    np.testing.assert_array_equal(one.depth, other.depth)
    difference = one.color.astype(int) - other.color
    assert abs(difference.mean()) < 0.2
    assert 1.5 < difference.std() / np.sqrt(2) < 4.5


def test_a_ball_between_light_and_ball_throws_a_shadow():
    lamp = replace(
        LIGHT, key=(0.0, -1.0, 0.0), key_size=0.02, fill_color=(0, 0, 0), rim_color=(0, 0, 0)
    )
    below = ball((0, 0.12, 0.8), 0.08, material=Material.PLASTIC, color=colored((0.5, 0.5, 0.5)))
    above = ball(
        (0, -0.1, 0.8), 0.05, material=Material.PLASTIC, owner=1, color=colored((0.5, 0.5, 0.5))
    )
    lit, shaded = draw([below], lighting=lamp), draw([below, above], lighting=lamp)
    top = np.nonzero(lit.owner[:, 48] == 0)[0][0]
    assert shaded.color[top, 48, 1] < 0.75 * lit.color[top, 48, 1]
    same = (lit.owner == 0) & (shaded.owner == 0)
    low = same.copy()
    low[: top + 12] = False
    np.testing.assert_allclose(shaded.color[low], lit.color[low], atol=2)


def test_ten_tones_of_skin_can_be_told_apart():
    """Monk's ten tones, each under every light: brightness falls step by step, none clips."""
    for name in attributes.LIGHT:
        lighting = light.lighting(name, np.random.default_rng(1))
        film = replace(QUIET, exposure=lighting.exposure)
        values = []
        for tone_step in range(1, 11):
            look = resolve({"tone": tone_step, "age": 30}, np.random.default_rng(4))
            made = draw([ball((0, 0, 0.6))], row(look)[None], lighting, film)
            values.append(made.color[made.owner == 0].astype(float).mean())
        steps = -np.diff(values)
        assert (steps > 1.5).all(), (name, np.round(values, 1))
        assert values[0] < 250
        assert values[-1] > 12


def test_lips_are_painted_and_labelled():
    lips = np.zeros((len(icosphere().vertices), 2), np.float32)
    lips[:, 0] = icosphere().vertices[:, 1] > 0  # below the middle: image y points down
    rows = paint()
    rows[0, Paint.LIPS : Paint.LIPS + 3] = (0.9, 0.3, 0.3)
    made = draw([ball((0, 0, 0.8), uv=lips)], rows)
    lip, face = made.part == Part.LIP, made.part == Part.FACE
    assert lip.sum() > 200
    assert face.sum() > 200
    ratio = made.color.astype(float)[..., 0] / (made.color[..., 1] + 1.0)
    assert ratio[lip].mean() > 1.2 * ratio[face].mean()


def test_lenses_hide_nothing_from_labels():
    face, rows = ball((0, 0, 0.8)), paint()
    rows[0, Paint.LENS_OPACITY] = 0.9
    lens = ball((0, 0, 0.65), 0.03, material=Material.LENS, part=Part.GLASSES)
    bare, glazed = draw([face], rows), draw([face, lens], rows)
    for name in ("depth", "part", "owner"):
        np.testing.assert_array_equal(getattr(bare, name), getattr(glazed, name))
    assert glazed.color[40, 48].mean() < 0.7 * bare.color[40, 48].mean()


def alone(surfaces):
    """The head of person 0."""
    return person_shape(pack(surfaces), 0, parts_table(HEAD_PARTS), K)


def test_silhouette_is_the_head_alone():
    """Hidden by another, and cut by the border: the outline is whole, and its box is that of a sphere."""
    head = ball((0.32, 0.0, 0.9))
    neck = ball((0.32, 0.12, 0.9), 0.06, part=Part.NECK)
    other = ball((0.3, 0.0, 0.6), 0.05, owner=1)
    outline = silhouette(alone([head, neck, other]), K, WIDTH, HEIGHT)
    # extreme directions of a sphere of radius r at (a, z): tan of atan(a / z) +- asin(r / |(a, z)|)
    lean, half = np.arctan2(0.32, 0.9), np.arcsin(0.1 / np.hypot(0.32, 0.9))
    up = np.arcsin(0.1 / 0.9)
    expected = (
        48 + 110 * np.tan(lean - half),
        40 - 110 * np.tan(up),
        48 + 110 * np.tan(lean + half),
        40 + 110 * np.tan(up),
    )
    assert outline.box is not None
    np.testing.assert_allclose(outline.box, expected, atol=0.5)
    assert outline.box[2] > WIDTH  # beyond the picture
    made = draw([head], paint(1))
    rows, columns = np.nonzero(made.owner == 0)
    assert outline.mask[rows - outline.top, columns - outline.left].all()
    inside = outline.mask[:, : WIDTH - outline.left].sum()
    assert inside == len(rows)  # the same samples as the picture's labels


def test_silhouette_of_nobody():
    outline = silhouette(alone([ball((0, 0, -1.0))]), K, WIDTH, HEIGHT)
    assert outline.box is None
    assert not outline.mask.any()
    assert silhouette(alone([]), K, WIDTH, HEIGHT).box is None


def test_empty_scene_is_the_background():
    behind = plain(0.18)
    made = draw([], paint(1), behind=behind)
    assert (made.owner == -1).all()
    assert (abs(made.color.astype(int) - 118) <= 1).all()  # 18% gray is 118 in sRGB


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="paint has 1 rows"):
        draw([ball((0, 0, 1), owner=2)], paint(1))
    with pytest.raises(ValueError, match="background has shape"):
        draw([], behind=np.zeros((3, 3, 3), np.float32))


@pytest.mark.parametrize("name", attributes.BACKGROUND)
def test_places_are_quiet_and_follow_the_seed(name):
    lighting = light.lighting("daylight", np.random.default_rng(0))
    one, same, other = (
        background.background(name, lighting, 120, 90, np.random.default_rng(s)) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.shape == (90, 120, 3)
    assert (one >= 0).all()
    assert np.isfinite(one).all()
    assert abs(np.diff(one * lighting.exposure, axis=1)).max() < 0.35  # out of focus
    for seed in range(25):  # every kind of each place
        rng = np.random.default_rng(seed)
        lighting = light.any_lighting(rng)
        assert np.isfinite(background.background(name, lighting, 40, 64, rng)).all()


@pytest.mark.parametrize("name", attributes.LIGHT)
def test_lights_are_sound(name):
    for seed in range(30):
        made = light.lighting(name, np.random.default_rng(seed))
        assert np.isfinite(made.row()).all()
        assert 0.2 < made.exposure < 6
        assert made.key[1] < 0.2  # from above
        assert min(*made.key_color, *made.sky, *made.ground) >= 0


def test_the_floor_is_dark_under_feet_and_in_the_shadow():
    """A ball on a floor 0.3 m under a level camera, lit from the right: its shadow lies to the left."""
    ball_on_floor = ball(
        (0.0, 0.2, 0.9), 0.1, material=Material.PLASTIC, color=colored((0.5, 0.5, 0.5))
    )
    floor = Ground(
        up=np.array([0.0, -1.0, 0.0]),
        height=0.3,
        contacts=np.array([[0.0, 0.3, 0.9]]),
        radii=np.array([0.05]),
    )
    lamp = replace(LIGHT, key=(1.0, -1.0, 0.0), key_size=0.02)
    bare = draw([ball_on_floor], lighting=lamp, behind=plain(0.3)).color.astype(float)
    with_floor = frame.draw(
        [ball_on_floor], lamp, plain(0.3), K, WIDTH, HEIGHT,
        paint=paint(), landmarks=LANDMARKS, film=QUIET, ground=floor,
    )  # fmt: skip
    change = with_floor.color.astype(float) - bare
    assert (change[:38] == 0).all()  # above the horizon
    row = 40 + round(110 * 0.3 / 0.9)  # of the floor at the ball's distance
    left, right = change[row, 20:28].mean(), change[row, 72:80].mean()
    assert left < -15
    assert right > -8
    assert (with_floor.owner == draw([ball_on_floor], lighting=lamp).owner).all()


def test_cameras_expose_for_faces():
    dark, bright = paint(skin=(0.05, 0.03, 0.02)), paint(skin=(0.8, 0.7, 0.6))
    metering = replace(QUIET, metering=0.3)
    for rows, sign in ((dark, 1), (bright, -1)):
        fixed, metered = (
            draw([ball((0, 0, 0.8))], rows),
            draw([ball((0, 0, 0.8))], rows, film=metering),
        )
        assert sign * (metered.color.mean() - fixed.color.mean()) > 1


def test_photo_comes_back_as_it_is():
    codes = np.random.default_rng(0).integers(5, 250, (HEIGHT, WIDTH, 3), np.uint8)
    film = replace(QUIET, exposure=LIGHT.exposure)
    made = draw([], behind=background.photo(codes, LIGHT), film=film)
    assert abs(made.color.astype(int) - codes).max() <= 2


def test_maps():
    made = draw(
        [
            ball((0, 0, 0.8)),
            ball(
                (0.2, 0, 0.8),
                0.05,
                material=Material.HAIR,
                part=Part.HAIR,
                color=colored((0.1, 0.1, 0.1)),
            ),
        ]
    )
    drawn = maps.drawn(maps.MAPS, made, np.full(3, -0.1), np.full(3, 0.1))
    assert drawn["depth"][40, 48] == 700
    assert drawn["depth"][0, 0] == 0
    np.testing.assert_allclose(drawn["normals"][40, 48], (128, 128, 255), atol=10)
    assert drawn["parts"].dtype == np.uint8
    assert (drawn["pncc"][made.part == Part.HAIR] == 0).all()
    np.testing.assert_allclose(drawn["pncc"][40, 48] / 65535, (0.5, 0.5, 0.0), atol=0.03)
