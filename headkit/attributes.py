"""The words for people and places: what can be asked for, what values there are, and seeded draws.

`poses[].attributes` and the prompt use these words; the renderer draws them. An attribute that is not
given is drawn from the record's seed: flat over sex, age, origin and skin tone, so that a dataset is
not the mirror of a crawl, and plausible given those for the rest (beards on men, gray with age).
Standard library only.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

# Values in the order in which help and docs list them. `age` is years, `tone` a step of the Monk scale.
SEX = ("female", "male")
AGE = (0, 95)
ORIGIN = (
    "african", "east asian", "south asian", "european", "latin american", "middle eastern",
    "pacific islander",
)  # fmt: skip
TONE = (1, 10)  # Monk skin tone scale, 1 the lightest
HAIR = (
    "bald", "buzz", "short", "side part", "slicked back", "curly", "afro", "bob", "long",
    "ponytail", "bun",
)  # fmt: skip
HAIR_COLOR = ("black", "dark brown", "brown", "auburn", "red", "blond", "gray", "white")
HEADWEAR = ("none", "hat", "cap", "beanie", "headscarf")
GLASSES = ("none", "glasses", "sunglasses")
BEARD = ("none", "stubble", "moustache", "goatee", "full beard")
EXPRESSION = (
    "neutral", "smile", "laugh", "surprised", "sad", "angry", "disgusted", "talking",
    "eyes closed",
)  # fmt: skip
CLOTHES = ("t-shirt", "shirt", "sweater", "hoodie", "jacket", "tank top", "dress")
COLOR = (
    "black", "white", "gray", "navy", "blue", "green", "red", "orange", "yellow", "pink",
    "purple", "brown", "beige",
)  # fmt: skip
CLOTHES_COLOR = COLOR
HEADWEAR_COLOR = COLOR
BEARD_COLOR = HAIR_COLOR

VOCABULARY: dict[str, tuple[str, ...]] = {
    "sex": SEX,
    "origin": ORIGIN,
    "hair": HAIR,
    "hair_color": HAIR_COLOR,
    "headwear": HEADWEAR,
    "headwear_color": HEADWEAR_COLOR,
    "glasses": GLASSES,
    "beard": BEARD,
    "beard_color": BEARD_COLOR,
    "expression": EXPRESSION,
    "clothes": CLOTHES,
    "clothes_color": CLOTHES_COLOR,
}
# The words for places: what lights a scene and what lies behind its people.
LIGHT = ("studio", "window", "indoor", "daylight", "overcast", "sunset", "night")
BACKGROUND = (
    "plain", "wall", "room", "office", "street", "park", "forest", "beach", "field", "stage",
)  # fmt: skip
# The lights that go with a place; one written twice is twice as common.
LIGHTS_OF: dict[str, tuple[str, ...]] = {
    "plain": ("studio", "studio", "window"),
    "wall": ("daylight", "overcast", "studio", "sunset", "night"),
    "room": ("window", "indoor", "indoor"),
    "office": ("window", "indoor"),
    "street": ("daylight", "overcast", "sunset", "night"),
    "park": ("daylight", "overcast", "sunset"),
    "forest": ("daylight", "overcast", "sunset"),
    "beach": ("daylight", "overcast", "sunset"),
    "field": ("daylight", "overcast", "sunset"),
    "stage": ("indoor", "night"),
}
RANGES: dict[str, tuple[int, int]] = {"age": AGE, "tone": TONE}
NAMES = (
    "sex", "age", "origin", "tone", "hair", "hair_color", "headwear", "headwear_color",
    "glasses", "beard", "beard_color", "expression", "clothes", "clothes_color",
)  # fmt: skip

ADULT = 16  # years from which beards, gray hair and adult clothes are drawn
DRAWN_AGES = (2, 90)  # the ages drawn where none is asked for
# Tones of an origin: the middle and the spread of a normal curve over the ten steps, wide on purpose.
_TONE_OF: dict[str, tuple[float, float]] = {
    "african": (8.4, 1.7),
    "east asian": (3.8, 1.5),
    "south asian": (6.3, 1.8),
    "european": (2.4, 1.5),
    "latin american": (4.9, 1.9),
    "middle eastern": (4.6, 1.7),
    "pacific islander": (6.6, 1.5),
}


def seeded(seed: int, *purpose: str) -> random.Random:
    """A generator that depends on nothing but (seed, purpose): the record's id, the person, the tool."""
    text = "\0".join((str(seed), *purpose))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return random.Random(int.from_bytes(digest, "big"))


