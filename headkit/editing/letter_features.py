"""What the tagger sees of a caption's letters, in scripts that part no words (or grow endings onto names).

Units are letters of Han, kana, hangul and Thai; a word of another script is one unit. Features are made
of the letters around, of the words and names of the lists that cover a letter, and of those beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from headkit.editing.knowledge import known_words
from headkit.editing.lexicon import member
from headkit.editing.named_places import named_places
from headkit.editing.tokens import script_of

LONGEST = 8  # letters of a word of the lists
_UNIT = re.compile(r"[A-Za-z0-9\u00c0-\u04ff]+|.", re.DOTALL)
_NAMES = frozenset(["given", "family", "name"])

_OF_NAMES = (
    "RULED", "GIVEN", "FAMILY", "BRANDS", "TITLES_", "CASED_TITLES", "STAGE_NAMES", "SURNAMES", "DOUBLE_SURNAMES",
    "COMMON_SURNAMES", "CLUBS", "DUAL", "AMBIGUOUS",
)  # fmt: skip

Span = tuple[int, int, tuple[str, ...]]


def letters(text: str) -> list[tuple[int, int]]:
    """The units of a caption, as code points [start, end)."""
    return [match.span() for match in _UNIT.finditer(text)]


@lru_cache(maxsize=1)
def _simple() -> dict[int, str]:
    return {ord(pair[0]): pair[1] for pair in member("simple.zh") if len(pair) == 2}


def tongue_of(text: str) -> str:
    """The script that decides which lists are asked."""
    scripts = [script_of(letter) for letter in text]
    for script in ("thai", "hangul", "kana"):
        if script in scripts:
            return script
    return "han"


def spans(text: str, tongue: str, ruled: Sequence[tuple[int, int]]) -> list[Span]:
    """All words of the lists in a text, and what rules have found: (start, end, facts)."""
    plain = text.translate(_simple()) if tongue == "han" else text
    found: list[Span] = [(start, end, ("RULED",)) for start, end in ruled]
    found += [(start, end, ("SIGHT",)) for start, end in named_places(text)]
    for start in range(len(plain)):
        if script_of(plain[start]) is None:
            continue
        for end in range(
            start + 1, min(start + (14 if tongue == "thai" else LONGEST), len(plain)) + 1
        ):
            known = known_words(plain[start:end], tongue)
            if known:
                found.append((start, end, known))
    return found


def features(text: str, tongue: str, known: Sequence[Span]) -> list[list[tuple[str, ...]]]:
    """The features of each unit of the text."""
    cut = letters(text)
    words = _segmented(text, known)
    over: list[set[str]] = [set() for _ in range(len(text) + 1)]
    ends: list[set[str]] = [set() for _ in range(len(text) + 1)]
    begins: list[set[str]] = [set() for _ in range(len(text) + 1)]
    longest = [0] * (len(text) + 1)
    for start, end, facts in known:
        size = min(end - start, 5)
        for fact in facts:
            listed = fact in _NAMES or fact.isupper()
            ends[end].add(fact)
            begins[start].add(fact)
            if listed or fact in ("place", "proper", "particle"):
                for k in range(start, end):
                    over[k].add(f"{fact}{_part(k, start, end)}{size}")
        if "word" in facts:
            for k in range(start, end):
                longest[k] = max(longest[k], end - start)
    for start, end, facts in known:  # a family name and a given name side by side
        if "family" in facts:
            for other, stop, more in known:
                if other == end and "given" in more:
                    for k in range(start, stop):
                        over[k].add(f"whole{_part(k, start, stop)}")
    found = []
    for index, (start, end) in enumerate(cut):
        begin, stop, word, likely = words[start]
        before = words[begin - 1] if begin else None
        after = words[stop] if stop < len(text) else None
        kind = _kind(text[start])
        own = [
            f"{tongue}", f"{tongue} {kind}", f"{tongue} letter {text[start:end]}",
            f"{tongue} segment {_part(start, begin, stop)}{min(stop - begin, 5)}{likely}",
            f"{tongue} longest {min(longest[start], 5)}",
            f"{tongue} longest {min(longest[start], 5)} {_part(start, begin, stop)}{likely}",
            f"{tongue} turn {_kind(text[start - 1]) if start else '^'}{kind}{_kind(text[end]) if end < len(text) else '$'}",
            f"run {tongue} {_run(text, start)}",
        ]  # fmt: skip
        own += [f"{tongue} {each}" for each in over[start]] + list(over[start])
        own += [f"{tongue} ended {fact}" for fact in ends[start]] + [
            f"ended {fact}" for fact in ends[start]
        ]
        own += [f"{tongue} begun {fact}" for fact in begins[end]] + [
            f"begun {fact}" for fact in begins[end]
        ]
        for step in (-2, -1, 1, 2):
            other = index + step
            near = text[slice(*cut[other])] if 0 <= other < len(cut) else "^$"
            own.append(f"{tongue} {step} {near}")
            own.append(f"{tongue} {step} kind {_kind(near)}")
        if index + 1 < len(cut):
            own.append(f"{tongue} pair {text[start : cut[index + 1][1]]}")
        if index:
            own.append(f"{tongue} -pair {text[cut[index - 1][0] : end]}")
        if likely:
            own.append(f"{tongue} word {word}")
        own.append(f"{tongue} before {before[2] if before else '^'}")
        own.append(f"{tongue} after {after[2] if after else '$'}")
        own.append(f"{tongue} after {after[2] if after else '$'} {likely} {min(stop - begin, 3)}")
        if tongue in ("han", "hangul"):
            own += _chances(text, start, tongue)
        found.append([tuple(own)])
    return found


def _chances(text: str, start: int, tongue: str) -> list[str]:
    """Whether the letter is one that names are made of: family names of one letter, letters of given names."""
    first, given = _name_letters(tongue)
    letter = text[start].translate(_simple()) if tongue == "han" else text[start]
    found = [f"{tongue} first {first.get(letter, 0)}", f"{tongue} given {given.get(letter, 0)}"]
    for back in (1, 2):
        if start >= back:
            surname = (
                text[start - back].translate(_simple()) if tongue == "han" else text[start - back]
            )
            found.append(f"{tongue} first -{back} {first.get(surname, 0)} {given.get(letter, 0)}")
    following = "".join(
        str(given.get(k.translate(_simple()), 0)) for k in text[start + 1 : start + 3]
    )
    found.append(f"{tongue} first {first.get(letter, 0)} {following}")
    return found


@lru_cache(maxsize=2)
def _name_letters(tongue: str) -> tuple[dict[str, int], dict[str, int]]:
    """How many names a letter begins, and how many it stands in behind: 1 few, 2 some, 3 many."""
    names = [name for name in member("name.zh" if tongue == "han" else "name.ko") if len(name) == 3]
    first: dict[str, int] = {}
    given: dict[str, int] = {}
    for name in names:
        first[name[0]] = first.get(name[0], 0) + 1
        for letter in name[1:]:
            given[letter] = given.get(letter, 0) + 1
    return _ranked(first), _ranked(given)


def _ranked(counts: dict[str, int]) -> dict[str, int]:
    total = sum(counts.values())
    return {k: 3 if n > total / 200 else 2 if n > total / 1500 else 1 for k, n in counts.items()}


def segments(text: str, known: Sequence[Span]) -> list[tuple[int, int, str]]:
    """The words that make a text up: (start, end, what it is by `_as_word`), in order."""
    found = _segmented(text, known)
    return [(start, end, kind) for k, (start, end, _, kind) in enumerate(found) if start == k]


def _segmented(text: str, known: Sequence[Span]) -> list[tuple[int, int, str, str]]:
    """The fewest words that make the text up; by letter: (start, end, word, what it is by `_as_word`)."""
    best: list[tuple[float, int, str]] = [(0.0, 0, "")] + [(1e9, 0, "")] * len(text)
    by_start: dict[int, list[tuple[int, float, str]]] = {}
    for start, end, facts in known:
        kind = _as_word(facts, end - start)
        if kind:
            often = "often" in facts or "particle" in facts
            price = {"w": 0.9 if often else 1.0, "p": 1.05, "n": 1.3}[kind]
            by_start.setdefault(start, []).append((end, price, kind))
    for start in range(len(text)):
        cost = best[start][0]
        options = [(start + 1, 2.0 if script_of(text[start]) else 0.1, "")]
        options += by_start.get(start, [])
        for end, price, likely in options:
            if cost + price < best[end][0]:
                best[end] = (cost + price, start, likely)
    found: list[tuple[int, int, str, str]] = [(0, 0, "", "")] * len(text)
    end = len(text)
    while end:
        _, start, likely = best[end]
        for k in range(start, end):
            found[k] = (start, end, text[start:end], likely)
        end = start
    return found


def _as_word(facts: Sequence[str], length: int) -> str:
    """What a word is made for in the text: "w" an ordinary one, "p" a place, "n" a name, "" nothing."""
    tables = [fact for fact in facts if fact.isupper()]
    plain = [
        each for each in tables if not each.startswith(_OF_NAMES) or each.startswith("TITLES_OF_")
    ]
    if "word" in facts or "particle" in facts or plain:
        return "w"
    if "place" in facts and length > 1:
        return "p"
    named = bool(tables) or "proper" in facts or not _NAMES.isdisjoint(facts)
    return "n" if named and length > 1 else ""


def _part(k: int, start: int, end: int) -> str:
    if end - start == 1:
        return "S"
    return "B" if k == start else "E" if k == end - 1 else "M"


@lru_cache(maxsize=4096)
def _kind(text: str) -> str:
    letter = text[:1]
    if "\u3041" <= letter <= "\u3096":
        return "h"
    if "\u30a1" <= letter <= "\u30fc":
        return "k"
    script = script_of(letter) if letter else None
    return script[0] if script else "9" if letter.isdigit() else "_" if letter.isspace() else letter


def _run(text: str, start: int) -> str:
    """Where the letter stands in a run of its kind, and how long the run is."""
    kind = _kind(text[start])
    first, last = start, start
    while first and _kind(text[first - 1]) == kind:
        first -= 1
    while last + 1 < len(text) and _kind(text[last + 1]) == kind:
        last += 1
    return f"{kind} {min(start - first, 3)} {min(last - first, 5)}"
