"""Names in Devanagari (Hindi, Marathi, Nepali) and in Thai, which writes no spaces between words."""

from __future__ import annotations

import re
from functools import lru_cache

from headkit.editing.finding import Finding, Kind
from headkit.editing.lexicon import lexicon
from headkit.editing.tables import (
    AMBIGUOUS_HI,
    AMBIGUOUS_TH,
    BRANDS_HI,
    BRANDS_TH,
    CUES_HI,
    CUES_TH,
    CUES_TITLE_TH,
    ENDINGS_HI,
    FAMILY_HI,
    GIVEN_HI,
    GIVEN_TH,
    HONORIFICS_HI,
    HONORIFICS_TH,
    NOT_NAMES_TH,
    STOPS_HI,
    STOPS_TH,
    TITLES_HI,
    TITLES_TH,
    VERBS_TH,
)

_WORD_HI = re.compile(r"[\u0900-\u0963\u0970-\u097F\u200c\u200d]+")
_THAI = re.compile(r"[\u0E01-\u0E4E]+")


@lru_cache(maxsize=1)
def _indic() -> tuple[frozenset[str], frozenset[str]]:
    book = lexicon()
    given = {word for word in book.given if _WORD_HI.fullmatch(word) and len(word) > 2}
    family = {word.strip("()") for word in book.family if _WORD_HI.fullmatch(word.strip("()"))}
    return frozenset((given | GIVEN_HI) - STOPS_HI), frozenset((family | FAMILY_HI) - STOPS_HI)


def devanagari(text: str) -> list[Finding]:
    """Names in Devanagari."""
    given, family = _indic()
    words = [(match.start(), match.end(), match[0]) for match in _WORD_HI.finditer(text)]
    found = phrases(text, BRANDS_HI, "brand") + phrases(text, TITLES_HI, "title")
    index = 0
    while index < len(words):
        start, _, word = words[index]
        ahead = words[index + 1][2] if index + 1 < len(words) else ""
        close = index + 1 < len(words) and not text[words[index][1] : words[index + 1][0]].strip(
            " .:"
        )
        if word in HONORIFICS_HI and close and ahead not in STOPS_HI:
            named = (
                ahead in given
                or ahead in family
                or HONORIFICS_HI[word] == ""
                or word in ("श्री", "श्रीमती", "सुश्री")
            )
            if named:
                end = _ends_indic(text, words, index + 1)
                found.append(
                    Finding(
                        start,
                        words[end - 1][1],
                        "person",
                        HONORIFICS_HI[word] or lexicon().sex(ahead),
                    )
                )
                index = end
                continue
        cued = (
            index > 0
            and words[index - 1][2] in CUES_HI
            and not text[words[index - 1][1] : start].strip(" :")
        )
        pair = ahead in family and close
        if ahead in ("उत्सव", "पूजा", "चतुर्थी", "मंदिर", "मूर्ति", "जयंती") and close:
            index += 1
            continue
        if (word in given or (cued and pair)) and (
            word not in AMBIGUOUS_HI or cued or _acts_indic(text, words, index)
        ):
            end = _ends_indic(text, words, index)
            found.append(Finding(start, words[end - 1][1], "person", lexicon().sex(word)))
            index = end
            continue
        if word in family and word not in AMBIGUOUS_HI and word not in given and cued:
            end = _ends_indic(text, words, index)
            found.append(Finding(start, words[end - 1][1], "person"))
            index = end
            continue
        index += 1
    return found


