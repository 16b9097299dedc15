"""Folds of cloth: crumpled triangles give way, and no fold is lit from its inner side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import trimesh
from scipy.spatial import ConvexHull

from headkit.render.drawing import frame
from headkit.render.shading import light, tone
from headkit.render.shading.paint import Paint
from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe.drape import relaxed
from headkit.render.wardrobe.rounding import rounded_outline
from headkit.render.wardrobe.tailoring import grid_faces, vertex_normals

SIZE = 64
K = np.array([[80.0, 0.0, 32.0], [0.0, 80.0, 32.0], [0.0, 0.0, 1.0]])


def sheet(side: int = 13) -> tuple[np.ndarray, np.ndarray]:
    """A flat cloth of 1 cm squares."""
    y, x = np.mgrid[0:side, 0:side] * 0.01
    points = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3).astype(np.float32)
    return points, grid_faces(side, side)


def least_cosine(points: np.ndarray, faces: np.ndarray) -> float:
    """Between a triangle and the mean of the normals at its corners."""
    normals = vertex_normals(points, faces)[faces].sum(axis=1)
    a, b, c = np.moveaxis(points[faces], 1, 0)
    own = np.cross(b - a, c - a)
    lengths = np.linalg.norm(own, axis=1) * np.linalg.norm(normals, axis=1)
    return float(((own * normals).sum(axis=1) / lengths).min())


def test_an_outline_is_rounder_and_no_gap_opens():
    """A ball of few triangles: still closed, and nearer to a ball where it turns away from the camera."""
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.1)
    normals = (ball.vertices / 0.1).astype(np.float32)
    points = np.add(ball.vertices, [0.03, 0.0, 0.6]).astype(np.float32)
    faces = ball.faces.astype(np.int32)
    cloth = Surface(
        Material.CLOTH, 0, points, faces, normals, normals, np.full(len(faces), Part.CLOTHES, np.uint8),
        np.ones(len(points), np.float32), color=np.ones_like(points), uv=points[:, :2].copy(),
    )  # fmt: skip
    made = rounded_outline(cloth)
    assert len(faces) < len(made.faces) == len(made.parts) < 1.6 * len(faces)
    assert len(made.vertices) == len(made.normals) == len(made.uv) == len(made.color)
    assert trimesh.Trimesh(made.vertices, made.faces, process=False).is_watertight
    outside = [np.abs(shadow(one) - 1.0) for one in (cloth, made)]
    assert outside[1] < 0.45 * outside[0]


def shadow(surface: Surface) -> float:
    """The area of a ball's outline against that of a round one, seen along the view."""
    centre = np.array([0.03, 0.0, 0.6])
    away = (
        surface.vertices.astype(float)
        - centre * ((surface.vertices @ centre) / (centre @ centre))[:, None]
    )
    seen = away / (surface.vertices @ centre)[:, None] * (centre @ centre)
    basis = np.linalg.svd(centre[None])[2][1:]
    radius = 0.1 / np.sqrt(1.0 - 0.01 / (centre @ centre))
    return float(ConvexHull(seen @ basis.T).volume / (np.pi * radius**2))


NO_TWINS = np.zeros((0, 2), np.int32)
UP = np.tile(vertex_normals(*sheet())[:1], (13 * 13, 1))  # of the flat cloth


def test_smooth_cloth_is_left_alone():
    points, faces = sheet()
    points[:, 2] = 0.01 * np.sin(points[:, 0] * 60)  # folds of 10 cm
    ids, shift = relaxed(points, vertex_normals(points, faces), faces, NO_TWINS)
    assert len(ids) == len(shift) == 0


def test_crumpled_cloth_is_smoothed_and_nothing_else_moves():
    points, faces = sheet()
    crumpled = points.copy()
    crumpled[6 * 13 + 6, :2] += (0.024, 0.018)  # over its neighbours
    assert least_cosine(crumpled, faces) < 0
    ids, shift = relaxed(crumpled, UP, faces, NO_TWINS)
    crumpled[ids] += shift
    assert least_cosine(crumpled, faces) > 0.3
    assert (np.linalg.norm(points[ids] - points[6 * 13 + 6], axis=1) < 0.06).all()


def test_twins_stay_together():
    points, faces = sheet()
    points[6 * 13 + 6, :2] += (0.024, 0.018)
    doubled = np.concatenate([points, points[6 * 13 : 7 * 13]])  # a seam along the middle row
    twins = np.stack([np.arange(6 * 13, 7 * 13), len(points) + np.arange(13)], axis=1)
    ids, shift = relaxed(doubled, np.concatenate([UP, UP[:13]]), faces, twins.astype(np.int32))
    assert len(ids) > 0
    doubled[ids] += shift
    assert np.array_equal(doubled[twins[:, 0]], doubled[twins[:, 1]])


def ball(normals: np.ndarray | None = None, *, inside: bool = False) -> Surface:
    """A coarse ball of cloth; seen from within where `inside`."""
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=1.0)
    places = mesh.vertices.astype(np.float32)
    faces = mesh.faces.astype(np.int32)
    if inside:  # without what lies between the camera and its far wall
        faces = faces[(places[faces][..., 2] > 0).all(axis=1)]
    return Surface(
        material=Material.CLOTH,
        owner=0,
        vertices=places * np.float32(0.2) + np.float32([0, 0, 1]),
        faces=faces,
        normals=places if normals is None else normals,
        rest=places,
        parts=np.full(len(faces), Part.CLOTHES, np.uint8),
        occlusion=np.ones(len(places), np.float32),
        color=np.full(places.shape, 0.4, np.float32),
        two_sided=True,
    )


def draw(surface: Surface) -> frame.Frame:
    return frame.draw(
        [surface],
        light.lighting("studio", np.random.default_rng(0)),
        np.full((SIZE, SIZE, 3), 0.1, np.float32),
        K, SIZE, SIZE,
        paint=np.zeros((1, Paint.COUNT), np.float32),
        landmarks=np.full((68, 3), 50.0),
        film=tone.Film(exposure=1.0, noise=0.0, vignette=0.0, contrast=1.0, metering=0.0),
    )  # fmt: skip


def test_a_normal_that_turns_away_is_bent_and_not_turned_over():
    true = ball()
    rng = np.random.default_rng(3)
    rough = true.normals + rng.normal(0.0, 0.7, true.normals.shape).astype(np.float32)
    rough /= np.linalg.norm(rough, axis=1, keepdims=True)
    seen = draw(replace(true, normals=rough))
    drawn = seen.part > 0
    y, x = np.nonzero(drawn)
    rays = np.stack([(x + 0.5 - 32) / 80, (y + 0.5 - 32) / 80, np.ones(len(x))], axis=1)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    assert (-(seen.normal[drawn] * rays).sum(axis=1) > -1e-6).all()
    # Turned over, normals 150 degrees off would come out: bent ones stay within what the noise makes.
    own = draw(true).normal[drawn]
    assert (seen.normal[drawn] * own).sum(axis=1).min() > -0.5


def test_the_inner_side_is_lit_from_within():
    surface = ball(inside=True)
    seen = draw(surface)
    centre = seen.normal[SIZE // 2, SIZE // 2]
    assert centre[2] < -0.9  # towards the camera, though the surface's own normal points away
