"""What is not to be asked of an image generator: sexual and violent terms, and never a child with the first.

The terms are in headkit/data/words/safety.txt. They are looked for in the words with case, accents, marks
between letters and common digits for letters undone, so that "N.U.D.E" and "nud3" are found. Nothing
here returns or logs a term; a caption is told by numbers alone.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from headkit.editing.tables import (
    CHILD_TERMS,
    GROWN_TERMS,
    HARMLESS_TERMS,
    SEXUAL_TERMS,
    VIOLENT_TERMS,
)

GROWN = 18  # years
_DIGITS = str.maketrans("013457@$!", "oieastasi")
_AGE = re.compile(r"\b(\d{1,2})\s*(?:-|\s)?\s*(?:years?|yrs?|yo\b|y/o)|\baged?\s+(\d{1,2})\b")


def scores(words: str) -> dict[str, float]:
    """How many unsafe terms the words have: {} where none is."""
    plain = _plain(words)
    found = {"sexual": _count(plain, SEXUAL_TERMS), "violent": _count(plain, VIOLENT_TERMS)}
    return {f"unsafe_{name}": float(number) for name, number in found.items() if number}


def refused(words: str, poses: list[dict[str, Any]]) -> bool:
    """Whether a child and sexual content are joined, in the words or by a person's age."""
    plain = _plain(words)
    if _count(plain, GROWN_TERMS):  # terms that mean both at once
        return True
    if not _count(plain, SEXUAL_TERMS):
        return False
    return bool(_count(plain, CHILD_TERMS)) or _young(words) or any(map(_is_child, poses))


def _is_child(pose: dict[str, Any]) -> bool:
    age = (pose.get("attributes") or {}).get("age")
    return isinstance(age, int | float) and not isinstance(age, bool) and age < GROWN


def _young(words: str) -> bool:
    ages = (int(match[1] or match[2]) for match in _AGE.finditer(words.lower()))
    return any(age < GROWN for age in ages)


def _plain(words: str) -> str:
    """Lower case, no accents, digits for letters undone, letters parted by marks joined; spaced at both ends."""
    text = unicodedata.normalize("NFKD", words).lower()
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"\b(?:\w[.\-_*]){2,}\w\b", lambda match: re.sub(r"[.\-_*]", "", match[0]), text)
    text = re.sub(
        r"(?<=[a-z])[0134570@$!](?=[a-z]|\b)", lambda match: match[0].translate(_DIGITS), text
    )
    text = " " + " ".join(re.findall(r"[^\W_]+", text)) + " "
    for phrase in _folded(HARMLESS_TERMS):
        text = text.replace(f" {phrase} ", " ")
    return text


@lru_cache(maxsize=8)
def _folded(terms: frozenset[str]) -> tuple[str, ...]:
    folded = {
        " ".join(
            re.findall(
                r"[^\W_]+",
                "".join(
                    c for c in unicodedata.normalize("NFKD", term) if not unicodedata.combining(c)
                ),
            )
        )
        for term in terms
    }
    return tuple(sorted(folded, key=lambda term: (-len(term), term)))


def _count(plain: str, terms: frozenset[str]) -> int:
    single, several, unspaced = _by_form(terms)
    words = plain.split()
    known = sum(word in single or (word.endswith("s") and word[:-1] in single) for word in words)
    known += sum(plain.count(f" {term} ") + plain.count(f" {term}s ") for term in several)
    return known + sum(plain.count(term) for term in unspaced)


@lru_cache(maxsize=8)
def _by_form(terms: frozenset[str]) -> tuple[frozenset[str], tuple[str, ...], tuple[str, ...]]:
    """Terms of one word, of several, and those of scripts that write no spaces or grow endings on words."""
    folded = _folded(terms)
    unspaced = tuple(
        term for term in folded if term[:1] > "\u2e7f" or "\u0e00" <= term[:1] <= "\u0e7f"
    )
    several = tuple(term for term in folded if " " in term and term not in unspaced)
    return frozenset(folded) - set(unspaced) - set(several), several, unspaced
