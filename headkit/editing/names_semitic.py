"""Names in Arabic script (Arabic, Persian, Urdu) and in Hebrew, which know no capitals."""

from __future__ import annotations

import re
from functools import lru_cache

from headkit.editing.finding import Finding, Kind
from headkit.editing.lexicon import lexicon, ordinary
from headkit.editing.tables import (
    AMBIGUOUS_AR,
    AMBIGUOUS_HE,
    BRANDS_AR,
    BRANDS_HE,
    CUES_AR,
    CUES_HE,
    FAMILY_AR,
    FAMILY_HE,
    GIVEN_AR,
    GIVEN_HE,
    HONORIFICS_AR,
    HONORIFICS_HE,
    KINSHIP_AR,
    NOT_NAMES_AR,
    NOT_NAMES_HE,
    PARTICLES_AR,
    PLACES_AR,
    PLACES_HE,
    TITLE_CUES_AR,
    TITLES_AR,
    TITLES_HE,
    VERBS_HE,
)

_ARABIC = re.compile(
    r"[\u0621-\u064A\u066E-\u06D3\u06D5\u06FA-\u06FF\u0750-\u077F\u064B-\u0652\u0670\u200c]+"
)
_HEBREW = re.compile(r"[\u05D0-\u05EA](?:[\u05D0-\u05EA]|['\"\u05F3\u05F4](?=[\u05D0-\u05EA\s]))*")
_MARKS = re.compile(r"[\u064B-\u0652\u0670\u0640]")


@lru_cache(maxsize=1)
def _arabic_names() -> tuple[frozenset[str], frozenset[str]]:
    book = lexicon()
    given = {_fold(word) for word in book.given if _ARABIC.fullmatch(word) and len(word) > 2}
    family = {_fold(word) for word in book.family if _ARABIC.fullmatch(word) and len(word) > 2}
    given |= {_fold(word) for word in GIVEN_AR}
    family |= {_fold(word) for word in FAMILY_AR}
    return frozenset(given - _folded(NOT_NAMES_AR)), frozenset(family - _folded(NOT_NAMES_AR))


@lru_cache(maxsize=16)
def _folded(words: frozenset[str]) -> frozenset[str]:
    return frozenset(_fold(word) for word in words)


def _fold(word: str) -> str:
    """Spelling made one: Alef and Yeh forms, Persian letters, no vowel marks."""
    word = _MARKS.sub("", word).strip("\u200c")
    return word.translate(str.maketrans("أإآٱيكئ", "اااایکی")).replace("ة", "ه")


def arabic(text: str) -> list[Finding]:
    """Names in Arabic script."""
    words = [(match.start(), match.end(), _fold(match[0])) for match in _ARABIC.finditer(text)]
    found = _listed(text, BRANDS_AR, "brand") + _listed(text, TITLES_AR, "title")
    index = 0
    while index < len(words):
        begin, start, sex, sure = _opens_arabic(words, index)
        if start is None:
            index += 1
            continue
        end = _ends_arabic(text, words, start, sure=sure)
        if end <= start:
            index += 1
            continue
        kind: Kind = "title" if sure == "title" else "person"
        found.append(Finding(begin, words[end - 1][1], kind, sex))
        index = end
    return found


def _opens_arabic(
    words: list[tuple[int, int, str]], index: int
) -> tuple[int, int | None, str | None, str]:
    """(offset where the finding begins, word where the name begins or None, sex, how sure: list, cue or title)."""
    given, family = _arabic_names()
    start, _, word = words[index]
    ahead = words[index + 1][2] if index + 1 < len(words) else ""
    honorifics = _HONORIFICS
    bare = word[1:] if word[:1] in "وفلب" and word not in given and len(word) > 3 else word
    shift = len(word) - len(bare)
    for form in (word, bare):
        if form in honorifics and index + 1 < len(words) and _may_be_name(ahead):
            return start, index + 1, honorifics[form], "cue"
    if word in _folded(TITLE_CUES_AR) and ahead and _may_be_name(ahead):
        return words[index + 1][0], index + 1, None, "title"
    if bare in _folded(CUES_AR) and ahead and _may_be_name(ahead) and not _place(ahead):
        known = ahead in given or ahead in family or _unknown(ahead)
        if known:
            return words[index + 1][0], index + 1, _sex_ar(ahead), "cue"
    if word in _folded(KINSHIP_AR) and ahead in given and ahead not in _folded(AMBIGUOUS_AR):
        return (
            start
            if word in _folded(frozenset({"ام", "أم", "أبو", "ابو"}))
            else words[index + 1][0],
            index + 1,
            _sex_ar(ahead),
            "list",
        )
    if (
        word in _folded(frozenset({"أبو", "ابو", "أم", "ام"}))
        and ahead
        and _may_be_name(ahead)
        and (ahead in given or ahead.startswith("ال"))
        and ahead not in _folded(NOT_NAMES_AR)
    ):
        return start, index, None, "list"
    if word in _folded(frozenset({"عبد"})) and ahead:
        return start, index, "male", "list"
    for form, offset in ((word, 0), (bare, shift)):
        if form in given and form not in _folded(NOT_NAMES_AR):
            if form in _folded(AMBIGUOUS_AR) and not _acts_arabic(words, index):
                continue
            if _place(form) or (form in ordinary("ar") | ordinary("fa") and form in _LOOSE):
                continue
            begin = start + offset if offset and bare != word else start
            return begin, index, _sex_ar(form), "list"
    return start, None, None, ""


