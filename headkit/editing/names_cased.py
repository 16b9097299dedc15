"""Names in scripts with capitals (Latin, Cyrillic, Greek), where a caption uses them as sentences do.

A run of capitalised words ("Rafael "Rafa" Mendoza", "Pieter van der Veen") is a name, unless it is a
place, a people, a day, a thing called after somebody, or a word that opens the sentence. What decides
are lists of names and words, and what stands beside the run.
"""

from __future__ import annotations

from headkit.editing.cased_runs import Run, Runs
from headkit.editing.finding import Finding, Kind
from headkit.editing.lexicon import ordinary
from headkit.editing.tables import (
    ARTICLES,
    AS_CUES,
    BARE_TITLES,
    CALENDAR,
    COMMON_HONORIFICS,
    HONORIFIC_ENDINGS,
    HONORIFICS,
    NOT_VERBS,
    OCCUPATIONS,
    PERSON_NOUNS,
    PLACE_ENDINGS,
    PLACE_OPENINGS,
    SMALL_OF_TITLES,
    TITLE_CUES,
    VERBS,
)


class Cased(Runs):
    """The rules, over one caption."""

    def find(self) -> list[Finding]:
        """All names of the caption."""
        found: list[Finding] = []
        position = 0
        while position < len(self.words):
            chain = self.run_at(position)
            if chain is None:
                position += 1
                continue
            position = chain.end
            finding = self._judge(chain)
            if finding is not None:
                found.append(finding)
        return found

    def _judge(self, chain: Run) -> Finding | None:
        start, end = chain.start, chain.end
        head = self.words[start].word
        opening = head in PLACE_OPENINGS and head not in (
            "st",
            "saint",
            "ben",
            "san",
            "new",
            "old",
        )
        if end - start > 1 and (self._known_place(start, end) or opening):
            self.places.update(range(start, end))
            return None
        start, sex, titled = self._honorific(start, end)
        if start >= end:
            return None
        if titled is None:
            start = self._opening(start, end)
            if start >= end:
                return None
        while (
            end > start
            and (self.words[end - 1].word in CALENDAR or self._people(end - 1))
            and end - start > 1
        ):
            end -= 1
        if titled is None and self._harmless(start, end):
            return None
        after = self._tail(end)
        first = start if titled is None else titled
        sex = sex or self._sex(start, end)
        kind = self._kind(start, end)
        if kind == "title":
            after = max(after, self._title_end(end))
        return Finding(self.words[first].start, self.words[after - 1].end, kind, sex)

    def _honorific(self, start: int, end: int) -> tuple[int, str | None, int | None]:
        """Over "Dr.", "Lt. Col.": (where the name begins, sex, where the honorific begins or None)."""
        index, sex, begin = start, None, None
        while index < end and self.words[index].word in HONORIFICS and not self.safe[index]:
            word = self.words[index].word
            if word in self.book.given and word not in COMMON_HONORIFICS and index + 1 == end:
                break
            if word in COMMON_HONORIFICS and not self.words[index].cap:
                break
            begin = start
            sex = sex or HONORIFICS[word] or None
            index += 1
        if begin is None:
            return start, None, None
        if index >= end:  # "Grandma knitting", "Dear Madam": nobody is named
            return end, None, None
        rest = self.words[index]
        if self._people(index) or rest.word in CALENDAR or (rest.word in BARE_TITLES):
            return end, None, None
        place = rest.word in PLACE_ENDINGS or self._known_place(index, end)
        if (
            self.words[start].word
            in (
                "st",
                "saint",
                "san",
                "santa",
                "sankt",
                "santo",
                "don",
                "king",
                "queen",
                "prince",
                "lady",
                "lord",
            )
            and place
        ):
            return start, None, None
        if (
            self.words[index - 1].word in COMMON_HONORIFICS
            and not self._namelike(index, end)
            and self._plain_words(index, end)
        ):
            return start, None, None
        return index, sex, begin

    def _opening(self, start: int, end: int) -> int:
        """Past the words that only begin the sentence: "Smiling Emily", "Actor Dorian Blackwell"."""
        index = start
        while index < end:
            token = self.words[index]
            ahead = self.words[index + 1].word if index + 1 < end else ""
            both = (
                token.word in self.book.given
                and bool(ahead)
                and not self._word(ahead)
                and not self._people(index + 1)
            )
            if both:  # "Norman Rockwell"
                break
            if self._people(index) or token.word in CALENDAR or token.word in BARE_TITLES:
                index += 1
                continue
            if token.first and self._foreign_word(index, end):
                index += 1
                break
            if not token.first or self._is_named_here(index, end):
                break
            if self._word(token.word) and not (index + 1 < end and self._named_pair(index)):
                index += 1
                # What follows an opening word begins nothing any more.
                break
            break
        while (
            index > start
            and index < end
            and (self._people(index) or self.words[index].word in CALENDAR)
        ):
            index += 1
        return index

    def _foreign_word(self, index: int, end: int) -> bool:
        """Whether a first word is one of a language of which we know no words: "Portret Magdaleny"."""
        token = self.words[index]
        if self.language in ("en", "ru", "uk", "el") or ordinary(self.language):
            return False
        listed = token.word in self.book.given or token.word in self.book.family
        return index + 1 < end and not listed and not token.initials

    def _named_pair(self, index: int) -> bool:
        """Whether an ambiguous first word and the next are a name: "Grace Kelly", "Rich Baxter"."""
        token, after = self.words[index], self.words[index + 1]
        if token.word not in self.book.given or token.word in CALENDAR:
            return False
        if token.word in ("will", "may", "can") and "?" in self.text:
            return False
        return after.word in self.book.family or after.initials or not self._word(after.word)

    def _is_named_here(self, index: int, end: int) -> bool:
        """Whether the first word of a sentence is a name, by what it is or what it does."""
        token = self.words[index]
        if end - index > 1 and not self._word(token.word):
            return not self._people(index)
        if self._sure(token.word):
            return True
        if token.word not in self.book.given and not self._unknown(index):
            return False
        if token.word in OCCUPATIONS and end - index == 1:
            return False
        if token.word in ("will", "may", "can") and "?" in self.text:
            return False
        if end - index > 1:
            return False
        return self._acts(index)

    def _harmless(self, start: int, end: int) -> bool:
        """Whether a run that carries no honorific names nobody."""
        words = self.words
        token = words[start]
        if end - start == 1 and (
            self._people(start) or token.word in CALENDAR or token.word in BARE_TITLES
        ):
            return True
        if self._is_place(start, end):
            self.places.update(range(start, end))
            return True
        before = words[start - 1] if start else None
        if token.first:
            return not self._first_is_name(start, end)
        if self.language == "de":
            return not self._german_name(start, end)
        if all(self._plain_words(k, k + 1) for k in range(start, end)):
            # Capitals on ordinary words: a name unless an article makes them a thing ("the Grand Tour").
            article = (
                before is not None
                and before.word in ARTICLES
                and before.word not in ("our", "my", "his", "her")
            )
            after = words[end] if end < len(words) else None
            verb = after is not None and (
                after.word in VERBS or (after.word.endswith("ing") and after.word not in NOT_VERBS)
            )
            if (
                article
                and before is not None
                and before.first
                and before.word == "the"
                and verb
                and words[start].gap == " "
            ):
                return False  # "The Greatest standing over his rival"
            if end - start == 1 and token.word in OCCUPATIONS and token.gap != " ":
                return True
            kin = after is not None and after.word in (
                "family",
                "brothers",
                "sisters",
                "twins",
                "residence",
            )
            if (
                kin
                and words[end - 1].word in self.book.family
                and after is not None
                and not after.cap
            ):
                return False  # "the Smith family"
            if end - start == 1 and token.word == "santa":
                return True
            if article and not self.titled:
                return True
            return (
                before is not None
                and before.cap
                and before.first
                and token.word not in self.book.given
                and not self.titled
            )
        return False

    def _first_is_name(self, start: int, end: int) -> bool:
        token = self.words[start]
        if end - start == 1:
            if token.word in OCCUPATIONS:
                return False
            if self._sure(token.word):
                return self.language == "en" or token.word not in self.common or self._acts(start)
            if self._word(token.word):
                return token.word in self.book.given and self._acts(start)
            return self._unknown_first(start)
        if self.language == "de":
            return self._german_name(start, end)
        if token.initials:
            return True
        if self._word(token.word) and token.word not in self.book.given:
            return False
        return self._namelike(start, end) or not self._plain_words(start, end)

    def _unknown_first(self, index: int) -> bool:
        """Whether an unknown word that opens a sentence is a name: not where it describes a noun."""
        token = self.words[index]
        after = self.words[index + 1] if index + 1 < len(self.words) else None
        if self.language in ("ru", "uk", "el") and "-" in token.text:
            return token.text.split("-")[1][:1].isupper() and token.word not in self.common
        if self.language != "en":
            return (
                token.word in self.book.family
                and token.word not in self.common
                and after is not None
                and after.cap
            )
        if after is None:
            return False
        if self.text[token.end : token.end + 2] in ("'s", "’s"):
            return True
        verb = after.word in VERBS or after.word.endswith("ing")
        listed = token.word in self.book.family
        joined = after.word in ("and", "with", "in", "at", "on", "as", "by", "wearing", "from")
        return verb or joined or (listed and after.word not in PERSON_NOUNS)

    def _german_name(self, start: int, end: int) -> bool:
        """In German every noun has a capital: a name must be known, or stand beside one that is."""
        german = self.common
        known = [k for k in range(start, end) if self._sure(self.words[k].word)]
        if known:
            return True
        if end - start > 1:
            return any(self.words[k].initials for k in range(start, end)) or all(
                self.words[k].word in self.book.family and self.words[k].word not in german
                for k in range(start, end)
            )
        return False

    def _tail(self, end: int) -> int:
        """Past honorifics behind the name: "Tanaka-san" is one word, "Zeynep Hanım" two."""
        while (
            end < len(self.words)
            and self.words[end].word in HONORIFIC_ENDINGS
            and self.words[end].gap in (" ", "-", ", ")
        ):
            if self.words[end].gap == ", " and self.words[end].word not in (
                "jr",
                "sr",
                "phd",
                "md",
                "esq",
            ):
                break
            end += 1
        return end

    def _kind(self, start: int, end: int) -> Kind:
        before = self.words[start - 1].word if start else ""
        if before in AS_CUES:
            return "title" if self.titled else "person"
        cue = any(token.word in TITLE_CUES for token in self.words[max(0, start - 4) : start])
        if (
            cue
            and before in ("from", "in", "of", "de", "aus", "из", "du", "da")
            and not self._namelike(start, end)
        ):
            return "title"
        if self._namelike(start, end) or not self._plain_words(start, end):
            return (
                "person"
                if not (before in ARTICLES and before not in ("our", "my", "his", "her", "their"))
                else "brand"
            )
        return "title" if cue else "person"

    def _title_end(self, end: int) -> int:
        """A title goes on over small words: "Pride and Prejudice", "Betty la fea"."""
        words = self.words
        if (
            end + 1 < len(words)
            and words[end].word in ("la", "el", "los", "las", "il", "der", "die", "das")
            and words[end].gap == " "
        ) and (
            words[end + 1].gap == " "
            and not words[end + 1].cap
            and words[end].word not in ("der", "die", "das")
        ):
            return end + 2
        while end + 1 < len(words) and words[end].word in SMALL_OF_TITLES and words[end].gap == " ":
            ahead = end + 1
            while (
                ahead < len(words) and words[ahead].word in SMALL_OF_TITLES and not words[ahead].cap
            ):
                ahead += 1
            if (
                ahead >= len(words)
                or not words[ahead].cap
                or words[ahead].gap != " "
                or self.safe[ahead]
            ):
                break
            end = ahead + 1
            while (
                end < len(words) and words[end].cap and words[end].gap == " " and not self.safe[end]
            ):
                end += 1
        return end