def check(given: Any) -> dict[str, Any]:
    """Attributes as they came in a record, checked.

    Words are compared without regard to case; keys that are not ours are left out (other tools may
    keep their own), and None means not given. ValueError names the attribute, the value and the choice.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"attributes: an object is needed, found {type(given).__name__}")
    known: dict[str, Any] = {}
    for name in NAMES:
        value = given.get(name)
        if value is None:
            continue
        if name in RANGES:
            low, high = RANGES[name]
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not low <= value <= high:
                raise ValueError(
                    f"attribute {name} {value!r}: a number from {low} to {high} is needed"
                )
            known[name] = value
        else:
            word = value.strip().lower() if isinstance(value, str) else value
            if word not in VOCABULARY[name]:
                choice = ", ".join(VOCABULARY[name])
                raise ValueError(f"attribute {name} {value!r} is not known; choose from {choice}")
            known[name] = word
    return known


def youngest(given: Mapping[str, Any]) -> int:
    """Years from which a person with these attributes is drawn where no age is asked for."""
    return 18 if _bearded(given) else DRAWN_AGES[0]


def _bearded(given: Mapping[str, Any]) -> bool:
    return given.get("beard") not in (None, "none")


def complete(given: Mapping[str, Any], draw: random.Random) -> dict[str, Any]:
    """All attributes of one person: those given, as they are, and plausible draws of the rest.

    Every attribute takes its own number from `draw` whether it is given or not, so that asking for
    one thing leaves the others as they were.
    """
    numbers = {name: random.Random(draw.getrandbits(64)) for name in NAMES}
    person: dict[str, Any] = {}

    def settle(name: str, value: Any) -> Any:
        person[name] = given[name] if given.get(name) is not None else value
        return person[name]

    sex = settle("sex", "male" if _bearded(given) else numbers["sex"].choice(SEX))
    age = settle("age", numbers["age"].randint(youngest(given), DRAWN_AGES[1]))
    origin, tone = _origin_and_tone(given, numbers["origin"], numbers["tone"])
    settle("origin", origin)
    settle("tone", tone)
    origin = person["origin"]
    settle("hair", _weighted(_hair_weights(sex, age, origin), numbers["hair"]))
    color = settle("hair_color", _hair_color(sex, age, origin, numbers["hair_color"]))
    headwear = _weighted(_headwear_weights(sex, age, origin), numbers["headwear"])
    settle("headwear", "hat" if given.get("headwear_color") and headwear == "none" else headwear)
    settle("headwear_color", numbers["headwear_color"].choice(HEADWEAR_COLOR))
    settle("glasses", _weighted(_glasses_weights(age), numbers["glasses"]))
    settle("beard", _weighted(_beard_weights(sex, age), numbers["beard"]))
    settle("beard_color", color)
    settle("expression", _weighted(_EXPRESSION_WEIGHTS, numbers["expression"]))
    settle("clothes", _weighted(_clothes_weights(sex, age), numbers["clothes"]))
    settle("clothes_color", numbers["clothes_color"].choice(CLOTHES_COLOR))
    return person


# ---- plausible draws -----------------------------------------------------------------------------

_FAIR = ("auburn", "red", "blond")  # hair
_FAIR_SHARE = {"european": 1.0, "latin american": 0.15, "middle eastern": 0.1}
_EXPRESSION_WEIGHTS = {
    "neutral": 30.0,
    "smile": 26.0,
    "laugh": 9.0,
    "surprised": 6.0,
    "sad": 6.0,
    "angry": 6.0,
    "disgusted": 4.0,
    "talking": 10.0,
    "eyes closed": 3.0,
}


def _weighted(weights: Mapping[str, float], draw: random.Random) -> str:
    words = list(weights)
    return draw.choices(words, [weights[word] for word in words])[0]


@lru_cache(maxsize=1)
def _origin_tone_table() -> dict[str, tuple[float, ...]]:
    """The joint weights of origin and tone whose two marginals are flat.

    Each origin's plausible tones are scaled by rows and columns in turn (Sinkhorn and Knopp 1967), so
    that no tone is rare in a dataset and no origin has tones that it has not in life.
    """
    from math import exp

    steps = range(TONE[0], TONE[1] + 1)
    table = {
        origin: [exp(-(((step - middle) / spread) ** 2) / 2) for step in steps]
        for origin, (middle, spread) in _TONE_OF.items()
    }
    for _ in range(60):
        for row in table.values():
            total = sum(row)
            row[:] = [weight / total for weight in row]
        columns = [sum(row[k] for row in table.values()) for k in range(len(steps))]
        for row in table.values():
            row[:] = [weight / columns[k] for k, weight in enumerate(row)]
    return {origin: tuple(row) for origin, row in table.items()}


def likely_tones() -> dict[str, tuple[float, ...]]:
    """The joint weights of origin and of tone, step by step, that are drawn from."""
    return _origin_tone_table()


def likely(name: str, sex: str, age: float, origin: str) -> dict[str, float]:
    """How likely each word of an attribute is for such a person; the weights add up to 1."""
    if name in {"hair_color", "beard_color"}:
        weights = _hair_color_weights(sex, age, origin)
    else:
        weights = {
            "hair": lambda: _hair_weights(sex, age, origin),
            "headwear": lambda: _headwear_weights(sex, age, origin),
            "glasses": lambda: _glasses_weights(age),
            "beard": lambda: _beard_weights(sex, age),
            "expression": lambda: _EXPRESSION_WEIGHTS,
            "clothes": lambda: _clothes_weights(sex, age),
        }.get(name, lambda: dict.fromkeys(VOCABULARY[name], 1.0))()
    total = sum(weights.values())
    return {word: weights.get(word, 0.0) / total for word in VOCABULARY[name]}


def _origin_and_tone(
    given: Mapping[str, Any], origin_draw: random.Random, tone_draw: random.Random
) -> tuple[str, float]:
    table = _origin_tone_table()
    origin, tone = given.get("origin"), given.get("tone")
    if origin is None:
        weights = {
            name: row[round(tone) - TONE[0]] if tone is not None else sum(row)
            for name, row in table.items()
        }
        if given.get("hair_color") in _FAIR:  # asked for red hair alone: of whom it is likely
            weights = {
                name: weight * _FAIR_SHARE.get(name, 0.02) for name, weight in weights.items()
            }
        origin = _weighted(weights, origin_draw)
    if tone is None:
        steps = range(TONE[0], TONE[1] + 1)
        tone = tone_draw.choices(steps, table[origin])[0]
    return origin, tone


def _hair_weights(sex: str, age: float, origin: str) -> dict[str, float]:
    weights = dict.fromkeys(HAIR, 0.0)
    if age < 3:
        weights |= {"buzz": 3.0, "short": 6.0, "curly": 1.0}
    elif sex == "male":
        weights |= {"buzz": 14.0, "short": 30.0, "side part": 18.0, "slicked back": 9.0}
        weights |= {"curly": 9.0, "long": 4.0, "ponytail": 1.5, "bun": 1.5, "bob": 1.0}
        if age >= 30:
            weights["bald"] = min(22.0, (age - 25) * 0.4)
        if age < ADULT:
            weights |= {"slicked back": 3.0, "ponytail": 0.5, "bun": 0.5}
        elif age >= 55:  # few old men wear it long
            weights |= {"long": 1.2, "ponytail": 0.8, "bun": 0.3, "bob": 0.2}
    else:
        weights |= {"long": 30.0, "ponytail": 16.0, "bun": 13.0, "bob": 16.0, "curly": 10.0}
        weights |= {"short": 5.0, "side part": 4.0, "slicked back": 2.0, "buzz": 1.0}
        if age >= 55:  # with the years hair is cut shorter, or put up
            weights |= {"long": 30.0 - 24.0 * min(1.0, (age - 45) / 25), "ponytail": 6.0}
            weights |= {"short": 24.0, "bob": 20.0, "curly": 14.0, "side part": 8.0}
        weights["bald"] = 0.4 if age >= ADULT else 0.0
    if origin == "african":
        weights |= {"afro": 18.0, "curly": 16.0, "side part": weights["side part"] / 3}
        weights["buzz"] *= 1.8
    elif origin in ("latin american", "pacific islander", "middle eastern"):
        weights |= {"curly": weights["curly"] * 1.5, "afro": 1.0}
    elif origin == "east asian":
        weights["curly"] *= 0.4
    return weights


def _gray(sex: str, age: float) -> tuple[float, float]:
    """The share of gray or white hair, and of white within it."""
    gray = max(0.0, min(0.92, (age - 38) / 42)) * (0.66 if sex == "female" else 1.0)  # some dye it
    return gray, min(1.0, max(0.0, (age - 58) / 50))


def _hair_color(sex: str, age: float, origin: str, draw: random.Random) -> str:
    gray, white = _gray(sex, age)
    if draw.random() < gray:
        return "white" if draw.random() < white else "gray"
    return _weighted(_young_hair(origin), draw)


def _hair_color_weights(sex: str, age: float, origin: str) -> dict[str, float]:
    """The weights that _hair_color draws by."""
    gray, white = _gray(sex, age)
    young = _young_hair(origin)
    total = sum(young.values())
    weights = {word: (1 - gray) * weight / total for word, weight in young.items()}
    return {**weights, "gray": gray * (1 - white), "white": gray * white}


def _young_hair(origin: str) -> dict[str, float]:
    if origin == "european":
        return _FAIR_HAIR
    return _MIXED_HAIR if origin in ("latin american", "middle eastern") else _DARK_HAIR


_DARK_HAIR = {
    "black": 62.0,
    "dark brown": 30.0,
    "brown": 5.0,
    "auburn": 2.0,
    "blond": 1.5,
    "red": 0.5,
}
_MIXED_HAIR = {
    "black": 30.0,
    "dark brown": 38.0,
    "brown": 20.0,
    "auburn": 5.0,
    "blond": 5.0,
    "red": 1.0,
}
_FAIR_HAIR = {
    "black": 7.0,
    "dark brown": 22.0,
    "brown": 28.0,
    "auburn": 9.0,
    "blond": 27.0,
    "red": 7.0,
}


def _headwear_weights(sex: str, age: float, origin: str) -> dict[str, float]:
    weights = {"none": 80.0, "hat": 6.0, "cap": 7.0, "beanie": 5.0, "headscarf": 0.0}
    if sex == "female" and age >= ADULT:
        weights["cap"] = 4.0
        weights["headscarf"] = 9.0 if origin == "middle eastern" else 1.5
    return weights


def _glasses_weights(age: float) -> dict[str, float]:
    if age < ADULT:
        return {"none": 88.0, "glasses": 9.0, "sunglasses": 3.0}
    share = 20.0 if age < 45 else 34.0
    return {"none": 92.0 - share, "glasses": share, "sunglasses": 8.0}


def _beard_weights(sex: str, age: float) -> dict[str, float]:
    if sex == "female" or age < ADULT:
        return {"none": 1.0}
    if age < 20:
        return {"none": 75.0, "stubble": 20.0, "moustache": 3.0, "goatee": 2.0}
    return {"none": 42.0, "stubble": 20.0, "moustache": 9.0, "goatee": 10.0, "full beard": 19.0}


def _clothes_weights(sex: str, age: float) -> dict[str, float]:
    weights = {"t-shirt": 24.0, "shirt": 20.0, "sweater": 16.0, "hoodie": 12.0, "jacket": 14.0}
    weights |= {"tank top": 6.0, "dress": 0.0}
    if sex == "female":
        weights["dress"] = 14.0
    if age < ADULT:
        weights |= {"t-shirt": 34.0, "shirt": 10.0, "jacket": 8.0, "hoodie": 18.0}
    elif age >= 60:
        weights |= {"shirt": 32.0, "sweater": 24.0, "hoodie": 3.0, "tank top": 1.0}
    return weights
