"""The layout of VGGHeads: PART/split_NNNNN/images/KEY.png and annotations/KEY.npz, for heads fitted with FLAME.

An npz holds, a row a head, what the published data set holds (Kupyn et al. 2024):

    bbox           (N, 4) int64: x, y, width, height of the head, pixels
    extended_bbox  (N, 4) int64: the same 25% wider on each side, whole pixels, cut at the picture
    3dmm_params    (N, 1, 413) float32: shape, expression, jaw, rotation, translation, scale, in the frame of the crop

and two arrays of ours: `residual_px` (N,) float32, how far the weak perspective of that vector is from where the camera
sees the head's vertices, at most; `index` (N,) int64, the head's place in the label of other formats. A vertex V of FLAME
(0.05 m added to its z) lies at ((scale + 1) (R V) + translation + 1) / 2 * 256 + the corner of extended_bbox.

The published reader knows no head to ignore, and takes a head without a row for background: images that have one are left
out of this format. `files.txt` lists what a reader shall leave out, and is empty. Image bytes are copied, so that a PNG
stays one; the published set has JPEG alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headkit.formats.labels import Head, heads_in
from headkit.formats.layout import Layout, Part
from headkit.formats.sample import LeftOutError, Sample
from headkit.head import vector413
from headkit.head.model import HeadModel
from headkit.tool import Record

EXTENSION = 0.25  # of the box's width and height, on each side
TO_IGNORE, NOT_FITTED = "heads to ignore", "heads without parameters"


@dataclass
class VggHeads(Layout):
    """A shard is a split folder of images and annotations."""

    name = "vggheads"
    part: str = ""
    number: int = 0

    def prepare(self, sample: Sample) -> bytes | str:
        """The npz, or why the image is left out."""
        assert self.choices.head is not None
        heads = list(heads_in(sample))
        if any(head.ignored for head in heads):
            return TO_IGNORE
        if any(not _is_fitted(sample.heads[head.index]) for head in heads):
            return NOT_FITTED
        rows = [_row(sample, head, self.choices.head) for head in heads]
        data = io.BytesIO()
        np.savez(
            data,
            allow_pickle=False,
            **{  # type: ignore[arg-type]
                "bbox": np.array([row[0] for row in rows], np.int64).reshape(-1, 4),
                "extended_bbox": np.array([row[1] for row in rows], np.int64).reshape(-1, 4),
                "3dmm_params": np.array([row[2] for row in rows], np.float32).reshape(-1, 1, 413),
                "residual_px": np.array([row[3] for row in rows], np.float32),
                "index": np.array([head.index for head in heads], np.int64),
            },
        )
        return data.getvalue()

    def size(self, prepared: Any) -> int:
        return self.bytes + len(prepared)

    def begin(self, part: str, number: int) -> None:
        self.start_shard()
        self.part, self.number = part, number

    def add(self, sample: Sample, prepared: Any) -> None:
        if isinstance(prepared, str):
            self.left_out[prepared] += 1
            return
        self.output.put_image(f"{self._folder}/images/{sample.key}.{sample.image.suffix}", sample)
        self.output.put_small(f"{self._folder}/annotations/{sample.key}.npz", prepared)
        self.count += 1
        self.bytes += len(sample.data) + len(prepared)

    def end(self) -> Record:
        self.output.put_small(f"{self._folder}/files.txt", b"")
        return self.row(self.output.prefix + self._folder)

    def about(self, parts: Sequence[Part]) -> Iterator[str]:
        assert self.choices.head is not None
        prefix, out = self.output.prefix, self.all_left_out(parts)
        yield f"- `{prefix}PART/split_NNNNN/images/`, `annotations/`: the layout of VGGHeads, with the 413-vector of"
        yield f"  `{self.choices.head.name}` (sha256 {self.choices.head.sha256[:16]}) in the frame of the crop. Its reader can ignore"
        yield f"  no head, so that images are left out here: {out[TO_IGNORE]:,} with {TO_IGNORE}, {out[NOT_FITTED]:,} with"
        yield f"  {NOT_FITTED}. `residual_px` is what weak perspective costs, at the worst vertex of each head."

    @property
    def _folder(self) -> str:
        return f"{self.part}/split_{self.number:05d}"


def _is_fitted(head: Any) -> bool:
    params, pose = head.get("params"), head.get("pose")
    return (
        isinstance(params, dict)
        and isinstance(pose, dict)
        and "translation" in params
        and "rotation" in pose
    )


def _row(
    sample: Sample, head: Head, model: HeadModel
) -> tuple[list[int], list[int], vector413.Array, float]:
    """Box, extended box, vector in the crop's frame, and the largest error of its projection in pixels."""
    params, pose = (sample.heads[head.index][name] for name in ("params", "pose"))
    if params.get("sha256") != model.sha256:
        raise LeftOutError(
            "model",
            f"heads[{head.index}] has parameters of {params.get('model')!r}, not of --head; see fit3dmm --head",
        )
    camera = sample.label.get("camera") or sample.rest.get("camera")
    if not isinstance(camera, dict) or "K" not in camera:
        raise LeftOutError("camera", "no camera.K; run headkit fit3dmm")
    shape, expression, jaw = (params.get(name, []) for name in ("shape", "expression", "jaw"))
    jaw = jaw or [0.0, 0.0, 0.0]
    try:
        found, residual = vector413.from_camera(
            shape,
            expression,
            jaw,
            pose["rotation"],
            params["translation"],
            camera["K"],
            model.vertices(shape, expression, jaw),
        )
        box, wide = boxes(head.box, sample.image.width, sample.image.height)
        vector = vector413.write(vector413.crop_from_image(found, wide[:2]))
    except (ValueError, TypeError) as error:
        raise LeftOutError("labels", f"heads[{head.index}]: {error}") from None
    return box, wide, vector, residual


def boxes(
    box: tuple[float, float, float, float], width: int, height: int
) -> tuple[list[int], list[int]]:
    """[x, y, width, height] of a head in whole pixels, and of the crop about it, as the published script makes them."""
    x1, y1, x2, y2 = map(int, box)
    across, down = max(x2 - x1, 1), max(y2 - y1, 1)
    left, top = max(int(x1 - EXTENSION * across), 0), max(int(y1 - EXTENSION * down), 0)
    right = min(int(x1 + (1 + EXTENSION) * across), width)
    bottom = min(int(y1 + (1 + EXTENSION) * down), height)
    return [x1, y1, across, down], [left, top, right - left, bottom - top]
