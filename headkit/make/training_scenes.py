"""Renders scenes with exact labels to train small networks on: `python -m headkit.make.training_scenes -d DIR -n N`.

    DIR/00012/scene-0-001234.jpg   scenes 1200 to 1299: pictures as the renderer gives them
    DIR/00012.jsonl                one row a scene, written when all 100 pictures are there

Rows are records as `headkit generate` writes them (headkit-record(5)), with `image` relative to DIR and three
additions: `truth.heads[].dense`, the dense landmarks of the head model with what is seen of each; the key points of
`poses`, which are where the drawn body has them, and not where the prior wanted them; and `kind`, the mixture's part.
Blur, noise, compression, occluders and crops are left to those who train: they cost nothing there, and may differ in
every epoch.

Scene number N of a seed is the same whatever the call that renders it, so that a range of numbers can be held out. A
shard that is there is not made again; one that was cut short is.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headkit.head.camera import intrinsics, project
from headkit.render.drawing.frame import Frame
from headkit.render.drawing.mesh import Mesh
from headkit.render.drawing.sight import seen
from headkit.render.human.body import load_body
from headkit.render.pose.prior import Prior
from headkit.render.pose.staging import FOCAL, draw
from headkit.render.scene import PoseError, Scene, Wanted, compose, picture
from headkit.render.truth import head_vertices, labels

Array = NDArray[np.float64]

SHARD = 100  # scenes of a folder
QUALITY = 95  # of JPEG
DECIMALS = 5
# The mixture: share, and the prior. Few people and large heads for landmarks, many and small ones for detection.
_SMALL = ((384, 384), (448, 336), (336, 448))
_LARGE = ((512, 512), (640, 480), (480, 640), (640, 400), (512, 640))
MIXTURE = (
    ("any", 0.35, Prior(sizes=_SMALL + _LARGE)),
    ("near", 0.25, Prior(people=(1, 2), framing="portrait", sizes=_SMALL)),
    ("close", 0.08, Prior(people=(1, 1), framing="close-up", sizes=_SMALL)),
    ("group", 0.2, Prior(people=(2, 6), framing="half", sizes=_LARGE)),
    ("crowd", 0.12, Prior(people=(4, 12), sizes=_LARGE)),
)
OTHER_CAMERA = 0.3  # share of scenes with another focal length than the prior's
FOCAL_SPREAD = (0.7, 2.2)  # of it, in longer sides of the picture

# How deep the 17 key points of COCO lie in the body, metres: that much flesh of one's own does not hide them.
_DEPTH = np.repeat([0.02, 0.10, 0.06, 0.04, 0.16, 0.08, 0.06], [5, 2, 2, 2, 2, 2, 2])
_HIDDEN = 0.5  # confidence of a key point that is known but not seen


def main() -> None:
    """Render the asked scenes, shard by shard."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-d", "--dir", type=Path, required=True, help="folder of the shards")
    parser.add_argument("-n", "--count", type=int, required=True, help="scenes to render")
    parser.add_argument(
        "--first", type=int, default=0, help=f"number of the first: a multiple of {SHARD}"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.first % SHARD or options.count % SHARD:
        parser.error(f"--first and --count must be multiples of {SHARD}, the scenes of a folder")
    for start in range(options.first, options.first + options.count, SHARD):
        write_shard(options.dir, options.seed, start, SHARD)


def write_shard(folder: Path, seed: int, start: int, count: int) -> None:
    """Pictures and rows of `count` scenes from number `start` on, unless the rows are there already."""
    name = f"{start // SHARD:05d}"
    rows = folder / f"{name}.jsonl"
    if rows.exists():
        return
    (folder / name).mkdir(parents=True, exist_ok=True)
    lines = []
    for index in range(start, start + count):
        drawn = render(seed, index)
        if drawn is None:
            continue  # nobody whom the prior shows
        record, pixels = drawn
        place = f"{name}/{record['id']}.jpg"
        Image.fromarray(pixels).save(folder / place, "JPEG", quality=QUALITY, subsampling=0)
        lines.append(json.dumps({**record, "image": place}, separators=(",", ":")) + "\n")
    partial = rows.with_suffix(".partial")
    partial.write_text("".join(lines))
    partial.replace(rows)


def render(seed: int, index: int) -> tuple[dict[str, Any], NDArray[np.uint8]] | None:
    """The record of scene `index` without its `image`, and its pixels (H, W, 3); None where nobody is in it."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, index]))
    shares = np.array([share for _, share, _ in MIXTURE])
    kind, _, prior = MIXTURE[int(rng.choice(len(MIXTURE), p=shares / shares.sum()))]
    scenes = draw(prior, seed, index, 1)
    width, height = (int(side) for side in scenes.size[0])
    wanted = [
        Wanted(
            scenes.keypoints[person],
            scenes.boxes[person].tolist(),
            dict(zip(("yaw", "pitch", "roll"), scenes.head[person].tolist(), strict=True)),
            {"sex": "male" if scenes.male[person] else "female", "age": int(scenes.age[person])},
            int(rng.integers(1 << 62)),
        )
        for person in range(len(scenes.keypoints))
        if (scenes.keypoints[person, :, 2] > 0).any()
    ]
    K, up = _camera(width, height, rng), scenes.up[0]
    try:
        scene = compose(wanted, width, height, seed=int(rng.integers(1 << 62)), K=K, up=up)
    except PoseError:
        return None
    if not wanted:
        return None
    frame = picture(scene)
    record = {
        "id": f"scene-{seed}-{index:06d}",
        "width": width,
        "height": height,
        "kind": kind,
        "camera": {"K": scene.K.tolist()},
        "poses": _poses(scene, frame),
        "truth": {"heads": _heads(scene, frame)},
    }
    return _rounded(record), frame.color


def _camera(width: int, height: int, rng: np.random.Generator) -> Array:
    """K of the prior, or at times that of a wider or a longer lens, which sees the same key points."""
    lengths = np.exp(rng.uniform(*np.log(FOCAL_SPREAD)))
    focal = lengths if rng.random() < OTHER_CAMERA else FOCAL
    return intrinsics(width, height, float(focal) * max(width, height))


def _heads(scene: Scene, frame: Frame) -> list[dict[str, Any]]:
    """truth.heads, with the dense landmarks beside the 68."""
    model, mesh = load_body().head, scene.mesh
    heads = labels(scene, frame)
    for owner, (head, person) in enumerate(zip(heads, scene.people, strict=True)):
        points = model.landmarks(head_vertices(person), "dense")
        pixels, visible = _shown(scene, mesh, points, owner)
        head["dense"] = {"points": pixels.round(2).tolist(), "visible": _letters(visible)}
    return heads


def _poses(scene: Scene, frame: Frame) -> list[dict[str, Any]]:
    """Key points of the drawn bodies: confidence 1 seen, 0.5 hidden, 0 outside of the picture; and their boxes."""
    mesh = scene.mesh
    poses = []
    for owner, person in enumerate(scene.people):
        joints = person.posed.joints
        nearer = joints * (1 - _DEPTH / np.maximum(np.linalg.norm(joints, axis=1), 0.2))[:, None]
        pixels, visible = _shown(scene, mesh, nearer, owner)
        inside = _inside(scene, pixels)
        confidence = np.where(visible, 1.0, np.where(inside, _HIDDEN, 0.0))
        points = np.column_stack([pixels, confidence])
        poses.append({"keypoints": points.tolist(), "box": _body_box(frame, owner)})
    return poses


def _body_box(frame: Frame, owner: int) -> list[float]:
    """[x1, y1, x2, y2] of what is seen of a person; zeros where nothing is."""
    rows, columns = np.nonzero(frame.owner == owner)
    if not len(rows):
        return [0.0, 0.0, 0.0, 0.0]
    ends = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return [float(value) for value in ends]


def _shown(scene: Scene, mesh: Mesh, points: Array, owner: int) -> tuple[Array, NDArray[np.bool_]]:
    """(N, 2) pixels of points (N, 3) of a person, camera frame, and which of them are seen in the picture.

    Points behind the camera are at 0, 0, and not seen.
    """
    pixels = np.nan_to_num(project(points, scene.K), nan=0.0)
    visible = _inside(scene, pixels) & (points[:, 2] > 0)
    owners = np.full(int(visible.sum()), owner, np.int32)
    visible[visible] = seen(mesh, np.ascontiguousarray(points[visible]), owners, scene.K)
    return pixels, visible


def _inside(scene: Scene, pixels: Array) -> NDArray[np.bool_]:
    return np.asarray(((pixels >= 0) & (pixels < (scene.width, scene.height))).all(axis=1))


def _letters(flags: NDArray[np.bool_]) -> str:
    return "".join("1" if flag else "0" for flag in flags)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
