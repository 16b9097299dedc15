"""The words that samples are counted by: attributes in bands, sizes and angles in bands; in Python, and as jq says it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

from headkit.attributes import ADULT, VOCABULARY
from headkit.formats.census import HEAD_HEIGHTS

ANOTHER = "another word"
AGES: Final = (ADULT, 40, 65)
VISIBILITIES: Final = (0.2, 0.5, 0.8)
# What people are told apart by in the datasheet, in its order; the rest of the vocabulary is clothes and colors.
GROUPED: Final = (
    "sex", "age", "origin", "tone", "hair", "headwear", "glasses", "beard", "expression",
)  # fmt: skip
SENSITIVE_HEADWEAR: Final = "headscarf"


def is_number(value: Any) -> bool:
    """Whether it is a number, as JSON means it."""
    return type(value) in (int, float)


def spans(edges: tuple[float, ...], unit: str) -> list[str]:
    """Names of the bands between edges."""
    middle = [f"{low} to {high}{unit}" for low, high in pairwise(edges)]
    return [f"under {edges[0]}{unit}", *middle, f"{edges[-1]}{unit} and more"]


HEIGHT_BANDS: Final = spans(HEAD_HEIGHTS, " px")
VISIBILITY_BANDS: Final = spans(VISIBILITIES, "")
AGE_BANDS: Final = spans(AGES, " years")
YAW_BANDS: Final = [f"{low} to {low + 30}" for low in range(-180, 180, 30)]


def banded_in_jq(edges: tuple[float, ...], names: list[str]) -> str:
    """A jq filter from a number to the name of its band."""
    tests = " elif ".join(
        f'. < {edge} then "{name}"' for edge, name in zip(edges, names, strict=False)
    )
    return f'if {tests} else "{names[-1]}" end'


YAW_IN_JQ: Final = '((((. + 180) / 30 | floor) % 12 + 12) % 12 * 30 - 180) | "\\(.) to \\(. + 30)"'


def _age(value: Any) -> str | None:
    return AGE_BANDS[bisect_right(AGES, value)] if is_number(value) else None


def _tone(value: Any) -> str | None:
    return str(value) if type(value) is int and 1 <= value <= 10 else None


def _word(words: tuple[str, ...]) -> Callable[[Any], str | None]:
    known = {word: word for word in words}

    def named(value: Any) -> str | None:
        return known.get(value, ANOTHER) if type(value) is str else None

    return named


NAMED: Final[dict[str, Callable[[Any], str | None]]] = {
    "age": _age,
    "tone": _tone,
} | {name: _word(VOCABULARY[name]) for name in GROUPED if name in VOCABULARY}


def attribute_in_jq(name: str) -> str:
    """A jq filter from the value of an attribute to its word or band; nothing of a value that is none."""
    if name == "age":
        return f'select(type == "number") | {banded_in_jq(AGES, AGE_BANDS)}'
    if name == "tone":
        return 'select(type == "number" and . == floor and . >= 1 and . <= 10) | tostring'
    words = ",".join(f'"{word}"' for word in VOCABULARY[name])
    return f'select(type == "string") | if IN({words}) then . else "{ANOTHER}" end'


def order(name: str) -> list[str]:
    """The words of an attribute in the order of the manual."""
    if name == "age":
        return AGE_BANDS
    if name == "tone":
        return [str(tone) for tone in range(1, 11)]
    return [*VOCABULARY[name], ANOTHER]
