"""Phrases of lists in texts without spaces."""

from __future__ import annotations

from functools import lru_cache

from headkit.editing.finding import Finding, Kind


def phrases(text: str, phrases: tuple[str, ...], kind: Kind) -> list[Finding]:
    """Where phrases stand, the first of the list before a later one over the same place."""
    found: list[Finding] = []
    for phrase in phrases:
        start = text.find(phrase)
        while start >= 0:
            end = start + len(phrase)
            within = _katakana(text, start - 1, start) or _katakana(text, end - 1, end)
            if not within and not any(start < other.end and other.start < end for other in found):
                found.append(Finding(start, end, kind))
            start = text.find(phrase, end)
    return found


def _katakana(text: str, one: int, other: int) -> bool:
    """Whether two places of the text are within one katakana word."""
    return (
        one >= 0
        and other < len(text)
        and all("\u30a1" <= text[k] <= "\u30fc" and text[k] != "・" for k in (one, other))
    )


@lru_cache(maxsize=8)
def longest_first(words: tuple[str, ...] | frozenset[str]) -> tuple[str, ...]:
    """The words, the longest first, those of one length in their order."""
    return tuple(sorted(words, key=lambda one: (-len(one), one)))
