"""What single words of a caption are, in scripts with capitals: names, words, peoples."""

from __future__ import annotations

from headkit.editing.lexicon import Lexicon, common, lexicon
from headkit.editing.tables import CALENDAR, PEOPLES, STRONG, TITLE_CUES
from headkit.editing.tokens import Token, script_of


class Words:
    """A caption's words. `safe[k]`: token k is known to name nobody; `language` of the caption."""

    def __init__(
        self, text: str, words: tuple[Token, ...], safe: list[bool], language: str
    ) -> None:
        self.text = text
        self.words = words
        self.safe = safe
        self.language = language
        self.book: Lexicon = lexicon()
        self.common = common(language)
        self.titled = any(token.word in TITLE_CUES for token in words)
        self.places = {k for k, flag in enumerate(safe) if flag}  # tokens that may be of a place

    def _sure(self, word: str) -> bool:
        """Whether a word is a given name and nothing else."""
        if word in PEOPLES or word in CALENDAR:
            return False
        if "-" in word and word not in self.book.english:
            return any(len(part) > 2 and self._sure(part) for part in word.split("-"))
        if self.book.is_given(word):
            return word not in self.common or len(word) < 1
        return any(stem in self.book.given for stem in stems(word)) and word not in self.common

    def _named(self, token: Token) -> bool:
        return token.word in self.book.given or token.word in self.book.family

    def _namelike(self, start: int, end: int) -> bool:
        """Whether a word of the run is a name by the lists, or initials."""
        return any(
            token.initials
            or self._sure(token.word)
            or (token.word in self.book.family and not self._word(token.word))
            or (token.word in self.book.given and not token.first)
            for token in self.words[start:end]
        )

    def _word(self, word: str) -> bool:
        """Whether this is an ordinary word of English or of the caption's language."""
        if self.language in ("ru", "uk", "el"):
            return word in self.common or (not word.isascii() and not self._listed(word))
        if word in self.book.english or word in self.common:
            return True
        if word.endswith("s") and (
            word[:-1] in self.book.english or word[:-2] in self.book.english
        ):
            return not self.book.is_given(word)
        if "-" in word:
            return all(self._word(part) for part in word.split("-") if part)
        return word.isdigit()

    def _listed(self, word: str) -> bool:
        return any(
            stem in self.book.given or stem in self.book.family for stem in (word, *stems(word))
        )

    def _plain_words(self, start: int, end: int) -> bool:
        return all(self._word(token.word) for token in self.words[start:end])

    def _unknown(self, index: int) -> bool:
        word = self.words[index].word
        return not self._word(word) and not self._people(index)

    def _people(self, index: int) -> bool:
        word = self.words[index].word
        if word in PEOPLES or word.rstrip("s") in PEOPLES:
            return True
        parts = word.split("-")
        return len(parts) > 1 and parts[0] in PEOPLES

    def _sex(self, start: int, end: int) -> str | None:
        """The sex that the first name says: a family name may be a given name of the other."""
        for token in self.words[start:end]:
            word = token.word.split("-")[0]
            listed = next((form for form in (word, *stems(word)) if form in self.book.given), None)
            if listed is not None:
                doubtful = listed in self.book.english and listed not in STRONG
                return None if doubtful else self.book.sex(listed)
        return None


def stems(word: str) -> tuple[str, ...]:
    """The nominatives that an inflected Russian, Ukrainian, Polish, Czech or Greek name may come from."""
    if len(word) < 4:
        return ()
    script = script_of(word[-1])
    if script == "cyrillic":
        found = []
        for ending, bases in _RUSSIAN:
            if word.endswith(ending):
                found += [word[: len(word) - len(ending)] + base for base in bases]
        return tuple(found)
    if script == "greek":
        found = [word + "ς", word + "s"]
        if word.endswith("ς"):
            found += [word[:-1], word[:-1] + "α", word[:-1] + "η"]
        if word.endswith("ου"):
            found += [word[:-2] + "ος", word[:-2] + "ης", word[:-2] + "ας"]
        if word.endswith("ο"):
            found.append(word + "ς")
        return tuple(found)
    return ()


_RUSSIAN = (
    ("у", ("а", "")), ("ю", ("я", "й", "ь")), ("ы", ("а", "")), ("и", ("а", "я", "й", "ь", "")), ("е", ("а", "я", "", "й")),
    ("ой", ("а", "ая")), ("ей", ("я", "а")), ("ом", ("",)), ("ем", ("й", "ь", "")), ("а", ("",)), ("я", ("й", "ь")),
    ("ова", ("ов",)), ("ым", ("",)), ("ого", ("ий", "ый")), ("ии", ("ия", "ий")), ("ию", ("ия",)), ("ией", ("ия",)),
    ("і", ("а", "я", "ь", "ій")), ("ові", ("",)), ("ові", ("о",)), ("ою", ("а",)),
)  # fmt: skip
