"""The phrases that headkit.prompt understands, one table per kind. All lower case, without hyphens."""

from __future__ import annotations

from typing import Any

DETERMINERS = frozenset(
    ("a", "an", "the", "this", "that", "one", "another", "some", "his", "her", "their")
)
SHARED = frozenset(("both", "all", "everyone", "everybody", "each"))  # what follows is said of all
NEGATIONS = frozenset(("without", "no", "not", "never", "neither", "nor", "lacking"))
SUBSET = frozenset(("among", "including", ":"))  # who follows was counted before
STOPS = DETERMINERS | frozenset(  # where the words that describe a thing begin
    ("with", "in", "and", "wearing", "wears", "has", "having", ",", ".", ";", ":", "!", "?")
)
NUMBERS = {
    "zero": 0,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
}

_CHILD, _TEEN = (4, 12), (13, 17)


def _person(sex: str | None, ages: tuple[int, int] | None) -> dict[str, Any]:
    return {name: value for name, value in (("sex", sex), ("age", ages)) if value is not None}


# noun -> (what it says, whether it is plural)
PEOPLE: dict[str, tuple[dict[str, Any], bool]] = {}
for _singular, _plural, _sex, _ages in (
    ("man", "men", "male", None),
    ("woman", "women", "female", None),
    ("guy", "guys", "male", None),
    ("gentleman", "gentlemen", "male", None),
    ("lady", "ladies", "female", None),
    ("male", "males", "male", None),
    ("female", "females", "female", None),
    ("boy", "boys", "male", _CHILD),
    ("girl", "girls", "female", _CHILD),
    ("child", "children", None, _CHILD),
    ("kid", "kids", None, _CHILD),
    ("toddler", "toddlers", None, (1, 3)),
    ("baby", "babies", None, (0, 1)),
    ("infant", "infants", None, (0, 1)),
    ("teenager", "teenagers", None, _TEEN),
    ("teen", "teens", None, _TEEN),
    ("adult", "adults", None, (20, 60)),
    ("senior", "seniors", None, (65, 85)),
    ("pensioner", "pensioners", None, (65, 85)),
    ("grandmother", "grandmothers", "female", (60, 85)),
    ("grandfather", "grandfathers", "male", (60, 85)),
    ("person", "persons", None, None),
    ("individual", "individuals", None, None),
    ("friend", "friends", None, None),
    ("student", "students", None, (16, 27)),
    ("worker", "workers", None, (20, 62)),
):
    PEOPLE[_singular] = (_person(_sex, _ages), False)
    PEOPLE[_plural] = (_person(_sex, _ages), True)
PEOPLE |= {
    "people": ({}, True),
    "teenage boy": (_person("male", _TEEN), False),
    "teenage girl": (_person("female", _TEEN), False),
    "teenage boys": (_person("male", _TEEN), True),
    "teenage girls": (_person("female", _TEEN), True),
    "brunette": ({"sex": "female", "hair_color": "brown"}, False),
    "redhead": ({"hair_color": "red"}, False),
}
# nouns of several people; the number, where the word says it
GROUPS: dict[str, tuple[dict[str, Any], bool]] = {
    "couple": ({"count": 2}, True),
    "pair of people": ({"count": 2}, True),
    "twins": ({"count": 2}, True),
    "trio": ({"count": 3}, True),
}

# phrase -> years from and to
AGES: dict[str, tuple[int, int]] = {
    "newborn": (0, 0),
    "teenage": _TEEN,
    "adolescent": _TEEN,
    "young": (18, 30),
    "little": (3, 6),
    "small": (3, 6),
    "adult": (20, 60),
    "middle aged": (42, 56),
    "mature": (45, 60),
    "older": (58, 72),
    "elderly": (70, 88),
    "old": (66, 86),
    "aged": (70, 88),
    "retired": (65, 80),
}

