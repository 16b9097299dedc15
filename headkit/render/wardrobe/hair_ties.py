"""Where hair is tied: behind the head, at both its sides, or only the upper half of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headkit.render.look import Hair
from headkit.render.wardrobe.scalp import CENTER, Scalp, radius_towards
from headkit.render.wardrobe.tailoring import Floats, unit
from headkit.render.wardrobe.wearer import Wearer

# How high a tie sits behind the head: lowest and highest, metres up per metre back from its middle.
_UP: dict[str, tuple[float, float]] = {
    "half up": (0.35, 0.95),
    "tail": (-0.25, 1.1),
    "plait": (-0.28, 0.55),
    "knot": (-0.25, 1.7),
    "coil": (-0.25, 1.0),
    "two tails": (-0.5, 0.7),
    "two plaits": (-0.62, -0.25),
    "two knots": (0.8, 1.3),
}
_BESIDE = {"two tails": 1.3, "two plaits": 1.1, "two knots": 0.9}  # metres aside per metre back
_ASIDE = 0.2  # share of single ties that sit beside the middle


@dataclass(frozen=True)
class Tie:
    """A tie: its place (3,) just off the scalp and the way out there, rest frame.

    side  of the head whose hair it holds: 1 the left, -1 the right, 0 all that is tied
    """

    place: Floats
    out: Floats
    side: int


def tied_whole(look: Hair) -> bool:
    """Whether all of the hair is tied."""
    return look.arrangement not in ("loose", "half up")


def ties(scalp: Scalp, wearer: Wearer) -> list[Tie]:
    """The ties of this person's hair; none where it hangs loose."""
    kind = wearer.look.hair.arrangement
    if kind == "loose":
        return []
    rng = wearer.rng("tie")
    low, high = _UP[kind]
    if wearer.look.headwear.kind != "none":  # below the edge of a hat
        low, high = (-0.62, -0.4) if kind in _BESIDE else (-0.30, -0.15)
    up, aside = float(rng.uniform(low, high)), float(rng.normal(0.0, 0.05))
    if rng.random() < _ASIDE and kind != "half up":
        aside = float(rng.choice((-1.0, 1.0)) * rng.uniform(0.25, 0.8))
    if kind not in _BESIDE:
        return [_tie(scalp, (aside, up, -1.0), 0)]
    beside = _BESIDE[kind]
    return [_tie(scalp, (side * beside, up, -1.0), side) for side in (1, -1)]


def _tie(scalp: Scalp, direction: tuple[float, float, float], side: int) -> Tie:
    out = unit(np.array(direction, np.float32))
    radius = float(radius_towards(scalp, out[None])[0])
    return Tie(scalp.center + out * (radius + 0.010 * scalp.scale), out, side)


def upper_half(template: Floats, tie: Tie, scalp: Scalp) -> NDArray[np.bool_]:
    """Which roots (N, 3), head coordinates, a tie of the upper half takes: those above temples and tie."""
    place = (tie.place - scalp.center) / scalp.scale + CENTER
    back = np.clip((0.06 - template[:, 2]) / (0.06 - place[2]), 0.0, 1.0)
    return template[:, 1] > 0.046 + back * (place[1] - 0.022 - 0.046)


def lengths_to(places: Floats, scalp: Scalp, tie: Floats) -> Floats:
    """Lengths (N,) along the skull from places (N, 3) to a tie."""
    q, t = places - scalp.center, tie - scalp.center
    angle = np.arccos(np.clip(unit(q) @ unit(t.astype(np.float32)), -1.0, 1.0))
    return (np.linalg.norm(q, axis=1) * angle * 1.06 + 0.004).astype(np.float32)


def bound(line: Floats, tie: Floats) -> Floats:
    """Lines (N, S + 1, 3) that end where they are nearest to the tie: none comes out beyond it."""
    end = np.linalg.norm(line - tie, axis=2).argmin(axis=1)
    kept = np.minimum(np.arange(line.shape[1])[None], end[:, None])
    return np.take_along_axis(line, kept[..., None], axis=1)
