"""Names in Hangul."""

from __future__ import annotations

import re
from functools import lru_cache

from headkit.editing.east_asian_phrases import longest_first
from headkit.editing.finding import Finding
from headkit.editing.lexicon import lexicon
from headkit.editing.tables import (
    AMBIGUOUS_KO,
    BRANDS_KO,
    COMMON_SURNAMES_KO,
    CUES_KO,
    DOUBLE_SURNAMES_KO,
    GENERIC_NOUNS,
    GIVEN_KO,
    TITLES_KO,
    TITLES_OF_KO,
)

PARTICLES_KO = [
    "으로부터",
    "에게서",
    "이라고",
    "이라는",
    "이랑",
    "에게",
    "한테",
    "으로",
    "까지",
    "부터",
    "처럼",
    "보다",
    "께서",
    "라는",
    "이가",
    "이는",
    "이를",
    "이와",
    "이의",
    "이도",
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "의",
    "와",
    "과",
    "도",
    "로",
    "랑",
    "만",
    "에",
    "야",
    "아",
    "",
]  # the longest first  # the longest first
_HANGUL = re.compile(r"[\uAC00-\uD7AF]+")


@lru_cache(maxsize=1)
def _korean() -> frozenset[str]:
    return frozenset(
        {word for word in lexicon().given if _HANGUL.fullmatch(word) and len(word) == 2} | GIVEN_KO
    )


@lru_cache(maxsize=1)
def _syllables() -> tuple[frozenset[str], frozenset[str]]:
    names = _korean() | GIVEN_KO
    return frozenset(name[0] for name in names), frozenset(
        name[1] for name in names if len(name) > 1
    )


def korean(text: str) -> list[Finding]:
    """Names in Hangul: family name of one syllable, given name of two, or a given name; particles stay."""
    found = _listed(text)
    words = list(_HANGUL.finditer(text))
    for index, match in enumerate(words):
        start = match.start()
        if any(start < other.end and other.start < match.end() for other in found):
            continue
        after = words[index + 1] if index + 1 < len(words) else None
        close = after is not None and text[match.end() : after.start()] == " "
        ahead = after[0] if after is not None and close else ""
        before = text[:start].rstrip(" :=")
        cued = any(before.endswith(cue.rstrip(" :=")) for cue in CUES_KO)
        titled = any(ahead.startswith(title) for title in TITLES_OF_KO)
        end = _korean_end(
            match[0],
            titled=titled,
            cued=cued,
            strict=_strict(ahead),
            again=text.count(match[0][:2]) > 1,
        )
        if not end:
            continue
        stop = start + end
        if stop == match.end() and after is not None and titled:
            stop = _title_end(ahead, TITLES_OF_KO, after.start()) or stop
        else:
            stop = _title_end(text[stop : match.end()], _ATTACHED, stop) or stop
        found.append(Finding(start, stop, "person", lexicon().sex(match[0][max(0, end - 2) : end])))
    return found


_ATTACHED = frozenset(("씨", "님", "군", "양", "선수", "교수", "감독", "선생님"))


def _title_end(word: str, titles: frozenset[str], offset: int) -> int:
    """Where a form of address that begins `word` ends, if but a particle follows it; 0: there is none."""
    for title in longest_first(titles):
        if word.startswith(title):
            return offset + len(title) if word[len(title) :] in PARTICLES_KO else 0
    return 0


def _listed(text: str) -> list[Finding]:
    """Brands and titles of the lists, with nothing but a particle grown onto them."""
    found: list[Finding] = []
    for phrase in longest_first(BRANDS_KO | TITLES_KO):
        start = text.find(phrase)
        if start < 0 or (start and _HANGUL.match(text[start - 1])):
            continue
        end = start + len(phrase)
        rest = _HANGUL.match(text, end)
        if rest and not any(
            rest[0] == particle or (len(particle) > 1 and rest[0].startswith(particle))
            for particle in PARTICLES_KO
            if particle
        ):
            continue
        if not any(start < other.end and other.start < end for other in found):
            head, _, noun = phrase.rpartition(" ")
            stop = start + len(head) if head and noun in GENERIC_NOUNS else end
            found.append(Finding(start, stop, "brand" if phrase in BRANDS_KO else "title"))
    return found


def _strict(ahead: str) -> bool:
    return any(
        ahead.startswith(title)
        for title in ("씨", "님", "선수", "교수", "선생님", "감독", "박사", "의사")
    )


def _korean_end(word: str, *, titled: bool, cued: bool, strict: bool, again: bool) -> int:
    """How many syllables of a word are a name, the particle left out; 0: none."""
    given = _korean()
    firsts, seconds = _syllables()
    plain = any(
        word == stem + particle
        for particle in PARTICLES_KO
        if particle
        for stem in (word[: -len(particle)],)
        if stem in AMBIGUOUS_KO and stem not in given
    )
    if plain:
        return 0
    for particle in PARTICLES_KO:
        if particle and not word.endswith(particle):
            continue
        stem = word[: len(word) - len(particle)] if particle else word
        suffix = next(
            (
                t
                for t in ("씨", "님", "군", "양", "선수", "교수", "감독")
                if stem.endswith(t) and len(stem) - len(t) in (2, 3, 4)
            ),
            "",
        )
        body = stem[: len(stem) - len(suffix)] if suffix else stem
        if _is_korean_name(
            body,
            given,
            firsts,
            seconds,
            strong=bool(suffix and suffix in ("씨", "님", "선수", "교수", "감독"))
            or (titled and not particle),
            cued=cued,
            again=again and particle in ("이", "가", "은", "는"),
        ):
            return len(body)
        if titled and strict and not particle and body in COMMON_SURNAMES_KO:
            return 1
    if titled and strict and len(word) == 1 and word in COMMON_SURNAMES_KO:
        return 1
    return 0


def _is_korean_name(
    body: str,
    given: frozenset[str],
    firsts: frozenset[str],
    seconds: frozenset[str],
    *,
    strong: bool,
    cued: bool,
    again: bool,
) -> bool:
    if body in AMBIGUOUS_KO:
        return (strong and body in given) or (cued and body in given) or (again and body in given)
    double = next((name for name in DOUBLE_SURNAMES_KO if body.startswith(name)), "")
    if double and 2 < len(body) <= 4:
        return True
    if len(body) == 3 and body[0] in COMMON_SURNAMES_KO:
        name = body[1:]
        if name in given and not any(
            body.startswith(word) for word in AMBIGUOUS_KO if len(word) > 2
        ):
            return True
        composed = name[0] in firsts and name[1] in seconds
        return (composed and (strong or cued)) or (strong and name not in AMBIGUOUS_KO)
    if len(body) == 2:
        if body in given:
            return True
        return strong and body[0] in firsts and body[1] in seconds and body not in TITLES_OF_KO
    return False
