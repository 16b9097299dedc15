"""Upper lashes: thin strands that fan out from the lid, cut from the body's lash strips."""

from __future__ import annotations

import numpy as np

from headkit.render.human.body import load_body
from headkit.render.surface import Material, Part, Surface
from headkit.render.wardrobe.wearer import Wearer

_SMALLEST = 90  # heads of fewer pixels have none: strands thinner than a pixel are only grain
_PER_RADIAN = 46


def lashes(wearer: Wearer) -> list[Surface]:
    """The lashes of both upper lids, camera frame."""
    if wearer.detail < _SMALLEST:
        return []
    body = load_body()
    group = body.vertex_groups["lashes_upper"]
    faces = body.faces[body.face_groups["lashes_upper"]] - group.start
    rest = wearer.rest[group]
    eye = np.where(rest[:, :1] > 0, wearer.eyes[:1], wearer.eyes[1:])
    ray = rest - eye
    size = float(np.linalg.norm(wearer.eyes[0] - wearer.eyes[1]) / 0.059)
    away = np.linalg.norm(ray, axis=1)
    near, far = np.percentile(away, [15, 97])
    along = np.clip((away - near) / (far - near), 0.0, 1.0)
    turn = np.arctan2(ray[:, 0], ray[:, 1] + 0.012 * size)
    side = (rest[:, 0] > 0) * 400.0
    strand = np.stack(
        [
            200.0 + side + turn * _PER_RADIAN,
            10.0 + along * 0.6,
            np.ones(len(rest)),
            0.50 + 0.42 * along,
        ],
        axis=1,
    ).astype(np.float32)
    dark = 0.35 * np.asarray(wearer.look.brow, np.float32)
    return [
        Surface(
            material=Material.HAIR,
            owner=wearer.owner,
            vertices=wearer.posed[group],
            faces=faces.astype(np.int32),
            normals=wearer.normals[group],
            rest=wearer.template[group],
            parts=np.full(len(faces), Part.FACE, np.uint8),
            occlusion=np.full(len(rest), 0.5, np.float32),
            strand=strand,
            color=np.tile(dark, (len(rest), 1)).astype(np.float32),
            two_sided=True,
        )
    ]