# phrase -> (attribute, value) of what is worn or grown and may have a colour before it
THINGS: dict[str, tuple[str, str]] = {
    "hair": ("hair", "hair"),
    "haired": ("hair", "hair"),
    "ponytail": ("hair", "ponytail"),
    "pony tail": ("hair", "ponytail"),
    "bun": ("hair", "bun"),
    "chignon": ("hair", "bun"),
    "afro": ("hair", "afro"),
    "bob": ("hair", "bob"),
    "bob cut": ("hair", "bob"),
    "buzz cut": ("hair", "buzz"),
    "buzzcut": ("hair", "buzz"),
    "crew cut": ("hair", "buzz"),
    "curls": ("hair", "curly"),
    "side part": ("hair", "side part"),
    "side parting": ("hair", "side part"),
    "hat": ("headwear", "hat"),
    "fedora": ("headwear", "hat"),
    "sun hat": ("headwear", "hat"),
    "straw hat": ("headwear", "hat"),
    "cap": ("headwear", "cap"),
    "baseball cap": ("headwear", "cap"),
    "beanie": ("headwear", "beanie"),
    "knit cap": ("headwear", "beanie"),
    "woolly hat": ("headwear", "beanie"),
    "headscarf": ("headwear", "headscarf"),
    "head scarf": ("headwear", "headscarf"),
    "hijab": ("headwear", "headscarf"),
    "glasses": ("glasses", "glasses"),
    "eyeglasses": ("glasses", "glasses"),
    "spectacles": ("glasses", "glasses"),
    "reading glasses": ("glasses", "glasses"),
    "sunglasses": ("glasses", "sunglasses"),
    "sun glasses": ("glasses", "sunglasses"),
    "dark glasses": ("glasses", "sunglasses"),
    "shades": ("glasses", "sunglasses"),
    "beard": ("beard", "full beard"),
    "full beard": ("beard", "full beard"),
    "stubble": ("beard", "stubble"),
    "moustache": ("beard", "moustache"),
    "mustache": ("beard", "moustache"),
    "goatee": ("beard", "goatee"),
    "t shirt": ("clothes", "t-shirt"),
    "tshirt": ("clothes", "t-shirt"),
    "tee": ("clothes", "t-shirt"),
    "shirt": ("clothes", "shirt"),
    "blouse": ("clothes", "shirt"),
    "sweater": ("clothes", "sweater"),
    "jumper": ("clothes", "sweater"),
    "pullover": ("clothes", "sweater"),
    "cardigan": ("clothes", "sweater"),
    "hoodie": ("clothes", "hoodie"),
    "sweatshirt": ("clothes", "hoodie"),
    "jacket": ("clothes", "jacket"),
    "coat": ("clothes", "jacket"),
    "blazer": ("clothes", "jacket"),
    "suit": ("clothes", "jacket"),
    "tank top": ("clothes", "tank top"),
    "singlet": ("clothes", "tank top"),
    "dress": ("clothes", "dress"),
    "gown": ("clothes", "dress"),
}
THINGS |= {
    phrase + "s": value
    for phrase, value in list(THINGS.items())
    if value[0] in ("headwear", "beard", "clothes") and not phrase.endswith(("s", "y"))
} | {"hoodies": ("clothes", "hoodie"), "dresses": ("clothes", "dress")}

_EXPRESSIONS = {
    "neutral": "neutral expression|expressionless|serious|calm|blank expression|straight face|neutral",
    "smile": "smile|smiles|smiling|grin|grinning|grins|happy|cheerful|joyful",
    "laugh": "laugh|laughs|laughing|laughter",
    "surprised": "surprised|shocked|astonished|amazed|startled|surprise",
    "sad": "sad|unhappy|crying|sorrowful|upset|gloomy|sadly|sadness",
    "angry": "angry|furious|frowning|scowling|mad|angrily|frown|frowns|anger",
    "disgusted": "disgusted|disgust|grimacing",
    "talking": "talking|speaking|chatting|singing|shouting|talks|speaks|in conversation",
    "eyes closed": "eyes closed|closed eyes|eyes shut|sleeping|asleep|sleeps",
}
_ORIGINS = {
    "african": "african|african american|black skinned|nigerian|kenyan|ethiopian|ghanaian",
    "east asian": "east asian|asian|chinese|japanese|korean|vietnamese|thai",
    "south asian": "south asian|indian|pakistani|bangladeshi|sri lankan",
    "european": "european|caucasian|scandinavian|german|french|british|irish|italian",
    "latin american": "latin american|latino|latina|latin|hispanic|mexican|brazilian|colombian",
    "middle eastern": "middle eastern|arab|arabic|persian|iranian|turkish|lebanese",
    "pacific islander": "pacific islander|polynesian|samoan|maori|tongan|hawaiian|fijian",
}
_TONES = {
    1: "very pale skin|very pale skinned|very light skin",
    2: "pale skin|pale skinned|fair skin|fair skinned|pale",
    3: "light skin|light skinned",
    5: "tan skin|tanned skin|tanned|olive skin|olive skinned|medium skin",
    6: "brown skin|brown skinned",
    8: "dark brown skin|dark skin|dark skinned",
    10: "very dark skin|very dark skinned",
}
_OTHERS: dict[str, tuple[str, str]] = {
    "bearded": ("beard", "full beard"),
    "unshaven": ("beard", "stubble"),
    "stubbly": ("beard", "stubble"),
    "clean shaven": ("beard", "none"),
    "beardless": ("beard", "none"),
    "bespectacled": ("glasses", "glasses"),
    "bareheaded": ("headwear", "none"),
    "bare headed": ("headwear", "none"),
    "bald": ("hair", "bald"),
    "balding": ("hair", "bald"),
    "shaved head": ("hair", "bald"),
    "blonde": ("hair_color", "blond"),
    "brunette": ("hair_color", "brown"),
    "redhead": ("hair_color", "red"),
    "he": ("sex", "male"),
    "his": ("sex", "male"),
    "him": ("sex", "male"),
    "she": ("sex", "female"),
    "her": ("sex", "female"),
    "black": ("black person", "african"),
    "white": ("white person", "european"),
    "male": ("sex", "male"),
    "female": ("sex", "female"),
}


