"""Varies what people look like: draws attributes for each person that a caption names, and says them.

Captions of a crawl repeat the crawl: who is in it, how old, with which face. For every "a man", "the girl"
the attributes asked for are drawn flat (or to given weights), put into the words, and kept in the pose:

    a man on a bench  ->  a smiling 34-year-old East Asian man with short black hair on a bench

What the record gives is kept, and said; what the words said of the same attribute before the noun
("an old man") gives way. Words are known whatever their case and punctuation. Applied twice, the
second time finds everything said.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headkit import attributes
from headkit.editing.tokens import Token, tokens
from headkit.prompt import read
from headkit.prompt_words import AGES, DETERMINERS, NUMBERS, PEOPLE, TRAITS
from headkit.wording import article, listing

# What can be varied -> the attributes that it sets.
GROUPS: dict[str, tuple[str, ...]] = {
    "origin": ("origin",),
    "age": ("age",),
    "tone": ("tone",),
    "hair": ("hair", "hair_color"),
    "expression": ("expression",),
    "accessories": ("glasses", "headwear"),
}
Weights = Mapping[str, Mapping[str, float]]

_MOODS = {
    "neutral": "calm", "smile": "smiling", "laugh": "laughing", "surprised": "surprised", "sad": "sad",
    "angry": "angry", "disgusted": "disgusted", "talking": "talking", "eyes closed": "sleeping",
}  # fmt: skip
_TONES = (
    "very pale skin", "pale skin", "light skin", "olive skin", "tan skin",
    "brown skin", "brown skin", "dark skin", "dark skin", "very dark skin",
)  # fmt: skip
_STYLES = {"slicked back": "slicked-back", "side part": "side-parted"}
_NOT_SAID = ("as", "like", "of a", "is", "was")  # before "a man": no new person
_NOT_PERSON = frozenset(["male", "female", "adult", "senior", "individual", "friend"])


@dataclass(frozen=True)
class _Mention:
    """One person in the words: tokens [start, noun] with determiner and adjectives, up to `end`."""

    start: int
    noun: int
    end: int


def vary(
    words: str,
    poses: list[dict[str, Any]],
    groups: tuple[str, ...],
    draw: random.Random,
    weights: Weights | None = None,
) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """(the words with the attributes said, the poses with them kept, the edits).

    Mentions are put to poses in their order; `draw` gives every mention its own numbers, so that one
    person more does not change the others. Raises ValueError where a pose has attributes of no meaning.
    """
    parts = tokens(words)
    edits: list[dict[str, Any]] = []
    poses = [dict(pose) for pose in poses]
    mentions = _mentions(parts)
    own = [random.Random(draw.getrandbits(64)) for _ in mentions]
    for index in range(len(mentions) - 1, -1, -1):  # from the back: offsets before stay
        pose = poses[index] if index < len(poses) else None
        given = attributes.check((pose or {}).get("attributes") or {})
        mention = mentions[index]
        said = _said(words, parts, mention)
        person, changed = _person(given, said, groups, own[index], weights or {})
        if changed:
            position = parts[mention.start].start
            words = _rewritten(words, parts, mention, person, changed)
            own_edits = [
                {"rule": "attributes", "kind": name, "position": position} for name in changed
            ]
            edits = own_edits + edits
        if pose is not None:
            kept = dict(pose.get("attributes") or {})
            fresh = {name: person[name] for name in person if name not in kept}
            pose["attributes"] = {**kept, **fresh}
    return words, poses, edits


# ---- who is named --------------------------------------------------------------------------------


def _mentions(parts: tuple[Token, ...]) -> list[_Mention]:
    """The single people in the words; "two women" and "people" are left as they are."""
    nouns = [
        index
        for index, token in enumerate(parts)
        if token.word in PEOPLE and not PEOPLE[token.word][1] and token.word not in _NOT_PERSON
    ]
    found: list[_Mention] = []
    for order, noun in enumerate(nouns):
        start = noun
        while start and parts[start].gap.strip(" ,") == "" and _describes(parts[start - 1].word):
            start -= 1
        determined = (
            bool(start) and parts[start - 1].word in DETERMINERS and parts[start].gap == " "
        )
        if determined:
            start -= 1
        before = parts[start - 1].word if start else ""
        if (
            before in _NOT_SAID
            or before in NUMBERS
            or (start and not determined and parts[start].gap == " " and not _opens(before))
        ):
            continue
        end = nouns[order + 1] if order + 1 < len(nouns) else len(parts)
        found.append(_Mention(start, noun, end))
    return found


def _opens(word: str) -> bool:
    """Whether a noun without an article may follow: "portrait of woman", "boy with dog and man"."""
    return word in ("of", "with", "and", "by", "for", "photo", "from")


def _describes(word: str) -> bool:
    """Whether a word before the noun tells of an attribute: "old", "smiling", "Asian", "34-year-old"."""
    parts = word.split("-")
    return all(part in _ADJECTIVES or part.isdigit() for part in parts) or word in _ADJECTIVES


_ADJECTIVES = frozenset(
    {word for phrase, (name, _) in TRAITS.items() if name in ("origin", "expression", "tone") for word in phrase.split()}
    | {word for phrase in AGES for word in phrase.split()}
    | {"year", "old", "years", "beautiful", "handsome", "pretty", "attractive", "cute", "bearded", "bald", "blonde", "blond"}
) - {"in", "eyes", "skin", "skinned", "face", "expression", "black", "white"}  # fmt: skip


def _said(words: str, parts: tuple[Token, ...], mention: _Mention) -> dict[str, Any]:
    """What the caption says of this person already; ages in the middle of their span."""
    last = parts[mention.end - 1].end if mention.end > mention.noun else parts[mention.noun].end
    begin = parts[mention.start]
    start = begin.end if begin.word in DETERMINERS and mention.start < mention.noun else begin.start
    people = read("a " + words[start:last].lstrip()).people
    said = dict(people[0]) if people else {}
    front = {
        TRAITS[part][0]
        for token in parts[mention.start : mention.noun]
        for part in token.word.split("-")
        if part in TRAITS
    }
    if "expression" in said and "expression" not in front:
        said["expression later"] = said["expression"]  # "a man, smiling": is left as it is told
    return said


# ---- what is drawn -------------------------------------------------------------------------------


def _person(
    given: dict[str, Any],
    said: dict[str, Any],
    groups: tuple[str, ...],
    draw: random.Random,
    weights: Weights,
) -> tuple[dict[str, Any], list[str]]:
    """(attributes given, said and drawn, the names of those that the words must be made to say)."""
    names = [name for group in groups for name in GROUPS[group]]
    told = {name: value for name, value in said.items() if name in attributes.NAMES}
    fixed = {**told, **given}
    varied = [name for name in names if name not in given and not _stays(name, said, given)]
    base = {name: value for name, value in fixed.items() if name not in varied}
    if "age" in varied and said.get("age") is not None:
        base["age"] = _age_like(said["age"], draw)
    elif "age" in varied:
        base["age"] = draw.randint(18, attributes.DRAWN_AGES[1])
    whole = attributes.complete(base, draw)
    for name in varied:
        if name in weights or name in ("expression", "glasses", "headwear", "hair"):
            whole[name] = _drawn(name, whole, weights.get(name), draw)
    person = {name: whole[name] for name in attributes.NAMES if name in fixed or name in varied}
    changed = [name for name in names if name in person and said.get(name) != person[name]]
    if person.get("hair") == "bald" and "hair_color" in changed:
        changed.remove("hair_color")  # is not to be seen
    return person, changed


def _stays(name: str, said: dict[str, Any], given: dict[str, Any]) -> bool:
    """Hair, hats and glasses that the words tell of behind the noun are left as they are told."""
    later = name in ("hair", "hair_color", "glasses", "headwear", "tone")
    if name == "expression":
        return "expression later" in said
    bald = name == "hair_color" and "bald" in (said.get("hair"), given.get("hair"))
    return (later and said.get(name) is not None) or bald


def _age_like(age: int, draw: random.Random) -> int:
    """Years of the same stage of life: a girl stays a girl."""
    for low, high in ((0, 1), (2, 3), (4, 12), (13, 17)):
        if age <= high:
            return draw.randint(low, high)
    return draw.randint(18, attributes.DRAWN_AGES[1])


def _drawn(
    name: str, person: dict[str, Any], weights: Mapping[str, float] | None, draw: random.Random
) -> Any:
    words = attributes.VOCABULARY.get(name, ())
    if weights:
        choice = sorted(weights)
        return draw.choices(choice, [weights[word] for word in choice])[0]
    if name == "hair" and person["age"] < 18:
        words = tuple(word for word in words if word != "bald")
    return draw.choice(words)


# ---- how it is said ------------------------------------------------------------------------------


def _rewritten(
    words: str,
    parts: tuple[Token, ...],
    mention: _Mention,
    person: dict[str, Any],
    changed: list[str],
) -> str:
    first, noun = parts[mention.start], parts[mention.noun]
    determiner = first.word if first.word in DETERMINERS and mention.start < mention.noun else ""
    kept = [
        token.text
        for token in parts[mention.start + bool(determiner) : mention.noun]
        if _kept(token.word, changed)
    ]
    before = _before(person, changed)
    phrase = " ".join([*before, *kept, noun.text])
    if determiner in ("a", "an"):
        phrase = article(phrase)
    elif determiner:
        phrase = f"{first.text} {phrase}"
    if first.cap and not phrase[0].isupper():
        phrase = phrase[0].upper() + phrase[1:]
    return words[: first.start] + phrase + _behind(person, changed) + words[noun.end :]


def _kept(word: str, changed: list[str]) -> bool:
    """Whether an adjective before the noun still holds: one of an attribute that changed does not."""
    for part in word.split("-"):
        trait = TRAITS.get(part)
        if trait is not None and trait[0] in changed:
            return False
        if "age" in changed and (
            part in AGES or part.isdigit() or part in ("year", "years", "old")
        ):
            return False
        if "origin" in changed and part in (
            "east",
            "south",
            "latin",
            "american",
            "middle",
            "eastern",
            "asian",
            "pacific",
            "islander",
        ):
            return False
    return True


def _before(person: dict[str, Any], changed: list[str]) -> list[str]:
    phrase: list[str] = []
    if "expression" in changed:
        phrase.append(_MOODS[person["expression"]])
    if "age" in changed:
        phrase.append("newborn" if person["age"] < 1 else f"{int(person['age'])}-year-old")
    if "origin" in changed:
        phrase.append(" ".join(part.capitalize() for part in person["origin"].split()))
    return phrase


def _behind(person: dict[str, Any], changed: list[str]) -> str:
    has: list[str] = []
    if {"hair", "hair_color"} & set(changed):
        has.append(_hair(person.get("hair"), person.get("hair_color"), changed))
    if "tone" in changed:
        has.append(_TONES[round(person["tone"]) - 1])
    wears = [
        person["glasses"] if name == "glasses" else article(person["headwear"])
        for name in ("glasses", "headwear")
        if name in changed and person[name] != "none"
    ]
    text = " with " + listing([phrase for phrase in has if phrase]) if any(has) else ""
    return text + (" wearing " + listing(wears) if wears else "")


def _hair(style: str | None, color: str | None, changed: list[str]) -> str:
    if style == "bald":
        return "a shaved head" if "hair" in changed else ""
    shown = color if color and "hair_color" in changed else ""
    if style is None or "hair" not in changed:
        return f"{shown} hair"
    if style in ("afro", "bob"):
        return article(f"{shown} {style}".strip())
    if style in ("ponytail", "bun"):
        return f"{shown} hair in a {style}".strip()
    if style == "buzz":
        return article(f"{shown} buzz cut".strip())
    return f"{_STYLES.get(style, style)} {shown} hair".replace("  ", " ")
