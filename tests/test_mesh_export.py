"""Mesh files of heads, read back by another library: right side up, whole, with texture and normals."""

import io

import numpy as np
import pytest
import trimesh

from headkit.head.loading import load_head
from headkit.head.mesh_export import FORMATS, export
from headkit.head.rotation import rotation_from_euler


def read_back(data, file_format):
    return trimesh.load(io.BytesIO(data), file_type=file_format, process=False, force="mesh")


@pytest.fixture(scope="module")
def head():
    return load_head()


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_viewer_gets_the_head(head, file_format):
    vertices = head.vertices([1.0, -1.0])
    data = export(head, vertices, file_format)
    assert data == export(head, vertices, file_format)
    mesh = read_back(data, file_format)
    assert len(mesh.faces) == len(head.faces)
    np.testing.assert_allclose(mesh.bounds, [vertices.min(axis=0), vertices.max(axis=0)], atol=1e-5)
    np.testing.assert_allclose(
        mesh.triangles[:50], vertices[head.faces[:50]].astype(float), atol=1e-5
    )
    normals = mesh.vertex_normals
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-3)
    outward = (normals * (mesh.vertices - mesh.vertices.mean(axis=0))).sum(axis=1)
    assert (outward > 0).mean() > 0.65  # the mouth, ears and eye sockets have folds
    if file_format != "ply":  # trimesh does not read it back
        uv = mesh.visual.uv
        assert uv.shape == (len(mesh.vertices), 2)
        assert uv.min() >= -0.01
        assert uv.max() <= 1.01


def test_a_head_in_a_picture_stands_upright(head):
    """The camera's y points down, a viewer's up; what is right in the picture stays right."""
    turn = rotation_from_euler(30, 0, 0)
    data = export(head, head.template, "ply", turn, [0.4, 0.1, 2.0])
    mesh = read_back(data, "ply")
    low, high = mesh.bounds
    middle = (low + high) / 2
    np.testing.assert_allclose(middle, [0.4, -0.1, -2.0], atol=0.06)
    crown = mesh.vertices[:, 1].argmax()
    nose = mesh.vertices[:, 2].argmax()
    assert mesh.vertices[crown, 1] > mesh.vertices[nose, 1] + 0.05
    # yaw above 0: the nose points to the image's right
    assert mesh.vertices[nose, 0] > 0.42


def test_seams_double_vertices_and_nothing_else(head):
    mesh = read_back(export(head, head.template, "obj"), "obj")
    assert len(head.template) <= len(mesh.vertices) < 1.1 * len(head.template)


def test_other_formats_are_refused(head):
    with pytest.raises(ValueError, match="stl"):
        export(head, head.template, "stl")
