"""Puts "a man", "a woman", "a person" where names were, or closes the gap; the sentence stays one.

In captions of other languages their own words are put in. What is left of a credit ("photo by", "(c)")
goes with the name that it led to.
"""

from __future__ import annotations

import re

from headkit.editing.finding import Finding
from headkit.editing.lexicon import lexicon
from headkit.editing.patterns import CREDIT
from headkit.editing.tables import (
    DETERMINERS,
    NOUNS_OF_PEOPLE,
    OCCUPATIONS,
    PERSON_NOUNS,
    PLACE_PREPOSITIONS,
    ROLES,
    SMALL_WORDS_BEFORE,
    VERBS,
)
from headkit.editing.tokens import language, lower, script_of, tokens

# Script or language: (man, woman, person), without and with an article.
_WORDS: dict[str, tuple[tuple[str, str, str], tuple[str, str, str]]] = {
    "en": (("man", "woman", "person"), ("a man", "a woman", "a person")),
    "de": (("Mann", "Frau", "Person"), ("ein Mann", "eine Frau", "eine Person")),
    "fr": (("homme", "femme", "personne"), ("un homme", "une femme", "une personne")),
    "es": (("hombre", "mujer", "persona"), ("un hombre", "una mujer", "una persona")),
    "it": (("uomo", "donna", "persona"), ("un uomo", "una donna", "una persona")),
    "pt": (("homem", "mulher", "pessoa"), ("um homem", "uma mulher", "uma pessoa")),
    "nl": (("man", "vrouw", "persoon"), ("een man", "een vrouw", "een persoon")),
    "sv": (("man", "kvinna", "person"), ("en man", "en kvinna", "en person")),
    "da": (("mand", "kvinde", "person"), ("en mand", "en kvinde", "en person")),
    "pl": (("mężczyzna", "kobieta", "osoba"),) * 2,
    "cs": (("muž", "žena", "osoba"),) * 2,
    "tr": (("adam", "kadın", "kişi"), ("bir adam", "bir kadın", "bir kişi")),
    "ru": (("мужчина", "женщина", "человек"),) * 2,
    "uk": (("чоловік", "жінка", "людина"),) * 2,
    "el": (("άνδρας", "γυναίκα", "άτομο"), ("ένας άνδρας", "μια γυναίκα", "ένα άτομο")),
    "arabic": (("رجل", "امرأة", "شخص"),) * 2,
    "hebrew": (("גבר", "אישה", "אדם"),) * 2,
    "devanagari": (("आदमी", "औरत", "व्यक्ति"),) * 2,
    "han": (("男人", "女人", "人"),) * 2,
    "kana": (("男性", "女性", "人"),) * 2,
    "hangul": (("남자", "여자", "사람"),) * 2,
    "thai": (("ผู้ชาย", "ผู้หญิง", "คน"),) * 2,
}
_CUE_BEFORE = re.compile(
    rf"(?:(?:\(c\)|©|\b{CREDIT}\s*(?:by|credits?|courtesy of|courtesy|von|par|de|por)?\s*[:：/=]?|\bcourtesy of|\bby|\bvia|\bfollow|\bcontact|"
    r"\brepost from|\bfrom|\bon|\bat)\s*)+$",
    re.IGNORECASE,
)


def replaced(text: str, findings: list[Finding]) -> str:
    """The caption without what was found. `findings` are in order and do not overlap."""
    table = _WORDS.get(_tongue(text), _WORDS["en"])
    result = ""
    position = 0
    for finding in findings:
        result += text[position : finding.start]
        after = text[finding.end :]
        if finding.kind == "person" or (
            finding.kind in ("nickname", "title") and _stands_for_person(result, after)
        ):
            result = _put(result, _person(result, finding, table))
        else:
            result = _put(
                result,
                _thing(result, after, finding),
                led=finding.kind in ("credit", "handle", "address"),
            )
        position = finding.end
    return tidy(result + text[position:])


def tidy(text: str) -> str:
    """What a gap leaves, mended: empty brackets and quotes, doubled spaces and marks, "a" before a vowel."""
    text = re.sub(
        r"(?<![a-z])[\"“„«‘'「『《〈]\s*[\"”“»’'」』》〉](?!\w)|\(\s*[,/&\-–]*\s*\)|\[\s*\]|【\s*】|[@#](?=[\s,.;)]|$)",
        "",
        text,
    )
    text = re.sub(r"\s*(?:/\s*)+(?=[,;.\s]|$)|(?:^|(?<=\s))/\s+", " ", text)
    text = re.sub(r"[ \t]{2,}", " ", text)
    text = re.sub(r"\s+([,;:.!?)\]、。，])", r"\1", text)
    text = re.sub(r"([(\[])\s+", r"\1", text)
    text = re.sub(r"(?:[,;:](?=\s*[,;:.]))|(?:\s[-–—](?=\s[-–—]))", "", text)
    text = re.sub(r"^[\s,;:.!?/&\-–—|、。，=]+|[\s,;:/&\-–—|、，=]+$", "", text)
    text = re.sub(r"\b([Aa])n (?=[bcdfgjklmnpqrstvwxyz])", r"\1 ", text)
    return re.sub(r"\b([Aa]) (?=[aeio](?!ne\b|nce\b|u))", r"\1n ", text)


