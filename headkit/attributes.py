"""The words for people: the attributes that can be asked for, and what values they take.

`poses[].attributes` and the prompt use these words; the renderer draws them. An attribute that is not
given is drawn from the record's seed.
"""

from __future__ import annotations

# Values in the order in which help and docs list them. `age` is years, `tone` a step of the Monk scale.
SEX = ("female", "male")
AGE = (0, 95)
ORIGIN = ("african", "east asian", "south asian", "european", "latin american", "middle eastern", "pacific islander")
TONE = (1, 10)  # Monk skin tone scale, 1 the lightest
HAIR = ("bald", "buzz", "short", "side part", "slicked back", "curly", "afro", "bob", "long", "ponytail", "bun")
HAIR_COLOR = ("black", "dark brown", "brown", "auburn", "red", "blond", "gray", "white")
HEADWEAR = ("none", "hat", "cap", "beanie", "headscarf")
GLASSES = ("none", "glasses", "sunglasses")
BEARD = ("none", "stubble", "moustache", "goatee", "full beard")
EXPRESSION = ("neutral", "smile", "laugh", "surprised", "sad", "angry", "disgusted", "talking", "eyes closed")
CLOTHES = ("t-shirt", "shirt", "sweater", "hoodie", "jacket", "tank top", "dress")
CLOTHES_COLOR = ("black", "white", "gray", "navy", "blue", "green", "red", "orange", "yellow", "pink", "purple", "brown", "beige")

VOCABULARY: dict[str, tuple[str, ...]] = {
    "sex": SEX,
    "origin": ORIGIN,
    "hair": HAIR,
    "hair_color": HAIR_COLOR,
    "headwear": HEADWEAR,
    "glasses": GLASSES,
    "beard": BEARD,
    "expression": EXPRESSION,
    "clothes": CLOTHES,
    "clothes_color": CLOTHES_COLOR,
}
