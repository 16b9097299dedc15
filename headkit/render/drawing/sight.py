"""Which points of people are seen, decided at the points themselves rather than at pixel centres.

A ray from the camera to a point is compared with every triangle that it crosses, with the strand test
of the picture: a point is hidden where one lies in front. Close to the point a surface of the person's
own flesh is let pass, since a lip that bulges over the corner of a mouth does not hide it from an
annotator; hair, cloth, frames of glasses and other people hide whatever is under them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing.edges import edge_functions, span
from headkit.render.drawing.mesh import CUT, TWO_SIDED, Mesh
from headkit.render.drawing.raster import NEAR, drawn, fetch_strand, in_view
from headkit.render.jit import compiled
from headkit.render.surface import Material, Part

OWN_FLESH: Final = 0.005  # metres in front of a point that a person's own skin may be
OTHER: Final = 0.0005  # the same of everything else: rounding
# kernels do not turn members of an enumeration into numbers
_SKIN, _MOUTH, _TEETH = int(Material.SKIN), int(Material.MOUTH), int(Material.TEETH)
_EYE, _LENS, _HAIR = int(Material.EYE), int(Material.LENS), int(Material.HAIR)
_LASHES = int(Part.EYE)  # of a surface of hair


def seen(
    mesh: Mesh, points: NDArray[np.float64], owners: NDArray[np.int32], K: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """(N,) whether each of the points (N, 3), camera frame, is in front of all that is drawn.

    owners (N,) the person that each point belongs to. Lenses and lashes hide nothing. Whether a point
    lies inside the picture is not asked here; points nearer than the near plane are not seen.
    """
    camera = np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]], np.float64)
    ahead = points[:, 2] >= NEAR
    depth = np.where(ahead, points[:, 2], 1.0)
    x = points[:, 0] / depth * camera[0] + camera[2]
    y = points[:, 1] / depth * camera[1] + camera[3]
    visible = ahead.copy()
    if not len(points):
        return visible
    places = np.stack([x, y, points[:, 2]], axis=1)
    moved = camera.copy()
    moved[2:] -= places[ahead][:, :2].min(axis=0) if ahead.any() else 0.0
    extent = np.ceil(np.ptp(places[ahead][:, :2], axis=0)) if ahead.any() else np.zeros(2)
    _hide_all(
        mesh.vertices, mesh.attributes, mesh.faces, mesh.parts, mesh.first, mesh.material, mesh.owner, mesh.flags,
        mesh.low, mesh.high, camera, moved, int(extent[0]) + 1, int(extent[1]) + 1, places, owners, visible,
    )  # fmt: skip
    return visible


@compiled
def _hide_all(
    vertices: NDArray[np.float32],
    attributes: NDArray[np.float32],
    faces: NDArray[np.int32],
    parts: NDArray[np.uint8],
    first: NDArray[np.int64],
    material: NDArray[np.int32],
    owner: NDArray[np.int32],
    surface_flags: NDArray[np.int32],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    camera: NDArray[np.float64],
    moved: NDArray[np.float64],
    width: int,
    height: int,
    places: NDArray[np.float64],
    owners: NDArray[np.int32],
    visible: NDArray[np.bool_],
) -> None:
    """Clear `visible` of what any surface hides. moved: camera whose picture of this size holds the points."""
    slack = np.empty(len(places))
    for number in range(len(material)):
        begin, end = first[number], first[number + 1]
        kind = material[number]
        if begin == end or kind == _LENS:
            continue
        if not in_view(low[number], high[number], moved, width, height):
            continue
        if kind == _HAIR and (parts[begin:end] == _LASHES).all():
            continue
        flesh = kind == _SKIN or kind == _MOUTH or kind == _TEETH or kind == _EYE  # noqa: PLR1714 - compiled
        for point in range(len(places)):
            slack[point] = OWN_FLESH if flesh and owners[point] == owner[number] else OTHER
        _hide(
            vertices, attributes, faces[begin:end], surface_flags[number], camera, places, slack, visible
        )  # fmt: skip


@compiled
def _hide(
    vertices: NDArray[np.float32],
    attributes: NDArray[np.float32],
    faces: NDArray[np.int32],
    flags: int,
    camera: NDArray[np.float64],
    places: NDArray[np.float64],
    slack: NDArray[np.float64],
    visible: NDArray[np.bool_],
) -> None:
    """Clear `visible` of the points (x, y in pixels, depth) behind these faces by more than `slack`."""
    strand = np.empty((3, 3))
    left, right, top, bottom = np.inf, -np.inf, np.inf, -np.inf
    for number in range(len(places)):
        if visible[number]:
            left, right = min(left, places[number, 0]), max(right, places[number, 0])
            top, bottom = min(top, places[number, 1]), max(bottom, places[number, 1])
    for face in range(len(faces)):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        if vertices[i, 2] < NEAR and vertices[j, 2] < NEAR and vertices[k, 2] < NEAR:
            continue
        x_low, x_high = span(vertices, faces, face, camera, NEAR, 0)
        if x_low > right or x_high < left:
            continue
        y_low, y_high = span(vertices, faces, face, camera, NEAR, 1)
        if y_low > bottom or y_high < top:
            continue
        edges = edge_functions(vertices, faces, face, camera)
        if edges.determinant == 0.0 or (edges.determinant > 0.0 and not flags & TWO_SIDED):
            continue
        if flags & CUT:
            fetch_strand(attributes, faces, face, strand)
        for number in range(len(places)):
            x, y = places[number, 0], places[number, 1]
            if not visible[number] or x < x_low or x > x_high or y < y_low or y > y_high:
                continue
            e0 = edges.a0 * x + edges.b0 * y + edges.c0
            e1 = edges.a1 * x + edges.b1 * y + edges.c1
            e2 = edges.a2 * x + edges.b2 * y + edges.c2
            if e0 < 0.0 or e1 < 0.0 or e2 < 0.0:
                continue
            depth = abs(edges.determinant) / (e0 + e1 + e2)
            if depth < NEAR or depth >= places[number, 2] - slack[number]:
                continue
            visible[number] = flags & CUT != 0 and not drawn(edges, strand, x, y)
