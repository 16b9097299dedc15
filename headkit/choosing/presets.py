"""Named sets of conditions for `filter --preset`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PresetName = Literal["basic", "sources", "vggheads", "strict"]


@dataclass(frozen=True)
class Preset:
    """Conditions that must all hold. `scores` are the scores that are measured first where a record lacks them."""

    keep: str
    scores: tuple[str, ...] = ()


_HEADS = "any(heads ?? truth.heads, not exists(ignore))"

# Of the pipeline behind VGGHeads (Kupyn et al., arXiv 2407.18245, section 3.1): a head is there; as many in the
# mirrored picture; every face that a second detector finds is on a head; as many in the halves as in the whole.
# Mended: its measure of stability in the mirror was of the picture as it is, and decided nothing; here the boxes
# themselves have to agree. Its look at what is unsafe had no threshold that could be set.
_VGGHEADS = (
    "any(heads, not exists(ignore))",
    "scores.flip_count == 1",
    "scores.flip_iou >= 0.5",
    "scores.agreement_faces ?? 1 == 1",
    "scores.cut_count ?? 1 == 1",
    "scores.nsfw ?? 0 < 0.5",
)
_STRICT = (
    *_VGGHEADS,
    "all(heads, exists(ignore) or fit.converged ?? true)",
    "scores.flip >= 0.8",
    "scores.agreement ?? 1 >= 0.8",
    "scores.cut ?? 1 >= 0.8",
    "scores.size_head >= 24",
    "scores.border > 0",
    "scores.sharpness_head >= 0.2",
    "scores.exposure >= 0.3",
    "scores.entropy >= 0.5",
    "scores.label_accepted ?? 1 == 1",
    "scores.nsfw ?? 0 < 0.2",
)

PRESETS: dict[PresetName, Preset] = {
    "basic": Preset(f"exists(image) and {_HEADS}"),
    "sources": Preset(
        "scores.aspect <= 2 and scores.source_unsafe ?? 0 < 0.5 and scores.person_confidence >= 0.5"
        " and scores.visible_heads > 0 and scores.person_height >= 0.1"
    ),
    "vggheads": Preset(" and ".join(_VGGHEADS), ("flip", "agreement", "cut")),
    "strict": Preset(
        " and ".join(_STRICT),
        ("flip", "agreement", "cut", "size", "border", "sharpness", "exposure", "entropy"),
    ),
}