def _acts_indic(text: str, words: list[tuple[int, int, str]], index: int) -> bool:
    """Whether a word that may be a name is one: a surname, an honorific or another name follows."""
    given, family = _indic()
    word = words[index][2]
    if index + 1 >= len(words):
        return False
    ahead = words[index + 1][2]
    close = not text[words[index][1] : words[index + 1][0]].strip(" ")
    if close and (ahead in family or ahead in ("जी", "देवी", "ने")):
        return True
    if close and ahead in given and ahead not in AMBIGUOUS_HI:
        return True
    if close and ahead in ("और", "व", "एवं", "र", "आणि") and index + 2 < len(words):
        return words[index + 2][2] in given and words[index + 2][2] not in STOPS_HI
    if index == 0 and ahead in ("की", "के", "का") and index + 2 < len(words):
        body = words[index + 2][2] in (
            "आँखों",
            "आँखें",
            "आंखें",
            "आंखों",
            "शादी",
            "बेटी",
            "बेटा",
            "माँ",
            "हाथ",
            "हाथों",
            "गोद",
            "जन्मदिन",
            "मुस्कान",
            "दादी",
            "कक्षा",
            "दुकान",
        )
        return (body and any(other[2] == word for other in words[index + 1 :])) or words[index + 2][
            2
        ] in ("शादी", "जन्मदिन", "दादी", "बेटी", "बेटा")
    after = words[index + 2][2] if index + 2 < len(words) else ""
    if after and after not in ("हुई", "हुआ", "हुए", "है", "हैं", "रही", "रहा"):
        return False
    verb = ahead.endswith(("ती", "ता")) and len(ahead) > 3 and not ahead.startswith(("जल", "भर"))
    return index == 0 and close and verb


def _ends_indic(text: str, words: list[tuple[int, int, str]], start: int) -> int:
    given, family = _indic()
    end = start + 1
    while end < len(words) and end - start < 5:
        word = words[end][2]
        if text[words[end - 1][1] : words[end][0]].strip(" -.") or (
            word in STOPS_HI and word not in FAMILY_HI
        ):
            break
        if word in ENDINGS_HI and word not in ("राव", "देवी"):
            end += 1
            break
        if (
            word in family
            or (word in given and word not in AMBIGUOUS_HI)
            or word in ("देवी", "बाई", "कुमार", "कुमारी")
        ):
            end += 1
            continue
        if word in given and end + 1 < len(words) and words[end + 1][2] in family:
            end += 1
            continue
        break
    return end


def phrases(text: str, table: frozenset[str], kind: Kind) -> list[Finding]:
    """Where phrases of a table stand, the longest first."""
    found: list[Finding] = []
    for phrase in sorted(table, key=lambda one: (-len(one), one)):
        start = text.find(phrase)
        while start >= 0:
            end = start + len(phrase)
            free = not any(start < other.end and other.start < end for other in found)
            mark = text[end : end + 1]
            whole = not (mark and "\u0900" <= mark <= "\u097f" and mark not in "\u0964\u0965")
            begin = text[start - 1 : start]
            if free and whole and not ("\u0900" <= begin <= "\u097f"):
                found.append(Finding(start, end, kind))
            start = text.find(phrase, end)
    return found


# ---- Thai ----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _thai_names() -> dict[str, tuple[str, ...]]:
    """Given names by their first letter, the longest first."""
    names = {word for word in lexicon().given if _THAI.fullmatch(word) and len(word) > 2} | GIVEN_TH
    table: dict[str, list[str]] = {}
    for name in names:
        table.setdefault(name[0], []).append(name)
    return {
        letter: tuple(sorted(group, key=lambda one: (-len(one), one)))
        for letter, group in table.items()
    }


@lru_cache(maxsize=1)
def _thai_honorifics() -> tuple[tuple[str, str], ...]:
    return tuple(sorted(HONORIFICS_TH.items(), key=lambda one: (-len(one[0]), one[0])))


@lru_cache(maxsize=1)
def _thai_families() -> tuple[str, ...]:
    return tuple(
        sorted(
            (word for word in lexicon().family if _THAI.fullmatch(word) and len(word) > 3),
            key=lambda one: (-len(one), one),
        )
    )


def thai(text: str) -> list[Finding]:
    """Names in Thai: behind an honorific or a cue, or a listed name where a word begins."""
    found = phrases(text, BRANDS_TH, "brand") + phrases(text, TITLES_TH, "title")
    found += _thai_titles(text)
    position = 0
    while position < len(text):
        finding = None
        if _THAI.match(text[position]) and text[position] not in "ะาำิีึืฺุู็่้๊๋์ํๆ":
            finding = _thai_at(text, position)
        if finding:
            found.append(finding)
            position = finding.end
        else:
            position += 1
    return found