_LOOSE: frozenset[str] = frozenset()
_HONORIFICS = {_fold(word): sex for word, sex in HONORIFICS_AR.items()}


def _sex_ar(word: str) -> str | None:
    book = lexicon()
    for form in (word, word.replace("ی", "ي"), word.replace("ک", "ك")):
        sex = book.sex(form)
        if sex:
            return sex
    return GIVEN_AR_SEX.get(word)


GIVEN_AR_SEX: dict[str, str] = {}


def _place(word: str) -> bool:
    return word in _folded(PLACES_AR)


def _unknown(word: str) -> bool:
    return word not in _known_words() and not word.startswith("ال")


@lru_cache(maxsize=1)
def _known_words() -> frozenset[str]:
    return frozenset(_fold(word) for word in ordinary("ar") | ordinary("fa"))


def _may_be_name(word: str) -> bool:
    """Whether a word after a cue may begin a name: no verb, preposition or adjective of the cue."""
    given, family = _arabic_names()
    if word in _folded(NOT_NAMES_AR):
        return False
    if word in given or word in family or word in _folded(PARTICLES_AR):
        return True
    if word.startswith(("ال", "می", "است")) or word[:1] in "یتب":
        return False
    return len(word) > 2


def _acts_arabic(words: list[tuple[int, int, str]], index: int) -> bool:
    """Whether a word that may be a name does something, or a family name follows it."""
    given, family = _arabic_names()
    if index + 1 >= len(words):
        return False
    ahead = words[index + 1][2]
    verb = len(ahead) > 3 and ahead[0] in "یت" and ahead not in given and index == 0
    if ahead in _folded(NOT_NAMES_AR):
        return verb
    both = ahead[:1] == "و" and ahead[1:] in given and ahead[1:] not in _folded(AMBIGUOUS_AR)
    named = (ahead in given or ahead in family) and ahead not in _folded(AMBIGUOUS_AR)
    return verb or both or named


def _ends_arabic(text: str, words: list[tuple[int, int, str]], start: int, *, sure: str) -> int:
    given, family = _arabic_names()
    end = start
    limit = start + (5 if sure != "title" else 4)
    while end < len(words) and end < limit:
        word = words[end][2]
        if end > start and text[words[end - 1][1] : words[end][0]].strip():
            break
        if end == start and sure in ("cue", "title", "list"):
            end += 1
            continue
        if word in _folded(NOT_NAMES_AR):
            break
        if word in _folded(PARTICLES_AR):
            if (
                end + 1 < len(words)
                and not text[words[end][1] : words[end + 1][0]].strip()
                and words[end + 1][2] not in _folded(NOT_NAMES_AR)
            ):
                end += 2
                continue
            break
        before = words[end - 1][2]
        listed = word in given or word in family
        if listed and word not in _folded(AMBIGUOUS_AR):
            end += 1
            continue
        if before == "عبد" or (
            word.startswith("ال") and len(word) > 4 and end - start < 3 and not _place(word)
        ):
            adjective = (
                word in _known_words()
                and not word.endswith("ی")
                and before != "عبد"
                and sure != "title"
            )
            if adjective and word not in family:
                break
            end += 1
            continue
        if word[:1] in "یتبو" and len(word) > 3:
            break
        if word[:1] == "و" or word[:1] == "ل" or _place(word):
            break
        ahead = words[end + 1][2] if end + 1 < len(words) else ""
        ends = not ahead or ahead in _folded(NOT_NAMES_AR) or ahead[:1] in "یتب" or ahead in given
        if ends and word not in _known_words() and len(word) > 2 and end == start + 1:
            end += 1
            continue
        if listed and end == start + 1:
            end += 1
            continue
        break
    if words[end - 1][2] in _folded(PARTICLES_AR) and end - start > 1:
        end -= 1
    return end


def _listed(text: str, phrases: frozenset[str], kind: Kind) -> list[Finding]:
    found = []
    for phrase in phrases:
        found += [
            Finding(*match.span(), kind)
            for match in re.finditer(rf"(?<![^\W\d_]){re.escape(phrase)}(?![^\W\d_])", text)
        ]
    return found


# ---- Hebrew --------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _hebrew_names() -> tuple[frozenset[str], frozenset[str]]:
    book = lexicon()
    given = {word for word in book.given if _HEBREW.fullmatch(word) and len(word) > 1} | GIVEN_HE
    family = {word for word in book.family if _HEBREW.fullmatch(word) and len(word) > 1} | FAMILY_HE
    return frozenset(given - NOT_NAMES_HE), frozenset(family - NOT_NAMES_HE)