def _spread(attribute: str, table: dict[Any, str]) -> dict[str, tuple[str, Any]]:
    return {
        phrase: (attribute, value)
        for value, phrases in table.items()
        for phrase in phrases.split("|")
    }


# phrase -> (attribute, value) of what a person is or does
TRAITS: dict[str, tuple[str, Any]] = (
    _spread("expression", _EXPRESSIONS)
    | _spread("origin", _ORIGINS)
    | _spread("tone", _TONES)
    | dict(_OTHERS)
)

# Words that may stand between a number or an article and the noun.
ADJECTIVES = frozenset(
    {word for phrase in TRAITS for word in phrase.split()}
    | {word for phrase in AGES for word in phrase.split()}
    | {"skinned", "haired", "tall", "short", "slim", "heavy", "long", "curly", "wavy", "straight"}
    | {"beautiful", "handsome", "pretty", "different", "very", "dark", "light", "fair", "blond"}
) - {"his", "her", "he", "she", "him", "in", "eyes", "smile", "smiles", "laughs", "sleeps", "talks"}

# word before "hair" or inside "hair tied in a bun" -> style; the first that is found counts
HAIR_STYLES: dict[str, str] = {
    "slicked back": "slicked back",
    "combed back": "slicked back",
    "tied back": "ponytail",
    "ponytail": "ponytail",
    "tied up": "bun",
    "bun": "bun",
    "tied": "ponytail",
    "pulled back": "ponytail",
    "side parted": "side part",
    "parted": "side part",
    "buzzed": "buzz",
    "cropped": "buzz",
    "shaved": "buzz",
    "shoulder length": "bob",
    "chin length": "bob",
    "medium length": "bob",
    "afro": "afro",
    "frizzy": "afro",
    "long": "long",
    "curly": "curly",
    "short": "short",
}
HAIR_COLORS: dict[str, str] = {
    "black": "black",
    "dark": "dark brown",
    "brown": "brown",
    "brunette": "brown",
    "chestnut": "brown",
    "auburn": "auburn",
    "red": "red",
    "ginger": "red",
    "blond": "blond",
    "blonde": "blond",
    "fair": "blond",
    "golden": "blond",
    "gray": "gray",
    "grey": "gray",
    "silver": "gray",
    "graying": "gray",
    "white": "white",
}
COLORS: dict[str, str] = {
    "black": "black",
    "white": "white",
    "gray": "gray",
    "grey": "gray",
    "silver": "gray",
    "charcoal": "gray",
    "navy": "navy",
    "blue": "blue",
    "teal": "blue",
    "turquoise": "blue",
    "green": "green",
    "olive": "green",
    "red": "red",
    "maroon": "red",
    "burgundy": "red",
    "crimson": "red",
    "orange": "orange",
    "yellow": "yellow",
    "gold": "yellow",
    "golden": "yellow",
    "pink": "pink",
    "purple": "purple",
    "violet": "purple",
    "lilac": "purple",
    "brown": "brown",
    "tan": "beige",
    "beige": "beige",
    "cream": "beige",
    "khaki": "beige",
}

_LIGHT_WORDS = {
    "studio": "studio light|studio lighting|studio|softbox|flash",
    "window": "window light|by a window|near a window|by the window|soft light",
    "indoor": "indoors|indoor|lamp light|lamplight|artificial light|candlelight",
    "overcast": "overcast|cloudy|foggy|rainy|rain|fog|mist|misty|gray day|snow",
    "sunset": "sunset|sunrise|golden hour|dusk|dawn|evening light|evening sun|low sun",
    "night": "night|at night|midnight|nighttime|neon|moonlight|street lamps",
    "daylight": "daylight|sunny|sunlight|sunshine|midday|noon|bright day|outdoors|morning|afternoon",
}
_BACKGROUND_WORDS = {
    "plain": "plain background|studio|studio backdrop|white background|gray background|seamless backdrop|passport photo",
    "wall": "wall|brick wall|walls",
    "room": "room|living room|kitchen|bedroom|home|house|at home|cafe|restaurant|bar|museum|shop|store",
    "office": "office|meeting|conference room|classroom|library|desk|school|hospital",
    "street": "street|city|road|sidewalk|downtown|market|crossing|alley|urban|town|station",
    "park": "park|garden|lawn|playground|backyard|yard",
    "forest": "forest|woods|trees|jungle|woodland|hiking trail",
    "beach": "beach|sea|ocean|coast|shore|lake|waves",
    "field": "field|meadow|mountains|mountain|hill|hills|desert|countryside|farm|stadium|pitch",
    "stage": "stage|concert|theater|theatre|party|club|festival",
}
# phrase -> word of attributes.LIGHT, of attributes.BACKGROUND
LIGHTS = {phrase: name for name, phrases in _LIGHT_WORDS.items() for phrase in phrases.split("|")}
BACKGROUNDS = {
    phrase: name for name, phrases in _BACKGROUND_WORDS.items() for phrase in phrases.split("|")
}
