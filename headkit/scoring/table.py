"""The scores there are, in the order of the manual, and what each says in one line."""

from __future__ import annotations

import importlib

from headkit.scoring.score import Score

SCORES: dict[str, str] = {
    "sharpness": "how sharp the picture and its heads are, shown at one size",
    "exposure": "neither too dark nor too bright",
    "entropy": "how much there is to see: 0 of a black or flat picture",
    "size": "of the picture and of its heads, in pixels",
    "aspect": "longer side by shorter",
}


def find(name: str) -> Score:
    """The score of that name. Raises KeyError."""
    if name not in SCORES:
        raise KeyError(name)
    found: Score = importlib.import_module(f"headkit.scoring.{name}").SCORE
    return found
