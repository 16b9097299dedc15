"""What was looked for in the images and what was not: said in bold, so that nobody takes silence for a screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from headkit.datasheet.logs import short
from headkit.datasheet.markup import number, plain
from headkit.datasheet.measures import Measures

Say = Callable[[str, float | str], str]

NSFW = "**NSFW: not screened**"
IDENTITY = "**Identity: not screened**"
PARTLY = "in all images"


def plainly(_: str, value: float | str) -> str:
    """A number without a link."""
    return value if isinstance(value, str) else number(value)


def lines(measures: Measures, say: Say = plainly) -> list[str]:
    """A line for each screen; `say` writes a number, given the name of its measure."""
    fit = "nobody measured whether an image is fit to be seen."
    real = "nobody measured whether a face is that of a real person."
    return [
        _line(measures, say, "nsfw", NSFW, fit),
        _line(measures, say, "identity", IDENTITY, real),
    ]


def _line(measures: Measures, say: Say, score: str, missing: str, why: str) -> str:
    images, found = measures.packed.census.images, measures.count("scores", score)
    if not found:
        return f"{missing}: {why}"
    shown = "NSFW" if score == "nsfw" else "Identity"
    highest = say(f"highest-{score}", short(measures.facts.highest[score]))
    of = f"{say('scores', found)} of {say('images', images)}"
    told = f"{of} images have `scores.{score}`; the highest is {highest}."
    if found < images:
        return f"{missing} {PARTLY}: {told}"
    return f"{shown}: {told}{_rates(measures) if score == 'identity' else ''}"


def _rates(measures: Measures) -> str:
    """At which threshold a face counts as somebody's, and how often that is wrong; made.score.identity has it."""
    lines = []
    for rates in sorted(measures.facts.counts["identity-rates"]):
        if not rates.startswith("{"):
            continue  # what is beyond the most that are told apart
        kept = json.loads(rates)
        shares = (
            f"{name.replace('_', ' ')} {_share(kept[name])}"
            for name in ("false_match_rate", "true_match_rate")
        )
        threshold = kept["threshold"]
        at = f"At a cosine of {plain(str(threshold))}" if threshold is not None else "No threshold"
        lines.append(f" {at}: {', '.join(shares)}.")
    return "".join(lines)


def _share(rate: Any) -> str:
    """A rate with its interval, from [share, low, high]; or the words that say why there is none."""
    if isinstance(rate, list) and len(rate) == 3:
        return f"{rate[0]} (95%: {rate[1]} to {rate[2]})"
    return plain(str(rate))
