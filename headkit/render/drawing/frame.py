"""One picture: surfaces, light and background to colour and label buffers."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headkit.render.drawing import samples
from headkit.render.drawing.mesh import REST, Mesh, pack
from headkit.render.drawing.visibility import Visible, see
from headkit.render.jit import lean
from headkit.render.pose.ground import Ground
from headkit.render.shading import shadow
from headkit.render.shading.combing import comb
from headkit.render.shading.eye import shade_eye
from headkit.render.shading.floor import darken
from headkit.render.shading.lens import lay_lenses
from headkit.render.shading.light import Lighting
from headkit.render.shading.matter import shade_matter
from headkit.render.shading.paint import spots
from headkit.render.shading.scatter import scatter
from headkit.render.shading.shade import ALBEDO, GLOSS, IRRADIANCE, SHADED, Scene
from headkit.render.shading.skin import shade_skin
from headkit.render.shading.tone import Film, develop, metered
from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe.fibre import shade_hair

_METERED = np.isin(np.arange(256), (Part.FACE, Part.EAR))  # parts that the camera exposes for

_COMBED = np.isin(np.arange(256), (Part.HAIR, Part.BEARD))  # hair that grows in locks: not lashes


@dataclass(frozen=True)
class Frame:
    """A picture and its labels, of height H and width W. Labels are those of pixel centres, unblurred.

    color   (H, W, 3) uint8 sRGB
    depth   (H, W) float32 metres along the camera's axis; 0 where only the background is
    part    (H, W) uint8 Part
    owner   (H, W) int16 person; -1 the background
    mesh, visible  what was drawn, and what of it is seen
    """

    color: NDArray[np.uint8]
    depth: NDArray[np.float32]
    part: NDArray[np.uint8]
    owner: NDArray[np.int16]
    mesh: Mesh
    visible: Visible

    @functools.cached_property
    def normal(self) -> NDArray[np.float32]:
        """(H, W, 3) unit, camera frame; 0 in the background."""
        return self._spread(self.visible.normals[: len(self.visible.pixels)])

    @functools.cached_property
    def rest(self) -> NDArray[np.float32]:
        """(H, W, 3) position on the unposed mean human, metres; 0 in the background."""
        seen = slice(len(self.visible.pixels))
        corners = self.mesh.attributes[self.mesh.faces[self.visible.faces[seen]], REST : REST + 3]
        one, two, three = (corners[:, k] * self.visible.shares[seen, k, None] for k in range(3))
        return self._spread(one + two + three)

    def _spread(self, rows: NDArray[np.floating]) -> NDArray[np.float32]:
        """From rows of pixel centres to their places in a picture."""
        spread = np.zeros((*self.owner.shape, 3), np.float32)
        spread.reshape(-1, 3)[self.visible.pixels] = rows
        return spread


def draw(
    surfaces: Sequence[Surface] | Mesh,
    lighting: Lighting,
    background: NDArray[np.float32],
    K: NDArray[np.float64],
    width: int,
    height: int,
    *,
    paint: NDArray[np.float32],
    landmarks: NDArray[np.floating],
    ground: Ground | None = None,
    film: Film | None = None,
    seed: int = 0,
    shaded: bool = True,
) -> Frame:
    """Draw surfaces, or the mesh that they were packed to, over a background.

    background  (height, width, 3) float32 linear radiance, before the film
    K           (3, 3) intrinsics in pixels, pixel centres at .5
    paint       (owners, Paint.COUNT) float32: a row for each `owner` of the surfaces (paint.row)
    landmarks   (68, 3) iBUG, of the rest human: where the paint of faces lies
    ground      the floor in the background, for shadows on it
    film        default: the lighting's exposure and warmth
    seed        of the sensor's noise
    shaded      else only the labels are made, `color` has no pixels, and what is painted (lips, brows) is skin

    The picture does not depend on the order of surfaces, except where two lie at the same depth.
    Raises ValueError for arrays that do not fit together.
    """
    mesh = surfaces if isinstance(surfaces, Mesh) else pack(surfaces)
    if len(mesh.owner) and not 0 <= mesh.owner.min() <= mesh.owner.max() < len(paint):
        raise ValueError(f"paint has {len(paint)} rows, owners go to {mesh.owner.max()}")
    if background.shape != (height, width, 3):
        raise ValueError(f"background has shape {background.shape}, not {(height, width, 3)}")
    scene = Scene(
        mesh.vertices, mesh.attributes, mesh.faces, mesh.parts, mesh.surface, mesh.owner, mesh.flags,
        samples.camera_of(K), np.empty((2 * height + 1, 2 * width + 1), np.int32),
        lighting.row(), np.ascontiguousarray(paint, np.float32), spots(landmarks),
        np.ascontiguousarray(landmarks, np.float64),
    )  # fmt: skip
    visible = see(mesh, scene)
    frame = _labels(mesh, visible, width, height)
    if not shaded:
        return frame
    ways = np.empty((len(visible.at), 2), np.float32)
    color = _shade(scene, mesh, visible, frame, ways)
    behind = np.ascontiguousarray(background, np.float32)
    if ground is not None:
        behind = darken(behind, mesh, scene.light, ground, K)
    picture = behind.copy()
    samples.resolve(
        visible.surface_at,
        visible.inverse_at,
        visible.row_at,
        visible.plain,
        visible.window,
        color,
        behind,
        picture,
    )
    hair = np.flatnonzero(_COMBED[frame.part.reshape(-1)[visible.pixels]])
    comb(
        hair, visible.at, visible.owners, visible.points, ways, visible.inverse_at, visible.window,
        picture,
    )  # fmt: skip
    lay_lenses(mesh, scene, visible.inverse_at, picture)
    film = metered(
        film or Film(lighting.exposure, lighting.warmth),
        picture[::2, ::2][_METERED[frame.part[::2, ::2]]],
        picture[::4, ::4][frame.part[::4, ::4] > 0],
    )
    developed = develop(picture, film, seed)
    return replace(frame, color=developed)


def _labels(mesh: Mesh, visible: Visible, width: int, height: int) -> Frame:
    """The frame without its colour."""
    depth = np.zeros(height * width, np.float32)
    part = np.zeros(height * width, np.uint8)
    owner = np.full(height * width, -1, np.int16)
    _spread(
        visible.pixels, visible.faces, mesh.parts, visible.owners, visible.points, depth, part, owner
    )  # fmt: skip
    shape = (height, width)
    return Frame(
        color=np.zeros((0, 0, 3), np.uint8),
        depth=depth.reshape(shape),
        part=part.reshape(shape),
        owner=owner.reshape(shape),
        mesh=mesh,
        visible=visible,
    )


def _shade(
    scene: Scene, mesh: Mesh, visible: Visible, frame: Frame, ways: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(N, 3) linear colour of the visible samples.

    Writes what is painted as another part (lips, brows) into frame.part, and fills ways (N, 2) where hair is seen
    with the course of its strands.
    """
    at, shares, pixels = visible.at, visible.shares, visible.pixels
    lit = shadow.sunlit(
        mesh, scene.light, visible.points, visible.normals, visible.owners, at, frame.depth.shape[1]
    )
    shadow.smooth(lit, len(pixels), at, visible.owners, visible.points)
    shaded = np.empty((len(at), SHADED), np.float32)
    order, begin = samples.grouped(visible.materials, len(Material))
    for material in np.flatnonzero(np.diff(begin)):
        rows = order[begin[material] : begin[material + 1]]
        if material == Material.SKIN:
            parts = frame.part.reshape(-1)
            shade_skin(scene, at, shares, visible.normals, rows, lit, shaded, pixels, parts)
        elif material == Material.EYE:
            shade_eye(scene, at, shares, rows, lit, shaded)
        elif material == Material.HAIR:
            shade_hair(scene, at, shares, rows, lit, shaded, ways)
        else:
            shade_matter(scene, at, shares, visible.normals, rows, lit, int(material), shaded)
    skin = order[begin[Material.SKIN] : begin[Material.SKIN + 1]]
    skin = skin[: np.searchsorted(skin, len(pixels))]  # at pixel centres
    focal = float(scene.camera[0]) / 2
    scatter(shaded, IRRADIANCE, skin, at, visible.owners, visible.points, focal)
    color = np.empty((len(at), 3), np.float32)
    _combine(shaded, color)
    return color


@lean
def _combine(shaded: NDArray[np.float32], color: NDArray[np.float32]) -> None:
    """From irradiance to colour: times albedo, plus gloss."""
    for row in range(len(color)):
        for channel in range(3):
            light = shaded[row, IRRADIANCE + channel]
            color[row, channel] = (
                light * shaded[row, ALBEDO + channel] + shaded[row, GLOSS + channel]
            )


@lean
def _spread(
    pixels: NDArray[np.int64],
    faces: NDArray[np.int32],
    parts: NDArray[np.uint8],
    owners: NDArray[np.int32],
    points: NDArray[np.float32],
    depth: NDArray[np.float32],
    part: NDArray[np.uint8],
    owner: NDArray[np.int16],
) -> None:
    """From rows of pixel centres to their places in the label buffers."""
    for row in range(len(pixels)):
        pixel = pixels[row]
        depth[pixel] = points[row, 2]
        part[pixel] = parts[faces[row]]
        owner[pixel] = owners[row]
