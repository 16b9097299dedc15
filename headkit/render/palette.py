"""Colours of people and clothes, as linear RGB albedo with seeded variation.

The sRGB values are our own picks from looking at renders: a skin swatch such as the Monk scale's is
what a screen shows, brighter than the albedo that gives that picture under a light.
"""

from __future__ import annotations

import numpy as np

from headkit.attributes import ORIGIN

Color = tuple[float, float, float]

_SKIN = (
    "dfb8a1",
    "d8ac92",
    "cfa085",
    "c19377",
    "ae8265",
    "976c51",
    "7f5944",
    "664535",
    "4e352a",
    "3c2a23",
)
_IRIS = {"brown": "4a2f1c", "dark brown": "2a1a10", "hazel": "6a5230", "green": "5c6b45",
         "blue": "5a7c98", "gray": "78858c"}  # fmt: skip
_HAIR = {"black": "15110f", "dark brown": "2d1e15", "brown": "4d3422", "auburn": "5b2c1a", "red": "8a4020",
         "blond": "b08d57", "gray": "8d8a86", "white": "d6d3cd"}  # fmt: skip
_CLOTH = {
    "black": ("1b1b1d", "26262a", "2a2624"),
    "white": ("cdcbc6", "d6d2c6", "c4c8cc"),
    "gray": ("7c7d7f", "56585c", "9c9a96", "8a8378"),
    "navy": ("1f2a44", "26324f", "1c2c3a"),
    "blue": ("2f5d9b", "6f93b8", "3d4f7a", "2c7a94", "8fa9c4", "48619c"),
    "green": ("3c6b45", "6b7048", "8c9c7c", "24493c", "4f7f78", "7d9a52"),
    "red": ("a32a2a", "7c2230", "b5483c", "8a3436"),
    "orange": ("c96a28", "b85a2c", "d0802c", "a8481e"),
    "yellow": ("d2ac3c", "c49a3a", "d8c078", "b39038"),
    "pink": ("d08a9c", "b8849c", "b0607c", "c76a80"),
    "purple": ("6b4a86", "54365c", "8a7aa4", "7a4a68"),
    "brown": ("6b4a32", "4a3528", "8a684a", "7a4c34"),
    "beige": ("c4b08e", "b09c7c", "cfc2a8", "a8957c"),
}
_FRAMES = ("141414", "2b1a10", "4a2c18", "5e5e60", "a08a50", "26324e", "6a1f24")
_LENSES = ("0c0c0d", "1c1410", "10161c")
_SHOES = ("181716", "e2e0dc", "4a3324", "6b6b6c", "2a3350")
_DENIM = ("2b3a57", "4b648c", "1c2230", "7f96b4")
_IRIS_ODDS = {
    "european": {"blue": 30, "gray": 8, "green": 12, "hazel": 15, "brown": 30, "dark brown": 5},
    "latin american": {"hazel": 10, "green": 4, "blue": 3, "brown": 50, "dark brown": 33},
    "middle eastern": {"hazel": 14, "green": 5, "blue": 3, "brown": 50, "dark brown": 28},
}


def linear(hexadecimal: str) -> Color:
    """Linear RGB of an sRGB colour written as six hexadecimal digits (IEC 61966-2-1)."""
    values = [int(hexadecimal[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values
    )
    return red, green, blue


def _vary(color: Color, rng: np.random.Generator, value: float, hue: float) -> Color:
    """The colour with its brightness and its balance varied by log-normal factors."""
    factors = np.exp(rng.normal(0.0, value) + rng.normal(0.0, hue, 3))
    red, green, blue = np.clip(np.array(color) * factors, 0.0, 0.92).tolist()
    return red, green, blue


def origin_weights(word: str, rng: np.random.Generator) -> dict[str, float]:
    """Weights of the words of attributes.ORIGIN, sum 1: mostly `word`, with some of another."""
    other = str(rng.choice([name for name in ORIGIN if name != word]))
    share = float(max(0.0, rng.normal(0.06, 0.1)))
    share = min(share, 0.35)
    return {word: 1.0 - share, other: share}


def skin(tone: float, undertone: float) -> Color:
    """Albedo of a Monk tone (1 to 10, fractions blend); undertone in sigmas, golden above 0, rosy below."""
    low = min(int(tone), 9)
    one, two = np.log(linear(_SKIN[low - 1])), np.log(linear(_SKIN[low]))
    color = np.exp(one + (two - one) * (tone - low))
    shift = float(np.clip(undertone, -2.0, 2.0)) * 0.035
    red, green, blue = (
        color * np.array([1.0 - 0.4 * shift, 1.0 + 0.3 * shift, 1.0 - 1.8 * shift])
    ).tolist()
    return red, green, blue


def lips(tone: float, *, made_up: bool, rng: np.random.Generator) -> Color:
    """Factor on the skin's albedo; stronger with lipstick."""
    if made_up:
        return _vary((0.75, 0.26, 0.28), rng, 0.12, 0.12)
    contrast = float(np.interp(tone, [1, 10], [1.0, 0.55]))
    red, green, blue = (1 - contrast * (1 - value) for value in (0.84, 0.58, 0.59))
    return _vary((red, green, blue), rng, 0.03, 0.03)


def iris(origin: str, rng: np.random.Generator) -> Color:
    """Of the eyes, by the odds of the origin; brown where none are listed."""
    odds = _IRIS_ODDS.get(origin, {"hazel": 1, "brown": 35, "dark brown": 64})
    names = list(odds)
    name = names[int(rng.choice(len(names), p=np.array(list(odds.values())) / sum(odds.values())))]
    return _vary(linear(_IRIS[name]), rng, 0.15, 0.05)


def hair(word: str, rng: np.random.Generator) -> Color:
    """Of a hair colour word."""
    return _vary(linear(_HAIR[word]), rng, 0.20, 0.06)


def brow(color: Color, gray: float, age: float) -> Color:
    """Brows are darker than the hair, but for a child's, and stay dark longer than it."""
    darker = float(np.interp(age, (2, 16), (1.3, 0.62)))
    red, green, blue = (darker * value * (1 - 0.55 * gray) for value in color)
    return red, green * 0.97, blue * 0.92


def cloth(word: str, rng: np.random.Generator) -> Color:
    """Of a colour word of clothes: one of its hues, lighter or darker, more or less faded."""
    hues = _CLOTH[word]
    red, green, blue = _vary(linear(hues[int(rng.integers(len(hues)))]), rng, 0.20, 0.06)
    gray, faded = (red + green + blue) / 3, float(rng.uniform(0.0, 0.25))
    return red + faded * (gray - red), green + faded * (gray - green), blue + faded * (gray - blue)


def bottom(kind: str, rng: np.random.Generator) -> Color:
    """Of trousers and skirts: denim for jeans, else muted cloth."""
    if kind == "jeans":
        return _vary(linear(_DENIM[int(rng.integers(len(_DENIM)))]), rng, 0.1, 0.03)
    words = ("black", "gray", "navy", "brown", "beige", "green", "white")
    return cloth(words[int(rng.integers(len(words)))], rng)


def frame(rng: np.random.Generator) -> Color:
    """Of the frame of glasses."""
    return _vary(linear(_FRAMES[int(rng.integers(len(_FRAMES)))]), rng, 0.1, 0.04)


def lens(rng: np.random.Generator) -> Color:
    """Of the lenses of sunglasses."""
    return linear(_LENSES[int(rng.integers(len(_LENSES)))])


def shoes(rng: np.random.Generator) -> Color:
    """Of shoes."""
    return _vary(linear(_SHOES[int(rng.integers(len(_SHOES)))]), rng, 0.1, 0.03)
