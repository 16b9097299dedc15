"""Names where capitals say nothing: in lower case, in capitals throughout, in title case.

Here only lists count: a given name that is no word begins a name, and what may be a family name goes on.
"""

from __future__ import annotations

from headkit.editing.finding import Finding
from headkit.editing.lexicon import common, lexicon
from headkit.editing.tables import (
    AFTER_NAMES,
    CALENDAR,
    COMMON_HONORIFICS,
    HONORIFICS,
    NOT_VERBS,
    NOUNS_OF_PICTURES,
    OCCUPATIONS,
    PARTICLES,
    PEOPLES,
    PERSON_NOUNS,
    PLACE_PREPOSITIONS,
    PLACES,
    STRONG,
    VERBS,
)
from headkit.editing.tokens import CASED, Regime, Token, script_of


class Flat:
    """The rules, over one caption; in one that uses capitals, over its lower-case words."""

    def __init__(
        self, words: tuple[Token, ...], safe: list[bool], how: Regime, language: str
    ) -> None:
        self.words = words
        self.safe = safe
        self.how = how
        self.language = language
        self.book = lexicon()
        self.common = common(language)

    def find(self) -> list[Finding]:
        """All names of the caption that these rules see."""
        found = []
        index = 0
        while index < len(self.words):
            begin, start = self._begins(index)
            if start is None:
                index += 1
                continue
            end = start + 1
            while step := self._goes_on(end):
                end += step
            first = self._back(begin)
            sex = next((s for t in self.words[start:end] if (s := self.book.sex(t.word))), None)
            if begin < start:
                sex = HONORIFICS.get(self.words[begin].word) or sex
            found.append(Finding(self.words[first].start, self.words[end - 1].end, "person", sex))
            index = end
        return found

    def _begins(self, index: int) -> tuple[int, int | None]:
        """(where the finding begins, where the name begins); no name: None."""
        token = self.words[index]
        if self.safe[index] or script_of(token.text[0]) not in CASED:
            return index, None
        if self.how == "sentence" and token.cap:
            return index, None
        after = self.words[index + 1] if index + 1 < len(self.words) else None
        formal = (
            token.word in HONORIFICS
            and token.word not in COMMON_HONORIFICS
            and token.word
            not in (
                "sri",
                "abi",
                "dede",
                "miss",
                "pak",
                "mas",
                "tante",
                "pani",
                "teta",
                "bwana",
                "lic",
                "oba",
                "maa",
            )
        )
        if (
            formal
            and self.how != "sentence"
            and after
            and after.gap in (" ", ". ")
            and not self.safe[index + 1]
        ):
            known = (
                after.word in self.book.given
                or after.word in self.book.family
                or after.word not in self.book.english
            )
            return index, (index + 1 if known and after.word not in ("and", "or") else None)
        if self.how == "lower" and self.language in ("el", "ru", "uk") and index:
            return index, None
        pair = (
            token.first
            and after
            and after.gap == " "
            and after.word in self.book.family
            and token.word in self.book.given
        )
        if (
            pair
            and after
            and self.how in ("title", "upper")
            and not self.safe[index + 1]
            and token.word in STRONG | {"taylor", "tyler", "carter", "jordan", "brooke", "austin"}
            and after.word not in CALENDAR
        ):
            return index, index
        if not self._given(token.word):
            title = (
                self.how == "title"
                and not token.first
                and self._unknown(token.word)
                and self.language == "en"
            )
            return index, (index if title and token.cap and not self._led(index) else None)
        return index, (None if self._led(index) else index)

    def _led(self, index: int) -> bool:
        """Whether the word is a place: in the list, or led by a preposition."""
        word = self.words[index].word
        before = self.words[index - 1].word if index else ""
        listed = word in PLACES or word in self.book.place
        comma = word in PLACES and self.words[index].gap.startswith(",")
        led = before in PLACE_PREPOSITIONS or before in ("new", "north", "south")
        return listed and (comma or led)

    def _given(self, word: str) -> bool:
        if len(word) < 3 or word in PEOPLES or word in CALENDAR or word in self.common:
            return False
        if self.language in ("en", "?"):
            return self.book.is_given(word)
        return self.book.is_given(word) and len(word) > 3 and self.how != "sentence"

    def _unknown(self, word: str) -> bool:
        return not (
            word in self.book.english or word in self.common or word in PEOPLES or word in CALENDAR or word in PLACES
            or word in self.book.place or word.isdigit() or any(letter.isdigit() for letter in word)
            or (word.endswith("s") and word[:-1] in self.book.english)
            or ("-" in word and all(not self._unknown(part) for part in word.split("-")))
        )  # fmt: skip

    def _goes_on(self, index: int) -> int:
        """How many words from `index` on belong to the name before."""
        words = self.words
        if index >= len(words) or self.safe[index]:
            return 0
        token = words[index]
        if token.gap not in (" ", "-", ". "):
            return 0
        if self.how == "sentence" and token.cap:
            return 0
        after = words[index + 1] if index + 1 < len(words) else None
        if (
            token.word in PARTICLES
            and after
            and after.gap == " "
            and not self.safe[index + 1]
            and token.word not in ("a", "e", "i", "y", "of", "and", "al")
        ):
            listed = after.word in self.book.family or self._unknown(after.word)
            return 2 if listed and after.word not in self.common else 0
        if self._given(token.word) or token.initials:
            return 1
        if self._unknown(token.word):
            return 1 if self.language == "en" or token.word in self.book.family else 0
        family = token.word in self.book.family or token.word.endswith(
            ("er", "man", "ton", "ley", "field", "wood", "son")
        )
        acts = token.word in VERBS or (token.word.endswith("ing") and token.word not in NOT_VERBS)
        free = (
            after is None
            or after.gap != " "
            or after.word in AFTER_NAMES
            or after.word in VERBS
            or (after.word.endswith("ing") and after.word not in NOT_VERBS)
        )
        if acts or token.word in AFTER_NAMES or token.word in NOUNS_OF_PICTURES:
            return 0
        noun = (
            token.word.endswith(("ly", "ed"))
            or token.word in PEOPLES
            or token.word in PLACE_PREPOSITIONS
        )
        ends = (
            after is not None
            and after.gap == " "
            and (after.word in AFTER_NAMES or after.word in VERBS)
        )
        lone = (
            self.how == "lower"
            and self.language == "en"
            and ends
            and not noun
            and token.word not in PERSON_NOUNS
            and token.word not in OCCUPATIONS
        )
        return 1 if (family and free) or lone else 0

    def _back(self, start: int) -> int:
        """Over an ambiguous given name before the one found: "grace kelly"."""
        if start and not self.safe[start - 1] and self.words[start].gap == " ":
            before = self.words[start - 1]
            lone = start == 1 or self.words[start - 2].word in AFTER_NAMES
            if (
                before.word in self.book.given
                and before.word not in CALENDAR
                and lone
                and before.cap == self.words[start].cap
            ):
                return start - 1
        return start
