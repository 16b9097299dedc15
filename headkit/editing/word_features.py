"""What the tagger sees of a caption's words, in scripts that part words by spaces.

A feature is a short string; headkit/editing/tagging.py has a weight for each. They are made of the
facts that are known of a word and of its neighbours, of its letters, and of what stands between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from headkit.editing.knowledge import (
    Facts,
    cities,
    facts,
    likeliest,
    likeliest_language,
    phrase_tables,
)
from headkit.editing.named_places import named_places
from headkit.editing.names_marks import phrases_in
from headkit.editing.tokens import CASED, language, lower, regime, script_of, tokens

_WORD = re.compile(
    r"(?:[^\W\d_]\.){2,}(?:[^\W\d_](?![^\W_]))?"
    r"|[^\W_](?:[^\W_]|[\u0300-\u036f\u0591-\u05c7\u064b-\u0670\u0900-\u0963\u0970-\u097f\u200c\u200d]"
    r"|['’\u05f3\u05f4\"&\-‐‑–](?=[^\W_]))*"
)
_ENDS = re.compile(r"[.!?:;|•—\n(\[]|\s[-–]\s")
_OPENING, _CLOSING = "\"“„«‘‹「『《〈'", "\"”“»’›」』》〉'"
LETTERWISE = frozenset(["han", "kana", "hangul", "thai"])


@dataclass(frozen=True)
class Unit:
    """A word: code points [start, end) of the text; `gap` stands before it."""

    text: str
    start: int
    end: int
    word: str
    gap: str
    script: str
    first: bool


def units(text: str) -> list[Unit]:
    """The words of a caption; a run in a script without spaces is one unit."""
    plain = lower(text)
    found: list[Unit] = []
    end = 0
    for start, stop in _stretches(text):
        word = text[start:stop].rstrip("'’\"-")
        if len(word) > 2 and word[-2] in "'’" and word[-1] in "sS":
            word = word[:-2]
        stop = start + len(word)
        gap = text[end:start]
        short = (
            bool(found)
            and gap.startswith(".")
            and len(found[-1].word) <= 4
            and found[-1].text[0].isupper()
        )
        ends = not found or bool(_ENDS.search(gap[1:] if short else gap))
        script = script_of(word[0]) or "other"
        found.append(Unit(word, start, stop, plain[start:stop], gap, script, ends))
        end = stop
    return found


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """Where words stand; one ends where a script without spaces begins: "Gucciのバッグ"."""
    for match in _WORD.finditer(text):
        start = match.start()
        for place in range(start + 1, match.end()):
            sides = [script_of(text[k]) for k in (place - 1, place)]
            if None not in sides and len({side in LETTERWISE for side in sides}) == 2:
                yield start, place
                start = place
        yield start, match.end()


def word_facts(
    text: str, words: Sequence[Unit], tongue: str, ruled: Sequence[tuple[int, int]]
) -> list[Facts]:
    """What is known of each word, of the phrase that it stands in, and whether a rule has found it."""
    plain = lower(text)
    scripts = sorted({unit.script for unit in words} - LETTERWISE)
    inside = [
        (start, end, name)
        for name, table in (*phrase_tables(), *(("CITIES", cities(each)) for each in scripts))
        for start, end in phrases_in(plain, table)
    ]
    inside += [(start, end, "SIGHTS") for start, end in named_places(text)]
    found = []
    for unit in words:
        known = frozenset(["foreign"]) if unit.script in LETTERWISE else facts(unit.word, tongue)
        names = {f"in {name}" for start, end, name in inside if start <= unit.start < end}
        if any(start <= unit.start < end for start, end in ruled):
            names.add("ruled")
        found.append(known | names if names else known)
    return found


@lru_cache(maxsize=64)
def caption_language(text: str) -> tuple[str, str]:
    """(language, use of capitals) of a caption."""
    cased = tuple(token for token in tokens(text) if script_of(token.text[0]) in CASED)
    if not cased:
        return "en", "none"
    tongue = language(cased, likeliest)
    if tongue == "en" and script_of(cased[0].text[0]) == "latin":
        tongue = likeliest_language([token.word for token in cased if len(token.word) > 1])
    return tongue, regime(cased)


_MAIN = (
    ("AND", "AND"), ("DETERMINERS", "det"), ("ARTICLES", "det"), ("PLACE_PREPOSITIONS", "prep"), ("SMALL_WORDS", "small"),
    ("SMALL_WORDS_BEFORE", "small"), ("PERSON_NOUNS", "person"), ("NOUNS_OF_PEOPLE", "person"), ("OCCUPATIONS", "job"), ("NOUNS_OF_PICTURES", "picture"),
    ("CALENDAR", "calendar"), ("PEOPLES", "people"), ("VERBS", "verb"),
    ("FOLK", "person"), ("HONORIFICS", "honorific"), ("ROLES", "job"),
    ("~FOLK", "person"), ("~ROLES", "job"),
)  # fmt: skip


_ORDINARY = frozenset(["word", "said", "own said", "own often", "often", "~word"])


def main_kind(known: Facts) -> str:
    """The one kind of a word that says most about its neighbours."""
    for table, kind in _MAIN:
        if table in known:
            return kind
    given, family = "given" in known or "~given" in known, "family" in known or "~family" in known
    place = not known.isdisjoint(("place", "city", "~place", "in CITIES", "in PLACES", "in SIGHTS"))
    name = "given" if given else "family" if family else "place" if place else ""
    if not known.isdisjoint(_ORDINARY):
        return f"{name} word"
    if "own seen" in known:  # names are among the words of wordfreq
        return f"{name} seen" if name in ("given", "family") else f"{name} word"
    return name or ("seen" if not known.isdisjoint(("seen", "~seen", "proper")) else "unknown")


Group = tuple[str, ...]  # features that go together: their sum of weights is kept


def features(
    text: str, words: Sequence[Unit], known: Sequence[Facts], tongue: str, capitals: str
) -> list[list[Group]]:
    """The features of each word."""
    kinds = [_cased(unit) + " " + main_kind(each) for unit, each in zip(words, known, strict=True)]
    closed = [_closed(unit, each) for unit, each in zip(words, known, strict=True)]
    lowered = {unit.word for unit in words if unit.text.islower()}
    group = tongue if words and words[0].script in CASED else "uncased"
    quoted = _quoted(text, words)
    found = []
    for k, unit in enumerate(words):
        cased = _cased(unit)
        own = [
            _of_facts(known[k], kinds[k], cased, capitals, unit.script, str(unit.first), group),
            _of_letters(unit.text, unit.word, unit.script, kinds[k], capitals, str(unit.first)),
        ]
        if quoted[k]:
            own.append(("quoted", f"quoted {cased}"))
        if text[unit.end : unit.end + 2] in ("'s", "’s"):
            own.append(("owns", f"owns {kinds[k]}"))
        if unit.text[0].isupper() and unit.word in lowered:
            own.append(("again in lower case",))
        if closed[k]:
            own.append((f"word {closed[k]}",))
        for step in (-2, -1, 1, 2):
            other = k + step
            if 0 <= other < len(words):
                gap = words[max(k, other)].gap.strip()[:2] if abs(step) == 1 else ""
                own.append(_beside(known[other], kinds[other], closed[other], step, gap, cased))
            else:
                own.append((f"{step} none", f"{step} none {cased}"))
        before, after = kinds[k - 1] if k else "^", kinds[k + 1] if k + 1 < len(words) else "$"
        if unit.first and cased == "Xx" and len(unit.word) > 4:
            own.append(_opening(unit.word, group, kinds[k], after))
        own.append(_in_line(before, kinds[k], after))
        found.append(own)
    return found


def _quoted(text: str, words: Sequence[Unit]) -> list[bool]:
    """Which words stand in quotation marks."""
    found = []
    inside = False
    for unit in words:
        marks = unit.gap.strip()
        opens = bool(marks) and marks[-1] in _OPENING and text[unit.start - 1] == marks[-1]
        if opens or set(marks) & set(_CLOSING):
            inside = opens
        found.append(inside)
    return found


@lru_cache(maxsize=20_000)
def _of_facts(
    known: Facts, kind: str, cased: str, capitals: str, script: str, first: str, group: str
) -> Group:
    """What the lists say of the word, and of the use of capitals."""
    found = [
        "1", f"script {script}", f"capitals {capitals}", f"kind {kind} {capitals}", f"first {first} {kind}",
        f"language {group} {cased}", f"script {script} {kind}",
    ]  # fmt: skip
    found += [f"is {fact}" for fact in sorted(known)]
    return (*found, *(f"{cased} {first} is {fact}" for fact in sorted(known)))


@lru_cache(maxsize=20_000)
def _of_letters(text: str, word: str, script: str, kind: str, capitals: str, first: str) -> Group:
    """How the word is spelled."""
    shape = _shape(text)
    found = [f"shape {shape}", f"shape {shape} {capitals}"]
    found += [f"ends {script} {word[-n:]}" for n in (2, 3) if len(word) > n + 1]
    if script not in CASED and len(word) > 2:
        found += [
            f"ends {script} {word[-1]}",
            f"begins {script} {word[:2]}",
            f"{word[:2]} {script} {word[-1]}",
        ]
    if "unknown" in kind:
        found += [f"unknown {capitals} {shape}", f"unknown {script} {first}"]
    return tuple(found)


@lru_cache(maxsize=50_000)
def _beside(known: Facts, kind: str, closed: str, step: int, gap: str, cased: str) -> Group:
    """The features of the neighbour `step` words away; `cased`: the word itself."""
    found = [f"{step} kind {kind}", f"{step} kind {kind} {cased}"]
    found += [f"{step} is {fact}" for fact in sorted(known) if fact[0] != "~"]
    if abs(step) == 1:
        found += [f"{step} gap {gap}", f"{step} gap {gap} {cased} {kind[:2]}"]
    if closed:
        found += [f"{step} word {closed}", f"{step} word {closed} {cased}"]
    return tuple(found)


@lru_cache(maxsize=20_000)
def _opening(word: str, group: str, kind: str, after: str) -> Group:
    """How a word that opens a sentence ends: occupations end alike."""
    return (
        f"opens {group} {word[-3:]}", f"opens {word[-3:]}", f"opens {group} {word[-2:]} {after}", f"opens {kind} {after} {word[-2:]}",
    )  # fmt: skip


@lru_cache(maxsize=50_000)
def _in_line(before: str, kind: str, after: str) -> Group:
    return (
        f"{before} > {kind}", f"{kind} < {after}", f"{before} > . < {after}", f"{before} > {kind} < {after}",
    )  # fmt: skip


def _closed(unit: Unit, known: Facts) -> str:
    """The word itself, where it is an ordinary word that names nobody."""
    names = not known.isdisjoint(("given", "family", "~given", "proper", "name"))
    ordinary = (
        not known.isdisjoint(("often", "own often", "word", "own said", "said", "own seen"))
        or unit.script not in CASED
    )
    return (
        unit.word
        if (ordinary and not names) or main_kind(known) in ("AND", "det", "prep", "verb")
        else ""
    )


def _cased(unit: Unit) -> str:
    if unit.script not in CASED:
        return "."
    if unit.text.isupper() and len(unit.text) > 1:
        return "XX"
    return "Xx" if unit.text[0].isupper() else "xX" if not unit.text.islower() else "xx"


def _shape(text: str) -> str:
    """Capitals, small letters and digits, runs made one: "McKay" is XxXx, "R5" is X9."""
    signs = "".join(
        "9"
        if letter.isdigit()
        else "X"
        if letter.isupper()
        else "x"
        if letter.isalpha()
        else letter
        for letter in text
    )
    return re.sub(r"(.)\1+", r"\1\1" if len(signs) < 5 else r"\1", signs)[:8]