def hebrew(text: str) -> list[Finding]:
    """Names in Hebrew."""
    given, _ = _hebrew_names()
    words = [
        (match.start(), match.end(), match[0].replace("\u05f3", "'").replace("\u05f4", '"'))
        for match in _HEBREW.finditer(text)
    ]
    found = _prefixed(text, BRANDS_HE, "brand") + _prefixed(text, TITLES_HE, "title")
    index = 0
    while index < len(words):
        start, _, word = words[index]
        ahead = words[index + 1][2] if index + 1 < len(words) else ""
        near = index + 1 < len(words) and not text[words[index][1] : words[index + 1][0]].strip(
            " .'"
        )
        if word.rstrip("'\"") in HONORIFICS_HE and near and _may_be_hebrew(ahead):
            end = _ends_hebrew(text, words, index + 1)
            found.append(
                Finding(
                    start, words[end - 1][1], "person", HONORIFICS_HE[word.rstrip("'\"")] or None
                )
            )
            index = end
            continue
        cue = word in CUES_HE or (word[:1] in "הולב" and word[1:] in CUES_HE)
        if cue and near and _may_be_hebrew(ahead) and (ahead in given or ahead not in AMBIGUOUS_HE):
            named = ahead in given or (word[:1] == "ה" and _hebrew_pair(words, index + 1))
            if named:
                end = _ends_hebrew(text, words, index + 1)
                found.append(
                    Finding(words[index + 1][0], words[end - 1][1], "person", lexicon().sex(ahead))
                )
                index = end
                continue
        form, offset = word, 0
        if word not in given and word[:1] in "ולשבמכ" and word[1:] in given and len(word) > 3:
            joined = word[:1] in "ול" or index > 0
            form, offset = (word[1:], 1) if joined else (word, 0)
        if form in given and form not in NOT_NAMES_HE:
            if (
                offset
                and form in AMBIGUOUS_HE
                and not (found and found[-1].end <= start and start - found[-1].end < 3)
            ):
                index += 1
                continue
            if form in AMBIGUOUS_HE and not offset and not _acts_hebrew(words, index, text):
                index += 1
                continue
            end = _ends_hebrew(text, words, index)
            found.append(Finding(start + offset, words[end - 1][1], "person", lexicon().sex(form)))
            index = end
            continue
        index += 1
    return found


def _prefixed(text: str, phrases: frozenset[str], kind: Kind) -> list[Finding]:
    """Phrases, also behind one of the letters that Hebrew writes onto a word."""
    found = []
    for phrase in phrases:
        found += [
            Finding(*match.span(1), kind)
            for match in re.finditer(
                rf"(?<![\u05D0-\u05EA])[ובלמשהכ]?({re.escape(phrase)})(?![\u05D0-\u05EA])", text
            )
        ]
    return found


def _may_be_hebrew(word: str) -> bool:
    return bool(word) and word not in NOT_NAMES_HE and word not in PLACES_HE and len(word) > 1


def _hebrew_pair(words: list[tuple[int, int, str]], index: int) -> bool:
    given, family = _hebrew_names()
    ahead = words[index + 1][2] if index + 1 < len(words) else ""
    return words[index][2] in family or ahead in family or ahead in given


def _acts_hebrew(words: list[tuple[int, int, str]], index: int, text: str) -> bool:
    given, family = _hebrew_names()
    if index + 1 >= len(words):
        return False
    gap = text[words[index][1] : words[index + 1][0]]
    ahead = words[index + 1][2]
    both = (ahead[:1] == "ו" and ahead[1:] in given) or ("," in gap and ahead in given)
    named = not gap.strip() and (ahead in family or (ahead in given and ahead not in AMBIGUOUS_HE))
    before = words[index - 1][2] if index else ""
    verb = index == 0 and ahead in VERBS_HE
    return both or named or verb or (before in ("בשם", "של") and ahead in ("על", "עם", ""))


def _ends_hebrew(text: str, words: list[tuple[int, int, str]], start: int) -> int:
    given, family = _hebrew_names()
    end = start + 1
    while end < len(words) and end - start < 4:
        if (
            text[words[end - 1][1] : words[end][0]].strip("-־ ")
            or words[end][2] in NOT_NAMES_HE
            or (words[end][2] in PLACES_HE and words[end][2] not in family)
        ):
            break
        word = words[end][2]
        if (
            word in family
            or (word in given and (word not in AMBIGUOUS_HE or end == start + 1))
            or word in ("בן", "בר", "אבו", "אל", "כהן", "לוי")
        ):
            end += 1
            continue
        plain = word[:1] not in "בלמהשוכ" and word not in VERBS_HE and len(word) > 2
        if (
            end == start + 1
            and plain
            and not word.startswith("מ")
            and not word.endswith(("ים", "ות", "ת"))
        ):
            end += 1
            continue
        break
    return end
