"""From words to attributes: what a prompt says of each person, of everybody, and of the place.

    read("A man in his 60s with a gray beard and a red hat, at sunset")

A prompt is cut into one stretch per person ("two men and a girl with glasses" has two), and each
stretch is searched for the phrases below. What is not understood is passed over: the renderer draws
what is said as far as it can. The way back, from attributes to words, is headkit.wording.
Standard library only.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any

from headkit import attributes
from headkit.prompt_words import (
    ADJECTIVES,
    AGES,
    BACKGROUNDS,
    COLORS,
    DETERMINERS,
    GROUPS,
    HAIR_COLORS,
    HAIR_STYLES,
    LIGHTS,
    NEGATIONS,
    NUMBERS,
    PEOPLE,
    SHARED,
    STOPS,
    SUBSET,
    THINGS,
    TRAITS,
)

Attributes = dict[str, Any]
_BREAKS = {".", ";", ":", "!", "?"}
_REACH = 5  # how many words before "hair" or "hat" may describe it
_LONGEST = 4  # words of the longest phrase in the tables


@dataclass
class Scene:
    """What a prompt says. `people` in the order in which they are named; `count` of people, if said."""

    people: list[Attributes] = field(default_factory=list)
    everyone: Attributes = field(default_factory=dict)  # said, but of nobody in particular
    count: int | None = None
    light: str | None = None  # a word of attributes.LIGHT
    background: str | None = None  # a word of attributes.BACKGROUND

    def of(self, index: int) -> Attributes:
        """What is said of person `index` of the picture; people beyond those named share `everyone`."""
        own = self.people[index] if index < len(self.people) else {}
        return {**self.everyone, **own}


@dataclass(frozen=True)
class _Mention:
    """A person or several in the words: where the stretch about them begins and where the noun ends."""

    start: int
    end: int
    count: int | None  # None: people, how many is not said
    says: Attributes  # sex and ages by the noun
    definite: bool  # "the man": one who may have been named before


def read(text: str, draw: random.Random | None = None) -> Scene:
    """What `text` says. An age word covers a span of years: `draw` picks one, without it the middle."""
    words = _words(text)
    mentions = _mentions(words)
    scene = Scene(
        light=_first(words, LIGHTS),
        background=_first(words, BACKGROUNDS),
    )
    lead = words[: mentions[0].start] if mentions else words
    scene.everyone = _said(lead, {})
    claimed: list[int] = []  # people whom a later "the man" has already meant
    for index, mention in enumerate(mentions):
        end = mentions[index + 1].start if index + 1 < len(mentions) else len(words)
        stretch = words[mention.start : end]
        shared = next((k for k, word in enumerate(stretch) if word in SHARED and k), len(stretch))
        said = _said(stretch[:shared], mention.says, mention.end - mention.start)
        scene.everyone |= _said(stretch[shared:], {})  # "a man and a woman, both with glasses"
        known = mention.definite or _among(words, mentions, index)
        if known and _merge(scene, said, claimed):
            continue
        if mention.count is None:
            scene.everyone |= said
        else:
            scene.people += [dict(said) for _ in range(mention.count)]
    if mentions and all(mention.count is not None for mention in mentions):
        scene.count = len(scene.people)
    for person in [*scene.people, scene.everyone]:
        _settle_age(person, draw)
    return scene


# ---- words ---------------------------------------------------------------------------------------


def _words(text: str) -> list[str]:
    """Lower-case words, numbers and marks; hyphens separate, so that "gray-haired" is two words."""
    plain = text.lower().replace("\u2019", "'").replace("-", " ").replace("\u2013", " ")
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+s?|[.,;:!?]", plain)


def _match(words: list[str], index: int, table: dict[str, Any]) -> tuple[int, Any] | None:
    """The longest phrase of the table that begins at `index`: (its number of words, its value)."""
    for length in range(min(_LONGEST, len(words) - index), 0, -1):
        phrase = " ".join(words[index : index + length])
        if phrase in table:
            return length, table[phrase]
    return None


def _first(words: list[str], table: dict[str, str]) -> str | None:
    for index in range(len(words)):
        found = _match(words, index, table)
        if found and not _negated(words, index):
            return str(found[1])
    return None


def _number(word: str) -> int | None:
    if word.isdigit():
        return int(word)
    return NUMBERS.get(word)


def _negated(words: list[str], index: int) -> bool:
    """Whether "without", "no" or "not" governs the word: it reaches over "or", not over "and" or a mark."""
    for position in range(index - 1, max(-1, index - 8), -1):
        word = words[position]
        if word in NEGATIONS or word.endswith("n't"):
            return True
        if word in {",", "and", "but", "with", *_BREAKS}:
            return False
    return False


# ---- who is meant --------------------------------------------------------------------------------


def _mentions(words: list[str]) -> list[_Mention]:
    found: list[_Mention] = []
    index = 0
    while index < len(words):
        match = _match(words, index, PEOPLE) or _match(words, index, GROUPS)
        if match is None or (found and _is_measure(words, index)):
            index += 1
            continue
        length, (says, plural) = match
        floor = found[-1].end if found else 0
        start, count, definite = _determined(words, index, floor)
        if says.get("count"):  # "a couple", "two couples"
            count = says["count"] * (count or 1)
        if not plural and count is None:
            count = 1
        if _negated(words, start):  # "with nobody", "no people": nobody is named
            index += length
            continue
        own = {name: value for name, value in says.items() if name != "count"}
        if count != 0 and not _continues(words, start, found):
            found.append(_Mention(start, index + length, count, own, definite))
        index += length
    return found


def _is_measure(words: list[str], index: int) -> bool:
    """Whether the noun only says what a group is of: "a couple of people"."""
    return words[index] in ("people", "persons") and words[index - 2 : index] == ["couple", "of"]


def _continues(words: list[str], start: int, found: list[_Mention]) -> bool:
    """Whether the noun is said of a person just named: "she is a woman", "dressed as a man"."""
    return bool(found) and words[start - 1] in ("is", "as", "like")


def _determined(words: list[str], noun: int, floor: int) -> tuple[int, int | None, bool]:
    """Back from the noun over its adjectives: (where they begin, the number said, whether "the")."""
    start, count, definite = noun, None, False
    while start > floor:
        word = words[start - 1]
        if word in DETERMINERS:
            start -= 1
            definite = word in ("the", "this", "that")
            if word in ("a", "an", "one", "another"):
                count = 1
            break
        number = _number(word)
        if number is not None:
            start -= 1
            count = number
            continue
        describes = word in ADJECTIVES or word in COLORS or word in HAIR_COLORS
        joins = word in (",", "and") and start - 1 > floor and words[start - 2] in ADJECTIVES
        if word == "old" and words[max(0, start - 2)] in ("year", "years"):
            start -= 2
            if start > floor and _number(words[start - 1]) is not None:
                start -= 1  # "a 30 year old woman": an age, not a count
            continue
        if not (describes or joins):
            break
        start -= 1
    return start, count, definite


def _among(words: list[str], mentions: list[_Mention], index: int) -> bool:
    """Whether a mention is of people already counted: "seven people, among them a man and a girl"."""
    for earlier in range(index - 1, -1, -1):
        between = words[mentions[earlier].end : mentions[earlier + 1].start]
        if any(word in SUBSET for word in between):
            return True
        if any(word in _BREAKS for word in between):
            return False
    return False


def _merge(scene: Scene, said: Attributes, claimed: list[int]) -> bool:
    """What "the man" says, put to a man named before or to one of "two people"; False: he is new."""
    for index, person in enumerate(scene.people):
        same = person.get("sex") == said.get("sex") and person.get("age") in (None, said.get("age"))
        if index not in claimed and (same or not person.get("sex")):
            person.update(said)
            claimed.append(index)
            return True
    return False


# ---- what is said --------------------------------------------------------------------------------


def _said(words: list[str], says: Attributes, noun: int = 0) -> Attributes:
    """The attributes that a stretch of words gives one person; ages are still spans (low, high).

    The first `noun` words are the noun and what stands before it: "old" there is said of the person.
    """
    said: Attributes = dict(says)
    index = 0
    while index < len(words):
        years = _years(words, index)
        if years is not None:
            said["age"] = years[1]
            index += years[0]
            continue
        match = _match(words, index, THINGS)
        if match is not None:
            _thing(words, index, match[1], said)
            index += match[0]
            continue
        match = _match(words, index, TRAITS)
        if match is not None:
            _trait(words, index, match, said)
            index += match[0]
            continue
        match = _match(words, index, AGES)
        of_person = index < noun or words[index - 1] in ("is", "looks", "very")
        if match is not None and of_person and not _negated(words, index):
            low, high = match[1]
            known = said.get("age")
            if known is None or words[index] not in ("young", "little", "small"):
                said["age"] = (low, high)
            elif known[1] <= 17:  # "a young boy" is younger than a boy, not a young man
                said["age"] = (known[0], max(known[0] + 2, (known[0] + known[1]) // 2))
        index += match[0] if match else 1
    return said


def _years(words: list[str], index: int) -> tuple[int, tuple[int, int]] | None:
    """Years as in "30 year old", "aged 30", "in her late 20s": (number of words, (low, high))."""
    word, after = words[index], words[index + 1 : index + 4]
    if word.isdigit() and after[:1] in (["year"], ["years"]) and int(word) <= attributes.AGE[1]:
        return (3 if after[1:2] == ["old"] else 2), (int(word), int(word))
    if word in NUMBERS and after[:2] in (["year", "old"], ["years", "old"]):
        return 3, (NUMBERS[word], NUMBERS[word])
    if word in ("aged", "age") and after and after[0].isdigit():
        years = min(int(after[0]), attributes.AGE[1])
        return 2, (years, years)
    decade = re.fullmatch(r"([1-9]0)s", word) or re.fullmatch(r"([a-z]+)ies", word)
    if decade is None:
        return None
    tens = {
        "twent": 20,
        "thirt": 30,
        "fort": 40,
        "fift": 50,
        "sixt": 60,
        "sevent": 70,
        "eight": 80,
        "ninet": 90,
    }
    first = int(decade[1]) if decade[1].isdigit() else tens.get(decade[1])
    if first is None:
        return None
    part = words[index - 1] if index else ""
    low, high = {"early": (0, 3), "mid": (4, 6), "late": (7, 9)}.get(part, (0, 9))
    return 1, (first + low, min(first + high, attributes.AGE[1]))


def _thing(words: list[str], index: int, thing: tuple[str, str], said: Attributes) -> None:
    """Something worn or grown: its kind, "none" where it is denied, and the colour said before it."""
    name, kind = thing
    if _negated(words, index):
        if name in ("headwear", "glasses", "beard"):
            said[name] = "none"
        elif kind == "hair":
            said["hair"] = "bald"
        return
    before = _before(words, index)
    if name == "hair":
        _describe_hair(words, index, kind, before, said)
        return
    if kind == "hat" and {"knit", "knitted", "wool", "woolly", "woolen"} & set(before):
        kind = "beanie"
    said[name] = kind
    if name == "beard":
        color = _hair_color(before)
    else:
        color = next((COLORS[word] for word in reversed(before) if word in COLORS), None)
    if color is not None and name in ("headwear", "clothes", "beard"):
        said[name + "_color"] = color


def _hair_color(words: list[str]) -> str | None:
    color = next((HAIR_COLORS[word] for word in words if word in HAIR_COLORS), None)
    return "dark brown" if "dark" in words and "brown" in words else color


def _before(words: list[str], index: int) -> list[str]:
    """The words that describe the thing at `index`: back to the thing before, a preposition or a mark."""
    start = index
    while start > max(0, index - _REACH):
        word = words[start - 1]
        colors = word == "and" and words[start] in COLORS and words[start - 2] in COLORS
        if word in STOPS and not colors:  # "black and white hat" goes on
            break
        if word in THINGS and words[start - 2 : start - 1] != ["t"]:
            break
        start -= 1
    return words[start:index]


def _describe_hair(
    words: list[str], index: int, kind: str, before: list[str], said: Attributes
) -> None:
    if kind != "hair":
        said["hair"] = kind
    after: list[str] = []
    if words[index + 1 : index + 2] in (
        ["is"],
        ["tied"],
        ["in"],
        ["pulled"],
        ["slicked"],
        ["worn"],
        ["parted"],
    ):
        after = [
            word for word in words[index + 1 : index + 6] if word not in _BREAKS and word != ","
        ]
    around = [*before, *after]
    joined = " ".join(around)
    if kind == "hair":
        style = next(
            (value for phrase, value in HAIR_STYLES.items() if f" {phrase} " in f" {joined} "), None
        )
        if style is not None:
            said["hair"] = style
    color = _hair_color(around)
    if color is not None:
        said["hair_color"] = color


def _trait(words: list[str], index: int, match: tuple[int, Any], said: Attributes) -> None:
    name, value = match[1]
    if name in ("black person", "white person"):  # "a black man", never "a black hat"
        after = words[index + 1 : index + 4]
        noun = next((word for word in after if word not in ADJECTIVES), "")
        if noun in PEOPLE and not _negated(words, index):
            said["origin"] = value
        return
    if not _negated(words, index):
        said[name] = value
    elif name == "expression":
        said[name] = "neutral"
    elif name == "beard" and value == "none":
        said.setdefault(name, "full beard")


def _settle_age(person: Attributes, draw: random.Random | None) -> None:
    span = person.get("age")
    if isinstance(span, tuple):
        low, high = span
        person["age"] = (low + high) // 2 if draw is None else draw.randint(low, high)
