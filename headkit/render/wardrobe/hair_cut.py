"""How one person's hair is cut: where long hair ends, and what falls over the forehead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headkit.render.wardrobe.hair_styles import Style
from headkit.render.wardrobe.scalp import Scalp
from headkit.render.wardrobe.strands import Roots
from headkit.render.wardrobe.tailoring import Floats, unit
from headkit.render.wardrobe.wearer import Wearer

_FRINGE_LOCKS = 280  # of a head of 220 pixels or more


def cut(scalp: Scalp, wearer: Wearer, style: Style) -> Style:
    """The style as this person's is cut: at a height, ragged, in layers, round or to a point; long hair only."""
    look, size, rng = wearer.look.hair, scalp.scale, wearer.rng("cut")
    if look.style not in ("bob", "long"):
        return style
    long = look.style == "long"
    below = (0.30 if long else 0.10) * look.length * float(rng.uniform(0.65, 1.3))
    behind = rng.random()
    growth = replace(
        style.growth,
        cut=float(scalp.center[1] - (0.03 + below) * size),
        ragged=float(rng.uniform(0.012, 0.04) if long else rng.uniform(0.005, 0.018)),
        sides=float(rng.uniform(-0.02, 0.14) if long else rng.uniform(-0.02, 0.05)),
        layered=float(max(0.0, rng.uniform(-0.08, 0.16))) if long else 0.0,
        front=0.2 if behind < 0.65 else float(rng.uniform(-0.03, 0.0)),
        backward=float(rng.uniform(0.8, 1.4)) if behind < 0.65 else style.growth.backward,
    )
    return replace(style, growth=growth)


def lengths_to_cut(roots: Roots, scalp: Scalp, cut: float) -> Floats:
    """Lengths that reach the height `cut`: along the skull to its widest, then straight down."""
    q = roots.places - scalp.center
    distance = np.linalg.norm(q, axis=1)
    over = distance * np.arcsin(np.clip(q[:, 1] / distance, 0.0, 1.0)) * 1.12
    drop = np.minimum(q[:, 1], 0.0) + scalp.center[1] - cut
    return np.maximum((over + drop) * (1.28 + 0.04 * roots.phases), 0.02).astype(np.float32)


def in_fringe(roots: Roots, scalp: Scalp, fringe: float) -> NDArray[np.bool_]:
    """Roots above the forehead whose locks fall forward."""
    x, y, z = (roots.places - scalp.center).T / scalp.scale
    return (z > 0.035) & (np.abs(x) < 0.058) & (y > 0.03) & (fringe > 0.05)


def falling(roots: Roots, scalp: Scalp, wearer: Wearer) -> Roots:
    """The locks of a fringe: more than grow there, or the forehead would show as stripes; close to it."""
    size, rng, fringe = scalp.scale, wearer.rng("fringe"), wearer.look.hair.fringe
    count = len(roots.places)
    wanted = _FRINGE_LOCKS * min(1.0, wearer.detail / 220)
    times = int(np.clip(round(wanted / count), 1, 5))
    more = Roots(
        *(np.concatenate([getattr(roots, name)] * times) for name in roots.__dataclass_fields__)
    )
    places = more.places.copy()
    shape = (count * (times - 1), 3)
    away = unit(places[count:] - scalp.center)
    shift = 0.004 * size * rng.normal(0.0, 1.0, shape)
    shift -= (shift * away).sum(
        axis=1, keepdims=True
    ) * away  # along the scalp: none starts above it
    places[count:] += shift.astype(np.float32)
    thin = np.maximum(more.thin, 0.6)  # they fade in under what is combed over them
    drop = np.clip(places[:, 1] - scalp.center[1] + 0.010 * size, 0.02, 0.2)
    forward = np.array([0.0, -0.4, 0.6], np.float32) - 0.25 * more.directions
    phases = (more.phases + np.repeat(np.arange(times) / times, count)) % 1.0
    reach = drop * (0.55 + 0.32 * fringe) * (0.85 + 0.25 * phases)
    beside = np.abs(places[:, 0] - scalp.center[0]) / (0.058 * size)
    reach *= 1.0 + 0.3 * beside**2  # it runs out into the hair beside the face
    return replace(
        more,
        places=places,
        thin=thin,
        phases=phases.astype(np.float32),
        directions=unit(forward.astype(np.float32)),
        lengths=reach.astype(np.float32),
        offsets=np.maximum(0.8 * more.offsets, 0.004 * size),  # clear of the forehead
    )
