"""Captions cut into words, and what a caption tells about itself: its script, language, and use of capitals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from headkit.editing.tables import FUNCTION_WORDS, PARTICLES

Script = Literal[
    "latin",
    "cyrillic",
    "greek",
    "arabic",
    "hebrew",
    "devanagari",
    "han",
    "kana",
    "hangul",
    "thai",
    "other",
]
Regime = Literal["sentence", "title", "upper", "lower"]

CASED = ("latin", "cyrillic", "greek")
_BLOCKS: tuple[tuple[int, int, Script], ...] = (
    (0x0041, 0x024F, "latin"), (0x1E00, 0x1EFF, "latin"), (0x0370, 0x03FF, "greek"), (0x1F00, 0x1FFF, "greek"),
    (0x0400, 0x052F, "cyrillic"), (0x0590, 0x05FF, "hebrew"), (0x0600, 0x077F, "arabic"), (0x08A0, 0x08FF, "arabic"),
    (0xFB50, 0xFDFF, "arabic"), (0xFE70, 0xFEFF, "arabic"), (0x0900, 0x097F, "devanagari"),
    (0x0E00, 0x0E7F, "thai"), (0x1100, 0x11FF, "hangul"), (0xAC00, 0xD7AF, "hangul"),
    (0x3040, 0x30FF, "kana"), (0x31F0, 0x31FF, "kana"), (0x3005, 0x3007, "han"), (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"), (0xF900, 0xFAFF, "han"), (0x20000, 0x3134F, "han"),
)  # fmt: skip
# A word: letters and digits, joined by apostrophes, hyphens and ampersands; or initials with their stops.
_WORD = re.compile(
    r"(?:[^\W\d_]\.){2,}(?:[^\W\d_](?![^\W_]))?|[^\W_]+(?:['’\u05f3\u05f4\"&\-‐‑–\u200c](?=[^\W_])[^\W_\u200c]+)*"
)
_ENDS = re.compile(r"[.!?:;|•—\n(\[]|\s[-–]\s")


@dataclass(frozen=True)
class Token:
    """A word of a caption: code points [start, end) of the text, and the word as the lists have it."""

    text: str
    start: int
    end: int
    word: str
    gap: str  # what stands between the word before and this one
    first: bool  # begins a sentence

    @property
    def cap(self) -> bool:
        """Whether the word begins with a capital."""
        if "-" in self.text and self.text[0].islower():  # al-Mansouri
            prefix, rest = self.text.split("-", 1)
            return len(prefix) < 4 and rest[:1].isupper()
        return self.text[0].isupper() or self.text[0].istitle()

    @property
    def upper(self) -> bool:
        """Whether the word is written in capitals throughout."""
        return self.text.isupper() and len(self.text) > 1

    @property
    def initials(self) -> bool:
        """Whether the word is initials: "T.J.", "R"."""
        return self.cap and (len(self.text) == 1 or self.text[1] == ".")


@lru_cache(maxsize=4096)
def script_of(letter: str) -> Script | None:
    """The script of a letter; None for digits, marks and signs."""
    point = ord(letter)
    for low, high, script in _BLOCKS:
        if low <= point <= high:
            return script if letter.isalpha() or unicodedata.category(letter)[0] == "M" else None
    return "other" if letter.isalpha() else None


@lru_cache(maxsize=64)
def lower(text: str) -> str:
    """The text in lower case, letter for letter: its offsets are those of the text."""
    return "".join(
        small if len(small := letter.lower()) == 1 else small[0]
        for letter in text.replace("\u2019", "'")
    )


@lru_cache(maxsize=64)
def tokens(text: str) -> tuple[Token, ...]:
    """The words of a caption. A possessive "'s" is no part of its word."""
    plain = lower(text)
    found: list[Token] = []
    end = 0
    for match in _WORD.finditer(text):
        start, _stop = match.span()
        gap = text[end:start]
        word = match[0]
        if len(word) > 2 and word[-2] in "'’" and word[-1] in "sS":
            word = word[:-2]
        # A stop after an abbreviation ("Dr.", "St.", "R.") ends no sentence.
        short = bool(found) and gap.startswith(".") and len(found[-1].word) <= 4 and found[-1].cap
        ends = bool(_ENDS.search(gap[1:] if short else gap))
        found.append(
            Token(
                word,
                start,
                start + len(word),
                plain[start : start + len(word)],
                gap,
                not found or ends,
            )
        )
        end = start + len(word)
    return tuple(found)


def regime(words: tuple[Token, ...]) -> Regime:
    """How the caption uses capitals: a title case or all capitals say nothing about a word."""
    cased = [
        token for token in words if token.text[0].isalpha() and script_of(token.text[0]) in CASED
    ]
    if not any(token.cap for token in cased):
        return "lower"
    letters = [letter for token in cased for letter in token.text if letter.isalpha()]
    if len(cased) > 1 and sum(letter.isupper() for letter in letters) > 0.85 * len(letters):
        return "upper" if len(letters) > 6 else "sentence"
    content = [token for token in cased if len(token.text) > 3]
    if len(content) >= 4 and sum(token.cap for token in content) >= 0.85 * len(content):
        return "title"
    return "sentence"


def language(
    words: tuple[Token, ...],
    likeliest: Callable[[Sequence[str], Sequence[str]], str] | None = None,
) -> str:
    """The language that most function words are of; English where none is, "?" where it is none we know.

    Of several that have as many, the one that `likeliest` (of words and languages) says, or the first.
    """
    names = {k for k in range(len(words) - 1) if words[k].word in PARTICLES and words[k + 1].cap}
    seen = [token.word for k, token in enumerate(words) if k not in names]
    scores = {name: sum(word in table for word in seen) for name, table in FUNCTION_WORDS.items()}
    most = max(scores.values())
    best = [name for name in scores if scores[name] == most]
    if not most or "en" in best:
        return "en"
    return likeliest(seen, best) if likeliest and len(best) > 1 else best[0]