def _thai_at(text: str, position: int) -> Finding | None:
    starts = position == 0 or not _THAI.match(text[position - 1])
    if any(text.startswith(word, position) for word in NOT_NAMES_TH):
        return None
    for honorific, sex in _thai_honorifics():
        if text.startswith(honorific, position) and (
            starts or len(honorific) > 3 or honorific in ("คุณ", "นาย")
        ):
            begin = position + len(honorific)
            gap = len(text[begin:]) - len(text[begin:].lstrip(" "))
            name = _thai_name(
                text,
                begin + gap,
                any_name=starts
                and (
                    gap == 1
                    or honorific
                    in ("คุณ", "นาย", "นาง", "นางสาว", "น้อง", "หลวงพ่อ", "หลวงปู่", "ศ.", "ดร.")
                ),
            )
            if name and not (
                len(honorific) < 4
                and honorific in ("ตา", "อา", "ครู", "หมอ", "ย่า", "ป้า", "น้า", "ลุง", "ยาย", "ปู่", "พี่")
                and name - begin - gap < 2
            ):
                return Finding(position, name, "person", sex or None)
    name = _listed_thai(text, position)
    if not name:
        return None
    before = text[:position].rstrip(" :")
    cued = any(before.endswith(cue) for cue in CUES_TH)
    joined = before.endswith(("และ", "กับ"))
    word = text[position:name]
    end = _thai_family(text, name)
    surnamed = end > name
    if word in AMBIGUOUS_TH:
        verb = starts and position == 0 and any(text.startswith(v, name) for v in VERBS_TH)
        if not (
            verb
            or (cued and (surnamed or not _more_thai(text, name)))
            or (surnamed and starts and end - name > 3)
        ):
            return None
    elif not (starts or cued or joined or len(word) > 5) or (
        len(word) < 4
        and not (cued or surnamed or (starts and any(text.startswith(v, name) for v in STOPS_TH)))
    ):
        return None
    return Finding(position, end, "person", lexicon().sex(word))


def _listed_thai(text: str, position: int) -> int:
    """The end of the listed given name that begins at `position` and is followed by what may follow one; 0: none."""
    for name in _thai_names().get(text[position], ()):
        if text.startswith(name, position):
            end = position + len(name)
            if end < len(text) and text[end] in "ะาำิีึืฺุู็่้๊๋์ํๆ":
                continue
            if (
                end == len(text)
                or not _THAI.match(text[end])
                or any(text.startswith(stop, end) for stop in STOPS_TH)
            ):
                return end
    return 0


def _more_thai(text: str, end: int) -> bool:
    return (
        end < len(text)
        and bool(_THAI.match(text[end]))
        and not any(text.startswith(stop, end) for stop in STOPS_TH)
    )


def _thai_name(text: str, begin: int, *, any_name: bool) -> int:
    """The end of a name that begins at `begin`, family name included; 0: there is none."""
    if (
        begin >= len(text)
        or not _THAI.match(text[begin])
        or any(text.startswith(stop, begin) for stop in ("ที่", "ใน", "กับ", "และ", "กำลัง"))
    ):
        return 0
    end = _listed_thai(text, begin)
    if not end and any_name:
        end = _until_stop(text, begin)
        if (
            any(text.startswith(verb, begin) for verb in VERBS_TH)
            or end - begin < 2
            or end - begin > 14
        ):
            return 0
    return _thai_family(text, end) if end else 0


def _until_stop(text: str, begin: int) -> int:
    end = begin + 1
    while end < len(text) and _THAI.match(text[end]):
        if end > begin + 1 and any(text.startswith(stop, end) for stop in STOPS_TH):
            break
        end += 1
    return end


def _thai_family(text: str, end: int) -> int:
    """Over a family name behind a space."""
    if text[end : end + 1] != " " or not _THAI.match(text[end + 1 : end + 2] or " "):
        return end
    begin = end + 1
    if any(text.startswith(stop, begin) for stop in STOPS_TH):
        return end
    for family in _thai_families():
        stop = begin + len(family)
        if text.startswith(family, begin) and not _more_thai(text, stop):
            return stop
    run = _THAI.match(text, begin)
    if run and len(run[0]) <= 12 and text[run.end() : run.end() + 1] in ("", " ", ","):
        return run.end()
    return _until_stop(text, begin)


def _thai_titles(text: str) -> list[Finding]:
    found: list[Finding] = []
    for cue in CUES_TITLE_TH:
        found += [
            Finding(*match.span(1), "title")
            for match in re.finditer(rf"{cue}\s*[\"“'‘]([^\"”'’]+)[\"”'’]", text)
        ]
    return found