def _tongue(text: str) -> str:
    letters = [script for letter in text if (script := script_of(letter))]
    most = max(set(letters), key=letters.count) if letters else "latin"
    if "kana" in letters and most == "han":
        most = "kana"
    if most in ("latin", "cyrillic", "greek"):
        tongue = language(tokens(text))
        return (
            tongue
            if most == "latin" or tongue in ("ru", "uk", "el")
            else {"cyrillic": "ru", "greek": "el"}[most]
        )
    return most


def _person(
    before: str, finding: Finding, table: tuple[tuple[str, str, str], tuple[str, str, str]]
) -> str:
    index = {"male": 0, "female": 1}.get(finding.sex or "", 2)
    match = re.search(r"([^\W\d_]+)[ \t]+$", before)
    previous = lower(match[1]) if match else ""
    grown = script_of(before[-1:] or " ") in ("han", "thai") and any(
        before[-k:] in ROLES for k in (2, 3, 4)
    )
    stays = (NOUNS_OF_PEOPLE, OCCUPATIONS, PERSON_NOUNS, ROLES)
    if grown or any(previous in table for table in stays):
        return ""  # "painter NAME": he stays a painter
    book = lexicon()
    describes = previous in DETERMINERS or (
        previous in book.english
        and match is not None
        and before[match.start()].isupper()
        and not before[: match.start()].strip()
        and previous not in PLACE_PREPOSITIONS
        and previous not in VERBS
        and previous
        not in ("of", "with", "by", "and", "for", "as", "is", "of", "portrait", "photo")
    )  # "Smiling NAME", "the NAME"
    return table[0][index] if describes else table[1][index]


def _stands_for_person(before: str, after: str) -> bool:
    """Whether a nickname or a character is who acts: the subject of the sentence, or behind "as"."""
    if re.match(
        r"\s*['’]?s?\s*(?:costume|cosplay|cap|hat|mask|poster|shirt|t-shirt|t-|toy|cake|doll|party|mural|figure|birthday)",
        after,
    ):
        return False
    if not before.strip(" \"'“‘("):
        word = re.match(r"[\"'”’)]?\s+([^\W\d_]+)", after)
        return bool(
            word
            and (
                lower(word[1]) in VERBS
                or word[1].endswith("ing")
                or lower(word[1]) in ("in", "with", "at", "on", "and")
            )
        )
    return bool(
        re.search(
            r"\b(?:as|named|called|and|of|with)\s+(?:the\s+|a\s+)?[\"'“‘]?$", before, re.IGNORECASE
        )
    ) and not re.search(
        r"\b(?:cast|scene|soundtrack|poster|costume|singer|star|fan|movie|film|series|episode|book|song) of\s+[\"'“‘]?$",
        before,
        re.IGNORECASE,
    )


def _thing(before: str, after: str, finding: Finding) -> str:
    """What stands for a title or a brand where the sentence needs a noun."""
    if finding.kind in ("handle", "address", "credit"):
        return ""
    follows = re.match(r"['’]?s?\s+([^\W\d_]+)", after)
    noun = bool(
        follows
        and lower(follows[1]) in lexicon().english
        and lower(follows[1]) not in SMALL_WORDS_BEFORE
        and not follows[1].endswith("ing")
    )
    match = re.search(r"([^\W\d_]+)\s+[\"'“‘]?$", before)
    previous = lower(match[1]) if match else ""
    if noun or not previous:
        return ""
    word = "film" if finding.kind == "title" else "brand"
    if previous in ("a", "an", "the"):
        return word
    return (
        f"a {word}"
        if previous
        in (
            "of",
            "from",
            "in",
            "with",
            "by",
            "on",
            "for",
            "as",
            "at",
            "holding",
            "wearing",
            "using",
        )
        else ""
    )


def _put(before: str, words: str, *, led: bool = False) -> str:
    if not words:
        cue = _CUE_BEFORE.search(before) if led else None
        opens = cue is not None and not before[: cue.start()].strip(" ,;-–—.")
        if cue and opens:
            return before[: cue.start()]
        return (
            re.sub(
                r"\b(?:by|via|courtesy of|follow|contact|from|on|©|\(c\))\s*$",
                "",
                before,
                flags=re.IGNORECASE,
            )
            if led
            else before
        )
    if not before.strip(" \"'“‘(") or re.search(r"[.!?]\s+$", before):
        words = words[0].upper() + words[1:]
    return before + words
