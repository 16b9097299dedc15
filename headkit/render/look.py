"""How one person looks: every attribute resolved to what identity, dress and shading need.

Words come from headkit.attributes; here they become numbers, with small seeded variation, so that no
two people with the same words are alike. Colours are linear RGB albedo, 0 to 1.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from headkit import attributes
from headkit.render import palette
from headkit.render.human.expressions import enlivened, express

Color = tuple[float, float, float]  # linear RGB albedo
MEETS = 0.7  # of people in photographs look into the camera when they face it
Neckline = Literal["crew", "v", "scoop", "collar", "hood", "high"]
Bottom = Literal["trousers", "jeans", "shorts", "skirt", "none"]  # none: the dress covers
Pattern = Literal["plain", "stripes", "checks", "dots"]
GlassesShape = Literal["round", "rectangle", "oval", "cat-eye", "aviator"]
# How long hair is worn: `loose`, its upper half tied back, or all of it in tails, plaits or knots.
Arrangement = Literal[
    "loose", "half up", "tail", "two tails", "plait", "two plaits", "knot", "two knots", "coil",
]  # fmt: skip


@dataclass(frozen=True)
class Hair:
    """Hair of the scalp. Drawn under headwear as far as it shows."""

    style: str  # a word of attributes.HAIR
    color: Color  # of a strand that is not gray
    gray: float  # share of gray strands, 0 to 1; 1 with a gray or white `color` already
    root_darkening: float  # 0: even, 1: roots black
    waviness: float  # 0 straight, 0.5 waves, 1 tight curls
    length: float  # factor on the style's usual length, about 0.7 to 1.4
    volume: float  # factor on the style's usual thickness, about 0.8 to 1.25
    parting: float  # -1 the subject's right, 0 the middle, 1 the subject's left
    thinning: float  # -0.6 a low hairline, 0 a usual one, 1 bare crown and temples, a ring left
    fringe: float  # 0 none, 1 down to the brows
    arrangement: Arrangement


@dataclass(frozen=True)
class Beard:
    """Facial hair. `style` is a word of attributes.BEARD."""

    style: str
    color: Color
    gray: float  # share of gray strands
    length: float  # metres of the longest shell; stubble about 0.001, full beard 0.01 to 0.04
    density: float  # 0 to 1


@dataclass(frozen=True)
class Headwear:
    """What is worn on the head. `kind` is a word of attributes.HEADWEAR."""

    kind: str
    color: Color
    accent: Color  # hat band, pompom, edge
    tilt: tuple[float, float]  # pitch (brim down above 0), roll; degrees


@dataclass(frozen=True)
class Glasses:
    """`kind` is a word of attributes.GLASSES."""

    kind: str
    shape: GlassesShape
    frame: Color
    frame_width: float  # metres, 0.001 wire to 0.005 thick plastic
    tint: Color  # of the lens
    opacity: float  # of the lens: about 0.05 clear, 0.85 sunglasses
    size: float  # factor on lenses of 50 mm


@dataclass(frozen=True)
class Clothes:
    """`kind` is a word of attributes.CLOTHES, worn above; below a bottom and shoes."""

    kind: str
    neckline: Neckline
    sleeve: float  # 0 none, 0.3 above the elbow, 0.6 three quarters, 1 to the wrist
    color: Color
    second: Color  # of stripes, trim and the shirt under a jacket
    pattern: Pattern
    pattern_size: float  # metres
    looseness: float  # 0 tight, 1 baggy
    length: float  # hem: 0 at the waist, 1 at the hips; of a dress 0 above the knee, 1 to the ankle
    bottom: Bottom
    bottom_color: Color
    shoes: Color


@dataclass(frozen=True)
class Look:
    """Everything resolved about one person. `words` are the attributes that it was resolved from."""

    words: Mapping[str, Any]
    sex: float  # 0 female, 1 male
    age: float  # years
    origin: Mapping[str, float]  # words of attributes.ORIGIN -> weights that sum to 1
    tone: float  # Monk scale, 1 to 10
    skin: Color
    skin_roughness: float
    freckles: float  # 0 to 1
    redness: float  # of cheeks and nose, 0 to 1
    lips: Color  # factor on the skin's albedo
    iris: Color
    brow: Color
    brow_density: float  # 0 to 1
    hair: Hair
    beard: Beard
    headwear: Headwear
    glasses: Glasses
    clothes: Clothes
    expression: Mapping[str, float]  # facial action (ARKit name) -> weight 0 to 1; never jawOpen
    jaw: tuple[
        float, float, float
    ]  # rotation vector of the jaw, radians, canonical axes (+x opens)
    gaze: tuple[float, float]  # of both eyes against the head: yaw, pitch; degrees, as a head pose
    weight: float  # 0 thin .. 1 heavy
    muscle: float  # 0 .. 1
    height: float  # 0 short .. 1 tall for the age and sex
    seed: int  # of local noise: strands, mottling, weave
    meets: bool  # looks into the camera instead, where the eyes reach it


def resolve(given: Mapping[str, Any], rng: np.random.Generator) -> Look:
    """The look of a person with the attributes `given` (checked words), the rest drawn from `rng`."""
    draw = random.Random(int(rng.integers(1 << 63)))
    words = attributes.complete(given, draw)
    age, male = float(words["age"]), words["sex"] == "male"
    adult = age >= attributes.ADULT
    tone = float(np.clip(float(words["tone"]) + rng.normal(0.0, 0.22), 1.0, 10.0))
    weights = palette.origin_weights(words["origin"], rng)
    hair = _hair(words, rng)
    expression, jaw = express(words["expression"], rng)
    # A stream beside `rng`: what it decides leaves everything else as it was.
    beside = np.random.Generator(np.random.PCG64(draw.getrandbits(63)))
    return Look(
        words=words,
        sex=float(np.clip(rng.normal(0.9 if male else 0.1, 0.07), 0.0, 1.0)),
        age=age,
        origin=weights,
        tone=tone,
        skin=palette.skin(tone, float(rng.normal(0.0, 1.0))),
        skin_roughness=float(rng.uniform(0.48, 0.64)),
        freckles=float(max(0.0, rng.normal(-0.35, 0.5)) if tone < 4 else 0.0),
        redness=float(np.clip(rng.normal(0.34, 0.17), 0.0, 1.0)),
        lips=palette.lips(tone, made_up=not male and adult and rng.random() < 0.35, rng=rng),
        iris=palette.iris(words["origin"], rng),
        brow=palette.brow(hair.color, hair.gray, age),
        brow_density=float(np.clip(rng.normal(0.75 if male else 0.62, 0.12), 0.3, 1.0))
        * float(np.interp(age, (1, 16), (0.4, 1.0)))  # a child's are faint
        * (1.0 - 0.3 * hair.gray),
        hair=hair,
        beard=_beard(words, rng),
        headwear=_headwear(words, rng),
        glasses=_glasses(words, rng),
        clothes=_clothes(words, rng),
        expression=enlivened(expression, beside),
        jaw=jaw,
        gaze=(float(rng.normal(0.0, 7.0)), float(rng.normal(-1.0, 4.0))),
        weight=float(np.clip(rng.normal(0.5, 0.17), 0.1, 0.95)),
        muscle=float(np.clip(rng.normal(0.55 if male else 0.45, 0.12), 0.15, 0.9)),
        height=float(np.clip(rng.normal(0.5, 0.15), 0.1, 0.9)),
        seed=int(rng.integers(1 << 31)),
        meets=bool(beside.random() < MEETS),
    )


def _hair(words: Mapping[str, Any], rng: np.random.Generator) -> Hair:
    male = words["sex"] == "male"
    style, word, age = words["hair"], words["hair_color"], float(words["age"])
    waves = {"curly": 0.8, "afro": 1.0, "buzz": 0.3, "bald": 0.0}.get(style)
    if waves is None:
        typical = {"african": 0.7, "east asian": 0.08}.get(words["origin"], 0.3)
        waves = typical + float(rng.normal(0.0, 0.2))
    graying = 0.0
    if word not in ("gray", "white") and age > 32:  # gray strands before the hair is called gray
        graying = float(rng.uniform(0.0, min(0.45, (age - 32) / 60)))
    thinning = float(rng.uniform(-0.4, -0.05)) * min(1.0, max(0.0, (age - 2) / 2))
    if age < attributes.ADULT:
        thinning -= 0.25 * min(1.0, max(0.0, (age - 2) / 4))
    if male and age > 25:
        thinning = float(rng.uniform(-0.2, min(0.9, (age - 25) / 45)))
    elif not male and age > 50:
        thinning = float(rng.uniform(-0.25, 0.15))
    color = palette.hair(word, rng)
    if word == "gray":  # from pepper and salt to silver
        graying = float(rng.uniform(0.3, 0.95))
        dark = 0.3 + 0.7 * graying
        color = (dark * color[0], dark * color[1], dark * color[2])
    return Hair(
        style=style,
        color=color,
        gray=1.0 if word == "white" else graying,
        root_darkening=float(rng.uniform(0.1, 0.5)),
        waviness=float(np.clip(waves, 0.0, 1.0)),
        length=float(np.clip(np.exp(rng.normal(0.0, 0.22)), 0.62, 1.5)),
        volume=float(np.clip(np.exp(rng.normal(0.0, 0.14)), 0.72, 1.35)),
        parting=float(rng.choice([-1.0, 1.0]) * rng.uniform(0.35, 0.9))
        if style == "side part" or rng.random() < 0.5
        else float(rng.normal(0.0, 0.1)),
        thinning=min(thinning, 0.3 * thinning)
        if style in ("afro", "bun", "ponytail", "bob", "long")
        else thinning,
        fringe=float(rng.uniform(0.5, 1.0))
        if rng.random() < (0.45 if age < 10 else 0.12 if male else 0.3)
        else 0.0,
        arrangement=_arrangement(words, rng),
    )


def _arrangement(words: Mapping[str, Any], rng: np.random.Generator) -> Arrangement:
    """How hair of this style is worn by such a person; `loose` where it is too short to be tied."""
    age, male, hat = float(words["age"]), words["sex"] == "male", words["headwear"] != "none"
    child, young = age < attributes.ADULT, age < 35
    odds: dict[Arrangement, float] = {"loose": 1.0}
    if words["hair"] == "long" and male:
        odds = {"loose": 75.0, "half up": 0.0 if hat else 15.0, "plait": 10.0}
    elif words["hair"] == "long":
        odds = {"loose": 52.0, "half up": 0.0 if hat else 16.0, "plait": 18.0}
        odds["two plaits"] = 30.0 if child else 14.0 if young else 4.0
    elif words["hair"] == "ponytail":
        odds = {"tail": 64.0, "plait": 10.0 if male else 24.0}
        odds["two tails"] = 0.0 if male else 40.0 if child else 8.0 if young else 0.0
    elif words["hair"] == "bun":
        odds = {"knot": 50.0, "coil": 40.0}
        odds["two knots"] = 0.0 if male or hat else 20.0 if young else 0.0
    names, weights = list(odds), np.array(list(odds.values()))
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def _beard(words: Mapping[str, Any], rng: np.random.Generator) -> Beard:
    style, age = words["beard"], float(words["age"])
    lengths = {"none": (0.0, 0.0), "stubble": (0.0006, 0.002), "moustache": (0.005, 0.010)}
    lengths |= {"goatee": (0.006, 0.018), "full beard": (0.008, 0.035)}
    word = words["beard_color"]
    graying = float(rng.uniform(0.0, 1.0)) * max(0.0, min(0.7, (age - 30) / 45))
    return Beard(
        style=style,
        color=palette.hair(word, rng),
        gray={"gray": 0.8, "white": 1.0}.get(word, graying),
        length=float(rng.uniform(*lengths[style])),
        density=float(rng.uniform(0.65, 1.0)),
    )


def _headwear(words: Mapping[str, Any], rng: np.random.Generator) -> Headwear:
    return Headwear(
        kind=words["headwear"],
        color=palette.cloth(words["headwear_color"], rng),
        accent=palette.cloth(str(rng.choice(attributes.COLOR)), rng),
        tilt=(float(rng.normal(2.0, 4.0)), float(rng.normal(0.0, 3.0))),
    )


def _glasses(words: Mapping[str, Any], rng: np.random.Generator) -> Glasses:
    kind = words["glasses"]
    shapes: list[GlassesShape] = ["round", "rectangle", "oval", "cat-eye", "aviator"]
    odds = [0.25, 0.35, 0.2, 0.1 if words["sex"] == "female" else 0.0, 0.1]
    dark = kind == "sunglasses"
    return Glasses(
        kind=kind,
        shape=shapes[int(rng.choice(5, p=np.array(odds) / sum(odds)))],
        frame=palette.frame(rng),
        frame_width=float(rng.uniform(0.0012, 0.0045)),
        tint=palette.lens(rng) if dark else (0.9, 0.92, 0.9),
        opacity=float(rng.uniform(0.72, 0.95)) if dark else float(rng.uniform(0.02, 0.08)),
        size=float(rng.normal(1.1 if dark else 1.0, 0.06)),
    )


_NECKLINES: dict[str, tuple[Neckline, ...]] = {
    "t-shirt": ("crew", "crew", "v"),
    "shirt": ("collar",),
    "sweater": ("crew", "v", "high"),
    "hoodie": ("hood",),
    "jacket": ("collar", "high"),
    "tank top": ("scoop",),
    "dress": ("scoop", "v", "crew"),
}


def _clothes(words: Mapping[str, Any], rng: np.random.Generator) -> Clothes:
    kind, male = words["clothes"], words["sex"] == "male"
    adult = float(words["age"]) >= attributes.ADULT
    sleeves = {"t-shirt": (0.22, 0.4), "tank top": (0.0, 0.0), "dress": (0.0, 0.45)}
    sleeve = 0.3 if kind == "shirt" and rng.random() < 0.3 else None
    patterned = {"shirt": 0.5, "dress": 0.45, "t-shirt": 0.3, "sweater": 0.35}.get(kind, 0.1)
    patterns: tuple[Pattern, ...] = ("stripes", "checks", "dots")
    bottoms: tuple[Bottom, ...] = (
        ("trousers", "jeans", "shorts") if male else ("trousers", "jeans", "skirt", "shorts")
    )
    odds = np.array([0.42, 0.4, 0.18] if male else [0.36, 0.34, 0.2, 0.1])
    if not adult:
        odds[-1] += 0.25
    bottom: Bottom = bottoms[int(rng.choice(len(bottoms), p=odds / odds.sum()))]
    return Clothes(
        kind=kind,
        neckline=_NECKLINES[kind][int(rng.integers(len(_NECKLINES[kind])))],
        sleeve=sleeve or float(rng.uniform(*sleeves.get(kind, (0.92, 1.0)))),
        color=palette.cloth(words["clothes_color"], rng),
        second=palette.cloth(str(rng.choice(attributes.COLOR)), rng),
        pattern=patterns[int(rng.integers(3))] if rng.random() < patterned else "plain",
        pattern_size=float(np.exp(rng.uniform(np.log(0.008), np.log(0.07)))),
        looseness=float(rng.uniform(0.1, 0.9)),
        length=float(rng.uniform(0.3, 1.0)),
        bottom="none" if kind == "dress" else bottom,
        bottom_color=palette.bottom(bottom, rng),
        shoes=palette.shoes(rng),
    )
