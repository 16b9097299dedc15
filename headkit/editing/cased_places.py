"""Which capitals are a place, and which ambiguous word at the head of a sentence is a name."""

from __future__ import annotations

from headkit.editing.cased_words import Words, stems
from headkit.editing.tables import (
    AND,
    ANIMALS,
    ARTICLES,
    CALENDAR,
    NOT_VERBS,
    PERSON_NOUNS,
    PLACE_ENDINGS,
    PLACE_NOUNS,
    PLACE_OPENINGS,
    PLACE_PREPOSITIONS,
    PLACES,
    SMALL_ENGLISH,
    STRONG,
    VERBS,
)
from headkit.editing.tokens import script_of

# Verbs that a thing governs as well as a person does: "Hope is in her eyes".
_STATES = frozenset(
    ["is", "was", "has", "seems", "falls", "hangs", "comes", "lies", "rests", "grows"]
)


class Places(Words):
    """A caption in which places are known."""

    def _known_place(self, start: int, end: int) -> bool:
        phrase = " ".join(token.word.split("'")[0] for token in self.words[start:end])
        if phrase in PLACES or phrase in self.book.place:
            return True
        if script_of(self.words[start].text[0]) in ("cyrillic", "greek"):
            return any(stem in self.book.place or stem in PLACES for stem in stems(phrase))
        return False

    def _is_place(self, start: int, end: int) -> bool:
        words = self.words
        before = words[start - 1] if start else None
        after = words[end] if end < len(words) else None
        known = self._known_place(start, end)
        sure = any(self._sure(token.word) for token in words[start:end])
        last, first = words[end - 1].word, words[start].word
        if (
            first in PLACE_OPENINGS
            and end - start > 1
            and not (first == "ben" or (first == "san" and sure))
        ):
            return True
        if last in PLACE_ENDINGS and end - start > 1 and words[end - 1].cap:
            return True
        if (
            after is not None
            and after.gap == " "
            and after.word in PLACE_ENDINGS
            and not after.cap
            and end - start == 1
        ):
            return after.word not in (
                "hall",
                "garden",
                "gardens",
                "castle",
                "church",
                "camp",
                "school",
                "court",
                "trail",
            )
        led = (
            before is not None
            and before.gap is not None
            and before.word in PLACE_PREPOSITIONS
            and words[start].gap in (" ", "\u00a0")
        )
        if (
            before is not None
            and before.word in ("the", "la", "le", "el", "las", "los", "les", "der", "den", "die")
            and start > 1
        ):
            led = led or (words[start - 2].word in PLACE_PREPOSITIONS and words[start].gap == " ")
        if (
            before is not None
            and before.word in ("of", "de", "della", "von", "du", "del", "da", "av")
            and start > 1
        ) and words[start - 2].word in PLACE_NOUNS:
            return True
        if (
            before is not None
            and before.word in PLACE_NOUNS
            and script_of(words[start].text[0]) != "latin"
        ):
            led = True
        comma = words[start].gap == ", " and (start - 1) in self.places
        followed = (
            after is not None
            and after.gap in (", ", " ")
            and after.cap
            and self._followed_by_place(end)
        )
        if known:
            if not sure and first not in self.book.given:
                return (
                    before is None
                    or before.word not in ("by", "named", "called", "mr", "mrs", "and")
                    or first not in self.book.family
                )
            noun = (
                after is not None and after.gap == " " and after.word in self.book.english and not after.cap
                and after.word not in VERBS and not after.word.endswith("ing") and after.word not in SMALL_ENGLISH
            )  # fmt: skip
            if words[start].first and end - start == 1 and noun and self.language == "en":
                return True
            if words[start].first and end - start == 1:
                return (
                    not self._acts(start)
                    and (
                        followed
                        or (
                            after is not None
                            and after.gap == " "
                            and not after.word.endswith("ing")
                            and not sure
                        )
                    )
                ) or followed
            return led or comma or followed
        if followed and words[start].first and not sure:
            return True
        if sure or (
            self.titled
            and led
            and before is not None
            and before.word in ("from", "in", "of", "из", "в", "de", "aus")
        ):
            return False
        if comma and not self._namelike(start, end):
            return True
        if not led:
            return False
        if self.language == "de":
            return False
        if (
            before is not None
            and before.word
            in (
                "to",
                "from",
                "of",
                "de",
                "di",
                "da",
                "du",
                "à",
                "a",
                "до",
                "z",
                "od",
                "по",
                "к",
                "у",
                "с",
                "από",
                "из",
                "за",
            )
            and self._namelike(start, end)
        ):
            return False
        return not self._namelike(start, end) or (
            before is not None and before.word in ("в", "στη", "στην", "w", "v")
        )

    def _followed_by_place(self, index: int) -> bool:
        for end in range(min(index + 3, len(self.words)), index, -1):
            if self.words[index].gap == ", " and self._known_place(index, end):
                return True
        return False

    def _acts(self, index: int) -> bool:
        """Whether a word that may be a name does something, owns something or stands beside itself."""
        token = self.words[index]
        if token.word in SMALL_ENGLISH or token.word in ARTICLES or token.word in PERSON_NOUNS:
            return False
        after = self.words[index + 1] if index + 1 < len(self.words) else None
        if self.text[token.end : token.end + 2] in ("'s", "’s"):
            return token.word not in CALENDAR
        if after is None:
            return token.word in STRONG
        if after.word == token.word + "s" and token.word in STRONG:
            return True
        if any(other.word == token.word and not other.cap for other in self.words[index + 1 :]):
            return True
        if after.gap.strip() and after.gap != ", ":
            return False
        if (
            after.word in AND
            and index + 2 < len(self.words)
            and self.words[index + 2].word in ("her", "his")
        ):
            return True
        if after.word in _STATES and token.word not in STRONG:
            return False
        if after.word in AND and index + 2 < len(self.words):
            third = self.words[index + 2]
            return (
                third.cap
                and not self._people(index + 2)
                and (third.word in self.book.given or not self._word(third.word))
            )
        if after.gap == ", ":
            return after.cap and after.word in self.book.given
        if token.word in ANIMALS:
            return False
        if token.word in CALENDAR or self._known_place(index, index + 1):
            return after.word in VERBS or (
                after.word.endswith("ing") and after.word not in NOT_VERBS
            )
        if after.word in VERBS or (
            after.word.endswith("ing") and len(after.word) > 4 and after.word not in NOT_VERBS
        ):
            return True
        return token.word in STRONG and after.word in (
            "with",
            "in",
            "at",
            "on",
            "by",
            "from",
            "as",
            "under",
            "behind",
            "beside",
            "asleep",
            "alone",
        )
