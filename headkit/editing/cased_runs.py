"""Runs of capitalised words: where a name could begin and how far it goes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headkit.editing.cased_places import Places
from headkit.editing.tables import ABBREVIATIONS, COMMON_HONORIFICS, HONORIFICS, PARTICLES
from headkit.editing.tokens import CASED, script_of


@dataclass(frozen=True)
class Run:
    """A run of capitalised words: tokens [start, end) of the caption."""

    start: int
    end: int


class Runs(Places):
    """A caption cut into runs of capitals."""

    def run_at(self, start: int) -> Run | None:
        words = self.words
        if not self._opens(start):
            return None
        end = start + 1
        while end < len(words):
            step = self._joins(start, end)
            if not step:
                break
            end += step
        return Run(start, end)

    def _opens(self, index: int) -> bool:
        token = self.words[index]
        if script_of(token.text[0]) not in CASED or self.safe[index]:
            return False
        if token.cap:
            return not self._acronym(index)
        honorific = token.word in HONORIFICS and token.word not in COMMON_HONORIFICS
        after = self.words[index + 1] if index + 1 < len(self.words) else None
        particle = token.word in PARTICLES and token.word not in (
            "of",
            "and",
            "a",
            "e",
            "i",
            "y",
            "das",
            "la",
            "le",
            "los",
            "las",
            "el",
            "den",
            "do",
            "da",
            "de",
            "di",
            "von",
            "do",
            "no",
            "ni",
            "dit",
            "bat",
            "bar",
            "ten",
            "van",
            "des",
            "du",
            "del",
            "dos",
            "san",
            "na",
            "te",
            "mac",
            "al",
            "af",
            "av",
            "ap",
            "ab",
            "der",
            "zu",
            "zum",
            "zur",
            "ter",
            "mc",
            "o'",
            "st",
            "ó",
            "ua",
            "nic",
            "ní",
        )
        return bool(
            (honorific or particle)
            and after
            and after.cap
            and after.gap in (" ", ". ")
            and not token.first
        )

    def _joins(self, start: int, index: int) -> int:
        """How many words from `index` on belong to the run that ends before it; 0: none."""
        words = self.words
        token, before = words[index], words[index - 1]
        if self.safe[index]:
            return 0
        stop = (
            before.initials
            or before.word in HONORIFICS
            or before.word in ("st", "jr", "sr", "ii", "mt")
        )
        plain = token.gap in (" ", "\u00a0", "-", "\u200c") or (token.gap in (". ", ".") and stop)
        quoted = re.fullmatch(r"\.?\s*[\"“”'‘’„«»(\u201c]+\s*", token.gap) or re.fullmatch(
            r"[\"”“’'»)]+\s+", token.gap
        )
        if (
            quoted
            and token.cap
            and not self._acronym(index)
            and "(" not in token.gap
            and ")" not in token.gap
        ):
            return 1 if self._nickname(start, index) else 0
        if not plain:
            return 0
        if token.cap:
            return 0 if self._acronym(index) and not self._named(token) else 1
        for count in (1, 2, 3):
            particles = words[index : index + count]
            if len(particles) < count or any(
                p.word not in PARTICLES or p.cap or (k and p.gap != " ")
                for k, p in enumerate(particles)
            ):
                return 0
            after = index + count
            if after < len(words) and words[after].cap and words[after].gap in (" ", "-"):
                if self.safe[after] or (
                    particles[0].word in ("of", "and", "a", "e", "i", "y", "das", "st")
                ):
                    return 0
                weak = particles[0].word in (
                    "de",
                    "di",
                    "da",
                    "do",
                    "du",
                    "la",
                    "del",
                    "des",
                    "le",
                    "las",
                    "na",
                    "no",
                    "van",
                    "ten",
                    "bat",
                )
                plain = particles[0].word in ("von", "van", "zu", "der", "den")
                if plain and self._plain_words(start, index) and not self._namelike(start, index):
                    return 0
                if weak and (
                    self._known_place(after, after + 1) or not self._namelike(start, index)
                ):
                    return 0
                return count + 1
        return 0

    def _nickname(self, start: int, index: int) -> bool:
        """Whether a word in quotation marks stands inside a name: Rafael "Rafa" Mendoza."""
        return self._namelike(start, index) or self.words[index - 1].gap.strip() != ""

    def _acronym(self, index: int) -> bool:
        token = self.words[index]
        head, _, rest = token.text.partition("-")
        if rest and head.isupper() and 1 < len(head) < 6 and rest.islower():  # USB-cable
            return True
        if token.word in ABBREVIATIONS:
            return True
        if not token.upper or "." in token.text:
            return (
                any(letter.isdigit() for letter in token.text)
                and len(token.text) <= 5
                and token.text[-1].isdigit() is False
            )
        return len(token.text) <= 5 and not (self.book.is_given(token.word) and len(token.text) > 3)
