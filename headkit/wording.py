"""From attributes to words: a natural sentence or two about a scene, that headkit.prompt reads back.

What is said is true of the attributes; not everything is said, and less of each person where there
are many. Nobody has a name. Standard library only.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headkit.prompt_words import NUMBERS

View = Literal["front", "profile", "behind"]
Framing = Literal["close-up", "portrait", "half", "full", "wide"]
Posture = Literal["standing", "sitting", "walking", "crouching", "lying", ""]


@dataclass(frozen=True)
class Person:
    """One person to put into words: complete attributes, how the head is seen, what the body does."""

    words: Mapping[str, Any]
    view: View = "front"
    posture: Posture = ""


_NUMBER_WORDS = {number: word for word, number in NUMBERS.items()}
# Background -> where, with the lights that go with it.
_PLACES: dict[str, tuple[str, ...]] = {
    "plain": (
        "against a plain background",
        "in front of a seamless backdrop",
        "on a plain background",
    ),
    "wall": ("in front of a brick wall", "against a painted wall", "beside a concrete wall"),
    "room": ("in a living room", "in a kitchen", "in a small cafe", "in a cluttered bedroom"),
    "office": ("in an office", "in a classroom", "in a quiet library", "in an open-plan office"),
    "street": ("on a busy street", "on a city sidewalk", "in a narrow alley", "at a street market"),
    "park": ("in a park", "in a garden", "on a playground", "on a wide lawn"),
    "forest": ("in a forest", "among tall trees", "on a path in the woods"),
    "beach": ("on a beach", "by the sea", "at the shore of a lake"),
    "field": ("in an open field", "in a meadow", "in the mountains", "on a farm"),
    "stage": ("on a stage", "at a concert", "at a party"),
}
_LIGHTS: dict[str, tuple[str, ...]] = {
    "studio": ("under studio lighting", "with soft studio light", "lit by a large softbox"),
    "window": ("in soft window light", "lit by window light"),
    "indoor": ("in warm lamp light", "under artificial light", "in dim indoor light"),
    "daylight": ("in bright sunlight", "in daylight", "on a sunny day", "in the morning"),
    "overcast": ("on a cloudy day", "under an overcast sky", "on a foggy day"),
    "sunset": ("at sunset", "at golden hour", "at dusk", "in low evening light"),
    "night": ("at night", "late at night", "under neon light at night"),
}
_OPENINGS: dict[str, tuple[str, ...]] = {
    "close-up": ("A close-up of", "A close-up photo of", "A tight headshot of"),
    "portrait": ("A portrait of", "A portrait photo of", "A photo of"),
    "half": ("A half-length photo of", "A photo of", "A waist-up shot of", ""),
    "full": ("A full-length photo of", "A photo of", "", ""),
    "wide": ("A wide shot of", "A photo of", "A distant view of", ""),
}
_TONES = {
    1: "very pale skin", 2: "pale skin", 3: "light skin", 4: "olive skin", 5: "tan skin",
    6: "brown skin", 7: "brown skin", 8: "dark skin", 9: "dark skin", 10: "very dark skin",
}  # fmt: skip
_EXPRESSION_ADJECTIVES = {
    "smile": ("smiling", "cheerful", "happy"),
    "laugh": ("laughing",),
    "surprised": ("surprised",),
    "sad": ("sad",),
    "angry": ("angry",),
    "disgusted": ("disgusted",),
    "neutral": ("serious", "calm"),
}
_EXPRESSION_CLAUSES = {
    "neutral": ("with a neutral expression", "looking calm"),
    "smile": ("smiling", "with a smile"),
    "laugh": ("laughing",),
    "surprised": ("looking surprised",),
    "sad": ("looking sad",),
    "angry": ("looking angry", "frowning"),
    "disgusted": ("looking disgusted",),
    "talking": ("talking", "speaking"),
    "eyes closed": ("with eyes closed",),
}


def article(phrase: str) -> str:
    """The phrase with "a" or "an" before it, by the sound of its first word."""
    first = phrase.split(maxsplit=1)[0].lower()
    if first[0].isdigit():
        number = first.split("-")[0]
        vowel = number.startswith("8") or number in ("11", "18")
    else:
        vowel = first[0] in "aeiou" and not first.startswith(("eu", "uni", "one", "use"))
    return ("an " if vowel else "a ") + phrase


def listing(phrases: Sequence[str]) -> str:
    """Several phrases as one: "a", "a and b", "a, b and c"."""
    if len(phrases) < 2:
        return "".join(phrases)
    return ", ".join(phrases[:-1]) + " and " + phrases[-1]


def describe(
    people: Sequence[Person], framing: Framing, light: str, background: str, draw: random.Random
) -> str:
    """The scene in one or two sentences; people come in their order while they are few."""
    where = draw.choice(_PLACES[background])
    when = draw.choice(_LIGHTS[light])
    if not people:
        return _sentence(f"{where}, {when}, with nobody in sight")
    if len(people) == 1:
        return _one(people[0], framing, where, when, draw)
    opening = draw.choice(_OPENINGS[framing])
    if len(people) <= 3:
        subject = listing(
            [_phrase(person, 3 if len(people) == 2 else 2, draw) for person in people]
        )
    else:
        subject = _many(people, draw)
    posture = _shared_posture(people)
    parts = [part for part in (opening, subject, posture, where) if part]
    return _sentence(_with_light(" ".join(parts), when, draw))


# ---- one person ----------------------------------------------------------------------------------


def _one(person: Person, framing: Framing, where: str, when: str, draw: random.Random) -> str:
    opening = draw.choice(_OPENINGS[framing])
    rest: list[str] = []
    phrase = _phrase(person, draw.randint(1, 3), draw, later=rest)
    posture = person.posture if framing in ("full", "wide") else ""
    text = " ".join(part for part in (opening, phrase, posture, where) if part)
    text = _sentence(_with_light(text, when, draw))
    if rest and draw.random() < 0.6:
        she = "She" if person.words["sex"] == "female" else "He"
        text += f" {she} {listing(rest[: draw.randint(1, 2)])}."
    return text


def _with_light(text: str, when: str, draw: random.Random) -> str:
    separator = ", " if draw.random() < 0.7 else " "
    return text + separator + when


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _noun(words: Mapping[str, Any], draw: random.Random) -> tuple[str, str, str]:
    """Sex and age: (adjective or "", noun, ending or ""), as "", "man", "in his 60s"."""
    age, male = int(words["age"]), words["sex"] == "male"
    adult = "man" if male else "woman"
    young = "boy" if male else "girl"
    if age < 1:
        return "", "baby", ""
    if age < 18:
        if draw.random() < 0.4:
            return f"{age}-year-old", young, ""
        return "teenage" if age >= 13 else "little" if age < 6 else "", young, ""
    if draw.random() < 0.25:
        return f"{age}-year-old", adult, ""
    if age >= 20 and draw.random() < 0.45:
        part = ("early ", "mid-", "late ")[0 if age % 10 < 4 else 1 if age % 10 < 7 else 2]
        his = "his" if male else "her"
        return "", adult, f"in {his} {part if draw.random() < 0.5 else ''}{age // 10 * 10}s"
    for limit, adjective in ((30, "young"), (42, ""), (57, "middle-aged"), (70, "older")):
        if age < limit:
            return adjective, adult, ""
    return "elderly", adult, ""


def _phrase(
    person: Person, details: int, draw: random.Random, later: list[str] | None = None
) -> str:
    """One person, as "a smiling young woman with long red hair wearing glasses and a blue shirt".

    At most `details` things are said; `later` takes clauses of the others ("wears a hat").
    """
    words = person.words
    alone = later is not None
    adjective, noun, ending = _noun(words, draw)
    expression = words["expression"] if person.view != "behind" else None
    mood, clause = "", ""
    if expression in _EXPRESSION_ADJECTIVES and draw.random() < 0.5:
        mood = draw.choice(_EXPRESSION_ADJECTIVES[expression])
    elif expression and alone and draw.random() < 0.6:
        clause = draw.choice(_EXPRESSION_CLAUSES[expression])
    origin = _origin(words["origin"]) if draw.random() < 0.3 and noun != "baby" else ""
    features, worn = _features(words, person.view, draw)
    things = [("has", text) for text in features] + [("wears", text) for text in worn]
    kept = set(draw.sample(range(len(things)), min(details, len(things))))
    has = [text for k, (verb, text) in enumerate(things) if k in kept and verb == "has"]
    wears = [text for k, (verb, text) in enumerate(things) if k in kept and verb == "wears"]
    if later is not None:
        left = [thing for k, thing in enumerate(things) if k not in kept]
        for verb in ("has", "wears"):
            later += [f"{verb} {text}" for kind, text in left if kind == verb][:1]
    text = article(" ".join(part for part in (mood, adjective, origin, noun) if part))
    if ending:
        text += " " + ending
    if person.view == "behind":
        text += draw.choice((" seen from behind", " facing away from the camera"))
    if has:
        text += " with " + listing(has)
    if wears:
        text += (" wearing " if has or draw.random() < 0.5 else " in ") + listing(wears)
    return f"{text}, {clause}," if clause else text


def _origin(word: str) -> str:
    return " ".join(part.capitalize() for part in word.split())


def _features(
    words: Mapping[str, Any], view: View, draw: random.Random
) -> tuple[list[str], list[str]]:
    """What the person has (hair, beard, skin) and wears (headwear, glasses, clothes)."""
    faces = view != "behind"
    has: list[str] = []
    if words["headwear"] == "none":
        has.append(_hair(words["hair"], words["hair_color"], draw))
    if faces and words["beard"] != "none":
        has.append(_beard(words["beard"], words["beard_color"], draw))
    if draw.random() < 0.25:
        has.append(_TONES[round(words["tone"])])
    wears: list[str] = []
    if words["headwear"] != "none":
        wears.append(article(f"{words['headwear_color']} {words['headwear']}"))
    if faces and words["glasses"] != "none":
        wears.append(words["glasses"])
    wears.append(article(f"{words['clothes_color']} {words['clothes']}"))
    return has, wears


def _hair(style: str, color: str, draw: random.Random) -> str:
    if style == "bald":
        return "a shaved head"
    if style == "buzz":
        return draw.choice((article(f"{color} buzz cut"), f"cropped {color} hair"))
    if style in ("afro", "bob"):
        return article(f"{color} {style}")
    if style in ("ponytail", "bun"):
        return draw.choice((f"{color} hair in a {style}", article(f"{color} {style}")))
    adjective = {"slicked back": "slicked-back", "side part": "side-parted"}.get(style, style)
    return f"{adjective} {color} hair"


def _beard(kind: str, color: str, draw: random.Random) -> str:
    noun = draw.choice(("full beard", "beard")) if kind == "full beard" else kind
    phrase = f"{color} {noun}" if color in ("gray", "white") or draw.random() < 0.4 else noun
    return phrase if kind == "stubble" else article(phrase)


# ---- several people ------------------------------------------------------------------------------


def _many(people: Sequence[Person], draw: random.Random) -> str:
    """As "a group of seven people, among them a woman in a red hat", or how many of each kind."""
    number = _NUMBER_WORDS.get(len(people), str(len(people)))
    if draw.random() < 0.5:
        return _census(people, draw)
    group = draw.choice(
        (f"a group of {number} people", f"{number} people", f"a crowd of {number} people")
    )
    shown = draw.sample(people, draw.randint(1, 2))
    among = draw.choice(("among them", "including"))
    return f"{group}, {among} {listing([_phrase(person, 2, draw) for person in shown])},"


def _census(people: Sequence[Person], draw: random.Random) -> str:
    def kind(person: Person) -> str:
        age, male = person.words["age"], person.words["sex"] == "male"
        if age < 13:
            return "boy" if male else "girl"
        return "man" if male else "woman"

    counts = Counter(kind(person) for person in people)
    plurals = {"man": "men", "woman": "women", "boy": "boys", "girl": "girls"}
    kinds = [name for name in plurals if counts[name]]
    draw.shuffle(kinds)
    phrases: list[str] = []
    for name in kinds:
        number = counts[name]
        several = f"{_NUMBER_WORDS.get(number, str(number))} {plurals[name]}"
        phrases.append(article(name) if number == 1 else several)
    return listing(phrases)


def _shared_posture(people: Sequence[Person]) -> str:
    postures = {person.posture for person in people}
    return next(iter(postures)) if len(postures) == 1 else ""
