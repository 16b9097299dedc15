"""Where a name that the tagger found letter by letter may begin and end: not within a word of Thai or a run of katakana."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headkit.editing.letter_features import Span, segments, tongue_of
from headkit.editing.tokens import script_of

LEAST = 3  # letters of a Thai word that is not cut; shorter ones are often made of a name's letters


def whole(text: str, start: int, end: int, known: Sequence[Span]) -> tuple[int, int]:
    """The stretch [start, end) widened to the words of which it has half, without those of which it has less.

    `known` are the words of the lists in the text (letter_features.spans). An empty stretch: nothing is left.
    """
    for first, last in _words(text, known):
        inside = min(end, last) - max(start, first)
        if inside <= 0 or (start <= first and last <= end):
            continue
        if 2 * inside >= last - first:
            start, end = min(start, first), max(end, last)
        elif start <= first:
            end = first
        else:
            start = last
    single = end - start == 1 and script_of(text[start]) in ("thai", "kana")
    return (start, start) if single or end < start else (start, end)


def _words(text: str, known: Sequence[Span]) -> Iterator[tuple[int, int]]:
    tongue = tongue_of(text)
    if tongue == "thai":
        for start, end, kind in segments(text, known):
            if kind == "w" and end - start >= LEAST and script_of(text[start]) == "thai":
                yield start, end
    elif tongue == "kana":
        start = 0
        for place in range(1, len(text) + 1):
            if place == len(text) or _katakana(text[place]) != _katakana(text[start]):
                if _katakana(text[start]):
                    yield start, place
                start = place


def _katakana(letter: str) -> bool:
    return "\u30a1" <= letter <= "\u30fc" and letter != "\u30fb"
