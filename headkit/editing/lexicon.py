"""The word lists behind the name remover: names, places, and the ordinary words of ten languages.

headkit/data/words.zip holds them (headkit/data/words.md says where they are from); it is read when
the first caption comes, English at once (some 70 ms), other languages when a caption is in one.
"""

from __future__ import annotations

import unicodedata
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from headkit.editing.tables import (
    ALSO_WORDS,
    AMBIGUOUS_GERMAN,
    AMBIGUOUS_RUSSIAN,
    CAPTION_WORDS,
    FAMILY,
    FEMALE,
    MALE,
    NO_ENGLISH,
    UNISEX,
)

_FILE = Path(__file__).parents[1] / "data/words.zip"


@dataclass(frozen=True)
class Lexicon:
    """Sets of lower-case words; accents as they are written, composed (NFC)."""

    female: frozenset[str]
    male: frozenset[str]
    given: frozenset[str]  # given names of either sex
    family: frozenset[str]
    place: frozenset[str]
    english: frozenset[str]  # ordinary words, those that are also names included (rose, will)

    def is_given(self, word: str) -> bool:
        """Whether this is a given name and no English word."""
        return word in self.given and word not in self.english

    def sex(self, word: str) -> str | None:
        """The sex that a given name says for sure."""
        return "female" if word in self.female else "male" if word in self.male else None


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Names of all languages and English words."""
    female, male = member("female") | FEMALE, member("male") | MALE
    given = member("given") | UNISEX | female | male
    both = female & male
    english = (member("words.en") - given - NO_ENGLISH) | ALSO_WORDS | CAPTION_WORDS
    return Lexicon(
        female=female - both,
        male=male - both,
        given=given,
        family=member("family") | FAMILY,
        place=member("place"),
        english=english,
    )


@lru_cache(maxsize=16)
def ordinary(language: str) -> frozenset[str]:
    """The frequent words of a language (de es fr it nl pt ru ar fa); empty where none are known."""
    try:
        return member(f"words.{language}")
    except KeyError:
        return frozenset()


@lru_cache(maxsize=16)
def common(language: str) -> frozenset[str]:
    """The ordinary words of another language than English, names that are hardly words left out."""
    doubtful = {"ru": AMBIGUOUS_RUSSIAN, "uk": AMBIGUOUS_RUSSIAN, "de": AMBIGUOUS_GERMAN}.get(
        language
    )
    if language == "en":
        return frozenset()
    words = ordinary("ru" if language == "uk" else language)
    return words if doubtful is None else words - (lexicon().given - doubtful)


def plain(word: str) -> str:
    """A word as the lists have it."""
    return unicodedata.normalize("NFC", word).replace("\u2019", "'").lower()


@lru_cache(maxsize=256)
def member(name: str) -> frozenset[str]:
    """A list of headkit/data/words.zip; KeyError where there is none of that name."""
    with zipfile.ZipFile(_FILE) as archive:
        return frozenset(archive.read(name).decode().split())
