"""The tables of headkit/data/words/*.txt: what the rules know of names and of what stands beside them.

They are text, so that they can be read and mended without reading code. All of them are read when the
first caption comes; that takes a few milliseconds.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "data/words"


@lru_cache(maxsize=16)
def _sections(name: str) -> dict[str, str]:
    text = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    parts = re.split(r"^\[(\w+)\]\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _words(file: str, name: str) -> frozenset[str]:
    return frozenset(_sections(file)[name].split())


def _phrases(file: str, name: str) -> frozenset[str]:
    return frozenset(" ".join(phrase.split()) for phrase in _sections(file)[name].split("|"))


def _letters(file: str, name: str) -> frozenset[str]:
    return frozenset(_sections(file)[name]) - {"\n"}


def _by_key(file: str, name: str) -> dict[str, frozenset[str]]:
    """Lines "key: words", long ones continued with an indent."""
    whole = re.sub(r"\n[ ]+", " ", _sections(file)[name].strip("\n"))
    pairs = (line.split(": ", 1) for line in whole.split("\n"))
    return {key: frozenset(words.split()) for key, words in pairs}


def _by_word(file: str, name: str) -> dict[str, str]:
    """Each word with the key of its line; "none" is no key."""
    return {
        word: "" if key == "none" else key
        for key, words in _by_key(file, name).items()
        for word in sorted(words)
    }


AMBIGUOUS_AR = _words("arabic", "AMBIGUOUS_AR")
BRANDS_AR = _phrases("arabic", "BRANDS_AR")
CUES_AR = _words("arabic", "CUES_AR")
FAMILY_AR = _words("arabic", "FAMILY_AR")
GIVEN_AR = _words("arabic", "GIVEN_AR")
HONORIFICS_AR = _by_word("arabic", "HONORIFICS_AR")
KINSHIP_AR = _words("arabic", "KINSHIP_AR")
NOT_NAMES_AR = _words("arabic", "NOT_NAMES_AR")
PARTICLES_AR = _words("arabic", "PARTICLES_AR")
PLACES_AR = _words("arabic", "PLACES_AR")
TITLES_AR = _phrases("arabic", "TITLES_AR")
TITLE_CUES_AR = _words("arabic", "TITLE_CUES_AR")

BRANDS_ZH = _words("chinese", "BRANDS_ZH")
CUES_ZH = _words("chinese", "CUES_ZH")
DOUBLE_SURNAMES_ZH = _words("chinese", "DOUBLE_SURNAMES_ZH")
GIVEN_NAMES_ZH = _words("chinese", "GIVEN_NAMES_ZH")
GIVEN_ZH = _letters("chinese", "GIVEN_ZH")
NOT_NAMES_ZH = _words("chinese", "NOT_NAMES_ZH")
NOT_PREFIXED_ZH = _words("chinese", "NOT_PREFIXED_ZH")
STOPS_ZH = _letters("chinese", "STOPS_ZH")
SURNAMES_ZH = _letters("chinese", "SURNAMES_ZH")
TITLES_OF_ZH = _words("chinese", "TITLES_OF_ZH")
TITLES_ZH = _words("chinese", "TITLES_ZH")

ABBREVIATIONS = _words("cues", "ABBREVIATIONS")
AFTER_NAMES = _words("cues", "AFTER_NAMES")
AND = _words("cues", "AND")
ARTICLES = _words("cues", "ARTICLES")
AS_CUES = _words("cues", "AS_CUES")
COMMON_HONORIFICS = _words("cues", "COMMON_HONORIFICS")
DETERMINERS = _words("cues", "DETERMINERS")
FUNCTION_WORDS = _by_key("cues", "FUNCTION_WORDS")
HONORIFICS = _by_word("cues", "HONORIFICS")
HONORIFIC_ENDINGS = _words("cues", "HONORIFIC_ENDINGS")
NOT_VERBS = _words("cues", "NOT_VERBS")
NOUNS_OF_PEOPLE = _words("cues", "NOUNS_OF_PEOPLE")
OCCUPATIONS = _words("cues", "OCCUPATIONS")
PARTICLES = _words("cues", "PARTICLES")
PERSON_NOUNS = _words("cues", "PERSON_NOUNS")
PLACE_NOUNS = _words("cues", "PLACE_NOUNS")
PLACE_PREPOSITIONS = _words("cues", "PLACE_PREPOSITIONS")
SMALL_ENGLISH = _words("cues", "SMALL_ENGLISH")
SMALL_OF_TITLES = _words("cues", "SMALL_OF_TITLES")
SMALL_WORDS = _words("cues", "SMALL_WORDS")
SMALL_WORDS_BEFORE = _words("cues", "SMALL_WORDS_BEFORE")
STRONG = _words("cues", "STRONG")
TITLE_CUES = _words("cues", "TITLE_CUES")
VERBS = _words("cues", "VERBS")

ALSO_WORDS = _words("english", "ALSO_WORDS")
CAPTION_WORDS = _words("english", "CAPTION_WORDS")

AMBIGUOUS_HE = _words("hebrew", "AMBIGUOUS_HE")
BRANDS_HE = _phrases("hebrew", "BRANDS_HE")
CUES_HE = _words("hebrew", "CUES_HE")
FAMILY_HE = _words("hebrew", "FAMILY_HE")
GIVEN_HE = _words("hebrew", "GIVEN_HE")
HONORIFICS_HE = _by_word("hebrew", "HONORIFICS_HE")
NOT_NAMES_HE = _words("hebrew", "NOT_NAMES_HE")
PLACES_HE = _words("hebrew", "PLACES_HE")
TITLES_HE = _phrases("hebrew", "TITLES_HE")
VERBS_HE = _words("hebrew", "VERBS_HE")

AMBIGUOUS_HI = _words("hindi", "AMBIGUOUS_HI")
BRANDS_HI = _phrases("hindi", "BRANDS_HI")
CUES_HI = _words("hindi", "CUES_HI")
ENDINGS_HI = _words("hindi", "ENDINGS_HI")
FAMILY_HI = _words("hindi", "FAMILY_HI")
GIVEN_HI = _words("hindi", "GIVEN_HI")
HONORIFICS_HI = _by_word("hindi", "HONORIFICS_HI")
STOPS_HI = _words("hindi", "STOPS_HI")
TITLES_HI = _phrases("hindi", "TITLES_HI")

AMBIGUOUS_JA = _words("japanese", "AMBIGUOUS_JA")
BRANDS_JA = _words("japanese", "BRANDS_JA")
CUES_JA = _words("japanese", "CUES_JA")
GIVEN_JA = _words("japanese", "GIVEN_JA")
HONORIFICS_JA = _words("japanese", "HONORIFICS_JA")
KATAKANA_WORDS_JA = _words("japanese", "KATAKANA_WORDS_JA")
NOT_HONORED_JA = _words("japanese", "NOT_HONORED_JA")
SURNAMES_JA = _words("japanese", "SURNAMES_JA")
TITLES_JA = _words("japanese", "TITLES_JA")

AMBIGUOUS_KO = _words("korean", "AMBIGUOUS_KO")
BRANDS_KO = _phrases("korean", "BRANDS_KO")
COMMON_SURNAMES_KO = _letters("korean", "COMMON_SURNAMES_KO")
CUES_KO = _words("korean", "CUES_KO")
DOUBLE_SURNAMES_KO = _words("korean", "DOUBLE_SURNAMES_KO")
GIVEN_KO = _words("korean", "GIVEN_KO")
SURNAMES_KO = _letters("korean", "SURNAMES_KO")
TITLES_KO = _phrases("korean", "TITLES_KO")
TITLES_OF_KO = _words("korean", "TITLES_OF_KO")

AMBIGUOUS_RUSSIAN = _words("names", "AMBIGUOUS_RUSSIAN")
FAMILY = _words("names", "FAMILY")
FEMALE = _words("names", "FEMALE")
MALE = _words("names", "MALE")
UNISEX = _words("names", "UNISEX")

AGENCIES = _phrases("public", "AGENCIES")
BRANDS = _phrases("public", "BRANDS")
CASED_TITLES = _words("public", "CASED_TITLES")
DUAL = _words("public", "DUAL")
STAGE_NAMES = _phrases("public", "STAGE_NAMES")
TITLES = _phrases("public", "TITLES")
TITLE_NEIGHBOURS = _words("public", "TITLE_NEIGHBOURS")

ROLES = frozenset().union(*_by_key("roles", "ROLES").values())
FOLK = frozenset().union(*_by_key("roles", "FOLK").values())

GROWN_ENDINGS = _words("places", "GROWN_ENDINGS")
LANDMARKS = _phrases("places", "LANDMARKS")
PLACE_ENDINGS_HI = _words("places", "PLACE_ENDINGS_HI")
PLACE_ENDINGS_JA = _words("places", "PLACE_ENDINGS_JA")
PLACE_ENDINGS_KO = _words("places", "PLACE_ENDINGS_KO")
PLACE_ENDINGS_ZH = _words("places", "PLACE_ENDINGS_ZH")
PLACE_NOUNS_AR = _words("places", "PLACE_NOUNS_AR")
PLACE_NOUNS_HE = _words("places", "PLACE_NOUNS_HE")
PLACE_NOUNS_TH = _words("places", "PLACE_NOUNS_TH")
PLACE_JOINS = _words("places", "PLACE_JOINS")
PLACE_LEADS = _words("places", "PLACE_LEADS")
PLACE_STOPS = _words("places", "PLACE_STOPS")
PROPER_OPENINGS = _words("places", "PROPER_OPENINGS")
SAINTS = _words("places", "SAINTS")
SIGHT_ENDINGS = _words("places", "SIGHT_ENDINGS")
SIGHT_OPENINGS = _words("places", "SIGHT_OPENINGS")
SOFT_ENDINGS = _words("places", "SOFT_ENDINGS")
STREET_OPENINGS = _words("places", "STREET_OPENINGS")

BARE_TITLES = _words("safe", "BARE_TITLES")
CALENDAR = _words("safe", "CALENDAR")
EPONYMS = _phrases("safe", "EPONYMS")
PEOPLES = _words("safe", "PEOPLES")
PLACES = _phrases("safe", "PLACES")
PLACE_ENDINGS = _words("safe", "PLACE_ENDINGS")
PLACE_OPENINGS = _words("safe", "PLACE_OPENINGS")
PLACE_WORDS = _words("safe", "PLACE_WORDS")

AMBIGUOUS_TH = _words("thai", "AMBIGUOUS_TH")
BRANDS_TH = _phrases("thai", "BRANDS_TH")
CUES_TH = _words("thai", "CUES_TH")
CUES_TITLE_TH = _words("thai", "CUES_TITLE_TH")
GIVEN_TH = _words("thai", "GIVEN_TH")
HONORIFICS_TH = _by_word("thai", "HONORIFICS_TH")
PLACES_TH = _words("thai", "PLACES_TH")
STOPS_TH = _words("thai", "STOPS_TH")
TITLES_TH = _phrases("thai", "TITLES_TH")
VERBS_TH = _words("thai", "VERBS_TH")
AMBIGUOUS_GERMAN = _words("names", "AMBIGUOUS_GERMAN")
NO_ENGLISH = _words("names", "NO_ENGLISH")
ANIMALS = _words("cues", "ANIMALS")
NOUNS_OF_PICTURES = _words("cues", "NOUNS_OF_PICTURES")
CHILD_TERMS = _phrases("safety", "CHILD_TERMS")
GROWN_TERMS = _phrases("safety", "GROWN_TERMS")
HARMLESS_TERMS = _phrases("safety", "HARMLESS_TERMS")
SEXUAL_TERMS = _phrases("safety", "SEXUAL_TERMS")
VIOLENT_TERMS = _phrases("safety", "VIOLENT_TERMS")
GENERIC_NOUNS = _words("public", "GENERIC_NOUNS")
CLUBS = _words("public", "CLUBS")
CLUB_NOUNS = _words("public", "CLUB_NOUNS")
NOT_NAMES_TH = _words("thai", "NOT_NAMES_TH")
