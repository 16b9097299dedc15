"""Hair that leaves the head: the tail behind a tie, a bun, an afro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headkit.render.surface import Surface
from headkit.render.wardrobe import strands
from headkit.render.wardrobe.hair_styles import Style
from headkit.render.wardrobe.hair_surfaces import Locks, ball
from headkit.render.wardrobe.obstacles import NO_OBSTACLES, Obstacles
from headkit.render.wardrobe.scalp import Scalp, radius_towards
from headkit.render.wardrobe.strands import Comb, Roots
from headkit.render.wardrobe.tailoring import Floats, unit
from headkit.render.wardrobe.wearer import Wearer


def gravity(wearer: Wearer) -> Floats:
    """Down (camera +y) in the rest frame of the head."""
    return (wearer.bones["head"][:, :3].T @ np.array([0.0, 1.0, 0.0])).astype(np.float32)


def tie_point(scalp: Scalp, wearer: Wearer) -> Floats:
    """Where a ponytail or bun is bound, just off the scalp."""
    rng = wearer.rng("tie")
    low, high = (-0.25, 1.1) if wearer.look.hair.style == "ponytail" else (-0.25, 1.7)
    if wearer.look.headwear.kind != "none":
        low, high = -0.30, -0.15  # below the edge of a hat
    up = float(rng.uniform(low, high))
    direction = unit(np.array([0.0, up, -1.0], np.float32))
    radius = float(radius_towards(scalp, direction[None])[0])
    return scalp.center + direction * (radius + 0.010 * scalp.scale)


def tied(
    scalp: Scalp, wearer: Wearer, style: Style, obstacles: Obstacles
) -> tuple[list[Locks], list[Surface]]:
    """The tail behind a tie, or a bun, with its tie."""
    rng, size, look = wearer.rng("tail"), scalp.scale, wearer.look.hair
    tie = tie_point(scalp, wearer)
    out = unit(tie - scalp.center)
    count = max(24, style.count // 6)
    if look.style == "ponytail":
        return [_tail(scalp, wearer, style, obstacles)], [
            ball(tie, 0.011 * size, wearer, (0.6, 1.0), scalp.grid.origin)
        ]
    radius = 0.030 * size * look.volume * rng.uniform(0.75, 1.3)
    middle = tie + out * radius * 0.75
    count = max(40, style.count // 5)
    t = np.linspace(0, 1, 11)
    axis = unit((out + rng.normal(0, 0.25, 3)).astype(np.float32))
    one = unit(np.cross(axis, [0.3, 1.0, 0.1]).astype(np.float32))
    two = np.cross(axis, one)
    start, bend = rng.uniform(0, 2 * np.pi, count), rng.uniform(-1.0, 1.0, count)
    angle = start[:, None] + t * rng.uniform(1.0, 2.2, count)[:, None]
    polar = bend[:, None] * (1.15 - 0.25 * t) + 0.15 * np.sin(3 * angle)
    sphere = (
        np.cos(polar)[..., None] * (np.cos(angle)[..., None] * one + np.sin(angle)[..., None] * two)
        + np.sin(polar)[..., None] * axis
    ).astype(np.float32)
    layers = rng.random(count).astype(np.float32)
    line = middle + sphere * (radius * (0.94 + 0.10 * layers))[:, None, None]
    roots = Roots(
        line[:, 0].astype(np.float32), sphere[:, 0], np.full(count, 0.1, np.float32), layers, layers,
        rng.random(count).astype(np.float32),
        np.tile(scalp.grid.absolute(np.zeros((1, 3), np.float32)), (count, 1)),
            np.zeros(count, np.float32),
    )  # fmt: skip
    lock = replace(style.lock, width=0.010 * size, strands=9, tip=0.4, twist=0.1)
    return [Locks(roots, line.astype(np.float32), sphere, lock)], [
        ball(middle, radius * 0.93, wearer, (1.0, 1.0), scalp.grid.origin)
    ]


def _tail(scalp: Scalp, wearer: Wearer, style: Style, obstacles: Obstacles) -> Locks:
    """The tail behind a tie: locks about one grown line, so that no obstacle parts them."""
    rng, size, look = wearer.rng("tail"), scalp.scale, wearer.look.hair
    tie = tie_point(scalp, wearer)
    out = unit(tie - scalp.center)
    count = max(40, style.count // 5)
    origin = scalp.grid.absolute(np.zeros((1, 3), np.float32))
    thick = 0.019 * size * min(1.3, look.volume) * float(rng.uniform(0.75, 1.25))
    length = 0.28 * size * look.length * float(rng.uniform(0.7, 1.4))

    def rooted(places: Floats, lengths: Floats, offsets: Floats) -> Roots:
        one = len(places)
        return Roots(
            places.astype(np.float32),
            np.tile(unit((out + np.array([0.0, 0.25, 0.0])).astype(np.float32)), (one, 1)),
            lengths.astype(np.float32),
            offsets.astype(np.float32),
            rng.random(one).astype(np.float32),
            rng.random(one).astype(np.float32),
            np.tile(origin, (one, 1)),
            np.zeros(one, np.float32),
        )

    growth = replace(
        style.growth, comb=Comb.DOWN, segments=14, substeps=2, stiffness=0.75, hang=1.0, curl=0.0
    )
    middle, outside = strands.grow(
        rooted((tie + 0.004 * size * out)[None], np.full(1, length), np.full(1, 0.024 * size, np.float32)),
        growth, scalp.radius, scalp.center, size, obstacles, gravity(wearer),
    )  # fmt: skip
    roots = rooted(
        np.tile(tie, (count, 1)), np.full(count, 0.2), np.zeros(count, np.float32)
    ).ordered()
    # Where in the tail each lock lies, and how far down it reaches.
    bundle = rng.integers(0, 12, count).astype(np.int32)
    turn = bundle * (2.0 * np.pi / 12) + rng.normal(0.0, 0.3, count)
    rim = np.sqrt(rng.random(12))[bundle] * rng.uniform(0.7, 1.1, count)
    reach = rng.uniform(0.66, 1.0, count)
    t = np.linspace(0.0, 1.0, growth.segments + 1)
    at = reach[:, None] * t * growth.segments
    line, outward = _along(middle[0], at), unit(_along(outside[0], at).reshape(-1, 3))
    outward = outward.reshape(line.shape)
    way = unit(np.gradient(line, axis=1).reshape(-1, 3).astype(np.float32)).reshape(line.shape)
    across = unit(np.cross(way, outward).reshape(-1, 3).astype(np.float32)).reshape(line.shape)
    width = (
        thick * (0.40 + 0.85 * np.minimum(1.0, t / 0.55)) * (1.0 - 0.5 * np.maximum(0.0, t - 0.6))
    )
    angle = turn[:, None] + 0.5 * np.sin(2.5 * t + 6.0 * roots.phases[:, None])
    side = (rim[:, None] * width * np.cos(angle))[..., None]
    depth = (0.8 * rim[:, None] * width * np.sin(angle))[..., None]
    # The locks of the rim face outwards all around.
    round_about = outward * (0.3 + depth / thick) + across * (side / thick)
    line = (line + side * across + depth * outward).astype(np.float32)
    facing = unit(round_about.reshape(-1, 3).astype(np.float32)).reshape(line.shape)
    lock = replace(style.lock, width=0.009, strands=9, tip=0.5, curve=4.0, taper=0.6)
    return Locks(roots, line, facing, lock, bundle)


def _along(line: Floats, at: NDArray[np.float64]) -> Floats:
    """Points (..., 3) of a line (S + 1, 3) at fractional indices."""
    first = np.minimum(at.astype(np.int64), len(line) - 2)
    share = (at - first)[..., None]
    return (line[first] * (1.0 - share) + line[first + 1] * share).astype(np.float32)


def afro(scalp: Scalp, wearer: Wearer, style: Style, roots: Roots, free: Floats) -> Locks:
    """Small coils that stand on the base shell, all around; `free` (N,) is 0 where a hat presses them."""
    rng = wearer.rng("afro")
    count = len(roots.places)
    out = unit(roots.places - scalp.center)
    lengths = (0.22 * style.thickness + style.side * rng.uniform(0.3, 1.0, count)) * scalp.scale
    rise = np.clip(0.35 + roots.offsets / (0.3 * style.thickness * scalp.scale), 0.35, 1.0)
    free = free * (1.0 - 0.85 * roots.thin)  # at the hairline coils start on the skin
    height = style.thickness * scalp.scale * (0.68 + 0.2 * roots.layers) * rise * free
    start = roots.places + out * height[:, None]
    roots = replace(
        roots,
        places=start.astype(np.float32),
        directions=unit((out + rng.normal(0, 0.35, (count, 3))).astype(np.float32)),
        lengths=(lengths * (0.3 + 0.7 * free)).astype(np.float32),
    ).ordered()
    growth = replace(style.growth, comb=Comb.DOWN, stiffness=1.0)
    line, outward = strands.grow(
        roots,
        growth,
        scalp.radius,
        scalp.center,
        scalp.scale,
        NO_OBSTACLES,
        gravity(wearer),
    )
    return Locks(roots, line, outward, style.lock)
