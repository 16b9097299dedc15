"""The numbers of the hair styles, and how one person's differ from them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headkit.render.wardrobe.hair_ties import tied_whole
from headkit.render.wardrobe.ribbons import Lock
from headkit.render.wardrobe.scalp import pole_frame
from headkit.render.wardrobe.strands import Comb, Growth
from headkit.render.wardrobe.wearer import Wearer


@dataclass(frozen=True)
class Style:
    """The numbers of a hair style, for an adult of mean size; metres.

    top, side      length of locks on top of the head and low at its sides
    thickness      height of the outermost lock above the scalp
    count          locks at full detail
    gather         how far neighbouring locks run together towards their tips, 0 to 1
    lift           0 locks start along the scalp .. 1 straight out of it
    """

    growth: Growth
    lock: Lock
    top: float
    side: float
    thickness: float
    count: int
    lift: float
    gather: float = 0.3


STYLES: dict[str, Style] = {
    "buzz": Style(Growth(Comb.WHORL, 2, 1, 0.8, 0.0), Lock(0.0015, 3, 0.05, 0.8, 1.0, twist=0.4, round=0.3), 0.0060, 0.0042, 0.002, 4200, 0.22, 0.0),
    "short": Style(Growth(Comb.WHORL, 4, 1, 0.55, 0.15), Lock(0.0040, 5, 0.08, 0.92, 1.2, 0.75, twist=0.2, round=0.35, whole=True), 0.032, 0.013, 0.009, 2300, 0.30, 0.35),
    "side part": Style(Growth(Comb.PARTED, 6, 1, 0.5, 0.35, backward=0.45), Lock(0.006, 7, 0.08, 0.85, 1.4, 0.7, twist=0.2, round=0.4, whole=True), 0.075, 0.020, 0.016, 1900, 0.38, 0.35),
    "slicked back": Style(Growth(Comb.BACK, 7, 1, 0.4, 0.1), Lock(0.005, 7, 0.08, 0.85, 1.5, 0.8, twist=0.2, round=0.4, whole=True), 0.095, 0.040, 0.010, 1500, 0.25),
    "curly": Style(Growth(Comb.WHORL, 17, 1, 0.75, 0.55, curl=0.0052, wave=0.022), Lock(0.0075, 7, 0.06, 0.5, 2.0, twist=0.6, whole=True), 0.066, 0.050, 0.032, 950, 0.55, 0.0),
    "bob": Style(Growth(Comb.PARTED, 12, 2, 0.5, 0.9, backward=0.35), Lock(0.008, 7, 0.06, 0.92, 3.2, 0.6, twist=0.12), 0.30, 0.17, 0.019, 1100, 0.25, 0.35),
    "long": Style(Growth(Comb.PARTED, 18, 2, 0.5, 0.9, backward=0.4), Lock(0.009, 8, 0.06, 0.95, 2.6, 0.65, twist=0.12), 0.46, 0.40, 0.019, 1000, 0.25, 0.35),
    "ponytail": Style(Growth(Comb.TIED, 9, 1, 0.3, 0.0), Lock(0.008, 7, 0.1, 0.35), 0.26, 0.20, 0.007, 1000, 0.2),
    "bun": Style(Growth(Comb.TIED, 9, 1, 0.3, 0.0), Lock(0.008, 7, 0.1, 0.35), 0.26, 0.20, 0.007, 1000, 0.2),
}  # fmt: skip


AFRO = Style(
    Growth(Comb.WHORL, 8, 1, 1.0, 0.0, curl=0.0035, wave=0.010),
    Lock(0.0056, 5, 0.1, 0.65, twist=1.5, whole=True),
    0.020,
    0.012,
    0.048,
    1700,
    0.9,
)


def styled(wearer: Wearer) -> Style:
    """The numbers of this person's style: waves, length, volume and fineness by age and detail."""
    look, age = wearer.look.hair, wearer.look.age
    word = "ponytail" if tied_whole(look) else look.style
    style = AFRO if word == "afro" else STYLES[word]
    growth = style.growth
    if growth.curl == 0 and word in ("bob", "long"):
        rng = wearer.rng("waves")  # no straight hair is ruled
        curl, wave = float(rng.uniform(0.002, 0.006)), float(rng.uniform(0.11, 0.22))
        if look.waviness > 0.2:
            curl = 0.003 + 0.014 * (look.waviness - 0.15) * float(rng.uniform(0.6, 1.3))
            wave = 0.115 - 0.06 * look.waviness
        growth = replace(growth, curl=curl, wave=wave)
        style = replace(style, gather=float(rng.uniform(0.35, 0.75)))
    elif word == "ponytail":  # of the tail: on the head it lies flat
        growth = replace(growth, curl=0.011 * max(0.0, look.waviness - 0.15), wave=0.07)
    if word == "curly":  # from loose curls to tight ones
        tight = float(wearer.rng("curls").uniform(-1.0, 1.0))
        growth = replace(growth, curl=growth.curl * 1.35**-tight, wave=growth.wave * 1.7**-tight)
        # From cropped to a mane, and from flat to wide.
        long, full = np.exp(wearer.rng("mane").uniform((-0.3, -0.3), (0.3, 0.2))).tolist()
        style = replace(
            style, top=style.top * long, side=style.side * long, thickness=style.thickness * full
        )
    if growth.comb == Comb.PARTED:
        growth = replace(growth, parting=0.035 * look.parting)
    if growth.comb == Comb.WHORL:  # some turn left, most turn right, and not all sit in the middle
        rng = wearer.rng("whorl")
        pole = pole_frame()[:, 1] + rng.normal(0.0, (0.16, 0.0, 0.10))
        pole /= np.linalg.norm(pole)
        turn = float(rng.uniform(0.2, 0.9) * rng.choice((-1.0, 1.0), p=(0.2, 0.8)))
        growth = replace(
            growth, backward=turn, whorl=(float(pole[0]), float(pole[1]), float(pole[2]))
        )
    fine = 0.55 + 0.45 * min(1.0, age / 4)  # babies
    short = 1.0 - 0.7 * max(0.0, look.thinning - 0.3)  # a ring of hair is cut short
    near = float(np.clip(wearer.detail / 220, 0.12, 1.35))
    width = style.lock.width * near**-0.6
    pixel = 0.25 / wearer.detail  # metres
    seen = width * (
        1.0 - 0.5 * style.lock.taper
    )  # strands that are much thinner than pixels are dots
    return replace(
        style,
        growth=replace(
            growth, segments=growth.segments if near > 0.4 else max(3, growth.segments // 2)
        ),
        # strands of a hair's look: as thin as the picture can show
        lock=replace(
            style.lock, width=width, strands=int(np.clip(seen / max(0.0004, 0.55 * pixel), 2, 20))
        ),
        top=style.top * look.length * fine * short,
        side=style.side * look.length * fine * short,
        thickness=style.thickness * look.volume * fine * short,
        count=int(style.count * near * (0.6 + 0.4 * fine)),
    )
