"""The scores there are, in the order of the manual, and what each says in one line."""

from __future__ import annotations

import importlib

from headkit.scoring.score import Score

SCORES: dict[str, str] = {
    "flip": "whether the mirror image has the same heads",
    "cut": "whether the halves of the picture have the heads of the whole",
    "agreement": "whether a second detector finds the same heads, and each face lies in one",
    "pose": "whether people stand as they were asked to",
    "label": "whether the heads are those asked for, of fit3dmm --check",
    "sharpness": "how sharp the picture and its heads are, shown at one size",
    "exposure": "neither too dark nor too bright",
    "entropy": "how much there is to see: 0 of a black or flat picture",
    "border": "how far heads are from the edge of the picture, and whether that is a frame",
    "size": "of the picture and of its heads, in pixels",
    "aspect": "longer side by shorter",
    "nsfw": "how likely the picture is not fit to be seen",
    "aesthetic": "how good a photo it looks to CLIP",
    "clipscore": "how well the picture fits its prompt",
    "identity": "how much a face is like one of a gallery, or of the photo that the pose came from",
}


def find(name: str) -> Score:
    """The score of that name. Raises KeyError."""
    if name not in SCORES:
        raise KeyError(name)
    found: Score = importlib.import_module(f"headkit.scoring.{name}").SCORE
    return found
