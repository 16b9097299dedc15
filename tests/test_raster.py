"""The rasteriser: exact on known triangles, the alpha test, and rays as an independent check."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from trimesh.ray.ray_pyembree import RayMeshIntersector

from headkit.render import jit, warmup
from headkit.render.drawing import edges, raster
from headkit.render.drawing.mesh import Mesh, pack
from headkit.render.drawing.noise import hash2, strand_noise
from headkit.render.surface import Material, Part, Surface

CAMERA = np.array([100.0, 100.0, 32.0, 24.0])  # fx, fy, cx, cy: samples at integers
WIDTH, HEIGHT = 64, 48


def surface(vertices, faces, **changes) -> Surface:
    vertices = np.asarray(vertices, np.float32)
    faces = np.asarray(faces, np.int32)
    plain = Surface(
        material=Material.PLASTIC,
        owner=0,
        vertices=vertices,
        faces=faces,
        normals=np.tile(np.float32([0, 0, -1]), (len(vertices), 1)),
        rest=vertices,
        parts=np.full(len(faces), Part.FACE, np.uint8),
        occlusion=np.ones(len(vertices), np.float32),
        two_sided=True,
    )
    return replace(plain, **changes)


def drawn(mesh: Mesh, camera=CAMERA, width=WIDTH, height=HEIGHT):
    face_at, inverse_at = raster.buffers(height, width)
    raster.draw(mesh, np.arange(len(mesh.material)), camera, face_at, inverse_at)
    return face_at, inverse_at


def at_pixel(x: float, y: float, z: float) -> list[float]:
    """The point that is seen at sample (x, y), z metres away."""
    return [(x - CAMERA[2]) / CAMERA[0] * z, (y - CAMERA[3]) / CAMERA[1] * z, z]


def test_triangle_covers_exactly_the_samples_inside():
    corners = [(10.5, 5.5), (40.25, 12.0), (18.0, 33.75)]
    face_at, _ = drawn(pack([surface([at_pixel(*c, 2.0) for c in corners], [[0, 1, 2]])]))
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    inside = np.ones((HEIGHT, WIDTH), bool)
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        inside &= (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) >= 0
    np.testing.assert_array_equal(face_at >= 0, inside)
    assert inside.sum() == 396  # its area is 395.8


def test_depth_is_perspective_correct():
    """A slanted strip: halfway in the picture is not halfway in space."""
    left, right = at_pixel(10, 24, 1.0), at_pixel(50, 24, 4.0)
    up = [0.0, 0.5, 0.0]
    vertices = [np.add(left, up), np.subtract(left, up), np.add(right, up), np.subtract(right, up)]
    _, inverse_at = drawn(pack([surface(vertices, [[0, 1, 2], [1, 3, 2]])]))
    # 1/z is linear in the picture: at sample 30, halfway, 1/z = (1 + 1/4) / 2
    assert inverse_at[24, 30] == pytest.approx(0.625, rel=1e-6)
    assert inverse_at[24, 20] == pytest.approx(1 - 0.25 * 0.75, rel=1e-6)


def test_nearer_wins_and_ties_go_to_the_first():
    square = [at_pixel(x, y, 2.0) for x, y in ((5, 5), (45, 5), (45, 40), (5, 40))]
    nearer = [at_pixel(x, y, 1.9) for x, y in ((20, 0), (60, 0), (60, 20), (20, 20))]
    faces = [[0, 1, 2], [0, 2, 3]]
    face_at, inverse_at = drawn(pack([surface(square, faces), surface(nearer, faces)]))
    assert face_at[30, 10] in (0, 1)
    assert face_at[10, 30] in (2, 3)
    assert inverse_at[10, 30] == pytest.approx(1 / 1.9, rel=1e-6)
    same, _ = drawn(pack([surface(square, faces), surface(square, faces)]))
    assert set(np.unique(same)) == {-1, 0, 1}


def test_no_gap_and_no_double_along_shared_edges():
    """A fan of thin triangles covers its polygon without holes, at every rotation."""
    random = np.random.default_rng(3)
    for _ in range(20):
        turn = np.sort(random.uniform(0, 2 * np.pi, 23))
        rim = [
            at_pixel(32 + 20 * np.cos(a), 24 + 20 * np.sin(a), random.uniform(1, 3)) for a in turn
        ]
        middle = at_pixel(random.uniform(30, 34), random.uniform(22, 26), 2.0)
        faces = [[0, 1 + k, 1 + (k + 1) % 23] for k in range(23)]
        face_at, _ = drawn(pack([surface([middle, *rim], faces)]))
        x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
        reach = 20 * np.cos(np.diff(np.append(turn, turn[0] + 2 * np.pi)).max() / 2) - 0.01
        core = (x - 32) ** 2 + (y - 24) ** 2 < reach**2
        if np.diff(np.append(turn, turn[0] + 2 * np.pi)).max() < np.pi / 2:
            assert (face_at[core] >= 0).all()


def test_one_sided_faces_are_seen_from_outside_only():
    front = [at_pixel(10, 10, 2.0), at_pixel(10, 30, 2.0), at_pixel(30, 10, 2.0)]
    normal = np.cross(np.subtract(front[1], front[0]), np.subtract(front[2], front[0]))
    assert normal[2] < 0  # towards the camera: counter-clockwise seen from there
    one = surface(front, [[0, 1, 2]], two_sided=False)
    assert (drawn(pack([one]))[0] >= 0).sum() > 100
    assert (drawn(pack([replace(one, faces=one.faces[:, ::-1].copy())]))[0] >= 0).sum() == 0


def test_a_face_may_cross_the_cameras_plane():
    """A floor from behind the camera to the horizon fills the picture below it."""
    floor = [[-50.0, 1.0, -10.0], [50.0, 1.0, -10.0], [50.0, 1.0, 500.0], [-50.0, 1.0, 500.0]]
    _, inverse_at = drawn(pack([surface(floor, [[0, 1, 2], [0, 2, 3]])]))
    rows = np.arange(HEIGHT)
    expected = np.where(rows > 24, (rows - 24) / 100.0, 0.0)  # z = fy * 1 m / (y - cy)
    np.testing.assert_allclose(inverse_at[26:, 5], expected[26:], rtol=1e-6)
    assert (inverse_at[:24] == 0).all()


def test_nothing_nearer_than_the_near_plane():
    near = raster.NEAR * 0.9
    face_at, _ = drawn(
        pack(
            [
                surface(
                    [at_pixel(5, 5, near), at_pixel(50, 5, near), at_pixel(5, 40, near)],
                    [[0, 1, 2]],
                )
            ]
        )
    )
    assert (face_at < 0).all()


def test_alpha_test_against_a_second_implementation():
    corners = [at_pixel(2, 2, 2.0), at_pixel(60, 4, 2.6), at_pixel(6, 45, 3.0)]
    strand = np.float32([[0.3, 0.2, 0.2, 0.1], [17.6, 1.0, 0.9, 0.1], [3.0, 9.0, 0.6, 0.5]])
    cut = surface(corners, [[0, 1, 2]], strand=strand)
    face_at, _ = drawn(pack([cut]))
    whole, inverse_at = drawn(pack([replace(cut, strand=None)]))
    vertices = cut.vertices.astype(float)
    kept = 0
    for y, x in zip(*np.nonzero(whole >= 0), strict=True):
        point = np.array(at_pixel(x, y, 1.0)) / inverse_at[y, x]
        share = np.linalg.solve(vertices.T, point)  # point = sum of share times corner
        s, t, density, threshold = share @ strand.astype(float)
        margin = strand_noise(s, t) + density - 1 - threshold
        if abs(margin) > 1e-5 and abs(s - round(s)) > 1e-6:
            assert (face_at[y, x] >= 0) == (margin >= 0), (x, y)
        kept += face_at[y, x] >= 0
    assert 0.2 < kept / (whole >= 0).sum() < 0.8


def test_smooth_cut_where_s_is_negative():
    corners = [
        at_pixel(0, 0, 1.0),
        at_pixel(60, 0, 1.0),
        at_pixel(60, 47, 1.0),
        at_pixel(0, 47, 1.0),
    ]
    strand = np.float32([[-1, 0, 0, 0.5], [-1, 0, 1, 0.5], [-1, 0, 1, 0.5], [-1, 0, 0, 0.5]])
    face_at, _ = drawn(pack([surface(corners, [[0, 1, 2], [0, 2, 3]], strand=strand)]))
    assert (face_at[5:40, 31:60] >= 0).all()
    assert (face_at[5:40, :30] < 0).all()


@settings(max_examples=200, deadline=None)
@given(st.integers(-(2**31), 2**31), st.integers(-(2**31), 2**31))
def test_noise_is_in_range_and_does_not_repeat(x, y):
    assert 0.0 <= hash2(x, y) < 1.0
    assert hash2(x, y) != hash2(x + 1, y)


def test_noise_is_even():
    values = np.array([hash2(x, y) for x in range(64) for y in range(64)])
    assert abs(values.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.05


def test_pack_refuses_what_does_not_fit():
    good = surface([[0, 0, 1], [1, 0, 1], [0, 1, 1]], [[0, 1, 2]])
    with pytest.raises(ValueError, match="outside of its 3 vertices"):
        pack([replace(good, faces=np.int32([[0, 1, 3]]))])
    with pytest.raises(ValueError, match="occlusion has shape"):
        pack([replace(good, occlusion=np.ones(2, np.float32))])
    with pytest.raises(ValueError, match="not finite"):
        pack([replace(good, vertices=np.full((3, 3), np.nan, np.float32))])
    assert len(pack([]).faces) == 0


def blob(seed: int, centre, radius: float) -> trimesh.Trimesh:
    """A bumpy ball."""
    ball = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    directions = ball.vertices / radius
    waves = np.random.default_rng(seed).normal(size=(5, 3)) * 3
    ball.vertices *= 1 + 0.12 * np.sin(directions @ waves.T).sum(axis=1, keepdims=True) / 2
    ball.vertices += centre
    return ball


def test_rays_agree():
    """Embree, an independent implementation, on overlapping blobs: 99.9% away from edges."""
    blobs = [blob(k, (0.1 * k - 0.15, 0.04 * k, 0.8 + 0.05 * k), 0.12) for k in range(4)]
    camera = np.array([300.0, 300.0, 99.5, 79.5])
    surfaces = [surface(b.vertices, b.faces, two_sided=False) for b in blobs]
    mesh = pack(surfaces)
    face_at, inverse_at = drawn(mesh, camera, 200, 160)
    scene = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    x, y = np.meshgrid(np.arange(200), np.arange(160))
    rays = np.stack(
        [(x - camera[2]) / camera[0], (y - camera[3]) / camera[1], np.ones_like(x, float)], -1
    )
    rays = rays.reshape(-1, 3)
    hit = RayMeshIntersector(scene).intersects_first(np.zeros_like(rays), rays).reshape(160, 200)
    owner = np.where(face_at >= 0, mesh.surface[face_at], -1)
    other = np.where(hit >= 0, mesh.surface[hit], -1)
    edge = np.zeros_like(owner, bool)
    for axis in (0, 1):
        for step in (-1, 1):
            edge |= np.roll(owner, step, axis) != owner
    assert (owner == other)[~edge].mean() >= 0.999
    assert (face_at == hit)[~edge].mean() > 0.98
    same = (face_at == hit) & (hit >= 0)
    normal = scene.face_normals[hit]
    depth = (normal * scene.triangles[hit, 0]).sum(-1) / (normal * rays.reshape(160, 200, 3)).sum(
        -1
    )
    np.testing.assert_allclose(1 / inverse_at[same], depth[same], rtol=2e-5)


def test_order_of_surfaces_does_not_matter():
    surfaces = [
        surface(b.vertices, b.faces, owner=k)
        for k, b in enumerate(blob(k, (0.1 * k - 0.1, 0, 0.7 + 0.07 * k), 0.1) for k in range(3))
    ]
    results = []
    for order in ([0, 1, 2], [2, 0, 1]):
        mesh = pack([surfaces[k] for k in order])
        face_at, inverse_at = drawn(mesh)
        results.append((np.where(face_at >= 0, mesh.owner[mesh.surface[face_at]], -1), inverse_at))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


@pytest.mark.parametrize("writable", [True, False])
def test_kernels_are_cached_where_it_can_be_written(tmp_path, writable):
    """A read-only cache folder means a temporary one, not a crash."""
    home = tmp_path / "cache"
    home.mkdir()
    if not writable:
        home = tmp_path / "file"
        home.write_text("")  # not a folder: cannot be made either, also by root
    code = """
        import os
        from headkit.render.drawing.noise import hash2
        hash2(1, 2)
        print(os.environ["NUMBA_CACHE_DIR"], len(os.listdir(os.environ["NUMBA_CACHE_DIR"])))
    """
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment | {"XDG_CACHE_HOME": str(home)},
        capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
    folder, entries = done.stdout.split()
    assert folder.startswith(str(home)) == writable
    assert int(entries) > 0


@pytest.mark.parametrize(("stride", "offset"), [(1, 0), (2, 1)])
def test_a_row_begins_and_ends_where_the_edge_functions_say(stride, offset):
    """Crossings are computed only where they are sure: whole coordinates and flat edges are among these triangles."""
    rng = np.random.default_rng(8)
    camera = np.array([1.0, 1.0, 0.0, 0.0])
    inner = 0
    for number in range(120):
        corners = np.ones((3, 3), np.float32)
        corners[:, :2] = rng.uniform(-4, 24, (3, 2))
        if number % 3:
            corners = np.rint(corners)
        if number % 3 == 2:
            corners[1, number % 2] = corners[0, number % 2]
        corners *= rng.uniform(0.5, 2.0, (3, 1)).astype(np.float32)
        edge = edges.edge_functions(corners, np.array([[0, 1, 2]], np.int32), 0, camera)
        if edge.determinant == 0.0:
            continue
        lines = edges.crossings(edge)
        for y in range(0, 20, 3):
            begin, end = edges.inside(edge, lines, y, 0, 19, stride, offset)
            x = np.arange(20) * stride + offset
            values = [a * x + (b * y + c) for a, b, c in (edge[:3], edge[3:6], edge[6:9])]
            expected = np.flatnonzero((np.array(values) >= 0.0).all(axis=0))
            np.testing.assert_array_equal(np.arange(begin, max(begin, end)), expected)
            inner += len(expected)
    assert inner > 1000


def test_a_kernel_is_compiled_anew_where_what_it_imports_changed(monkeypatch):
    def digests():
        jit._digest.cache_clear()
        names = ("drawing.raster", "drawing.coverage", "shading.scatter", "pose.lifting")
        return [jit._digest(f"headkit.render.{name}") for name in names]

    before, source = digests(), jit._source

    def edited(module):
        text, imported = source(module)
        return (text + "#" if module == "headkit.render.drawing.edges" else text), imported

    monkeypatch.setattr(jit, "_source", edited)
    after = digests()
    monkeypatch.undo()
    jit._digest.cache_clear()
    assert [one == two for one, two in zip(before, after, strict=True)] == [
        False,
        False,
        True,
        True,
    ]


def test_patches_of_all_materials_are_drawn_beforehand():
    drawn = warmup.draw_patches()
    materials = np.unique(drawn.visible.materials)
    assert set(materials) == {int(one) for one in Material if one != Material.LENS}
    assert drawn.color.std() > 0
