"""What was looked for in the images and what was not: said in bold, so that nobody takes silence for a screen."""

from __future__ import annotations

from headkit.datasheet.measures import Measures

NSFW = "**NSFW: not screened**"
IDENTITY = "**Identity: not screened**"
PARTLY = "**not in all images**"


def lines(measures: Measures) -> list[str]:
    """A line for each screen."""
    return [
        _line(measures, "nsfw", NSFW, "nobody measured whether an image is fit to be seen."),
        _line(
            measures,
            "identity",
            IDENTITY,
            "nobody measured whether a face is that of a real person.",
        ),
    ]


def is_screened(measures: Measures, score: str) -> bool:
    """Whether every image has the score."""
    images = measures.packed.census.images
    return bool(images) and measures.count("scores", score) == images


def _line(measures: Measures, score: str, missing: str, why: str) -> str:
    images, found = measures.packed.census.images, measures.count("scores", score)
    if not found:
        return f"{missing}: {why}"
    shown = "NSFW" if score == "nsfw" else "Identity"
    highest = measures.facts.highest[score]
    told = f"{found:,} of {images:,} images have `scores.{score}`; the highest is {highest:.3f}."
    if found < images:
        return f"{missing} {PARTLY}: {told}"
    return f"{shown}: {told}"
