"""The options of score. An option that no score asked for uses is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from headkit.scoring.likeness_options import LikenessOptions
from headkit.tool import Opt

DEFAULT = "sharpness,exposure,entropy,size,aspect"


@dataclass(frozen=True, kw_only=True)
class AskedOptions:
    """What is measured; see table.SCORES."""

    score: Annotated[
        str, Opt("Scores to write, with commas between them; the manual lists them.", "NAMES")
    ] = DEFAULT
    missing: Annotated[
        bool, Opt("Leave scores alone that a record has; measure those that it lacks.")
    ] = False
    detector: Annotated[
        str | None,
        Opt(
            "Of flip, cut, agreement: weights that find heads, as of detect --model, or headkit for ours "
            "(default: ours, for heads that it found).",
            "MODEL",
        ),
    ] = None
    second: Annotated[
        str | None,
        Opt("Of agreement: weights of the second detector (default: those of --bodies).", "MODEL"),
    ] = None
    bodies: Annotated[
        str | None,
        Opt(
            "Of pose and agreement: a pose network of ultralytics, as of pose-extract --model (default: ours).",
            "MODEL",
        ),
    ] = None


# Fields come in the order of the bases from last to first, which is that of the help.
@dataclass(frozen=True, kw_only=True)
class ScoreOptions(LikenessOptions, AskedOptions):
    """What is measured and with what."""
