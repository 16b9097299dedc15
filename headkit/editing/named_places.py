"""Streets, buildings, rivers and other places that are called after somebody or have a name of their own.

"Theodor-Heuss-Brücke", "Sultan Hassan Mosque", "проспект Кирова", "רחוב קפלן": a noun of place beside a name
makes it a place, and a place names nobody in the picture. The nouns are in headkit/data/words/places.txt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from headkit.editing.knowledge import facts
from headkit.editing.names_marks import by_first_word, phrases_in
from headkit.editing.tables import (
    GROWN_ENDINGS,
    LANDMARKS,
    PLACE_ENDINGS_HI,
    PLACE_ENDINGS_JA,
    PLACE_ENDINGS_KO,
    PLACE_ENDINGS_ZH,
    PLACE_JOINS,
    PLACE_LEADS,
    PLACE_NOUNS_AR,
    PLACE_NOUNS_HE,
    PLACE_NOUNS_TH,
    PLACE_STOPS,
    PROPER_OPENINGS,
    SAINTS,
    SIGHT_ENDINGS,
    SIGHT_OPENINGS,
    SOFT_ENDINGS,
    STREET_OPENINGS,
)
from headkit.editing.tokens import Script, Token, lower, script_of, tokens

Place = tuple[int, int]

_LONGEST = 3  # words of a name before its noun ("George Washington Bridge") or behind it
_PREFIXES = {"hebrew": ("ב", "ל", "מ", "ה", "ו", "ש"), "arabic": ("ال", "وال", "بال", "لل", "و", "ب", "ل")}  # fmt: skip
_GO_ON_AR = frozenset(["بن", "ابن", "أبو", "ابو", "أبي", "عبد", "آل", "بني", "ام", "أم"])
_GROWN = tuple(sorted(GROWN_ENDINGS))
_WORDS = frozenset(["place", "word", "LANDMARKS"])
_NAMED = frozenset(["given", "family", "~given", "GIVEN_AR", "GIVEN_HE", "GIVEN_HI", "FAMILY_HI"])


@lru_cache(maxsize=16)
def named_places(text: str) -> tuple[Place, ...]:
    """Code points [start, end) of the places of a caption; they may lie over each other."""
    scripts = {script for letter in text if (script := script_of(letter))}
    plain = lower(text)
    found = [
        (start, end)
        for start, end in phrases_in(plain, _landmarks())
        if text[start].isupper() or script_of(text[start]) not in ("latin", "greek", "cyrillic")
    ]
    words = tokens(text)
    if scripts & {"latin", "cyrillic", "greek"}:
        found += _before_noun(text, words)
        found += _behind_noun(words)
        found += _grown(words)
    if scripts & {"arabic", "hebrew"}:
        found += _behind_semitic_noun(words)
    if "devanagari" in scripts:
        found += _before_hindi_noun(text)
    for script, endings in (("han", PLACE_ENDINGS_ZH), ("kana", PLACE_ENDINGS_JA)):
        if script in scripts and ("kana" in scripts) == (script == "kana"):
            found += _before_letters(text, endings)
    if "hangul" in scripts:
        found += _ending_korean(text)
    if "thai" in scripts:
        found += _behind_thai_noun(text)
    return tuple(found)


@lru_cache(maxsize=1)
def _landmarks() -> dict[str, tuple[str, ...]]:
    return by_first_word(LANDMARKS)


def _before_noun(text: str, words: Sequence[Token]) -> Iterator[Place]:
    """Capitals up to a noun with a capital: "George Washington Bridge", "St. Paul's Cathedral"."""
    for index, noun in enumerate(words):
        soft = noun.word in SOFT_ENDINGS
        if not noun.cap or not (soft or noun.word in SIGHT_ENDINGS):
            continue
        first = index
        while first and index - first < _LONGEST and words[first].gap in (" ", ". ", "'s ", "’s "):
            before = words[first - 1]
            if first < index and first > 1 and before.word in PLACE_JOINS and words[first - 2].cap:
                first -= 2  # "Charles de Gaulle Airport"
                continue
            abbreviated = words[first].gap != ". " or before.word in ("st", "mt", "ft", "jr")
            if not before.cap or before.word in PLACE_STOPS or not abbreviated:
                break
            first -= 1
        led = bool(first) and words[first - 1].word in PLACE_LEADS and words[first].gap == " "
        if first < index and (not soft or led or text[words[index - 1].end] in "'’"):
            yield words[first].start, noun.end


def _behind_noun(words: Sequence[Token]) -> Iterator[Place]:
    """Capitals behind a noun: "rue Victor Hugo", "проспект Кирова", "Lago di Como"; and behind a Greek saint."""
    for index, noun in enumerate(words):
        street = noun.word in STREET_OPENINGS or (noun.cap and noun.word in PROPER_OPENINGS)
        saint = noun.word in SAINTS and noun.cap
        if not (street or saint or noun.word in SIGHT_OPENINGS):
            continue
        place = index + 1
        while place < len(words) and words[place].word in PLACE_JOINS and words[place].gap in (" ", "'", "’"):  # fmt: skip
            place += 1
        first = place
        while (
            place < len(words)
            and place - first < (1 if saint else _LONGEST)
            and words[place].cap
            and words[place].gap in (" ", " «", ' "', " „", ". ", "'", "’")
        ):
            place += 1
        if place == first:
            continue
        # "la playa Ana Ruiz sonríe": a thing of nature may stand before the name of a person.
        person = first == index + 1 and "given" in facts(words[first].word, "en")
        if street or saint or not person:
            yield noun.start, words[place - 1].end


def _grown(words: Sequence[Token]) -> Iterator[Place]:
    """One word with hyphens that ends in a noun of place: "Theodor-Heuss-Brücke"."""
    for token in words:
        if "-" in token.word and token.cap and token.word.removesuffix("s").endswith(_GROWN):
            yield token.start, token.end


def _behind_semitic_noun(words: Sequence[Token]) -> Iterator[Place]:
    """The name behind a noun of place in Arabic, Persian, Urdu and Hebrew: "שדרות בן-גוריון"."""
    for index, noun in enumerate(words[:-1]):
        script = script_of(noun.text[0])
        nouns = {"arabic": PLACE_NOUNS_AR, "hebrew": PLACE_NOUNS_HE}.get(script or "")
        if nouns is None or not _is_noun(noun.word, script, nouns):
            continue
        place = index + 1
        if words[place].gap != " " or script_of(words[place].text[0]) != script:
            continue
        while place + 1 < len(words) and place - index < _LONGEST and words[place + 1].gap == " ":
            if not _goes_on(words[place].word, words[place + 1].word):
                break
            place += 1
        yield noun.start, words[place].end


def _goes_on(word: str, after: str) -> bool:
    """Whether two Arabic words are of one name: "عمرو بن", "محمد الخامس"."""
    if word in _GO_ON_AR or after in _GO_ON_AR:
        return True
    given = not {"given", "GIVEN_AR"}.isdisjoint(facts(word, "en"))
    return given and after.startswith("ال") and "said" not in facts(after, "en")


def _is_noun(word: str, script: Script | None, nouns: frozenset[str]) -> bool:
    if word in nouns:
        return True
    return any(
        word.startswith(prefix) and word[len(prefix) :] in nouns
        for prefix in _PREFIXES.get(script or "", ())
    )


def _before_hindi_noun(text: str) -> Iterator[Place]:
    """The name before a noun of place in Hindi, Marathi and Nepali: "महात्मा गांधी मार्ग"."""
    words = list(re.finditer(r"[\u0900-\u0963\u0970-\u097f\u200c\u200d]+", text))
    for index, noun in enumerate(words):
        stem = noun[0]
        if not index or stem not in PLACE_ENDINGS_HI:
            continue
        first = index - 1
        if text[words[first].end() : noun.start()] != " ":
            continue
        if first and text[words[first - 1].end() : words[first].start()] == " ":
            known = facts(words[first - 1][0], "en")
            if not _NAMED.isdisjoint(known) or "HONORIFICS_HI" in known or words[first - 1][0] == "महात्मा":  # fmt: skip
                first -= 1
        yield words[first].start(), noun.end()


def _before_letters(text: str, endings: frozenset[str]) -> Iterator[Place]:
    """A noun of place and the letters of Han or kana right before it: "中山公园"."""
    for match in re.finditer("|".join(sorted(endings, key=lambda one: (-len(one), one))), text):
        start = match.start()
        while (
            start
            and match.start() - start < _LONGEST
            and script_of(text[start - 1]) == "han"
            and text[start - 1] not in "在到去的和与於于从從是上は"
        ):
            start -= 1
        yield start, match.end()


def _ending_korean(text: str) -> Iterator[Place]:
    """A Korean word that ends in a noun of place, whatever particle is behind: "한강공원에서"."""
    for match in re.finditer(r"[\uac00-\ud7a3]+", text):
        for noun in PLACE_ENDINGS_KO:
            place = match[0].rfind(noun)
            if place > 0 and len(match[0]) - place - len(noun) < 4:
                yield match.start(), match.start() + place + len(noun)


def _behind_thai_noun(text: str) -> Iterator[Place]:
    """A Thai noun of place and the word behind it: "สะพานพุทธ"."""
    nouns = "|".join(sorted(PLACE_NOUNS_TH, key=lambda one: (-len(one), one)))
    for match in re.finditer(f"(?<!คุณ)(?<!นาย)(?<!นาง)(?:{nouns})", text):
        end = match.end()
        longest = min(14, len(text) - end) if text[end : end + 1].strip() else 0
        sizes = range(longest, 1, -1)
        words = (size for size in sizes if _WORDS & facts(text[end : end + size], "en"))
        yield match.start(), end + next(words, 0)
