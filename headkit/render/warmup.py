"""A small scene that passes through every kernel of the renderer, so that all are compiled beforehand.

Half of the compiling is for posing and dressing, half for drawing. Where it has to be done, a second process draws
patches of every material meanwhile: it needs nobody posed, and kernels are shared through their cache.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np

from headkit.head.camera import intrinsics
from headkit.render import look
from headkit.render.drawing import frame, raster
from headkit.render.drawing.coverage import parts_table, person_shape
from headkit.render.drawing.extent import exact_box
from headkit.render.drawing.mesh import pack
from headkit.render.drawing.sight import seen
from headkit.render.human.body import load_body
from headkit.render.jit import known
from headkit.render.pose.ground import LEVEL, Ground
from headkit.render.scene import Scene, Wanted, compose
from headkit.render.shading import light, paint, skin
from headkit.render.shading.background import background
from headkit.render.surface import HEAD_PARTS, Material, Part, Surface

# A standing person in a picture of 96 x 96.
_POINTS = (
    (48, 14), (50, 12), (46, 12), (52, 13), (44, 13), (57, 24), (39, 24), (60, 36), (36, 36),
    (61, 46), (35, 46), (53, 48), (43, 48), (53, 66), (43, 66), (53, 84), (43, 84),
)  # fmt: skip
_DRESSED = (
    {"sex": "male", "age": 40, "hair": "curly", "beard": "full beard", "glasses": "sunglasses",
     "headwear": "none", "clothes": "shirt"},
    {"sex": "female", "age": 30, "hair": "long", "headwear": "hat", "glasses": "glasses",
     "clothes": "dress"},
)  # fmt: skip
_NEAR = 0.25  # metres: light goes under skin by more than a pixel


def rehearsal() -> Scene:
    """Two people with all that can be worn. What draws and labels them is compiled when they have been posed."""
    points = np.array([(x, y, 1.0) for x, y in _POINTS])
    box = [30.0, 4.0, 66.0, 90.0]
    wanted = [
        Wanted(points + np.array([shift, 0.0, 0.0]), box, None, words, seed=number)
        for number, (shift, words) in enumerate(zip((-14, 14), _DRESSED, strict=True))
    ]
    with _drawing_elsewhere():
        return compose(wanted, 96, 96, seed=0)


@contextlib.contextmanager
def _drawing_elsewhere() -> Iterator[None]:
    """Until the end, and as long as it takes, a process that compiles what draws: where it must and can be done."""
    if (known(raster.draw_faces) and known(skin.shade_samples)) or (os.cpu_count() or 1) < 2:
        yield
        return
    # -P: no headkit of the current directory
    command = [sys.executable, "-P", "-c", f"import {__name__} as warmup; warmup.draw_patches()"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as process:  # noqa: S603 - our own
        try:
            yield
            process.wait()  # whatever came of it: what is not compiled then will be
        finally:
            process.kill()


def draw_patches() -> frame.Frame:
    """Patches of every material drawn, and their labels asked for, with the kernels that draw people."""
    size, rng = 64, np.random.default_rng(0)
    K = intrinsics(size, size, float(size))
    patches = pack([_patch(material, place) for place, material in enumerate(Material)])
    ground = Ground(LEVEL, 0.1, np.array([[0.0, 0.1, _NEAR]]), np.array([0.1]))
    lighting = light.lighting("daylight", rng)
    body = load_body()
    drawn = frame.draw(
        patches,
        lighting,
        background("park", lighting, size, size, rng, ground, K),
        K,
        size,
        size,
        paint=paint.row(look.resolve({"age": 60, "hair": "short"}, rng))[None],
        landmarks=body.template[body.head_vertices[body.head.landmarks68]],
        ground=ground,
    )
    shape = person_shape(patches, 0, parts_table(HEAD_PARTS), K)
    exact_box(shape, K, (0.0, 0.0, float(size), float(size)))
    seen(patches, np.array([[0.0, 0.0, 2.0]]), np.zeros(1, np.int32), K)
    return drawn


def _patch(material: Material, place: int) -> Surface:
    """Two triangles of a material, in one of 4 x 3 places before the camera."""
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)], np.float32)
    count = len(corners)
    points = np.full((count, 3), _NEAR, np.float32)
    points[:, :2] = 0.05 * corners + (0.05 * (place % 4) - 0.1, 0.05 * (place // 4) - 0.1)
    dense = np.tile(np.array([1.0, 0.0], np.float32), (count, 1))
    return Surface(
        material=material,
        owner=0,
        vertices=points,
        faces=np.array([(0, 1, 2), (0, 2, 3)], np.int32),
        normals=np.tile(np.array([0.0, 0.0, -1.0], np.float32), (count, 1)),
        rest=points,
        parts=np.full(2, Part.FACE, np.uint8),
        occlusion=np.ones(count, np.float32),
        strand=np.hstack([corners, dense]) if material == Material.HAIR else None,
        color=np.full((count, 3), 0.5, np.float32),
        uv=corners,
        two_sided=True,
    )
